//! The language of a page: the user's choice, else the operator's, else one that the browser asks for.

use super::{LANGUAGES, Language, Pages, Words};

/// The cookie with the user's choice. The script `public/language.js` writes it.
pub(crate) const COOKIE: &str = "campanile-language";

impl Language {
    /// The language with this code, such as `de`.
    #[must_use]
    pub fn of(code: &str) -> Option<&'static Self> {
        LANGUAGES.iter().copied().find(|language| language.code() == code)
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.words.code
    }

    /// Its words for the part of a page that the browser takes over.
    #[must_use]
    pub fn words(&'static self) -> &'static Words {
        &self.words
    }

    /// Its words for what only the server renders.
    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The codes of all languages, for a sentence: `en or de`.
    pub(crate) fn codes() -> String {
        LANGUAGES.iter().map(|language| language.code()).collect::<Vec<_>>().join(" or ")
    }

    /// The language of a page: the one that the user chose, else the one that the operator set, else the best one of
    /// `Accept-Language`, else the first.
    #[must_use]
    pub fn choose(chosen: Option<&str>, set: Option<&'static Self>, accepted: &str) -> &'static Self {
        let first = LANGUAGES.first().copied().unwrap_or(&super::en::LANGUAGE);
        chosen.and_then(Self::of).or(set).or_else(|| Self::accepted(accepted)).unwrap_or(first)
    }

    /// The best language that an `Accept-Language` asks for (RFC 9110, 12.5.4): of those that it has, the one with the
    /// highest weight, and of equal ones the first. `de-AT` asks for `de` (RFC 4647, lookup).
    fn accepted(header: &str) -> Option<&'static Self> {
        let asked = header.split(',').filter_map(|part| {
            let (range, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight = weight.trim().strip_prefix(['q', 'Q']).and_then(|weight| weight.trim().strip_prefix('='));
            let weight = weight.and_then(|weight| weight.trim().parse::<f32>().ok()).filter(|weight| *weight <= 1.0)?;
            let code = range.trim().split('-').next()?.to_ascii_lowercase();
            let language = if code == "*" { LANGUAGES.first().copied() } else { Self::of(&code) };
            language.filter(|_| weight > 0.0).map(|language| (language, weight))
        });
        // Of equal ones, `max_by` would take the last.
        asked
            .fold(None, |best: Option<(&Self, f32)>, next| best.filter(|best| best.1 >= next.1).or(Some(next)))
            .map(|it| it.0)
    }
}
