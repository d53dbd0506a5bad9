//! Who is calling, and how they prove it.

pub mod key;
pub mod token;
