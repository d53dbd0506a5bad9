//! Push to this browser: the states that `public/push.js` reports, and the button that it handles.

use leptos::prelude::*;

use super::NotifyMePage;
use crate::app::{
    pages::{
        parts::{Place, mark},
        words::Tone,
    },
    words::{Desk, Push},
};

/// A state of push in this browser.
struct State {
    /// Its name in the script.
    name: &'static str,
    tone: Tone,
    word: &'static str,
    /// Its meaning, and what to do.
    text: &'static str,
    /// The label of the button in this state; `None` where there is no button.
    button: Option<&'static str>,
}

/// All states that the script may find.
fn states(of: &'static Desk, is_own: bool) -> [State; 9] {
    let state = |name, tone, word, text, button| State { name, tone, word, text, button };
    let (push, is_on, is_off) = (&of.push, of.states.on, of.states.off);
    let (off, elsewhere, on) = if is_own {
        (push.off_text, push.elsewhere_text, push.on_text)
    } else {
        (push.off_text_of_user, push.elsewhere_text_of_user, push.on_text_of_user)
    };
    let (turn_on, turn_off, turning_on) = (Some(push.turn_on), Some(push.turn_off), Some(push.turning_on));
    [
        state("unsupported", Tone::Quiet, push.impossible, push.unsupported_text, None),
        state("ios", Tone::Quiet, push.not_yet, push.ios_text, None),
        state("insecure", Tone::Quiet, push.impossible, push.insecure_text, None),
        state("blocked", Tone::Bad, push.blocked, push.blocked_text, None),
        state("off", Tone::Quiet, is_off, off, turn_on),
        state("elsewhere", Tone::Quiet, is_off, elsewhere, turn_on),
        state("stopped", Tone::Bad, push.stopped, push.stopped_text, turn_on),
        state("turning-on", Tone::Wait, push.turning_on, push.turning_on_text, turning_on),
        state("on", Tone::Good, is_on, on, turn_off),
    ]
}

/// What the script says otherwise, by its names for it. `{0}` and `{1}` stand for what the script puts there.
fn sentences(of: &'static Push) -> [(&'static str, &'static str); 9] {
    [
        ("unreachable", of.unreachable),
        ("answered", of.answered),
        ("no-worker", of.no_worker),
        ("not-allowed", of.not_allowed),
        ("no-service", of.no_service),
        ("no-answer", of.no_answer),
        ("unreadable", of.unreadable),
        ("a-browser", of.a_browser),
        ("browser-on", of.browser_on),
    ]
}

pub(super) fn show(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let (words, of) = (place.words, place.of());
    let templates = states(of, page.is_own).map(|state| {
        let State { name, tone, word, text, button } = state;
        view! {
            <template data-state=name data-button=button>
                {mark(tone, word)}
                <span>{text}</span>
            </template>
        }
    });
    let sentences = sentences(&of.push).map(|(name, text)| view! { <template data-says=name>{text}</template> });
    // The API's own sentences are in this language, and only then the script shows them.
    let has_details = words.is_of_the_api().then_some("");
    view! {
        <div
            id="push-here"
            class="here"
            role="group"
            aria-labelledby="here"
            tabindex="-1"
            data-base=place.base.clone()
            data-user=page.user_id.as_str().to_owned()
            data-own=page.is_own.then_some("")
            data-details=has_details
        >
            <div class="here-text">
                <h3 id="here">{of.push.heading}</h3>
                <p class="here-state" role="status"></p>
                <p class="problem" role="alert"></p>
                <noscript>
                    <p class="why">{of.push.needs_script}</p>
                </noscript>
            </div>
            <button type="button" class="primary" hidden></button>
            {templates.into_iter().collect_view()}
            {sentences.into_iter().collect_view()}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::words::Words;

    #[test]
    fn every_state_says_what_to_do_or_has_a_button() {
        let of = Words::none().language().desk();
        for is_own in [true, false] {
            for State { name, word, text, .. } in states(of, is_own) {
                assert!(!word.is_empty() && text.ends_with('.'), "{name}");
            }
            let words = states(of, is_own).map(|state| state.text);
            assert_eq!(
                words.iter().any(|text| text.contains(" you.") || text.contains("your inbox")),
                is_own,
                "{words:?}"
            );
        }
    }
}
