//! What somebody is who has proved it, and which streams they have open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::watch, time::Instant};

use crate::{
    model::Timestamp,
    server::{
        identity::{Holder, Principal},
        lease::Lease,
        store::SecretHash,
    },
};

/// What somebody is who has proved it. It is in the extensions of their request.
#[derive(Clone)]
pub struct Standing {
    /// Who they are, and what they may do.
    pub principal: Principal,
    /// The session that they showed.
    pub(in crate::server) session: Option<SecretHash>,
    /// From when on what they showed is no longer good.
    pub(in crate::server) until: Option<Timestamp>,
    pub(super) streams: Arc<Streams>,
}

impl Standing {
    /// Opens a stream, unless they have as many open as they may. It says when it has to end.
    pub(in crate::server) fn open_stream(&self, now: Timestamp) -> Result<Pass, TooManyStreams> {
        let holder = self.principal.holder();
        let alive = self.streams.open(holder, self.session)?;
        let until = self.until.map(|until| {
            let left = u64::try_from(until.as_micros().saturating_sub(now.as_micros())).unwrap_or(0);
            Instant::now() + std::time::Duration::from_micros(left)
        });
        let lease = Lease::new(alive, until);
        Ok(Pass { streams: Arc::clone(&self.streams), holder: holder.clone(), session: self.session, lease })
    }
}

/// Somebody has as many streams open as they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct TooManyStreams(
    /// How many that is.
    pub(in crate::server) usize,
);

/// A stream that may be open. Dropping it closes it.
pub(in crate::server) struct Pass {
    streams: Arc<Streams>,
    holder: Holder,
    session: Option<SecretHash>,
    /// For how long it may be open.
    pub(in crate::server) lease: Lease,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.streams.close(&self.holder, self.session);
    }
}

/// Who has how many streams open.
pub(super) struct Streams {
    most: usize,
    open: Mutex<HashMap<Holder, OfOne>>,
}

/// What one principal has open.
#[derive(Default)]
struct OfOne {
    count: usize,
    /// By what was shown: how many, and what tells them that they are over when it is dropped.
    groups: HashMap<Option<SecretHash>, Group>,
}

struct Group {
    count: usize,
    alive: Option<watch::Sender<()>>,
}

impl Streams {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Holder, OfOne>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, holder: &Holder, session: Option<SecretHash>) -> Result<watch::Receiver<()>, TooManyStreams> {
        let mut open = self.locked();
        let of_one = open.entry(holder.clone()).or_default();
        if of_one.count >= self.most {
            return Err(TooManyStreams(self.most));
        }
        of_one.count += 1;
        let group = of_one.groups.entry(session).or_insert_with(|| Group { count: 0, alive: None });
        group.count += 1;
        // Those who were told that they are over may not be gone yet.
        Ok(group.alive.get_or_insert_with(|| watch::Sender::new(())).subscribe())
    }

    fn close(&self, holder: &Holder, session: Option<SecretHash>) {
        let mut open = self.locked();
        let Some(of_one) = open.get_mut(holder) else { return };
        of_one.count -= 1;
        if let Some(group) = of_one.groups.get_mut(&session) {
            group.count -= 1;
            if group.count == 0 {
                of_one.groups.remove(&session);
            }
        }
        if of_one.count == 0 {
            open.remove(holder);
        }
    }

    /// Those whose right to have streams can end before its time.
    pub(super) fn revocable(&self) -> Vec<(Holder, Option<SecretHash>)> {
        let open = self.locked();
        let all =
            open.iter().flat_map(|(holder, of_one)| of_one.groups.keys().map(|session| (holder.clone(), *session)));
        all.filter(|(holder, session)| session.is_some() || matches!(holder, Holder::Key(_))).collect()
    }

    /// Tells the streams of this holder, opened with this session or without one, that they are over.
    pub(super) fn end(&self, holder: &Holder, session: Option<SecretHash>) {
        if let Some(group) = self.locked().get_mut(holder).and_then(|of_one| of_one.groups.get_mut(&session)) {
            group.alive = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::UserId,
        server::identity::{KeyId, Scopes},
    };

    fn standing(streams: &Arc<Streams>, principal: Principal, session: Option<SecretHash>) -> Standing {
        Standing { principal, session, until: None, streams: Arc::clone(streams) }
    }

    fn ann() -> Principal {
        Principal::user(UserId::parse("ann").unwrap())
    }

    fn key() -> Principal {
        Principal::key(KeyId::new(1), Scopes::NONE)
    }

    fn now() -> Timestamp {
        Timestamp::new(chrono::DateTime::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn each_has_as_many_streams_as_they_may_and_a_closed_one_makes_room() {
        let streams = Arc::new(Streams::new(2));
        let ann = standing(&streams, ann(), None);
        let one = ann.open_stream(now()).unwrap();
        let _two = ann.open_stream(now()).unwrap();
        assert!(ann.open_stream(now()).is_err());
        assert!(standing(&streams, key(), None).open_stream(now()).is_ok());
        drop(one);
        assert!(ann.open_stream(now()).is_ok());
    }

    #[tokio::test]
    async fn what_is_revoked_ends_and_nothing_else() {
        let streams = Arc::new(Streams::new(9));
        let mut of_key = standing(&streams, key(), None).open_stream(now()).unwrap();
        let mut of_session = standing(&streams, key(), Some([7; 32])).open_stream(now()).unwrap();
        assert_eq!(streams.revocable().len(), 2);
        streams.end(key().holder(), Some([7; 32]));
        tokio::time::timeout(std::time::Duration::from_secs(10), of_session.lease.over()).await.unwrap();
        assert!(futures_util::FutureExt::now_or_never(of_key.lease.over()).is_none());
        // Whoever comes anew before the others are gone is not over.
        let mut anew = standing(&streams, key(), Some([7; 32])).open_stream(now()).unwrap();
        assert!(futures_util::FutureExt::now_or_never(anew.lease.over()).is_none());
        drop((of_key, of_session, anew));
        assert!(streams.locked().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_expires_ends_in_its_time() {
        let streams = Arc::new(Streams::new(9));
        let until = Timestamp::from_micros(5_000_000);
        let mut pass = Standing { until, ..standing(&streams, ann(), None) }.open_stream(now()).unwrap();
        let began = Instant::now();
        pass.lease.over().await;
        assert_eq!(began.elapsed().as_secs(), 5);
    }
}
