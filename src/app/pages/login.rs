//! The page where a user signs in. It is a plain form: no script takes it over, and it loads no WebAssembly.

use leptos::prelude::*;

use super::{frame::form_document, parts::filled, shell::PageAssets};
use crate::{
    app::words::{Words, fill},
    model::{Code, Problem},
};

/// The form's field, and the elements that describe it.
const FIELD: &str = "secret";
const PROBLEM: &str = "secret-problem";
const WHICH: &str = "secret-which";
const INSECURE: &str = "insecure";

/// The content of the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginPage {
    /// Where the user goes once signed in. The form sends it back unchanged: its handler makes sure that it stays on
    /// this server.
    pub next: String,
    /// Why the last attempt was refused, if there was one.
    pub problem: Option<Problem>,
    /// The prefix of this server's paths for the browser: nothing, or a path such as `/notify`.
    pub base: String,
    /// The words of the page.
    pub words: &'static Words,
    /// Set where the browser will not keep the session.
    pub not_kept: Option<NotKept>,
}

/// The browser will not keep the session, because the page came over http and not from its own machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept {
    /// The URL of the same page where the browser would keep it, if that is known.
    pub safe_url: Option<String>,
}

/// The whole document of the sign-in page. It posts `secret` and `next` to `/login`.
pub fn login_page(page: LoginPage, assets: PageAssets) -> impl IntoView {
    let LoginPage { next, problem, base, words, not_kept } = page;
    let of = &words.language().pages;
    let why = problem.as_ref().map(|problem| explain(words, problem));
    let is_wrong = why.is_some();
    let form = view! {
        <form class="login-form" method="post" action=base.clone() + "/login">
            <h1>{words.sign_in}</h1>
            {not_kept.map(|not_kept| explain_http(words, not_kept))}
            <div class="field">
                <label for=FIELD>{of.secret}</label>
                <input
                    id=FIELD
                    name=FIELD
                    type="password"
                    class="mono"
                    required
                    autofocus
                    autocomplete="current-password"
                    autocapitalize="none"
                    spellcheck="false"
                    enterkeyhint="go"
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby=if is_wrong { format!("{PROBLEM} {WHICH}") } else { WHICH.to_owned() }
                />
                {why.map(|why| view! { <p class="problem" id=PROBLEM role="alert">{why}</p> })}
            </div>
            <input type="hidden" name="next" value=next />
            <button type="submit" class="primary">{words.sign_in}</button>
            <div class="login-which" id=WHICH>
                <p>{of.which_secret}</p>
                <code>"campanile key create " <var>{of.name_of_key}</var> " --scopes admin"</code>
            </div>
        </form>
    };
    form_document(words, words.sign_in, &base, assets, false, form)
}

/// Explains why signing in will not work here, and where it would.
fn explain_http(words: &'static Words, NotKept { safe_url }: NotKept) -> impl IntoView {
    let of = &words.language().pages;
    let code = |text: &'static str| view! { <code>{text}</code> }.into_any();
    let open = match safe_url {
        Some(url) => {
            let shown = url.clone();
            view! { <p>{filled(of.open_instead, vec![view! { <a href=url>{shown}</a> }.into_any()])}</p> }.into_any()
        }
        None => {
            let flags = ["--tls-cert", "--tls-key", "--public-url https://…", "--trusted-proxies"];
            view! { <p>{filled(of.turn_on_https, flags.map(code).into())}</p> }.into_any()
        }
    };
    view! {
        <div class="login-insecure" id=INSECURE role="note">
            <p>
                <strong>{of.needs_https}</strong>
                {of.why_https}
            </p>
            {open}
        </div>
    }
}

/// Why the user was refused, and how long to wait where the number of attempts is the reason.
fn explain(words: &Words, problem: &Problem) -> String {
    let why = problem.field(FIELD).unwrap_or(&problem.detail);
    match (problem.code, problem.retry_after) {
        (Code::TooManyRequests, Some(seconds)) => fill(words.language().pages.attempts, &[&in_words(words, seconds)]),
        _ => why.to_owned(),
    }
}

/// A duration in words, rounded up: a user who comes back then is not too early.
fn in_words(words: &Words, seconds: u64) -> String {
    let of = &words.language().pages;
    let (count, unit) = match seconds {
        ..120 => (seconds, of.in_seconds),
        120..7_200 => (seconds.div_ceil(60), of.in_minutes),
        _ => (seconds.div_ceil(3_600), of.in_hours),
    };
    words.count(unit, count)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn render(problem: Option<Problem>) -> String {
        let next = "/a?user_id=\"><script>alert(1)</script>".to_owned();
        let page = LoginPage { next, problem, base: String::new(), words: Words::none(), not_kept: None };
        let owner = Owner::new();
        owner.with(|| {
            leptos::nonce::provide_nonce();
            login_page(page, PageAssets { css: "/pkg/campanile.css".to_owned(), ..PageAssets::default() }).to_html()
        })
    }

    #[test]
    fn it_is_a_form_that_needs_nothing_but_its_style() {
        let html = render(None);
        assert!(html.contains("<form method=\"post\" action=\"/login\" class=\"login-form\">"), "{html}");
        assert!(html.contains("href=\"/pkg/campanile.css\""), "{html}");
        assert!(!html.contains("type=\"module\"") && !html.contains(" style=\""), "{html}");
        assert_eq!(html.matches("<script").count(), 2, "the theme, and the choice of the language: {html}");
        assert!(html.contains("<script nonce="), "{html}");
        assert!(!html.contains("aria-invalid") && !html.contains("role=\"alert\""), "{html}");
    }

    #[test]
    fn the_next_address_is_escaped_in_its_attribute() {
        assert!(render(None).contains("name=\"next\" value=\"/a?user_id=&quot;&gt;&lt;script&gt;"), "{}", render(None));
    }

    #[test]
    fn the_error_is_attached_to_the_field() {
        let html = render(Some(Problem::new(Code::Unauthenticated, "There is no such key.")));
        assert!(html.contains("aria-invalid=\"true\""), "{html}");
        assert!(html.contains("aria-describedby=\"secret-problem secret-which\""), "{html}");
        assert!(
            html.contains("id=\"secret-problem\" role=\"alert\" class=\"problem\">There is no such key.</p>"),
            "{html}"
        );
    }

    #[rstest]
    #[case(1, "1 second")]
    #[case(90, "90 seconds")]
    #[case(121, "3 minutes")]
    #[case(7_201, "3 hours")]
    fn the_time_to_wait_is_shown_in_words(#[case] seconds: u64, #[case] want: &str) {
        let html = render(Some(Problem::too_many("Not now.", seconds)));
        assert!(html.contains(&format!("Too many attempts. Try again in {want}.")), "{html}");
    }
}
