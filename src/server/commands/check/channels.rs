//! Reports the channels that are set up, and tests each.

use std::{fmt::Write, sync::Arc};

use crate::server::{
    causes::with_causes,
    channels::{ApnsOptions, WebPushOptions, email::is_reachable, fcm::has_token, reach::may_reach},
    clock::SystemClock,
    config::{Settings, StoreUrl},
    store::{PostgresStore, SqliteStore, StoreError, outbox::Webhook},
};

/// A few lines about the channels, and then about their mistakes; includes the webhooks in the store, if that is up to
/// date.
pub(super) async fn describe(settings: &Settings, is_up_to_date: bool) -> String {
    let (mut text, mut warnings) = ("\n\nchannels:".to_owned(), String::new());
    describe_webhook(&mut text, &mut warnings, settings, is_up_to_date).await;
    describe_email(&mut text, &mut warnings, settings).await;
    describe_webpush(&mut text, settings);
    describe_fcm(&mut text, &mut warnings, settings).await;
    describe_apns(&mut text, settings);
    text + &warnings
}

/// Whether mail is set up, and whether the relay accepts this server at this moment.
async fn describe_email(text: &mut String, warnings: &mut String, settings: &Settings) {
    let Some(mail) = &settings.delivery.mail else {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  email    not set up; that takes --smtp and --mail-from");
        return;
    };
    let _ = write!(text, "\n  email    set up, by {} from {}; ", mail.relay, mail.from);
    match is_reachable(mail).await {
        Ok(()) => text.push_str("the relay is ok"),
        Err(refusal) => {
            text.push_str("the relay is not ok");
            let _ = write!(warnings, "\nwarning: smtp: {refusal}");
        }
    }
}

/// Whether Web Push is set up.
fn describe_webpush(text: &mut String, settings: &Settings) {
    // Writing to a string cannot fail.
    let _ = match &settings.delivery.webpush {
        None => write!(text, "\n  webpush  not set up; that takes --push-contact"),
        Some(WebPushOptions { contact, key }) => {
            let key = if key.is_some() { "the key of --vapid-key" } else { "a key that the store keeps" };
            write!(text, "\n  webpush  set up, by {key}; push services may write to {contact}")
        }
    };
}

/// Whether FCM is set up, and whether its account is accepted at this moment.
async fn describe_fcm(text: &mut String, warnings: &mut String, settings: &Settings) {
    let Some(fcm) = &settings.delivery.fcm else {
        let _ = write!(text, "\n  fcm      not set up; that takes --fcm-service-account");
        return;
    };
    let _ = write!(text, "\n  fcm      set up, for the project {}; ", fcm.project());
    match has_token(fcm, Arc::new(SystemClock)).await {
        Ok(()) => text.push_str("its account is ok"),
        Err(why) => {
            text.push_str("its account is not ok");
            let _ = write!(warnings, "\nwarning: fcm-service-account: {why}");
        }
    }
}

/// Whether APNs is set up.
fn describe_apns(text: &mut String, settings: &Settings) {
    let _ = match &settings.delivery.apns {
        None => write!(text, "\n  apns     not set up; that takes --apns-key, --apns-key-id and --apns-team-id"),
        Some(ApnsOptions { key, topic, .. }) => {
            let of = topic.as_ref().map(|topic| format!(" for {topic}")).unwrap_or_default();
            write!(text, "\n  apns     set up{of}, by the key {} of the team {}", key.key_id(), key.team_id())
        }
    };
}

async fn describe_webhook(text: &mut String, warnings: &mut String, settings: &Settings, is_up_to_date: bool) {
    let allowed: Vec<_> = settings.delivery.allow.iter().map(ToString::to_string).collect();
    text.push_str("\n  webhook  set up, to addresses on the internet");
    if !allowed.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, " and in {}", allowed.join(", "));
    }
    if is_up_to_date {
        match webhooks(settings).await {
            Ok(webhooks) => describe_webhooks(text, warnings, settings, &webhooks),
            Err(error) => {
                let _ = write!(warnings, "\nwarning: the webhooks cannot be read: {}", with_causes(&error));
            }
        }
    }
}

async fn webhooks(settings: &Settings) -> Result<Vec<Webhook>, StoreError> {
    match &settings.store {
        StoreUrl::Memory => Ok(Vec::new()),
        StoreUrl::Sqlite(path) => SqliteStore::webhooks_at(path),
        StoreUrl::Postgres(url) => PostgresStore::webhooks_at(url).await,
    }
}

fn describe_webhooks(text: &mut String, warnings: &mut String, settings: &Settings, webhooks: &[Webhook]) {
    let _ = write!(text, "; {} added", webhooks.len());
    for webhook in webhooks {
        if let Some(why) = &webhook.disabled {
            let id = webhook.id;
            let _ = write!(
                warnings,
                "\nwarning: webhook {id} is disabled ({why}). POST /api/webhooks/{id}/enable has it told again."
            );
        } else if let Err(why) = may_reach(&settings.delivery.allow, &webhook.url) {
            let _ = write!(warnings, "\nwarning: nothing is sent to webhook {}: its URL {why}.", webhook.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::SettingsInput;

    #[tokio::test]
    async fn a_relay_that_is_not_there_is_a_warning() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let said = SettingsInput {
            store: Some("memory:".to_owned()),
            smtp: Some(format!("smtp://me:hush@{closed}")),
            mail_from: Some("Shop <shop@example.com>".to_owned()),
            ..SettingsInput::default()
        };
        let described = describe(&Settings::from_input(&said).unwrap(), false).await;
        let line = format!("\n  email    set up, by smtp://{closed} from Shop <shop@example.com>; the relay is not ok");
        assert!(described.contains(&line) && !described.contains("hush"), "{described}");
        assert!(described.contains(&format!("\nwarning: smtp: smtp://{closed} cannot be reached: ")), "{described}");
        let none = Settings::from_input(&SettingsInput { smtp: None, mail_from: None, ..said }).unwrap();
        let nothing = describe(&none, false).await;
        for channel in ["email  ", "webpush", "fcm    ", "apns   "] {
            assert!(nothing.contains(&format!("\n  {channel}  not set up; that takes --")), "{nothing}");
        }
    }

    #[tokio::test]
    async fn it_says_where_webhooks_may_lead() {
        let said = SettingsInput {
            store: Some("memory:".to_owned()),
            webhook_allow: Some(vec!["10.0.0.0/8".to_owned(), "127.0.0.1".to_owned()]),
            ..SettingsInput::default()
        };
        let settings = Settings::from_input(&said).unwrap();
        let mut expected = String::new();
        let _ = write!(expected, "\n\nchannels:\n  webhook  set up, to addresses on the internet and in 10.0.0.0/8, ");
        assert!(describe(&settings, false).await.starts_with(&expected), "{}", describe(&settings, false).await);
    }
}
