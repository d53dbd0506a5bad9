//! JSON as unusual text: it is assembled without a library, which would tidy it up.

use std::fmt;

use proptest::prelude::*;

/// Bytes that are mostly text, and are shown as text when a case fails.
pub(super) struct Bytes(pub(super) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// Space between two tokens.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![12 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

/// A number in any notation.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("is no JSON", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        prop::sample::select(vec!["1e400", "-1e400", "-0", "0.0", "1E+2", "18446744073709551616", "5e-324"])
            .prop_map(str::to_owned),
    ]
}

/// A string with its quotes: any text, any escape, also halves of characters.
pub(super) fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z ]{1,8}",
        3 => any::<char>().prop_filter("is written as an escape", |c| !matches!(c, '"' | '\\') && *c >= ' ').prop_map(String::from),
        1 => prop::sample::select(vec!["\\u0000", "\\ud800", "\\udc00\\ud800", "\\ud83c\\udf89", "\\/", "\\n", "\\\"", "\\u200b", "\\u0041"])
            .prop_map(str::to_owned),
        1 => "\\\\u[0-9a-fA-F]{4}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Any value.
pub(super) fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => number(),
        3 => string(),
        1 => prop::sample::select(vec!["null", "true", "false", "{}", "[]", "\"\""]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            (space(), prop::collection::vec((inner.clone(), space()), 0..6)).prop_map(|(space, items)| {
                let items: Vec<_> = items.into_iter().map(|(item, after)| item + &after).collect();
                format!("[{space}{}]", items.join(","))
            }),
            object(inner),
        ]
    })
}

/// An object of such values, possibly with repeated names.
pub(super) fn object(values: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop_oneof![4 => "\"[a-c]{0,2}\"", 1 => string()];
    (space(), prop::collection::vec((name, space(), values, space()), 0..6)).prop_map(|(space, items)| {
        let items: Vec<_> =
            items.into_iter().map(|(name, before, value, after)| format!("{name}{before}:{value}{after}")).collect();
        format!("{{{space}{}}}", items.join(","))
    })
}

/// A deeply nested object.
pub(super) fn deep() -> impl Strategy<Value = String> {
    (prop_oneof![1..40_usize, 100..140_usize, Just(5_000)], any::<bool>()).prop_map(|(depth, in_lists)| {
        if in_lists {
            format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
        } else {
            format!("{}{{}}{}", "{\"a\":".repeat(depth - 1), "}".repeat(depth - 1))
        }
    })
}

/// The same text without the space between tokens.
pub(super) fn compact(text: &str) -> String {
    let (mut compact, mut in_string, mut is_escaped) = (String::new(), false, false);
    for c in text.chars() {
        if in_string {
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
        } else if matches!(c, ' ' | '\t' | '\r' | '\n') {
            continue;
        } else {
            in_string = c == '"';
        }
        compact.push(c);
    }
    compact
}

/// Text from a broken client: cut off, doubled, or with a byte changed.
pub(super) fn broken(text: impl Strategy<Value = String>) -> impl Strategy<Value = Bytes> {
    let how = prop_oneof![
        12 => Just(0_u8),
        1 => Just(1),
        1 => Just(2),
        1 => Just(3),
        1 => Just(4),
        1 => Just(5),
    ];
    (text, how, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, how, at, byte)| {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len() + 1);
        match how {
            1 => bytes.truncate(at),
            2 => bytes.insert(at, byte),
            3 => drop(bytes.get_mut(at).map(|old| *old = byte)),
            4 => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
            5 => bytes.extend_from_within(..at),
            _ => {}
        }
        Bytes(bytes)
    })
}
