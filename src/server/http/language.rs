//! The language of a page, and what the answer says about it.

use axum::http::{HeaderMap, HeaderValue, header};

use super::{cookie::cookie, state::HttpState};
use crate::app::{LANGUAGE_COOKIE, Language, pages::ChosenLanguage};

/// The language of the page that answers a request.
#[derive(Clone, Copy)]
pub(super) struct PageLanguage {
    pub(super) language: &'static Language,
    /// Whether the user has chosen it.
    pub(super) chosen: ChosenLanguage,
}

impl PageLanguage {
    /// The language for these headers of a request.
    pub(super) fn of(state: &HttpState, headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, LANGUAGE_COOKIE).filter(|code| Language::of(code).is_some());
        let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
        let accepted = lines.collect::<Vec<_>>().join(",");
        let language = Language::choose(chosen, state.options().language, &accepted);
        Self { language, chosen: ChosenLanguage(chosen.is_some()) }
    }

    /// Says which language the answer has, and what it depends on.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.language.code()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    }
}
