//! The frame of an export: a format record before the records, and a record with their count after them, so that a
//! truncated export is noticed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    model::Invalid,
    server::store::{
        Record,
        record::{self, Format},
    },
};

/// The version of the format that is written, and the newest that can be read.
const VERSION: u32 = 2;

/// The first and the last line.
#[derive(Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Frame {
    /// The format of the lines.
    Format {
        /// Raised when an earlier release would misread the lines.
        version: u32,
        /// The program that wrote it.
        made_by: &'static str,
    },
    /// The number of records of each kind.
    End(Counts),
}

impl Frame {
    /// The first line of an export.
    pub(super) fn first() -> Self {
        Self::Format { version: VERSION, made_by: concat!("campanile ", env!("CARGO_PKG_VERSION")) }
    }
}

/// The number of records of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    inboxes: u64,
    pub(super) notifications: u64,
    deletions: u64,
    once: u64,
    keys: u64,
    // An absent kind is not counted, so that the previous release can read the export.
    #[serde(skip_serializing_if = "is_none")]
    webhooks: u64,
    #[serde(skip_serializing_if = "is_none")]
    outbox: u64,
    #[serde(skip_serializing_if = "is_none")]
    deliveries: u64,
    #[serde(skip_serializing_if = "is_none")]
    lanes: u64,
    #[serde(skip_serializing_if = "is_none")]
    contacts: u64,
    #[serde(skip_serializing_if = "is_none")]
    preferences: u64,
    #[serde(skip_serializing_if = "is_none")]
    secrets: u64,
}

/// Whether a kind has no records.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Counts {
    /// Counts one more.
    pub(super) fn add(&mut self, record: &Record) {
        *match record {
            Record::Inbox { .. } => &mut self.inboxes,
            Record::Notification { .. } => &mut self.notifications,
            Record::Deletion { .. } => &mut self.deletions,
            Record::Once { .. } => &mut self.once,
            Record::Key(_) => &mut self.keys,
            Record::Webhook(_) => &mut self.webhooks,
            Record::Outbox(_) => &mut self.outbox,
            Record::Delivery(_) => &mut self.deliveries,
            Record::Lane(_) => &mut self.lanes,
            Record::Contact(_) => &mut self.contacts,
            Record::Preferences { .. } => &mut self.preferences,
            Record::Secret(_) => &mut self.secrets,
        } += 1;
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormatLine<'a> {
    #[serde(borrow, rename = "record")]
    _kind: Cow<'a, str>,
    version: u32,
    #[serde(borrow, rename = "made_by")]
    _made_by: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    #[serde(rename = "record")]
    _kind: serde::de::IgnoredAny,
    inboxes: u64,
    notifications: u64,
    deletions: u64,
    once: u64,
    keys: u64,
    #[serde(default)]
    webhooks: u64,
    #[serde(default)]
    outbox: u64,
    #[serde(default)]
    deliveries: u64,
    #[serde(default)]
    lanes: u64,
    #[serde(default)]
    contacts: u64,
    #[serde(default)]
    preferences: u64,
    #[serde(default)]
    secrets: u64,
}

/// The lines of an export, checked as they are read.
#[derive(Default)]
pub(super) struct Lines {
    /// `None` until the first line has come.
    format: Option<Format>,
    counts: Counts,
    /// How many records intake would refuse today.
    beyond_limits: u64,
    is_over: bool,
}

/// The properties of an export that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) format: Format,
    pub(super) beyond_limits: u64,
}

impl Lines {
    /// Reads the next line; `None` when it is not a record for the store.
    ///
    /// # Errors
    /// The mistake, as the end of a sentence that begins with the line.
    pub(super) fn next(&mut self, line: &str) -> Result<Option<Record>, Invalid> {
        if self.is_over {
            return Err(Invalid::new("comes after the end record"));
        }
        let kind = record::kind(line)?;
        let Some(format) = self.format else {
            self.format = Some(Format::Old);
            if kind == "format" {
                self.format = Some(Format::New);
                return match record::parse::<FormatLine<'_>>(line)?.version {
                    VERSION => Ok(None),
                    _ => Err(Invalid::new("names a format that this version does not know")),
                };
            }
            return self.next(line);
        };
        if kind == "end" {
            return self.end(&record::parse(line)?, format).map(|()| None);
        }
        let read = Record::read(line, format)?;
        // Records exported by this release were accepted before it, and their importer was warned then.
        self.beyond_limits += u64::from(read.is_beyond_limits && format == Format::Old);
        self.counts.add(&read.record);
        Ok(Some(read.record))
    }

    fn end(&mut self, line: &EndLine, format: Format) -> Result<(), Invalid> {
        let &EndLine {
            inboxes,
            notifications,
            deletions,
            once,
            keys,
            webhooks,
            outbox,
            deliveries,
            lanes,
            contacts,
            preferences,
            secrets,
            ..
        } = line;
        let counted = Counts {
            inboxes,
            notifications,
            deletions,
            once,
            keys,
            webhooks,
            outbox,
            deliveries,
            lanes,
            contacts,
            preferences,
            secrets,
        };
        if format == Format::Old {
            return Err(Invalid::new(
                "is an end record without a format record before it: the beginning is missing. Export again",
            ));
        }
        if self.counts != counted {
            return Err(Invalid::new(
                "has counts that differ from the records read: some are missing, or there are too many. Export again",
            ));
        }
        self.is_over = true;
        Ok(())
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// One sentence, when the export is incomplete.
    pub(super) fn finish(&self) -> Result<Whole, &'static str> {
        match self.format {
            None => Err("there is nothing in it. An export has at least its format record and its end record."),
            Some(Format::New) if !self.is_over => Err("it has no end record, so it was cut off. Export again."),
            Some(format) => Ok(Whole { format, beyond_limits: self.beyond_limits }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: &str = r#"{"record":"format","version":2,"made_by":"campanile 0.1.0"}"#;
    const ANN: &str = r#"{"record":"inbox","user_id":"ann","modseq":0,"forgotten":0,"all_read_modseq":0}"#;
    const END: &str = r#"{"record":"end","inboxes":1,"notifications":0,"deletions":0,"once":0,"keys":0}"#;

    fn read(lines: &[&str]) -> Result<Whole, String> {
        let mut all = Lines::default();
        for line in lines {
            all.next(line).map_err(|why| why.to_string())?;
        }
        all.finish().map_err(str::to_owned)
    }

    #[test]
    fn the_header_and_the_trailer_of_an_export_are_read() {
        assert_eq!(serde_json::to_string(&Frame::first()).unwrap(), FORMAT);
        let mut counts = Counts::default();
        counts.add(&Record::read(ANN, Format::New).unwrap().record);
        assert_eq!(serde_json::to_string(&Frame::End(counts)).unwrap(), END);
        assert_eq!(read(&[FORMAT, ANN, END]), Ok(Whole { format: Format::New, beyond_limits: 0 }));
        assert_eq!(read(&[ANN]), Ok(Whole { format: Format::Old, beyond_limits: 0 }));
    }

    #[test]
    fn missing_and_surplus_records_are_refused() {
        let newer = FORMAT.replace('2', "3");
        for (lines, says) in [
            (&[][..], "nothing in it"),
            (&[FORMAT], "cut off"),
            (&[FORMAT, ANN], "cut off"),
            (&[FORMAT, END], "counts that differ"),
            (&[FORMAT, ANN, ANN, END], "counts that differ"),
            (&[FORMAT, ANN, END, ANN], "after the end"),
            (&[ANN, END], "beginning is missing"),
            (&[END], "beginning is missing"),
            (&[ANN, FORMAT], "unknown kind of record"),
            (&[&newer], "does not know"),
            (&[FORMAT, "{}"], "is not "),
            (&[FORMAT, ""], "is not "),
        ] {
            let refused = read(lines).unwrap_err();
            assert!(refused.contains(says), "{lines:?}: {refused}");
        }
    }
}
