//! The Firebase account that sends pushes.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use reqwest::Url;
use serde_json::Value;

/// The most bytes of a project's id.
const LONGEST_PROJECT: usize = 128;
/// The form of the URLs in the file.
const URLS: &str = "https://HOST/PATH, without a user and a password";

/// A service account of Firebase. `Debug` does not show its key.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// The project whose devices receive its pushes.
    pub(super) project: String,
    /// Its name.
    pub(super) email: String,
    /// Its signing key.
    pub(super) key: EncodingKey,
    /// The id of that key.
    pub(super) key_id: Option<String>,
    /// The URL of its access tokens, as written in the file: the audience of assertions.
    pub(super) audience: String,
    /// The same, parsed.
    pub(super) token_url: Url,
}

impl ServiceAccount {
    /// The most bytes of a key file: Google's have less than 3,000.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Reads the key file of an account, which is JSON.
    ///
    /// # Errors
    /// The mistake, as the end of a sentence that begins with the name of the file. It repeats nothing of the file.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        if file.len() > Self::MAX_BYTES {
            return Err(format!("has more than {} bytes. Give the key file of a service account.", Self::MAX_BYTES));
        }
        // The parser's message may repeat a value.
        let file: Value = serde_json::from_slice(file).map_err(|_| "is no JSON.".to_owned())?;
        let text = |name: &str| file[name].as_str().filter(|text| !text.is_empty() && !text.contains('\0'));
        let needed = |name: &str| {
            let why =
                || format!("has no {name}. Give the key file of a service account, as the Firebase console makes it.");
            text(name).map(str::to_owned).ok_or_else(why)
        };
        let (project, email) = (needed("project_id")?, needed("client_email")?);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        if project.len() > LONGEST_PROJECT || !project.chars().all(is_plain) || project.chars().all(|c| c == '.') {
            return Err("has a project_id that is none.".to_owned());
        }
        let key = signing_key(&needed("private_key")?)?;
        let audience = needed("token_uri")?;
        let token_url = base_url(&audience).ok_or_else(|| format!("has a token_uri that is no URL such as {URLS}."))?;
        Ok(Self { project, email, key, key_id: text("private_key_id").map(str::to_owned), audience, token_url })
    }
}

/// Parses a key in PEM, and tests that it can sign.
fn signing_key(pem: &str) -> Result<EncodingKey, String> {
    let why = || "has a private_key that is no private key of RSA in PEM.".to_owned();
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| why())?;
    crypto::sign(b"trial", &key, Algorithm::RS256).map_err(|_| why())?;
    Ok(key)
}

/// A URL that the operator chose: over http too, to any address, but without parts that may be secret.
pub(in crate::server) fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    let has_secret = !url.username().is_empty() || url.password().is_some();
    (!has_secret && url.query().is_none() && url.fragment().is_none()).then_some(url)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::LazyLock;

    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
    use serde_json::json;

    use super::*;

    /// A key made for these tests.
    pub(in crate::server::channels::fcm) static PAIR: LazyLock<KeyPair> =
        LazyLock::new(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap());

    /// The key file of an account with this token URL.
    pub(in crate::server::channels::fcm) fn file(token_uri: &str) -> Value {
        json!({
            "type": "service_account",
            "project_id": "shop-1",
            "private_key_id": "key-1",
            "private_key": PAIR.serialize_pem(),
            "client_email": "push@shop-1.iam.gserviceaccount.com",
            "token_uri": token_uri,
        })
    }

    /// An account with this token URL.
    pub(in crate::server::channels::fcm) fn account(token_uri: &str) -> ServiceAccount {
        ServiceAccount::parse(file(token_uri).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn an_account_is_read_from_its_file_and_its_key_is_not_shown() {
        let account = account("https://oauth2.googleapis.com/token");
        assert_eq!((account.project.as_str(), account.key_id.as_deref()), ("shop-1", Some("key-1")));
        assert_eq!(account.email, "push@shop-1.iam.gserviceaccount.com");
        assert_eq!(account.token_url.as_str(), account.audience);
        let pem = PAIR.serialize_pem();
        let shown = format!("{account:?}");
        assert!(pem.lines().all(|line| !shown.contains(line)) && shown.len() < 1_000, "{shown}");
        // A file may lack the optional fields.
        let mut short = file("http://127.0.0.1:1");
        short.as_object_mut().unwrap().retain(|name, _| !["type", "private_key_id"].contains(&name.as_str()));
        let account = ServiceAccount::parse(short.to_string().as_bytes()).unwrap();
        assert_eq!((account.key_id, account.audience.as_str()), (None, "http://127.0.0.1:1"));
    }

    #[test]
    fn a_mistake_in_a_file_is_one_sentence_that_names_the_field_and_repeats_nothing() {
        let with = |name: &str, value: Value| {
            let mut file = file("https://example.com/token");
            file[name] = value;
            file.to_string()
        };
        let ec = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        let public = PAIR.public_key_pem();
        let broken = PAIR.serialize_pem().replacen("\nM", "\nN", 1);
        for (wrong, says) in [
            (String::new(), "is no JSON"),
            ("hush".to_owned(), "is no JSON"),
            ("[".repeat(10_000), "is no JSON"),
            ("\"hush\"".to_owned(), "project_id"),
            ("[{\"hush\":1}]".to_owned(), "project_id"),
            (with("project_id", json!("")), "project_id"),
            (with("project_id", json!(7)), "project_id"),
            (with("project_id", json!("a/hush")), "project_id"),
            (with("project_id", json!("..")), "project_id"),
            (with("project_id", json!("a".repeat(129))), "project_id"),
            (with("client_email", Value::Null), "client_email"),
            (with("private_key", Value::Null), "private_key"),
            (with("private_key", json!("hush")), "private_key"),
            (with("private_key", json!(ec)), "private_key"),
            (with("private_key", json!(public)), "private_key"),
            (with("private_key", json!(broken)), "private_key"),
            (with("token_uri", Value::Null), "token_uri"),
            (with("token_uri", json!("hush")), "token_uri"),
            (with("token_uri", json!("ftp://example.com/token")), "token_uri"),
            (with("token_uri", json!("https://me:hush@example.com/token")), "token_uri"),
            (" ".repeat(ServiceAccount::MAX_BYTES + 1), "bytes"),
        ] {
            let refused = ServiceAccount::parse(wrong.as_bytes()).unwrap_err();
            let is_short = refused.len() < 160 && refused.lines().count() == 1 && refused.ends_with('.');
            assert!(refused.contains(says) && !refused.contains("hush") && is_short, "{says}: {refused}");
            assert!(!refused.contains("BEGIN"), "{refused}");
        }
    }
}
