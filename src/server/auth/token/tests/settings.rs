//! Invalid settings.

use std::{path::PathBuf, time::Duration};

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::{
    super::{Algorithm, WrongOption},
    KeySource, SECRET, Secret, TokenOptions, Tokens, accepted, good, options,
    signer::{EC, ED, HMAC, RSA, file, pair},
};

/// The error about these options, which is of this variant.
fn wrong(options: TokenOptions, option: fn(String) -> WrongOption) -> String {
    let error = Tokens::new(options).err().unwrap();
    let sentence = error.to_string();
    assert_eq!(error, option(sentence.clone()));
    assert!(!sentence.contains('\n') && !sentence.contains(SECRET), "{sentence}");
    sentence
}

fn secret() -> TokenOptions {
    options(KeySource::Secret(Secret::new(SECRET)))
}

#[test]
fn a_secret_under_32_bytes_is_refused() {
    for short in ["", "secret", &SECRET[1..]] {
        let said = wrong(options(KeySource::Secret(Secret::new(short))), WrongOption::Secret);
        assert!(said.contains(&format!("{} bytes", short.len())), "{said}");
    }
    assert!(Tokens::new(secret()).is_ok());
    assert!(!format!("{:?}", secret()).contains(SECRET));
}

#[test]
fn a_key_file_holds_one_public_key() {
    let pem = |content: &str| options(KeySource::Pem(file(&format!("wrong-{}", content.len()), content)));
    for private in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
        assert!(wrong(pem(&pair(private).serialize_pem()), WrongOption::Pem).contains("private key"));
    }
    let certificate = rcgen::generate_simple_self_signed(["id.example".to_owned()]).unwrap().cert.pem();
    assert!(wrong(pem(&certificate), WrongOption::Pem).contains("certificate"));
    assert!(wrong(pem(&format!("{}{}", EC.pem, ED.pem)), WrongOption::Pem).contains("several"));
    assert!(wrong(pem(&pair(&PKCS_ECDSA_P384_SHA384).public_key_pem()), WrongOption::Pem).contains("P-256"));
    for text in ["", "ssh-ed25519 AAAA", SECRET] {
        assert!(wrong(pem(text), WrongOption::Pem).contains("no key in PEM"));
    }
    let broken = ED.pem.replacen("MC", "MD", 1);
    assert!(wrong(pem(&broken), WrongOption::Pem).contains("no public key"));
    let empty = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n";
    assert!(wrong(pem(empty), WrongOption::Pem).contains("no public key"));
    let nowhere = options(KeySource::Pem(PathBuf::from("/nowhere/key.pem")));
    assert!(wrong(nowhere, WrongOption::Pem).contains("cannot be read"));
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
    assert!(wrong(with(jwks(), &[]), WrongOption::Algorithms).contains("none is named"));
    assert!(wrong(with(jwks(), &[Algorithm::Rs256, Algorithm::Hs256]), WrongOption::Algorithms).contains("HS256"));
    assert!(wrong(with(pem(), &[Algorithm::Es256, Algorithm::Rs256]), WrongOption::Algorithms).contains("for ES256."));
    assert!(wrong(with(pem(), &[HMAC.algorithm]), WrongOption::Algorithms).contains("HS256"));
    assert!(wrong(with(secret(), &[Algorithm::EdDsa]), WrongOption::Algorithms).contains("EdDSA"));
    assert!(Tokens::new(with(jwks(), &[Algorithm::EdDsa])).is_ok());
    assert!(Tokens::new(with(pem(), &[Algorithm::Es256])).is_ok());
}

#[test]
fn a_token_has_an_audience() {
    for audience in [vec![], vec![String::new()], vec!["campanile".to_owned(), String::new()]] {
        wrong(TokenOptions { audience, ..secret() }, WrongOption::Audience);
    }
    wrong(TokenOptions { issuer: Some(String::new()), ..secret() }, WrongOption::Issuer);
    wrong(TokenOptions { leeway: Duration::from_secs(3_601), ..secret() }, WrongOption::Leeway);
    wrong(TokenOptions { leeway: Duration::MAX, ..secret() }, WrongOption::Leeway);
    assert!(Tokens::new(TokenOptions { leeway: Duration::ZERO, ..secret() }).is_ok());
}

#[test]
fn keys_come_from_a_url() {
    wrong(options(KeySource::Jwks("http://id.example/keys".to_owned())), WrongOption::Jwks);
}
