//! Templates of the operator, and their mistakes.

use std::time::{Duration, Instant};

use rstest::rstest;

use super::*;

#[rstest]
#[case("subject.txt")]
#[case("text.txt")]
#[case("html.html")]
fn a_mistake_is_reported_with_its_file_and_line(#[case] file: &str) {
    let syntax = Folder::with(file, "one\ntwo\n{% if is_digest %}three{% endfor %}\nfour\n").mistake(file);
    assert!(syntax.starts_with(":3: syntax error: "), "{syntax}");
    let unknown = Folder::with(file, "one\n{{ user_id }}\n\n{{ nickname }}\n").mistake(file);
    assert!(unknown.starts_with(":4: undefined value") && unknown.contains("nickname"), "{unknown}");
    // Only a digest, or only one without a title, reaches this line.
    let deep = "{{ user_id }}\n{% if is_digest %}\n{{ items[0].text }}\n{% endif %}\n";
    let deep = Folder::with(file, deep).mistake(file);
    assert!(deep.starts_with(":3: undefined value") && deep.contains("text"), "{deep}");
    let filter = Folder::with(file, "{{ user_id }}\n{{ user_id|shout }}\n").mistake(file);
    assert!(filter.starts_with(":2: unknown filter") && filter.contains("shout"), "{filter}");
    let other = Folder::with(file, "x\n{% include 'other.txt' %}\n").mistake(file);
    assert!(other.starts_with(":2: template not found"), "{other}");
    let is_text = Folder::with(file, "x").0.join(file);
    assert!(Templates::from_dir(&is_text).unwrap_err().contains(&is_text.display().to_string()));
}

#[rstest]
#[case("x\n{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}\n", ":2: it runs")]
#[case(
    "x\n{% set ns = namespace(s='xxxxxxxx') %}\n{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}\n",
    ":3: it runs"
)]
#[case("x\n{{ 'x' * 90000000 }}\n", ":2: it runs")]
#[case("{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}\n", ":1: invalid operation: recursion limit")]
fn a_template_does_not_run_for_ever(#[case] source: &str, #[case] mistake: &str) {
    for file in ["subject.txt", "text.txt", "html.html"] {
        let begun = Instant::now();
        let got = Folder::with(file, source).mistake(file);
        assert!(got.starts_with(mistake), "{got}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[rstest]
#[case("a\n{{ user_id|safe }}\n", ":2: unknown filter")]
#[case("a\n{% autoescape false %}{{ user_id }}{% endautoescape %}\n", ":2: invalid operation: HTML is always escaped")]
#[case("a\n{% autoescape 'none' %}{% set x %}{{ user_id }}{% endset %}{% endautoescape %}{{ x }}\n", ":2: invalid")]
fn html_is_always_escaped(#[case] source: &str, #[case] mistake: &str) {
    let got = Folder::with("html.html", source).mistake("html.html");
    assert!(got.starts_with(mistake), "{got}");
}

#[test]
fn a_folder_replaces_the_templates_that_it_has() {
    let folder =
        Folder::with("html.html", "<p>{{ items[0].heading }}{% autoescape true %}{{ user_id }}{% endautoescape %}</p>");
    let templates = Templates::from_dir(&folder.0).unwrap();
    let mail = mail(Some("<b>"), "x");
    let ours = rendered(&mail);
    let theirs = templates.render(&mail).unwrap();
    assert_eq!(theirs, Rendered { html: "<p>&lt;b&gt;user_7</p>\n".to_owned(), ..ours });
}

#[rstest]
#[case("{% if is_digest %}{% else %}x{% endif %}")]
#[case(" \n\n ")]
fn a_subject_is_not_empty(#[case] source: &str) {
    assert_eq!(Folder::with("subject.txt", source).mistake("subject.txt"), ":1: the subject is empty");
}

#[test]
fn a_file_is_utf_8() {
    let folder = Folder::with("text.txt", "x");
    fs::write(folder.0.join("text.txt"), b"\xff").unwrap();
    assert!(folder.mistake("text.txt").contains("UTF-8"));
    assert!(Templates::from_dir(&folder.0.join("absent")).is_err());
}

#[test]
fn a_folder_without_a_template_is_a_mistake() {
    let folder = Folder::with("Subject.txt", "x");
    let got = Templates::from_dir(&folder.0).unwrap_err();
    assert!(got.ends_with(": none of subject.txt, text.txt, html.html is there"), "{got}");
}
