//! A PostgreSQL in trouble: a pooler with no server behind it, a host that is deaf.

use std::time::{Duration, Instant};

use campanile::server::store::{PostgresOptions, PostgresStore, Store, StoreError};
use tokio::{task::spawn_blocking, time::timeout};

use super::{accepted, draft, send};
use crate::{
    command::campanile,
    postgres::{PgBouncer, Server},
};

async fn opened(url: &str) -> PostgresStore {
    let options = PostgresOptions { url: url.to_owned(), window: 100_000, connections: 2 };
    PostgresStore::open(&options).await.unwrap()
}

#[tokio::test]
async fn a_write_that_a_pooler_passed_on_to_no_server_has_not_happened() {
    for mode in ["transaction", "session"] {
        let server = spawn_blocking(|| Server::start(&[])).await.unwrap();
        let bouncer = PgBouncer::start(&server, mode, 4);
        let store = opened(&format!("{}?pgbouncer=true", bouncer.url("postgres"))).await;
        send(&store, "ann", "x").await;
        let server = spawn_blocking(move || {
            let mut server = server;
            server.stop();
            server
        });
        let mut server = server.await.unwrap();
        // The pooler may still have to notice, and keeps who asks until it has.
        drop(timeout(Duration::from_secs(3), store.create(&[accepted(draft("ann", "x"))], None)).await);
        for _ in 0..4 {
            let refused = store.create(&[accepted(draft("ann", "x"))], None).await.unwrap_err();
            assert!(matches!(refused, StoreError::Unavailable { .. }), "{mode}: {refused:?}");
        }
        server = spawn_blocking(move || {
            server.start_again();
            server
        })
        .await
        .unwrap();
        drop((bouncer, server));
    }
}

/// It takes connections and says nothing.
#[test]
fn no_command_waits_for_ever_for_a_deaf_host() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/x?connect_timeout=1", deaf.local_addr().unwrap());
    for words in
        [["check"].as_slice(), &["key", "list"], &["migrate"], &["export"], &["key", "create", "x", "--scopes", "send"]]
    {
        let started = Instant::now();
        let done = campanile(&[words, &["--store", &url]].concat()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && said.contains("no answer within 1 s"), "{words:?}: {said}");
        assert!(started.elapsed() < Duration::from_secs(5), "{words:?}: {:?}", started.elapsed());
    }
}
