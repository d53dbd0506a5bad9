//! Percent-encoding as HTML forms do it (WHATWG URL, `application/x-www-form-urlencoded`).
//!
//! Written here because the `url` crate brings tables for internationalised domain names, which the browser would have
//! to download.

/// Makes any text safe as a name or a value in a query.
pub(crate) fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

/// Decodes the output of a form or of [`encode`]. Invalid escapes stand for themselves, and bytes that are not UTF-8
/// become U+FFFD.
pub(crate) fn decode(text: &str) -> String {
    String::from_utf8_lossy(&bytes_of(text)).into_owned()
}

/// Whether the output of [`decode`] is UTF-8.
#[cfg(feature = "ssr")]
pub(crate) fn is_text(text: &str) -> bool {
    std::str::from_utf8(&bytes_of(text)).is_ok()
}

fn bytes_of(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| Some(hex(*bytes.get(at + 1)?)? << 4 | hex(*bytes.get(at + 2)?)?));
        match (byte, escaped.flatten()) {
            (_, Some(value)) => {
                out.push(value);
                at += 2;
            }
            (b'+', None) => out.push(b' '),
            (_, None) => out.push(byte),
        }
        at += 1;
    }
    out
}

/// The names and values of a query, decoded, in order.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_form_writes_is_read() {
        assert_eq!(decode("a+b%2Fc%F0%9F%94%94"), "a b/c🔔");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        let read: Vec<_> = pairs("?a=1=2&&b&c=%26").collect();
        let want = [("a", "1=2"), ("b", ""), ("c", "&")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read, want);
    }

    proptest! {
        #[test]
        fn everything_comes_back(text in ".*") {
            prop_assert_eq!(decode(&encode(&text)), text);
        }

        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = pairs(&text).count();
        }
    }

    crate::work::bounded!(a_query_is_read_in_one_pass, |text| {
        let _ = (encode(text), decode(text), pairs(text).count());
    });
}
