//! The page of one notification and its deliveries.

use leptos::prelude::*;

use super::{
    DeliveryItem, Older,
    deliveries::list,
    notification_path,
    parts::{Deed, Place, fact, link_button, linked, mark_with},
    words::Tone,
};
use crate::{
    app::{
        components::icons::{self, Icon},
        page::Address,
        text::{bidi::visible, first_words, relative_time},
        words::Words,
    },
    model::{Link, Notification, Problem, Timestamp},
};

/// How many characters of a text a title has.
const TITLE_CHARS: usize = 60;
/// How many levels of data are indented; deeper ones are not indented further.
const INDENTED: usize = 8;

/// The content of the page of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct NotificationPage {
    /// The notification.
    pub notification: Notification,
    /// The change number of its creation, and that of its newest change.
    pub change_numbers: (u64, u64),
    /// Its deliveries, newest first, or why they cannot be shown; `None` on a server without deliveries.
    pub deliveries: Option<Result<Vec<DeliveryItem>, Problem>>,
    /// The link to older ones.
    pub older: Older,
}

/// The title of the page: that of the notification, or its first words.
pub(super) fn title(page: &NotificationPage) -> String {
    let notification = &page.notification;
    let text = notification.title.as_ref().map_or(notification.content.as_str(), |title| title.as_str());
    first_words(text, TITLE_CHARS)
}

pub(super) fn show(page: &NotificationPage, place: &Place) -> impl IntoView + use<> {
    let (notification, words, of) = (&page.notification, place.words, &place.of().notification);
    let category = notification.category.as_str().to_owned();
    let heading = match &notification.title {
        Some(title) => view! { <h1 dir="auto">{title.as_str().to_owned()}</h1> }.into_any(),
        None => view! { <h1 class="hidden">{of.untitled}</h1> }.into_any(),
    };
    let (icon, word) =
        if notification.is_read { (icons::CHECK, words.is_read) } else { (icons::UNREAD, words.is_unread) };
    let read = mark_with(icon, Tone::Quiet, word);
    let read = view! { <span class="read-state" data-unread=(!notification.is_read).then_some("")>{read}</span> };
    // Stored links are not validated again, but a link is only shown if a click on it is safe.
    let link = notification.link.as_ref().filter(|link| Link::parse(link.as_str()).is_ok()).map(leads);
    let data = notification.data.as_ref().map(|data| {
        view! {
            <details class="data" open>
                <summary>{of.data}</summary>
                <pre class="mono" tabindex="0" aria-label=of.data role="region">
                    {indented(data.as_str())}
                </pre>
            </details>
        }
    });
    let inbox = Address { base: place.base.clone(), ..Address::default() };
    let inbox = if place.reader.has_own_inbox { inbox } else { inbox.of_user(Some(notification.user_id.as_str())) };
    let user = (!place.reader.has_own_inbox).then(|| {
        let user_id = visible(notification.user_id.as_str());
        fact(words.language().pages.to, view! { <a class="mono" href=inbox.href()><bdi>{user_id}</bdi></a> })
    });
    let expires = notification.expires_at.map(|moment| {
        let is_over = moment <= place.now;
        let when = if is_over { place.past(moment).into_any() } else { place.ahead(moment).into_any() };
        fact(words.language().pages.expires, view! { {exactly(words, moment)} " (" {when} ")" })
    });
    let deeds = place.reader.may_mark.then(|| deeds(notification, place));
    view! {
        <article class="notice" data-kind=category.clone()>
            <p class="notice-head">
                <span class="kind">
                    <Icon of=icons::of_category(&category) />
                    {category.clone()}
                </span>
                {read}
                <span class="when">{place.past(notification.timestamp)}</span>
            </p>
            {heading}
            <p class="notice-text" dir="auto">
                {linked(notification.content.as_str())}
            </p>
            {link}
            {data}
            <dl class="facts">
                {user} {fact(words.category, category.clone())} {fact(of.created, exactly(words, notification.timestamp))} {expires}
                {fact(of.first_change, number(page.change_numbers.0))}
                {fact(of.last_change, number(page.change_numbers.1))}
                {fact(of.id, view! { <span class="mono">{notification.id.to_string()}</span> })}
            </dl>
            <div class="deeds">{deeds} {link_button(inbox.href(), of.open_inbox)}</div>
        </article>
        {page.deliveries.as_ref().map(|deliveries| delivered(deliveries, page, place))}
    }
}

/// A change number, as requests for the changes after it take it.
fn number(number: u64) -> impl IntoView {
    view! { <span class="mono">{number.to_string()}</span> }
}

/// A moment to the microsecond.
fn exactly(words: &'static Words, moment: Timestamp) -> impl IntoView + use<> {
    view! { <time class="tabular" datetime=moment.to_string()>{relative_time::exact(words, moment, 0)}</time> }
}

fn leads(link: &Link) -> impl IntoView + use<> {
    let href = link.as_str().to_owned();
    let is_elsewhere = href.contains("://");
    let shown = href.clone();
    view! {
        <p>
            <a
                class="leads"
                href=href
                target=is_elsewhere.then_some("_blank")
                rel=is_elsewhere.then_some("noopener noreferrer nofollow")
            >
                <Icon of=icons::LEAVE />
                <span class="leads-to" dir="ltr">{shown}</span>
            </a>
        </p>
    }
}

fn deeds(notification: &Notification, place: &Place) -> impl IntoView + use<> {
    let (words, of) = (place.words, &place.of().notification);
    let deed = |does, word, class| Deed {
        action: place.at(&notification_path(notification.id)),
        does,
        fields: Vec::new(),
        word,
        of: String::new(),
        class,
    };
    let marking = if notification.is_read {
        deed("unread", words.mark_unread, "plain")
    } else {
        deed("read", words.mark_read, "primary")
    };
    let deleting = deed("delete", of.delete_it, "plain danger");
    view! {
        {marking.form()}
        {deleting.after(of.delete, of.delete_question)}
    }
}

fn delivered(
    deliveries: &Result<Vec<DeliveryItem>, Problem>,
    page: &NotificationPage,
    place: &Place,
) -> impl IntoView + use<> {
    let of = &place.of().notification;
    let shown = match deliveries {
        Err(problem) => view! { <p class="problem">{place.detail(problem)}</p> }.into_any(),
        Ok(items) if items.is_empty() && page.older.next.is_none() => none(place).into_any(),
        Ok(items) => list(items, false, &notification_path(page.notification.id), &page.older, place).into_any(),
    };
    view! {
        <section class="desk-section" aria-labelledby="deliveries">
            <h2 id="deliveries">{of.deliveries}</h2>
            <p class="lead">{of.deliveries_lead}</p>
            {shown}
        </section>
    }
}

fn none(place: &Place) -> impl IntoView + use<> {
    let (is_operator, of) = (place.reader.is_operator, &place.of().notification);
    let said = if is_operator { of.none_known } else { of.only_in_inbox };
    view! {
        <div class="empty">
            <p>{said}</p>
            {is_operator.then(|| link_button(place.at(super::WEBHOOKS), of.see_webhooks))}
        </div>
    }
}

/// JSON with a line for each value. Everything else stays as it was sent: no number is reformatted.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    let mut rest = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(INDENTED)));
    };
    while let Some(c) = rest.next() {
        if is_string {
            out.push(c);
            is_string = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        match c {
            '{' | '[' if rest.peek().is_some_and(|next| matches!(next, '}' | ']')) => {
                out.push(c);
                out.extend(rest.next());
            }
            '{' | '[' => {
                out.push(c);
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                is_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("{}", "{}")]
    #[case(r#"{"a":[1,2.50],"b":{}}"#, "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b\": {}\n}")]
    #[case(r#"{"a":"x{,\":}\\","b":[]}"#, "{\n  \"a\": \"x{,\\\":}\\\\\",\n  \"b\": []\n}")]
    fn data_has_a_line_for_each_value(#[case] json: &str, #[case] want: &str) {
        assert_eq!(indented(json), want);
    }

    #[test]
    fn deep_data_does_not_grow_with_its_square() {
        let json = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(indented(&json).len() < json.len() * 20);
    }
}
