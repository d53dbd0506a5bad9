//! Certificates as in manuals: created with the command `openssl`.

use std::{path::Path, process::Command};

/// Runs `openssl` in a folder.
fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let done = done.unwrap_or_else(|why| panic!("install openssl: {why}"));
    assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Creates `ca.pem`, and for a host of this name, which appears in the common name alone: `old.pem`, signed by its own
/// key in X.509 version 1; `own.pem`, the same as `req -x509` creates it, of an authority; `old-signed.pem`, signed by
/// the authority in version 1; and `signed.pem`, signed by it in version 3. Each has its key in a file that ends with
/// `.key`.
pub(crate) fn certificates(folder: &Path, host: &str) {
    openssl(folder, "req -x509 -nodes -newkey rsa:2048 -days 9 -subj /CN=authority -keyout ca.key -out ca.pem");
    openssl(
        folder,
        &format!("req -x509 -nodes -newkey rsa:2048 -days 9 -subj /CN={host} -keyout own.key -out own.pem"),
    );
    for name in ["old", "old-signed", "signed"] {
        openssl(
            folder,
            &format!("req -new -nodes -newkey rsa:2048 -subj /CN={host} -keyout {name}.key -out {name}.csr"),
        );
    }
    std::fs::write(folder.join("extensions"), "basicConstraints=CA:FALSE\n").unwrap();
    let by_ca = "x509 -req -days 9 -CA ca.pem -CAkey ca.key -CAcreateserial";
    openssl(folder, "x509 -req -days 9 -in old.csr -signkey old.key -out old.pem");
    openssl(folder, &format!("{by_ca} -in old-signed.csr -out old-signed.pem"));
    openssl(folder, &format!("{by_ca} -in signed.csr -extfile extensions -out signed.pem"));
}
