//! An issuer on this machine.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

use super::{
    super::{KeySource, TokenOptions, Tokens},
    options,
};

/// An issuer that gives the answers of a test, and counts the requests.
pub(super) struct LocalIssuer {
    pub(super) url: String,
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: watch::Receiver<usize>,
    held: watch::Sender<bool>,
    server: AbortHandle,
}

impl LocalIssuer {
    /// An issuer with these keys.
    pub(super) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((StatusCode::OK, json!({ "keys": keys }).to_string())));
        let (count, asked) = watch::channel(0);
        let (held, hold) = watch::channel(false);
        let answering = Arc::clone(&answer);
        let asking = move || {
            let (answer, mut hold) = (Arc::clone(&answering), hold.clone());
            count.send_modify(|asked| *asked += 1);
            async move {
                drop(hold.wait_for(|held| !held).await);
                let (status, body) = answer.lock().unwrap().clone();
                respond(status, body)
            }
        };
        // The target of a redirect: it has keys, but the server must not follow.
        let elsewhere = get(|| async { json!({ "keys": [] }).to_string() });
        let router = Router::new().route("/keys", get(asking)).route("/elsewhere", elsewhere);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { url, answer, asked, held, server }
    }

    pub(super) fn options(&self) -> TokenOptions {
        options(KeySource::Jwks(self.url.clone()))
    }

    pub(super) fn tokens(&self) -> Tokens {
        Tokens::new(self.options()).unwrap()
    }

    /// Sets its keys.
    pub(super) fn has(&self, keys: &[Value]) {
        self.says(StatusCode::OK, json!({ "keys": keys }).to_string());
    }

    /// Sets its answer.
    pub(super) fn says(&self, status: StatusCode, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    /// Does not answer from now on, until it is released.
    pub(super) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(super) fn let_go(&self) {
        self.held.send_replace(false);
    }

    /// Stops listening.
    pub(super) fn stop(&self) {
        self.server.abort();
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Waits until it was asked this often.
    pub(super) async fn was_asked(&self, times: usize) {
        self.asked.clone().wait_for(|asked| *asked >= times).await.unwrap();
    }
}

impl Drop for LocalIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn respond(status: StatusCode, body: String) -> Response {
    if status.is_redirection() {
        return (status, [(header::LOCATION, "/elsewhere")], body).into_response();
    }
    (status, body).into_response()
}

/// Advances the clock at once.
pub(super) async fn later(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}
