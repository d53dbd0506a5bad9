use super::*;

const ID: &str = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f";

fn notification(right: &str, wrong: &str) -> String {
    format!(
        r#"{{"record":"notification","modseq":2,"created":1,"notification":{{"id":"{ID}","user_id":"ann","content":"hush","timestamp":"2026-01-01T00:00:00.000000Z","is_read":false,"category":"message","title":"T","link":"/a","data":{{}},"expires_at":"2026-01-01T00:00:00.000000Z"}}}}"#
    )
    .replacen(right, wrong, 1)
}

fn refused(line: &str, format: Format) -> String {
    let why = Record::read(line, format).unwrap_err().to_string();
    assert!(!why.contains("hush") && why.lines().count() == 1, "{why}");
    why
}

#[test]
fn a_record_is_read_as_it_is_written() {
    let inbox = r#"{"record":"inbox","user_id":"ann","modseq":3,"forgotten":1,"all_read_modseq":2}"#;
    let deletion = format!(r#"{{"record":"deletion","user_id":"ann","modseq":3,"id":"{ID}"}}"#);
    let made = format!(r#"[["{ID}","2026-01-01T00:00:00.000000Z"]]"#);
    let at = "2026-01-01T00:00:00.000000Z";
    let old = format!(r#"{{"record":"once","key":"k","fingerprint":"00","at":"{at}","made":{made}}}"#);
    let once = old.replacen(r#""key""#, r#""caller":"user:ann","key""#, 1);
    let key = format!(
        r#"{{"record":"key","id":"0000000000000001","name":"k","scopes":"send","hash":"00","created_at":"{at}"}}"#
    );
    let preferences = r#"{"record":"preferences","user_id":"ann","version":3,"preferences":{"channels":{"email":"off"},"digest":{"email":"1h"}}}"#;
    let secret = format!(r#"{{"record":"secret","name":"unsubscribe","secret":"{}"}}"#, "0f".repeat(16));
    for line in [inbox, &deletion, &old, &once, &key, &notification("", ""), preferences, &secret] {
        for format in [Format::Old, Format::New] {
            let read = Record::read(line, format).unwrap();
            assert_eq!(serde_json::to_string(&read.record).unwrap(), line);
            assert!(!read.is_beyond_limits);
        }
    }
}

#[test]
fn invalid_records_are_refused_without_repeating_them() {
    let long = format!("\"{}\"", "x".repeat(Content::MAX_CHARS + 1));
    for (right, wrong, says) in [
        (r#""hush""#, long.as_str(), "content"),
        (r#""hush""#, r#""\u0000hush""#, "content"),
        (r#""hush""#, r#"" \t""#, "content"),
        (r#""ann""#, r#""hush\u0007""#, "user_id"),
        (r#""ann""#, r#""""#, "user_id"),
        (r#""message""#, r#""Hush""#, "category"),
        (r#""/a""#, r#""javascript:hush""#, "link"),
        (r#"{},"ex"#, r#"[],"ex"#, "data"),
        (r#""modseq":2"#, r#""modseq":18446744073709551615"#, "change number that is too large"),
        (r#""modseq":2"#, r#""modseq":18446744073709551616"#, "not a record of an export"),
        (r#""modseq":2"#, r#""modseq":-1"#, "not a record of an export"),
        (r#""modseq":2"#, r#""modseq":2.0"#, "not a record of an export"),
        (r#""created":1"#, r#""created":0"#, "a `created` that is not"),
        (r#""created":1"#, r#""created":3"#, "a `created` that is not"),
        (r#""is_read""#, r#""hush":1,"is_read""#, "not a record of an export"),
        (r#""record""#, r#""hush":1,"record""#, "not a record of an export"),
        (r#""record":"notification""#, r#""record":"notification","record":"inbox""#, "not a record of an export"),
        (r#""record":"notification""#, r#""record":"hush""#, "kind"),
        ("2026-01-01", "hush-01-01", "not a record of an export"),
        (ID, "hush", "not a record of an export"),
    ] {
        for format in [Format::Old, Format::New] {
            let why = refused(&notification(right, wrong), format);
            assert!(why.contains(says), "{wrong}: {why}");
        }
    }
    for line in ["", "hush", "[]", "{}", "null", r#"{"record":7}"#, r#"{"record":"inbox"}"#, &"[".repeat(100_000)] {
        refused(line, Format::New);
    }
    let ahead = r#"{"record":"inbox","user_id":"ann","modseq":3,"forgotten":4,"all_read_modseq":2}"#;
    assert!(refused(ahead, Format::New).contains("above its `modseq`"));
}

#[test]
fn invalid_preferences_and_secrets_are_refused_without_repeating_them() {
    let line = |user_id: &str, version: &str, preferences: &str| {
        format!(r#"{{"record":"preferences","user_id":"{user_id}","version":{version},"preferences":{preferences}}}"#)
    };
    for (wrong, says) in [
        (line("", "1", "{}"), "user_id"),
        (line("ann", "0", "{}"), "the version 0"),
        (line("ann", "18446744073709551615", "{}"), "change number that is too large"),
        (line("ann", "-1", "{}"), "not a record of an export"),
        (line("ann", "1", r#"{"hush":1}"#), "not a record of an export"),
        (line("ann", "1", r#"{"channels":{"email":"hush"}}"#), "not a record of an export"),
        (line("ann", "1", "null"), "not a record of an export"),
        (line("ann", r#"1,"hush":2"#, "{}"), "not a record of an export"),
    ] {
        let why = refused(&wrong, Format::New);
        assert!(why.contains(says), "{wrong}: {why}");
    }
    let line = |name: &str, secret: &str| format!(r#"{{"record":"secret","name":"{name}","secret":"{secret}"}}"#);
    let secret = "0f".repeat(16);
    for (wrong, says) in [
        (line("", &secret), "name"),
        (line("hush\\n", &secret), "name"),
        (line("x", ""), "16 to 256 bytes"),
        (line("x", &"0f".repeat(15)), "16 to 256 bytes"),
        (line("x", &"0f".repeat(257)), "16 to 256 bytes"),
        (line("x", &format!("{secret}0")), "16 to 256 bytes"),
        (line("x", &secret.to_uppercase()), "16 to 256 bytes"),
        (line("x", &format!("hush{}", "0f".repeat(14))), "16 to 256 bytes"),
    ] {
        let why = refused(&wrong, Format::New);
        assert!(why.contains(says), "{wrong}: {why}");
    }
    for bytes in [16, 256] {
        let Record::Secret(read) = Record::read(&line("x", &"0f".repeat(bytes)), Format::New).unwrap().record else {
            panic!("it is a secret");
        };
        assert_eq!(read.secret, vec![15; bytes]);
        assert!(!format!("{read:?}").contains("15"));
    }
}

#[test]
fn records_of_earlier_releases_are_read_and_those_over_limits_counted() {
    let with = |data: &str| notification("{},\"ex", &format!("{data},\"ex"));
    let nested = |deep: usize| format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep));
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(20_000));
    for format in [Format::Old, Format::New] {
        for line in [with(&nested(126)), notification("hush", "\u{200b}\u{3164}"), with(r#"{"a":1e400}"#)] {
            assert!(!Record::read(&line, format).unwrap().is_beyond_limits, "{line}");
        }
        for line in [with(&nested(200)), with(r#"{"a":"\ud800"}"#)] {
            let deep_or_half = Record::read(&line, format);
            assert!(deep_or_half.is_err(), "{line}");
        }
    }
    assert!(refused(&with(&large), Format::New).contains("data"));
    let read = Record::read(&with(&large), Format::Old).unwrap();
    assert!(read.is_beyond_limits);
    let written = serde_json::to_string(&read.record).unwrap();
    assert!(written.contains(r#""kept":true"#) && Record::read(&written, Format::New).unwrap().is_beyond_limits);
    let huge = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_KEPT_BYTES));
    assert!(refused(&with(&huge), Format::Old).contains("data"));
}
