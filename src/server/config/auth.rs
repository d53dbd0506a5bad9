//! The settings of authentication and rate limits.

use anyhow::{Result, anyhow, bail};
use ipnet::{IpNet, Ipv4Net};

use super::{
    SettingsInput, Switch,
    bounds::{self, age, within, within_seconds},
    named::of_tokens,
    needed,
};
use crate::server::{
    auth::{
        AuthOptions, Limits,
        token::{Algorithm, KeySource, TokenOptions},
    },
    limiter::Rate,
    secret::Secret,
};

/// Default rate of notifications to one user when authentication is on.
pub(super) const LIMIT_RECIPIENT: &str = "100/s:1000";

/// The options of authentication; `None` where it is off.
pub(super) fn settle(input: &SettingsInput) -> Result<Option<AuthOptions>> {
    let tokens = tokens(input)?;
    let is_on = match input.auth {
        Some(Switch::Off) if tokens.is_some() => {
            bail!("auth: it is off, and there are settings for tokens. Use --auth on, or leave the jwt settings out.")
        }
        Some(switch) => switch == Switch::On,
        None => tokens.is_some(),
    };
    // Invalid values are refused even where they have no effect, because they would when authentication is turned on.
    let options = AuthOptions {
        tokens,
        session_lifetime: age("session-lifetime", &needed("session-lifetime", input.session_lifetime.clone())?)?,
        limits: Limits {
            key: rate("limit-key", input.limit_key.as_deref())?,
            user: rate("limit-user", input.limit_user.as_deref())?,
            address: rate("limit-address", input.limit_address.as_deref())?,
            login: rate("limit-login", input.limit_login.as_deref())?,
        },
        max_streams: within("max-streams", input.max_streams, &bounds::AT_ONCE)?,
        log_addresses: input.log_addresses.unwrap_or_default(),
    };
    Ok(is_on.then_some(options))
}

/// The settings for users' tokens; `None` where there are none.
fn tokens(input: &SettingsInput) -> Result<Option<TokenOptions>> {
    let secret = input.jwt_secret.clone().map(|secret| KeySource::Secret(Secret::new(secret)));
    let file = input.jwt_key.clone().map(KeySource::Pem);
    let url = input.jwt_jwks.clone().map(KeySource::Jwks);
    let audience = input.jwt_audience.clone().unwrap_or_default();
    let mut sources = [secret, file, url].into_iter().flatten();
    let leeway = within_seconds("jwt-leeway", input.jwt_leeway, &bounds::LEEWAY)?;
    let parse = |name: &String| Algorithm::parse(name).map_err(|why| of_tokens(&why));
    let algorithms =
        input.jwt_algorithms.as_ref().map(|names| names.iter().map(parse).collect::<Result<_>>()).transpose()?;
    let Some(keys) = sources.next() else {
        if !audience.is_empty() || input.jwt_issuer.is_some() || input.jwt_algorithms.is_some() {
            bail!("jwt-audience: there is nothing to check tokens with. Set jwt-secret, jwt-key or jwt-jwks too.");
        }
        return Ok(None);
    };
    if sources.next().is_some() {
        bail!("jwt-secret, jwt-key, jwt-jwks: tokens are checked with one of them. Set only one.");
    }
    if audience.is_empty() {
        bail!(
            "jwt-audience: is missing. Set it to the `aud` of the tokens that your application issues for this server, such as campanile."
        );
    }
    Ok(Some(TokenOptions { keys, audience, issuer: input.jwt_issuer.clone(), algorithms, leeway }))
}

/// The rate of notifications to one user.
pub(super) fn limit_recipient(input: &SettingsInput, is_auth_on: bool) -> Result<Option<Rate>> {
    let default = if is_auth_on { LIMIT_RECIPIENT } else { "off" };
    rate("limit-recipient", Some(input.limit_recipient.as_deref().unwrap_or(default)))
}

/// A rate.
pub(super) fn rate(name: &str, input: Option<&str>) -> Result<Option<Rate>> {
    Rate::parse(needed(name, input)?).map_err(|why| anyhow!("{name}: {why}"))
}

/// Addresses and networks. An IPv4 address in the form of IPv6 (`::ffff:10.0.0.1`) becomes IPv4, as the addresses of
/// clients do.
pub(super) fn networks(name: &'static str, input: Option<Vec<String>>) -> Result<Vec<IpNet>> {
    let parse = |text: &String| {
        let network = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        network.map(canonical).map_err(|_| anyhow!("{name}: {text:?} is not an address or network such as 10.0.0.0/8."))
    };
    // Compose passes on an unset variable as an empty one.
    needed(name, input)?.iter().filter(|text| !text.is_empty()).map(parse).collect()
}

fn canonical(network: IpNet) -> IpNet {
    /// The length of the prefix that marks an IPv6 address as an IPv4 one, in bits.
    const MAPPED: u8 = 96;
    let IpNet::V6(of_v6) = network else { return network };
    let of_v4 = of_v6.addr().to_ipv4_mapped().zip(of_v6.prefix_len().checked_sub(MAPPED));
    of_v4.and_then(|(address, bits)| Ipv4Net::new(address, bits).ok()).map_or(network, IpNet::V4)
}

/// Origins in the form of browsers (RFC 6454).
pub(super) fn origins(input: Option<Vec<String>>) -> Result<Vec<String>> {
    let is_origin = |text: &str| {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or("");
        let is_host = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/?#@\\".contains(&byte);
        let has_default_port = (text.starts_with("https:") && host.ends_with(":443"))
            || (text.starts_with("http:") && host.ends_with(":80"));
        !host.is_empty() && host.bytes().all(is_host) && !has_default_port
    };
    let origins = needed("allowed-origins", input)?;
    match origins.iter().find(|origin| !is_origin(origin)) {
        // The text before an @ may be a password.
        Some(wrong) if wrong.contains('@') => bail!("allowed-origins: an origin has no user and no password."),
        Some(wrong) => bail!(
            "allowed-origins: {wrong:?} is no origin as browsers write it, such as https://app.example: in lower case, \
             without a path, and without the port that the scheme has anyway."
        ),
        None => Ok(origins),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> SettingsInput {
        SettingsInput {
            jwt_leeway: Some(30),
            session_lifetime: Some("12h".to_owned()),
            limit_key: Some("off".to_owned()),
            limit_user: Some("50/s".to_owned()),
            limit_address: Some("50/s".to_owned()),
            limit_login: Some("50/s".to_owned()),
            max_streams: Some(1),
            ..SettingsInput::default()
        }
    }

    fn secret() -> Option<String> {
        Some("x".repeat(32))
    }

    #[test]
    fn authentication_is_off_unless_turned_on_or_tokens_are_set_up() {
        assert!(settle(&input()).unwrap().is_none());
        assert!(settle(&SettingsInput { auth: Some(Switch::On), ..input() }).unwrap().unwrap().tokens.is_none());
        let tokens = SettingsInput { jwt_secret: secret(), jwt_audience: Some(vec!["a".to_owned()]), ..input() };
        assert!(settle(&tokens).unwrap().unwrap().tokens.is_some());
        let refused = settle(&SettingsInput { auth: Some(Switch::Off), ..tokens }).unwrap_err().to_string();
        assert!(refused.starts_with("auth:"), "{refused}");
    }

    #[test]
    fn conflicting_settings_are_refused_without_showing_secrets() {
        let audience = || Some(vec!["a".to_owned()]);
        for (wrong, name) in [
            (SettingsInput { jwt_secret: secret(), ..input() }, "jwt-audience:"),
            (SettingsInput { jwt_audience: audience(), ..input() }, "jwt-audience:"),
            (
                SettingsInput { jwt_secret: secret(), jwt_key: Some("k".into()), jwt_audience: audience(), ..input() },
                "jwt-secret, ",
            ),
            (
                SettingsInput { jwt_secret: secret(), jwt_audience: audience(), jwt_algorithms: audience(), ..input() },
                "jwt-algorithms:",
            ),
            (SettingsInput { auth: Some(Switch::On), limit_user: Some("often".to_owned()), ..input() }, "limit-user:"),
            (
                SettingsInput { auth: Some(Switch::On), session_lifetime: Some("long".to_owned()), ..input() },
                "session-lifetime",
            ),
            (SettingsInput { auth: Some(Switch::On), max_streams: Some(0), ..input() }, "max-streams:"),
        ] {
            let refused = settle(&wrong).unwrap_err().to_string();
            assert!(refused.starts_with(name) && !refused.contains("xxx"), "{refused}");
        }
    }

    #[test]
    fn networks_and_origins_are_as_they_are_written_elsewhere() {
        let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(networks("trusted-proxies", list(&["10.0.0.0/8", "::1", "192.0.2.1"])).unwrap().len(), 3);
        assert!(networks("trusted-proxies", list(&[""])).unwrap().is_empty());
        assert!(networks("webhook-allow", list(&["10.0.0.0/99"])).is_err());
        for (written, network) in [
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::/0", "::/0"),
            ("::ffff:0:0/90", "::ffff:0:0/90"),
        ] {
            assert_eq!(networks("trusted-proxies", list(&[written])).unwrap(), [network.parse().unwrap()], "{written}");
        }
        assert_eq!(origins(list(&["https://app.example", "http://localhost:3000"])).unwrap().len(), 2);
        for wrong in ["app.example", "https://", "https://a/", "https://A", "https://a:443", "*", "null", "https://u@a"]
        {
            assert!(origins(list(&[wrong])).is_err(), "{wrong}");
        }
    }
}
