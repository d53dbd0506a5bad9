//! The parameters of a URL of a database that the driver reads.

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

/// The parameters that `url.rs` reads.
const READ_HERE: [&str; 5] = ["pgbouncer", "sslcert", "sslkey", "sslmode", "sslrootcert"];

/// The parameters that the driver reads, and their values.
const READ_BY_THE_DRIVER: [(&str, &str); 18] = [
    ("application_name", "a text"),
    ("channel_binding", "disable, prefer or require"),
    ("connect_timeout", "a number of seconds"),
    ("dbname", "a text"),
    ("host", "a host, or several with commas between them"),
    ("hostaddr", "an address, or several with commas between them"),
    ("keepalives", "0 or 1"),
    ("keepalives_idle", "a number of seconds"),
    ("keepalives_interval", "a number of seconds"),
    ("keepalives_retries", "a number"),
    ("load_balance_hosts", "disable or random"),
    ("options", "a text"),
    ("password", "a text"),
    ("port", "a number up to 65535, or several with commas between them"),
    ("sslnegotiation", "postgres or direct"),
    ("target_session_attrs", "any, primary, read-write or read-only"),
    ("tcp_user_timeout", "a number of seconds"),
    ("user", "a text"),
];

/// Whether a parameter of libpq asks for the only value that is supported here.
///
/// # Errors
/// When it asks for another value.
pub(super) fn is_so_anyway(name: &str, value: &str) -> Result<bool, String> {
    match name {
        "fallback_application_name" => Ok(true),
        "client_encoding" if ["utf8", "utf-8"].contains(&&*value.to_ascii_lowercase()) => Ok(true),
        "client_encoding" => Err("client_encoding in it is UTF8, which is spoken anyway.".to_owned()),
        "gssencmode" if matches!(value, "disable" | "allow" | "prefer") => Ok(true),
        "gssencmode" => Err("gssencmode in it is disable; encryption is asked for with sslmode.".to_owned()),
        _ => Ok(false),
    }
}

/// Checks a parameter `name=value` of the URL that is meant for the driver.
///
/// # Errors
/// One sentence that names the parameter and does not repeat its value.
pub(super) fn check(parameter: &str, name: &str) -> Result<(), String> {
    match READ_BY_THE_DRIVER.iter().find(|(known, _)| *known == name) {
        None => {
            let all = READ_HERE.iter().chain(READ_BY_THE_DRIVER.iter().map(|(known, _)| known));
            let mut all: Vec<&str> = all.copied().filter(|known| *known != "password").collect();
            all.sort_unstable();
            Err(format!("the parameter {name} is not known. Known are {}.", all.join(", ")))
        }
        Some((_, taken)) => match format!("postgres://host/?{parameter}").parse::<Config>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("{name} in it is {taken}.")),
        },
    }
}

/// Whether one of the parameters has a known name, so that this is the query of a URL.
pub(super) fn has_one(query: &str) -> bool {
    query.split('&').filter_map(|parameter| parameter.split_once('=')).any(|(name, _)| {
        let name = percent_decode_str(name).decode_utf8_lossy();
        READ_HERE.contains(&&*name) || READ_BY_THE_DRIVER.iter().any(|(known, _)| *known == name)
    })
}

/// Whether a name may be repeated: an unescaped character in a password turns its end into a parameter.
pub(super) fn is_a_name(name: &str, query: &str) -> bool {
    let is_plain = !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let query = percent_decode_str(query).decode_utf8_lossy();
    is_plain && !query.contains('@') && !query.contains("password=")
}
