//! Signing in and out of the dashboard, and tickets for streams.

use chrono::TimeDelta;

use super::{AuthError, Authenticator, Bearer, NO_TOKENS, key::Opaque, standing::Standing};
use crate::{
    model::{Timestamp, UserId},
    server::{
        clock::moved,
        identity::{Holder, KeyId, Scope},
        store::{Grant, GrantKind},
    },
};

/// The lifetime of a ticket for one use, in seconds.
const TICKET_SECONDS: i64 = 30;

/// The scope of a ticket.
#[derive(Clone, Debug, Default)]
pub struct TicketWish {
    /// The only inbox that it opens.
    pub inbox: Option<UserId>,
    /// How long it may be used repeatedly, in seconds; `None` means once.
    pub reuse_for: Option<u32>,
}

/// A user who signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The secret of the session.
    pub secret: Opaque,
    /// Its lifetime, in seconds.
    pub seconds: i64,
    /// The key that the user signed in with, if it was one.
    pub key: Option<KeyId>,
}

/// A ticket.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The secret of the ticket.
    pub secret: Opaque,
    /// Time from which it is no longer valid.
    pub expires_at: Timestamp,
}

impl Authenticator {
    /// Signs a user in with a key that has the scope `admin`, or with a user's token. A previous session ends.
    ///
    /// # Errors
    /// When the credential is not valid, does not allow signing in, or cannot be checked.
    pub(in crate::server) async fn log_in(&self, shown: &str, before: Option<&str>) -> Result<Session, AuthError> {
        let now = self.clock.now();
        let (holder, until) = match Bearer::read(shown) {
            Bearer::Key(secret) => {
                let key = &self.opened(&secret, now).await?.key;
                if !key.scopes.allow(Scope::Admin) {
                    return Err(AuthError::Forbidden("This key may not sign in: it lacks the scope admin."));
                }
                (Holder::Key(key.id), key.expires_at)
            }
            Bearer::Mistyped(why) => return Err(AuthError::Invalid(why)),
            Bearer::Token(shown) => {
                let tokens = self.tokens.as_ref().ok_or(AuthError::Invalid(NO_TOKENS))?;
                let token = tokens.verify_shown(&shown, now).await?;
                (Holder::User(token.user_id), Some(token.expires_at))
            }
        };
        let end = moved(now, self.session_lifetime);
        let expires_at = until.map_or(end, |until| until.min(end));
        let key = if let Holder::Key(id) = &holder { Some(*id) } else { None };
        let secret = Opaque::generate();
        let grant = Grant {
            hash: secret.hash(),
            kind: GrantKind::Session,
            holder,
            expires_at,
            until: Some(expires_at),
            session: None,
            inbox: None,
            is_reusable: false,
        };
        self.credentials.add_grant(&grant).await?;
        if let Some(before) = before {
            self.log_out(before).await?;
        }
        Ok(Session { secret, seconds: (expires_at.to_utc() - now.to_utc()).num_seconds().max(1), key })
    }

    /// Ends a session, and the streams that it opened; nothing when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::server) async fn log_out(&self, shown: &str) -> Result<(), AuthError> {
        let Some(secret) = Opaque::parse(shown) else { return Ok(()) };
        let (hash, now) = (secret.hash(), self.clock.now());
        // Any caller may send a made-up cookie: a read costs little, a write would delay all others.
        if self.credentials.grant(GrantKind::Session, &hash, now).await?.is_none() {
            return Ok(());
        }
        if let Some(grant) = self.credentials.take_grant(GrantKind::Session, &hash, now).await? {
            self.streams.end(&grant.holder, Some(hash));
        }
        Ok(())
    }

    /// Gives a caller a ticket, which opens a stream with the caller's permissions. It ends with the caller's
    /// credential.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::server) async fn give_ticket(
        &self,
        standing: &Standing,
        wish: &TicketWish,
    ) -> Result<Ticket, AuthError> {
        let seconds = wish.reuse_for.map_or(TICKET_SECONDS, i64::from);
        let end = moved(self.clock.now(), TimeDelta::seconds(seconds));
        let expires_at = standing.until.map_or(end, |until| until.min(end));
        let secret = Opaque::generate();
        let grant = Grant {
            hash: secret.hash(),
            kind: GrantKind::Ticket,
            holder: standing.principal.holder().clone(),
            expires_at,
            until: standing.until,
            session: standing.session,
            inbox: wish.inbox.clone(),
            is_reusable: wish.reuse_for.is_some(),
        };
        self.credentials.add_grant(&grant).await?;
        Ok(Ticket { secret, expires_at })
    }
}
