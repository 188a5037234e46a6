//! `reviews`: the post-implementation review, and who hears of a release of high impact.

use super::diagnostics::Code;
use super::length::Length;
use super::reader::{Layer, length, text, texts};
use super::rules::{BoardRule, PirRule, Waits};
use super::stricter::{self, Joint};
use super::tree::Node;
use super::vocabulary::Place;

/// By when a review is due where the policy does not say.
const WITHIN: Length = Length::BusinessDays(5);

/// Reads a layer's reviews into those of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, pir: &mut Option<PirRule>, board: &mut Option<BoardRule>) {
    let Some(reviews) = layer.section("reviews") else { return };
    if let Some(node) = reviews.get("pir") {
        review(layer, node, pir);
    }
    if let Some(node) = reviews.get("board") {
        let inner = BoardRule {
            when: layer.condition(node.get("when"), Place::Outcome),
            notify: texts(node, "notify"),
            stated: layer.stated(node.span),
        };
        if inner.notify.is_empty() {
            layer.complain(Code::NoEffect, node.span, "the board is told nowhere; say where with `notify`");
        }
        match board {
            Some(outer) => {
                let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
                joint.union("notify", &mut outer.notify, &inner.notify);
                outer.when = any(outer.when.take(), inner.when);
            }
            None => *board = Some(inner),
        }
    }
}

/// A condition that holds where either does; a missing one always holds.
fn any(
    outer: Option<super::expression::Expression>,
    inner: Option<super::expression::Expression>,
) -> Option<super::expression::Expression> {
    Some(stricter::either(outer?, inner?))
}

fn review(layer: &mut Layer<'_>, node: &Node, rule: &mut Option<PirRule>) {
    let when = layer.condition(node.get("when"), Place::Outcome);
    let by = text(node, "by");
    let stated = layer.stated(node.span);
    if let Some(by) = node.get("by") {
        layer.redefines_within("reviews.pir", "by", by);
    }
    let blocks = text(node, "blocks").map(|word| match word.as_str() {
        "component" => Waits::Component,
        "nothing" => Waits::Nothing,
        _ => Waits::Team,
    });
    let only_overdue = text(node, "holds_while").map(|word| word == "overdue");
    let Some(outer) = rule else {
        let Some(by) = by else {
            layer.complain(Code::MissingKey, node.span, "nobody signs the review off; say who with `by`");
            return;
        };
        *rule = Some(PirRule {
            when,
            by,
            within: length(node, "within").unwrap_or(WITHIN),
            blocks: blocks.unwrap_or(Waits::Nothing),
            only_overdue: only_overdue.unwrap_or(false),
            // Without a rule what is overdue holds, and only an outer layer can say that it does not.
            overdue_holds: !layer.is_outermost() && !layer.free("reviews"),
            stated,
        });
        return;
    };
    let mut joint = Joint { stated: &mut outer.stated, inner: &stated };
    if node.get("when").is_some() && outer.when != when {
        joint.note(format!("one is due where {} says so too", stated.layer));
        outer.when = any(outer.when.take(), when);
    }
    if let Some(within) = length(node, "within") {
        joint.shorter("within", &mut outer.within, within);
    }
    if let Some(blocks) = blocks {
        joint.keep("blocks", &mut outer.blocks, blocks, |waits| told(*waits).to_owned(), |a, b| rank(*b) > rank(*a));
    }
    if let Some(only_overdue) = only_overdue {
        joint.both("holds_while: overdue", &mut outer.only_overdue, only_overdue);
    }
}

fn rank(waits: Waits) -> u8 {
    match waits {
        Waits::Nothing => 0,
        Waits::Component => 1,
        Waits::Team => 2,
    }
}

fn told(waits: Waits) -> &'static str {
    match waits {
        Waits::Nothing => "nothing",
        Waits::Component => "component",
        Waits::Team => "team",
    }
}
