use super::*;

/// The key and the secret of RFC 8291, section 5.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

#[test]
fn an_e_mail_address_is_one_and_its_domain_is_in_lower_case() {
    for (text, expected) in [
        ("ann@example.com", "ann@example.com"),
        ("Ann.Lee+news@EXAMPLE.Com", "Ann.Lee+news@example.com"),
        ("o'hara@mail.example", "o'hara@mail.example"),
        ("zoë@bücher.example", "zoë@bücher.example"),
        ("root@localhost", "root@localhost"),
    ] {
        assert_eq!(EmailAddress::parse(text).map(|address| address.to_string()), Ok(expected.to_owned()), "{text}");
    }
    let (long, longer) = ("a".repeat(60), format!("{}@b.c", "a".repeat(251)));
    for wrong in [
        "",
        "@",
        "ann",
        "ann@",
        "@example.com",
        "ann@@example.com",
        "ann@example.com@example.org",
        "ann@example.com ",
        " ann@example.com",
        "ann lee@example.com",
        "\"ann lee\"@example.com",
        "\"a@b\"@example.com",
        "Ann <ann@example.com>",
        "ann@example.com, bob@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        "ann\0@example.com",
        "ann@exam\tple.com",
        "ann@[127.0.0.1]",
        ".ann@example.com",
        "ann..lee@example.com",
        "ann@example..com",
        "ann@-example.com",
        "ann;@example.com",
        &format!("{long}{long}@example.com"),
        &longer,
    ] {
        assert!(EmailAddress::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_label_is_short_and_shows() {
    for text in ["Ann's phone", "é", &"🎉".repeat(64)] {
        assert_eq!(Label::parse(text).unwrap().as_str(), text);
    }
    for wrong in ["", " ", "a\nb", "a\u{85}b", &"a".repeat(65)] {
        assert!(Label::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_keys_of_a_subscription_are_a_point_and_a_secret() {
    let point = SubscriptionKeys::parse_p256dh(P256DH).unwrap();
    let secret = SubscriptionKeys::parse_auth(AUTH).unwrap();
    assert_eq!(SubscriptionKeys::parse_p256dh(&format!("{P256DH}=")), Ok(point));
    assert_eq!(SubscriptionKeys::parse_auth(&format!("{AUTH}==")), Ok(secret));
    let keys = SubscriptionKeys::new(point, secret);
    assert_eq!((keys.p256dh(), keys.auth()), (point.to_vec(), secret.to_vec()));
    assert_eq!(serde_json::to_value(&keys).unwrap(), serde_json::json!({"p256dh": P256DH, "auth": AUTH}));
    let with = |change: fn(&mut [u8])| {
        let mut bytes = point;
        change(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    for wrong in [
        "",
        AUTH,
        "not base64url!",
        &P256DH.replace('_', "/").replace('-', "+"),
        &P256DH[..86],
        &format!("{P256DH}AAAA"),
        &URL_SAFE_NO_PAD.encode(&point[..33]),
        // Another form, no form, and not a point of the curve.
        &with(|bytes| bytes[0] = 2),
        &with(|bytes| bytes[0] = 0),
        &with(|bytes| bytes[0] = 6 + (bytes[64] & 1)),
        &with(|bytes| bytes[64] ^= 1),
        &with(|bytes| bytes[1..].fill(0)),
        &"B".repeat(100_000),
    ] {
        assert!(SubscriptionKeys::parse_p256dh(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "AAAA", P256DH, "BTBZMqHH6r4Tts7J_aSIggA", "BTBZMqHH6r4Tts7J aSIgg"] {
        assert!(SubscriptionKeys::parse_auth(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn tokens_and_topics_are_what_their_services_give() {
    let longest = "a".repeat(FcmToken::MAX_BYTES);
    for text in ["fid-1", "dQw4:APA91b_x-y", &longest] {
        assert_eq!(FcmToken::parse(text).unwrap().as_str(), text);
    }
    for wrong in ["", "a b", "a\n", "é", &format!("{longest}a")] {
        assert!(FcmToken::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(DeviceToken::parse(&"aB".repeat(32)).unwrap().as_str(), "ab".repeat(32));
    assert!(DeviceToken::parse(&"0".repeat(200)).is_ok());
    for wrong in ["", &"0".repeat(62), &"0".repeat(65), &"0".repeat(202), &"g".repeat(64), &" 0".repeat(32)] {
        assert!(DeviceToken::parse(wrong).is_err(), "{wrong}");
    }
    for text in ["com.example.app", "com.example.app.voip", "a.B-1"] {
        assert_eq!(Topic::parse(text).unwrap().as_str(), text);
    }
    for wrong in ["", "app", ".app", "com.", "com..app", "com.exa mple", "com.example_x", &"a.".repeat(128)] {
        assert!(Topic::parse(wrong).is_err(), "{wrong}");
    }
}

fn fcm(token: &str, kind: FcmKind) -> ContactAddress {
    ContactAddress::Fcm { token: FcmToken::parse(token).unwrap(), kind }
}

fn email(address: &str) -> ContactAddress {
    ContactAddress::Email { address: EmailAddress::parse(address).unwrap() }
}

#[test]
fn a_device_is_the_same_for_all_users_and_an_e_mail_address_for_one() {
    let (ann, bob) = (UserId::parse("ann").unwrap(), UserId::parse("bob").unwrap());
    let token = fcm("token", FcmKind::Token);
    assert_eq!(token.identity(&ann), token.identity(&bob));
    assert_eq!(token.identity(&ann), fcm("token", FcmKind::Fid).identity(&ann));
    assert_ne!(token.identity(&ann), fcm("Token", FcmKind::Token).identity(&ann));
    let address = email("a@example.com");
    assert_ne!(address.identity(&ann), address.identity(&bob));
    assert_eq!(address.identity(&ann), email("a@EXAMPLE.com").identity(&ann));
    assert_ne!(address.identity(&ann), fcm("a@example.com", FcmKind::Token).identity(&ann));
}

#[test]
fn no_more_than_the_end_of_a_secret_is_shown() {
    let token = fcm("0123456789abcdef", FcmKind::Token);
    assert_eq!(token.shown(), "89abcdef");
    let draft = ContactDraft { address: token, label: None };
    assert!(!format!("{draft:?}").contains("0123456"), "{draft:?}");
    assert_eq!(fcm("short", FcmKind::Token).shown(), "short");
    assert_eq!(email("ann@example.com").shown(), "ann@example.com");
}
