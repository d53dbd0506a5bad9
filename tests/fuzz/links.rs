//! Text full of possible links: the page shows all of it, in time proportional to its length.

use std::time::{Duration, Instant};

use campanile::server::{http::DASHBOARD_PATH, identity::Principal};
use proptest::prelude::*;

use super::{fuzz, is_sound, server, sound};

/// How long a page of one notification may take: a hundred times its usual time.
const LONG: Duration = Duration::from_secs(5);

/// Text of pieces that matter to the function that finds links.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "http://",
            "https://",
            "HTTP://",
            "http:",
            "http",
            "www.",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "<",
            ">",
            "\"",
            "'",
            "&",
            ".",
            ",",
            "…",
            " ",
            "\n",
            "\u{200b}",
            "\u{202e}",
            "e\u{301}",
            "🎉",
            "a",
            "javascript:",
            "%00",
            "#",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,5}",
        any::<char>().prop_filter("is refused", |c| *c != '\0').prop_map(String::from),
    ];
    let few = prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat());
    prop_oneof![
        3 => few.clone(),
        1 => (few.clone(), 1..2_000_usize, few).prop_map(|(one, times, other)| one.repeat(times) + &other.repeat(times)),
    ]
}

/// The visible text of the first row.
fn seen(html: &str) -> Option<String> {
    let (_, row) = html.split_once("<li id=\"row-0\"")?;
    let (row, _) = row.split_once("</li>")?;
    let mut seen = String::new();
    for piece in row.split('<').skip(1) {
        seen.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
    }
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
    Some(seen.replace("&#39;", "'").replace("&amp;", "&"))
}

#[test]
fn links_in_text() {
    fuzz(&("[a-z]{12}", text()), server, |runtime, app, (user_id, text)| {
        runtime.block_on(async {
            let text: String = text.chars().take(16_384).collect();
            if app.service.notify(&Principal::operator(), &user_id, &text).await.is_err() {
                return Ok(());
            }
            let started = Instant::now();
            let page = app.get(&format!("{DASHBOARD_PATH}?user_id={user_id}")).await;
            is_sound(&page)?;
            sound!(started.elapsed() < LONG, "a page took {:?}", started.elapsed());
            let html = page.text();
            let seen = seen(&html);
            sound!(seen.is_some_and(|seen| seen.contains(&text)), "not all of it is shown: {html}");
            for (_, rest) in html.match_indices("href=\"").map(|(at, name)| html.split_at(at + name.len())) {
                let script = rest.trim_start().to_ascii_lowercase();
                sound!(!script.starts_with("javascript:") && !script.starts_with("data:"), "{html}");
            }
            Ok(())
        })
    });
}
