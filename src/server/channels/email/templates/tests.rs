mod folders;

use std::{
    env,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use rstest::rstest;

use super::*;

/// A mail of one notification.
fn mail(title: Option<&str>, content: &str) -> Mail {
    let mut mail = Mail::samples().swap_remove(0);
    mail.items[0].title = title.map(str::to_owned);
    mail.items[0].content = content.to_owned();
    mail
}

/// A mail with 20 of 143 notifications.
fn digest() -> Mail {
    let items = (1..=20).map(|n| Item {
        title: Some(format!("Title {n}.")),
        content: format!("Text {n}."),
        category: "alert".to_owned(),
        link: Some(format!("https://shop.example/{n}")),
        at: "2026-09-24T08:15:30.000000Z".to_owned(),
        page: Some(format!("https://campanile.example/n/{n}")),
    });
    Mail { items: items.collect(), total: 143, category: None, ..mail(None, "x") }
}

fn rendered(mail: &Mail) -> Rendered {
    Templates::built_in().unwrap().render(mail).unwrap()
}

/// A folder of templates that is removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn with(file: &str, source: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Self(env::temp_dir().join(format!("campanile-templates-{}-{number}", process::id())));
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join(file), source).unwrap();
        folder
    }

    /// The error of reading it, after the name of the file.
    fn mistake(&self, file: &str) -> String {
        let mistake = Templates::from_dir(&self.0).unwrap_err();
        let name = self.0.join(file).display().to_string();
        mistake.strip_prefix(&name).unwrap_or_else(|| panic!("{mistake} begins with {name}")).to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn all_samples_are_rendered() {
    for sample in Mail::samples() {
        let Rendered { subject, text, html } = rendered(&sample);
        assert!(!subject.is_empty() && !text.contains("none") && !text.contains("None"), "{text}");
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\"") && html.ends_with("</html>\n"), "{html}");
        assert!(!html.contains("None") && !html.contains("href=\"none"), "{html}");
        for outside in ["<img", "<script", "<link", "src=", "url(", "@import", "@font-face"] {
            assert!(!html.contains(outside), "{outside} in {html}");
        }
    }
}

#[test]
fn a_mail_about_one_notification_has_all_its_parts() {
    let Rendered { subject, text, html } = rendered(&mail(Some("Disk almost full"), "db-3 has 2 % left.\nHurry."));
    assert_eq!(subject, "Disk almost full");
    assert_eq!(
        text,
        "Disk almost full\n\
         alert | 24 Sep 2026, 08:15 UTC\n\
         \n\
         db-3 has 2 % left.\n\
         Hurry.\n\
         \n\
         Open: https://shop.example/orders/7\n\
         In your inbox: https://campanile.example/n/1\n\
         \n\
         ------------------------------------------------------------------------\n\
         Campanile sent this because user_7 has a new notification.\n\
         \n\
         Your inbox, 12 unread:\n\
         https://campanile.example/\n\
         \n\
         Unsubscribe from e-mails of the category alert:\n\
         https://campanile.example/unsubscribe/1\n"
    );
    assert!(html.contains(">Disk almost full</h1>"), "{html}");
    assert!(html.contains(">db-3 has 2 % left.<br>Hurry.</div>"), "{html}");
    assert!(html.contains(">Open shop.example<"), "{html}");
    assert!(
        html.contains("Unsubscribe from <bdi>alert</bdi> <span style=\"white-space:nowrap\">e-mails</span>"),
        "{html}"
    );
}

#[test]
fn a_digest_tells_the_newest_and_counts_all() {
    let Rendered { subject, text, html } = rendered(&digest());
    assert_eq!(subject, "143 new notifications from Campanile");
    assert!(text.starts_with("143 NEW NOTIFICATIONS\n\nThese are the newest 20. The other 123 are in your inbox.\n"));
    assert!(text.ends_with("\nUnsubscribe from all e-mails:\nhttps://campanile.example/unsubscribe/1\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 78), "{text}");
    for n in 1..=20 {
        assert!(text.contains(&format!("Title {n}.\n")) && text.contains(&format!("\nText {n}.\n")), "{text}");
        assert!(html.contains(&format!(">Title {n}.</a></h2>")) && html.contains(&format!(">Text {n}.</div>")));
    }
    assert!(html.contains(">143 new notifications</h1>") && html.contains("The other 123 are in"), "{html}");
    assert!(html.contains("See all 143"), "{html}");
    assert!(html.len() < 102 * 1024, "Gmail shows the first 102 KiB: {}", html.len());
}

#[test]
fn after_the_twentieth_they_are_only_counted() {
    let mut digest = digest();
    digest.items.push(digest.items[0].clone());
    digest.total = 21;
    let Rendered { text, html, .. } = rendered(&digest);
    assert!(text.contains("These are the newest 20. The other 1 is in your inbox."), "{text}");
    assert!(html.contains("The other 1 is in "), "{html}");
    digest.total = 0;
    assert!(rendered(&digest).subject.starts_with("21 "));
}

#[test]
fn a_mail_without_notifications_is_refused() {
    let nothing = Mail { items: vec![], ..digest() };
    assert!(Templates::built_in().unwrap().render(&nothing).is_err());
}

#[rstest]
#[case(mail(Some("<script>alert(1)</script> & 'co'"), "x"))]
#[case(mail(None, "<script>alert(1)</script> & 'co'"))]
#[case(mail(Some("Title"), "<script>alert(1)</script> & 'co'\nand more"))]
fn html_is_escaped_and_text_is_not(#[case] mail: Mail) {
    for mail in [mail.clone(), Mail { total: 2, ..mail }] {
        let Rendered { text, html, .. } = rendered(&mail);
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
        assert!(text.contains("<script>alert(1)</script> & 'co'"), "{text}");
    }
}

#[test]
fn names_and_times_around_notifications_are_escaped() {
    let bad = "\"><script>";
    let mut mail = Mail { app_name: bad.into(), user_id: bad.into(), category: Some(bad.into()), ..mail(None, "x") };
    mail.items[0].category = bad.to_owned();
    mail.items[0].at = bad.to_owned();
    let html = rendered(&mail).html;
    assert!(!html.contains("<script"), "{html}");
    assert_eq!(html.matches("&quot;&gt;&lt;script&gt;").count(), 7, "{html}");
}

#[rstest]
#[case("Hello\r\nBcc: eve@example.com", "Hello Bcc: eve@example.com")]
#[case("\r\n\tHello\u{0}\u{1b}\u{7f}\u{85}\n", "Hello")]
#[case("a \r \n \u{2028}b", "a b")]
#[case("no\u{202e}turning", "noturning")]
#[case("<b> & \"x\"", "<b> & \"x\"")]
#[case(
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{645}\u{631}\u{62d}\u{628}\u{627}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{645}\u{631}\u{62d}\u{628}\u{627}"
)]
fn a_subject_is_one_line(#[case] title: &str, #[case] subject: &str) {
    let rendered = rendered(&mail(Some(title), "x"));
    assert_eq!(rendered.subject, subject);
    assert!(rendered.text.starts_with(&format!("{subject}\n")), "{}", rendered.text);
}

#[rstest]
#[case(None, "\n \n  First line.\nSecond line.", "First line.")]
#[case(Some(""), "First line.", "First line.")]
#[case(Some(" \r\n "), "First line.\r\nSecond line.", "First line.")]
#[case(None, "\u{1}\u{2}", "New notification")]
#[case(None, "", "New notification")]
fn without_a_title_the_first_line_is_the_subject(
    #[case] title: Option<&str>,
    #[case] content: &str,
    #[case] subject: &str,
) {
    let Rendered { subject: got, html, .. } = rendered(&mail(title, content));
    assert_eq!(got, subject);
    assert!(html.contains("</h1>") && !html.contains("></h1>"), "{html}");
}

#[test]
fn a_long_first_line_is_cut_after_a_word_and_shown_whole_below() {
    let line = "words and ".repeat(40);
    let Rendered { subject, text, html } = rendered(&mail(None, &line));
    assert!(subject.ends_with("words and words…") || subject.ends_with("and words and…"), "{subject}");
    assert!(subject.chars().count() <= 120);
    assert!(text.starts_with("New notification\n") && text.contains(line.trim_end()), "{text}");
    assert!(html.contains(">New notification</h1>") && html.contains(line.trim_end()), "{html}");
}

#[rstest]
#[case(&"x".repeat(150), &"x".repeat(150))]
#[case(&"x".repeat(151), &format!("{}…", "x".repeat(149)))]
#[case(&"\u{20ac}".repeat(200), &format!("{}…", "\u{20ac}".repeat(149)))]
#[case(&format!("{} {}", "x".repeat(140), "y".repeat(60)), &format!("{}…", "x".repeat(140)))]
#[case(&format!("{} {}", "x".repeat(10), "y".repeat(190)), &format!("{} {}…", "x".repeat(10), "y".repeat(138)))]
// A family of three is five characters, and 149 leaves room for two of them.
#[case(&format!("{}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}{}", "x".repeat(147), "y".repeat(9)), &format!("{}…", "x".repeat(147)))]
#[case(&format!("{}e\u{301}{}", "x".repeat(148), "y".repeat(9)), &format!("{}…", "x".repeat(148)))]
fn a_subject_has_150_characters(#[case] title: &str, #[case] subject: &str) {
    assert_eq!(rendered(&mail(Some(title), "x")).subject, subject);
}

#[rstest]
#[case("javascript:alert(1)")]
#[case("JaVaScRiPt:alert(1)")]
#[case(" javascript:alert(1)")]
#[case("\u{1}javascript:alert(1)")]
#[case("\u{a0}javascript:alert(1)")]
#[case("java\tscript:alert(1)")]
#[case("java\r\nscript:alert(1)")]
#[case("java\u{0}script:alert(1)")]
#[case("javascript&colon;alert(1)")]
#[case("javascript&#58;alert(1)")]
#[case("&#106;avascript:alert(1)")]
#[case("javascript://example.com/%0aalert(1)")]
#[case("view-source:javascript:alert(1)")]
#[case("data:text/html,<script>alert(1)</script>")]
#[case("DATA:text/html;base64,PHNjcmlwdD4=")]
#[case("vbscript:msgbox(1)")]
#[case("file:///etc/passwd")]
#[case("blob:https://example.com/1")]
#[case("ftp://example.com/")]
#[case("tel:+4912345")]
#[case("//example.com/")]
#[case("/orders/7")]
#[case("example.com")]
#[case(" https://example.com/")]
#[case("https://example.com/\r\nX: y")]
#[case("https://example.com/\" onclick=\"alert(1)")]
#[case("https://example.com/\"onclick=alert(1)")]
#[case("https:\\\\example.com")]
#[case("https:example.com")]
#[case("https://")]
#[case("https:///path")]
#[case("https://ann@/path")]
#[case("mailto:")]
#[case("mailto:?subject=x")]
#[case("http")]
fn an_invalid_link_is_shown_as_text(#[case] link: &str) {
    let folder = Folder::with("html.html", "<a href=\"{{ items[0].link }}\">x</a>{{ items[0].link_as_text }}\n");
    let careless = Templates::from_dir(&folder.0).unwrap();
    let mut mail = mail(Some("Title"), "x");
    mail.items[0].link = Some(link.to_owned());
    mail.items[0].page = None;
    for mail in [mail.clone(), Mail { total: 2, ..mail.clone() }] {
        let Rendered { text, html, .. } = rendered(&mail);
        let hrefs: Vec<_> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(hrefs.iter().all(|href| href.starts_with("https://campanile.example/")), "{hrefs:?}");
        assert!(!hrefs.is_empty() && html.contains("Link: <span"), "{html}");
        assert!(text.contains("\nLink: ") && !text.contains("Open:"), "{text}");
        assert!(!html.contains("onclick=\"") && !html.contains("<script"), "{html}");
        let html = careless.render(&mail).unwrap().html;
        assert!(html.starts_with("<a href=\"none\">") || html.starts_with("<a href=\"None\">"), "{html}");
    }
    // Neither are the other URLs of a mail.
    mail.items[0].page = Some(link.to_owned());
    let mail = Mail { inbox: Some(link.to_owned()), unsubscribe: Some(link.to_owned()), ..mail };
    assert!(!rendered(&mail).html.contains("href="));
}

#[rstest]
#[case("https://example.com/a?b=c&d=%20#e", "Open example.com")]
#[case("HTTP://example.com:8080", "Open example.com:8080")]
#[case("https://bank.example@evil.example/", "Open evil.example")]
#[case("mailto:ann@example.com?subject=Hi", "Write to ann@example.com")]
#[case(
    "https://a-very-long-name-for-a-host.of-a-service.example.com/",
    "Open …ame-for-a-host.of-a-service.example.com"
)]
fn a_link_says_where_it_leads(#[case] link: &str, #[case] label: &str) {
    let mut mail = mail(Some("Title"), "x");
    mail.items[0].link = Some(link.to_owned());
    let Rendered { text, html, .. } = rendered(&mail);
    assert!(text.contains(&format!("\nOpen: {link}\n")), "{text}");
    assert!(html.contains(label), "{html}");
    let escaped = link.replace('&', "&amp;");
    assert!(html.contains(&format!("href=\"{escaped}\"")), "{html}");
}

#[test]
fn lines_stay_and_every_direction_is_its_own() {
    let content = "  \u{645}\u{631}\u{62d}\u{628}\u{627}\r\n\r\nEnglish\r\u{1f389} party\u{7}\n\n\n";
    let Rendered { text, html, .. } = rendered(&mail(Some("\u{5e9}\u{5dc}\u{5d5}\u{5dd}"), content));
    let plain = "  \u{645}\u{631}\u{62d}\u{628}\u{627}\n\nEnglish\n\u{1f389} party";
    assert!(text.contains(&format!("\n\n{plain}\n\nOpen:")), "{text}");
    assert!(html.contains(&format!(">{}</div>", plain.replace('\n', "<br>"))), "{html}");
    assert_eq!(html.matches("dir=\"auto\"").count(), 3, "{html}");
}

#[test]
fn a_digest_shows_the_beginning_of_long_texts() {
    let mut digest = digest();
    digest.items[0].content = "line\n".repeat(50);
    digest.items[1].content = "w".repeat(5_000);
    let Rendered { text, html, .. } = rendered(&digest);
    assert_eq!(text.matches("line").count(), 8, "{text}");
    assert!(text.contains("line …\n") && html.contains("<br>line …</div>"), "{text}");
    assert!(text.contains(&format!("{}…", "w".repeat(599))) && !text.contains(&"w".repeat(600)), "{text}");
}

#[rstest]
#[case("\"", 16_384)]
#[case("\n'", 8_192)]
#[case("\u{1f389}", 16_384)]
fn the_longest_mail_there_can_be_is_rendered(#[case] unit: &str, #[case] times: usize) {
    let link = format!("https://example.com/?{}", "&".repeat(2_027));
    let item = Item {
        title: Some("\"".repeat(200)),
        content: format!("a{}b", unit.repeat(times)),
        category: "c".repeat(32),
        link: Some(link.clone()),
        at: "2026-09-24T08:15:30.000000Z".to_owned(),
        page: Some(link.clone()),
    };
    let alone = Mail {
        app_name: "\"".repeat(100),
        items: vec![item.clone()],
        user_id: "\"".repeat(128),
        inbox: Some(link.clone()),
        unsubscribe: Some(link),
        ..mail(None, "x")
    };
    let mut many = Mail { items: vec![item; 20], total: u64::MAX, unread_count: u64::MAX, ..alone.clone() };
    assert!(rendered(&alone).html.len() < MOST_BYTES / 2);
    assert!(rendered(&many).html.len() < MOST_BYTES);
    many.total = 20;
    rendered(&many);
}

#[rstest]
#[case("2026-09-24T08:15:30.123456Z", "24 Sep 2026, 08:15 UTC")]
#[case("2026-01-01T23:59:59+00:00", "1 Jan 2026, 23:59 UTC")]
#[case("2026-12-31T00:00:00.5-03:30", "31 Dec 2026, 00:00 UTC-03:30")]
#[case("2026-13-31T00:00:00Z", "2026-13-31T00:00:00Z")]
#[case("yesterday", "yesterday")]
fn a_time_is_for_people(#[case] at: &str, #[case] time: &str) {
    let mut mail = mail(Some("Title"), "x");
    mail.items[0].at = at.to_owned();
    assert!(rendered(&mail).text.starts_with(&format!("Title\nalert | {time}\n")));
}

#[rstest]
#[case(0, "0")]
#[case(999, "999")]
#[case(1_000, "1,000")]
#[case(12_345_678, "12,345,678")]
fn thousands_are_separated_in_numbers(#[case] value: u64, #[case] text: &str) {
    assert_eq!(number(value), text);
}
