//! `components` and `packages`: what is released, and what of it together.

use super::diagnostics::Code;
use super::reader::{Layer, span, text, texts};
use super::rules::{Component, PackageRule, Repository};
use super::tree::Node;

/// Reads a layer's components. An inner layer may add some; those of an outer layer stay as they are.
pub(super) fn read(layer: &mut Layer<'_>, all: &mut Vec<Component>) {
    for (name, place, node) in layer.named("components") {
        if layer.redefines(&format!("components.{name}"), place, node) {
            continue;
        }
        let paths = layer.paths(node.get("paths")).unwrap_or_default();
        if paths.written.is_empty() && node.get("paths").is_some_and(|paths| paths.texts().is_empty()) {
            let message = format!("`{name}` is made of no files, so no release would ever touch it");
            layer.complain(Code::NoEffect, span(node, "paths"), message);
        }
        all.push(Component {
            name: name.to_owned(),
            paths,
            repository: repository(layer, node),
            kind: text(node, "kind"),
            tier: text(node, "tier"),
            exposure: text(node, "exposure"),
            regulations: texts(node, "regulations"),
            vendors: texts(node, "vendors"),
            team: text(node, "team"),
            stated: layer.stated(place),
        });
    }
}

/// Reads where a component is. Two forges may each have a repository of one name.
fn repository(layer: &mut Layer<'_>, node: &Node) -> Option<Repository> {
    let stated = node.get("repository")?;
    let text = stated.text()?;
    let found = Repository::parse(text);
    if found.is_none() {
        let message = format!(
            "`{text}` is no repository of a forge; write it with its forge, as `github:acme/api` or `gitlab:acme/web`"
        );
        layer.complain(Code::WrongForm, stated.span, message);
    }
    found
}

/// Reads a layer's packages.
pub(super) fn packages(layer: &mut Layer<'_>, all: &mut Vec<PackageRule>) {
    for (name, place, node) in layer.named("packages") {
        if layer.redefines(&format!("packages.{name}"), place, node) {
            continue;
        }
        let (components, order) = (texts(node, "components"), texts(node, "order"));
        for (stated, at) in node.get("order").map(super::tree::Node::texts).unwrap_or_default() {
            if !components.iter().any(|component| component == stated) {
                layer.complain(Code::UnknownName, at, format!("`{stated}` is ordered, and is no part of `{name}`"));
            }
        }
        for (key, all) in [("components", &components), ("order", &order)] {
            let twice = all.iter().enumerate().find(|(at, one)| all.iter().take(*at).any(|before| before == *one));
            if let Some((_, one)) = twice {
                let message = format!("`{key}` of `{name}` names `{one}` twice; leave one of them out");
                layer.complain(Code::Contradiction, span(node, key), message);
            }
        }
        if components.len() < 2 {
            let message = format!("`{name}` has fewer than two components, so nothing is released together");
            layer.complain(Code::NoEffect, span(node, "components"), message);
        }
        let missing: Vec<&str> =
            components.iter().filter(|component| !order.contains(component)).map(String::as_str).collect();
        if !order.is_empty() && !missing.is_empty() {
            let message = format!("the order of `{name}` does not say when {} goes", missing.join(", "));
            layer.complain(Code::Overlooked, span(node, "order"), message);
        }
        all.push(PackageRule {
            name: name.to_owned(),
            components,
            order,
            one_change: text(node, "change").as_deref() == Some("one"),
            stated: layer.stated(place),
        });
    }
}
