//! What an application attaches for itself.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::problem::Invalid;

/// A JSON object that an application attaches for its own use; Campanile only hands it on.
///
/// At most 16 KiB when written as compact JSON.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ssr", schema(value_type = Object, example = json!({"order": 7})))]
pub struct Data(Arc<Map<String, Value>>);

impl Data {
    /// The most bytes it may take as compact JSON.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Takes a JSON object.
    ///
    /// # Errors
    /// When it takes more than [`Self::MAX_BYTES`].
    pub fn parse(object: Map<String, Value>) -> Result<Self, Invalid> {
        let bytes = serde_json::to_string(&object).map_or(usize::MAX, |json| json.len());
        if bytes > Self::MAX_BYTES {
            return Err(Invalid::new(format!(
                "data takes at most {} bytes as JSON; this takes {bytes}.",
                Self::MAX_BYTES
            )));
        }
        Ok(Self(Arc::new(object)))
    }

    /// The object.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}
