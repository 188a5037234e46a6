//! `routes`: what each kind of release needs.

use super::diagnostics::{Code, Span};
use super::expression::{Expression, nearest};
use super::length::Length;
use super::reader::{Layer, length, text, texts};
use super::roles::RESERVED;
use super::rules::{Escalation, Follow, Route};
use super::shape::{Names, Section};
use super::stricter::{self, Joint};
use super::tree::{Node, Value};
use super::vocabulary::Place;
use crate::model::facts::Via;

/// Where approvals are given, as policies write it.
const VIAS: [(&str, Via); 7] = [
    ("environment", Via::Environment),
    ("command", Via::Command),
    ("page", Via::Page),
    ("review", Via::Review),
    ("chat", Via::Chat),
    ("change_record", Via::ChangeRecord),
    ("console", Via::Console),
];

/// How many approvals of one role can be asked for.
const MOST: u32 = 50;

/// What a layer says of a route; what it leaves out, another layer may have said.
struct Said {
    when: Option<Expression>,
    to_last_good: Option<bool>,
    any_hours: Option<bool>,
    automatic: Option<bool>,
    approvals: Vec<(String, u32)>,
    expire: Option<Length>,
    counts_from: Option<Vec<Via>>,
    #[expect(clippy::option_option, reason = "left out, always, or under a condition")]
    cab: Option<Option<Expression>>,
    escalate: Option<Escalation>,
    may_skip: Option<Vec<String>>,
    then: Vec<Follow>,
}

/// Reads a layer's routes into those of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, names: &Names, all: &mut Vec<Route>) {
    for (name, span, node) in layer.named("routes") {
        let said = say(layer, names, name, span, node);
        if let Some(at) = all.iter().position(|outer| outer.name == name) {
            if let Some(outer) = all.get_mut(at) {
                join(layer, outer, said, span, node);
            }
        } else if !layer.refuse(&format!("routes.{name}"), span) {
            all.push(first(layer, name, span, said));
        }
    }
}

fn say(layer: &mut Layer<'_>, names: &Names, name: &str, span: Span, node: &Node) -> Said {
    let word = |key: &str, yes: &str| node.get(key).and_then(Node::text).map(|text| text == yes);
    let mut said = Said {
        when: layer.condition(node.get("when"), Place::Release),
        to_last_good: word("to", "last_good"),
        any_hours: word("hours", "any"),
        automatic: word("approval", "automatic"),
        approvals: Vec::new(),
        expire: None,
        counts_from: None,
        cab: None,
        escalate: None,
        may_skip: node.get("may_skip").map(|_| texts(node, "may_skip")),
        then: Vec::new(),
    };
    approvals(layer, names, node, &mut said);
    if let Some(cab) = node.get("cab") {
        let when = layer.condition(cab.get("when"), Place::Release);
        // A condition that cannot be read is refused; without one, the CAB decides on every such release.
        said.cab = Some(when);
    }
    said.escalate = node.get("escalate").and_then(|escalate| escalation(layer, name, escalate));
    for (key, follow) in node.get("then").map(Node::entries).unwrap_or_default() {
        let (Some(by), Some(within)) = (text(follow, "by"), length(follow, "within")) else { continue };
        for (need, at) in follow.get("needs").map(Node::texts).unwrap_or_default() {
            if need != "evidence" {
                layer.complain(Code::WrongForm, at, format!("what must be attached is `evidence`, not `{need}`"));
            }
        }
        let needs_evidence = texts(follow, "needs").iter().any(|need| need == "evidence");
        said.then.push(Follow { name: key.name.clone(), by, within, needs_evidence, stated: layer.stated(key.span) });
    }
    if said.automatic == Some(true) && !said.approvals.is_empty() {
        let message = format!("`{name}` goes on by itself, and asks for approvals; say one of the two");
        layer.complain(Code::Contradiction, span, message);
    }
    said
}

fn approvals(layer: &mut Layer<'_>, names: &Names, node: &Node, said: &mut Said) {
    for (key, value) in node.get("approvals").map(Node::entries).unwrap_or_default() {
        match key.name.as_str() {
            "expire" => {
                said.expire = value.text().and_then(Length::parse).filter(|length| *length != Length::Seconds(0));
                if said.expire.is_none() {
                    let message =
                        format!("`expire` is a length of time such as `24h` or `5bd`, not {}", value.value.title());
                    layer.complain(Code::WrongForm, value.span, message);
                }
            }
            "counts_from" => said.counts_from = Some(vias(layer, value)),
            role => {
                if role != "accountable" && !names.has(Section::Roles, role) {
                    match nearest(role, &RESERVED) {
                        Some(near) => {
                            let message = format!("there is no role `{role}`; did you mean `{near}`?");
                            layer.complain(Code::UnknownName, key.span, message);
                        }
                        None => layer.list.push(names.unknown(Section::Roles, role, key.span)),
                    }
                }
                if !matches!(value.value, Value::Number(_)) {
                    let found = value.value.title();
                    let message = format!("`{role}` is how many approvals it gives, such as `1`, not {found}");
                    layer.complain(Code::WrongForm, value.span, message);
                    continue;
                }
                match layer.count(Some(value), role, 1) {
                    Some(count) if count > MOST => {
                        let message = format!("`{role}` is at most {MOST} people, not {count}");
                        layer.complain(Code::BeyondLimit, value.span, message);
                    }
                    Some(count) => said.approvals.push((role.to_owned(), count)),
                    None => {}
                }
            }
        }
    }
}

fn vias(layer: &mut Layer<'_>, node: &Node) -> Vec<Via> {
    let words = VIAS.map(|(word, _)| word);
    let mut found = Vec::new();
    for (text, at) in node.texts() {
        match VIAS.iter().find(|(word, _)| *word == text) {
            Some((_, via)) if !found.contains(via) => found.push(*via),
            Some(_) => layer.complain(Code::NoEffect, at, format!("`{text}` stands twice")),
            None => {
                let hint = nearest(text, &words).map_or_else(
                    || format!("; there are {}", words.map(|word| format!("`{word}`")).join(", ")),
                    |near| format!("; did you mean `{near}`?"),
                );
                layer.complain(Code::WrongForm, at, format!("approvals do not come from `{text}`{hint}"));
            }
        }
    }
    if found.is_empty() && node.texts().is_empty() {
        layer.complain(Code::Contradiction, node.span, "`counts_from` is empty, so no approval would ever count");
    }
    found
}

fn escalation(layer: &mut Layer<'_>, name: &str, node: &Node) -> Option<Escalation> {
    let (to, last) = (texts(node, "to"), text(node, "final"));
    let Some(undecided_after) = length(node, "undecided_after") else {
        if node.get("undecided_after").is_none() {
            let message = format!("`escalate` of `{name}` does not say after how long; give it `undecided_after`");
            layer.complain(Code::MissingKey, node.span, message);
        }
        return None;
    };
    if to.is_empty() {
        layer.complain(Code::MissingKey, node.span, format!("`escalate` of `{name}` does not say `to` whom"));
    }
    if let (Some(last), Some(stated)) = (&last, node.get("final"))
        && !to.is_empty()
        && !to.contains(last)
    {
        let message = format!("the final word is `{last}`'s, who is never asked; add `{last}` to `to`");
        layer.complain(Code::Overlooked, stated.span, message);
    }
    Some(Escalation { undecided_after, to, last, stated: layer.stated(node.span) })
}

fn first(layer: &mut Layer<'_>, name: &str, span: Span, said: Said) -> Route {
    let automatic = said.automatic.unwrap_or(false);
    if !automatic && said.approvals.is_empty() {
        let message = format!(
            "`{name}` asks for no approval; name a role under `approvals`, or write `approval: automatic` if that is meant"
        );
        layer.complain(Code::Overlooked, span, message);
    }
    Route {
        name: name.to_owned(),
        when: said.when,
        to_last_good: said.to_last_good.unwrap_or(false),
        // What goes back to what was good waits for no hours, and so do those who let it.
        any_hours: said.any_hours.unwrap_or(false) || said.to_last_good.unwrap_or(false),
        automatic,
        approvals: said.approvals,
        expire: said.expire,
        counts_from: said.counts_from.unwrap_or_default(),
        cab: said.cab,
        escalate: said.escalate,
        may_skip: said.may_skip.unwrap_or_default(),
        then: said.then,
        stated: layer.stated(span),
    }
}

/// Complains of what an inner layer says of a route in vain, or may not say.
fn complain(layer: &mut Layer<'_>, outer: &Route, said: &Said, node: &Node) {
    let path = format!("routes.{}", outer.name);
    for key in ["when", "to", "escalate"] {
        let Some(ours) = node.get(key) else { continue };
        if !layer.redefines_within(&path, key, ours) {
            let message = format!(
                "`{key}` of `{path}` would change whom an outer layer's route asks, or which releases take it; it did not hand it down: leave `{key}` out, or add `{path}` to `delegate` there"
            );
            layer.complain(Code::Loosens, ours.span, message);
        }
    }
    for (key, theirs, ours) in
        [("hours", outer.any_hours, said.any_hours), ("approval", outer.automatic, said.automatic)]
    {
        if let (false, Some(true), Some(stated)) = (theirs, ours, node.get(key)) {
            let message = format!(
                "this has no effect: `{path}` is stricter in the {} ({}:{}), and the stricter holds",
                super::reader::title(&outer.stated.layer),
                outer.stated.file,
                outer.stated.line
            );
            layer.complain(Code::NoEffect, stated.span, message);
        }
    }
}

/// What follows on the outer layer's route, with what the inner one adds.
fn join_follows(layer: &mut Layer<'_>, outer: &mut Vec<Follow>, said: Vec<Follow>, span: Span) {
    for follow in said {
        match outer.iter_mut().find(|theirs| theirs.name == follow.name) {
            Some(theirs) => {
                if theirs.by != follow.by {
                    let message = format!(
                        "`then.{}` is by `{}` in the {}; it is not for this layer to give to `{}`",
                        follow.name,
                        theirs.by,
                        super::reader::title(&theirs.stated.layer),
                        follow.by
                    );
                    layer.complain(Code::Loosens, span, message);
                }
                let mut joint = Joint { stated: &mut theirs.stated, inner: &follow.stated };
                joint.shorter("within", &mut theirs.within, follow.within);
                joint.either("needs: evidence", &mut theirs.needs_evidence, follow.needs_evidence);
            }
            None => outer.push(follow),
        }
    }
}

fn join(layer: &mut Layer<'_>, outer: &mut Route, said: Said, span: Span, node: &Node) {
    complain(layer, outer, &said, node);
    let inner = layer.stated(span);
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner };
    if let Some(ours) = said.any_hours {
        joint.both("hours: any", &mut outer.any_hours, ours);
    }
    if let Some(ours) = said.automatic {
        joint.both("approval: automatic", &mut outer.automatic, ours);
    }
    for (role, count) in said.approvals {
        // Approvals that an inner layer adds are asked for, so that it no longer goes on by itself.
        outer.automatic = false;
        if let Some((_, theirs)) = outer.approvals.iter_mut().find(|(name, _)| *name == role) {
            joint.larger(&format!("approvals.{role}"), theirs, count);
        } else {
            let (layer, file, line) = (&inner.layer, &inner.file, inner.line);
            joint.note(format!("`approvals.{role}` {count} added by {layer} ({file}:{line})"));
            outer.approvals.push((role, count));
        }
    }
    joint.shorter_of("approvals.expire", &mut outer.expire, said.expire);
    let mut nowhere = false;
    match said.counts_from {
        Some(ours) if outer.counts_from.is_empty() => {
            // Left out, everything counts but reviews.
            joint.note(format!("`approvals.counts_from` is of {} ({}:{})", inner.layer, inner.file, inner.line));
            outer.counts_from = ours.into_iter().filter(|via| *via != Via::Review).collect();
            nowhere = outer.counts_from.is_empty();
        }
        Some(ours) => nowhere = !joint.intersection("approvals.counts_from", &mut outer.counts_from, &ours),
        None => {}
    }
    match (outer.cab.take(), said.cab) {
        (Some(Some(theirs)), Some(Some(ours))) => {
            if theirs != ours {
                joint.note(format!("`cab` also where {} asks for it", inner.layer));
            }
            outer.cab = Some(Some(stricter::either(theirs, ours)));
        }
        (Some(None), _) | (Some(_), Some(None)) => outer.cab = Some(None),
        (theirs, ours) => outer.cab = theirs.or(ours),
    }
    if let Some(ours) = said.may_skip {
        joint.intersection("may_skip", &mut outer.may_skip, &ours);
    }
    join_follows(layer, &mut outer.then, said.then, span);
    if nowhere {
        let at = node.get("approvals").and_then(|node| node.get("counts_from")).map_or(span, |node| node.span);
        let message = "an outer layer counts approvals from elsewhere, so none would ever count";
        layer.complain(Code::Contradiction, at, message);
    }
}
