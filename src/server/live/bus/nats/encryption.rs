//! How a connection to NATS is encrypted.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};

use super::file::read;
use crate::server::trust::Trust;

/// The files with the trusted certificates and with this server's own.
pub(super) struct Files {
    provider: Arc<CryptoProvider>,
    /// If absent, the system's certificates are trusted.
    authority: Option<PathBuf>,
    /// This server's certificate and key.
    identity: Option<(PathBuf, PathBuf)>,
}

impl Files {
    pub(super) fn of(authority: Option<PathBuf>, identity: Option<(PathBuf, PathBuf)>) -> Self {
        Self { provider: Arc::new(aws_lc_rs::default_provider()), authority, identity }
    }

    /// TLS settings that read the files again for each connection, because they are renewed from time to time. If a
    /// file can no longer be used, its first contents stay in use.
    ///
    /// # Errors
    /// One sentence about a file that cannot be used, without its contents.
    pub(super) fn encryption(self) -> Result<ClientConfig> {
        let (trust, certificate) = (self.trust()?, self.certificate()?);
        let files = Arc::new(self);
        let client = ClientConfig::builder_with_provider(Arc::clone(&files.provider))
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Renewed { files: Arc::clone(&files), first: trust }));
        Ok(match certificate {
            None => client.with_no_client_auth(),
            Some(first) => client.with_client_cert_resolver(Arc::new(Renewed { files, first: Arc::new(first) })),
        })
    }

    fn trust(&self) -> Result<Trust> {
        let (mut authorities, mut named) = (RootCertStore::empty(), Vec::new());
        if let Some(file) = &self.authority {
            named = certificates("ca", file)?;
            for certificate in &named {
                authorities.add(certificate.clone()).map_err(|_| no_certificate("ca", file))?;
            }
        } else {
            // rustls skips unusable certificates, as browsers do.
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let trust = Trust::of(Arc::clone(&self.provider), authorities, named, true);
        trust.context("this system trusts no authority. Name a file of certificates with ?ca=FILE.")
    }

    fn certificate(&self) -> Result<Option<CertifiedKey>> {
        let Some((certificate, key)) = &self.identity else { return Ok(None) };
        let chain = certificates("cert", certificate)?;
        // The library's error about a key is not repeated: it may quote the file.
        let private = PrivateKeyDer::from_pem_slice(read("key", key)?.as_bytes())
            .map_err(|_| anyhow!("key: {} holds no private key in PEM without a password.", key.display()))?;
        let pair = CertifiedKey::from_der(chain, private, &self.provider);
        pair.map(Some).map_err(|_| {
            let (certificate, key) = (certificate.display(), key.display());
            anyhow!("cert: {certificate} and the key in {key} do not belong together, or cannot be used.")
        })
    }
}

fn certificates(name: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(read(name, file)?.as_bytes()).collect::<Result<Vec<_>, _>>();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(|| no_certificate(name, file))
}

fn no_certificate(name: &str, file: &Path) -> anyhow::Error {
    anyhow!("{name}: {} holds no certificate in PEM, or one that is damaged.", file.display())
}

/// The contents of files, read at each connection.
struct Renewed<T> {
    files: Arc<Files>,
    /// The first contents.
    first: T,
}

impl<T> std::fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Renewed")
    }
}

impl ServerCertVerifier for Renewed<Trust> {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.files.trust() {
            Ok(trust) => trust.verify_server_cert(server, others, name, ocsp, now),
            Err(_) => self.first.verify_server_cert(server, others, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.first.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.first.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.first.supported_verify_schemes()
    }
}

impl ResolvesClientCert for Renewed<Arc<CertifiedKey>> {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let now = self.files.certificate().ok().flatten();
        Some(now.map_or_else(|| Arc::clone(&self.first), Arc::new))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
