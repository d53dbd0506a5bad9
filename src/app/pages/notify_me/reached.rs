//! The contacts of a user.

use leptos::prelude::*;

use super::{NotifyMePage, here};
use crate::{
    app::{
        pages::{
            parts::{Deed, Place, filled, mark},
            words,
        },
        words::OfWishes,
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
    let of = &place.of().wishes;
    let heading = if page.is_own { of.reached } else { of.reached_of_user };
    let here = page.offers_push().then(|| here::show(page, place));
    let list = if page.contacts.is_empty() {
        let said = match (page.is_own, page.offers_push()) {
            (true, true) => of.inbox_so_far,
            (true, false) => of.inbox_only,
            (false, _) => of.inbox_only_of_user,
        };
        view! { <div class="empty"><p>{said}</p></div> }.into_any()
    } else {
        let each = page.contacts.iter().map(|contact| one(contact, page, place)).collect_view();
        view! { <ul class="deliveries">{each}</ul> }.into_any()
    };
    view! {
        <section class="desk-section" aria-labelledby="reached">
            <h2 id="reached">{heading}</h2>
            <p class="lead">{lead(page, of)}</p>
            {here}
            // After each action, the script puts the new list here.
            <div id="contacts">{list}</div>
        </section>
    }
}

/// Explains who sets which contacts.
fn lead(page: &NotifyMePage, of: &'static OfWishes) -> &'static str {
    match (page.is_own, page.offers_push()) {
        (true, true) => of.contacts_of_browsers,
        (true, false) => of.contacts_elsewhere,
        (false, true) => of.contacts_of_users_browsers,
        (false, false) => of.contacts_of_users,
    }
}

fn one(contact: &Contact, page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let (of, standing) = (&place.of().wishes, words::contact(place.of(), contact.state, contact.channel));
    let is_email = contact.channel == Channel::Email;
    // Of tokens and endpoints, only the end is known.
    let shown = if is_email { contact.address.clone() } else { format!("…{}", contact.address) };
    // By these, the script finds this browser.
    let is_browser = contact.channel == Channel::Webpush;
    let end = is_browser.then(|| contact.address.clone());
    let this = is_browser.then(|| view! { <span class="this-browser" hidden>{of.this_browser}</span> });
    let label = contact.label.clone().map(|label| view! { <bdi class="label">{label}</bdi> });
    let may_remove = page.may_change && (!is_email || page.may_remove_addresses);
    let remove = may_remove.then(|| {
        let deed = Deed {
            action: page.action(place),
            does: "remove",
            fields: vec![("contact", contact.id.to_string())],
            word: of.remove_it,
            of: contact_name(contact.clone()),
            class: "plain danger",
        };
        let question = match contact.channel {
            Channel::Email => of.remove_email,
            Channel::Webpush => of.remove_browser,
            _ => of.remove_device,
        };
        view! { <div class="deeds">{deed.after(of.remove, question)}</div> }
    });
    let since = if is_email { of.set } else { of.seen };
    let since = filled(since, vec![place.past(contact.last_seen_at).into_any()]);
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
                    {words::reached_by(place.of(), contact.channel)} " " {label} " " <bdi class="mono">{shown}</bdi> {this}
                </span>
                <span class="when">{since}</span>
            </div>
            {standing.why.map(|why| view! { <p class="why">{why}</p> })}
            {remove}
        </li>
    }
}
