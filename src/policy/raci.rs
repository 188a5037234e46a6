//! `raci`: who is accountable, responsible, consulted and informed.

use super::diagnostics::Code;
use super::length::Length;
use super::reader::{Layer, length, text, texts};
use super::rules::{On, RaciRow};
use super::tree::{Node, Value};
use super::vocabulary::Place;

/// How long an advice is waited for where the policy does not say.
const WAIT: Length = Length::BusinessDays(1);

/// Reads a layer's rows after those of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, all: &mut Vec<RaciRow>) {
    let Some(Value::List(rows)) = layer.section("raci").map(|node| &node.value) else { return };
    for node in rows {
        let row = RaciRow {
            on: on(layer, node.get("on")),
            when: layer.condition(node.get("when"), Place::Release),
            accountable: text(node, "accountable"),
            responsible: texts(node, "responsible"),
            consulted: node.get("consulted").map(consulted).unwrap_or_default(),
            informed: texts(node, "informed"),
            representation: texts(node, "representation"),
            stated: layer.stated(node.span),
        };
        if row.accountable.is_none()
            && row.responsible.is_empty()
            && row.consulted.is_empty()
            && row.informed.is_empty()
            && row.representation.is_empty()
        {
            layer.complain(Code::NoEffect, node.span, "this row names nobody");
        }
        let mut seen = Vec::new();
        for (role, at) in node.get("representation").map(Node::texts).unwrap_or_default() {
            if seen.contains(&role) {
                layer.complain(Code::NoEffect, at, format!("`{role}` stands twice; it is represented once"));
            }
            seen.push(role);
        }
        all.push(row);
    }
}

/// Whether a text is a component's name rather than a condition on components.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) && !text.starts_with("component.")
}

fn on(layer: &mut Layer<'_>, node: Option<&Node>) -> On {
    match node.and_then(Node::text) {
        None => On::All,
        Some(name) if is_name(name) => On::Component(name.to_owned()),
        // A row whose condition cannot be read is refused; until then it is about nothing.
        Some(text) => layer.condition(node, Place::Component).map_or_else(|| On::Component(text.to_owned()), On::Where),
    }
}

fn consulted(node: &Node) -> Vec<(String, Length)> {
    match node.get("role").and_then(Node::text) {
        Some(role) => vec![(role.to_owned(), length(node, "wait").unwrap_or(WAIT))],
        None => node.texts().into_iter().map(|(role, _)| (role.to_owned(), WAIT)).collect(),
    }
}
