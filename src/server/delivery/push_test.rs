//! Tests FCM and APNs for an operator, and explains their answers.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::DeliveryOptions;
use crate::{
    model::{
        Category, Channel, ContactAddress, ContactId, ContactState, Content, DeliveryId, DeliveryState,
        NewNotification, Notification, NotificationId, Timestamp, UserId,
    },
    server::{
        causes::with_causes,
        channels::{
            apns::Apns,
            channel::{Addressed, Attempt, Job, Judged, Recipient},
            fcm::Fcm,
            outcome::Outcome,
            pages::Pages,
            push::PushWriter,
        },
        clock::{Clock, SystemClock},
        store::{contacts::KeptContact, outbox::NewDelivery},
    },
};

/// The owner of the tested device: not a real user.
const USER: &str = "send-test";

/// Pushes a test to a device, and returns the push service's acceptance.
///
/// # Errors
/// One line with the reason for the failure, and what to do.
pub(in crate::server) async fn push_test(
    options: &DeliveryOptions,
    to: ContactAddress,
    now: Timestamp,
) -> Result<String, String> {
    let channel = to.channel();
    let attempt = attempt_of(options, channel)?;
    let job = job(to, &options.app_name, now);
    let judged = attempt.attempt(&job, &|| SystemClock.now()).await;
    said(channel, judged)
}

fn attempt_of(options: &DeliveryOptions, channel: Channel) -> Result<Arc<dyn Attempt>, String> {
    let pages = Pages::new(options.public_url.as_ref());
    let writer = PushWriter { app_name: options.app_name.clone(), pages };
    let clock = Arc::new(SystemClock);
    match channel {
        Channel::Fcm => match &options.fcm {
            Some(fcm) => Ok(Arc::new(Fcm::new(fcm, writer, clock).map_err(untried)?)),
            None => Err("fcm-service-account: is missing. Set it to the key file of a service account.".to_owned()),
        },
        Channel::Apns => match &options.apns {
            Some(apns) => Ok(Arc::new(Apns::new(apns, writer, clock).map_err(untried)?)),
            None => {
                Err("apns-key: is missing. Set it to the key file that Apple gave, with its id and the team's."
                    .to_owned())
            }
        },
        Channel::Email | Channel::Webpush | Channel::Webhook => Err(format!("{channel} is not tried by a push.")),
    }
}

fn untried(error: impl std::error::Error + 'static) -> String {
    format!("TLS cannot be set up: {}", with_causes(&error))
}

fn job(to: ContactAddress, app_name: &str, now: Timestamp) -> Job {
    let user_id = UserId::stored(USER);
    let text = format!("A push from {app_name} reaches you: this is what its notifications look like here.");
    let new = NewNotification {
        category: Category::stored("system"),
        ..NewNotification::new(user_id.clone(), Content::stored(&text))
    };
    let notification = Notification::new(NotificationId::new(Uuid::now_v7()), now, new);
    let contact = KeptContact {
        id: ContactId::new(Uuid::now_v7()),
        user_id: user_id.clone(),
        address: to,
        label: None,
        state: ContactState::Active,
        since: now,
        created_at: now,
        // The token is as old as it likes: what APNs says of it, by whatever moment, is told.
        last_seen_at: Timestamp::EPOCH,
    };
    let delivery = NewDelivery {
        id: DeliveryId::new(Uuid::now_v7()),
        notification_id: Some(notification.id),
        user_id,
        channel: contact.address.channel(),
        target: contact.id.as_uuid(),
        lane: contact.address.channel().to_string(),
        state: DeliveryState::Ready,
        reason: None,
        wait: Duration::ZERO,
        payload: String::new(),
        expires_at: None,
    };
    let category = Some(notification.category.clone());
    let notifications = vec![notification];
    let addressed =
        Addressed { contact, notifications, total: 1, category, modseq: 1, unread_count: 1, unsubscribe: None };
    Job { delivery: delivery.made(now), to: Recipient::Contact(Box::new(addressed)) }
}

/// The result, in a sentence or two.
fn said(channel: Channel, Judged { outcome, code, detail }: Judged) -> Result<String, String> {
    let is_about_topic = detail.as_deref().is_some_and(|detail| detail.contains("Topic"));
    let (service, setting) = match channel {
        Channel::Apns if is_about_topic => ("APNs", "--apns-topic: it is the bundle id of an app of this team"),
        Channel::Apns => ("APNs", "--apns-key, --apns-key-id and --apns-team-id"),
        _ => ("FCM", "--fcm-service-account"),
    };
    let answer = match (code, detail) {
        (Some(code), Some(detail)) => format!("{code}: {detail}"),
        (Some(code), None) => code.to_string(),
        (None, Some(detail)) => detail,
        (None, None) => "nothing".to_owned(),
    };
    match outcome {
        Outcome::Sent => Ok(format!("ok: {service} took it. Whether the device shows it, the device tells.")),
        Outcome::ContactDead { .. } => Err(format!(
            "{service} knows no such device for this app ({answer}). Take the token that the app got last, from the app \
             whose keys these are."
        )),
        Outcome::Misconfigured | Outcome::RefusedAlone => {
            Err(format!("{service} does not let this server in ({answer}). Check {setting}."))
        }
        Outcome::MessageBad => Err(format!("{service} does not take such a push ({answer}).")),
        Outcome::Retry { .. } | Outcome::RetryAlone { .. } | Outcome::Ambiguous => {
            Err(format!("{service} did not take it now ({answer}). Try again in some minutes."))
        }
    }
}
