//! The survey of a period: each gate and each item of a checklist, with how many releases it held, and what whoever is asked
//! says of it, once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use super::frame::{guarded, page, plainly};
use super::said::name;
use super::{Pages, Shared, session, to_all};
use crate::flow::app::link;
use crate::flow::app::periods::{Answered, Survey, Taken, WORDS};
use crate::flow::audit::ANSWERS;
use crate::flow::visits::Here;
use crate::forge::{Doorway, Hub};

/// The page.
pub async fn shown<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let wanted = match pages.wanted(request.headers(), request.uri()).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let of = |key: &str| wanted.parameters.get(key).cloned().unwrap_or_default();
    show(&pages, &wanted.here, (&of("repository"), &of("period"))).await
}

async fn show<H: Hub, D: Doorway>(
    pages: &Arc<Pages<H, D>>,
    here: &Here,
    (repository, period): (&str, &str),
) -> Response {
    if !here.visitor.may_read(H::NAME, repository) {
        return none(here);
    }
    match pages.desk.survey(repository, period, &here.visitor.account).await {
        Ok(Some((survey, answered))) => {
            let content = content(here, (repository, period), &survey, answered);
            page(StatusCode::OK, "Survey", Some(here), &content)
        }
        Ok(None) => none(here),
        Err(fault) => pages.unread(here, &fault.to_string()),
    }
}

/// Somebody answers.
pub async fn answered<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let (_, here, fields) = match session::form(&pages, request, session::Visit::Acts).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let of = |key: &str| fields.get(key).cloned().unwrap_or_default();
    let (repository, period) = (of("repository"), of("period"));
    if !here.visitor.may_read(H::NAME, &repository) {
        return none(&here);
    }
    let account = &here.visitor.account;
    let survey = match pages.desk.survey(&repository, &period, account).await {
        Ok(Some((survey, _))) => survey,
        Ok(None) => return none(&here),
        Err(fault) => return pages.unread(&here, &fault.to_string()),
    };
    let mut answers = Vec::new();
    for (at, item) in survey.items.iter().enumerate() {
        let answer = of(&format!("answer-{at}"));
        let says = of(&format!("says-{at}")).trim().to_owned();
        if says.len() > WORDS {
            let says = format!("What you say of one item is longer than {WORDS} bytes. Go back, and shorten it.");
            return plainly(StatusCode::BAD_REQUEST, "Nothing was taken", Some(&here), &says, &to_all());
        }
        if !answer.is_empty() {
            answers.push(Answered {
                item: item.item.clone(),
                answer,
                says: Some(says).filter(|says| !says.is_empty()),
            });
        }
    }
    match pages.desk.answer_survey(&repository, &period, account, answers).await {
        Ok(Taken::Recorded | Taken::Before) => {
            let mut response = guarded((StatusCode::SEE_OTHER, Body::empty()), "text/plain; charset=utf-8");
            if let Ok(to) = HeaderValue::from_str(&link::survey(&repository, &period)) {
                response.headers_mut().insert(LOCATION, to);
            }
            response
        }
        Ok(Taken::NotAsked) => {
            let says = "You are not asked in this survey, or you answered nothing. Whoever approved something in the period is \
                        asked.";
            plainly(StatusCode::FORBIDDEN, "Nothing was taken", Some(&here), says, &to_all())
        }
        Ok(Taken::Often) => {
            let says = "You answered very often just now. Wait ten minutes, and send it again.";
            plainly(StatusCode::TOO_MANY_REQUESTS, "Nothing was taken", Some(&here), says, &to_all())
        }
        Err(failed) => pages.unread(&here, &failed.to_string()),
    }
}

fn none(here: &Here) -> Response {
    let says = "There is no such survey, or you may not read its repository.";
    plainly(StatusCode::NOT_FOUND, "There is no such survey", Some(here), says, &to_all())
}

fn content(here: &Here, (repository, period): (&str, &str), survey: &Survey, answered: bool) -> Markup {
    let is_asked = survey.person(&here.visitor.account).is_some();
    html! {
        h1 { "Which of these are worth their while?" }
        p { "The gates of " (name(repository)) " and the items of its checklists, with how many releases each held in "
            (name(period)) "." }
        @if answered { p { strong { "You have answered. " } "What you said stands in the record." } }
        @if !is_asked { p { "You are not asked: whoever approved something in the period is, or holds a role that the policy names." } }
        @if survey.items.is_empty() { p { "Nothing was decided in that period, and so nothing is asked." } }
        @if is_asked && !answered && !survey.items.is_empty() {
            form method="post" action="/answer" {
                input type="hidden" name="token" value=(here.token);
                input type="hidden" name="repository" value=(repository);
                input type="hidden" name="period" value=(period);
                ul class="cards" { @for (at, item) in survey.items.iter().enumerate() { li {
                    fieldset {
                        legend { (name(&item.item)) }
                        p class="faint" { "held " (item.held) " of " (item.of) " releases" }
                        @for answer in ANSWERS {
                            label { input type="radio" name={ "answer-" (at) } value=(answer); " " (answer) } " "
                        }
                        p { label { "Why " input type="text" name={ "says-" (at) } maxlength=(WORDS); } }
                    }
                } } }
                button type="submit" { "Send the answers" }
            }
        } @else {
            ul { @for item in &survey.items { li { (name(&item.item)) ": held " (item.held) " of " (item.of) " releases" } } }
        }
    }
}
