//! The form in which a search compares texts.

/// A text without the differences between upper and lower case, and between Unicode's ways to write the same letter.
///
/// It is converted to lower case first, where `ẞ` is `ß`, and then to upper case, where `ß` is `SS` and both sigmas are
/// one. Texts that are equal in Unicode's canonical caseless matching (section 3.13) are equal here; beyond that, so
/// are a few letters such as `i` and the Turkish `ı`.
#[cfg(feature = "ssr")]
pub(super) fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;

    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfd().flat_map(char::to_lowercase);
    lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// The same in the browser, which has the tables already.
#[cfg(not(feature = "ssr"))]
pub(super) fn fold(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFD").to_lower_case().to_upper_case().normalize("NFC").into()
}
