//! How a connection to the database is encrypted.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{Encryption, Trust};
use crate::server::store::StoreError;

/// Encryption, when the URL asks for it.
pub(super) fn connector(encryption: &Encryption) -> Result<Option<MakeRustlsConnect>, StoreError> {
    if encryption.trust == Trust::Plain {
        return Ok(None);
    }
    let broken = |why: String| StoreError::failed(format!("TLS cannot be set up: {why}"));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if encryption.trust == Trust::Any {
        Arc::new(Lenient { provider: Arc::clone(&provider), authority: None })
    } else {
        let trusted = Arc::new(trusted(encryption.root.as_deref())?);
        let strict = WebPkiServerVerifier::builder_with_provider(trusted, Arc::clone(&provider)).build();
        let strict = strict.map_err(|_| {
            let why = "this system trusts no authority. Name a file of certificates in the URL, with sslrootcert.";
            broken(why.to_owned())
        })?;
        match encryption.trust {
            Trust::Authority => Arc::new(Lenient { provider: Arc::clone(&provider), authority: Some(strict) }),
            _ => strict,
        }
    };
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let client = match &encryption.identity {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates("sslcert", certificate)?;
            let pem = read("sslkey", key)?;
            // What the library says about a key is not repeated: it may quote the file.
            let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
                let why = "holds no usable private key in PEM: PKCS#8, SEC1 or RSA, without a password";
                StoreError::failed(format!("sslkey: {} {why}.", key.display()))
            })?;
            client.with_client_auth_cert(chain, key).map_err(|error| {
                let file = certificate.display();
                StoreError::failed(format!("sslcert: {file} and the key of sslkey cannot be used: {error}."))
            })?
        }
    };
    Ok(Some(MakeRustlsConnect::new(client)))
}

/// Who vouches for servers.
fn trusted(root: Option<&Path>) -> Result<RootCertStore, StoreError> {
    let mut trusted = RootCertStore::empty();
    match root {
        Some(root) => {
            for certificate in certificates("sslrootcert", root)? {
                trusted.add(certificate).map_err(|error| unusable("sslrootcert", root).because(error))?;
            }
        }
        None => {
            for certificate in rustls_native_certs::load_native_certs().certs {
                // What rustls cannot use is left out, as browsers do.
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

/// Takes a server whatever its name is and, without an authority, whichever authority signed its certificate. That it has
/// the key of its certificate is checked all the same.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(server, others, name, ocsp, now) {
            // The name is looked at last.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
