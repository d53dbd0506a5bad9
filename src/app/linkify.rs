//! Finds the links in a text.

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Nothing special.
    Text(&'a str),
    /// An `http://` or `https://` URL, as it stands in the text.
    Url(&'a str),
}

/// Cuts a text into what is a URL and what is not. Put together again, the pieces are the text.
///
/// Only `http://` and `https://` count. A URL ends at white space, a quote or an angle bracket;
/// punctuation at its end belongs to the sentence, and so does a bracket that it did not open.
pub(super) fn linkify(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut shown, mut at) = (0, 0);
    while let Some(found) = text[at..].find("http") {
        let start = at + found;
        let length = url_length(&text[start..]);
        let begins_a_word = !text[..start].ends_with(char::is_alphanumeric);
        if length == 0 || !begins_a_word {
            at = start + "http".len();
            continue;
        }
        if shown < start {
            pieces.push(Piece::Text(&text[shown..start]));
        }
        at = start + length;
        shown = at;
        pieces.push(Piece::Url(&text[start..at]));
    }
    if shown < text.len() {
        pieces.push(Piece::Text(&text[shown..]));
    }
    pieces
}

/// How many bytes of URL the text starts with; 0 when it starts with none.
fn url_length(text: &str) -> usize {
    let Some(scheme) = ["http://", "https://"].into_iter().find(|scheme| text.starts_with(scheme)) else { return 0 };
    let end = text
        .find(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | '“' | '”' | '«' | '»')
        })
        .unwrap_or(text.len());
    let mut url = &text[..end];
    while let Some(last) = url.chars().next_back() {
        let belongs_to_the_sentence = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '…' | '。' | '、' | '，' | '*' => true,
            ')' => url.matches('(').count() < url.matches(')').count(),
            ']' => url.matches('[').count() < url.matches(']').count(),
            '}' => url.matches('{').count() < url.matches('}').count(),
            _ => false,
        };
        if !belongs_to_the_sentence {
            break;
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    let has_host = url[scheme.len().min(url.len())..].starts_with(|c: char| c.is_alphanumeric() || c == '[');
    if has_host { url.len() } else { 0 }
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
    #[case("httphttp://a.example http https://c.example", &["https://c.example"])]
    #[case("http://...", &[])]
    fn links_are_found(#[case] text: &str, #[case] want: &[&str]) {
        assert_eq!(urls(text), want);
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
}
