//! The data with which the page arrives, and its way to the browser.

use serde::{Deserialize, Serialize};

use super::{address::Address, refusal::Refusal, viewer::Viewer};
use crate::{
    app::words::Words,
    model::{Code, Overview, Page, Problem, Timestamp},
};

/// How many notifications the page shows at first.
pub(crate) const FIRST: u16 = 50;
/// The script element that holds the page's [`Initial`] as JSON.
pub(crate) const ELEMENT: &str = "initial";

/// The content of the page at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The list.
    pub page: Page,
    /// The numbers, kinds and inboxes beside it.
    pub overview: Overview,
    /// The server's time.
    pub now: Timestamp,
}

/// The request for the page, and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Initial {
    /// The viewer.
    pub viewer: Viewer,
    /// The address.
    pub address: Address,
    /// The content, or why it could not be read.
    pub snapshot: Result<Snapshot, Problem>,
    /// The form that led here and was refused.
    pub refusal: Option<Refusal>,
    /// The time without a message after which a live stream sends a heartbeat, in seconds.
    pub heartbeat_seconds: u32,
    /// The words of the page, in its language.
    #[serde(with = "crate::app::words::carried")]
    pub words: &'static Words,
}

impl Default for Initial {
    /// A page for which nothing was read.
    fn default() -> Self {
        let problem = Problem::new(Code::Unavailable, "Nothing was read yet.");
        Self {
            viewer: Viewer::default(),
            address: Address::default(),
            snapshot: Err(problem),
            refusal: None,
            heartbeat_seconds: 25,
            words: Words::none(),
        }
    }
}

impl Initial {
    /// As JSON that may stand in a script element: nothing in it ends the element or begins a comment.
    #[cfg(feature = "ssr")]
    pub(crate) fn to_script(&self) -> String {
        serde_json::to_string(self).unwrap_or_default().replace('<', "\\u003c")
    }
}

#[cfg(feature = "ssr")]
mod on_the_server {
    use super::{Address, FIRST, Initial, Refusal, Snapshot, Viewer, Words};
    use crate::{
        model::Problem,
        server::{identity::Principal, service::NotificationService},
    };

    impl Snapshot {
        /// Reads the content for an address.
        pub(crate) async fn read(
            service: &NotificationService,
            principal: &Principal,
            address: &Address,
            limit: u16,
        ) -> Result<Self, Problem> {
            let (filter, before, limit) = address.params(limit).parse().map_err(Problem::invalid)?;
            let page = service.list(principal, &filter, before, limit).await?;
            let mut overview = service.overview(principal, filter.user_id.as_ref()).await?;
            // Beside one inbox the page offers the others too.
            if filter.user_id.is_some()
                && principal.own_inbox().is_none()
                && let Ok(all) = service.overview(principal, None).await
            {
                // The count of the inbox that is shown is the exact one; where it is not among them, it comes after them.
                let mut recent = all.recent;
                for shown in overview.recent.drain(..) {
                    match recent.iter_mut().find(|inbox| inbox.user_id == shown.user_id) {
                        Some(inbox) => *inbox = shown,
                        None => recent.push(shown),
                    }
                }
                overview.recent = recent;
            }
            Ok(Self { page, overview, now: service.now() })
        }
    }

    impl Initial {
        /// Reads the content for the query of the page's address, as far as the viewer may see it; `base` is the prefix
        /// of the server's paths for the browser. It never fails: the page shows the problem.
        pub async fn load(
            service: &NotificationService,
            principal: &Principal,
            base: &str,
            query: &str,
            viewer: Viewer,
            words: &'static Words,
        ) -> Self {
            let address = viewer.narrow(Address { base: base.to_owned(), ..Address::parse(query) });
            let snapshot = Snapshot::read(service, principal, &address, FIRST).await;
            Self { viewer, address, snapshot, refusal: Refusal::from_query(query, words), words, ..Self::default() }
        }
    }
}
