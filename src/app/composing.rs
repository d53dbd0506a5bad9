//! What the composer's fields must be to be sent. The browser asks before it sends, the server
//! when it arrives.

use crate::model::{NewNotification, NotificationDraft, Problem};

/// Takes the fields of the composer. Browsers send line breaks as CR LF; the text gets the LF that
/// was typed. Empty optional fields count as absent, and so does white space around them.
pub(super) fn parse(
    user_id: String,
    content: String,
    category: Option<String>,
    title: Option<String>,
    link: Option<String>,
) -> Result<NewNotification, Problem> {
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    NewNotification::parse(NotificationDraft {
        user_id: Some(user_id),
        content: Some(content.replace("\r\n", "\n")),
        category: given(category),
        title: given(title),
        link: given(link),
        ..NotificationDraft::default()
    })
    .map_err(Problem::invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> Option<String> {
        Some(" ".to_owned())
    }

    #[test]
    fn line_breaks_are_as_typed_and_empty_fields_are_absent() {
        let new = parse("u".to_owned(), "a\r\nb".to_owned(), none(), none(), none()).unwrap();
        assert_eq!(new.content.as_str(), "a\nb");
        assert_eq!((new.category.as_str(), new.title, new.link), ("message", None, None));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field() {
        let link = Some("javascript:alert(1)".to_owned());
        let problem = parse(String::new(), " ".to_owned(), None, None, link).unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["user_id", "content", "link"]);
    }
}
