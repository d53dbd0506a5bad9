//! Lines of an export that a user has changed: they are imported as a whole or not at all, and never break the store.

use std::{
    io::{Cursor, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use campanile::{
    model::{Filter, Limit},
    server::{
        commands,
        config::{Settings, SettingsInput},
        store::{SqliteOptions, SqliteStore, Store},
    },
};
use proptest::prelude::*;

use super::{fuzz, json, sound};
use crate::harness::new_folder;

/// Lines of a valid import.
const LINES: &str = include_str!("../upgrade/export.jsonl");

pub(super) fn new_file() -> PathBuf {
    new_folder().join("campanile.db")
}

fn settings(file: &Path) -> Settings {
    let said = SettingsInput { store: Some(format!("sqlite:{}", file.display())), ..SettingsInput::default() };
    Settings::load(&said, None).unwrap()
}

/// A file in memory.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The export of a file, or its error.
pub(super) async fn export(file: &Path) -> Result<String, String> {
    let written = Written::default();
    commands::export(&settings(file), written.clone()).await.map_err(|error| error.to_string())?;
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The number of notifications that were imported into a file, or the error.
pub(super) async fn import(file: &Path, lines: impl Into<Vec<u8>>) -> Result<u64, String> {
    let imported = commands::import(&settings(file), Cursor::new(lines.into())).await;
    imported.map(|imported| imported.notifications).map_err(|error| format!("{error:#}"))
}

/// The records between a format record and an end record with their number, as in a current export.
fn framed(lines: &[String]) -> String {
    let count = |kind: &str| lines.iter().filter(|line| line.starts_with(&format!("{{\"record\":\"{kind}\""))).count();
    let counts = [("inboxes", "inbox"), ("notifications", "notification"), ("deletions", "deletion")];
    let counts = counts.into_iter().chain([("once", "once"), ("keys", "key")]);
    let counts: Vec<_> = counts.map(|(name, kind)| format!("\"{name}\":{}", count(kind))).collect();
    let first = r#"{"record":"format","version":2,"made_by":"campanile"}"#;
    format!("{first}\n{}\n{{\"record\":\"end\",{}}}\n", lines.join("\n"), counts.join(","))
}

/// A change to the lines.
#[derive(Clone, Debug)]
enum Change {
    /// A line is removed.
    Remove(prop::sample::Index),
    /// A line is repeated.
    Repeat(prop::sample::Index, prop::sample::Index),
    /// Two lines are swapped.
    Swap(prop::sample::Index, prop::sample::Index),
    /// The value of a field is replaced.
    Value(prop::sample::Index, prop::sample::Index, String),
    /// A byte is replaced.
    Byte(prop::sample::Index, u8),
    /// The rest is missing.
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        1 => at().prop_map(Change::Remove),
        1 => (at(), at()).prop_map(|(line, to)| Change::Repeat(line, to)),
        1 => (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        4 => (at(), at(), json::value()).prop_map(|(line, field, value)| Change::Value(line, field, value)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => at().prop_map(Change::Cut),
    ]
}

/// Lines to import, as in the first release or framed as in a current export.
fn changed(changes: &[Change], is_framed: bool) -> Vec<u8> {
    let mut lines: Vec<String> = LINES.lines().map(str::to_owned).collect();
    for change in changes {
        let many = lines.len().max(1);
        match change {
            Change::Remove(at) if !lines.is_empty() => drop(lines.remove(at.index(many))),
            Change::Repeat(from, to) if !lines.is_empty() => {
                lines.insert(to.index(many), lines[from.index(many)].clone())
            }
            Change::Swap(one, other) if !lines.is_empty() => lines.swap(one.index(many), other.index(many)),
            Change::Value(at, field, value) if !lines.is_empty() => {
                let line = &mut lines[at.index(many)];
                let names: Vec<_> = line.match_indices("\":").map(|(at, _)| at + 2).collect();
                if let Some(start) = (!names.is_empty()).then(|| names[field.index(names.len())]) {
                    let end = line[start..].find([',', '}']).map_or(line.len(), |end| start + end);
                    line.replace_range(start..end, value);
                }
            }
            _ => {}
        }
    }
    let text = if is_framed { framed(&lines) } else { lines.join("\n") + "\n" };
    let mut bytes = text.into_bytes();
    for change in changes {
        match change {
            Change::Byte(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            _ => {}
        }
    }
    bytes
}

#[test]
fn lines_of_an_import() {
    let changes = (prop::collection::vec(change(), 0..4), any::<bool>());
    fuzz(
        &changes,
        |_| (),
        |runtime, (), (changes, is_framed)| {
            runtime.block_on(async {
                let file = new_file();
                let imported = import(&file, changed(&changes, is_framed)).await;
                sound!(imported.is_ok() || !changes.is_empty(), "an export as it was is refused: {imported:?}");
                sound!(!imported.as_ref().is_err_and(|why| why.contains("panic")), "{imported:?}");
                let Ok(imported) = imported else {
                    sound!(!file.exists(), "refused, and a store stays");
                    return Ok(());
                };
                let exported = export(&file).await;
                sound!(exported.is_ok(), "no export after it: {exported:?}");
                let exported = exported.unwrap_or_default();
                let start = "{\"record\":\"notification\"";
                let count = exported.lines().filter(|line| line.starts_with(start)).count() as u64;
                sound!(count == imported, "{imported}, and {count}");
                // The store with the imported data can be used and exported.
                let store = SqliteStore::open(&SqliteOptions::new(&file)).unwrap();
                let listed = store.list(&Filter::default(), None, Limit::new(1000)).await;
                sound!(listed.is_ok(), "no list after it: {listed:?}");
                drop(store);
                let again = import(&new_file(), exported.clone()).await;
                sound!(again == Ok(imported), "its export is refused: {again:?}");
                Ok(())
            })
        },
    );
}
