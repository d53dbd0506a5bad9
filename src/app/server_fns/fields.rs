//! The fields of a form, encoded as a browser does.
//!
//! A field is a text, a number or a boolean; an absent one is left out. Our forms have no other values.

use serde::{
    Serialize,
    ser::{Error, Impossible, SerializeStruct, Serializer},
};

use crate::app::text::percent;

/// Encodes the fields of a struct; `None` when it has any other value.
pub(super) fn write(form: &impl Serialize) -> Option<String> {
    let mut written = String::new();
    form.serialize(Field { form: &mut written, name: "" }).ok()?;
    Some(written)
}

/// A form cannot hold the value.
#[derive(Debug)]
pub(super) struct Unwritable;

impl std::fmt::Display for Unwritable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Unwritable {}

impl Error for Unwritable {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The destination of a field's value, or the form itself.
struct Field<'a> {
    form: &'a mut String,
    name: &'static str,
}

impl Field<'_> {
    fn put(self, text: &str) {
        if !self.form.is_empty() {
            self.form.push('&');
        }
        self.form.push_str(self.name);
        self.form.push('=');
        self.form.push_str(&percent::encode(text));
    }
}

impl SerializeStruct for Field<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(Field { form: self.form, name })
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

type Never = Impossible<(), Unwritable>;

macro_rules! refused {
    ($($name:ident($($of:ty),*) -> $what:ty;)*) => {
        $(fn $name(self, $(_: $of),*) -> Result<$what, Unwritable> {
            Err(Unwritable)
        })*
    };
}

impl<'a> Serializer for Field<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Field<'a>;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.put(value);
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.serialize_str(if value { "true" } else { "false" })
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        self.serialize_str(&value.to_string())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Unwritable> {
        Err(Unwritable)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        Err(Unwritable)
    }

    refused! {
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u32(u32) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Form<T> {
        text: &'static str,
        absent: Option<String>,
        there: Option<String>,
        yes: bool,
        of: T,
    }

    fn form<T>(of: T) -> Form<T> {
        Form { text: "a&b=ü", absent: None, there: Some(String::new()), yes: true, of }
    }

    #[test]
    fn it_is_written_as_a_browser_writes_a_form() {
        let written = write(&form(u64::MAX)).unwrap();
        assert_eq!(written, "text=a%26b%3D%C3%BC&there=&yes=true&of=18446744073709551615");
    }

    #[test]
    fn values_that_a_form_field_cannot_hold_are_refused() {
        assert_eq!(write(&form(vec![1])), None);
        assert_eq!(write(&form(1.5)), None);
    }
}
