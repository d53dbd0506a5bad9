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

    /// The language of a page: the one that the user chose, else the one that the operator set, else the best one for
    /// `Accept-Language`.
    #[must_use]
    pub fn choose(chosen: Option<&str>, set: Option<&'static Self>, accepted: &str) -> &'static Self {
        chosen.and_then(Self::of).or(set).unwrap_or_else(|| Self::accepted(accepted))
    }

    /// The best language for an `Accept-Language` (RFC 9110, 12.5.4): of those that it asks for, the one with the highest
    /// weight, and of equal ones the first. `de-AT` asks for `de` (RFC 4647, lookup), `*` for any language that it does
    /// not name, and a weight of 0 excludes a language. If it asks for none, the first that it does not exclude.
    fn accepted(header: &str) -> &'static Self {
        let asked: Vec<_> = header.split(',').filter_map(asked).collect();
        // Once for each language, and not for each part: a header may have thousands.
        let names = |language: &Self| asked.iter().any(|(code, _)| code == language.code());
        let excludes = |language: &Self| asked.iter().any(|(code, weight)| code == language.code() && *weight <= 0.0);
        let other = LANGUAGES.iter().copied().find(|language| !names(language));
        let excluded: Vec<_> =
            LANGUAGES.iter().filter(|language| excludes(language)).map(|language| language.code()).collect();
        let is_excluded = |language: &&Self| excluded.contains(&language.code());
        let mut all = LANGUAGES.iter().copied();
        let found = asked.iter().filter(|(_, weight)| *weight > 0.0).filter_map(|(code, weight)| {
            let language = if code == "*" { other } else { Self::of(code) };
            language.filter(|it| !is_excluded(it)).map(|language| (language, *weight))
        });
        // Of equal ones, `max_by` would take the last.
        let best =
            found.fold(None, |best: Option<(&Self, f32)>, next| best.filter(|best| best.1 >= next.1).or(Some(next)));
        best.map(|(language, _)| language).or_else(|| all.find(|it| !is_excluded(it))).unwrap_or(&super::en::LANGUAGE)
    }
}

/// A part of an `Accept-Language`: the language's code, or `*`, and its weight; `None` where it is not one. That a user
/// excludes a region, such as `de-AT`, does not exclude the language.
fn asked(part: &str) -> Option<(String, f32)> {
    let (range, weight) = part.split_once(';').unwrap_or((part, "q=1"));
    let weight = weight.trim().strip_prefix(['q', 'Q'])?.trim().strip_prefix('=')?.trim().parse::<f32>().ok()?;
    let (code, region) = range.trim().split_once('-').map_or((range.trim(), None), |(code, rest)| (code, Some(rest)));
    let counts = (0.0..=1.0).contains(&weight) && (weight > 0.0 || region.is_none());
    counts.then(|| (code.to_ascii_lowercase(), weight))
}
