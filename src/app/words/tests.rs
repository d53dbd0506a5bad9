//! Tests of the words, in every language.

use rstest::rstest;

use super::*;

const DE: &Language = &de::LANGUAGE;

/// The places in a word, such as `{0}`, in each of its forms.
fn places(word: &str) -> Vec<&str> {
    let mut places: Vec<_> = word.match_indices('{').filter_map(|(at, _)| word.get(at..at + 3)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[test]
fn each_language_has_the_places_of_the_first_and_no_empty_word() {
    let first: Vec<_> = LANGUAGES[0].words.lines().lines().map(str::to_owned).collect();
    for language in LANGUAGES {
        let lines = language.words.lines();
        assert_eq!(lines.lines().count(), first.len(), "{}", language.name);
        for (word, first) in lines.lines().zip(&first) {
            assert!(!word.is_empty(), "{}: {first}", language.name);
            assert_eq!(places(word), places(first), "{}: {word}", language.name);
        }
        let words = &language.words;
        for (list, count) in
            [(words.months, 12), (words.months_short, 12), (words.weekdays, 7), (words.weekdays_short, 7)]
        {
            assert_eq!(list.split(' ').count(), count, "{list}");
        }
    }
}

#[test]
fn each_language_has_the_places_of_the_first_beside_the_inbox_too() {
    for language in LANGUAGES {
        for ((name, word), (_, first)) in language.desk.all().into_iter().zip(en::LANGUAGE.desk.all()) {
            assert!(!word.is_empty(), "{}: {name}", language.name);
            assert_eq!(places(word), places(first), "{}: {name}", language.name);
        }
    }
}

/// The words of a file of this folder, as they are in the source, each with its name.
fn named(file: &str) -> Vec<(String, String)> {
    let named = regex::Regex::new(r#"(?sm)^ +(\w+):\s+"((?:[^"\\]|\\.)*)",$"#).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/words").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    named.captures_iter(&text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

#[test]
fn only_these_words_are_the_same_in_german() {
    const SAME: &str = "minutes theme_system offline live text link expires_zone key_enter language_system webhooks \
        name_of_key ahead id webhook tested push";
    let has_letters = regex::Regex::new("(?i)[a-z]{2}").unwrap();
    let mut same = Vec::new();
    for file in [".rs", "/desk.rs"] {
        let [first, german] = ["en", "de"].map(|code| named(&format!("{code}{file}")));
        assert!(first.len() > 200 && first.len() == german.len(), "{} and {}", first.len(), german.len());
        for ((name, word), (other, german)) in first.into_iter().zip(german) {
            assert_eq!(name, other, "they are in the same order");
            if word == german && has_letters.is_match(&word) {
                same.push(name);
            }
        }
    }
    assert_eq!(same, SAME.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn words_arrive_as_they_were_sent() {
    for language in LANGUAGES {
        assert_eq!(Words::read(language.words.lines().leak()), language.words);
    }
}

#[rstest]
#[case(&en::LANGUAGE, 0, "0 new notifications")]
#[case(&en::LANGUAGE, 1, "1 new notification")]
#[case(&en::LANGUAGE, 1_234, "1,234 new notifications")]
#[case(DE, 0, "0 neue Benachrichtigungen")]
#[case(DE, 1, "1 neue Benachrichtigung")]
#[case(DE, 1_234, "1.234 neue Benachrichtigungen")]
fn a_word_has_the_form_of_its_number(#[case] language: &Language, #[case] count: u64, #[case] want: &str) {
    assert_eq!(language.words.count(language.words.arrived, count), want);
}

#[test]
fn thousands_stand_apart() {
    let numbers = [0, 999, 1_000, 70_000, 16_384, 1_234_567];
    let english = numbers.map(|number| en::LANGUAGE.words.number(number));
    assert_eq!(english, ["0", "999", "1,000", "70,000", "16,384", "1,234,567"]);
    assert_eq!(DE.words.number(1_234_567), "1.234.567");
}

#[test]
fn placeholders_within_inserted_text_are_not_filled() {
    assert_eq!(fill("{1} of {0}.", &["{1}", "a"]), "a of {1}.");
    assert_eq!(fill("{0}", &[]), "");
    assert_eq!(fill("none", &["a"]), "none");
}

#[rstest]
// What the browser asks for.
#[case(None, None, "", "en")]
#[case(None, None, "de", "de")]
#[case(None, None, "de-AT,de;q=0.9,en;q=0.8", "de")]
#[case(None, None, "DE-at", "de")]
#[case(None, None, "fr, de;q=0.4, en;q=0.5", "en")]
#[case(None, None, "en;q=0.5 , de ; q=0.7", "de")]
#[case(None, None, "en, de", "en")]
#[case(None, None, "de, en", "de")]
#[case(None, None, "fr", "en")]
#[case(None, None, "den", "en")]
#[case(None, None, "en;q=0, de;q=0.1", "de")]
#[case(None, None, "*", "en")]
// A weight of 0 excludes a language, and `*` stands for the others.
#[case(None, None, "en;q=0, *", "de")]
#[case(None, None, "*, en;q=0.0", "de")]
#[case(None, None, "en;q=0, *;q=0.3", "de")]
#[case(None, None, "de;q=0, *", "en")]
#[case(None, None, "en;q=0, de;q=0, *", "en")]
#[case(None, None, "en;q=0", "de")]
#[case(None, None, "fr, en;q=0", "de")]
#[case(None, None, "en;q=0.2, *", "de")]
#[case(None, None, "en, *", "en")]
#[case(None, None, "en-GB;q=0, *", "en")]
#[case(None, None, "en-GB, en;q=0", "de")]
#[case(None, None, "*;q=0, de;q=0.1", "de")]
#[case(None, None, "en;q=-1, de;q=2", "en")]
#[case(None, None, "de;q=x,;;,q=1", "en")]
// The operator's choice, and the user's.
#[case(None, Some("de"), "en", "de")]
#[case(None, Some("en"), "de", "en")]
#[case(Some("en"), Some("de"), "de", "en")]
#[case(Some("de"), None, "en", "de")]
#[case(Some("xx"), None, "de", "de")]
#[case(Some(""), Some("de"), "en", "de")]
fn the_user_chooses_before_the_operator_and_the_browser(
    #[case] chosen: Option<&str>,
    #[case] set: Option<&str>,
    #[case] accepted: &str,
    #[case] want: &str,
) {
    assert_eq!(Language::choose(chosen, set.and_then(Language::of), accepted).code(), want);
}

#[test]
fn the_server_speaks_english_and_the_page_says_it_in_its_own_words() {
    let problem = Problem::new(Code::Forbidden, "You may read your own inbox only.");
    assert_eq!(en::LANGUAGE.words.detail(&problem), "You may read your own inbox only.");
    assert_eq!(DE.words.detail(&problem), DE.words.why_forbidden);
    let wrong = vec![crate::model::FieldError::new("title", crate::model::Invalid::new("It is too long."))];
    let problem = Problem::invalid(wrong);
    assert_eq!(en::LANGUAGE.words.field(&problem, "title"), Some("It is too long."));
    assert_eq!(DE.words.field(&problem, "title"), Some(DE.words.wrong_title));
    assert_eq!(DE.words.field(&problem, "link"), None);
}

/// The code of a folder's files, without comments and tests, a line for each.
fn code_below(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lines = entries.flat_map(|path| match path.file_name().and_then(|name| name.to_str()) {
        Some("tests.rs") => Vec::new(),
        _ if path.is_dir() => code_below(&path),
        _ => {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
            code.filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
        }
    });
    lines.collect()
}

#[test]
fn pages_have_words_of_a_language_only_from_here() {
    // Names, and what stands in the source for other readers.
    const NAMES: &str = "Campanile|Standard Webhooks|Web Push|Firefox|Safari|Edge|Fresh|Europe/Berlin|campanile key create \
        |noopener noreferrer nofollow|List-Unsubscribe|One-Click\
        |Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific\
        |each is a right, and none follows from another|each is a fact of its own, and none follows from another";
    let names: Vec<_> = NAMES.split('|').collect();
    let of_a_language = regex::Regex::new(r"^[A-Z][a-z]+\b|[a-z]+ [a-z]+ [a-z]+|^[a-z]+ \{|[a-z]\.$").unwrap();
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/pages");
    let lines = code_below(&pages);
    assert!(lines.len() > 1_500, "{}", lines.len());
    let literals = lines.iter().flat_map(|line| line.split('"').skip(1).step_by(2));
    let found: Vec<_> = literals.filter(|text| of_a_language.is_match(text) && !names.contains(text)).collect();
    assert_eq!(found, [""; 0]);
}
