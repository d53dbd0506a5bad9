//! The standing of an authenticated caller, and its open streams.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
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

/// How long before an item was made its stream's credential must have been valid, at the earliest, for the client to
/// receive it.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The standing of an authenticated caller, in the extensions of the request.
#[derive(Clone)]
pub struct Standing {
    /// The caller and its permissions.
    pub principal: Principal,
    /// The session of the request.
    pub(in crate::server) session: Option<SecretHash>,
    /// Time from which the credential is no longer valid.
    pub(in crate::server) until: Option<Timestamp>,
    /// When the store was queried for the credential.
    pub(super) good_at: Instant,
    pub(super) streams: Arc<Streams>,
}

impl Standing {
    /// Opens a stream, unless the caller has as many as it may. Its pass tells when it has to end.
    pub(in crate::server) fn open_stream(&self, now: Timestamp) -> Result<Pass, TooManyStreams> {
        let holder = self.principal.holder();
        let (alive, good_at) = self.streams.open(holder, self.session, self.good_at)?;
        let until = self.until.map(|until| {
            let left = u64::try_from(until.as_micros().saturating_sub(now.as_micros())).unwrap_or(0);
            Instant::now() + Duration::from_micros(left)
        });
        let lease = Lease::new(alive, until);
        let good_at = can_be_revoked(holder, self.session).then_some(good_at);
        Ok(Pass { streams: Arc::clone(&self.streams), holder: holder.clone(), session: self.session, lease, good_at })
    }
}

fn covers(good_at: Instant, made_by: Instant) -> bool {
    made_by < good_at + A_MOMENT
}

/// Whether a credential can be revoked before it expires.
fn can_be_revoked(holder: &Holder, session: Option<SecretHash>) -> bool {
    session.is_some() || matches!(holder, Holder::Key(_))
}

/// The caller has as many open streams as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct TooManyStreams(
    /// The limit.
    pub(in crate::server) usize,
);

/// Permission for an open stream. Dropping it closes the stream.
pub(in crate::server) struct Pass {
    streams: Arc<Streams>,
    holder: Holder,
    session: Option<SecretHash>,
    /// How long it may be open.
    pub(in crate::server) lease: Lease,
    /// When its credential was last seen to be valid, where it can be revoked.
    good_at: Option<watch::Receiver<Instant>>,
}

impl Pass {
    /// Whether its client may receive an item that was made by then: the credential was valid a moment before,
    /// according to the store.
    pub(in crate::server) fn covers(&self, made_by: Instant) -> bool {
        self.good_at.as_ref().is_none_or(|good_at| covers(*good_at.borrow(), made_by))
    }

    /// Waits until its client [may receive](Self::covers) the item. However long a query of the store takes, one that
    /// begins after the item was made is enough. While the store is unavailable, no server can know whether a key was
    /// revoked; its streams must not receive later changes before that is known.
    ///
    /// If the credential is no longer valid, this waits forever, and the lease has ended.
    pub(in crate::server) async fn renewed(&mut self, made_by: Instant) {
        let Some(good_at) = &mut self.good_at else { return };
        if good_at.wait_for(|good_at| covers(*good_at, made_by)).await.is_err() {
            pending().await
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.streams.close(&self.holder, self.session);
    }
}

/// The open streams of each principal.
pub(super) struct Streams {
    most: usize,
    open: Mutex<HashMap<Holder, OfOne>>,
}

/// The open streams of one principal.
#[derive(Default)]
struct OfOne {
    count: usize,
    /// By session: their number, and the sender that ends them when it is dropped.
    groups: HashMap<Option<SecretHash>, Group>,
}

struct Group {
    count: usize,
    signs: Option<Signs>,
}

/// The signals to the streams of a group, which end when it is dropped.
struct Signs {
    alive: watch::Sender<()>,
    /// When their credential was last seen to be valid. This does not wake idle streams.
    good_at: watch::Sender<Instant>,
}

impl Signs {
    fn new(good_at: Instant) -> Self {
        Self { alive: watch::Sender::new(()), good_at: watch::Sender::new(good_at) }
    }

    fn renew(&self, good_at: Instant) {
        self.good_at.send_if_modified(|known| {
            let is_newer = *known < good_at;
            *known = good_at.max(*known);
            is_newer
        });
    }
}

impl Streams {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Holder, OfOne>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(
        &self,
        holder: &Holder,
        session: Option<SecretHash>,
        good_at: Instant,
    ) -> Result<(watch::Receiver<()>, watch::Receiver<Instant>), TooManyStreams> {
        let mut open = self.locked();
        let of_one = open.entry(holder.clone()).or_default();
        if of_one.count >= self.most {
            return Err(TooManyStreams(self.most));
        }
        of_one.count += 1;
        let group = of_one.groups.entry(session).or_insert_with(|| Group { count: 0, signs: None });
        group.count += 1;
        // Streams that were told to end may still exist.
        let signs = group.signs.get_or_insert_with(|| Signs::new(good_at));
        signs.renew(good_at);
        Ok((signs.alive.subscribe(), signs.good_at.subscribe()))
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

    /// The callers whose credential for streams can be revoked.
    pub(super) fn revocable(&self) -> Vec<(Holder, Option<SecretHash>)> {
        let open = self.locked();
        let all =
            open.iter().flat_map(|(holder, of_one)| of_one.groups.keys().map(|session| (holder.clone(), *session)));
        all.filter(|(holder, session)| can_be_revoked(holder, *session)).collect()
    }

    /// Records when this holder's credential, this session or another, was seen to be valid.
    pub(super) fn renew(&self, holder: &Holder, session: Option<SecretHash>, good_at: Instant) {
        let open = self.locked();
        let group = open.get(holder).and_then(|of_one| of_one.groups.get(&session));
        if let Some(signs) = group.and_then(|group| group.signs.as_ref()) {
            signs.renew(good_at);
        }
    }

    /// Ends the streams of this holder that were opened with this session, or without one.
    pub(super) fn end(&self, holder: &Holder, session: Option<SecretHash>) {
        if let Some(group) = self.locked().get_mut(holder).and_then(|of_one| of_one.groups.get_mut(&session)) {
            group.signs = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{
        model::UserId,
        server::identity::{KeyId, Scopes},
    };

    fn standing(streams: &Arc<Streams>, principal: Principal, session: Option<SecretHash>) -> Standing {
        Standing { principal, session, until: None, good_at: Instant::now(), streams: Arc::clone(streams) }
    }

    fn ann() -> Principal {
        Principal::user(UserId::parse("ann").unwrap())
    }

    fn key() -> Principal {
        Principal::key(KeyId::new(1), Scopes::NONE)
    }

    fn now() -> Timestamp {
        Timestamp::EPOCH
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
    async fn revoking_a_session_ends_only_its_own_streams() {
        let streams = Arc::new(Streams::new(9));
        let mut of_key = standing(&streams, key(), None).open_stream(now()).unwrap();
        let mut of_session = standing(&streams, key(), Some([7; 32])).open_stream(now()).unwrap();
        assert_eq!(streams.revocable().len(), 2);
        streams.end(key().holder(), Some([7; 32]));
        tokio::time::timeout(Duration::from_secs(10), of_session.lease.over()).await.unwrap();
        assert!(of_key.lease.over().now_or_never().is_none());
        // A new stream that opens before the ended ones are closed stays open.
        let mut anew = standing(&streams, key(), Some([7; 32])).open_stream(now()).unwrap();
        assert!(anew.lease.over().now_or_never().is_none());
        drop((of_key, of_session, anew));
        assert!(streams.locked().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn changes_wait_for_a_confirmation_less_than_a_second_old() {
        let streams = Arc::new(Streams::new(9));
        let mut of_key = standing(&streams, key(), None).open_stream(now()).unwrap();
        let mut of_token = standing(&streams, ann(), None).open_stream(now()).unwrap();
        let mut of_session = standing(&streams, ann(), Some([7; 32])).open_stream(now()).unwrap();
        tokio::time::sleep(Duration::from_millis(900)).await;
        for pass in [&mut of_key, &mut of_token, &mut of_session] {
            assert!(pass.covers(Instant::now()) && pass.renewed(Instant::now()).now_or_never().is_some());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let made_by = Instant::now();
        assert!(of_token.renewed(made_by).now_or_never().is_some(), "a token ends at its time and not before");
        assert!(of_key.renewed(made_by).now_or_never().is_none());
        assert!(of_session.renewed(made_by).now_or_never().is_none());
        // A query that began too long before proves nothing.
        streams.renew(key().holder(), None, made_by - A_MOMENT);
        assert!(of_key.renewed(made_by).now_or_never().is_none());
        // One that began since does, however long it took.
        tokio::time::sleep(Duration::from_secs(5)).await;
        streams.renew(key().holder(), None, made_by + Duration::from_millis(1));
        assert!(of_key.renewed(made_by).now_or_never().is_some());
        assert!(!of_key.covers(Instant::now()));
        streams.end(ann().holder(), Some([7; 32]));
        assert!(of_session.renewed(made_by).now_or_never().is_none());
        assert!(of_session.lease.over().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_when_the_credential_expires() {
        let streams = Arc::new(Streams::new(9));
        let until = Timestamp::from_micros(5_000_000);
        let mut pass = Standing { until, ..standing(&streams, ann(), None) }.open_stream(now()).unwrap();
        let began = Instant::now();
        pass.lease.over().await;
        assert_eq!(began.elapsed().as_secs(), 5);
    }
}
