//! One release on its way into one environment.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

use super::goes::{self, AtForge};
use super::people;
use super::said::{instant, micros, name, names, owed as owed_word, ruling, said, span, status};
use super::timeline;
use super::tree::tree;
use crate::flow::app::link;
use crate::flow::sheet::{LISTED, Moment, Sheet};
use crate::model::facts::{Fact, Facts, GateEvidence};
use crate::model::ground::Ground;
use crate::model::measures::Measure;
use crate::model::release_decision::{Class, Impact, Node, ReleaseDecision};
use crate::store::change::Stream;
use crate::store::history::Past;

/// A table with its caption, which keeps to itself where it is wider than the screen.
pub fn table(caption: &str, columns: &[&str], rows: &Markup) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// The title of a release's page.
pub fn title(stream: &Stream) -> String {
    format!("{} to {}", name(&stream.release), name(&stream.environment))
}

/// The page. `now` is the instant by which clocks are read; a notice stands behind the sentence, and what somebody can do
/// behind what goes.
pub fn release(
    sheet: &Sheet,
    (at, now): (Moment, DateTime<Utc>),
    (notice, acts): (&Markup, &Markup),
    at_forge: &AtForge<'_>,
) -> Markup {
    let zone = *sheet.zone.as_ref().unwrap_or(&Tz::UTC);
    let shown = &sheet.shown;
    html! {
        h1 { (title(&sheet.stream)) }
        @if at != Moment::Last { (as_it_was(sheet, at, zone)) }
        p class={ "sentence " (class(&shown.ruling)) } { (ruling(&shown.ruling)) " " (said(&shown.summary)) }
        (goes::past_us(sheet, zone))
        (notice)
        (goes::goes(sheet, at_forge))
        (acts)
        @if let Err(why) = &sheet.zone {
            p { "Times are told in UTC: the zone of its policy is not known, because " (said(why)) }
        }
        @match &sheet.decision {
            Ok(decision) => (explained(sheet, decision, zone)),
            Err(why) => {
                p { "The explanation cannot be shown: the decision document " code { (shown.document.to_string()) } ", " (said(why)) }
                p { "The log still has its digest. A receipt that somebody keeps has the document itself." }
            },
        }
        (obligations(sheet, zone, now))
        (earlier(sheet, zone))
        (timeline::timeline(&sheet.timeline, &sheet.decisions, zone))
        (receipt(sheet))
    }
}

fn class(ruling: &str) -> &'static str {
    match ruling {
        "proceed" => "proceed",
        "reject" => "reject",
        _ => "hold",
    }
}

/// Says that this is not how it stands now.
fn as_it_was(sheet: &Sheet, at: Moment, zone: Tz) -> Markup {
    html! {
        p {
            strong { "As it was " }
            @match at {
                Moment::Last => {},
                Moment::Entry(entry) => { strong { "when entry " (entry) " was the last" } },
                Moment::Instant(at) => { strong { (instant(at, zone)) } },
            }
            ": decision " (sheet.shown.version) ", as it was recorded then. "
            @if sheet.is_last { "It still is the last one. " }
            a href=(link::path(&sheet.stream)) { "See it as it is now" }
        }
    }
}

fn explained(sheet: &Sheet, decision: &ReleaseDecision, zone: Tz) -> Markup {
    html! {
        (about(sheet, decision, zone))
        h2 { "Why" }
        (tree(&decision.tree.parts, zone))
        (gates(decision, sheet.facts.as_ref(), zone))
        (people::people(decision, sheet.facts.as_ref(), zone))
    }
}

fn about(sheet: &Sheet, decision: &ReleaseDecision, zone: Tz) -> Markup {
    let class = match decision.class {
        Class::Standard => "standard",
        Class::Normal => "normal",
        Class::Emergency => "emergency",
    };
    let impact = match decision.risk.impact {
        Impact::Low => "low",
        Impact::Medium => "medium",
        Impact::High => "high",
    };
    html! {
        dl {
            dt { "Repository" } dd { (name(&sheet.stream.repository)) }
            @if let Ok(facts) = &sheet.facts { dt { "Commit" } dd { code { (name(&facts.release.commit)) } } }
            @if !decision.components.is_empty() { dt { "Components" } dd { (names(&decision.components)) } }
            dt { "Class" } dd { (class) }
            dt { "Impact" }
            dd {
                (impact)
                @match decision.risk.score {
                    Some(score) => { ", risk " ((score * 10.0).round() / 10.0) },
                    None => ", the risk is not known",
                }
            }
            @if !decision.routes.is_empty() { dt { "Route" } dd { (names(&decision.routes)) } }
            @if decision.rigor > 0 { dt { "Rigor" } dd { "+" (decision.rigor) } }
            dt { "Decided for" } dd { (instant(decision.now, zone)) }
            dt { "Recorded" } dd { (micros(sheet.shown.at, zone)) ", entry " (sheet.shown.entry) }
            @if let Some(at) = decision.revisit.at.filter(|_| sheet.is_last) {
                dt { "Decided anew" } dd { (instant(at, zone)) ", or when something happens" }
            }
            dt { "By" } dd { (name(&decision.tool)) ", time zones of " (name(&decision.zone_database)) }
        }
        @if !decision.risk.items.is_empty() {
            details {
                summary { "What makes up the risk" }
                (table("Risk", &["What", "Points", "Because"], &html! {
                    @for item in &decision.risk.items { tr {
                        th scope="row" { (name(&item.name)) }
                        td { @match item.points { Some(points) => (points), None => "not known" } }
                        td { (said(&item.because)) }
                    } }
                }))
            }
        }
    }
}

/// Every gate of the explanation, in its order.
fn judged<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    if matches!(node.code, Ground::Gate | Ground::PackGate | Ground::WaiverInForce | Ground::GateSkipped) {
        found.push(node);
        return;
    }
    for part in &node.parts {
        judged(part, found);
    }
}

/// Whether what a gate's node says is of the gate of that name: the name stands first in it.
fn is_of(node: &Node, gate: &str) -> bool {
    let bare = gate.rsplit('/').next().unwrap_or(gate);
    node.says.strip_prefix(bare).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn gates(decision: &ReleaseDecision, facts: Result<&Facts, &String>, zone: Tz) -> Markup {
    let mut nodes = Vec::new();
    judged(&decision.tree, &mut nodes);
    html! {
        h2 { "Gates and their evidence" }
        @if nodes.is_empty() { p { "No gate guards this environment for this release." } }
        @for node in nodes {
            p { (status(node.status)) " " (said(&node.says)) }
            @if let Ok(facts) = facts {
                @for (gate, evidence) in facts.evidence.iter().filter(|(gate, _)| is_of(node, gate)) {
                    @match evidence {
                        Fact::Known(evidence) => (measured(gate, evidence, zone)),
                        Fact::Absent => p class="faint" { "no evidence yet" },
                        Fact::Unavailable(why) => p { "the evidence could not be read: " (said(why)) },
                    }
                }
            }
        }
        @if let Err(why) = facts { p { "The evidence cannot be shown: " (said(why)) } }
    }
}

fn measured(gate: &str, evidence: &GateEvidence, zone: Tz) -> Markup {
    let before = evidence.baseline.known();
    html! {
        details {
            summary { "Evidence of " (name(gate)) }
            dl {
                dt { "Files" }
                dd {
                    @if evidence.digests.is_empty() { "none" }
                    @for (at, digest) in evidence.digests.iter().enumerate() { @if at > 0 { ", " } code { (name(digest)) } }
                }
                dt { "Made" }
                dd { @match &evidence.made_at {
                    Fact::Known(at) => (instant(*at, zone)),
                    Fact::Absent => "it does not say when",
                    Fact::Unavailable(why) => { "not known: " (said(why)) },
                } }
                @if let Some(from) = evidence.from.known() { dt { "From" } dd { (name(from)) } }
                @if let Some((reason, says)) = &evidence.fault {
                    dt { "Not taken" } dd { (said(says)) " (" code { (reason.code()) } ")" }
                }
                @for signer in &evidence.signers { dt { "Signed by" } dd { (name(&signer.identity)) } }
            }
            @if !evidence.measures.is_empty() {
                (table(&format!("What {} measures", name(gate)), &["Measure", "Now", "At the last release"], &html! {
                    @for (measure, value) in &evidence.measures { tr {
                        th scope="row" { code { (name(measure)) } }
                        td { (shown(value)) }
                        td { @match before.and_then(|before| before.get(measure)) { Some(value) => (shown(value)), None => "not known" } }
                    } }
                }))
            }
        }
    }
}

fn shown(measure: &Measure) -> String {
    match measure {
        Measure::Number(value) => value.to_string(),
        Measure::Seconds(value) => format!("{value} s"),
        Measure::Flag(true) => "yes".to_owned(),
        Measure::Flag(false) => "no".to_owned(),
        Measure::Text(text) => name(text),
        Measure::Names(all) => names(all),
    }
}

fn obligations(sheet: &Sheet, zone: Tz, now: DateTime<Utc>) -> Markup {
    let would = sheet.decision.as_ref().map(|decision| decision.obligations.as_slice()).unwrap_or_default();
    // Once it went, what it left stands in the record.
    let goes_on = sheet.shown.ruling != "proceed" || sheet.owed.is_empty();
    html! {
        h2 { "Obligations" }
        @if sheet.owed.is_empty() && would.is_empty() {
            p { @if sheet.shown.ruling == "proceed" { "It leaves nothing to be done." } @else {
                "Nothing is owed for it: what a release leaves to be done is opened when it goes."
            } }
        }
        @if !sheet.owed.is_empty() {
            (table("What it left to be done", &["What", "By", "Due", "Stands"], &html! {
                @for (owed, met) in &sheet.owed { tr {
                    th scope="row" { (owed_word(&owed.kind)) }
                    td { (owed.role.as_deref().map_or_else(|| "the app itself".to_owned(), name)) }
                    td { @match owed.due { Some(due) => (micros(due, zone)), None => "no clock" } }
                    td { @match (met, owed.due) {
                        (Some(met), _) => {
                            (status(crate::model::release_decision::Status::Met)) " " (instant(met.at, zone))
                            @for (at, by) in met.by.iter().enumerate() { @if at == 0 { ", by " } @else { " and " } (name(by.login())) }
                            @for (at, with) in met.evidence.iter().enumerate() { @if at == 0 { ", with " } @else { ", " } (said(with)) }
                        },
                        (None, Some(due)) if due <= now.timestamp_micros() => {
                            span class="mark unmet" { span aria-hidden="true" { "✗ " } "late" }
                            " by " (span(now.timestamp_micros() - due))
                        },
                        (None, Some(due)) => {
                            (status(crate::model::release_decision::Status::Waiting)) ", " (span(due - now.timestamp_micros())) " left"
                        },
                        (None, None) => (status(crate::model::release_decision::Status::Waiting)),
                    }
                    @if met.is_none() { @for (_, said_of) in sheet.claimed.iter().filter(|(of, _)| *of == owed.id) {
                        br;
                        @for by in &said_of.by { (name(by.login())) }
                        " says that it is done, " (instant(said_of.at, zone))
                        @for (at, with) in said_of.evidence.iter().enumerate() { @if at == 0 { ", with " } @else { ", " } (said(with)) }
                        ": not confirmed yet"
                    } } }
                } }
            }))
        }
        @if goes_on && !would.is_empty() {
            (table("What it leaves to be done once it goes", &["What", "By", "Due, if it goes now", "Told to"], &html! {
                @for owed in would { tr {
                    th scope="row" { (owed_word(&owed.kind)) @if owed.needs_evidence { ", with evidence" } }
                    td { (owed.by.as_deref().map_or_else(|| "the app itself".to_owned(), name)) }
                    td { @match owed.due { Some(due) => (instant(due, zone)), None => "no clock" } }
                    td { @if owed.to.is_empty() { "nobody" } @else { (names(&owed.to)) } }
                } }
            }))
        }
    }
}

fn earlier(sheet: &Sheet, zone: Tz) -> Markup {
    let stream = &sheet.stream;
    html! {
        h2 { "How it came to this" }
        p { "Each decision as it was recorded, the newest first." }
        ol reversed start=(sheet.decisions.first().map_or(1, |first| first.version)) {
            @for past in &sheet.decisions { li {
                a href=(at(stream, past)) aria-current=[(past.entry == sheet.shown.entry).then_some("true")] { (micros(past.at, zone)) }
                " " (ruling(&past.ruling)) " " (said(&past.summary))
            } }
        }
        @if sheet.decisions.len() as u64 >= LISTED { p class="faint" { "Older ones are found by their moment." } }
        form class="screen" method="get" action="/release" {
            input type="hidden" name="repository" value=(stream.repository);
            input type="hidden" name="release" value=(stream.release);
            input type="hidden" name="environment" value=(stream.environment);
            p {
                label for="at" { "See it as it was at an entry's number or an instant, such as " code { "2026-11-27T14:00:00Z" } }
                br;
                input id="at" name="at" type="text" required autocomplete="off" spellcheck="false";
                " "
                button type="submit" { "Show" }
            }
        }
        form class="screen" method="get" action="/release" {
            input type="hidden" name="repository" value=(stream.repository);
            input type="hidden" name="release" value=(stream.release);
            input type="hidden" name="environment" value=(stream.environment);
            p {
                label for="when" { "Or choose a day and a time, in UTC" }
                br;
                input id="when" name="at" type="datetime-local" required value=(shown_at(sheet));
                " "
                button type="submit" { "Show that moment" }
            }
        }
    }
}

/// The minute after the decision that is shown was recorded, as a browser's field for an instant has it.
fn shown_at(sheet: &Sheet) -> String {
    let at = DateTime::<Utc>::from_timestamp_micros(sheet.shown.at.saturating_add(60_000_000));
    at.map(|at| at.format("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}

fn at(stream: &Stream, past: &Past) -> String {
    format!("{}&at={}", link::path(stream), past.entry)
}

fn receipt(sheet: &Sheet) -> Markup {
    let (shown, tree) = (&sheet.shown, &sheet.checkpoint);
    html! {
        h2 { "Receipt" }
        p {
            a class="action" href={ "/receipt?" (link::query(&sheet.stream)) "&at=" (shown.entry) } { "Download the receipt of this decision" }
        }
        p { "It shows, with the log's key and no network, what was decided and that the log holds it: " code { "countersign verify receipt.json --log-key KEY" } }
        dl {
            dt { "Entry" } dd { (shown.entry) }
            dt { "Decision document" } dd { code { "sha256:" (shown.document.to_string()) } }
            dt { "Facts" } dd { code { "sha256:" (shown.facts.to_string()) } }
            dt { "Log" } dd { (name(&tree.origin)) }
            dt { "Covered by" } dd { "the checkpoint of " (tree.size) " entries, root " code { (tree.root.to_string()) } }
        }
        details { summary { "The signed checkpoint" } pre tabindex="0" { (sheet.signed) } }
    }
}
