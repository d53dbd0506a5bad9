//! The form that sends, as the server renders it.

use leptos::prelude::*;

use super::{
    EXPIRES, FIELDS, HEADING, KEY, LEADS, LENGTH, MORE, OTHER, SELDOM, SHEET, TEXT, TO, TROUBLE, ZONE, length_of,
    of_no_field, problem_of,
};
use crate::{
    app::{
        TypedForm,
        components::{
            banner::path_of_send,
            icons::{self, Icon},
        },
        page::Initial,
        server_fns::composing,
        words::Words,
    },
    model::{Category, Problem},
};

/// The form: a column where there is room, else a dialog. It works without script too: the dialog is the target of a
/// link. Where a submission was refused, it has the input and the reasons.
pub(in crate::app) fn composer(initial: &Initial) -> impl IntoView + use<> {
    let refusal = initial.refusal.as_ref().filter(|refusal| refusal.path == path_of_send());
    let problem = refusal.map(|refusal| refusal.problem.clone());
    let address = &initial.address;
    // The page that answers the form has the same filter.
    let href = address.href();
    let query = href.find('?').map_or("", |at| &href[at..]);
    let action = address.at(path_of_send()) + query;
    let inbox = address.filter().and_then(|filter| filter.user_id).map(|user_id| user_id.as_str().to_owned());
    // One for each time that the page is made. The script has one for each submission, and leaves this one alone.
    let key = typed("idempotency_key").unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let words = initial.words;
    let of = &words.language().pages;
    let trouble = of_no_field(words, problem.as_ref());
    view! {
        <div class="composer" id=SHEET role="complementary" aria-labelledby="compose-title">
            <a class="backdrop" href="#" tabindex="-1" aria-hidden="true"></a>
            <div class="sheet">
                <div class="sheet-head">
                    <h2 id="compose-title">{of.send_heading}</h2>
                    <a class="quiet compose-close" href="#" role="button" aria-label=of.close>
                        <Icon of=icons::CROSS />
                    </a>
                </div>
                <form class="compose-form" method="post" action=action>
                    <input type="hidden" name="idempotency_key" value=key autocomplete="off" />
                    {fields(words, problem, typed("user_id").or(inbox))}
                    <div class="send-row">
                        <button type="submit" class="primary">{of.send}</button>
                        <span class="send-keys needs-script" aria-hidden="true"><kbd>{of.key_ctrl}</kbd><kbd>{of.key_enter}</kbd></span>
                    </div>
                    <p class="problem" id=TROUBLE role="alert">{trouble}</p>
                </form>
            </div>
        </div>
    }
}

fn fields(words: &'static Words, problem: Option<Problem>, to: Option<String>) -> impl IntoView {
    let of = &words.language().pages;
    let category = typed("category");
    let chosen = move |slug: &str| category.as_deref().unwrap_or("message") == slug;
    let content = use_context::<TypedForm>().and_then(|form| form.text_area("content"));
    let why = move |id: &str| {
        let name = FIELDS.iter().find(|(_, known)| *known == id).map(|(name, _)| *name);
        name.and_then(|name| words.field(problem.as_ref()?, name)).map(str::to_owned)
    };
    let invalid = |id: &str| why(id).map(|_| "true");
    // Its element is always there, so that the field's description can refer to it.
    let said = |id: &str| view! { <p class="problem" id=problem_of(id)>{why(id).unwrap_or_default()}</p> };
    view! {
        <div class="field">
            <label for=TO>{of.to}</label>
            <input
                id=TO name="user_id" class="mono" required maxlength="128" value=to
                placeholder="user_123" list="recent" autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-invalid=invalid(TO) aria-describedby=problem_of(TO)
            />
            {said(TO)}
        </div>
        <fieldset class="field kinds-choice">
            <legend>{words.category}</legend>
            <div class="chips">
                {Category::WELL_KNOWN.map(|slug| view! {
                    <label class="chip" data-kind=slug>
                        <input type="radio" name="category" value=slug checked=chosen(slug) />
                        <Icon of=icons::of_category(slug) />
                        {slug}
                    </label>
                }).into_iter().collect_view()}
                <label class="chip" data-kind="other">
                    <input type="radio" name="category" value=composing::OWN checked=chosen(composing::OWN) />
                    <Icon of=icons::LABEL />
                    {of.other}
                </label>
                <input
                    id=OTHER name="other_category" class="mono" maxlength="32" placeholder="billing" aria-label=of.other_category
                    value=typed("other_category")
                    autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-invalid=invalid(OTHER) aria-describedby=problem_of(OTHER)
                />
            </div>
            {said(OTHER)}
        </fieldset>
        <div class="field">
            <label for=HEADING>{of.title}</label>
            <input
                id=HEADING name="title" maxlength="200" autocomplete="off" dir="auto" value=typed("title")
                aria-invalid=invalid(HEADING) aria-describedby=problem_of(HEADING)
            />
            {said(HEADING)}
        </div>
        <div class="field">
            <label for=TEXT>{of.text}</label>
            <textarea
                id=TEXT name="content" required rows="5" dir="auto" inner_html=content
                aria-invalid=invalid(TEXT) aria-describedby=problem_of(TEXT) + " " + LENGTH
            ></textarea>
            {said(TEXT)}
            <p class="length tabular needs-script" id=LENGTH>{length_of(words, 0)}</p>
        </div>
        <details class="more-fields" id=MORE open=SELDOM.iter().any(|id| why(id).is_some())>
            <summary>{of.more}</summary>
            <div class="field">
                <label for=LEADS>{of.link}</label>
                <input
                    id=LEADS name="link" maxlength="2048" autocomplete="off" spellcheck="false" value=typed("link")
                    inputmode="url" placeholder=of.link_example
                    aria-invalid=invalid(LEADS) aria-describedby=problem_of(LEADS)
                />
                {said(LEADS)}
            </div>
            <div class="field">
                <label for=EXPIRES>{of.expires}<span id=ZONE>{of.expires_zone}</span></label>
                <input
                    id=EXPIRES name="expires_at" type="datetime-local" max="9999-12-31T23:59" autocomplete="off"
                    value=typed("expires_at") aria-invalid=invalid(EXPIRES) aria-describedby=problem_of(EXPIRES)
                />
                {said(EXPIRES)}
            </div>
            <div class="field">
                <label for=KEY>{of.own_key}</label>
                <input
                    id=KEY name="own_key" class="mono" maxlength="255" placeholder="order-7-paid" value=typed("own_key")
                    autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-invalid=invalid(KEY) aria-describedby=problem_of(KEY)
                />
                {said(KEY)}
            </div>
        </details>
    }
}

/// The input of a field that was sent without script and refused.
fn typed(name: &str) -> Option<String> {
    use_context::<TypedForm>().and_then(|form| form.field(name))
}
