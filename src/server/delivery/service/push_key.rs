//! The key with which browsers subscribe to push.

use crate::server::{causes::with_causes, delivery::Delivery, service::ServiceError};

impl Delivery {
    /// The public key that browsers subscribe with, as `applicationServerKey` in base64url; `None` where they are not
    /// pushed to.
    ///
    /// # Errors
    /// When it is not known yet, and the store does not say.
    pub async fn push_key(&self) -> Result<Option<&str>, ServiceError> {
        let Some(key) = &self.0.push_key else { return Ok(None) };
        Ok(Some(key.public_key().await?))
    }

    /// Makes the key that pushes are signed with, where it is in the store and not made yet: from then on an export has
    /// it. Where the store does not take it now, it is made when it is needed.
    pub async fn make_keys(&self) {
        if let Err(error) = self.push_key().await {
            tracing::warn!(
                cause = with_causes(&error),
                "the key for pushes to browsers could not be made; trying again"
            );
        }
    }
}
