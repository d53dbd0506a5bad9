//! A language, and the words of it that only the server shows.

use super::{Words, desk::Desk};
use crate::model::{Code, Problem};

/// A language: the words of the part of the page that the browser takes over, and those that only the server shows: on
/// all pages, and on those beside the inbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// What it calls itself.
    pub(crate) name: &'static str,
    pub(crate) words: Words,
    pub(crate) pages: Pages,
    pub(crate) desk: Desk,
}

/// The words of a language that only the server shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) description: &'static str,
    pub(crate) send_heading: &'static str,
    pub(crate) close: &'static str,
    pub(crate) send: &'static str,
    pub(crate) to: &'static str,
    pub(crate) other: &'static str,
    pub(crate) other_category: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) more: &'static str,
    pub(crate) link: &'static str,
    pub(crate) link_example: &'static str,
    pub(crate) expires: &'static str,
    /// The time zone of that where no script runs, after a space.
    pub(crate) expires_zone: &'static str,
    pub(crate) own_key: &'static str,
    pub(crate) key_ctrl: &'static str,
    pub(crate) key_enter: &'static str,
    pub(crate) user_id: &'static str,
    pub(crate) open: &'static str,
    pub(crate) account: &'static str,
    /// Before a name, with a space.
    pub(crate) signed_in_as: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) search: &'static str,
    pub(crate) search_label: &'static str,
    pub(crate) clear_search: &'static str,
    pub(crate) command: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) language: &'static str,
    pub(crate) language_system: &'static str,
    pub(crate) other_pages: &'static str,
    pub(crate) notify_me: &'static str,
    pub(crate) channels: &'static str,
    pub(crate) webhooks: &'static str,
    pub(crate) needs_script: &'static str,
    pub(crate) refresh: &'static str,
    pub(crate) single_keys: &'static str,
    pub(crate) next: &'static str,
    pub(crate) previous: &'static str,
    pub(crate) open_or_close: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) mark_all: &'static str,
    pub(crate) choose_inbox: &'static str,
    pub(crate) write: &'static str,
    pub(crate) show_keys: &'static str,
    pub(crate) send_from_text: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) select_to: &'static str,
    pub(crate) key_shift: &'static str,
    pub(crate) key_delete: &'static str,
    // Signing in, and ending mails.
    pub(crate) secret: &'static str,
    pub(crate) which_secret: &'static str,
    pub(crate) name_of_key: &'static str,
    pub(crate) attempts: &'static str,
    pub(crate) in_seconds: &'static str,
    pub(crate) in_minutes: &'static str,
    pub(crate) in_hours: &'static str,
    pub(crate) needs_https: &'static str,
    pub(crate) why_https: &'static str,
    pub(crate) open_instead: &'static str,
    pub(crate) turn_on_https: &'static str,
    pub(crate) refused_secret: &'static str,
    pub(crate) refused_expired: &'static str,
    pub(crate) refused_revoked: &'static str,
    pub(crate) refused_scope: &'static str,
    pub(crate) refused_http: &'static str,
    pub(crate) refused_unavailable: &'static str,
    pub(crate) unsubscribe: &'static str,
    pub(crate) stop_all: &'static str,
    pub(crate) stop_category: &'static str,
    pub(crate) stays_in_inbox: &'static str,
    pub(crate) mandatory: &'static str,
    pub(crate) unsubscribed: &'static str,
    pub(crate) is_unsubscribed: &'static str,
    pub(crate) stopped_all: &'static str,
    pub(crate) stopped_category: &'static str,
    pub(crate) choose_wishes: &'static str,
    pub(crate) open_inbox: &'static str,
    pub(crate) no_link: &'static str,
    pub(crate) no_link_heading: &'static str,
    pub(crate) no_link_why: &'static str,
    pub(crate) old_link: &'static str,
    pub(crate) old_link_heading: &'static str,
    pub(crate) old_link_why: &'static str,
}

impl Language {
    /// Its words for the pages beside the inbox.
    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What the server says about a refusal on these pages, if it speaks this language; else why, by its code.
    pub(crate) fn detail<'a>(&self, problem: &'a Problem) -> &'a str {
        let Self { words, desk, .. } = self;
        match problem.code {
            _ if words.is_of_the_api() => &problem.detail,
            Code::NotFound => words.no_longer_there,
            Code::TooManyRequests => words.too_many,
            Code::Conflict => desk.refused.conflict,
            Code::BadRequest => desk.refused.unreadable,
            code => words.why(code),
        }
    }

    /// What is wrong with a field of these pages, if it is, as [`Self::detail`].
    pub(crate) fn field<'a>(&self, problem: &'a Problem, name: &str) -> Option<&'a str> {
        let Self { words, desk, .. } = self;
        let said = problem.field(name)?;
        Some(if words.is_of_the_api() { said } else { desk.refused.wrong(words, name) })
    }
}
