//! The settings in force, and the source of each.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use reqwest::Url;
use serde_json::{Map, Value};

use super::{BusUrl, SettingsInput, StoreUrl, environment, fields::fields, file, from_files};
use crate::server::{channels::RelayUrl, secret_file};

/// The file that is read when it exists and no other one is named.
const DEFAULT_FILE: &str = "campanile.toml";
/// The settings that name a file with a key or a secret.
const NAME_SECRET_FILES: [&str; 6] =
    ["apns-key", "fcm-service-account", "jwt-key", "smtp-password-file", "tls-key", "vapid-key"];

/// The source of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line or the environment.
    Given,
    /// A file with only this secret, which the environment names.
    OwnFile,
    /// The file of settings.
    File,
    /// None.
    Default,
}

/// The settings in force, and the source of each.
pub struct InForce {
    settings: Map<String, Value>,
    input: Map<String, Value>,
    in_file: Map<String, Value>,
    /// The secrets that have files of their own.
    in_own_files: Vec<String>,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// Variables that look like settings but are none, one sentence each.
    pub unknown: Vec<String>,
}

impl fmt::Debug for InForce {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// One setting.
#[derive(Debug)]
pub struct Setting<'a> {
    /// Its name, as in the file and as a flag.
    pub name: &'a str,
    /// Its value as JSON, without secrets.
    pub value: String,
    /// Its source.
    pub origin: Origin,
}

impl InForce {
    /// Reads the file, if there is one, and combines it with the given settings. A named file must exist. Secrets that
    /// the environment gives by file are read from there.
    ///
    /// # Errors
    /// One sentence about the mistake in a file.
    pub fn load(input: &SettingsInput, named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let (input, in_own_files) = from_files::read(input, |name| std::env::var_os(name))?;
        let merged = Self::merge(&input, &file::read(path, named.is_some())?)?;
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables = std::env::vars_os().filter_map(text);
        let unknown = environment::unknown(variables);
        Ok(Self { file: path.exists().then(|| path.to_owned()), unknown, in_own_files, ..merged })
    }

    pub(super) fn merge(input: &SettingsInput, in_file: &SettingsInput) -> Result<Self> {
        let (input, in_file) = (tidied(fields(input)?), tidied(fields(in_file)?));
        let mut settings = fields(&SettingsInput::default_settings())?;
        for layer in [&in_file, &input] {
            settings.extend(layer.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())));
        }
        Ok(Self { settings, input, in_file, in_own_files: Vec::new(), file: None, unknown: Vec::new() })
    }

    /// All settings as if they had been given.
    pub(super) fn settings(&self) -> Result<SettingsInput> {
        // serde's error may repeat a value.
        serde_json::from_value(Value::Object(self.settings.clone())).map_err(|_| anyhow!("the settings cannot be read"))
    }

    /// Every setting, by name.
    pub fn list(&self) -> impl Iterator<Item = Setting<'_>> {
        self.settings.iter().map(|(name, value)| Setting { name, value: shown(name, value), origin: self.origin(name) })
    }

    /// Whether this setting was given anywhere.
    pub(super) fn is_said(&self, name: &str) -> bool {
        self.origin(name) != Origin::Default
    }

    fn origin(&self, name: &str) -> Origin {
        let is_said_in = |layer: &Map<String, Value>| layer.get(name).is_some_and(|value| !value.is_null());
        if self.in_own_files.iter().any(|own| own == name) {
            Origin::OwnFile
        } else if is_said_in(&self.input) {
            Origin::Given
        } else if is_said_in(&self.in_file) {
            Origin::File
        } else {
            Origin::Default
        }
    }
}

impl fmt::Debug for SettingsInput {
    /// The settings that were given, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = fields(self).map_err(|_| fmt::Error)?;
        let input = fields.iter().filter(|(_, value)| !value.is_null());
        f.debug_map().entries(input.map(|(name, value)| (name, shown(name, value)))).finish()
    }
}

/// The same settings without blanks around the items of lists.
fn tidied(mut settings: Map<String, Value>) -> Map<String, Value> {
    for item in settings.values_mut().filter_map(Value::as_array_mut).flatten() {
        if let Value::String(text) = item {
            *text = text.trim().to_owned();
        }
    }
    settings
}

/// A value as text, without secrets.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::String(url) if name == "bus" => {
            BusUrl::parse(url).map_or_else(|_| "(not a bus)".to_owned(), |url| url.to_string())
        }
        Value::String(url) if name == "store" => match StoreUrl::parse(url) {
            Ok(url) => url.to_string(),
            Err(_) => "(not a store)".to_owned(),
        },
        Value::String(url) if name == "smtp" => {
            RelayUrl::parse(url).map_or_else(|_| "(not a relay)".to_owned(), |url| url.to_string())
        }
        Value::String(url) if name == "jwt-jwks" || name == "public-url" => shown_url(url),
        // An origin has no user and no password.
        Value::Array(list) if list.iter().any(|text| text.as_str().is_some_and(|text| text.contains('@'))) => {
            "(not such a list)".to_owned()
        }
        Value::String(_) if name == "jwt-secret" => "***".to_owned(),
        Value::String(file) if NAME_SECRET_FILES.contains(&name) => secret_file::named(Path::new(file)),
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(list) => match list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",") {
            list if list.is_empty() => "-".to_owned(),
            list => list,
        },
        other => other.to_string(),
    }
}

/// Scheme, host, port and path of a URL: every other part may be a secret.
fn shown_url(url: &str) -> String {
    let Some(url) = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return "(not a URL)".to_owned();
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_the_items_of_lists_are_left_out() {
        let list = |text: &str| Some(text.split(',').map(str::to_owned).collect::<Vec<_>>());
        let input = SettingsInput {
            allowed_hosts: list("a.example, b.example "),
            trusted_proxies: list("10.0.0.0/8, ::1"),
            ..SettingsInput::default()
        };
        let settings = InForce::merge(&input, &SettingsInput::default()).unwrap().settings().unwrap();
        assert_eq!(settings.allowed_hosts, list("a.example,b.example"));
        assert_eq!(settings.trusted_proxies, list("10.0.0.0/8,::1"));
    }

    #[test]
    fn nothing_that_may_be_a_secret_is_shown() {
        let input = SettingsInput {
            store: Some("postgres://me:se?hush@db/x".to_owned()),
            bus: Some("nats://me:hush@a".to_owned()),
            smtp: Some("smtp://me:hush@relay?tls=off".to_owned()),
            jwt_secret: Some("hush".to_owned()),
            jwt_jwks: Some("https://me:hush@id.example:8443/keys?token=hush#hush".to_owned()),
            ..SettingsInput::default()
        };
        let in_force = InForce::merge(&input, &SettingsInput::default()).unwrap();
        let text = || Some("hush".to_owned());
        let wrong = SettingsInput { store: text(), bus: text(), smtp: text(), ..SettingsInput::default() };
        let shown = format!("{in_force:?} {input:?} {wrong:?}");
        assert!(!shown.contains("hush"), "{shown}");
        for part in ["postgres://db:5432/x", "nats://a:4222", "smtp://relay:587\"", "https://id.example:8443/keys\""] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }
}
