//! Puts delivery together, and runs its tasks.

use std::{fmt, sync::Arc, time::Duration};

use chrono::TimeDelta;
use ipnet::IpNet;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::sleep,
};

use super::{
    badges::{BadgeSync, Badges},
    forgetting::Forgetting,
    planner::{Alarm, Planner},
    policy::Policy,
    rules::Rules,
    stores::DeliveryStores,
    sweeper::{self, AllRead},
    unsubscribe::Unsubscribe,
    worker::Worker,
};
use crate::{
    model::{Channel, Topic},
    server::{
        channels::{
            apns::{Apns, ApnsOptions},
            channel::{Attempt, Channels},
            email::{Email, MailOptions},
            fcm::{Fcm, FcmOptions},
            pages::Pages,
            push::PushWriter,
            reach::Reach,
            webhook::Webhooks as WebhookChannel,
            webpush::{WebPush, WebPushKey, WebPushOptions},
        },
        clock::Clock,
        limiter::Rate,
        live::{Bus, Local},
        public_url::PublicUrl,
        store::outbox::Backlog,
        tasks::Tasks,
    },
};

/// How long running attempts may take when the server stops.
const STOPS_WITHIN: Duration = Duration::from_secs(5);
/// The least time between two hints of other servers that are followed.
const HINTS_EVERY: Duration = Duration::from_millis(20);
/// How many test events are sent at once.
const TESTS_AT_ONCE: usize = 4;

/// The options of delivery.
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    /// Networks outside of the internet that webhooks may use.
    pub allow: Vec<IpNet>,
    /// How many deliveries may wait in one lane.
    pub backlog: u64,
    /// How long finished deliveries are kept.
    pub history: TimeDelta,
    /// The settings for mail; `None` for no mail.
    pub mail: Option<MailOptions>,
    /// The settings for pushes to browsers; `None` for no such pushes.
    pub webpush: Option<WebPushOptions>,
    /// The settings for pushes by FCM; `None` for no such pushes.
    pub fcm: Option<FcmOptions>,
    /// The settings for pushes by APNs; `None` for no such pushes.
    pub apns: Option<ApnsOptions>,
    /// Whether devices get the unread count when a user reads elsewhere.
    pub badge_sync: bool,
    /// The operator's rules: mail by default, and mandatory categories.
    pub rules: Rules,
    /// The name of this server in messages, one line.
    pub app_name: String,
    /// The public URL of this server; without it, messages have no links.
    pub public_url: Option<PublicUrl>,
    /// The rate of messages to one contact; `None` for no limit.
    pub per_contact: Option<Rate>,
}

impl DeliveryOptions {
    /// Default for the number of deliveries that may wait in one lane.
    pub const DEFAULT_BACKLOG: u64 = 1_000_000;
    /// The same default where they wait in memory.
    pub const DEFAULT_BACKLOG_IN_MEMORY: u64 = 10_000;
    /// Default name of this server.
    pub const DEFAULT_APP_NAME: &str = "Campanile";
    /// Default rate of deliveries to one contact, as [`Rate::parse`] reads it.
    pub const DEFAULT_PER_CONTACT: &str = "30/h:60";
    /// How many bytes these deliveries may have.
    const BACKLOG_BYTES: u64 = 1 << 30;
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            backlog: Self::DEFAULT_BACKLOG,
            history: TimeDelta::days(7),
            mail: None,
            webpush: None,
            fcm: None,
            apns: None,
            badge_sync: false,
            rules: Rules::default(),
            app_name: Self::DEFAULT_APP_NAME.to_owned(),
            public_url: None,
            per_contact: Rate::parse(Self::DEFAULT_PER_CONTACT).ok().flatten(),
        }
    }
}

/// Delivery, as callers use it. A clone is the same.
#[derive(Clone)]
pub struct Delivery(pub(super) Arc<Parts>);

pub(super) struct Parts {
    pub(super) stores: DeliveryStores,
    pub(super) channel: Arc<WebhookChannel>,
    pub(super) push_key: Option<Arc<WebPushKey>>,
    pub(super) policy: Arc<Policy>,
    pub(super) app_name: String,
    pub(super) apns_topic: Option<Topic>,
    pub(super) worker: Worker,
    pub(super) alarm: Arc<Alarm>,
    pub(super) wake: Arc<Notify>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tests: Semaphore,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").finish_non_exhaustive()
    }
}

impl Delivery {
    /// Starts delivery for the writes to this store, with tasks among these.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn start(
        stores: DeliveryStores,
        options: &DeliveryOptions,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        Self::on_bus(stores, options, clock, &(Arc::new(Local) as Arc<dyn Bus>), tasks)
    }

    /// The same beside other servers on one store, which it informs when there is something to deliver.
    pub(in crate::server) fn on_bus(
        stores: DeliveryStores,
        options: &DeliveryOptions,
        clock: Arc<dyn Clock>,
        bus: &Arc<dyn Bus>,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        let reach = Reach::new(&options.allow);
        let channel = Arc::new(WebhookChannel::new(reach.clone())?);
        let pages = Pages::new(options.public_url.as_ref());
        let writer = PushWriter { app_name: options.app_name.clone(), pages: pages.clone() };
        let mut channels: Channels =
            [(Channel::Webhook, Arc::<WebhookChannel>::clone(&channel) as Arc<dyn Attempt>)].into();
        if let Some(mail) = &options.mail {
            channels.insert(Channel::Email, Arc::new(Email::new(mail, &options.app_name, pages)));
        }
        let mut push_key = None;
        if let Some(webpush) = &options.webpush {
            let secrets = Arc::clone(&stores.secrets);
            let webpush = WebPush::new(webpush, writer.clone(), Arc::clone(&clock), reach, secrets)?;
            push_key = Some(webpush.key());
            channels.insert(Channel::Webpush, Arc::new(webpush));
        }
        if let Some(fcm) = &options.fcm {
            channels.insert(Channel::Fcm, Arc::new(Fcm::new(fcm, writer.clone(), Arc::clone(&clock))?));
        }
        if let Some(apns) = &options.apns {
            channels.insert(Channel::Apns, Arc::new(Apns::new(apns, writer, Arc::clone(&clock))?));
        }
        let (alarm, wake) = (Arc::new(Alarm::default()), Arc::new(Notify::new()));
        let unsubscribe = Unsubscribe::new(Arc::clone(&stores.secrets), options.public_url.clone());
        let policy = Arc::new(Policy::new(channels, options.rules.clone(), options.per_contact, unsubscribe));
        let DeliveryStores { inboxes, outbox, deliveries, .. } = stores.clone();
        let worker = Worker::new(stores.clone(), Arc::clone(&policy), Arc::clone(&clock), Arc::clone(&wake));
        if policy.reaches_contacts() {
            outbox.reach_contacts();
            alarm.reach_contacts();
            let all_read = Arc::new(AllRead::default());
            inboxes.announce_to(Arc::<AllRead>::clone(&all_read));
            let (inboxes, deliveries, clock) = (Arc::clone(&inboxes), Arc::clone(&deliveries), Arc::clone(&clock));
            tasks.spawn("delivery sweeper", move || {
                sweeper::run(Arc::clone(&all_read), Arc::clone(&inboxes), Arc::clone(&deliveries), Arc::clone(&clock))
            });
        }
        inboxes.announce_to(Arc::<Alarm>::clone(&alarm));
        if options.badge_sync && policy.reaches_devices() {
            let badges = Arc::new(Badges::default());
            inboxes.announce_to(Arc::<Badges>::clone(&badges));
            let (stores, policy, clock) = (stores.clone(), Arc::clone(&policy), Arc::clone(&clock));
            let sync = Arc::new(BadgeSync { badges, stores, policy, clock, alarm: Arc::clone(&alarm) });
            tasks.spawn("delivery badges", move || {
                let sync = Arc::clone(&sync);
                async move { sync.run().await }
            });
        }
        let planner = Arc::new(Planner {
            stores: stores.clone(),
            policy: Arc::clone(&policy),
            clock: Arc::clone(&clock),
            alarm: Arc::clone(&alarm),
            backlog: Backlog { deliveries: options.backlog, bytes: DeliveryOptions::BACKLOG_BYTES },
            worker: Arc::clone(&wake),
            bus: Arc::clone(bus),
        });
        if let Some(hints) = bus.hints() {
            let wake = Arc::clone(&wake);
            tasks.spawn("delivery hints of others", move || obey(hints.clone(), Arc::clone(&wake)));
        }
        tasks.spawn("delivery planner", move || {
            let planner = Arc::clone(&planner);
            async move { planner.run().await }
        });
        let settling = worker.clone();
        tasks.spawn("delivery results", move || settling.clone().settle());
        let renewing = worker.clone();
        tasks.spawn("delivery leases", move || renewing.clone().renew());
        let working = worker.clone();
        tasks.spawn("delivery worker", move || working.clone().run());
        let forgetting = Arc::new(Forgetting {
            stores: stores.clone(),
            policy: Arc::clone(&policy),
            clock: Arc::clone(&clock),
            history: options.history,
        });
        tasks.spawn("delivery history", move || {
            let forgetting = Arc::clone(&forgetting);
            async move { forgetting.run().await }
        });
        let (tests, bus, app_name) = (Semaphore::new(TESTS_AT_ONCE), Arc::clone(bus), options.app_name.clone());
        let apns_topic = options.apns.as_ref().and_then(|apns| apns.topic.clone());
        Ok(Self(Arc::new(Parts {
            stores,
            channel,
            push_key,
            policy,
            app_name,
            apns_topic,
            worker,
            alarm,
            wake,
            bus,
            clock,
            tests,
        })))
    }

    /// Begins no more attempts, and waits a few seconds for the running ones. Unsent deliveries stay in the store. Call
    /// it before the tasks are stopped.
    pub async fn stop(&self) {
        self.0.worker.stop(STOPS_WITHIN).await;
    }
}

/// Wakes the worker when another server announces deliveries, for as long as it is polled.
async fn obey(mut hints: watch::Receiver<u64>, wake: Arc<Notify>) {
    while hints.changed().await.is_ok() {
        wake.notify_one();
        // However many hints there are, one look is enough, and costs little.
        sleep(HINTS_EVERY).await;
    }
}
