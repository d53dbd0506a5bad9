//! Tells cargo when the server has to be compiled anew because of what is not Rust: the dashboard's files, which a
//! release build carries inside itself, and the migrations.

use std::{env, fs, io};

/// Where `cargo leptos` leaves WebAssembly, JavaScript, styles and pictures (`site-root` in `Cargo.toml`).
const SITE: &str = "target/site";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=migrations");
    if env::var_os("CARGO_FEATURE_SSR").is_none() {
        return Ok(());
    }
    // What is embedded must exist, even when nothing has been built yet.
    fs::create_dir_all(SITE)?;
    // A debug build reads the files from disk while it runs.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed={SITE}");
        if fs::read_dir(SITE)?.next().is_none() {
            println!("cargo::warning={SITE} is empty, so the server will have no dashboard: run `make build`");
        }
    }
    Ok(())
}
