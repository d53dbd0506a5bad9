//! A change of preferences: a JSON merge patch (RFC 7396). All errors are reported at once, each with its field.

use chrono::{Weekday, WeekdaySet};
use serde_json::{Map, Value};

use super::{Choice, Choices, DAYS, Delay, Digest, Preferences, QuietHours, TimeOfDay, Way};
use crate::model::{Category, FieldError, Invalid, nearest, unknown_name};

/// The most errors that are kept; more would take room and help no client.
const MOST_ERRORS: usize = 100;
/// How many characters of an unknown name are repeated.
const LONGEST_SHOWN: usize = 64;

impl Preferences {
    /// These preferences with a merge patch applied: `null` removes a part, objects are merged member by member, and
    /// any other value replaces the old one. An unknown name is an error even with the value `null`, which RFC 7396
    /// would ignore, since it is misspelt.
    ///
    /// # Errors
    /// One entry for each error, up to 100, named by its place such as `categories.alert.email`; `body` is the place of
    /// the patch itself.
    pub fn merge(&self, patch: &Value) -> Result<Self, Vec<FieldError>> {
        let mut wrong = PatchErrors::default();
        let mut merged = self.clone();
        for (name, value) in wrong.members("", patch) {
            match name.as_str() {
                "channels" => merge_choices(&mut merged.channels, name, value, &mut wrong),
                "categories" => merge_categories(&mut merged, value, &mut wrong),
                "quiet_hours" => merged.quiet_hours = merge_quiet_hours(self.quiet_hours, value, &mut wrong),
                "digest" => merge_digest(&mut merged.digest, value, &mut wrong),
                _ => wrong.unknown("", name, &["channels", "categories", "quiet_hours", "digest"]),
            }
        }
        if wrong.0.is_empty() { Ok(merged) } else { Err(wrong.0) }
    }
}

fn merge_choices(choices: &mut Choices, place: &str, patch: &Value, wrong: &mut PatchErrors) {
    if patch.is_null() {
        *choices = Choices::default();
        return;
    }
    for (name, value) in wrong.members(place, patch) {
        let choice = match Way::parse(name) {
            Ok(Way::Email) => &mut choices.email,
            Ok(Way::Push) => &mut choices.push,
            Err(_) => {
                wrong.unknown(place, name, &["email", "push"]);
                continue;
            }
        };
        *choice = merge_choice(*choice, &within(place, name), value, wrong);
    }
}

fn merge_choice(old: Option<Choice>, place: &str, patch: &Value, wrong: &mut PatchErrors) -> Option<Choice> {
    const AFTER: &str = "if_unread_after";
    let why = r#"This must be "on", "off", or {"if_unread_after": seconds}."#;
    let members = match patch {
        Value::Null => return None,
        Value::String(word) if word == "on" => return Some(Choice::On),
        Value::String(word) if word == "off" => return Some(Choice::Off),
        Value::Object(members) => members,
        _ => return wrong.add(place, why),
    };
    for name in members.keys().filter(|name| *name != AFTER) {
        wrong.unknown(place, name, &[AFTER]);
    }
    match (members.get(AFTER), old) {
        // An empty object changes nothing.
        (None, Some(Choice::IfUnreadAfter(_))) => old,
        (None, _) if !members.is_empty() => None,
        (None | Some(Value::Null), _) => wrong.add(place, why),
        (Some(seconds), _) => {
            let delay = whole_number(seconds).and_then(Delay::parse);
            wrong.take(&within(place, AFTER), delay).map(Choice::IfUnreadAfter)
        }
    }
}

fn merge_categories(merged: &mut Preferences, patch: &Value, wrong: &mut PatchErrors) {
    const PLACE: &str = "categories";
    if patch.is_null() {
        merged.categories.clear();
        return;
    }
    for (name, value) in wrong.members(PLACE, patch) {
        let place = within(PLACE, &shown(name));
        let Some(category) = wrong.take(&place, Category::parse(name)) else { continue };
        let mut choices = merged.categories.remove(&category).unwrap_or_default();
        merge_choices(&mut choices, &place, value, wrong);
        if !choices.is_empty() {
            merged.categories.insert(category, choices);
        }
    }
    let (named, most) = (merged.categories.len(), Preferences::MOST_CATEGORIES);
    if named > most {
        wrong.add::<()>(PLACE, format!("Name at most {most} categories; with these there are {named}."));
    }
}

fn merge_quiet_hours(old: Option<QuietHours>, patch: &Value, wrong: &mut PatchErrors) -> Option<QuietHours> {
    const PLACE: &str = "quiet_hours";
    const NAMES: [&str; 4] = ["zone", "from", "to", "days"];
    let members = match patch {
        Value::Null => return None,
        Value::Object(members) => members,
        _ => return wrong.not_an_object(PLACE, patch),
    };
    for name in members.keys().filter(|name| !NAMES.contains(&name.as_str())) {
        wrong.unknown(PLACE, name, &NAMES);
    }
    let zone = |text: &str| {
        let why = || Invalid::new("This must be a time zone of the IANA database, such as Europe/Berlin.");
        text.parse().map_err(|_| why())
    };
    let zone = needed(members, "zone", old.map(|old| old.zone), zone, wrong);
    let from = needed(members, "from", old.map(|old| old.from), TimeOfDay::parse, wrong);
    let to = needed(members, "to", old.map(|old| old.to), TimeOfDay::parse, wrong);
    let days = match members.get("days") {
        None => Some(old.map_or(WeekdaySet::ALL, |old| old.days)),
        Some(Value::Null) => Some(WeekdaySet::ALL),
        Some(days) => read_days(days, wrong),
    };
    Some(QuietHours { zone: zone?, from: from?, to: to?, days: days? })
}

/// A part of the quiet hours that has no default.
fn needed<T>(
    members: &Map<String, Value>,
    name: &str,
    old: Option<T>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    wrong: &mut PatchErrors,
) -> Option<T> {
    let place = within("quiet_hours", name);
    match (members.get(name), old) {
        (None, Some(old)) => Some(old),
        (None | Some(Value::Null), _) => wrong.add(&place, "This field is required."),
        (Some(value), _) => wrong.take(&place, text(value).and_then(parse)),
    }
}

fn read_days(days: &Value, wrong: &mut PatchErrors) -> Option<WeekdaySet> {
    const PLACE: &str = "quiet_hours.days";
    let all = match days {
        Value::Array(all) if (1..=DAYS.len()).contains(&all.len()) => all,
        Value::Array(_) => return wrong.add(PLACE, "Name one to seven days; without quiet hours, all is null."),
        _ => return wrong.add(PLACE, format!("This must be an array, not {}.", kind(days))),
    };
    let mut set = WeekdaySet::EMPTY;
    let mut are_legal = true;
    for (index, day) in all.iter().enumerate() {
        match wrong.take(&format!("{PLACE}[{index}]"), text(day).and_then(read_day)) {
            Some(day) => _ = set.insert(day),
            None => are_legal = false,
        }
    }
    are_legal.then_some(set)
}

fn read_day(text: &str) -> Result<Weekday, Invalid> {
    let found = DAYS.iter().find(|(name, _)| *name == text);
    let wrong = || Invalid::new("A day is mon, tue, wed, thu, fri, sat or sun.");
    found.map(|(_, day)| *day).ok_or_else(wrong)
}

fn merge_digest(digest: &mut Digest, patch: &Value, wrong: &mut PatchErrors) {
    const PLACE: &str = "digest";
    if patch.is_null() {
        *digest = Digest::Off;
        return;
    }
    for (name, value) in wrong.members(PLACE, patch) {
        match (name.as_str(), value) {
            ("email", Value::Null) => *digest = Digest::Off,
            ("email", value) => {
                let read = wrong.take(&within(PLACE, name), text(value).and_then(Digest::parse));
                *digest = read.unwrap_or_default();
            }
            _ => wrong.unknown(PLACE, name, &["email"]),
        }
    }
}

/// The errors of a patch.
#[derive(Default)]
struct PatchErrors(Vec<FieldError>);

impl PatchErrors {
    /// Adds an error; there is no value, whatever its type.
    fn add<T>(&mut self, place: &str, why: impl Into<std::borrow::Cow<'static, str>>) -> Option<T> {
        if self.0.len() < MOST_ERRORS {
            self.0.push(FieldError::new(place, Invalid::new(why)));
        }
        None
    }

    /// The value, or nothing after adding the error.
    fn take<T>(&mut self, place: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_or_else(|why| self.add(place, why.to_string()), Some)
    }

    /// Adds the error for an unknown name, where these are known.
    fn unknown(&mut self, place: &str, name: &str, known: &[&str]) {
        let meant = nearest(name, known);
        let name = shown(name);
        let why = unknown_name("field", &name, meant, known);
        self.add::<()>(&within(place, &name), why);
    }

    fn not_an_object<T>(&mut self, place: &str, value: &Value) -> Option<T> {
        let place = if place.is_empty() { "body" } else { place };
        self.add(place, format!("This must be an object, not {}.", kind(value)))
    }

    /// The members of an object; none, with an error, if the value is not an object.
    fn members<'v>(
        &mut self,
        place: &str,
        value: &'v Value,
    ) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
        if !value.is_object() {
            self.not_an_object::<()>(place, value);
        }
        value.as_object().into_iter().flatten()
    }
}

/// The place of a member.
fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// A name in a form that may be repeated: shortened, and without characters that a terminal obeys.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn text(value: &Value) -> Result<&str, Invalid> {
    value.as_str().ok_or_else(|| Invalid::new(format!("This must be a string, not {}.", kind(value))))
}

/// A whole number, even if it is written as `60.0` or `6e1`, which is the same number in JSON.
fn whole_number(value: &Value) -> Result<u64, Invalid> {
    let whole = |number: f64| {
        let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
        is_whole.then_some(number as u64)
    };
    let found = value.as_u64().or_else(|| value.as_f64().and_then(whole));
    let wrong = || match value {
        Value::Number(_) => Invalid::new("This must be a whole number of seconds."),
        _ => Invalid::new(format!("This must be a number of seconds, not {}.", kind(value))),
    };
    found.ok_or_else(wrong)
}

/// The kind of a value, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
