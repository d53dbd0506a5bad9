//! Reads JSON part by part.
//!
//! Parts are parsed one by one and stay as the client wrote them until then, so that all errors are reported at once
//! and at their places, one error does not hide another, and no more is read than is allowed.

mod tree;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::names;
use crate::model::{Complaints, FieldError, Invalid, parse_whole_number};
pub(super) use tree::Tree;

/// The values of an object's fields, as they were written; in the order of the names.
pub(super) type Fields<'j, const N: usize> = [Option<&'j RawValue>; N];

/// The treatment of unknown fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// They are reported as errors.
    Refused,
    /// They are skipped.
    Ignored,
}

/// Reads an object whose fields have these names. Another name, or one that occurs twice, is reported as an error.
///
/// # Errors
/// When it is not JSON, or not an object.
pub(super) fn object<'j, const N: usize>(
    json: &'j str,
    names: &'static [&'static str; N],
    unknown: Unknown,
    complaints: &mut Complaints,
) -> Result<Fields<'j, N>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = deserializer.deserialize_map(Object { names, unknown, complaints })?;
    deserializer.end()?;
    Ok(fields)
}

struct Object<'c, const N: usize> {
    names: &'static [&'static str; N],
    unknown: Unknown,
    complaints: &'c mut Complaints,
}

impl<'j, const N: usize> Visitor<'j> for Object<'_, N> {
    type Value = Fields<'j, N>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [None; N];
        while let Some(name) = map.next_key_seed(Name(self.names))? {
            match name {
                Named::Known(at) if fields[at].is_none() => fields[at] = Some(map.next_value()?),
                Named::Known(at) => {
                    map.next_value::<IgnoredAny>()?;
                    self.complaints.add(|| FieldError::new(self.names[at], Invalid::new("This field is given twice.")));
                }
                Named::Unknown(name) => {
                    map.next_value::<IgnoredAny>()?;
                    if self.unknown == Unknown::Refused {
                        self.complaints.add(|| names::unknown("field", &name, self.names));
                    }
                }
            }
        }
        Ok(fields)
    }
}

/// One of these names, or an unknown one.
struct Name(&'static [&'static str]);

enum Named {
    Known(usize),
    /// As much of it as is ever shown, and one more character.
    Unknown(String),
}

impl<'j> DeserializeSeed<'j> for Name {
    type Value = Named;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Named, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Named;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Named, E> {
        let known = self.0.iter().position(|known| *known == name);
        Ok(known.map_or_else(|| Named::Unknown(name.chars().take(names::LONGEST + 1).collect()), Named::Known))
    }
}

/// Passes the items of an array to `take` until there are more than `most`; then it reads no further.
///
/// # Errors
/// When it is not an array, or has more items.
pub(super) fn each<'j>(array: &'j RawValue, most: usize, take: impl FnMut(usize, &'j RawValue)) -> Result<(), NotThat> {
    if kind(array) != "an array" {
        return Err(NotThat::Array(kind(array)));
    }
    // It was parsed once, so it is JSON: the only possible error is that there are more.
    serde_json::Deserializer::from_str(array.get())
        .deserialize_seq(Items { most, take })
        .map_err(|_| NotThat::Few(most))
}

/// Why an array was not read.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotThat {
    /// It is something else.
    Array(&'static str),
    /// It has more than this many items.
    Few(usize),
}

struct Items<F> {
    most: usize,
    take: F,
}

impl<'j, F: FnMut(usize, &'j RawValue)> Visitor<'j> for Items<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'j>>(mut self, mut items: A) -> Result<(), A::Error> {
        for index in 0..self.most {
            match items.next_element()? {
                Some(item) => (self.take)(index, item),
                None => return Ok(()),
            }
        }
        match items.next_element::<IgnoredAny>()? {
            Some(_) => Err(serde::de::Error::custom("there are more")),
            None => Ok(()),
        }
    }
}

/// The text of a field; `null` counts as absent.
///
/// # Errors
/// When it is another value.
pub(super) fn text(field: Option<&RawValue>) -> Result<Option<String>, Invalid> {
    match field.map(|field| (kind(field), field)) {
        None | Some(("null", _)) => Ok(None),
        Some(("a string", field)) => serde_json::from_str(field.get())
            .map(Some)
            .map_err(|_| Invalid::new("This text has half a character: one of \\ud800 to \\udfff without the other.")),
        Some((other, _)) => Err(Invalid::new(format!("This must be a string, not {other}."))),
    }
}

/// The boolean of a field.
///
/// # Errors
/// When it is another value, or absent.
pub(super) fn boolean(field: Option<&RawValue>) -> Result<bool, Invalid> {
    match field.map(RawValue::get) {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(Invalid::new("This must be true or false.")),
        None => Err(Invalid::new("This field is required.")),
    }
}

/// The whole number of a field; `null` counts as absent.
///
/// # Errors
/// When it is another value.
pub(super) fn whole_number(field: Option<&RawValue>) -> Result<Option<u64>, Invalid> {
    match field.map(|field| (kind(field), field.get())) {
        None | Some(("null", _)) => Ok(None),
        Some(("a number", digits)) => parse_whole_number(digits).or_else(|why| whole(digits).ok_or(why)).map(Some),
        Some((other, _)) => Err(Invalid::new(format!("This must be a whole number, not {other}."))),
    }
}

/// A whole number that is written as `60.0` or `6e1`, which is the same number in JSON.
fn whole(digits: &str) -> Option<u64> {
    /// Up to here each whole number has a value of its own (RFC 8259, section 6).
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    let number = digits.parse::<f64>().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
    let whole = number as u64;
    (number.fract() == 0.0 && (0.0..=LARGEST).contains(&number)).then_some(whole)
}

/// The kind of a value, in words.
pub(super) fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["user_id", "data"];

    #[test]
    fn known_fields_are_returned_as_raw_json() {
        let mut complaints = Complaints::default();
        let json = r#" {"data": {"n": 1e400, "x":[ ]} , "user_id": "\u0061nn"} "#;
        let [user_id, data] = object(json, &NAMES, Unknown::Refused, &mut complaints).unwrap();
        assert_eq!(data.unwrap().get(), r#"{"n": 1e400, "x":[ ]}"#);
        assert_eq!(text(user_id).unwrap().unwrap(), "ann");
        assert!(complaints.is_empty());
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let number = |text: &str| whole_number(Some(serde_json::from_str::<&RawValue>(text).unwrap()));
        for (text, expected) in [("60", 60), ("60.0", 60), ("6e1", 60), ("0", 0), ("-0.0", 0)] {
            assert_eq!(number(text), Ok(Some(expected)), "{text}");
        }
        assert_eq!(number("null"), Ok(None));
        for wrong in ["-1", "1.5", "1e400", "1e17", "\"60\"", "true", "[60]"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_or_skipped() {
        let json = r#"{"userId": [{"deep": 1}], "user_id": null, "user_id": 1}"#;
        for (unknown, wrong) in [(Unknown::Refused, 2), (Unknown::Ignored, 1)] {
            let mut complaints = Complaints::default();
            let [user_id, data] = object(json, &NAMES, unknown, &mut complaints).unwrap();
            assert_eq!((text(user_id).unwrap(), data.is_none()), (None, true));
            assert_eq!(complaints.count(), wrong);
        }
    }

    #[test]
    fn deeply_nested_values_are_skipped_without_overflow() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let json = format!(r#"{{"data": {deep}, "x": {deep}}}"#);
        let mut complaints = Complaints::default();
        let [_, data] = object(&json, &NAMES, Unknown::Ignored, &mut complaints).unwrap();
        assert_eq!(data.unwrap().get().len(), 200_000);
    }

    #[test]
    fn an_array_is_read_as_far_as_is_allowed() {
        let array: &RawValue = serde_json::from_str("[1, [2], 3]").unwrap();
        let mut seen = Vec::new();
        each(array, 3, |index, item| seen.push((index, item.get()))).unwrap();
        assert_eq!(seen, [(0, "1"), (1, "[2]"), (2, "3")]);
        seen.clear();
        assert!(matches!(each(array, 2, |index, item| seen.push((index, item.get()))), Err(NotThat::Few(2))));
        assert_eq!(seen.len(), 2);
        let text: &RawValue = serde_json::from_str("\"x\"").unwrap();
        assert!(matches!(each(text, 2, |_, _| ()), Err(NotThat::Array("a string"))));
    }
}
