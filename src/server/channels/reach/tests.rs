use super::*;

fn reach(allowed: &[&str]) -> Reach {
    Reach::new(&networks(allowed))
}

#[tokio::test]
async fn a_name_is_looked_up_when_it_is_set() {
    for text in ["https://localhost/", "https://localhost:22/a", "https://LOCALHOST/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/"]
    {
        let refused = reach(&[]).look_up(text).await.unwrap_err().to_string();
        assert!(refused.contains("not on the internet"), "{text}: {refused}");
        assert!(reach(&["127.0.0.0/8", "::1/128"]).look_up(text).await.is_ok(), "{text}");
    }
    assert!(reach(&["10.0.0.0/8"]).look_up("http://localhost/").await.is_err());
    // It may lead somewhere later, and is looked up again then.
    assert!(reach(&[]).look_up("https://nowhere.invalid/").await.is_ok());
}

#[test]
fn nothing_listens_on_port_0() {
    assert!(reach(&[]).parse("https://example.com:0/").is_err());
    assert!(reach(&["127.0.0.0/8"]).parse("http://127.0.0.1:0/").is_err());
}

#[test]
fn every_network_of_the_tables_is_read() {
    assert_eq!(networks(&NOT_GLOBAL_V4).len(), NOT_GLOBAL_V4.len());
    assert_eq!(networks(&NOT_GLOBAL_V6).len(), NOT_GLOBAL_V6.len());
    assert_eq!(networks(&[GLOBAL_V6]).len(), 1);
}

#[test]
fn addresses_outside_the_public_internet_are_recognised() {
    let addresses = [
        ("8.8.8.8", true),
        ("1.1.1.1", true),
        ("172.15.255.255", true),
        ("172.32.0.0", true),
        ("100.63.255.255", true),
        ("0.0.0.0", false),
        ("10.1.2.3", false),
        ("100.64.0.1", false),
        ("127.0.0.1", false),
        ("127.9.9.9", false),
        ("169.254.169.254", false),
        ("172.16.0.1", false),
        ("172.31.255.255", false),
        ("192.0.0.170", false),
        ("192.0.2.1", false),
        ("192.88.99.1", false),
        ("192.168.1.1", false),
        ("198.19.0.1", false),
        ("224.0.0.1", false),
        ("240.0.0.1", false),
        ("255.255.255.255", false),
        ("2606:4700:4700::1111", true),
        ("2a00:1450::1", true),
        ("::", false),
        ("::1", false),
        ("::ffff:8.8.8.8", false),
        ("::ffff:127.0.0.1", false),
        ("::8.8.8.8", false),
        ("64:ff9b::808:808", false),
        ("64:ff9b:1::1", false),
        ("100::1", false),
        ("2001::1", false),
        ("2001:2::1", false),
        ("2001:db8::1", false),
        ("2002:7f00:1::", false),
        ("3fff::1", false),
        ("5f00::1", false),
        ("fc00::1", false),
        ("fd12:3456::1", false),
        ("fe80::1", false),
        ("fec0::1", false),
        ("ff02::1", false),
    ];
    for (address, expected) in addresses {
        assert_eq!(is_global(address.parse().unwrap()), expected, "{address}");
    }
}

#[test]
fn no_spelling_of_an_address_leads_inside() {
    let outside = reach(&[]);
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://2130706433/",
        "https://0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[0:0:0:0:0:ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[::]/",
        "https://169.254.169.254/latest/meta-data",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "http://example.com/",
        "https://me@example.com/",
        "https://:secret@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "example.com",
        "",
    ] {
        assert!(outside.parse(url).is_err(), "{url}");
    }
    assert!(outside.parse(&format!("https://example.com/{}", "a".repeat(LONGEST))).is_err());
    for url in
        ["https://example.com/hook?x=1", "https://8.8.8.8:8443/", "https://localhost/", "https://[2a00:1450::1]/"]
    {
        // Names are checked by their addresses when they are used.
        assert!(outside.parse(url).is_ok(), "{url}");
    }
}

#[test]
fn allowed_networks_may_be_private_and_use_plain_http() {
    let inside = reach(&["127.0.0.0/8", "fd00::/8"]);
    for url in [
        "http://127.0.0.1:9000/",
        "https://127.9.9.9/",
        "https://[::ffff:127.0.0.1]/",
        "http://[fd00::1]/",
        "http://hook.internal/",
    ] {
        assert!(inside.parse(url).is_ok_and(|url| inside.check(&url).is_ok()), "{url}");
    }
    for url in ["http://8.8.8.8/", "https://10.0.0.1/", "http://[::1]/"] {
        assert!(inside.parse(url).is_err(), "{url}");
    }
    // A network that is no longer allowed is noticed before each use.
    let url = inside.parse("http://127.0.0.1/").unwrap();
    assert_eq!(reach(&[]).check(&url), Err(Forbidden));
    assert_eq!(reach(&[]).check(&inside.parse("http://hook.internal/").unwrap()), Err(Forbidden));
}

#[test]
fn a_name_is_judged_by_all_that_it_leads_to() {
    let addresses =
        |texts: &[&str]| texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect::<Vec<_>>();
    let chosen = |reach: &Reach, is_plain: bool, found: &[&str]| reach.choose(is_plain, &addresses(found)).ok();
    let (outside, inside) = (reach(&[]), reach(&["10.0.0.0/8"]));
    assert_eq!(chosen(&outside, false, &["8.8.8.8", "1.1.1.1"]), Some(addresses(&["8.8.8.8", "1.1.1.1"])));
    assert_eq!(chosen(&outside, false, &["8.8.8.8", "10.0.0.1"]), None);
    assert_eq!(chosen(&outside, true, &["8.8.8.8"]), None);
    assert_eq!(chosen(&inside, true, &["8.8.8.8", "10.0.0.1"]), Some(addresses(&["10.0.0.1"])));
    assert_eq!(chosen(&inside, false, &["8.8.8.8"]), Some(addresses(&["8.8.8.8"])));
    assert_eq!(chosen(&inside, true, &["8.8.8.8"]), None);
    assert_eq!(chosen(&inside, false, &["192.168.0.1"]), None);
}

#[tokio::test]
async fn a_client_connects_to_no_name_that_leads_inside() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    let asked = |reach: Reach| {
        let url = url.clone();
        async move { reach.client(Duration::from_secs(2), true).unwrap().get(url).send().await }
    };
    let refused = asked(reach(&["10.0.0.0/8"])).await.unwrap_err();
    let mut cause: Option<&dyn Error> = Some(&refused);
    assert!(
        std::iter::from_fn(|| {
            let here = cause?;
            cause = here.source();
            Some(here)
        })
        .any(|error| error.is::<Forbidden>()),
        "{refused:?}"
    );
    let accepted = tokio::spawn(async move { listener.accept().await.map(drop) });
    drop(asked(reach(&["127.0.0.0/8", "::1/128"])).await);
    assert!(accepted.await.unwrap().is_ok());
}
