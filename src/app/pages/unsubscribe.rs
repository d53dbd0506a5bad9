//! The page behind a mail's link to unsubscribe. It is a plain form: no script takes it over.

use leptos::prelude::*;

use super::{NOTIFY_ME, frame::form_document, shell::PageAssets};
use crate::app::{page::Address, text::percent::encode as percent_encoded};

/// The mails to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mails {
    /// The name of the application that sends them, as the operator set it.
    pub app_name: String,
    /// The user whose notifications they report.
    pub user_id: String,
    /// Those of this category; all of them where there is none.
    pub category: Option<String>,
    /// Whether the operator sends them regardless of the user's choice.
    pub is_mandatory: bool,
}

/// The content of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsubscription {
    /// Asks whether to end these mails.
    Asked(Mails),
    /// They have ended.
    Done(Mails),
    /// The link is not valid.
    Unknown,
    /// The link is no longer valid.
    Gone,
}

/// The whole document. Its form posts to its own path.
pub fn unsubscribe_page(shown: &Unsubscription, base: &str, assets: PageAssets) -> impl IntoView + use<> {
    const MANDATORY: &str = "Your operator sends these to everyone, so they keep coming. Ask them if that is wrong.";
    let at = |path: &str| format!("{base}{path}");
    let mails = |Mails { app_name, category, .. }: &Mails| {
        let which = match category {
            Some(category) => view! { "e-mails of the category " <bdi>{category.clone()}</bdi> }.into_any(),
            None => "e-mails about your notifications".into_any(),
        };
        view! { {which} " from " <bdi>{app_name.clone()}</bdi> }
    };
    let inbox = |of: Option<&Mails>| {
        let of = of.map(|of| format!("?user_id={}", percent_encoded(&of.user_id))).unwrap_or_default();
        view! {
            <p>
                <a href=at(NOTIFY_ME) + &of>"Choose what you are told"</a> " · " <a href=at(Address::PATH) + &of>"Open your inbox"</a>
            </p>
        }
    };
    let (title, content) = match shown {
        Unsubscription::Asked(of) => (
            "Unsubscribe",
            view! {
                <h1>"Unsubscribe"</h1>
                <p>{if of.category.is_none() { "Stop all " } else { "Stop " }} {mails(of)} "? The notifications stay in your inbox."</p>
                {of.is_mandatory.then(|| view! { <p>{MANDATORY}</p> })}
                <input type="hidden" name="List-Unsubscribe" value="One-Click" />
                <button type="submit" class="primary">"Unsubscribe"</button>
            }
            .into_any(),
        ),
        Unsubscription::Done(of) => (
            "Unsubscribed",
            view! {
                <h1>"You are unsubscribed"</h1>
                <p>
                    "You get no more " {mails(of)} ". The notifications stay in your inbox."
                </p>
                {of.is_mandatory.then(|| view! { <p>{MANDATORY}</p> })}
                {inbox(Some(of))}
            }
            .into_any(),
        ),
        Unsubscription::Unknown => (
            "Link not valid",
            view! {
                <h1>"This link isn’t valid"</h1>
                <p>"It may have been cut off. Copy the whole link from the e-mail, or turn e-mails off where you read your notifications."</p>
                {inbox(None)}
            }
            .into_any(),
        ),
        Unsubscription::Gone => (
            "Link no longer valid",
            view! {
                <h1>"This link is no longer valid"</h1>
                <p>"Nothing was changed. Use the link in a newer e-mail, or turn e-mails off where you read your notifications."</p>
                {inbox(None)}
            }
            .into_any(),
        ),
    };
    let form = view! {
        <form class="login-form" method="post">
            {content}
        </form>
    };
    form_document(title, base, assets, true, form)
}
