//! `rigor`: when more is asked.

use super::diagnostics::Code;
use super::duration;
use super::reader::{Layer, texts, title};
use super::rules::{Rigor, RigorStep, Route};
use super::tree::{Node, Value};
use super::vocabulary::Place;

/// For how many seconds what a team did is counted.
const WINDOW: i64 = 90 * 86_400;

/// Reads a layer's steps after those of the layers around it; the routes of all were read before.
pub(super) fn read(layer: &mut Layer<'_>, routes: &[Route], rigor: &mut Rigor) {
    let Some(node) = layer.section("rigor") else { return };
    let max = layer.count(node.get("max"), "max", 0);
    let ours = texts(node, "routes");
    // Peaks of an outer layer add steps without a section of theirs: to the usual routes, and without a bound.
    let peaks = layer.outer.iter().any(|outer| super::reader::at(outer.tree, "calendar.peak").is_some());
    if layer.around("rigor").is_none() && !peaks {
        rigor.max = max;
        rigor.routes = ours;
    } else {
        if let (Some(theirs), Some(ours)) = (rigor.max, max) {
            rigor.max = Some(theirs.max(ours));
        }
        rigor.routes = widened(routes, std::mem::take(&mut rigor.routes), ours);
    }
    incidents_within(layer, node, &mut rigor.incidents_within);
    let Some(Value::List(steps)) = node.get("steps").map(|node| &node.value) else { return };
    for step in steps {
        let when = layer.condition(step.get("when"), Place::Release);
        let until = layer.condition(step.get("until"), Place::Release);
        let sample = layer.count(step.get("sample"), "sample", 0).unwrap_or(0);
        let Some(when) = when else { continue };
        rigor.steps.push(RigorStep { when, until, sample, stated: layer.stated(step.span) });
    }
    if rigor.max == Some(0) && !steps.is_empty() {
        let span = node.get("max").map_or(node.span, |node: &Node| node.span);
        layer.complain(Code::NoEffect, span, "`max` is 0, so no step ever adds anything");
    }
}

/// Reads in which time an incident makes a deployment a failure: the longest that a layer states. Where a layer around this
/// one judges teams by how they fail and states none, every incident counts there, and that is not for this one to bound.
fn incidents_within(layer: &mut Layer<'_>, rigor: &Node, within: &mut Option<i64>) {
    let Some(node) = rigor.get("incidents_within") else { return };
    let Some(seconds) = node.text().and_then(duration::seconds) else { return };
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the reader of durations")]
    let ours = seconds.ceil() as i64;
    if ours == 0 {
        let says = "no incident begins within no time, so none ever makes a deployment a failure; state a time such as `24h`, or leave it out and every linked incident does";
        layer.complain(Code::Contradiction, node.span, says);
        return;
    }
    if ours >= WINDOW {
        let says = "deployments are counted for 90 days, so every incident that is linked to one makes it a failure; leave `incidents_within` out, or state a shorter time";
        layer.complain(Code::NoEffect, node.span, says);
    }
    if layer.free("rigor.incidents_within") {
        *within = Some(ours);
        return;
    }
    if let Some(theirs) = *within {
        *within = Some(theirs.max(ours));
        return;
    }
    match layer.outer.iter().find(|outer| judges_failures(outer.tree)).copied() {
        None => *within = Some(ours),
        Some(outer) => layer.complain(
            Code::Loosens,
            node.span,
            format!(
                "in the {} every incident that is linked to a deployment makes it a failure, whenever it began; leave `incidents_within` out here, or add `rigor.incidents_within` to `delegate` in {}",
                title(outer.name),
                outer.path
            ),
        ),
    }
}

/// Whether anything in a layer depends on which deployments failed.
fn judges_failures(node: &Node) -> bool {
    let named = |text: &str| ["team.failure_rate", "team.mttr", "team.mttd"].iter().any(|name| text.contains(name));
    match &node.value {
        Value::Text(text) => named(text),
        Value::List(items) => items.iter().any(judges_failures),
        Value::Map(entries) => entries.iter().any(|(key, node)| named(&key.name) || judges_failures(node)),
        Value::Null | Value::Flag(_) | Value::Number(_) => false,
    }
}

/// The routes that either list touches; an empty list means the usual ones.
fn widened(routes: &[Route], theirs: Vec<String>, ours: Vec<String>) -> Vec<String> {
    if theirs.is_empty() && ours.is_empty() {
        return theirs;
    }
    let usual = || routes.iter().filter(|route| !route.is_pre_authorised()).map(|route| route.name.clone()).collect();
    let named = |names: Vec<String>| if names.is_empty() { usual() } else { names };
    let mut all = named(theirs);
    all.extend(named(ours).into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>());
    all
}
