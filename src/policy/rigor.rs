//! `rigor`: when more is asked.

use super::reader::{Layer, texts};
use super::rules::{Rigor, RigorStep, Route};
use super::tree::{Node, Value};
use super::vocabulary::Place;

/// The routes that rigor touches where none is named.
fn usual(routes: &[Route]) -> Vec<String> {
    let usual = routes.iter().filter(|route| !route.to_last_good && route.name != "emergency");
    usual.map(|route| route.name.clone()).collect()
}

/// Reads a layer's steps after those of the layers around it; the routes of all were read before.
pub(super) fn read(layer: &mut Layer<'_>, routes: &[Route], rigor: &mut Rigor) {
    let Some(node) = layer.section("rigor") else { return };
    let around = layer.around("rigor").is_some();
    if let Some(max) = layer.count(node.get("max"), "max", 0) {
        rigor.max = rigor.max.max(max);
    }
    let ours = texts(node, "routes");
    if !around {
        rigor.routes = ours;
    } else if !(rigor.routes.is_empty() && ours.is_empty()) {
        let widened = |names: Vec<String>| if names.is_empty() { usual(routes) } else { names };
        let mut all = widened(std::mem::take(&mut rigor.routes));
        all.extend(widened(ours).into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>());
        rigor.routes = all;
    }
    let Some(Value::List(steps)) = node.get("steps").map(|node| &node.value) else { return };
    for step in steps {
        let when = layer.condition(step.get("when"), Place::Release);
        let until = layer.condition(step.get("until"), Place::Release);
        let sample = layer.count(step.get("sample"), "sample", 0).unwrap_or(0);
        let Some(when) = when else { continue };
        rigor.steps.push(RigorStep { when, until, sample, stated: layer.stated(step.span) });
    }
    if rigor.max == 0 && node.get("max").is_none() && !steps.is_empty() {
        // Without a bound, every step can add one.
        rigor.max = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    } else if rigor.max == 0 && !steps.is_empty() {
        let span = node.get("max").map_or(node.span, |node: &Node| node.span);
        layer.complain(super::diagnostics::Code::NoEffect, span, "`max` is 0, so no step ever adds anything");
    }
}
