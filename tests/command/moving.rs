//! `campanile export`, `import` and `backup`, and the files that they refuse.

use super::{Server, create, make_key, new_store, printed, refused, run};

#[test]
fn everything_moves_while_a_server_runs() {
    let (store, folder) = new_store();
    let server = Server::start(&["--store", &store]);
    create(&server, "ann", "one");
    create(&server, "bob", "two");
    let [lines, copy] = ["all.jsonl", "copy.db"].map(|name| folder.join(name).display().to_string());
    printed(&["export", &lines, "--store", &store]);
    printed(&["backup", &copy, "--store", &store]);
    assert!(refused(&["export", &lines, "--store", &store]).contains("exists, and an export overwrites nothing"));
    let exported = std::fs::read_to_string(&lines).unwrap();
    let (other, _) = new_store();
    printed(&["import", &lines, "--store", &other]);
    assert_eq!(printed(&["export", "--store", &other]), exported);
    assert_eq!(printed(&["export", "-", "--store", &format!("sqlite:{copy}")]), exported);
    // An import is not mixed with existing data, and a wrong line undoes all of it.
    let error = refused(&["import", &lines, "--store", &other]);
    let why = "the store is not empty. Import into a new one, so that nothing is mixed up.";
    assert_eq!(error, format!("campanile: {why} Nothing was imported into {other}.\n"));
    let (empty, nowhere) = new_store();
    let end = exported.lines().last().unwrap();
    assert_eq!(end, r#"{"record":"end","inboxes":2,"notifications":2,"deletions":0,"once":0,"keys":0}"#);
    let first: String = exported.lines().take(3).map(|line| format!("{line}\n")).collect();
    for (text, says) in [
        (exported.replace(end, "{\"record\": \"nonsense\"}"), "line 6 of the import has an unknown kind of record"),
        (exported.replace(end, ""), "it has no end record, so it was cut off. Export again."),
        (first, "it has no end record, so it was cut off. Export again."),
        (
            exported.replace(r#""notifications":2"#, r#""notifications":3"#),
            "line 6 of the import has counts that differ",
        ),
        (exported.replace("\"one\"", "\"\""), "line 4 of the import has an invalid content: "),
        (exported.lines().skip(1).map(|line| format!("{line}\n")).collect(), "the beginning is missing"),
        (String::new(), "there is nothing in it"),
        ("x".repeat(9 << 20), "line 1 of the import is longer than"),
        (
            "SQLite format 3\0\n".to_owned(),
            "line 1 of the import begins as a SQLite file does, such as `campanile backup` makes",
        ),
    ] {
        std::fs::write(&lines, text).unwrap();
        let error = refused(&["import", &lines, "--store", &empty]);
        assert!(error.contains(says) && error.lines().count() == 1, "{error}");
        assert!(error.ends_with(&format!(". Nothing was imported into {empty}.\n")), "{error}");
        let left: Vec<_> = std::fs::read_dir(&nowhere).unwrap().collect();
        assert!(left.is_empty(), "a store that was made for nothing stays: {left:?}");
    }
    // Blank lines, other line endings and a byte order mark are accepted.
    std::fs::write(&lines, format!("\u{feff}{}\r\n \n", exported.replace('\n', "\r\n\n"))).unwrap();
    printed(&["import", &lines, "--store", &empty]);
    assert_eq!(printed(&["export", "--store", &empty]), exported);
}

#[test]
fn a_move_that_fails_leaves_nothing_behind_and_takes_nothing_away() {
    let (store, folder) = new_store();
    let lines = folder.join("all.jsonl").display().to_string();
    for _ in 0..2 {
        let error = refused(&["export", &lines, "--store", &store]);
        assert_eq!(error, format!("campanile: {} does not exist.\n", folder.join("campanile.db").display()));
    }
    // An import that fails does not remove an empty store which a server or a person with a new key already uses.
    make_key(&store, "read");
    std::fs::write(&lines, "nonsense").unwrap();
    assert!(refused(&["import", &lines, "--store", &store]).contains("line 1 of the import"));
    assert!(printed(&["key", "list", "--store", &store]).contains("read"));
}

/// Each command refuses it, and neither changes the file nor creates one beside it.
#[test]
fn the_database_of_another_program_is_refused() {
    let (store, folder) = new_store();
    let file = folder.join("campanile.db");
    let [copy, lines] = ["copy.db", "all.jsonl"].map(|name| folder.join(name).display().to_string());
    let nothing = format!(" Nothing was imported into {store}.");
    let sql = |sql: &str| rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    let of_refinery = "CREATE TABLE refinery_schema_history (version INTEGER PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT);";
    let noted = |name: &str, applied_on: &str| {
        format!("{of_refinery} INSERT INTO refinery_schema_history VALUES (1, '{name}', '{applied_on}', '1')")
    };
    for (made, says) in [
        (
            "CREATE TABLE users (name TEXT)",
            "is the database of another program: \"users\" is in it. Give another file.",
        ),
        ("CREATE VIEW v AS SELECT 1", "is the database of another program: \"v\" is in it."),
        (&*noted("shop", "2026-01-01T00:00:00Z"), "has other tables than this version made. Is it Campanile's?"),
        (&*noted("inboxes", "yesterday"), "has a date for migration 1 that no Campanile wrote."),
    ] {
        let _ = std::fs::remove_file(&file);
        sql(made);
        let before = std::fs::read(&file).unwrap();
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["check"],
            &["migrate"],
            &["key", "list"],
            &["backup", &copy],
            &["export", &lines],
            &["import", "/dev/null"],
        ] {
            let error = refused(&[command, &["--store", &store]].concat());
            assert!(error.contains(says) && error.lines().count() == 1, "{command:?}: {error}");
            assert!(error.starts_with(&format!("campanile: {} ", file.display())), "{command:?}: {error}");
            let end = if command[0] == "import" { &*nothing } else { "" };
            assert!(error.ends_with(&format!("{end}\n")) && !error.contains("?."), "{command:?}: {error}");
            assert_eq!(std::fs::read(&file).unwrap(), before, "{command:?}");
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "{command:?}");
        }
    }
    // A file without tables counts as no database.
    std::fs::write(&file, "").unwrap();
    assert!(printed(&["migrate", "--store", &store]).contains("brought from version 0"));
}

#[test]
fn an_export_of_an_earlier_release_is_taken_with_a_warning() {
    let (store, folder) = new_store();
    let lines = folder.join("old.jsonl").display().to_string();
    let deep = format!("{}{}", "{\"a\":".repeat(125), "{}".to_owned() + &"}".repeat(125));
    let notification = |place: usize, content: &str, data: &str| {
        format!(
            r#"{{"record":"notification","modseq":{place},"created":{place},"notification":{{"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e0{place}","user_id":"ann","content":"{content}","timestamp":"2026-01-01T00:00:00.000000Z","is_read":false,"category":"message","data":{data}}}}}"#
        )
    };
    let large = format!(r#"{{"x":[{}0]}}"#, "7.887233511355131e+211,".repeat(900));
    let old = [
        r#"{"record":"inbox","user_id":"ann","modseq":4,"forgotten":0,"all_read_modseq":0}"#.to_owned(),
        notification(1, "deep", &deep),
        notification(2, "\u{200b}\u{3164}", "{}"),
        notification(3, "large", &large),
        notification(4, "wide", r#"{"a":1.0,"b":1e100}"#),
    ]
    .join("\n");
    std::fs::write(&lines, &old).unwrap();
    let done = run(&["import", &lines, "--store", &store]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && said.contains("whether a part is missing"), "{said}");
    assert!(
        said.contains("1 of the notifications are larger") && said.contains(": 4 notifications and the rest."),
        "{said}"
    );

    // Imported records can be exported and imported again.
    let exported = printed(&["export", "--store", &store]);
    assert!([&deep, &large, "\u{200b}\u{3164}"].iter().all(|text| exported.contains(*text)), "{exported}");
    let (other, _) = new_store();
    std::fs::write(&lines, &exported).unwrap();
    printed(&["import", &lines, "--store", &other]);
    assert_eq!(printed(&["export", "--store", &other]), exported);
    let server = Server::start(&["--store", &other]);
    let answer = server.ask("GET /api/notifications/list HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&deep) && answer.contains(&large), "{answer}");
}
