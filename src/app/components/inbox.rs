//! The list, and what stands above and below it.

use leptos::{form::ActionForm, prelude::*, server_fn::ServerFn};

use super::{
    banner::{Banner, Refused},
    empty::{Empty, Skeleton},
    follow, is_plain,
    row::{DELETE, MARK_READ, MARK_UNREAD, NotificationRow},
};
use crate::app::{
    icons::{self, Icon},
    relative_time, server_fns,
    state::{Board, Loading, Row},
};

/// A line of the list.
#[derive(Clone, PartialEq)]
enum Line {
    /// The day that what follows belongs to.
    Day(i64),
    /// A notification.
    Row(Row),
}

impl Line {
    fn key(&self) -> (bool, i64) {
        match self {
            Self::Day(day) => (true, *day),
            Self::Row(row) => (false, row.key),
        }
    }
}

/// The list with everything around it.
#[component]
pub(in crate::app) fn Inbox(board: Board, mark_all: ServerAction<server_fns::MarkAll>) -> impl IntoView {
    let is_empty = Memo::new(move |_| board.rows.read().is_empty());
    let was_read = Memo::new(move |_| board.read_at.read().is_some() && board.trouble.read().is_none());
    let is_refused = Memo::new(move |_| is_empty.get() && board.trouble.read().is_some());
    view! {
        <main class="inbox">
            <Heading board mark_all />
            <Banner board />
            <Pill board />
            <div class="list" id="list">
                <Show when=move || !is_empty.get()>
                    <List board />
                </Show>
                <Show when=move || is_refused.get()>
                    <Refused board />
                </Show>
                <Show when=move || is_empty.get() && was_read.get() && board.loading.get() == Loading::Done>
                    <Empty board />
                </Show>
                <Show when=move || is_empty.get() && board.loading.get() != Loading::Done>
                    <Skeleton board />
                </Show>
                <Older board />
            </div>
            <RowForms />
            <p class="hidden" role="status" aria-live="polite">{move || board.said.get()}</p>
        </main>
    }
}

/// Whose inbox, how much of it is unread, and what can be done with all of it.
#[component]
fn Heading(board: Board, mark_all: ServerAction<server_fns::MarkAll>) -> impl IntoView {
    let user_id = Memo::new(move |_| board.address.read().user_id.clone());
    let unread = Memo::new(move |_| board.overview.read().unread_count);
    view! {
        <div class="inbox-head">
            <h1 id="inbox-name" tabindex="-1" dir="auto" class:mono=move || user_id.read().is_some()>
                {move || user_id.get().unwrap_or_else(|| "All inboxes".to_owned())}
            </h1>
            <p class="badge" class:none=move || unread.get() == 0>
                <span class="tabular" id="unread-count">{unread}</span>
                " unread"
            </p>
            <div class="inbox-tools">
                <ReadFilter board />
                <MarkAll board mark_all user_id unread />
            </div>
        </div>
    }
}

/// All, or only what is unread.
#[component]
fn ReadFilter(board: Board) -> impl IntoView {
    let link = move |label: &'static str, unread: bool| {
        view! {
            <a
                href=move || board.address.read().only_unread(unread).href()
                aria-current=move || (board.address.read().unread == unread).then_some("true")
                on:click=move |event| follow(board, &event, board.address.get_untracked().only_unread(unread))
            >
                {label}
            </a>
        }
    };
    view! {
        <div class="segments" role="group" aria-label="Show">
            {link("All", false)} {link("Unread", true)}
        </div>
    }
}

/// Marks the whole inbox as read; for one inbox only, because a mistake over all of them could
/// not be taken back.
#[component]
fn MarkAll(
    board: Board,
    mark_all: ServerAction<server_fns::MarkAll>,
    user_id: Memo<Option<String>>,
    unread: Memo<u64>,
) -> impl IntoView {
    super::commands::watch_mark_all(board, mark_all);
    view! {
        <div class="mark-all" class:none=move || user_id.read().is_none()>
            <ActionForm action=mark_all>
                <input type="hidden" name="user_id" value=move || user_id.get().unwrap_or_default() />
                <button type="submit" class="plain" disabled=move || unread.get() == 0 title="Mark all as read (Shift A)">
                    <Icon of=icons::CHECK_ALL />
                    <span>"Mark all read"</span>
                </button>
            </ActionForm>
        </div>
    }
}

/// Goes to the new ones that wait above the list.
#[component]
fn Pill(board: Board) -> impl IntoView {
    view! {
        <Show when=move || { board.held.get() > 0 }>
            <button type="button" class="pill" on:click=move |_| board.release()>
                <Icon of=icons::UP />
                <span class="tabular">{move || board.held.get()}</span>
                " new"
            </button>
        </Show>
    }
}

/// The rows, grouped by day.
#[component]
fn List(board: Board) -> impl IntoView {
    let lines = Memo::new(move |_| {
        let rows = board.rows.read();
        let mut lines = Vec::with_capacity(rows.len() + 8);
        let mut last = None;
        for row in rows.iter() {
            // A row's time is settled when it is sent; only which day it is called changes.
            let day = board.day(row.data.read_untracked().timestamp);
            if last.is_none_or(|last| day < last) {
                lines.push(Line::Day(day));
                last = Some(day);
            }
            lines.push(Line::Row(row.clone()));
        }
        lines
    });
    view! {
        <ol class="rows" aria-label="Notifications">
            <For each=move || lines.get() key=Line::key let:line>
                {match line {
                    Line::Day(day) => view! { <DayHeading board day /> }.into_any(),
                    Line::Row(row) => view! { <NotificationRow board row /> }.into_any(),
                }}
            </For>
        </ol>
    }
}

/// What the day is called.
#[component]
fn DayHeading(board: Board, day: i64) -> impl IntoView {
    view! {
        <li class="day">
            <h2>{move || relative_time::day_name(day, board.day(board.clock.get()))}</h2>
        </li>
    }
}

/// The way to what is older, and back.
#[component]
fn Older(board: Board) -> impl IntoView {
    let is_further_down = Memo::new(move |_| board.address.read().before.is_some());
    let older = move |next: crate::model::Cursor| board.address.get().from(next.to_string());
    view! {
        <nav class="paging" aria-label="Pages">
            {move || {
                is_further_down
                    .get()
                    .then(|| {
                        let newest = move || board.address.get().only_unread(board.address.get().unread);
                        view! {
                            <a class="plain" href=move || newest().href() on:click=move |event| follow(board, &event, newest())>
                                "Back to the newest"
                            </a>
                        }
                    })
            }}
            {move || {
                board
                    .next
                    .get()
                    .map(|next| {
                        view! {
                            <a
                                class="plain"
                                rel="next"
                                href=older(next).href()
                                on:click=move |event| {
                                    if is_plain(&event) && board.show_older() {
                                        event.prevent_default();
                                    } else {
                                        follow(board, &event, older(next));
                                    }
                                }
                            >
                                "Show older"
                            </a>
                        }
                    })
            }}
        </nav>
    }
}

/// What the buttons of the rows submit where there is no script.
#[component]
fn RowForms() -> impl IntoView {
    let mark = <server_fns::Mark as ServerFn>::url();
    let delete = <server_fns::Delete as ServerFn>::url();
    view! {
        <form id=MARK_READ method="post" action=mark hidden>
            <input type="hidden" name="is_read" value="true" />
        </form>
        <form id=MARK_UNREAD method="post" action=mark hidden>
            <input type="hidden" name="is_read" value="false" />
        </form>
        <form id=DELETE method="post" action=delete hidden></form>
    }
}
