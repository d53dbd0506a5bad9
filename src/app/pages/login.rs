//! The page where a user signs in. It is a plain form: no script takes it over, and it loads no WebAssembly.

use leptos::prelude::*;

use super::{frame::form_document, shell::PageAssets};
use crate::model::{Code, Problem};

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
    let LoginPage { next, problem, base, not_kept } = page;
    let why = problem.as_ref().map(explain);
    let is_wrong = why.is_some();
    let form = view! {
        <form class="login-form" method="post" action=base.clone() + "/login">
            <h1>"Sign in"</h1>
            {not_kept.map(explain_http)}
            <div class="field">
                <label for=FIELD>"Key or token"</label>
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
            <button type="submit" class="primary">"Sign in"</button>
            <div class="login-which" id=WHICH>
                <p>"A user’s token opens that user’s own inbox. A key opens all of them; on the server, this makes one:"</p>
                <code>"campanile key create " <var>"NAME"</var> " --scopes admin"</code>
            </div>
        </form>
    };
    form_document("Sign in", &base, assets, false, form)
}

/// Explains why signing in will not work here, and where it would.
fn explain_http(NotKept { safe_url }: NotKept) -> impl IntoView {
    let open = match safe_url {
        Some(url) => {
            let shown = url.clone();
            view! { <p>"Open " <a href=url>{shown}</a> " instead."</p> }.into_any()
        }
        None => view! {
            <p>
                "Open this page over https, or as http://localhost on the server itself. On the server, "
                <code>"--tls-cert"</code> " and " <code>"--tls-key"</code>
                " turn https on. Behind a gateway with https, say " <code>"--public-url https://…"</code> " and "
                <code>"--trusted-proxies"</code> "."
            </p>
        }
        .into_any(),
    };
    view! {
        <div class="login-insecure" id=INSECURE role="note">
            <p>
                <strong>"Signing in needs https or localhost."</strong>
                " This page was opened over http at another name. There, browsers do not keep the cookie that signs you in, \
                because others on the network could read it."
            </p>
            {open}
        </div>
    }
}

/// Why the user was refused, and how long to wait where the number of attempts is the reason.
fn explain(problem: &Problem) -> String {
    let why = problem.field(FIELD).unwrap_or(&problem.detail);
    match (problem.code, problem.retry_after) {
        (Code::TooManyRequests, Some(seconds)) => format!("Too many attempts. Try again in {}.", in_words(seconds)),
        _ => why.to_owned(),
    }
}

/// A duration in words, rounded up: a user who comes back then is not too early.
fn in_words(seconds: u64) -> String {
    let (count, unit) = match seconds {
        ..120 => (seconds, "second"),
        120..7_200 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The drawing beside a form.
pub(crate) fn evening() -> impl IntoView {
    view! { <Evening /> }
}

/// A drawing of a bell tower between hills, in the evening.
#[component]
fn Evening() -> impl IntoView {
    view! {
        <svg class="evening" viewBox="0 0 720 900" preserveAspectRatio="xMidYMax" aria-hidden="true">
            <circle class="evening-sun" cx="556" cy="250" r="46" />
            <path class="evening-far" d="M-2000 742H-400c90-50 210-66 330-30s180 50 280 22 190-84 320-62 180 70 300 44 220-60 330-36H2700" />
            <path class="evening-far" d="M92 300q12-10 20 2q8-12 20-2M140 262q9-8 15 1q6-9 15-1M58 346q8-7 13 1q5-8 13-1" />
            <path class="evening-hill" d="M-2000 812H-400c150-60 300-58 420-22s210 40 330 10 220-52 380-20 280 30 390 6H2700V960H-2000z" />
            <path class="evening-tree" d="M148 836c-13-30-17-112 0-158c17 46 13 128 0 158zM186 836c-11-24-14-84 0-120c14 36 11 96 0 120zM552 836c-13-32-18-120 0-170c18 50 13 138 0 170zM594 836c-9-20-12-78 0-108c12 30 9 88 0 108z" />
            <path class="evening-wall" d="M222 840v-74h86v74zM430 840v-66h76v66z" />
            <path class="evening-roof" d="M214 768l51-30 51 30zM417 774l51-26 45 26z" />
            <path class="evening-wall" d="M304 850V432h112v418zM296 850v-46h128v46zM296 432v-14h128v14zM304 418V318h112v100zM294 318v-14h132v14zM316 304v-44h88v44z" />
            <path class="evening-roof" d="M308 260 360 128l52 132z" />
            <path class="evening-line" d="M240 786h14v14h-14zM276 786h14v14h-14zM448 790h12v12h-12zM476 790h12v12h-12z" />
            <path class="evening-line" d="M322 804V470M398 804V470M322 470q9.5-16 19 0q9.5-16 19 0q9.5-16 19 0q9.5-16 19 0M360 128v-34M360 98h16l-5 6 5 6h-16" />
            <path class="evening-line" d="M351 620v-24a9 9 0 0 1 18 0v24zM351 700v-24a9 9 0 0 1 18 0v24zM341 540v-24a8 8 0 0 1 16 0v24zM363 540v-24a8 8 0 0 1 16 0v24zM346 850v-48a14 14 0 0 1 28 0v48M336 292v-16a6 6 0 0 1 12 0v16M354 292v-16a6 6 0 0 1 12 0v16M372 292v-16a6 6 0 0 1 12 0v16" />
            <path class="evening-arch" d="M326 418v-56a34 34 0 0 1 68 0v56z" />
            <path class="evening-bell" d="M338 400c5-5 7-12 7-24a15 15 0 0 1 30 0c0 12 2 19 7 24zM360 361v-10M354 405a6 6 0 0 0 12 0" />
            <path class="evening-sound" d="M272 346c-10 9-10 27 0 36M250 330c-20 18-20 50 0 68M228 314c-30 27-30 73 0 100M448 346c10 9 10 27 0 36M470 330c20 18 20 50 0 68M492 314c30 27 30 73 0 100" />
            <path class="evening-hill" d="M-2000 862H-300c170-6 330-42 490-36s190 12 310 8 180-20 300-12 260 36 400 40H2700V960H-2000z" />
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn render(problem: Option<Problem>) -> String {
        let next = "/a?user_id=\"><script>alert(1)</script>".to_owned();
        let page = LoginPage { next, problem, base: String::new(), not_kept: None };
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
        assert_eq!(html.matches("<script").count(), 1, "only the theme: {html}");
        assert!(html.contains("<script nonce="), "{html}");
        assert!(!html.contains("aria-invalid") && !html.contains("role=\"alert\""), "{html}");
    }

    #[test]
    fn where_it_leads_stays_a_value() {
        assert!(render(None).contains("name=\"next\" value=\"/a?user_id=&quot;&gt;&lt;script&gt;"), "{}", render(None));
    }

    #[test]
    fn what_is_wrong_is_said_at_the_field() {
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
    fn how_long_to_wait_is_said_in_words(#[case] seconds: u64, #[case] want: &str) {
        let html = render(Some(Problem::too_many("Not now.", seconds)));
        assert!(html.contains(&format!("Too many attempts. Try again in {want}.")), "{html}");
    }
}
