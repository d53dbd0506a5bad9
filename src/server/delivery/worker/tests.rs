//! The loop around the decisions, with a channel whose answers a test scripts, and a clock that a test moves.

mod badges;
mod contacts;
mod endings;
mod faults;
mod waiting;

use std::sync::Mutex;

use rstest::rstest;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::{
    model::{
        self, Category, ContactAddress, ContactState, Content, DeliveryId, DeliveryState, EventKind, NewNotification,
        Notification, NotificationId, Timestamp, UserId, Wanted, WebhookId,
    },
    server::{
        channels::{
            backoff::Schedule,
            channel::{self, Addressed, Attempt, Job, Judged, Recipient},
            outcome::Outcome,
        },
        delivery::{
            badges::{BadgeSync, Badges},
            plan::tests::webhook,
            planner,
            rules::Rules,
            sweeper::{self, AllRead},
            unsubscribe::Unsubscribe,
        },
        limiter::Rate,
        live::Local,
        store::{
            Deliveries, MemoryStore, Outbox, Store, Webhooks, Wishes,
            outbox::{Backlog, Claim, Delivery, DeliveryFilter},
        },
    },
};

/// A clock that follows tokio's, which a test moves.
struct TokioClock {
    began: Instant,
    at: Timestamp,
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        crate::server::clock::after(self.at, self.began.elapsed())
    }
}

/// The behaviour of a webhook in the tests.
#[derive(Clone, Copy, Debug)]
enum Behaves {
    /// It answers with this outcome, after this many milliseconds.
    Answers(Outcome, u64),
    Hangs,
    Panics,
}

/// A channel that sends nothing.
struct TestChannel {
    /// Behaviours, by the number of the webhook.
    behaves: Mutex<HashMap<u128, Behaves>>,
    /// The attempts, by webhook, with their times.
    attempted: Mutex<Vec<(u128, DeliveryId, Timestamp)>>,
    /// The messages to contacts: their number of notifications, and their ids, newest first.
    told: Mutex<Vec<(u64, Vec<NotificationId>)>>,
    /// The badge updates to devices: number, unread count, time.
    counted: Mutex<Vec<(u128, u64, Timestamp)>>,
    busy: Mutex<HashMap<u128, usize>>,
    most_busy: Mutex<usize>,
    schedule: Mutex<Schedule>,
}

impl channel::Channel for Arc<TestChannel> {
    fn lane(&self, to: &ContactAddress) -> Option<String> {
        Some(to.channel().to_string())
    }

    fn bundles(&self) -> bool {
        true
    }

    type Request = (u128, Behaves);
    type Answer = Outcome;

    fn prepare(&self, job: &Job, now: Timestamp) -> Result<(u128, Behaves), Judged> {
        let number = match &job.to {
            Recipient::Webhook(webhook) => webhook.id.as_uuid(),
            Recipient::Contact(addressed) => {
                let Addressed { notifications, total, unread_count, .. } = &**addressed;
                assert!(notifications.iter().all(|notification| !notification.is_read) && *unread_count >= *total);
                let (id, of) = (addressed.contact.id.as_uuid(), addressed.contact.address.channel());
                if notifications.is_empty() {
                    assert!(matches!(of, model::Channel::Fcm | model::Channel::Apns) && *total == 0, "{of}");
                    self.counted.lock().unwrap().push((id.as_u128(), *unread_count, now));
                } else {
                    let ids = notifications.iter().map(|notification| notification.id).collect();
                    self.told.lock().unwrap().push((*total, ids));
                }
                id
            }
        };
        let number = number.as_u128();
        self.attempted.lock().unwrap().push((number, job.delivery.id, now));
        Ok((number, self.behaves.lock().unwrap()[&number]))
    }

    async fn send(&self, (number, behaves): (u128, Behaves)) -> Outcome {
        {
            let mut busy = self.busy.lock().unwrap();
            let count = busy.entry(number).or_default();
            *count += 1;
            let mut most = self.most_busy.lock().unwrap();
            *most = (*most).max(*count);
        }
        let outcome = match behaves {
            Behaves::Answers(outcome, millis) => {
                sleep(Duration::from_millis(millis)).await;
                outcome
            }
            Behaves::Hangs => {
                sleep(channel::Channel::deadline(self)).await;
                Outcome::Retry { after: None }
            }
            Behaves::Panics => panic!("as the test wants it"),
        };
        *self.busy.lock().unwrap().get_mut(&number).unwrap() -= 1;
        outcome
    }

    fn judge(&self, outcome: Outcome, _: Timestamp) -> Judged {
        Judged { outcome, code: None, detail: None }
    }

    fn schedule(&self) -> Schedule {
        *self.schedule.lock().unwrap()
    }

    fn in_flight(&self) -> usize {
        4
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(15)
    }
}

/// A store with some webhooks, and the tasks that deliver its changes.
struct Rig {
    store: Arc<MemoryStore>,
    channel: Arc<TestChannel>,
    clock: Arc<TokioClock>,
    worker: Worker,
    _tasks: Vec<Abort>,
}

struct Abort(JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Rig {
    /// With a webhook for each of these, of which number 1 gets the notifications of user 1, and so on.
    async fn new(behaves: &[Behaves]) -> Self {
        Self::limited(behaves, "off").await
    }

    /// The same, with this rate for each contact.
    async fn limited(behaves: &[Behaves], rate: &str) -> Self {
        let at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let clock = Arc::new(TokioClock { began: Instant::now(), at });
        let store = Arc::new(MemoryStore::new(100_000, at));
        let numbered = (1..).zip(behaves.iter().copied());
        let channel = Arc::new(TestChannel {
            behaves: Mutex::new(numbered.collect()),
            attempted: Mutex::default(),
            told: Mutex::default(),
            counted: Mutex::default(),
            busy: Mutex::default(),
            most_busy: Mutex::default(),
            schedule: Mutex::new(Schedule::WEBHOOK),
        });
        for number in 1..=behaves.len() as u128 {
            let wanted = Wanted { user_id: Some(user(number)), events: EventKind::ALL.to_vec(), ..Wanted::default() };
            store.add_webhook(&webhook(number, wanted)).await.unwrap();
        }
        let wake = Arc::new(Notify::new());
        let sends = || Arc::new(Arc::clone(&channel)) as Arc<dyn Attempt>;
        let channels: channel::Channels = Channel::ALL.iter().map(|channel| (*channel, sends())).collect();
        let again = || Arc::<MemoryStore>::clone(&store);
        let stores = DeliveryStores {
            inboxes: again(),
            webhooks: again(),
            outbox: again(),
            deliveries: again(),
            contacts: again(),
            wishes: again(),
            profiles: again(),
            secrets: again(),
            forget: again(),
        };
        let unsubscribe = Unsubscribe::new(again(), None);
        let policy = Arc::new(Policy::new(channels, rules(), Rate::parse(rate).unwrap(), unsubscribe));
        let worker =
            Worker::new(stores.clone(), Arc::clone(&policy), Arc::<TokioClock>::clone(&clock), Arc::clone(&wake));
        let (alarm, all_read) = (Arc::new(planner::Alarm::default()), Arc::new(AllRead::default()));
        store.announce_to(Arc::<planner::Alarm>::clone(&alarm));
        store.announce_to(Arc::<AllRead>::clone(&all_read));
        store.reach_contacts();
        alarm.reach_contacts();
        let badges = Arc::new(Badges::default());
        store.announce_to(Arc::<Badges>::clone(&badges));
        let sync = BadgeSync {
            badges,
            stores: stores.clone(),
            policy: Arc::clone(&policy),
            clock: Arc::<TokioClock>::clone(&clock),
            alarm: Arc::clone(&alarm),
        };
        let sweeping = sweeper::run(all_read, again(), again(), Arc::<TokioClock>::clone(&clock));
        let planner = planner::Planner {
            stores,
            policy,
            clock: Arc::<TokioClock>::clone(&clock),
            alarm,
            backlog: Backlog { deliveries: 100_000, bytes: 1 << 30 },
            worker: wake,
            bus: Arc::new(Local),
        };
        let tasks = vec![
            Abort(tokio::spawn(async move { planner.run().await })),
            Abort(tokio::spawn(worker.clone().run())),
            Abort(tokio::spawn(worker.clone().settle())),
            Abort(tokio::spawn(sweeping)),
            Abort(tokio::spawn(async move { sync.run().await })),
        ];
        // The tasks look once, and wait.
        sleep(Duration::from_millis(10)).await;
        Self { store, channel, clock, worker, _tasks: tasks }
    }

    /// Sends a user this many notifications.
    async fn tell(&self, number: u128, count: usize) {
        let all: Vec<_> = (0..count).map(|_| self.notification(number)).collect();
        self.store.create(&all, None).await.unwrap();
    }

    fn notification(&self, number: u128) -> Notification {
        let new = NewNotification::new(user(number), Content::parse("hi").unwrap());
        Notification::new(NotificationId::new(Uuid::now_v7()), self.clock.now(), new)
    }

    /// The attempts for a webhook, in seconds since the beginning.
    fn attempted(&self, number: u128) -> Vec<f64> {
        let all = self.channel.attempted.lock().unwrap();
        let seconds = |at: &Timestamp| (at.as_micros() - self.clock.at.as_micros()) as f64 / 1e6;
        all.iter().filter(|(of, ..)| *of == number).map(|(.., at)| seconds(at)).collect()
    }

    async fn deliveries(&self, number: u128) -> Vec<Delivery> {
        let filter = DeliveryFilter { target: Some(Uuid::from_u128(number)), ..DeliveryFilter::default() };
        self.store.deliveries(&filter, None, 100_000).await.unwrap().deliveries
    }

    async fn states(&self, number: u128) -> HashMap<DeliveryState, usize> {
        let mut states = HashMap::new();
        for delivery in self.deliveries(number).await {
            *states.entry(delivery.state).or_default() += 1;
        }
        states
    }
}

/// The operator's rules in these tests.
fn rules() -> Rules {
    Rules { mandatory: vec![Category::parse("security").unwrap()], ..Rules::default() }
}

fn user(number: u128) -> UserId {
    UserId::parse(&format!("user {number}")).unwrap()
}

const WELL: Behaves = Behaves::Answers(Outcome::Sent, 2);
const GONE: Outcome = Outcome::ContactDead { as_of: None, state: ContactState::Dead };
const FAILS: Behaves = Behaves::Answers(Outcome::Retry { after: None }, 2);

#[tokio::test(start_paused = true)]
async fn a_new_delivery_is_sent_at_once_and_once() {
    let rig = Rig::new(&[WELL]).await;
    rig.tell(1, 1).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 1)].into());
    sleep(Duration::from_secs(300)).await;
    assert_eq!(rig.attempted(1).len(), 1);
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    let [attempt] = &delivery.attempts[..] else { panic!("one") };
    assert_eq!((attempt.result.as_str(), attempt.counted, attempt.ms, delivery.tries), ("sent", true, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_quick_is_never_idle_and_never_has_more_than_its_share_at_once() {
    let rig = Rig::new(&[WELL]).await;
    rig.tell(1, 10_000).await;
    sleep(Duration::from_millis(50) + Duration::from_millis(2) * 10_000 / 4 * 11 / 10).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 10_000)].into());
    assert_eq!((rig.attempted(1).len(), *rig.channel.most_busy.lock().unwrap()), (10_000, 4));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_hangs_delays_no_other_and_burns_no_attempts_of_what_waits() {
    let rig = Rig::new(&[Behaves::Hangs, WELL]).await;
    rig.tell(1, 1_000).await;
    sleep(Duration::from_secs(20)).await;
    for _ in 0..20 {
        let sent = rig.attempted(2).len();
        rig.tell(2, 1).await;
        sleep(Duration::from_millis(20)).await;
        assert_eq!(rig.attempted(2).len(), sent + 1);
    }
    sleep(Duration::from_secs(100)).await;
    // Four at once, each for 15 s, and their repeats.
    let attempted = rig.attempted(1).len();
    assert!((28..=40).contains(&attempted), "{attempted}");
    let deliveries = rig.deliveries(1).await;
    let tries: u32 = deliveries.iter().map(|delivery| delivery.tries).sum();
    // Claimed and unsent deliveries count until they are returned.
    assert!(tries as usize <= attempted + 8, "{tries} of {attempted}");
    let recorded: usize = deliveries.iter().map(|delivery| delivery.attempts.len()).sum();
    assert!(recorded <= attempted, "{recorded} of {attempted}");
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_tried_ten_times_as_the_schedule_says() {
    let rig = Rig::new(&[FAILS]).await;
    rig.tell(1, 1).await;
    // During these four days it would be disabled; another test covers that.
    let waits = [5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0];
    sleep(Duration::from_secs(5 * 86_400)).await;
    let attempted = rig.attempted(1);
    let found: Vec<_> = attempted.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(found.len(), waits.len(), "{found:?}");
    for (found, wait) in found.iter().zip(waits) {
        assert!((wait..=wait * 1.2 + 2.0).contains(found), "{found} for {wait}");
    }
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    assert_eq!((delivery.state, delivery.reason.as_deref()), (DeliveryState::Dead, Some("gave_up")));
    assert_eq!((delivery.tries, delivery.attempts.len()), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_channel_is_an_attempt_that_failed() {
    let rig = Rig::new(&[Behaves::Panics, WELL]).await;
    rig.tell(1, 20).await;
    rig.tell(2, 20).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!((rig.attempted(1).len(), rig.states(2).await[&DeliveryState::Sent]), (20, 20));
    rig.channel.behaves.lock().unwrap().insert(1, WELL);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 20)].into());
}
