//! The recipes of `docs/postgres.md`, run as they are written.

use campanile::server::store::{PostgresOptions, PostgresStore, Store};

use super::send;
use crate::{
    command::campanile,
    postgres::{PgBouncer, Server, connect},
};

const RECIPES: &str = include_str!("../../docs/postgres.md");

/// The code blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begins = format!("```{language}\n");
    RECIPES.split(&*begins).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Runs each statement separately: a database cannot be created in a transaction with another statement.
async fn run(url: &str, sql: &str) {
    let client = connect(url).await;
    for statement in sql.split_inclusive(";\n") {
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

async fn serves(url: &str) -> Result<(), String> {
    let options = PostgresOptions { url: url.to_owned(), window: 1000, connections: 4 };
    let store = PostgresStore::open(&options).await.map_err(|error| error.to_string())?;
    send(&store, "ann", "x").await;
    store.ready().await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipes_for_postgresql_work() {
    let server = tokio::task::spawn_blocking(|| Server::start(&[])).await.unwrap();
    let [one_role, two_roles] = blocks("sql")[..] else { panic!("two blocks of SQL") };
    run(&server.url("postgres"), one_role).await;
    let by = |role: &str| server.url("notify").replace("campanile@", &format!("{role}@"));
    let owner = by("notify");
    let [migrate] = blocks("bash")[..] else { panic!("one command") };
    let words: Vec<_> = migrate.split_whitespace().skip(1).collect();
    let words: Vec<_> = words.iter().map(|word| if word.contains("://") { &*owner } else { *word }).collect();
    let done = campanile(&words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    run(&server.url("notify"), two_roles).await;
    for role in ["notify", "notify_server"] {
        assert_eq!(serves(&by(role)).await, Ok(()), "{role}");
    }
}

#[test]
fn the_settings_of_pgbouncer_are_those_that_are_tried() {
    let [ini] = blocks("ini")[..] else { panic!("one block") };
    let tried = PgBouncer::settings(5432, 6432, "/etc/pgbouncer/userlist.txt", "transaction", 20);
    for line in ini.lines().filter(|line| !line.starts_with("notify")) {
        assert!(tried.lines().any(|tried| tried == line), "{line} is not in {tried}");
    }
}
