//! Authentication: turns the credential of a caller into a [`Principal`].
//!
//! - [`key`]: service keys, and other secrets of 256 bits.
//! - [`token`]: users' tokens (JWT).
//! - `keyring`: a cache of the keys in use.
//! - `noted`: log lines that are counted; `recent`: recently valid sessions.
//! - [`standing`]: the caller, how long its credential is valid, and its open streams.
//!
//! The service decides what the principal may do.

mod error;
pub mod key;
mod keyring;
mod limits;
mod login;
mod noted;
mod recent;
pub mod standing;
pub mod token;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use self::{
    error::AuthError,
    limits::{Limits, Usage},
    login::{Session, Ticket, TicketWish},
};
use self::{
    key::{KeySecret, Opaque},
    keyring::{Keyring, Remembered},
    noted::Noted,
    recent::Recent,
    standing::{Standing, Streams},
    token::{PresentedToken, TokenOptions, Tokens},
};
use super::{
    clock::Clock,
    identity::{Holder, KeyId, Principal},
    store::{Credentials, Grant, GrantKind, SecretHash},
    tasks::Tasks,
};
use crate::model::Timestamp;

/// Target of log lines about accepted and refused callers.
pub(in crate::server) const AUDIT: &str = "campanile::audit";

/// How often the credentials of open streams are checked.
const LOOK_INTERVAL: Duration = Duration::from_millis(400);
/// After how many checks the last use of keys is stored.
const LOOKS_UNTIL_NOTED: u32 = 25;
/// After how many checks expired sessions, tickets and limits are removed.
const LOOKS_UNTIL_FORGOTTEN: u32 = 150;

/// The options of authentication.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// How users' tokens are verified; `None` accepts none.
    pub tokens: Option<TokenOptions>,
    /// How long a user stays signed in.
    pub session_lifetime: TimeDelta,
    /// The rate limits of callers.
    pub limits: Limits,
    /// How many open streams one principal may have.
    pub max_streams: usize,
    /// Whether the log names the address of a client with an invalid credential or a failed sign-in.
    pub log_addresses: bool,
}

/// Why a credential is invalid, for the log.
const NO_KEY: &str = "there is no such key";
const KEY_IS_OVER: &str = "the key with which it was made has expired or was revoked";
const NO_TOKENS: &str = "it is not a key, and no jwt setting says how tokens are checked";
const NO_SESSION: &str = "there is no such session, or it has expired";

/// The credential in the header `Authorization: Bearer …`, read and hashed once.
pub(in crate::server) enum Bearer<'a> {
    /// A service key.
    Key(KeySecret),
    /// A malformed service key, and the mistake, for the log.
    Mistyped(&'static str),
    /// Anything else: a user's token, if it is valid.
    Token(PresentedToken<'a>),
}

impl<'a> Bearer<'a> {
    /// Reads the text after `Bearer`.
    pub(in crate::server) fn read(shown: &'a str) -> Self {
        match KeySecret::parse(shown) {
            Some(secret) => Self::Key(secret),
            None => key::mistyped(shown).map_or_else(|| Self::Token(PresentedToken::new(shown)), Self::Mistyped),
        }
    }
}

/// Authenticates callers, and counts their requests.
pub struct Authenticator {
    credentials: Arc<dyn Credentials>,
    clock: Arc<dyn Clock>,
    tokens: Option<Tokens>,
    session_lifetime: TimeDelta,
    keyring: Keyring,
    usage: Usage,
    streams: Arc<Streams>,
    tasks: Tasks,
    /// A cache of sessions that were recently valid.
    recent: Recent,
    /// The counters of repeated log lines.
    noted: Noted,
}

impl std::fmt::Debug for Authenticator {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

impl Authenticator {
    /// The caller's name: of a user the user id, of an application the name of its key. `None` where it cannot be read
    /// now.
    pub(crate) async fn name_of(&self, principal: &Principal) -> Option<String> {
        match principal.holder() {
            Holder::User(user_id) => Some(user_id.as_str().to_owned()),
            Holder::Key(id) => Some(self.credentials.key(*id).await.ok()??.name),
            Holder::Operator | Holder::Anonymous => None,
        }
    }

    /// An authenticator with these credentials.
    ///
    /// # Errors
    /// One sentence about the first invalid option.
    pub fn new(
        options: AuthOptions,
        credentials: Arc<dyn Credentials>,
        clock: impl Clock,
    ) -> anyhow::Result<Arc<Self>> {
        Self::among(options, credentials, clock, Tasks::default())
    }

    /// The same, with the task that fetches an issuer's keys among these.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn among(
        options: AuthOptions,
        credentials: Arc<dyn Credentials>,
        clock: impl Clock,
        tasks: Tasks,
    ) -> anyhow::Result<Arc<Self>> {
        let AuthOptions { tokens, session_lifetime, limits, max_streams, log_addresses } = options;
        Ok(Arc::new(Self {
            keyring: Keyring::new(Arc::clone(&credentials)),
            credentials,
            clock: Arc::new(clock),
            tokens: tokens.map(Tokens::new).transpose()?.map(|tokens| tokens.among(&tasks)),
            tasks,
            session_lifetime,
            usage: Usage::new(&limits),
            streams: Arc::new(Streams::new(max_streams)),
            recent: Recent::default(),
            noted: Noted::new(log_addresses),
        }))
    }

    /// The counters of repeated log lines.
    pub(in crate::server) fn noted(&self) -> &Noted {
        &self.noted
    }

    /// The tasks that authenticate beside the requests.
    pub(in crate::server) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// The counters of rate limits.
    pub(in crate::server) fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The key with this secret, which is used now.
    async fn opened(&self, secret: &KeySecret, now: Timestamp) -> Result<Arc<Remembered>, AuthError> {
        let known = self.keyring.open(secret).await?.ok_or(AuthError::Invalid(NO_KEY))?;
        known.used(now).map_err(AuthError::Over)?;
        Ok(known)
    }

    /// Authenticates a service key or a user's token.
    ///
    /// # Errors
    /// When it is not valid, or that cannot be checked.
    pub(in crate::server) async fn by_bearer(&self, bearer: &Bearer<'_>) -> Result<Standing, AuthError> {
        let now = self.clock.now();
        let (principal, until, good_at) = match bearer {
            Bearer::Key(secret) => {
                let known = self.opened(secret, now).await?;
                let key = &known.key;
                (Principal::key(key.id, key.scopes), key.expires_at, known.read_at)
            }
            Bearer::Mistyped(why) => return Err(AuthError::Invalid(why)),
            Bearer::Token(shown) => {
                let tokens = self.tokens.as_ref().ok_or(AuthError::Invalid(NO_TOKENS))?;
                let token = tokens.verify_shown(shown, now).await?;
                (Principal::user(token.user_id), Some(token.expires_at), Instant::now())
            }
        };
        Ok(self.standing(principal, None, until, good_at))
    }

    /// Whether authenticating this credential costs next to nothing, because it was authenticated a moment ago.
    pub(in crate::server) fn is_known(&self, bearer: &Bearer<'_>) -> bool {
        let now = self.clock.now();
        match bearer {
            Bearer::Key(secret) => self.keyring.knows(secret, now),
            Bearer::Mistyped(_) => false,
            Bearer::Token(shown) => {
                self.tokens.as_ref().is_some_and(|tokens| tokens.cached_shown(shown, now).is_some())
            }
        }
    }

    /// Whether this session was valid a moment ago. Checking any other takes a query of the store.
    pub(in crate::server) fn knows_session(&self, shown: &str) -> bool {
        Opaque::parse(shown).is_some_and(|secret| self.recent.has(&secret.hash()))
    }

    /// Authenticates a session.
    ///
    /// # Errors
    /// When it has ended or never existed, or that cannot be checked.
    pub(in crate::server) async fn by_session(&self, shown: &str) -> Result<Standing, AuthError> {
        let (now, asked_at) = (self.clock.now(), Instant::now());
        let hash = Opaque::parse(shown).ok_or(AuthError::Invalid(NO_SESSION))?.hash();
        let grant =
            self.credentials.grant(GrantKind::Session, &hash, now).await?.ok_or(AuthError::Invalid(NO_SESSION))?;
        self.recent.add(hash);
        let until = Some(grant.expires_at);
        self.by_grant(grant, now, until, asked_at).await
    }

    /// Authenticates a ticket, which is used up unless it is reusable.
    ///
    /// # Errors
    /// When it is used up, has expired or never existed, or that cannot be checked.
    pub(in crate::server) async fn by_ticket(&self, shown: &str) -> Result<Standing, AuthError> {
        let (now, asked_at) = (self.clock.now(), Instant::now());
        let hash = Opaque::parse(shown).ok_or(AuthError::NoTicket)?.hash();
        let found = self.credentials.grant(GrantKind::Ticket, &hash, now).await?;
        let found = match found {
            Some(grant) if grant.is_reusable => Some(grant),
            Some(_) => self.credentials.take_grant(GrantKind::Ticket, &hash, now).await?,
            None => None,
        };
        let grant = found.ok_or(AuthError::NoTicket)?;
        if let Some(session) = &grant.session {
            // A ticket that was created in a session ends with it.
            self.credentials.grant(GrantKind::Session, session, now).await?.ok_or(AuthError::Invalid(NO_SESSION))?;
        }
        let until = grant.until;
        self.by_grant(grant, now, until, asked_at).await
    }

    async fn by_grant(
        &self,
        grant: Grant,
        now: Timestamp,
        until: Option<Timestamp>,
        asked_at: Instant,
    ) -> Result<Standing, AuthError> {
        let session = match grant.kind {
            GrantKind::Session => Some(grant.hash),
            GrantKind::Ticket => grant.session,
        };
        let mut good_at = asked_at;
        let principal = match grant.holder {
            Holder::Operator => Principal::operator(),
            Holder::User(user_id) => Principal::user(user_id),
            Holder::Key(id) => {
                let known = self.keyring.good(id, now).await?.ok_or(AuthError::Invalid(KEY_IS_OVER))?;
                good_at = good_at.min(known.read_at);
                Principal::key(id, known.key.scopes)
            }
            Holder::Anonymous => return Err(AuthError::Invalid(NO_SESSION)),
        };
        let principal = match grant.inbox {
            Some(inbox) => principal.within(inbox),
            None => principal,
        };
        Ok(self.standing(principal, session, until, good_at))
    }

    fn standing(
        &self,
        principal: Principal,
        session: Option<SecretHash>,
        until: Option<Timestamp>,
        good_at: Instant,
    ) -> Standing {
        Standing { principal, session, until, good_at, streams: Arc::clone(&self.streams) }
    }

    /// Ends the streams of callers that may no longer have them and renews all others, stores when keys were used, and
    /// removes expired data; for as long as it is polled. Spawn it, and abort it to stop. Without it, streams of keys
    /// and sessions receive nothing.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0_u32;
        loop {
            ticks.tick().await;
            looks = looks.wrapping_add(1);
            self.look_after_streams().await;
            if looks.is_multiple_of(LOOKS_UNTIL_NOTED) {
                self.note_uses().await;
            }
            if looks.is_multiple_of(LOOKS_UNTIL_FORGOTTEN) {
                self.usage.forget_idle();
                if let Err(error) = self.credentials.forget_grants(self.clock.now()).await {
                    tracing::debug!(%error, "expired sessions and tickets could not be deleted; trying again");
                }
            }
        }
    }

    /// Stores when keys were last used, and logs the counted events. Call it once more before the process ends.
    pub async fn note_uses(&self) {
        self.noted.log();
        if let Err(error) = self.keyring.note_uses().await {
            tracing::debug!(%error, "the last use of keys could not be stored; trying again");
        }
    }

    /// Ends the streams of callers whose key was revoked or who signed out, and renews those of all others.
    async fn look_after_streams(&self) {
        let open = self.streams.revocable();
        let sessions: Vec<SecretHash> = open.iter().filter_map(|(_, session)| *session).collect();
        // One key may have many sessions, and streams of its own.
        let keys = open.iter().filter_map(|(holder, _)| if let Holder::Key(id) = holder { Some(*id) } else { None });
        let keys: HashSet<KeyId> = keys.collect();
        // One query for all sessions and one for all keys: however many there are and however far the store is, the
        // result arrives before it is too old. While the store is unavailable there is none: new requests are refused
        // meanwhile, and open streams receive nothing.
        let (now, asked_at) = (self.clock.now(), Instant::now());
        let good_sessions = async {
            if sessions.is_empty() {
                return Ok(HashSet::new());
            }
            self.credentials.good_sessions(&sessions, now).await
        };
        let (sessions, keys) = tokio::join!(good_sessions, self.keyring.all_good(&keys, now));
        for (holder, session) in open {
            let by_session = match (session, &sessions) {
                (None, _) => None,
                (Some(session), Ok(good)) => Some(good.contains(&session).then_some(asked_at)),
                (Some(_), Err(_)) => continue,
            };
            let by_key = match (&holder, &keys) {
                (Holder::Key(id), Ok(good)) => Some(good.get(id).copied()),
                (Holder::Key(_), Err(_)) => continue,
                _ => None,
            };
            // Where two credentials were used, both have to be valid.
            let proofs = [by_session, by_key].into_iter().flatten();
            let good_at = proofs.min().flatten();
            if let Some(good_at) = good_at {
                self.streams.renew(&holder, session, good_at);
            } else {
                let key = if let Holder::Key(id) = &holder { Some(tracing::field::display(id)) } else { None };
                tracing::info!(target: AUDIT, key, "streams are ended: their key or session is no longer valid");
                self.streams.end(&holder, session);
            }
        }
    }
}
