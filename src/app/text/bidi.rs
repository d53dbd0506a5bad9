//! Characters that change how a name looks without being seen. Some turn the direction of what stands around them: with
//! them, `exe.png` reads like `gnp.exe`. Others take no room, or look like one space.

/// Whether it is one: a mark, an embedding, an override or an isolate.
pub(crate) fn is_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether it is not seen, although it is there. The joiners are part of how words and emoji are written.
fn is_unseen(c: char) -> bool {
    is_control(c) || matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// A name as it is shown: what cannot be seen of it is written out, such as `⟨U+202E⟩`, so that two names never look
/// alike for that. Only a single space between others is seen as what it is.
pub(crate) fn visible(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let (mut after_blank, mut rest) = (true, name.chars().peekable());
    while let Some(c) = rest.next() {
        let is_blank = c.is_whitespace();
        let is_one_space = c == ' ' && !after_blank && rest.peek().is_some();
        after_blank = is_blank;
        if is_unseen(c) || (is_blank && !is_one_space) {
            shown.push_str("⟨U+");
            let digits = [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(c) >> shift & 15, 16).unwrap_or('?'));
            shown.extend(digits.map(|digit| digit.to_ascii_uppercase()));
            shown.push('⟩');
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bidirectional_controls_are_made_visible() {
        assert_eq!(visible("gnp.\u{202e}exe"), "gnp.⟨U+202E⟩exe");
        assert_eq!(visible("\u{61c}a\u{2069}"), "⟨U+061C⟩a⟨U+2069⟩");
        for plain in ["user_123", "משתמש", "a b", "a b c", "👩‍👩‍👧", ""] {
            assert_eq!(visible(plain), plain);
        }
    }

    #[test]
    fn names_that_differ_by_what_is_not_seen_are_shown_differently() {
        assert_eq!(visible("user_123 "), "user_123⟨U+0020⟩");
        assert_eq!(visible(" a"), "⟨U+0020⟩a");
        assert_eq!(visible("a  b"), "a ⟨U+0020⟩b");
        assert_eq!(visible("a\u{a0}b"), "a⟨U+00A0⟩b");
        assert_eq!(visible("user\u{200b}_123"), "user⟨U+200B⟩_123");
        assert_eq!(visible(" "), "⟨U+0020⟩");
    }

    crate::work::bounded!(a_name_is_written_in_one_pass, |text| drop(visible(text)));
}
