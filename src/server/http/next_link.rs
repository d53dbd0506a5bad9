//! The link to the next page of a list.

use std::fmt::Display;

/// The same query from another place, as a `Link` (RFC 8288). The client's other parameters stay unchanged.
pub(super) fn next_link(path: &str, query: Option<&str>, next: impl Display) -> String {
    let kept = query.unwrap_or("").split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("before="));
    let before = format!("before={next}");
    let query = kept.chain([before.as_str()]).collect::<Vec<_>>().join("&");
    format!("<{path}?{query}>; rel=\"next\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_keeps_the_query_and_moves_on() {
        assert_eq!(next_link("/api/list", None, 7), "</api/list?before=7>; rel=\"next\"");
        assert_eq!(
            next_link("/api/list", Some("user_id=a%2Fb&before=9&limit=2"), "i7"),
            "</api/list?user_id=a%2Fb&limit=2&before=i7>; rel=\"next\""
        );
    }
}
