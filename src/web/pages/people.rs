//! What people did and are asked to do: approvals with what counted and what not, and who is still asked.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use maud::{Markup, html};

use super::said::{instant, name, names, said};
use crate::model::facts::{Act, Deed, Fact, Facts, Standing, Via};
use crate::model::release_decision::{Node, ReleaseDecision, Status};

/// How many acts are listed.
const ACTS: usize = 300;

/// Approvals, the acts that they are made of, and who is asked.
pub fn people(decision: &ReleaseDecision, facts: Result<&Facts, &String>, zone: Tz) -> Markup {
    html! {
        h2 { "Approvals" }
        (requirements(decision))
        @match facts {
            Ok(facts) => (acts(decision, facts, zone)),
            Err(why) => p { "What people did cannot be shown: " (said(why)) },
        }
        h3 { "Who is asked" }
        @if decision.asks.is_empty() {
            p { "Nobody is asked for anything now." }
        } @else {
            ul { @for ask in &decision.asks { li {
                "to " (name(&ask.to)) " for " strong { (name(&ask.role)) } ": "
                @if ask.people.is_empty() { "nobody is left who could" } @else { (names(&ask.people)) }
                @if let Some(because) = &ask.because { " (" (said(because)) ")" }
            } } }
        }
    }
}

fn requirements(decision: &ReleaseDecision) -> Markup {
    if decision.approvals.is_empty() {
        return html! { p { "The policy asks for no approval of this release." } };
    }
    html! {
        (super::release::table("What the policy asks", &["Role", "People needed", "Stands", "Filled by", "About"], &html! {
            @for filled in &decision.approvals { tr {
                th scope="row" { (name(&filled.role)) }
                td { (filled.needed) @if filled.by_final_word { ", by a final word" } }
                td { (super::said::status(if filled.met { Status::Met } else { Status::Waiting })) }
                td {
                    @for (at, by) in filled.by.iter().enumerate() {
                        @if at > 0 { ", " }
                        (name(&by.person))
                        @if by.role != filled.role { " as " (name(&by.role)) }
                    }
                    @if filled.by.is_empty() { "nobody yet" }
                }
                td { @if filled.components.is_empty() { "all of the release" } @else { (names(&filled.components)) } }
            } }
        }))
    }
}

fn acts(decision: &ReleaseDecision, facts: &Facts, zone: Tz) -> Markup {
    let acts = match &facts.acts {
        Fact::Known(acts) if !acts.is_empty() => acts,
        Fact::Known(_) | Fact::Absent => return html! { p { "Nobody has approved, rejected or said anything yet." } },
        Fact::Unavailable(why) => return html! { p { "What people did could not be read: " (said(why)) } },
    };
    let columns = ["Who", "When", "What", "Reason given", "Does it count?"];
    html! {
        (super::release::table("What people did", &columns, &html! {
            @for act in acts.iter().rev().take(ACTS) { tr {
                th scope="row" {
                    (name(act.by.login()))
                    @match &act.impersonated_by {
                        Fact::Known(other) => { ", by " (name(other.login())) " in that name" }
                        Fact::Absent => {}
                        Fact::Unavailable(_) => ", or somebody in that name",
                    }
                }
                td { (instant(act.at, zone)) }
                td { (deed(&act.does)) ", " (place(act.via)) (standing(act.standing)) }
                td { @match &act.reason { Some(reason) => (said(reason)), None => "none" } }
                td { (counts(decision, act)) }
            } }
        }))
        @if acts.len() > ACTS { p class="faint" { (acts.len() - ACTS) " older ones stand in the facts." } }
    }
}

fn place(via: Via) -> &'static str {
    match via {
        Via::Environment => "as a review of the environment",
        Via::Command => "by a command",
        Via::Page => "on the release page",
        Via::Review => "as a review of the change",
        Via::Chat => "in chat",
        Via::ChangeRecord => "in the change record",
        Via::Console => "at the command line",
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Stands => "",
        Standing::Edited => ", edited afterwards",
        Standing::Dismissed => ", dismissed since",
    }
}

fn deed(does: &Deed) -> Markup {
    html! { @match does {
        Deed::Approve { role, accepts } => {
            "approves"
            @if let Some(role) = role { " as " (name(role)) }
            @if let Some(accepts) = accepts { ", accepting “" (said(accepts)) "”" }
        },
        Deed::ApprovePolicy { policy } => { "approves the policy " code { (name(policy)) } },
        Deed::Reject {} => "rejects",
        Deed::Comment {} => "comments",
        Deed::Withdraw { of } => { "takes back " code { (name(of)) } },
        Deed::Delegate { role, to, .. } => { "names " (name(to.login())) " to stand in as " (name(role)) },
        Deed::Away { .. } => "is away",
        Deed::Tick { gate, item, .. } => { "ticks “" (said(item)) "” of " (name(gate)) },
        Deed::Verify { gate, .. } => { "verifies the evidence of " (name(gate)) },
        Deed::Waive { gate, .. } => { "waives " (name(gate)) },
        Deed::ClaimEmergency {} => "says that it is an emergency",
        Deed::ConfirmFix { incident } => { "confirms that it fixes " (name(incident)) },
        Deed::ExceptFreeze { freeze } => { "excepts it from the freeze " (name(freeze)) },
        Deed::Vouch { commit } => { "vouches for the commit " code { (name(commit)) } },
        Deed::Clear { account, commit } => { "clears " (name(account.login())) " of " code { (name(commit)) } },
        Deed::Complete { obligation, .. } => { "meets the obligation " code { (name(obligation)) } },
    } }
}

/// Whether an act counts, and what the explanation says of one that lets nothing go.
fn counts(decision: &ReleaseDecision, act: &Act) -> Markup {
    if decision.counted.contains(&act.id) {
        let roles: BTreeSet<&str> = decision
            .approvals
            .iter()
            .filter(|filled| filled.by.iter().any(|by| by.acts.contains(&act.id)))
            .map(|filled| filled.role.as_str())
            .collect();
        let roles: Vec<String> = roles.into_iter().map(name).collect();
        return html! { "yes" @if !roles.is_empty() { ", for " (roles.join(", ")) } };
    }
    let mut spoken_of = Vec::new();
    speaking(&decision.tree, &act.id, &mut spoken_of);
    let (holding, rest): (Vec<&Node>, Vec<&Node>) = spoken_of.into_iter().partition(|node| !node.status.opens());
    html! {
        @if !holding.is_empty() && act.does == (Deed::Reject {}) { "yes, it holds the release" }
        @else if !holding.is_empty() { "not enough" }
        @else { "no" }
        @for says in holding.into_iter().chain(rest).map(|node| node.says.as_str()).collect::<BTreeSet<_>>() {
            ": " (said(says))
        }
    }
}

/// The requirements and notes that speak of an act and are not met by it.
fn speaking<'n>(node: &'n Node, act: &str, found: &mut Vec<&'n Node>) {
    if node.status != Status::Met && node.evidence.iter().any(|it| it == act) {
        found.push(node);
    }
    for part in &node.parts {
        speaking(part, act, found);
    }
}
