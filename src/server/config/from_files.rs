//! Secrets in files, as Docker and Kubernetes provide them: `CAMPANILE_STORE_FILE=PATH` replaces `CAMPANILE_STORE`.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value};

use super::{BusUrl, SettingsInput, StoreUrl, fields::fields};
use crate::server::{channels::RelayUrl, secret_file};

/// The longest path of a file (`PATH_MAX` of Linux).
const LONGEST_PATH: usize = 4_096;
/// A part of a path that is this long and mixes letters like a key is taken for a key.
const LONGEST_WORD: usize = 24;

/// A setting that is a secret, or a URL that may contain one.
pub(super) struct SecretSetting {
    /// Its name in the file of settings.
    pub(super) name: String,
    /// Its environment variable.
    variable: String,
}

impl SecretSetting {
    /// The variable that can name a file instead.
    pub(super) fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable)
    }
}

/// All of them: the settings whose values the help hides.
pub(super) fn secrets() -> Vec<SecretSetting> {
    let command = SettingsInput::augment_args(clap::Command::new("settings"));
    let secret = |argument: &clap::Arg| {
        let (name, variable) = (argument.get_long()?, argument.get_env()?.to_str()?);
        let setting = SecretSetting { name: name.to_owned(), variable: variable.to_owned() };
        argument.is_hide_env_values_set().then_some(setting)
    };
    command.get_arguments().filter_map(secret).collect()
}

/// The settings, with secrets from the files that the environment names, and the names of those settings. The command
/// line has precedence.
///
/// # Errors
/// One sentence about a file that cannot be used, or about a secret that is in the environment twice. It contains no
/// secret.
pub(super) fn read(
    input: &SettingsInput,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(SettingsInput, Vec<String>)> {
    let mut all: Map<String, Value> = fields(input)?;
    let mut read = Vec::new();
    // Compose passes on an unset variable as an empty one.
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    for setting in secrets() {
        let (name, own, by_file) = (&setting.name, &setting.variable, setting.file_variable());
        let Some(path) = set(&by_file) else { continue };
        if set(own).is_some() {
            bail!("{name}: {own} and {by_file} are both in the environment. Leave one of them out.");
        }
        if all.get(name).is_some_and(|value| !value.is_null()) {
            continue;
        }
        let secret = secret_file::text(Path::new(&path)).map_err(|why| match shown(name, &path) {
            Some(path) => anyhow!("{name}: {path}, the file that {by_file} names, {why}."),
            None => {
                anyhow!("{name}: the file that {by_file} names {why}. Name a file with the secret in it.")
            }
        })?;
        all.insert(name.clone(), Value::String(secret));
        read.push(setting.name);
    }
    let input = serde_json::from_value(Value::Object(all)).map_err(|_| anyhow!("the settings cannot be read"))?;
    Ok((input, read))
}

/// The path of a file in a form that may be repeated; `None` if it may be the secret itself, given in place of the
/// path.
fn shown<'p>(name: &str, path: &'p OsStr) -> Option<&'p str> {
    let path = path.to_str().filter(|path| !is_like_a_secret(path))?;
    if path.contains("://") || path.contains('@') {
        return None;
    }
    let is_value = match name {
        "store" => StoreUrl::parse(path).is_ok(),
        "bus" => BusUrl::parse(path).is_ok(),
        "smtp" => RelayUrl::parse(path).is_ok(),
        _ => false,
    };
    // A bare word may be a password.
    let is_path = path.starts_with('/') || path.starts_with("./") || path.starts_with("../");
    (!is_value && is_path).then_some(path)
}

/// Whether this is clearly not a path: several lines, longer than any path, or with a part that looks like a generated
/// key.
fn is_like_a_secret(text: &str) -> bool {
    let has_key = || text.split(['/', '\\']).any(is_like_a_key);
    text.len() > LONGEST_PATH || text.contains(char::is_control) || has_key()
}

/// Whether a part of a path is long and in hexadecimal or base64.
fn is_like_a_key(part: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| part.as_bytes().iter().any(kind);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let is_hex = part.bytes().all(|b| b.is_ascii_hexdigit());
    part.len() >= LONGEST_WORD && (is_mixed || is_hex || part.contains(['+', '=']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hush-hush-hush-hush-hush-hush-hush-hush";

    fn with(variables: &[(&str, &str)]) -> Result<(SettingsInput, Vec<String>)> {
        with_said(&SettingsInput::default(), variables)
    }

    fn with_said(input: &SettingsInput, variables: &[(&str, &str)]) -> Result<(SettingsInput, Vec<String>)> {
        read(input, |name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(*value)))
    }

    #[test]
    fn every_secret_can_stand_in_a_file() {
        let names: Vec<_> = secrets().into_iter().map(|secret| secret.file_variable()).collect();
        assert_eq!(
            names,
            [
                "CAMPANILE_STORE_FILE",
                "CAMPANILE_BUS_FILE",
                "CAMPANILE_JWT_SECRET_FILE",
                "CAMPANILE_JWT_JWKS_FILE",
                "CAMPANILE_SMTP_FILE"
            ]
        );
        let file = std::env::temp_dir().join(format!("campanile-from-files-{}", std::process::id()));
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let path = file.to_str().unwrap();
        for name in &names {
            let (input, read) = with(&[(name, path)]).unwrap();
            let input = fields(&input).unwrap();
            let texts: Vec<_> = input.values().filter_map(Value::as_str).collect();
            assert_eq!(texts, [SECRET], "{name}");
            assert_eq!(read.len(), 1);
        }
        // The command line has precedence over the environment.
        let input = SettingsInput { store: Some("memory:".to_owned()), ..SettingsInput::default() };
        let (input, read) = with_said(&input, &[("CAMPANILE_STORE_FILE", path)]).unwrap();
        assert_eq!((input.store.as_deref(), read.as_slice()), (Some("memory:"), &[][..]));
        let both = [("CAMPANILE_STORE_FILE", path), ("CAMPANILE_STORE", "memory:")];
        let refused = with(&both).err().unwrap().to_string();
        assert!(refused.starts_with("store: CAMPANILE_STORE and CAMPANILE_STORE_FILE are both"), "{refused}");
        // An empty variable is not set.
        let (_, read) = with(&[("CAMPANILE_STORE_FILE", path), ("CAMPANILE_STORE", "")]).unwrap();
        assert_eq!(read, ["store"]);
        assert!(with(&[("CAMPANILE_STORE_FILE", "")]).unwrap().1.is_empty());
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_setting() {
        for path in ["/run/secrets/jwt", "./jwt.secret", "/tmp/pytest-of-root/pytest-0/test_of_files0/secret.txt"] {
            let refused = with(&[("CAMPANILE_JWT_SECRET_FILE", path)]).err().unwrap().to_string();
            let begins = format!("jwt-secret: {path}, the file that CAMPANILE_JWT_SECRET_FILE names, cannot be read: ");
            assert!(refused.starts_with(&begins) && refused.lines().count() == 1, "{refused}");
        }
        let refused = with(&[("CAMPANILE_BUS_FILE", "/dev/null")]).err().unwrap().to_string();
        assert_eq!(refused, "bus: /dev/null, the file that CAMPANILE_BUS_FILE names, is empty.");
    }

    #[test]
    fn a_secret_given_in_place_of_a_path_is_not_repeated() {
        let long = format!("/{}", "hush/".repeat(1_000));
        for (variable, value) in [
            ("CAMPANILE_STORE_FILE", "postgres://me:hush@db/x"),
            ("CAMPANILE_STORE_FILE", "sqlite:./hush"),
            ("CAMPANILE_BUS_FILE", "nats://hush@a"),
            ("CAMPANILE_SMTP_FILE", "smtp://me:hush@relay"),
            ("CAMPANILE_JWT_JWKS_FILE", "https://me:hush@id.example/keys"),
            ("CAMPANILE_JWT_SECRET_FILE", SECRET),
            ("CAMPANILE_JWT_SECRET_FILE", "hush"),
            ("CAMPANILE_JWT_SECRET_FILE", "/hush\n/hush"),
            ("CAMPANILE_JWT_SECRET_FILE", "/hushhushHUSHhush1234567890+/hush="),
            ("CAMPANILE_JWT_SECRET_FILE", &long),
        ] {
            let refused = with(&[(variable, value)]).err().unwrap().to_string();
            let says = format!(": the file that {variable} names cannot be read: ");
            assert!(refused.contains(&says) && !refused.contains("hush"), "{refused}");
            assert_eq!(refused.lines().count(), 1, "{refused}");
        }
    }
}
