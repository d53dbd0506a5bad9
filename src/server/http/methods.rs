//! The answer to a method that a path does not have.

use std::collections::HashMap;

use axum::{
    extract::{MatchedPath, State},
    http::{Method, Uri},
};
use utoipa::openapi::OpenApi;

use super::{docs::operations, names::shown, state::HttpState};
use crate::model::{Code, Problem};

/// The methods of each path of the API.
#[derive(Default)]
pub(super) struct Methods(HashMap<String, Vec<Method>>);

impl Methods {
    /// The methods of these descriptions.
    pub(super) fn of(described: impl IntoIterator<Item = OpenApi>) -> Self {
        let paths = described.into_iter().flat_map(|described| described.paths.paths);
        Self(paths.map(|(path, mut item)| (path, operations(&mut item).map(|(method, _)| method).collect())).collect())
    }
}

/// Answers for an existing path, requested with another method. Axum adds the `Allow` header when this has answered.
pub(super) async fn no_such_method(
    State(state): State<HttpState>,
    route: Option<MatchedPath>,
    method: Method,
    uri: Uri,
) -> Problem {
    let taken = route.and_then(|route| state.methods().0.get(route.as_str()));
    not_taken(&method, &uri, taken.map_or(&[], Vec::as_slice))
}

/// The problem of a method that a path does not have; `taken` are those that it has, or none for a page.
pub(super) fn not_taken(method: &Method, uri: &Uri, taken: &[Method]) -> Problem {
    let (path, method) = (shown(uri.path()), shown(method.as_str()));
    let taken: Vec<_> = taken.iter().map(Method::as_str).collect();
    let detail = match taken.split_last() {
        None => format!("{path} does not take {method}. The header Allow names the methods that it takes."),
        Some((only, [])) => format!("{path} does not take {method}. It takes {only}."),
        Some((last, others)) => format!("{path} does not take {method}. It takes {} and {last}.", others.join(", ")),
    };
    Problem::new(Code::MethodNotAllowed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_each_method_of_the_path() {
        let uri = Uri::from_static("/api/x?y=1");
        let sentence = |taken: &[Method]| not_taken(&Method::PUT, &uri, taken).detail;
        assert_eq!(sentence(&[Method::POST]), "/api/x does not take PUT. It takes POST.");
        let all = [Method::GET, Method::PATCH, Method::DELETE];
        assert_eq!(sentence(&all), "/api/x does not take PUT. It takes GET, PATCH and DELETE.");
        assert_eq!(sentence(&[]), "/api/x does not take PUT. The header Allow names the methods that it takes.");
    }
}
