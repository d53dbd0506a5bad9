//! How a failure travels between the browser and a server function.

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};

use crate::model::{Code, Problem};

impl FromServerFnError for Problem {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        // The library's messages are for programmers; these sentences are for the user.
        match error {
            ServerFnErrorErr::Request(_) => Self::new(Code::Unreachable, "Can't reach the server."),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Serialization(_) => {
                Self::new(Code::BadRequest, "The form cannot be read: a field is missing or has the wrong type.")
            }
            // The library uses the same error for an unreadable form as the browser for an unreadable answer.
            ServerFnErrorErr::Deserialization(_) if cfg!(feature = "ssr") => {
                Self::new(Code::BadRequest, "The form cannot be read: it is not text in UTF-8.")
            }
            ServerFnErrorErr::UnsupportedRequestMethod(_) => {
                Self::new(Code::MethodNotAllowed, "This is called with POST.")
            }
            // In the browser: something between here and Campanile answered in its place, with this status.
            ServerFnErrorErr::Deserialization(status) => {
                Self::new(Code::Internal, "Unexpected response (".to_owned() + &status + ").")
            }
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Response(_) => Self::internal(),
        }
    }
}
