//! The page on which the app is made known to the forge, for whoever started it: it has the way there and takes whoever comes
//! back. It is all that is served until then, and nothing of it afterwards.
//!
//! The address that is printed has a token that counts once: the browser that begins with it gets a cookie, and no other gets
//! any further. Nothing is changed by opening that address, as whatever looks ahead at links does: a button begins. What comes
//! back from the forge has the state that was sent there.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;

use super::frame::{self, framed};
use super::session::{BACK as LOGIN, came, cookie, sent_to};
use super::{Origin, parameters, said, style};
use crate::flow::app::watch::Journal;
use crate::flow::setup::{Setup, Stopped};
use crate::forge::registration::{Made as _, Places, Registrar};
use crate::web::hooks;

/// Where the app is set up.
pub const PAGE: &str = "/setup";
/// Where the forge sends whoever made the app.
const BACK: &str = "/setup/back";
/// Where the forge and people come back to.
pub const PLACES: Places = Places { back: BACK, login: LOGIN, hook: hooks::github::PATH };
/// How many bytes the form that begins may have, and how long it may take to arrive.
const FORM: (usize, Duration) = (4 << 10, Duration::from_secs(10));
/// How long the cookie lasts.
const LIFE: Duration = Duration::from_hours(2);
const TITLE: &str = "Set up Countersign";
const FOOT: &str = "Nothing is served but this until the App is made.";

struct Pages<R: Registrar> {
    setup: Arc<Setup<R>>,
    origin: Origin,
    journal: Journal,
}

type Shared<R> = State<Arc<Pages<R>>>;

/// The page, while no app is known. What is delivered meanwhile is to come again.
pub fn router<R: Registrar>(setup: Arc<Setup<R>>, origin: Origin, journal: Journal) -> Router {
    let plain = |status: StatusCode, says: &'static str| async move {
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], says).into_response()
    };
    let later = move || plain(StatusCode::SERVICE_UNAVAILABLE, "the app is not set up yet\n");
    Router::new()
        .route(PAGE, get(page::<R>).post(begin::<R>))
        .route(BACK, get(back::<R>))
        .route("/style.css", get(style))
        .route(hooks::github::PATH, post(later))
        .route("/healthz", get(move || plain(StatusCode::OK, "well\n")))
        .route("/readyz", get(later))
        .fallback(nowhere)
        .with_state(Arc::new(Pages { setup, origin, journal }))
}

fn cookie_name(origin: &Origin) -> &'static str {
    if origin.is_secure { "__Host-countersign-setup" } else { "countersign-setup" }
}

fn answer(status: StatusCode, content: &Markup) -> Response {
    framed(status, TITLE, &html! { p { "Countersign" } }, content, FOOT)
}

async fn nowhere() -> Response {
    let content = html! {
        h1 { "The app is not set up yet" }
        p { "Whoever started it finds the address at which it is set up where it was started." }
    };
    answer(StatusCode::NOT_FOUND, &content)
}

/// The page for whoever gets no further.
fn stopped(stopped: &Stopped) -> Response {
    let (status, title, says, again) = match stopped {
        Stopped::Stranger => (
            StatusCode::FORBIDDEN,
            "Nothing is shown here",
            "The address that was printed counts once, for the browser that began with it. If that was not yours, start the \
             app again: it prints another."
                .to_owned(),
            false,
        ),
        Stopped::Done => (
            StatusCode::GONE,
            "The app is set up",
            "It is kept, and never replaced from here.".to_owned(),
            false,
        ),
        Stopped::Unasked => (
            StatusCode::BAD_REQUEST,
            "That answer does not count",
            "It belongs to no question that is open here: it was used before, or another came after it.".to_owned(),
            true,
        ),
        Stopped::Chance(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "It cannot be set up now",
            "The machine that the app runs on gives no random bytes. Try again.".to_owned(),
            true,
        ),
        Stopped::Nowhere(why) => (StatusCode::BAD_REQUEST, "There is no such place on GitHub", format!("{why}."), true),
        Stopped::Forge(why) => (StatusCode::BAD_GATEWAY, "The App could not be made", format!("{why}."), true),
        Stopped::Unkept { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "The App cannot be kept", format!("{stopped}, and begin again."), true)
        }
    };
    let content = html! {
        h1 { (title) }
        p { (said::said(&says)) }
        @if again { p { a class="action" href=(PAGE) { "Begin again" } } }
    };
    answer(status, &content)
}

/// The page that the printed address opens.
fn invited(token: &str) -> Response {
    let content = html! {
        h1 { (TITLE) }
        p { "No App is known here yet. Whoever begins here makes it; the address that you opened counts no more then." }
        form method="post" action=(PAGE) {
            input type="hidden" name="token" value=(token);
            p { button type="submit" { "Begin" } }
        }
    };
    answer(StatusCode::OK, &content)
}

async fn begin<R: Registrar>(State(pages): Shared<R>, request: Request) -> Response {
    let read = tokio::time::timeout(FORM.1, axum::body::to_bytes(request.into_body(), FORM.0)).await;
    let fields = read.ok().and_then(Result::ok).and_then(|bytes| parameters(std::str::from_utf8(&bytes).ok()?));
    let token = fields.and_then(|mut fields| fields.remove("token")).unwrap_or_default();
    match pages.setup.enter(&token) {
        Ok(key) => {
            (pages.journal)("setup_opened", &json!({}));
            sent_to(PAGE, [cookie(&pages.origin, cookie_name(&pages.origin), &key, LIFE)])
        }
        Err(why) => refused(&pages, &why),
    }
}

async fn page<R: Registrar>(State(pages): Shared<R>, request: Request) -> Response {
    let asked = parameters(request.uri().query().unwrap_or_default()).unwrap_or_default();
    if let Some(token) = asked.get("token") {
        return match pages.setup.knows(token) {
            Ok(()) => invited(token),
            Err(why) => refused(&pages, &why),
        };
    }
    let key = came(request.headers(), cookie_name(&pages.origin));
    let organisation = asked.get("organisation").map(|login| login.trim()).filter(|login| !login.is_empty());
    match pages.setup.errand(key.as_deref(), organisation) {
        Ok(errand) => {
            let whose = organisation.map_or_else(|| "your own account".to_owned(), |login| format!("`{login}`"));
            let (name, value) = &errand.field;
            let content = html! {
                h1 { (TITLE) }
                p { "The App is made on GitHub, with the permissions and events that it needs and no others. GitHub shows them \
                     before it makes it, and sends you back here; its keys are then kept on this machine." }
                h2 { "Whose it is" }
                form method="get" action=(PAGE) {
                    p {
                        label for="organisation" { "The organisation whose repositories it is for; leave it empty for your own account" }
                        br;
                        input id="organisation" name="organisation" autocomplete="off" spellcheck="false"
                            value=(said::name(organisation.unwrap_or_default()));
                        " "
                        button type="submit" { "Use this" }
                    }
                }
                h2 { "Make it" }
                form method="post" action=(errand.address) {
                    input type="hidden" name=(name) value=(value);
                    p { button type="submit" { "Make the App on GitHub, for " (said::said(&whose)) } }
                }
            };
            with_forms_to(answer(StatusCode::OK, &content), &pages.setup.origin())
        }
        Err(why) => refused(&pages, &why),
    }
}

/// Lets a page's forms be sent to the forge as well, which is told the origin that they come from and nothing more.
fn with_forms_to(mut response: Response, origin: &str) -> Response {
    let policy = frame::POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    }
    response
}

fn refused<R: Registrar>(pages: &Pages<R>, why: &Stopped) -> Response {
    (pages.journal)("setup_refused", &json!({ "why": why.to_string() }));
    stopped(why)
}

async fn back<R: Registrar>(State(pages): Shared<R>, request: Request) -> Response {
    let asked = parameters(request.uri().query().unwrap_or_default()).unwrap_or_default();
    let text = |name: &str| asked.get(name).map_or("", String::as_str);
    let key = came(request.headers(), cookie_name(&pages.origin));
    // Whoever goes away while it is made does not stop it from being kept.
    let (setup, state, code) = (pages.setup.clone(), text("state").to_owned(), text("code").to_owned());
    let made = tokio::spawn(async move { setup.back(key.as_deref(), &state, &code).await }).await;
    let made = match made {
        Ok(Ok(made)) => made,
        Ok(Err(why)) => return refused(&pages, &why),
        Err(_) => return refused(&pages, &Stopped::Forge("the try ended early".to_owned())),
    };
    (pages.journal)("setup_done", &json!({ "app": made.name() }));
    let content = html! {
        h1 { "The App is made" }
        p { (said::said(&format!("`{}` is known to GitHub, its keys are kept, and the app takes up its work.", made.name()))) }
        h2 { "What is left" }
        ol {
            li { "Install it on the repositories that it is for: "
                @if made.page().starts_with("https://") {
                    a href={ (made.page()) "/installations/new" } { "choose them on GitHub" } "."
                } @else { (said::name(made.page())) }
            }
            li { "In each, under Settings › Environments, enable it as a deployment protection rule, and let administrators not \
                  bypass it." }
            li { "Let " code { "countersign doctor" } " look for what would still let a release slip past." }
        }
    };
    let mut response = answer(StatusCode::OK, &content);
    if let Some(over) = cookie(&pages.origin, cookie_name(&pages.origin), "", LIFE) {
        response.headers_mut().append(SET_COOKIE, over);
    }
    response
}
