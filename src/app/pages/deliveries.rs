//! Deliveries in a list: which way, where to, where they stand and why, and what was tried.

use leptos::prelude::*;

use super::{
    notification_path,
    parts::{Deed, Place, mark},
    words,
};
use crate::model::{Attempt, Channel, DeliveryState, DeliveryView};

/// A delivery, and what is known around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryItem {
    /// The delivery.
    pub delivery: DeliveryView,
    /// Where it goes to, where that is known and may be told.
    pub to: Option<String>,
    /// Whether another one repeats it.
    pub is_repeated: bool,
}

/// Where the older ones are, as a query.
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
    let action = place.at(path) + &older.here;
    let items = items.iter().map(|item| one(item, names_notification, &action, place)).collect_view();
    let first = older.is_further_down.then(|| (place.at(path) + "#deliveries", "Back to the newest"));
    let next = older.next.as_ref().map(|next| (place.at(path) + next + "#deliveries", "Older deliveries"));
    let links: Vec<_> = first.into_iter().chain(next).collect();
    let links = (!links.is_empty()).then(|| {
        let links = links.into_iter().map(|(href, word)| view! { <a class="plain" href=href>{word}</a> });
        view! {
            <nav class="older" aria-label="More deliveries">
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
    let delivery = &item.delivery;
    let standing = words::delivery(delivery.state, delivery.reason.as_deref());
    let is_webhook = delivery.channel == Channel::Webhook;
    let nowhere = || match (is_webhook, place.reader.is_operator) {
        (true, true) => "a webhook that was deleted".to_owned(),
        (true, false) => "an application".to_owned(),
        (false, _) => "a contact".to_owned(),
    };
    let to = item.to.clone().unwrap_or_else(nowhere);
    let about = names_notification.then(|| about(delivery, place));
    let next = match delivery.state {
        DeliveryState::Held | DeliveryState::Ready => {
            let word = if delivery.attempts.is_empty() { "To be sent " } else { "Next attempt " };
            Some(view! { <p class="next">{word} {place.ahead(delivery.due_at)}</p> })
        }
        _ => None,
    };
    let notes = [
        standing.why.clone(),
        delivery.replay_of.map(|_| "It repeats an older one that was not sent.".to_owned()),
        item.is_repeated.then(|| "It was sent again, by another delivery.".to_owned()),
    ];
    let notes = notes.into_iter().flatten().map(|note| view! { <p class="why"><bdi>{note}</bdi></p> }).collect_view();
    let may_retry = delivery.state.is_over() && delivery.state != DeliveryState::Sent && !item.is_repeated;
    let deed = |does, word| Deed {
        action: action.to_owned(),
        does,
        fields: vec![("delivery", delivery.id.to_string())],
        word,
        of: to.clone(),
        class: "plain",
    };
    let deeds = place.reader.is_operator.then(|| {
        // Operators are told where it goes, as long as that is there.
        let may_retry = may_retry && item.to.is_some();
        let retry = may_retry.then(|| deed("retry", "Retry").form());
        let at_once = (delivery.state == DeliveryState::Ready).then(|| deed("retry", "Send now").form());
        let cancel = (!delivery.state.is_over()).then(|| deed("cancel", "Cancel").form());
        view! { <div class="deeds">{retry} {at_once} {cancel}</div> }
    });
    view! {
        <li class="delivery" id=format!("d-{}", delivery.id)>
            <div class="delivery-head">
                {mark(standing.tone, standing.word)}
                <span class="delivery-to">
                    {words::channel(delivery.channel)} " to " <bdi class="mono">{to.clone()}</bdi>
                </span>
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

/// Of what it tells, and whom.
fn about(delivery: &DeliveryView, place: &Place) -> impl IntoView + use<> {
    let user_id = delivery.user_id.as_str().to_owned();
    let what = match delivery.notification_id {
        Some(id) => view! { <a href=place.at(&notification_path(id))>"A notification"</a> }.into_any(),
        None => "The whole inbox".into_any(),
    };
    view! {
        <p class="about">
            {what} " of " <bdi class="mono">{user_id}</bdi>
        </p>
    }
}

fn attempts(attempts: &[Attempt], place: &Place) -> impl IntoView + use<> {
    let last = attempts.last()?;
    let count = match attempts.len() {
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let last = match last.code {
        Some(code) => format!("{count}, the last answered with {code}"),
        None => format!("{count}, the last without an answer"),
    };
    // The newest says most.
    let each = attempts.iter().rev().map(|attempt| {
        let code = attempt.code.map(|code| format!(" · HTTP {code}"));
        let detail = attempt.detail.clone().map(|detail| view! { <bdi class="answer">{detail}</bdi> });
        view! {
            <li>
                <span class="attempt">
                    {place.past(attempt.at)} " · " {words::attempt(&attempt.result).to_owned()} {code}
                    {format!(" · {} ms", attempt.ms)} {(!attempt.counted).then_some(" · not counted")}
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
