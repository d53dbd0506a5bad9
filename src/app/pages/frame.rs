//! The document around a page: its bar, its navigation, and the outcome of the last action.

use leptos::prelude::*;

use super::{
    CHANNELS, Content, NOTIFY_ME, Notice, Page, Reader, WEBHOOKS, channels,
    evening::evening,
    language::{language_choice, language_script},
    notification, notify_me,
    parts::{Place, link_button, script},
    shell::{OtherPages, PageAssets, head},
    webhooks,
};
use crate::{
    app::{
        browser::tab,
        components::{
            bar::brand,
            icons::{self, Icon},
        },
        page::Address,
        words::Words,
    },
    model::{Code, Problem},
};

/// What these pages look like beside what they share with the inbox, which does not load it. Another release has another
/// one.
pub(super) const STYLE: &str = concat!("/pages.css?v=", env!("CARGO_PKG_VERSION"));

/// Fills in the browser's time zone.
const ZONE: &str = concat!("/zone.js?v=", env!("CARGO_PKG_VERSION"));

/// Times by the clock of the browser, and questions that close.
const DESK: &str = concat!("/desk.js?v=", env!("CARGO_PKG_VERSION"));

/// Turns on push for this browser.
const PUSH: &str = concat!("/push.js?v=", env!("CARGO_PKG_VERSION"));

/// The whole document.
pub fn document(page: &Page, assets: PageAssets) -> impl IntoView + use<> {
    let words = page.words;
    let place = Place { base: page.base.clone(), reader: page.reader, now: page.now, words };
    let of = &words.language().pages;
    let assets = assets.below(&page.base);
    let title = match &page.content {
        Content::Notification(page) => notification::title(page),
        Content::NotifyMe(page) => notify_me::title(page, &place),
        Content::Whose(_) => of.notify_me.to_owned(),
        Content::Channels(_) => of.channels.to_owned(),
        Content::Webhooks(_) => of.webhooks.to_owned(),
        Content::Trouble(problem) => heading(problem, &place).to_owned(),
    };
    let content = match &page.content {
        Content::Notification(page) => notification::show(page, &place).into_any(),
        Content::NotifyMe(page) => notify_me::show(page, &place).into_any(),
        Content::Whose(page) => notify_me::ask_whose(page, &place).into_any(),
        Content::Channels(page) => channels::show(page, &place).into_any(),
        Content::Webhooks(page) => webhooks::show(page, &place).into_any(),
        Content::Trouble(problem) => trouble(problem, &place).into_any(),
    };
    let scripts = match &page.content {
        Content::NotifyMe(page) if page.offers_push() => [ZONE, PUSH, DESK].as_slice(),
        Content::NotifyMe(_) => &[ZONE, DESK],
        _ => &[DESK],
    };
    let scripts = scripts.iter().map(|path| script(place.at(path))).collect_view();
    // Another language would load the page anew, without the secret that it shows this once.
    let keeps_secret = matches!(&page.content, Content::Webhooks(page) if page.fresh.is_some());
    let language = (!keeps_secret).then(|| {
        view! { <footer class="desk-foot">{language_choice(words, &place.base)}</footer> }
    });
    let current = match page.content {
        Content::NotifyMe(_) | Content::Whose(_) => NOTIFY_ME,
        Content::Channels(_) => CHANNELS,
        Content::Webhooks(_) => WEBHOOKS,
        Content::Notification(_) | Content::Trouble(_) => "",
    };
    view! {
        <!DOCTYPE html>
        <html lang=words.code>
            <head>
                {head(words, format!("{title} · Campanile"), &place.base, tab::ICON, assets.css)}
                <link rel="stylesheet" href=place.at(STYLE) />
                {scripts}
                {language_script(&place.base)}
                <meta name="robots" content="noindex" />
            </head>
            <body class="desk">
                <a class="skip" href="#content">
                    {place.of().frame.skip}
                </a>
                {bar(&place, current)}
                <main id="content" class="desk-main" tabindex="-1">
                    {page.notice.clone().map(notice)}
                    {content}
                </main>
                {language}
            </body>
        </html>
    }
}

/// A document of one form beside a drawing, which no script takes over: signing in, and ending mails. Of an address that
/// holds a secret, browsers tell no other site.
pub(super) fn form_document<Form: IntoView>(
    words: &'static Words,
    title: &str,
    base: &str,
    assets: PageAssets,
    has_secret: bool,
    form: Form,
) -> impl IntoView + use<Form> {
    let assets = assets.below(base);
    view! {
        <!DOCTYPE html>
        <html lang=words.code>
            <head>
                {head(words, format!("{title} · Campanile"), base, tab::ICON, assets.css)}
                <link rel="stylesheet" href=base.to_owned() + STYLE />
                {language_script(base)}
                <meta name="robots" content="noindex" />
                {has_secret.then(|| view! { <meta name="referrer" content="no-referrer" /> })}
            </head>
            <body class="login-page">
                <main class="login">
                    {home(base)}
                    {form}
                    {language_choice(words, base)}
                </main>
                {evening()}
            </body>
        </html>
    }
}

/// The name of the product, which leads to the inbox.
fn home(base: &str) -> impl IntoView + use<> {
    view! {
        <a class="brand" href=base.to_owned() + Address::PATH>
            {brand()}
        </a>
    }
}

fn bar(place: &Place, current: &str) -> impl IntoView + use<> {
    let Reader { is_operator, may_see_wishes, may_sign_out, .. } = place.reader;
    let inbox = (place.of().frame.inbox, Address::PATH);
    let others = OtherPages { has_operations: is_operator, has_wishes: may_see_wishes, ..OtherPages::default() };
    let links = std::iter::once(inbox).chain(others.links(place.words)).map(|(name, path)| {
        let is_current = (path == current).then_some("page");
        view! { <a href=place.at(path) aria-current=is_current>{name}</a> }
    });
    let sign_out = may_sign_out.then(|| {
        let name = place.words.language().pages.sign_out;
        view! {
            <form class="sign-out" method="post" action=place.at("/logout")>
                <button type="submit" class="quiet" aria-label=name title=name>
                    <Icon of=icons::DOOR />
                </button>
            </form>
        }
    });
    view! {
        <header class="bar">
            {home(&place.base)}
            <nav class="desk-nav" aria-label=place.words.pages>
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

/// The heading where there is nothing to show.
fn heading(problem: &Problem, place: &Place) -> &'static str {
    let of = &place.of().frame;
    match problem.code {
        Code::Forbidden => of.forbidden,
        Code::NotFound => of.not_found,
        Code::TooManyRequests => of.too_many,
        Code::Unavailable => of.unavailable,
        _ => of.failed,
    }
}

fn trouble(problem: &Problem, place: &Place) -> impl IntoView + use<> {
    view! {
        <div class="state">
            <h1>{heading(problem, place)}</h1>
            <p dir="auto">{place.detail(problem)}</p>
            {link_button(place.at(Address::PATH), place.of().frame.go_to_inbox)}
        </div>
    }
}
