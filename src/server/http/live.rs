//! What WebSocket and server-sent events have in common.

use std::{
    collections::hash_map::RandomState,
    future::pending,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use axum::Extension;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::Parameters;
use crate::{
    model::{Code, FieldError, Problem, WholeNumber, parse_whole_number},
    server::{
        auth::standing::{Pass, Standing, TooManyStreams},
        service::NotificationService,
    },
};

/// The parameter in which a browser shows who it is, because it cannot set headers there.
const TICKET: &str = "ticket";

/// How live streams are treated.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// How long a stream may be silent. Then something is said that means nothing, so that whoever
    /// stands in between keeps the connection, and both ends see that it is there.
    pub heartbeat: Duration,
    /// How long a client may take to read before it is let go. It follows again later.
    pub stall_timeout: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(25), stall_timeout: Duration::from_secs(10) }
    }
}

impl StreamOptions {
    /// How long to wait for the next heartbeat: not all streams have it at once.
    pub(super) fn next_heartbeat(&self) -> Duration {
        self.heartbeat.mul_f64(0.9 + random() / 5.0)
    }
}

/// In how many milliseconds a client should come back: not all at once.
pub(super) fn retry_millis() -> u64 {
    let millis = 1_000.0 + 4_000.0 * random();
    millis as u64
}

/// A number from 0 to 1 that differs each time.
fn random() -> f64 {
    // Every state is keyed anew.
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}

/// Opens a stream for whoever proved who they are; nobody counts the others'.
pub(super) fn open_stream(
    service: &NotificationService,
    standing: Option<Extension<Standing>>,
) -> Result<Option<Pass>, Problem> {
    let pass = standing.map(|Extension(standing)| standing.open_stream(service.now())).transpose();
    pass.map_err(|TooManyStreams(most)| {
        let why = format!("You have {most} live streams open, which is as many as you may. Close one of them.");
        Problem::new(Code::TooManyRequests, why)
    })
}

/// Done when a stream may no longer be open.
pub(super) async fn over(pass: Option<&mut Pass>) {
    match pass {
        Some(pass) => pass.over().await,
        None => pending().await,
    }
}

/// From where to follow, as text that the server has not checked yet.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SinceParams {
    /// The change number to continue from: `Campanile-Modseq` of a list, or `modseq` of the last
    /// event. What changed after it is told first. 0 tells everything; absent, nothing but what
    /// happens from now on.
    #[param(value_type = Option<WholeNumber>, nullable = false)]
    since: Option<String>,
}

impl Parameters for SinceParams {
    const NAMES: &'static [&'static str] = &["since", TICKET];
}

/// What a stream may be asked that has no position: only who asks, which is not the handler's to read.
#[derive(Deserialize)]
pub(super) struct OnlyTicket {}

impl Parameters for OnlyTicket {
    const NAMES: &'static [&'static str] = &[TICKET];
}

impl SinceParams {
    pub(super) fn parse(&self) -> Result<Option<u64>, Problem> {
        parse_position("since", self.since.as_deref())
    }
}

/// Reads a change number.
pub(super) fn parse_position(field: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let position = text.map(parse_whole_number).transpose();
    position.map_err(|invalid| Problem::invalid(vec![FieldError::new(field, invalid)]))
}
