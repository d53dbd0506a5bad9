//! The surroundings of a PostgreSQL: poolers, certificates, and the rights of a role.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use campanile::{
    model::{Filter, Limit, Timestamp},
    server::store::{Credentials, Deliveries, Due, PostgresOptions, PostgresStore, Store},
};
use tokio::{task::spawn_blocking, time::timeout};

use super::{send, user};
use crate::{
    command::campanile,
    harness::new_folder,
    postgres::{PgBouncer, Server, connect, empty_database, new_database},
};

pub(super) async fn opened(url: &str) -> Result<PostgresStore, String> {
    let options = PostgresOptions { url: url.to_owned(), window: 1000, connections: 8 };
    let opened = timeout(Duration::from_secs(20), PostgresStore::open(&options)).await;
    opened.map_err(|_| "it hangs".to_owned())?.map_err(|error| error.to_string())
}

/// Many callers share few connections of the database, and a start finds no lock that an earlier one left.
async fn work_behind(mode: &str, connections: usize, parameters: &str) {
    let server = spawn_blocking(|| Server::start(&[])).await.unwrap();
    let bouncer = PgBouncer::start(&server, mode, connections);
    let url = format!("{}{parameters}", bouncer.url("postgres"));
    for _ in 0..2 {
        let store = Arc::new(opened(&url).await.unwrap());
        let callers = (0..300).map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let name = user(&format!("user {}", number % 7));
                send(&*store, name.as_str(), "x").await;
                store.list(&Filter::inbox(name.clone()), None, Limit::new(5)).await.unwrap();
                store.list(&Filter::default(), None, Limit::new(5)).await.unwrap();
                store.changes(&name, 0, Limit::new(5)).await.unwrap();
                store.unread_count(&name).await.unwrap();
                store.overview(Some(&name)).await.unwrap();
                store.keys().await.unwrap();
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            timeout(Duration::from_secs(60), caller).await.unwrap().unwrap();
        }
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        store.ready().await.unwrap();
        store.overview(None).await.unwrap();
        store.forget_grants(now).await.unwrap();
        store.forget_idle_lanes("webhook", now, 10).await.unwrap();
        store.delete_due(&Due { now, accepted_before: None, limit: 10 }).await.unwrap();
    }
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    let past = connect(&server.url("postgres")).await;
    assert_eq!(past.query_one(locks, &[]).await.unwrap().get::<_, i64>(0), 0);
    let sent: i64 = past.query_one("SELECT count(*) FROM notifications", &[]).await.unwrap().get(0);
    assert_eq!(sent, 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_behind_pgbouncer_in_transaction_mode() {
    work_behind("transaction", 4, "?pgbouncer=true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_the_url_does_not_mention_is_noticed() {
    work_behind("transaction", 4, "").await;
}

/// With `pgbouncer=false` the start does not look for a pooler.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_was_overlooked_at_the_start_is_noticed_by_its_first_refusal() {
    work_behind("transaction", 4, "?pgbouncer=false").await;
}

/// Every connection of the pooler has prepared statements of earlier clients, with the same names.
#[test]
fn commands_work_where_earlier_clients_of_a_pooler_left_statements() {
    let server = Server::start(&[]);
    let bouncer = PgBouncer::start(&server, "transaction", 2);
    let url = bouncer.url("postgres");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let both = [connect(&url).await, connect(&url).await];
        for client in &both {
            client.batch_execute("BEGIN").await.unwrap();
            for number in 0..20 {
                client.batch_execute(&format!("PREPARE s{number} AS SELECT 'of another'")).await.unwrap();
            }
        }
        for client in &both {
            client.batch_execute("COMMIT").await.unwrap();
        }
    });
    let file = new_folder().join("all");
    let file = file.display().to_string();
    for words in [
        ["migrate", "--store", &url].as_slice(),
        &["export", "--store", &url, &file],
        &["import", "--store", &url, &file],
        &["export", "--store", &url, &format!("{file}-again")],
    ] {
        let done = campanile(words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_behind_pgbouncer_in_session_mode() {
    work_behind("session", 20, "").await;
    work_behind("session", 20, "?pgbouncer=true").await;
}

#[tokio::test]
async fn waiting_for_the_lock_of_the_migrations_is_logged() {
    let url = new_database().await;
    let holder = connect(&url).await;
    holder.batch_execute("SELECT pg_advisory_lock(7218012)").await.unwrap();
    let mut command = campanile(&["serve", "--listen", "127.0.0.1:0", "--store", &url]);
    let mut waits = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufReader::new(waits.stderr.take().unwrap());
    let line = |log: &mut std::io::BufReader<_>| {
        let mut line = String::new();
        std::io::BufRead::read_line(log, &mut line).unwrap();
        assert!(!line.is_empty(), "it ended");
        line
    };
    while !line(&mut log).contains("waiting until another server") {}
    holder.batch_execute("SELECT pg_advisory_unlock(7218012)").await.unwrap();
    while !line(&mut log).contains("this server's turn") {}
    waits.kill().unwrap();
    waits.wait().unwrap();
}

#[tokio::test]
async fn a_right_that_lacks_is_named() {
    let past = connect(&empty_database().await).await;
    past.batch_execute("CREATE ROLE poor LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC").await.unwrap();
    let as_poor = |url: &str| url.replace("campanile@", "poor@");
    let empty = empty_database().await;
    connect(&empty).await.batch_execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await.unwrap();
    let refused = opened(&as_poor(&empty)).await.err().unwrap();
    assert!(refused.contains("GRANT CREATE ON SCHEMA public TO poor"), "{refused}");
    let checked = PostgresStore::startable(&as_poor(&empty)).await.err().unwrap().to_string();
    assert!(checked.contains("GRANT CREATE ON SCHEMA public TO poor"), "{checked}");
    PostgresStore::startable(&empty).await.unwrap();

    let made = new_database().await;
    let refused = opened(&as_poor(&made)).await.err().unwrap();
    assert_eq!(PostgresStore::startable(&as_poor(&made)).await.err().unwrap().to_string(), refused);
    let (_, grant) = refused.split_once("Let it: ").unwrap_or_else(|| panic!("{refused}"));
    assert!(refused.contains("the role poor lacks ") && refused.contains("INSERT on notifications"), "{refused}");
    connect(&made).await.batch_execute(grant.trim_end_matches('.')).await.unwrap();
    let store = opened(&as_poor(&made)).await.unwrap();
    send(&store, "ann", "x").await;
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_database_on_which_no_server_can_start_is_found_without_a_change() {
    let checked = async |url: &str| PostgresStore::startable(url).await.map_err(|error| error.to_string());
    let url = new_database().await;
    checked(&url).await.unwrap();
    let name = url.rsplit('/').next().unwrap();
    let owner = connect(&url).await;
    owner.batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
    let refused = checked(&url).await.unwrap_err();
    assert!(refused.contains("takes no writes"), "{refused}");
    owner.batch_execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await.unwrap();
    owner.batch_execute("CREATE ROLE single LOGIN CONNECTION LIMIT 1").await.unwrap();
    let refused = checked(&url.replace("campanile@", "single@")).await.unwrap_err();
    assert!(refused.contains("too many connections"), "{refused}");
    owner.batch_execute("UPDATE refinery_schema_history SET name = 'foreign' WHERE version = 1").await.unwrap();
    let refused = checked(&url).await.unwrap_err();
    assert!(refused.contains("Is it Campanile's?"), "{refused}");
}

/// An authority, and the certificates that it signs: for a server named `localhost`, and for the role of the tests.
struct Authority {
    pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: rcgen::Issuer::new(parameters, key) }
    }

    /// A certificate of this name, and its key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

#[test]
fn every_sslmode_works_as_documented_and_a_client_may_have_a_certificate() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("another"));
    let ((certificate, key), (mine, my_key)) = (authority.sign("localhost"), authority.sign("campanile"));
    let files = [("server.crt", &certificate), ("server.key", &key), ("ca.crt", &authority.pem)];
    let files = files.map(|(name, pem)| (name, pem.as_str()));
    let encrypted = Server::start_with(&files, &["ssl=on"]);
    let plain = Server::start(&[]);
    let rules = "local all all trust\nhostssl all all 127.0.0.1/32 cert\n";
    let strict =
        Server::start_with(&[files[0], files[1], files[2], ("pg_hba.conf", rules)], &["ssl=on", "ssl_ca_file=ca.crt"]);
    let folder = new_folder();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let (ca, other) = (write("ca.pem", &authority.pem), write("other.pem", &stranger.pem));
    let (mine, my_key, none) = (write("mine.pem", &mine), write("mine.key", &my_key), write("none.pem", "nothing"));

    let migrate = |server: &Server, host: &str, parameters: &str| {
        let url = format!("postgres://campanile@{host}:{}/postgres?{parameters}", server.port);
        let mut command = campanile(&["migrate", "--store", &url]);
        // The system trusts no authority.
        command.env("SSL_CERT_FILE", Path::new("/dev/null")).env("SSL_CERT_DIR", "/nonexistent");
        let done = command.output().unwrap();
        if done.status.success() { Ok(()) } else { Err(String::from_utf8(done.stderr).unwrap()) }
    };
    for (server, host, parameters) in [
        (&encrypted, "localhost", format!("sslmode=verify-full&sslrootcert={ca}")),
        (&encrypted, "127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}")),
        (&encrypted, "127.0.0.1", format!("sslmode=require&sslrootcert={ca}")),
        (&encrypted, "127.0.0.1", "sslmode=require".to_owned()),
        (&encrypted, "127.0.0.1", "sslmode=prefer".to_owned()),
        (&encrypted, "127.0.0.1", "sslmode=disable".to_owned()),
        (&encrypted, "127.0.0.1", format!("sslmode=prefer&sslrootcert={ca}")),
        (&plain, "127.0.0.1", format!("sslmode=prefer&sslrootcert={ca}")),
        (&plain, "127.0.0.1", "sslmode=prefer".to_owned()),
        (&strict, "localhost", format!("sslmode=verify-full&sslrootcert={ca}&sslcert={mine}&sslkey={my_key}")),
    ] {
        assert_eq!(migrate(server, host, &parameters), Ok(()), "{host} {parameters}");
    }
    for (server, host, parameters, why) in [
        (&encrypted, "127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), "not valid for name"),
        (&encrypted, "localhost", format!("sslmode=verify-full&sslrootcert={other}"), "UnknownIssuer"),
        (&encrypted, "localhost", format!("sslmode=verify-ca&sslrootcert={other}"), "UnknownIssuer"),
        (&encrypted, "localhost", format!("sslmode=prefer&sslrootcert={other}"), "UnknownIssuer"),
        (&encrypted, "localhost", format!("sslmode=require&sslrootcert={none}"), "none.pem holds no certificate"),
        (&encrypted, "localhost", "sslmode=verify-full&sslrootcert=/no/where".to_owned(), "/no/where cannot be read"),
        (&encrypted, "localhost", "sslmode=verify-full".to_owned(), "sslrootcert"),
        (&plain, "localhost", "sslmode=require".to_owned(), "TLS"),
        (&plain, "localhost", format!("sslmode=verify-full&sslrootcert={ca}"), "TLS"),
        (&strict, "localhost", format!("sslmode=verify-full&sslrootcert={ca}"), "certificate"),
        (&strict, "localhost", "sslmode=disable".to_owned(), "no encryption"),
    ] {
        let refused = migrate(server, host, &parameters).unwrap_err();
        assert!(refused.contains(why), "{host} {parameters}: {refused}");
    }
}
