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
