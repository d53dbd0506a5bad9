//! Encrypted connections: their protocols, and the source of the certificate.

mod command;
mod connections;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use campanile::server::listener::TlsOptions;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SerialNumber};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The time limit for anything.
const LONG: Duration = Duration::from_secs(10);

/// An authority that signs the servers' certificates, and that the clients of these tests trust.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    trusted: Arc<RootCertStore>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let mut trusted = RootCertStore::empty();
        trusted.add(params.self_signed(&key).unwrap().der().clone()).unwrap();
        Self { issuer: Issuer::new(params, key), trusted: Arc::new(trusted) }
    }

    /// Writes a new certificate for localhost and its key to the files, and returns the certificate.
    fn issue(&self, serial: u64, files: &TlsOptions) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        certificate.der().clone()
    }

    /// Connects, offers these protocols, and checks the server's certificate.
    async fn try_connect(&self, server: SocketAddr, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.trusted))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // It has a small buffer, so that a server with much data has to wait.
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(16 * 1024)?;
        let stream = socket.connect(server).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    async fn connect(&self, server: SocketAddr, protocols: &[&str]) -> TlsStream<TcpStream> {
        timeout(LONG, self.try_connect(server, protocols)).await.unwrap().unwrap()
    }
}

/// The files for the certificate and the key of a test.
fn files_in(folder: &Path) -> TlsOptions {
    TlsOptions { certificate: folder.join("server.crt"), key: folder.join("server.key") }
}

fn shown_to(stream: &TlsStream<TcpStream>) -> &CertificateDer<'static> {
    &stream.get_ref().1.peer_certificates().unwrap()[0]
}

fn local(stream: &TlsStream<TcpStream>) -> SocketAddr {
    let address = stream.get_ref().0.local_addr().unwrap();
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    address
}

/// Sends a request over HTTP/1.1, and reads until this text arrived.
async fn ask(stream: &mut TlsStream<TcpStream>, path: &str, expected: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(stream, expected).await
}

async fn read_until(stream: &mut TlsStream<TcpStream>, expected: &str) -> String {
    let mut all = String::new();
    let mut buffer = [0; 4096];
    let mut searched = 0;
    while !all[searched..].contains(expected) {
        searched = all.len().saturating_sub(expected.len());
        let count = timeout(LONG, stream.read(&mut buffer)).await.unwrap_or_else(|_| panic!("{all:?}")).unwrap();
        assert!(count > 0, "closed after {all:?}");
        all.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    all
}
