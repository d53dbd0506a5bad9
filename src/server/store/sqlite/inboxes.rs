//! The inboxes that were written to recently, as the last commit left them.
//!
//! Only the thread that writes changes an inbox, so it need not read the row of one that it knows. Among very many
//! inboxes, finding that row is a sixth of its work. An operator may change the file by hand, which SQLite tells at the
//! next transaction.

use std::collections::HashMap;

use rusqlite::Connection;

use super::inbox::Inbox;
use crate::model::UserId;

/// Inboxes in the state of the last commit.
#[derive(Default)]
pub(super) struct Inboxes {
    known: HashMap<UserId, Inbox>,
    /// SQLite's number of the file's state, which changes when another connection writes.
    data_version: i64,
}

/// Stands for bytes of a damaged row that are no text: then the name may be that of another inbox.
const UNREADABLE: char = char::REPLACEMENT_CHARACTER;

impl Inboxes {
    /// How many inboxes there are at most, which take some 25 MB. When there are more, all are dropped: then each is
    /// read once more.
    const MOST: usize = 114_688;
    /// The longest user id of an inbox that is kept, in bytes.
    const LONGEST: usize = 64;

    /// Begins a transaction, on the connection that writes. If another connection wrote since the last one, which this
    /// returns, all are dropped.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row((), |row| row.get(0))?;
        let others_wrote = self.data_version != version;
        if others_wrote {
            self.known.clear();
            self.data_version = version;
        }
        Ok(others_wrote)
    }

    /// The inbox of a user, if it is known.
    pub(super) fn of(&self, user_id: &UserId) -> Option<&Inbox> {
        self.known.get(user_id)
    }

    /// Keeps these inboxes, whose state was committed.
    pub(super) fn keep(&mut self, committed: Vec<Inbox>) {
        for inbox in committed {
            if let Some(known) = self.known.get_mut(&inbox.user_id) {
                *known = inbox;
            } else if inbox.user_id.as_str().len() <= Self::LONGEST && !inbox.user_id.as_str().contains(UNREADABLE) {
                if self.known.len() >= Self::MOST {
                    self.known.clear();
                }
                self.known.insert(inbox.user_id.clone(), inbox);
            }
        }
    }

    /// Drops all: the outcome of a commit is not known.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    #[test]
    fn an_inbox_is_known_in_its_last_state_and_their_number_has_a_bound() {
        let mut inboxes = Inboxes::default();
        inboxes.keep(vec![Inbox::empty(1, user("ann")), Inbox::empty(2, user(&"x".repeat(65)))]);
        inboxes.keep(vec![Inbox::empty(3, user("a\u{fffd}"))]);
        assert!(inboxes.of(&user("a\u{fffd}")).is_none(), "it may be a damaged one");
        let mut ann = inboxes.of(&user("ann")).unwrap().clone();
        assert!(inboxes.of(&user(&"x".repeat(65))).is_none());
        assert_eq!(ann.next_modseq(), 1);
        assert_eq!(inboxes.of(&user("ann")).unwrap().present.modseq, 0);
        inboxes.keep(vec![ann]);
        assert_eq!(inboxes.of(&user("ann")).unwrap().present.modseq, 1);
        for number in 0..Inboxes::MOST {
            inboxes.keep(vec![Inbox::empty(3, user(&number.to_string()))]);
            assert!(inboxes.known.len() <= Inboxes::MOST);
        }
        assert!(inboxes.of(&user("ann")).is_none());
        inboxes.clear();
        assert!(inboxes.known.is_empty());
    }
}
