//! Why the options for tokens are not valid.

/// The invalid one of the [`TokenOptions`](super::TokenOptions), with one sentence about it that contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongOption {
    /// The secret.
    #[error("{0}")]
    Secret(String),
    /// The file with a public key, or its content.
    #[error("{0}")]
    Pem(String),
    /// The URL of a key set.
    #[error("{0}")]
    Jwks(String),
    /// The audiences.
    #[error("{0}")]
    Audience(String),
    /// The issuer.
    #[error("{0}")]
    Issuer(String),
    /// The algorithms that tokens may use.
    #[error("{0}")]
    Algorithms(String),
    /// The leeway between the clocks.
    #[error("{0}")]
    Leeway(String),
}
