//! The command line and the environment, as they are read.

use std::{env, ffi::OsStr};

use clap::{Arg, ArgMatches, Command, CommandFactory, builder::Resettable};

use super::Cli;

/// The variables that say something when they are empty: no category.
const SAY_SOMETHING_EMPTY: [&str; 1] = ["CAMPANILE_EMAIL_CATEGORIES"];

/// Reads both, or ends the process with help, or with what is wrong.
pub(crate) fn matches() -> ArgMatches {
    let said = without(Cli::command(), is_empty).try_get_matches();
    said.unwrap_or_else(|error| {
        // The line of usage would have each setting in it that the environment says.
        let alone = error.use_stderr().then(|| without(Cli::command(), |_| true).try_get_matches().err()).flatten();
        alone.unwrap_or(error).exit()
    })
}

/// The command without variables of the environment like this.
fn without(command: Command, is_out: fn(&OsStr) -> bool) -> Command {
    let heeds = move |argument: Arg| {
        if argument.get_env().is_some_and(is_out) { argument.env(Resettable::Reset) } else { argument }
    };
    command.mut_args(heeds).mut_subcommands(move |command| without(command, is_out))
}

/// Compose passes on a variable that is not set as an empty one, so that one is as good as not set.
fn is_empty(variable: &OsStr) -> bool {
    let says_something = SAY_SOMETHING_EMPTY.iter().any(|name| *name == variable);
    !says_something && env::var_os(variable).is_some_and(|value| value.is_empty())
}
