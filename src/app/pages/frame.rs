//! The document around a page: its bar, its navigation, and what was done a moment ago.

use leptos::prelude::*;

use super::{
    CHANNELS, Content, Notice, Page, Reader, WEBHOOKS, channels, notification,
    parts::{Place, link_button},
    webhooks,
};
use crate::{
    app::{
        address::Address,
        icons::{self, Icon},
        shell::{PageAssets, head},
        tab,
    },
    model::{Code, Problem},
};

/// What these pages look like beside what they share with the inbox, which does not load it. Another release has another
/// one.
const STYLE: &str = concat!("/pages.css?v=", env!("CARGO_PKG_VERSION"));

/// The whole document.
pub fn document(page: &Page, assets: PageAssets) -> impl IntoView + use<> {
    let place = Place { base: page.base.clone(), reader: page.reader, now: page.now };
    let assets = assets.below(&page.base);
    let title = match &page.content {
        Content::Notification(page) => notification::title(page),
        Content::Channels(_) => "Channels".to_owned(),
        Content::Webhooks(_) => "Webhooks".to_owned(),
        Content::Trouble(problem) => heading(problem).to_owned(),
    };
    let content = match &page.content {
        Content::Notification(page) => notification::show(page, &place).into_any(),
        Content::Channels(page) => channels::show(page, &place).into_any(),
        Content::Webhooks(page) => webhooks::show(page, &place).into_any(),
        Content::Trouble(problem) => trouble(problem, &place).into_any(),
    };
    let current = match page.content {
        Content::Channels(_) => CHANNELS,
        Content::Webhooks(_) => WEBHOOKS,
        Content::Notification(_) | Content::Trouble(_) => "",
    };
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                {head(format!("{title} · Campanile"), place.at(tab::ICON), assets.css)}
                <link rel="stylesheet" href=place.at(STYLE) />
                <meta name="robots" content="noindex" />
            </head>
            <body class="desk">
                <a class="skip" href="#content">
                    "Skip to the content"
                </a>
                {bar(&place, current)}
                <main id="content" class="desk-main" tabindex="-1">
                    {page.notice.clone().map(notice)}
                    {content}
                </main>
            </body>
        </html>
    }
}

fn bar(place: &Place, current: &str) -> impl IntoView + use<> {
    let Reader { is_operator, may_sign_out, .. } = place.reader;
    let all = [("Inbox", Address::PATH), ("Channels", CHANNELS), ("Webhooks", WEBHOOKS)];
    let shown = if is_operator { &all[..] } else { &all[..1] };
    let links = shown.iter().map(|(name, path)| {
        let is_current = (*path == current).then_some("page");
        view! { <a href=place.at(path) aria-current=is_current>{*name}</a> }
    });
    let sign_out = may_sign_out.then(|| {
        view! {
            <form class="sign-out" method="post" action=place.at("/logout")>
                <button type="submit" class="quiet" aria-label="Sign out" title="Sign out">
                    <Icon of=icons::DOOR />
                </button>
            </form>
        }
    });
    view! {
        <header class="bar">
            <a class="brand" href=place.at(Address::PATH)>
                <Icon of=icons::TOWER />
                <span>"Campanile"</span>
            </a>
            <nav class="desk-nav" aria-label="Pages">
                {links.collect_view()}
            </nav>
            {sign_out}
        </header>
    }
}

fn notice(Notice { is_bad, text }: Notice) -> impl IntoView {
    let (role, class) = if is_bad { ("alert", "banner bad") } else { ("status", "banner") };
    view! {
        <p class=class role=role dir="auto">
            {text}
        </p>
    }
}

/// What is said where there is nothing to show.
fn heading(problem: &Problem) -> &'static str {
    match problem.code {
        Code::Forbidden => "You may not see this",
        Code::NotFound => "There is nothing here",
        Code::TooManyRequests => "Too many requests at once",
        Code::Unavailable => "This cannot be shown now",
        _ => "This did not work",
    }
}

fn trouble(problem: &Problem, place: &Place) -> impl IntoView + use<> {
    view! {
        <div class="state">
            <h1>{heading(problem)}</h1>
            <p dir="auto">{problem.detail.clone()}</p>
            {link_button(place.at(Address::PATH), "Go to the inbox")}
        </div>
    }
}

/// The links to the operators' pages, for the page of the inbox. What is never hydrated need not be compiled for the
/// browser, so they stand outside of what the browser takes over.
pub(in crate::app) fn links_to_operations(base: &str) -> impl IntoView + use<> {
    let at = |path: &str| base.to_owned() + path;
    view! {
        <nav class="operations" aria-label="Operations">
            <a href=at(CHANNELS)>"Channels"</a>
            <a href=at(WEBHOOKS)>"Webhooks"</a>
        </nav>
    }
}
