//! What the server knows of the functions by their paths, before it calls one.

use leptos::server_fn::ServerFn;
use serde_aux::serde_introspection::serde_introspect;

use super::{Delete, Mark, MarkAll, ReadSnapshot, SendNotification, UnmarkAll};
use crate::app::text::percent;

/// The path of the form that sends.
pub(crate) const PATH_OF_SEND: &str = SendNotification::PATH;

/// The names of the fields that the server function at this path takes, if there is one.
pub(crate) fn fields_of(path: &str) -> Option<&'static [&'static str]> {
    Some(match path {
        ReadSnapshot::PATH => serde_introspect::<ReadSnapshot>(),
        SendNotification::PATH => serde_introspect::<SendNotification>(),
        Mark::PATH => serde_introspect::<Mark>(),
        MarkAll::PATH => serde_introspect::<MarkAll>(),
        UnmarkAll::PATH => serde_introspect::<UnmarkAll>(),
        Delete::PATH => serde_introspect::<Delete>(),
        _ => return None,
    })
}

/// How many notifications a form names for the server function at this path.
pub(crate) fn how_many(path: &str, form: &[u8]) -> usize {
    let form = str::from_utf8(form).ok().filter(|_| [Mark::PATH, Delete::PATH].contains(&path));
    let ids = form.and_then(|form| percent::pairs(form).find(|(name, _)| name == "id"));
    ids.map_or(0, |(_, ids)| ids.split(',').count())
}
