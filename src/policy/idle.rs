//! Words of a policy that name something and come to nothing, or to more than they seem to: roles that may only read where
//! they would have to act, regulations that nothing is about, lists that are empty.

use super::diagnostics::{Code, Diagnostic, Span};
use super::expression::nearest;
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
const EMPTY: [(&[&str], &str); 3] = [
    (&["calendar", "closed", "*", "environments"], "and so these hours are closed in every environment"),
    (&["calendar", "closed", "*", "stops"], "and so these hours stop approving and deploying"),
    (&["calendar", "freeze", "*", "environments"], "and so every environment is frozen"),
];

/// Complains about all of them.
pub(super) fn check(rules: &Rules, places: &mut Places<'_>) {
    let mut found: Vec<(usize, Code, Span, String)> = Vec::new();
    for (depth, tree) in places.trees.iter().enumerate() {
        let mut say = |code, span, message| found.push((depth, code, span, message));
        readers(rules, tree, &mut say);
        regulations(places.trees, tree, &mut say);
        empty(tree, &mut say);
    }
    for (depth, code, span, message) in found {
        places.push(depth, Diagnostic::new(code, span, message));
    }
}

/// Every node at a path.
fn at<'n>(node: &'n Node, path: &[&str]) -> Vec<&'n Node> {
    let Some((step, rest)) = path.split_first() else { return vec![node] };
    let next: Vec<&Node> = match (&node.value, *step) {
        (Value::List(items), "*") => items.iter().collect(),
        (Value::Map(entries), "*") => entries.iter().map(|(_, node)| node).collect(),
        (_, key) => node.get(key).into_iter().collect(),
    };
    next.into_iter().flat_map(|node| at(node, rest)).collect()
}

/// Roles that may only read, where nothing that they do counts.
fn readers(rules: &Rules, tree: &Node, say: &mut impl FnMut(Code, Span, String)) {
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

/// Regulations of components that no pack is about, that say nothing of how long records are kept, and that no condition
/// asks for.
fn regulations(trees: &[Node], tree: &Node, say: &mut impl FnMut(Code, Span, String)) {
    let used: Vec<packs::Pack> =
        trees.iter().flat_map(|tree| packs::named(tree, &mut Vec::new())).map(|(pack, _)| pack).collect();
    let kept = |name: &str| {
        let keys = trees.iter().filter_map(|tree| tree.get("retention")).flat_map(Node::entries);
        keys.into_iter().any(|(key, _)| packs::same(&key.name, name))
    };
    let asked = |name: &str| {
        let quoted = [format!("'{name}'"), format!("\"{name}\"")];
        trees.iter().any(|tree| says(tree, &quoted))
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

/// Whether any text says one of these.
fn says(node: &Node, words: &[String]) -> bool {
    match &node.value {
        Value::Text(text) => words.iter().any(|word| text.contains(word.as_str())),
        Value::List(items) => items.iter().any(|node| says(node, words)),
        Value::Map(entries) => entries.iter().any(|(_, node)| says(node, words)),
        Value::Null | Value::Flag(_) | Value::Number(_) => false,
    }
}

/// Lists that are empty, where one could take that for nothing.
fn empty(tree: &Node, say: &mut impl FnMut(Code, Span, String)) {
    let is_empty = |node: &&Node| matches!(&node.value, Value::List(items) if items.is_empty());
    for (path, so) in EMPTY {
        let key = path.last().copied().unwrap_or_default();
        for node in at(tree, path).iter().filter(|node| is_empty(node)) {
            let message = format!("`{key}` is empty, {so}; leave it out if that is meant");
            say(Code::Overlooked, node.span, message);
        }
    }
}
