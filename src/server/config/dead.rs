//! Settings that were given but have no effect, because of another one.

use super::{BusUrl, InForce, Listen, Settings, StoreUrl};

/// A sentence about each of them.
pub(super) fn dead(in_force: &InForce, settings: &Settings) -> Vec<String> {
    let Settings { auth, listen, store, bus, delivery, .. } = settings;
    let is_unix = matches!(listen, Listen::Unix(_));
    let has_tokens = auth.as_ref().is_some_and(|auth| auth.tokens.is_some());
    let pushes = delivery.webpush.is_some() || delivery.fcm.is_some() || delivery.apns.is_some();
    let rules: [(bool, &[&str], &str); 9] = [
        (
            auth.is_none(),
            &[
                "limit-key",
                "limit-user",
                "limit-address",
                "limit-login",
                "max-streams",
                "session-lifetime",
                "log-addresses",
            ],
            "authentication is off. Use --auth on",
        ),
        (!is_unix, &["socket-mode"], "the server listens on a port. Use --listen unix:PATH"),
        (is_unix, &["max-connections-per-address"], "a Unix socket knows no addresses. Listen on a port"),
        (!has_tokens, &["jwt-leeway"], "there are no users' tokens. Set jwt-secret, jwt-key or jwt-jwks"),
        (
            !matches!(store, StoreUrl::Sqlite(_)),
            &["sqlite-sync", "sqlite-queue"],
            "the store is not SQLite. Use --store sqlite:FILE",
        ),
        (
            !matches!(store, StoreUrl::Postgres(_)),
            &["postgres-connections"],
            "the store is not PostgreSQL. Use --store postgres://USER:PASSWORD@HOST/DATABASE",
        ),
        (*bus == BusUrl::Local, &["bus-prefix"], "there is no bus. Use --bus nats://HOST:PORT"),
        (delivery.mail.is_none(), &["email-categories"], "no mail is sent. Set smtp and mail-from"),
        (
            delivery.mail.is_none() && !pushes,
            &["mandatory-categories", "limit-delivery", "app-name"],
            "there is neither mail nor push. Set smtp, push-contact, fcm-service-account or apns-key",
        ),
    ];
    let ineffective = rules.iter().filter(|(is_dead, ..)| *is_dead);
    let input = ineffective.flat_map(|(_, names, why)| names.iter().map(move |name| (name, why)));
    let input = input.filter(|(name, _)| in_force.is_said(name));
    input.map(|(name, why)| format!("{name}: has no effect, since {why}, or leave it out.")).collect()
}
