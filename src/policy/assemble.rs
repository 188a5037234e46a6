//! The sections of all layers become one set of rules.
//!
//! Layers are read from the outside in. Each reader takes what it has from the layers around and joins its own
//! layer's words to it: the stricter stays, and what relaxes is for the outer layer to say or to hand down.
//! What was handed down and is stated further in is left out before anything is read ([`replaced`]).

use super::diagnostics::Diagnostic;
use super::layers::Attachment;
use super::reader::{Layer, Outer, at, holds};
use super::rules::Rules;
use super::shape::Names;
use super::tree::{Node, Value};
use super::{
    break_glass, change_record, class, component, environment, experiment, incident, monitor, notify, people, periodic,
    raci, retention, review, rigor, risk, roles, route, separation, times, waiver,
};

/// A layer as it was given, with the complaints about it.
pub(super) struct Given<'g> {
    pub(super) name: &'g str,
    pub(super) path: &'g str,
    pub(super) tree: &'g Node,
    pub(super) delegates: &'g [String],
    pub(super) characters: &'g [char],
    /// The files that it names.
    pub(super) attached: Vec<&'g Attachment>,
}

/// Reads every section beyond gates.
pub(super) fn rules(given: &[Given<'_>], names: &Names, lists: &mut [Vec<Diagnostic>]) -> Rules {
    let mut rules = Rules::default();
    let mut around: Vec<Outer<'_>> = Vec::new();
    for (layer, list) in given.iter().zip(lists) {
        let mut reader = Layer {
            name: layer.name,
            path: layer.path,
            tree: layer.tree,
            characters: layer.characters,
            names,
            outer: around.clone(),
            list,
        };
        times::read(&mut reader, &layer.attached, &mut rules.calendar);
        read(&mut reader, names, &mut rules);
        around.push(Outer { name: layer.name, path: layer.path, tree: layer.tree, delegates: layer.delegates });
    }
    rules
}

fn read(layer: &mut Layer<'_>, names: &Names, rules: &mut Rules) {
    environment::read(layer, &mut rules.environments);
    component::read(layer, &mut rules.components);
    component::packages(layer, &mut rules.packages);
    let zone = rules.calendar.zone;
    people::read(layer, zone, &mut rules.people);
    rules.linked_only |= layer.section("identity").and_then(Node::text) == Some("linked");
    roles::read(layer, zone, &mut rules.roles);
    roles::delegation(layer, &mut rules.delegation);
    raci::read(layer, &mut rules.raci);
    risk::read(layer, &mut rules.risk);
    class::read(layer, &mut rules.emergency, &mut rules.standard);
    class::models(layer, &mut rules.models);
    route::read(layer, names, &mut rules.routes);
    rigor::read(layer, &rules.routes, &mut rules.rigor);
    change_record::read(layer, &mut rules.change);
    incident::read(layer, &mut rules.incidents);
    review::read(layer, &mut rules.pir, &mut rules.board);
    notify::read(layer, &mut rules.notify);
    monitor::read(layer, &mut rules.monitor);
    retention::read(layer, &mut rules.retention);
    periodic::survey(layer, &mut rules.survey);
    periodic::reports(layer, &mut rules.reports);
    separation::rejection(layer, &mut rules.rejection);
    separation::read(layer, &mut rules.separation);
    waiver::rule(layer, &mut rules.waivers);
    break_glass::read(layer, &mut rules.break_glass);
    break_glass::retry(layer, &mut rules.retry_within);
    experiment::read(layer, &mut rules.experiments);
}

/// A layer without what it hands down and a layer inside it states. Gates are not touched: each is judged by itself.
pub(super) fn replaced(tree: &Node, delegates: &[String], inner: &[Node]) -> Node {
    let mut left = tree.clone();
    for path in delegates.iter().filter(|path| !holds("gates", path)) {
        if inner.iter().any(|inner| at(inner, path).is_some()) {
            remove(&mut left, path);
        }
    }
    left
}

fn remove(tree: &mut Node, path: &str) {
    let Value::Map(sections) = &mut tree.value else { return };
    let Some((section, name)) = path.split_once('.') else {
        sections.retain(|(key, _)| key.name != path);
        return;
    };
    for (_, node) in sections.iter_mut().filter(|(key, _)| key.name == section) {
        if let Value::Map(entries) = &mut node.value {
            entries.retain(|(key, _)| key.name != name);
        }
    }
}
