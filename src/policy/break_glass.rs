//! `break_glass` and `retry_within`: how a release goes on while the app is down, and how long one may be retried.

use super::diagnostics::Code;
use super::length::Length;
use super::reader::{Layer, length, texts};
use super::rules::BreakGlassRule;
use super::stricter::{Joint, roughly};
use super::tree::Node;
use crate::model::verifier_key::VerifierKey;

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
        keys: keys(layer, node.get("keys"), rule.as_ref()),
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

/// Reads who signs with which key. Where a layer around this one says how it is granted, whose keys count is its own to say.
fn keys(layer: &mut Layer<'_>, node: Option<&Node>, outer: Option<&BreakGlassRule>) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for (account, node) in node.map(Node::entries).unwrap_or_default() {
        let (account, at) = (&account.name, account.span);
        let Some(key) = node.text().map(str::trim) else { continue };
        if !account.split_once(':').is_some_and(|(forge, login)| !forge.is_empty() && !login.is_empty()) {
            layer.complain(Code::WrongForm, at, format!("`{account}` is no account; one looks as `github:noor`"));
        }
        let Some(public) = VerifierKey::parse(key).filter(|key| key.kind == 1) else {
            let message = "this is no key to sign with; one looks as `noor.acme.example+1a2b3c4d+AZ…`, as `countersign grant key` prints it";
            layer.complain(Code::WrongForm, node.span, message);
            continue;
        };
        let twice = keys.iter().find(|(_, known)| VerifierKey::parse(known).is_some_and(|it| it.key == public.key));
        if let Some((other, _)) = twice {
            let message = format!("this key is `{other}`'s already; each of those who sign has his own");
            layer.complain(Code::Contradiction, node.span, message);
        }
        if outer.is_some_and(|outer| !outer.keys.iter().any(|(known, theirs)| known == account && theirs == key)) {
            let message = format!(
                "with which key `{account}` signs grants is for the layer around this one to say, which says how they are made; state it there"
            );
            layer.complain(Code::Loosens, node.span, message);
        }
        keys.push((account.clone(), key.to_owned()));
    }
    keys
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
