//! `survey` and `reports`: what falls due whenever a period ends.
//!
//! What an outer layer has reported to somebody, an inner one cannot take away; it can add to it, and have it oftener.

use super::diagnostics::Code;
use super::reader::{Layer, texts};
use super::rules::{ReportsRule, SurveyRule};
use super::shape::Section;
use super::stricter::Joint;
use super::tree::Node;
use crate::model::due::ReportKind;
use crate::model::period::Every;

/// The word for whoever approved something in the period.
pub const APPROVERS: &str = "approvers";

/// How often; a word that is none is complained about where the form of the policy is checked.
fn every(node: &Node) -> Option<Every> {
    node.get("every").and_then(Node::text).and_then(Every::of)
}

/// Keeps the shorter period of two layers.
fn oftener(joint: &mut Joint<'_>, outer: &mut Every, inner: Every) {
    joint.keep("every", outer, inner, |every| every.word().to_owned(), |outer, inner| inner < outer);
}

/// Reads a layer's survey into that of the layers around it.
pub(super) fn survey(layer: &mut Layer<'_>, rule: &mut Option<SurveyRule>) {
    let Some(node) = layer.section("survey") else { return };
    for (name, span) in node.get("ask").map(Node::texts).unwrap_or_default() {
        if name != APPROVERS && !layer.names.has(Section::Roles, name) {
            let unknown = layer.names.unknown(Section::Roles, name, span);
            let message = format!("{}; or `{APPROVERS}`, who approved something in the period", unknown.message);
            layer.complain(unknown.code, span, message);
        }
    }
    let ask = texts(node, "ask");
    if let Some(empty) = node.get("ask").filter(|_| ask.is_empty()) {
        layer.complain(Code::NoEffect, empty.span, "nobody is asked; name `approvers`, or roles");
    }
    let Some(every) = every(node) else { return };
    let inner = SurveyRule { every, ask, stated: layer.stated(node.span) };
    let Some(outer) = rule else {
        *rule = Some(inner);
        return;
    };
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    oftener(&mut joint, &mut outer.every, inner.every);
    joint.union("ask", &mut outer.ask, &inner.ask);
}

/// Reads a layer's reports into those of the layers around it.
pub(super) fn reports(layer: &mut Layer<'_>, rule: &mut Option<ReportsRule>) {
    let Some(node) = layer.section("reports") else { return };
    let (to, kinds) = (texts(node, "to"), texts(node, "kinds"));
    for (key, says) in [
        ("to", "nobody receives them; name roles"),
        ("kinds", "none is made; name `population`, `exceptions`, `emergencies`, `access_review` or `survey`"),
    ] {
        if let Some(empty) = node.get(key).filter(|it| it.texts().is_empty()) {
            layer.complain(Code::NoEffect, empty.span, says);
        }
    }
    let Some(every) = every(node) else { return };
    let kinds: Vec<ReportKind> = kinds.iter().filter_map(|word| ReportKind::of(word)).collect();
    let inner = ReportsRule { every, to, kinds, stated: layer.stated(node.span) };
    let Some(outer) = rule else {
        *rule = Some(inner);
        return;
    };
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    oftener(&mut joint, &mut outer.every, inner.every);
    joint.union("to", &mut outer.to, &inner.to);
    let words = |kinds: &[ReportKind]| kinds.iter().map(|kind| kind.word().to_owned()).collect::<Vec<_>>();
    let mut all = words(&outer.kinds);
    joint.union("kinds", &mut all, &words(&inner.kinds));
    outer.kinds = all.iter().filter_map(|word| ReportKind::of(word)).collect();
}
