//! A push service on loopback that answers as a test defines, and records its requests.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::delivery::LONG;

/// A received push.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Hit {
    pub(super) fn header(&self, name: &str) -> &str {
        let mut all = self.headers.get_all(name).iter();
        let value = all.next().map_or("", |value| value.to_str().unwrap());
        assert!(all.next().is_none(), "{name} is there twice");
        value
    }
}

type Script = dyn Fn(&Hit) -> Response + Send + Sync;

struct Shared {
    script: Mutex<Arc<Script>>,
    hits: Mutex<Vec<Hit>>,
}

/// A running push service, stopped when this is dropped.
pub(super) struct PushService {
    pub(super) origin: String,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

impl PushService {
    /// A service that accepts everything.
    pub(super) async fn start() -> Self {
        Self::answering(|_| 201.into_status()).await
    }

    pub(super) async fn answering(script: impl Fn(&Hit) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { script: Mutex::new(Arc::new(script)), hits: Mutex::default() });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, shared, _serving: serving }
    }

    /// Sets the response from now on.
    pub(super) fn answers(&self, script: impl Fn(&Hit) -> Response + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Arc::new(script);
    }

    /// The endpoint of one of its subscriptions.
    pub(super) fn endpoint(&self, name: &str) -> String {
        format!("{}/push/{name}", self.origin)
    }

    /// The pushes received for a subscription.
    pub(super) fn hits(&self, name: &str) -> Vec<Hit> {
        let path = format!("/push/{name}");
        self.shared.hits.lock().unwrap().iter().filter(|hit| hit.path == path).cloned().collect()
    }

    /// The number of all received pushes.
    pub(super) fn count(&self) -> usize {
        self.shared.hits.lock().unwrap().len()
    }

    /// Waits for this many pushes for a subscription, and returns all.
    pub(super) async fn until(&self, name: &str, count: usize) -> Vec<Hit> {
        let until = Instant::now() + LONG;
        while self.hits(name).len() < count {
            assert!(Instant::now() < until, "{} of {count} came for {name}", self.hits(name).len());
            sleep(Duration::from_millis(2)).await;
        }
        self.hits(name)
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let hit = Hit { method, path: uri.path().to_owned(), headers, body };
    shared.hits.lock().unwrap().push(hit.clone());
    let script = Arc::clone(&shared.script.lock().unwrap());
    script(&hit)
}

/// A response with only a status.
pub(super) trait IntoStatus {
    fn into_status(self) -> Response;
}

impl IntoStatus for u16 {
    fn into_status(self) -> Response {
        axum::http::StatusCode::from_u16(self).unwrap().into_response()
    }
}
