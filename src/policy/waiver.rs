//! Waivers that a policy grants: a gate, a reason, a person, and an end.

use chrono::{DateTime, Utc};

use super::diagnostics::{Code, Diagnostic, Span};
use super::duration;
use super::expression::Expression;
use super::gate::Gate;
use super::instant::absolute;
use super::reader::{Layer, length, texts};
use super::rules::WaiverRule;
use super::stricter::Joint;
use super::tree::Node;
use super::vocabulary::Place;
use crate::model::notable::is_blank;

/// Permission to let releases past one gate for a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// The gate.
    pub gate: String,
    /// The environments; all when empty.
    pub environments: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// What guards instead.
    pub compensating_control: Option<String>,
    /// Who granted it.
    pub by: String,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; that instant is outside.
    pub until: DateTime<Utc>,
    /// Of which releases; of all when left out.
    pub when: Option<Expression>,
    /// The layers whose gates it reaches: its own and those inside it.
    pub layers: Vec<String>,
}

impl Waiver {
    /// Whether it is in force for a gate in an environment at an instant, of whatever release. One with a condition on
    /// the release is not: nothing is known of that where only gates are judged.
    #[must_use]
    pub fn covers(&self, gate: &Gate, environment: &str, now: DateTime<Utc>) -> bool {
        self.when.is_none() && self.about(gate, environment) && self.from <= now && now < self.until
    }

    /// Whether it is of a gate in an environment, whenever it is in force.
    #[must_use]
    pub fn about(&self, gate: &Gate, environment: &str) -> bool {
        self.gate == gate.name
            && self.layers.contains(&gate.layer)
            && (self.environments.is_empty() || self.environments.iter().any(|name| name == environment))
    }
}

/// Reads the waivers of all layers. A layer's waiver reaches the gates of that
/// layer and of those inside it, and gates that an outer layer handed down.
pub(super) fn read(
    trees: &[Node],
    gates: &[(usize, Gate)],
    delegated: &[Vec<String>],
    lists: &mut [Vec<Diagnostic>],
) -> Vec<Waiver> {
    let mut waivers = Vec::new();
    for (depth, (tree, list)) in trees.iter().zip(lists).enumerate() {
        let Some(granted) = tree.get("waivers").and_then(|node| node.get("granted")) else { continue };
        let super::tree::Value::List(entries) = &granted.value else { continue };
        let rules: Vec<&Node> = trees.iter().take(depth + 1).filter_map(|tree| tree.get("waivers")).collect();
        for entry in entries {
            let Some(waiver) = one(entry, &rules, trees, list) else { continue };
            let handed = |outer: usize| delegated.get(outer).is_some_and(|names| names.contains(&waiver.gate));
            let reach = |at: usize| at >= depth || handed(at);
            let named: Vec<&(usize, Gate)> = gates.iter().filter(|(_, gate)| gate.name == waiver.gate).collect();
            let layers: Vec<String> =
                named.iter().filter(|(at, _)| reach(*at)).map(|(_, gate)| gate.layer.clone()).collect();
            let span = entry.get("gate").map_or(entry.span, |node| node.span);
            // A gate that nobody states was complained about already.
            if !named.is_empty() && layers.is_empty() {
                list.push(bad(
                    span,
                    format!("the gate `{}` is an outer layer's, whose waivers are its own to grant", waiver.gate),
                ));
            }
            waivers.push(Waiver { layers, ..waiver });
        }
    }
    waivers
}

/// Reads who may waive gates by an act, from all layers.
pub(super) fn rule(layer: &mut Layer<'_>, rule: &mut Option<WaiverRule>) {
    let Some(node) = layer.section("waivers") else {
        // The roles of the layers around it reach what this one states.
        if let Some(rule) = rule {
            let roles = rule.by.clone();
            rule.reach.push((layer.name.to_owned(), roles));
        }
        return;
    };
    let (by, needs) = (texts(node, "by"), texts(node, "needs"));
    let has = |need: &str| needs.iter().any(|stated| stated == need);
    let max = length(node, "max");
    let (needs_reason, needs_control) = (has("reason"), has("compensating_control"));
    let stated = layer.stated(node.span);
    if by.is_empty() && rule.is_none() {
        let message = "no role may grant a waiver; say which with `by`";
        layer.complain(Code::Overlooked, node.span, message);
    }
    if let Some(outer) = rule {
        let mut joint = Joint { stated: &mut outer.stated, inner: &stated };
        joint.shorter_of("max", &mut outer.max, max);
        if needs_reason {
            joint.either("needs: reason", &mut outer.needs_reason, true);
        }
        if needs_control {
            joint.either("needs: compensating_control", &mut outer.needs_control, true);
        }
        outer.by.extend(by.into_iter().filter(|role| !outer.by.contains(role)).collect::<Vec<_>>());
        outer.reach.push((layer.name.to_owned(), outer.by.clone()));
    } else {
        // What stands around this layer and grants no waivers has none for its gates.
        let around = layer.outer.iter().map(|outer| (outer.name.to_owned(), Vec::new()));
        let reach = around.chain([(layer.name.to_owned(), by.clone())]).collect();
        *rule = Some(WaiverRule { by, max, needs_reason, needs_control, reach, stated });
    }
}

fn bad(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::BadWaiver, span, message)
}

fn one(entry: &Node, rules: &[&Node], trees: &[Node], list: &mut Vec<Diagnostic>) -> Option<Waiver> {
    let text = |key: &str| entry.get(key).and_then(Node::text).map(str::to_owned);
    let at = |key: &str| entry.get(key).map_or(entry.span, |node| node.span);
    let (gate, by) = (text("gate")?, text("by")?);
    let mut instant = |key: &str| {
        let found = entry.get(key).and_then(Node::text).and_then(absolute);
        if found.is_none() {
            list.push(bad(at(key), format!("`{key}` of a waiver needs its zone, such as `2026-12-01T09:00:00Z`")));
        }
        found
    };
    let (from, until) = (instant("from"), instant("until"));
    let (from, until) = (from?, until?);
    if until <= from {
        list.push(bad(at("until"), "a waiver ends after it begins".to_owned()));
    }
    for rule in rules {
        if let Some(most) = rule.get("max").and_then(Node::text).and_then(duration::seconds) {
            #[expect(clippy::cast_precision_loss, reason = "a length of time in whole seconds")]
            let length = (until - from).num_seconds() as f64;
            if length > most {
                list.push(bad(
                    at("until"),
                    format!("the waiver of `{gate}` runs longer than the `max` of this policy"),
                ));
            }
        }
        for (need, _) in rule.get("needs").map(Node::texts).unwrap_or_default() {
            if text(need).is_none_or(|stated| is_blank(&stated)) {
                list.push(bad(entry.span, format!("the waiver of `{gate}` needs a `{need}`")));
            }
        }
    }
    let granters: Vec<&str> =
        rules.iter().filter_map(|rule| rule.get("by")).flat_map(Node::texts).map(|(role, _)| role).collect();
    if !granters.iter().any(|role| holds(trees, role, &by)) {
        let holders = if granters.is_empty() { "no role".to_owned() } else { granters.join(", ") };
        list.push(bad(
            at("by"),
            format!("`{by}` is not named as a member (`user:{by}`) of a role that may grant waivers: {holders}"),
        ));
    }
    let stated = entry.get("environments").map(Node::texts).unwrap_or_default();
    if entry.get("environments").is_some() && stated.is_empty() {
        list.push(bad(at("environments"), "`environments` is empty; leave it out for all".to_owned()));
    }
    let when = match entry.get("when").and_then(Node::text).map(|text| Expression::condition(text, &Place::Release)) {
        Some(Ok(condition)) => Some(condition),
        Some(Err(mistakes)) => {
            list.extend(mistakes.into_iter().map(|mistake| bad(at("when"), mistake.message)));
            // One whose condition cannot be read is refused with the whole policy.
            return None;
        }
        None => None,
    };
    Some(Waiver {
        when,
        gate,
        environments: stated.into_iter().map(|(name, _)| name.to_owned()).collect(),
        reason: text("reason"),
        compensating_control: text("compensating_control"),
        by,
        from,
        until,
        layers: Vec::new(),
    })
}

/// Whether the policy itself names a person as a holder of a role. Membership
/// of a forge's team cannot be seen here, and what cannot be seen does not count.
fn holds(trees: &[Node], role: &str, person: &str) -> bool {
    let wanted = format!("user:{person}");
    trees
        .iter()
        .filter_map(|tree| tree.get("roles")?.get(role)?.get("members"))
        .flat_map(Node::texts)
        .any(|(member, _)| member == wanted)
}
