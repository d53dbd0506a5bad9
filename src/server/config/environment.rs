//! Environment variables that look like settings but are none.

use clap::Args;

use super::{SettingsInput, from_files};
use crate::model::nearest;

/// Prefix of the variables of all settings.
const PREFIX: &str = "CAMPANILE_";
/// Variables that are not settings: of the command, and of the scripts and tests of this repository.
const OTHERS: [&str; 6] = ["CONFIG", "CACHE", "CHAOS_SECONDS", "CRASH_ROUNDS", "FUZZ_SECONDS", "FUZZ_SEED"];

/// A sentence about each variable that looks like a setting but is none: a misspelt name would otherwise leave the
/// setting unchanged without notice.
pub(super) fn unknown(variables: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let command = SettingsInput::augment_args(clap::Command::new("settings"));
    let variables_of = |argument: &clap::Arg| argument.get_env().and_then(|name| name.to_str().map(str::to_owned));
    let files = from_files::secrets().into_iter().map(|secret| secret.file_variable());
    let names = command.get_arguments().filter_map(variables_of).chain(files);
    let known: Vec<String> = names.filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned)).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut unknown: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)))
        .filter(|(name, _)| !known.contains(&name.as_str()) && !OTHERS.contains(&name.as_str()))
        .filter(|(name, value)| !is_of_kubernetes(name, value))
        .map(|(name, _)| name)
        .collect();
    unknown.sort();
    let sentence = |name: &String| {
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        // A setting that names a file itself, such as tls-key.
        let own = name.strip_suffix("_FILE").and_then(|own| known.iter().copied().find(|known| *known == own));
        let hint = own
            .or_else(|| nearest(name, &known))
            .map(|known| format!(" Did you mean {PREFIX}{known}?"))
            .unwrap_or_default();
        format!("{PREFIX}{shown}: there is no such setting, so it has no effect.{hint}")
    };
    unknown.iter().map(sentence).collect()
}

/// Kubernetes sets such variables in every container beside a Service with the name campanile, or campanile-nats.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let name = format!("_{name}");
    let is_of_port = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && ["_TCP", "_UDP", "_SCTP"].iter().any(|of| rest.contains(of))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        // A port that an operator means as a setting is a number.
        || (name.ends_with("_PORT") && value.contains("://"))
        || name.contains("_SERVICE_PORT_")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| is_of_port(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variable_is_reported_with_the_nearest_setting() {
        let input =
            |names: &[&str]| unknown(names.iter().map(|name| ((*name).to_owned(), "tcp://10.0.0.7:8000".to_owned())));
        assert_eq!(
            input(&["CAMPANILE_TYPO", "CAMPANILE_LIMITKEY", "CAMPANILE_JWT_KEY_FILE", "CAMPANILE_STORE", "HOME"]),
            [
                "CAMPANILE_JWT_KEY_FILE: there is no such setting, so it has no effect. Did you mean CAMPANILE_JWT_KEY?",
                "CAMPANILE_LIMITKEY: there is no such setting, so it has no effect. Did you mean CAMPANILE_LIMIT_KEY?",
                "CAMPANILE_TYPO: there is no such setting, so it has no effect.",
            ]
        );
        let of_others = [
            "CAMPANILE_CONFIG",
            "CAMPANILE_STORE_FILE",
            "CAMPANILE_SMTP_PASSWORD_FILE",
            "CAMPANILE_CACHE",
            "CAMPANILE_SERVICE_HOST",
            "CAMPANILE_SERVICE_PORT",
            "CAMPANILE_SERVICE_PORT_HTTP",
            "CAMPANILE_PORT",
            "CAMPANILE_PORT_8000_TCP_ADDR",
            "CAMPANILE_NATS_SERVICE_HOST",
            "CAMPANILE_NATS_SERVICE_PORT",
            "CAMPANILE_NATS_SERVICE_PORT_CLIENT",
            "CAMPANILE_NATS_PORT",
            "CAMPANILE_NATS_PORT_4222_TCP",
            "CAMPANILE_NATS_PORT_4222_TCP_PROTO",
            "CAMPANILE",
            "campanile_store",
        ];
        assert!(input(&of_others).is_empty(), "{:?}", input(&of_others));
        let meant_for_a_setting = unknown([("CAMPANILE_PORT".to_owned(), "8000".to_owned())]);
        assert!(
            meant_for_a_setting.len() == 1 && meant_for_a_setting[0].starts_with("CAMPANILE_PORT: there is no such")
        );
    }
}
