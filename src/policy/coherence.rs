//! What the text of a policy alone can prove about people and places: that
//! stand-ins and promotions lead somewhere, and that every component has exactly
//! one accountable role.

use std::collections::BTreeMap;

use super::diagnostics::{Code, Diagnostic, Span};
use super::evaluate::{Facts, Given, Truth, condition};
use super::expression::{Expression, Scope};
use super::tree::{Node, Value};
use crate::model::catalogue::Type;

/// Complains about one layer, which may speak of what the others define.
pub(super) fn check(layer: &Node, all: &[Node], list: &mut Vec<Diagnostic>) {
    circles(layer, all, "roles", "fallback", "the stand-ins of `{}` lead back to it, so nobody would be asked", list);
    circles(layer, all, "environments", "from", "`{}` is promoted from itself, so nothing could ever enter it", list);
    for (row, node) in rows(layer) {
        if let Err(mistakes) = row.scope() {
            list.extend(mistakes.into_iter().map(|message| Diagnostic::new(Code::BadExpression, node.span, message)));
        }
    }
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
    role: &'r str,
    span: Span,
}

fn rows(layer: &Node) -> Vec<(Row<'_>, &Node)> {
    let Some(Value::List(rows)) = layer.get("raci").map(|node| &node.value) else { return Vec::new() };
    let row = |node| {
        let node: &Node = node;
        let stated = node.get("accountable")?;
        let on = node.get("on").and_then(Node::text);
        Some((Row { on, role: stated.text()?, span: stated.span }, node.get("on").unwrap_or(node)))
    };
    rows.iter().filter_map(row).collect()
}

impl Row<'_> {
    /// The condition on components, or `None` where a component is named or all are meant.
    fn scope(&self) -> Result<Option<Expression>, Vec<String>> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        match self.on {
            Some(on) if !on.chars().all(plain) => match Expression::condition(on, &Attributes::default()) {
                Ok(expression) => Ok(Some(expression)),
                Err(mistakes) => Err(mistakes.into_iter().map(|mistake| mistake.message).collect()),
            },
            _ => Ok(None),
        }
    }

    fn covers(&self, component: &str, attributes: &Attributes) -> bool {
        match self.scope() {
            // What the policy does not say of a component makes nobody accountable for it.
            Ok(Some(expression)) => condition(&expression.term, attributes) == Truth::True,
            Ok(None) => self.on.is_none_or(|on| on == component),
            Err(_) => false,
        }
    }
}

/// Complains about the components of a layer that have no accountable role, or two.
fn accountable(layer: &Node, all: &[Node], list: &mut Vec<Diagnostic>) {
    let rows: Vec<Row<'_>> = all.iter().flat_map(rows).map(|(row, _)| row).collect();
    let known: Vec<&str> = all
        .iter()
        .filter_map(|tree| tree.get("components"))
        .flat_map(Node::entries)
        .map(|(key, _)| key.name.as_str())
        .collect();
    for (row, node) in self::rows(layer) {
        if let (Ok(None), Some(on)) = (row.scope(), row.on)
            && !known.contains(&on)
        {
            let hint = super::expression::nearest(on, &known)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            list.push(Diagnostic::new(Code::UnknownName, node.span, format!("there is no component `{on}`{hint}")));
        }
    }
    if rows.is_empty() {
        return;
    }
    for (name, node) in layer.get("components").map(Node::entries).unwrap_or_default() {
        let attributes = Attributes::of(&name.name, node);
        let mut roles: Vec<&Row<'_>> = rows.iter().filter(|row| row.covers(&name.name, &attributes)).collect();
        roles.dedup_by_key(|row| row.role);
        match roles.as_slice() {
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

/// What a policy says of a component.
#[derive(Default)]
struct Attributes(BTreeMap<&'static str, String>);

const ATTRIBUTES: [(&str, &str); 5] = [
    ("component.name", ""),
    ("component.kind", "kind"),
    ("component.tier", "tier"),
    ("component.exposure", "exposure"),
    ("component.team", "team"),
];

impl Attributes {
    fn of(name: &str, node: &Node) -> Self {
        let text = |key: &str| if key.is_empty() { Some(name) } else { node.get(key).and_then(Node::text) };
        let stated = ATTRIBUTES.iter().filter_map(|(full, key)| Some((*full, text(key)?.to_owned())));
        Self(stated.collect())
    }
}

impl Facts for Attributes {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        self.0.get(name).map(|text| Given::Text(text))
    }
}

impl Scope for Attributes {
    fn type_of(&self, name: &str) -> Option<Type> {
        ATTRIBUTES.iter().any(|(full, _)| *full == name).then_some(Type::Text)
    }

    fn names(&self) -> Vec<&str> {
        ATTRIBUTES.iter().map(|(full, _)| *full).collect()
    }

    fn noun(&self) -> &'static str {
        "attribute"
    }
}
