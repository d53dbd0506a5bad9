//! Random input: none of it may break the server, and accepted data is stored unchanged.
//!
//! Each target runs for [`seconds`], all of them together about a minute; `CAMPANILE_FUZZ_SECONDS=3600` lets each run
//! for an hour. A failure prints the `CAMPANILE_FUZZ_SEED` that reproduces it at once, and the smallest input that
//! proptest found: that input becomes a named test beside the code that was wrong.

mod bodies;
mod bus;
mod data;
mod forms;
mod headers;
mod imports;
mod json;
mod links;
mod queries;
mod tokens;

use std::{
    fmt::Debug,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use campanile::{
    model::Overview,
    server::{http::HttpOptions, identity::Principal, service::NotificationService, store::Store},
};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

use crate::harness::{Answer, App};

/// The result of a case, without an error.
type Sound = Result<(), TestCaseError>;

/// How many cases share a server.
const CASES: u32 = 64;
/// The largest error response, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;
/// The most errors in one response.
const MAX_ERRORS: usize = 20;

/// How long each target runs.
fn seconds() -> u64 {
    std::env::var("CAMPANILE_FUZZ_SECONDS").map_or(7, |text| text.parse().unwrap())
}

/// The first seed: the given one, or a random one.
fn first_seed() -> u64 {
    let given = std::env::var("CAMPANILE_FUZZ_SEED").ok();
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    given.map_or_else(|| u64::from(now()), |text| text.parse().unwrap())
}

/// Checks values of a strategy until the time is up. Each seed has its own state, created by `new`.
fn fuzz<S: Strategy, T>(strategy: &S, new: impl Fn(&Runtime) -> T, check: impl Fn(&Runtime, &T, S::Value) -> Sound)
where
    S::Value: Debug,
{
    let end = Instant::now() + Duration::from_secs(seconds());
    let mut seed = first_seed();
    while Instant::now() < end {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let state = new(&runtime);
        let checked =
            runner.run(strategy, |value| if Instant::now() > end { Ok(()) } else { check(&runtime, &state, value) });
        match checked {
            Ok(()) => seed = seed.wrapping_add(1),
            Err(TestError::Fail(why, smallest)) => panic!("CAMPANILE_FUZZ_SEED={seed}: {why}\nsmallest: {smallest:?}"),
            Err(TestError::Abort(why)) => panic!("CAMPANILE_FUZZ_SEED={seed}: {why}"),
        }
    }
}

/// A server over a memory store with room for everything that a seed sends.
fn server(_: &Runtime) -> App {
    App::with_window(1_000_000)
}

/// A server over this store.
fn over(store: impl Store) -> App {
    App::with(NotificationService::new(store), &HttpOptions::default())
}

/// A request; `None` if a client library would refuse to create it.
fn request(method: Method, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Request<Body>> {
    let mut request = Request::builder().method(method).uri(path);
    if headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        request = request.header(header::HOST, "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_vec())).ok()
}

const JSON: (&str, &[u8]) = ("content-type", b"application/json");

/// Fails a case; unlike a panic it does not appear in the log while proptest looks for a smaller one.
macro_rules! sound {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(proptest::test_runner::TestCaseError::fail(format!($($words)+)));
        }
    };
}
use sound;

/// Checks the rules for every response: no server error, and a refusal is a small problem document.
fn is_sound(answer: &Answer) -> Sound {
    let text = || String::from_utf8_lossy(&answer.body[..answer.body.len().min(2_000)]).into_owned();
    sound!(answer.status.as_u16() < 500, "{}: {}", answer.status, text());
    if answer.status.as_u16() < 400 {
        return Ok(());
    }
    sound!(answer.body.len() <= MAX_REFUSAL, "a refusal of {} bytes: {}", answer.body.len(), text());
    sound!(answer.header("content-type") == "application/problem+json", "{}: {}", answer.status, text());
    let problem: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|error| TestCaseError::fail(format!("a problem document that is not JSON, {error}: {}", text())))?;
    sound!(problem["code"].as_str().is_some_and(|code| !code.is_empty()), "no code: {}", text());
    sound!(problem["status"] == answer.status.as_u16(), "another status: {}", text());
    let errors = problem["errors"].as_array().map_or(0, Vec::len);
    sound!(errors <= MAX_ERRORS, "{errors} errors: {}", text());
    sound!(answer.status != 422 || errors > 0, "422 and nothing named: {}", text());
    Ok(())
}

async fn overview(app: &App) -> Overview {
    app.service.overview(&Principal::operator(), None).await.unwrap()
}
