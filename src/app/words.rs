//! The words of the pages. A language is a file beside this one: [`Words`] for the part that the browser takes over, and
//! [`Pages`] for what only the server renders; and a file in its folder: [`Desk`] for the pages beside the inbox, which
//! only the server renders too. A missing word does not compile.
//!
//! The WebAssembly has no language: the server renders the page, and sends the words along with its data. So both sides
//! show the same, and no browser loads a language that it does not show. For the same reason dates and numbers are
//! written by these words, and not by the browser's `Intl`, whose texts change with the browser.
//!
//! A language more is these two files, its `mod`, and its name in `languages!`.

#[cfg(feature = "ssr")]
mod choice;
mod de;
#[cfg(feature = "ssr")]
mod desk;
mod en;
mod form;
#[cfg(feature = "ssr")]
mod language;

use crate::model::{Code, Problem};

#[cfg(feature = "ssr")]
pub(crate) use self::choice::COOKIE as LANGUAGE_COOKIE;
#[cfg(feature = "ssr")]
pub(crate) use self::desk::{Desk, OfWishes, Push};
pub(crate) use self::form::fill;
#[cfg(feature = "ssr")]
pub use self::language::Language;
#[cfg(feature = "ssr")]
pub(crate) use self::language::Pages;

// `{0}` and `{1}` in a word stand for what is put there. Where a word depends on a number, its forms stand side by side
// with a bar between them, in the order of the language's `form`.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The words of a language, for the part of the page that the browser takes over.
        #[derive(Debug, PartialEq, Eq)]
        pub struct Words { $($(#[$doc])* pub(crate) $name: &'static str,)* }

        impl Words {
            /// All of them, a line for each.
            #[cfg(feature = "ssr")]
            fn lines(&self) -> String {
                [$(self.$name),*].join("\n")
            }

            /// Reads [`Self::lines`].
            fn read(lines: &'static str) -> Self {
                let mut lines = lines.split('\n');
                let [$($name),*] = std::array::from_fn(|_| lines.next().unwrap_or_default());
                Self { $($name),* }
            }
        }
    };
}

words! {
    /// The language's code, as in `lang` and in the name of its file.
    code,
    // Numbers and times.
    /// Stands between thousands.
    thousands,
    /// Stands before the fraction of a second.
    decimal,
    /// The months, with a space between them.
    months,
    months_short,
    /// The days of the week from Monday on.
    weekdays,
    weekdays_short,
    now,
    seconds,
    minutes,
    hours,
    /// A weekday and a time.
    weekday_and_time,
    /// A day and a month.
    day_and_month,
    /// A day, a month and a year.
    date,
    month_and_year,
    /// A date and a time with its zone.
    date_and_time,
    today,
    yesterday,
    last_week,
    // The bar.
    skip,
    /// Follows a number, after a space.
    of_unread,
    desktop,
    desktop_is,
    on,
    off,
    theme_is,
    change_theme,
    theme_system,
    theme_light,
    theme_dark,
    shortcuts,
    sign_in,
    freshness,
    offline,
    signed_out,
    not_updating,
    live,
    polling,
    // The rail.
    filters,
    inboxes,
    all_inboxes,
    your_inbox,
    category,
    all_categories,
    // The list.
    show,
    all,
    only_unread,
    mark_all,
    mark_all_of,
    mark_all_keys,
    /// Follows a number, after a space.
    of_new,
    notifications,
    pages,
    back_to_newest,
    show_older,
    look_further,
    // A row.
    is_read,
    is_unread,
    show_more,
    show_less,
    sending,
    mark_read,
    mark_unread,
    delete,
    /// An action and the notification that it is for.
    action_of,
    actions_of,
    select,
    /// A notification and its owner.
    name_for,
    // The rows that are selected.
    selection,
    selected,
    selected_read,
    selected_unread,
    unselect,
    // The form that sends.
    new,
    not_sent,
    not_confirmed,
    // An empty list.
    no_notifications_yet,
    first_by_sender,
    first_by_reader,
    first_by_owner,
    copied,
    nothing_found,
    caught_up,
    nothing_here,
    /// The sentence that names what there is nothing of begins so; what follows begins with a space.
    there_is_nothing,
    nothing_unread,
    nothing_of_category,
    nothing_with,
    nothing_for,
    nothing_further,
    clear_filters,
    show_all_inboxes,
    // Trouble.
    you_are_offline,
    you_are_signed_out,
    too_many,
    cannot_reach,
    no_longer_there,
    try_again,
    try_again_in,
    updated_ago,
    asks_again_in,
    may_not_see,
    wrong_user,
    wrong_search,
    wrong_address,
    not_read,
    sign_in_to_see,
    show_all,
    // The messages at the edge of the page, and what a screen reader is told.
    undo,
    dismiss,
    deleted,
    marked_read,
    all_marked,
    all_marked_of,
    nothing_to_mark,
    not_deleted,
    not_undone,
    not_marked_read,
    not_marked_unread,
    sent_to,
    desktop_on,
    no_desktop,
    desktop_refused,
    arrived,
    no_results,
    results,
    no_notifications,
    count_of_notifications,
    and_more,
    // Why something was refused, where the server's own sentence is in another language.
    why_invalid,
    why_signed_out,
    why_forbidden,
    why_not_found,
    why_too_many,
    why_too_large,
    why_unavailable,
    why_unknown,
    why_failed,
    wrong_user_id,
    wrong_content,
    wrong_category,
    wrong_title,
    wrong_link,
    wrong_expires_at,
    wrong_key,
    wrong_id,
    wrong_q,
}

impl Words {
    /// A word with a number in it, in the form that goes with it.
    pub(crate) fn count(&self, word: &str, count: u64) -> String {
        let form = form_of(self.code, count);
        let word = word.split('|').nth(form).or_else(|| word.split('|').next_back()).unwrap_or_default();
        fill(word, &[&self.number(count)])
    }

    /// A number with its thousands apart: `16,384`.
    pub(crate) fn number(&self, number: u64) -> String {
        form::grouped(number, self.thousands)
    }

    /// What the server says about a refusal, if it speaks this language; else why, by its code.
    pub(crate) fn detail<'a>(&self, problem: &'a Problem) -> &'a str {
        if self.is_of_the_api() { &problem.detail } else { self.why(problem.code) }
    }

    /// What is wrong with a field, if it is, as [`Self::detail`].
    pub(crate) fn field<'a>(&self, problem: &'a Problem, name: &str) -> Option<&'a str> {
        problem.field(name).map(|said| if self.is_of_the_api() { said } else { self.wrong(name) })
    }

    /// Whether it is the language of the server's messages, which are the same for everyone.
    pub(crate) fn is_of_the_api(&self) -> bool {
        self.code == "en"
    }

    /// Why something was refused.
    pub(crate) fn why(&self, code: Code) -> &'static str {
        match code {
            Code::InvalidInput => self.why_invalid,
            Code::Unauthenticated => self.why_signed_out,
            Code::Forbidden => self.why_forbidden,
            Code::NotFound => self.why_not_found,
            Code::TooManyRequests => self.why_too_many,
            Code::PayloadTooLarge => self.why_too_large,
            Code::Timeout | Code::Unavailable => self.why_unavailable,
            Code::UnknownOutcome => self.why_unknown,
            Code::BadRequest
            | Code::Conflict
            | Code::MethodNotAllowed
            | Code::UnsupportedMediaType
            | Code::MisdirectedRequest
            | Code::UpgradeRequired
            | Code::Internal
            | Code::Unreachable => self.why_failed,
        }
    }

    /// What a field has to be.
    pub(crate) fn wrong(&self, field: &str) -> &'static str {
        match field {
            "user_id" => self.wrong_user_id,
            "content" => self.wrong_content,
            "category" => self.wrong_category,
            "title" => self.wrong_title,
            "link" => self.wrong_link,
            "expires_at" => self.wrong_expires_at,
            "Idempotency-Key" => self.wrong_key,
            "id" => self.wrong_id,
            "q" => self.wrong_q,
            _ => self.why_invalid,
        }
    }

    /// The words of a page that arrived without any.
    pub(crate) fn none() -> &'static Self {
        #[cfg(feature = "ssr")]
        let none = &en::LANGUAGE.words;
        #[cfg(not(feature = "ssr"))]
        let none = Box::leak(Box::new(Self::read("")));
        none
    }

    /// The language that they are of.
    #[cfg(feature = "ssr")]
    pub(crate) fn language(&self) -> &'static Language {
        Language::of(self.code).unwrap_or(&en::LANGUAGE)
    }
}

/// The words of a page, as its data carries them.
pub(crate) mod carried {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Words;

    pub(crate) fn serialize<S: Serializer>(words: &Words, serializer: S) -> Result<S::Ok, S::Error> {
        #[cfg(feature = "ssr")]
        return serializer.serialize_str(&words.lines());
        #[cfg(not(feature = "ssr"))]
        serializer.serialize_str(words.code)
    }

    /// They are read once for a page, and kept as long as it lives.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Words, D::Error> {
        let lines = String::deserialize(deserializer)?;
        Ok(Box::leak(Box::new(Words::read(lines.leak()))))
    }
}

/// The languages, by the names of their files.
macro_rules! languages {
    ($($code:ident),*) => {
        /// All languages, the first one for users of whom no other is known.
        #[cfg(feature = "ssr")]
        pub(crate) static LANGUAGES: &[&Language] = &[$(&$code::LANGUAGE),*];

        /// The form of a word that goes with a number, in the language with this code.
        fn form_of(code: &str, count: u64) -> usize {
            match code {
                $(stringify!($code) => $code::form(count),)*
                _ => en::form(count),
            }
        }
    };
}

languages!(en, de);

#[cfg(test)]
mod tests;
