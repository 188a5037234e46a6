//! What the scans and the bills of materials that jobs submitted say of what goes and of what runs: the vulnerabilities in
//! both, and the vendors that are new. Pure: evidence comes in that was read from its bytes, facts go out.
//!
//! What is in what goes is known where every gate that scans has evidence that can be taken, and what is in what runs from
//! the scans of the release that was let go last, where that is what runs. That a vulnerability was not being exploited when
//! it was scanned says nothing of now, nor is one gone whose name is not there while there are any of another register.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::decide::released;
use crate::flow::submitted;
use crate::model::facts::{Fact, Facts, GateEvidence, Vulnerability};
use crate::model::kind::Kind;
use crate::model::measures::Measure;
use crate::policy::Policy;
use crate::policy::expression::Expression;
use crate::policy::gate::Gate;

/// By how much the clocks may differ.
const APART: TimeDelta = TimeDelta::minutes(5);
const OF_VULNERABILITIES: &str = "vulnerabilities.";
const IDS: &str = "vulnerabilities.ids";
const EXPLOITED: &str = "vulnerabilities.exploited_ids";
const SUPPLIERS: &str = "sbom.suppliers";
const NEW_SUPPLIERS: &str = "sbom.new.suppliers";
const WITHOUT_SUPPLIER: &str = "sbom.without_supplier";

/// What ran before.
pub(super) enum Before<'f> {
    /// Nothing.
    Nothing,
    /// What was let go last, by these facts.
    Last(&'f Facts),
    /// It is not known, and why.
    Unknown(&'static str),
}

fn names<'e>(evidence: &'e GateEvidence, measure: &str) -> Option<&'e [String]> {
    match evidence.measures.get(measure) {
        Some(Measure::Names(names)) => Some(names),
        _ => None,
    }
}

fn none_without(evidence: &GateEvidence, measure: &str) -> bool {
    matches!(evidence.measures.get(measure), Some(Measure::Number(number)) if *number == 0.0)
}

/// A gate that reads files, with the name by which facts state its evidence.
type Named<'p> = (String, &'p Gate);

/// The evidence of a gate, where it can be taken.
fn sound<'f>(facts: &'f Facts, (gate, rule): &Named<'_>) -> Result<&'f GateEvidence, String> {
    match facts.evidence.get(gate) {
        Some(Fact::Known(found)) if !found.digests.is_empty() => {
            if let Some((_, says)) = &found.fault {
                return Err(format!("the evidence of `{gate}` cannot be taken: {says}"));
            }
            match released::not_of(&facts.release, rule, found) {
                Some(why) => Err(format!("the evidence of `{gate}` {why}")),
                None => Ok(found),
            }
        }
        Some(Fact::Unavailable(why)) => Err(format!("the evidence of `{gate}` could not be read: {why}")),
        Some(Fact::Known(_) | Fact::Absent) | None => Err(format!("`{gate}` has no evidence")),
    }
}

/// Whether the evidence of what goes is as young as its gate asks; why not, where it is not.
fn young(facts: &Facts, (gate, rule): &Named<'_>, now: DateTime<Utc>) -> Result<(), String> {
    let Some(most) = rule.max_age else { return Ok(()) };
    let made = facts.evidence.get(gate).and_then(Fact::known).and_then(|found| found.made_at.known());
    let Some(made) = made.filter(|made| **made <= now + APART) else {
        return Err(format!("when the evidence of `{gate}` was made is not known"));
    };
    let age = (now - *made).to_std().unwrap_or_default();
    if age.as_secs_f64() >= most { Err(format!("the evidence of `{gate}` is too old")) } else { Ok(()) }
}

/// The gates of a kind that guard an environment.
fn gates<'p>(policy: &'p Policy, environment: &str, kind: Kind) -> Vec<Named<'p>> {
    let gates = submitted::asking(policy, environment).filter(|gate| gate.kind == kind);
    gates.map(|gate| (submitted::key(policy, gate), gate)).collect()
}

/// Whether a gate looks for vulnerabilities: its reports are of a scanner that does, now or in what was let go last, whether it
/// lists them or not, or its policy asks for them. One that says nothing now may be such a scanner, for what it would list is not known.
fn scans((gate, rule): &Named<'_>, facts: &Facts, before: &Before<'_>) -> bool {
    let speaks = |found: &GateEvidence| found.measures.keys().any(|name| name.starts_with(OF_VULNERABILITIES));
    let now = facts.evidence.get(gate).and_then(Fact::known);
    let last = match before {
        Before::Last(last) => last.evidence.get(gate).and_then(Fact::known),
        Before::Nothing | Before::Unknown(_) => None,
    };
    let asks = |it: &Expression| it.names().iter().any(|name| name.contains(OF_VULNERABILITIES));
    [&rule.require, &rule.first_release].into_iter().flatten().any(asks)
        || now.is_none_or(|it| it.fault.is_some() || it.digests.is_empty() || speaks(it))
        || last.is_some_and(speaks)
}

/// Whether an environment has gates whose evidence says any of this.
pub(super) fn is_asked(policy: &Policy, environment: &str) -> bool {
    [Kind::Findings, Kind::Sbom].into_iter().any(|kind| !gates(policy, environment, kind).is_empty())
}

/// Puts what evidence proves in the place of what nobody stated. What goes is known from what its gates would take `now`.
pub(super) fn add(policy: &Policy, facts: &mut Facts, before: &Before<'_>, now: DateTime<Utc>) {
    let environment = facts.release.environment.clone();
    let mut scanners = gates(policy, &environment, Kind::Findings);
    scanners.retain(|gate| scans(gate, facts, before));
    if !scanners.is_empty() {
        let young = scanners.iter().try_for_each(|gate| young(facts, gate, now));
        facts.release.released = list(young.and_then(|()| all(facts, &scanners)).map(|ids| ids.into_iter().collect()));
        facts.release.running = running(facts, &scanners, before);
        if let Some(why) = renamed(&facts.release.running, &facts.release.released) {
            facts.release.released = Fact::Unavailable(why.into());
        }
    }
    let bills = gates(policy, &environment, Kind::Sbom);
    if !bills.is_empty() {
        let young = bills.iter().try_for_each(|gate| young(facts, gate, now));
        facts.release.new_vendors = match young {
            Ok(()) => new_vendors(facts, &bills, before),
            Err(why) => Fact::Unavailable(why.into()),
        };
    }
}

/// Who gave a vulnerability its name: `CVE`, `GHSA`.
fn register(id: &str) -> String {
    id.split('-').next().unwrap_or_default().to_ascii_uppercase()
}

/// Why it cannot be told whether what is exploited is gone: it may be there by the name of another register, as a scanner has it
/// that names vulnerabilities otherwise than before, or another one that named it so all along.
fn renamed(running: &Fact<Vec<Vulnerability>>, released: &Fact<Vec<String>>) -> Option<String> {
    let (running, released) = (running.entries(), released.entries());
    let is_there = |it: &Vulnerability| released.iter().any(|id| id.eq_ignore_ascii_case(&it.id));
    let mut gone = running.iter().filter(|it| it.exploited == Fact::Known(true) && !is_there(it));
    gone.find_map(|it| {
        let other = released.iter().find(|id| register(id) != register(&it.id))?;
        Some(format!("{} may be what {} was in what runs, by another name", other, it.id))
    })
}

/// A list that is known, absent where nothing is in it.
fn list<T>(found: Result<Vec<T>, String>) -> Fact<Vec<T>> {
    match found {
        Ok(list) if list.is_empty() => Fact::Absent,
        Ok(list) => Fact::Known(list),
        Err(why) => Fact::Unavailable(why.into()),
    }
}

fn all(facts: &Facts, gates: &[Named<'_>]) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for gate in gates {
        let ids = names(sound(facts, gate)?, IDS);
        let ids =
            ids.ok_or_else(|| format!("the reports of `{}` do not say which vulnerabilities there are", gate.0))?;
        found.extend(ids.iter().cloned());
    }
    Ok(found)
}

fn running(facts: &Facts, scanners: &[Named<'_>], before: &Before<'_>) -> Fact<Vec<Vulnerability>> {
    let last = match before {
        Before::Nothing => return Fact::Absent,
        Before::Unknown(why) => return Fact::Unavailable((*why).into()),
        Before::Last(last) => last,
    };
    let ids = match all(last, scanners) {
        Ok(ids) => ids,
        Err(why) => return Fact::Unavailable(format!("of what was let go last {why}").into()),
    };
    let listed = |facts: &Facts, id: &String| {
        let mut of = scanners.iter().filter_map(|gate| names(sound(facts, gate).ok()?, EXPLOITED));
        of.any(|exploited| exploited.contains(id))
    };
    let one = |id: String| {
        let exploited = if listed(last, &id) || listed(facts, &id) {
            Fact::Known(true)
        } else {
            Fact::Unavailable("no scan that was submitted lists it as exploited, and it may be by now".into())
        };
        Vulnerability { id, exploited }
    };
    list(Ok(ids.into_iter().map(one).collect()))
}

fn new_vendors(facts: &Facts, bills: &[Named<'_>], before: &Before<'_>) -> Fact<Vec<String>> {
    let measure = if matches!(before, Before::Nothing) { SUPPLIERS } else { NEW_SUPPLIERS };
    let of = |gate: &Named<'_>| {
        let evidence = sound(facts, gate)?;
        if !none_without(evidence, WITHOUT_SUPPLIER) {
            return Err(format!("the bill of `{}` does not state the supplier of every component", gate.0));
        }
        let found = names(evidence, measure);
        found.ok_or_else(|| format!("`{}` does not compare its bill with that of the last release", gate.0))
    };
    let found: Result<Vec<&[String]>, String> = bills.iter().map(of).collect();
    list(found.map(|found| {
        let all: BTreeSet<String> = found.into_iter().flatten().cloned().collect();
        all.into_iter().collect()
    }))
}
