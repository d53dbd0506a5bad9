//! Leaving the server alone: because the user is not signed in, or because it was asked too often.

use super::{
    message::{Effect, Message, Now},
    view::View,
};
use crate::model::{Code, Problem};

/// The longest that the page waits, in seconds, whatever it is told.
const LONGEST: u32 = 3_600;

impl View {
    /// Whether the session is over. Asking again is pointless until the user has signed in, which
    /// they do in another tab, or by leaving this page.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.trouble.as_ref().is_some_and(|problem| problem.code == Code::Unauthenticated)
    }

    /// Leaves the server alone for as long as it said, if it did, and refreshes then.
    pub(super) fn wait_as_told(&mut self, problem: &Problem, now: Now) -> Option<Effect> {
        let seconds = problem.retry_after.filter(|seconds| *seconds > 0)?;
        let seconds = u32::try_from(seconds).unwrap_or(LONGEST).min(LONGEST);
        let counts = self.wait > 0;
        self.wait_until = now.ms + f64::from(seconds) * 1_000.0;
        self.wait = seconds;
        (!counts).then_some(Effect::After(1_000, Message::CountDown))
    }

    /// Counts the seconds. It looks at the clock, because timers are late on hidden pages.
    pub(super) fn count_down(&mut self, now: Now) -> Vec<Effect> {
        if self.wait == 0 {
            return Vec::new();
        }
        let left = self.wait_until - now.ms;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at most an hour")]
        let seconds = (left / 1_000.0).ceil().max(0.0) as u32;
        self.wait = seconds;
        if seconds > 0 {
            return vec![Effect::After(1_000, Message::CountDown)];
        }
        // Else that is done when the user comes back.
        if now.is_hidden { Vec::new() } else { self.refresh(now) }
    }

    /// The page begins to live, maybe with a refusal.
    pub(super) fn begin(&mut self, now: Now) -> Vec<Effect> {
        let Some(problem) = self.trouble.clone() else { return Vec::new() };
        self.clock = self.server_time(now.ms);
        self.wait_as_told(&problem, now).into_iter().collect()
    }
}
