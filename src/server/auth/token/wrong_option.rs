//! Why no token could be checked with what was said.

/// Which of the [`TokenOptions`](super::TokenOptions) is wrong, with one sentence about it that holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongOption {
    /// The secret.
    #[error("{0}")]
    Secret(String),
    /// The file with a public key, or what is in it.
    #[error("{0}")]
    Pem(String),
    /// The URL of a key set.
    #[error("{0}")]
    Jwks(String),
    /// Whom a token may be meant for.
    #[error("{0}")]
    Audience(String),
    /// Who must have issued a token.
    #[error("{0}")]
    Issuer(String),
    /// The algorithms that tokens may use.
    #[error("{0}")]
    Algorithms(String),
    /// How far the clocks may be apart.
    #[error("{0}")]
    Leeway(String),
}
