//! What is refused, what wins, and that nothing overflows whatever is said.

use clap::Args;

use super::*;

fn settle(said: &Said) -> Result<Settings> {
    Settings::settle(InForce::merge(said, &Said::default())?.settings()?)
}

#[test]
fn an_age_has_a_unit() {
    assert_eq!(parse_age("90d").unwrap(), TimeDelta::days(90));
    assert_eq!(parse_age("45s").unwrap(), TimeDelta::seconds(45));
    for wrong in ["", "d", "90", "0d", "-1d", "1.5h", "1w", "99999999999d"] {
        let refused = settle(&Said { max_age: Some(wrong.to_owned()), ..Said::default() }).unwrap_err();
        assert!(format!("{refused:#}").starts_with("max-age: "), "{refused:#}");
    }
    for long in ["36501d", "4294967295d"] {
        let refused = settle(&Said { max_age: Some(long.to_owned()), ..Said::default() }).unwrap_err();
        assert_eq!(refused.to_string(), "max-age: must be 1s to 36500d.");
    }
}

#[test]
fn the_help_says_the_defaults() {
    let command = Said::augment_args(clap::Command::new("x"));
    let defaults = InForce::merge(&Said::default(), &Said::default()).unwrap();
    for setting in defaults.list().filter(|setting| !matches!(setting.value.as_str(), "-" | "false")) {
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(setting.name)).unwrap();
        let help = argument.get_help().unwrap().to_string();
        let said = format!("[default: {}]", setting.value);
        assert!(help.contains(&said), "{said} is not in {help:?}");
    }
}

#[test]
fn what_is_said_wins_over_the_file_and_the_file_over_the_default() {
    let in_file = Said { window: Some(5), batch_max: Some(6), ..Said::default() };
    let said = Said { window: Some(7), ..Said::default() };
    let settings = Settings::settle(InForce::merge(&said, &in_file).unwrap().settings().unwrap()).unwrap();
    assert_eq!((settings.window, settings.batch_max), (7, 6));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
}

#[test]
fn other_machines_are_refused_unless_a_gateway_is_promised() {
    let open = Said { listen: Some("0.0.0.0:8000".parse().unwrap()), ..Said::default() };
    let refused = settle(&open).unwrap().may_listen().unwrap_err().to_string();
    assert!(refused.contains("--insecure-no-auth"), "{refused}");
    let settings = settle(&Said { insecure_no_auth: Some(true), ..open.clone() }).unwrap();
    settings.may_listen().unwrap();
    settle(&Said { auth: Some(AuthMode::On), ..open }).unwrap().may_listen().unwrap();
    assert_eq!(settings.http.allowed_hosts, None);
}

#[test]
fn what_is_beyond_its_limits_is_one_sentence_that_names_them() {
    let of = |said: Said| settle(&said).unwrap_err().to_string();
    let said = Said::default;
    assert_eq!(of(Said { window: Some(0), ..said() }), "window: must be 1 to 1000000000.");
    assert_eq!(of(Said { request_timeout: Some(0), ..said() }), "request-timeout: must be 1 to 86400.");
    assert_eq!(of(Said { heartbeat: Some(u64::MAX), ..said() }), "heartbeat: must be 1 to 86400.");
    assert_eq!(of(Said { max_header_bytes: Some(8191), ..said() }), "max-header-bytes: must be 8192 to 1048576.");
    assert_eq!(of(Said { sqlite_queue: Some(usize::MAX), ..said() }), "sqlite-queue: must be 1 to 1000000.");
}

#[test]
fn the_host_of_the_public_url_is_answered_for() {
    let said = Said { public_url: Some("https://Example.com:8443/notify/".to_owned()), ..Said::default() };
    let settings = settle(&said).unwrap();
    assert_eq!(settings.http.allowed_hosts, Some(vec!["example.com".to_owned()]));
    assert_eq!(settings.http.public_url.as_ref().unwrap().to_string(), "https://example.com:8443/notify");
    let refused = settings.may_listen().unwrap_err().to_string();
    assert!(refused.starts_with("public-url: ") && refused.contains("--auth on"), "{refused}");
    settle(&Said { insecure_no_auth: Some(true), ..said.clone() }).unwrap().may_listen().unwrap();
    let local = Said { public_url: Some("http://localhost:8080/notify".to_owned()), ..Said::default() };
    settle(&local).unwrap().may_listen().unwrap();
    // With authentication, as long as no name is listed, it answers for all.
    let with_keys = settle(&Said { auth: Some(AuthMode::On), ..said }).unwrap();
    with_keys.may_listen().unwrap();
    assert_eq!(with_keys.http.allowed_hosts, None);
    assert!(with_keys.warnings().is_empty());
    let plain = Said { public_url: Some("http://example.com".to_owned()), auth: Some(AuthMode::On), ..Said::default() };
    assert!(settle(&plain).unwrap().warnings()[0].contains("https://"));
    assert!(settle(&Said { auth: Some(AuthMode::On), ..local }).unwrap().warnings().is_empty());
    let said = Said { public_url: Some("https://me:secret@example.com".to_owned()), ..Said::default() };
    let error = settle(&said).unwrap_err().to_string();
    assert!(error.starts_with("public-url: ") && !error.contains("secret"), "{error}");
}

#[test]
fn a_certificate_and_its_key_are_said_together() {
    let [certificate, key] = ["a.pem", "b.pem"].map(|file| Some(PathBuf::from(file)));
    let said = Said { tls_cert: certificate.clone(), ..Said::default() };
    assert!(settle(&said).unwrap_err().to_string().starts_with("tls-key:"));
    let said = Said { tls_key: key.clone(), ..Said::default() };
    assert!(settle(&said).unwrap_err().to_string().starts_with("tls-cert:"));
    let said = Said { tls_cert: certificate, tls_key: key, ..Said::default() };
    assert!(settle(&said).unwrap().connections.tls.is_some());
    assert!(settle(&Said::default()).unwrap().connections.tls.is_none());
}

#[test]
fn a_store_url_is_not_repeated_in_the_error() {
    let said = Said { store: Some("mysql://me:secret@db/x".to_owned()), ..Said::default() };
    let error = settle(&said).unwrap_err().to_string();
    assert!(!error.contains("secret"), "{error}");
}

mod whatever_is_said {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::Timestamp,
        server::{clock::moved, limiter::Limiter},
    };

    /// A number at an edge, or any.
    fn number() -> impl Strategy<Value = Option<u64>> {
        let edges = [0, 1, 2, 3_600, 8_192, 86_400, 1 << 31, u64::from(u32::MAX), i64::MAX as u64, u64::MAX];
        prop_oneof![
            3 => Just(None),
            2 => proptest::sample::select(edges.to_vec()).prop_map(Some),
            1 => any::<u64>().prop_map(Some)
        ]
    }

    fn count() -> impl Strategy<Value = Option<usize>> {
        number().prop_map(|number| number.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
    }

    fn text(pattern: &'static str) -> impl Strategy<Value = Option<String>> {
        prop_oneof![3 => Just(None), 2 => pattern.prop_map(Some), 1 => any::<String>().prop_map(Some)]
    }

    fn age() -> impl Strategy<Value = Option<String>> {
        text("[0-9]{1,11}[smhd]")
    }

    fn rate() -> impl Strategy<Value = Option<String>> {
        text("[0-9]{1,10}/[smh](:[0-9]{1,10})?|1/h:4294967295|off")
    }

    prop_compose! {
        fn said()(
            counts in [(); 7].map(|()| count()),
            numbers in [(); 6].map(|()| number()),
            ages in [(); 2].map(|()| age()),
            rates in [(); 5].map(|()| rate()),
            urls in [text("postgres://.{0,20}"), text("nats://.{0,20}"), text("https?://.{0,20}")],
        ) -> Said {
            let [window, sqlite_queue, postgres_connections, batch_max, max_body_bytes, max_connections, max_streams] =
                counts;
            let [request_timeout, header_timeout, shutdown_timeout, heartbeat, stall_timeout, jwt_leeway] = numbers;
            let [max_age, session_lifetime] = ages;
            let [limit_key, limit_user, limit_address, limit_login, limit_recipient] = rates;
            let [store, bus, jwt_jwks] = urls;
            Said {
                window, sqlite_queue, postgres_connections, batch_max, max_body_bytes, max_connections, max_streams,
                request_timeout, header_timeout, shutdown_timeout, heartbeat, stall_timeout, jwt_leeway,
                max_age, session_lifetime, limit_key, limit_user, limit_address, limit_login, limit_recipient,
                store, bus, jwt_jwks, auth: Some(AuthMode::On), jwt_audience: Some(vec!["a".to_owned()]),
                max_header_bytes: window,
                ..Said::default()
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_settled_or_refused_in_one_line_and_nothing_overflows(said in said()) {
            match settle(&said) {
                Err(refused) => {
                    let refused = format!("{refused:#}");
                    prop_assert!(refused.lines().count() == 1 && refused.contains(':'), "{}", refused);
                }
                Ok(settings) => {
                    let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
                    let ages = [settings.max_age, settings.auth.as_ref().map(|auth| auth.session_lifetime)];
                    for age in ages.into_iter().flatten() {
                        prop_assert!(moved(now, -age) < now && now < moved(now, age));
                    }
                    let limits = settings.auth.map(|auth| auth.limits);
                    let rates = limits.map(|limits| [limits.key, limits.user, limits.address, limits.login]);
                    for rate in rates.into_iter().flatten().flatten().chain(settings.limit_recipient) {
                        prop_assert!(Limiter::new(rate).check(&"ann").is_ok());
                    }
                    let _ = std::time::Instant::now() + settings.http.request_timeout;
                }
            }
        }
    }
}
