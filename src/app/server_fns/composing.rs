//! Checks the composer's fields: the browser before it sends, the server on arrival.

use crate::model::{
    Category, Content, FieldError, Invalid, Link, NewNotification, Problem, Timestamp, Title, UserId, take,
};

/// The choice of a category of the user's own, which has a field for its name. No category is called so.
pub(crate) const OWN: &str = "*";

/// Takes the fields of the composer. Browsers send line breaks as CR LF; the text gets the LF that
/// was typed. Empty optional fields count as absent, and so does white space around what is one line: a browser or a
/// keyboard adds a space to a recipient that is completed, and with it another inbox would be meant.
///
/// The fields are parsed one by one, as `NewNotification::parse` does it with a draft, because a draft would bring
/// fields along that the composer does not have. Only the server reads the time of the expiry.
pub(crate) fn parse(
    user_id: &str,
    content: &str,
    category: Option<&str>,
    title: Option<&str>,
    link: Option<&str>,
    expires_at: Result<Option<Timestamp>, Invalid>,
) -> Result<NewNotification, Problem> {
    let mut errors = Vec::new();
    let user_id = take(&mut errors, "user_id", UserId::parse(user_id.trim()));
    // A field has LF alone in the page, where searching for CR LF would have to be loaded.
    let content = if cfg!(feature = "ssr") { &content.replace("\r\n", "\n") } else { content };
    let content = take(&mut errors, "content", Content::parse(content));
    let category = take(&mut errors, "category", given(category).map(Category::parse).transpose());
    let title = take(&mut errors, "title", given(title).map(Title::parse).transpose());
    let link = take(&mut errors, "link", given(link).map(Link::parse).transpose());
    let expires_at = take(&mut errors, "expires_at", expires_at);
    match (user_id, content, category, title, link, expires_at) {
        (Some(user_id), Some(content), Some(category), Some(title), Some(link), Some(expires_at)) => {
            let category = category.unwrap_or_default();
            Ok(NewNotification { category, title, link, expires_at, ..NewNotification::new(user_id, content) })
        }
        _ => Err(Problem::invalid(errors)),
    }
}

/// When the notification expires, which is to be later than now: RFC 3339 from the script, and without one what the
/// field of a form has, in UTC. Empty is never.
#[cfg(feature = "ssr")]
pub(crate) fn expiry(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
    let Some(text) = given(text) else { return Ok(None) };
    let in_utc = [text.to_owned(), text.to_owned() + "Z", text.to_owned() + ":00Z"];
    let moment = in_utc.iter().find_map(|text| Timestamp::parse(text).ok());
    let moment = moment.ok_or_else(|| Invalid::new("A time is a date and a time of day, such as 2030-01-31T12:00."))?;
    if moment <= now {
        return Err(Invalid::new("This time is past. Choose a later one, or none."));
    }
    Ok(Some(moment))
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
        let new = parse("u", "a\r\nb", Some(" "), Some(""), None, Ok(None)).unwrap();
        assert_eq!(new.content.as_str(), "a\nb");
        assert_eq!((new.category.as_str(), new.title, new.link), ("message", None, None));
    }

    #[test]
    fn a_recipient_is_trimmed_and_a_blank_one_is_reported_at_its_field() {
        for typed in ["user_123 ", "\u{a0}user_123", "\tuser_123\r\n"] {
            assert_eq!(
                parse(typed, "x", None, None, None, Ok(None)).unwrap().user_id.as_str(),
                "user_123",
                "{typed:?}"
            );
        }
        assert_eq!(parse("user 123", "x", None, None, None, Ok(None)).unwrap().user_id.as_str(), "user 123");
        for blank in ["", " ", "\u{3000}"] {
            let problem = parse(blank, "x", None, None, None, Ok(None)).unwrap_err();
            assert_eq!(problem.field("user_id"), Some("The user id is empty. Give the id of a user."));
        }
    }

    #[test]
    fn every_invalid_field_is_reported() {
        let problem = parse("", " ", None, None, Some("javascript:alert(1)"), Ok(None)).unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["user_id", "content", "link"]);
    }

    #[test]
    fn an_expiry_is_read_in_utc_unless_it_names_its_zone_and_is_to_come() {
        let now = Timestamp::parse("2026-11-27T12:00:00Z").unwrap();
        let read = |text| expiry(Some(text), now).map(|moment| moment.map(|moment| moment.to_string()));
        assert_eq!(read(" "), Ok(None));
        for (typed, moment) in [
            ("2026-11-27T12:01", "2026-11-27T12:01:00.000000Z"),
            ("2026-11-27T12:00:30", "2026-11-27T12:00:30.000000Z"),
            ("2026-11-27T13:00:00.000Z", "2026-11-27T13:00:00.000000Z"),
            ("2026-11-27T14:30:00+01:00", "2026-11-27T13:30:00.000000Z"),
        ] {
            assert_eq!(read(typed), Ok(Some(moment.to_owned())), "{typed}");
        }
        for past in ["2026-11-27T12:00", "2026-11-27T12:30:00+01:00"] {
            assert_eq!(read(past).unwrap_err().to_string(), "This time is past. Choose a later one, or none.");
        }
        for wrong in ["tomorrow", "2026-11-27", "2026-02-30T12:00"] {
            assert!(read(wrong).unwrap_err().to_string().starts_with("A time is a date"), "{wrong}");
        }
    }
}
