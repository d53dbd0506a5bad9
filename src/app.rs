//! The dashboard: one page, rendered on the server and taken over by the browser; and the pages beside it.
//!
//! From the inside out:
//!
//! - `words` has the words of each language, and `text` writes links, times and URLs. `page` has the request ([`Address`]), the viewer ([`Viewer`]) and the data
//!   with which the page arrives ([`Initial`]): the server makes that, and the browser reads it from the document, so
//!   that both render the same.
//! - [`server_fns`] are the page's requests to the server, `browser` its calls to the browser, and `live` its
//!   connection.
//! - `board` holds the state of the open page, and how clicks and changes alter it.
//! - `components` render that state, and [`App`] puts them together. [`pages`] has the documents around them.
//!
//! The service decides every rule; nothing here knows one. This code decides how the page looks, and keeps it calm
//! while answers are under way.

mod board;
mod browser;
#[expect(unreachable_pub, reason = "#[component] makes the properties public")]
mod components;
#[expect(unreachable_pub, reason = "#[component] makes the properties public")]
mod dashboard;
mod live;
mod page;
#[cfg(feature = "ssr")]
pub mod pages;
pub mod server_fns;
mod text;
mod words;

#[cfg(feature = "ssr")]
pub(crate) use self::board::may_be_sent;
#[cfg(feature = "ssr")]
pub use self::page::TypedForm;
#[cfg(feature = "ssr")]
pub use self::pages::{
    LoginPage, Mails, NotKept, OtherPages, PageAssets, Unsubscription, login_page, shell, unsubscribe_page,
};
#[cfg(feature = "ssr")]
pub(crate) use self::server_fns::{PATH_OF_SEND, fields_of, how_many};
#[cfg(feature = "ssr")]
pub(crate) use self::text::percent::{
    decode as percent_decoded, encode as percent_encoded, is_text as is_percent_encoded_text, pairs as percent_pairs,
};
#[cfg(feature = "ssr")]
pub(crate) use self::words::LANGUAGE_COOKIE;
#[cfg(feature = "ssr")]
pub use self::words::Language;
pub use self::{
    dashboard::App,
    page::{Address, Initial, Refusal, Snapshot, Viewer},
    words::Words,
};
