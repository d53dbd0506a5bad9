//! Old exports can be imported, and a current export contains all old data.

use std::process::Output;

use super::{EXPORT, IMPORTED, Upgraded, all, notifications, of_both, until_an_hour_ago};
use crate::{command::campanile, harness::new_folder, postgres::empty_database};

fn new_sqlite() -> String {
    format!("sqlite:{}", new_folder().join("campanile.db").display())
}

fn run(arguments: &[&str]) -> Output {
    let done = campanile(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

fn export(url: &str) -> String {
    String::from_utf8(run(&["export", "--store", url]).stdout).unwrap()
}

/// Imports these lines, and returns the output.
fn import(lines: &str, url: &str) -> String {
    let file = new_folder().join("all.jsonl");
    std::fs::write(&file, lines).unwrap();
    String::from_utf8(run(&["import", &file.display().to_string(), "--store", url]).stderr).unwrap()
}

/// The lines of an export with stored data.
fn records(export: &str) -> Vec<&str> {
    let of = ["inbox", "notification", "deletion", "once", "key"].map(|kind| format!("{{\"record\":\"{kind}\""));
    export.lines().filter(|line| of.iter().any(|start| line.starts_with(start.as_str()))).collect()
}

of_both! {
    async fn everything_is_exported_and_comes_back(old) {
        let exported = export(&old.url);
        assert_eq!(notifications(&exported), all());
        assert_eq!(records(&exported).len(), records(EXPORT).len() + 4, "two inboxes and their notifications");
        for url in [new_sqlite(), empty_database().await] {
            import(&exported, &url);
            assert_eq!(records(&export(&url)), records(&exported));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_export_is_taken_with_a_warning() {
    let lines = until_an_hour_ago(EXPORT);
    for url in [new_sqlite(), empty_database().await] {
        let said = import(&lines, &url);
        assert!(said.contains("warning"), "nothing says that a part may be missing: {said}");
        let exported = export(&url);
        assert_eq!(notifications(&exported), notifications(EXPORT));
        assert_eq!(records(&exported).len(), records(EXPORT).len());
        let imported =
            if url.starts_with("sqlite:") { Upgraded::open_sqlite(url) } else { Upgraded::open_postgres(url).await };
        super::retrying::a_retry_with_data(&imported).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_could_be_imported_then_can_be_imported_now() {
    for url in [new_sqlite(), empty_database().await] {
        import(IMPORTED, &url);
        assert_eq!(notifications(&export(&url)), notifications(IMPORTED));
    }
}
