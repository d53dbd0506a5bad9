//! The reads, which do not involve the writer: each function sees one commit.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    ends::End,
    inbox::Inbox,
    row::{COLUMNS, Stored, columns, kept_text, uuid},
    snapshot::Snapshot,
};
use crate::{
    model::{
        Category, Changes, Cursor, Filter, Limit, Notification, NotificationId, Overview, Page, UnreadCount, UserId,
    },
    server::store::{
        ChangeNumbers, LOOKED_AT, RECENT_ROWS, RECENT_USERS, by_importance,
        collect::Collect,
        replay::{Present, Replayed},
    },
};

/// A number of rows, in SQLite's type.
fn sql_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A row of [`columns`], followed by its user and the `all_read_modseq` of its inbox.
fn seen_with_user(row: &Row<'_>) -> rusqlite::Result<(i64, Notification)> {
    let stored = Stored::read(row, kept_text(row, COLUMNS, UserId::stored)?)?;
    let all_read: u64 = row.get(COLUMNS + 1)?;
    Ok((stored.seq, stored.seen(all_read)))
}

pub(super) fn ready(connection: &Connection) -> rusqlite::Result<()> {
    // Reads the first row of each table, so a missing or damaged one is noticed before a request needs it.
    const READY: &str = "SELECT (SELECT max(inbox) FROM inboxes), (SELECT max(seq) FROM notifications),
        (SELECT 1 FROM deletions LIMIT 1), (SELECT 1 FROM once_by_caller LIMIT 1), (SELECT 1 FROM totals LIMIT 1),
        (SELECT 1 FROM service_keys LIMIT 1), (SELECT 1 FROM grants LIMIT 1), (SELECT 1 FROM bodies LIMIT 1)";
    connection.prepare_cached(READY)?.query_row((), |_| Ok(()))
}

/// The end of an inbox; `None` where there is no inbox.
pub(super) fn end(connection: &Connection, user_id: &UserId) -> rusqlite::Result<Option<End>> {
    let mut query = connection.prepare_cached("SELECT modseq, unread_count FROM inboxes WHERE user_id = ?1")?;
    query.query_row([user_id.as_str()], |row| Ok(End { modseq: row.get(0)?, unread_count: row.get(1)? })).optional()
}

pub(super) fn get(connection: &Connection, id: NotificationId) -> rusqlite::Result<Option<Notification>> {
    const QUERY: &str = concat!(
        "SELECT ",
        columns!(),
        ", i.user_id, i.all_read_modseq
         FROM notifications n JOIN inboxes i USING (inbox) WHERE n.id = ?1"
    );
    let found = connection.prepare_cached(QUERY)?.query_row([id.as_uuid().as_bytes()], seen_with_user).optional()?;
    Ok(found.map(|(_, notification)| notification))
}

pub(super) fn change_numbers(connection: &Connection, id: NotificationId) -> rusqlite::Result<Option<ChangeNumbers>> {
    const QUERY: &str = "SELECT n.created, n.modseq, n.is_read, i.all_read_modseq
        FROM notifications n JOIN inboxes i USING (inbox) WHERE n.id = ?1";
    let read = |row: &Row<'_>| Ok(ChangeNumbers::of(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    connection.prepare_cached(QUERY)?.query_row([id.as_uuid().as_bytes()], read).optional()
}

pub(super) fn list(
    connection: &Connection,
    filter: &Filter,
    before: Option<Cursor>,
    limit: Limit,
) -> rusqlite::Result<Page> {
    const ALL: &str = concat!(
        "SELECT ",
        columns!(),
        ", i.user_id, i.all_read_modseq
         FROM notifications n JOIN inboxes i USING (inbox) WHERE n.seq < ?1 ORDER BY n.seq DESC LIMIT ?2"
    );
    const ONE: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM notifications n INDEXED BY notifications_by_inbox
         WHERE n.inbox = ?1 AND n.created < ?2 ORDER BY n.created DESC LIMIT ?3"
    );
    let snapshot = Snapshot::of(connection)?;
    let before = before.map_or(i64::MAX, |cursor| i64::try_from(cursor.position()).unwrap_or(i64::MAX));
    let mut page = Collect::new(filter, limit);
    let rows = sql_limit(page.wanted());
    let Some(user_id) = &filter.user_id else {
        let mut query = snapshot.prepare_cached(ALL)?;
        for row in query.query_map((before, rows), seen_with_user)? {
            let (seq, notification) = row?;
            if page.look_at(Cursor::overall(seq.unsigned_abs()), || notification).is_break() {
                break;
            }
        }
        return Ok(page.page(None));
    };
    let Some(Inbox { inbox, present, .. }) = Inbox::of(&snapshot, user_id)? else {
        return Ok(page.page(Some(0)));
    };
    let mut query = snapshot.prepare_cached(ONE)?;
    for stored in query.query_map((inbox, before, rows), |row| Stored::read(row, user_id.clone()))? {
        let stored = stored?;
        if page.look_at(Cursor::in_inbox(stored.created), || stored.seen(present.all_read_modseq)).is_break() {
            break;
        }
    }
    Ok(page.page(Some(present.modseq)))
}

pub(super) fn changes(
    connection: &Connection,
    user_id: &UserId,
    since: u64,
    limit: Limit,
) -> rusqlite::Result<Changes> {
    const CREATED: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM notifications n INDEXED BY notifications_by_inbox
         WHERE n.inbox = ?1 AND n.created > ?2 AND n.modseq = n.created ORDER BY n.created LIMIT ?3"
    );
    const MARKED: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM notifications n INDEXED BY notifications_by_change
         WHERE n.inbox = ?1 AND n.modseq > ?2 AND n.modseq <> n.created ORDER BY n.modseq LIMIT ?3"
    );
    const DELETED: &str = "SELECT modseq, id FROM deletions WHERE inbox = ?1 AND modseq > ?2 ORDER BY modseq LIMIT ?3";

    let snapshot = Snapshot::of(connection)?;
    let Some(Inbox { inbox, present, .. }) = Inbox::of(&snapshot, user_id)? else {
        let unknown = Present::default();
        return Ok(if since == 0 { unknown.replay(since, limit, []) } else { unknown.reset() });
    };
    if !present.can_continue_from(since) {
        return Ok(present.reset());
    }
    let values = (inbox, since, sql_limit(limit.get() + 1));
    let mut changed = Vec::new();
    for sql in [CREATED, MARKED] {
        let mut query = snapshot.prepare_cached(sql)?;
        let mut bytes = 0;
        for stored in query.query_map(values, |row| Stored::read(row, user_id.clone()))? {
            let stored = stored?;
            let (modseq, created) = (stored.modseq, stored.created);
            let told = Replayed::Row(stored.seen(present.all_read_modseq), created);
            bytes += told.weight();
            changed.push((modseq, told));
            if bytes > Page::MAX_BYTES {
                break;
            }
        }
    }
    let mut query = snapshot.prepare_cached(DELETED)?;
    for deleted in query.query_map(values, |row| Ok((row.get(0)?, NotificationId::new(uuid(row, 1)?))))? {
        let (modseq, id) = deleted?;
        changed.push((modseq, Replayed::Deleted(id)));
    }
    changed.sort_by_key(|(modseq, _)| *modseq);
    Ok(present.replay(since, limit, changed))
}

pub(super) fn overview(connection: &Connection, user_id: Option<&UserId>) -> rusqlite::Result<Overview> {
    const UNREAD_OF_ONE: &str = "SELECT category, sum(NOT is_read AND modseq > ?2)
        FROM notifications INDEXED BY notifications_by_inbox WHERE inbox = ?1 GROUP BY category";
    const KINDS_OF_ALL: &str = "SELECT name, 0 FROM totals WHERE name <> '' AND count > 0";
    const UNREAD_OF_ALL: &str = "SELECT category, count(*)
        FROM (SELECT inbox, category, is_read, modseq FROM notifications ORDER BY seq DESC LIMIT ?1) n
        JOIN inboxes i USING (inbox) WHERE NOT n.is_read AND n.modseq > i.all_read_modseq GROUP BY category";
    const RECENT: &str = "SELECT user_id, unread_count
        FROM (SELECT inbox, seq FROM notifications ORDER BY seq DESC LIMIT ?1)
        JOIN inboxes USING (inbox) GROUP BY inbox ORDER BY max(seq) DESC LIMIT ?2";

    let snapshot = Snapshot::of(connection)?;
    let kind = |row: &Row<'_>| Ok((kept_text(row, 0, Category::stored)?, row.get(1)?));
    if let Some(user_id) = user_id {
        let recent = |unread_count| vec![UnreadCount { user_id: user_id.clone(), unread_count }];
        let Some(Inbox { inbox, present, total, .. }) = Inbox::of(&snapshot, user_id)? else {
            return Ok(Overview { recent: recent(0), ..Overview::default() });
        };
        let unread_count = present.unread_count;
        let mut query = snapshot.prepare_cached(UNREAD_OF_ONE)?;
        let categories = query.query_map((inbox, present.all_read_modseq), kind)?.collect::<rusqlite::Result<_>>()?;
        let categories = by_importance(categories);
        return Ok(Overview { total, unread_count, categories, recent: recent(unread_count) });
    }
    let mut query = snapshot.prepare_cached("SELECT coalesce(sum(count), 0) FROM totals WHERE name <> ''")?;
    let total = query.query_row((), |row| row.get(0))?;
    let mut query = snapshot.prepare_cached("SELECT count FROM totals WHERE name = ''")?;
    let unread_count = query.query_row((), |row| row.get(0)).optional()?.unwrap_or(0);
    let mut query = snapshot.prepare_cached(KINDS_OF_ALL)?;
    let mut categories = query.query_map((), kind)?.collect::<rusqlite::Result<Vec<_>>>()?;
    if unread_count > 0 {
        let mut query = snapshot.prepare_cached(UNREAD_OF_ALL)?;
        for counted in query.query_map([sql_limit(LOOKED_AT)], kind)? {
            let (category, count): (Category, u64) = counted?;
            if let Some(known) = categories.iter_mut().find(|(known, _)| *known == category) {
                known.1 = count;
            }
        }
    }
    let mut query = snapshot.prepare_cached(RECENT)?;
    let limits = (sql_limit(RECENT_ROWS), sql_limit(RECENT_USERS));
    let recent =
        |row: &Row<'_>| Ok(UnreadCount { user_id: kept_text(row, 0, UserId::stored)?, unread_count: row.get(1)? });
    let recent = query.query_map(limits, recent)?.collect::<rusqlite::Result<_>>()?;
    Ok(Overview { total, unread_count, categories: by_importance(categories), recent })
}
