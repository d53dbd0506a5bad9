//! The cost of one call of the service, without HTTP: `cargo bench --features ssr`.

use campanile::{
    model::{Filter, Limit, Marking, NewNotification, NotificationDraft, UserId},
    server::{
        clock::{Clock, SystemClock},
        identity::Principal,
        service::NotificationService,
        store::MemoryStore,
    },
};
use divan::{Bencher, black_box};
use tokio::runtime::{Builder, Runtime};

/// How many notifications the inbox has before the clock starts.
const STORED: [usize; 3] = [100, 10_000, 1_000_000];

fn main() {
    divan::main();
}

fn user() -> UserId {
    UserId::parse("user_123").unwrap_or_else(|error| panic!("{error}"))
}

fn notification() -> NewNotification {
    let draft = NotificationDraft {
        user_id: Some("user_123".to_owned()),
        content: Some("Your order has been shipped!".to_owned()),
        ..NotificationDraft::default()
    };
    NewNotification::parse(draft).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn filled(stored: usize) -> (Runtime, NotificationService) {
    let runtime = Builder::new_current_thread().build().unwrap_or_else(|error| panic!("{error}"));
    let service = NotificationService::new(MemoryStore::new(stored, SystemClock.now()));
    runtime.block_on(async {
        for _ in 0..stored {
            drop(service.create(&Principal::operator(), notification()).await);
        }
    });
    (runtime, service)
}

#[divan::bench(args = STORED)]
fn create(bencher: Bencher<'_, '_>, stored: usize) {
    let (runtime, service) = filled(stored);
    bencher.with_inputs(notification).bench_values(|new| runtime.block_on(service.create(&Principal::operator(), new)));
}

#[divan::bench(args = STORED)]
fn unread_count(bencher: Bencher<'_, '_>, stored: usize) {
    let (runtime, service) = filled(stored);
    let user = user();
    bencher.bench(|| runtime.block_on(service.unread_count(&Principal::operator(), black_box(&user))));
}

#[divan::bench(args = STORED)]
fn list_of_50(bencher: Bencher<'_, '_>, stored: usize) {
    let (runtime, service) = filled(stored);
    let filter = Filter::inbox(user());
    bencher.bench(|| runtime.block_on(service.list(&Principal::operator(), &filter, None, Limit::default())));
}

#[divan::bench(args = STORED)]
fn mark_by_index(bencher: Bencher<'_, '_>, stored: usize) {
    let (runtime, service) = filled(stored);
    let user = user();
    let mut index = 0;
    bencher.bench_local(|| {
        index = (index + 7_919) % stored as u64;
        runtime.block_on(service.mark_read_at(&Principal::operator(), &user, index))
    });
}

#[divan::bench(args = STORED)]
fn mark_all(bencher: Bencher<'_, '_>, stored: usize) {
    let (runtime, service) = filled(stored);
    let user = user();
    // As the dashboard does: it has seen everything that there is.
    let marking = Marking { up_to: Some(u64::MAX), ..Marking::default() };
    bencher.bench_local(|| {
        drop(runtime.block_on(service.create(&Principal::operator(), notification())));
        runtime.block_on(service.mark_all_read(&Principal::operator(), &user, &marking))
    });
}
