//! The command line with its help. Every command accepts all settings, and shows those that matter to it.

use campanile::server::config::SettingsInput;
use clap::{Arg, Command, CommandFactory};

use super::Cli;

const OF_A_STORE: &[&str] = &["config", "store"];
/// The settings that each command shows; a command that is not here shows all.
const SHOWN: [(&str, &[&str]); 11] = [
    ("campanile", &["config", "listen", "store"]),
    ("migrate", OF_A_STORE),
    ("export", OF_A_STORE),
    ("import", OF_A_STORE),
    ("backup", OF_A_STORE),
    ("create", OF_A_STORE),
    ("list", OF_A_STORE),
    ("revoke", OF_A_STORE),
    ("email", &["config", "smtp", "smtp_password_file", "mail_from", "mail_templates", "app_name", "public_url"]),
    ("fcm", &["config", "fcm_service_account", "fcm_url", "app_name"]),
    (
        "apns",
        &[
            "config",
            "apns_key",
            "apns_key_id",
            "apns_team_id",
            "apns_topic",
            "apns_url",
            "apns_sandbox_url",
            "app_name",
        ],
    ),
];
const OTHERS: &str = "`campanile serve --help` lists all settings; each is accepted here too.";

/// The command line.
pub(super) fn command() -> Command {
    with_help(Cli::command())
}

fn with_help(command: Command) -> Command {
    let shown = SHOWN.iter().find(|(name, _)| *name == command.get_name());
    let command = SettingsInput::with_headings(command).mut_subcommands(with_help);
    let Some((_, shown)) = shown else { return command };
    let after = command.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
    command.after_help(format!("{after}{OTHERS}")).mut_args(|argument| {
        let is_hidden = is_setting(&argument) && !shown.contains(&argument.get_id().as_str());
        argument.hide(is_hidden)
    })
}

/// Whether an argument is a setting: a command's own arguments have no variable.
fn is_setting(argument: &Arg) -> bool {
    argument.get_env().is_some()
}
