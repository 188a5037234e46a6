//! What is around every page: its head, who is logged in, and the headers that go with it.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::said;
use crate::flow::visits::Here;

/// The style sheet.
pub const STYLE: &str = include_str!("style.css");

/// What a browser may do with a page.
pub const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What goes with every answer. Nothing is loaded but our own style sheet, nothing runs, nobody frames it, and no copy is
/// kept. The address of a page stays within this host; a form's is told to us, so that we know where it was sent from.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// An answer with the headers that go with every one.
pub fn guarded(answer: impl IntoResponse, kind: &'static str) -> Response {
    let mut response = answer.into_response();
    for (name, value) in HEADERS.into_iter().chain([(CONTENT_TYPE, kind)]) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page.
pub fn page(status: StatusCode, title: &str, here: Option<&Here>, content: &Markup) -> Response {
    let head = html! {
        nav aria-label="Pages" { a href="/" { "Countersign: all releases" } }
        @if let Some(here) = here {
            p { "logged in as " strong { (said::name(here.visitor.account.login())) } }
            form method="post" action="/logout" {
                input type="hidden" name="token" value=(here.token);
                button type="submit" { "Log out" }
            }
        }
    };
    framed(status, title, &head, content, "Shown from the record. Nothing here is decided again.")
}

/// A page with a head and a foot of its own.
pub fn framed(status: StatusCode, title: &str, head: &Markup, content: &Markup, foot: &str) -> Response {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (said::name(title)) " · Countersign" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                a class="skip" href="#main" { "To the content" }
                header { (head) }
                main id="main" tabindex="-1" { (content) }
                footer { p { (foot) } }
            }
        }
    };
    guarded((status, whole.into_string()), "text/html; charset=utf-8")
}

/// A page that says what is wrong and what to do next.
pub fn plainly(status: StatusCode, title: &str, here: Option<&Here>, says: &str, next: &Markup) -> Response {
    let content = html! {
        h1 { (title) }
        p { (said::said(says)) }
        (next)
    };
    page(status, title, here, &content)
}
