//! Gates, valid: what is judged, where, and by which requirement.

mod files;
mod measures;
mod signer;

pub use files::Files;
pub use measures::needs_baseline;
pub use signer::{REPOSITORY, Trust};

use serde_json::json;

use measures::Measures;

use super::diagnostics::{Code, Diagnostic, Span};
use super::duration;
use super::expression::{Expression, nearest, placed};
use super::layers::Source;
use super::shape::Names;
use super::tree::Node;
use crate::model::kind::Kind;
use crate::model::stated::Stated;

/// A condition for entering an environment.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its name, unique within its layer.
    pub name: String,
    /// The layer that asks for it.
    pub layer: String,
    /// Where: its own line, or the one that names its pack.
    pub stated: Stated,
    /// The key that says what it judges: `junit`, `sarif`, `scan`, …
    pub word: &'static str,
    /// What it judges.
    pub kind: Kind,
    /// The files that are its evidence; empty for a checklist that only people tick elsewhere.
    pub files: Files,
    /// What its measures must be.
    pub require: Option<Expression>,
    /// What they must be where there is no baseline.
    pub first_release: Option<Expression>,
    /// The environments that it guards; all when empty.
    pub environments: Vec<String>,
    /// The components that it guards; all when empty.
    pub components: Vec<String>,
    /// What no evidence means.
    pub missing: Missing,
    /// How old a report may be, in seconds.
    pub max_age: Option<f64>,
    /// What a report must say that it is about.
    pub same: Option<Same>,
    /// The pipeline that makes the evidence, where it is another than the release's own. The gate step reads what is in the
    /// artifact folder, wherever it was made; a decision asks the facts.
    pub from: Option<String>,
    /// The role that verifies it.
    pub verified_by: Option<String>,
    /// How long its evidence is kept, as written.
    pub keep: Option<String>,
    /// The items of a checklist.
    pub items: Vec<String>,
    /// Who must have signed what.
    pub trust: Trust,
}

impl Gate {
    /// Whether it is judged for a release of some components, or of all where none is named, to an environment.
    #[must_use]
    pub fn guards(&self, environment: &str, components: &[String]) -> bool {
        let here = self.environments.is_empty() || self.environments.iter().any(|name| name == environment);
        let touches = self.components.iter().any(|name| components.contains(name));
        here && (self.components.is_empty() || components.is_empty() || touches)
    }
}

/// What no evidence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It can still come.
    Pending,
    /// It must be here.
    Block,
}

/// What a report must say that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// The artifact that is released.
    Artifact,
    /// The commit that is released.
    Commit,
}

/// The keys that say what a gate judges.
const KINDS: [(&str, Kind); 8] = [
    ("junit", Kind::Tests),
    ("sarif", Kind::Findings),
    ("scan", Kind::Findings),
    ("coverage", Kind::Coverage),
    ("load", Kind::Load),
    ("sbom", Kind::Sbom),
    ("sigstore", Kind::Signature),
    ("checklist", Kind::Checklist),
];

/// What a gate's keys are to one another, for the schema: exactly one says what it judges, and with that stands what
/// it cannot do without.
pub(super) fn kinds_schema() -> serde_json::Value {
    let one = |&(word, kind): &(&str, Kind)| match kind {
        Kind::Checklist => json!({"required": [word]}),
        Kind::Signature => json!({"required": [word],
                                  "anyOf": [{"required": ["identity", "issuer"]}, {"required": ["key"]}]}),
        _ => json!({"required": [word, "require"]}),
    };
    json!(KINDS.iter().map(one).collect::<Vec<_>>())
}

/// The lists of a gate that may be left out, but not empty.
pub(super) const LISTS: [&str; 2] = ["environments", "on"];

/// The keys that say what a gate judges.
pub(super) fn kinds() -> impl Iterator<Item = &'static &'static str> {
    KINDS.iter().map(|(word, _)| word)
}

/// The layer that a gate stands in.
pub(super) struct Layer<'l> {
    pub(super) name: &'l str,
    pub(super) source: &'l Source,
    /// The characters of its text, by which places are counted.
    pub(super) characters: &'l [char],
    /// The names that all layers define.
    pub(super) names: &'l Names,
}

/// Reads one gate, whose form was checked before.
pub(super) fn read(
    name: &str,
    name_span: Span,
    node: &Node,
    layer: &Layer<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Gate> {
    let before = complaints.len();
    let mut kinds = KINDS.iter().filter(|(word, _)| node.get(word).is_some());
    let Some(&(word, kind)) = kinds.next() else {
        let words: Vec<_> = KINDS.iter().map(|(word, _)| format!("`{word}`")).collect();
        complaints.push(Diagnostic::new(
            Code::BadGate,
            name_span,
            format!("the gate `{name}` does not say what it judges; give it one of {}", words.join(", ")),
        ));
        return None;
    };
    if let Some((other, _)) = kinds.next() {
        complaints.push(Diagnostic::new(
            Code::BadGate,
            name_span,
            format!("the gate `{name}` judges `{word}` and `{other}`; make two gates of it"),
        ));
    }
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let subject = node.get(word)?;
    let files = match kind {
        Kind::Checklist => node.get("ticked_in").map(|node| Files::read(node, complaints)).unwrap_or_default(),
        _ => Files::read(subject, complaints),
    };
    if kind != Kind::Checklist && files.is_empty() && complaints.len() == before {
        complaints.push(Diagnostic::new(Code::BadGate, subject.span, format!("the gate `{name}` names no files")));
    }
    let scope = Measures { kind, word, names: layer.names };
    let mut expression = |key: &str| {
        let stated = node.get(key)?;
        let source = stated.text()?;
        match Expression::condition(source, &scope) {
            Ok(expression) => Some(expression),
            Err(mistakes) => {
                complaints
                    .extend(mistakes.into_iter().map(|mistake| placed(mistake, source, stated.span, layer.characters)));
                None
            }
        }
    };
    let require = expression("require");
    let first_release = expression("first_release");
    let gate = Gate {
        name: name.to_owned(),
        layer: layer.name.to_owned(),
        stated: Stated {
            layer: layer.name.to_owned(),
            file: layer.source.path.clone(),
            line: name_span.line,
            kept: None,
        },
        word,
        kind,
        files,
        require,
        first_release,
        environments: names(node, "environments", "environment", complaints),
        components: names(node, "on", "component", complaints),
        missing: if text("missing").as_deref() == Some("block") { Missing::Block } else { Missing::Pending },
        max_age: text("max_age").as_deref().and_then(duration::seconds),
        same: match text("same").as_deref() {
            Some("artifact") => Some(Same::Artifact),
            Some("commit") => Some(Same::Commit),
            _ => None,
        },
        from: text("from"),
        verified_by: text("verified_by"),
        keep: text("keep"),
        items: if kind == Kind::Checklist {
            subject.texts().into_iter().map(|(item, _)| item.to_owned()).collect()
        } else {
            Vec::new()
        },
        trust: Trust::read(node, &layer.source.path, complaints),
    };
    coherent(&gate, node, name_span, complaints);
    complaints.iter().skip(before).all(|diagnostic| !diagnostic.is_error()).then_some(gate)
}

/// What one gate's keys must be to one another.
fn coherent(gate: &Gate, node: &Node, span: Span, complaints: &mut Vec<Diagnostic>) {
    let name = &gate.name;
    let mut complain = |code, span, message: String| complaints.push(Diagnostic::new(code, span, message));
    let at = |key: &str| node.get(key).map_or(span, |node| node.span);
    match gate.kind {
        Kind::Signature if !gate.trust.names_a_signer() => complain(
            Code::BadGate,
            span,
            format!("the gate `{name}` does not say who must have signed; give it `identity` and `issuer`, or `key`"),
        ),
        Kind::Signature => {}
        Kind::Checklist => {
            if gate.items.is_empty() {
                complain(Code::BadGate, at("checklist"), format!("the checklist of `{name}` has no items"));
            }
            let mut seen = Vec::new();
            for item in &gate.items {
                if seen.contains(&item) {
                    complain(Code::BadGate, at("checklist"), format!("the item `{item}` stands twice"));
                }
                seen.push(item);
            }
        }
        // One that is misspelled is complained about where it stands.
        _ if node.get("require").is_none() && misspelled(node, "require") => {}
        _ if node.get("require").is_none() => complain(
            Code::BadGate,
            span,
            format!("the gate `{name}` requires nothing; give it `require`, such as `{}`", example(gate.word)),
        ),
        _ => {
            if gate.require.as_ref().is_some_and(|require| require.names().is_empty()) {
                complain(
                    Code::NoEffect,
                    at("require"),
                    format!(
                        "`require` speaks of no measure, so it says the same of every report; ask for something, such as `{}`",
                        example(gate.word)
                    ),
                );
            }
        }
    }
    let only = |keys: &[&str], of: &str, wanted: bool, complain: &mut dyn FnMut(Code, Span, String)| {
        for key in keys.iter().filter(|key| !wanted && node.get(key).is_some()) {
            complain(Code::NoEffect, at(key), format!("`{key}` is for {of} and has no effect on `{name}`"));
        }
    };
    if let Some(what) = needs_statement(gate) {
        let message = format!(
            "what `{}` reads has no place to say which {what} it is about, and would stay pending; put a statement beside each report, `<report>.about.json`, that says so",
            gate.word
        );
        complain(Code::NeedsStatement, at("same"), message);
    }
    let signed = matches!(gate.kind, Kind::Signature | Kind::Checklist);
    only(&["identity", "issuer", "key", "trusted_root"], "signatures and checklists", signed, &mut complain);
    only(&["builder", "source", "predicate", "artifact"], "signatures", gate.kind == Kind::Signature, &mut complain);
    only(&["ticked_in"], "checklists", gate.kind == Kind::Checklist, &mut complain);
    if let (Some(_), Some(require)) = (&gate.first_release, &gate.require)
        && !needs_baseline(require, gate.kind)
    {
        complain(
            Code::NoEffect,
            at("first_release"),
            format!("`first_release` has no effect: what `{name}` requires is not compared with a baseline"),
        );
    }
    if let Some(first) = &gate.first_release
        && needs_baseline(first, gate.kind)
    {
        complain(
            Code::BadGate,
            at("first_release"),
            "`first_release` is what counts without a baseline, and this is compared with one".to_owned(),
        );
    }
    if let Some(from) = gate.from.as_deref().filter(|from| !is_workflow(from)) {
        let message = format!(
            "`{from}` is no workflow; write the repository, `//` and its file, as in `acme/perf//nightly.yml`, and behind an `@` the ref by which it is called where that is another repository's"
        );
        complain(Code::BadGate, at("from"), message);
    }
    signer::check(gate, node, span, complaints);
}

/// Whether a text can name what makes evidence: `owner/name//file`, which a ref may follow behind an `@`.
fn is_workflow(text: &str) -> bool {
    let Some((repository, rest)) = text.split_once("//") else { return false };
    let (file, at) = rest.split_once('@').map_or((rest, None), |(file, at)| (file, Some(at)));
    let whole = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    repository.contains('/')
        && repository.split('/').chain(file.split('/')).all(whole)
        && !repository.contains('@')
        && at.is_none_or(whole)
}

/// Whether a key stands there that was meant to be this one.
fn misspelled(node: &Node, key: &str) -> bool {
    node.entries().iter().any(|(stated, _)| nearest(&stated.name, &[key]).is_some())
}

/// What a gate asks its reports to say that none of their formats has a place for. Of
/// those of load tests k6's has one.
fn needs_statement(gate: &Gate) -> Option<&'static str> {
    match (gate.same?, gate.word) {
        (Same::Artifact, "junit" | "sarif" | "coverage") => Some("artifact"),
        (Same::Commit, "coverage" | "sbom") => Some("commit"),
        _ => None,
    }
}

/// The names of a list that may be left out, but not empty.
fn names(node: &Node, key: &str, what: &str, complaints: &mut Vec<Diagnostic>) -> Vec<String> {
    let Some(stated) = node.get(key) else { return Vec::new() };
    let texts = stated.texts();
    if texts.is_empty() {
        complaints.push(Diagnostic::new(
            Code::BadGate,
            stated.span,
            format!("`{key}` is empty, so the gate would guard nothing; leave it out to guard every {what}"),
        ));
    }
    texts.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn example(word: &str) -> &'static str {
    match word {
        "junit" => "tests.failed == 0",
        "sarif" => "findings.error == 0",
        "scan" => "vulnerabilities.critical == 0",
        "coverage" => "coverage.lines >= 0.80",
        "load" => "load.p95_ms <= 300",
        _ => "sbom.without_licence == 0",
    }
}
