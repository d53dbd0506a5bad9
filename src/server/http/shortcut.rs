//! Answers the requests that clients repeat most without axum's routing.
//!
//! An unread count and a page of an inbox are in memory, and a notification is stored together with others, so that routing
//! and layers would be much of what such a request costs. It is matched here by hand instead. It passes the same edge and
//! reaches the same handler as by its route; any other request takes its route.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::Method,
    response::{IntoResponse, Response},
    routing::future::RouteFuture,
};
use tower::{BoxError, Service};

use super::{
    HttpOptions, edge,
    notifications::{self, CREATE, LIST, UNREAD_COUNT},
    paths::Taken,
    state::HttpState,
};
use crate::{model::UserId, server::service::NotificationService};

/// All routes, and the shortcut to some of them.
#[derive(Clone)]
pub struct HttpService {
    routes: Router,
    /// `None` where the answers pass layers around the edge.
    shortcut: Option<HttpState>,
}

impl HttpService {
    /// Serves this service. The caller is determined as by [`super::router`].
    #[must_use]
    pub fn new(service: NotificationService, options: &HttpOptions) -> Self {
        let (routes, state) = super::routes(service, options);
        let is_outermost = options.base().is_empty() && options.allowed_origins.is_empty();
        let shortcut = is_outermost.then_some(state);
        Self { routes, shortcut }
    }

    /// The routes alone, to be merged into another router.
    pub fn router(&self) -> Router {
        self.routes.clone()
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.routes, context)
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let Some((state, known)) = self.shortcut.as_ref().and_then(|state| Some((state, Known::of(&request)?))) else {
            return Answering::Routed(self.routes.call(request));
        };
        let (state, request) = (state.clone(), request.map(Body::new));
        match known {
            Known::UnreadCount(user_id) => short(state, UNREAD_COUNT, request, |state, request| {
                notifications::unread_count(state, request, user_id)
            }),
            Known::List => short(state, LIST, request, notifications::list),
            Known::Create => short(state, CREATE, request, notifications::create),
        }
    }
}

/// Has a request, whose route this is, answered at the edge.
fn short<A: IntoResponse, F: Future<Output = A> + Send>(
    state: HttpState,
    route: &'static str,
    mut request: Request,
    answer: impl FnOnce(HttpState, Request) -> F + Send + 'static,
) -> Answering {
    request.extensions_mut().insert(Taken(route));
    Answering::Short(Box::pin(async move {
        let inside = |request| {
            let answer = answer(state.clone(), request);
            async { answer.await.into_response() }
        };
        edge::pass(&state, request, inside).await
    }))
}

/// A request that is being answered.
#[expect(clippy::large_enum_variant, reason = "a box would cost every request by its route an allocation")]
pub enum Answering {
    /// By the shortcut.
    Short(Pin<Box<dyn Future<Output = Response> + Send>>),
    /// By its route.
    Routed(RouteFuture<Infallible>),
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Short(answer) => Poll::Ready(Ok(ready!(answer.as_mut().poll(context)))),
            Self::Routed(answer) => Pin::new(answer).poll(context),
        }
    }
}

/// A request that the shortcut answers.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    UnreadCount(UserId),
    List,
    Create,
}

impl Known {
    /// The kind of this request; `None` for any other, and where the path needs decoding.
    fn of<B>(request: &Request<B>) -> Option<Self> {
        let path = request.uri().path();
        match *request.method() {
            Method::GET if path == LIST => Some(Self::List),
            Method::GET => {
                let user_id = path.strip_prefix(UNREAD_COUNT.strip_suffix("{user_id}")?)?;
                let is_plain = user_id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'/'));
                UserId::parse(user_id).ok().filter(|_| is_plain).map(Self::UnreadCount)
            }
            Method::POST if path == CREATE => Some(Self::Create),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_decoding_takes_the_shortcut() {
        let known = |method: &str, uri: &str| Known::of(&Request::builder().method(method).uri(uri).body(()).unwrap());
        let count = |user_id: &str| Some(Known::UnreadCount(UserId::parse(user_id).unwrap()));
        assert_eq!(known("GET", "/api/notifications/unread-count/ann"), count("ann"));
        assert_eq!(known("GET", "/api/notifications/unread-count/a.b-c_d~e:f@g+h?x=1"), count("a.b-c_d~e:f@g+h"));
        assert_eq!(known("GET", "http://host/api/notifications/list?user_id=ann"), Some(Known::List));
        assert_eq!(known("POST", "/api/notifications/create?x=1"), Some(Known::Create));
        let long = format!("/api/notifications/unread-count/{}", "a".repeat(UserId::MAX_CHARS + 1));
        for (method, uri) in [
            ("HEAD", "/api/notifications/list"),
            ("POST", "/api/notifications/list"),
            ("GET", "/api/notifications/create"),
            ("PUT", "/api/notifications/create"),
            ("POST", "/api/notifications/creates"),
            ("GET", "/api/notifications/list/"),
            ("GET", "/api/notifications/unread-count"),
            ("GET", "/api/notifications/unread-count/"),
            ("GET", "/api/notifications/unread-count/a%62"),
            ("GET", "/api/notifications/unread-count/a/b"),
            ("GET", "/api/notifications/unread-count/ann/"),
            ("GET", "/API/notifications/list"),
            ("GET", &long),
        ] {
            assert_eq!(known(method, uri), None, "{method} {uri}");
        }
    }
}
