//! Why an attempt to sign in was refused, as the address of the sign-in page says it.
//!
//! The form is answered by a redirect, so that neither *Back* nor *Reload* sends it again. Any site can link to the page:
//! the address holds a word and never a sentence, nothing of what was typed, and says it for a minute.

use crate::{
    app::{Language, percent_encoded},
    model::{Code, Problem, Timestamp},
    server::{http::paths::LOGIN, store::KeyOver},
};

/// How long the address of a refusal says it, in microseconds.
const SAID_FOR: i64 = 60_000_000;
/// The longest wait that an address can tell, in seconds.
const LONGEST_WAIT: i64 = 3_600;

/// Why an attempt to sign in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is no key or token that is good here.
    Invalid,
    /// It is a service key that is not good any more.
    Over(KeyOver),
    /// It is a service key without the scope `admin`.
    Scope,
    /// The browser would not keep the cookie.
    Http,
    /// There were too many attempts; how many seconds to wait.
    TooOften(u64),
    /// It cannot be checked now.
    Unavailable,
}

impl Refused {
    const WORDS: [(&str, Self); 6] = [
        ("invalid", Self::Invalid),
        ("expired", Self::Over(KeyOver::Expired)),
        ("revoked", Self::Over(KeyOver::Revoked)),
        ("scope", Self::Scope),
        ("http", Self::Http),
        ("unavailable", Self::Unavailable),
    ];

    /// What the page says.
    pub(super) fn problem(self, language: &Language) -> Problem {
        let of = language.pages();
        let (code, why) = match self {
            Self::Invalid => (Code::Unauthenticated, of.refused_secret),
            Self::Over(KeyOver::Expired) => (Code::Unauthenticated, of.refused_expired),
            Self::Over(KeyOver::Revoked) => (Code::Unauthenticated, of.refused_revoked),
            Self::Scope => (Code::Forbidden, of.refused_scope),
            Self::Http => (Code::Forbidden, of.refused_http),
            // The page says how long to wait.
            Self::TooOften(seconds) => return Problem::too_many("There were too many attempts.", seconds),
            Self::Unavailable => (Code::Unavailable, of.refused_unavailable),
        };
        Problem::new(code, why)
    }

    /// The sign-in page that says it, and leads on to `next`.
    pub(super) fn location(self, next: &str, now: Timestamp) -> String {
        let word = match self {
            Self::TooOften(seconds) => seconds.min(LONGEST_WAIT.unsigned_abs()).to_string(),
            _ => Self::WORDS.iter().find(|(_, refused)| *refused == self).map_or("", |(word, _)| word).to_owned(),
        };
        let next = if next.is_empty() { String::new() } else { format!("next={}&", percent_encoded(next)) };
        format!("{LOGIN}?{next}refused={word}&at={}", now.as_micros() / 1_000_000)
    }

    /// Reads what [`Self::location`] wrote, for as long as it is said; `None` for anything else.
    pub(super) fn read(word: &str, at: &str, now: Timestamp) -> Option<Self> {
        let age = now.as_micros().checked_sub(at.parse::<i64>().ok()?.checked_mul(1_000_000)?)?;
        // The clock of the server that answered the form may be ahead.
        let age = if (-SAID_FOR..0).contains(&age) { 0 } else { age };
        let known = Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, refused)| *refused);
        let (refused, left) = match known {
            Some(refused) => (refused, SAID_FOR.checked_sub(age)?),
            None => {
                let wait = word.parse::<i64>().ok().filter(|wait| *wait <= LONGEST_WAIT)?;
                let left = (wait * 1_000_000).checked_sub(age)?;
                (Self::TooOften(u64::try_from(left).ok()?.div_ceil(1_000_000)), left)
            }
        };
        (age >= 0 && left > 0).then_some(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_micros((1_764_000_000 + seconds) * 1_000_000).unwrap()
    }

    fn read(location: &str, now: Timestamp) -> Option<Refused> {
        let value = |name: &str| location.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)).unwrap();
        Refused::read(value("refused="), value("at="), now)
    }

    #[test]
    fn a_refusal_in_the_address_is_valid_for_a_minute() {
        for (_, refused) in Refused::WORDS {
            let location = refused.location("/where?a=b", after(0));
            assert!(location.starts_with("/login?next=%2Fwhere%3Fa%3Db&refused="), "{location}");
            assert_eq!(read(&location, after(59)), Some(refused));
            assert_eq!(read(&location, after(60)), None);
            assert_eq!(read(&location, after(-2)), Some(refused), "the clocks of two servers differ");
            assert_eq!(read(&location, after(-61)), None);
        }
    }

    #[test]
    fn how_long_to_wait_is_counted_down() {
        let location = Refused::TooOften(90).location("", after(0));
        assert_eq!(location, "/login?refused=90&at=1764000000");
        assert_eq!(read(&location, after(80)), Some(Refused::TooOften(10)));
        assert_eq!(read(&location, after(90)), None);
    }

    #[test]
    fn a_link_of_another_site_says_nothing() {
        for (word, at) in [
            ("Call+555-1234", "1764000000"),
            ("invalid", "now"),
            ("invalid", ""),
            ("", "1764000000"),
            ("-5", "1764000000"),
            ("3601", "1764000000"),
            ("99999999999", "0"),
            ("18446744073709551615", "1764000000"),
            ("5", "-9223372036854775808"),
        ] {
            assert_eq!(Refused::read(word, at, after(1)), None, "{word} {at}");
        }
    }
}
