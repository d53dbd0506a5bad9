//! Reads a sequence of events as a client does, and fails on a hole, a repeat or a wrong count.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;

use super::transport::{Headers, get_with_head};

/// A client's copy of an inbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inbox {
    pub(crate) modseq: u64,
    pub(crate) unread_count: u64,
    /// Whether each is read, by id.
    pub(crate) read: BTreeMap<String, bool>,
}

impl Inbox {
    /// The inbox from the server's list.
    pub(crate) async fn list(server: SocketAddr, user_id: &str) -> Self {
        Self::try_list(server, user_id, &[]).await.unwrap()
    }

    /// The inbox from the server's list, if the server responds.
    pub(crate) async fn try_list(server: SocketAddr, user_id: &str, headers: Headers<'_>) -> Option<Self> {
        let path = format!("/api/notifications/list?user_id={user_id}&limit=1000");
        let (head, list) = get_with_head(server, &path, headers).await?;
        let modseq = head.lines().find_map(|line| line.strip_prefix("campanile-modseq: "))?.parse().unwrap();
        let read = list.as_array()?.iter().map(|n| (id(n), n["is_read"].as_bool().unwrap())).collect();
        let listed = Self { modseq, unread_count: 0, read };
        Some(Self { unread_count: listed.unread(), ..listed })
    }

    pub(crate) fn unread(&self) -> u64 {
        self.read.values().filter(|read| !**read).count() as u64
    }

    /// Applies an event. A repeat fails, and so does a hole unless `may_skip`.
    #[track_caller]
    pub(crate) fn take(&mut self, event: &Value, may_skip: bool) {
        let created = event["notification"]["id"].as_str().filter(|_| event["type"] == "created");
        let known = created.and_then(|id| self.read.get(id));
        assert_eq!(known, None, "{event} was created before");
        self.take_of_all(event, may_skip);
    }

    /// The same for a stream of all inboxes, in which events that were read from the store after a gap may repeat the
    /// creation of a listed notification.
    #[track_caller]
    pub(crate) fn take_of_all(&mut self, event: &Value, may_skip: bool) {
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
            "created" | "updated" => {
                let notification = &event["notification"];
                self.read.insert(id(notification), notification["is_read"].as_bool().unwrap());
            }
            "all_read" => self.read.values_mut().for_each(|read| *read = true),
            "deleted" => drop(self.read.remove(event["id"].as_str().unwrap())),
            other => panic!("{other}"),
        }
        // Replayed events have the current unread count, which need not match until the greeting.
        if !may_skip || kind == "hello" {
            assert_eq!(self.unread_count, self.unread(), "the count of {event}");
        }
    }
}

fn id(notification: &Value) -> String {
    notification["id"].as_str().unwrap().to_owned()
}
