//! Whether and when a channel delivers a notification to a user: by the sender's request, the operator's rules and the
//! user's preferences. Pure, without a clock or a store.
//!
//! The time until which a delivery is held follows from the time of its notification's creation, so the decision can be
//! made again at any time: a delivery held by itself is sent once that time has come, unless the user's preferences
//! have changed by then.

mod hours;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub(super) use self::hours::{digest_due, quiet_until};
use crate::model::{Category, Channel, Choice, Invalid, Preferences, Routing, Way, delivery::words};

/// The rules of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The categories that are mailed to users who made no choice.
    pub email_categories: Vec<Category>,
    /// The categories that every user gets, each way and at once, regardless of their preferences.
    pub mandatory: Vec<Category>,
}

impl Default for Rules {
    /// Mail for alerts, and no mandatory categories.
    fn default() -> Self {
        Self { email_categories: vec![Category::stored("alert")], mandatory: Vec::new() }
    }
}

words! {
    /// Who made a choice.
    Because, "one of the reasons" {
        /// The operator made the category mandatory, and users cannot change that.
        Mandatory = "mandatory",
        /// The user chose for this category.
        Category = "category",
        /// The user chose for this way.
        Channel = "channel",
        /// The server's default, because the user made no choice.
        Default = "default",
        /// The server has no channel for this way.
        NotSetUp = "not_set_up",
    }
}

words! {
    /// The reason that a delivery is held.
    HeldFor, "one of the reasons" {
        /// The user may still read it, which would make it unnecessary.
        Unread = "if_unread_after",
        /// It waits for the end of the user's quiet hours.
        QuietHours = "quiet_hours",
        /// It is sent with others in one mail.
        Digest = "digest",
    }
}

words! {
    /// Why a channel sends no message to a user.
    SkippedFor, "one of the reasons" {
        /// The sender named other channels.
        SenderChannels = "sender_channels",
        /// The sender wants no mail.
        SenderNoEmail = "sender_no_email",
        /// The user turned this category off for this way.
        OffByCategory = "off_by_category",
        /// The user turned this way off.
        OffByChannel = "off_by_channel",
        /// The user made no choice, and the default is off.
        OffByDefault = "off_by_default",
    }
}

/// The decision for a notification on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is sent now.
    Send,
    /// It is held.
    Hold {
        /// The time until which it is held.
        until: DateTime<Utc>,
        /// The rule that sets this time. A digest stays the reason even when quiet hours move it, since the delivery is
        /// sent in the digest and not by itself; where the digest is late, its time is now.
        why: HeldFor,
    },
    /// It is not sent.
    Skip {
        /// The reason.
        reason: SkippedFor,
    },
}

/// The choice in force for a category and a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Effect {
    /// The choice.
    pub value: Choice,
    /// Who made the choice.
    pub because: Because,
}

/// The choice for a category and a way, and who made it: the operator, where it is mandatory; else the user, for this
/// category or for this way; else the server.
#[must_use]
pub(super) fn value(preferences: &Preferences, rules: &Rules, category: &Category, way: Way) -> (Choice, Because) {
    if rules.mandatory.contains(category) {
        return (Choice::On, Because::Mandatory);
    }
    let of_category = preferences.categories.get(category).and_then(|choices| choices.of(way));
    let is_on = way == Way::Push || rules.email_categories.contains(category);
    match (of_category, preferences.channels.of(way)) {
        (Some(choice), _) => (choice, Because::Category),
        (None, Some(choice)) => (choice, Because::Channel),
        (None, None) => (if is_on { Choice::On } else { Choice::Off }, Because::Default),
    }
}

/// The choices in force for each way of the well-known categories, and of those that the user or the operator names;
/// `is_set_up` tells whether the server has a channel for a way.
#[must_use]
pub(super) fn effective(
    preferences: &Preferences,
    rules: &Rules,
    is_set_up: impl Fn(Way) -> bool,
) -> BTreeMap<Category, BTreeMap<Way, Effect>> {
    let of_category = |category: Category| {
        let of_way = |way: &Way| {
            let (value, because) = match is_set_up(*way) {
                true => value(preferences, rules, &category, *way),
                false => (Choice::Off, Because::NotSetUp),
            };
            (*way, Effect { value, because })
        };
        let effects = Way::ALL.iter().map(of_way).collect();
        (category, effects)
    };
    let known = Category::WELL_KNOWN.into_iter().map(Category::stored);
    let named = preferences.categories.keys().chain(&rules.email_categories).chain(&rules.mandatory);
    known.chain(named.cloned()).map(of_category).collect()
}

/// Whether and when a channel delivers a notification created at this time. The first of these decides: the sender
/// excludes the channel; the category is mandatory; the user's choice; the server's default.
///
/// A webhook belongs to an application: neither users nor senders control it.
#[must_use]
pub(super) fn decide(
    routing: &Routing,
    preferences: &Preferences,
    rules: &Rules,
    category: &Category,
    channel: Channel,
    created: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Decision {
    let Some(way) = Way::of(channel) else { return Decision::Send };
    let skip = |reason| Decision::Skip { reason };
    let send_email = routing.send_email.filter(|_| way == Way::Email);
    if routing.channels.as_ref().is_some_and(|only| !only.contains(&channel)) {
        return skip(SkippedFor::SenderChannels);
    }
    if send_email == Some(false) {
        return skip(SkippedFor::SenderNoEmail);
    }
    let is_added = send_email == Some(true);
    let (choice, because) = value(preferences, rules, category, way);
    match (choice, because) {
        (_, Because::Mandatory) => Decision::Send,
        (Choice::Off, Because::Category) => skip(SkippedFor::OffByCategory),
        (Choice::Off, Because::Channel) => skip(SkippedFor::OffByChannel),
        (Choice::Off, Because::Default) if !is_added => skip(SkippedFor::OffByDefault),
        (Choice::On, _) if way == Way::Email && !is_added && !preferences.digest.is_off() => {
            let zone = preferences.quiet_hours.map_or(Tz::UTC, |hours| hours.zone);
            // A late digest is due at once, and still a digest: there may be many notifications in it.
            let due = digest_due(preferences.digest, zone, created).max(now);
            Decision::Hold { until: quiet(preferences, due).unwrap_or(due), why: HeldFor::Digest }
        }
        (Choice::On | Choice::Off, _) => not_before(now, preferences, now),
        (Choice::IfUnreadAfter(delay), _) => {
            let due = created.checked_add_signed(TimeDelta::seconds(delay.as_seconds().into()));
            not_before(due.unwrap_or(created), preferences, now)
        }
    }
}

/// Sends it when it is due, or at the end of quiet hours.
fn not_before(due: DateTime<Utc>, preferences: &Preferences, now: DateTime<Utc>) -> Decision {
    let due = due.max(now);
    match quiet(preferences, due) {
        Some(until) => Decision::Hold { until, why: HeldFor::QuietHours },
        None if due > now => Decision::Hold { until: due, why: HeldFor::Unread },
        None => Decision::Send,
    }
}

fn quiet(preferences: &Preferences, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    quiet_until(&preferences.quiet_hours?, at)
}

#[cfg(test)]
mod tests;
