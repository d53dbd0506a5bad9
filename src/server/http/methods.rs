//! The methods that paths have, and the problem of one that a path does not have.

use std::collections::HashMap;

use axum::http::{Method, Uri};
use utoipa::openapi::{OpenApi, PathItem, path::Operation};

use super::names::shown;
use crate::model::{Code, Problem};

/// The methods of each path of the API.
#[derive(Default)]
pub(super) struct Methods(HashMap<String, Vec<Method>>);

impl Methods {
    /// The methods in these descriptions.
    pub(super) fn of(described: impl IntoIterator<Item = OpenApi>) -> Self {
        let paths = described.into_iter().flat_map(|described| described.paths.paths);
        Self(paths.map(|(path, mut item)| (path, operations(&mut item).map(|(method, _)| method).collect())).collect())
    }

    /// Those of this path; none for a page.
    pub(super) fn at(&self, path: &str) -> &[Method] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }
}

/// The operations of a path, of the methods that the API has.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
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
