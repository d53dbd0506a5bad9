//! Reads: each is one statement, and so sees one snapshot.

use std::{
    pin::pin,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    Database,
    connections::Connections,
    rights,
    row::{COLUMNS, Stored, columns, damaged, number, sql_number},
};
use crate::{
    model::{
        Category, Changes, Cursor, Filter, Limit, Notification, NotificationId, Overview, Page, UnreadCount, UserId,
    },
    server::store::{
        ChangeNumbers, Creation, LOOKED_AT, Once, RECENT_ROWS, RECENT_USERS, StoreError, by_importance,
        collect::Collect,
        replay::{Present, Replayed},
    },
};

/// Whether everything can be read, and a notification written.
pub(super) async fn ready(database: &Database) -> Result<(), StoreError> {
    // It reads a row of each table, so a missing one is noticed before a request needs it. And it writes a grant that
    // expired in 1970: it opens nothing, and is removed with the expired ones.
    const READY: &str = "WITH written AS (
            INSERT INTO grants (hash, kind, holder, expires_at) VALUES ('\\x00', 'probe', 'readiness', 0)
                ON CONFLICT (hash) DO UPDATE SET expires_at = 0 RETURNING 1
        )
        SELECT (SELECT * FROM written), (SELECT 1 FROM inboxes LIMIT 1), (SELECT 1 FROM notifications LIMIT 1),
        (SELECT 1 FROM deletions LIMIT 1), (SELECT 1 FROM once_by_caller LIMIT 1),
        (SELECT 1 FROM service_keys LIMIT 1), (SELECT 1 FROM grants LIMIT 1), (SELECT 1 FROM webhooks LIMIT 1),
        (SELECT 1 FROM outbox LIMIT 1), (SELECT 1 FROM deliveries LIMIT 1), (SELECT 1 FROM lanes LIMIT 1)";
    // A notification to a user who cannot exist, with this many bytes that hardly compress.
    const CREATE: &str = "SELECT outcome FROM functions.create_all(ARRAY[chr(1) || gen_random_uuid()],
        ARRAY[gen_random_uuid()], ARRAY['message'],
        ARRAY[(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, $1::bigint / 32))], ARRAY[NULL],
        ARRAY[NULL], ARRAY[NULL], ARRAY[NULL::bigint], 1000, NULL, NULL, NULL, NULL, NULL, NULL, false, ARRAY[NULL],
        ARRAY[false])";
    /// A short one fits into an existing page.
    const USUAL: i64 = 64;
    /// A long one needs a page of its own. A rollback leaves that page in use until the next vacuum, so it is tried
    /// only after a write was refused.
    const LONG: i64 = 16 * 1024;
    let pool = &database.pool;
    // A caller of this has no data to lose: it does not matter whether a failed write happened.
    pool.query(READY, &[]).await?;
    let rights = pool.query(rights::LACKING, &[&rights::functions()]).await?;
    if let Some(lacking) = rights.first().map(rights::read).transpose()?.flatten() {
        return Err(StoreError::unavailable(lacking));
    }
    let needs_room = pool.has_no_room();
    if needs_room || pool.is_trial_due() {
        let length = if needs_room { LONG } else { USUAL };
        pool.try_out(&database.functions.call(CREATE), &[&length], needs_room).await?;
    }
    Ok(())
}

pub(super) async fn ends(pool: &Connections, users: &[UserId]) -> Result<Vec<(u64, u64)>, StoreError> {
    const ASK: &str = r#"SELECT coalesce(b.modseq, 0), coalesce(b.unread_count, 0) FROM unnest($1::text[]) WITH ORDINALITY u (user_id, place)
        LEFT JOIN inboxes b ON b.user_id = u.user_id COLLATE "C" ORDER BY u.place"#;
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    pool.query(ASK, &[&names]).await?.iter().map(|row| Ok((number(row, 0)?, number(row, 1)?))).collect()
}

/// The answer for the request with this key; `None` when there was none. A request stored by an earlier release answers
/// every caller.
pub(super) async fn once(pool: &Connections, once: &Once) -> Result<Option<Creation>, StoreError> {
    const USED: &str = "SELECT true, fingerprint, made FROM once_by_caller WHERE caller = $1 AND key = $2 AND at > $3
        UNION ALL SELECT false, fingerprint, made FROM once WHERE key = $2 AND at > $3";
    let forgotten = Once::forgotten_at(once.at).as_micros();
    let rows = pool.query(USED, &[&once.caller(), &once.key, &forgotten]).await?;
    let answer = |row: &Row| Ok(once.answer(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    rows.first().map(answer).transpose()
}

pub(super) async fn unread_count(pool: &Connections, user_id: &UserId) -> Result<u64, StoreError> {
    let row = pool.query_opt("SELECT unread_count FROM inboxes WHERE user_id = $1", &[&user_id.as_str()]).await?;
    row.map_or(Ok(0), |row| number(&row, 0))
}

/// The rows of a query within a limit of bytes: the texts of the rows before a row, in this order, take at most this
/// many bytes. Their lengths are known without reading the texts.
macro_rules! within_bytes {
    ($order:literal, $bytes:literal, $rows:literal) => {
        concat!(
            "(SELECT * FROM (SELECT *, sum(octet_length(content) + coalesce(octet_length(data), 0))
                 OVER (ORDER BY ",
            $order,
            " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before FROM (",
            $rows,
            ") r) w WHERE coalesce(bytes_before, 0) <= ",
            $bytes,
            ")"
        )
    };
}

/// A row of [`columns`], followed by the `all_read_modseq` of its inbox.
fn seen(row: &Row) -> Result<(u64, Notification), StoreError> {
    let stored = Stored::read(row)?;
    Ok((stored.seq, stored.seen(number(row, COLUMNS)?)))
}

pub(super) async fn get(pool: &Connections, id: NotificationId) -> Result<Option<Notification>, StoreError> {
    const GET: &str = concat!(
        "SELECT ",
        columns!(),
        ", b.all_read_modseq
         FROM notifications n JOIN inboxes b USING (user_id) WHERE n.id = $1"
    );
    let row = pool.query_opt(GET, &[&id.as_uuid()]).await?;
    row.map(|row| seen(&row).map(|(_, notification)| notification)).transpose()
}

pub(super) async fn change_numbers(
    pool: &Connections,
    id: NotificationId,
) -> Result<Option<ChangeNumbers>, StoreError> {
    const QUERY: &str = "SELECT n.created, n.modseq, n.is_read, b.all_read_modseq
        FROM notifications n JOIN inboxes b USING (user_id) WHERE n.id = $1";
    let read = |row: Row| {
        let (created, modseq, all_read) = (number(&row, 0)?, number(&row, 1)?, number(&row, 3)?);
        Ok(ChangeNumbers::of(created, modseq, row.try_get(2)?, all_read))
    };
    pool.query_opt(QUERY, &[&id.as_uuid()]).await?.map(read).transpose()
}

pub(super) async fn list(
    pool: &Connections,
    filter: &Filter,
    before: Option<Cursor>,
    limit: Limit,
) -> Result<Page, StoreError> {
    const ALL: &str = concat!(
        "SELECT ",
        columns!(),
        ", b.all_read_modseq
         FROM ",
        within_bytes!("seq DESC", "$3", "SELECT * FROM notifications WHERE seq < $1 ORDER BY seq DESC LIMIT $2"),
        " n JOIN inboxes b USING (user_id) ORDER BY n.seq DESC"
    );
    const ONE: &str = concat!(
        "SELECT ",
        columns!(),
        ", b.all_read_modseq, b.modseq
         FROM inboxes b LEFT JOIN LATERAL ",
        within_bytes!(
            "created DESC",
            "$4",
            "SELECT * FROM notifications WHERE user_id = $1 AND created < $2 ORDER BY created DESC LIMIT $3"
        ),
        " n ON true
         WHERE b.user_id = $1 ORDER BY n.created DESC"
    );
    let before = before.map_or(i64::MAX, |cursor| sql_number(cursor.position()));
    let mut page = Collect::new(filter, limit);
    let (wanted, bytes) = (sql_number(page.wanted() as u64), sql_number(page.wanted_bytes() as u64));
    let Some(user_id) = &filter.user_id else {
        let (_client, rows) = pool.stream(ALL, &[&before, &wanted, &bytes]).await?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let (seq, notification) = seen(&row)?;
            if page.look_at(Cursor::overall(seq), || notification).is_break() {
                break;
            }
        }
        return Ok(page.page(None));
    };
    let values: [&(dyn ToSql + Sync); 4] = [&user_id.as_str(), &before, &wanted, &bytes];
    let (_client, rows) = pool.stream(ONE, &values).await?;
    let mut rows = pin!(rows);
    let mut modseq = 0;
    while let Some(row) = rows.try_next().await? {
        modseq = number(&row, COLUMNS + 1)?;
        // An inbox without matching notifications is one row without a notification.
        if row.try_get::<_, Option<i64>>(1)?.is_none() {
            break;
        }
        let stored = Stored::read(&row)?;
        let (created, all_read) = (stored.created, number(&row, COLUMNS)?);
        if page.look_at(Cursor::in_inbox(created), || stored.seen(all_read)).is_break() {
            break;
        }
    }
    Ok(page.page(Some(modseq)))
}

pub(super) async fn changes(
    pool: &Connections,
    user_id: &UserId,
    since: u64,
    limit: Limit,
) -> Result<Changes, StoreError> {
    /// The numbers of the inbox, with up to `$3` notifications that were created, marked or deleted, and up to `$4`
    /// bytes of the first two.
    const CHANGES: &str = concat!(
        "SELECT ",
        columns!(),
        ", b.modseq, b.forgotten, b.all_read_modseq, b.unread_count, n.deleted
         FROM inboxes b LEFT JOIN LATERAL (
             SELECT *, NULL::uuid AS deleted FROM ",
        within_bytes!(
            "created",
            "$4",
            "SELECT * FROM notifications WHERE user_id = $1 AND created > $2 AND modseq = created
                 ORDER BY created LIMIT $3"
        ),
        " c UNION ALL SELECT *, NULL FROM ",
        within_bytes!(
            "modseq",
            "$4",
            "SELECT * FROM notifications WHERE user_id = $1 AND modseq > $2 AND modseq <> created
                 ORDER BY modseq LIMIT $3"
        ),
        " m UNION ALL
             (SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, modseq, NULL, id
              FROM deletions WHERE user_id = $1 AND modseq > $2 ORDER BY modseq LIMIT $3)
         ) n ON true
         WHERE b.user_id = $1 ORDER BY n.modseq"
    );
    let enough = sql_number(limit.get() as u64 + 1);
    let bytes = sql_number(Page::MAX_BYTES as u64);
    let rows = pool.query(CHANGES, &[&user_id.as_str(), &sql_number(since), &enough, &bytes]).await?;
    let Some(first) = rows.first() else {
        let unknown = Present::default();
        return Ok(if since == 0 { unknown.replay(since, limit, []) } else { unknown.reset() });
    };
    let present = Present {
        modseq: number(first, COLUMNS)?,
        forgotten: number(first, COLUMNS + 1)?,
        all_read_modseq: number(first, COLUMNS + 2)?,
        unread_count: number(first, COLUMNS + 3)?,
    };
    if !present.can_continue_from(since) {
        return Ok(present.reset());
    }
    let mut changed = Vec::with_capacity(rows.len());
    for row in &rows {
        // Nothing changed: one row has the inbox's numbers alone.
        let Some(modseq) = row.try_get::<_, Option<i64>>(COLUMNS - 1)? else { continue };
        let modseq = u64::try_from(modseq).map_err(damaged)?;
        changed.push(match row.try_get::<_, Option<Uuid>>(COLUMNS + 4)? {
            Some(id) => (modseq, Replayed::Deleted(NotificationId::new(id))),
            None => {
                let stored = Stored::read(row)?;
                let created = stored.created;
                (modseq, Replayed::Row(stored.seen(present.all_read_modseq), created))
            }
        });
    }
    Ok(present.replay(since, limit, changed))
}

/// How many are unread of each category: the names of a column of counts, and the counts of the column after it.
fn categories(row: &Row, column: usize) -> Result<Vec<(Category, u64)>, StoreError> {
    type Counts = serde_json::Map<String, serde_json::Value>;
    let all: Counts = serde_json::from_value(row.try_get(column)?).map_err(damaged)?;
    let unread: Counts = serde_json::from_value(row.try_get(column + 1)?).map_err(damaged)?;
    let count = |name: &String| unread.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    Ok(by_importance(all.keys().map(|name| (Category::stored(name), count(name))).collect()))
}

pub(super) async fn overview_of_one(pool: &Connections, user_id: &UserId) -> Result<Overview, StoreError> {
    const COUNT: &str = "SELECT total, unread_count, categories, (
            SELECT coalesce(jsonb_object_agg(category, count), '{}') FROM (
                SELECT category, count(*) AS count
                FROM (SELECT * FROM notifications WHERE user_id = $1 ORDER BY created DESC LIMIT $2) n
                WHERE NOT n.is_read AND n.modseq > b.all_read_modseq AND b.unread_count > 0 GROUP BY category
            ) c
        ) FROM inboxes b WHERE user_id = $1";
    let recent = |unread_count| vec![UnreadCount { user_id: user_id.clone(), unread_count }];
    let Some(row) = pool.query_opt(COUNT, &[&user_id.as_str(), &sql_number(LOOKED_AT as u64)]).await? else {
        return Ok(Overview { recent: recent(0), ..Overview::default() });
    };
    let unread_count = number(&row, 1)?;
    let (total, categories) = (number(&row, 0)?, categories(&row, 2)?);
    Ok(Overview { total, unread_count, categories, recent: recent(unread_count) })
}

async fn overview_of_all(pool: &Connections) -> Result<Overview, StoreError> {
    const COUNT: &str = "SELECT
        (SELECT coalesce(sum(total), 0)::bigint FROM inboxes),
        (SELECT coalesce(sum(unread_count), 0)::bigint FROM inboxes),
        (SELECT coalesce(jsonb_object_agg(key, count), '{}') FROM (
            SELECT key, sum(value::bigint)::bigint AS count FROM inboxes, jsonb_each_text(categories) GROUP BY key
        ) c),
        (SELECT coalesce(jsonb_object_agg(category, count), '{}') FROM (
            SELECT category, count(*) AS count
            FROM (SELECT user_id, category, is_read, modseq FROM notifications ORDER BY seq DESC LIMIT $3) n
            JOIN inboxes b USING (user_id) WHERE NOT n.is_read AND n.modseq > b.all_read_modseq GROUP BY category
        ) u),
        coalesce(array_agg(user_id ORDER BY r.newest DESC), '{}'),
        coalesce(array_agg(unread_count ORDER BY r.newest DESC), '{}')
        FROM (
            SELECT user_id, max(seq) AS newest FROM (SELECT user_id, seq FROM notifications ORDER BY seq DESC LIMIT $1) n
            GROUP BY user_id ORDER BY newest DESC LIMIT $2
        ) r JOIN inboxes USING (user_id)";
    let limits = [RECENT_ROWS, RECENT_USERS, LOOKED_AT].map(|rows| sql_number(rows as u64));
    let row = pool.query_one(COUNT, &[&limits[0], &limits[1], &limits[2]]).await?;
    let (recent, unread): (Vec<&str>, Vec<i64>) = (row.try_get(4)?, row.try_get(5)?);
    let recent = recent.into_iter().zip(unread).map(|(user_id, unread)| {
        Ok(UnreadCount { user_id: UserId::stored(user_id), unread_count: u64::try_from(unread).map_err(damaged)? })
    });
    Ok(Overview {
        total: number(&row, 0)?,
        unread_count: number(&row, 1)?,
        categories: categories(&row, 2)?,
        recent: recent.collect::<Result<_, StoreError>>()?,
    })
}

/// The last count over all inboxes, and how long counting took.
///
/// No write maintains this count, because all writes would wait for that one number. So it is counted on request,
/// exactly while that is quick; with too many notifications for that, a count is reused for a while, so that counting
/// takes a bounded share of the time.
#[derive(Default)]
pub(super) struct Counted(Mutex<Option<(Instant, Duration, Overview)>>);

impl Counted {
    /// A count that takes longer than this is reused.
    const QUICK: Duration = Duration::from_millis(20);
    /// It is reused for this many times as long as counting took.
    const SHOWN_FOR: u32 = 50;

    pub(super) async fn overview(&self, pool: &Connections) -> Result<Overview, StoreError> {
        let last = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, took, overview)) = &*last()
            && *took > Self::QUICK
            && at.elapsed() < *took * Self::SHOWN_FOR
        {
            return Ok(overview.clone());
        }
        let started = Instant::now();
        let overview = overview_of_all(pool).await?;
        *last() = Some((Instant::now(), started.elapsed(), overview.clone()));
        Ok(overview)
    }
}
