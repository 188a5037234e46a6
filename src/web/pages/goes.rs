//! What goes with a release: its changes with who wrote them and how large they are, each with its way to where the forge
//! shows it. And what went past us.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use maud::{Markup, html};

use super::release::table;
use super::said::{self, micros, name, names, said};
use crate::decide::words::count;
use crate::flow::sheet::Sheet;
use crate::forge::{LetIn, Place};
use crate::model::facts::{Account, Change, Fact, Facts, Outcome};
use crate::store::deployed::Deployed;

/// How many changes are listed, and how many files of each.
const CHANGES: usize = 200;
const FILES: usize = 100;
/// How many labels of a change are shown, and how many issues that it closes.
const NAMES: usize = 20;

/// The whole address at which the forge shows something; `None` where it has no page for it.
pub type AtForge<'f> = dyn Fn(Place<'_>) -> Option<String> + 'f;

/// A text that leads to the forge, where that shows it.
fn link(text: &str, address: Option<String>) -> Markup {
    html! { @match address { Some(address) => a href=(address) { (text) }, None => (text) } }
}

fn short(commit: &str) -> String {
    name(commit.get(..12).unwrap_or(commit))
}

/// What goes.
pub fn goes(sheet: &Sheet, at_forge: &AtForge<'_>) -> Markup {
    let facts = match &sheet.facts {
        Ok(facts) => facts,
        Err(why) => return html! { h2 { "What goes" } p { "What goes cannot be shown: " (said(why)) } },
    };
    let release = &facts.release;
    let runs: BTreeSet<u64> =
        sheet.deployed.iter().filter_map(|row| row.run).chain(sheet.waits.iter().copied()).collect();
    html! {
        h2 { "What goes" }
        p {
            "Commit " (link(&short(&release.commit), at_forge(Place::Change(&release.commit))))
            @if let Some(before) = before(facts) {
                ", where " (link(&short(before), at_forge(Place::Change(before)))) " ran last"
                @if let Some(address) = at_forge(Place::Compared(before, &release.commit)) { ": " a href=(address) { "compare them" } }
            }
            "."
            @for run in runs { " " (link(&format!("Run {run}"), at_forge(Place::Run(run)))) "." }
        }
        @match &release.changes {
            Fact::Absent => (none()),
            Fact::Known(changes) if changes.is_empty() => (none()),
            Fact::Unavailable(why) => p { "Which changes go could not be read: " (said(why)) },
            Fact::Known(changes) => {
                (table("Changes", &["Change", "Written by", "Lines", "Files"], &html! {
                    @for change in changes.iter().take(CHANGES) { (row(change, at_forge)) }
                }))
                @if changes.len() > CHANGES { p { "And " (changes.len() - CHANGES) " more, which the facts name." } }
            },
        }
    }
}

fn none() -> Markup {
    html! { p { "It brings no change that what runs there does not have." } }
}

/// What ran there last, by the deployments that went well.
fn before(facts: &Facts) -> Option<&str> {
    let release = &facts.release;
    let here = facts
        .deployments
        .entries()
        .iter()
        .filter(|it| it.environment == release.environment && it.outcome == Fact::Known(Outcome::Succeeded));
    let last = here.max_by_key(|it| it.opened_at)?;
    (last.commit != release.commit).then_some(last.commit.as_str())
}

fn row(change: &Change, at_forge: &AtForge<'_>) -> Markup {
    let id = if change.direct { short(&change.id) } else { name(&change.id) };
    html! { tr {
        th scope="row" {
            (link(&id, at_forge(Place::Change(&change.id))))
            @if change.direct { ", pushed directly" }
            @if let Some(title) = change.title.known().filter(|title| !title.is_empty()) { ": " (name(title)) }
            @for (what, all) in [("labels: ", &change.labels), ("closes ", &change.issues)] {
                @if let Fact::Known(all) = all { br; span class="faint" { (what) (names_of(all)) } }
            }
        }
        td { (wrote(change)) }
        td { @match change.lines.known() { Some(lines) => (lines), None => "not known" } }
        td { @match change.known_files() {
            None => "not known",
            Some([]) => "none",
            Some(files) => details {
                summary { (count(files.len(), "file", "files")) }
                @for (at, file) in files.iter().take(FILES).enumerate() { @if at > 0 { br; } code { (name(file)) } }
                @if files.len() > FILES { br; "and " (files.len() - FILES) " more" }
            },
        } }
    } }
}

/// The first of some names, and how many more there are.
fn names_of(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMES);
    let shown = names(all.get(..NAMES).unwrap_or(all));
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Everybody who wrote of a change, be it beside somebody or through a bot.
fn wrote(change: &Change) -> Markup {
    let Fact::Known(commits) = &change.commits else { return html! { "not known" } };
    let mut people: BTreeSet<&str> = BTreeSet::new();
    let mut nobody = false;
    for commit in commits {
        match &commit.author {
            Fact::Known(author) => {
                people.insert(author.login());
            }
            Fact::Absent | Fact::Unavailable(_) => nobody = true,
        }
        let others = commit.co_authors.entries().iter().chain(commit.on_behalf_of.entries());
        people.extend(others.map(Account::login));
    }
    let people: Vec<String> = people.into_iter().map(name).collect();
    html! {
        (people.join(", "))
        @if nobody { @if !people.is_empty() { ", and " } "somebody whom the forge does not know" }
    }
}

/// Who let something in at the forge, by name, as the record has it: a list of JSON in a text.
pub fn let_in_by(text: Option<&str>) -> Vec<String> {
    let let_in: Vec<LetIn> = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let by: BTreeSet<&str> = let_in.iter().map(|it| it.by.login()).collect();
    by.into_iter().map(name).collect()
}

/// That it went although nothing here let it in, with who did and what became of it, and that it did so before, whatever
/// came of it since; nothing where it did not.
pub fn past_us(sheet: &Sheet, zone: Tz) -> Markup {
    let went = |row: &Deployed| {
        let by = let_in_by(row.let_in.as_deref());
        html! {
            "deployed " (micros(row.began, zone))
            @if let Some(outcome) = &row.outcome { ", " (said::outcome(outcome)) }
            ". No decision let it in"
            @if !by.is_empty() { "; at the forge it was let in by " (by.join(" and ")) }
            "."
        }
    };
    html! {
        @if let Some(row) = sheet.past_us() {
            p class="sentence reject" {
                strong { "It went past Countersign: " }
                (went(row))
                @if !sheet.owed.is_empty() { " It was taken up as an emergency: what that leaves to be done stands below, under Obligations." }
            }
        }
        @for row in sheet.past_us_before() { p { strong { "It went past Countersign before: " } (went(row)) } }
    }
}
