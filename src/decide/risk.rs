//! Risk: a score, itemised. A part that cannot be told makes the score unknown, and the impact high.

use std::borrow::Cow;

use super::scene::Scene;
use super::vendors::{self, New};
use super::{explain, totals, words};
use crate::model::release_decision::{Impact, RiskAccount, RiskItem};
use crate::policy::evaluate::{self, Facts, Given};
use crate::policy::rules::{Amount, Component, Factor, Weight};

/// What a weight found: how much of it there is, or `None`, and in words.
type Found = (Option<f64>, String);

/// The one name of a weight's own expression.
struct Measured(Option<f64>);

impl Facts for Measured {
    fn value(&self, _name: &str) -> Option<Given<'_>> {
        self.0.map(Given::Number)
    }
}

/// Scores the release.
#[must_use]
pub fn score(scene: &Scene<'_>) -> RiskAccount {
    let items: Vec<RiskItem> = scene.rules.risk.weights.iter().map(|weight| item(scene, weight)).collect();
    let score = items.iter().try_fold(0.0, |sum, item| Some(sum + item.points?));
    let from = |band: Option<f64>| score.is_none_or(|score| band.is_some_and(|band| score >= band));
    let impact = match (from(scene.rules.risk.high), from(scene.rules.risk.medium)) {
        (true, _) => Impact::High,
        (false, true) => Impact::Medium,
        (false, false) => Impact::Low,
    };
    RiskAccount { score, impact, items }
}

/// The impact as far as it is sure: where a part of the score cannot be told, it is high only if what is known makes it
/// so whatever the rest comes to. Taken for the worst it would choose a route that may ask less.
#[must_use]
pub fn surely(scene: &Scene<'_>, risk: &RiskAccount) -> Option<Impact> {
    if risk.score.is_some() {
        return Some(risk.impact);
    }
    let weights = scene.rules.risk.weights.iter().zip(&risk.items);
    let least = weights.map(|(weight, item)| match (item.points, &weight.amount) {
        (Some(points), _) => Some(points),
        (None, Amount::Points(points)) => Some(points.min(0.0)),
        (None, Amount::Calculated(_)) => None,
    });
    let least = least.sum::<Option<f64>>()?;
    (least >= scene.rules.risk.high?).then_some(Impact::High)
}

fn item(scene: &Scene<'_>, weight: &Weight) -> RiskItem {
    let (amount, because) = found(scene, &weight.factor);
    let points = match &weight.amount {
        Amount::Points(points) => amount.map(|amount| if amount > 0.0 { *points } else { 0.0 }),
        Amount::Calculated(expression) => evaluate::number(&expression.term, &Measured(amount)),
    };
    RiskItem { name: weight.name.clone(), points, because }
}

fn found(scene: &Scene<'_>, factor: &Factor) -> Found {
    match factor {
        Factor::Kind(kind) => attribute(scene, "kind", kind, |component| component.kind.as_deref()),
        Factor::Tier(tier) => attribute(scene, "tier", tier, |component| component.tier.as_deref()),
        Factor::Exposure(exposure) => attribute(scene, "exposure", exposure, |component| component.exposure.as_deref()),
        Factor::Lines => counted(totals::size(scene).lines, "line", "lines"),
        Factor::Files => counted(totals::size(scene).files, "file", "files"),
        Factor::Changes => counted(totals::size(scene).changes, "change", "changes"),
        Factor::NewVendors => match vendors::new(scene) {
            Ok(new) => new_vendors(new),
            Err(why) => (None, why.to_owned()),
        },
        Factor::DeclaredVendors => {
            let vendors = scene.components.iter().flat_map(|component| &component.vendors);
            vendors_of(vendors.map(String::as_str), "declared")
        }
        Factor::FailureRate => failure_rate(scene),
        Factor::Peak => {
            let peaks = scene.rules.calendar.peaks.iter();
            let on: Vec<&str> =
                peaks.filter(|peak| scene.clock.within(peak.from, peak.to)).map(|peak| peak.name.as_str()).collect();
            if on.is_empty() { (Some(0.0), "no peak".to_owned()) } else { (Some(1.0), words::all_of(&on)) }
        }
    }
}

/// Whether any component is said to be something. What the policy does not say of a component may be so.
fn attribute<'c>(scene: &Scene<'c>, what: &str, wanted: &str, of: impl Fn(&'c Component) -> Option<&'c str>) -> Found {
    let named = |keep: &dyn Fn(Option<&str>) -> bool| -> Vec<&str> {
        let components = scene.components.iter().filter(|component| keep(of(component)));
        components.map(|component| component.name.as_str()).collect()
    };
    let are = named(&|stated| stated == Some(wanted));
    if !are.is_empty() {
        return (Some(1.0), words::all_of(&are));
    }
    let silent = named(&|stated| stated.is_none());
    if !silent.is_empty() {
        return (None, format!("the policy states no {what} of {}", words::all_of(&silent)));
    }
    if scene.rules.components.is_empty() {
        return (None, "the policy has no components".to_owned());
    }
    (Some(0.0), "none".to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "lines and files stay far below 2^53")]
fn counted(number: Option<u64>, one: &str, many: &str) -> Found {
    match number {
        Some(1) => (Some(1.0), format!("1 {one}")),
        Some(number) => (Some(number as f64), [number.to_string().as_str(), " ", many].concat()),
        None => (None, format!("how many {many} is not known")),
    }
}

fn vendors_of<'v>(vendors: impl Iterator<Item = &'v str>, which: &str) -> Found {
    let mut vendors: Vec<&str> = vendors.collect();
    vendors.sort_unstable();
    vendors.dedup();
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 vendors")]
    let number = vendors.len() as f64;
    (Some(number), if vendors.is_empty() { "none".to_owned() } else { format!("{which}: {}", words::all_of(&vendors)) })
}

/// Vendors that the bills of materials have newly, and those that components declare newly; who is both counts once.
fn new_vendors(new: &New) -> Found {
    let (number, found) = vendors_of(new.found.iter().map(String::as_str), "new");
    if new.declared.is_empty() {
        return (number, found);
    }
    let (more, declared) = vendors_of(new.declared.iter().map(String::as_str), "newly declared");
    let both = number.zip(more).map(|(found, declared)| found + declared);
    (both, if new.found.is_empty() { declared } else { format!("{found}; {declared}") })
}

/// The highest rate of the teams; nothing deployed is nothing failed.
fn failure_rate(scene: &Scene<'_>) -> Found {
    let teamless: Vec<&str> = scene
        .components
        .iter()
        .filter(|component| component.team.is_none())
        .map(|component| component.name.as_str())
        .collect();
    if !teamless.is_empty() {
        return (None, format!("the policy states no team of {}", words::all_of(&teamless)));
    }
    if scene.rules.components.is_empty() {
        return (None, "the policy has no components".to_owned());
    }
    let mut highest: Found = (Some(0.0), "no deployments in 90 days".to_owned());
    let mut counted = false;
    for (team, window) in totals::teams(scene) {
        let window = match window {
            Ok(window) => window,
            Err(why) => return (None, format!("what {team} deployed in 90 days is not known: {why}")),
        };
        let Some(rate) = window.failure_rate() else { continue };
        if !counted || highest.0.is_some_and(|known| rate > known) {
            highest = (Some(rate), failures(team, window));
            counted = true;
        }
    }
    highest
}

/// `3 of 12 deployments of payments failed in 90 days`.
pub(super) fn failures(team: &str, window: &totals::Window) -> String {
    let of_them = |number: u32, how: &str| match number {
        0 => String::new(),
        number => format!(", {number} of them {how}"),
    };
    let by_incident = of_them(window.by_incident, "by an incident alone");
    let perhaps = of_them(window.perhaps, "because it is not known whether an incident followed in time");
    let (failed, all) =
        (window.failed.to_string(), words::count(window.deployments as usize, "deployment", "deployments"));
    [failed.as_str(), " of ", &all, " of ", team, " failed in 90 days", &by_incident, &perhaps].concat()
}

/// `55 (medium): exposure.customer 20 (payments), size.lines 15 (1500 lines)`; what adds nothing is left out.
#[must_use]
pub fn told(risk: &RiskAccount) -> String {
    let mut out = String::with_capacity(256);
    out.push_str("risk ");
    out.push_str(&risk.score.map_or(Cow::Borrowed("not known"), |score| points(score).into()));
    out.push_str(", impact ");
    out.push_str(super::known::impact(risk.impact));
    let mut between = ": ";
    for item in &risk.items {
        let points = match item.points {
            Some(0.0) => continue,
            Some(number) => points(number).into(),
            None => Cow::Borrowed("unknown"),
        };
        out.extend([between, &item.name, " ", &points, " (", &item.because, ")"]);
        between = ", ";
    }
    out
}

/// A number of points, to two places at most.
fn points(number: f64) -> String {
    explain::rounded(number, 2)
}
