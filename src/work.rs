//! Tests that the work of a function is proportional to the length of its text.
//!
//! Work is measured by time and not by counting steps, because most steps are taken in library functions: searching,
//! splitting, normalising. The limit is far above the time of one pass over a text in a test build, and far below that
//! of reading it again from every position, so that the load of the machine does not matter.

use std::time::{Duration, Instant};

use proptest::prelude::*;

/// The length of the texts: longer than any content, so that quadratic work shows, but still ends.
const BYTES: usize = 64 * 1024;
const EACH_BYTE: Duration = Duration::from_micros(16);

/// Strings that functions which walk a text treat specially.
const PIECES: [&str; 30] = [
    "http",
    "http://",
    "https://a",
    "http://)",
    "http://[",
    ")",
    "(",
    "]",
    "}",
    ".",
    "…",
    "<",
    " ",
    "\n",
    "\u{200b}",
    "\u{301}",
    "\u{323}",
    "e\u{301}",
    "é",
    "ß",
    "Σ",
    "\u{1100}\u{1161}",
    "\u{fdfa}",
    "🔔",
    "👩\u{200d}",
    "%",
    "%4",
    "&=",
    "\\",
    "\"",
];

/// Long texts of a few pieces, repeated: one pattern, and then another.
pub(crate) fn texts() -> impl Strategy<Value = String> {
    let pattern =
        || proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..5).prop_map(|all| all.concat());
    let half = |pattern: String| pattern.repeat(BYTES / 2 / pattern.len());
    (pattern(), pattern()).prop_map(move |(first, second)| half(first) + &half(second))
}

/// Panics if a function takes too long for the length of its text, in the best of a few runs.
pub(crate) fn is_bounded(text: &str, mut function: impl FnMut(&str)) {
    let allowed = EACH_BYTE * u32::try_from(text.len()).unwrap();
    let mut best = Duration::MAX;
    for _ in 0..4 {
        let started = Instant::now();
        function(text);
        best = best.min(started.elapsed());
        if best <= allowed {
            return;
        }
        if best > 8 * allowed {
            break;
        }
    }
    let start: String = text.chars().take(40).collect();
    panic!("{} bytes took {best:?}: {start:?}…", text.len());
}

/// Defines such a test for one function.
macro_rules! bounded {
    ($name:ident, $function:expr) => {
        proptest::proptest! {
            // A shorter text would be fast enough, so a failing text is not shrunk.
            #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, max_shrink_iters: 0, ..Default::default() })]

            #[test]
            fn $name(text in crate::work::texts()) {
                crate::work::is_bounded(&text, $function);
            }
        }
    };
}
pub(crate) use bounded;
