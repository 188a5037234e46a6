//! `experiments`: approval paths that are compared.

use super::diagnostics::Code;
use super::reader::{Layer, number, title};
use super::rules::Experiment;
use super::tree::Node;
use super::vocabulary::Place;

/// Reads a layer's experiments. One may only lighten a path that no outer layer keeps formal.
pub(super) fn read(layer: &mut Layer<'_>, all: &mut Vec<Experiment>) {
    for (name, span, node) in layer.named("experiments") {
        if layer.redefines(&format!("experiments.{name}"), span, node) {
            continue;
        }
        let path = format!("experiments.{name}");
        let lightens = node.get("b").and_then(|b| b.get("approval")).and_then(Node::text) == Some("automatic");
        let formal = layer.outer.iter().find(|outer| {
            let environments = outer.tree.get("environments").map(Node::entries).unwrap_or_default();
            environments.iter().any(|(_, rule)| rule.get("approval").and_then(Node::text) != Some("automatic"))
        });
        if let Some(outer) = formal.filter(|_| lightens && !layer.free(&path)).copied() {
            let message = format!(
                "`{path}` would let releases past approvals that the {} asks for, which did not hand it down; leave it out, or add `{path}` to `delegate` in {}",
                title(outer.name),
                outer.path
            );
            layer.complain(Code::Loosens, span, message);
            continue;
        }
        let on = layer.condition(node.get("on"), Place::Component);
        let stop_if = layer.condition(node.get("stop_if"), Place::Arms);
        let Some(on) = on else { continue };
        let experiment = Experiment {
            name: name.to_owned(),
            on,
            split: number(node, "split").unwrap_or(50.0),
            b_automatic: lightens,
            stop_if,
            sample: layer.count(node.get("sample"), "sample", 0).map_or(SAMPLE, u64::from),
            stated: layer.stated(span),
        };
        complete(layer, &experiment, node);
        all.push(experiment);
    }
}

/// How many releases on each path an experiment needs where the policy does not say.
const SAMPLE: u64 = 30;

fn complete(layer: &mut Layer<'_>, experiment: &Experiment, node: &Node) {
    let name = &experiment.name;
    if !experiment.b_automatic {
        let message = format!("`{name}` compares a path with itself; give `b` another `approval`");
        layer.complain(Code::NoEffect, node.get("b").map_or(node.span, |node| node.span), message);
    }
    if experiment.b_automatic && experiment.stop_if.is_none() && node.get("stop_if").is_none() {
        let message = format!("`{name}` never stops, whatever goes wrong on its other path; say when with `stop_if`");
        layer.complain(Code::Overlooked, node.span, message);
    }
    if experiment.on.names().is_empty() {
        layer.complain(Code::NoEffect, super::reader::span(node, "on"), "this says nothing of a component");
    }
}
