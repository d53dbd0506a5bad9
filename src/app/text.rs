//! Texts, taken apart and written: links within them, what turns them, times in words, and what stands in a URL. All of
//! it is arithmetic: nothing here knows a page or a browser.

pub(super) mod bidi;
pub(super) mod linkify;
pub(super) mod percent;
pub(super) mod relative_time;

/// These parts, with `between` between them. The standard library's `join` would be half a kilobyte of what the page loads.
pub(crate) fn joined<T: AsRef<str>>(parts: impl Iterator<Item = T>, between: &str) -> String {
    let mut all = String::new();
    for (place, part) in parts.enumerate() {
        if place > 0 {
            all.push_str(between);
        }
        all.push_str(part.as_ref());
    }
    all
}

/// The words of a text in one line; of a long one the first `chars` characters.
pub(crate) fn first_words(text: &str, chars: usize) -> String {
    // This many words have at least as many characters.
    let mut words = joined(text.split_whitespace().take(chars + 1), " ");
    if let Some((cut, _)) = words.char_indices().nth(chars) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_stand_in_one_line_and_are_cut_where_there_are_more() {
        assert_eq!(first_words(" Disk\n almost  full ", 16), "Disk almost full");
        assert_eq!(first_words("Disk almost full", 6), "Disk a…");
        assert_eq!(first_words("äöü", 2), "äö…");
        assert_eq!(first_words("", 2), "");
    }

    #[test]
    fn parts_are_joined_as_the_standard_library_joins_them() {
        for parts in [&[][..], &["a"], &["a", "", "b"]] {
            assert_eq!(joined(parts.iter(), ", "), parts.join(", "));
        }
    }
}
