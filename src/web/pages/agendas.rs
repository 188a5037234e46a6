//! The agendas of the board: the meetings that come, what stands on each, and what was decided.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono_tz::Tz;
use maud::{Markup, html};

use super::Shared;
use super::frame::page;
use super::release::table;
use super::said::{instant, name, ruling, said};
use crate::flow::app::agendas::{AGENDAS, Agenda, Agendas, Row};
use crate::flow::app::{Unshown, link};
use crate::forge::{Doorway, Hub};
use crate::model::facts::{Account, CabDecision, CabOutcome};

/// Where it is.
pub const PATH: &str = "/agendas";

/// The page of all agendas that somebody may see, or of those of one repository.
pub async fn shown<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let wanted = match pages.wanted(request.headers(), request.uri()).await {
        Ok(wanted) => wanted,
        Err(response) => return response,
    };
    let here = &wanted.here;
    let only = wanted.parameters.get("repository").cloned();
    let visitor = here.visitor.clone();
    let of = only.clone();
    let may = move |repository: &str| {
        of.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(repository)) && visitor.may_read(H::NAME, repository)
    };
    match pages.desk.agendas(may).await {
        Ok(agendas) => page(StatusCode::OK, "Agendas of the board", Some(here), &content(&agendas, only.as_deref())),
        Err(Unshown::Busy(busy)) => pages.busy(here, &busy.to_string()),
        Err(Unshown::Record(fault)) => pages.unread(here, &fault.to_string()),
    }
}

fn content(agendas: &Agendas, only: Option<&str>) -> Markup {
    html! {
        h1 { "Agendas of the board" @if let Some(only) = only { ", " (name(only)) } }
        @if only.is_some() { p class="screen" { a href=(PATH) { "Those of all repositories" } } }
        p {
            "What waits for the change advisory board is listed for its next meeting. Its members decide in the issue of the agenda; \
             what they decided stands here by what each release was decided by last."
        }
        h2 { "Coming" }
        @if agendas.coming.is_empty() { p { "Nothing waits for a meeting." } }
        @for agenda in &agendas.coming { (one(agenda)) }
        @if !agendas.over.is_empty() {
            h2 { "Over" }
            @for agenda in &agendas.over { (one(agenda)) }
        }
        @if agendas.more { p class="faint" { "The last " (AGENDAS) " that are over are shown; earlier ones are issues at the forge." } }
        p class="screen" { a href="/" { "All releases" } }
    }
}

fn one(agenda: &Agenda) -> Markup {
    let zone = agenda.zone.unwrap_or(Tz::UTC);
    html! {
        h3 { (instant(agenda.meeting, zone)) ", " (name(&agenda.repository)) }
        p class="faint" {
            @match agenda.number {
                Some(number) => { "issue " (number) },
                None => "its issue is not opened yet",
            }
        }
        @if !agenda.items.is_empty() {
            (table("Releases", &["Release", "Changes", "Decided here", "Stands"], &html! { @for row in &agenda.items { (item(row, zone)) } }))
        }
        @if agenda.left_out > 0 { p class="faint" { "Releases that are left out here: " (agenda.left_out) } }
        @if !agenda.models.is_empty() {
            (table("Standard changes", &["Named", "Its terms"], &html! { @for (word, terms) in &agenda.models { tr {
                th scope="row" { code { (name(word)) } }
                td { (said(terms)) }
            } } }))
        }
    }
}

fn item(row: &Row, zone: Tz) -> Markup {
    html! { tr {
        th scope="row" { a href=(link::path(&row.stream)) { (name(&row.commit)) " to " (name(&row.stream.environment)) } }
        td {
            @for (at, change) in row.changes.iter().enumerate() { @if at > 0 { ", " } (name(change)) }
            @if let Some(record) = &row.record { @if !row.changes.is_empty() { "; " } "change record " (name(record)) }
        }
        td { @match &row.decided {
            Err(why) => { "not known: " (said(why)) },
            Ok(all) if all.is_empty() => "nothing yet",
            Ok(all) => { @for (at, decision) in all.iter().enumerate() { @if at > 0 { br; } (decided(decision, zone)) } },
        } }
        td { @match &row.stands {
            Some((word, summary)) => { (ruling(word)) " " (said(summary)) },
            None => "not decided yet",
        } }
    } }
}

/// What whoever chairs said. Whether it counts the release's own page says.
fn decided(decision: &CabDecision, zone: Tz) -> Markup {
    let word = match decision.outcome {
        CabOutcome::Approve => "approved",
        CabOutcome::ApproveWithConditions => "approved on conditions",
        CabOutcome::Defer => "put off",
        CabOutcome::Reject => "rejected",
    };
    let there: Vec<String> = decision.attendees.entries().iter().map(|it| name(it.login())).collect();
    html! {
        (word) " by " (decision.chair.known().map_or_else(|| "nobody known".to_owned(), |chair: &Account| name(chair.login())))
        ", " (instant(decision.at, zone))
        @if !there.is_empty() { ", with " (there.join(", ")) " there" }
        @for (at, condition) in decision.conditions.iter().enumerate() {
            @if at == 0 { ": " } @else { "; " } (said(&condition.text))
        }
        @if !decision.notes.is_empty() { ": " (said(&decision.notes)) }
    }
}
