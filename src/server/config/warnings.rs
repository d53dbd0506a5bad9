//! Settings that fit together, and are probably mistakes.

use super::Settings;
use crate::server::{address::is_loopback, config::StoreUrl, delivery::DeliveryOptions};

impl Settings {
    /// Warnings about settings that are probably mistakes, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let url = self.http.public_url.as_ref().filter(|url| !url.is_encrypted() && !is_loopback(url.host()));
        let has_no_links = self.delivery.mail.is_some() && self.http.public_url.is_none();
        let no_links = has_no_links.then(|| {
            "public-url: is missing, so mails have no links to this server, and none to unsubscribe. Set it to the address \
             under which users reach this server."
                .to_owned()
        });
        let relay = self.delivery.mail.as_ref().map(|mail| &mail.relay).filter(|relay| relay.exposes_password());
        let exposed = relay.map(|relay| {
            format!(
                "smtp: the password goes to {relay} as it is, where others can read it. Leave ?tls=off out, or say smtps://."
            )
        });
        let no_cookie = url.filter(|_| self.auth.is_some()).map(|url| {
            format!(
                "public-url: {url} is not encrypted, so that no browser keeps the cookie of a person who signs in. Have the \
                 gateway do TLS, and say https://."
            )
        });
        let DeliveryOptions { webpush, fcm, apns, badge_sync, .. } = &self.delivery;
        let forgets_key =
            webpush.as_ref().is_some_and(|webpush| webpush.key.is_none()) && self.store == StoreUrl::Memory;
        let lost_key = forgets_key.then(|| {
            "vapid-key: is missing beside a store in memory, which forgets the key that browsers subscribe to: after each \
             start they have to turn push on again. Use a file, or another store."
                .to_owned()
        });
        let has_no_device = *badge_sync && fcm.is_none() && apns.is_none();
        let no_device = has_no_device.then(|| {
            "push-badge-sync: there are no devices to tell. Set fcm-service-account or apns-key too.".to_owned()
        });
        let is_open = self.insecure_no_auth && self.auth.is_none() && self.listen.is_for_others();
        let open = is_open.then(|| {
            format!(
                "insecure-no-auth: every client that reaches {} can read, send and delete everything. Let only a gateway \
                 that authenticates its callers reach it.",
                self.listen
            )
        });
        let meant_otherwise = [open, no_cookie, no_links, exposed, lost_key, no_device].into_iter().flatten();
        self.unknown.iter().chain(&self.ineffective).cloned().chain(meant_otherwise).collect()
    }
}
