//! The body of a request: JSON, in one piece, and an object.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::{
    json::{self, Fields, Unknown},
    state::HttpState,
};
use crate::{
    model::{Code, Complaints, FieldError, Invalid, Problem},
    server::workshop::{Broken, Workshop},
};

/// A body that says that it is JSON, and is not too large.
pub(super) struct JsonBody {
    bytes: Bytes,
    lenient: bool,
    workshop: Workshop,
}

impl FromRequest<HttpState> for JsonBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            let detail = "Send the body as JSON, with the header Content-Type: application/json.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail).into_response());
        }
        if is_encoded(request.headers()) {
            let detail = "Send the body as it is, without Content-Encoding.";
            let problem = Problem::new(Code::UnsupportedMediaType, detail);
            // Tells it from another media type (RFC 9110, section 15.5.16).
            return Err(([(header::ACCEPT_ENCODING, "identity")], problem).into_response());
        }
        // The intake has read all of it, or refused it.
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { bytes, lenient: state.options().lenient, workshop: state.workshop().clone() })
    }
}

impl JsonBody {
    /// From this size on, in bytes, a body is read in the workshop: it would hold up everybody else.
    const LARGE: usize = 64 * 1024;

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Has it read, where that holds up no other client.
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

    /// What becomes of unknown names in a notification that comes in.
    pub(super) fn unknown_in_drafts(&self) -> Unknown {
        if self.lenient { Unknown::Ignored } else { Unknown::Refused }
    }

    /// Reads the object that it is.
    ///
    /// # Errors
    /// 400 when it is not JSON, 422 when it is something else.
    pub(super) fn object<const N: usize>(
        &self,
        names: &'static [&'static str; N],
        unknown: Unknown,
        complaints: &mut Complaints,
    ) -> Result<Fields<'_, N>, Problem> {
        let text = std::str::from_utf8(&self.bytes);
        let text = text.map_err(|_| Problem::new(Code::BadRequest, "The body is not JSON: it is not UTF-8."))?;
        // Some programs begin a text with a byte order mark (RFC 8259, section 8.1).
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        json::object(text, names, unknown, complaints).map_err(|error| {
            if error.is_data() && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
                let what = Invalid::new("The body is a JSON object, such as {\"user_id\": \"user_123\"}.");
                return Problem::invalid(vec![FieldError::new("body", what)]);
            }
            Problem::new(Code::BadRequest, format!("The body is not JSON: {error}."))
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Whether the body is compressed, or otherwise not what it says.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}
