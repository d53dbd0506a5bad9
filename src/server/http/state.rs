//! What the handlers share.

use std::sync::Arc;

use axum::extract::FromRef;

use super::HttpOptions;
use crate::server::{budget::Budget, service::NotificationService};

/// What the handlers share. Each takes the part that it needs, as `State<…>`, so that a part that is
/// missing does not compile.
#[derive(Clone)]
pub(super) struct HttpState(Arc<Parts>);

struct Parts {
    service: NotificationService,
    options: Arc<HttpOptions>,
    budget: Budget,
}

impl HttpState {
    pub(super) fn new(service: NotificationService, options: &HttpOptions) -> Self {
        let budget = Budget::new(options.max_memory);
        Self(Arc::new(Parts { service, options: Arc::new(options.clone()), budget }))
    }

    pub(super) fn options(&self) -> &Arc<HttpOptions> {
        &self.0.options
    }

    /// How many bytes of bodies and answers may be held.
    pub(super) fn budget(&self) -> &Budget {
        &self.0.budget
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
