//! The variables of a template, made harmless: text without control characters, and only safe links.

use serde::Serialize;

use super::{Item, Mail};

/// The most notifications that are shown.
const ITEMS: usize = 20;
/// The most characters of a headline.
const HEADLINE_CHARS: usize = 120;
/// The most characters of a text in a digest, and the most lines.
const EXCERPT: (usize, usize) = (600, 8);
/// The most characters that mail clients show beside a subject.
const PREHEADER_CHARS: usize = 140;
/// The most characters of a link's target.
const TARGET_CHARS: usize = 40;
/// The most characters of an unsafe link, which is shown as text.
const LINK_AS_TEXT_CHARS: usize = 300;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The variables of a template. Every name is always defined; an absent value is `none`.
#[derive(Debug, Serialize)]
pub(super) struct TemplateData {
    /// The name of this server.
    app_name: String,
    /// The user whose notifications they are.
    user_id: String,
    /// Whether there are several notifications.
    is_digest: bool,
    /// How many there are.
    total: u64,
    /// How many of them are not in `items`.
    more: u64,
    /// How many of the user's notifications are unread.
    unread_count: u64,
    /// The URL of the inbox.
    inbox: Option<String>,
    /// The URL that ends such mails.
    unsubscribe: Option<String>,
    /// The category that `unsubscribe` turns off; none in a digest.
    category: Option<String>,
    /// Text that mail clients show beside the subject.
    preheader: String,
    /// The newest, at least one and at most 20.
    items: Vec<ShownItem>,
}

/// The variables of one notification.
#[derive(Debug, Serialize)]
struct ShownItem {
    /// Its title, or else the beginning of its text, in one line.
    headline: String,
    /// Its title, or a text as short as one; none when `body` has everything.
    heading: Option<String>,
    /// Its text; empty when the heading has everything. In a digest only its beginning.
    body: String,
    /// Its category.
    category: String,
    /// `message`, `system`, `alert` or `update`, or else `other`.
    kind: &'static str,
    /// Its link, if it is safe in `href`: `http`, `https` or `mailto`.
    link: Option<String>,
    /// Label of the link's button.
    link_label: Option<String>,
    /// Its link, if it is not safe in `href`: shown as text only.
    link_as_text: Option<String>,
    /// The URL of its page in the inbox.
    page: Option<String>,
    /// Time of its creation (RFC 3339).
    at: String,
    /// The same in words.
    time: String,
}

impl TemplateData {
    /// The variables of a mail; none for an empty one.
    pub(super) fn of(mail: &Mail) -> Option<Self> {
        let total = mail.total.max(mail.items.len() as u64);
        let is_digest = total > 1;
        let items: Vec<_> = mail.items.iter().take(ITEMS).map(|item| ShownItem::of(item, is_digest)).collect();
        let first = items.first()?;
        let preheader = if is_digest {
            items.iter().map(|item| item.headline.as_str()).collect::<Vec<_>>().join(" · ")
        } else {
            one_line(&first.body)
        };
        let url = |url: &Option<String>| url.as_deref().and_then(href).map(|(url, _)| url.to_owned());
        Some(Self {
            app_name: one_line(&mail.app_name),
            user_id: one_line(&mail.user_id),
            is_digest,
            total,
            more: total - items.len() as u64,
            unread_count: mail.unread_count,
            inbox: url(&mail.inbox),
            unsubscribe: url(&mail.unsubscribe),
            category: mail.category.as_deref().map(one_line),
            preheader: shortened(&preheader, PREHEADER_CHARS),
            items,
        })
    }
}

impl ShownItem {
    fn of(item: &Item, is_digest: bool) -> Self {
        let content = plain(&item.content);
        let title = item.title.as_deref().map(one_line).filter(|title| !title.is_empty());
        let first_line = one_line(content.lines().next().unwrap_or_default());
        let headline = title.clone().unwrap_or_else(|| shortened(&first_line, HEADLINE_CHARS));
        let (heading, body) = match title {
            Some(title) => (Some(title), content),
            None if headline == content && !is_digest => (Some(content), String::new()),
            None => (None, content),
        };
        let body = if is_digest { excerpt(&body) } else { body };
        let link = item.link.as_deref().filter(|link| !link.is_empty());
        let (link, link_as_text) = match link.map(|link| href(link).ok_or(link)) {
            Some(Ok(link)) => (Some(link), None),
            Some(Err(text)) => (None, Some(shortened(&one_line(text), LINK_AS_TEXT_CHARS))),
            None => (None, None),
        };
        let kind = ["message", "system", "alert", "update"].into_iter().find(|kind| *kind == item.category);
        Self {
            headline: if headline.is_empty() { "New notification".to_owned() } else { headline },
            heading,
            body,
            category: one_line(&item.category),
            kind: kind.unwrap_or("other"),
            link: link.as_ref().map(|(link, _)| (*link).to_owned()),
            link_label: link.map(|(_, label)| label),
            link_as_text: link_as_text.filter(|text| !text.is_empty()),
            page: item.page.as_deref().and_then(href).map(|(page, _)| page.to_owned()),
            at: one_line(&item.at),
            time: time(&item.at).unwrap_or_else(|| one_line(&item.at)),
        }
    }
}

/// A text that may be the `href` of a link, and the label with its target. Only known schemes are allowed; whatever
/// browsers tolerate (blanks, control characters, a backslash for a slash) makes a text no link here.
fn href(text: &str) -> Option<(&str, String)> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`".contains(&byte)) {
        return None;
    }
    let (scheme, rest) = text.split_once(':')?;
    let (verb, target) = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
            // The part before the @ is a name, often one that imitates a host.
            ("Open", authority.rsplit('@').next()?)
        }
        "mailto" => ("Write to", rest.split('?').next()?),
        _ => return None,
    };
    let skipped = target.chars().count().saturating_sub(TARGET_CHARS - 1);
    match target {
        "" => None,
        // The end of a host shows whose it is.
        _ if skipped > 1 => Some((text, format!("{verb} …{}", target.get(skipped..)?))),
        _ => Some((text, format!("{verb} {target}"))),
    }
}

/// A text in one line: control characters and blanks between words become one space, and characters that would turn the
/// direction of everything after them are removed.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || matches!(char, ' ' | '\u{2028}' | '\u{2029}') {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            line.push(char);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// A text with its lines, each ended by `\n`, without other control characters and blank lines at its ends.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let text: String = text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect();
    let text = text.trim_end();
    // The first line keeps its indentation.
    let blank = text.len() - text.trim_start().len();
    let start = text.get(..blank).and_then(|blank| blank.rfind('\n')).map_or(0, |at| at + 1);
    text.get(start..).unwrap_or_default().to_owned()
}

/// The beginning of a text, for a digest.
fn excerpt(text: &str) -> String {
    let (chars, lines) = EXCERPT;
    match text.match_indices('\n').nth(lines - 1) {
        Some((end, _)) => shortened(&format!("{} …", text.get(..end).unwrap_or_default().trim_end()), chars),
        None => shortened(text, chars),
    }
}

/// A text of at most `most` characters. A cut shows as `…`, after a whole word where one ends near, and never inside an
/// emoji or a letter with marks.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let Some((end, next)) = text.char_indices().nth(most.saturating_sub(1)) else { return text.to_owned() };
    if end + next.len_utf8() == text.len() {
        return text.to_owned();
    }
    let fits = text.get(..end).unwrap_or_default();
    let near = fits.char_indices().nth(most * 2 / 3).map_or(end, |(at, _)| at);
    let word = if next.is_whitespace() { Some(end) } else { fits.rfind(char::is_whitespace).filter(|at| *at >= near) };
    let mut kept = fits.get(..word.unwrap_or(end)).unwrap_or_default();
    let mut next = if word.is_some() { ' ' } else { next };
    while let Some(last) = kept.chars().next_back()
        && (joins(next) || last == '\u{200d}')
        && end - kept.len() < 64
    {
        kept = kept.strip_suffix(last).unwrap_or_default();
        next = last;
    }
    format!("{}…", kept.trim_end())
}

/// Whether a character belongs to the one before it: joiners, variation selectors, skin tones, tags, and combining
/// marks.
fn joins(char: char) -> bool {
    matches!(char, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}'
        | '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20f0}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94d}')
}

/// A time in words: `24 Sep 2026, 08:15 UTC`. None when it is not in the format of RFC 3339.
fn time(at: &str) -> Option<String> {
    let (year, clock) = (at.get(..4)?, at.get(11..16)?);
    let month = MONTHS.get(at.get(5..7)?.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day: u8 = at.get(8..10)?.parse().ok()?;
    let zone = at.get(19..)?.trim_start_matches(|char: char| char == '.' || char.is_ascii_digit());
    let is_clean = [year, clock, zone].concat().chars().all(|char| char.is_ascii_digit() || "Zz:+-".contains(char));
    let zone = if matches!(zone, "Z" | "z" | "+00:00") { "" } else { zone };
    is_clean.then(|| format!("{day} {month} {year}, {clock} UTC{zone}"))
}

impl Mail {
    /// Mails that together have every optional part, and lack every one.
    pub(super) fn samples() -> Vec<Self> {
        let text = |text: &str| Some(text.to_owned());
        let bare = Item {
            content: "Your order has left our house.".to_owned(),
            category: "orders".to_owned(),
            at: "2026-09-24T08:15:30.000000Z".to_owned(),
            ..Item::default()
        };
        let linked = |link: &str| Item {
            title: text("Disk almost full"),
            content: "db-3 has 2 % left.\nIt will be full in about three hours.".to_owned(),
            category: "alert".to_owned(),
            link: text(link),
            page: text("https://campanile.example/n/1"),
            ..bare.clone()
        };
        let (full, odd) = (linked("https://shop.example/orders/7"), linked("/orders/7"));
        let mail = |items: &[&Item], total| Self {
            app_name: "Campanile".to_owned(),
            items: items.iter().copied().cloned().collect(),
            total,
            unread_count: 12,
            inbox: text("https://campanile.example/"),
            unsubscribe: text("https://campanile.example/unsubscribe/1"),
            category: (total == 1).then(|| "alert".to_owned()),
            user_id: "user_7".to_owned(),
        };
        let alone = |item: &Item, total| Self {
            unread_count: 0,
            inbox: None,
            unsubscribe: None,
            category: None,
            ..mail(&[item], total)
        };
        vec![
            mail(&[&full], 1),
            mail(&[&odd], 1),
            alone(&bare, 1),
            mail(&[&full, &odd, &bare], 3),
            mail(&[&full, &odd, &bare], 143),
            alone(&bare, 2),
        ]
    }
}
