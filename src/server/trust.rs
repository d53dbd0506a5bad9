//! Verifies the certificates of servers that this one connects to, like libpq and OpenSSL.
//!
//! rustls is stricter: it rejects certificates of X.509 version 1, a certificate that is both an authority's and a
//! server's, and common names. All three are created by `openssl req` commands from manuals.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
};

mod certificate;
mod words;

use certificate::Read;
pub(in crate::server) use words::in_words;

/// Decides whether a server is trusted. It must prove in any case that it has the key of its certificate.
#[derive(Debug)]
pub(in crate::server) struct Trust {
    provider: Arc<CryptoProvider>,
    /// If absent, any certificate is accepted.
    authority: Option<Arc<WebPkiServerVerifier>>,
    /// Server certificates that are trusted directly.
    named: Vec<CertificateDer<'static>>,
    asks_for_the_name: bool,
}

impl Trust {
    /// Trusts any server.
    pub(in crate::server) fn of_any(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, authority: None, named: Vec::new(), asks_for_the_name: false }
    }

    /// Trusts servers with a certificate of one of these authorities, or with one of these certificates itself; with
    /// `asks_for_the_name`, only if the certificate is also for the name of the server.
    ///
    /// # Errors
    /// When there is no authority.
    pub(in crate::server) fn of(
        provider: Arc<CryptoProvider>,
        authorities: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        asks_for_the_name: bool,
    ) -> Result<Self, VerifierBuilderError> {
        let authority = WebPkiServerVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider));
        Ok(Self { provider, authority: Some(authority.build()?), named, asks_for_the_name })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        if self.named.contains(server) {
            let read = Read::new(server)?;
            read.is_valid_at(now)?;
            read.is_for_a_server()?;
            if self.asks_for_the_name {
                read.is_for(server, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match authority.verify_server_cert(server, others, name, ocsp, now) {
            // rustls checks the name last, after all other checks succeeded.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {
                if self.asks_for_the_name {
                    Read::new(server)?.is_for(server, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    /// Uses the key alone, which a certificate of version 1 has too.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(Read::new(certificate)?.key()?);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
        date_time_ymd,
    };
    use rustls::crypto::aws_lc_rs;

    use super::*;

    type Change = fn(&mut CertificateParams);

    /// A certificate of an authority with this common name and these names, with one change.
    fn certificate(
        common: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    /// Whether a server that shows the first certificate is trusted when the second one is.
    fn is_trusted(shown: &CertificateDer<'static>, named: &CertificateDer<'static>, name: Option<&str>) -> bool {
        let mut authorities = RootCertStore::empty();
        authorities.add(named.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let trust = Trust::of(provider, authorities, vec![named.clone()], name.is_some()).unwrap();
        let name = ServerName::try_from(name.unwrap_or("any")).unwrap();
        trust.verify_server_cert(shown, &[], &name, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn a_certificate_that_is_named_itself_is_trusted_for_its_name() {
        for (common, names, name, is_good) in [
            ("x", &["db", "10.0.0.1"][..], "db", true),
            ("x", &["db", "10.0.0.1"], "10.0.0.1", true),
            ("x", &["db"], "x", false),
            ("x", &["*.example.com"], "db.example.com", true),
            ("db", &[], "DB", true),
            ("10.0.0.1", &[], "10.0.0.1", true),
            ("10.0.0.1", &[], "10.0.0.2", false),
            ("db", &[], "db2", false),
            ("db", &["other"], "db", false),
            ("*.example.com", &[], "db.example.com", true),
            ("*.example.com", &[], "a.db.example.com", false),
            ("*.example.com", &[], "example.com", false),
            ("*.com", &[], "example.com", false),
            ("*", &[], "db", false),
        ] {
            let made = certificate(common, names, |_| {});
            assert_eq!(is_trusted(&made, &made, Some(name)), is_good, "{common} {names:?} {name}");
            assert!(is_trusted(&made, &made, None));
        }
    }

    #[test]
    fn certificates_of_other_names_dates_or_purposes_are_refused() {
        let good = certificate("db", &["db"], |_| {});
        assert!(!is_trusted(&certificate("db", &["db"], |_| {}), &good, Some("db")), "another key");
        let changes: [(&str, Change); 5] = [
            ("expired", |params| params.not_after = date_time_ymd(2020, 1, 1)),
            ("not yet", |params| params.not_before = date_time_ymd(2999, 1, 1)),
            ("a client's", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            ("signs only", |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]),
            ("not understood", |params| {
                let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            }),
        ];
        for (what, change) in changes {
            let made = certificate("db", &["db"], change);
            for name in [Some("db"), None] {
                assert!(!is_trusted(&made, &made, name), "{what}");
            }
        }
    }

    #[test]
    fn a_common_name_counts_where_an_authority_signed_and_there_is_no_other_name() {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(authority, key);
        let sign = |names: &[&str], until: i32| {
            let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, "db");
            params.not_after = date_time_ymd(until, 1, 1);
            params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
        };
        let stranger = certificate("stranger", &[], |_| {});
        for (names, until, root, name, is_good) in [
            (&[][..], 2999, &root, Some("db"), true),
            (&[], 2999, &root, Some("other"), false),
            (&["other"], 2999, &root, Some("db"), false),
            (&["other"], 2999, &root, None, true),
            (&[], 2020, &root, Some("db"), false),
            (&[], 2020, &root, None, false),
            (&[], 2999, &stranger, Some("db"), false),
            (&[], 2999, &stranger, None, false),
        ] {
            assert_eq!(is_trusted(&sign(names, until), root, name), is_good, "{names:?} {until} {name:?}");
        }
    }

    #[test]
    fn a_name_of_the_library_is_put_in_words() {
        let said = in_words("invalid peer certificate: Other(OtherError(UnsupportedCertVersion))").unwrap();
        assert!(said.contains("X.509 version 1"), "{said}");
        let said = in_words("invalid peer certificate: Other(OtherError(Odd))").unwrap();
        assert!(said.ends_with("not supported: Odd"), "{said}");
        assert_eq!(in_words("Connection refused"), None);
    }
}
