//! Checks the composer's fields: the browser before it sends, the server on arrival.

use crate::model::{Category, Content, FieldError, Invalid, Link, NewNotification, Problem, Title, UserId, take};

/// The choice of a category of the user's own, which has a field for its name. No category is called so.
pub(crate) const OWN: &str = "*";

/// Takes the fields of the composer. Browsers send line breaks as CR LF; the text gets the LF that
/// was typed. Empty optional fields count as absent, and so does white space around what is one line: a browser or a
/// keyboard adds a space to a recipient that is completed, and with it another inbox would be meant.
///
/// The fields are parsed one by one, as `NewNotification::parse` does it with a draft, because a draft would bring
/// fields along that the composer does not have: attached data and times.
pub(crate) fn parse(
    user_id: &str,
    content: &str,
    category: Option<&str>,
    title: Option<&str>,
    link: Option<&str>,
) -> Result<NewNotification, Problem> {
    let mut errors = Vec::new();
    let user_id = take(&mut errors, "user_id", UserId::parse(user_id.trim()));
    // A field has LF alone in the page, where searching for CR LF would have to be loaded.
    let content = if cfg!(feature = "ssr") { &content.replace("\r\n", "\n") } else { content };
    let content = take(&mut errors, "content", Content::parse(content));
    let category = take(&mut errors, "category", given(category).map(Category::parse).transpose());
    let title = take(&mut errors, "title", given(title).map(Title::parse).transpose());
    let link = take(&mut errors, "link", given(link).map(Link::parse).transpose());
    match (user_id, content, category, title, link) {
        (Some(user_id), Some(content), Some(category), Some(title), Some(link)) => {
            let category = category.unwrap_or_default();
            Ok(NewNotification { category, title, link, ..NewNotification::new(user_id, content) })
        }
        _ => Err(Problem::invalid(errors)),
    }
}

/// The refusal of a category of the user's own that has no name.
pub(crate) fn unnamed_category() -> Problem {
    let why = Invalid::new("Name the category, or choose another one.");
    Problem::invalid(vec![FieldError::new("category", why)])
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_as_typed_and_empty_fields_are_absent() {
        let new = parse("u", "a\r\nb", Some(" "), Some(""), None).unwrap();
        assert_eq!(new.content.as_str(), "a\nb");
        assert_eq!((new.category.as_str(), new.title, new.link), ("message", None, None));
    }

    #[test]
    fn a_recipient_is_trimmed_and_a_blank_one_is_said_at_its_field() {
        for typed in ["user_123 ", "\u{a0}user_123", "\tuser_123\r\n"] {
            assert_eq!(parse(typed, "x", None, None, None).unwrap().user_id.as_str(), "user_123", "{typed:?}");
        }
        assert_eq!(parse("user 123", "x", None, None, None).unwrap().user_id.as_str(), "user 123");
        for blank in ["", " ", "\u{3000}"] {
            let problem = parse(blank, "x", None, None, None).unwrap_err();
            assert_eq!(problem.field("user_id"), Some("The user id is empty. Name the user whose inbox is meant."));
        }
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field() {
        let problem = parse("", " ", None, None, Some("javascript:alert(1)")).unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["user_id", "content", "link"]);
    }
}
