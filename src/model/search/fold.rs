//! The form in which a search compares texts.

/// A text without the difference between upper and lower case and between the ways in which Unicode
/// writes the same letter.
///
/// Case is taken away by way of the upper case, where `ß` is `SS` and both sigmas are one, and first of
/// the lower case, where `ẞ` is `ß`. What is one in Unicode's canonical caseless matching (section
/// 3.13) is one here; beyond that, so are a few letters such as `i` and the Turkish `ı`.
#[cfg(feature = "ssr")]
pub(super) fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;

    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfd().flat_map(char::to_lowercase);
    lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// The same in the browser, which has the tables.
#[cfg(not(feature = "ssr"))]
pub(super) fn fold(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFD").to_lower_case().to_upper_case().normalize("NFC").into()
}
