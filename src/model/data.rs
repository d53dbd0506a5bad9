//! The JSON object that an application attaches to a notification.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::problem::Invalid;

/// A JSON object that the application attaches for its own use; Campanile does not interpret it.
///
/// It is stored as the text that was sent, without the white space between its tokens: numbers of any size, the order
/// of names and duplicate names stay as they were. At most 16 KiB, and arrays and objects at most 32 deep, counting the
/// object itself.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Data(Arc<RawValue>);

impl Data {
    /// The most bytes of data as compact JSON.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// The deepest nesting of arrays and objects. Other parsers of JSON have limits of their own (`serde_json` 128,
    /// others less), and pages, events and exports add a few levels around the data.
    pub const MAX_DEPTH: usize = 32;

    /// Parses the text of a JSON object.
    ///
    /// # Errors
    /// When it is not JSON, is another value than an object, has more than [`Self::MAX_BYTES`] bytes when it is
    /// compact, is deeper than [`Self::MAX_DEPTH`], or has an unpaired surrogate (`\ud800`), which is not text.
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        Self::from_raw(RawValue::from_string(json.to_owned()).map_err(|_| Invalid::new("data is not JSON."))?)
    }

    /// Checks a text that is known to be JSON.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub(super) fn from_raw(raw: Box<RawValue>) -> Result<Self, Invalid> {
        let json = raw.get();
        if !json.starts_with('{') {
            return Err(Invalid::new("data is a JSON object, such as {\"order\": 7}."));
        }
        let Compact { bytes, deepest, is_text } = Compact::of(json);
        if bytes.len() > Self::MAX_BYTES {
            return Err(Invalid::new(format!(
                "data takes at most {} bytes as JSON; this takes {}.",
                Self::MAX_BYTES,
                bytes.len()
            )));
        }
        if deepest > Self::MAX_DEPTH {
            return Err(Invalid::new(format!(
                "Arrays and objects in data are at most {} deep; here they are {deepest}.",
                Self::MAX_DEPTH
            )));
        }
        if !is_text {
            return Err(Invalid::new("data has half a character: one of \\ud800 to \\udfff without the other."));
        }
        if bytes.len() == json.len() {
            return Ok(Self(raw.into()));
        }
        // It was JSON, and stays JSON without the white space between its tokens.
        raw_value(bytes).map(Self).ok_or_else(|| Invalid::new("data is not JSON."))
    }

    /// Data that was accepted before, without checking it again: data deeper or larger than today's limits is shown
    /// unchanged. A text that is not JSON, which only a damaged file has, becomes `{}`, so that it spoils nothing
    /// around it.
    #[must_use]
    pub fn stored(json: &str) -> Self {
        let raw = RawValue::from_string(json.to_owned()).or_else(|_| RawValue::from_string("{}".to_owned()));
        raw.map_or_else(|_| Self(RawValue::NULL.to_owned().into()), Self::on_one_line)
    }

    /// The JSON, compact.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// As a trusted writer sent it, but in one line: a line break would end a line of an export and a field of an event
    /// stream.
    fn on_one_line(raw: Box<RawValue>) -> Self {
        if !raw.get().contains(['\n', '\r']) {
            return Self(raw.into());
        }
        Self(raw_value(Compact::of(raw.get()).bytes).unwrap_or_else(|| raw.into()))
    }

    /// In the form of earlier releases: with names sorted and unique, and numbers reformatted. Data that they could not
    /// have accepted is unchanged.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub(crate) fn sorted(&self) -> Self {
        let object: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(self.as_str());
        object
            .and_then(|object| serde_json::value::to_raw_value(&object))
            .map_or_else(|_| self.clone(), |raw| Self(raw.into()))
    }
}

/// Any object: its content is up to the application.
#[cfg(feature = "ssr")]
impl utoipa::PartialSchema for Data {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
        let any = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "A JSON object that an application attaches for its own use; Campanile only hands it on.\n\n\
                 It is kept as the text that was sent, without the white space between its tokens: numbers of any \
                 size, the order of names and names that are there twice come back as they came. At most 16 KiB, and \
                 arrays and objects at most 32 deep, the object itself counted.",
            ))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .examples([serde_json::json!({"order": 7})]);
        any.into()
    }
}

#[cfg(feature = "ssr")]
impl utoipa::ToSchema for Data {}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<'de> serde::Deserialize<'de> for Data {
    /// Reads data that a Campanile wrote, as [`Self::stored`] does.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::on_one_line)
    }
}

fn raw_value(bytes: Vec<u8>) -> Option<Arc<RawValue>> {
    RawValue::from_string(String::from_utf8(bytes).ok()?).ok().map(Arc::from)
}

/// Valid JSON without the white space between its tokens, and its properties.
struct Compact {
    bytes: Vec<u8>,
    deepest: usize,
    /// Whether all its strings are text: every surrogate is paired.
    is_text: bool,
}

impl Compact {
    /// Reads the bytes of valid JSON once, without recursion.
    fn of(json: &str) -> Self {
        let mut compact = Self { bytes: Vec::with_capacity(json.len()), deepest: 0, is_text: true };
        let (mut depth, mut in_string) = (0_usize, false);
        let mut rest = json.as_bytes().iter();
        // Whether the last character is the first half of a surrogate pair, which the very next one has to complete.
        let mut is_half = false;
        while let Some(&byte) = rest.next() {
            if !in_string && matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                continue;
            }
            compact.bytes.push(byte);
            match byte {
                b'\\' if in_string => {
                    let Some(&escaped) = rest.next() else { break };
                    compact.bytes.push(escaped);
                    let mut unit = 0;
                    if escaped == b'u' {
                        let (digits, after) = rest.as_slice().split_at(rest.len().min(4));
                        unit = code_unit(digits);
                        compact.bytes.extend_from_slice(digits);
                        rest = after.iter();
                    }
                    compact.is_text &= is_half == (0xdc00..0xe000).contains(&unit);
                    is_half = (0xd800..0xdc00).contains(&unit);
                    continue;
                }
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => {
                    depth += 1;
                    compact.deepest = compact.deepest.max(depth);
                }
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
            compact.is_text &= !is_half;
            is_half = false;
        }
        compact
    }
}

/// The number of the four hexadecimal digits of an escape; 0 when they are invalid.
fn code_unit(digits: &[u8]) -> u32 {
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    u32::from_str_radix(digits, 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    fn nested(depth: usize) -> String {
        format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
    }

    #[rstest]
    #[case(r#"{"x":18446744073709551616,"y":1e400,"z":7.887233511355131e+211,"w":1.0,"v":-0}"#)]
    #[case(r#"{"b":1,"a":2,"b":3}"#)]
    #[case(r#"{"a b":" \" { [ \\","é":"\u00e9\ud83d\udd14\u0000\/"}"#)]
    #[case("{}")]
    fn compact_json_is_kept_byte_for_byte(#[case] json: &str) {
        assert_eq!(Data::parse(json).unwrap().as_str(), json);
        assert_eq!(Data::stored(json).as_str(), json);
        assert_eq!(serde_json::to_string(&Data::parse(json).unwrap()).unwrap(), json);
        assert_eq!(serde_json::from_str::<Data>(json).unwrap().as_str(), json);
    }

    #[test]
    fn only_white_space_between_tokens_goes() {
        let data = Data::parse(" {\r\n\t\"a b\" : [ 1 , \" x \" , { } ] } ").unwrap();
        assert_eq!(data.as_str(), r#"{"a b":[1," x ",{}]}"#);
        assert_eq!(Data::stored("{\"a\":\n1}").as_str(), "{\"a\":1}", "a line break would end an event's field");
        assert!(Data::parse(r#"{"a":1 2}"#).is_err(), "it would be 12");
    }

    #[test]
    fn it_is_bounded_in_bytes_and_depth() {
        let of = |bytes: usize| format!(r#"{{"a": "{}"}}"#, "x".repeat(bytes - 8));
        assert!(Data::parse(&of(Data::MAX_BYTES)).is_ok());
        assert!(Data::parse(&of(Data::MAX_BYTES + 1)).unwrap_err().to_string().contains("16385"));
        assert!(Data::parse(&nested(32)).is_ok());
        for depth in [33, 126, 127, 128, 8_000] {
            assert!(Data::parse(&nested(depth)).unwrap_err().to_string().contains("32 deep"), "{depth}");
            assert_eq!(Data::stored(&nested(depth)).as_str(), nested(depth), "what is stored stays readable");
        }
    }

    #[rstest]
    #[case("[1]")]
    #[case("\"x\"")]
    #[case("null")]
    #[case("")]
    #[case("{")]
    #[case("{\"a\":01}")]
    #[case(r#"{"a":"\ud800"}"#)]
    #[case(r#"{"a":"\udd14\ud83d"}"#)]
    #[case(r#"{"a":"\ud83dx\udd14"}"#)]
    #[case(r#"{"\ud83d\n":1}"#)]
    #[case(r#"{"a":["\ud83d","\udd14"]}"#)]
    fn other_values_than_an_object_of_text_are_refused(#[case] json: &str) {
        assert!(Data::parse(json).is_err());
    }

    #[test]
    fn a_damaged_row_spoils_nothing() {
        assert_eq!(Data::stored("{\"a\"").as_str(), "{}");
        assert_eq!(Data::stored("[1]").as_str(), "[1]");
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn it_is_compared_as_releases_before_kept_it() {
        let sorted = |json| Data::parse(json).unwrap().sorted().as_str().to_owned();
        assert_eq!(sorted(r#"{"b":1,"a":1.50,"b":2}"#), r#"{"a":1.5,"b":2}"#);
        assert_eq!(sorted(r#"{"b":1e400,"a":1}"#), r#"{"b":1e400,"a":1}"#);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(".{0,6}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn parsing_removes_only_insignificant_white_space(value in json()) {
            let value = serde_json::json!({ "a": value });
            let compact = value.to_string();
            let (pretty, as_sent) = (serde_json::to_string_pretty(&value).unwrap(), Data::parse(&compact).unwrap());
            prop_assert_eq!(as_sent.as_str(), &compact);
            prop_assert_eq!(Data::parse(&pretty).unwrap(), as_sent);
        }

        #[test]
        fn nothing_makes_it_panic(text in "[{}\\[\\]\"\\\\:, uda0-9\n]{0,40}") {
            if let Ok(data) = Data::parse(&text) {
                prop_assert!(serde_json::from_str::<Value>(data.as_str()).is_ok());
            }
            let _ = Data::stored(&text);
        }
    }

    crate::work::bounded!(data_is_read_in_one_pass, |text| {
        let string = serde_json::to_string(text).unwrap();
        for json in
            [format!("{{\"a\":{string}}}"), format!("{{\"a\":[{string}\n]}}"), nested(text.len() / 2), text.to_owned()]
        {
            let _ = (Data::parse(&json), Data::stored(&json).sorted());
        }
    });
}
