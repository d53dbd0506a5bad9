//! What was typed into a form that was sent without script and refused.

#[cfg(feature = "ssr")]
use leptos::prelude::use_context;

/// The input of a field; the browser keeps the input that its form has.
pub(super) fn typed(name: &str) -> Option<String> {
    #[cfg(feature = "ssr")]
    let typed = use_context::<crate::app::TypedForm>().and_then(|form| form.field(name));
    #[cfg(not(feature = "ssr"))]
    let typed = {
        let _ = name;
        None
    };
    typed
}

/// The input of the text, as HTML.
pub(super) fn typed_text() -> Option<String> {
    #[cfg(feature = "ssr")]
    let typed = use_context::<crate::app::TypedForm>().and_then(|form| form.text_area("content"));
    #[cfg(not(feature = "ssr"))]
    let typed = None;
    typed
}
