//! The URLs of the pages that messages link to.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    model::{NotificationId, UserId},
    server::public_url::PublicUrl,
};

/// The URLs of this server's pages, if the public URL is known.
#[derive(Clone, Debug)]
pub(in crate::server) struct Pages(Option<PublicUrl>);

impl Pages {
    pub(in crate::server) fn new(public_url: Option<&PublicUrl>) -> Self {
        Self(public_url.cloned())
    }

    /// A link as it works outside of the inbox, where a path means this site.
    pub(in crate::server) fn absolute(&self, link: &str) -> String {
        match &self.0 {
            Some(url) if link.starts_with('/') && !link.starts_with("//") => format!("{}{link}", url.origin()),
            _ => link.to_owned(),
        }
    }

    /// The inbox of a user.
    pub(in crate::server) fn inbox(&self, user_id: &UserId) -> Option<String> {
        self.page(&format!("/?user_id={}", utf8_percent_encode(user_id.as_str(), NON_ALPHANUMERIC)))
    }

    /// The page of one notification.
    pub(in crate::server) fn notification(&self, id: NotificationId) -> Option<String> {
        self.page(&format!("/notifications/{id}"))
    }

    fn page(&self, path: &str) -> Option<String> {
        self.0.as_ref().map(|url| format!("{}{path}", url.to_string().trim_end_matches('/')))
    }
}
