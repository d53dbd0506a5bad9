//! The content of a notification: text with its links, and nothing else interpreted.

use leptos::{either::Either, prelude::*};

use crate::app::text::linkify::{Piece, linkify};

/// The text of a notification, as it was sent.
pub(super) fn content_text(text: &str) -> impl IntoView + use<> {
    linkify(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Either::Left(text.to_owned()),
            // With a direction of its own it is isolated from the text around it.
            Piece::Url(url) => {
                let (href, shown) = (url.to_owned(), url.to_owned());
                Either::Right(view! {
                    <a href=href dir="ltr" target="_blank" rel="noopener noreferrer nofollow">{shown}</a>
                })
            }
        })
        .collect_view()
}

/// The length of a text, in steps: at step `n` the style sheet cuts it to three lines where the list is narrow enough;
/// at 0 never.
///
/// It is an estimate from the number of characters, because the server cannot measure lines; the user can open a cut
/// text, so nothing is lost where the estimate is wrong.
pub(super) fn length_step(text: &str) -> u8 {
    /// Characters in a line: of a phone, and of every list that has room for the whole measure.
    const LINES_OF: [usize; 2] = [40, 72];
    const SHOWN: usize = 3;
    let lines_at = |width: usize| text.lines().map(|line| columns(line).div_ceil(width).max(1)).sum::<usize>();
    LINES_OF.iter().fold(0, |step, width| step + u8::from(lines_at(*width) > SHOWN))
}

/// The width of a line, in Latin letters. Chinese, Japanese, Korean and emoji are twice as wide.
fn columns(line: &str) -> usize {
    line.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("short", 0)]
    #[case("a\nb\nc", 0)]
    #[case("a\nb\nc\nd", 2)]
    #[case(&"x".repeat(120), 0)]
    #[case(&"x".repeat(121), 1)]
    #[case(&"x".repeat(216), 1)]
    #[case(&"x".repeat(217), 2)]
    #[case(&"字".repeat(70), 1)]
    fn the_longer_the_wider_the_list_that_cuts_it(#[case] text: &str, #[case] want: u8) {
        assert_eq!(length_step(text), want);
    }

    crate::work::bounded!(a_length_is_estimated_in_one_pass, |text| {
        let _ = length_step(text);
    });
}
