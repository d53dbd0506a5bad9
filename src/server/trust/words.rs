//! Explains what is wrong with a server's certificate.

/// rustls' terms for problems of a certificate, and their explanations.
const MEANINGS: [(&str, &str); 7] = [
    (
        "UnsupportedCertVersion",
        "the server's certificate is of X.509 version 1. Make it with extensions (openssl x509 -extfile, or openssl req \
         -addext) that hold subjectAltName=DNS:HOST or IP:ADDRESS, or trust the server's certificate itself, in place of \
         its authority's, where the server speaks TLS 1.3",
    ),
    (
        "CaUsedAsEndEntity",
        "the server's certificate is that of an authority. Trust this certificate itself (sslrootcert= of PostgreSQL, ca= of \
         NATS), or make one for the server with basicConstraints=CA:FALSE",
    ),
    (
        "InvalidContentType",
        "the server does not encrypt: it answers TLS with something else. Turn TLS on there, or use a URL that asks for none",
    ),
    (
        "CertificateRequired",
        "the server wants a certificate of its clients. Name one with its key (sslcert= and sslkey= of PostgreSQL, cert= \
         and key= of NATS)",
    ),
    ("not valid for any names", NO_NAME),
    ("NotValidForName", NO_NAME),
    ("UnknownIssuer", "no authority that is trusted here has signed the server's certificate (UnknownIssuer)"),
];

const NO_NAME: &str = "the server's certificate is not for the host in the URL: it has no subjectAltName, and its common \
                       name (CN) is another. Make it with -addext subjectAltName=DNS:HOST or IP:ADDRESS";

/// Explains a TLS error about a server's certificate, for errors in which the library gives only its own term.
pub(in crate::server) fn in_words(error: &str) -> Option<String> {
    if let Some((_, meaning)) = MEANINGS.iter().find(|(said, _)| error.contains(said)) {
        return Some((*meaning).to_owned());
    }
    let (_, said) = error.split_once("Other(OtherError(")?;
    let kind: String = said.chars().take_while(char::is_ascii_alphanumeric).collect();
    Some(format!("the server's certificate is of a kind that is not supported: {kind}"))
}
