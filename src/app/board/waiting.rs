//! Leaving the server alone: because the user is not signed in, or because it was asked too often.

use leptos::prelude::*;

use super::Board;
use crate::{
    app::browser,
    model::{Code, Problem},
};

/// The longest that the page waits, in seconds, whatever it is told.
const LONGEST: u32 = 3_600;

impl Board {
    /// Why what is shown is not up to date, if it is not.
    pub(crate) fn trouble_code(self) -> Option<Code> {
        self.trouble.read().as_ref().map(|problem| problem.code)
    }

    /// Whether the session is over. Asking again is pointless until the user has signed in, which
    /// they do in another tab, or by leaving this page.
    pub(crate) fn is_signed_out(self) -> bool {
        let trouble = self.trouble.read_untracked();
        trouble.as_ref().is_some_and(|problem| problem.code == Code::Unauthenticated)
    }

    /// Whether the server is to be left alone.
    pub(super) fn is_waiting(self) -> bool {
        self.wait.get_untracked() > 0
    }

    /// Leaves the server alone for as long as it said, if it did, and refreshes then.
    pub(crate) fn wait_as_told(self, problem: &Problem) {
        let Some(seconds) = problem.retry_after.filter(|seconds| *seconds > 0) else { return };
        let seconds = u32::try_from(seconds).unwrap_or(LONGEST).min(LONGEST);
        let counts = self.is_waiting();
        self.book.update_value(|book| book.wait_until = browser::now_ms() + f64::from(seconds) * 1_000.0);
        self.wait.set(seconds);
        if !counts {
            self.count_down();
        }
    }

    /// Counts the seconds. It looks at the clock, because timers are late on hidden pages.
    fn count_down(self) {
        browser::after(1_000, move || {
            if !self.is_waiting() {
                return;
            }
            let left = self.book.with_value(|book| book.wait_until) - browser::now_ms();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at most an hour")]
            let seconds = (left / 1_000.0).ceil().max(0.0) as u32;
            self.wait.set(seconds);
            if seconds > 0 { self.count_down() } else { self.refresh_unless_hidden() }
        });
    }
}
