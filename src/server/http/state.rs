//! The state that handlers share.

use std::sync::Arc;

use axum::{body::Bytes, extract::FromRef};

use super::{HttpOptions, headers::Headers, methods::Methods, sites::Refusals};
use crate::{
    model::Problem,
    server::{budget::Budget, identity::Holder, limiter::weight, service::NotificationService, workshop::Workshop},
};

/// The state that handlers share. Each takes the part that it needs as `State<…>`, so that a missing part does not
/// compile.
#[derive(Clone)]
pub(super) struct HttpState(Arc<Parts>);

struct Parts {
    service: NotificationService,
    options: Arc<HttpOptions>,
    budget: Budget,
    workshop: Workshop,
    refusals: Refusals,
    methods: Methods,
    headers: Headers,
}

impl HttpState {
    pub(super) fn new(service: NotificationService, options: &HttpOptions, methods: Methods) -> Self {
        let budget = Budget::new(options.max_memory);
        let (options, workshop, refusals) = (Arc::new(options.clone()), Workshop::new(), Refusals::new());
        let headers = Headers::new(&options);
        Self(Arc::new(Parts { service, options, budget, workshop, refusals, methods, headers }))
    }

    pub(super) fn service(&self) -> &NotificationService {
        &self.0.service
    }

    pub(super) fn options(&self) -> &Arc<HttpOptions> {
        &self.0.options
    }

    /// The memory for bodies and answers.
    pub(super) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// Counts what a caller sends or receives beyond one request.
    pub(super) fn charge(&self, holder: &Holder, notifications: usize, bytes: usize) {
        if let Some(auth) = &self.0.options.auth {
            auth.usage().charge(holder, weight(notifications, bytes).get() - 1);
        }
    }

    /// Threads for large work.
    pub(super) fn workshop(&self) -> &Workshop {
        &self.0.workshop
    }

    /// The log of refused pages of other sites.
    pub(super) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// The methods of the API's paths.
    pub(super) fn methods(&self) -> &Methods {
        &self.0.methods
    }

    /// The headers of every answer, unless its handler sets them.
    pub(super) fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// The same bytes, counted while they are being sent.
    ///
    /// # Errors
    /// When the process holds as much as it may.
    pub(super) fn hold(&self, bytes: Bytes) -> Result<Bytes, Problem> {
        let mut share = self.0.budget.share();
        share.grow(bytes.len()).map_err(|_| Problem::busy())?;
        Ok(share.hold(bytes))
    }
}

impl FromRef<HttpState> for NotificationService {
    fn from_ref(state: &HttpState) -> Self {
        state.0.service.clone()
    }
}

impl FromRef<HttpState> for Arc<HttpOptions> {
    fn from_ref(state: &HttpState) -> Self {
        Arc::clone(&state.0.options)
    }
}
