//! The list, and the parts above and below it.

use leptos::{either::Either, ev::SubmitEvent, prelude::*, server_fn::ServerFn};

#[cfg(feature = "ssr")]
use super::row::{DELETE, MARK_READ, MARK_UNREAD};
use super::{
    banner::Banner,
    click,
    composer::ComposeLink,
    empty::InPlaceOfRows,
    flag, follow,
    icons::{self, Icon},
    is_plain, optional,
    row::NotificationRow,
    search::SearchField,
    selection::Selection,
    still, text,
};
use crate::{
    app::{
        board::{self, Board, Loading, Row},
        page::Address,
        server_fns,
        text::{bidi::visible, relative_time},
        words::fill,
    },
    model::Code,
};

/// A line of the list.
#[derive(Clone, PartialEq)]
enum Line {
    /// The day that what follows belongs to, or the last of several.
    Day(i64),
    /// A notification.
    Row(Row),
}

impl Line {
    /// All lists of the page have keys of one type: with another, the page would load 500 bytes
    /// more.
    fn key(&self) -> i64 {
        /// Around it are the keys of days, far below those of rows.
        const DAYS: i64 = i64::MIN / 2;
        match self {
            Self::Day(day) => DAYS + day,
            Self::Row(row) => row.key,
        }
    }
}

/// The list with everything around it.
#[component]
pub(in crate::app) fn Inbox(board: Board) -> impl IntoView {
    view! {
        <main class="inbox">
            <Heading board />
            <Selection board />
            <Banner board />
            <Pill board />
            <div class="list" id="list" class:waited=flag(move || board.status.read().loading == Loading::Slow)>
                <List board />
                <InPlaceOfRows board />
                <Older board />
            </div>
            <div hidden inner_html=still!(row_forms(board))></div>
            <p class="hidden" role="status" aria-live="polite">{board.said}</p>
        </main>
    }
}

/// The name of the inbox, its unread count, and the actions on all of it.
#[component]
fn Heading(board: Board) -> impl IntoView {
    let words = board.words;
    let unread = move || board.overview.read().unread_count;
    let name = text(move || visible(board.address.read().inbox_name(words).unwrap_or(words.all_inboxes)));
    view! {
        <div class="inbox-head">
            <h1 id="inbox-name" tabindex="-1" dir="auto" class:mono=flag(move || board.address.read().asked_user_id().is_some())>
                {name}
            </h1>
            <p class="badge" class:none=flag(move || unread() == 0)>
                <span class="tabular" id="unread-count">{text(move || words.number(unread()))}</span>
                {words.of_unread}
            </p>
            <SearchField board />
            <div class="inbox-tools">
                <ReadFilter board />
                <MarkAll board />
                {board.may_send.then(|| view! { <ComposeLink board /> })}
            </div>
        </div>
    }
}

/// The links to all notifications, and to unread ones only.
#[component]
fn ReadFilter(board: Board) -> impl IntoView {
    let link = move |label: &'static str, unread: bool| {
        view! {
            <a
                href=text(move || board.address.read().only_unread(unread).href())
                aria-current=optional(move || (board.address.read().unread == unread).then_some("true"))
                on:click=click(move |event| follow(board, &event, board.address.get_untracked().only_unread(unread)))
            >
                {label}
            </a>
        }
    };
    view! {
        <div class="segments" role="group" aria-label=board.words.show>
            {link(board.words.all, false)} {link(board.words.only_unread, true)}
        </div>
    }
}

/// Marks the inbox as read, of it what was seen and is of the category that is shown; for one inbox only,
/// because a mistake over all of them could not be taken back, and not for a search, which no marking can name.
#[component]
fn MarkAll(board: Board) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        board.mark_all();
    };
    let words = board.words;
    let label = text(move || match &board.address.read().category {
        Some(category) => fill(words.mark_all_of, &[category]),
        None => words.mark_all.to_owned(),
    });
    let cannot_be = move || {
        let address = board.address.read();
        address.user_id.is_none() || address.q.is_some()
    };
    view! {
        <form
            method="post"
            action=board.at(server_fns::MarkAll::url())
            class:none=flag(cannot_be)
            on:submit=submit
        >
            <div hidden inner_html=still!(mark_all_fields(board))></div>
            <button type="submit" class="plain" disabled=optional(move || {
                let of = board.address.read().category.clone();
                (board::unread(&board.overview.read(), of.as_deref()) == 0).then_some("")
            }) title=text(move || label.get() + words.mark_all_keys)>
                <Icon of=icons::CHECK_ALL />
                <span>{label}</span>
            </button>
        </form>
    }
}

/// What is sent without script, where the page stays as the server rendered it.
#[cfg(feature = "ssr")]
fn mark_all_fields(board: Board) -> impl IntoView {
    let Address { user_id, category, .. } = board.address.get_untracked();
    let up_to = board.seen().map(|seen| seen.to_string());
    view! {
        <input type="hidden" name="user_id" value=user_id.unwrap_or_default() />
        <input type="hidden" name="up_to" value=up_to.unwrap_or_default() />
        <input type="hidden" name="category" value=category.unwrap_or_default() />
    }
}

/// Goes to the new notifications that wait above the list.
#[component]
fn Pill(board: Board) -> impl IntoView {
    view! {
        <button type="button" class="pill" class:none=flag(move || board.status.read().held == 0) on:click=click(move |_| board.release())>
            <Icon of=icons::UP />
            <span class="tabular">{text(move || board.words.number(board.status.read().held as u64))}</span>
            {board.words.of_new}
        </button>
    }
}

/// The notifications, newest first, under the days, the week and the months that they belong to.
///
/// They are in blocks, each a list of its own. When two rows come at once, leptos takes all rows below out of their
/// list and puts them back, which takes a second in one list of a thousand.
#[component]
fn List(board: Board) -> impl IntoView {
    let today = Memo::new(move |_| board.day(board.status.read().clock));
    let blocks = Memo::new(move |_| {
        let today = today.get();
        let mut blocks: Vec<Block> = Vec::new();
        let (mut last, mut day_of) = (None, board.days());
        for row in board.rows.read().iter() {
            if blocks.last().is_none_or(|block| block.key != row.block) {
                blocks.push(Block { key: row.block, lines: Vec::new() });
            }
            let Some(Block { lines, .. }) = blocks.last_mut() else { continue };
            // A row's time is settled when it is sent; only what its day is called changes.
            let day = relative_time::group(day_of(row.item.read_untracked().data.timestamp), today);
            if last.is_none_or(|last| day < last) {
                lines.push(Line::Day(day));
                last = Some(day);
            }
            lines.push(Line::Row(row.clone()));
        }
        blocks
    });
    let keys = move || blocks.read().iter().map(|block| block.key).collect::<Vec<_>>();
    view! {
        <ol class="rows" class:none=flag(move || board.rows.read().is_empty()) aria-label=board.words.notifications>
            <For each=keys key=|key| *key let:key>
                <Lines board blocks key />
            </For>
        </ol>
    }
}

/// Consecutive lines.
#[derive(Clone, PartialEq)]
struct Block {
    key: i64,
    lines: Vec<Line>,
}

/// The lines of one block.
#[component]
fn Lines(board: Board, blocks: Memo<Vec<Block>>, key: i64) -> impl IntoView {
    let lines = Memo::new(move |_| {
        let blocks = blocks.read();
        blocks.iter().find(|block| block.key == key).map(|block| block.lines.clone()).unwrap_or_default()
    });
    view! {
        <For each=move || lines.get() key=Line::key let:line>
            {match line {
                Line::Day(day) => Either::Left(view! { <DayHeading board day /> }),
                Line::Row(row) => Either::Right(view! { <NotificationRow board row /> }),
            }}
        </For>
    }
}

/// The name of the day.
#[component]
fn DayHeading(board: Board, day: i64) -> impl IntoView {
    view! {
        <li class="day">
            <h2>{text(move || relative_time::day_name(board.words, day, board.day(board.status.read().clock)))}</h2>
        </li>
    }
}

/// The links to older notifications, and back.
#[component]
fn Older(board: Board) -> impl IntoView {
    let older = move || {
        let next = board.status.read().next.map(|next| next.to_string()).unwrap_or_default();
        board.address.read().from(next)
    };
    let newest = move || Address { before: None, ..board.address.get() };
    view! {
        <nav
            class="paging"
            aria-label=board.words.pages
            class:none=flag(move || {
                let has_none = board.status.read().next.is_none() && board.address.read().before.is_none();
                // A link that is not valid has its own way out.
                has_none || board.trouble_code() == Some(Code::InvalidInput)
            })
        >
            <a
                class="plain"
                class:none=flag(move || board.address.read().before.is_none())
                href=text(move || newest().href())
                on:click=click(move |event| follow(board, &event, newest()))
            >
                {board.words.back_to_newest}
            </a>
            <a
                class="plain"
                class:none=flag(move || board.status.read().next.is_none())
                rel="next"
                href=text(move || older().href())
                on:click=click(move |event| {
                    if is_plain(&event) && !board.is_short() && board.show_older() {
                        event.prevent_default();
                    } else {
                        follow(board, &event, older());
                    }
                })
            >
                {text(move || if board.rows.read().is_empty() { board.words.look_further } else { board.words.show_older }.to_owned())}
            </a>
        </nav>
    }
}

/// The forms that the buttons of the rows submit without script.
#[cfg(feature = "ssr")]
fn row_forms(board: Board) -> impl IntoView {
    let mark = board.at(<server_fns::Mark as ServerFn>::url());
    let delete = board.at(<server_fns::Delete as ServerFn>::url());
    view! {
        <form id=MARK_READ method="post" action=mark.clone()>
            <input type="hidden" name="is_read" value="true" />
        </form>
        <form id=MARK_UNREAD method="post" action=mark>
            <input type="hidden" name="is_read" value="false" />
        </form>
        <form id=DELETE method="post" action=delete></form>
    }
}
