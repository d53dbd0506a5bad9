//! The headings that group the settings, in `--help` and in `docs/settings.md`.

use clap::Command;

use super::SettingsInput;

/// The first setting below each heading; those after it in `SettingsInput` follow it.
const HEADINGS: [(&str, &str); 14] = [
    ("listen", "Listening"),
    ("store", "Store"),
    ("bus", "Several servers"),
    ("batch_max", "Requests and connections"),
    ("tls_cert", "TLS"),
    ("shutdown_delay", "Stopping"),
    ("heartbeat", "Live streams"),
    ("public_url", "Gateways and other sites"),
    ("auth", "Authentication"),
    ("limit_key", "Rate limits"),
    ("webhook_allow", "Webhooks and deliveries"),
    ("smtp", "Mail"),
    ("push_contact", "Push"),
    ("log", "Log"),
];

impl SettingsInput {
    /// The command with each setting below its heading.
    #[must_use]
    pub fn with_headings(command: Command) -> Command {
        let mut heading = None;
        command.mut_args(move |argument| {
            let begins = HEADINGS.iter().find(|(first, _)| argument.get_id() == first);
            heading = begins.map(|(_, title)| *title).or(heading);
            if heading.is_some() { argument.help_heading(heading) } else { argument }
        })
    }
}
