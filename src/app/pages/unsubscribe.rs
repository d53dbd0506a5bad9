//! The page behind a mail's link to unsubscribe. It is a plain form: no script takes it over.

use leptos::prelude::*;

use super::{NOTIFY_ME, frame::form_document, parts::filled, shell::PageAssets};
use crate::app::{page::Address, text::percent::encode as percent_encoded, words::Words};

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
pub fn unsubscribe_page(
    shown: &Unsubscription,
    words: &'static Words,
    base: &str,
    assets: PageAssets,
) -> impl IntoView + use<> {
    let of = &words.language().pages;
    let at = |path: &str| format!("{base}{path}");
    // The sentence about these mails, for all of them or for those of a category.
    let about = |mails: &Mails, all: &'static str, one: &'static str| {
        let names = [Some(&mails.app_name), mails.category.as_ref()].into_iter().flatten();
        let names = names.map(|name| view! { <bdi>{name.clone()}</bdi> }.into_any()).collect();
        let mandatory = mails.is_mandatory.then(|| view! { <p>{of.mandatory}</p> });
        let sentence = filled(if mails.category.is_none() { all } else { one }, names);
        view! { <p>{sentence} {of.stays_in_inbox}</p> {mandatory} }
    };
    let inbox = |mails: Option<&Mails>| {
        let query = mails.map(|mails| format!("?user_id={}", percent_encoded(&mails.user_id))).unwrap_or_default();
        view! {
            <p>
                <a href=at(NOTIFY_ME) + &query>{of.choose_wishes}</a> " · " <a href=at(Address::PATH) + &query>{of.open_inbox}</a>
            </p>
        }
    };
    let no_mails = |heading: &'static str, why: &'static str| {
        view! {
            <h1>{heading}</h1>
            <p>{why}</p>
            {inbox(None)}
        }
        .into_any()
    };
    let (title, content) = match shown {
        Unsubscription::Asked(mails) => (
            of.unsubscribe,
            view! {
                <h1>{of.unsubscribe}</h1>
                {about(mails, of.stop_all, of.stop_category)}
                <input type="hidden" name="List-Unsubscribe" value="One-Click" />
                <button type="submit" class="primary">{of.unsubscribe}</button>
            }
            .into_any(),
        ),
        Unsubscription::Done(mails) => (
            of.unsubscribed,
            view! {
                <h1>{of.is_unsubscribed}</h1>
                {about(mails, of.stopped_all, of.stopped_category)}
                {inbox(Some(mails))}
            }
            .into_any(),
        ),
        Unsubscription::Unknown => (of.no_link, no_mails(of.no_link_heading, of.no_link_why)),
        Unsubscription::Gone => (of.old_link, no_mails(of.old_link_heading, of.old_link_why)),
    };
    let form = view! {
        <form class="login-form" method="post">
            {content}
        </form>
    };
    form_document(words, title, base, assets, true, form)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::app::words::Language;

    #[rstest]
    #[case("en", None, "Stop all e-mails about your notifications from <bdi>A &amp; B</bdi>? The notifications stay")]
    #[case("en", Some("alert"), "Stop e-mails of the category <bdi>alert</bdi> from <bdi>A &amp; B</bdi>? The")]
    #[case("de", Some("alert"), "E-Mails der Kategorie <bdi>alert</bdi> von <bdi>A &amp; B</bdi> abbestellen? Die")]
    fn it_names_the_mails(#[case] code: &str, #[case] category: Option<&str>, #[case] want: &str) {
        let category = category.map(str::to_owned);
        let mails = Mails { app_name: "A & B".to_owned(), user_id: "ann".to_owned(), category, is_mandatory: false };
        let words = Language::of(code).unwrap().words();
        let shown = Unsubscription::Asked(mails);
        let html = Owner::new().with(|| {
            leptos::nonce::provide_nonce();
            unsubscribe_page(&shown, words, "", PageAssets::default()).to_html()
        });
        assert!(html.replace("<!>", "").contains(want), "{html}");
        assert!(html.contains(&format!("lang=\"{code}\"")), "{html}");
    }
}
