//! The settings in force, and where each was said.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use config::{Config, File, FileFormat};
use serde_json::{Map, Value};

use super::{BusUrl, Said, StoreUrl};

/// The file that is read when it is there and no other one is named.
const DEFAULT_FILE: &str = "campanile.toml";

/// Where a setting was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line or in the environment.
    Said,
    /// In the file.
    File,
    /// Nowhere.
    Default,
}

/// The settings in force, and where each was said.
#[derive(Debug)]
pub struct InForce {
    settings: Map<String, Value>,
    said: Map<String, Value>,
    in_file: Map<String, Value>,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
}

/// One setting.
#[derive(Debug)]
pub struct Setting<'a> {
    /// Its name, as in the file and as a flag.
    pub name: &'a str,
    /// Its value as JSON, without secrets.
    pub value: String,
    /// Where it was said.
    pub origin: Origin,
}

impl InForce {
    /// Reads the file, if there is one, and puts it together with what was said. A file that was
    /// named must be there.
    ///
    /// # Errors
    /// One sentence about what is wrong with the file.
    pub fn load(said: &Said, named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let merged = Self::merge(said, &read_file(path, named.is_some())?)?;
        Ok(Self { file: path.exists().then(|| path.to_owned()), ..merged })
    }

    pub(super) fn merge(said: &Said, in_file: &Said) -> Result<Self> {
        let (said, in_file) = (fields(said)?, fields(in_file)?);
        let mut settings = fields(&Said::default_settings())?;
        for layer in [&in_file, &said] {
            settings.extend(layer.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())));
        }
        Ok(Self { settings, said, in_file, file: None })
    }

    /// All settings as if they had been said.
    pub(super) fn settings(&self) -> Result<Said> {
        serde_json::from_value(Value::Object(self.settings.clone())).context("the settings cannot be read")
    }

    /// Every setting, by name.
    pub fn list(&self) -> impl Iterator<Item = Setting<'_>> {
        self.settings.iter().map(|(name, value)| {
            let is_said_in = |layer: &Map<String, Value>| layer.get(name).is_some_and(|value| !value.is_null());
            let origin = if is_said_in(&self.said) {
                Origin::Said
            } else if is_said_in(&self.in_file) {
                Origin::File
            } else {
                Origin::Default
            };
            Setting { name, value: shown(name, value), origin }
        })
    }
}

/// A value as it is written, without secrets.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::String(url) if name == "bus" => {
            BusUrl::parse(url).map_or_else(|_| "(not a bus)".to_owned(), |url| url.to_string())
        }
        Value::String(url) if name == "store" => match StoreUrl::parse(url) {
            Ok(url) => url.to_string(),
            Err(_) => "(not a store)".to_owned(),
        },
        Value::String(_) if name == "jwt-secret" => "***".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(list) if list.is_empty() => "-".to_owned(),
        other => other.to_string(),
    }
}

fn fields(said: &Said) -> Result<Map<String, Value>> {
    match serde_json::to_value(said)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

/// What the file says.
fn read_file(path: &Path, must_exist: bool) -> Result<Said> {
    let source = File::from(path).format(FileFormat::Toml).required(must_exist);
    let read = Config::builder().add_source(source).build().and_then(Config::try_deserialize);
    read.with_context(|| format!("{} cannot be used", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_must_be_there_and_hold_only_settings() {
        let folder = std::env::temp_dir().join(format!("campanile-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("campanile.toml");
        assert!(read_file(&file, true).is_err());
        std::fs::write(&file, "listen = \"127.0.0.1:9000\"\nallowed-hosts = [\"a.example\"]\n").unwrap();
        let said = read_file(&file, true).unwrap();
        assert_eq!(said.listen.unwrap().port(), 9000);
        std::fs::write(&file, "lisen = \"127.0.0.1:9000\"\n").unwrap();
        let error = format!("{:#}", read_file(&file, true).unwrap_err());
        assert!(error.contains("lisen"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
