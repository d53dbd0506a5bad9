//! Reads the body of a request, enforces the time-out of the answer, and counts the bytes of both.
//!
//! The gate has admitted the caller by now. A body is read whole: up to the limit, within the time of a request, and
//! within the memory that the process may use for all bodies and answers. A panic of a handler is answered with a
//! problem.

use std::{convert::Infallible, future::Future, panic::AssertUnwindSafe, pin::pin, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use futures_util::{FutureExt, future::poll_immediate};
use http_body_util::BodyExt;
use tokio::{runtime::Handle, time::timeout};

use super::{
    gate::{RefusedAttempt, RefusedPage},
    state::HttpState,
};
use crate::{
    model::{Code, Problem},
    server::{
        budget::{Budget, Exhausted},
        identity::Principal,
        listener::LongStream,
        workshop::Broken,
    },
};

/// An answer up to this size, in bytes, is not counted: a connection takes as much anyway.
const SMALL_ANSWER: u64 = 4 * 1024;

/// The largest body of an unauthenticated caller, in bytes: a sign-in form.
const LARGEST_OF_A_STRANGER: usize = 64 * 1024;

/// In the extensions of an answer whose bytes are in memory anyway, such as those of a static file. They are not
/// counted: a client that does not read them costs nothing.
#[derive(Clone, Copy)]
pub(super) struct Shared;

/// The body of a request, which the intake has read.
pub(super) struct Whole(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        // The whole body is there, so this cannot fail.
        let whole = request.into_body().collect().await;
        Ok(Self(whole.map(|whole| whole.to_bytes()).unwrap_or_default()))
    }
}

/// Reads the body, has the request answered by `inside`, and counts the answer while it is being sent.
pub(super) async fn take_in<F: Future<Output = Response>>(
    state: &HttpState,
    request: Request,
    inside: impl FnOnce(Request) -> F,
) -> Response {
    let patience = state.options().request_timeout;
    let is_safe = !carries_a_body(request.method());
    let request = if is_safe {
        // The body is ignored; but this much is no oversight.
        let limit = Limit::OfThisServer(state.options().max_body_bytes);
        if let Err(too_large) = is_announced_within(limit, request.body()) {
            read_away(request.into_body(), limit.bytes().saturating_mul(4));
            return too_large.into_response();
        }
        request
    } else {
        // Boxed, so that reads reserve no room for it.
        match Box::pin(with_whole_body(request, state)).await {
            Ok(request) => request,
            Err(refused) => return *refused,
        }
    };
    // Handlers share state behind locks that a panic does not leave broken.
    let mut answer = pin!(AssertUnwindSafe(inside(request)).catch_unwind());
    // Most reads are answered at once, and need no timer.
    let at_once = poll_immediate(answer.as_mut()).await;
    let in_time = match at_once {
        Some(answer) => Ok(answer),
        None => timeout(patience, answer).await,
    };
    match in_time {
        Ok(Ok(answer)) if counts(&answer) => Box::pin(counted(answer, state)).await,
        Ok(Ok(answer)) => answer,
        // The panic hook has logged it.
        Ok(Err(_)) => Problem::internal().into_response(),
        Err(_) => late(is_safe, patience).into_response(),
    }
}

/// Whether the server reads the body of requests with this method. That of `CONNECT` is the stream itself (RFC 8441).
pub(super) fn carries_a_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

/// The same request with its body in one piece, which is counted until it is dropped.
async fn with_whole_body(request: Request, state: &HttpState) -> Result<Request, Box<Response>> {
    let (limit, patience) = (state.options().max_body_bytes, state.options().request_timeout);
    let (head, body) = request.into_parts();
    if is_encoded(&head.headers) {
        read_away(body, limit);
        let problem = Problem::new(Code::UnsupportedMediaType, "Send the body as it is, without Content-Encoding.");
        // Tells this refusal from one of another media type (RFC 9110, section 15.5.16).
        return Err(Box::new(([(header::ACCEPT_ENCODING, "identity")], problem).into_response()));
    }
    if head.extensions.get::<RefusedPage>().is_some() {
        read_away(body, limit);
        return Ok(Request::from_parts(head, Body::empty()));
    }
    if head.extensions.get::<RefusedAttempt>().is_some() {
        return Ok(Request::from_parts(head, Body::empty()));
    }
    let caller = head.extensions.get::<Principal>().filter(|caller| caller.is_known());
    let limit = match caller {
        None if limit > LARGEST_OF_A_STRANGER => Limit::OfAStranger,
        _ => Limit::OfThisServer(limit),
    };
    let body = match timeout(patience, read(body, limit, state.budget())).await {
        Ok(read) => read.map_err(refused)?,
        Err(_) => {
            let seconds = patience.as_secs();
            let detail = format!("The body did not arrive within {seconds} s. Send it faster, or less at once.");
            return Err(refused(Problem::new(Code::Timeout, detail)));
        }
    };
    if let Some(caller) = caller
        && !head.headers.contains_key(header::CONTENT_LENGTH)
    {
        // The gate counted the announced length; here none was announced.
        state.charge(caller.holder(), 0, body.len());
    }
    Ok(Request::from_parts(head, Body::from(body)))
}

fn refused(problem: Problem) -> Box<Response> {
    Box::new(problem.into_response())
}

/// Whether the body is compressed, or otherwise encoded.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// How long a refused client may go on sending.
const READ_AWAY: Duration = Duration::from_secs(5);

/// Reads and discards the rest of a refused client's body, up to `most` bytes. A client that sends its whole body
/// before it reads would find the connection broken, and never see the reason.
pub(super) fn read_away(mut body: Body, most: usize) {
    if !body.is_end_stream() && body.size_hint().exact().is_some_and(|size| size <= most as u64) {
        let read = async move { while let Some(Ok(_)) = body.frame().await {} };
        drop(tokio::spawn(timeout(READ_AWAY, read)));
    }
}

/// Checks the announced length, which is enough to refuse a body, but not to allocate room for it.
fn is_announced_within(limit: Limit, body: &Body) -> Result<(), Problem> {
    if body.size_hint().lower() > limit.bytes() as u64 { Err(limit.exceeded()) } else { Ok(()) }
}

/// The largest body of a request.
#[derive(Clone, Copy)]
enum Limit {
    /// That of the setting `max-body-bytes`.
    OfThisServer(usize),
    /// [`LARGEST_OF_A_STRANGER`], where that is less.
    OfAStranger,
}

impl Limit {
    fn bytes(self) -> usize {
        match self {
            Self::OfThisServer(bytes) => bytes,
            Self::OfAStranger => LARGEST_OF_A_STRANGER,
        }
    }

    /// The problem of a larger body.
    fn exceeded(self) -> Problem {
        let detail = match self {
            Self::OfThisServer(bytes) => format!(
                "The body is larger than {bytes} bytes, the limit `max-body-bytes` of this server. Send less at once."
            ),
            Self::OfAStranger => {
                format!("Without a credential, a body may have at most {LARGEST_OF_A_STRANGER} bytes.")
            }
        };
        Problem::new(Code::PayloadTooLarge, detail)
    }
}

async fn read(mut body: Body, limit: Limit, budget: &Budget) -> Result<Bytes, Problem> {
    if let Err(too_large) = is_announced_within(limit, &body) {
        read_away(body, limit.bytes().saturating_mul(4));
        return Err(too_large);
    }
    let mut share = budget.share();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::new(Code::BadRequest, "The body did not arrive whole. Send it again."))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit.bytes() {
            return Err(limit.exceeded());
        }
        share.grow(data.len()).map_err(|Exhausted| Problem::busy())?;
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { Bytes::new() } else { share.hold(whole.freeze()) })
}

/// Whether the bytes of an answer are counted: not those of a small one, nor those in memory anyway, nor those of an
/// endless one, which is never held whole.
fn counts(answer: &Response) -> bool {
    let is_small = answer.body().size_hint().exact().is_some_and(|size| size <= SMALL_ANSWER);
    let extensions = answer.extensions();
    !is_small && extensions.get::<Shared>().is_none() && extensions.get::<LongStream>().is_none()
}

/// The same answer, whose bytes are counted until the client has them.
async fn counted(answer: Response, state: &HttpState) -> Response {
    let (head, body) = answer.into_parts();
    let whole = if body.size_hint().exact().is_some() {
        // The whole body is there.
        body.collect().await.map_err(|_| Broken)
    } else {
        // It is being compressed: at the pace of its client, each answer would hold a compressor's memory.
        let runtime = Handle::current();
        let compressed = state.workshop().run(move || runtime.block_on(body.collect())).await;
        compressed.and_then(|whole| whole.map_err(|_| Broken))
    };
    match whole.map(|whole| state.hold(whole.to_bytes())) {
        Ok(Ok(held)) => Response::from_parts(head, Body::from(held)),
        Ok(Err(busy)) => busy.into_response(),
        Err(Broken) => Problem::internal().into_response(),
    }
}

/// The request timed out. A write that began continues, and may be done or not.
fn late(is_safe: bool, patience: Duration) -> Problem {
    if is_safe {
        let seconds = patience.as_secs();
        let detail = format!("The request was not done within {seconds} s. Try again, or ask for less.");
        return Problem::new(Code::Timeout, detail);
    }
    Problem::unknown_outcome()
}
