//! Encryption of the connection to the database.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{Encryption, Trust};
use crate::server::{store::StoreError, trust::Trust as Verifier};

/// Encryption, when the URL asks for it.
pub(super) fn connector(encryption: &Encryption) -> Result<Option<MakeRustlsConnect>, StoreError> {
    if encryption.trust == Trust::Plain {
        return Ok(None);
    }
    let broken = |why: String| StoreError::failed(format!("TLS cannot be set up: {why}"));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = if encryption.trust == Trust::Any {
        Verifier::of_any(Arc::clone(&provider))
    } else {
        let named = match &encryption.root {
            Some(root) => certificates("sslrootcert", root)?,
            None => Vec::new(),
        };
        let trusted = trusted(encryption.root.as_deref(), &named)?;
        let asks_for_the_name = encryption.trust == Trust::Name;
        Verifier::of(Arc::clone(&provider), trusted, named, asks_for_the_name).map_err(|_| {
            let why = "this system trusts no authority. Name a file of certificates in the URL, with sslrootcert.";
            broken(why.to_owned())
        })?
    };
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let client = match &encryption.identity {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates("sslcert", certificate)?;
            let pem = read("sslkey", key)?;
            // The library's error is not repeated, because it may quote the key file.
            let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
                let why = "holds no usable private key in PEM: PKCS#8, SEC1 or RSA, without a password";
                StoreError::failed(format!("sslkey: {} {why}.", key.display()))
            })?;
            client.with_client_auth_cert(chain, private).map_err(|error| {
                let (file, key) = (certificate.display(), key.display());
                StoreError::failed(format!("sslcert: {file} cannot be used with the key {key}.")).because(error)
            })?
        }
    };
    Ok(Some(MakeRustlsConnect::new(client)))
}

/// The trusted authorities: the certificates of the file, or those of the system.
fn trusted(root: Option<&Path>, named: &[CertificateDer<'static>]) -> Result<RootCertStore, StoreError> {
    let mut trusted = RootCertStore::empty();
    match root {
        Some(root) => {
            for certificate in named {
                trusted.add(certificate.clone()).map_err(|error| unusable("sslrootcert", root).because(error))?;
            }
        }
        None => {
            for certificate in rustls_native_certs::load_native_certs().certs {
                // Certificates that rustls cannot use are skipped, as browsers do.
                drop(trusted.add(certificate));
            }
        }
    }
    Ok(trusted)
}

fn certificates(parameter: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let pem = read(parameter, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(|| unusable(parameter, path))
}

fn read(parameter: &str, path: &Path) -> Result<Vec<u8>, StoreError> {
    let failed = |why| StoreError::failed(format!("{parameter}: {} cannot be read: {why}.", path.display()));
    fs::read(path).map_err(failed)
}

fn unusable(parameter: &str, path: &Path) -> StoreError {
    StoreError::failed(format!("{parameter}: {} holds no certificate in PEM, or one that is damaged.", path.display()))
}
