//! `break_glass` and `retry_within`: how a release goes on while the app is down, and how long one may be retried.

use super::diagnostics::Code;
use super::length::Length;
use super::reader::{Layer, length, texts};
use super::rules::BreakGlassRule;
use super::stricter::{Joint, roughly};

/// How long a grant lasts where the policy does not say.
const EXPIRES: Length = Length::Seconds(4 * 3600);

/// Reads a layer's rule into that of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Option<BreakGlassRule>) {
    let Some(node) = layer.section("break_glass") else { return };
    let people = layer.count(node.get("people"), "people", 2);
    let releases = layer.count(node.get("releases"), "releases", 1);
    let inner = BreakGlassRule {
        grant_by: texts(node, "grant_by"),
        people: people.unwrap_or(2),
        releases: releases.unwrap_or(1),
        expires: length(node, "expires").unwrap_or(EXPIRES),
        stated: layer.stated(node.span),
    };
    if inner.grant_by.is_empty() && rule.is_none() {
        layer.complain(Code::MissingKey, node.span, "nobody grants it; say who with `grant_by`");
    }
    let Some(outer) = rule else {
        if layer.is_outermost() || !layer.refuse("break_glass", node.span) {
            *rule = Some(inner);
        }
        return;
    };
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    if people.is_some() {
        joint.larger("people", &mut outer.people, inner.people);
    }
    if releases.is_some() {
        joint.smaller("releases", &mut outer.releases, inner.releases);
    }
    if node.get("expires").is_some() {
        joint.shorter("expires", &mut outer.expires, inner.expires);
    }
    if let Some(stated) = node.get("grant_by")
        && !joint.intersection("grant_by", &mut outer.grant_by, &inner.grant_by)
    {
        layer.complain(Code::Contradiction, stated.span, "no role may grant it in this layer and in those around it");
    }
}

/// Reads how long an opened deployment may be retried. A layer around this one that says how releases are approved
/// and nothing of retries allows none.
pub(super) fn retry(layer: &mut Layer<'_>, within: &mut Length) {
    let Some(node) = layer.section("retry_within") else { return };
    let Some(ours) = node.text().and_then(Length::parse) else { return };
    if layer.around("retry_within").is_some() {
        if roughly(ours) < roughly(*within) {
            *within = ours;
        }
    } else if !layer.refuse("retry_within", node.span) {
        *within = ours;
    }
}
