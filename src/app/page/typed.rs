//! What a user typed into the form that sends, for the page that says why it was refused where there is no script.

use crate::app::text::percent;

/// The fields of a form as they were typed. It is in the context of the page that is made for it, and no part of what the
/// browser takes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedForm(Vec<(String, String)>);

impl TypedForm {
    /// The most bytes of a form that are kept. The longest text takes 12 bytes for each of its characters.
    const MAX_BYTES: usize = 256 * 1024;

    /// Reads a form that was refused, or may have been sent; `None` when it is so large that the page would be too.
    pub(crate) fn read(form: &[u8], may_be_sent: bool) -> Option<Self> {
        let form = str::from_utf8(form).ok().filter(|form| form.len() <= Self::MAX_BYTES)?;
        // What may have been sent is sent once more by the same key, and anything else by another one.
        let is_kept = |(name, _): &(String, String)| name != "idempotency_key" || may_be_sent;
        // U+0000 cannot stand in a document.
        let shown = |(name, value): (String, String)| (name, value.replace('\0', "\u{fffd}"));
        Some(Self(percent::pairs(form).filter(is_kept).map(shown).collect()))
    }

    /// What was typed into this field.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// The same as the content of a text area. HTML drops a line break at its beginning.
    pub(crate) fn text_area(&self, name: &str) -> Option<String> {
        let escaped = |value: String| value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.field(name).map(|value| "\n".to_owned() + &escaped(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"user_id=ann+b&content=%0D%0A%3C/textarea%3E%00&title=&idempotency_key=k";

    #[test]
    fn typed_fields_are_kept_and_escaped() {
        let typed = TypedForm::read(FORM, false).unwrap();
        assert_eq!(typed.field("user_id").as_deref(), Some("ann b"));
        assert_eq!(typed.text_area("content").as_deref(), Some("\n\r\n&lt;/textarea&gt;\u{fffd}"));
        assert_eq!((typed.field("title").as_deref(), typed.field("link")), (Some(""), None));
        assert_eq!(typed.field("idempotency_key"), None, "another one is sent next");
    }

    #[test]
    fn a_form_that_may_have_been_sent_keeps_its_idempotency_key() {
        let typed = TypedForm::read(FORM, true).unwrap();
        assert_eq!(typed.field("idempotency_key").as_deref(), Some("k"));
    }

    #[test]
    fn the_longest_text_is_kept_and_no_flood() {
        let longest = format!("content={}", "%F0%9F%94%94".repeat(16_384));
        assert_eq!(
            TypedForm::read(longest.as_bytes(), false).unwrap().field("content").unwrap().chars().count(),
            16_384
        );
        assert_eq!(TypedForm::read(&[b'x'; TypedForm::MAX_BYTES + 1], false), None);
    }
}
