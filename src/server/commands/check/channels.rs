//! Which channels are set up, and what is wrong with each.

use std::fmt::Write;

use crate::server::{
    causes::with_causes,
    config::{Settings, StoreUrl},
    delivery::may_reach,
    store::{PostgresStore, SqliteStore, StoreError, outbox::Webhook},
};

/// A few lines about the channels; of the webhooks in the store, if that is up to date.
pub(super) async fn describe(settings: &Settings, is_up_to_date: bool) -> String {
    let allowed: Vec<_> = settings.delivery.allow.iter().map(ToString::to_string).collect();
    let mut text = "\n\nchannels:\n  webhook  set up, to addresses on the internet".to_owned();
    if !allowed.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, " and in {}", allowed.join(", "));
    }
    if is_up_to_date {
        match webhooks(settings).await {
            Ok(webhooks) => describe_webhooks(&mut text, settings, &webhooks),
            Err(error) => {
                let _ = write!(text, "\nwarning: the webhooks cannot be read: {}", with_causes(&error));
            }
        }
    }
    text
}

async fn webhooks(settings: &Settings) -> Result<Vec<Webhook>, StoreError> {
    match &settings.store {
        StoreUrl::Memory => Ok(Vec::new()),
        StoreUrl::Sqlite(path) => SqliteStore::webhooks_at(path),
        StoreUrl::Postgres(url) => PostgresStore::webhooks_at(url).await,
    }
}

fn describe_webhooks(text: &mut String, settings: &Settings, webhooks: &[Webhook]) {
    let _ = write!(text, "; {} added", webhooks.len());
    for webhook in webhooks {
        if let Some(why) = &webhook.disabled {
            let id = webhook.id;
            let _ = write!(
                text,
                "\nwarning: webhook {id} is disabled ({why}). POST /api/webhooks/{id}/enable has it told again."
            );
        } else if let Err(why) = may_reach(&settings.delivery, &webhook.url) {
            let _ = write!(text, "\nwarning: nothing is sent to webhook {}: its URL {why}.", webhook.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::Said;

    #[tokio::test]
    async fn it_says_where_webhooks_may_lead() {
        let said = Said {
            store: Some("memory:".to_owned()),
            webhook_allow: Some(vec!["10.0.0.0/8".to_owned(), "127.0.0.1".to_owned()]),
            ..Said::default()
        };
        let settings = Settings::from_said(&said).unwrap();
        let mut expected = String::new();
        let _ = write!(expected, "\n\nchannels:\n  webhook  set up, to addresses on the internet and in 10.0.0.0/8, ");
        assert!(describe(&settings, false).await.starts_with(&expected), "{}", describe(&settings, false).await);
    }
}
