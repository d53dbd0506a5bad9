//! `check` reports the same errors and warnings as `serve`.

use std::{fs, process::Output};

use super::{Server, campanile, run};
use crate::harness::new_folder;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts that both commands refuse these settings for the same reason.
fn refused_by_both(arguments: &[&str], begins: &str) {
    let done: [Output; 2] = ["serve", "check"].map(|command| run(&[&[command], arguments].concat()));
    let said = done.each_ref().map(|done| text(&done.stderr));
    for (done, said) in done.iter().zip(&said) {
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.starts_with(&format!("campanile: {begins}")) && said.lines().count() == 1,
            "{arguments:?}: {said}"
        );
    }
    assert_eq!(said[0], said[1]);
}

#[test]
fn a_check_refuses_the_same_settings_as_serve() {
    let folder = new_folder();
    let pem = folder.join("key.pem").display().to_string();
    fs::write(&pem, "-----BEGIN PUBLIC KEY-----\nbm8ga2V5\n-----END PUBLIC KEY-----\n").unwrap();
    let memory = ["--store", "memory:"];
    let tokens = ["--store", "memory:", "--jwt-audience", "campanile"];
    for (arguments, begins) in [
        ([&tokens[..], &["--jwt-secret", "short"]].concat(), "jwt-secret: it has 5 bytes"),
        ([&tokens[..], &["--jwt-jwks", "foo"]].concat(), "jwt-jwks: "),
        ([&tokens[..], &["--jwt-key", &pem]].concat(), "jwt-key: "),
        ([&tokens[..], &["--jwt-key", "/no/such.pem"]].concat(), "jwt-key: the file cannot be read"),
        ([&tokens[..], &["--jwt-key=-----BEGIN PRIVATE KEY-----\nhush"]].concat(), "jwt-key: the file cannot be read"),
        ([&memory[..], &["--log", "a=b=c"]].concat(), "log: "),
        (
            [&memory[..], &["--listen", "192.0.2.1:8000", "--auth", "on"]].concat(),
            "listen: 192.0.2.1:8000: this machine has no such address",
        ),
        ([&memory[..], &["--listen", "unix:/no/such/a.sock"]].concat(), "listen: /no/such/a.sock cannot be made: "),
        ([&memory[..], &["--listen", "unix:/etc/passwd"]].concat(), "listen: /etc/passwd is there and is no socket"),
        ([&memory[..], &["--listen", &format!("unix:{}/", folder.display())]].concat(), "listen: "),
        ([&memory[..], &["--log", "debg"]].concat(), "log: \"debg\" is not a log level"),
        ([&memory[..], &["--allowed-hosts", "https://a.example"]].concat(), "allowed-hosts: "),
        ([&memory[..], &["--allowed-hosts", "a.example:8443"]].concat(), "allowed-hosts: "),
        ([&memory[..], &["--allowed-hosts", "*.example"]].concat(), "allowed-hosts: "),
        ([&memory[..], &["--limit-key", "abc"]].concat(), "limit-key: "),
        ([&memory[..], &["--limit-user", "abc"]].concat(), "limit-user: "),
        ([&memory[..], &["--limit-address", "abc", "--auth", "off"]].concat(), "limit-address: "),
        ([&memory[..], &["--limit-login", "abc"]].concat(), "limit-login: "),
        ([&memory[..], &["--session-lifetime", "abc"]].concat(), "session-lifetime: "),
        ([&memory[..], &["--max-streams", "0"]].concat(), "max-streams: "),
        ([&memory[..], &["--max-memory", "1"]].concat(), "max-memory: must be 1048576 to "),
        ([&memory[..], &["--max-memory", "1048576"]].concat(), "max-memory: there is no room for one body"),
        (
            vec!["--store", "sqlite:a.db", "--bus", "nats://a:4222"],
            "bus: it is for several servers on one database, and sqlite:a.db has room for one. Name the database with \
             --store postgres://",
        ),
        ([&memory[..], &["--jwt-leeway", "3601"]].concat(), "jwt-leeway: "),
        (vec!["--store", "sqlite:/dev/null/campanile.db"], ""),
    ] {
        match begins {
            // Each command has its own words for the missing file.
            "" => ["serve", "check"].iter().for_each(|command| {
                let done = run(&[&[*command], arguments.as_slice()].concat());
                assert!(!done.status.success() && text(&done.stderr).lines().count() == 1, "{}", text(&done.stderr));
            }),
            begins => refused_by_both(&arguments, begins),
        }
    }
}

#[test]
fn both_warn_about_settings_without_effect() {
    let environment =
        [("CAMPANILE_TYPO", "1"), ("CAMPANILE_LIMIT_KEYS", "9/s"), ("CAMPANILE_SERVICE_HOST", "10.0.0.1")];
    let arguments = [
        "--store",
        "memory:",
        "--limit-key",
        "5/s",
        "--sqlite-sync",
        "full",
        "--bus-prefix",
        "x",
        "--socket-mode",
        "600",
        "--app-name",
        "Shop",
        "--log-addresses",
    ];
    let warnings = [
        "CAMPANILE_TYPO: there is no such setting",
        "Did you mean CAMPANILE_LIMIT_KEY?",
        "limit-key: has no effect, since authentication is off. Use --auth on, or leave it out.",
        "sqlite-sync: has no effect",
        "socket-mode: has no effect",
        "log-addresses: has no effect",
        "bus-prefix: has no effect",
        "app-name: has no effect, since there is neither mail nor push.",
    ];
    let checked = campanile(&[&["check"], &arguments[..]].concat()).envs(environment).output().unwrap();
    let report = text(&checked.stdout);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    let server = Server::start_in(&environment, &arguments);
    let (_, log) = server.stop("-TERM");
    for warning in warnings {
        assert!(report.lines().any(|line| line.starts_with("warning: ") && line.contains(warning)), "{report}");
        assert!(log.lines().any(|line| line.contains("WARN") && line.contains(warning)), "{log}");
    }
    assert_eq!(report.matches("warning: ").count(), warnings.len(), "{report}");
    assert_eq!(log.matches("no effect").count(), warnings.len(), "{log}");

    // A misspelt name may be the reason why the settings are refused.
    let wrong = campanile(&["check", "--store", "no store"]).envs(environment).output().unwrap();
    assert!(!wrong.status.success() && text(&wrong.stdout).contains("warning: CAMPANILE_TYPO: "));
    let said = |arguments: &[&str]| text(&run(&[&["check", "--store", "memory:"], arguments].concat()).stdout);
    assert!(!said(&[]).contains("warning"), "{}", said(&[]));
    assert!(!said(&["--auth", "on", "--limit-key", "5/s", "--max-streams", "9"]).contains("warning"));
}

/// Compose passes on unset variables like this.
#[test]
fn an_empty_variable_is_as_good_as_none() {
    let help = text(&run(&["serve", "--help"]).stdout);
    let variables = regex::Regex::new(r"\[env: (CAMPANILE_[A-Z0-9_]+)=").unwrap();
    let mut names: Vec<_> = variables.captures_iter(&help).map(|found| found[1].to_owned()).collect();
    assert!(names.len() > 60, "{help}");
    let secrets = ["STORE", "BUS", "JWT_SECRET", "JWT_JWKS", "SMTP"];
    names.extend(secrets.map(|name| format!("CAMPANILE_{name}_FILE")));
    let report = |empty: &[String]| {
        let mut check = campanile(&["check", "--store", "memory:", "--listen", "127.0.0.1:0"]);
        let done = check.envs(empty.iter().map(|name| (name, ""))).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    let categories = |report: &str| report.lines().find(|line| line.contains("email-categories")).unwrap().to_owned();
    let usual = report(&[]);
    assert!(categories(&usual).contains("alert"), "{usual}");
    // If empty, this variable means that no category is sent by mail.
    let of_mail = "CAMPANILE_EMAIL_CATEGORIES".to_owned();
    assert!(!categories(&report(std::slice::from_ref(&of_mail))).contains("alert"));
    names.retain(|name| *name != of_mail);
    assert_eq!(report(&names), usual);
    for name in names {
        assert_eq!(report(std::slice::from_ref(&name)), usual, "{name}");
    }
}

#[test]
fn the_line_of_usage_has_no_setting_of_the_environment() {
    let environment = [("CAMPANILE_STORE", "memory:"), ("CAMPANILE_LISTEN", "127.0.0.1:0")];
    let said = |arguments: &[&str]| campanile(arguments).envs(environment).output().unwrap();
    let refused = text(&said(&["key", "create", "shop"]).stderr);
    assert!(refused.contains("\nUsage: campanile key create --scopes <SCOPES> <NAME>\n"), "{refused}");
    let wrong = campanile(&["check"]).env("CAMPANILE_WINDOW", "x").output().unwrap();
    assert!(text(&wrong.stderr).contains("'x' for 'CAMPANILE_WINDOW'"), "{}", text(&wrong.stderr));
    let help = text(&said(&["serve", "--help"]).stdout);
    assert!(help.contains("[env: CAMPANILE_LISTEN=127.0.0.1:0]") && !help.contains("memory:\n"), "{help}");
}

/// Docker and Kubernetes provide secrets like this.
#[test]
fn a_secret_can_stand_in_a_file_that_the_environment_names() {
    let folder = new_folder();
    let file = folder.join("secret");
    let path = file.display().to_string();
    fs::write(&file, "hush-hush-hush-hush-hush-hush-hush-hush\n").unwrap();
    let arguments = ["--store", "memory:", "--jwt-audience", "campanile"];
    let by_file = [("CAMPANILE_JWT_SECRET_FILE", path.as_str())];
    let (_, log) = Server::start_in(&by_file, &arguments).stop("-TERM");
    assert!(!log.contains("hush") && !log.contains("WARN"), "{log}");
    let check = |environment: &[(&str, &str)]| {
        let done =
            campanile(&[&["check"], &arguments[..]].concat()).envs(environment.iter().copied()).output().unwrap();
        (done.status.success(), text(&done.stdout) + &text(&done.stderr))
    };
    let (success, report) = check(&by_file);
    let line = report.lines().find(|line| line.starts_with("jwt-secret ")).unwrap();
    assert!(success && line.contains("***") && line.ends_with("a file that the environment names"), "{report}");
    assert!(!report.contains("hush") && !report.contains("warning"), "{report}");
    for (environment, says) in [
        (
            vec![by_file[0], ("CAMPANILE_JWT_SECRET", "hush")],
            "jwt-secret: CAMPANILE_JWT_SECRET and CAMPANILE_JWT_SECRET_FILE",
        ),
        (
            vec![("CAMPANILE_JWT_SECRET_FILE", "/no/such/file")],
            "jwt-secret: /no/such/file, the file that CAMPANILE_JWT_",
        ),
        (vec![("CAMPANILE_JWT_SECRET_FILE", "hush-hush-hush-hush-hush-hush-hush-hush")], "jwt-secret: the file that"),
        (vec![("CAMPANILE_STORE_FILE", path.as_str()), ("CAMPANILE_BUS_FILE", "nats://hush@a")], "bus: the file that"),
    ] {
        let (success, report) = check(&environment);
        assert!(!success && report.contains(says) && !report.contains("hush"), "{report}");
    }
}

#[test]
fn commands_without_a_log_warn_of_variables_that_are_no_settings() {
    let store = format!("sqlite:{}", new_folder().join("x.db").display());
    for arguments in [["migrate", "--store", &store].as_slice(), &["key", "list", "--store", &store]] {
        let done = campanile(arguments).env("CAMPANILE_STOR", "sqlite:y.db").output().unwrap();
        let said = text(&done.stderr);
        assert!(done.status.success(), "{said}");
        let warned =
            "warning: CAMPANILE_STOR: there is no such setting, so it has no effect. Did you mean CAMPANILE_STORE?";
        assert_eq!(said.matches(warned).count(), 1, "{said}");
    }
}

#[test]
fn a_check_prints_values_derived_from_other_settings() {
    let shown = |arguments: &[&str], name: &str| {
        let all = [&["check", "--listen", "127.0.0.1:0", "--store", "memory:"], arguments].concat();
        let report = text(&run(&all).stdout);
        let line = report.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{report}"));
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(shown(&[], "limit-recipient"), "off");
    assert_eq!(shown(&["--auth", "on"], "limit-recipient"), "100/s:1000");
    assert_eq!(shown(&["--auth", "on", "--limit-recipient", "7/s"], "limit-recipient"), "7/s");
    assert!(shown(&[], "delivery-backlog").parse::<u64>().is_ok());
}
