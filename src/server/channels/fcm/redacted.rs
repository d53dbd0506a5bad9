//! Removes secrets from an answer, which may repeat the request, before it is stored.

use serde_json::Value;

/// Replacement for removed text.
const GONE: &str = "…";
/// A shorter piece of a secret reveals nothing.
const SHORTEST: usize = 16;

/// Removes secrets from answers.
pub(super) struct Redacted(Vec<String>);

impl Redacted {
    /// Removes these secrets, and their longer pieces.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            // In its form in JSON.
            let json = Value::from(secret).to_string();
            forms.push(json[1..json.len() - 1].to_owned());
            forms.push(secret.to_owned());
            // A colon may be written in another way.
            let pieces = secret.split([':', '.']).filter(|piece| piece.len() >= SHORTEST);
            forms.extend(pieces.map(str::to_owned));
        }
        Self(forms)
    }

    /// The text of an answer without the secrets; JSON is written without white space.
    pub(super) fn clean(&self, body: &[u8]) -> String {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let text = json.map_or_else(|| String::from_utf8_lossy(body).into_owned(), |json| json.to_string());
        let mut clean = self.0.iter().fold(text, |text, form| text.replace(form.as_str(), GONE));
        // The answer may have been cut inside a secret.
        let cut = self.0.iter().flat_map(|form| (SHORTEST..form.len()).rev().filter_map(|end| form.get(..end)));
        if let Some(begun) = cut.into_iter().find(|begun| clean.ends_with(begun)) {
            clean.truncate(clean.len() - begun.len());
            clean.push_str(GONE);
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"a": "x abc:0123456789abcdefgh y"}"#, r#"{"a":"x … y"}"#)]
    #[case(r#"{"a": "\u0061bc:0123456789abcdefgh"}"#, r#"{"a":"…"}"#)]
    #[case("<p>abc:0123456789abcdefgh</p>", "<p>…</p>")]
    #[case("abc%3A0123456789abcdefgh", "abc%3A…")]
    #[case("no more: abc:0123456789abcd", "no more: …")]
    #[case("0123456789", "0123456789")]
    #[case("", "")]
    fn a_secret_is_taken_out_however_it_is_written(#[case] text: &str, #[case] clean: &str) {
        assert_eq!(Redacted::new(["abc:0123456789abcdefgh", ""]).clean(text.as_bytes()), clean);
    }

    #[test]
    fn a_secret_escaped_by_json_is_redacted_too() {
        let secret = r#"a"b\c"#;
        let body = serde_json::json!({ "message": secret }).to_string();
        assert_eq!(Redacted::new([secret]).clean(body.as_bytes()), r#"{"message":"…"}"#);
        assert_eq!(Redacted::new([secret]).clean(secret.as_bytes()), "…");
    }
}
