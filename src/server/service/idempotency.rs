//! Idempotency keys: a repeated request takes effect once.

use std::io::Write;

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::ServiceError;
use crate::{
    model::{Data, FieldError, Invalid, NewNotification, Notification, NotificationId, Timestamp},
    server::{
        identity::Holder,
        store::{Once, StoreError},
    },
};

/// The name that a client gives to a request, so that a repeat does nothing more: 1 to 255 printable ASCII characters,
/// best a random UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The header with the key.
    pub const HEADER: &str = "Idempotency-Key";
    /// The most characters a key may have.
    pub const MAX_CHARS: usize = 255;

    /// Takes a key as it is.
    ///
    /// # Errors
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > Self::MAX_CHARS || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err(Invalid::new(
                "An idempotency key is 1 to 255 printable ASCII characters, such as a random UUID.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The data with which the store recognises a repeat of this request.
    pub(super) fn once(&self, caller: &Holder, new: &[NewNotification], at: Timestamp) -> Result<Once, StoreError> {
        // Earlier releases sorted the names in data, and stored the hash of that. An announcement has the same data for
        // each user.
        let mut last: Option<(Data, Data)> = None;
        let mut sorted = |data: &Data| match &last {
            Some((same, sorted)) if same == data => sorted.clone(),
            _ => last.insert((data.clone(), data.sorted())).1.clone(),
        };
        let as_of_old =
            |new: &NewNotification| NewNotification { data: new.data.as_ref().map(&mut sorted), ..new.clone() };
        let has_data = new.iter().any(|new| new.data.is_some());
        Ok(Once {
            caller: Some(caller.to_text()),
            key: self.0.clone(),
            fingerprint: fingerprint(new.iter().cloned())?,
            fingerprint_of_old: has_data.then(|| fingerprint(new.iter().map(as_of_old))).transpose()?,
            at,
        })
    }

    pub(super) fn taken() -> ServiceError {
        let why = "This key was used for another request within 24 hours. Use a new key for a new request.";
        ServiceError::Invalid(vec![FieldError::new(Self::HEADER, Invalid::new(why))])
    }
}

/// The hash of these notifications, as they would be written with the same id and time.
fn fingerprint(new: impl Iterator<Item = NewNotification>) -> Result<[u8; 32], StoreError> {
    let nil = NotificationId::new(Uuid::nil());
    let epoch = Timestamp::EPOCH;
    let mut hash = Hash(Context::new(&SHA256));
    // Hashed as an array of which only one item is in memory at a time: large ones may go to many users.
    let mut before = "[";
    for new in new {
        hash.0.update(before.as_bytes());
        let routing = (!new.routing.is_silent()).then(|| new.routing.clone());
        let unwritable = |error| StoreError::failed("a request cannot be written as JSON").because(error);
        serde_json::to_writer(&mut hash, &Notification::new(nil, epoch, new)).map_err(unwritable)?;
        // Without `channels`, this is the hash of earlier releases, which did not have that field.
        if let Some(routing) = routing {
            serde_json::to_writer(&mut hash, &routing).map_err(unwritable)?;
        }
        before = ",";
    }
    hash.0.update(b"]");
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(hash.0.finish().as_ref());
    Ok(fingerprint)
}

/// Hashes everything written to it.
struct Hash(Context);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::digest;

    use super::*;
    use crate::model::NotificationDraft;

    fn once(data: Option<&str>) -> Once {
        let draft = NotificationDraft {
            user_id: Some("ann".to_owned()),
            content: Some("hello".to_owned()),
            data: data.map(|json| serde_json::from_str(json).unwrap()),
            ..NotificationDraft::default()
        };
        let key = IdempotencyKey::parse("k").unwrap();
        let at = Timestamp::EPOCH;
        key.once(&Holder::Operator, &[NewNotification::parse(draft).unwrap()], at).unwrap()
    }

    fn hash(json: &str) -> [u8; 32] {
        digest(&SHA256, json.as_bytes()).as_ref().try_into().unwrap()
    }

    /// Repeats of a stored request come across upgrades, so the input of the hash must not change.
    #[test]
    fn a_fingerprint_is_that_of_earlier_releases() {
        let start = r#"[{"id":"00000000-0000-0000-0000-000000000000","user_id":"ann","content":"hello","#;
        let start = format!(r#"{start}"timestamp":"1970-01-01T00:00:00.000000Z","is_read":false,"category":"message""#);
        assert_eq!((once(None).fingerprint, once(None).fingerprint_of_old), (hash(&format!("{start}}}]")), None));
        let with_data = once(Some(r#"{"b": 1.50, "a": 18446744073709551616}"#));
        let of_old = format!(r#"{start},"data":{{"a":1.8446744073709552e+19,"b":1.5}}}}]"#);
        assert_eq!(with_data.fingerprint_of_old, Some(hash(&of_old)));
        assert_eq!(with_data.fingerprint, hash(&format!(r#"{start},"data":{{"b":1.50,"a":18446744073709551616}}}}]"#)));
        // Requests that only an earlier release could not tell apart are different requests.
        assert_ne!(with_data.fingerprint, once(Some(r#"{"b":1.50,"a":18446744073709551617}"#)).fingerprint);
    }
    /// Several are hashed one by one, as if they were written as one array.
    #[test]
    fn the_fingerprint_of_several_is_that_of_the_array() {
        let new = |user_id: &str, data: Option<&str>| {
            let draft = NotificationDraft {
                user_id: Some(user_id.to_owned()),
                content: Some("hello".to_owned()),
                data: data.map(|json| serde_json::from_str(json).unwrap()),
                ..NotificationDraft::default()
            };
            NewNotification::parse(draft).unwrap()
        };
        let one = |user_id: &str, data: &str| {
            let start =
                format!(r#"{{"id":"00000000-0000-0000-0000-000000000000","user_id":"{user_id}","content":"hello""#);
            format!(r#"{start},"timestamp":"1970-01-01T00:00:00.000000Z","is_read":false,"category":"message"{data}}}"#)
        };
        let all = [new("ann", Some(r#"{"b":1,"a":2}"#)), new("bob", None), new("cem", Some(r#"{"b":1,"a":2}"#))];
        let key = IdempotencyKey::parse("k").unwrap();
        let once = key.once(&Holder::Operator, &all, Timestamp::EPOCH).unwrap();
        for (fingerprint, data) in [
            (once.fingerprint, r#","data":{"b":1,"a":2}"#),
            (once.fingerprint_of_old.unwrap(), r#","data":{"a":2,"b":1}"#),
        ] {
            let array = format!("[{},{},{}]", one("ann", data), one("bob", ""), one("cem", data));
            assert_eq!(fingerprint, hash(&array));
        }
    }
}
