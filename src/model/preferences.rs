//! The preferences of a user: which notifications, by which channel, and when.
//!
//! A value of one of these types is valid. A user's changes come in as a JSON merge patch, through
//! [`Preferences::merge`]; there is no other way in, and stored preferences take the same one.

mod patch;

use std::collections::BTreeMap;

use chrono::{NaiveTime, Weekday, WeekdaySet};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::Value;

use crate::model::{Category, Channel, delivery::words, problem::Invalid};

words! {
    /// A channel, as preferences name it.
    Way, "one of the ways" {
        /// By e-mail.
        Email = "email",
        /// By a push to a browser or a device, whichever service carries it.
        Push = "push",
    }
}

impl Way {
    /// The way of a channel; `None` for webhooks, which belong to an application: users do not control them.
    #[must_use]
    pub fn of(channel: Channel) -> Option<Self> {
        match channel {
            Channel::Email => Some(Self::Email),
            Channel::Webpush | Channel::Fcm | Channel::Apns => Some(Self::Push),
            Channel::Webhook => None,
        }
    }
}

/// How long a notification must stay unread before it is delivered: 1 second to 7 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 604_800)]
#[serde(transparent)]
pub struct Delay(u32);

impl Delay {
    /// The longest delay, in seconds.
    pub const MAX_SECONDS: u32 = 604_800;

    /// A delay of this many seconds.
    ///
    /// # Errors
    /// When it is 0, or more than [`Self::MAX_SECONDS`].
    pub fn parse(seconds: u64) -> Result<Self, Invalid> {
        let legal = u32::try_from(seconds).ok().filter(|seconds| (1..=Self::MAX_SECONDS).contains(seconds));
        let wrong = || Invalid::new(format!("This must be 1 to {} seconds.", Self::MAX_SECONDS));
        legal.map(Self).ok_or_else(wrong)
    }

    /// In seconds.
    #[must_use]
    pub fn as_seconds(self) -> u32 {
        self.0
    }
}

/// Whether a user receives notifications by one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The user does.
    On,
    /// The user does not.
    Off,
    /// The user does when the notification was left unread for this long.
    IfUnreadAfter(Delay),
}

/// The user's choice for each channel; absent where the user made none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
pub struct Choices {
    /// For e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<Choice>,
    /// For a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub push: Option<Choice>,
}

impl Choices {
    /// The choice for a channel.
    #[must_use]
    pub fn of(&self, way: Way) -> Option<Choice> {
        match way {
            Way::Email => self.email,
            Way::Push => self.push,
        }
    }

    /// Whether the user made no choice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A time of the day, to the minute: `00:00` to `23:59`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads `HH:MM`.
    ///
    /// # Errors
    /// When it is not in that form. A day has no `24:00`; that is `00:00` of the next one.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let below = |text: &str, limit: u16| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|number| is_number && *number < limit)
        };
        let parts = text.split_once(':').and_then(|(hour, minute)| Some((below(hour, 24)?, below(minute, 60)?)));
        let wrong = || Invalid::new("A time of the day is 00:00 to 23:59.");
        parts.map(|(hour, minute)| Self(60 * hour + minute)).ok_or_else(wrong)
    }

    /// The time in chrono's type.
    #[must_use]
    pub fn to_naive(self) -> NaiveTime {
        NaiveTime::from_num_seconds_from_midnight_opt(60 * u32::from(self.0), 0).unwrap_or(NaiveTime::MIN)
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The names of the days of the week.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Hours in which nothing is sent to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct QuietHours {
    /// Time zone of the user.
    #[schema(value_type = String, example = "Europe/Berlin")]
    #[serde(serialize_with = "as_name")]
    pub zone: Tz,
    /// Start, in local time.
    #[schema(value_type = String, example = "22:00")]
    pub from: TimeOfDay,
    /// End, in local time, exclusive; on the next day if it is before `from`. If it equals `from`, there are no quiet
    /// hours.
    #[schema(value_type = String, example = "07:00")]
    pub to: TimeOfDay,
    /// Days on which it begins; at least one.
    #[schema(value_type = Vec<String>, example = json!(["mon", "tue"]))]
    #[serde(serialize_with = "as_names")]
    pub days: WeekdaySet,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn as_name<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn as_names<S: Serializer>(days: &WeekdaySet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(DAYS.iter().filter(|(_, day)| days.contains(*day)).map(|(name, _)| name))
}

/// How waiting mails are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Digest {
    /// They are not.
    #[default]
    Off,
    /// One mail for each hour; the first notification opens that hour.
    Hourly,
    /// One mail for each day, sent at this local time.
    Daily(TimeOfDay),
}

impl Digest {
    /// Reads `off`, `1h`, or `daily HH:MM`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let daily = || TimeOfDay::parse(text.strip_prefix("daily ")?).ok();
        match text {
            "off" => Ok(Self::Off),
            "1h" => Ok(Self::Hourly),
            _ => daily().map(Self::Daily).ok_or_else(|| {
                Invalid::new("A digest is off, 1h, or daily with a time of the day such as daily 08:00.")
            }),
        }
    }

    /// Whether mails are not combined.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Hourly => f.write_str("1h"),
            Self::Daily(at) => write!(f, "daily {at}"),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn for_email<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(Way::Email.as_str(), &format_args!("{digest}"))?;
    map.end()
}

/// The preferences of a user. Where the user made no choice, the server's rules decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preferences {
    /// The choice for each channel, for all categories.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    pub channels: Choices,
    /// The choices for single categories, which override those for channels; none is empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<Category, Choices>,
    /// The hours in which nothing is sent to the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// How mails are combined.
    #[serde(skip_serializing_if = "Digest::is_off", serialize_with = "for_email")]
    pub digest: Digest,
}

impl Preferences {
    /// The most categories in the preferences of a user.
    pub const MOST_CATEGORIES: usize = 100;
}

impl<'de> Deserialize<'de> for Preferences {
    /// Reads stored preferences; anything else is an error with the first mistake.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::default().merge(&value).map_err(|errors| {
            let first = errors.first().map(|error| format!("{}: {}", error.field, error.message));
            D::Error::custom(first.unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests;
