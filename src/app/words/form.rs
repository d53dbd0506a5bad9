//! Puts values into words, and thousands apart.

/// Puts values into the places of a word: the first into `{0}`, the second into `{1}`.
pub(crate) fn fill(word: &str, values: &[&str]) -> String {
    let mut pieces = word.split('{');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let place = piece.bytes().next().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
        filled.push_str(values.get(place).copied().unwrap_or_default());
        // A digit and the brace.
        filled.push_str(piece.get(2..).unwrap_or_default());
    }
    filled
}

/// A number with this between its thousands.
pub(super) fn grouped(number: u64, apart: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push_str(apart);
        }
        grouped.push(digit);
    }
    grouped
}
