//! Push to this browser: the states that `public/push.js` reports, and the button that it handles.

use leptos::prelude::*;

use super::NotifyMePage;
use crate::app::pages::{
    parts::{Place, mark},
    words::Tone,
};

/// The label of the button where push is off.
const TURN_ON: &str = "Turn on push for this browser";

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
fn states(is_own: bool) -> [State; 9] {
    let state = |name, tone, word, text, button| State { name, tone, word, text, button };
    let (off, elsewhere, on) = if is_own {
        (
            "Turned on, this browser tells you of what comes, also while no page of your inbox is open.",
            "This browser is told of what is sent to another user. Turned on here, it is told of what is sent to you \
             instead.",
            "This browser is told, also while no page of your inbox is open.",
        )
    } else {
        (
            "Turned on, this browser is told of what is sent to this user, as if it were theirs.",
            "This browser is told of what is sent to another user. Turned on here, it is told \
             of what is sent to this one instead.",
            "This browser is told of what is sent to this user.",
        )
    };
    [
        state(
            "unsupported",
            Tone::Quiet,
            "Not possible",
            "This browser has no push, or not in a private window.",
            None,
        ),
        state(
            "ios",
            Tone::Quiet,
            "Not yet possible",
            "An iPhone or iPad has push for what is on its home screen: choose Share, then Add to Home Screen, and open it \
             from there.",
            None,
        ),
        state(
            "insecure",
            Tone::Quiet,
            "Not possible",
            "Browsers have push for encrypted pages only. Open this page by its https address, or on localhost.",
            None,
        ),
        state(
            "blocked",
            Tone::Bad,
            "Blocked",
            "This browser does not let this site show notifications. Allow them in its settings for this site, which open \
             by the icon beside the address.",
            None,
        ),
        state("off", Tone::Quiet, "Off", off, Some(TURN_ON)),
        state("elsewhere", Tone::Quiet, "Off", elsewhere, Some(TURN_ON)),
        state(
            "stopped",
            Tone::Bad,
            "Stopped",
            "The push service of this browser takes nothing for it any more. Turning it on again makes that good.",
            Some(TURN_ON),
        ),
        state(
            "turning-on",
            Tone::Wait,
            "Turning on…",
            "The browser asks its push service for an address.",
            Some("Turning on…"),
        ),
        state("on", Tone::Good, "On", on, Some("Turn it off for this browser")),
    ]
}

pub(super) fn show(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let templates = states(page.is_own).map(|state| {
        let State { name, tone, word, text, button } = state;
        view! {
            <template data-state=name data-button=button>
                {mark(tone, word)}
                <span>{text}</span>
            </template>
        }
    });
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
        >
            <div class="here-text">
                <h3 id="here">"Push to this browser"</h3>
                <p class="here-state" role="status"></p>
                <p class="problem" role="alert"></p>
                <noscript>
                    <p class="why">"Turning this on needs JavaScript. All else on this page works without."</p>
                </noscript>
            </div>
            <button type="button" class="primary" hidden></button>
            {templates.into_iter().collect_view()}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_says_what_to_do_or_has_a_button() {
        for is_own in [true, false] {
            for State { name, word, text, .. } in states(is_own) {
                assert!(!word.is_empty() && text.ends_with('.'), "{name}");
            }
            let words = states(is_own).map(|state| state.text);
            assert_eq!(
                words.iter().any(|text| text.contains(" you.") || text.contains("your inbox")),
                is_own,
                "{words:?}"
            );
        }
    }
}
