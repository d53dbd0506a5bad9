//! `docs/settings.md`, generated from the flags: `make settings` writes it, and a test compares it.

use clap::{Arg, Args, Command};

use super::SettingsInput;

const INTRODUCTION: &str = r#"<!-- Generated from the code by `make settings`. -->

# Settings

Campanile runs without any setting. Each one can be given as a flag, an environment variable or a line of `campanile.toml`:

| flag | environment | file |
| --- | --- | --- |
| `--max-age 90d` | `CAMPANILE_MAX_AGE=90d` | `max-age = "90d"` |
| `--trusted-proxies 10.0.0.0/8` | `CAMPANILE_TRUSTED_PROXIES=10.0.0.0/8` | `trusted-proxies = ["10.0.0.0/8"]` |

A flag wins over the environment, the environment over the file, and the file over the default. The variable is always
`CAMPANILE_` and the flag in capitals, with `_` for `-`; the key in the file is the flag without `--`. The server reads
`campanile.toml` in the directory where it starts; `--config FILE`, or `CAMPANILE_CONFIG`, names another file.
`campanile check` prints the settings in force and where each comes from, and reports mistakes.

- A setting that may be given several times is a list in the file, and is separated by commas in a variable.
- An empty variable counts as absent, except `CAMPANILE_EMAIL_CATEGORIES`, where empty means no category.
- A secret can be read from a file, as Docker and Kubernetes provide it: `CAMPANILE_STORE_FILE=/run/secrets/store` replaces
  `CAMPANILE_STORE`, and likewise `CAMPANILE_BUS_FILE`, `CAMPANILE_JWT_SECRET_FILE`, `CAMPANILE_JWT_JWKS_FILE` and
  `CAMPANILE_SMTP_FILE`. The file holds one line; a byte order mark before it and line breaks after it are ignored.
"#;

/// The settings as a document in Markdown.
#[must_use]
pub fn document() -> String {
    let command = SettingsInput::with_headings(SettingsInput::augment_args(Command::new("campanile")));
    let mut text = INTRODUCTION.to_owned();
    let mut heading = None;
    for argument in command.get_arguments() {
        if argument.get_help_heading() != heading {
            heading = argument.get_help_heading();
            let title = heading.unwrap_or_default();
            text.push_str(&format!("\n## {title}\n\n| setting | meaning | default |\n| --- | --- | --- |\n"));
        }
        text.push_str(&row(argument));
    }
    text
}

/// The row of one setting. Its help ends with its default.
fn row(argument: &Arg) -> String {
    let flag = argument.get_long().unwrap_or_default();
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let (meaning, default) = help.split_once(" [default: ").unwrap_or((&help, ""));
    let default = if default.is_empty() && values == "BOOL" { "false" } else { default };
    let default = default.trim_end_matches(']').trim_matches('`');
    let is_literal = !default.is_empty() && !default.contains(' ');
    let default = if is_literal { format!("`{default}`") } else { default.to_owned() };
    // Characters that Markdown would read as HTML, or as the end of a cell.
    let meaning = meaning.replace('<', "\\<").replace('|', "\\|");
    format!("| `--{flag} {values}` | {meaning} | {default} |\n")
}
