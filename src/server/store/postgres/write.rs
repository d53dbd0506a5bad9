//! What is written: each is one call of a function of the database.

use deadpool_postgres::Pool;
use tokio_postgres::Row;
use uuid::Uuid;

use super::row::{Stored, columns, damaged, number, sql_number};
use crate::{
    model::{Notification, NotificationId, Timestamp, UserId},
    server::store::{Creation, Due, Once, StoreError, made},
};

pub(super) async fn create(
    pool: &Pool,
    notifications: &[Notification],
    once: Option<&Once>,
    window: i64,
) -> Result<Creation, StoreError> {
    const CREATE: &str = "SELECT outcome, made_before
        FROM campanile_create($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let Columns { users, ids, times, categories, contents, titles, links, data_texts, expiries } =
        Columns::of(notifications)?;
    let key = once.map(|once| once.key.as_str());
    let fingerprint = once.map(|once| once.fingerprint.as_slice());
    let at = once.map(|once| once.at.as_micros());
    let forgotten = once.map(|once| Once::forgotten_at(once.at).as_micros());
    let made_now = once.map(|_| made::to_bytes(notifications.iter().map(|made| (made.id, made.timestamp))));

    let client = pool.get().await?;
    let statement = client.prepare_cached(CREATE).await?;
    let done = client
        .query_one(
            &statement,
            &[
                &users,
                &ids,
                &times,
                &categories,
                &contents,
                &titles,
                &links,
                &data_texts,
                &expiries,
                &window,
                &key,
                &fingerprint,
                &at,
                &forgotten,
                &made_now,
            ],
        )
        .await?;
    Ok(match done.try_get(0)? {
        0 => Creation::Done,
        1 => Creation::Before(made::from_bytes(done.try_get(1)?)),
        _ => Creation::KeyTaken,
    })
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
    pub(super) data_texts: Vec<Option<String>>,
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
        let json = |n: &Notification| n.data.as_ref().map(serde_json::to_string).transpose();
        Ok(Self {
            users: each(notifications, |n| n.user_id.as_str()),
            ids: each(notifications, |n| n.id.as_uuid()),
            times: each(notifications, |n| n.timestamp.as_micros()),
            categories: each(notifications, |n| n.category.as_str()),
            contents: each(notifications, |n| n.content.as_str()),
            titles: each(notifications, |n| n.title.as_ref().map(|title| title.as_str())),
            links: each(notifications, |n| n.link.as_ref().map(|link| link.as_str())),
            data_texts: notifications.into_iter().map(json).collect::<Result<_, _>>().map_err(damaged)?,
            expiries: each(notifications, |n| n.expires_at.map(Timestamp::as_micros)),
        })
    }
}

/// A notification that a function returned, if it found one.
fn found(row: Option<Row>) -> Result<Option<Notification>, StoreError> {
    row.map(|row| Stored::read(&row).map(|stored| stored.notification)).transpose()
}

pub(super) async fn set_read(
    pool: &Pool,
    id: NotificationId,
    is_read: bool,
) -> Result<Option<Notification>, StoreError> {
    const SET: &str = concat!("SELECT ", columns!(), " FROM campanile_set_read($1, $2) n");
    let client = pool.get().await?;
    let statement = client.prepare_cached(SET).await?;
    let marked = found(client.query_opt(&statement, &[&id.as_uuid(), &is_read]).await?)?;
    Ok(marked.map(|notification| notification.with_read(is_read)))
}

pub(super) async fn mark_read_at(
    pool: &Pool,
    user_id: &UserId,
    index: u64,
) -> Result<Option<Notification>, StoreError> {
    const MARK: &str = concat!("SELECT ", columns!(), " FROM campanile_mark_read_at($1, $2) n");
    let client = pool.get().await?;
    let statement = client.prepare_cached(MARK).await?;
    let marked = found(client.query_opt(&statement, &[&user_id.as_str(), &sql_number(index)]).await?)?;
    Ok(marked.map(|notification| notification.with_read(true)))
}

pub(super) async fn mark_all_read(pool: &Pool, user_id: &UserId) -> Result<u64, StoreError> {
    let client = pool.get().await?;
    let statement = client.prepare_cached("SELECT campanile_mark_all_read($1)").await?;
    number(&client.query_one(&statement, &[&user_id.as_str()]).await?, 0)
}

pub(super) async fn delete(pool: &Pool, id: NotificationId, window: i64) -> Result<Option<Notification>, StoreError> {
    const DELETE: &str = concat!("SELECT ", columns!(), " FROM campanile_delete($1, $2) n");
    let client = pool.get().await?;
    let statement = client.prepare_cached(DELETE).await?;
    found(client.query_opt(&statement, &[&id.as_uuid(), &window]).await?)
}

pub(super) async fn delete_due(pool: &Pool, due: &Due, window: i64) -> Result<usize, StoreError> {
    let client = pool.get().await?;
    let statement = client.prepare_cached("SELECT campanile_delete_due($1, $2, $3, $4, $5)").await?;
    let accepted_before = due.accepted_before.map(Timestamp::as_micros);
    let keys_until = Once::forgotten_at(due.now).as_micros();
    let limit = sql_number(due.limit as u64);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&due.now.as_micros(), &accepted_before, &keys_until, &limit, &window];
    let deleted = number(&client.query_one(&statement, &values).await?, 0)?;
    usize::try_from(deleted).map_err(damaged)
}
