//! `incidents`: what an incident stops.

use std::collections::BTreeMap;

use super::diagnostics::{Code, Span};
use super::reader::{Layer, at, number, span, text, title};
use super::rules::IncidentRule;
use super::stricter::{self, Joint};
use super::tree::{Node, Value};
use super::vocabulary::Place;

/// Reads a layer's rule into that of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Option<IncidentRule>) {
    let Some(node) = layer.section("incidents") else { return };
    let mut severity = BTreeMap::new();
    for (key, value) in node.get("severity").map(Node::entries).unwrap_or_default() {
        if let Value::Number(number) = value.value {
            severity.insert(key.name.clone(), number);
        }
    }
    let block_at = number(node, "block_at");
    if let (Some(block_at), false) = (block_at, severity.is_empty())
        && !severity.values().any(|number| *number <= block_at)
    {
        let message = format!("no severity is as bad as {block_at}, so no incident would block; 1 is the worst");
        layer.complain(Code::NoEffect, span(node, "block_at"), message);
    }
    let inner = IncidentRule {
        system: text(node, "system").unwrap_or_else(|| "any".to_owned()),
        label: text(node, "label"),
        repository: text(node, "repository"),
        severity,
        // Which incidents block is left out: none does, and they are there for emergencies alone.
        block_at,
        everything: text(node, "blocks").as_deref() == Some("everything"),
        unless: layer.condition(node.get("unless"), Place::Incident),
        confirmed_by: text(node, "confirmed_by"),
        stated: layer.stated(node.span),
    };
    emergencies(layer, node);
    let Some(outer) = rule else {
        *rule = Some(inner);
        return;
    };
    if let Some(ours) = node.get("system") {
        layer.redefines_within("incidents", "system", ours);
    }
    // Where incidents are is for the outermost layer that speaks of them: looking elsewhere finds none.
    for (word, there) in [("label", &outer.label), ("repository", &outer.repository)] {
        let Some(ours) = node.get(word) else { continue };
        if !layer.redefines_within("incidents", word, ours) && *there != text(node, word) {
            let message = format!("`{word}` says where incidents are, which a layer around this one says; leave it out");
            layer.complain(Code::Loosens, ours.span, message);
        }
    }
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    if let Some(ours) = block_at {
        let mut larger = outer.block_at.unwrap_or(0.0);
        joint.larger("block_at", &mut larger, ours);
        outer.block_at = Some(larger);
    }
    joint.either("blocks: everything", &mut outer.everything, inner.everything);
    outer.severity.extend(inner.severity);
    // An exception holds only where every layer that speaks of incidents makes it; one that is silent about it here
    // leaves it as it is.
    if node.get("unless").is_some() {
        outer.unless = match (outer.unless.take(), inner.unless) {
            (Some(theirs), Some(ours)) => stricter::both(Some(theirs), Some(ours)),
            _ => None,
        };
    }
    if outer.confirmed_by.is_none() {
        outer.confirmed_by = inner.confirmed_by;
    }
}

/// Complains of an inner layer that says what a severity is, or who confirms a fix, where a layer around it speaks of
/// incidents or of emergencies and did not hand that down. No number is the stricter one: a worse severity blocks more
/// and makes more emergencies, and a severity that nobody names is taken for the worst that blocks.
fn emergencies(layer: &mut Layer<'_>, node: &Node) {
    let spoken = |outer: &super::reader::Outer<'_>| {
        outer.tree.get("incidents").is_some() || at(outer.tree, "classes.emergency").is_some()
    };
    let Some(outer) = layer.outer.iter().find(|outer| spoken(outer)).copied() else { return };
    let refuse = |layer: &mut Layer<'_>, path: &str, span: Span, what: &str| {
        let message = format!(
            "{what} says which incidents make an emergency, and that is for the {} to say; leave it out here, or add `{path}` to `delegate` in {}",
            title(outer.name),
            outer.path
        );
        layer.complain(Code::Loosens, span, message);
    };
    if !layer.free("incidents.severity") {
        for (word, ours) in node.get("severity").map(Node::entries).unwrap_or_default() {
            if !layer.redefines_within("incidents.severity", &word.name, ours) {
                refuse(layer, "incidents.severity", ours.span, &format!("`severity.{}`", word.name));
            }
        }
    }
    if let Some(ours) = node.get("confirmed_by")
        && !layer.free("incidents.confirmed_by")
        && !layer.redefines_within("incidents", "confirmed_by", ours)
    {
        refuse(layer, "incidents.confirmed_by", ours.span, "`confirmed_by`");
    }
}
