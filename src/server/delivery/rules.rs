//! Whether and when a channel delivers a notification to a user: by the sender's request, the operator's rules and the
//! user's preferences. Pure, without a clock or a store.
//!
//! The moment that something waits for follows from when it was created, so a decision can be made again at any time:
//! what is held by itself is sent once that moment has come, unless the user wants something else by then.

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
    /// Of which categories a user gets mail who said nothing.
    pub email_categories: Vec<Category>,
    /// Of which categories every user is told, each way and at once, whatever they want.
    pub mandatory: Vec<Category>,
}

impl Default for Rules {
    /// Mail for alerts, and nothing that is forced on users.
    fn default() -> Self {
        Self { email_categories: vec![Category::stored("alert")], mandatory: Vec::new() }
    }
}

words! {
    /// Who made a choice.
    Because, "one of the reasons" {
        /// The operator's, against which a user has none.
        Mandatory = "mandatory",
        /// The user's, for this category.
        Category = "category",
        /// The user's, for this way.
        Channel = "channel",
        /// The server's, since the user said nothing.
        Default = "default",
        /// The server's: it has no channel that goes that way.
        NotSetUp = "not_set_up",
    }
}

words! {
    /// The reason that a delivery is held.
    HeldFor, "one of the reasons" {
        /// The user to read it, which makes it needless.
        Unread = "if_unread_after",
        /// The end of the user's quiet hours.
        QuietHours = "quiet_hours",
        /// Others, with which it is one mail.
        Digest = "digest",
    }
}

words! {
    /// Why a channel does not tell a user.
    SkippedFor, "one of the reasons" {
        /// The sender named other channels.
        SenderChannels = "sender_channels",
        /// The sender wants no mail.
        SenderNoEmail = "sender_no_email",
        /// The user does not want this category this way.
        OffByCategory = "off_by_category",
        /// The user does not want this way.
        OffByChannel = "off_by_channel",
        /// The user said nothing, and it is off then.
        OffByDefault = "off_by_default",
    }
}

/// The decision for a notification on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is sent now.
    Send,
    /// It waits.
    Hold {
        /// Until when.
        until: DateTime<Utc>,
        /// What for: the rule that names this moment. A digest keeps its word where quiet hours move it, since what
        /// waits for one is sent in it and not by itself; where it is late, its moment is now.
        why: HeldFor,
    },
    /// It is not sent.
    Skip {
        /// Why.
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

/// Whether a user is told of a category one way, and whose word that is: the operator's, where it is mandatory; else
/// the user's for this category, or for this way; else the server's.
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

/// What holds for each way of the well-known categories, and of those that the user or the operator names; `is_set_up`
/// tells whether the server has a channel that goes a way.
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

/// Whether and when a channel tells a user of a notification that was created at that moment. What counts, the first
/// before the others: that the sender excludes the channel, that the category is mandatory, what the user wants, what
/// the server has for a user who said nothing.
///
/// A webhook belongs to an application: neither a user nor the sender has a say in it.
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
            // Where it is late already it is due at once, and in a digest all the same: there may be many of them.
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

/// Sent when it is due, or as soon after that as it is not quiet.
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
