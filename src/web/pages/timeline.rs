//! What happened, entry by entry.

use chrono_tz::Tz;
use maud::{Markup, html};
use serde_json::Value;

use super::said::{instant, name, ruling, said};
use crate::flow::sheet::LISTED;
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
            (name(text(entry, "does"))) " by " (name(login(text(entry, "by")))) ", " code { (name(text(entry, "act"))) }
        },
        Kind::Refusal => html! {
            (entry.kind.meaning()) ", " (name(text(entry, "would"))) " by " (name(login(text(entry, "by")))) ": "
            (said(text(entry, "refused")))
        },
        Kind::Obligation => html! {
            "obligation " code { (name(text(entry, "obligation"))) } " " (name(text(entry, "state")))
        },
        Kind::Deployment => html! {
            "deployment to " (name(text(entry, "environment"))) " " (name(text(entry, "state")))
        },
        Kind::Effect => html! {
            @match text(entry, "state") {
                "to do" => "to be told",
                "done" => "told",
                other => (name(other)),
            }
            @if !text(entry, "to").is_empty() { ": " (name(text(entry, "to"))) }
            @if !text(entry, "said").is_empty() { ", " (said(text(entry, "said"))) }
        },
        _ => html! { (entry.kind.meaning()) },
    }
}

fn login(account: &str) -> &str {
    account.split_once(':').map_or(account, |(_, login)| login)
}
