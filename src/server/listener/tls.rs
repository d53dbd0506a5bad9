//! TLS 1.2 and 1.3: a certificate and its key, read from files, and again when they change.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use thiserror::Error;
use tokio::{sync::watch, task::spawn_blocking, time::sleep};
use tokio_rustls::TlsAcceptor;

use crate::server::{secret_file, tasks::Tasks};

/// The protocols that a client may choose from (ALPN, RFC 7301), in the server's order of preference.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// The ALPN name of HTTP/2.
pub(super) const HTTP2: &[u8] = b"h2";
/// How often to check whether the files changed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Mode bits that give access to other users.
const OTHERS: u32 = 0o077;

/// The files of the certificate and its key.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// The certificate chain in PEM; the server's own certificate comes first.
    pub certificate: PathBuf,
    /// The private key in PEM: PKCS#8, SEC1 or RSA, without a password.
    pub key: PathBuf,
}

/// Why a certificate and a key cannot be used. The message does not quote the files.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file with the certificate cannot be read.
    #[error("{} cannot be read: {}.", .0.display(), .1)]
    CertificateNotRead(PathBuf, io::Error),
    /// The file contains no certificate, or a damaged one.
    #[error("{} holds no certificate in PEM, or one that is damaged.", .0.display())]
    NoCertificate(PathBuf),
    /// The file with the key cannot be read.
    #[error("{} cannot be read: {}.", secret_file::named(.0), .1)]
    KeyNotRead(PathBuf, io::Error),
    /// The file contains no key, or one that is damaged, has a password, or is of a kind that TLS does not use.
    #[error("{} holds no usable private key in PEM: PKCS#8, SEC1 or RSA, without a password.", .0.display())]
    NoKey(PathBuf),
    /// The key belongs to another certificate.
    #[error("the key in {} does not belong to the certificate in {}.", .key.display(), .certificate.display())]
    OtherKey {
        /// The certificate.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// rustls rejects the settings.
    #[error("TLS cannot be set up: {0}.")]
    Refused(rustls::Error),
}

impl TlsOptions {
    /// Checks that the certificate and the key can be used.
    ///
    /// # Errors
    /// One sentence about the problem.
    pub fn check(&self) -> Result<(), TlsError> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let pem = fs::read(&self.certificate);
        let pem = pem.map_err(|why| TlsError::CertificateNotRead(self.certificate.clone(), why))?;
        let no_certificate = || TlsError::NoCertificate(self.certificate.clone());
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
        if chain.is_empty() {
            return Err(no_certificate());
        }
        let pem = fs::read(&self.key).map_err(|why| TlsError::KeyNotRead(self.key.clone(), why))?;
        // The library's error about a key is not repeated: it may quote the file.
        let no_key = || TlsError::NoKey(self.key.clone());
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| no_key())?;

        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = provider.key_provider.load_private_key(key).map_err(|_| no_key())?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::OtherKey { certificate: self.certificate.clone(), key: self.key.clone() });
            }
            Err(_) => return Err(no_certificate()),
        }
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Refused)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }

    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| Some(FileStamp::of(&fs::metadata(path).ok()?)))
    }
}

/// Metadata of the two files, which shows whether they changed. `None` is a missing file.
type Stamp = [Option<FileStamp>; 2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl FileStamp {
    fn of(file: &Metadata) -> Self {
        Self { modified: file.modified().ok(), length: file.len() }
    }
}

/// The certificate and the key in use.
pub(super) struct Tls(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// Reads the files, and watches them until this is dropped.
    pub(super) fn start(options: TlsOptions, tasks: &Tasks) -> Result<Self, TlsError> {
        // Taken before the files are read, so that the next check sees any later change.
        let seen = options.stamp();
        let (sender, current) = watch::channel(options.read()?);
        warn_if_exposed(&options.key);
        // A restarted task reads the files again.
        tasks.spawn("certificate", move || follow_files(options.clone(), seen, sender.clone()));
        Ok(Self(current))
    }

    /// The acceptor for the next client.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

/// Reads the files again when they changed. While the new pair cannot be used, the old one stays in use.
async fn follow_files(options: TlsOptions, mut seen: Stamp, current: watch::Sender<Arc<ServerConfig>>) {
    loop {
        tokio::select! {
            () = sleep(LOOK_AGAIN) => {}
            () = current.closed() => return,
        }
        let looking = options.clone();
        let looked = spawn_blocking(move || {
            let found = looking.stamp();
            (found != seen).then(|| (found, looking.read()))
        });
        match looked.await {
            Ok(None) => {}
            Ok(Some((found, read))) => {
                seen = found;
                match read {
                    Ok(config) => {
                        warn_if_exposed(&options.key);
                        current.send_replace(config);
                        tracing::info!("the certificate changed: new connections get the new one");
                    }
                    Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the old one stays"),
                }
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}

fn warn_if_exposed(key: &Path) {
    if fs::metadata(key).is_ok_and(|file| file.permissions().mode() & OTHERS != 0) {
        tracing::warn!("others on this machine can read the file of the private key; chmod 600 keeps them out");
    }
}
