//! `campanile key`, as a process, beside a running server.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use campanile::server::{auth::key::KeySecret, store::Credentials};
use tokio::task::block_in_place;

use super::{Server, campanile, create, new_store, printed, refused, run};
use crate::{harness::new_folder, postgres};

/// Creates a key, and returns its secret and the text about it.
fn make(arguments: &[&str]) -> (KeySecret, String) {
    let done = run(&[&["key", "create"], arguments].concat());
    let (out, said) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success(), "{said}");
    (KeySecret::parse(out.strip_suffix('\n').unwrap()).unwrap(), said)
}

/// The URL of a store on which a server was started once.
fn store_with_tables() -> String {
    let (store, _) = new_store();
    printed(&["migrate", "--store", &store]);
    store
}

fn listed(store: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(&printed(&["key", "list", "--json", "--store", store])).unwrap()
}

/// Whether a file of this folder contains these bytes.
fn is_in(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|part| part == bytes)
    })
}

#[test]
fn keys_are_made_listed_and_revoked_while_a_server_writes_to_the_same_file() {
    let (store, _) = new_store();
    let server = Arc::new(Server::start(&["--store", &store]));
    let (over, created) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..6)
        .map(|number| {
            let (server, over, created) = (Arc::clone(&server), Arc::clone(&over), Arc::clone(&created));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // Fails the test unless the status is 201.
                    create(&server, &format!("user {number}"), "x");
                    created.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 0..10 {
        let name = format!("key {round}");
        let (secret, _) = make(&[&name, "--scopes", "send", "--store", &store]);
        let id = secret.id().to_string();
        let keys = listed(&store);
        assert_eq!(keys.len(), round + 1);
        assert!(keys.iter().any(|key| key["id"] == *id && key["name"] == *name && key["state"] == "valid"));
        let said = printed(&["key", "revoke", &id, "--store", &store]);
        assert!(said.contains(&name) && said.contains(&id) && said.contains("send"), "{said}");
        assert!(listed(&store).iter().all(|key| key["state"] == "revoked"));
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    assert!(created.load(Ordering::Relaxed) > 100, "there was no load: {created:?}");
    let (success, log) = Arc::into_inner(server).unwrap().stop("-TERM");
    assert!(success && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_secret_is_printed_once_and_is_nowhere_else() {
    let (store, folder) = new_store();
    let server = Server::start(&["--store", &store, "--log", "debug"]);
    let (secret, said) = make(&["order service", "--scopes", "send,read", "--expires", "90d", "--store", &store]);
    let text = secret.to_string_once();
    let digits = &text[text.len() - 64..];
    let bytes: Vec<_> = (0..32).map(|place| u8::from_str_radix(&digits[2 * place..][..2], 16).unwrap()).collect();
    // Shows that the search would find them.
    assert!(is_in(&folder, &secret.hash()) && is_in(&folder, b"order service"));
    assert!(!is_in(&folder, digits.as_bytes()) && !is_in(&folder, &bytes));
    for word in ["\"order service\"", "send,read", "once", "Authorization: Bearer", "campanile key revoke"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    let hash: String = secret.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let table = printed(&["key", "list", "--store", &store]);
    let json = printed(&["key", "list", "--json", "--store", &store]);
    assert!(!table.contains(&hash) && !json.contains(&hash));
    let export = printed(&["export", "--store", &store]);
    assert!(export.contains(&hash), "a key that is moved stays good");
    let (_, log) = server.stop("-TERM");
    for shown in [said, table, json, export, log] {
        assert!(!shown.contains(digits), "{shown}");
    }
}

#[test]
fn a_list_is_a_table_for_people_and_an_array_for_programs() {
    let store = store_with_tables();
    let nothing = run(&["key", "list", "--store", &store]);
    assert!(nothing.status.success() && nothing.stdout.is_empty());
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("campanile key create"));
    assert!(listed(&store).is_empty());

    let (first, _) = make(&["Zoë's \"naïve\" key", "--scopes", "admin", "--store", &store]);
    let (second, _) = make(&["zed", "--scopes", "read,send", "--expires", "45s", "--store", &store]);
    printed(&["key", "revoke", &second.id().to_string(), "--store", &store]);
    let table = printed(&["key", "list", "--store", &store]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    let column = |line: &str, words: &str| line.chars().count() - line[line.find(words).unwrap()..].chars().count();
    assert!(lines[0].starts_with("ID ") && lines[1].starts_with(&first.id().to_string()), "{table}");
    for (line, name, scopes, state) in [(1, "Zoë's", "admin", "valid"), (2, "zed", "send,read", "revoked")] {
        for (heading, cell) in [("NAME", name), ("SCOPES", scopes), ("STATE", state)] {
            assert_eq!(column(lines[0], heading), column(lines[line], cell), "{heading}\n{table}");
        }
    }
    let keys = listed(&store);
    assert_eq!(keys[0]["name"], "Zoë's \"naïve\" key");
    assert_eq!(keys[1]["scopes"], serde_json::json!(["send", "read"]));
    assert!(keys[0]["expires_at"].is_null() && keys[1]["expires_at"].is_string() && keys[1]["revoked_at"].is_string());
}

#[test]
fn a_key_that_cannot_be_revoked_is_reported() {
    let store = store_with_tables();
    let (secret, _) = make(&["a", "--scopes", "send", "--store", &store]);
    let id = secret.id().to_string();
    let unknown = run(&["key", "revoke", "0123456789abcdef", "--store", &store]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("There is no key 0123456789abcdef"));
    printed(&["key", "revoke", &id, "--store", &store]);
    let again = run(&["key", "revoke", &id, "--store", &store]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("was revoked before") && said.trim().lines().count() == 1, "{said}");
}

/// For example `campanile key create` in another directory than that of the server.
#[test]
fn keys_are_made_in_no_store_but_one_that_is_there() {
    let folder = new_folder();
    for command in [&["create", "a", "--scopes", "send"] as &[_], &["list"], &["revoke", "0123456789abcdef"]] {
        let done = campanile(&[&["key"], command].concat()).current_dir(&folder).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        let place = format!("there is no store at sqlite:{}/data/campanile.db", folder.display());
        assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(1), &b""[..]), "{said}");
        assert!(said.contains(&place) && said.contains("campanile migrate") && said.lines().count() == 1, "{said}");
        let checked = campanile(&["check"]).current_dir(&folder).output().unwrap();
        assert!(String::from_utf8(checked.stdout).unwrap().contains(&format!("sqlite:{}/data", folder.display())));
        assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "something was made");
    }
    assert!(campanile(&["migrate"]).current_dir(&folder).output().unwrap().status.success());
    let made = campanile(&["key", "create", "a", "--scopes", "send"]).current_dir(&folder).output().unwrap();
    let said = String::from_utf8(made.stderr).unwrap();
    KeySecret::parse(String::from_utf8(made.stdout).unwrap().trim_end()).unwrap();
    assert!(said.contains(&format!("The store is sqlite:{}/data/campanile.db.", folder.display())), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_in_no_database_without_tables() {
    let url = postgres::empty_database().await;
    let said = block_in_place(|| refused(&["key", "create", "a", "--scopes", "send", "--store", &url]));
    assert!(said.contains("there is no store at postgres://") && said.contains("campanile migrate"), "{said}");
    block_in_place(|| printed(&["check", "--store", &url]));
    let client = postgres::connect(&url).await;
    let tables = client.query("SELECT FROM pg_tables WHERE schemaname = 'public'", &[]).await.unwrap();
    assert!(tables.is_empty(), "something was made");
}

#[test]
fn keys_of_a_memory_store_are_refused() {
    for command in [&["create", "a", "--scopes", "send"] as &[_], &["list"], &["revoke", "0123456789abcdef"]] {
        let said = refused(&[&["key"], command, &["--store", "memory:"]].concat());
        assert!(said.contains("ends with this command") && said.contains("--store sqlite:"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_database_are_made_past_the_servers_that_use_it() {
    let url = postgres::new_database().await;
    let server = postgres::open(&url, 10).await;
    let secret = block_in_place(|| make(&["a", "--scopes", "send", "--store", &url]).0);
    assert!(secret.matches(&server.key(secret.id()).await.unwrap().unwrap().hash));
    block_in_place(|| printed(&["key", "revoke", &secret.id().to_string(), "--store", &url]));
    assert!(server.key(secret.id()).await.unwrap().unwrap().revoked_at.is_some());
    // Tables of another version are not changed.
    let forget = "DELETE FROM refinery_schema_history WHERE version > 2";
    postgres::connect(&url).await.batch_execute(forget).await.unwrap();
    let said = block_in_place(|| refused(&["key", "list", "--store", &url]));
    assert!(said.contains("campanile migrate"), "{said}");
}

#[test]
fn the_options_of_a_key_must_be_valid() {
    let (store, folder) = new_store();
    let long = "x".repeat(65);
    for (arguments, word) in [
        (["", "--scopes", "send"].as_slice(), "1 to 64 characters"),
        (&["  ", "--scopes", "send"], "1 to 64 characters"),
        (&["a\nb", "--scopes", "send"], "1 to 64 characters"),
        (&[&long, "--scopes", "send"], "1 to 64 characters"),
        (&["a", "--scopes", "write"], "send, read, mark, contacts and admin"),
        (&["a", "--scopes", ""], "send, read, mark, contacts and admin"),
        (&["a"], "--scopes"),
        (&["a", "--scopes", "send", "--expires", "90"], "such as 90d"),
        (&["a", "--scopes", "send", "--expires", "4294967295d"], "after the year 9999"),
    ] {
        let said = refused(&[&["key", "create"], arguments, &["--store", &store]].concat());
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    assert!(refused(&["key", "revoke", "ABC", "--store", &store]).contains("16 hexadecimal digits"));
    assert!(std::fs::read_dir(folder).unwrap().next().is_none(), "nothing of it was done");
}

#[test]
fn the_help_leads_a_newcomer_through() {
    let text = |arguments: &[&str]| printed(arguments);
    assert!(text(&["--help"]).contains("key "));
    let overview = text(&["key", "--help"]);
    for word in ["create", "list", "revoke"] {
        assert!(overview.contains(word), "{word} is not in {overview}");
    }
    let create = text(&["key", "create", "--help"]);
    for word in ["<NAME>", "--scopes", "send", "admin", "--expires", "90d", "KEY=$(", "Authorization: Bearer $KEY"] {
        assert!(create.contains(word), "{word} is not in {create}");
    }
}

#[test]
fn the_help_of_a_command_shows_the_settings_that_matter_to_it() {
    let own = [
        (&["key", "revoke"] as &[_], "<ID>"),
        (&["key", "list"], "--json"),
        (&["export"], "[FILE]"),
        (&["import"], "[FILE]"),
        (&["backup"], "<FILE>"),
        (&["migrate"], "--config"),
    ];
    for (command, own) in own {
        let help = printed(&[command, &["--help"]].concat());
        let settings = help.split_once("Store:\n").unwrap();
        assert!(settings.0.contains(own) && settings.1.contains("--store"), "{help}");
        assert!(help.contains("`campanile serve --help` lists all settings"), "{help}");
        assert!(!help.contains("--apns-key") && help.lines().count() < 40, "{help}");
    }
    let push = printed(&["send-test", "fcm", "--help"]);
    assert!(push.contains("--fcm-service-account") && !push.contains("--store"), "{push}");
    let all = printed(&["serve", "--help"]);
    assert!(all.contains("\nAuthentication:\n") && all.contains("--apns-key") && all.contains("--jwt-secret"), "{all}");
    // A setting that is hidden from the help is accepted all the same.
    assert!(refused(&["key", "list", "--store", "memory:", "--window", "0"]).contains("window:"));
}
