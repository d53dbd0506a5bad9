//! The words of the pages beside the inbox, a room for each page. Only the server has them.

use super::Words;

macro_rules! desk {
    ($($(#[$room_doc:meta])* $room:ident: $Room:ident { $($(#[$doc:meta])* $name:ident,)* })*) => {
        /// The words of the pages beside the inbox.
        #[derive(Debug, PartialEq, Eq)]
        pub(crate) struct Desk { $($(#[$room_doc])* pub(crate) $room: $Room,)* }

        $(
            $(#[$room_doc])*
            #[derive(Debug, PartialEq, Eq)]
            pub(crate) struct $Room { $($(#[$doc])* pub(crate) $name: &'static str,)* }
        )*

        impl Desk {
            /// All of them, with their names.
            #[cfg(test)]
            pub(super) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$($((concat!(stringify!($room), ".", stringify!($name)), self.$room.$name),)*)*]
            }
        }
    };
}

desk! {
    /// The frame around a page.
    frame: Frame {
        skip, inbox, go_to_inbox,
        // Headings where there is nothing to show.
        forbidden, not_found, too_many, unavailable, failed,
    }
    /// The outcome of a form that was carried out.
    done: Done {
        read, unread, retry, nothing_retried,
        /// In the forms of a number.
        retried,
        cancel, saved, removed, resume, enable, disable, delete,
    }
    /// Why a form was refused, where the server's own sentence is in another language.
    refused: Refused {
        conflict, unreadable, url, events, categories, new, from, to, days, at, zone,
    }
    /// Moments.
    moments: Moments {
        just_now, ago,
        /// In the forms of a number.
        days_ago,
        ahead,
        /// In the forms of a number.
        days_ahead,
    }
    /// The page of one notification.
    notification: OfNotification {
        untitled, data, created, first_change, last_change, id, open_inbox, delete_it, delete, delete_question, deliveries, deliveries_lead,
        none_known, only_in_inbox, see_webhooks,
    }
    /// A list of deliveries.
    deliveries: Deliveries {
        older, more, deleted_webhook, application, contact,
        /// A channel and a destination.
        channel_to,
        held_until, to_be_sent, next_attempt, was_in_digest, will_be_in_digest, repeats, is_repeated, retry, send_now,
        cancel, a_notification, number_of_unread, whole_inbox,
        /// One of the three before, and its user.
        about,
        /// In the forms of a number.
        attempts,
        last_answered, last_unanswered,
        // Why an attempt had no answer.
        late,
        /// With the cause.
        lost,
        forbidden,
        /// Follows an attempt.
        not_counted,
    }
    /// Channels, states and choices.
    states: States {
        email, webhook, email_to, push_to_browser, push_to_device, push_to_apple,
        // Choices, as they stand alone and within a sentence.
        on, off, if_unread_after, is_on, is_off, is_if_unread_after,
        /// After "unread after", in the forms of a number.
        days,
        // Events.
        created, updated, deleted, all_read,
        // Contacts, deliveries and their attempts.
        active, refused, gone, held, waiting, leased, accepted, given_up, cancelled, expired, skipped, to_retry, not_right,
        may_have_arrived,
        // Webhooks and lanes.
        paused, disabled, failing, behind, sending, open,
    }
    /// The reasons of states.
    reasons: Reasons {
        // Of contacts.
        suppressed, email_off, push_refused_browser, push_refused_device, gone_browser, gone_device,
        // Of deliveries.
        gave_up, contact_dead, unreadable, message_bad, misconfigured, asked_to_wait, notification_expired, count_expired,
        webhook_deleted, webhook_disabled, not_set_up, backlog_full, no_contact, by_hand, sender_channels, sender_no_email,
        off_by_category, off_by_channel, off_by_default, if_unread_after, quiet_hours, digest, together, judged_anew, limit,
        contact_deleted, contact_suppressed, contact_disabled, read, deleted, nothing_left,
        /// A reason without words of its own.
        other,
        unknown,
        // Of webhooks.
        disabled_by_hand, answered_gone, failing_for_long, fails_to_webhook, fails_to_users, fails_to_email, behind,
        // Of lanes.
        pause_asked_for, webhook_refuses, push_service_refuses, fcm_refuses, apns_refuses, relay_refuses,
    }
    /// The page of webhooks.
    webhooks: OfWebhooks {
        none,
        /// With the name of the specification.
        lead,
        add_one, add, url, url_hint, only_categories, only_categories_hint, only_user, only_user_hint, events, categories,
        inboxes, all, added, old_secret_ends, enable, disable, test, given_up, new_secret, make_secret, secret_question,
        secret_question_again, delete, delete_it, delete_question, secret,
        /// With the keys and the header.
        secret_how,
        secret_copied, test_arrived, test_failed, not_tested,
        /// A result, an answer and milliseconds.
        tested,
        answered, no_answer,
    }
    /// The page of channels.
    channels: OfChannels {
        nothing_to_do,
        /// In the forms of a number.
        to_do,
        missing, lead, resume, no_lanes, no_lanes_of_webhooks, lane, state, waiting, oldest, in_flight, deleted, until,
        nothing, relay, project, team,
        /// A push service and its browsers.
        browsers,
        chrome_and_others, given_up, given_up_lead, nothing_given_up, nothing_given_up_here, skipped, skipped_lead,
        nothing_skipped, filter_what, filter_given_up, filter_skipped, filter_of, filter_all, retry_all, retry_all_question,
        retry_all_here, retry_all_here_question, send_all,
    }
    /// The page of preferences.
    wishes: OfWishes {
        notify, lead, lead_of_user, another_user, save, read_only, nothing, nothing_of_user, whose_lead,
        // The table.
        what, what_of_user, new_hint, not_set_up, not_set_up_short, push, no_address_yet, no_address_works, no_device_yet,
        no_device_works, to_address,
        /// In the forms of a number.
        to_addresses,
        /// In the forms of a number.
        to_devices,
        always_on, mandatory,
        /// Within a sentence.
        of_all,
        /// Within a sentence.
        of_added,
        as_for_all, as_for_all_is, as_for_all_by_default, by_default, on_for, on_for_more, add_category,
        // When.
        when, when_of_user, quiet, quiet_on, from, to, days, quiet_hint,
        /// Follows the hint, with a space.
        quiet_always,
        digest, digest_off, digest_hourly, digest_daily, at, digest_hint, zone, zone_hint,
        // Contacts.
        reached, reached_of_user, inbox_so_far, inbox_only, inbox_only_of_user, contacts_of_browsers, contacts_elsewhere,
        contacts_of_users_browsers, contacts_of_users, this_browser, remove, remove_it, remove_email, remove_browser,
        remove_device, set, seen,
    }
    /// Push to this browser.
    push: Push {
        heading, needs_script, turn_on, turn_off, impossible, not_yet, blocked, stopped, turning_on, off_text,
        off_text_of_user, elsewhere_text, elsewhere_text_of_user, on_text, on_text_of_user, unsupported_text, ios_text,
        insecure_text, blocked_text, stopped_text, turning_on_text,
        // What public/push.js says.
        unreachable, answered, no_worker, not_allowed, no_service, no_answer, a_browser, browser_on, unreadable,
    }
}

impl Refused {
    /// What a field has to be.
    pub(super) fn wrong(&self, words: &Words, field: &str) -> &'static str {
        match field {
            "url" => self.url,
            "events" => self.events,
            "categories" => self.categories,
            "new" => self.new,
            "from" => self.from,
            "to" => self.to,
            "days" => self.days,
            "at" => self.at,
            "zone" => self.zone,
            other => words.wrong(other),
        }
    }
}
