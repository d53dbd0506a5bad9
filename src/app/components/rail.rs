//! What can be chosen: whose inbox, and which category.

use leptos::{ev::SubmitEvent, prelude::*};

#[cfg(feature = "ssr")]
use super::problem_of;
use super::{
    click, effect, follow, follow_problem,
    icons::{self, Icon},
    optional, still, text,
};
use crate::{
    app::{
        board::{self, Board},
        browser,
        page::Address,
        text::bidi::visible,
        words::Words,
    },
    model::{Category, Overview, UnreadCount},
};

/// How many recent inboxes are offered.
const RECENT: usize = 8;
/// The field that names the inbox.
pub(super) const FIELD: &str = "inbox-of";
/// The inboxes that it and the composer suggest.
const SUGGESTIONS: &str = "recent";

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Narrow {
    /// This inbox, or all of them.
    Inbox(Option<String>),
    /// This category, or all of them.
    Category(Option<String>),
}

impl Narrow {
    /// The address it leads to.
    fn from(&self, address: &Address) -> Address {
        match self {
            Self::Inbox(user_id) => address.of_user(user_id.as_deref()),
            Self::Category(category) => address.of_category(category.as_deref()),
        }
    }

    /// Whether it is shown now.
    fn is_shown(&self, address: &Address) -> bool {
        match self {
            Self::Inbox(user_id) => *user_id == address.user_id,
            Self::Category(category) => *category == address.category,
        }
    }

    /// How many are unread there. All of them together are counted in the bar.
    fn unread(&self, overview: &Overview) -> u64 {
        let found = match self {
            Self::Inbox(Some(user_id)) => {
                let is_it = |inbox: &&UnreadCount| inbox.user_id.as_str() == user_id;
                overview.recent.iter().find(is_it).map(|inbox| inbox.unread_count)
            }
            Self::Category(Some(category)) => Some(board::unread(overview, Some(category))),
            Self::Inbox(None) | Self::Category(None) => None,
        };
        found.unwrap_or(0)
    }

    fn label(&self, words: &Words) -> String {
        match self {
            Self::Inbox(Some(text)) | Self::Category(Some(text)) => visible(text),
            Self::Inbox(None) => words.all_inboxes.to_owned(),
            Self::Category(None) => words.all_categories.to_owned(),
        }
    }
}

/// The column of filters; a row of them on a small screen.
#[component]
pub(in crate::app) fn Rail(board: Board) -> impl IntoView {
    effect(move |is_first| {
        let suggestions = suggestions(board);
        if !is_first {
            browser::set_options(SUGGESTIONS, &suggestions);
        }
    });
    let words = board.words;
    view! {
        <nav class="rail" aria-label=words.filters>
            {(!board.is_own).then(|| view! {
                <InboxField board />
                <datalist
                    id=SUGGESTIONS
                    inner_html=still!(suggestions(board).into_iter().map(|user_id| view! { <option value=user_id></option> }).collect_view())
                ></datalist>
                <ul class="links inboxes" aria-label=words.inboxes>
                    <Choices board of=inboxes />
                </ul>
            })}
            <h2 class="rail-title" id="kinds">{words.category}</h2>
            <ul class="links kinds" aria-labelledby="kinds">
                <Choices board of=kinds />
            </ul>
        </nav>
    }
}

/// The field that says whose inbox; an icon on a phone, until it is typed into. Without script it is a form that asks for the address.
#[component]
fn InboxField(board: Board) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let wanted = browser::value(FIELD);
        let wanted = wanted.trim();
        let wanted = (!wanted.is_empty()).then_some(wanted);
        board.go(board.address.get_untracked().of_user(wanted));
    };
    follow_problem(board, "user_id", FIELD);
    // The address has changed: by a link, or by the back button.
    effect(move |is_first| {
        let user_id = board.address.read().user_id.clone().unwrap_or_default();
        if !is_first {
            browser::set_value(FIELD, &user_id);
        }
    });
    view! {
        <form class="inbox-of" method="get" action=board.at(Address::PATH) on:submit=submit inner_html=still!(inbox_field(board))></form>
    }
}

#[cfg(feature = "ssr")]
fn inbox_field(board: Board) -> impl IntoView {
    let problem = problem_of(board, "user_id");
    let Address { user_id, category, unread, q, .. } = board.address.get_untracked();
    let of = &board.words.language().pages;
    view! {
        <label for=FIELD>{of.user_id}</label>
        <div class="field-row">
            <Icon of=icons::TRAY />
            <input
                id=FIELD
                name="user_id"
                class="mono"
                type="search"
                placeholder="user_123"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                enterkeyhint="go"
                value=user_id
                aria-invalid=problem.is_some().then_some("true")
                aria-describedby="inbox-of-problem"
            />
            <button type="submit" class="plain">{of.open}</button>
        </div>
        <input type="hidden" name="category" value=category.unwrap_or_default() />
        <input type="hidden" name="unread" value=if unread { "true" } else { "" } />
        <input type="hidden" name="q" value=q.unwrap_or_default() />
        <p class="problem" id="inbox-of-problem">{problem}</p>
    }
}

/// All inboxes, and those written to most recently. If the inbox that is shown is among them, it keeps its place; else
/// it comes last.
fn inboxes(board: Board) -> Vec<Narrow> {
    let trouble = board.trouble.read();
    let is_legal = trouble.as_ref().is_none_or(|problem| problem.field("user_id").is_none());
    let shown = board.address.read().user_id.clone().filter(|_| is_legal);
    let overview = board.overview.read();
    let recent = overview.recent.iter().map(|inbox| inbox.user_id.as_str().to_owned());
    let mut choices = distinct(recent.take(RECENT).chain(shown).map(Some).map(Narrow::Inbox));
    choices.insert(0, Narrow::Inbox(None));
    choices
}

/// The recent inboxes, for the fields that ask for one.
fn suggestions(board: Board) -> Vec<String> {
    let overview = board.overview.read();
    overview.recent.iter().take(RECENT).map(|inbox| inbox.user_id.as_str().to_owned()).collect()
}

/// All categories, the well-known ones, and those that are there beside them.
fn kinds(board: Board) -> Vec<Narrow> {
    let overview = board.overview.read();
    let known = Category::WELL_KNOWN.into_iter().map(str::to_owned);
    let others = overview.categories.iter().map(|(category, _)| category.as_str().to_owned());
    let shown = board.address.read().category.clone();
    let mut choices = distinct(known.chain(others).chain(shown).map(Some).map(Narrow::Category));
    choices.insert(0, Narrow::Category(None));
    choices
}

/// Removes duplicates.
fn distinct(things: impl Iterator<Item = Narrow>) -> Vec<Narrow> {
    let mut once = Vec::new();
    for thing in things {
        if !once.contains(&thing) {
            once.push(thing);
        }
    }
    once
}

/// Links to the choices.
#[component]
fn Choices(board: Board, of: fn(Board) -> Vec<Narrow>) -> impl IntoView {
    let choices = Memo::new(move |before: Option<&Vec<(i64, Narrow)>>| {
        // What can still be chosen keeps its key, and with it its element and the focus.
        let known = before.map_or(&[][..], Vec::as_slice);
        let mut last = known.iter().map(|(key, _)| *key).max().unwrap_or(0);
        let mut key_of = |to: &Narrow| {
            let key = known.iter().find(|(_, known)| known == to).map(|(key, _)| *key);
            key.unwrap_or_else(|| {
                last += 1;
                last
            })
        };
        of(board).into_iter().map(|to| (key_of(&to), to)).collect::<Vec<_>>()
    });
    view! {
        <For each=move || choices.get() key=|choice| choice.0 let:choice>
            <li>
                <Choice board to=choice.1 />
            </li>
        </For>
    }
}

/// A link to another filter, with how many are unread there.
#[component]
fn Choice(board: Board, to: Narrow) -> impl IntoView {
    let label = to.label(board.words);
    let is_mono = matches!(to, Narrow::Inbox(Some(_)));
    let kind = match &to {
        Narrow::Category(kind) => kind.clone(),
        Narrow::Inbox(_) => None,
    };
    let icon = kind.as_deref().map(|kind| view! { <Icon of=icons::of_category(kind) /> });
    let (counted, target, shown) = (to.clone(), to.clone(), to.clone());
    let count = text(move || match counted.unread(&board.overview.read()) {
        0 => String::new(),
        count => board.words.number(count),
    });
    let unread = text(move || if count.read().is_empty() { "" } else { board.words.of_unread }.to_owned());
    view! {
        <a
            class="choice"
            class:mono=is_mono
            data-kind=kind
            href=text(move || target.from(&board.address.read()).href())
            aria-current=optional(move || shown.is_shown(&board.address.read()).then_some("true"))
            on:click=click(move |event| follow(board, &event, to.from(&board.address.get_untracked())))
        >
            {icon}
            <span class="choice-name" dir="auto">{label}</span>
            <span class="tabular count">{count}<span class="hidden">{unread}</span></span>
        </a>
    }
}
