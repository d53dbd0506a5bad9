//! Finds the links in a text.

use super::bidi;

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// An `http://` or `https://` URL, as it stands in the text.
    Url(&'a str),
}

/// Cuts a text into URLs and the text between them. Joined again, the pieces are the text.
///
/// Only `http://` and `https://` count. A URL ends at white space, a quote, an angle bracket, or a character that would
/// turn what is read of it; punctuation at its end belongs to the sentence, and so does a bracket that it did not open.
///
/// A candidate is read to its end only where it certainly is a URL, and then all of it is the URL, but for punctuation
/// at its end: no character is read more than a few times.
pub(crate) fn linkify(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut shown, mut at) = (0, 0);
    while let Some(found) = part(text, at, text.len()).find('h') {
        let start = at + found;
        // Of other letters, some are written without spaces between words.
        let (before, rest) = (part(text, 0, start), part(text, start, text.len()));
        if before.ends_with(|c: char| c.is_ascii_alphanumeric()) || !begins_url(rest) {
            at = start + 1;
            continue;
        }
        if shown < start {
            pieces.push(Piece::Text(part(text, shown, start)));
        }
        at = start + url_length(rest);
        shown = at;
        pieces.push(Piece::Url(part(text, start, at)));
    }
    if shown < text.len() {
        pieces.push(Piece::Text(part(text, shown, text.len())));
    }
    pieces
}

/// The text between two places. To index it would bring along what the standard library says of places that are none: half a
/// kilobyte of what the page loads.
fn part(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// Whether a scheme and the first character of a host stand there.
fn begins_url(text: &str) -> bool {
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    let begins_host = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || c == '[',
        false => !ends_url(c) && !is_of_sentence(c),
    };
    rest.is_some_and(|rest| rest.starts_with(begins_host))
}

/// Whether no URL goes on with this character.
fn ends_url(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || bidi::is_control(c)
        || matches!(c, '<' | '>' | '"' | '`' | '“' | '”' | '«' | '»')
        // No blank follows these in Chinese and Japanese.
        || matches!(c, '、' | '。' | '《'..='】' | '！' | '（' | '）' | '，' | '：' | '；' | '？')
}

/// Whether this belongs to the sentence where it ends a URL.
fn is_of_sentence(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '…' | '*')
}

/// The length of the URL at the start of a text, in bytes, if there is one.
fn url_length(text: &str) -> usize {
    let mut url = part(text, 0, text.find(ends_url).unwrap_or(text.len()));
    // For each kind of bracket, how many more are closed in it than opened. They are counted once, and adjusted as
    // brackets are cut off: counting again at each end would take quadratic time.
    let surplus =
        |open, close| url.bytes().map(|byte| isize::from(byte == close) - isize::from(byte == open)).sum::<isize>();
    let mut closed = [surplus(b'(', b')'), surplus(b'[', b']'), surplus(b'{', b'}')];
    while let Some(last) = url.chars().next_back() {
        let bracket = match last {
            _ if is_of_sentence(last) => None,
            ')' => Some(&mut closed[0]),
            ']' => Some(&mut closed[1]),
            '}' => Some(&mut closed[2]),
            _ => break,
        };
        match bracket {
            Some(surplus) if *surplus > 0 => *surplus -= 1,
            Some(_) => break,
            None => {}
        }
        url = part(url, 0, url.len() - last.len_utf8());
    }
    url.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn urls(text: &str) -> Vec<&str> {
        let only_urls = |piece| match piece {
            Piece::Url(url) => Some(url),
            Piece::Text(_) => None,
        };
        linkify(text).into_iter().filter_map(only_urls).collect()
    }

    #[rstest]
    #[case("see https://a.example/x?y=1#z now", &["https://a.example/x?y=1#z"])]
    #[case("Go to https://a.example.", &["https://a.example"])]
    #[case("(https://a.example/b)", &["https://a.example/b"])]
    #[case("https://en.example/wiki/Bell_(tower)", &["https://en.example/wiki/Bell_(tower)"])]
    #[case("http://a.example,https://b.example", &["http://a.example,https://b.example"])]
    #[case("<https://a.example>", &["https://a.example"])]
    #[case("\"https://a.example\"", &["https://a.example"])]
    #[case("https://münchen.example/ä und https://[::1]:80/", &["https://münchen.example/ä", "https://[::1]:80/"])]
    #[case("javascript:alert(1) data:text/html,x //a.example ftp://a.example www.a.example", &[])]
    #[case("http://", &[])]
    #[case("https:// a", &[])]
    #[case("xhttps://a.example", &[])]
    #[case("请看https://a.example。", &["https://a.example"])]
    #[case("部署https://a.example/部署/42。请检查", &["https://a.example/部署/42"])]
    #[case("（https://a.example/c）「https://b.example/d」", &["https://a.example/c", "https://b.example/d"])]
    #[case("http://… https://。 https://“a”", &[])]
    #[case("httphttp://a.example http https://c.example", &["https://c.example"])]
    #[case("http://...", &[])]
    #[case("https://a.example/\u{202e}gpj.exe", &["https://a.example/"])]
    #[case("https://a.example\u{200f}/b", &["https://a.example"])]
    #[case("https://\u{2067}a.example", &[])]
    fn links_are_found(#[case] text: &str, #[case] want: &[&str]) {
        assert_eq!(urls(text), want);
    }

    #[test]
    fn brackets_that_were_not_opened_are_taken_off_in_one_pass() {
        let text = format!("{}{}", "http://)".repeat(1000), ")".repeat(8000));
        assert_eq!(linkify(&text), [Piece::Text(&text)]);
        let text = format!("http://a/(({}", ")".repeat(14_000));
        assert_eq!(urls(&text), ["http://a/(())"]);
        let text = format!("http://a/(x{}", "]}.)".repeat(3_500));
        assert_eq!(urls(&text), ["http://a/(x]}.)"]);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "(https?://|[a-z.)( <\"é🔔]){0,40}") {
            let together: String = linkify(&text).into_iter().map(|piece| match piece {
                Piece::Text(part) | Piece::Url(part) => part,
            }).collect();
            prop_assert_eq!(together, text);
        }

        #[test]
        fn a_link_is_http_and_has_no_space(text in ".*https?://.*") {
            for url in urls(&text) {
                prop_assert!(url.starts_with("http://") || url.starts_with("https://"));
                prop_assert!(!url.contains(char::is_whitespace));
            }
        }
    }

    crate::work::bounded!(a_text_is_read_in_one_pass, |text| drop(linkify(text)));
}
