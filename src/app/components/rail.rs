//! What can be chosen: whose inbox, and what kind.

use leptos::{ev::SubmitEvent, prelude::*};

use super::follow;
use crate::{
    app::{
        address::Address,
        icons::{self, Icon},
        state::Board,
    },
    model::Category,
};

/// How many recent inboxes are offered.
const RECENT: usize = 8;

/// The column of filters; a row of them on a small screen.
#[component]
pub(in crate::app) fn Rail(board: Board) -> impl IntoView {
    view! {
        <nav class="rail" aria-label="Filters">
            <InboxField board />
            <Recent board />
            <Kinds board />
        </nav>
    }
}

/// The field that says whose inbox. Without script it is a form that asks for the address.
#[component]
fn InboxField(board: Board) -> impl IntoView {
    let field = NodeRef::<leptos::html::Input>::new();
    let problem = Memo::new(move |_| {
        board.trouble.read().as_ref().and_then(|problem| problem.field("user_id").map(str::to_owned))
    });
    let user_id = move || board.address.read().user_id.clone().unwrap_or_default();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(field) = field.get_untracked() else { return };
        let wanted = field.value();
        let wanted = wanted.trim();
        let wanted = (!wanted.is_empty()).then_some(wanted);
        board.go(board.address.get_untracked().of_user(wanted));
    };
    // Another address came: by a link, or by the back button.
    Effect::new(move |before: Option<()>| {
        let user_id = user_id();
        if let (Some(()), Some(field)) = (before, field.get_untracked()) {
            field.set_value(&user_id);
        }
    });
    view! {
        <form class="inbox-of" method="get" action=Address::PATH role="search" on:submit=submit>
            <label for="inbox-of">"Inbox of"</label>
            <div class="field-row">
                <input
                    id="inbox-of"
                    node_ref=field
                    name="user_id"
                    class="mono"
                    type="search"
                    placeholder="user id"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    enterkeyhint="go"
                    value=board.address.read_untracked().user_id.clone()
                    aria-invalid=move || problem.read().is_some().then_some("true")
                    aria-describedby=move || problem.read().is_some().then_some("inbox-of-problem")
                />
                <button type="submit" class="plain">"Show"</button>
            </div>
            <Kept name="category" value=Signal::derive(move || board.address.read().category.clone()) />
            <Kept name="unread" value=Signal::derive(move || board.address.read().unread.then(|| "true".to_owned())) />
            {move || problem.get().map(|text| view! { <p class="problem" id="inbox-of-problem">{text}</p> })}
        </form>
    }
}

/// What a form without script keeps of the address.
#[component]
fn Kept(name: &'static str, value: Signal<Option<String>>) -> impl IntoView {
    view! { <input type="hidden" name=name value=move || value.get().unwrap_or_default() /> }
}

/// The inboxes that were written to last.
#[component]
fn Recent(board: Board) -> impl IntoView {
    let ids = Memo::new(move |_| {
        let shown = board.address.read().user_id.clone();
        let overview = board.overview.read();
        let recent = overview.recent.iter().map(|user_id| user_id.as_str().to_owned());
        let shown_first = shown.filter(|_| board.trouble.read().as_ref().is_none_or(|it| it.field("user_id").is_none()));
        let mut ids: Vec<String> = shown_first.into_iter().chain(recent).collect();
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        ids.truncate(RECENT);
        ids
    });
    view! {
        <ul class="links inboxes" aria-label="Inboxes">
            <li>
                <Choice board label="All inboxes" is_mono=false to=move |address: &Address| address.of_user(None) />
            </li>
            <For each=move || ids.get() key=Clone::clone let:id>
                <li>
                    <InboxChoice board id />
                </li>
            </For>
        </ul>
    }
}

/// A link to one inbox.
#[component]
fn InboxChoice(board: Board, id: String) -> impl IntoView {
    let label = id.clone();
    view! { <Choice board label is_mono=true to=move |address: &Address| address.of_user(Some(&id)) /> }
}

/// The kinds, with how many there are of each.
#[component]
fn Kinds(board: Board) -> impl IntoView {
    let slugs = Memo::new(move |_| {
        let overview = board.overview.read();
        let mut slugs: Vec<String> = Category::WELL_KNOWN.iter().map(|slug| (*slug).to_owned()).collect();
        let others = overview.categories.iter().map(|(category, _)| category.as_str().to_owned());
        slugs.extend(others.chain(board.address.read().category.clone()));
        let mut seen = std::collections::BTreeSet::new();
        slugs.retain(|slug| seen.insert(slug.clone()));
        slugs
    });
    view! {
        <h2 class="rail-title" id="kinds">"Kind"</h2>
        <ul class="links kinds" aria-labelledby="kinds">
            <li>
                <Choice board label="All kinds" is_mono=false to=move |address: &Address| address.of_category(None) />
            </li>
            <For each=move || slugs.get() key=Clone::clone let:slug>
                <li>
                    <KindChoice board slug />
                </li>
            </For>
        </ul>
    }
}

/// A link to one kind.
#[component]
fn KindChoice(board: Board, slug: String) -> impl IntoView {
    let (name, shown) = (slug.clone(), slug.clone());
    let count = move || {
        let overview = board.overview.read();
        overview.categories.iter().find(|(category, _)| category.as_str() == name).map(|(_, count)| *count)
    };
    let wanted = slug.clone();
    let to = move |address: &Address| address.of_category(Some(&wanted));
    let target = to.clone();
    let is_current = to.clone();
    let icon = icons::of_category(&slug);
    view! {
        <a
            class="choice"
            data-kind=slug.clone()
            href=move || target(&board.address.read()).href()
            aria-current=move || (is_current(&board.address.read()).category == board.address.read().category).then_some("true")
            on:click=move |event| follow(board, &event, to(&board.address.read_untracked()))
        >
            <Icon of=icon />
            <span class="choice-name">{shown}</span>
            <span class="tabular count">{move || count().filter(|count| *count > 0)}</span>
        </a>
    }
}

/// A link to another filter.
#[component]
fn Choice<To>(board: Board, #[prop(into)] label: String, is_mono: bool, to: To) -> impl IntoView
where
    To: Fn(&Address) -> Address + Clone + Send + Sync + 'static,
{
    let target = to.clone();
    let current = to.clone();
    let is_current = move || {
        let address = board.address.read();
        let there = current(&address);
        there.user_id == address.user_id && there.category == address.category
    };
    view! {
        <a
            class="choice"
            class:mono=is_mono
            href=move || target(&board.address.read()).href()
            aria-current=move || is_current().then_some("true")
            on:click=move |event| follow(board, &event, to(&board.address.read_untracked()))
        >
            <span class="choice-name">{label}</span>
        </a>
    }
}
