//! Why an attempt had no answer: a sentence in English, as it is stored and as the API tells it. The pages read it, and say
//! it in the language of their reader.

use std::fmt;

use super::reach::Forbidden;

/// Before the seconds and after them.
const LATE: (&str, &str) = ("it did not answer within ", " seconds");
/// Before the cause.
const LOST: &str = "there was no answer: ";

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer<'a> {
    /// It did not come within so many seconds.
    Late(u64),
    /// The connection could not be made, or broke. The cause is in English: the system or a library names it.
    Lost(&'a str),
    /// The URL leads to an address to which this server does not connect.
    Forbidden,
}

impl fmt::Display for NoAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(seconds) => write!(f, "{}{seconds}{}", LATE.0, LATE.1),
            Self::Lost(cause) => write!(f, "{LOST}{cause}"),
            Self::Forbidden => write!(f, "its URL {Forbidden}"),
        }
    }
}

impl<'a> NoAnswer<'a> {
    /// Reads the detail of an attempt without an answer; `None` where it is another one.
    pub(crate) fn read(detail: &'a str) -> Option<Self> {
        let seconds = detail.strip_prefix(LATE.0).and_then(|rest| rest.strip_suffix(LATE.1));
        let late = seconds.and_then(|seconds| seconds.parse().ok()).map(Self::Late);
        let lost = || detail.strip_prefix(LOST).map(Self::Lost);
        late.or_else(lost).or_else(|| (detail == Self::Forbidden.to_string()).then_some(Self::Forbidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        for why in [NoAnswer::Late(15), NoAnswer::Lost("Connection refused (os error 111)"), NoAnswer::Forbidden] {
            assert_eq!(NoAnswer::read(&why.to_string()), Some(why));
        }
        for other in ["", "it did not answer within a few seconds", "its secret cannot be read", "there was no answer"]
        {
            assert_eq!(NoAnswer::read(other), None, "{other}");
        }
    }
}
