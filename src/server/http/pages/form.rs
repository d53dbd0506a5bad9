//! The fields of a submitted form.

use axum::{
    extract::{FromRequest, Request},
    http::request::Parts,
};

use crate::{
    app::{is_percent_encoded_text, percent_pairs},
    model::{Code, FieldError, Invalid, Problem},
    server::http::body::FormBody,
};

/// The fields of a form, in order.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// A form with these fields.
    #[cfg(test)]
    pub(super) fn of(fields: &[(&str, &str)]) -> Self {
        Self(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// Reads the form of a request, and returns it with the head of the request.
    ///
    /// # Errors
    /// When it is not a form, or has other fields than these.
    pub(super) async fn take(request: Request, known: &[&str]) -> Result<(Self, Parts), Problem> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head.clone(), body);
        let bytes = FormBody::from_request(request, &()).await?.only(known)?;
        let text = std::str::from_utf8(&bytes).ok().filter(|text| is_percent_encoded_text(text));
        let unreadable = || Problem::new(Code::BadRequest, "The form cannot be read. Open the page again.");
        let fields = percent_pairs(text.ok_or_else(unreadable)?).collect();
        Ok((Self(fields), head))
    }

    /// The value of a field; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// The values of all fields of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Parses the value of a field.
    ///
    /// # Errors
    /// When it is not valid.
    pub(super) fn read<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, Problem> {
        read(self.get(name)).map_err(|why| Problem::invalid(vec![FieldError::new(name, why)]))
    }
}

/// The problem for an unknown action of a form.
pub(super) fn no_such_deed() -> Problem {
    Problem::new(Code::BadRequest, "This page does not do that. Open it again.")
}
