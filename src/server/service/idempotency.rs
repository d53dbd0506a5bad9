//! Requests that happen once, however often they are sent.

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

use super::ServiceError;
use crate::{
    model::{Data, FieldError, Invalid, NewNotification, Notification, NotificationId, Timestamp},
    server::{
        identity::Holder,
        store::{Once, StoreError},
    },
};

/// The name that a client gives to a request, so that sending it again does nothing more: 1 to
/// 255 printable ASCII characters, best a random UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The header that it comes in.
    pub const HEADER: &str = "Idempotency-Key";
    /// The most characters a key may have.
    pub const MAX_CHARS: usize = 255;

    /// Takes a key as it is.
    ///
    /// # Errors
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > Self::MAX_CHARS || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err(Invalid::new("A key is 1 to 255 printable ASCII characters, such as a random UUID."));
        }
        Ok(Self(text.to_owned()))
    }

    /// What the store needs to recognise this request when it comes again.
    pub(super) fn once(&self, caller: &Holder, new: &[NewNotification], at: Timestamp) -> Result<Once, StoreError> {
        // Releases before this one sorted the names in data, and noted the hash of that.
        let sorted =
            |new: &NewNotification| NewNotification { data: new.data.as_ref().map(Data::sorted), ..new.clone() };
        let has_data = new.iter().any(|new| new.data.is_some());
        Ok(Once {
            caller: Some(caller.to_text()),
            key: self.0.clone(),
            fingerprint: fingerprint(new.iter().cloned())?,
            fingerprint_of_old: has_data.then(|| fingerprint(new.iter().map(sorted))).transpose()?,
            at,
        })
    }

    pub(super) fn taken() -> ServiceError {
        let why = "This key was used for another request within 24 hours. Use a new key for a new request.";
        ServiceError::Invalid(vec![FieldError::new(Self::HEADER, Invalid::new(why))])
    }
}

/// The hash of these as they would be written at one and the same place and time.
fn fingerprint(new: impl Iterator<Item = NewNotification>) -> Result<[u8; 32], StoreError> {
    let nil = NotificationId::new(Uuid::nil());
    let epoch = Timestamp::new(chrono::DateTime::UNIX_EPOCH);
    let same: Vec<_> = new.map(|new| Notification::new(nil, epoch, new)).collect();
    let json = serde_json::to_vec(&same)
        .map_err(|error| StoreError::failed("a request cannot be written as JSON").because(error))?;
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, &json).as_ref());
    Ok(fingerprint)
}

#[cfg(test)]
mod tests {
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
        let at = Timestamp::new(chrono::DateTime::UNIX_EPOCH);
        key.once(&Holder::Operator, &[NewNotification::parse(draft).unwrap()], at).unwrap()
    }

    fn hash(json: &str) -> [u8; 32] {
        digest(&SHA256, json.as_bytes()).as_ref().try_into().unwrap()
    }

    /// What is noted is asked for again over upgrades, so what it is a hash of does not change.
    #[test]
    fn a_fingerprint_is_that_of_earlier_releases() {
        let start = r#"[{"id":"00000000-0000-0000-0000-000000000000","user_id":"ann","content":"hello","#;
        let start = format!(r#"{start}"timestamp":"1970-01-01T00:00:00.000000Z","is_read":false,"category":"message""#);
        assert_eq!((once(None).fingerprint, once(None).fingerprint_of_old), (hash(&format!("{start}}}]")), None));
        let with_data = once(Some(r#"{"b": 1.50, "a": 18446744073709551616}"#));
        let of_old = format!(r#"{start},"data":{{"a":1.8446744073709552e+19,"b":1.5}}}}]"#);
        assert_eq!(with_data.fingerprint_of_old, Some(hash(&of_old)));
        assert_eq!(with_data.fingerprint, hash(&format!(r#"{start},"data":{{"b":1.50,"a":18446744073709551616}}}}]"#)));
        // What only an earlier release could not tell apart is another request.
        assert_ne!(with_data.fingerprint, once(Some(r#"{"b":1.50,"a":18446744073709551617}"#)).fingerprint);
    }
}
