//! Settings that cannot be meant.

use std::{path::PathBuf, time::Duration};

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::{
    super::Algorithm,
    KeySource, SECRET, Secret, TokenOptions, Tokens, accepted, good, options,
    signer::{EC, ED, HMAC, RSA, file, pair},
};

/// What is said about it, after the setting's name.
fn wrong(options: TokenOptions, name: &str) -> String {
    let error = Tokens::new(options).err().map(|error| format!("{error:#}")).unwrap_or_default();
    let Some(sentence) = error.strip_prefix(&format!("{name}: ")) else { panic!("{name}: {error:?}") };
    assert!(!sentence.contains('\n') && !sentence.contains(SECRET), "{sentence}");
    sentence.to_owned()
}

fn secret() -> TokenOptions {
    options(KeySource::Secret(Secret::new(SECRET)))
}

#[test]
fn a_short_secret_is_none() {
    for short in ["", "secret", &SECRET[1..]] {
        let said = wrong(options(KeySource::Secret(Secret::new(short))), "jwt-secret");
        assert!(said.contains(&format!("{} bytes", short.len())), "{said}");
    }
    assert!(Tokens::new(secret()).is_ok());
    assert!(!format!("{:?}", secret()).contains(SECRET));
}

#[test]
fn a_key_file_holds_one_public_key() {
    let pem = |content: &str| options(KeySource::Pem(file(&format!("wrong-{}", content.len()), content)));
    for private in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
        assert!(wrong(pem(&pair(private).serialize_pem()), "jwt-key").contains("private key"));
    }
    let certificate = rcgen::generate_simple_self_signed(["id.example".to_owned()]).unwrap().cert.pem();
    assert!(wrong(pem(&certificate), "jwt-key").contains("certificate"));
    assert!(wrong(pem(&format!("{}{}", EC.pem, ED.pem)), "jwt-key").contains("several"));
    assert!(wrong(pem(&pair(&PKCS_ECDSA_P384_SHA384).public_key_pem()), "jwt-key").contains("P-256"));
    for text in ["", "ssh-ed25519 AAAA", SECRET] {
        assert!(wrong(pem(text), "jwt-key").contains("no key in PEM"));
    }
    let broken = ED.pem.replacen("MC", "MD", 1);
    assert!(wrong(pem(&broken), "jwt-key").contains("no public key"));
    let empty = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n";
    assert!(wrong(pem(empty), "jwt-key").contains("no public key"));
    let nowhere = options(KeySource::Pem(PathBuf::from("/nowhere/key.pem")));
    assert!(wrong(nowhere, "jwt-key").contains("cannot be read"));
}

#[tokio::test]
async fn a_key_file_may_have_other_line_ends_and_words_around() {
    for signer in [&*RSA, &*EC, &*ED] {
        let name = format!("windows-{}", signer.algorithm);
        let content = format!("The key of the issuer\r\n{}", signer.pem.replace('\n', "\r\n"));
        let tokens = Tokens::new(options(KeySource::Pem(file(&name, &content)))).unwrap();
        accepted(&tokens, &signer.sign("k", &good())).await;
    }
}

#[test]
fn algorithms_fit_the_key() {
    let with = |keys: KeySource, algorithms: &[Algorithm]| {
        let algorithms = Some(algorithms.to_vec());
        TokenOptions { algorithms, ..options(keys) }
    };
    let jwks = || KeySource::Jwks("https://id.example/keys".to_owned());
    let pem = || KeySource::Pem(EC.pem_file().to_path_buf());
    let secret = || KeySource::Secret(Secret::new(SECRET));
    assert!(wrong(with(jwks(), &[]), "jwt-algorithms").contains("none is named"));
    assert!(wrong(with(jwks(), &[Algorithm::Rs256, Algorithm::Hs256]), "jwt-algorithms").contains("HS256"));
    assert!(wrong(with(pem(), &[Algorithm::Es256, Algorithm::Rs256]), "jwt-algorithms").contains("for ES256."));
    assert!(wrong(with(pem(), &[HMAC.algorithm]), "jwt-algorithms").contains("HS256"));
    assert!(wrong(with(secret(), &[Algorithm::EdDsa]), "jwt-algorithms").contains("EdDSA"));
    assert!(Tokens::new(with(jwks(), &[Algorithm::EdDsa])).is_ok());
    assert!(Tokens::new(with(pem(), &[Algorithm::Es256])).is_ok());
}

#[test]
fn a_token_has_an_audience() {
    for audience in [vec![], vec![String::new()], vec!["campanile".to_owned(), String::new()]] {
        wrong(TokenOptions { audience, ..secret() }, "jwt-audience");
    }
    wrong(TokenOptions { issuer: Some(String::new()), ..secret() }, "jwt-issuer");
    wrong(TokenOptions { leeway: Duration::from_secs(3_601), ..secret() }, "jwt-leeway");
    wrong(TokenOptions { leeway: Duration::MAX, ..secret() }, "jwt-leeway");
    assert!(Tokens::new(TokenOptions { leeway: Duration::ZERO, ..secret() }).is_ok());
}

#[test]
fn keys_come_from_a_url() {
    wrong(options(KeySource::Jwks("http://id.example/keys".to_owned())), "jwt-jwks");
}
