//! E-mail: one message to one address, handed to a relay.

mod message;
mod relay;
mod templates;
mod trial;

use std::{sync::Arc, time::Duration};

use lettre::address::Envelope;

use super::{
    backoff::Schedule,
    channel::{Channel, Job, Judged, Recipient},
    outcome::Outcome,
    pages::Pages,
};
use crate::model::{ContactAddress, ContactState, Timestamp};

pub use message::MailOptions;
use message::Writer;
pub use relay::RelayUrl;
use relay::{BEFORE_MESSAGE, Relay, Reply, Step};
pub use templates::Templates;
pub(in crate::server) use trial::{is_reachable, send_test};

/// How many messages are sent at once.
const IN_FLIGHT: usize = 32;
/// The only lane, because there is one relay.
const LANE: &str = "email";
/// How long a full mailbox rests, at least.
const LATE: Duration = Duration::from_secs(3_600);
/// How many bytes of a reply are stored.
const KEPT: usize = 512;

/// E-mail by one relay.
pub(in crate::server) struct Email {
    relay: Relay,
    writer: Writer,
    takes_within: Duration,
}

impl Email {
    /// Mail by this relay, from a server with this name and these pages.
    pub(in crate::server) fn new(
        MailOptions { relay, from, templates, takes_within }: &MailOptions,
        app_name: &str,
        pages: Pages,
    ) -> Self {
        let (from, templates) = (from.clone(), Arc::clone(templates));
        let writer = Writer { from, templates, app_name: app_name.to_owned(), pages };
        Self { relay: Relay::new(relay.clone(), *takes_within), writer, takes_within: *takes_within }
    }
}

impl Channel for Email {
    type Request = (Envelope, Vec<u8>);
    type Answer = Reply;

    fn lane(&self, _: &ContactAddress) -> Option<String> {
        Some(LANE.to_owned())
    }

    fn bundles(&self) -> bool {
        true
    }

    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Self::Request, Judged> {
        let Recipient::Contact(addressed) = &job.to else { return Err(bad("an endpoint has no address".to_owned())) };
        self.writer.write(job.delivery.id, addressed, now).map_err(bad)
    }

    async fn send(&self, (envelope, message): Self::Request) -> Reply {
        self.relay.send(&envelope, &message).await
    }

    fn judge(&self, reply: Reply, _: Timestamp) -> Judged {
        judge(reply)
    }

    fn schedule(&self) -> Schedule {
        Schedule::EMAIL
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn deadline(&self) -> Duration {
        BEFORE_MESSAGE + self.takes_within
    }
}

/// The outcome of a message that cannot be written.
fn bad(why: String) -> Judged {
    Judged { outcome: Outcome::MessageBad, code: None, detail: Some(why) }
}

/// The meaning of a reply.
fn judge(reply: Reply) -> Judged {
    let (outcome, code, text) = match reply {
        Reply::Accepted(text) => (Outcome::Sent, Some(250), text),
        Reply::Refused { step, code, text } => (refused(step, code, &text), Some(code), text),
        Reply::Nothing { step: Step::Message, why } => (Outcome::Ambiguous, None, why),
        Reply::Nothing { why, .. } => (Outcome::Retry { after: None }, None, why),
    };
    let mut detail = text;
    let end = (0..=KEPT.min(detail.len())).rev().find(|end| detail.is_char_boundary(*end)).unwrap_or(0);
    detail.truncate(end);
    Judged { outcome, code, detail: Some(detail).filter(|detail| !detail.is_empty()) }
}

/// The meaning of a refusal, by its code (RFC 5321, section 4.2) and its enhanced code (RFC 3463), if it has one.
fn refused(step: Step, code: u16, text: &str) -> Outcome {
    let enhanced = enhanced(text);
    let is = |subject, detail| enhanced.is_some_and(|(_, s, d)| (s, d) == (subject, detail));
    match (step, code) {
        // The relay refuses the server itself, before it reads anything else.
        (_, 530 | 535) => Outcome::Misconfigured,
        _ if is(7, 8) => Outcome::Misconfigured,
        // A full mailbox may be emptied, which takes its user a while.
        _ if is(2, 2) || code == 552 && step == Step::Recipient && !is(3, 4) => Outcome::RetryAlone { after: LATE },
        (_, 400..500) => Outcome::Retry { after: None },
        (Step::Connecting | Step::Encrypting | Step::Authenticating | Step::Mail, _) => Outcome::Misconfigured,
        _ if is(3, 4) => Outcome::MessageBad,
        (Step::Recipient, 550 | 551 | 553) if enhanced.is_none_or(|(_, subject, _)| subject == 1) => {
            Outcome::ContactDead { as_of: None, state: ContactState::Suppressed }
        }
        _ => Outcome::MessageBad,
    }
}

/// The enhanced code at the start of a reply, such as 5.1.1.
fn enhanced(text: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = text.split_whitespace().next()?.split('.').map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(class @ (2 | 4 | 5))), Some(Ok(subject)), Some(Ok(detail)), None) => Some((class, subject, detail)),
        _ => None,
    }
}
