//! Checks that a server can start on a database, without changing anything.

use super::{
    connection::{applied, assert_readable, connect, has_history, known, of_others},
    rights,
    url::PostgresUrl,
};
use crate::server::store::StoreError;

/// Checks that a server could start here: two connections, a writable database, tables made by this release or an older
/// one, and the rights to use them or to bring them up to date.
pub(super) async fn check(url: &PostgresUrl) -> Result<(), StoreError> {
    const IS_READ_ONLY: &str = "SELECT current_setting('transaction_read_only') = 'on'";
    // The migrations need a second one for their lock.
    let (client, _second) = (connect(url).await?, connect(url).await?);
    if client.query_typed_one(IS_READ_ONLY, &[]).await?.try_get(0)? {
        return Err(StoreError::failed(
            "the database takes no writes: it is a standby, or default_transaction_read_only is on. Name the primary, or \
             several hosts with target_session_attrs=read-write.",
        ));
    }
    rights::check_schema(&client).await?;
    if !has_history(&client).await? {
        return rights::check_making(&client).await;
    }
    rights::check(&client).await?;
    let (applied, known) = (applied(&client).await?, known());
    if !known.starts_with(&applied) {
        return Err(of_others());
    }
    if applied.len() == known.len() {
        return rights::check_making_functions(&client).await;
    }
    assert_readable(&client).await?;
    rights::check_making(&client).await
}
