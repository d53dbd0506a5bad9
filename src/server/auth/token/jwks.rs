//! The present keys of an issuer.
//!
//! One task fetches them, so that an answer is not lost with a cancelled request, and however many tokens name an
//! unknown key, the issuer is asked once. It starts with the first token and ends with the [`Jwks`].
//!
//! While the issuer is unavailable its keys stay in use, but not forever: one of them may have been stolen and
//! withdrawn meanwhile. A day after the last fetch they are dropped, and then no token can be checked until the issuer
//! is back.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::{
    Algorithm, Failure, Refused, WrongOption,
    fetch::Issuer,
    keys::{Key, KeyMatch, KeySet},
};
use crate::server::tasks::Tasks;

/// How long keys are used after they were last fetched.
const LONGEST_USE: Duration = Duration::from_secs(24 * 3_600);

/// How often the issuer is asked.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// The age from which on keys are fetched again, while they stay in use.
    pub(super) fresh: Duration,
    /// The least time between two fetches, whatever tokens name and the issuer answers.
    pub(super) pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { fresh: Duration::from_secs(300), pause: Duration::from_secs(10) }
    }
}

/// The keys of an issuer.
pub(super) struct Jwks {
    issuer: Arc<Issuer>,
    pace: Pace,
    generation: Arc<AtomicU64>,
    keeper: OnceLock<KeyFetcher>,
    tasks: Tasks,
}

impl Jwks {
    /// # Errors
    /// When keys may not come from this URL.
    pub(super) fn new(url: &str, pace: Pace) -> Result<Self, WrongOption> {
        let issuer = Arc::new(Issuer::new(url)?);
        Ok(Self { issuer, pace, generation: Arc::default(), keeper: OnceLock::new(), tasks: Tasks::default() })
    }

    /// The same, with its task among these.
    pub(super) fn among(self, tasks: Tasks) -> Self {
        Self { tasks, ..self }
    }

    /// How often the keys have changed.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The key that a token names, or the only one for its algorithm, and its generation. If there is none, the issuer
    /// may have a new one, so it is asked, unless it was a moment ago.
    pub(super) async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<(Arc<Key>, u64), Failure> {
        let keeper = self.keeper.get_or_init(|| self.start());
        let mut kept = keeper.kept.clone();
        let seen = {
            let kept = kept.borrow();
            let rested = kept.asked_at.is_none_or(|asked_at| asked_at.elapsed() >= self.pace.pause);
            match kept.find(kid, algorithm) {
                KeyMatch::Nothing if rested => kept.answers,
                found => return kept.explain(found),
            }
        };
        keeper.wanted.notify_one();
        // Without the task there are no news, and the present state has to do.
        drop(kept.wait_for(|kept| kept.answers != seen).await);
        let kept = kept.borrow();
        kept.explain(kept.find(kid, algorithm))
    }

    /// Waits until this many fetches have ended, with or without success.
    #[cfg(test)]
    pub(super) async fn took(&self, answers: u64) {
        let mut kept = self.keeper.get_or_init(|| self.start()).kept.clone();
        kept.wait_for(|kept| kept.answers >= answers).await.unwrap();
    }

    fn start(&self) -> KeyFetcher {
        let (tell, kept) = watch::channel(IssuerState::default());
        let wanted = Arc::new(Notify::new());
        let asking = Arc::new(Asking {
            issuer: Arc::clone(&self.issuer),
            pace: self.pace,
            generation: Arc::clone(&self.generation),
            wanted: Arc::clone(&wanted),
            tell,
        });
        KeyFetcher { kept, wanted, task: self.tasks.spawn("issuer's keys", move || Arc::clone(&asking).run()) }
    }
}

/// The handle of the task that fetches.
struct KeyFetcher {
    kept: watch::Receiver<IssuerState>,
    wanted: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for KeyFetcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The state of the issuer.
#[derive(Default)]
struct IssuerState {
    /// The newest keys, unless they were fetched too long ago.
    keys: Option<KeySet>,
    /// When they were last fetched.
    told_at: Option<Instant>,
    generation: u64,
    /// Number of finished fetches.
    answers: u64,
    /// When the last fetch ended.
    asked_at: Option<Instant>,
    /// Why the last fetch failed.
    failure: Option<String>,
}

impl IssuerState {
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> KeyMatch {
        self.keys.as_ref().map_or(KeyMatch::Nothing, |keys| keys.find(kid, algorithm))
    }

    fn explain(&self, found: KeyMatch) -> Result<(Arc<Key>, u64), Failure> {
        match found {
            KeyMatch::Key(key) => Ok((key, self.generation)),
            KeyMatch::Several => Err(Refused("it has no kid, and the issuer has several keys").into()),
            KeyMatch::Nothing if self.keys.is_some() => {
                Err(Refused("the issuer has no key with its kid and alg").into())
            }
            KeyMatch::Nothing => {
                let why = self.failure.as_deref().unwrap_or("the issuer was not asked for its keys");
                Err(Failure::Unavailable(why.to_owned()))
            }
        }
    }
}

/// The state of the task that fetches.
struct Asking {
    issuer: Arc<Issuer>,
    pace: Pace,
    generation: Arc<AtomicU64>,
    wanted: Arc<Notify>,
    tell: watch::Sender<IssuerState>,
}

impl Asking {
    async fn run(self: Arc<Self>) {
        loop {
            self.forget_old_keys();
            let fetched = self.issuer.fetch().await.map_err(|error| format!("{:#}", anyhow::Error::new(error)));
            let asked_at = Instant::now();
            let rest = if fetched.is_ok() { self.pace.fresh } else { self.pace.pause };
            self.tell.send_modify(|kept| {
                kept.asked_at = Some(asked_at);
                kept.answers += 1;
                self.take(kept, fetched);
            });
            let too_old_at = self.tell.borrow().told_at.map(|told_at| told_at + LONGEST_USE);
            let next = too_old_at.map_or(asked_at + rest, |too_old_at| too_old_at.min(asked_at + rest));
            loop {
                tokio::select! {
                    () = sleep_until(next) => break,
                    // A caller that is too early checked before this answer came, and sees it now.
                    () = self.wanted.notified() => if asked_at.elapsed() >= self.pace.pause { break },
                }
            }
        }
    }

    /// Drops keys that the issuer has not confirmed for too long.
    fn forget_old_keys(&self) {
        self.tell.send_if_modified(|kept| {
            let is_too_old = kept.told_at.is_some_and(|told_at| told_at.elapsed() >= LONGEST_USE);
            if is_too_old {
                tracing::error!(
                    "the issuer's keys were unavailable for a day: no token is accepted until they are available"
                );
                (kept.keys, kept.told_at) = (None, None);
                self.begin_generation(kept);
            }
            is_too_old
        });
    }

    /// Starts a new generation: tokens must be verified again.
    fn begin_generation(&self, kept: &mut IssuerState) {
        kept.generation += 1;
        self.generation.store(kept.generation, Ordering::Release);
    }

    fn take(&self, kept: &mut IssuerState, fetched: Result<KeySet, String>) {
        match fetched {
            Ok(keys) => {
                kept.told_at = Some(Instant::now());
                if kept.failure.take().is_some() {
                    tracing::info!("the issuer's keys are available again");
                }
                if kept.keys.as_ref() != Some(&keys) {
                    match keys.len() {
                        0 => tracing::warn!("the issuer has no key that can be used, so no token is valid"),
                        keys => tracing::info!(keys, "the issuer has new keys"),
                    }
                    kept.keys = Some(keys);
                    self.begin_generation(kept);
                }
            }
            Err(why) => {
                // Logged once, and not every time until it is corrected.
                match &kept.failure {
                    None => tracing::warn!(why, "the issuer's keys are unavailable; trying again"),
                    Some(_) => tracing::debug!(why, "the issuer's keys are still unavailable"),
                }
                kept.failure = Some(why);
            }
        }
    }
}
