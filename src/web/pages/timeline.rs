//! What happened, entry by entry.

use chrono_tz::Tz;
use maud::{Markup, html};
use serde_json::Value;

use super::goes::let_in_by;
use super::said::{did, instant, name, outcome, owed, place, ruling, said};
use crate::flow::sheet::{LISTED, Met};
use crate::log::entry::{Entry, Kind};
use crate::store::history::Past;

/// The timeline, the newest first.
pub fn timeline(entries: &[(u64, Entry)], decisions: &[Past], zone: Tz) -> Markup {
    html! {
        h2 { "Timeline" }
        ol class="cards" {
            @for (number, entry) in entries { li {
                (instant(entry.at, zone)) ", entry " (number) ": " (what(*number, entry, decisions))
            } }
        }
        @if entries.len() as u64 >= LISTED { p class="faint" { "What came before stands in the log." } }
    }
}

fn text<'e>(entry: &'e Entry, key: &str) -> &'e str {
    entry.body.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn what(number: u64, entry: &Entry, decisions: &[Past]) -> Markup {
    match entry.kind {
        Kind::Decision => {
            let past = decisions.iter().find(|past| past.entry == number);
            html! {
                "decided, " (ruling(text(entry, "decision")))
                @if let Some(past) = past { " " (said(&past.summary)) }
            }
        }
        Kind::Delivery => {
            html! { (name(text(entry, "forge"))) " delivered " code { (name(text(entry, "id"))) } }
        }
        Kind::Approval | Kind::Rejection | Kind::Withdrawal | Kind::Waiver | Kind::Tick => html! {
            (entry.kind.meaning()) " by " (name(login(text(entry, "by")))) ", " code { (name(text(entry, "act"))) }
        },
        Kind::Act => html! {
            (did(text(entry, "does"))) " by " (name(login(text(entry, "by")))) ", " code { (name(text(entry, "act"))) }
        },
        Kind::Refusal => html! {
            (entry.kind.meaning()) ", " (did(text(entry, "would"))) " by " (name(login(text(entry, "by")))) ": "
            (said(text(entry, "refused")))
        },
        Kind::Obligation => obligation(entry),
        Kind::Deployment => deployment(entry),
        Kind::Effect => html! {
            @match text(entry, "state") {
                "to do" => "to be told",
                "done" => "told",
                other => (name(other)),
            }
            @if !text(entry, "to").is_empty() { ": " (place(text(entry, "to"))) }
            @if !text(entry, "said").is_empty() { ", " (said(text(entry, "said"))) }
        },
        _ => html! { (entry.kind.meaning()) },
    }
}

/// What became of something that is to be done, and who did it.
fn obligation(entry: &Entry) -> Markup {
    let kind = text(entry, "kind");
    let state = text(entry, "state");
    let met = Met::of(entry);
    html! {
        @match state {
            "opened" => "to be done: ",
            "met" => "done: ",
            other => { (name(other)) ": " },
        }
        @if !kind.is_empty() { (owed(kind)) ", " }
        code { (name(text(entry, "obligation"))) }
        @if state == "met" {
            @for (at, by) in met.by.iter().enumerate() { @if at == 0 { ", by " } @else { " and " } (name(by.login())) }
            @for (at, with) in met.evidence.iter().enumerate() { @if at == 0 { ", with " } @else { ", " } (said(with)) }
        }
    }
}

/// What became of a deployment, and whether it went past us.
fn deployment(entry: &Entry) -> Markup {
    let by = let_in_by(entry.body.get("let_in").and_then(Value::as_str));
    let run = entry.body.get("run").and_then(Value::as_u64);
    html! {
        @match text(entry, "state") {
            "imported" => {
                "taken up as an emergency, since no decision had let it in"
                @if let Some(decision) = entry.body.get("decided").and_then(Value::as_u64) { ": entry " (decision) }
            },
            state => { "the deployment to " (name(text(entry, "environment"))) " " (outcome(state)) },
        }
        @if let Some(run) = run { ", run " (run) }
        @if !text(entry, "told_by").is_empty() { ", as told by " (name(text(entry, "told_by"))) }
        @match text(entry, "finding") {
            "" => {},
            "without_decision" => { ". " strong { "It went past Countersign: " } "no decision had let it in" },
            "ended_after_hold" => { ". " strong { "It went past Countersign: " } "its job was told to wait, and ended" },
            "ended_late" => { ". " strong { "It went past Countersign: " } "it ended so late that what had let it in did not count any more" },
            other => { ". " strong { "A finding: " } (name(other)) },
        }
        @if !by.is_empty() { "; at the forge it was let in by " (by.join(" and ")) }
    }
}

fn login(account: &str) -> &str {
    account.split_once(':').map_or(account, |(_, login)| login)
}
