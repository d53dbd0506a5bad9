//! Pads private pages, so that their compressed length reveals nothing.
//!
//! A page holds texts of other users beside private data. When both are compressed together, the length tells an
//! attacker who can send texts, and see lengths on the wire, whether a guess at the rest was right (BREACH). So each
//! answer ends with a random number of meaningless bytes that do not compress, which costs a hundred bytes; sending it
//! uncompressed would cost many times that.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bytes::{BufMut, Bytes, BytesMut};

/// The most random bytes in a padding.
const MOST: usize = 255;

/// The same document with a comment at its end.
pub(super) fn pad_html(document: Bytes) -> Bytes {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    padded(document, b"<!--", b"-->", |byte, out| out.put_u8(LETTERS[usize::from(byte % 64)]))
}

/// The same JSON with white space at its end.
pub(super) fn pad_json(json: Bytes) -> Bytes {
    const SPACES: &[u8; 4] = b" \t\n\r";
    padded(json, b"", b"", |byte, out| {
        for place in [0, 2, 4, 6] {
            out.put_u8(SPACES[usize::from(byte >> place & 3)]);
        }
    })
}

fn padded(bytes: Bytes, before: &[u8], after: &[u8], put: impl Fn(u8, &mut BytesMut)) -> Bytes {
    let mut random = [0; MOST + 1];
    if SystemRandom::new().fill(&mut random).is_err() {
        return bytes;
    }
    let [length, noise @ ..] = random;
    let mut out = BytesMut::with_capacity(bytes.len() + 4 * MOST + 8);
    out.extend_from_slice(&bytes);
    out.extend_from_slice(before);
    noise[..usize::from(length)].iter().for_each(|byte| put(*byte, &mut out));
    out.extend_from_slice(after);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_padding_means_nothing_and_has_another_length_each_time() {
        let lengths = |pad: fn(Bytes) -> Bytes, text: &'static str| -> HashSet<usize> {
            let padded = (0..64).map(|_| pad(Bytes::from_static(text.as_bytes())));
            padded
                .map(|padded| {
                    let padded = String::from_utf8(padded.to_vec()).unwrap();
                    let padding = padded.strip_prefix(text).unwrap();
                    let inner = padding.strip_prefix("<!--").and_then(|inner| inner.strip_suffix("-->"));
                    assert!(inner.is_some_and(|inner| !inner.contains("--")) || padding.trim().is_empty(), "{padding}");
                    padded.len()
                })
                .collect()
        };
        assert!(lengths(pad_html, "<p>hi</p>").len() > 16);
        assert!(lengths(pad_json, "{\"a\": 1}").len() > 16);
        let json = pad_json(Bytes::from_static(b"{\"a\": 1}"));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap()["a"], 1);
    }
}
