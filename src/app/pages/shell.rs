//! The document around the dashboard. Only the server renders it.

use leptos::{nonce::use_nonce, prelude::*};

use super::{
    CHANNELS, NOTIFY_ME, WEBHOOKS,
    language::{language_choice, language_script},
    parts::script,
};
use crate::app::{
    browser::{preferences::THEME, tab},
    components::{composer::composer, help::help, toasts::pattern},
    dashboard::App,
    page::{Address, ELEMENT, Initial},
    words::Words,
};

/// Makes the pages an app: on an iPhone, only an app on the home screen receives push messages.
const MANIFEST: &str = "/manifest.webmanifest";

/// Leads the inbox to the notification of a push message that was opened.
const OPENED: &str = concat!("/opened.js?v=", env!("CARGO_PKG_VERSION"));

/// What CSS cannot see of the inbox.
const GESTURES: &str = concat!("/gestures.js?v=", env!("CARGO_PKG_VERSION"));

/// The URLs of the browser's assets; empty where they were not built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageAssets {
    /// The style sheet.
    pub css: String,
    /// The JavaScript that loads the WebAssembly.
    pub js: String,
    /// The WebAssembly.
    pub wasm: String,
}

impl PageAssets {
    /// The same, with this prefix.
    pub(crate) fn below(self, base: &str) -> Self {
        let below = |path: String| if path.is_empty() { path } else { base.to_owned() + &path };
        Self { css: below(self.css), js: below(self.js), wasm: below(self.wasm) }
    }
}

/// In the context of the inbox's document when its reader may see pages beside it. It is outside of the part that the
/// browser hydrates, which would have to know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherPages {
    /// Whether the pages of operators.
    pub has_operations: bool,
    /// Whether the page of preferences.
    pub has_wishes: bool,
    /// Whether the server pushes to browsers, so that a push message may lead to the inbox.
    pub has_push: bool,
}

impl OtherPages {
    /// The names and the paths of the pages that the reader may see.
    pub(super) fn links(self, words: &'static Words) -> impl Iterator<Item = (&'static str, &'static str)> {
        let Self { has_operations, has_wishes, .. } = self;
        let of = &words.language().pages;
        let wishes = has_wishes.then_some((of.notify_me, NOTIFY_ME));
        let operations = [(of.channels, CHANNELS), (of.webhooks, WEBHOOKS)].into_iter().filter(move |_| has_operations);
        wishes.into_iter().chain(operations)
    }
}

/// The whole document. It needs an [`Initial`] in its context.
pub fn shell(assets: PageAssets) -> impl IntoView {
    let nonce = use_nonce();
    let initial = use_context::<Initial>();
    let Address { base, .. } = initial.as_ref().map(|initial| initial.address.clone()).unwrap_or_default();
    let words = initial.as_ref().map_or_else(Words::none, |initial| initial.words);
    let (title, icon) = initial.as_ref().map_or(("Campanile".to_owned(), tab::ICON), |initial| {
        let unread = initial.snapshot.as_ref().map_or(0, |snapshot| snapshot.overview.unread_count);
        (tab::title(unread, initial.address.inbox_name(words)), tab::icon(unread))
    });
    let others = use_context::<OtherPages>();
    let data = initial.as_ref().map(Initial::to_script).unwrap_or_default();
    let form = initial.as_ref().filter(|initial| initial.viewer.may_send).map(composer);
    let viewer = initial.map(|initial| initial.viewer).unwrap_or_default();
    let PageAssets { css, js, wasm } = assets.below(&base);
    let start = (!js.is_empty()).then(|| {
        // Starting the module and hydrating are separate tasks, so that the page stays responsive in between.
        let start = format!(
            "import init,{{hydrate}} from '{js}';init({{module_or_path:'{wasm}'}}).then(()=>setTimeout(hydrate))"
        );
        view! {
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
            <script r#type="module" nonce=nonce.clone() inner_html=start></script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang=words.code>
            <head>
                {head(words, title, &base, icon, css)}
                {start}
                {gestures_script(&base)}
                {language_script(&base)}
                {others.filter(|others| others.has_push).map(|_| opened_script(&base))}
            </head>
            <body class:reader=!viewer.may_send>
                <App />
                {form}
                {help(words, &viewer)}
                {pattern(words)}
                {beside_inbox(words, &base, others)}
                <script id=ELEMENT r#type="application/json" inner_html=data></script>
            </body>
        </html>
    }
}

/// The head of every page: its name, its colours and its style.
pub(crate) fn head(words: &'static Words, title: String, base: &str, icon: &str, css: String) -> impl IntoView + use<> {
    // Before the first paint, so that a page in the other theme never flashes.
    let theme = format!(
        "try{{let t=localStorage.getItem('{THEME}');if(t=='light'||t=='dark')document.documentElement.dataset.theme=t}}catch(e){{}}"
    );
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <title>{title}</title>
        <meta name="description" content=words.language().pages.description />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href=base.to_owned() + icon r#type="image/svg+xml" />
        // A gateway may require its cookie for every file.
        <link rel="manifest" href=base.to_owned() + MANIFEST crossorigin="use-credentials" />
        <script nonce=use_nonce() inner_html=theme></script>
        {(!css.is_empty()).then(|| view! { <link rel="stylesheet" href=css /> })}
    }
}

/// The script that leads the inbox to the notification of a push message, where the server pushes to browsers.
fn opened_script(base: &str) -> impl IntoView + use<> {
    script(base.to_owned() + OPENED)
}

/// What CSS cannot see of the inbox: that it is scrolled, and that a finger swipes a row.
fn gestures_script(base: &str) -> impl IntoView + use<> {
    script(base.to_owned() + GESTURES)
}

/// The links to the other pages, and the choice of the language, for the page of the inbox. They stand outside of the
/// part that the browser hydrates, so their code need not be compiled for the browser.
fn beside_inbox(words: &'static Words, base: &str, others: Option<OtherPages>) -> impl IntoView + use<> {
    let links = others.map(|others| {
        let at = base.to_owned();
        let links = others.links(words).map(move |(name, path)| view! { <a href=at.clone() + path>{name}</a> });
        view! { <nav aria-label=words.language().pages.other_pages>{links.collect_view()}</nav> }
    });
    view! {
        <footer class="operations">
            {links}
            {language_choice(words, base)}
        </footer>
    }
}
