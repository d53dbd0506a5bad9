//! Reads the command line and the environment.

use std::{
    env,
    error::Error as _,
    ffi::OsStr,
    num::{IntErrorKind, ParseIntError},
};

use clap::{
    Arg, ArgMatches, Command, Error,
    builder::Resettable,
    error::{ContextKind, ErrorKind},
};

use super::help::command;

/// The variables that mean something when they are empty: no category.
const SAY_SOMETHING_EMPTY: [&str; 1] = ["CAMPANILE_EMAIL_CATEGORIES"];

/// Reads both, or ends the process with help or an error.
pub(crate) fn matches() -> ArgMatches {
    let said = without(command(), is_empty).try_get_matches();
    said.map_err(in_words).unwrap_or_else(|error| {
        // Without the environment, because the usage line would list each setting that the environment gives.
        let alone =
            error.use_stderr().then(|| without(command(), |_| true).try_get_matches().err().map(in_words)).flatten();
        alone.unwrap_or(error).exit()
    })
}

/// A value that is not a number, without the words that the standard library has for that.
fn in_words(error: Error) -> Error {
    let why = error.source().and_then(|cause| cause.downcast_ref::<ParseIntError>()).map(|cause| match cause.kind() {
        IntErrorKind::PosOverflow => "it is too large",
        _ => "it must be a whole number",
    });
    match (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue), why) {
        (Some(setting), Some(value), Some(why)) => {
            let told =
                format!("invalid value '{value}' for '{setting}': {why}\n\nFor more information, try '--help'.\n");
            Error::raw(ErrorKind::ValueValidation, told)
        }
        _ => error,
    }
}

/// The command without variables of the environment like this.
fn without(command: Command, is_out: fn(&OsStr) -> bool) -> Command {
    let heeds = move |argument: Arg| {
        if argument.get_env().is_some_and(is_out) { argument.env(Resettable::Reset) } else { argument }
    };
    command.mut_args(heeds).mut_subcommands(move |command| without(command, is_out))
}

/// Compose passes an unset variable as an empty one, so an empty variable counts as absent.
fn is_empty(variable: &OsStr) -> bool {
    let says_something = SAY_SOMETHING_EMPTY.iter().any(|name| *name == variable);
    !says_something && env::var_os(variable).is_some_and(|value| value.is_empty())
}
