//! Layers: organisation, group, repository. The stricter requirement wins.
//!
//! A gate of an outer layer is judged as that layer states it, and an inner
//! layer's gate of the same name is judged beside it, so that an inner layer can
//! add but never loosen. What an outer layer delegates is replaced by the inner
//! layer's own, where it has one.

use super::assemble;
use super::broken::Broken;
use super::calendar;
use super::coherence;
use super::contradictions;
use super::delegation;
use super::diagnostics::{Code, Complaints, Diagnostic, Span};
use super::gate::{self, Gate};
use super::grammar;
use super::packs;
use super::proofs;
use super::rules::{Approval, EnvironmentRule, Rules};
use super::shape::{Names, Section};
use super::tree::{self, Node, Value};
use super::waiver::{self, Waiver};
use crate::model::bounds::Bounds;
use crate::model::decision::PolicySource;

/// One layer as it was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as it was given.
    pub path: String,
    /// The text.
    pub text: String,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The ref and commit that it was read from, if any.
    pub from: Option<String>,
}

impl Source {
    /// The layer as decisions name it: by its content.
    #[must_use]
    pub fn by_content(&self) -> PolicySource {
        PolicySource { path: self.path.clone(), sha256: self.sha256.clone(), from: self.from.clone() }
    }
}

/// A policy whose layers hold together.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The layers, outermost first.
    pub layers: Vec<Source>,
    /// The files that they name, such as calendars, in the order of the layers.
    pub attached: Vec<PolicySource>,
    /// Every environment.
    pub environments: Vec<Environment>,
    /// The names of every component.
    pub components: Vec<String>,
    /// Every gate, outermost layer first and otherwise in the order of the files.
    pub gates: Vec<Gate>,
    /// The waivers that are granted in the policy.
    pub waivers: Vec<Waiver>,
    /// The sections that the gate step does not judge, each once.
    pub sections: Vec<String>,
    /// How much is read.
    pub limits: Limits,
    /// Everything that decides beyond gates.
    pub rules: Rules,
    /// What has no effect, and was said in passing.
    pub warnings: Vec<Complaints>,
}

impl Policy {
    /// Whether every layer was read from a ref that its repository protects. Only then do waivers count that it grants:
    /// in a working tree, whoever is held could grant himself one.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.layers.iter().all(|layer| layer.from.is_some())
    }
}

/// Where releases go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether a release may need approvals here.
    pub formal: bool,
}

/// How much the gate step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files that one gate reads.
    pub files: usize,
    /// Entries of the artifact folders that are looked at.
    pub entries: usize,
    /// Bytes of one file.
    pub bytes: u64,
    /// How much of one report is read and kept.
    pub reading: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 10_000, entries: 1_000_000, bytes: 4 << 30, reading: Bounds::LEFT_OUT }
    }
}

/// The parent that a layer pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The parent's path, relative to the layer's own.
    pub path: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Where the layer says so.
    pub span: Span,
}

/// The parent that a layer pins, if it pins one. A file that cannot be read as a
/// policy pins none; what is wrong with it is said when it is read in full.
#[must_use]
pub fn parent(text: &str) -> Option<Pin> {
    if !may_have_key(text, "extends") {
        return None;
    }
    let tree = tree::parse(text).ok()?;
    let node = tree.get("extends")?;
    Some(Pin {
        path: node.get("path")?.text()?.to_owned(),
        sha256: node.get("sha256")?.text()?.to_ascii_lowercase(),
        span: node.span,
    })
}

/// Whether a policy may have a key. `false` is certain and spares parsing the text once
/// more: only an escape or a tag lets YAML spell a key in other letters than its own.
fn may_have_key(text: &str, key: &str) -> bool {
    text.contains(key) || text.contains(['\\', '!'])
}

const LAYERS: [&str; 3] = ["organisation", "group", "repository"];

/// A file that a policy names, such as a calendar of holidays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The path as the layer names it, relative to the layer's own file.
    pub path: String,
    /// The text.
    pub text: String,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// A file that a layer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which layer, counted from the outermost.
    pub layer: usize,
    /// The path, relative to that layer's file.
    pub path: String,
    /// Where the layer names it.
    pub span: Span,
}

/// The files that layers name.
#[must_use]
pub fn attachments(sources: &[Source]) -> Vec<Named> {
    let mut found = Vec::new();
    for (layer, source) in sources.iter().enumerate().filter(|(_, source)| may_have_key(&source.text, "calendar")) {
        let Ok(tree) = tree::parse(&source.text) else { continue };
        let named = tree.get("calendar").map(calendar::attachments).unwrap_or_default();
        found.extend(named.into_iter().map(|(path, span)| Named { layer, path: path.to_owned(), span }));
    }
    found
}

/// Reads layers that name no files, outermost first, into one policy, or says everything that is wrong with them.
pub fn read(sources: Vec<Source>) -> Result<Policy, Vec<Complaints>> {
    read_with(sources, &[])
}

/// Reads layers, outermost first, into one policy, or says everything that is wrong with them. The files that they
/// name are those of [`attachments`], each with the layer that names it.
pub fn read_with(sources: Vec<Source>, attached: &[(usize, Attachment)]) -> Result<Policy, Vec<Complaints>> {
    look_at(sources, attached, true)
}

/// Everything that is wrong with layers of which others could not be read. What those may define is not missed.
#[must_use]
pub fn complaints_of_some(sources: Vec<Source>, attached: &[(usize, Attachment)]) -> Vec<Complaints> {
    look_at(sources, attached, false).map_or_else(|complaints| complaints, |policy| policy.warnings)
}

/// What a layer that cannot be read may define, so that nobody can say that it is missing.
const MAYBE_ELSEWHERE: [Code; 4] = [Code::UnknownName, Code::Accountability, Code::Overlooked, Code::NoEffect];

/// Reads the layers that there are, which are `all` or some of them.
fn look_at(sources: Vec<Source>, attached: &[(usize, Attachment)], all: bool) -> Result<Policy, Vec<Complaints>> {
    let Read { trees, mut lists, broken } = trees(&sources);
    let all = all && broken.iter().all(Option::is_none);
    let names = Names::of(&trees).with(Section::Gates, packs::gate_names(&trees));
    for ((tree, list), _) in trees.iter().zip(&mut lists).zip(&broken).filter(|(_, broken)| broken.is_none()) {
        form(tree, &names, list);
    }
    let layers = layer_names(&trees, &mut lists);
    let handed: Vec<Vec<String>> = trees.iter().map(delegation::handed_down).collect();
    let delegated: Vec<Vec<String>> = handed.iter().map(|paths| delegation::gates(paths)).collect();
    let mut gates = stated_gates(&sources, &layers, &trees, &names, &mut lists);
    if all {
        complain_of_nothing(&trees, &names, &mut lists);
    }
    let left: Vec<Node> = trees
        .iter()
        .zip(&handed)
        .enumerate()
        .map(|(depth, (tree, handed))| assemble::replaced(tree, handed, trees.get(depth + 1..).unwrap_or_default()))
        .collect();
    for (tree, list) in left.iter().zip(&mut lists) {
        coherence::check(tree, &left, &names, list);
    }
    let characters: Vec<Vec<char>> = sources.iter().map(|source| source.text.chars().collect()).collect();
    let given: Vec<assemble::Given<'_>> = left
        .iter()
        .zip(&handed)
        .zip(layers.iter().zip(&sources))
        .zip(&characters)
        .enumerate()
        .map(|(depth, (((tree, delegates), (name, source)), characters))| assemble::Given {
            name,
            path: &source.path,
            tree,
            delegates,
            characters,
            attached: attached.iter().filter(|(layer, _)| *layer == depth).map(|(_, file)| file).collect(),
        })
        .collect();
    let rules = assemble::rules(&given, &names, &mut lists);
    for (depth, mut gate) in packs::gates(&trees, &rules, &mut lists) {
        gate.stated.file = sources.get(depth).map(|source| source.path.clone()).unwrap_or_default();
        gates.push((depth, gate));
    }
    let waivers = waiver::read(&trees, &gates, &delegated, &mut lists);
    if !all {
        for (list, broken) in lists.iter_mut().zip(broken) {
            list.retain(|diagnostic| !MAYBE_ELSEWHERE.contains(&diagnostic.code));
            if let Some(why) = broken {
                *list = vec![why];
            }
        }
    }
    let broken = if all { Broken::of(&trees, &lists) } else { Broken::all() };
    let mistaken = !all || lists.iter().flatten().any(Diagnostic::is_error);
    let places = &mut proofs::Places { names: &layers, trees: &left, lists: &mut lists };
    let proven = proofs::check(&rules, &broken, places);
    let proven = contradictions::check(&rules, &gates, &broken, places) && proven;
    // Whether a file that a gate names is there is looked for once it is known which gates there are.
    let unfinished = !proven || (mistaken && names_roots(&trees));
    let complaints = gather(&sources, lists, unfinished);
    if complaints.iter().any(|file| file.list.iter().any(Diagnostic::is_error)) {
        return Err(complaints);
    }
    let attached = attached.iter().map(|(layer, file)| PolicySource {
        path: file.path.clone(),
        sha256: file.sha256.clone(),
        from: sources.get(*layer).and_then(|source| source.from.clone()),
    });
    Ok(Policy {
        attached: attached.collect(),
        environments: environments(&rules),
        components: rules.components.iter().map(|component| component.name.clone()).collect(),
        gates: effective(gates, &delegated),
        waivers,
        sections: sections(&trees),
        limits: limits(&trees),
        rules,
        warnings: complaints.into_iter().filter(|file| !file.list.is_empty()).collect(),
        layers: sources,
    })
}

/// The gates that layers write out, each with the depth of its layer; and what is wrong with them.
fn stated_gates(
    sources: &[Source],
    layers: &[String],
    trees: &[Node],
    names: &Names,
    lists: &mut [Vec<Diagnostic>],
) -> Vec<(usize, Gate)> {
    let mut gates: Vec<(usize, Gate)> = Vec::new();
    for (depth, ((tree, list), (name, source))) in trees.iter().zip(lists).zip(layers.iter().zip(sources)).enumerate() {
        let characters: Vec<char> = source.text.chars().collect();
        let layer = gate::Layer { name, source, characters: &characters, names };
        for (key, node) in tree.get("gates").map(Node::entries).unwrap_or_default() {
            let whole = matches!(node.value, Value::Map(_));
            let gate = whole.then(|| gate::read(&key.name, key.span, node, &layer, list));
            gates.extend(gate.flatten().map(|gate| (depth, gate)));
        }
        delegation::check(tree, list);
    }
    gates
}

/// Complains of a policy that could never let anything go, where all of its layers are here: none has a gate, or an
/// environment.
fn complain_of_nothing(trees: &[Node], names: &Names, lists: &mut [Vec<Diagnostic>]) {
    if names.all(Section::Gates).next().is_none()
        && let (Some(list), Some(tree)) = (lists.last_mut(), trees.last())
    {
        let span = tree.get("gates").map_or(tree.span, |node| node.span);
        let message = "a policy without gates decides nothing; state at least one under `gates`";
        list.push(Diagnostic::new(Code::NoGates, span, message));
    }
    let empty = |tree: &Node| tree.get("environments").map(|node| node.span);
    if names.all(Section::Environments).next().is_none()
        && let Some((list, span)) =
            lists.iter_mut().zip(trees).rev().find_map(|(list, tree)| Some((list, empty(tree)?)))
    {
        let message = "a policy without environments lets a release go nowhere; name at least one under `environments`";
        list.push(Diagnostic::new(Code::MissingKey, span, message));
    }
}

/// Layers as trees, in their order.
#[derive(Default)]
struct Read {
    /// The trees; one that says nothing where a layer cannot be read.
    trees: Vec<Node>,
    /// What each says twice.
    lists: Vec<Vec<Diagnostic>>,
    /// Why one cannot be read.
    broken: Vec<Option<Diagnostic>>,
}

fn trees(sources: &[Source]) -> Read {
    let mut found = Read::default();
    for source in sources {
        let (tree, list, broken) = match tree::read(&source.text) {
            Ok((tree, repeated)) => (tree, repeated, None),
            Err(why) => (Node { value: Value::Map(Vec::new()), span: Span::default() }, Vec::new(), Some(why)),
        };
        found.trees.push(tree);
        found.lists.push(list);
        found.broken.push(broken);
    }
    found
}

/// Whether a gate names a root of trust of its own.
fn names_roots(trees: &[Node]) -> bool {
    let gates = trees.iter().filter_map(|tree| tree.get("gates")).flat_map(Node::entries);
    gates.into_iter().any(|(_, gate)| gate.get("trusted_root").is_some())
}

fn form(tree: &Node, names: &Names, list: &mut Vec<Diagnostic>) {
    grammar::POLICY.check(tree, "the policy", names, list);
    version(tree, list);
}

fn gather(sources: &[Source], lists: Vec<Vec<Diagnostic>>, unfinished: bool) -> Vec<Complaints> {
    let with_list = |(source, mut list): (&Source, Vec<Diagnostic>)| {
        list.sort_by_key(|diagnostic| diagnostic.span);
        list.dedup();
        Complaints { path: source.path.clone(), text: source.text.clone(), list, unfinished }
    };
    sources.iter().zip(lists).map(with_list).collect()
}

fn version(tree: &Node, list: &mut Vec<Diagnostic>) {
    if let Some(node) = tree.get("version")
        && !matches!(node.value, Value::Number(number) if number.to_bits() == 1.0_f64.to_bits())
    {
        list.retain(|diagnostic| diagnostic.span != node.span);
        list.push(Diagnostic::new(
            Code::UnknownVersion,
            node.span,
            format!("`version` is 1 in this release of countersign, not {}", node.value.title()),
        ));
    }
}

/// The name of each layer: as stated, or by its place. Stated names stand in their
/// order, and no two layers are called alike: waivers reach layers by their names.
fn layer_names(trees: &[Node], lists: &mut [Vec<Diagnostic>]) -> Vec<String> {
    let last = trees.len().saturating_sub(1);
    let mut rank = None;
    let mut names = Vec::new();
    for (depth, (tree, list)) in trees.iter().zip(lists).enumerate() {
        let stated = tree.get("layer");
        let name = stated.and_then(Node::text);
        if let (Some(name), Some(node)) = (name, stated)
            && let Some(found) = LAYERS.iter().position(|layer| *layer == name)
        {
            if rank.is_some_and(|rank| found <= rank) {
                list.push(Diagnostic::new(
                    Code::LayerOrder,
                    node.span,
                    format!("the layer `{name}` stands inside itself or a narrower one; give the outermost layer first, each once"),
                ));
            }
            rank = rank.max(Some(found));
        }
        let innermost = depth == last && !names.iter().any(|outer| outer == "repository");
        let fallback = || if innermost { "repository".to_owned() } else { format!("layer {}", depth + 1) };
        names.push(name.map_or_else(fallback, str::to_owned));
    }
    names
}

/// Leaves out the gates that were handed down and that an inner layer states itself.
fn effective(gates: Vec<(usize, Gate)>, delegated: &[Vec<String>]) -> Vec<Gate> {
    let stated: Vec<(usize, String)> = gates.iter().map(|(depth, gate)| (*depth, gate.name.clone())).collect();
    let replaced = |depth: usize, name: &String| {
        delegated.get(depth).is_some_and(|names| names.contains(name))
            && stated.iter().any(|(inner, other)| *inner > depth && other == name)
    };
    gates.into_iter().filter(|(depth, gate)| !replaced(*depth, &gate.name)).map(|(_, gate)| gate).collect()
}

/// Anything but a plain `automatic`, in any layer, may need approvals.
fn environments(rules: &Rules) -> Vec<Environment> {
    let formal = |rule: &EnvironmentRule| !matches!(rule.approval, Approval::Automatic);
    rules.environments.iter().map(|rule| Environment { name: rule.name.clone(), formal: formal(rule) }).collect()
}

/// The sections that the gate step judges itself.
pub const JUDGED: [&str; 10] =
    ["version", "layer", "extends", "delegate", "packs", "environments", "components", "gates", "waivers", "limits"];

fn sections(trees: &[Node]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (key, _) in trees.iter().flat_map(Node::entries) {
        if !JUDGED.contains(&key.name.as_str()) && !found.contains(&key.name) {
            found.push(key.name.clone());
        }
    }
    found
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the grammar bounds these numbers")]
fn limits(trees: &[Node]) -> Limits {
    let stated = |key: &str| {
        let nodes = trees.iter().filter_map(|tree| tree.get("limits")?.get(key));
        nodes
            .into_iter()
            .filter_map(|node| if let Value::Number(number) = node.value { Some(number) } else { None })
            .next_back()
    };
    let safe = Limits::default();
    let mut reading = Bounds::LEFT_OUT;
    for bound in Bounds::ALL {
        if let Some(number) = stated(bound.key) {
            bound.set(&mut reading, number as usize);
        }
    }
    Limits {
        files: stated("files").map_or(safe.files, |number| number as usize),
        entries: stated("entries").map_or(safe.entries, |number| number as usize),
        bytes: stated("bytes").map_or(safe.bytes, |number| number as u64),
        reading,
    }
}
