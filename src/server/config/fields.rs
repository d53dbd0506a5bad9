//! Settings by their names.

use anyhow::Result;
use serde_json::{Map, Value};

use super::SettingsInput;

/// The settings by name; null where a setting was not given.
pub(super) fn fields(input: &SettingsInput) -> Result<Map<String, Value>> {
    match serde_json::to_value(input)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}
