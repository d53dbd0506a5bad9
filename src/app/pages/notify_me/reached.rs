//! The contacts of a user.

use leptos::prelude::*;

use super::{NotifyMePage, here};
use crate::{
    app::pages::{
        parts::{Deed, Place, mark},
        words,
    },
    model::{Channel, Contact},
};

/// The name of a contact: the address, or the owner's label for it. Of tokens and endpoints, only the end is known.
#[must_use]
pub fn contact_name(contact: Contact) -> String {
    let Contact { channel, address, label, .. } = contact;
    match (channel, label) {
        (Channel::Email, _) => address,
        (_, Some(label)) => label,
        (_, None) => format!("…{address}"),
    }
}

pub(super) fn show(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let heading = if page.is_own { "Where you are reached" } else { "Where they are reached" };
    let here = page.offers_push().then(|| here::show(page, place));
    let list = if page.contacts.is_empty() {
        let said = match (page.is_own, page.offers_push()) {
            (true, true) => "You are reached in your inbox alone, so far.",
            (true, false) => "You are reached in your inbox alone.",
            (false, _) => "They are reached in the inbox alone.",
        };
        view! { <div class="empty"><p>{said}</p></div> }.into_any()
    } else {
        let each = page.contacts.iter().map(|contact| one(contact, page, place)).collect_view();
        view! { <ul class="deliveries">{each}</ul> }.into_any()
    };
    view! {
        <section class="desk-section" aria-labelledby="reached">
            <h2 id="reached">{heading}</h2>
            <p class="lead">{lead(page)}</p>
            {here}
            // After each action, the script puts the new list here.
            <div id="contacts">{list}</div>
        </section>
    }
}

/// Explains who sets which contacts.
fn lead(page: &NotifyMePage) -> &'static str {
    match (page.is_own, page.offers_push()) {
        (true, true) => {
            "The application that you use sets your e-mail addresses. Browsers are added here, each by itself; devices add \
             themselves in the application."
        }
        (true, false) => {
            "The application that you use sets your e-mail addresses. Browsers and devices add themselves there."
        }
        (false, true) => {
            "The application sets e-mail addresses. Users add their browsers on this page, each by itself; devices add \
             themselves in the application."
        }
        (false, false) => "The application sets e-mail addresses. Browsers and devices add themselves there.",
    }
}

fn one(contact: &Contact, page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let standing = words::contact(contact.state, contact.channel);
    let is_email = contact.channel == Channel::Email;
    // Of tokens and endpoints, only the end is known.
    let shown = if is_email { contact.address.clone() } else { format!("…{}", contact.address) };
    // By these, the script finds this browser.
    let is_browser = contact.channel == Channel::Webpush;
    let end = is_browser.then(|| contact.address.clone());
    let this = is_browser.then(|| view! { <span class="this-browser" hidden>"This browser"</span> });
    let label = contact.label.clone().map(|label| view! { <bdi class="label">{label}</bdi> });
    let may_remove = page.may_change && (!is_email || page.may_remove_addresses);
    let remove = may_remove.then(|| {
        let deed = Deed {
            action: page.action(place),
            does: "remove",
            fields: vec![("contact", contact.id.to_string())],
            word: "Remove it",
            of: contact_name(contact.clone()),
            class: "plain danger",
        };
        let question = match contact.channel {
            Channel::Email => "Nothing more is sent there until the application sets it again.",
            Channel::Webpush => "Nothing more is sent there until push is turned on there again.",
            _ => "Nothing more is sent there until it adds itself again.",
        };
        view! { <div class="deeds">{deed.after("Remove…", question)}</div> }
    });
    view! {
        <li
            class="delivery"
            data-channel=contact.channel.to_string()
            data-contact=contact.id.to_string()
            data-end=end
            data-state=contact.state.to_string()
            data-seen=contact.last_seen_at.to_string()
        >
            <div class="delivery-head">
                {mark(standing.tone, standing.word)}
                <span class="delivery-to">
                    {words::reached_by(contact.channel)} " " {label} " " <bdi class="mono">{shown}</bdi> {this}
                </span>
                <span class="when">{if is_email { "Set " } else { "Seen " }} {place.past(contact.last_seen_at)}</span>
            </div>
            {standing.why.map(|why| view! { <p class="why">{why}</p> })}
            {remove}
        </li>
    }
}
