//! The text of a push, shortened to fit.

use std::time::Duration;

use chrono::TimeDelta;
use unicode_segmentation::UnicodeSegmentation;

use super::{channel::Addressed, pages::Pages};
use crate::model::{Category, NotificationId, Timestamp};

/// The category whose pushes wake a device.
const URGENT: &str = "alert";
/// How long a push service keeps an undelivered push at most, and how long a push is retried.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(1);
/// The longest link that a push carries, in bytes of JSON: a click leads to the inbox in any case.
const LONGEST_LINK: usize = 1_024;
/// Marks a shortened text.
const REST: char = '…';

/// Writes pushes.
#[derive(Clone, Debug)]
pub(in crate::server) struct PushWriter {
    /// The title of notifications without one.
    pub(in crate::server) app_name: String,
    /// The URLs of pages.
    pub(in crate::server) pages: Pages,
}

/// A push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Push {
    /// The visible part; `None` for a silent push, which only updates the count.
    pub(in crate::server) note: Option<Note>,
    /// The number of the newest change of the inbox.
    pub(in crate::server) modseq: u64,
    /// The unread count of the inbox after it.
    pub(in crate::server) unread_count: u64,
}

/// The visible part of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Note {
    /// The notification.
    pub(in crate::server) id: NotificationId,
    /// The title, never empty.
    pub(in crate::server) title: String,
    /// The text.
    pub(in crate::server) text: String,
    /// The link, if it is short enough.
    pub(in crate::server) link: Option<String>,
    /// Its category.
    pub(in crate::server) category: Category,
    /// Whether it is worth waking a device for.
    pub(in crate::server) is_urgent: bool,
    /// Time from which it is no longer of use.
    pub(in crate::server) expires_at: Option<Timestamp>,
}

impl PushWriter {
    /// The push for a contact.
    pub(in crate::server) fn push(&self, addressed: &Addressed) -> Push {
        let Addressed { notifications, modseq, unread_count, .. } = addressed;
        let note = notifications.first().map(|notification| Note {
            id: notification.id,
            title: notification.title.as_ref().map_or_else(|| self.app_name.clone(), ToString::to_string),
            text: notification.content.as_str().to_owned(),
            link: notification.link.as_ref().map(|link| self.pages.absolute(link.as_str())),
            category: notification.category.clone(),
            is_urgent: notification.category.as_str() == URGENT,
            expires_at: notification.expires_at,
        });
        Push { note, modseq: *modseq, unread_count: *unread_count }
    }
}

impl Note {
    /// How long a push service should keep it from now on: until it expires, and a day at most.
    pub(in crate::server) fn lives_for(&self, now: Timestamp) -> Duration {
        let left = self.expires_at.map_or(LONGEST_LIFE, |end| (end.to_utc() - now.to_utc()).min(LONGEST_LIFE));
        left.to_std().unwrap_or_default()
    }

    /// The output of `write`, in at most `most` bytes: with as much of its text as there is room for, cut between two
    /// characters as a reader sees them, and without a link that leaves no room for text.
    ///
    /// # Errors
    /// One sentence, when there is no room even without text.
    pub(in crate::server) fn fitted(
        &self,
        most: usize,
        write: impl Fn(&Self) -> serde_json::Result<Vec<u8>>,
    ) -> Result<Vec<u8>, String> {
        let is_short = |link: &String| serde_json::to_string(link).is_ok_and(|json| json.len() <= LONGEST_LINK);
        let written = |text: &str, has_link: bool| {
            let link = self.link.clone().filter(|link| has_link && is_short(link));
            write(&Self { text: text.to_owned(), link, ..self.clone() }).map_err(|error| error.to_string())
        };
        // A longer text cannot fit.
        let text = &self.text[..self.text.floor_char_boundary(most)];
        let ends: Vec<_> = text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).collect();
        for has_link in [true, false] {
            let whole = written(&self.text, has_link)?;
            if whole.len() <= most {
                return Ok(whole);
            }
            let cut = |count: usize| {
                let end = count.checked_sub(1).map_or(0, |last| ends[last]);
                written(&format!("{}{REST}", text[..end].trim_end()), has_link)
            };
            if cut(0)?.len() > most {
                continue;
            }
            let (mut fits, mut limit) = (0, ends.len());
            while fits < limit {
                let middle = fits + (limit - fits).div_ceil(2);
                if cut(middle)?.len() <= most {
                    fits = middle;
                } else {
                    limit = middle - 1;
                }
            }
            return cut(fits);
        }
        Err("there is no room for it in a push".to_owned())
    }
}

#[cfg(test)]
pub(in crate::server) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::server) fn note(title: &str, text: &str, link: Option<&str>) -> Note {
        Note {
            id: NotificationId::parse("019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f").unwrap(),
            title: title.to_owned(),
            text: text.to_owned(),
            link: link.map(str::to_owned),
            category: Category::parse("message").unwrap(),
            is_urgent: false,
            expires_at: None,
        }
    }

    fn write(note: &Note) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&json!({"title": note.title, "text": note.text, "link": note.link}))
    }

    fn fitted(note: &Note, most: usize) -> serde_json::Value {
        let bytes = note.fitted(most, write).unwrap();
        assert!(bytes.len() <= most, "{} > {most}", bytes.len());
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_long_text_is_cut_between_grapheme_clusters() {
        let family = "👩‍👩‍👧‍👦";
        for (text, most) in [
            ("word ".repeat(3_000), 100),
            (family.repeat(2_340), 2_600),
            ("e\u{301}".repeat(8_192), 555),
            ("\u{1}\"\\".repeat(5_000), 301),
        ] {
            let shown = fitted(&note("T", &text, None), most);
            let shown = shown["text"].as_str().unwrap();
            let kept = shown.strip_suffix(REST).unwrap();
            assert!(text.starts_with(kept) && !kept.is_empty());
            let next: String = text[kept.len()..].trim_start().graphemes(true).take(1).collect();
            assert!(text.graphemes(true).any(|grapheme| grapheme == next), "it is cut within a character");
            // One more character does not fit.
            let more = note("T", &format!("{kept} {next}{REST}"), None);
            assert!(write(&more).unwrap().len() > most, "{most}");
        }
        assert_eq!(fitted(&note("T", "short", None), 100)["text"], "short");
        // The whole text just fits, or just does not.
        let exact = write(&note("T", "abcdef", None)).unwrap().len();
        assert_eq!(fitted(&note("T", "abcdef", None), exact)["text"], "abcdef");
        assert_eq!(fitted(&note("T", "abcdef", None), exact - 1)["text"], "ab…");
    }

    #[test]
    fn a_link_gives_way_to_the_text() {
        let short = "https://example.com/a";
        assert_eq!(fitted(&note("T", &"x".repeat(900), Some(short)), 200)["link"], short);
        let long = format!("https://example.com/{}", "a".repeat(2_000));
        assert_eq!(fitted(&note("T", "x", Some(&long)), 2_600)["link"], serde_json::Value::Null);
        let middling = format!("https://example.com/{}", "a".repeat(900));
        let shown = fitted(&note("T", "text", Some(&middling)), 200);
        assert_eq!((shown["link"].clone(), shown["text"].as_str()), (serde_json::Value::Null, Some("text")));
    }

    #[test]
    fn a_character_that_never_ends_is_left_out() {
        let zalgo = format!("e{}", "\u{301}".repeat(16_000));
        assert_eq!(fitted(&note("T", &zalgo, None), 500)["text"], "…");
        assert!(note(&"T".repeat(600), "x", None).fitted(500, write).is_err());
    }

    #[test]
    fn it_lives_until_it_expires_and_a_day_at_most() {
        let at = |text| Timestamp::parse(text).unwrap();
        let now = at("2026-01-01T00:00:00Z");
        for (end, seconds) in [
            (None, 86_400),
            (Some("2026-01-01T00:00:10Z"), 10),
            (Some("2026-01-09T00:00:00Z"), 86_400),
            (Some("2025-01-01T00:00:00Z"), 0),
        ] {
            let note = Note { expires_at: end.map(at), ..note("T", "x", None) };
            assert_eq!(note.lives_for(now).as_secs(), seconds, "{end:?}");
        }
    }
}
