//! The key with which browsers subscribe to push.

use crate::server::{causes::with_causes, delivery::Delivery, service::ServiceError};

impl Delivery {
    /// The public key with which browsers subscribe, as `applicationServerKey` in base64url; `None` on a server without
    /// Web Push.
    ///
    /// # Errors
    /// When it has not been read yet, and the store cannot be read.
    pub async fn push_key(&self) -> Result<Option<&str>, ServiceError> {
        let Some(key) = &self.0.push_key else { return Ok(None) };
        Ok(Some(key.public_key().await?))
    }

    /// Creates the key that signs pushes, where the store is to have one and does not: from then on an export contains
    /// it. If the store cannot be written now, the key is created when it is needed.
    pub async fn make_keys(&self) {
        if let Err(error) = self.push_key().await {
            tracing::warn!(
                cause = with_causes(&error),
                "the key for pushes to browsers could not be made; trying again"
            );
        }
    }
}
