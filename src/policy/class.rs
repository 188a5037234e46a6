//! `classes` and `standard_changes`: what makes a release an emergency, or a change that the CAB approved in advance.

use super::diagnostics::{Code, Diagnostic};
use super::expression::nearest;
use super::reader::{Layer, length, text, texts};
use super::rules::{ClassRule, StandardChange};
use super::stricter::{self, Joint};
use super::tree::Node;
use super::vocabulary::Place;

/// Reads a layer's classes. A class of several layers is what all of them say it is.
pub(super) fn read(layer: &mut Layer<'_>, emergency: &mut Option<ClassRule>, standard: &mut Option<ClassRule>) {
    for (name, span, node) in layer.named("classes") {
        let (place, slot) = match name {
            "emergency" => (Place::Incident, &mut *emergency),
            "standard" => (Place::Release, &mut *standard),
            "normal" => {
                layer.complain(Code::NoEffect, span, "anything else is `normal`; it needs no condition");
                continue;
            }
            _ => {
                let hint = nearest(name, &["emergency", "standard"])
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let message = format!("the classes are `emergency` and `standard`, and anything else is normal{hint}");
                layer.complain(Code::UnknownName, span, message);
                continue;
            }
        };
        let rule = ClassRule {
            when: layer.condition(node.get("when"), place),
            models: texts(node, "models"),
            stated: layer.stated(span),
        };
        complete(layer, name, node);
        if let Some(outer) = slot {
            let mut joint = Joint { stated: &mut outer.stated, inner: &rule.stated };
            if rule.when.is_some() && rule.when != outer.when {
                joint.note(format!("`when` holds in {} too", rule.stated.layer));
                outer.when = stricter::both(outer.when.take(), rule.when);
            }
            if outer.models.is_empty() && !rule.models.is_empty() {
                // Without a model nothing is standard there; naming one is another way to go on.
                if !layer.refuse(&format!("classes.{name}"), span) {
                    outer.models = rule.models;
                }
            } else if !rule.models.is_empty() {
                joint.intersection("models", &mut outer.models, &rule.models);
            }
        } else if !layer.refuse(&format!("classes.{name}"), span) {
            *slot = Some(rule);
        }
    }
}

/// Complains about a class whose facts nothing could ever state.
fn complete(layer: &mut Layer<'_>, name: &str, node: &Node) {
    let Some(when) = node.get("when") else {
        if name == "emergency" {
            let message = "an emergency is one by facts; say with `when` which, such as `incident.severity <= 1 && release.fixes(incident)`";
            layer.complain(Code::MissingKey, node.span, message);
        } else if node.get("models").is_none() {
            let message = "a standard change is one that was approved in advance; name the `models`";
            layer.complain(Code::MissingKey, node.span, message);
        }
        return;
    };
    if name == "standard" && node.get("models").is_none_or(|models| models.texts().is_empty()) {
        let message = "no `models` are named, so no release is ever standard; name those that were approved in advance";
        layer.complain(Code::NoEffect, when.span, message);
    }
}

/// Reads a layer's standard changes.
pub(super) fn models(layer: &mut Layer<'_>, all: &mut Vec<StandardChange>) {
    for (name, span, node) in layer.named("standard_changes") {
        let when = layer.condition(node.get("when"), Place::Release);
        let stated = layer.stated(span);
        for key in ["owner", "approved_by"] {
            if let Some(value) = node.get(key) {
                layer.redefines_within(&format!("standard_changes.{name}"), key, value);
            }
        }
        let Some(when) = when else { continue };
        let model = StandardChange {
            name: name.to_owned(),
            when,
            owner: text(node, "owner"),
            approved_by: text(node, "approved_by"),
            expires: length(node, "expires"),
            suspend_after: failures(layer, node),
            stated,
        };
        if let Some(outer) = all.iter_mut().find(|outer| outer.name == name) {
            let mut joint = Joint { stated: &mut outer.stated, inner: &model.stated };
            if outer.when != model.when {
                joint.note(format!("`when` holds in {} too", model.stated.layer));
                if let Some(when) = stricter::both(Some(outer.when.clone()), Some(model.when)) {
                    outer.when = when;
                }
            }
            joint.shorter_of("expires", &mut outer.expires, model.expires);
            if let Some(ours) = model.suspend_after {
                let theirs = outer.suspend_after.get_or_insert(ours);
                joint.smaller("suspend_after", theirs, ours);
            }
        } else if !layer.refuse(&format!("standard_changes.{name}"), span) {
            if model.approved_by.is_none() {
                let message =
                    format!("nobody approves `{name}`, so no release would ever be one; say who with `approved_by`");
                layer.complain(Code::MissingKey, span, message);
            }
            if model.owner.is_none() {
                let message = format!("nobody looks after `{name}`; say with `owner` who has it renewed");
                layer.complain(Code::MissingKey, span, message);
            }
            if node.get("expires").is_none() {
                let message = format!(
                    "the approval of `{name}` would last for ever; say with `expires` for how long, such as `180d`"
                );
                layer.complain(Code::MissingKey, span, message);
            }
            all.push(model);
        }
    }
}

/// `1 failure`, `3 failures`.
fn failures(layer: &mut Layer<'_>, node: &Node) -> Option<u32> {
    let stated = node.get("suspend_after")?;
    let text = stated.text()?;
    let number = text.trim().trim_end_matches('s').strip_suffix("failure").and_then(|rest| rest.trim().parse().ok());
    let number: Option<u32> = number.filter(|number| *number >= 1);
    if number.is_none() {
        layer.list.push(Diagnostic::new(
            Code::WrongForm,
            stated.span,
            format!("`suspend_after` is a number of failures such as `1 failure`, not `{text}`"),
        ));
    }
    number
}
