//! Shared by the tests of the HTTP interface: the service over an empty store, and functions that send requests to it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use campanile::{
    model::Timestamp,
    server::{
        clock::{Clock, SystemClock},
        delivery::{Delivery, DeliveryOptions, DeliveryStores},
        http::{HttpOptions, HttpService},
        identity::Principal,
        service::NotificationService,
        store::MemoryStore,
        tasks::Tasks,
    },
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// The time at which every store of the tests was opened.
pub(crate) fn started() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

/// A clock that always shows the same time.
pub(crate) struct StoppedClock(pub(crate) Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Delivery for a store, which may connect to this machine; `None` when there is no runtime yet.
pub(crate) fn delivery_of(store: &Arc<MemoryStore>, clock: impl Clock, tasks: &Tasks) -> Option<Delivery> {
    let options = DeliveryOptions { allow: vec!["127.0.0.0/8".parse().unwrap()], ..DeliveryOptions::default() };
    delivery_with(store, clock, tasks, &options)
}

/// The same with these options.
pub(crate) fn delivery_with(
    store: &Arc<MemoryStore>,
    clock: impl Clock,
    tasks: &Tasks,
    options: &DeliveryOptions,
) -> Option<Delivery> {
    tokio::runtime::Handle::try_current().ok()?;
    let stores = DeliveryStores {
        inboxes: Arc::<MemoryStore>::clone(store),
        webhooks: Arc::<MemoryStore>::clone(store),
        outbox: Arc::<MemoryStore>::clone(store),
        deliveries: Arc::<MemoryStore>::clone(store),
        contacts: Arc::<MemoryStore>::clone(store),
        wishes: Arc::<MemoryStore>::clone(store),
        profiles: Arc::<MemoryStore>::clone(store),
        secrets: Arc::<MemoryStore>::clone(store),
        forget: Arc::<MemoryStore>::clone(store),
    };
    Some(Delivery::start(stores, options, Arc::new(clock), tasks).unwrap())
}

/// The service over an empty memory store, used without a socket.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) service: NotificationService,
    http: HttpService,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl App {
    /// A server with the documented window.
    pub(crate) fn new() -> Self {
        Self::with_window(1000)
    }

    pub(crate) fn with_window(window: usize) -> Self {
        let store = Arc::new(MemoryStore::new(window, started()));
        let service = NotificationService::over(Arc::<MemoryStore>::clone(&store), SystemClock);
        let delivery = delivery_of(&store, SystemClock, service.tasks());
        Self::with(service, &HttpOptions { delivery, ..HttpOptions::default() })
    }

    /// A server without delivery.
    pub(crate) fn bare() -> Self {
        Self::with(NotificationService::new(MemoryStore::new(1000, started())), &HttpOptions::default())
    }

    pub(crate) fn with(service: NotificationService, options: &HttpOptions) -> Self {
        Self { http: HttpService::new(service.clone(), options), service }
    }

    /// Sends a request, and leaves the body of the response to the caller.
    pub(crate) async fn ask_raw(&self, request: Request<Body>) -> Response {
        self.http.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.ask_raw(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request, and reads the body of the response only if it has an end.
    pub(crate) async fn ask_for_the_head(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.ask_raw(request).await.into_parts();
        let has_end = parts.headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "text/event-stream");
        let body = if has_end { body.collect().await.unwrap().to_bytes().to_vec() } else { Vec::new() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, json: Option<&str>) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8000");
        let request = match json {
            Some(json) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(json.to_owned())),
            None => request.body(Body::empty()),
        };
        self.ask(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    pub(crate) async fn post_json(&self, path: &str, json: &Value) -> Answer {
        self.send(Method::POST, path, Some(&json.to_string())).await
    }

    /// Sends a notification without HTTP and returns its id.
    pub(crate) async fn notify(&self, user_id: &str, content: &str) -> String {
        self.service.notify(&Principal::operator(), user_id, content).await.unwrap().id.to_string()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a complete problem document with this status and code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], "about:blank", "{problem}");
        assert!(problem["title"].is_string() && !problem["detail"].as_str().unwrap().is_empty(), "{problem}");
        problem
    }

    /// Checks that this is a 422 whose first error is about this field.
    #[track_caller]
    pub(crate) fn refused_field(&self, field: &str) {
        let problem = self.problem(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}

/// A new folder for a test. Folders of earlier runs are removed.
pub(crate) fn new_folder() -> PathBuf {
    static OF_THIS_PROCESS: LazyLock<PathBuf> = LazyLock::new(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for entry in std::fs::read_dir(all).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let is_over = |pid: &str| !Path::new("/proc").join(pid).exists();
            if name.strip_prefix("test-").is_some_and(is_over) {
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
        all.join(format!("test-{}", std::process::id()))
    });
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let folder = OF_THIS_PROCESS.join(NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
