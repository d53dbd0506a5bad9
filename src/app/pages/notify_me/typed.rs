//! The content of the form, and how it encodes a choice.

use std::collections::BTreeMap;

use chrono::Weekday;

use crate::model::{Category, Choice, Delay, Digest, Preferences, Way};

/// The fields that may be wrong.
pub(super) const FIELDS: [&str; 6] = ["new", "from", "to", "days", "at", "zone"];

/// The days of the week: values in the form, and their type.
pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// The value for no choice.
pub(super) const INHERIT: &str = "inherit";
/// The value for all categories; no category has this name.
pub(super) const ALL: &str = "*";

/// The content of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedWishes {
    /// The choice for a category, or for all (`None`), and a way; `None` or absent where nothing is chosen.
    pub choices: BTreeMap<(Option<Category>, Way), Option<Choice>>,
    /// The row for a new category.
    pub new: TypedRow,
    /// Whether there are quiet hours.
    pub is_quiet: bool,
    /// The time at which they begin.
    pub from: String,
    /// The time at which they end.
    pub to: String,
    /// The days on which they begin.
    pub days: Vec<String>,
    /// How mails are gathered: `off`, `1h` or `daily`; empty where the form does not ask.
    pub digest: String,
    /// The time of the daily mail.
    pub at: String,
    /// The user's time zone.
    pub zone: String,
}

/// The row for a new category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedRow {
    /// The name of the category.
    pub category: String,
    /// The choice for e-mail.
    pub email: Option<Choice>,
    /// The choice for push.
    pub push: Option<Choice>,
}

impl TypedRow {
    /// The choice for a way.
    #[must_use]
    pub fn of(&self, way: Way) -> Option<Choice> {
        match way {
            Way::Email => self.email,
            Way::Push => self.push,
        }
    }
}

impl TypedWishes {
    /// The content of the form before the user types.
    #[must_use]
    pub fn of(preferences: &Preferences) -> Self {
        let of_all = (None, preferences.channels);
        let of_each = preferences.categories.iter().map(|(category, choices)| (Some(category.clone()), *choices));
        let mut choices = BTreeMap::new();
        for (category, of_ways) in std::iter::once(of_all).chain(of_each) {
            choices.extend(Way::ALL.iter().map(|way| ((category.clone(), *way), of_ways.of(*way))));
        }
        let hours = preferences.quiet_hours;
        // Hours that end when they begin count as none; they keep the zone.
        let quiet = hours.filter(|hours| hours.from != hours.to);
        let is_on = |day: Weekday| hours.is_none_or(|hours| hours.days.contains(day));
        let (digest, at) = match preferences.digest {
            Digest::Daily(at) => ("daily".to_owned(), Some(at)),
            other => (other.to_string(), None),
        };
        Self {
            choices,
            new: TypedRow::default(),
            is_quiet: quiet.is_some(),
            from: quiet.map_or_else(|| "22:00".to_owned(), |hours| hours.from.to_string()),
            to: quiet.map_or_else(|| "07:00".to_owned(), |hours| hours.to.to_string()),
            days: DAYS.iter().filter(|(_, day)| is_on(*day)).map(|(name, _)| (*name).to_owned()).collect(),
            digest,
            at: at.map_or_else(|| "08:00".to_owned(), |at| at.to_string()),
            zone: hours.map_or_else(String::new, |hours| hours.zone.name().to_owned()),
        }
    }

    /// The choice for a category, or for all, and a way.
    #[must_use]
    pub fn choice(&self, category: Option<&Category>, way: Way) -> Option<Choice> {
        self.choices.get(&(category.cloned(), way)).copied().flatten()
    }
}

/// A choice, as the form encodes it.
pub(super) fn choice_value(choice: Option<Choice>) -> String {
    match choice {
        None => INHERIT.to_owned(),
        Some(Choice::On) => "on".to_owned(),
        Some(Choice::Off) => "off".to_owned(),
        Some(Choice::IfUnreadAfter(delay)) => delay.as_seconds().to_string(),
    }
}

/// A choice with its category, or all, and its way.
pub(super) fn cell_value(category: Option<&Category>, way: Way, choice: Option<Choice>) -> String {
    format!("{} {way} {}", category.map_or(ALL, Category::as_str), choice_value(choice))
}

impl TypedRow {
    /// Reads a choice; `None` where our forms have no such value. An empty text is no choice.
    #[must_use]
    pub fn read_choice(text: &str) -> Option<Option<Choice>> {
        match text {
            "" | INHERIT => Some(None),
            "on" => Some(Some(Choice::On)),
            "off" => Some(Some(Choice::Off)),
            seconds => Delay::parse(seconds.parse().ok()?).ok().map(|delay| Some(Choice::IfUnreadAfter(delay))),
        }
    }
}

impl TypedWishes {
    /// Reads a cell of the table.
    ///
    /// # Errors
    /// When our forms have no such value.
    pub fn take_cell(&mut self, text: &str) -> Result<(), NoCell> {
        let mut parts = text.split(' ');
        let (Some(category), Some(way), Some(choice), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoCell);
        };
        let category = match category {
            ALL => None,
            name => Some(Category::parse(name).map_err(|_| NoCell)?),
        };
        let way = Way::parse(way).map_err(|_| NoCell)?;
        self.choices.insert((category, way), TypedRow::read_choice(choice).ok_or(NoCell)?);
        Ok(())
    }
}

/// The text is not a cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCell;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_read_as_it_is_written() {
        let delay = |seconds| Some(Choice::IfUnreadAfter(Delay::parse(seconds).unwrap()));
        let mut typed = TypedWishes::of(&Preferences::default());
        let alert = Category::parse("alert").unwrap();
        for category in [None, Some(&alert)] {
            for way in Way::ALL {
                for choice in [None, Some(Choice::On), Some(Choice::Off), delay(45), delay(604_800)] {
                    typed.take_cell(&cell_value(category, *way, choice)).unwrap();
                    assert_eq!(typed.choice(category, *way), choice);
                }
            }
        }
        for wrong in [
            "",
            "alert",
            "alert email",
            "alert email 0",
            "alert email 604801",
            "No email on",
            "alert fcm on",
            "a email on x",
        ] {
            assert_eq!(typed.take_cell(wrong), Err(NoCell), "{wrong}");
        }
    }

    #[test]
    fn hours_that_end_when_they_begin_keep_the_zone_and_are_off() {
        let of = |patch| TypedWishes::of(&Preferences::default().merge(&patch).unwrap());
        let none = of(json!({}));
        assert_eq!(
            (none.is_quiet, none.from.as_str(), none.to.as_str(), none.zone.as_str()),
            (false, "22:00", "07:00", "")
        );
        assert_eq!((none.days.len(), none.digest.as_str(), none.at.as_str()), (7, "off", "08:00"));
        let zone = of(json!({"quiet_hours": {"zone": "Europe/Berlin", "from": "00:00", "to": "00:00"}}));
        assert_eq!((zone.is_quiet, zone.from.as_str(), zone.zone.as_str()), (false, "22:00", "Europe/Berlin"));
        let hours = json!({"zone": "Asia/Tokyo", "from": "21:30", "to": "06:00", "days": ["fri", "sat"]});
        let quiet = of(json!({"quiet_hours": hours, "digest": {"email": "daily 09:15"}}));
        assert_eq!((quiet.is_quiet, quiet.from.as_str(), quiet.to.as_str()), (true, "21:30", "06:00"));
        assert_eq!(
            (quiet.days, quiet.digest.as_str(), quiet.at.as_str()),
            (vec!["fri".to_owned(), "sat".to_owned()], "daily", "09:15")
        );
    }
}
