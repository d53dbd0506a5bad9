//! The source of the command's certificate, at the start and later.

use std::{fs, os::unix::fs::PermissionsExt, sync::mpsc, time::Duration};

use campanile::server::listener::TlsOptions;
use tokio::time::{Instant, sleep};

use super::{Authority, LONG, ask, files_in, shown_to};
use crate::{
    command::{Server, refused},
    harness::new_folder,
};

fn serve_with(files: &TlsOptions) -> Server {
    let [certificate, key] = [&files.certificate, &files.key].map(|file| file.display().to_string());
    Server::start(&["--tls-cert", &certificate, "--tls-key", &key])
}

fn wait_for(log: &mpsc::Receiver<String>, words: &str) {
    while !log.recv_timeout(LONG).unwrap_or_else(|_| panic!("{words:?} is not logged")).contains(words) {}
}

#[tokio::test]
async fn a_certificate_is_renewed_while_it_runs() {
    let (authority, files) = (Authority::new(), files_in(&new_folder()));
    let first = authority.issue(1, &files);
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
    let mut server = serve_with(&files);
    let address = server.address.parse().unwrap();
    let log = server.log();
    wait_for(&log, "others on this machine can read the file of the private key");
    let mut old = authority.connect(address, &["http/1.1"]).await;
    assert_eq!(*shown_to(&old), first);

    fs::write(&files.certificate, "no certificate").unwrap();
    wait_for(&log, "the old one stays");
    assert_eq!(*shown_to(&authority.connect(address, &["h2"]).await), first);
    // It is logged once, and not at every check.
    let again = log.recv_timeout(Duration::from_millis(2_500));
    assert!(again.is_err(), "{again:?}");

    let second = authority.issue(2, &files);
    let began = Instant::now();
    while *shown_to(&authority.connect(address, &["h2"]).await) != second {
        assert!(began.elapsed() < LONG, "the new certificate is not used");
        sleep(Duration::from_millis(50)).await;
    }
    ask(&mut old, "/healthz", "200 OK").await;
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_is_one_clear_sentence() {
    let authority = Authority::new();
    let [good, other] = [1, 2].map(|serial| {
        let files = files_in(&new_folder());
        authority.issue(serial, &files);
        files
    });
    let key = fs::read_to_string(&good.key).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let folder = new_folder();
    let file = |name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let missing = folder.join("missing.pem");
    let half = file("half.pem", &key[..key.len() / 2]);
    let nonsense = file("nonsense.pem", &format!("-----BEGIN CERTIFICATE-----\n{secret}\n-----END CERTIFICATE-----\n"));
    let locked = file("locked.pem", &key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    for (certificate, key, begin) in [
        (&missing, &good.key, "tls-cert: "),
        (&good.key, &good.key, "tls-cert: "),
        (&nonsense, &good.key, "tls-cert: "),
        (&good.certificate, &missing, "tls-key: "),
        (&good.certificate, &good.certificate, "tls-key: "),
        (&good.certificate, &half, "tls-key: "),
        (&good.certificate, &locked, "tls-key: "),
        (&good.certificate, &other.key, "tls-key: the key in "),
    ] {
        let [certificate, key] = [certificate, key].map(|file| file.display().to_string());
        let pair = ["--store", "memory:", "--tls-cert", &certificate, "--tls-key", &key];
        for command in ["serve", "check"] {
            let error = refused(&[&[command, "--listen", "127.0.0.1:0"], &pair[..]].concat());
            assert!(error.starts_with(&format!("campanile: {begin}")) && error.lines().count() == 1, "{error}");
            assert!(!error.contains(secret), "{error}");
        }
    }
}
