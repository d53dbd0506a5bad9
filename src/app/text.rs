//! Texts, taken apart and written: links within them, what turns them, times in words, and what stands in a URL. All of
//! it is arithmetic: nothing here knows a page or a browser.

pub(super) mod bidi;
pub(super) mod linkify;
pub(super) mod percent;
pub(super) mod relative_time;
