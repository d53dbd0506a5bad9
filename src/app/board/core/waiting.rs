//! When the server is asked by the page itself; and leaving it alone, because the user is not signed in, or because it
//! was asked too often.

use super::{
    message::{Effect, Message, Now},
    sending::may_be_sent,
    view::View,
};
use crate::{
    app::live,
    model::{Code, Problem},
};

/// How long nothing must have arrived before the page asks where a list goes on that grew over its end, in milliseconds.
const QUIET: f64 = 4_000.0;
/// How long an answer may take before the page asks once more, in milliseconds: after that the request was given up.
const PATIENCE: f64 = 20_000.0;
/// Every how many periods the present is asked for while every change is told anyhow.
const LIVE_PERIODS: u32 = 12;
/// The longest that the page waits, in seconds, whatever it is told.
const LONGEST: u32 = 3_600;

impl View {
    /// Whether the session is over. Asking again is pointless until the user has signed in, in another tab or by
    /// leaving this page.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.trouble.as_ref().is_some_and(|problem| problem.code == Code::Unauthenticated)
    }

    /// Asks for the present every five seconds: while all is well and every change is told, once a minute, which is for
    /// what we did not think of. A user who is signed out asks by coming back to the page, and an address that is not
    /// legal stays so.
    pub(super) fn period(&mut self, now: Now) {
        self.tick(now);
        self.is_kept = true;
        // The tab that has the connection may sleep, and tells the others nothing then.
        self.is_live &= now.ms - self.heard.at <= live::patience(self.heartbeat_ms);
        self.periods += 1;
        // A thousand rows are asked for once it is quiet.
        let is_cut = self.heard.is_cut && now.ms - self.heard.shown_at >= QUIET;
        let is_due = !self.is_live || self.trouble.is_some() || is_cut || self.periods >= LIVE_PERIODS;
        // Several answers that come slowly would make each other slower.
        let waits = self.heard.asked > 0 && now.ms - self.heard.asked_at < PATIENCE;
        if !is_due || waits || self.is_signed_out() || self.address.params(0).parse().is_err() {
            return;
        }
        self.periods = 0;
        self.refresh(now);
    }

    /// The page is told of every change from now on, or is not any more.
    pub(super) fn live(&mut self, is_live: bool, now: Now) {
        let begins = !std::mem::replace(&mut self.is_live, is_live) && is_live;
        self.is_kept |= is_live;
        self.heard.at = now.ms;
        if begins && self.heard.position.is_none() {
            // A stream of all inboxes begins anew, and does not report what was done before.
            self.heard.echoes.clear();
        }
        if is_live && self.ends_trouble(begins) {
            self.refresh(now);
        }
    }

    /// The server was heard, so what failed before is no trouble any more, unless that fails again and again. Returns
    /// whether the present has to be asked for.
    pub(super) fn ends_trouble(&mut self, is_anew: bool) -> bool {
        let is_outage = |problem: &mut Problem| may_be_sent(problem) || problem.code == Code::Unavailable;
        self.wait == 0 && (is_anew || self.failures < 2) && self.trouble.take_if(is_outage).is_some()
    }

    /// Leaves the server alone for as long as it said, if it did, and refreshes then.
    pub(super) fn wait_as_told(&mut self, problem: &Problem, now: Now) {
        let Some(seconds) = problem.retry_after.filter(|seconds| *seconds > 0) else { return };
        let seconds = u32::try_from(seconds).unwrap_or(LONGEST).min(LONGEST);
        let counts = self.wait > 0;
        self.wait_until = now.ms + f64::from(seconds) * 1_000.0;
        self.wait = seconds;
        if !counts {
            self.effects.push(Effect::After(1_000, Message::CountDown));
        }
    }

    /// Counts the seconds. It looks at the clock, because timers are late on hidden pages.
    pub(super) fn count_down(&mut self, now: Now) {
        if self.wait == 0 {
            return;
        }
        let left = self.wait_until - now.ms;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at most an hour")]
        let seconds = (left / 1_000.0).ceil().max(0.0) as u32;
        self.wait = seconds;
        if seconds > 0 {
            self.effects.push(Effect::After(1_000, Message::CountDown));
        } else if !now.is_hidden {
            // If hidden, the page refreshes when the user comes back.
            self.refresh(now);
        }
    }

    /// The page starts in the browser, and may have arrived with a problem.
    pub(super) fn begin(&mut self, now: Now) {
        let Some(problem) = self.trouble.clone() else { return };
        self.clock = self.server_time(now.ms);
        self.wait_as_told(&problem, now);
    }
}
