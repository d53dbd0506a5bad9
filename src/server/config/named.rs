//! Adds the name of the setting to an error, where the code that found it does not know the settings.

use anyhow::{Error, anyhow};

use crate::server::{auth::token::WrongOption, listener::TlsError};

/// Why the bus cannot be used.
pub(in crate::server) fn of_bus(why: &Error) -> Error {
    anyhow!("bus: {why:#}")
}

/// Why the certificate and its key cannot be used.
pub(in crate::server) fn of_tls(why: &TlsError) -> Error {
    let setting = match why {
        TlsError::CertificateNotRead(..) | TlsError::NoCertificate(_) | TlsError::Refused(_) => "tls-cert",
        TlsError::KeyNotRead(..) | TlsError::NoKey(_) | TlsError::OtherKey { .. } => "tls-key",
    };
    anyhow!("{setting}: {why}")
}

/// Why users' tokens cannot be checked.
pub(super) fn of_tokens(why: &WrongOption) -> Error {
    let setting = match why {
        WrongOption::Secret(_) => "jwt-secret",
        WrongOption::Pem(_) => "jwt-key",
        WrongOption::Jwks(_) => "jwt-jwks",
        WrongOption::Audience(_) => "jwt-audience",
        WrongOption::Issuer(_) => "jwt-issuer",
        WrongOption::Algorithms(_) => "jwt-algorithms",
        WrongOption::Leeway(_) => "jwt-leeway",
    };
    anyhow!("{setting}: {why}")
}
