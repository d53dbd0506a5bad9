//! Several hosts of a PostgreSQL: a failover, one that is silent, one that falls silent, and none that can be used.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use campanile::server::store::{Store, StoreError};
use tokio::{sync::Notify, task::spawn_blocking, time::timeout};

use super::{accepted, draft, postgres_around::opened, send, user};
use crate::postgres::{Server, connect, new_database};

/// After a failover, existing connections lead to a read-only server.
#[tokio::test]
async fn connections_that_cannot_write_leave_the_pool() {
    let url = new_database().await;
    let past = connect(&url).await;
    let name: String = past.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let read_only = async |is: &str| {
        past.batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = {is}")).await.unwrap();
    };
    read_only("on").await;
    let store = Arc::new(opened(&url).await.unwrap());
    let reads = (0..40).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.unread_count(&user("ann")).await.unwrap() })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap();
    }
    // Connections that were opened in the last second stay.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let refused = store.create(&[accepted(draft("ann", "x"))], None).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable { why, .. } if why.contains("25006")), "{refused}");
    let unready = store.ready().await.unwrap_err();
    assert!(matches!(&unready, StoreError::Unavailable { why, .. } if why.contains("25006")), "{unready}");
    read_only("off").await;
    for _ in 0..20 {
        send(&*store, "ann", "x").await;
    }
    store.ready().await.unwrap();
}

#[tokio::test]
async fn of_several_hosts_the_one_that_can_write_is_used() {
    let primary = spawn_blocking(|| Server::start(&[])).await.unwrap();
    drop(opened(&primary.url("postgres")).await.unwrap());
    let (standby, primary) = spawn_blocking(move || (Server::standby_of(&primary), primary)).await.unwrap();
    for wanted in ["read-write", "primary"] {
        let url = format!(
            "postgres://campanile@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs={wanted}",
            standby.port, primary.port
        );
        let store = opened(&url).await.unwrap();
        send(&store, "ann", "x").await;
        store.ready().await.unwrap();
    }
    // The standby alone can be read, and reports that it cannot be written to until it is promoted.
    let store = opened(&standby.url("postgres")).await.unwrap();
    store.unread_count(&user("ann")).await.unwrap();
    assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));
    drop(primary);
    connect(&standby.url("postgres")).await.batch_execute("SELECT pg_promote()").await.unwrap();
    store.ready().await.unwrap();
    send(&store, "ann", "x").await;
}

/// A host that accepts connections, and never responds.
fn silent_host() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn a_host_that_is_silent_is_left_for_the_next_one() {
    let silent = silent_host();
    let before = format!("campanile@{},", silent.local_addr().unwrap());
    let url = new_database().await.replace("campanile@", &before);
    for (parameters, most) in [
        ("", 7),
        ("&connect_timeout=1", 3),
        ("&connect_timeout=1&sslmode=prefer", 3),
        ("&connect_timeout=1&load_balance_hosts=random", 3),
    ] {
        let url = format!("{url}?target_session_attrs=read-write{parameters}");
        let started = Instant::now();
        let store = Arc::new(opened(&url).await.unwrap());
        let writes = (0..20).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { send(&*store, "ann", "x").await })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap();
        }
        store.ready().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(most), "{parameters}: {:?}", started.elapsed());
    }
}

/// Forwards everything to the database on this port, until it falls silent: its connections break, or they stay open,
/// and it accepts new ones without responding.
struct Relay {
    address: std::net::SocketAddr,
    falls_silent: Arc<Notify>,
    ended: tokio::task::JoinHandle<(tokio::net::TcpListener, Vec<[tokio::net::TcpStream; 2]>)>,
}

impl Relay {
    async fn to(port: u16, breaks: bool) -> Self {
        let host = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = host.local_addr().unwrap();
        let falls_silent = Arc::new(Notify::new());
        let over = Arc::clone(&falls_silent);
        let ended = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            let silence = Arc::new(Notify::new());
            loop {
                tokio::select! {
                    taken = host.accept() => {
                        let (mut here, silence) = (taken.unwrap().0, Arc::clone(&silence));
                        passing.spawn(async move {
                            let mut there = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                            tokio::select! {
                                _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                                () = silence.notified() => {}
                            }
                            [here, there]
                        });
                    }
                    () = over.notified() => break,
                }
            }
            tokio::task::yield_now().await;
            silence.notify_waiters();
            let kept = passing.join_all().await;
            (host, if breaks { Vec::new() } else { kept })
        });
        Self { address, falls_silent, ended }
    }
}

#[tokio::test]
async fn a_pool_leaves_a_host_that_falls_silent() {
    for breaks in [true, false] {
        let url = new_database().await;
        let port = url.rsplit_once('/').unwrap().0.rsplit(':').next().unwrap().parse().unwrap();
        let relay = Relay::to(port, breaks).await;
        let url = url.replace("campanile@", &format!("campanile@{},", relay.address));
        let store = opened(&format!("{url}?target_session_attrs=read-write&connect_timeout=1")).await.unwrap();
        send(&store, "ann", "x").await;
        relay.falls_silent.notify_one();
        let _silent = relay.ended.await.unwrap();
        if breaks {
            let mut refused = 0;
            while let Err(error) = store.create(&[accepted(draft("ann", "x"))], None).await {
                assert!(matches!(error, StoreError::Unknown { .. }) && refused < 8, "{error}");
                refused += 1;
            }
        } else {
            // Like a request that exceeds its time limit.
            let read = timeout(Duration::from_millis(3_200), store.unread_count(&user("ann"))).await;
            assert!(read.is_err(), "{read:?}");
        }
        let started = Instant::now();
        send(&store, "ann", "x").await;
        store.ready().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(4), "{breaks}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn when_no_host_can_be_used_each_is_named_with_its_reason() {
    let silent = silent_host();
    let silent = silent.local_addr().unwrap();
    let real = new_database().await;
    let (real, name) = real.split_once('@').unwrap().1.split_once('/').unwrap();
    let url = format!("postgres://campanile:hush@127.0.0.1:1,{silent},{real}/no_{name}?connect_timeout=1");
    let refused = opened(&url).await.err().unwrap();
    for part in [
        "the store is not available: no host of the database can be used: 127.0.0.1:1: Connection refused".to_owned(),
        format!(
            "; {silent}: no answer within 1 s; {real}: database \"no_{name}\" does not exist (3D000). Create it: CREATE DATABASE no_{name}"
        ),
    ] {
        assert!(refused.contains(&part) && !refused.contains("hush"), "{refused}");
    }
    let none = opened("postgres://campanile:hush@127.0.0.1:1,127.0.0.1:2/x").await.err().unwrap();
    assert!(none.ends_with("See that PostgreSQL listens there, and that --store names its host and port."), "{none}");
    let alone = opened(&format!("postgres://campanile:hush@{silent}/x?connect_timeout=1")).await.err().unwrap();
    assert!(alone.contains("cannot be reached: no answer within 1 s. See that PostgreSQL listens there"), "{alone}");
}
