//! One notification in the list.

use leptos::prelude::*;

use super::{
    click,
    content::{content_text, length_step},
    flag, follow_and_focus,
    icons::{self, ChangingIcon, Icon},
    optional, text,
};
use crate::{
    app::{
        board::{Board, Item, Message, Row},
        browser,
        text::{bidi::visible, first_words, relative_time},
        words::{Words, fill},
    },
    model::{Link, Notification},
};

/// The forms of a row's buttons, for a page without script: one for each action in the whole list, because a button
/// brings its own id along.
pub(super) const MARK_READ: &str = "mark-read";
/// As [`MARK_READ`].
pub(super) const MARK_UNREAD: &str = "mark-unread";
/// As [`MARK_READ`].
pub(super) const DELETE: &str = "delete";

/// How many characters of a text a name has.
const NAME_CHARS: usize = 40;

/// One notification.
#[component]
pub(super) fn NotificationRow(board: Board, row: Row) -> impl IntoView {
    let words = board.words;
    let Item { data: notification, arrives, .. } = row.item.get_untracked();
    let step = length_step(notification.content.as_str());
    let category = notification.category.as_str().to_owned();
    let content = notification.content.as_str().to_owned();
    let [of_read, of_open, of_selected, of_sending, of_time] = std::array::from_fn(|_| row.item.clone());
    let is_sending = flag(move || of_sending.read().is_sending);
    let is_read = flag(move || of_read.read().data.is_read);
    let is_open = flag(move || of_open.read().is_open);
    let is_selected = flag(move || of_selected.read().is_selected);
    let title = notification.title.as_ref().map(|title| title.as_str().to_owned());
    // Stored links are not validated again, but a link is only shown if a click on it is safe.
    let leading = notification.link.clone().filter(|link| Link::parse(link.as_str()).is_ok());
    let text_id = format!("{}-text", row.element_id());
    let key = row.key;
    let element_id = row.element_id();
    let (when, foot) = (row.clone(), row.clone());
    let name = name_of(words, &notification, board.is_own);
    let user_id = notification.user_id.as_str().to_owned();
    let exact = text(move || {
        let moment = of_time.read().data.timestamp;
        relative_time::exact(words, moment, board.offset_minutes(moment))
    });
    view! {
        <li
            class="row"
            id=element_id
            tabindex="-1"
            data-kind=category.clone()
            class:unread=flag(move || !is_read.get())
            class:selected=is_selected
            class:sending=is_sending
            class:arrives=arrives
        >
            <span class="unread-dot" aria-hidden="true"></span>
            <button
                type="button"
                class="row-check needs-script"
                role="checkbox"
                title=words.select.to_owned() + " (x)"
                aria-label=fill(words.action_of, &[words.select, &name])
                aria-checked=optional(move || Some(if is_selected.get() { "true" } else { "false" }))
                aria-disabled=optional(move || is_sending.get().then_some("true"))
            ></button>
            <span class="row-kind" title=category.clone()>
                <Icon of=icons::of_category(&category) />
            </span>
            <span class="hidden">{text(move || if is_read.get() { words.is_read } else { words.is_unread }.to_owned())}</span>
            {title.map(|title| view! { <h3 class="row-title" dir="auto">{title}</h3> })}
            <p class="row-text" id=text_id.clone() dir="auto" data-long=(step > 0).then_some(step) class:open=is_open>
                {content_text(&content)}
            </p>
            {(step > 0)
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="more needs-script"
                            data-long=step
                            aria-expanded=optional(move || Some(if is_open.get() { "true" } else { "false" }))
                            aria-controls=text_id
                            on:click=click(move |_| board.send(Message::Toggle(key)))
                        >
                            {text(move || if is_open.get() { words.show_less } else { words.show_more }.to_owned())}
                        </button>
                    }
                })}
            {leading.map(|link| view! { <Leads link=link /> })}
            <div class="row-foot" data-at=exact>
                {(!board.is_own).then(|| view! { <UserLink board row=foot user_id /> })}
                <span>{category.clone()}</span>
            </div>
            <When board row=when exact />
            <Actions board row name />
        </li>
    }
}

/// A link to the user's inbox; none where that is the one which is open.
#[component]
fn UserLink(board: Board, row: Row, user_id: String) -> impl IntoView {
    let around = row.around.clone();
    let is_open = flag(move || around.read().address.user_id.is_some());
    let target = user_id.clone();
    let wanted = user_id.clone();
    view! {
        <a
            class="who mono"
            class:none=is_open
            dir="auto"
            href=text(move || row.around.read().address.of_user(Some(&target)).href())
            on:click=click(move |event| {
                let address = board.address.get_untracked().of_user(Some(&wanted));
                follow_and_focus(board, &event, address, Some("inbox-name"));
            })
        >
            {visible(&user_id)}
        </a>
    }
}

/// How long ago it was, at the end of the first line; exactly when, for who asks.
#[component]
fn When(board: Board, row: Row, exact: Signal<String>) -> impl IntoView {
    let Row { item, around, .. } = row;
    let of = item.clone();
    let ago = text(move || {
        let of = of.read();
        if of.is_sending {
            return board.words.sending.to_owned();
        }
        let moment = of.data.timestamp;
        relative_time::ago(board.words, moment, around.read().clock, board.offset_minutes(moment))
    });
    view! {
        <time class="when tabular" datetime=text(move || item.read().data.timestamp.to_string()) title=exact>
            {ago}
        </time>
    }
}

/// The notification's link.
#[component]
fn Leads(link: Link) -> impl IntoView {
    let href = link.as_str().to_owned();
    let elsewhere = href.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
    let shown = elsewhere.unwrap_or(&href).trim_end_matches('/').to_owned();
    let is_elsewhere = elsewhere.is_some();
    view! {
        <a
            class="leads"
            href=href.clone()
            target=is_elsewhere.then_some("_blank")
            rel=is_elsewhere.then_some("noopener noreferrer nofollow")
        >
            <Icon of=icons::LEAVE />
            <span class="leads-to">{shown}</span>
        </a>
    }
}

/// What can be done with it. The buttons submit forms; in the browser the click is taken instead,
/// because many rows can be under way at once and each is taken back by itself.
///
/// A pointer finds them in the place of the time. For a finger they are a popover, which a button of its own opens.
#[component]
fn Actions(board: Board, row: Row, name: String) -> impl IntoView {
    let words = board.words;
    let (key, item) = (row.key, row.item.clone());
    let menu = format!("{}-menu", row.element_id());
    let is_read = flag(move || item.read().data.is_read);
    let item = row.item;
    let id = text(move || item.read().data.id.to_string());
    let verb = move || if is_read.get() { words.mark_unread } else { words.mark_read }.to_owned();
    let (mark_name, delete_name) = (name.clone(), name.clone());
    let opened = menu.clone();
    view! {
        <button type="button" class="quiet row-menu" popovertarget=menu.clone() aria-label=fill(words.actions_of, &[&name])>
            <Icon of=icons::DOTS />
        </button>
        <div class="row-actions" popover="auto" id=menu>
            <button
                class="quiet"
                form=without_script(if is_read.get_untracked() { MARK_UNREAD } else { MARK_READ })
                name="id"
                value=id
                title=text(move || verb() + " (e)")
                aria-label=text(move || fill(words.action_of, &[&verb(), &mark_name]))
                on:click=click(move |event| {
                    event.prevent_default();
                    browser::close_popover(&opened);
                    board.send(Message::Mark(key, !is_read.get_untracked()));
                })
            >
                <ChangingIcon of=text(move || if is_read.get() { icons::UNREAD } else { icons::CHECK }.to_owned()) />
                <span>{text(verb)}</span>
            </button>
            <button
                class="quiet danger"
                form=without_script(DELETE)
                name="id"
                value=id
                title=words.delete.to_owned() + " (#)"
                aria-label=fill(words.action_of, &[words.delete, &delete_name])
                on:click=click(move |event| {
                    event.prevent_default();
                    board.send(Message::Delete(key));
                })
            >
                <Icon of=icons::BIN />
                <span>{words.delete}</span>
            </button>
        </div>
    }
}

/// The form of a button, which only a page without script needs. With it, Chromium would look through the whole page for
/// the default button of the form, for each button that comes or goes.
fn without_script(form: &'static str) -> Option<&'static str> {
    cfg!(feature = "ssr").then_some(form)
}

/// The notification's name in the labels of buttons; in the user's own inbox without the owner.
fn name_of(words: &Words, notification: &Notification, is_own: bool) -> String {
    let text = notification.title.as_ref().map_or(notification.content.as_str(), |title| title.as_str());
    let name = first_words(text, NAME_CHARS);
    if is_own { name } else { fill(words.name_for, &[&name, &visible(notification.user_id.as_str())]) }
}
