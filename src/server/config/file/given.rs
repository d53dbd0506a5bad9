//! A value of the file as serde reads it. Errors name the expected kind, and never the value.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        Error, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::de::DeValue;

/// A value from the file.
#[derive(Clone, Copy)]
pub(super) struct Given<'a>(pub(super) &'a DeValue<'a>);

/// Why a value is refused, as a phrase to follow the name of its setting.
#[derive(Debug)]
pub(super) struct WrongValue(String);

impl Given<'_> {
    fn kind(self) -> &'static str {
        match self.0 {
            DeValue::String(_) => "a text in quotes",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a section",
        }
    }

    /// The error for another kind than this one.
    fn is_no(self, wanted: &dyn fmt::Display) -> WrongValue {
        WrongValue(format!("must be {wanted}; this is {}", self.kind()))
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        let DeValue::Integer(number) = self.0 else { return Err(self.is_no(&"a whole number")) };
        let number = u64::from_str_radix(number.as_str(), number.radix());
        number.map_err(|_| WrongValue::of_number()).and_then(|number| visitor.visit_u64(number))
    }
}

impl WrongValue {
    fn of_number() -> Self {
        Self("must be a whole number that is neither negative nor as large as this".to_owned())
    }
}

impl<'de> Deserializer<'de> for Given<'de> {
    type Error = WrongValue;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match self.0 {
            DeValue::String(text) => visitor.visit_borrowed_str(text),
            // Types that accept any kind report the expected one themselves.
            _ => Err(self.is_no(&(&visitor as &dyn Expected))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WrongValue> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match self.0 {
            DeValue::Boolean(is_so) => visitor.visit_bool(*is_so),
            _ => Err(self.is_no(&"true or false")),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        match self.0 {
            DeValue::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.is_no(&"a text in quotes")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongValue> {
        let DeValue::Array(items) = self.0 else { return Err(self.is_no(&r#"a list such as ["a", "b"]"#)) };
        let items = SeqDeserializer::new(items.iter().map(|item| Given(item.get_ref())));
        visitor
            .visit_seq(items)
            .map_err(|WrongValue(why)| WrongValue(format!("must be a list in which each item {why}")))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongValue> {
        match self.0 {
            DeValue::String(text) => StrDeserializer::new(text).deserialize_enum(name, variants, visitor),
            _ => Err(self.is_no(&one_of(variants))),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, WrongValue> for Given<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn one_of(variants: &[&str]) -> String {
    variants.iter().map(|variant| format!("{variant:?}")).collect::<Vec<_>>().join(" or ")
}

impl Error for WrongValue {
    /// Errors of our own types, which do not repeat the value.
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self(format!("must be {wanted}"))
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::of_number()
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self(format!("must be {}", one_of(variants)))
    }
}

impl fmt::Display for WrongValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongValue {}
