//! What was made for those who audit when periods ended: by repository, for whom its policy has them. Taking a
//! document is a form and no link, for it is an entry of the record before anything is shown.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use chrono_tz::Tz;
use maud::{Markup, html};
use serde_json::json;

use super::frame::{guarded, page, plainly};
use super::said::{instant, name, names};
use super::{Pages, Shared, given_up, session};
use crate::flow::app::link;
use crate::flow::app::periods::Made;
use crate::flow::app::readers::{Reads, Unknown};
use crate::flow::visits::Here;
use crate::forge::{Doorway, Hub};

/// Where it is.
pub const PATH: &str = "/reports";
/// How many repositories are listed.
const MOST: usize = 500;

/// The page of a repository's reports; without one, the repositories that he may read.
pub async fn shown<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let wanted = match pages.wanted(request.headers(), request.uri()).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let here = &wanted.here;
    let Some(repository) = wanted.parameters.get("repository") else {
        let list = html! {
            h1 { "Reports" }
            p { "When a period ends, the reports that a repository's policy names are made from the record." }
            ul { @for repository in here.visitor.repositories.iter().take(MOST) {
                li { a href=(link::reports(repository)) { (name(repository)) } }
            } }
            @if here.visitor.repositories.len() > MOST { p class="faint" { "There are more; name one in the address." } }
            @if here.visitor.repositories.is_empty() { p { "There is no repository of this app that you may read." } }
        };
        return page(StatusCode::OK, "Reports", Some(here), &list);
    };
    if !here.visitor.may_read(H::NAME, repository) {
        return none(here);
    }
    if let Err(response) = reads(&pages, request.headers(), here, repository).await {
        return response;
    }
    match pages.desk.reports_of(repository).await {
        Ok(all) => page(StatusCode::OK, "Reports", Some(here), &content(here, repository, &all)),
        Err(fault) => pages.unread(here, &fault.to_string()),
    }
}

/// Somebody takes a document.
pub async fn taken<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let headers = request.headers().clone();
    let (_, here, fields) = match session::form(&pages, request, session::Visit::Looks).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let of = |key: &str| fields.get(key).cloned().unwrap_or_default();
    let (repository, period, file) = (of("repository"), of("period"), of("file"));
    if !here.visitor.may_read(H::NAME, &repository) {
        return none(&here);
    }
    if let Err(response) = reads(&pages, &headers, &here, &repository).await {
        return response;
    }
    match pages.desk.report_file(&repository, (&period, &file), &here.visitor.account).await {
        Ok(Some(bytes)) => {
            let is_table = file.rsplit_once('.').is_some_and(|(_, kind)| kind == "csv");
            let kind = if is_table { "text/csv; charset=utf-8" } else { "application/json" };
            let mut response = guarded(bytes, kind);
            if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")) {
                response.headers_mut().insert(CONTENT_DISPOSITION, name);
            }
            response
        }
        Ok(None) => none(&here),
        Err(failed) => pages.unread(&here, &failed.to_string()),
    }
}

/// Whether somebody who is here is one of those for whom the reports of a repository are; else the page that he gets instead.
async fn reads<H: Hub, D: Doorway>(
    pages: &Pages<H, D>,
    headers: &HeaderMap,
    here: &Here,
    repository: &str,
) -> Result<(), Response> {
    let next = html! { p { a class="action" href=(PATH) { "Reports" } } };
    let closed = |says: &str| plainly(StatusCode::FORBIDDEN, "These reports are not for you", Some(here), says, &next);
    match pages.desk.reads_reports(repository, &here.visitor.account, pages.visits.age()).await {
        Ok(Reads::Holds) => Ok(()),
        Ok(Reads::OnlyFor(roles)) => Err(closed(&format!(
            "The policy of {} has reports for whoever holds {}. Ask one of them, or whoever keeps the policy.",
            name(repository),
            names(&roles)
        ))),
        Ok(Reads::Administrators) => {
            if given_up::administered(pages, headers, here, &link::reports(repository)).await?(repository) {
                return Ok(());
            }
            Err(closed(&format!(
                "The policy of {} names nobody for whom reports are, and so they are for whoever administers it. A role stands under \
                 `to` of `reports`.",
                name(repository)
            )))
        }
        Err(why) => {
            pages.desk.say("readers_unknown", &json!({ "repository": repository, "fault": why.to_string() }));
            let whose = match &why {
                Unknown::Group { group, .. } => format!(": who is in {} could not be read", name(group)),
                Unknown::Policy(_) => ": the policy could not be read".to_owned(),
                Unknown::Forge(_) => String::new(),
            };
            let says = format!(
                "It cannot be told now whether these reports are for you{whose}. Load the page again in a minute; if it stays so, \
                 whoever runs the app finds the reason in its log."
            );
            Err(plainly(StatusCode::SERVICE_UNAVAILABLE, "Nothing is shown", Some(here), &says, &next))
        }
    }
}

fn none(here: &Here) -> Response {
    let says = "There is no such report, it is not kept any more, you may not read its repository, or you read very many just \
                now.";
    let next = html! { p { a class="action" href=(PATH) { "Reports" } } };
    plainly(StatusCode::NOT_FOUND, "There is no such report", Some(here), says, &next)
}

fn content(here: &Here, repository: &str, all: &[Made]) -> Markup {
    html! {
        h1 { "Reports of " (name(repository)) }
        p class="screen" { a href=(PATH) { "Those of other repositories" } }
        @if all.is_empty() {
            p {
                "None was made yet. A policy names them under " code { "reports" } ", and they are made when the next period ends. \
                 " code { "countersign report" } " makes one of any period at any time."
            }
        }
        @for made in all { (one(here, repository, made)) }
        @if !all.is_empty() { p class="faint" { "That you take one is written down in the record." } }
    }
}

fn one(here: &Here, repository: &str, made: &Made) -> Markup {
    let zone: Tz = made.zone.parse().unwrap_or(Tz::UTC);
    // Each report is there as a table and as a document.
    let mut by_report: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, _) in &made.files {
        let report = file.rsplit_once('.').map_or(file.as_str(), |(report, _)| report);
        by_report.entry(report).or_default().push(file);
    }
    html! {
        h2 { (name(&made.period)) }
        p class="faint" { "made " (instant(made.at, zone)) ", entry " (made.entry) }
        ul class="cards" { @for (report, files) in by_report { li {
            h3 { (name(report)) }
            @for file in files { (button(here, (repository, &made.period), file)) }
        } } }
    }
}

fn button(here: &Here, (repository, period): (&str, &str), file: &str) -> Markup {
    html! {
        form method="post" action="/report" {
            input type="hidden" name="token" value=(here.token);
            input type="hidden" name="repository" value=(repository);
            input type="hidden" name="period" value=(period);
            input type="hidden" name="file" value=(file);
            button type="submit" { "Take " (name(file)) }
        }
    }
}
