//! The loop around what decides, with a channel whose answers a test scripts, and a clock that a test moves.

mod badges;
mod contacts;
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
        delivery::{
            backoff::Schedule,
            badges::{BadgeSync, Badges},
            channel::{self, Addressed, Attempt, Job, Judged, Recipient},
            outcome::Outcome,
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

/// A clock that goes with tokio's, which a test moves.
struct TokioClock {
    began: Instant,
    at: Timestamp,
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        crate::server::clock::after(self.at, self.began.elapsed())
    }
}

/// How an endpoint of the tests behaves.
#[derive(Clone, Copy, Debug)]
enum Behaves {
    /// It answers so, after so many milliseconds.
    Answers(Outcome, u64),
    Hangs,
    Panics,
}

/// A channel that sends nothing.
struct TestChannel {
    /// By the number of the webhook.
    behaves: Mutex<HashMap<u128, Behaves>>,
    /// What was attempted, by webhook, with its moment.
    attempted: Mutex<Vec<(u128, DeliveryId, Timestamp)>>,
    /// What contacts were told: how many there were, and which of them, newest first.
    told: Mutex<Vec<(u64, Vec<NotificationId>)>>,
    /// Which devices were told how many are unread, and nothing else, and when.
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

/// A store with some webhooks, and what delivers what is written to it.
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
    /// With a webhook for each of these, of which number 1 is told of what user 1 gets, and so on.
    async fn new(behaves: &[Behaves]) -> Self {
        Self::limited(behaves, "off").await
    }

    /// The same, where each contact is told only so often.
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
        // They look once, and wait.
        sleep(Duration::from_millis(10)).await;
        Self { store, channel, clock, worker, _tasks: tasks }
    }

    /// Tells a user so many things.
    async fn tell(&self, number: u128, count: usize) {
        let all: Vec<_> = (0..count).map(|_| self.notification(number)).collect();
        self.store.create(&all, None).await.unwrap();
    }

    fn notification(&self, number: u128) -> Notification {
        let new = NewNotification::new(user(number), Content::parse("hi").unwrap());
        Notification::new(NotificationId::new(Uuid::now_v7()), self.clock.now(), new)
    }

    /// What was attempted at a webhook, in seconds since the beginning.
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

/// What the operator of these tests lays down.
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
async fn what_is_written_is_sent_at_once_and_once() {
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
    // Four at once, each for 15 s, and repeats of them.
    let attempted = rig.attempted(1).len();
    assert!((28..=40).contains(&attempted), "{attempted}");
    let deliveries = rig.deliveries(1).await;
    let tries: u32 = deliveries.iter().map(|delivery| delivery.tries).sum();
    // What was claimed and not sent yet counts until it is given back.
    assert!(tries as usize <= attempted + 8, "{tries} of {attempted}");
    let recorded: usize = deliveries.iter().map(|delivery| delivery.attempts.len()).sum();
    assert!(recorded <= attempted, "{recorded} of {attempted}");
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_tried_ten_times_as_the_schedule_says() {
    let rig = Rig::new(&[FAILS]).await;
    rig.tell(1, 1).await;
    // Between the attempts of four days it is disabled; that is another test's.
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

#[rstest]
#[case(GONE, "gone")]
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_is_disabled_and_what_waits_is_skipped(#[case] outcome: Outcome, #[case] why: &str) {
    let rig = Rig::new(&[Behaves::Answers(outcome, 2)]).await;
    rig.tell(1, 50).await;
    sleep(Duration::from_secs(5)).await;
    let webhook = rig.store.webhook(WebhookId::new(Uuid::from_u128(1))).await.unwrap().unwrap();
    assert_eq!(webhook.disabled.as_deref(), Some(why));
    let states = rig.states(1).await;
    assert_eq!(states[&DeliveryState::Dead] + states[&DeliveryState::Skipped], 50, "{states:?}");
    assert!(states[&DeliveryState::Dead] <= 8, "{states:?}");
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.states(1).await[&DeliveryState::Skipped], states[&DeliveryState::Skipped] + 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_next_attempt_is_skipped_when_its_endpoint_is_disabled() {
    let rig = Rig::new(&[FAILS]).await;
    rig.tell(1, 10).await;
    sleep(Duration::from_secs(1)).await;
    rig.channel.behaves.lock().unwrap().insert(1, Behaves::Answers(GONE, 2));
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Dead, 1), (DeliveryState::Skipped, 10)].into());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_for_five_days_is_disabled_and_one_that_works_in_between_is_not() {
    let rig = Rig::new(&[FAILS, FAILS]).await;
    for _ in 0..5 {
        rig.tell(1, 1).await;
        rig.tell(2, 1).await;
        sleep(Duration::from_secs(86_300)).await;
        rig.channel.behaves.lock().unwrap().insert(2, WELL);
        rig.tell(2, 1).await;
        sleep(Duration::from_secs(100)).await;
        rig.channel.behaves.lock().unwrap().insert(2, FAILS);
    }
    rig.tell(1, 1).await;
    rig.tell(2, 1).await;
    sleep(Duration::from_secs(400)).await;
    let disabled =
        async |number| rig.store.webhook(WebhookId::new(Uuid::from_u128(number))).await.unwrap().unwrap().disabled;
    assert_eq!(disabled(1).await.as_deref(), Some("failing"));
    assert_eq!(disabled(2).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_asks_for_time_pauses_its_lane_and_no_other() {
    let asks = Behaves::Answers(Outcome::Retry { after: Some(Duration::from_secs(600)) }, 2);
    let rig = Rig::new(&[asks, WELL]).await;
    rig.tell(1, 100).await;
    rig.tell(2, 100).await;
    sleep(Duration::from_secs(500)).await;
    assert_eq!(rig.states(2).await, [(DeliveryState::Sent, 100)].into());
    // Those that were under way, or claimed, when it said so.
    let first = rig.attempted(1).len();
    assert!(first <= 8, "{first}");
    sleep(Duration::from_secs(200)).await;
    assert!(rig.attempted(1).len() > first);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_set_up_right_is_probed_by_one_and_no_attempt_counts() {
    let rig = Rig::new(&[Behaves::Answers(Outcome::Misconfigured, 2)]).await;
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(4 * 3_600)).await;
    let attempted = rig.attempted(1);
    let waits: Vec<_> = attempted.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect();
    assert_eq!(waits[..3], [300, 900, 3_600], "{waits:?}");
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::Ready, 0));
    assert!(delivery.attempts.iter().all(|attempt| !attempt.counted && attempt.result == "misconfigured"));
    rig.channel.behaves.lock().unwrap().insert(1, WELL);
    sleep(Duration::from_secs(3_700)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn many_that_are_refused_at_once_are_one_fault_and_one_of_them_probes() {
    let rig = Rig::new(&[Behaves::Answers(Outcome::Misconfigured, 2)]).await;
    rig.tell(1, 100).await;
    sleep(Duration::from_secs(4 * 3_600)).await;
    let mut bursts: Vec<(f64, usize)> = Vec::new();
    for at in rig.attempted(1) {
        match bursts.last_mut() {
            Some((began, count)) if at - *began < 60.0 => *count += 1,
            _ => bursts.push((at, 1)),
        }
    }
    let waits: Vec<_> = bursts.windows(2).map(|pair| (pair[1].0 - pair[0].0) as u64).collect();
    assert_eq!(waits[..3], [300, 900, 3_600], "{bursts:?}");
    assert!(bursts[0].1 <= Lanes::AT_FIRST && bursts[1..].iter().all(|burst| burst.1 == 1), "{bursts:?}");
    rig.channel.behaves.lock().unwrap().insert(1, WELL);
    sleep(Duration::from_secs(3_700)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Sent, 100)].into());
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

#[tokio::test(start_paused = true)]
async fn what_a_server_had_claimed_that_is_gone_is_claimed_again_and_counts_and_is_noted() {
    let rig = Rig::new(&[WELL]).await;
    // Another server claims first, and says nothing any more.
    rig.worker.0.is_stopping.store(true, Ordering::Relaxed);
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(2)).await;
    let claim = Claim { lease: Uuid::from_u128(9), lease_for: LEASE, room: 1, rooms: HashMap::new() };
    assert_eq!(rig.store.claim(&claim, rig.clock.now()).await.unwrap().len(), 1);
    rig.worker.0.is_stopping.store(false, Ordering::Relaxed);
    let gone_at = rig.clock.began.elapsed();
    sleep(2 * LEASE).await;
    let [at] = rig.attempted(1)[..] else { panic!("once") };
    let later = at - gone_at.as_secs_f64();
    assert!((59.0..62.0).contains(&later), "{later}");
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    let results: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.result.as_str()).collect();
    assert_eq!((results, delivery.tries), (vec!["ambiguous", "sent"], 2));
}

#[tokio::test(start_paused = true)]
async fn one_that_kills_each_server_dies() {
    let rig = Rig::new(&[WELL]).await;
    rig.worker.0.is_stopping.store(true, Ordering::Relaxed);
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(2)).await;
    for number in 0..10 {
        let claim = Claim { lease: Uuid::from_u128(number), lease_for: LEASE, room: 1, rooms: HashMap::new() };
        assert_eq!(rig.store.claim(&claim, rig.clock.now()).await.unwrap().len(), 1);
        sleep(LEASE).await;
    }
    rig.worker.0.is_stopping.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((rig.attempted(1).len(), rig.states(1).await), (0, [(DeliveryState::Dead, 1)].into()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_was_not_sent_and_waits_for_what_is() {
    let rig = Rig::new(&[Behaves::Answers(Outcome::Sent, 1_000)]).await;
    rig.tell(1, 20).await;
    sleep(Duration::from_millis(500)).await;
    rig.worker.stop(Duration::from_secs(5)).await;
    let states = rig.states(1).await;
    assert_eq!(states, [(DeliveryState::Sent, 4), (DeliveryState::Ready, 16)].into());
    assert!(rig.deliveries(1).await.iter().all(|delivery| delivery.tries <= 1));
    let due = rig.deliveries(1).await.into_iter().filter(|delivery| delivery.state == DeliveryState::Ready);
    assert!(due.into_iter().all(|delivery| delivery.tries == 0 && delivery.due_at <= rig.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_webhook_that_is_deleted_is_cancelled() {
    let rig = Rig::new(&[FAILS]).await;
    rig.tell(1, 3).await;
    sleep(Duration::from_secs(1)).await;
    assert!(rig.store.delete_webhook(WebhookId::new(Uuid::from_u128(1))).await.unwrap());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.states(1).await, [(DeliveryState::Cancelled, 3)].into());
    assert!(rig.deliveries(1).await.iter().all(|delivery| delivery.reason.as_deref() == Some("webhook_deleted")));
}

#[tokio::test(start_paused = true)]
async fn what_expired_before_its_first_attempt_is_not_sent_and_what_was_attempted_is() {
    let rig = Rig::new(&[FAILS]).await;
    let expires_at = Some(crate::server::clock::after(rig.clock.now(), Duration::from_secs(100)));
    let of = |seconds| {
        let notification = rig.notification(1);
        let expires_at = if seconds == 0 { Some(rig.clock.at) } else { expires_at };
        let new = NewNotification { expires_at, ..notification.new.clone() };
        Notification::new(notification.id, notification.timestamp, new)
    };
    rig.store.create(&[of(0), of(100)], None).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.attempted(1).len(), 1);
    sleep(Duration::from_secs(400)).await;
    assert_eq!(rig.attempted(1).len(), 3);
    let states = rig.states(1).await;
    assert_eq!(states, [(DeliveryState::Expired, 1), (DeliveryState::Ready, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_sent_is_ended_in_a_moment_however_much_it_is() {
    let rig = Rig::new(&[Behaves::Hangs]).await;
    rig.tell(1, 5_000).await;
    sleep(Duration::from_secs(1)).await;
    assert!(rig.store.delete_webhook(WebhookId::new(Uuid::from_u128(1))).await.unwrap());
    rig.worker.look_anew(&crate::server::store::outbox::lane_of(WebhookId::new(Uuid::from_u128(1))));
    sleep(Duration::from_secs(20)).await;
    let states = rig.states(1).await;
    assert!(states[&DeliveryState::Cancelled] >= 5_000 - 8, "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_hangs_has_its_whole_share_in_flight_however_slowly_it_comes() {
    let rig = Rig::new(&[Behaves::Hangs]).await;
    for _ in 0..6 {
        rig.tell(1, 1).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rig.worker.in_flight().values().sum::<usize>(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_a_stop_cuts_off_is_noted_and_tried_again_when_its_time_has_come() {
    let rig = Rig::new(&[Behaves::Hangs]).await;
    rig.tell(1, 1).await;
    sleep(Duration::from_secs(1)).await;
    rig.worker.stop(Duration::from_secs(5)).await;
    let [delivery] = &rig.deliveries(1).await[..] else { panic!("one") };
    let [attempt] = &delivery.attempts[..] else { panic!("one") };
    assert_eq!((delivery.state, delivery.tries, attempt.result.as_str()), (DeliveryState::Ready, 1, "ambiguous"));
    let due_in = delivery.due_at.to_utc() - rig.clock.now().to_utc();
    assert!((4..=7).contains(&due_in.num_seconds()), "{due_in}");
}
