//! `delegate`: what a layer lets the layers inside it state for themselves.
//!
//! A path is a section (`raci`), or something in one (`routes.normal`, `calendar.business_hours`). Where an inner
//! layer states it, the outer layer's own is replaced; where none does, it holds.

use super::diagnostics::{Code, Diagnostic};
use super::expression::nearest;
use super::grammar;
use super::shape::Shape;
use super::tree::Node;

/// What says how layers are put together, and so is no inner layer's to say.
const NEVER: [&str; 7] = ["version", "layer", "extends", "delegate", "packs", "limits", "gates"];

/// Sections to which a layer can let others add: something that it does not state itself can be handed down.
const OPEN: [&str; 5] = ["routes", "classes", "standard_changes", "experiments", "people"];

/// Everything that a layer hands down, as dotted paths.
pub(super) fn handed_down(tree: &Node) -> Vec<String> {
    let texts = tree.get("delegate").map(Node::texts).unwrap_or_default();
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

/// The gates among what is handed down.
pub(super) fn gates(paths: &[String]) -> Vec<String> {
    paths.iter().filter_map(|path| path.strip_prefix("gates.").map(str::to_owned)).collect()
}

/// Complains about what cannot be handed down.
pub(super) fn check(tree: &Node, list: &mut Vec<Diagnostic>) {
    for (path, span) in tree.get("delegate").map(Node::texts).unwrap_or_default() {
        if let Some(message) = wrong(tree, path) {
            list.push(Diagnostic::new(Code::UnknownName, span, message));
        } else if matches!(path, "separation" | "identity") {
            let message = format!("every inner layer may now say for itself what `{path}` is, and so loosen it");
            list.push(Diagnostic::new(Code::Overlooked, span, message));
        }
    }
}

fn wrong(tree: &Node, path: &str) -> Option<String> {
    let (section, name) = match path.split_once('.') {
        Some((section, name)) => (section, Some(name)),
        None => (path, None),
    };
    let own: Vec<&str> =
        tree.get(section).map(Node::entries).unwrap_or_default().iter().map(|(key, _)| key.name.as_str()).collect();
    if section == "gates" {
        return match name {
            Some(name) if own.contains(&name) => None,
            Some(name) => Some(format!("there is no gate `{name}` in this layer to hand down")),
            None => Some("gates are handed down one by one, as `gates.coverage`".to_owned()),
        };
    }
    let sections: Vec<&str> =
        grammar::POLICY.fields().iter().map(|field| field.name).filter(|name| !NEVER.contains(name)).collect();
    let Some(field) = grammar::POLICY.fields().iter().find(|field| field.name == section) else {
        let hint = nearest(section, &sections).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Some(format!("there is no section `{section}` to hand down{hint}"));
    };
    if NEVER.contains(&section) {
        return Some(format!("`{section}` is what layers are put together by, and cannot be handed down"));
    }
    let name = name?;
    match field.shape {
        Shape::Named(_) if own.contains(&name) || OPEN.contains(&section) => None,
        Shape::Named(_) => Some(format!("there is no `{name}` under `{section}` in this layer to hand down")),
        Shape::Map(keys) if keys.iter().any(|key| key.name == name) => None,
        Shape::Map(keys) => {
            let keys: Vec<&str> = keys.iter().map(|key| key.name).collect();
            let hint = nearest(name, &keys).map_or(String::new(), |near| format!("; did you mean `{section}.{near}`?"));
            Some(format!("`{section}` has no key `{name}`{hint}"))
        }
        _ => Some(format!("`{section}` can only be handed down as a whole")),
    }
}
