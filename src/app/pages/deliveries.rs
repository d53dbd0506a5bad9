//! A list of deliveries: channel, destination, state and its reason, and the attempts.

use leptos::prelude::*;

use super::{
    notification_path,
    parts::{Deed, Place, answer, filled, mark},
    words,
};
use crate::{
    app::{text::bidi::visible, words::fill},
    model::{Attempt, Channel, DeliveryState, DeliveryView},
};

/// A delivery, and its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryItem {
    /// The delivery.
    pub delivery: DeliveryView,
    /// The destination, where it is known and the reader may see it.
    pub to: Option<String>,
    /// Whether another one repeats it.
    pub is_repeated: bool,
}

/// The links to older items, as queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Older {
    /// The query of this page.
    pub here: String,
    /// The query of the next page; `None` when there are no more.
    pub next: Option<String>,
    /// Whether this page is not the first.
    pub is_further_down: bool,
}

/// A list of deliveries, whose forms go to the page at this path.
pub(super) fn list(
    items: &[DeliveryItem],
    names_notification: bool,
    path: &str,
    older: &Older,
    place: &Place,
) -> impl IntoView + use<> {
    let of = &place.of().deliveries;
    let action = place.at(path) + &older.here;
    let items = items.iter().map(|item| one(item, names_notification, &action, place)).collect_view();
    let first = older.is_further_down.then(|| (place.at(path) + "#deliveries", place.words.back_to_newest));
    let next = older.next.as_ref().map(|next| (place.at(path) + next + "#deliveries", of.older));
    let links: Vec<_> = first.into_iter().chain(next).collect();
    let links = (!links.is_empty()).then(|| {
        let links = links.into_iter().map(|(href, word)| view! { <a class="plain" href=href>{word}</a> });
        view! {
            <nav class="older" aria-label=of.more>
                {links.collect_view()}
            </nav>
        }
    });
    view! {
        <ol class="deliveries">{items}</ol>
        {links}
    }
}

fn one(item: &DeliveryItem, names_notification: bool, action: &str, place: &Place) -> impl IntoView + use<> {
    let (delivery, of) = (&item.delivery, &place.of().deliveries);
    let standing = words::delivery(place.of(), delivery.state, delivery.reason.as_deref());
    let is_webhook = delivery.channel == Channel::Webhook;
    let nowhere = || match (is_webhook, place.reader.is_operator) {
        (true, true) => of.deleted_webhook.to_owned(),
        (true, false) => of.application.to_owned(),
        (false, _) => of.contact.to_owned(),
    };
    let to = item.to.clone().unwrap_or_else(nowhere);
    let channel = words::channel(place.of(), delivery.channel).into_any();
    let channel_to = match delivery.contact {
        Some(_) => {
            let whom = view! { <bdi class="mono">{to.clone()}</bdi> }.into_any();
            filled(of.channel_to, vec![channel, whom]).into_any()
        }
        None => channel,
    };
    let about = names_notification.then(|| about(delivery, place));
    let next = match delivery.state {
        DeliveryState::Held => {
            let due = delivery.due_at;
            Some(filled(of.held_until, vec![place.exactly(due).into_any(), place.ahead(due).into_any()]))
        }
        DeliveryState::Ready => {
            let word = if delivery.attempts.is_empty() { of.to_be_sent } else { of.next_attempt };
            Some(filled(word, vec![place.ahead(delivery.due_at).into_any()]))
        }
        _ => None,
    };
    let next = next.map(|next| view! { <p class="next">{next}</p> });
    let digest = delivery.via.map(|_| {
        let was_sent = delivery.state == DeliveryState::Sent;
        if was_sent { of.was_in_digest } else { of.will_be_in_digest }
    });
    // For a delivery in a digest, the digest is the reason.
    let why = standing.why.clone().filter(|_| digest.is_none() || delivery.reason.as_deref() != Some("digest"));
    let notes = [
        digest.map(str::to_owned),
        why,
        delivery.replay_of.map(|_| of.repeats.to_owned()),
        item.is_repeated.then(|| of.is_repeated.to_owned()),
    ];
    let notes = notes.into_iter().flatten().map(|note| view! { <p class="why"><bdi>{note}</bdi></p> }).collect_view();
    let may_be_repeated = delivery.state.is_over() && delivery.state != DeliveryState::Sent;
    let may_retry = may_be_repeated && !item.is_repeated && !tells_count(delivery);
    let deed = |does, word| Deed {
        action: action.to_owned(),
        does,
        fields: vec![("delivery", delivery.id.to_string())],
        word,
        of: to.clone(),
        class: "plain",
    };
    let deeds = place.reader.is_operator.then(|| {
        // Operators see the destination of a webhook for as long as the webhook exists.
        let is_there = if is_webhook { item.to.is_some() } else { delivery.contact.is_some() };
        let may_retry = may_retry && is_there;
        let retry = may_retry.then(|| deed("retry", of.retry).form());
        let at_once = (delivery.state == DeliveryState::Ready).then(|| deed("retry", of.send_now).form());
        let cancel = (!delivery.state.is_over()).then(|| deed("cancel", of.cancel).form());
        view! { <div class="deeds">{retry} {at_once} {cancel}</div> }
    });
    view! {
        <li class="delivery" id=format!("d-{}", delivery.id)>
            <div class="delivery-head">
                {mark(standing.tone, standing.word)}
                <span class="delivery-to">{channel_to}</span>
                <span class="when">{place.past(delivery.created_at)}</span>
            </div>
            {about}
            {notes}
            {next}
            {attempts(&delivery.attempts, place)}
            {deeds}
        </li>
    }
}

/// Whether it only tells a device the unread count.
fn tells_count(delivery: &DeliveryView) -> bool {
    matches!(delivery.channel, Channel::Fcm | Channel::Apns) && delivery.notification_id.is_none()
}

/// The subject of the delivery, and its user.
fn about(delivery: &DeliveryView, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().deliveries;
    let user_id = visible(delivery.user_id.as_str());
    let what = match delivery.notification_id {
        Some(id) => view! { <a href=place.at(&notification_path(id))>{of.a_notification}</a> }.into_any(),
        None if tells_count(delivery) => of.number_of_unread.into_any(),
        None => of.whole_inbox.into_any(),
    };
    let user = view! { <bdi class="mono">{user_id}</bdi> }.into_any();
    view! { <p class="about">{filled(of.about, vec![what, user])}</p> }
}

fn attempts(attempts: &[Attempt], place: &Place) -> impl IntoView + use<> {
    let (last, of) = (attempts.last()?, &place.of().deliveries);
    let count = place.words.count(of.attempts, attempts.len() as u64);
    let last = match last.code {
        Some(code) => fill(of.last_answered, &[&count, &code.to_string()]),
        None => fill(of.last_unanswered, &[&count]),
    };
    // The newest attempt says most.
    let each = attempts.iter().rev().map(|attempt| {
        let code = attempt.code.map(|code| format!(" · HTTP {code}"));
        let detail = attempt.detail.as_ref().map(|detail| answer(attempt.code, detail, place));
        view! {
            <li>
                <span class="attempt">
                    {place.past(attempt.at)} " · " {words::attempt(place.of(), &attempt.result).to_owned()} {code}
                    {format!(" · {} ms", attempt.ms)} {(!attempt.counted).then_some(of.not_counted)}
                </span>
                {detail}
            </li>
        }
    });
    Some(view! {
        <details class="attempts">
            <summary>{last}</summary>
            <ol reversed>{each.collect_view()}</ol>
        </details>
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;
    use crate::{
        app::{pages::Reader, words::Words},
        model::{DeliveryId, NotificationId, Timestamp, UserId},
    };

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn shown(change: impl FnOnce(&mut DeliveryView)) -> String {
        let mut delivery = DeliveryView {
            id: DeliveryId::new(Uuid::nil()),
            notification_id: Some(NotificationId::new(Uuid::nil())),
            user_id: UserId::parse("ann").unwrap(),
            channel: Channel::Email,
            contact: Some(Uuid::nil()),
            state: DeliveryState::Held,
            reason: None,
            due_at: at("2026-11-23T07:00:00Z"),
            attempts: Vec::new(),
            created_at: at("2026-11-22T12:00:00Z"),
            replay_of: None,
            via: None,
        };
        change(&mut delivery);
        let item = DeliveryItem { delivery, to: Some("ann@example.com".to_owned()), is_repeated: false };
        let place = Place {
            base: String::new(),
            reader: Reader::default(),
            now: at("2026-11-22T12:00:00Z"),
            words: Words::none(),
        };
        Owner::new().with(|| one(&item, false, "/", &place).to_html())
    }

    #[rstest]
    #[case("quiet_hours", "quiet hours to end.")]
    #[case("if_unread_after", "It is sent if it is still unread then.")]
    #[case("limit", "so this one waits.")]
    fn a_held_delivery_shows_the_reason_and_the_time(#[case] reason: &str, #[case] said: &str) {
        let html = shown(|delivery| delivery.reason = Some(reason.to_owned()));
        assert!(html.contains("Held back") && html.contains(said), "{html}");
        assert!(
            html.contains("Until ") && html.contains(">23 Nov 2026, 07:00 UTC<") && html.contains(">in 19 h<"),
            "{html}"
        );
    }

    #[test]
    fn a_part_of_a_digest_says_so_once() {
        let in_digest = |state| {
            shown(|delivery| {
                delivery.state = state;
                delivery.reason = Some("digest".to_owned());
                delivery.via = Some(DeliveryId::new(Uuid::nil()));
            })
        };
        let sent = in_digest(DeliveryState::Sent);
        assert!(sent.contains("It was in a digest, with others.") && !sent.contains("next digest"), "{sent}");
        let held = in_digest(DeliveryState::Held);
        assert!(held.contains("It is to be in a digest, with others.") && held.contains("Until "), "{held}");
    }

    #[test]
    fn a_delivery_without_a_contact_says_that_the_user_has_none() {
        let html = shown(|delivery| {
            delivery.state = DeliveryState::Skipped;
            delivery.reason = Some("no_contact".to_owned());
            delivery.contact = None;
        });
        assert!(
            !html.contains("ann@example.com") && html.contains("The user has no address or device there."),
            "{html}"
        );
    }
}
