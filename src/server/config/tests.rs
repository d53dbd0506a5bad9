//! Which settings are refused, which have precedence, and that no value makes anything overflow.

mod apns;
mod language;
mod whatever_is_said;

use clap::Args;

use super::*;
use crate::server::channels::RelayUrl;

fn settle(input: &SettingsInput) -> Result<Settings> {
    Settings::settle(InForce::merge(input, &SettingsInput::default())?.settings()?)
}

#[test]
fn an_age_has_a_unit() {
    assert_eq!(parse_age("90d").unwrap(), TimeDelta::days(90));
    assert_eq!(parse_age("45s").unwrap(), TimeDelta::seconds(45));
    for wrong in ["", "d", "90", "0d", "-1d", "1.5h", "1w", "99999999999d"] {
        let refused =
            settle(&SettingsInput { max_age: Some(wrong.to_owned()), ..SettingsInput::default() }).unwrap_err();
        assert!(format!("{refused:#}").starts_with("max-age: "), "{refused:#}");
    }
    for long in ["36501d", "4294967295d"] {
        let refused =
            settle(&SettingsInput { max_age: Some(long.to_owned()), ..SettingsInput::default() }).unwrap_err();
        assert_eq!(refused.to_string(), "max-age: must be 1s to 36500d.");
    }
}

#[test]
fn the_help_says_the_defaults() {
    let command = SettingsInput::augment_args(clap::Command::new("x"));
    let defaults = InForce::merge(&SettingsInput::default(), &SettingsInput::default()).unwrap();
    for setting in defaults.list().filter(|setting| !matches!(setting.value.as_str(), "-" | "false")) {
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(setting.name)).unwrap();
        // The documentation quotes URLs.
        let help = argument.get_help().unwrap().to_string().replace('`', "");
        let input = format!("[default: {}]", setting.value);
        assert!(help.contains(&input), "{input} is not in {help:?}");
    }
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let in_file = SettingsInput { window: Some(5), batch_max: Some(6), ..SettingsInput::default() };
    let input = SettingsInput { window: Some(7), ..SettingsInput::default() };
    let settings = Settings::settle(InForce::merge(&input, &in_file).unwrap().settings().unwrap()).unwrap();
    assert_eq!((settings.window, settings.batch_max), (7, 6));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
}

#[test]
fn other_machines_are_refused_unless_a_gateway_is_promised() {
    let open = SettingsInput { listen: Some("0.0.0.0:8000".parse().unwrap()), ..SettingsInput::default() };
    let refused = settle(&open).unwrap().may_listen().unwrap_err().to_string();
    assert!(refused.contains("--insecure-no-auth"), "{refused}");
    let settings = settle(&SettingsInput { insecure_no_auth: Some(true), ..open.clone() }).unwrap();
    settings.may_listen().unwrap();
    settle(&SettingsInput { auth: Some(Switch::On), ..open }).unwrap().may_listen().unwrap();
    assert_eq!(settings.http.allowed_hosts, None);
}

#[test]
fn a_value_out_of_bounds_is_refused_with_the_bounds() {
    let of = |input: SettingsInput| settle(&input).unwrap_err().to_string();
    let input = SettingsInput::default;
    assert_eq!(of(SettingsInput { window: Some(0), ..input() }), "window: must be 1 to 1000000000.");
    assert_eq!(
        of(SettingsInput { request_timeout: Some(0), ..input() }),
        "request-timeout: must be 1 to 86400 seconds."
    );
    assert_eq!(of(SettingsInput { heartbeat: Some(u64::MAX), ..input() }), "heartbeat: must be 1 to 86400 seconds.");
    assert_eq!(
        of(SettingsInput { max_header_bytes: Some(8191), ..input() }),
        "max-header-bytes: must be 8192 to 1048576 bytes."
    );
    assert_eq!(of(SettingsInput { sqlite_queue: Some(usize::MAX), ..input() }), "sqlite-queue: must be 1 to 1000000.");
}

#[test]
fn empty_values_count_as_absent() {
    let empty = || Some(vec![String::new()]);
    let (public_url, allowed_hosts) = (Some(String::new()), empty());
    let settings =
        settle(&SettingsInput { public_url, allowed_hosts, trusted_proxies: empty(), ..SettingsInput::default() })
            .unwrap();
    assert!(settings.http.public_url.is_none() && settings.http.trusted_proxies.is_empty());
    assert_eq!(settings.http.allowed_hosts, Some(Vec::new()));
}

#[test]
fn the_host_of_the_public_url_is_answered_for() {
    let input =
        SettingsInput { public_url: Some("https://Example.com:8443/notify/".to_owned()), ..SettingsInput::default() };
    let settings = settle(&input).unwrap();
    assert_eq!(settings.http.allowed_hosts, Some(vec!["example.com".to_owned()]));
    assert_eq!(settings.http.public_url.as_ref().unwrap().to_string(), "https://example.com:8443/notify");
    let refused = settings.may_listen().unwrap_err().to_string();
    assert!(refused.starts_with("public-url: ") && refused.contains("--auth on"), "{refused}");
    settle(&SettingsInput { insecure_no_auth: Some(true), ..input.clone() }).unwrap().may_listen().unwrap();
    let local =
        SettingsInput { public_url: Some("http://localhost:8080/notify".to_owned()), ..SettingsInput::default() };
    settle(&local).unwrap().may_listen().unwrap();
    // With authentication, and as long as no name is listed, it answers for all.
    let with_keys = settle(&SettingsInput { auth: Some(Switch::On), ..input }).unwrap();
    with_keys.may_listen().unwrap();
    assert_eq!(with_keys.http.allowed_hosts, None);
    assert!(with_keys.warnings().is_empty());
    let open = SettingsInput {
        insecure_no_auth: Some(true),
        listen: Some("0.0.0.0:8000".parse().unwrap()),
        ..SettingsInput::default()
    };
    assert!(settle(&open).unwrap().warnings()[0].starts_with("insecure-no-auth: every client"));
    let refused = SettingsInput { insecure_no_auth: Some(false), ..open };
    assert!(settle(&refused).unwrap().warnings().is_empty(), "it does not start");
    let plain = SettingsInput {
        public_url: Some("http://example.com".to_owned()),
        auth: Some(Switch::On),
        ..SettingsInput::default()
    };
    assert!(settle(&plain).unwrap().warnings()[0].contains("https://"));
    assert!(settle(&SettingsInput { auth: Some(Switch::On), ..local }).unwrap().warnings().is_empty());
    let input =
        SettingsInput { public_url: Some("https://me:secret@example.com".to_owned()), ..SettingsInput::default() };
    let error = settle(&input).unwrap_err().to_string();
    assert!(error.starts_with("public-url: ") && !error.contains("secret"), "{error}");
}

#[test]
fn a_certificate_and_its_key_are_set_together() {
    let [certificate, key] = ["a.pem", "b.pem"].map(|file| Some(PathBuf::from(file)));
    let input = SettingsInput { tls_cert: certificate.clone(), ..SettingsInput::default() };
    assert!(settle(&input).unwrap_err().to_string().starts_with("tls-key:"));
    let input = SettingsInput { tls_key: key.clone(), ..SettingsInput::default() };
    assert!(settle(&input).unwrap_err().to_string().starts_with("tls-cert:"));
    let input = SettingsInput { tls_cert: certificate, tls_key: key, ..SettingsInput::default() };
    assert!(settle(&input).unwrap().connections.tls.is_some());
    assert!(settle(&SettingsInput::default()).unwrap().connections.tls.is_none());
}

#[test]
fn a_store_url_is_not_repeated_in_the_error() {
    let input = SettingsInput { store: Some("mysql://me:secret@db/x".to_owned()), ..SettingsInput::default() };
    let error = settle(&input).unwrap_err().to_string();
    assert!(!error.contains("secret"), "{error}");
}

/// A relay and a sender.
fn mail() -> SettingsInput {
    SettingsInput {
        smtp: Some("smtps://me:hush@relay.example".to_owned()),
        mail_from: Some("you@example.com".to_owned()),
        ..SettingsInput::default()
    }
}

#[test]
fn mail_is_sent_where_a_relay_is_named() {
    assert!(settle(&SettingsInput::default()).unwrap().delivery.mail.is_none());
    let settings = settle(&mail()).unwrap();
    let mail_options = settings.delivery.mail.as_ref().unwrap();
    assert_eq!(mail_options.relay.to_string(), "smtps://relay.example:465");
    assert_eq!(mail_options.from.to_string(), "you@example.com");
    assert!(!format!("{settings:?}").contains("hush"));
    for (input, shown) in [
        ("Shop <shop@example.com>", "Shop <shop@example.com>"),
        ("\"Ann, Bob\" <a@example.com>", "\"Ann, Bob\" <a@example.com>"),
        ("<a@example.com>", "a@example.com"),
        (" Müller & Söhne  <a@example.com>", "Müller & Söhne <a@example.com>"),
    ] {
        let settings = settle(&SettingsInput { mail_from: Some(input.to_owned()), ..mail() }).unwrap();
        assert_eq!(settings.delivery.mail.unwrap().from.to_string(), shown);
    }
}

#[test]
fn invalid_mail_settings_are_named_without_the_password() {
    let text = |text: &str| Some(text.to_owned());
    let smtp = |url: &str| SettingsInput { smtp: text(url), ..mail() };
    for (wrong, name) in [
        (SettingsInput { mail_from: None, ..mail() }, "mail-from: is missing"),
        (SettingsInput { smtp: None, ..mail() }, "mail-from: there is no relay"),
        (
            SettingsInput { mail_templates: Some("x".into()), ..SettingsInput::default() },
            "mail-templates: there is no relay",
        ),
        (
            SettingsInput { smtp_password_file: Some("x".into()), ..SettingsInput::default() },
            "smtp-password-file: there is no relay",
        ),
        (smtp("hush"), "smtp: "),
        (smtp("http://me:hush@relay"), "smtp: "),
        (smtp("smtp://:hush@relay"), "smtp: "),
        (smtp("smtp://me:hu/hush@relay"), "smtp: "),
        (smtp("smtp://me@relay"), "smtp: there is a user"),
        (
            SettingsInput { smtp_password_file: Some("x".into()), ..mail() },
            "smtp-password-file: smtp has a password too",
        ),
        (
            SettingsInput { smtp_password_file: Some("x".into()), ..smtp("smtp://relay") },
            "smtp-password-file: smtp names no user",
        ),
        (
            SettingsInput { smtp_password_file: Some("hush/hush".into()), ..smtp("smtp://me@relay") },
            "smtp-password-file: the file cannot be read",
        ),
        (SettingsInput { mail_templates: Some("/no/folder".into()), ..mail() }, "mail-templates: /no/folder"),
    ] {
        let refused = format!("{:#}", settle(&wrong).unwrap_err());
        assert!(refused.starts_with(name) && !refused.contains("hush") && refused.lines().count() == 1, "{refused}");
    }
    for wrong in
        ["", "you", "you@", "a@example.com, b@example.com", "Name a@example.com", "a@example.com x", "A\nB <a@b.c>"]
    {
        let refused = settle(&SettingsInput { mail_from: text(wrong), ..mail() }).unwrap_err().to_string();
        assert!(refused.starts_with("mail-from: ") && refused.lines().count() == 1, "{refused}");
    }
}

#[test]
fn a_password_is_read_from_a_file_and_a_mistake_in_a_template_is_reported_with_its_line() {
    let folder = std::env::temp_dir().join(format!("campanile-mail-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("password");
    let smtp = |url: &str| Some(url.to_owned());
    let input = SettingsInput { smtp: smtp("smtp://me@relay"), smtp_password_file: Some(file.clone()), ..mail() };
    let expected = RelayUrl::parse("smtp://me:a%20b@relay").unwrap();
    for (text, expected) in [("a b", Some(&expected)), ("a b\n", Some(&expected)), ("a b\r\n", Some(&expected))] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(settle(&input).unwrap().delivery.mail.as_ref().map(|mail| &mail.relay), expected, "{text:?}");
    }
    for wrong in [&b""[..], b"\n", b"\xff"] {
        std::fs::write(&file, wrong).unwrap();
        let refused = settle(&input).unwrap_err().to_string();
        assert!(refused.starts_with("smtp-password-file: "), "{refused}");
    }
    std::fs::write(folder.join("subject.txt"), "{{ app_name }}\n{{ no_such_thing }}\n").unwrap();
    let refused = settle(&SettingsInput { mail_templates: Some(folder.clone()), ..mail() }).unwrap_err().to_string();
    let place = format!("mail-templates: {}:2: ", folder.join("subject.txt").display());
    assert!(refused.starts_with(&place), "{refused}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn suspicious_mail_settings_cause_a_warning() {
    let warnings = settle(&mail()).unwrap().warnings();
    assert!(matches!(&warnings[..], [one] if one.starts_with("public-url: ")), "{warnings:?}");
    let input = SettingsInput { public_url: Some("http://localhost/".to_owned()), ..mail() };
    assert!(settle(&input).unwrap().warnings().is_empty());
    assert_eq!(settle(&input).unwrap().delivery.public_url, settle(&input).unwrap().http.public_url);
    let smtp = |url: &str| SettingsInput { smtp: Some(url.to_owned()), ..input.clone() };
    for (url, is_warned) in [
        ("smtp://me:hush@relay?tls=off", true),
        ("smtp://relay?tls=off", false),
        ("smtp://me:hush@127.0.0.1:25", false),
        ("smtp://me:hush@[::1]:25", false),
    ] {
        let warnings = settle(&smtp(url)).unwrap().warnings();
        assert!(warnings.len() == usize::from(is_warned) && !format!("{warnings:?}").contains("hush"), "{warnings:?}");
    }
}

#[test]
fn suspicious_push_settings_cause_a_warning() {
    let text = |text: &str| Some(text.to_owned());
    let input = SettingsInput { push_contact: text("mailto:you@example.com"), ..SettingsInput::default() };
    assert!(settle(&input).unwrap().warnings().is_empty());
    let in_memory = settle(&SettingsInput { store: text("memory:"), ..input.clone() }).unwrap().warnings();
    assert!(matches!(&in_memory[..], [one] if one.starts_with("vapid-key: ")), "{in_memory:?}");
    let no_device = settle(&SettingsInput { push_badge_sync: Some(Switch::On), ..input }).unwrap().warnings();
    assert!(matches!(&no_device[..], [one] if one.starts_with("push-badge-sync: ")), "{no_device:?}");
}

#[test]
fn categories_and_delivery_limits_can_be_set() {
    let list = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let default = settle(&SettingsInput::default()).unwrap().delivery;
    assert_eq!((default.rules, default.app_name.as_str()), (Rules::default(), "Campanile"));
    assert_eq!(default.per_contact, DeliveryOptions::default().per_contact);
    assert_eq!(default.per_contact.unwrap().to_string(), "30/h:60");
    let input = SettingsInput {
        email_categories: list(&[""]),
        mandatory_categories: list(&["alert", " security"]),
        app_name: Some("The Shop".to_owned()),
        limit_delivery: Some("off".to_owned()),
        ..SettingsInput::default()
    };
    let DeliveryOptions { rules, app_name, per_contact, .. } = settle(&input).unwrap().delivery;
    assert!(rules.email_categories.is_empty());
    assert_eq!(rules.mandatory.iter().map(|category| category.as_str()).collect::<Vec<_>>(), ["alert", "security"]);
    assert_eq!((app_name.as_str(), per_contact), ("The Shop", None));
    let in_force = InForce::merge(&input, &SettingsInput::default()).unwrap();
    let shown = |name: &str| in_force.list().find(|setting| setting.name == name).unwrap().value;
    assert_eq!(["email-categories", "mandatory-categories"].map(shown), ["-", "alert,security"]);
    for (wrong, name) in [
        (SettingsInput { email_categories: list(&["alert", ""]), ..SettingsInput::default() }, "email-categories: "),
        (
            SettingsInput { mandatory_categories: list(&["Alert"]), ..SettingsInput::default() },
            "mandatory-categories: ",
        ),
        (SettingsInput { limit_delivery: Some("often".to_owned()), ..SettingsInput::default() }, "limit-delivery: "),
        (SettingsInput { app_name: Some(String::new()), ..SettingsInput::default() }, "app-name: "),
        (SettingsInput { app_name: Some(" ".to_owned()), ..SettingsInput::default() }, "app-name: "),
        (SettingsInput { app_name: Some("x".repeat(61)), ..SettingsInput::default() }, "app-name: "),
        (SettingsInput { app_name: Some("a\nb".to_owned()), ..SettingsInput::default() }, "app-name: "),
    ] {
        let refused = settle(&wrong).unwrap_err().to_string();
        assert!(refused.starts_with(name), "{refused}");
    }
    settle(&SettingsInput { app_name: Some("ü".repeat(60)), ..SettingsInput::default() }).unwrap();
}
