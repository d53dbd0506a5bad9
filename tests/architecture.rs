//! Checks that the files and tests named in `ARCHITECTURE.md` exist, and that its rules for a new route hold for every
//! route.

mod circles;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use campanile::server::http::openapi;
use regex::Regex;
use serde_json::Value;

const ARCHITECTURE: &str = include_str!("../ARCHITECTURE.md");

fn in_the_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(in_the_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of all Rust files below a folder.
fn rust_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.extension() {
        _ if path.is_dir() => rust_below(&path),
        Some(extension) if extension == "rs" => fs::read_to_string(&path).unwrap(),
        _ => String::new(),
    });
    texts.collect()
}

/// The words in inline code.
fn code() -> BTreeSet<&'static str> {
    let prose = ARCHITECTURE.split("\n```").step_by(2);
    prose.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

/// The contents of a section, up to the next heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = ARCHITECTURE.split_once(&format!("\n### {heading}\n")).unwrap();
    rest.split("\n#").next().unwrap()
}

#[test]
fn every_file_that_it_names_exists() {
    let folders =
        r"^(src|tests|end2end|docs|migrations|style|public|benches|load|scripts|examples|patches|\.cargo)/\S*$";
    let paths = Regex::new(folders).unwrap();
    let named: Vec<_> = code().into_iter().filter(|word| paths.is_match(word)).collect();
    assert!(named.len() > 100, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|path| !in_the_repository(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_test_that_it_names_exists() {
    let name = Regex::new("^[a-z0-9]+(_[a-z0-9]+){3,}$").unwrap();
    let named: Vec<_> = code().into_iter().filter(|word| name.is_match(word)).collect();
    assert!(named.len() > 10, "{named:?}");
    let rust = rust_below(&in_the_repository("src")) + &rust_below(&in_the_repository("tests"));
    let is_missing = |name: &&&str| !rust.contains(&format!("fn {name}("));
    let missing: Vec<_> = named.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every route is in each of the files that "A new route" lists for all routes, and is handled in `src/server/http`.
#[test]
fn every_route_is_where_a_new_route_goes() {
    let line = Regex::new(r"(?m)^   - `([^`]+)`").unwrap();
    let files: Vec<_> = line.captures_iter(section("A new route")).map(|found| found[1].to_owned()).collect();
    assert_eq!(files, ["openapi.json", "docs/rest.md", "tests/auth/matrix.rs", "tests/notifications/bad_input.rs"]);
    let handlers = ("src/server/http".to_owned(), rust_below(&in_the_repository("src/server/http")));
    let texts: Vec<_> = files.into_iter().map(|file| (file.clone(), read(&file))).chain([handlers]).collect();
    let parameter = Regex::new(r"\\\{[a-z_]+\\\}").unwrap();
    let description: Value = serde_json::from_str(&openapi().to_json().unwrap()).unwrap();
    let mut missing = Vec::new();
    for path in description["paths"].as_object().unwrap().keys() {
        let literal = regex::escape(path);
        for (file, text) in &texts {
            // The tables of tests have a value in place of a parameter.
            let path_there = if file.starts_with("tests/") {
                parameter.replace_all(&literal, r#"[^/\s"?`]+"#)
            } else {
                (&*literal).into()
            };
            let is_there = Regex::new(&format!(r#"[\s"`]{path_there}[\s"?`]"#)).unwrap().is_match(text);
            missing.extend((!is_there).then(|| format!("{path} in {file}")));
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
