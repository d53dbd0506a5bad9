//! `campanile check`: which settings are in force, and what is wrong with them.

mod channels;

use std::{fmt::Write, path::Path};

use anyhow::{Result, bail};

use crate::server::{
    auth::token::Tokens,
    config::{InForce, Origin, Said, Settings, StoreUrl},
    store::{PostgresStore, Schema, SqliteStore},
};

/// Describes the settings in force and the store that they name, without secrets and without
/// changing anything. The second part says what is wrong; then the command fails.
///
/// `is_from_environment` tells of a setting that was said whether that was in the environment.
pub async fn check(
    said: &Said,
    file: Option<&Path>,
    is_from_environment: impl Fn(&str) -> bool,
) -> (String, Result<()>) {
    let mut report = String::new();
    let settings = match InForce::load(said, file) {
        Ok(in_force) => {
            let settings = Settings::load(said, file);
            describe(&mut report, &in_force, settings.as_ref().ok(), is_from_environment);
            settings
        }
        Err(error) => Err(error),
    };
    let settings = settings.and_then(|settings| settings.may_listen().map(|()| settings));
    let wrong = match settings {
        Ok(settings) => match is_usable(&settings).await {
            Ok(Usable { sentence, is_up_to_date }) => {
                report.push_str(&sentence);
                report.push_str(&channels::describe(&settings, is_up_to_date).await);
                for warning in settings.warnings() {
                    let _ = write!(report, "\nwarning: {warning}");
                }
                Ok(())
            }
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    (report, wrong)
}

fn describe(
    report: &mut String,
    in_force: &InForce,
    settings: Option<&Settings>,
    is_from_environment: impl Fn(&str) -> bool,
) {
    let file = in_force.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    let name_width = in_force.list().map(|setting| setting.name.len()).max().unwrap_or(0);
    let value_width = in_force.list().map(|setting| setting.value.len()).max().unwrap_or(0).min(40);
    for setting in in_force.list() {
        let origin = match setting.origin {
            Origin::Said if is_from_environment(setting.name) => "environment",
            Origin::Said => "command line",
            Origin::File => &file,
            Origin::Default => "default",
        };
        // Whether callers have to prove who they are follows from other settings, where nothing is said.
        let value = match settings {
            Some(settings) if setting.name == "auth" => {
                if settings.auth.is_some() {
                    "on"
                } else {
                    "off"
                }
            }
            _ => &setting.value,
        };
        // Writing to a string does not fail.
        let _ = writeln!(report, "{:name_width$}  {value:value_width$}  {origin}", setting.name);
    }
}

/// What state the store is in, and whether what is in it can be read.
struct Usable {
    sentence: String,
    is_up_to_date: bool,
}

/// What state the store is in, when the certificate is fine; `Err` says why the server could not start.
async fn is_usable(settings: &Settings) -> Result<Usable> {
    if let Some(tls) = &settings.connections.tls {
        tls.check()?;
    }
    if let Some(tokens) = settings.auth.as_ref().and_then(|auth| auth.tokens.clone()) {
        Tokens::new(tokens)?;
    }
    store_is_usable(settings).await
}

/// What state the store is in; `Err` says why the server could not start with it.
async fn store_is_usable(settings: &Settings) -> Result<Usable> {
    let new = |sentence| Ok(Usable { sentence, is_up_to_date: false });
    let schema = match &settings.store {
        StoreUrl::Memory => return new("\nThe store is in memory: all is gone at restart.".to_owned()),
        StoreUrl::Sqlite(path) if !path.exists() => {
            return new(format!("\n{} does not exist yet; it is made at the first start.", path.display()));
        }
        StoreUrl::Sqlite(path) => SqliteStore::schema(path)?,
        StoreUrl::Postgres(url) => PostgresStore::schema(url).await?,
    };
    let Schema { applied, known } = schema;
    if applied > known {
        bail!("store: made by a newer Campanile (version {applied}; this one knows {known}). Use that one.");
    }
    let is_up_to_date = known == applied;
    let sentence = if is_up_to_date {
        format!("\nThe store is up to date, at version {known}.")
    } else {
        format!("\nThe store is at version {applied}; the next start brings it to {known}.")
    };
    Ok(Usable { sentence, is_up_to_date })
}
