//! What stands in the form, and how a choice is written in it.

use std::collections::BTreeMap;

use chrono::Weekday;

use crate::model::{Category, Choice, Delay, Digest, Preferences, Way};

/// The fields that may be wrong.
pub(super) const FIELDS: [&str; 6] = ["new", "from", "to", "days", "at", "zone"];

/// The days of the week, as they are written, and as they are read.
pub(super) const DAYS: [(&str, &str, Weekday); 7] = [
    ("mon", "Monday", Weekday::Mon),
    ("tue", "Tuesday", Weekday::Tue),
    ("wed", "Wednesday", Weekday::Wed),
    ("thu", "Thursday", Weekday::Thu),
    ("fri", "Friday", Weekday::Fri),
    ("sat", "Saturday", Weekday::Sat),
    ("sun", "Sunday", Weekday::Sun),
];

/// What is chosen where nothing is.
pub(super) const INHERIT: &str = "inherit";
/// All categories; no category is called so.
pub(super) const ALL: &str = "*";

/// What stands in the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedWishes {
    /// What is chosen for a category, or for all (`None`), each way; `None` or nothing where that says nothing.
    pub choices: BTreeMap<(Option<Category>, Way), Option<Choice>>,
    /// The row of a category that is to be added.
    pub new: TypedRow,
    /// Whether there are quiet hours.
    pub is_quiet: bool,
    /// From when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// On which days they begin.
    pub days: Vec<String>,
    /// How mails are put together: `off`, `1h` or `daily`; empty where that was not asked.
    pub digest: String,
    /// When the daily one is sent.
    pub at: String,
    /// Where the user's clock is.
    pub zone: String,
}

/// The row of a category that is to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedRow {
    /// Which.
    pub category: String,
    /// What is chosen for e-mail.
    pub email: Option<Choice>,
    /// What is chosen for a push.
    pub push: Option<Choice>,
}

impl TypedRow {
    /// What is chosen for a way.
    #[must_use]
    pub fn of(&self, way: Way) -> Option<Choice> {
        match way {
            Way::Email => self.email,
            Way::Push => self.push,
        }
    }
}

impl TypedWishes {
    /// What stands there for those who typed nothing yet.
    #[must_use]
    pub fn of(preferences: &Preferences) -> Self {
        let of_all = (None, preferences.channels);
        let of_each = preferences.categories.iter().map(|(category, choices)| (Some(category.clone()), *choices));
        let mut choices = BTreeMap::new();
        for (category, of_ways) in std::iter::once(of_all).chain(of_each) {
            choices.extend(Way::ALL.iter().map(|way| ((category.clone(), *way), of_ways.of(*way))));
        }
        let hours = preferences.quiet_hours;
        // Hours that end when they begin are none; they keep the zone.
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
            days: DAYS.iter().filter(|(_, _, day)| is_on(*day)).map(|(name, _, _)| (*name).to_owned()).collect(),
            digest,
            at: at.map_or_else(|| "08:00".to_owned(), |at| at.to_string()),
            zone: hours.map_or_else(String::new, |hours| hours.zone.name().to_owned()),
        }
    }

    /// What is chosen for a category, or for all, one way.
    #[must_use]
    pub fn choice(&self, category: Option<&Category>, way: Way) -> Option<Choice> {
        self.choices.get(&(category.cloned(), way)).copied().flatten()
    }
}

/// What is chosen, as a form has it.
pub(super) fn choice_value(choice: Option<Choice>) -> String {
    match choice {
        None => INHERIT.to_owned(),
        Some(Choice::On) => "on".to_owned(),
        Some(Choice::Off) => "off".to_owned(),
        Some(Choice::IfUnreadAfter(delay)) => delay.as_seconds().to_string(),
    }
}

/// The same for a category, or for all, one way.
pub(super) fn cell_value(category: Option<&Category>, way: Way, choice: Option<Choice>) -> String {
    format!("{} {way} {}", category.map_or(ALL, Category::as_str), choice_value(choice))
}

impl TypedRow {
    /// Reads what is chosen, as a form has it; `None` where no form of ours has that. Nothing at all says nothing.
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
    /// Takes in a cell of the table, as a form has it.
    ///
    /// # Errors
    /// When no form of ours has that.
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

/// What is no cell of the table.
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
