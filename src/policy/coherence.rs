//! What the text of a policy alone can prove about people and places: that
//! stand-ins and promotions lead somewhere, and that every component has exactly
//! one accountable role.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostics::{Code, Diagnostic, Span};
use super::evaluate::{Facts, Given, Truth, condition};
use super::expression::Expression;
use super::rules::Component;
use super::shape::{Names, Section};
use super::tree::{Node, Value};
use super::vocabulary::Place;
use crate::model::measures::Measure;

/// Complains about one layer, which may speak of what the others define.
pub(super) fn check(layer: &Node, all: &[Node], names: &Names, list: &mut Vec<Diagnostic>) {
    circles(layer, all, "roles", "fallback", "the stand-ins of `{}` lead back to it, so nobody would be asked", list);
    circles(layer, all, "environments", "from", "`{}` is promoted from itself, so nothing could ever enter it", list);
    named_components(layer, names, list);
    accountable(layer, all, list);
    entangled(layer, all, list);
}

/// Complains about packages of parts in several repositories that share a component: what waits is judged as a part of one of
/// them, so that it would wait for the other for ever.
fn entangled(layer: &Node, all: &[Node], list: &mut Vec<Diagnostic>) {
    let of = |section: &'static str| all.iter().filter_map(move |tree| tree.get(section)).flat_map(Node::entries);
    let places: BTreeMap<&str, Option<String>> = of("components")
        .map(|(name, node)| {
            (name.name.as_str(), node.get("repository").and_then(Node::text).map(str::to_ascii_lowercase))
        })
        .collect();
    let parts = |node: &Node| -> BTreeSet<String> {
        let named = node.get("components").map(Node::texts).unwrap_or_default();
        named.into_iter().map(|(name, _)| name.to_owned()).collect()
    };
    let spans = |parts: &BTreeSet<String>| {
        let lie: BTreeSet<_> = parts.iter().filter_map(|part| places.get(part.as_str())).collect();
        lie.len() > 1
    };
    let packages: Vec<(&str, BTreeSet<String>)> = of("packages")
        .map(|(name, node)| (name.name.as_str(), parts(node)))
        .filter(|(_, parts)| spans(parts))
        .collect();
    for (name, node) in layer.get("packages").map(Node::entries).unwrap_or_default() {
        let Some(at) = packages.iter().position(|(other, _)| *other == name.name) else { continue };
        let own = parts(node);
        // Each two are complained about once, where the later stands.
        for (other, theirs) in packages.iter().take(at) {
            if let Some(shared) = own.intersection(theirs).next() {
                let says = format!(
                    "`{other}` and `{}` lie in several repositories each and share `{shared}`, which would wait for both and \
                     never go; make one package of them, or leave `{shared}` out of one",
                    name.name
                );
                list.push(Diagnostic::new(Code::Contradiction, super::reader::span(node, "components"), says));
            }
        }
    }
}

/// Complains about names of a section that a key leads back to themselves.
fn circles(layer: &Node, all: &[Node], section: &str, key: &str, says: &str, list: &mut Vec<Diagnostic>) {
    let entries = all.iter().filter_map(|tree| tree.get(section)).flat_map(Node::entries);
    let next: BTreeMap<&str, &str> =
        entries.filter_map(|(name, node)| Some((name.name.as_str(), node.get(key)?.text()?))).collect();
    let circular = circular(&next);
    for (name, node) in layer.get(section).map(Node::entries).unwrap_or_default() {
        if let Some(step) = node.get(key)
            && circular.contains(name.name.as_str())
        {
            list.push(Diagnostic::new(Code::Circle, step.span, says.replace("{}", &name.name)));
        }
    }
}

/// The names that lead back to themselves, where each leads to one other at most.
fn circular<'n>(next: &BTreeMap<&'n str, &'n str>) -> BTreeSet<&'n str> {
    let mut done = BTreeSet::new();
    let mut circular = BTreeSet::new();
    for start in next.keys() {
        let mut walk = Vec::new();
        let mut at = Some(*start);
        while let Some(name) = at.filter(|name| done.insert(*name)) {
            walk.push(name);
            at = next.get(name).copied();
        }
        // A walk that ends in itself, and not in an earlier one, has found a circle.
        if let Some(begin) = at.and_then(|name| walk.iter().position(|walked| *walked == name)) {
            circular.extend(walk.drain(begin..));
        }
    }
    circular
}

/// One row of `raci` that makes somebody accountable.
struct Row<'r> {
    on: Option<&'r str>,
    /// The same as a condition, where it is one that can be read; what cannot is complained about where it is read.
    condition: Option<Expression>,
    /// Whether it is so for every release.
    always: bool,
    role: &'r str,
    span: Span,
    /// The layer that it stands in.
    layer: &'r Node,
}

fn rows(layer: &Node) -> Vec<Row<'_>> {
    let Some(Value::List(rows)) = layer.get("raci").map(|node| &node.value) else { return Vec::new() };
    let row = |node| {
        let node: &Node = node;
        let stated = node.get("accountable")?;
        let on = node.get("on").and_then(Node::text);
        let stated_condition = on.filter(|on| !super::raci::is_name(on));
        let condition = stated_condition.and_then(|on| Expression::condition(on, &Place::Component).ok());
        let always = node.get("when").is_none();
        Some(Row { on, condition, always, role: stated.text()?, span: stated.span, layer })
    };
    rows.iter().filter_map(row).collect()
}

impl Row<'_> {
    /// The component that it names, where it names one.
    fn named(&self) -> Option<&str> {
        self.on.filter(|on| super::raci::is_name(on))
    }

    fn covers(&self, component: &str, attributes: &Attributes) -> bool {
        match (self.on, self.named()) {
            (None, _) => true,
            (_, Some(name)) => name == component,
            // What the policy does not say of a component makes nobody accountable for it.
            (Some(_), None) => {
                let answer = self.condition.as_ref().map(|expression| condition(&expression.term, attributes));
                answer == Some(Truth::True)
            }
        }
    }
}

/// Complains about the components of a layer that have no accountable role, or two.
fn accountable(layer: &Node, all: &[Node], list: &mut Vec<Diagnostic>) {
    let rows: Vec<Row<'_>> = all.iter().flat_map(rows).collect();
    if rows.is_empty() {
        return;
    }
    // A row of another layer has no place in this one's text.
    let here = |row: &Row<'_>, name: Span| if std::ptr::eq(row.layer, layer) { row.span } else { name };
    for (name, node) in layer.get("components").map(Node::entries).unwrap_or_default() {
        let attributes = Attributes::of(&name.name, node);
        let mut roles: Vec<&Row<'_>> = rows.iter().filter(|row| row.covers(&name.name, &attributes)).collect();
        let sometimes = !roles.iter().any(|row| row.always);
        let mut seen = Vec::new();
        roles.retain(|row| {
            !seen.contains(&row.role) && {
                seen.push(row.role);
                true
            }
        });
        match roles.as_slice() {
            [row] if sometimes => list.push(Diagnostic::new(
                Code::Overlooked,
                here(row, name.span),
                format!(
                    "`{}` is accountable for `{}` only where `when` holds, and nobody otherwise",
                    row.role, name.name
                ),
            )),
            [_] => {}
            [] => list.push(Diagnostic::new(
                Code::Accountability,
                name.span,
                format!("no role is accountable for `{}`; say in `raci` which one is", name.name),
            )),
            [first, second, ..] => list.push(Diagnostic::new(
                Code::Accountability,
                here(second, name.span),
                format!(
                    "`{}` and `{}` would both be accountable for `{}`; exactly one role is",
                    first.role, second.role, name.name
                ),
            )),
        }
    }
}

/// Complains about rows of any kind that name a component which the policy does not define.
fn named_components(layer: &Node, names: &Names, list: &mut Vec<Diagnostic>) {
    let Some(Value::List(rows)) = layer.get("raci").map(|node| &node.value) else { return };
    for node in rows.iter().filter_map(|row| row.get("on")) {
        let on = node.text().filter(|on| super::raci::is_name(on) && !names.has(Section::Components, on));
        list.extend(on.map(|on| names.unknown(Section::Components, on, node.span)));
    }
}

/// What a policy says of a component, by the names that expressions use.
#[derive(Default)]
pub(super) struct Attributes(BTreeMap<String, Measure>);

impl Attributes {
    /// The same of a component as it is written; what is no text there is complained about where it is read.
    fn of(name: &str, node: &Node) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let texts = ["kind", "tier", "exposure", "team"].map(|key| (key, text(key)));
        // A component that names no regulation is under none.
        Self::new(name, texts, ["regulations", "vendors"].map(|key| (key, super::reader::texts(node, key))))
    }

    /// The same of a component that was read.
    pub(super) fn of_component(component: &Component) -> Self {
        let Component { kind, tier, exposure, team, .. } = component;
        let texts = [("kind", kind), ("tier", tier), ("exposure", exposure), ("team", team)];
        let names = [("regulations", component.regulations.clone()), ("vendors", component.vendors.clone())];
        Self::new(&component.name, texts.map(|(key, text)| (key, text.as_deref())), names)
    }

    fn new(name: &str, texts: [(&str, Option<&str>); 4], names: [(&str, Vec<String>); 2]) -> Self {
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key, Measure::Text(text?.to_owned()))));
        let names = names.into_iter().map(|(key, names)| (key, Measure::Names(names)));
        let all = [("name", Measure::Text(name.to_owned()))].into_iter().chain(texts).chain(names);
        Self(all.map(|(key, measure)| (format!("component.{key}"), measure)).collect())
    }
}

impl Facts for Attributes {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        self.0.get(name).map(Given::from)
    }
}
