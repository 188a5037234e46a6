//! Words of a policy that name something and come to nothing, or to more than they seem to: roles that may only read where
//! they would have to act, regulations and names of records that nothing is about, lists that are empty, times that are none.

use super::diagnostics::{Code, Diagnostic, Span};
use super::expression::nearest;
use super::length::Length;
use super::packs;
use super::proofs::Places;
use super::rules::Rules;
use super::tree::{Node, Value};

/// Where a role has to act; `*` stands for any name, and for any entry of a list. Where approvals are asked for, more is
/// proven elsewhere.
const ACTING: [&[&str]; 12] = [
    &["gates", "*", "verified_by"],
    &["roles", "*", "fallback"],
    &["calendar", "freeze", "*", "exceptions_by"],
    &["calendar", "cab", "chair"],
    &["waivers", "by"],
    &["standard_changes", "*", "approved_by"],
    &["routes", "*", "escalate", "to"],
    &["routes", "*", "then", "*", "by"],
    &["incidents", "confirmed_by"],
    &["reviews", "pir", "by"],
    &["break_glass", "grant_by"],
    &["raci", "*", "consulted"],
];

/// Lists of which an empty one is as good as none, and what that means.
const EMPTY: [(&[&str], &str); 4] = [
    (&["calendar", "closed", "*", "environments"], "and so these hours are closed in every environment"),
    (&["calendar", "closed", "*", "stops"], "and so these hours stop approving and deploying"),
    (&["calendar", "freeze", "*", "environments"], "and so every environment is frozen"),
    (&["change", "needs"], "and so a change record may be empty"),
];

/// Times that are nothing when they are none, and what that means.
const NO_TIME: [(&[&str], &str); 6] = [
    (&["waivers", "max"], "so every waiver ends before it begins"),
    (&["delegation", "max"], "so nobody could ever stand in"),
    (&["break_glass", "expires"], "so every grant ends before it is used"),
    (&["gates", "*", "max_age"], "so all evidence is too old"),
    (&["standard_changes", "*", "expires"], "so its approval ends when it is given"),
    (&["routes", "*", "approvals", "expire"], "so every approval ends when it is given"),
];

/// Says something of a place, by its code.
type Say<'s> = &'s mut dyn FnMut(Code, Span, String);

/// Complains about roles that may only read, where nothing that they do counts.
pub(super) fn readers(rules: &Rules, places: &mut Places<'_>) {
    layers(places, |_, tree, say| only_read(rules, tree, say));
}

/// Complains about regulations of components that nothing is about.
pub(super) fn regulations(_: &Rules, places: &mut Places<'_>) {
    layers(places, about_nothing);
}

/// Complains about times of records that are stated for what no component is under, and holds that hold nothing.
pub(super) fn kept(rules: &Rules, places: &mut Places<'_>) {
    layers(places, |_, tree, say| for_nothing(rules, tree, say));
}

/// Complains about times that are none, where nothing could happen in no time.
pub(super) fn no_time(_: &Rules, places: &mut Places<'_>) {
    layers(places, |_, tree, say| in_no_time(tree, say));
}

/// Complains about lists that are empty, where one could take that for nothing.
pub(super) fn empty(_: &Rules, places: &mut Places<'_>) {
    layers(places, |_, tree, say| of_nothing(tree, say));
}

/// Looks at each layer among all of them.
pub(super) fn layers(places: &mut Places<'_>, look: impl Fn(&[Node], &Node, Say<'_>)) {
    let mut found: Vec<(usize, Diagnostic)> = Vec::new();
    for (depth, tree) in places.trees.iter().enumerate() {
        look(places.trees, tree, &mut |code, span, message| found.push((depth, Diagnostic::new(code, span, message))));
    }
    for (depth, diagnostic) in found {
        places.push(depth, diagnostic);
    }
}

/// Every node at a path.
pub(super) fn at<'n>(node: &'n Node, path: &[&str]) -> Vec<&'n Node> {
    let Some((step, rest)) = path.split_first() else { return vec![node] };
    let next: Vec<&Node> = match (&node.value, *step) {
        (Value::List(items), "*") => items.iter().collect(),
        (Value::Map(entries), "*") => entries.iter().map(|(_, node)| node).collect(),
        (_, key) => node.get(key).into_iter().collect(),
    };
    next.into_iter().flat_map(|node| at(node, rest)).collect()
}

/// Roles that may only read, where nothing that they do counts.
fn only_read(rules: &Rules, tree: &Node, say: Say<'_>) {
    let reads = |name: &str| rules.roles.iter().any(|role| role.name == name && !role.may_approve);
    for path in ACTING {
        for node in at(tree, path) {
            // Whoever is consulted may stand in a map with how long he is waited for.
            for (role, span) in node.get("role").unwrap_or(node).texts() {
                if reads(role) {
                    let message = format!(
                        "`{role}` may only read, so nothing that it does here would count; name another role, or let it `approve` under `may`"
                    );
                    say(Code::Overlooked, span, message);
                }
            }
        }
    }
}

/// What a condition reads a component's regulations by.
const READ: &str = "component.regulations";

/// Regulations of components that no pack is about, that say nothing of how long records are kept, and that no condition
/// asks for.
fn about_nothing(trees: &[Node], tree: &Node, say: Say<'_>) {
    let used: Vec<packs::Pack> =
        trees.iter().flat_map(|tree| packs::named(tree, &mut Vec::new())).map(|(pack, _)| pack).collect();
    let kept = |name: &str| {
        let keys = trees.iter().filter_map(|tree| tree.get("retention")).flat_map(Node::entries);
        keys.into_iter().any(|(key, _)| packs::same(&key.name, name))
    };
    // A condition that looks at all of them is about each.
    let at_all =
        trees.iter().any(|tree| some(tree, &|text| text.replace("in component.regulations", "").contains(READ)));
    let asked = |name: &str| {
        let quoted = [format!("'{name}'"), format!("\"{name}\"")];
        at_all || trees.iter().any(|tree| some(tree, &|text| quoted.iter().any(|word| text.contains(word.as_str()))))
    };
    for node in at(tree, &["components", "*", "regulations"]) {
        for (name, span) in node.texts() {
            let about = used.iter().any(|pack| pack.is_about(name));
            if about || kept(name) || asked(name) {
                continue;
            }
            let shipped = packs::names().into_iter().find(|pack| packs::same(pack, name));
            let hint = match (shipped, nearest(name, &packs::names())) {
                (Some(pack), _) => format!("add `{pack}` to `packs`"),
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => "say under `retention` how long its records are kept, or leave it out".to_owned(),
            };
            let message = format!("no pack of this policy is about `{name}`, so nothing is asked for it; {hint}");
            say(Code::Overlooked, span, message);
        }
    }
}

/// Whether any text is of a kind.
fn some(node: &Node, is: &dyn Fn(&str) -> bool) -> bool {
    match &node.value {
        Value::Text(text) => is(text),
        Value::List(items) => items.iter().any(|node| some(node, is)),
        Value::Map(entries) => entries.iter().any(|(_, node)| some(node, is)),
        Value::Null | Value::Flag(_) | Value::Number(_) => false,
    }
}

/// Lists that are empty, where one could take that for nothing.
fn of_nothing(tree: &Node, say: Say<'_>) {
    let is_empty = |node: &&Node| matches!(&node.value, Value::List(items) if items.is_empty());
    for (path, so) in EMPTY {
        let key = path.last().copied().unwrap_or_default();
        for node in at(tree, path).iter().filter(|node| is_empty(node)) {
            let message = format!("`{key}` is empty, {so}; leave it out if that is meant");
            say(Code::Overlooked, node.span, message);
        }
    }
}

/// Times that are none.
fn in_no_time(tree: &Node, say: Say<'_>) {
    for (path, so) in NO_TIME {
        let key = path.last().copied().unwrap_or_default();
        let none = |node: &&Node| node.text().and_then(Length::parse) == Some(Length::Seconds(0));
        for node in at(tree, path).into_iter().filter(none) {
            say(Code::Contradiction, node.span, format!("`{key}` is no time at all, {so}; state a longer one"));
        }
    }
}

/// Times of records, and holds, that are about no component and no release.
fn for_nothing(rules: &Rules, tree: &Node, say: Say<'_>) {
    // A layer that stands around others may speak of what they define.
    if rules.components.is_empty() {
        return;
    }
    let mut known: Vec<&str> = packs::names().to_vec();
    known.extend(rules.components.iter().flat_map(|it| &it.regulations).map(String::as_str));
    for (key, node) in tree.get("retention").map(Node::entries).unwrap_or_default() {
        if key.name == "legal_hold" {
            held(rules, node, say);
        } else if key.name != "default" && !known.iter().any(|name| packs::same(name, &key.name)) {
            let hint = nearest(&key.name, &known).map_or_else(
                || "leave it out, or name it under `regulations` of a component".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no component is under `{}`, so nothing is kept for that time; {hint}", key.name);
            say(Code::Overlooked, key.span, message);
        }
    }
}

/// Holds of what is no component, and hardly a release: those have a number in their names.
fn held(rules: &Rules, node: &Node, say: Say<'_>) {
    let components: Vec<&str> = rules.components.iter().map(|component| component.name.as_str()).collect();
    for (name, span) in node.texts() {
        if components.contains(&name) || name.chars().any(|c| c.is_ascii_digit()) {
            continue;
        }
        let hint = nearest(name, &components).map_or_else(
            || "name a component, or a release as its decision does".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("`{name}` is no component and looks like no release, so nothing is held by it; {hint}");
        say(Code::Overlooked, span, message);
    }
}
