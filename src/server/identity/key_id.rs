//! The id of a service key.

use std::fmt;

use crate::{model::Invalid, server::hex};

/// The id of a service key, which is not a secret: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u64);

impl KeyId {
    /// The id with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// Reads 16 hexadecimal digits in lower case.
    ///
    /// # Errors
    /// When it is not in that form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("The id of a key is 16 hexadecimal digits, as `campanile key list` shows it.");
        hex::decode(text).map(|bytes| Self(u64::from_be_bytes(bytes))).ok_or_else(wrong)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
