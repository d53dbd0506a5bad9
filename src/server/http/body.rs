//! The body of a request: a JSON object, or the fields of a form.

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequest, OptionalFromRequest, Request},
    http::{HeaderMap, header},
};

use serde_json::Value;

use super::{
    extract::refuse_unknown,
    intake::Whole,
    json::{self, Fields, Tree, Unknown},
    state::HttpState,
};
use crate::{
    model::{Code, Complaints, FieldError, Invalid, Problem},
    server::workshop::{Broken, Workshop},
};

/// A body that is declared as JSON, and is not too large.
pub(super) struct JsonBody {
    bytes: Bytes,
    lenient: bool,
    workshop: Workshop,
}

impl FromRequest<HttpState> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as JSON, with the header Content-Type: application/json.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let Ok(Whole(bytes)) = Whole::from_request(request, state).await;
        Ok(Self { bytes, lenient: state.options().lenient, workshop: state.workshop().clone() })
    }
}

impl OptionalFromRequest<HttpState> for JsonBody {
    type Rejection = Problem;

    /// `None` for an empty body, or `null`, which counts as empty.
    async fn from_request(request: Request, state: &HttpState) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        let body = <Self as FromRequest<HttpState>>::from_request(request, state).await?;
        Ok(Some(body).filter(|body| body.bytes.trim_ascii() != b"null"))
    }
}

/// The body of a route that takes none. A program that sends a body means something by it, and would not notice that
/// everything was done where it asked for a part.
pub(super) struct NoBody;

impl FromRequest<HttpState> for NoBody {
    type Rejection = Problem;

    /// Many programs send `{}` or `null` in place of an empty body.
    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self);
        }
        let Ok(Whole(bytes)) = Whole::from_request(request, state).await;
        let said = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        if [&b""[..], b"{}", b"null"].iter().any(|nothing| said.clone().eq(nothing.iter())) {
            return Ok(Self);
        }
        let why = "This route takes no body. Put parameters into the query, after the `?`.";
        Err(Problem::invalid(vec![FieldError::new("body", Invalid::new(why))]))
    }
}

impl JsonBody {
    /// From this size on, in bytes, a body is parsed in the workshop, because it would delay all other requests.
    const LARGE: usize = 64 * 1024;

    /// Its size in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Parses it where that delays no other client.
    pub(super) async fn read<T: Send + 'static>(
        self,
        read: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if self.len() < Self::LARGE {
            return read(&self);
        }
        let workshop = self.workshop.clone();
        workshop.run(move || read(&self)).await.map_err(|Broken| Problem::internal())?
    }

    /// The treatment of unknown names in a notification.
    pub(super) fn unknown_in_drafts(&self) -> Unknown {
        if self.lenient { Unknown::Ignored } else { Unknown::Refused }
    }

    /// Parses the whole body as a value. `example` is a body of this route.
    ///
    /// # Errors
    /// 400 when it is not JSON, or gives a name twice.
    pub(super) fn tree(&self, example: &'static str) -> Result<Value, Problem> {
        let text = self.text()?;
        serde_json::from_str::<Tree>(text).map(|Tree(value)| value).map_err(|error| {
            // It is JSON, so a name is the only thing that can be wrong.
            if error.is_data() {
                let why = format!("An object in the body has the same name twice, at {}. Give it once.", place(&error));
                return Problem::new(Code::BadRequest, why);
            }
            not_json(text, &error, example)
        })
    }

    /// The body as text.
    fn text(&self) -> Result<&str, Problem> {
        let text = std::str::from_utf8(&self.bytes);
        let text = text.map_err(|_| Problem::new(Code::BadRequest, "The body is not JSON: it is not UTF-8."))?;
        // Some programs begin a text with a byte order mark (RFC 8259, section 8.1).
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// Parses the body as an object. `example` is a body of this route.
    ///
    /// # Errors
    /// 400 when it is not JSON, 422 when it is another value.
    pub(super) fn object<const N: usize>(
        &self,
        names: &'static [&'static str; N],
        unknown: Unknown,
        example: &'static str,
        complaints: &mut Complaints,
    ) -> Result<Fields<'_, N>, Problem> {
        let text = self.text()?;
        json::object(text, names, unknown, complaints).map_err(|error| {
            if error.is_data() && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
                let what = Invalid::new(format!("The body must be a JSON object, such as {example}."));
                return Problem::invalid(vec![FieldError::new("body", what)]);
            }
            not_json(text, &error, example)
        })
    }
}

/// The error for a text that is not JSON, with its position.
fn not_json(text: &str, error: &serde_json::Error, example: &str) -> Problem {
    let place = place(error);
    let detail = if text.trim().is_empty() {
        format!("The body is empty. Send a JSON object, such as {example}.")
    } else if error.is_eof() {
        format!("The body is not JSON: it ends too early, at {place}.")
    } else {
        format!("The body is not JSON: there is a mistake at {place}. Send a JSON object, such as {example}.")
    };
    Problem::new(Code::BadRequest, detail)
}

/// The position of an error in the body.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

/// A body that is declared as a form (`application/x-www-form-urlencoded`).
pub(super) struct FormBody(Bytes);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if media_type(request.headers()) != "application/x-www-form-urlencoded" {
            let detail = "Send the form with the header Content-Type: application/x-www-form-urlencoded.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let Ok(Whole(bytes)) = Whole::from_request(request, state).await;
        Ok(Self(bytes))
    }
}

impl FormBody {
    /// The form, if it has no other fields than these. A form that is not text is left to its reader.
    ///
    /// # Errors
    /// 422 when it has others.
    pub(super) fn only(self, known: &[&str]) -> Result<Bytes, Problem> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            refuse_unknown("field", text, known)?;
        }
        Ok(self.0)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = media_type(headers);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The media type of the body, in lower case without parameters.
fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}
