//! How the database is reached, and how its tables are brought up to date.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::functions::Functions;
use crate::server::store::{Schema, StoreError};

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// How long connecting, or waiting for a free connection, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The lock under which the tables are changed; the number means nothing.
const MIGRATION_LOCK: i64 = 7_218_012;

fn config(url: &str) -> Result<Config, StoreError> {
    // What the parser says may repeat a part of the URL, and so a password.
    let wrong = |_| {
        StoreError::failed(
            "the URL of the database cannot be read; it is postgres://USER:PASSWORD@HOST/DATABASE.".to_owned(),
        )
    };
    let mut config: Config = url.parse().map_err(wrong)?;
    config.application_name("campanile");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    Ok(config)
}

/// Encryption, when the URL asks for it. `sslmode=prefer`, which is the default, would be given up
/// by whoever can meddle with the connection, so it counts as none.
fn tls(config: &Config) -> Result<Option<MakeRustlsConnect>, StoreError> {
    if config.get_ssl_mode() != SslMode::Require {
        return Ok(None);
    }
    let broken = |why: String| StoreError::failed(format!("TLS cannot be set up: {why}"));
    let mut trusted = rustls::RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // What rustls cannot use is left out, as browsers do.
        drop(trusted.add(certificate));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(client)))
}

pub(super) fn pool(url: &str, connections: usize) -> Result<Pool, StoreError> {
    let config = config(url)?;
    let managed = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match tls(&config)? {
        Some(tls) => Manager::from_config(config, tls, managed),
        None => Manager::from_config(config, NoTls, managed),
    };
    let pool = Pool::builder(manager)
        .max_size(connections.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .build();
    pool.map_err(|error| StoreError::failed("no connections can be made").because(error))
}

/// One connection of its own. It ends when the client is dropped.
pub(super) async fn connect(url: &str) -> Result<Client, StoreError> {
    let config = config(url)?;
    let drive = |connection: std::pin::Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>| {
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        })
    };
    let client = match tls(&config)? {
        Some(tls) => {
            let (client, connection) = config.connect(tls).await?;
            drive(Box::pin(connection));
            client
        }
        None => {
            let (client, connection) = config.connect(NoTls).await?;
            drive(Box::pin(connection));
            client
        }
    };
    Ok(client)
}

/// Brings the tables up to date, and makes the functions of this release.
pub(super) async fn migrate(url: &str) -> Result<Functions, StoreError> {
    use refinery::error::Kind;
    let mut client = connect(url).await?;
    // Several servers may start together; the lock ends with the connection.
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    let done = migrations::migrations::runner().run_async(&mut client).await;
    done.map_err(|error| {
        StoreError::failed(match error.kind() {
            Kind::MissingVersion(_) => {
                "the database was made by a newer Campanile. Use that one, or another database.".to_owned()
            }
            Kind::DivergentVersion(_, _) => {
                "the database has other tables than this version made. Is it Campanile's?".to_owned()
            }
            _ => format!("the tables cannot be brought up to date: {error}"),
        })
    })?;
    Functions::make(&mut client).await
}

pub(super) async fn schema(url: &str) -> Result<Schema, StoreError> {
    let known = migrations::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max();
    let client = connect(url).await?;
    let exists =
        client.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await?.try_get(0)?;
    let applied = if exists {
        let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
        client.query_one(sql, &[]).await?.try_get(0)?
    } else {
        0
    };
    Ok(Schema { applied, known: known.unwrap_or(0) })
}
