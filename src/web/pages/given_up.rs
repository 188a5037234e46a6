//! What was given up, for whoever administers a repository: each with its reason, and a button that has it tried again.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use chrono_tz::Tz;
use maud::{Markup, html};
use serde_json::json;

use super::act::Notice;
use super::frame::{guarded, page, plainly};
use super::said::{instant, name, said};
use super::{Pages, Shared, session};
use crate::flow::app::given_up::{Again, GivenUp, Unlooked};
use crate::flow::app::link;
use crate::flow::visits::{Here, Out};
use crate::forge::{Doorway, Hub};

/// Where it is.
pub const PATH: &str = "/given-up";
/// The same, after something was tried again.
const BEGUN: &str = "/given-up?again=begun";

/// The repositories that somebody who is here administers; else the page that he gets instead, from which he comes back to
/// the one that he was at.
pub(super) async fn administered<H: Hub, D: Doorway>(
    pages: &Pages<H, D>,
    headers: &HeaderMap,
    here: &Here,
    back: &str,
) -> Result<impl Fn(&str) -> bool + Clone + Send + use<H, D>, Response> {
    let key = session::key(headers, &pages.origin).ok_or(Out::Nobody);
    let asked = match key {
        Ok(key) => pages.visits.administers(&key).await,
        Err(out) => Err(out),
    };
    let administered = asked.map_err(|out| pages.shut(&out, &session::login_to(back)))?;
    // Who may not even read one is shown nothing of it, whatever else is said.
    let visitor = here.visitor.clone();
    Ok(move |repository: &str| {
        visitor.may_read(H::NAME, repository) && administered.contains(&repository.to_ascii_lowercase())
    })
}

/// The page.
pub async fn shown<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let wanted = match pages.wanted(request.headers(), request.uri()).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let may = match administered(&pages, request.headers(), &wanted.here, PATH).await {
        Ok(may) => may,
        Err(response) => return response,
    };
    let unlooked = pages.desk.unlooked(may.clone());
    match pages.desk.given_up(may).await {
        Ok(given_up) => {
            let notice = wanted.parameters.contains_key("again").then(begun);
            let content = content(&wanted.here, &given_up, &unlooked, notice.as_ref());
            page(StatusCode::OK, "Given up", Some(&wanted.here), &content)
        }
        Err(fault) => pages.unread(&wanted.here, &fault.to_string()),
    }
}

/// Somebody has something tried again.
pub async fn again<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let headers = request.headers().clone();
    let (_, here, fields) = match session::form(&pages, request, session::Visit::Acts).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let may = match administered(&pages, &headers, &here, PATH).await {
        Ok(may) => may,
        Err(response) => return response,
    };
    let by = &here.visitor.account;
    let effect = fields.get("effect").and_then(|number| number.parse().ok());
    let done = match (effect, fields.get("delivery")) {
        (Some(effect), _) => pages.desk.send_again(effect, by, may).await,
        (None, Some(delivery)) => Ok(Box::pin(pages.desk.look_again(delivery, by, may)).await),
        (None, None) => Ok(Again::Nothing),
    };
    match done {
        Ok(Again::Begun) => {
            let mut response = guarded((StatusCode::SEE_OTHER, Body::empty()), "text/plain; charset=utf-8");
            response.headers_mut().insert(LOCATION, HeaderValue::from_static(BEGUN));
            response
        }
        Ok(Again::Nothing) => {
            let says = "It does not stand here any more, or is of a repository that you do not administer.";
            let next = html! { p { a class="action" href=(PATH) { "What was given up" } } };
            plainly(StatusCode::NOT_FOUND, "Nothing was done", Some(&here), says, &next)
        }
        Err(failed) => {
            pages.desk.say("effect_not_again", &json!({ "fault": failed.to_string() }));
            let says = "The record takes nothing now, and so nothing is tried again. Try it later; if it stays so, whoever runs \
                        the app finds the reason in its log.";
            plainly(StatusCode::SERVICE_UNAVAILABLE, "Nothing was done", Some(&here), says, &super::to_all())
        }
    }
}

fn begun() -> Notice {
    let says = "If it comes to nothing once more it will stand here again, with the reason.";
    Notice { title: "It is tried again", is_done: true, says: vec![says.to_owned()] }
}

fn content(here: &Here, given_up: &[GivenUp], unlooked: &[Unlooked], notice: Option<&Notice>) -> Markup {
    html! {
        h1 { "Given up" }
        @if let Some(notice) = notice { (notice.shown()) }
        p {
            "What this app could not do in the repositories that you administer, in the last 30 days. What nobody needs any more, such \
             as an answer that a later one has taken the place of, is left out."
        }
        @if given_up.is_empty() && unlooked.is_empty() { p { "There is nothing." } }
        @if !given_up.is_empty() {
            h2 { "Could not be sent" }
            ul class="cards" { @for it in given_up { li { (effect(here, it)) } } }
        }
        @if !unlooked.is_empty() {
            h2 { "Could not be looked at" }
            p { "These were delivered. Their repository is read in any case within five minutes, and with that they are done." }
            ul class="cards" { @for it in unlooked { li { (delivery(here, it)) } } }
        }
        p class="screen" { a href="/" { "All releases" } }
    }
}

fn effect(here: &Here, it: &GivenUp) -> Markup {
    html! {
        h3 {
            (name(it.what)) ", to " (name(&it.to))
        }
        p { (said(&it.why)) }
        p class="faint" {
            @match &it.release {
                Some(release) => {
                    a href=(link::path(release)) { (name(&release.release)) " to " (name(&release.environment)) } ", "
                }
                None => { (name(&it.repository)) ", " }
            }
            (instant(it.at, Tz::UTC)) ", attempts: " (it.attempts) ", effect " (it.effect)
        }
        form class="act" method="post" action="/again" {
            input type="hidden" name="token" value=(here.token);
            input type="hidden" name="effect" value=(it.effect);
            button type="submit" { "Try effect " (it.effect) " again" }
        }
    }
}

fn delivery(here: &Here, it: &Unlooked) -> Markup {
    html! {
        h3 { (name(&it.repository)) ": " code { (name(&it.id)) } }
        p { (said(&it.why)) }
        p class="faint" { (instant(it.at, Tz::UTC)) }
        form class="act" method="post" action="/again" {
            input type="hidden" name="token" value=(here.token);
            input type="hidden" name="delivery" value=(it.id);
            button type="submit" { "Look at " (name(&it.id)) " again" }
        }
    }
}
