//! JSON, parsed by the browser itself.
//!
//! serde gets the result of `JSON.parse` field by field, in the order of the type. A parser of our own with its error
//! messages would be a tenth of the page's download; nothing here explains why a text cannot be read.

use js_sys::{Array, JSON, Object, Reflect};
use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, SeqAccess, VariantAccess,
        Visitor, value::StringDeserializer,
    },
    forward_to_deserialize_any,
};
use wasm_bindgen::{JsCast, JsValue};

/// Reads a text; `None` when it is not JSON, or not a value of this type.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    JSON::parse(json).ok().and_then(take)
}

/// Reads a value that the browser has parsed.
pub(crate) fn take<T: DeserializeOwned>(value: JsValue) -> Option<T> {
    T::deserialize(Value(value)).ok()
}

/// The value is not one of this type.
#[derive(Debug)]
struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Unreadable {}

impl Error for Unreadable {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Value(JsValue);

impl Value {
    /// Numbers here are whole, and count something.
    fn number(&self) -> Result<u64, Unreadable> {
        let number = self.0.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole, and not negative")]
        number.map(|number| number as u64).ok_or(Unreadable)
    }

    fn text(&self) -> Result<String, Unreadable> {
        self.0.as_string().ok_or(Unreadable)
    }
}

macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            visitor.visit_u64(self.number()?)
        })*
    };
}

macro_rules! texts {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            visitor.visit_string(self.text()?)
        })*
    };
}

impl<'de> Deserializer<'de> for Value {
    type Error = Unreadable;

    numbers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    texts! { deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_bool(self.0.as_bool().ok_or(Unreadable)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.0.is_null() { visitor.visit_unit() } else { Err(Unreadable) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(Items(self.0.dyn_into::<Array>().map_err(|_| Unreadable)?, 0))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(Fields(self.0, fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if let Some(name) = self.0.as_string() {
            return visitor.visit_enum(Variant(name, JsValue::NULL));
        }
        let object = self.0.dyn_into::<Object>().map_err(|_| Unreadable)?;
        let name = Object::keys(&object).get(0).as_string().ok_or(Unreadable)?;
        let value = Reflect::get(&object, &JsValue::from_str(&name)).map_err(|_| Unreadable)?;
        visitor.visit_enum(Variant(name, value))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 f32 f64 char bytes byte_buf unit_struct tuple_struct map ignored_any
    }
}

/// The remaining items of an array.
struct Items(Array, u32);

impl Items {
    fn next(&mut self) -> Option<Value> {
        let Self(items, at) = self;
        (*at < items.length()).then(|| {
            *at += 1;
            Value(items.get(*at - 1))
        })
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Unreadable;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        self.next().map(|value| seed.deserialize(value)).transpose()
    }
}

/// The remaining fields of an object. An absent one is skipped, and gets its default.
struct Fields(JsValue, &'static [&'static str]);

impl Fields {
    fn next(&mut self) -> Option<Value> {
        let (name, rest) = self.1.split_first()?;
        self.1 = rest;
        Reflect::get(&self.0, &JsValue::from_str(name)).ok().filter(|value| !value.is_undefined()).map(Value)
    }
}

impl<'de> SeqAccess<'de> for Fields {
    type Error = Unreadable;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        self.next().map(|value| seed.deserialize(value)).transpose()
    }
}

/// The name of a variant, and its content.
struct Variant(String, JsValue);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Unreadable;
    type Variant = Value;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Value), Unreadable> {
        let name: StringDeserializer<Unreadable> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, Value(self.1)))
    }
}

impl<'de> VariantAccess<'de> for Value {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Unreadable> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }
}
