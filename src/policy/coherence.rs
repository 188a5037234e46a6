//! What the text of a policy alone can prove about people and places: that
//! stand-ins and promotions lead somewhere, and that every component has exactly
//! one accountable role.

use std::collections::BTreeMap;

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
}

/// Complains about names of a section that a key leads back to themselves.
fn circles(layer: &Node, all: &[Node], section: &str, key: &str, says: &str, list: &mut Vec<Diagnostic>) {
    let next = |name: &str| {
        let mut stated = all.iter().filter_map(|tree| tree.get(section)?.get(name)?.get(key)?.text());
        stated.next_back().map(str::to_owned)
    };
    for (name, node) in layer.get(section).map(Node::entries).unwrap_or_default() {
        let Some(step) = node.get(key) else { continue };
        let mut at = next(&name.name);
        let mut seen: Vec<String> = Vec::new();
        while let Some(now) = at.filter(|now| !seen.contains(now)) {
            at = next(&now);
            seen.push(now);
        }
        if seen.contains(&name.name) {
            list.push(Diagnostic::new(Code::Circle, step.span, says.replace("{}", &name.name)));
        }
    }
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
}

fn rows(layer: &Node) -> Vec<(Row<'_>, &Node)> {
    let Some(Value::List(rows)) = layer.get("raci").map(|node| &node.value) else { return Vec::new() };
    let row = |node| {
        let node: &Node = node;
        let stated = node.get("accountable")?;
        let on = node.get("on").and_then(Node::text);
        let stated_condition = on.filter(|on| !super::raci::is_name(on));
        let condition = stated_condition.and_then(|on| Expression::condition(on, &Place::Component).ok());
        let row = Row { on, condition, always: node.get("when").is_none(), role: stated.text()?, span: stated.span };
        Some((row, node.get("on").unwrap_or(node)))
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
    let rows: Vec<Row<'_>> = all.iter().flat_map(rows).map(|(row, _)| row).collect();
    if rows.is_empty() {
        return;
    }
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
                row.span,
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
                second.span,
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
    fn of(name: &str, node: &Node) -> Self {
        let mut stated = BTreeMap::from([("component.name".to_owned(), Measure::Text(name.to_owned()))]);
        for key in ["kind", "tier", "exposure", "team"] {
            if let Some(text) = node.get(key).and_then(Node::text) {
                stated.insert(format!("component.{key}"), Measure::Text(text.to_owned()));
            }
        }
        // A component that names no regulation is under none.
        for key in ["regulations", "vendors"] {
            stated.insert(format!("component.{key}"), Measure::Names(super::reader::texts(node, key)));
        }
        Self(stated)
    }

    /// The same of a component that was read.
    pub(super) fn of_component(component: &Component) -> Self {
        let mut stated = BTreeMap::from([("component.name".to_owned(), Measure::Text(component.name.clone()))]);
        let texts = [
            ("kind", &component.kind),
            ("tier", &component.tier),
            ("exposure", &component.exposure),
            ("team", &component.team),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                stated.insert(format!("component.{key}"), Measure::Text(text.clone()));
            }
        }
        stated.insert("component.regulations".to_owned(), Measure::Names(component.regulations.clone()));
        stated.insert("component.vendors".to_owned(), Measure::Names(component.vendors.clone()));
        Self(stated)
    }
}

impl Facts for Attributes {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        self.0.get(name).map(Given::from)
    }
}
