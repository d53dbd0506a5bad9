//! A form that was sent without WebAssembly and refused, as the address of the page reports it.
//!
//! Any site can link to the page, so the address holds a short code and never a sentence: the page shows its own
//! sentence. The form that sends is answered by the page itself and not by an address, which cannot hold its text.

use serde::{Deserialize, Serialize};

use crate::model::Problem;

/// A form that was sent without WebAssembly and refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The path of the server function.
    pub path: String,
    /// Why the form was refused.
    pub problem: Problem,
}

#[cfg(feature = "ssr")]
mod on_the_server {
    use leptos::server_fn::error::ServerFnUrlError;

    use super::Refusal;
    use crate::{
        app::{
            text::percent::{encode, pairs},
            words::Words,
        },
        model::{Code, FieldError, Invalid, Problem},
    };

    /// The parameter in which leptos, and we too, name the form.
    const PATH: &str = "__path";
    /// The parameter in which leptos puts the whole error; we put a code, and after dots the names of the invalid
    /// fields.
    const WHY: &str = "__err";
    /// The fields of which the page says what is wrong with them.
    const FIELDS: [&str; 8] =
        ["user_id", "content", "category", "title", "link", "expires_at", "Idempotency-Key", "id"];

    /// The code as it is written in JSON.
    fn word(code: Code) -> Option<String> {
        serde_json::to_value(code).ok()?.as_str().map(str::to_owned)
    }

    impl Refusal {
        /// The address to which leptos sends a refused form back, with a short code in place of the whole
        /// error; `None` when the form was not refused.
        pub(crate) fn shorten(location: &str) -> Option<String> {
            let (page, _) = location.split_once('?')?;
            let (rest, Self { path, problem }) = Self::read(location)?;
            let mut code = word(problem.code)?;
            let is_wrong = |field: &&str| problem.errors.iter().any(|error| error.field == *field);
            for field in FIELDS.into_iter().filter(is_wrong) {
                code = format!("{code}.{field}");
            }
            Some(format!("{page}?{rest}{PATH}={}&{WHY}={code}", encode(&path)))
        }

        /// Takes apart the address to which leptos sends a refused form back: the query of the page that it came from, and
        /// why; `None` when the form was not refused.
        pub(crate) fn read(location: &str) -> Option<(String, Self)> {
            let (_, query) = location.split_once('?')?;
            let (mut path, mut why, mut rest) = (None, None, String::new());
            for (name, value) in pairs(query) {
                match &*name {
                    PATH => path = Some(value),
                    WHY => why = Some(value),
                    _ => rest = format!("{rest}{}={}&", encode(&name), encode(&value)),
                }
            }
            Some((rest, Self { path: path?, problem: ServerFnUrlError::<Problem>::decode_err(&why?) }))
        }

        /// Reads what [`Self::shorten`] wrote, in these words; `None` for anything else.
        pub(crate) fn from_query(query: &str, words: &Words) -> Option<Self> {
            let value_of = |wanted| pairs(query).find(|(name, _)| name == wanted).map(|(_, value)| value);
            let (path, why) = (value_of(PATH)?, value_of(WHY)?);
            let mut parts = why.split('.');
            let code: Code = serde_json::from_value(parts.next()?.into()).ok()?;
            let mut errors = Vec::new();
            for word in parts {
                let field = FIELDS.into_iter().find(|field| *field == word)?;
                if errors.len() == FIELDS.len() {
                    return None;
                }
                errors.push(FieldError::new(field, Invalid::new(words.wrong(field))));
            }
            let is_ours = path.len() <= 64 && path.starts_with("/api/ui/");
            is_ours.then(|| Self { path, problem: Problem { errors, ..Problem::new(code, words.why(code)) } })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_refusal_comes_back_with_words_of_the_page() {
            let errors = vec![FieldError::new("content", Invalid::new("Call 555-1234 to unlock your account."))];
            let whole = ServerFnUrlError::new("/api/ui/send", Problem::invalid(errors));
            let location = whole.to_url("http://x/page?user_id=a%26b").unwrap().to_string();
            let short = Refusal::shorten(&location).unwrap();
            assert_eq!(short, "http://x/page?user_id=a%26b&__path=%2Fapi%2Fui%2Fsend&__err=invalid_input.content");
            let read = Refusal::from_query(short.split_once('?').unwrap().1, Words::none()).unwrap();
            assert_eq!(read.path, "/api/ui/send");
            assert_eq!(read.problem.field("content"), Some(Words::none().wrong_content));
            assert_eq!(Refusal::shorten("/page?a=b"), None);
        }

        #[test]
        fn a_forged_query_shows_no_refusal() {
            for query in [
                "__path=/api/ui/send&__err=Call+555-1234",
                "__path=/api/ui/send&__err=invalid_input.Call",
                "__path=/evil&__err=forbidden",
                "__path=/api/ui/send&__err=",
                "__err=forbidden",
            ] {
                assert_eq!(Refusal::from_query(query, Words::none()), None, "{query}");
            }
            let long = format!("__path=/api/ui/send&__err=invalid_input{}", ".content".repeat(1_000));
            assert_eq!(Refusal::from_query(&long, Words::none()), None);
        }
    }
}
