//! Rights that a server's role lacks are named with the statements that grant them: at the start, by `check`, and while
//! it serves.

use campanile::server::store::{PostgresOptions, PostgresStore, Store, StoreError};
use tokio::sync::OnceCell;
use tokio_postgres::Client;

use super::{accepted, draft, send};
use crate::postgres::{connect, empty_database, new_database};

async fn opened(url: &str) -> Result<PostgresStore, String> {
    let options = PostgresOptions { url: url.to_owned(), window: 1000, connections: 2 };
    PostgresStore::open(&options).await.map_err(|error| error.to_string())
}

/// The role, which is shared by all databases.
const ROLE: &str = "meek-one";

/// The owner's connection to a database, and its URL for a role with only the rights of everyone.
async fn for_a_role(url: &str) -> (Client, String) {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let owner = connect(url).await;
    MADE.get_or_init(async || owner.batch_execute(&format!("CREATE ROLE \"{ROLE}\" LOGIN")).await.unwrap()).await;
    (owner, url.replace("campanile@", &format!("{ROLE}@")))
}

/// Runs the statement that a refusal suggests.
async fn obey(owner: &Client, refused: &str) {
    let (_, cure) = refused.split_once("Let it: ").unwrap_or_else(|| panic!("{refused}"));
    let cure = cure.split("; or run").next().unwrap().trim_end_matches('.');
    owner.batch_execute(cure).await.unwrap_or_else(|error| panic!("{cure}: {error:?}"));
}

/// The error of `check` and of the start, which must be the same.
async fn refused(url: &str) -> String {
    let checked = PostgresStore::startable(url).await.err().unwrap().to_string();
    assert_eq!(opened(url).await.err().unwrap(), checked);
    checked
}

#[tokio::test]
async fn rights_on_the_functions_are_asked_for_at_the_start() {
    const TABLES: &str = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;";
    for (taken, lacks) in [
        (
            "USAGE ON SCHEMA campanile_v9",
            "lacks USAGE on the schema campanile_v9. Let it: GRANT USAGE ON SCHEMA campanile_v9 TO",
        ),
        (
            "EXECUTE ON ALL FUNCTIONS IN SCHEMA campanile_v9",
            "lacks EXECUTE on the functions in campanile_v9. Let it: GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA campanile_v9",
        ),
        (
            "USAGE ON SCHEMA public",
            "lacks USAGE on the schema public. Let it: GRANT USAGE ON SCHEMA public TO \"meek-one\".",
        ),
    ] {
        let (owner, url) = for_a_role(&new_database().await).await;
        owner.batch_execute(&format!("{TABLES} REVOKE {taken} FROM PUBLIC")).await.unwrap();
        let why = refused(&url).await;
        assert!(why.contains(lacks), "{why}");
        obey(&owner, &why).await;
        PostgresStore::startable(&url).await.unwrap();
        let store = opened(&url).await.unwrap();
        send(&store, "ann", "x").await;
        store.ready().await.unwrap();
    }
}

#[tokio::test]
async fn a_right_that_is_taken_from_a_server_makes_it_unready_and_is_named() {
    for (taken, named, is_for_creating) in [
        ("INSERT ON notifications", "INSERT on notifications", true),
        ("EXECUTE ON ALL FUNCTIONS IN SCHEMA campanile_v9", "EXECUTE on the functions in campanile_v9", true),
        ("USAGE ON SCHEMA campanile_v9", "USAGE on the schema campanile_v9", true),
        ("USAGE ON SCHEMA public", "USAGE on the schema public", true),
        ("USAGE ON SEQUENCE notification_seq", "USAGE on notification_seq", true),
        ("DELETE ON notifications", "DELETE on notifications", false),
        ("SELECT ON contacts", "SELECT on contacts", false),
    ] {
        let (owner, url) = for_a_role(&new_database().await).await;
        let all = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC;
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC";
        owner.batch_execute(all).await.unwrap();
        let store = opened(&url).await.unwrap();
        send(&store, "ann", "x").await;
        owner.batch_execute(&format!("REVOKE {taken} FROM PUBLIC")).await.unwrap();
        let unready = store.ready().await.unwrap_err();
        let is_named = |error: &StoreError| matches!(error, StoreError::Unavailable { why, .. } if why.contains(named));
        assert!(is_named(&unready), "{taken}: {unready:?}");
        let written = store.create(&[accepted(draft("ann", "x"))], None).await;
        match written {
            Ok(_) => assert!(!is_for_creating, "{taken}"),
            Err(error) => assert!(is_for_creating && is_named(&error), "{taken}: {error:?}"),
        }
        obey(&owner, &unready.to_string()).await;
        store.ready().await.unwrap();
        send(&store, "ann", "x").await;
    }
}

#[tokio::test]
async fn rights_to_make_tables_are_asked_for_before_any_is_made() {
    for (before, lacks) in [
        // The rights in a new database of PostgreSQL 15.
        (
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON DATABASE {database} TO PUBLIC",
            "lacks CREATE on the schema public. Let it: GRANT CREATE ON SCHEMA public TO \"meek-one\"; or run campanile migrate",
        ),
        (
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT CREATE ON DATABASE {database} TO PUBLIC",
            "lacks USAGE, CREATE on the schema public. Let it: GRANT USAGE, CREATE ON SCHEMA public TO \"meek-one\"; or",
        ),
        (
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC;
                GRANT CREATE ON DATABASE {database} TO PUBLIC",
            "lacks USAGE on the schema public. Let it: GRANT USAGE ON SCHEMA public TO \"meek-one\"; or",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "lacks CREATE on the database {database}, for the schema campanile_v9 of its functions. Let it: GRANT CREATE ON \
             DATABASE {database} TO \"meek-one\"; or",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE SCHEMA campanile_v9",
            "lacks CREATE on the schema campanile_v9. Let it: ALTER SCHEMA campanile_v9 OWNER TO \"meek-one\"; or",
        ),
        (
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "Let it: GRANT USAGE, CREATE ON SCHEMA public TO \"meek-one\"; GRANT CREATE ON DATABASE {database} TO",
        ),
    ] {
        let url = empty_database().await;
        let database = url.rsplit('/').next().unwrap();
        let (owner, url) = for_a_role(&url).await;
        owner.batch_execute(&before.replace("{database}", database)).await.unwrap();
        let why = refused(&url).await;
        assert!(why.contains(&lacks.replace("{database}", database)), "{why}");
        let made: i64 =
            owner.query_one("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", &[]).await.unwrap().get(0);
        assert_eq!(made, 0, "{before}");
        obey(&owner, &why).await;
        PostgresStore::startable(&url).await.unwrap();
        send(&opened(&url).await.unwrap(), "ann", "x").await;
    }
    // A schema of another name, which is first in the search path.
    let (owner, url) = for_a_role(&empty_database().await).await;
    owner.batch_execute("CREATE SCHEMA \"Odd, one\"; GRANT CREATE ON SCHEMA \"Odd, one\" TO PUBLIC").await.unwrap();
    let of_none = format!("{url}?options=-csearch_path%3Dnone");
    assert!(refused(&of_none).await.contains("has no schema for the tables: CREATE SCHEMA"));
}

#[tokio::test]
async fn tables_of_another_role_are_not_changed_and_a_missing_right_to_connect_is_named() {
    let url = new_database().await;
    let (owner, meek) = for_a_role(&url).await;
    let database = url.rsplit('/').next().unwrap();
    let old = format!(
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
         GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT CREATE ON DATABASE {database} TO PUBLIC;
         DELETE FROM refinery_schema_history WHERE version > 9"
    );
    owner.batch_execute(&old).await.unwrap();
    let why = refused(&meek).await;
    assert!(
        why.contains("the tables belong to a role that \"meek-one\" is no member of. Run campanile migrate as"),
        "{why}"
    );

    owner.batch_execute(&format!("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")).await.unwrap();
    let why = refused(&meek).await;
    assert!(why.ends_with(&format!("(42501). Let it: GRANT CONNECT ON DATABASE {database} TO \"meek-one\"")), "{why}");
    obey(&owner, &why).await;
    assert!(refused(&meek).await.contains("the tables belong to"));
}
