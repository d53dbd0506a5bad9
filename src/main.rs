//! The `campanile` command.

mod cli;

use std::process::ExitCode;

use clap::FromArgMatches;

use cli::{Cli, matches, note, obey};

fn main() -> ExitCode {
    let matches = matches();
    let done = Cli::from_arg_matches(&matches).map_err(anyhow::Error::from).and_then(|cli| obey(cli, &matches));
    match done {
        Ok(code) => code,
        Err(error) => {
            note(format_args!("campanile: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
