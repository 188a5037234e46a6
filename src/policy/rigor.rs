//! `rigor`: when more is asked.

use super::diagnostics::Code;
use super::reader::{Layer, texts};
use super::rules::{Rigor, RigorStep, Route};
use super::tree::{Node, Value};
use super::vocabulary::Place;

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
