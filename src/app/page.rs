//! The request for the page, and the data it arrives with.

mod address;
mod initial;
mod refusal;
#[cfg(feature = "ssr")]
mod typed;
mod viewer;

pub(crate) use self::initial::{ELEMENT, FIRST};
#[cfg(feature = "ssr")]
pub use self::typed::TypedForm;
pub use self::{
    address::Address,
    initial::{Initial, Snapshot},
    refusal::Refusal,
    viewer::Viewer,
};
