//! Kills the server repeatedly in the middle of its work; no confirmed write may be lost.
//!
//! `CAMPANILE_CRASH_ROUNDS` sets the number of rounds (5).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::{client::Client, command::Server, harness::new_folder};

const CONNECTIONS: usize = 32;
const INBOXES: usize = 8;

/// The state of a notification as far as responses have confirmed it.
#[derive(Clone, Debug, Default)]
struct Known {
    /// A response confirmed its creation.
    created: bool,
    /// A response confirmed that it is read.
    read: bool,
    /// Its deletion was requested, so it may be deleted.
    may_be_gone: bool,
    /// A response confirmed its deletion.
    gone: bool,
}

/// All requests and responses, by the content of the notification, which is never used twice.
#[derive(Debug, Default)]
struct History {
    known: BTreeMap<String, Known>,
    /// The keys of creations without a response, and the notifications that they would create.
    open: HashMap<String, (String, String)>,
    /// Contents that belong together: all of a batch is stored, or none.
    batches: Vec<Vec<String>>,
}

fn inbox_of(number: usize) -> String {
    format!("user {}", number % INBOXES)
}

/// Sends one request after the other until the server no longer responds.
fn work(address: &str, numbers: &AtomicUsize, history: &Mutex<History>, over: &AtomicBool) {
    let Ok(mut client) = Client::connect(address) else { return };
    let mut mine: Vec<(String, String)> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let (user_id, content) = (inbox_of(number), format!("note {number}"));
        let done = match number % 8 {
            // One of this client's notifications is marked, and one is deleted.
            5 if !mine.is_empty() => mark(&mut client, &mine[number % mine.len()], history),
            6 if !mine.is_empty() => delete(&mut client, &mine.remove(number % mine.len()), history),
            7 => batch(&mut client, &user_id, number, history),
            _ => create(&mut client, &user_id, &content, history).map(|id| mine.push((id, content))),
        };
        if done.is_err() {
            return;
        }
    }
}

fn create(client: &mut Client, user_id: &str, content: &str, history: &Mutex<History>) -> std::io::Result<String> {
    let key = content.replace(' ', "-");
    history.lock().unwrap().known.insert(content.to_owned(), Known::default());
    history.lock().unwrap().open.insert(key.clone(), (user_id.to_owned(), content.to_owned()));
    let body = json!({"user_id": user_id, "content": content});
    let (status, created) = client.post("/api/notifications/create", &[("Idempotency-Key", &key)], &body)?;
    assert_eq!(status, 201, "{created}");
    let mut history = history.lock().unwrap();
    history.open.remove(&key);
    history.known.get_mut(content).unwrap().created = true;
    Ok(created["id"].as_str().unwrap().to_owned())
}

fn mark(client: &mut Client, (id, content): &(String, String), history: &Mutex<History>) -> std::io::Result<()> {
    let (status, _) = client.ask("PATCH", &format!("/api/notifications/{id}"), &[], Some(&json!({"is_read": true})))?;
    assert_eq!(status, 200);
    history.lock().unwrap().known.get_mut(content).unwrap().read = true;
    Ok(())
}

fn delete(client: &mut Client, (id, content): &(String, String), history: &Mutex<History>) -> std::io::Result<()> {
    history.lock().unwrap().known.get_mut(content).unwrap().may_be_gone = true;
    let (status, _) = client.ask("DELETE", &format!("/api/notifications/{id}"), &[], None)?;
    assert_eq!(status, 204);
    history.lock().unwrap().known.get_mut(content).unwrap().gone = true;
    Ok(())
}

fn batch(client: &mut Client, user_id: &str, number: usize, history: &Mutex<History>) -> std::io::Result<()> {
    let contents: Vec<_> = (0..5).map(|place| format!("batch {number} {place}")).collect();
    {
        let mut history = history.lock().unwrap();
        history.known.extend(contents.iter().map(|content| (content.clone(), Known::default())));
        history.batches.push(contents.clone());
    }
    let each: Vec<_> = contents.iter().map(|content| json!({"user_id": user_id, "content": content})).collect();
    let (status, _) = client.post("/api/notifications/batch", &[], &json!({"notifications": each}))?;
    assert_eq!(status, 201);
    let mut history = history.lock().unwrap();
    contents.iter().for_each(|content| history.known.get_mut(content).unwrap().created = true);
    Ok(())
}

/// One inbox, as the server returns it.
#[derive(Clone, Debug, Default)]
struct Found {
    user_id: String,
    /// Id, content and whether it is read, newest first.
    listed: Vec<(String, String, bool)>,
    modseq: u64,
    unread_count: u64,
    /// The same, by following the changes from the start.
    followed: BTreeMap<String, bool>,
    /// The change numbers of the events, in order of arrival.
    numbers: Vec<u64>,
    followed_to: u64,
}

fn look(client: &mut Client, user_id: &str) -> Found {
    let mut found = Found { user_id: user_id.to_owned(), ..Found::default() };
    let user_id = user_id.replace(' ', "%20");
    let mut before = String::new();
    loop {
        let path = format!("/api/notifications/list?user_id={user_id}&limit=1000{before}");
        let (headers, page) = client.get(&path);
        found.modseq = headers["campanile-modseq"].parse().unwrap();
        for one in page.as_array().unwrap() {
            let text = |field: &str| one[field].as_str().unwrap().to_owned();
            found.listed.push((text("id"), text("content"), one["is_read"].as_bool().unwrap()));
        }
        let Some(link) = headers.get("link") else { break };
        let next = link.split("before=").nth(1).unwrap().split('>').next().unwrap();
        before = format!("&before={next}");
    }
    found.unread_count =
        client.get(&format!("/api/notifications/unread-count/{user_id}")).1["unread_count"].as_u64().unwrap();
    let mut more = true;
    while more {
        let path = format!("/api/notifications/changes/{user_id}?since={}", found.followed_to);
        let (_, changes) = client.get(&path);
        for event in changes["events"].as_array().unwrap() {
            found.numbers.push(event["modseq"].as_u64().unwrap());
            let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
            match event["type"].as_str().unwrap() {
                "created" | "updated" => {
                    let notification = &event["notification"];
                    found.followed.insert(id(notification), notification["is_read"].as_bool().unwrap());
                }
                "deleted" => drop(found.followed.remove(&id(event))),
                other => panic!("no operation is called {other}"),
            }
        }
        found.followed_to = changes["modseq"].as_u64().unwrap();
        more = changes["more"].as_bool().unwrap();
    }
    found
}

/// The errors that were found; empty when all is well.
fn complaints(history: &History, found: &[Found], before: &HashMap<String, u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut there: HashMap<&str, bool> = HashMap::new();
    for inbox in found {
        let name = &inbox.user_id;
        for (_, content, is_read) in &inbox.listed {
            if there.insert(content, *is_read).is_some() {
                wrong.push(format!("{content} is there twice"));
            }
            if !history.known.contains_key(content) {
                wrong.push(format!("{content} was never sent"));
            }
        }
        let unread = inbox.listed.iter().filter(|(_, _, is_read)| !is_read).count() as u64;
        if unread != inbox.unread_count {
            wrong.push(format!("{name}: {unread} are unread and the count says {}", inbox.unread_count));
        }
        let listed: BTreeMap<_, _> = inbox.listed.iter().map(|(id, _, is_read)| (id.clone(), *is_read)).collect();
        if listed != inbox.followed {
            wrong.push(format!("{name}: the changes lead somewhere else than the list"));
        }
        if !inbox.numbers.is_sorted_by(|a, b| a < b) {
            wrong.push(format!("{name}: change numbers repeat or go back"));
        }
        if inbox.followed_to != inbox.modseq {
            wrong.push(format!("{name}: the changes end at {} and the list is at {}", inbox.followed_to, inbox.modseq));
        }
        if before.get(name).is_some_and(|modseq| *modseq > inbox.modseq) {
            wrong.push(format!("{name}: the change number went back"));
        }
    }
    for (content, known) in &history.known {
        match there.get(content.as_str()) {
            None if known.created && !known.may_be_gone => wrong.push(format!("{content} is lost")),
            Some(_) if known.gone => wrong.push(format!("{content} came back")),
            Some(false) if known.read => wrong.push(format!("{content} was read and is not")),
            _ => {}
        }
    }
    for batch in &history.batches {
        let count = batch.iter().filter(|content| there.contains_key(content.as_str())).count();
        if count != 0 && count != batch.len() {
            wrong.push(format!("{} is there in part", batch[0]));
        }
    }
    wrong
}

/// Kills and restarts the server this many times, and returns the errors.
fn kill_again_and_again(rounds: usize) -> Vec<String> {
    let store = format!("sqlite:{}", new_folder().join("campanile.db").display());
    let start = || Server::start(&["--store", &store, "--window", "1000000"]);
    let (numbers, history) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(History::default())));
    let mut before = HashMap::new();
    for round in 0..rounds {
        let server = start();
        let over = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (address, numbers, history, over) =
                    (server.address.clone(), Arc::clone(&numbers), Arc::clone(&history), Arc::clone(&over));
                std::thread::spawn(move || work(&address, &numbers, &history, &over))
            })
            .collect();
        // A random delay, so that commits do not fall into a pattern.
        let moment =
            u64::from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos());
        std::thread::sleep(Duration::from_millis(50 + moment / 7 % 500));
        server.stop("-KILL");
        over.store(true, Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().unwrap());

        let server = start();
        let mut client = Client::connect(&server.address).unwrap();
        // Requests without a response are sent again, as a client would; each must happen once in all.
        let open: Vec<_> = history.lock().unwrap().open.drain().collect();
        for (key, (user_id, content)) in open {
            let body = json!({"user_id": user_id, "content": content});
            let (status, _) = client.post("/api/notifications/create", &[("Idempotency-Key", &key)], &body).unwrap();
            assert_eq!(status, 201);
            history.lock().unwrap().known.get_mut(&content).unwrap().created = true;
        }
        let found: Vec<_> = (0..INBOXES).map(|number| look(&mut client, &inbox_of(number))).collect();
        let wrong = complaints(&history.lock().unwrap(), &found, &before);
        if !wrong.is_empty() {
            return wrong.into_iter().map(|complaint| format!("round {round}: {complaint}")).collect();
        }
        before = found.into_iter().map(|inbox| (inbox.user_id, inbox.modseq)).collect();
        server.stop("-KILL");
    }
    let history = history.lock().unwrap();
    assert!(history.known.values().filter(|known| known.created).count() > rounds * 50, "hardly anything was done");
    assert!(history.known.values().any(|known| known.gone) && history.known.values().any(|known| known.read));
    Vec::new()
}

#[test]
fn nothing_that_was_answered_is_lost_when_it_is_killed() {
    let rounds = std::env::var("CAMPANILE_CRASH_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let wrong = kill_again_and_again(rounds);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_checker_finds_errors() {
    let note = |known: Known| History { known: [("a".to_owned(), known)].into(), ..History::default() };
    let found = |notes: &[&str], is_read: bool| Found {
        user_id: "ann".to_owned(),
        listed: notes
            .iter()
            .enumerate()
            .map(|(id, content)| (id.to_string(), (*content).to_owned(), is_read))
            .collect(),
        followed: (0..notes.len()).map(|id| (id.to_string(), is_read)).collect(),
        unread_count: if is_read { 0 } else { notes.len() as u64 },
        modseq: 5,
        followed_to: 5,
        numbers: vec![1, 5],
    };
    let created = || Known { created: true, ..Known::default() };
    let none = HashMap::new();
    let of = |history: &History, found: Found| complaints(history, &[found], &none).join("; ");
    assert_eq!(of(&note(created()), found(&["a"], false)), "");
    assert_eq!(of(&note(Known::default()), found(&[], false)), "");
    assert!(of(&note(created()), found(&[], false)).contains("is lost"));
    assert!(of(&note(created()), found(&["a", "a"], false)).contains("there twice"));
    assert!(of(&note(created()), found(&["a", "b"], false)).contains("never sent"));
    assert!(
        of(&note(Known { gone: true, may_be_gone: true, ..created() }), found(&["a"], false)).contains("came back")
    );
    assert!(of(&note(Known { read: true, ..created() }), found(&["a"], false)).contains("was read"));
    let good = || found(&["a"], false);
    assert!(of(&note(created()), Found { unread_count: 2, ..good() }).contains("count says"));
    assert!(of(&note(created()), Found { numbers: vec![2, 2], ..good() }).contains("repeat"));
    assert!(of(&note(created()), Found { followed_to: 4, ..good() }).contains("changes end"));
    assert!(of(&note(created()), Found { followed: BTreeMap::new(), ..good() }).contains("somewhere else"));
    let went_back = complaints(&note(created()), &[good()], &[("ann".to_owned(), 6)].into());
    assert!(went_back.join("").contains("went back"));
    let batch = History { batches: vec![vec!["a".to_owned(), "b".to_owned()]], ..note(Known::default()) };
    assert!(of(&batch, good()).contains("in part"));
}
