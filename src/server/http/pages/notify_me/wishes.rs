//! Reads the form as a change of preferences.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::form::Form;
use crate::{
    app::pages::{TypedRow, TypedWishes},
    model::{Category, Choice, Code, Digest, FieldError, Invalid, Preferences, Problem, Way},
};

/// The fields of the page's forms.
pub(super) const FIELDS: [&str; 14] = [
    "do",
    "was",
    "choice",
    "new",
    "new-email",
    "new-push",
    "quiet",
    "from",
    "to",
    "days",
    "digest",
    "at",
    "zone",
    "contact",
];

/// The typed values, to show them again.
///
/// # Errors
/// When our forms have no such values.
pub(super) fn typed(form: &Form) -> Result<TypedWishes, Problem> {
    let text = |name| form.get(name).trim().to_owned();
    let choice = |name| TypedRow::read_choice(form.get(name)).ok_or_else(unreadable);
    let new = TypedRow { category: text("new"), email: choice("new-email")?, push: choice("new-push")? };
    let mut typed = TypedWishes {
        choices: BTreeMap::new(),
        new,
        is_quiet: form.get("quiet") == "on",
        from: text("from"),
        to: text("to"),
        days: form.all("days").map(str::to_owned).collect(),
        digest: text("digest"),
        at: text("at"),
        zone: text("zone"),
    };
    for cell in form.all("choice") {
        typed.take_cell(cell).map_err(|_| unreadable())?;
    }
    Ok(typed)
}

/// The preferences at the time the form was made.
///
/// # Errors
/// When our forms have no such value.
pub(super) fn was(form: &Form) -> Result<Preferences, Problem> {
    serde_json::from_str(form.get("was")).map_err(|_| unreadable())
}

fn unreadable() -> Problem {
    Problem::new(Code::BadRequest, "The form cannot be read. Open the page again.")
}

/// The change, as a merge patch. It names only values that differ from the time when the form was made, so that another
/// caller's change meanwhile, such as by the link in a mail, stays.
///
/// # Errors
/// The errors, each at its field.
pub(super) fn patch(typed: &TypedWishes, was: &Preferences) -> Result<Value, Vec<FieldError>> {
    let (mut patch, mut wrong) = (Map::new(), Vec::new());
    for ((category, way), choice) in &typed.choices {
        let of = category.as_ref().map_or(Some(&was.channels), |category| was.categories.get(category));
        if of.and_then(|choices| choices.of(*way)) != *choice {
            set(&mut patch, category.as_ref(), *way, *choice);
        }
    }
    if let Some(category) = added(typed, &mut wrong) {
        for way in Way::ALL.iter().filter(|way| typed.new.of(**way).is_some()) {
            set(&mut patch, Some(&category), *way, typed.new.of(*way));
        }
    }
    let merged = |patch: Value| Preferences::default().merge(&patch);
    let quiet_hours = quiet_hours(typed, was, &mut wrong);
    match merged(json!({"quiet_hours": quiet_hours})) {
        Ok(wanted) if wanted.quiet_hours == was.quiet_hours => {}
        Ok(_) => _ = patch.insert("quiet_hours".to_owned(), quiet_hours),
        Err(errors) => wrong.extend(errors),
    }
    // Where no mail is sent, the form does not ask.
    if !typed.digest.is_empty() {
        let digest = if typed.digest == "daily" { format!("daily {}", typed.at) } else { typed.digest.clone() };
        match Digest::parse(&digest) {
            Ok(wanted) if wanted == was.digest => {}
            Ok(_) => _ = patch.insert("digest".to_owned(), json!({"email": digest})),
            Err(_) => wrong.push(FieldError::new(
                "at",
                Invalid::new("The time of the mail is missing or wrong: give one from 00:00 to 23:59."),
            )),
        }
    }
    if wrong.is_empty() { Ok(Value::Object(patch)) } else { Err(at_fields(wrong)) }
}

/// Sets the choice for a category, or for all, on one channel.
fn set(patch: &mut Map<String, Value>, category: Option<&Category>, way: Way, choice: Option<Choice>) {
    let object = || Value::Object(Map::new());
    let of = match category {
        None => patch.entry("channels").or_insert_with(object),
        Some(category) => &mut patch.entry("categories").or_insert_with(object)[category.as_str()],
    };
    of[way.as_str()] = choice.map_or(Value::Null, |choice| json!(choice));
}

/// The category to add, if any.
fn added(typed: &TypedWishes, wrong: &mut Vec<FieldError>) -> Option<Category> {
    let row = &typed.new;
    let is_said = Way::ALL.iter().any(|way| row.of(*way).is_some());
    let why = match (row.category.as_str(), is_said) {
        ("", false) => return None,
        ("", true) => Invalid::new("Name the category that this is for."),
        (name, is_said) => match Category::parse(name) {
            Err(why) => why,
            Ok(category) if typed.choices.keys().any(|(known, _)| known.as_ref() == Some(&category)) => {
                Invalid::new(format!("{category} has a row already. Choose there."))
            }
            Ok(category) if is_said => return Some(category),
            Ok(category) => Invalid::new(format!("Choose what is not as for all categories where it is {category}.")),
        },
    };
    wrong.push(FieldError::new("new", why));
    None
}

/// The new quiet hours. Where there are none, but a mail at a time of the day, they keep the zone for that: hours that
/// end when they begin count as none.
fn quiet_hours(typed: &TypedWishes, was: &Preferences, wrong: &mut Vec<FieldError>) -> Value {
    let TypedWishes { from, to, zone, days, .. } = typed;
    if !typed.is_quiet {
        let is_daily = match typed.digest.as_str() {
            "" => matches!(was.digest, Digest::Daily(_)),
            digest => digest == "daily",
        };
        if !is_daily || zone.is_empty() {
            return Value::Null;
        }
        let only_zone = was.quiet_hours.filter(|hours| hours.from == hours.to && hours.zone.name() == zone);
        return only_zone.map_or_else(|| json!({"zone": zone, "from": "00:00", "to": "00:00"}), |hours| json!(hours));
    }
    let mut add = |field: &str, why: &'static str| wrong.push(FieldError::new(field, Invalid::new(why)));
    if from.is_empty() {
        add("from", "The beginning is missing: give a time from 00:00 to 23:59.");
    }
    if to.is_empty() {
        add("to", "The end is missing: give a time from 00:00 to 23:59.");
    }
    if from == to && !from.is_empty() {
        add("to", "They end when they begin, so there would be none: give another time.");
    }
    if days.is_empty() {
        add("days", "Choose one day at least.");
    }
    if zone.is_empty() {
        add("zone", "The time zone is missing: give one such as Europe/Berlin.");
    }
    // Missing fields were reported above.
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let days = if days.is_empty() { Value::Null } else { json!(days) };
    json!({"zone": or(zone, "UTC"), "from": or(from, "00:00"), "to": or(to, "00:00"), "days": days})
}

/// The same errors, at the fields of the form.
fn at_fields(errors: Vec<FieldError>) -> Vec<FieldError> {
    const ORDER: [&str; 6] = ["new", "from", "to", "days", "at", "zone"];
    let at_field = |error: FieldError| {
        let place = error.field.strip_prefix("quiet_hours.").unwrap_or(&error.field);
        let field = place.split('[').next().unwrap_or(place).to_owned();
        FieldError { field, ..error }
    };
    let mut errors: Vec<_> = errors.into_iter().map(at_field).collect();
    errors.sort_by_key(|error| ORDER.iter().position(|field| *field == error.field));
    errors
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn preferences(patch: &Value) -> Preferences {
        Preferences::default().merge(patch).unwrap()
    }

    /// Preferences with a choice everywhere.
    fn everything() -> Value {
        json!({
            "channels": {"email": "off", "push": "on"},
            "categories": {"alert": {"email": "on", "push": {"if_unread_after": 45}}},
            "quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon", "tue"]},
            "digest": {"email": "daily 08:00"},
        })
    }

    /// The form of these preferences, in which these fields replace those with the same names.
    fn form_of(was: &Preferences, typed: &[(&str, &str)]) -> Form {
        let TypedWishes { choices, is_quiet, from, to, days, digest, at, zone, .. } = TypedWishes::of(was);
        let cells = choices.iter().map(|((category, way), choice)| {
            let choice = match choice.map(|choice| json!(choice)) {
                None => "inherit".to_owned(),
                Some(Value::String(word)) => word,
                Some(after) => after["if_unread_after"].to_string(),
            };
            ("choice", format!("{} {way} {choice}", category.as_ref().map_or("*", Category::as_str)))
        });
        let others = [("from", from), ("to", to), ("digest", digest), ("at", at), ("zone", zone)];
        let quiet = is_quiet.then(|| ("quiet", "on".to_owned()));
        let was = ("was", serde_json::to_string(was).unwrap());
        let all = cells.chain(others).chain(days.into_iter().map(|day| ("days", day))).chain(quiet).chain([was]);
        let kept = all.filter(|(name, value)| {
            let is_same = |(other, new): &&(&str, &str)| match *name {
                // Each cell is replaced by itself.
                "choice" => {
                    other == name
                        && value.rsplit_once(' ').map(|(cell, _)| cell) == new.rsplit_once(' ').map(|(cell, _)| cell)
                }
                _ => other == name,
            };
            !typed.iter().any(|one| is_same(&one))
        });
        let kept: Vec<_> = kept.collect();
        let kept = kept.iter().map(|(name, value)| (*name, value.as_str()));
        Form::of(&kept.chain(typed.iter().copied().filter(|(_, value)| !value.ends_with('-'))).collect::<Vec<_>>())
    }

    fn change(was: &Value, typed_fields: &[(&str, &str)]) -> Result<Value, Vec<String>> {
        let form = form_of(&preferences(was), typed_fields);
        let (typed, was) = (typed(&form).unwrap(), super::was(&form).unwrap());
        patch(&typed, &was).map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[rstest]
    // Unchanged values are not named.
    #[case(json!({}), &[], json!({}))]
    #[case(everything(), &[], json!({}))]
    #[case(everything(), &[("digest", "-")], json!({}))]
    // A cell that is not shown stays as it is.
    #[case(everything(), &[("choice", "alert email -")], json!({}))]
    #[case(json!({}), &[("choice", "* email on")], json!({"channels": {"email": "on"}}))]
    #[case(everything(), &[("choice", "* push inherit")], json!({"channels": {"push": null}}))]
    #[case(everything(), &[("choice", "alert push 600")], json!({"categories": {"alert": {"push": {"if_unread_after": 600}}}}))]
    #[case(everything(), &[("choice", "alert email inherit")], json!({"categories": {"alert": {"email": null}}}))]
    #[case(
        json!({}),
        &[("new", " deploy "), ("new-email", "on"), ("new-push", "inherit")],
        json!({"categories": {"deploy": {"email": "on"}}})
    )]
    #[case(everything(), &[("quiet", "-")], json!({"quiet_hours": {"zone": "Europe/Berlin", "from": "00:00", "to": "00:00"}}))]
    #[case(everything(), &[("quiet", "-"), ("digest", "1h")], json!({"quiet_hours": null, "digest": {"email": "1h"}}))]
    #[case(everything(), &[("digest", "off")], json!({"digest": {"email": "off"}}))]
    #[case(everything(), &[("at", "09:30")], json!({"digest": {"email": "daily 09:30"}}))]
    #[case(
        everything(),
        &[("to", "06:30")],
        json!({"quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "06:30", "days": ["mon", "tue"]}})
    )]
    #[case(
        json!({}),
        &[("quiet", "on"), ("zone", "Asia/Tokyo"), ("days", "sat")],
        json!({"quiet_hours": {"zone": "Asia/Tokyo", "from": "22:00", "to": "07:00", "days": ["sat"]}})
    )]
    // A mail at a time of the day needs a clock, and nothing else of quiet hours.
    #[case(
        json!({}),
        &[("digest", "daily"), ("zone", "Asia/Tokyo")],
        json!({"quiet_hours": {"zone": "Asia/Tokyo", "from": "00:00", "to": "00:00"}, "digest": {"email": "daily 08:00"}})
    )]
    #[case(json!({}), &[("digest", "daily")], json!({"digest": {"email": "daily 08:00"}}))]
    #[case(
        json!({"quiet_hours": {"zone": "Asia/Tokyo", "from": "05:00", "to": "05:00", "days": ["sun"]}, "digest": {"email": "daily 08:00"}}),
        &[],
        json!({})
    )]
    // The browser fills the zone in; that alone changes nothing.
    #[case(json!({}), &[("zone", "Europe/Rome")], json!({}))]
    // Fields without use are ignored.
    #[case(json!({}), &[("zone", "Mars"), ("from", "x"), ("at", "")], json!({}))]
    fn a_form_changes_what_was_touched(#[case] was: Value, #[case] typed: &[(&str, &str)], #[case] want: Value) {
        let patch = change(&was, typed).unwrap();
        assert_eq!(patch, want);
        assert!(preferences(&was).merge(&patch).is_ok());
    }

    #[rstest]
    #[case(&[("new-email", "on")], &["new"])]
    #[case(&[("new", "deploy")], &["new"])]
    #[case(&[("new", "De ploy"), ("new-push", "off")], &["new"])]
    #[case(&[("new", "alert"), ("new-push", "off")], &["new"])]
    #[case(&[("from", "")], &["from"])]
    #[case(&[("to", "")], &["to"])]
    #[case(&[("to", "22:00")], &["to"])]
    #[case(&[("from", "24:00"), ("to", "7")], &["from", "to"])]
    #[case(&[("days", "-")], &["days"])]
    #[case(&[("days", "someday")], &["days"])]
    #[case(&[("zone", "")], &["zone"])]
    #[case(&[("zone", "Mars/Base")], &["zone"])]
    #[case(&[("quiet", "-"), ("zone", "Mars/Base")], &["zone"])]
    #[case(&[("at", "")], &["at"])]
    #[case(&[("digest", "2h")], &["at"])]
    #[case(&[("zone", "x"), ("new", "!"), ("days", "-"), ("at", "x")], &["new", "days", "at", "zone"])]
    fn what_is_wrong_is_told_at_its_field_from_above(#[case] typed: &[(&str, &str)], #[case] fields: &[&str]) {
        let wrong = change(&everything(), typed).unwrap_err();
        assert_eq!(wrong, fields);
    }
}
