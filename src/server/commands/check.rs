//! `campanile check`: prints the settings in force, and reports mistakes.

mod channels;

use std::{fmt::Write, path::Path};

use anyhow::{Result, bail};

use crate::server::{
    config::{BusUrl, InForce, Origin, Settings, SettingsInput, StoreUrl, of_bus},
    live::is_reachable,
    store::{PostgresStore, Schema, SqliteStore},
    stores::refusal,
};

/// Describes the settings in force and their store, without secrets and without changing anything. The second part is
/// the mistake, if any; then the command fails.
///
/// `is_from_environment` tells whether a given setting came from the environment.
pub async fn check(
    said: &SettingsInput,
    file: Option<&Path>,
    is_from_environment: impl Fn(&str) -> bool,
) -> (String, Result<()>) {
    let mut report = String::new();
    let in_force = match InForce::load(said, file) {
        Ok(in_force) => in_force,
        Err(error) => return (report, Err(error)),
    };
    let settings = Settings::in_force(&in_force);
    describe(&mut report, &in_force, settings.as_ref().ok(), is_from_environment);
    let (wrong, warnings) = match settings {
        Ok(settings) => (look_at(&mut report, &settings).await, settings.warnings()),
        // They may be the reason for the mistake.
        Err(error) => (Err(error), in_force.unknown),
    };
    for warning in warnings {
        // Writing to a string cannot fail.
        let _ = write!(report, "\nwarning: {warning}");
    }
    (report, wrong)
}

/// Describes the store and the channels; `Err` tells why the server could not start.
async fn look_at(report: &mut String, settings: &Settings) -> Result<()> {
    settings.startable()?;
    let taken = settings.can_listen()?;
    let Usable { sentence, is_up_to_date } = store_is_usable(settings).await?;
    report.push_str(&sentence);
    report.push_str(&channels::describe(settings, is_up_to_date).await);
    if let Some(why) = taken {
        let _ = write!(report, "\nwarning: {why}");
    }
    if let BusUrl::Nats(url) = &settings.bus
        && let Err(why) = is_reachable(url, &settings.bus_prefix).await
    {
        // A server starts without the bus, and keeps trying. Writing to a string cannot fail.
        let _ = write!(report, "\nwarning: {}", of_bus(&why));
    }
    Ok(())
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
            Origin::Given if is_from_environment(setting.name) => "environment",
            Origin::Given => "command line",
            Origin::OwnFile => "a file that the environment names",
            Origin::File => &file,
            Origin::Default => "default",
        };
        let follows = settings.filter(|_| setting.origin == Origin::Default);
        let follows = follows.and_then(|settings| settings.following_from_others(setting.name));
        let value = follows.unwrap_or(setting.value);
        // Writing to a string cannot fail.
        let _ = writeln!(report, "{:name_width$}  {value:value_width$}  {origin}", setting.name);
    }
}

/// The state of the store, and whether its contents can be read.
struct Usable {
    sentence: String,
    is_up_to_date: bool,
}

/// The state of the store, with its URL; `Err` tells why the server could not start with it.
async fn store_is_usable(settings: &Settings) -> Result<Usable> {
    let new = |sentence| Ok(Usable { sentence, is_up_to_date: false });
    let store = settings.store.absolute();
    let schema = match &settings.store {
        StoreUrl::Memory => return new("\nThe store is in memory: all is gone at restart.".to_owned()),
        StoreUrl::Sqlite(path) if !path.exists() => {
            SqliteStore::can_be_made(path).map_err(refusal)?;
            return new(format!("\nThe store {store} does not exist yet; it is made at the first start."));
        }
        StoreUrl::Sqlite(path) => {
            SqliteStore::can_be_written(path).map_err(refusal)?;
            SqliteStore::schema(path).map_err(refusal)?
        }
        StoreUrl::Postgres(url) => PostgresStore::schema(url).await.map_err(refusal)?,
    };
    let Schema { applied, known } = schema;
    if applied > known {
        bail!(
            "store: {store} was made by a newer Campanile (version {applied}; this one knows {known}). Use that one."
        );
    }
    if let StoreUrl::Postgres(url) = &settings.store {
        PostgresStore::startable(url).await.map_err(refusal)?;
    }
    let is_up_to_date = known == applied;
    let sentence = if is_up_to_date {
        format!("\nThe store {store} is up to date, at version {known}.")
    } else {
        format!("\nThe store {store} is at version {applied}; the next start brings it to {known}.")
    };
    Ok(Usable { sentence, is_up_to_date })
}
