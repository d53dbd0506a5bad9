//! Whether a function does work in proportion to the length of a text.
//!
//! Work is measured by time and not by counting steps, because most steps are taken in functions of
//! others: searching, splitting, normalising. What is allowed is far above what a pass over a text
//! takes in a test's build, and far below what reading it again from every place would, so that how
//! busy the machine is decides nothing.

use std::time::{Duration, Instant};

use proptest::prelude::*;

/// How long the texts are: longer than any content, so that a square shows, and ends.
const BYTES: usize = 64 * 1024;
const EACH_BYTE: Duration = Duration::from_micros(16);

/// What functions that walk a text treat in a way of its own.
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

/// Long texts of few pieces, over and over: one pattern, and then another.
pub(crate) fn texts() -> impl Strategy<Value = String> {
    let pattern =
        || proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..5).prop_map(|all| all.concat());
    let half = |pattern: String| pattern.repeat(BYTES / 2 / pattern.len());
    (pattern(), pattern()).prop_map(move |(first, second)| half(first) + &half(second))
}

/// Panics when a function takes longer than its text is long, the best time of a few.
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

/// A test of this for one function.
macro_rules! bounded {
    ($name:ident, $function:expr) => {
        proptest::proptest! {
            // A shorter text would be quick enough: what fails is shown as it is.
            #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, max_shrink_iters: 0, ..Default::default() })]

            #[test]
            fn $name(text in crate::work::texts()) {
                crate::work::is_bounded(&text, $function);
            }
        }
    };
}
pub(crate) use bounded;
