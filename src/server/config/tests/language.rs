//! The setting of the language.

use super::*;

#[test]
fn the_language_is_one_that_there_is_or_the_browsers() {
    let of = |language: &str| {
        let input = SettingsInput { language: Some(language.to_owned()), ..SettingsInput::default() };
        settle(&input).map(|settings| settings.http.language.map(crate::app::Language::code))
    };
    assert_eq!(of("auto").unwrap(), None);
    assert_eq!(of("de").unwrap(), Some("de"));
    let refused = of("fr").unwrap_err().to_string();
    assert_eq!(refused, "language: there is no \"fr\". Use auto, en or de.");
}
