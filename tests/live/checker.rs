//! Reads a sequence of events as a client does, and fails on a hole, a repeat or a wrong count.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;

use super::transport::get;

/// An inbox as a client holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inbox {
    pub(crate) modseq: u64,
    pub(crate) unread_count: u64,
    /// Whether each is read, by id.
    pub(crate) read: BTreeMap<String, bool>,
}

impl Inbox {
    /// As the server lists it.
    pub(crate) async fn list(server: SocketAddr, user_id: &str) -> Self {
        // The number that the list was read at is the one that the changes begin from.
        loop {
            let before =
                get(server, &format!("/api/notifications/changes/{user_id}?since=1000000000000000")).await.unwrap();
            let list = get(server, &format!("/api/notifications/list?user_id={user_id}&limit=1000")).await.unwrap();
            let after =
                get(server, &format!("/api/notifications/changes/{user_id}?since=1000000000000000")).await.unwrap();
            if before["modseq"] == after["modseq"] {
                let read = list.as_array().unwrap().iter().map(|n| (id(n), n["is_read"].as_bool().unwrap()));
                return Self {
                    modseq: after["modseq"].as_u64().unwrap(),
                    unread_count: after["unread_count"].as_u64().unwrap(),
                    read: read.collect(),
                };
            }
        }
    }

    pub(crate) fn unread(&self) -> u64 {
        self.read.values().filter(|read| !**read).count() as u64
    }

    /// Takes an event in. A repeat fails, and so does a hole where there may be none.
    #[track_caller]
    pub(crate) fn take(&mut self, event: &Value, may_skip: bool) {
        let modseq = event["modseq"].as_u64().unwrap();
        let kind = event["type"].as_str().unwrap();
        if kind == "hello" {
            assert_eq!(modseq, self.modseq, "a greeting comes when everything is told: {event}");
        } else {
            assert!(modseq > self.modseq, "{event} came again; the client is at {}", self.modseq);
            assert!(may_skip || modseq == self.modseq + 1, "{event} leaves a hole after {}", self.modseq);
        }
        self.modseq = modseq;
        self.unread_count = event["unread_count"].as_u64().unwrap();
        match kind {
            "hello" => {}
            "created" => {
                let notification = &event["notification"];
                let known = self.read.insert(id(notification), notification["is_read"].as_bool().unwrap());
                assert_eq!(known, None, "{event} was created before");
            }
            "updated" => {
                let notification = &event["notification"];
                self.read.insert(id(notification), notification["is_read"].as_bool().unwrap());
            }
            "all_read" => self.read.values_mut().for_each(|read| *read = true),
            "deleted" => drop(self.read.remove(event["id"].as_str().unwrap())),
            other => panic!("{other}"),
        }
        if !may_skip || kind == "hello" {
            assert_eq!(self.unread_count, self.unread(), "the count of {event}");
        }
    }
}

fn id(notification: &Value) -> String {
    notification["id"].as_str().unwrap().to_owned()
}
