//! Writes: each is one call of a function of the database.

use std::sync::atomic::Ordering;

use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    Database,
    row::{COLUMNS, Stored, columns, damaged, number, sql_number, timestamp},
};
use crate::{
    model::{
        Category, Change, Data, Event, Marked, MarkedBy, Marking, Notification, NotificationId, Timestamp, UserId,
    },
    server::store::{Creation, Due, Once, StoreError, Unmarked, made},
};

/// The result of a write, and the changes to announce.
pub(super) struct Written<T> {
    pub(super) done: T,
    pub(super) changes: Vec<Change>,
}

impl<T> FromIterator<(T, Vec<Change>)> for Written<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = (T, Vec<Change>)>>(written: I) -> Self {
        let (done, changes): (_, Vec<_>) = written.into_iter().unzip();
        Self { done, changes: changes.into_iter().flatten().collect() }
    }
}

impl<T> From<Option<(T, Vec<Change>)>> for Written<Option<T>> {
    fn from(written: Option<(T, Vec<Change>)>) -> Self {
        let (done, changes) = written.unzip();
        Self { done, changes: changes.unwrap_or_default() }
    }
}

pub(super) async fn create(
    database: &Database,
    notifications: &[Notification],
    once: Option<&Once>,
) -> Result<Written<Creation>, StoreError> {
    const CREATE: &str =
        "SELECT outcome, made_before, times, changes, unreads, gone_users, gone_ids, gone_changes, gone_unreads
        FROM functions.create_all($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
            $18)";
    let Columns { users, ids, times: _, categories, contents, titles, links, data_texts, expiries } =
        Columns::of(notifications)?;
    let caller = once.map(Once::caller);
    let key = once.map(|once| once.key.as_str());
    let fingerprint = once.map(|once| once.fingerprint.as_slice());
    let at = once.map(|once| once.at.as_micros());
    let forgotten = once.map(|once| Once::forgotten_at(once.at).as_micros());
    let of_old = once.and_then(|once| once.fingerprint_of_old.as_ref()).map(<[u8; 32]>::as_slice);

    let reaches_contacts = database.reaches_contacts.load(Ordering::Relaxed);
    let unwritable = |error| StoreError::failed("what is asked for cannot be written").because(error);
    let routing = |notification: &Notification| {
        let said = Some(&notification.routing).filter(|routing| !routing.is_silent());
        said.map(serde_json::to_string).transpose().map_err(unwritable)
    };
    let routings: Vec<Option<String>> = notifications.iter().map(routing).collect::<Result<_, _>>()?;
    let asks: Vec<bool> = notifications.iter().map(|notification| notification.routing.asks()).collect();
    let values: [&(dyn ToSql + Sync); 18] = [
        &users,
        &ids,
        &categories,
        &contents,
        &titles,
        &links,
        &data_texts,
        &expiries,
        &database.window,
        &caller,
        &key,
        &fingerprint,
        &of_old,
        &at,
        &forgotten,
        &reaches_contacts,
        &routings,
        &asks,
    ];
    let done = database.call_one(CREATE, &values).await?;
    Ok(match done.try_get(0)? {
        0 => created(notifications, &done)?,
        1 => Written { done: Creation::Before(made::from_bytes(done.try_get(1)?)), changes: Vec::new() },
        _ => Written { done: Creation::KeyTaken, changes: Vec::new() },
    })
}

/// The result of a creation, from the lists that the function returned.
fn created(notifications: &[Notification], row: &Row) -> Result<Written<Creation>, StoreError> {
    let unsigned = |number: i64| u64::try_from(number).map_err(damaged);
    let times: Vec<i64> = row.try_get(2)?;
    let times = times.into_iter().map(timestamp).collect::<Result<Vec<_>, _>>()?;
    let (changes, unreads): (Vec<i64>, Vec<i64>) = (row.try_get(3)?, row.try_get(4)?);
    let mut all = Vec::with_capacity(changes.len());
    for ((notification, accepted), (change, unread)) in
        notifications.iter().zip(&times).zip(changes.into_iter().zip(unreads))
    {
        let (modseq, unread_count) = (unsigned(change)?, unsigned(unread)?);
        let notification = notification.clone().with_timestamp(*accepted);
        let event = Event::Created { modseq, unread_count, notification: notification.clone() };
        all.push(Change { user_id: notification.user_id.clone(), event });
    }
    if let Some(users) = row.try_get::<_, Option<Vec<&str>>>(5)? {
        let (ids, changes, unreads): (Vec<Uuid>, Vec<i64>, Vec<i64>) =
            (row.try_get(6)?, row.try_get(7)?, row.try_get(8)?);
        for (((user, id), change), unread) in users.into_iter().zip(ids).zip(changes).zip(unreads) {
            all.push(deleted(user, id, change, unread)?);
        }
        // In the order of each inbox.
        all.sort_by_key(|change| change.event.modseq());
    }
    Ok(Written { done: Creation::Done(times), changes: all })
}

/// Notifications, a list for each column.
pub(super) struct Columns<'a> {
    pub(super) users: Vec<&'a str>,
    pub(super) ids: Vec<Uuid>,
    pub(super) times: Vec<i64>,
    pub(super) categories: Vec<&'a str>,
    pub(super) contents: Vec<&'a str>,
    pub(super) titles: Vec<Option<&'a str>>,
    pub(super) links: Vec<Option<&'a str>>,
    pub(super) data_texts: Vec<Option<&'a str>>,
    pub(super) expiries: Vec<Option<i64>>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(notifications: impl IntoIterator<Item = &'a Notification> + Copy) -> Result<Self, StoreError> {
        fn each<'a, T>(
            notifications: impl IntoIterator<Item = &'a Notification>,
            column: impl Fn(&'a Notification) -> T,
        ) -> Vec<T> {
            notifications.into_iter().map(column).collect()
        }
        Ok(Self {
            users: each(notifications, |n| n.user_id.as_str()),
            ids: each(notifications, |n| n.id.as_uuid()),
            times: each(notifications, |n| n.timestamp.as_micros()),
            categories: each(notifications, |n| n.category.as_str()),
            contents: each(notifications, |n| n.content.as_str()),
            titles: each(notifications, |n| n.title.as_ref().map(|title| title.as_str())),
            links: each(notifications, |n| n.link.as_ref().map(|link| link.as_str())),
            data_texts: each(notifications, |n| n.data.as_ref().map(Data::as_str)),
            expiries: each(notifications, |n| n.expires_at.map(Timestamp::as_micros)),
        })
    }
}

/// The row of a function that found one notification: that notification, and, if it was changed, the number of the
/// change and the unread count after it.
struct FoundRow {
    notification: Notification,
    change: Option<(u64, u64)>,
}

impl FoundRow {
    async fn query(database: &Database, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Option<Self>, StoreError> {
        Ok(Self::query_each(database, sql, values).await?.pop())
    }

    async fn query_each(
        database: &Database,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Self>, StoreError> {
        database.call(sql, values).await?.iter().map(Self::read).collect()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let changed = row.try_get::<_, Option<i64>>(COLUMNS)?.is_some();
        let change = changed.then(|| Ok::<_, StoreError>((number(row, COLUMNS)?, number(row, COLUMNS + 1)?)));
        Ok(Self { notification: Stored::read(row)?.notification, change: change.transpose()? })
    }

    /// The notification after it was marked, and the changes to announce.
    fn marked(self, is_read: bool) -> (Notification, Vec<Change>) {
        let notification = self.notification.with_read(is_read);
        let changes = self.change.into_iter().map(|(modseq, unread_count)| {
            let event = Event::Updated { modseq, unread_count, notification: notification.clone() };
            Change { user_id: notification.user_id.clone(), event }
        });
        let changes = changes.collect();
        (notification, changes)
    }

    /// The notification as it was before it was deleted, and the changes to announce.
    fn deleted(self) -> (Notification, Vec<Change>) {
        let Self { notification, change } = self;
        let changes = change.into_iter().map(|(modseq, unread_count)| {
            let event = Event::Deleted { modseq, unread_count, id: notification.id };
            Change { user_id: notification.user_id.clone(), event }
        });
        let changes = changes.collect();
        (notification, changes)
    }
}

/// The columns of [`FoundRow`].
macro_rules! found {
    ($function:literal) => {
        concat!("SELECT ", columns!(), ", f.change, f.unread FROM ", $function, " f, LATERAL (SELECT (f.target).*) n")
    };
}

/// The same for a function that is called for the notification `own`, which has the id `$1` and is in the inbox of
/// `$2`, or in any inbox if `$2` is null. Without such a notification, the function is not called: it needs the id.
macro_rules! of_owner {
    ($function:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", f.change, f.unread FROM notifications own, LATERAL ",
            $function,
            " f, LATERAL (SELECT (f.target).*) n WHERE own.id = $1 AND ($2::text IS NULL OR own.user_id = $2)"
        )
    };
}

/// These columns of the notifications `n` that a function returns, which is called for each of those with the ids in
/// `$1`. It locks the inboxes in the order in which every write locks several.
macro_rules! of_owner_each {
    ($columns:expr, $function:literal) => {
        concat!(
            "SELECT ",
            $columns,
            ", f.change, f.unread FROM (
                 SELECT o.id FROM notifications o WHERE o.id = ANY ($1) AND ($2::text IS NULL OR o.user_id = $2)
                 ORDER BY o.user_id, o.created OFFSET 0
             ) own, LATERAL ",
            $function,
            " f, LATERAL (SELECT (f.target).*) n"
        )
    };
}

fn uuids(ids: &[NotificationId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

pub(super) async fn set_read_each(
    database: &Database,
    ids: &[NotificationId],
    owner: Option<&UserId>,
    is_read: bool,
) -> Result<Written<Vec<Notification>>, StoreError> {
    const SET: &str = of_owner_each!(columns!(), "functions.set_read(own.id, $3)");
    let values: [&(dyn ToSql + Sync); 3] = [&uuids(ids), &owner.map(UserId::as_str), &is_read];
    let found = FoundRow::query_each(database, SET, &values).await?;
    Ok(found.into_iter().map(|found| found.marked(is_read)).collect())
}

pub(super) async fn set_read(
    database: &Database,
    id: NotificationId,
    owner: Option<&UserId>,
    is_read: bool,
) -> Result<Written<Option<Notification>>, StoreError> {
    const SET: &str = of_owner!("functions.set_read(own.id, $3)");
    let found = FoundRow::query(database, SET, &[&id.as_uuid(), &owner.map(UserId::as_str), &is_read]).await?;
    Ok(found.map(|found| found.marked(is_read)).into())
}

pub(super) async fn mark_read_at(
    database: &Database,
    user_id: &UserId,
    index: u64,
) -> Result<Written<Option<Notification>>, StoreError> {
    const MARK: &str = found!("functions.mark_read_at($1, $2)");
    let found = FoundRow::query(database, MARK, &[&user_id.as_str(), &sql_number(index)]).await?;
    Ok(found.map(|found| found.marked(true)).into())
}

pub(super) async fn mark_all_read(
    database: &Database,
    user_id: &UserId,
    marking: &Marking,
) -> Result<Written<Marked>, StoreError> {
    const MARK: &str = concat!(
        "SELECT ",
        columns!(),
        ", f.change, f.unread, f.marked, f.since
         FROM functions.mark_all_read($1, $2, $3) f, LATERAL (SELECT (f.target).*) n ORDER BY f.change"
    );
    let up_to = sql_number(marking.up_to.unwrap_or(u64::MAX));
    let category = marking.category.as_ref().map(Category::as_str);
    let rows = database.call(MARK, &[&user_id.as_str(), &up_to, &category]).await?;
    let (mut done, mut changes) = (Marked::default(), Vec::with_capacity(rows.len()));
    for row in &rows {
        let event = marked(row)?;
        let is_whole = matches!(event, Event::AllRead { .. });
        done.count += number(row, COLUMNS + 2)?;
        done.by = MarkedBy { after: number(row, COLUMNS + 3)?, up_to: event.modseq(), is_whole };
        changes.push(Change { user_id: user_id.clone(), event });
    }
    Ok(Written { done, changes })
}

pub(super) async fn unmark(
    database: &Database,
    user_id: &UserId,
    by: &MarkedBy,
    most: usize,
) -> Result<Written<Unmarked>, StoreError> {
    const UNMARK: &str = concat!(
        "SELECT ",
        columns!(),
        ", f.change, f.unread, f.reached
         FROM functions.unmark($1, $2, $3, $4, $5) f, LATERAL (SELECT (f.target).*) n ORDER BY f.change"
    );
    let (after, up_to, limit) = (sql_number(by.after), sql_number(by.up_to), sql_number(most as u64));
    let rows = database.call(UNMARK, &[&user_id.as_str(), &after, &up_to, &by.is_whole, &limit]).await?;
    let (mut last, mut changes) = (0, Vec::with_capacity(rows.len()));
    for row in &rows {
        last = number(row, COLUMNS + 2)?;
        changes.push(Change { user_id: user_id.clone(), event: marked(row)? });
    }
    Ok(Written { done: Unmarked::step(by, most, rows.len(), last), changes })
}

/// The event of a marking: of the whole inbox if the row has no notification, else of that one.
fn marked(row: &Row) -> Result<Event, StoreError> {
    let (modseq, unread_count) = (number(row, COLUMNS)?, number(row, COLUMNS + 1)?);
    if row.try_get::<_, Option<i64>>(1)?.is_none() {
        return Ok(Event::AllRead { modseq, unread_count });
    }
    Ok(Event::Updated { modseq, unread_count, notification: Stored::read(row)?.notification })
}

pub(super) async fn delete(
    database: &Database,
    id: NotificationId,
    owner: Option<&UserId>,
) -> Result<Written<Option<Notification>>, StoreError> {
    const DELETE: &str = of_owner!("functions.delete_one(own.id, $3)");
    let values: [&(dyn ToSql + Sync); 3] = [&id.as_uuid(), &owner.map(UserId::as_str), &database.window];
    Ok(FoundRow::query(database, DELETE, &values).await?.map(FoundRow::deleted).into())
}

pub(super) async fn delete_each(
    database: &Database,
    ids: &[NotificationId],
    owner: Option<&UserId>,
) -> Result<Written<Vec<NotificationId>>, StoreError> {
    const DELETE: &str = of_owner_each!("n.user_id, n.id", "functions.delete_one(own.id, $3)");
    let values: [&(dyn ToSql + Sync); 3] = [&uuids(ids), &owner.map(UserId::as_str), &database.window];
    let rows = database.call(DELETE, &values).await?;
    let deleted = rows.iter().map(|row| {
        let id: Uuid = row.try_get(1)?;
        let change = deleted(row.try_get(0)?, id, row.try_get(2)?, row.try_get(3)?)?;
        Ok::<_, StoreError>((NotificationId::new(id), vec![change]))
    });
    deleted.collect()
}

pub(super) async fn delete_due(database: &Database, due: &Due) -> Result<Written<usize>, StoreError> {
    const DELETE: &str = "SELECT owner, gone_id, change, unread FROM functions.delete_due($1, $2, $3, $4, $5)";
    let accepted_before = due.accepted_before.map(Timestamp::as_micros);
    let keys_until = Once::forgotten_at(due.now).as_micros();
    let limit = sql_number(due.limit as u64);
    let values: [&(dyn ToSql + Sync); 5] =
        [&due.now.as_micros(), &accepted_before, &keys_until, &limit, &database.window];
    let rows = database.call(DELETE, &values).await?;
    let changes = rows.iter().map(|row| deleted(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
    Ok(Written { done: rows.len(), changes: changes.collect::<Result<_, _>>()? })
}

pub(super) async fn forget_notifications(
    database: &Database,
    user_id: &UserId,
    most: usize,
) -> Result<Written<usize>, StoreError> {
    const FORGET: &str = "SELECT gone_id, change, unread FROM functions.forget_notifications($1, $2, $3)";
    let rows = database.call(FORGET, &[&user_id.as_str(), &sql_number(most as u64), &database.window]).await?;
    let changes = rows.iter().map(|row| deleted(user_id.as_str(), row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    Ok(Written { done: rows.len(), changes: changes.collect::<Result<_, _>>()? })
}

/// A deletion, from its columns.
fn deleted(owner: &str, id: Uuid, change: i64, unread: i64) -> Result<Change, StoreError> {
    let unsigned = |number: i64| u64::try_from(number).map_err(damaged);
    let (modseq, unread_count) = (unsigned(change)?, unsigned(unread)?);
    let event = Event::Deleted { modseq, unread_count, id: NotificationId::new(id) };
    Ok(Change { user_id: UserId::stored(owner), event })
}
