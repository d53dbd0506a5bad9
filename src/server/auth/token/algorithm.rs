//! The algorithms that sign tokens.

use super::WrongOption;

/// An algorithm of RFC 7518 or RFC 8037 for signing tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256, with a shared secret.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// Reads its name in tokens, such as `RS256`.
    ///
    /// # Errors
    /// One sentence, when there is no such algorithm.
    pub fn parse(name: &str) -> Result<Self, WrongOption> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| WrongOption::Algorithms(format!("{name:?} is none of HS256, RS256, ES256 and EdDSA.")))
    }

    /// Its name in tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The library's value for it.
    pub(super) fn in_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }

    /// Our value for the library's; `None` when it is not one of ours.
    pub(super) fn of(theirs: jsonwebtoken::Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.in_library() == theirs)
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_is_named_as_in_tokens() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(&algorithm.to_string()).unwrap(), algorithm);
            assert_eq!(Algorithm::of(algorithm.in_library()), Some(algorithm));
        }
        for wrong in ["", "none", "hs256", "HS512", "RS256 ", "EDDSA"] {
            assert!(matches!(Algorithm::parse(wrong), Err(WrongOption::Algorithms(_))), "{wrong}");
        }
        assert_eq!(Algorithm::of(jsonwebtoken::Algorithm::PS256), None);
    }
}
