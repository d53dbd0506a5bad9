//! The dashboard: one page, rendered on the server and taken over by the browser; and the pages beside it.
//!
//! From the inside out:
//!
//! - `text` writes links, times and URLs. `page` is what the page is asked for ([`Address`]), who looks at it
//!   ([`Viewer`]), and what it arrives with ([`Initial`]): the server makes that, and the browser reads it from the
//!   document, so that both render the same.
//! - [`server_fns`] is what the page asks the server, `browser` what it asks of the browser, and `live` its connection.
//! - `board` is what the page knows while it is open, and how clicks and changes alter that.
//! - `components` is what is seen, and [`App`] puts them together. [`pages`] has the documents around them.
//!
//! Nothing here knows a rule: the service decides. What is here is how it looks, and how it stays
//! calm while the answers are under way.

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

#[cfg(feature = "ssr")]
pub use self::pages::{
    LoginPage, Mails, NotKept, OtherPages, PageAssets, Unsubscription, login_page, shell, unsubscribe_page,
};
#[cfg(feature = "ssr")]
pub(crate) use self::server_fns::fields_of;
#[cfg(feature = "ssr")]
pub(crate) use self::text::percent::{
    decode as percent_decoded, encode as percent_encoded, is_text as is_percent_encoded_text, pairs as percent_pairs,
};
pub use self::{
    dashboard::App,
    page::{Address, Initial, Refusal, Snapshot, Viewer},
};
