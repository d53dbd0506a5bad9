//! The request for the page, and the data it arrives with.

mod address;
mod initial;
mod refusal;
mod viewer;

pub(crate) use self::initial::{ELEMENT, FIRST};
pub use self::{
    address::Address,
    initial::{Initial, Snapshot},
    refusal::Refusal,
    viewer::Viewer,
};
