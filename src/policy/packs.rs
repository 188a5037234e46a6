//! Compliance packs: checklists of regulations, by control id.
//!
//! They are data, each with a version, in our own short words: a start for people who know the regulation, and no
//! legal advice. A pack's checklist is a gate like any other. It guards the components that name the regulation, and
//! every environment whose approval is not simply automatic; a policy's own gate of the same name is judged beside it,
//! and so adds to it.

use super::diagnostics::{Code, Diagnostic, Span};
use super::expression::nearest;
use super::gate::{Files, Gate, Missing, Trust};
use super::reader::{number, text, texts};
use super::rules::{Approval, Rules};
use super::tree::{self, Node, Value};
use crate::model::kind::Kind;
use crate::model::stated::Stated;

/// What is shipped, by name.
const SHIPPED: [(&str, &str); 5] = [
    ("sox", include_str!("packs/sox.yml")),
    ("pci-dss", include_str!("packs/pci-dss.yml")),
    ("hipaa", include_str!("packs/hipaa.yml")),
    ("soc2", include_str!("packs/soc2.yml")),
    ("iso27001", include_str!("packs/iso27001.yml")),
];

/// A pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Its name: `sox`.
    pub name: String,
    /// Its version, which grows with every change of its words.
    pub version: u32,
    /// What it is made from.
    pub title: String,
    /// The regulations that components name.
    pub regulations: Vec<String>,
    /// How long its evidence is kept.
    pub keep: String,
    /// Its checklists.
    pub checklists: Vec<Checklist>,
}

/// A checklist of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// The gate: `sox.change-control`.
    pub gate: String,
    /// The roles that verify it: the first of them that the policy has.
    pub verified_by: Vec<String>,
    /// The items, each with the control that it stands for.
    pub items: Vec<Item>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The control: `PCI DSS 6.5.1`.
    pub control: String,
    /// What is confirmed.
    pub says: String,
}

impl Item {
    /// The item as people tick it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}: {}", self.control, self.says)
    }
}

impl Pack {
    /// Whether it is about a regulation, however that is written.
    #[must_use]
    pub fn is_about(&self, regulation: &str) -> bool {
        self.regulations.iter().any(|known| same(known, regulation))
    }
}

/// The names of the packs that there are.
#[must_use]
pub fn names() -> [&'static str; 5] {
    SHIPPED.map(|(name, _)| name)
}

/// A pack by its name.
#[must_use]
pub fn pack(name: &str) -> Option<Pack> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    read(&tree::parse(text).ok()?)
}

fn read(node: &Node) -> Option<Pack> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "our own small numbers")]
    let version = number(node, "version")? as u32;
    let list = |node: Option<&Node>| match node.map(|node| &node.value) {
        Some(Value::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    let item = |node: &Node| Some(Item { control: text(node, "control")?, says: text(node, "says")? });
    let checklist = |node: &Node| {
        Some(Checklist {
            gate: text(node, "gate")?,
            verified_by: texts(node, "verified_by"),
            items: list(node.get("items")).iter().map(item).collect::<Option<_>>()?,
        })
    };
    Some(Pack {
        name: text(node, "pack")?,
        version,
        title: text(node, "title")?,
        regulations: texts(node, "regulations"),
        keep: text(node, "keep")?,
        checklists: list(node.get("gates")).iter().map(checklist).collect::<Option<_>>()?,
    })
}

/// The packs that a layer names, each with its place; complaints about those that there are not.
pub(super) fn named(layer: &Node, list: &mut Vec<Diagnostic>) -> Vec<(Pack, Span)> {
    let mut found = Vec::new();
    for (stated, span) in layer.get("packs").map(Node::texts).unwrap_or_default() {
        let (name, version) = stated.split_once('@').map_or((stated, None), |(name, version)| (name, Some(version)));
        let Some(pack) = pack(name) else {
            let hint = nearest(name, &names()).map_or_else(
                || format!("; there are {}", names().map(|name| format!("`{name}`")).join(", ")),
                |near| format!("; did you mean `{near}`?"),
            );
            list.push(Diagnostic::new(Code::UnknownName, span, format!("there is no pack `{name}`{hint}")));
            continue;
        };
        if let Some(version) = version.filter(|version| *version != pack.version.to_string()) {
            let message = format!(
                "this release of countersign has version {} of `{name}`, not {version}; review what changed and pin it anew",
                pack.version
            );
            list.push(Diagnostic::new(Code::UnknownName, span, message));
            continue;
        }
        found.push((pack, span));
    }
    found
}

/// The names of every gate of the packs that layers name.
pub(super) fn gate_names(trees: &[Node]) -> Vec<String> {
    let packs = trees.iter().flat_map(|tree| named(tree, &mut Vec::new()));
    packs.flat_map(|(pack, _)| pack.checklists).map(|checklist| checklist.gate).collect()
}

/// The gates of the packs that layers name, each with the depth of the first layer that names it.
pub(super) fn gates(trees: &[Node], rules: &Rules, lists: &mut [Vec<Diagnostic>]) -> Vec<(usize, Gate)> {
    let mut gates: Vec<(usize, Gate)> = Vec::new();
    let guarded = rules.environments.iter().filter(|rule| !matches!(rule.approval, Approval::Automatic));
    let environments: Vec<String> = guarded.map(|rule| rule.name.clone()).collect();
    for (depth, (tree, list)) in trees.iter().zip(lists).enumerate() {
        for (pack, span) in named(tree, list) {
            let under = rules
                .components
                .iter()
                .filter(|component| component.regulations.iter().any(|regulation| pack.is_about(regulation)));
            let components: Vec<String> = under.map(|component| component.name.clone()).collect();
            for checklist in &pack.checklists {
                // Without such a component, or where everything goes on by itself, nothing is guarded; an empty list would
                // mean all.
                if components.is_empty()
                    || environments.is_empty()
                    || gates.iter().any(|(_, gate)| gate.name == checklist.gate)
                {
                    continue;
                }
                let verifier = verifier(checklist, trees.get(..=depth).unwrap_or_default(), rules);
                if verifier.is_none() {
                    list.push(Diagnostic::new(Code::UnknownName, span, unverified(&pack, checklist)));
                }
                gates.push((
                    depth,
                    gate(span.line, &pack, checklist, verifier, environments.clone(), components.clone()),
                ));
            }
        }
    }
    gates
}

/// `PCI-DSS`, `pci_dss` and `pci dss` are one regulation.
pub(super) fn same(a: &str, b: &str) -> bool {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase() };
    plain(a) == plain(b)
}

/// The role that verifies a checklist: the one that the policy's own gate of that name says, in the outermost layer
/// that has one and no further in than the layer that names the pack, or the first of the pack's that there is.
fn verifier(checklist: &Checklist, layers: &[Node], rules: &Rules) -> Option<String> {
    let stated = layers.iter().find_map(|tree| text(tree.get("gates")?.get(&checklist.gate)?, "verified_by"));
    let usual = || checklist.verified_by.iter().find(|name| rules.roles.iter().any(|role| role.name == **name));
    stated.or_else(|| usual().cloned())
}

fn unverified(pack: &Pack, checklist: &Checklist) -> String {
    let roles = checklist.verified_by.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(" or ");
    format!(
        "nobody verifies `{}` of the pack `{}`: define a role {roles}, or a gate `{0}` of your own with `verified_by`",
        checklist.gate, pack.name
    )
}

/// A checklist as a gate; `line` is that of the pack's name, in a file that is filled in by whoever knows it.
fn gate(
    line: usize,
    pack: &Pack,
    checklist: &Checklist,
    verified_by: Option<String>,
    environments: Vec<String>,
    components: Vec<String>,
) -> Gate {
    let layer = format!("pack {} {}", pack.name, pack.version);
    Gate {
        name: checklist.gate.clone(),
        stated: Stated { layer: layer.clone(), file: String::new(), line, kept: None },
        layer,
        word: "checklist",
        kind: Kind::Checklist,
        files: Files::of(&[&format!("**/{}.md", checklist.gate), &format!("**/{}.yml", checklist.gate)]),
        require: None,
        first_release: None,
        environments,
        components,
        missing: Missing::Pending,
        max_age: None,
        same: None,
        from: None,
        verified_by,
        keep: Some(pack.keep.clone()),
        items: checklist.items.iter().map(Item::text).collect(),
        trust: Trust::default(),
    }
}
