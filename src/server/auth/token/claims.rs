//! The claims that a token must have.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Validation, decode, errors::ErrorKind};
use serde::Deserialize;
use serde_json::Number;

use super::{Algorithm, VerifiedToken, WrongOption, keys::Key};
use crate::model::{Timestamp, UserId};

/// A larger leeway would not be a difference between two clocks.
const MAX_LEEWAY: Duration = Duration::from_secs(3_600);
/// The last second that our format of times can express: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Why a token is refused, without any part of the token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str);

/// The claims that are read. A duplicate claim makes a token unreadable, and so does an `iss` that is not a string,
/// although the library would accept a list. Required claims may be absent here: the library reports which one is
/// missing.
#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<Number>,
    nbf: Option<Number>,
    #[expect(dead_code, reason = "the library compares it; here it has to be a string")]
    iss: Option<String>,
}

/// The rules for every token.
pub(super) struct Rules {
    /// The library's checks for each allowed algorithm.
    validations: Vec<(Algorithm, Validation)>,
    leeway_micros: i64,
}

impl Rules {
    /// Checks the settings.
    ///
    /// # Errors
    /// One sentence about the first invalid one.
    pub(super) fn new(
        allowed: &[Algorithm],
        audience: &[String],
        issuer: Option<&str>,
        leeway: Duration,
    ) -> Result<Self, WrongOption> {
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            let why = "it is empty. Use the value that tokens have in aud, such as campanile.";
            return Err(WrongOption::Audience(why.to_owned()));
        }
        if issuer.is_some_and(str::is_empty) {
            let why = "it is empty. Use the value that tokens have in iss, or leave the setting out.";
            return Err(WrongOption::Issuer(why.to_owned()));
        }
        if leeway > MAX_LEEWAY {
            let why = format!("two clocks are not so far apart. Use at most {} seconds.", MAX_LEEWAY.as_secs());
            return Err(WrongOption::Leeway(why));
        }
        let validation = |algorithm: &Algorithm| (*algorithm, validation(*algorithm, audience, issuer));
        let leeway_micros = i64::try_from(leeway.as_micros()).unwrap_or(i64::MAX);
        Ok(Self { validations: allowed.iter().map(validation).collect(), leeway_micros })
    }

    /// Whether tokens may use this algorithm.
    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        self.validation(algorithm).is_some()
    }

    fn validation(&self, algorithm: Algorithm) -> Option<&Validation> {
        self.validations.iter().find(|(allowed, _)| *allowed == algorithm).map(|(_, validation)| validation)
    }

    /// Checks the signature of a token with this key, and then its claims.
    pub(super) fn check(&self, token: &str, key: &Key, now: Timestamp) -> Result<VerifiedToken, Refused> {
        let validation = self.validation(key.algorithm).ok_or(Refused("its algorithm is not allowed"))?;
        let claims = decode::<Claims>(token, &key.decoding, validation).map_err(|error| refusal(&error))?.claims;
        let (Some(sub), Some(exp)) = (claims.sub, claims.exp) else { return Err(Refused("it has no sub or no exp")) };
        let user_id = UserId::parse(&sub).map_err(|_| Refused("its sub is not a user id"))?;
        let expires_at = moment(&exp, self.leeway_micros).ok_or(Refused("its exp is not a time"))?;
        // "On or after" its exp a token has expired (RFC 7519, section 4.1.4).
        if now >= expires_at {
            return Err(Refused("it has expired"));
        }
        if let Some(nbf) = &claims.nbf {
            let begins_at = moment(nbf, -self.leeway_micros).ok_or(Refused("its nbf is not a time"))?;
            if now < begins_at {
                return Err(Refused("it is not valid yet"));
            }
        }
        Ok(VerifiedToken { user_id, expires_at })
    }
}

/// The library's checks. Times are not among them, because the library uses a clock of its own.
fn validation(algorithm: Algorithm, audience: &[String], issuer: Option<&str>) -> Validation {
    let mut validation = Validation::new(algorithm.in_library());
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_audience(audience);
    let mut required = vec!["exp", "aud", "sub"];
    if let Some(issuer) = issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// The time this many seconds after 1970, possibly with a fraction, moved by the leeway; `None` when that is not within
/// the years 1970 to 9999.
fn moment(seconds: &Number, leeway_micros: i64) -> Option<Timestamp> {
    let micros = match seconds.as_i64() {
        Some(seconds) if (0..=LAST_SECOND).contains(&seconds) => seconds * 1_000_000,
        Some(_) => return None,
        None => {
            #[expect(clippy::cast_precision_loss, reason = "the number is small enough to be exact")]
            let last = LAST_SECOND as f64;
            let seconds = seconds.as_f64().filter(|seconds| (0.0..=last).contains(seconds))?;
            #[expect(clippy::cast_possible_truncation, reason = "it was compared with the last one")]
            let micros = (seconds * 1e6) as i64;
            micros
        }
    };
    let micros = micros.checked_add(leeway_micros)?;
    (micros / 1_000_000 <= LAST_SECOND).then(|| Timestamp::from_micros(micros)).flatten()
}

/// Why the header of a token cannot be read. The library refuses to read one with an unknown algorithm, such as the
/// `none` of a token without a signature.
pub(super) fn refused_header(token: &str, error: &jsonwebtoken::errors::Error) -> Refused {
    #[derive(Deserialize)]
    struct Header {
        alg: Option<String>,
    }
    if !matches!(error.kind(), ErrorKind::Json(_) | ErrorKind::Utf8(_)) {
        return refusal(error);
    }
    let header = token.split('.').next().and_then(|header| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    Refused(match header.map(|header| header.alg) {
        Some(Some(alg)) if alg.eq_ignore_ascii_case("none") => "the algorithm `none` is not allowed",
        Some(Some(_)) => "its algorithm is unknown",
        Some(None) => "its header has no alg",
        None => "its header cannot be read",
    })
}

/// The library's error in fixed words, because its own may quote the token.
fn refusal(error: &jsonwebtoken::errors::Error) -> Refused {
    Refused(match error.kind() {
        ErrorKind::InvalidToken => "it does not have three parts",
        ErrorKind::Base64(_) => "a part of it is not base64url",
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => "its claims cannot be read",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "exp" => "it has no exp",
            "aud" => "it has no aud",
            "sub" => "it has no sub",
            _ => "it has no iss",
        },
        ErrorKind::InvalidAudience => "its aud is none of the accepted audiences",
        ErrorKind::InvalidIssuer => "its iss is not the accepted issuer",
        ErrorKind::InvalidAlgorithm => "its algorithm is not the key's",
        _ => "it cannot be checked",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(json: &str, leeway: i64) -> Option<i64> {
        moment(&serde_json::from_str(json).unwrap(), leeway).map(Timestamp::as_micros)
    }

    #[test]
    fn the_reason_for_an_unreadable_header_does_not_repeat_the_header() {
        for (header, why) in [
            (r#"{"alg":"none"}"#, "the algorithm `none` is not allowed"),
            (r#"{"alg":"nOnE","typ":"JWT"}"#, "the algorithm `none` is not allowed"),
            (r#"{"alg":"HS257"}"#, "its algorithm is unknown"),
            (r#"{"typ":"JWT"}"#, "its header has no alg"),
            (r#"{"alg":1}"#, "its header cannot be read"),
            (r#"{"alg":"none","alg":"HS256"}"#, "its header cannot be read"),
            ("{", "its header cannot be read"),
        ] {
            let token = format!("{}.e30.", BASE64_URL_SAFE_NO_PAD.encode(header));
            let error = jsonwebtoken::decode_header(&token).unwrap_err();
            assert_eq!(refused_header(&token, &error), Refused(why), "{header}");
        }
        let error = jsonwebtoken::decode_header("nonsense").unwrap_err();
        assert_eq!(refused_header("nonsense", &error), Refused("it does not have three parts"));
    }

    #[test]
    fn seconds_may_be_broken_but_not_beyond_the_calendar() {
        assert_eq!(micros("1700000000", 0), Some(1_700_000_000_000_000));
        assert_eq!(micros("1700000000.25", -1), Some(1_700_000_000_249_999));
        assert_eq!(micros("1.7e9", 5), Some(1_700_000_000_000_005));
        assert_eq!(micros("0", -60_000_000), Some(-60_000_000));
        assert_eq!(micros("253402300799", 0).map(|_| ()), Some(()));
        for wrong in ["-1", "-0.5", "253402300800", "9223372036854775807", "18446744073709551615", "1e300", "1e12"] {
            assert_eq!(micros(wrong, 0), None, "{wrong}");
        }
        assert_eq!(micros("253402300799", 1_000_000), None);
    }
}
