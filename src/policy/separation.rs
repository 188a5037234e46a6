//! `separation` and `rejection`: who may not approve what, and what a rejection needs.

use super::diagnostics::{Code, Span};
use super::reader::{Layer, flag, length, text, texts};
use super::rules::{Per, RejectionRule, Separation};
use super::stricter::Joint;

/// How many characters the reason of a rejection can be asked to have: a long paragraph.
pub const LONGEST_REASON: u32 = 500;

/// Reads a layer's rule into that of the layers around it. What an outer layer leaves out has its default, which is
/// the strictest, so that only an outer layer that says less, or hands it down, lets an inner one say less.
pub(super) fn read(layer: &mut Layer<'_>, rule: &mut Separation) {
    let Some(node) = layer.section("separation") else { return };
    let exclude = node.get("exclude").map(|_| texts(node, "exclude"));
    let per = text(node, "per").map(|word| if word == "change" { Per::Change } else { Per::Release });
    let distinct = flag(node, "distinct_people");
    let stated = layer.stated(node.span);
    if exclude.as_ref().is_some_and(Vec::is_empty) {
        let message = "`exclude` is empty, so everybody could approve his own work; name at least `author`";
        layer.complain(Code::Contradiction, super::reader::span(node, "exclude"), message);
    }
    let has = |word: &str| exclude.as_ref().is_none_or(|words| words.iter().any(|stated| stated == word));
    if layer.is_outermost() || layer.free("separation") {
        *rule = Separation {
            author: has("author"),
            committer: has("committer"),
            co_author: has("co_author"),
            pusher: has("pusher"),
            trigger: has("trigger"),
            per: per.unwrap_or_default(),
            distinct_people: distinct.unwrap_or(true),
            stated,
        };
        return;
    }
    let looser = [
        ("per", "release", rule.per == Per::Release && per == Some(Per::Change)),
        ("distinct_people", "true", rule.distinct_people && distinct == Some(false)),
    ];
    for (key, theirs, _) in looser.into_iter().filter(|(.., looser)| *looser) {
        let message = format!(
            "this has no effect: `{key}: {theirs}` holds in the layers around this one, and the stricter holds"
        );
        layer.complain(Code::NoEffect, super::reader::span(node, key), message);
    }
    let mut joint = Joint { stated: &mut rule.stated, inner: &stated };
    if exclude.is_some() {
        joint.either("exclude: author", &mut rule.author, has("author"));
        joint.either("exclude: committer", &mut rule.committer, has("committer"));
        joint.either("exclude: co_author", &mut rule.co_author, has("co_author"));
        joint.either("exclude: pusher", &mut rule.pusher, has("pusher"));
        joint.either("exclude: trigger", &mut rule.trigger, has("trigger"));
    }
    if let Some(per) = per {
        let tell = |per: &Per| if *per == Per::Release { "release" } else { "change" }.to_owned();
        joint.keep("per", &mut rule.per, per, tell, |_, inner| *inner == Per::Release);
    }
    if let Some(distinct) = distinct {
        joint.either("distinct_people", &mut rule.distinct_people, distinct);
    }
}

/// Reads what a rejection needs. What makes a rejection easier to give, and last longer without a reason, is stricter for
/// the release: so the shorter reason holds, and the longer wait for it.
pub(super) fn rejection(layer: &mut Layer<'_>, rule: &mut RejectionRule) {
    let Some(node) = layer.section("rejection") else {
        if layer.is_outermost() {
            // What it leaves out is its default, and no line's.
            rule.stated = layer.stated(Span::default());
        }
        return;
    };
    let reason = layer.count(node.get("reason"), "reason", 0);
    let holds = length(node, "holds");
    let stated = layer.stated(node.span);
    if layer.is_outermost() || layer.free("rejection") {
        if let Some(reason) = reason.filter(|reason| *reason > LONGEST_REASON) {
            let message = format!(
                "nobody gives a reason of {reason} characters, so every rejection would lapse; ask for at most {LONGEST_REASON}"
            );
            layer.complain(Code::WrongForm, super::reader::span(node, "reason"), message);
        }
        let usual = RejectionRule::default();
        *rule = RejectionRule { reason: reason.unwrap_or(usual.reason), holds: holds.unwrap_or(usual.holds), stated };
        return;
    }
    if reason.is_some_and(|reason| reason > rule.reason) {
        let message = format!(
            "this has no effect: a reason of {} characters is enough in the layers around this one, and a longer one would make rejections lapse",
            rule.reason
        );
        layer.complain(Code::NoEffect, super::reader::span(node, "reason"), message);
    }
    let mut joint = Joint { stated: &mut rule.stated, inner: &stated };
    if let Some(reason) = reason {
        joint.smaller("reason", &mut rule.reason, reason);
    }
    if let Some(holds) = holds {
        joint.longer("holds", &mut rule.holds, holds);
    }
}
