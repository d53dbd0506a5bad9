//! The result of a request with an idempotency key, as bytes: for each notification 16 of its id and 8 of its time in
//! microseconds, big-endian.

use uuid::Uuid;

use crate::model::{NotificationId, Timestamp};

const ONE: usize = 24;

pub(super) fn to_bytes(made: impl IntoIterator<Item = (NotificationId, Timestamp)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (id, timestamp) in made {
        bytes.extend_from_slice(id.as_uuid().as_bytes());
        bytes.extend_from_slice(&timestamp.as_micros().to_be_bytes());
    }
    bytes
}

/// Reads the output of [`to_bytes`].
pub(super) fn from_bytes(bytes: &[u8]) -> Vec<(NotificationId, Timestamp)> {
    let one = |bytes: &[u8; ONE]| {
        let id = NotificationId::new(Uuid::from_slice(bytes.get(..16)?).ok()?);
        let micros = i64::from_be_bytes(bytes.get(16..)?.try_into().ok()?);
        Some((id, Timestamp::from_micros(micros)?))
    };
    bytes.as_chunks().0.iter().filter_map(one).collect()
}
