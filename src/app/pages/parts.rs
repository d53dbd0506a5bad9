//! The building blocks of the pages.

use leptos::{nonce::use_nonce, prelude::*};

use super::{Reader, words::Tone};
use crate::{
    app::{
        components::icons::{CROSS, Icon},
        text::{
            linkify::{Piece, linkify},
            relative_time,
        },
        words::{Desk, Words, fill},
    },
    model::{Problem, Timestamp},
    server::channels::no_answer::NoAnswer,
};

/// A day, in seconds.
const DAY: i64 = 86_400;

/// A script of the page.
pub(super) fn script(src: String) -> impl IntoView {
    view! { <script defer nonce=use_nonce() src=src></script> }
}

/// The surroundings of a page: its base path, its reader and the time.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) base: String,
    pub(super) reader: Reader,
    pub(super) now: Timestamp,
    pub(super) words: &'static Words,
}

impl Place {
    /// The words of these pages.
    pub(super) fn of(&self) -> &'static Desk {
        self.words.language().desk()
    }

    /// Why something was refused, in the reader's language.
    pub(super) fn detail(&self, problem: &Problem) -> String {
        self.words.language().detail(problem).to_owned()
    }

    /// What is wrong with a field, if it is, in the reader's language.
    pub(super) fn field(&self, problem: &Problem, name: &str) -> Option<String> {
        self.words.language().field(problem, name).map(str::to_owned)
    }

    /// The URL of a path of the server, for the browser.
    pub(super) fn at(&self, path: &str) -> String {
        self.base.clone() + path
    }

    /// A past moment: its age, and the exact time on demand.
    pub(super) fn past(&self, moment: Timestamp) -> impl IntoView + use<> {
        const WEEK: i64 = 7 * DAY;
        let seconds = (self.now.as_micros() - moment.as_micros()) / 1_000_000;
        let of = &self.of().moments;
        let said = match seconds {
            ..60 => of.just_now.to_owned(),
            60..DAY => fill(of.ago, &[&relative_time::span(self.words, seconds)]),
            DAY..WEEK => self.words.count(of.days_ago, (seconds / DAY).unsigned_abs()),
            _ => relative_time::ago(self.words, moment, self.now, 0),
        };
        time(self.words, moment, said)
    }

    /// A future moment, by the clock where it is near.
    pub(super) fn exactly(&self, moment: Timestamp) -> impl IntoView + use<> {
        let (exact, today) = (relative_time::exact(self.words, moment, 0), relative_time::local_day(self.now, 0));
        let is_today = relative_time::local_day(moment, 0) == today;
        let minute = exact.split_once(", ").and_then(|(day, clock)| Some((day, clock.get(..5)?)));
        let said = match minute {
            Some((_, clock)) if is_today => format!("{clock} UTC"),
            Some((day, clock)) => format!("{day}, {clock} UTC"),
            None => exact.clone(),
        };
        time(self.words, moment, said)
    }

    /// A future moment, as a wait.
    pub(super) fn ahead(&self, moment: Timestamp) -> impl IntoView + use<> {
        const TWO_DAYS: i64 = 2 * DAY;
        let seconds = (moment.as_micros() - self.now.as_micros()).div_euclid(1_000_000);
        let said = match seconds {
            ..=0 => self.words.now.to_owned(),
            TWO_DAYS.. => self.words.count(self.of().moments.days_ahead, (seconds / DAY).unsigned_abs()),
            _ => fill(self.of().moments.ahead, &[&relative_time::span(self.words, seconds)]),
        };
        time(self.words, moment, said)
    }
}

fn time(words: &'static Words, moment: Timestamp, said: String) -> impl IntoView {
    view! {
        <time class="tabular" datetime=moment.to_string() title=relative_time::exact(words, moment, 0)>
            {said}
        </time>
    }
}

/// A state: a word, an icon of its own shape, and a colour.
pub(super) fn mark(tone: Tone, word: impl Into<String>) -> impl IntoView {
    mark_with(tone.icon(), tone, word)
}

/// The same with another icon.
pub(super) fn mark_with(icon: &'static str, tone: Tone, word: impl Into<String>) -> impl IntoView {
    view! {
        <span class="mark" data-tone=tone.name()>
            <Icon of=icon />
            {word.into()}
        </span>
    }
}

/// A text of other people, with its links; it sets its own direction.
pub(super) fn linked(text: &str) -> impl IntoView + use<> {
    let pieces = linkify(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned().into_any(),
        Piece::Url(url) => {
            let (href, shown) = (url.to_owned(), url.to_owned());
            view! { <a href=href dir="ltr" target="_blank" rel="noopener noreferrer nofollow">{shown}</a> }.into_any()
        }
    });
    pieces.collect_view()
}

/// What the other side answered to an attempt; or, without a status, why it did not, as far as there are words for that:
/// the rest is in English.
pub(super) fn answer(code: Option<u16>, detail: &str, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().deliveries;
    let in_english = |text: &str| view! { <bdi lang="en">{text.to_owned()}</bdi> }.into_any();
    let said = match NoAnswer::read(detail).filter(|_| code.is_none()) {
        Some(NoAnswer::Late(seconds)) => fill(of.late, &[&seconds.to_string()]).into_any(),
        Some(NoAnswer::Lost(cause)) => filled(of.lost, vec![in_english(cause)]).into_any(),
        Some(NoAnswer::Forbidden) => of.forbidden.into_any(),
        None if code.is_none() => in_english(detail),
        None => detail.to_owned().into_any(),
    };
    view! { <bdi class="answer">{said}</bdi> }
}

/// A word with views in its places, as `fill` has it with texts.
pub(super) fn filled(word: &'static str, mut views: Vec<AnyView>) -> impl IntoView {
    // An empty text would be shown as a space.
    let text = |piece: &'static str| (!piece.is_empty()).then(|| piece.into_any());
    let mut pieces = word.split('{');
    let mut filled: Vec<_> = pieces.next().and_then(text).into_iter().collect();
    for piece in pieces {
        let place = piece.bytes().next().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
        filled.extend(views.get_mut(place).map(|view| std::mem::replace(view, ().into_any())));
        // A digit and the brace.
        filled.extend(piece.get(2..).and_then(text));
    }
    filled.collect_view()
}

/// A link that looks like a button.
pub(super) fn link_button(href: String, word: &'static str) -> impl IntoView {
    view! {
        <a class="plain" href=href>
            {word}
        </a>
    }
}

/// An action, as a form with one button.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    /// The target of the form.
    pub(super) action: String,
    /// The action's name for the server.
    pub(super) does: &'static str,
    /// Further fields for the server.
    pub(super) fields: Vec<(&'static str, String)>,
    /// The label of the button.
    pub(super) word: &'static str,
    /// The object of the action, for users who hear the button without its surroundings.
    pub(super) of: String,
    /// The button's CSS class.
    pub(super) class: &'static str,
}

impl Deed {
    /// The form.
    pub(super) fn form(self) -> impl IntoView {
        let Self { action, does, fields, word, of, class } = self;
        let hidden = fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
        view! {
            <form method="post" action=action>
                {hidden.collect_view()}
                <button type="submit" class=class name="do" value=does>
                    {word}
                    {(!of.is_empty()).then(|| view! { <span class="hidden">": "<bdi>{of}</bdi></span> })}
                </button>
            </form>
        }
    }

    /// The same behind a confirmation, which needs no script.
    pub(super) fn after(self, ask: &'static str, question: &'static str) -> impl IntoView {
        let (of, named) = (self.of.clone(), self.of.clone());
        view! {
            // Of several, one is open at a time.
            <details class="confirm" name="confirm">
                <summary class="plain">
                    {ask}
                    {(!of.is_empty()).then(|| view! { <span class="hidden">": "<bdi>{of}</bdi></span> })}
                    <Icon of=CROSS />
                </summary>
                <div class="confirm-box">
                    {(!named.is_empty()).then(|| view! { <p class="confirm-of"><bdi>{named}</bdi></p> })}
                    <p>{question}</p>
                    {self.form()}
                </div>
            </details>
        }
    }
}

/// A name and its value.
pub(super) fn fact(name: &'static str, value: impl IntoView + 'static) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn place() -> Place {
        Place {
            base: "/notify".to_owned(),
            reader: Reader::default(),
            now: at("2026-11-22T12:00:00Z"),
            words: Words::none(),
        }
    }

    #[rstest]
    #[case("2026-11-22T11:59:30Z", "now")]
    #[case("2026-11-22T12:05:00Z", "in 5 min")]
    #[case("2026-11-24T11:59:59Z", "in 47 h")]
    #[case("2026-12-26T12:00:00Z", "in 34 d")]
    fn waits_are_shown_in_words(#[case] moment: &str, #[case] want: &str) {
        let html = Owner::new().with(|| place().ahead(at(moment)).to_html());
        assert!(html.contains(&format!(">{want}<")), "{html}");
    }

    #[rstest]
    #[case("2026-11-22T11:59:30Z", "just now")]
    #[case("2026-11-22T11:55:00Z", "5 min ago")]
    #[case("2026-11-20T12:00:00Z", "2 d ago")]
    #[case("2026-11-07T12:00:00Z", "7 Nov")]
    fn past_times_are_shown_in_words(#[case] moment: &str, #[case] want: &str) {
        let html = Owner::new().with(|| place().past(at(moment)).to_html());
        assert!(
            html.contains(&format!(">{want}<")) && html.contains("title=\"") && html.contains("datetime="),
            "{html}"
        );
    }

    #[test]
    fn future_times_are_shown_by_the_clock() {
        let owner = Owner::new();
        let soon = at("2026-11-22T12:05:00Z");
        assert!(owner.with(|| place().exactly(soon).to_html()).contains(">12:05 UTC<"));
        let html = owner.with(|| place().exactly(at("2026-11-23T00:05:00Z")).to_html());
        assert!(html.contains(">23 Nov 2026, 00:05 UTC<"), "{html}");
    }

    #[test]
    fn only_links_of_the_web_become_links() {
        let text = "<i> https://a.example/ javascript:alert(1)";
        let html = Owner::new().with(|| linked(text).to_html());
        assert!(html.contains("href=\"https://a.example/\"") && html.contains("&lt;i&gt;"), "{html}");
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
    }
}
