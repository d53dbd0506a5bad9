//! Reads the command line and the environment.

use std::{
    env,
    error::Error as _,
    ffi::OsStr,
    num::{IntErrorKind, ParseIntError},
};

use clap::{Arg, ArgMatches, Command, Error, builder::Resettable, error::ContextKind};

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

/// An error that names the variable of the environment where that has the value; and of a value that is not a number,
/// without the words that the standard library has for that.
fn in_words(error: Error) -> Error {
    let why = error.source().and_then(|cause| cause.downcast_ref::<ParseIntError>()).map(|cause| match cause.kind() {
        IntErrorKind::PosOverflow => "it is too large",
        _ => "it must be a whole number",
    });
    let of = error.get(ContextKind::InvalidArg).zip(error.get(ContextKind::InvalidValue));
    let Some((setting, value)) = of.map(|(setting, value)| (setting.to_string(), value)) else { return error };
    let variable = variable_of(&setting);
    let rendered = error.render().to_string();
    let told = match (why, &variable) {
        (None, None) => return error,
        (None, Some(_)) => rendered.trim_start_matches("error: ").to_owned(),
        (Some(why), _) => {
            format!("invalid value '{value}' for '{setting}': {why}\n\nFor more information, try '--help'.\n")
        }
    };
    let told = variable.map_or_else(|| told.clone(), |variable| told.replacen(&setting, &variable, 1));
    Error::raw(error.kind(), told)
}

/// The variable of the environment that gives this setting, such as `--window <COUNT>`, unless the command line does.
fn variable_of(setting: &str) -> Option<String> {
    let flag = setting.split(' ').next()?;
    let is_given = env::args_os().skip(1).any(|argument| argument.to_string_lossy().split('=').next() == Some(flag));
    let variable = format!("CAMPANILE_{}", flag.strip_prefix("--")?.replace('-', "_").to_uppercase());
    (!is_given && env::var_os(&variable).is_some()).then_some(variable)
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
