//! Certificates of a PostgreSQL as in its manual and the manual of `openssl`.

use std::{fs, path::Path};

use crate::{command::campanile, harness::new_folder, openssl, postgres::Server};

/// Migrates a database over TLS, or returns why it cannot be reached.
fn migrate(server: &Server, host: &str, parameters: &str) -> Result<(), String> {
    let url = format!("postgres://campanile@{host}:{}/postgres?{parameters}", server.port);
    let mut command = campanile(&["migrate", "--store", &url]);
    // The system trusts no authority.
    command.env("SSL_CERT_FILE", Path::new("/dev/null")).env("SSL_CERT_DIR", "/nonexistent");
    let done = command.output().unwrap();
    if done.status.success() { Ok(()) } else { Err(String::from_utf8(done.stderr).unwrap()) }
}

#[test]
fn a_certificate_as_openssl_makes_it_is_trusted_when_it_is_named_itself() {
    let folder = new_folder();
    openssl::certificates(&folder, "localhost");
    let read = |file: String| fs::read_to_string(folder.join(file)).unwrap();
    let [old, own, old_signed, signed] = ["old", "own", "old-signed", "signed"].map(|name| {
        let (certificate, key) = (read(format!("{name}.pem")), read(format!("{name}.key")));
        Server::start_with(&[("server.crt", &certificate), ("server.key", &key)], &["ssl=on"])
    });
    let root = |name: &str| format!("&sslrootcert={}", folder.join(name).with_extension("pem").display());
    for (server, host, mode, trusted) in [
        (&old, "localhost", "verify-full", "old"),
        (&old, "127.0.0.1", "verify-ca", "old"),
        (&own, "localhost", "verify-full", "own"),
        (&own, "127.0.0.1", "verify-ca", "own"),
        (&own, "127.0.0.1", "require", "own"),
        (&signed, "localhost", "verify-full", "ca"),
        (&signed, "127.0.0.1", "verify-ca", "ca"),
        (&old_signed, "localhost", "verify-full", "old-signed"),
    ] {
        assert_eq!(
            migrate(server, host, &format!("sslmode={mode}{}", root(trusted))),
            Ok(()),
            "{host} {mode} {trusted}"
        );
    }
    for server in [&old, &own, &old_signed, &signed] {
        assert_eq!(migrate(server, "localhost", "sslmode=require"), Ok(()));
    }
    let of_tls_12 = {
        let (certificate, key) = (read("old.pem".to_owned()), read("old.key".to_owned()));
        let settings = ["ssl=on", "ssl_max_protocol_version=TLSv1.2"];
        Server::start_with(&[("server.crt", &certificate), ("server.key", &key)], &settings)
    };
    for (server, host, mode, trusted, why) in [
        (&of_tls_12, "localhost", "verify-ca", "old", "in place of its authority's, where the server speaks TLS 1.3"),
        (&old, "127.0.0.1", "verify-full", "old", "its common name (CN) is another"),
        (&own, "127.0.0.1", "verify-full", "own", "its common name (CN) is another"),
        (&signed, "127.0.0.1", "verify-full", "ca", "its common name (CN) is another"),
        (&old, "localhost", "verify-ca", "own", "X.509 version 1"),
        (&old_signed, "localhost", "verify-ca", "ca", "X.509 version 1"),
        (&own, "localhost", "verify-ca", "ca", "is that of an authority"),
        (&signed, "localhost", "verify-ca", "own", "UnknownIssuer"),
    ] {
        let refused = migrate(server, host, &format!("sslmode={mode}{}", root(trusted))).unwrap_err();
        assert!(refused.contains(why) && !refused.contains("OtherError"), "{host} {mode} {trusted}: {refused}");
    }
}
