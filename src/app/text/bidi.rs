//! Characters that turn the direction of what stands around them: with them, `exe.png` reads like `gnp.exe`.

/// Whether it is one: a mark, an embedding, an override or an isolate.
pub(crate) fn is_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name as it is shown: what cannot be seen of it, and turns it, is written out, such as `⟨U+202E⟩`.
pub(crate) fn visible(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for c in name.chars() {
        if is_control(c) {
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
        for plain in ["user_123", "משתמש", "a b", "👩‍👩‍👧"] {
            assert_eq!(visible(plain), plain);
        }
    }

    crate::work::bounded!(a_name_is_written_in_one_pass, |text| drop(visible(text)));
}
