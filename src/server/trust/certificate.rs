//! Parts of a certificate that rustls does not read.

use std::time::Duration;

use rustls::{
    CertificateError, Error,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_cert::{
    Certificate, TbsCertificate, Version,
    der::{
        Decode, Encode, Tag, Tagged,
        oid::{AssociatedOid, ObjectIdentifier, db::rfc4519::COMMON_NAME, db::rfc5280::ID_KP_SERVER_AUTH},
    },
    ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName},
};

/// The extensions that this module understands.
const UNDERSTOOD: [ObjectIdentifier; 4] =
    [BasicConstraints::OID, ExtendedKeyUsage::OID, KeyUsage::OID, SubjectAltName::OID];

/// A certificate of any version.
pub(super) struct Read(TbsCertificate);

impl Read {
    pub(super) fn new(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        Certificate::from_der(certificate).map(|read| Self(read.tbs_certificate)).map_err(|_| damaged())
    }

    /// Its public key, as `SubjectPublicKeyInfo`.
    pub(super) fn key(&self) -> Result<Vec<u8>, Error> {
        self.0.subject_public_key_info.to_der().map_err(|_| damaged())
    }

    pub(super) fn is_valid_at(&self, now: UnixTime) -> Result<(), Error> {
        let at = |time: Duration| UnixTime::since_unix_epoch(time);
        let not_before = at(self.0.validity.not_before.to_unix_duration());
        let not_after = at(self.0.validity.not_after.to_unix_duration());
        if now < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        if now > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        Ok(())
    }

    /// Whether it may belong to a server, by the rules of OpenSSL: all its critical extensions are understood, and none
    /// of its extensions forbids it.
    pub(super) fn is_for_a_server(&self) -> Result<(), Error> {
        let mut all = self.0.extensions.iter().flatten();
        if all.any(|one| one.critical && !UNDERSTOOD.contains(&one.extn_id)) {
            return Err(CertificateError::UnhandledCriticalExtension.into());
        }
        let purposes = self.0.get::<ExtendedKeyUsage>().map_err(|_| damaged())?;
        let usage = self.0.get::<KeyUsage>().map_err(|_| damaged())?;
        let is_meant = purposes.is_none_or(|(_, purposes)| purposes.0.contains(&ID_KP_SERVER_AUTH));
        let is_usable = usage
            .is_none_or(|(_, usage)| usage.digital_signature() || usage.key_encipherment() || usage.key_agreement());
        if is_meant && is_usable { Ok(()) } else { Err(CertificateError::InvalidPurpose.into()) }
    }

    /// Whether it is valid for this server name: by its subjectAltName or, only if it has none, by its common name.
    pub(super) fn is_for(&self, der: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
        let has_names = self.0.extensions.iter().flatten().any(|one| one.extn_id == SubjectAltName::OID);
        if !has_names && self.common_name().is_some_and(|common| is_of(&common, name)) {
            return Ok(());
        }
        if self.0.version == Version::V3 {
            return verify_server_name(&ParsedCertificate::try_from(der)?, name);
        }
        Err(CertificateError::NotValidForName.into())
    }

    /// Its common name, if it has exactly one.
    fn common_name(&self) -> Option<String> {
        let mut all = self.0.subject.0.iter().flat_map(|part| part.0.iter()).filter(|part| part.oid == COMMON_NAME);
        let (Some(one), None) = (all.next(), all.next()) else { return None };
        let is_text = matches!(one.value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
        let text = std::str::from_utf8(one.value.value()).ok()?;
        is_text.then(|| text.to_owned())
    }
}

/// Whether a common name matches this server. `*.example.com` matches any name with one more label.
fn is_of(common: &str, name: &ServerName<'_>) -> bool {
    let named = name.to_str();
    let is_equal = common.eq_ignore_ascii_case(&named);
    match (name, common.strip_prefix("*.")) {
        (ServerName::DnsName(_), Some(domain)) => named.split_once('.').is_some_and(|(label, rest)| {
            !label.is_empty() && domain.contains('.') && rest.eq_ignore_ascii_case(domain)
        }),
        _ => is_equal,
    }
}

fn damaged() -> Error {
    CertificateError::BadEncoding.into()
}
