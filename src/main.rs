//! The `campanile` command.

mod cli;

use std::process::ExitCode;

use clap::FromArgMatches;
use mimalloc::MiMalloc;

use cli::{Cli, matches, note, obey};

/// A request allocates some eighty times, mostly for a moment: with glibc's allocator that takes a quarter of the
/// program's own time for a small answer.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    use_small_pages();
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

/// Has the kernel give memory in small pages. The allocator reserves its memory in large areas, of which a server that
/// idles uses little: huge pages would make three times as much of it resident, and no request faster.
#[cfg(target_os = "linux")]
fn use_small_pages() {
    // A kernel without huge pages refuses, and gives small ones anyway.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
