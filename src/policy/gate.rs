//! Gates, valid: what is judged, where, and by which requirement.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::diagnostics::{Code, Diagnostic, Span};
use super::duration;
use super::expression::{Expression, Mistake, Scope};
use super::layers::Source;
use super::shape::{Names, Section};
use super::tree::Node;
use crate::model::catalogue::{self, Type};
use crate::model::kind::Kind;
use crate::model::licence::Licence;
use crate::model::pattern::Pattern;
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

/// Who must have signed, and what provenance must say.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The artifacts that are signed, where they do not stand beside their bundles.
    pub artifacts: Files,
    /// The signer's identity; may hold `{repository}` and `*`.
    pub identity: Option<String>,
    /// Who vouches for it.
    pub issuer: Option<String>,
    /// A public key in PEM.
    pub key: Option<String>,
    /// The builder that provenance must name.
    pub builder: Option<String>,
    /// The source repository that provenance must name; may hold `{repository}`.
    pub source: Option<String>,
    /// The type of statement that must be signed.
    pub predicate: Option<String>,
    /// A trusted root, relative to the policy file that states the gate.
    pub root: Option<String>,
    /// That policy file.
    pub stated_in: String,
}

impl Trust {
    /// Whether anybody is named who must have signed.
    #[must_use]
    pub fn names_a_signer(&self) -> bool {
        self.key.is_some() || (self.identity.is_some() && self.issuer.is_some())
    }
}

/// Globs over paths below an artifact folder.
#[derive(Clone, Debug, Default)]
pub struct Files {
    globs: Vec<String>,
    set: GlobSet,
}

impl Files {
    /// The globs as written.
    #[must_use]
    pub fn globs(&self) -> &[String] {
        &self.globs
    }

    /// Whether no glob is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// Whether a path, relative to its folder and with `/` between its parts, is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// Whether a glob leads into a folder.
    #[must_use]
    pub fn reaches(&self, folder: &str) -> bool {
        self.globs.iter().any(|text| leads_into(text.strip_prefix("./").unwrap_or(text), folder))
    }

    /// Globs of our own.
    pub(super) fn of(globs: &[&str]) -> Self {
        let mut builder = GlobSetBuilder::new();
        for glob in globs.iter().filter_map(|text| glob(text).ok()) {
            builder.add(glob);
        }
        let globs = globs.iter().map(|text| (*text).to_owned()).collect();
        Self { globs, set: builder.build().unwrap_or_default() }
    }

    /// Builds the set, or complains about the globs that are none.
    fn read(node: &Node, complaints: &mut Vec<Diagnostic>) -> Self {
        let mut builder = GlobSetBuilder::new();
        let mut globs = Vec::new();
        for (text, span) in node.texts() {
            match glob(text) {
                Ok(glob) => {
                    builder.add(glob);
                    globs.push(text.to_owned());
                }
                Err(message) => complaints.push(Diagnostic::new(Code::BadGlob, span, message)),
            }
        }
        match builder.build() {
            Ok(set) => Self { globs, set },
            Err(error) => {
                complaints.push(Diagnostic::new(
                    Code::BadGlob,
                    node.span,
                    format!("the globs cannot be used: {error}"),
                ));
                Self::default()
            }
        }
    }
}

/// Whether what a glob means can lie in a folder.
fn leads_into(text: &str, folder: &str) -> bool {
    let alternatives = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    if alternatives.into_iter().any(|(inside, _)| inside.contains('/')) {
        // Which folders these are is not told apart; better one too many.
        return true;
    }
    let mut parts = text.split('/');
    for name in folder.split('/') {
        match parts.next() {
            Some("**") => return true,
            Some(part) if glob(part).is_ok_and(|part| part.compile_matcher().is_match(name)) => {}
            Some(_) | None => return false,
        }
    }
    parts.next().is_some()
}

/// A glob as on a command line: `*` stops at `/`, `**` does not.
fn glob(text: &str) -> Result<Glob, String> {
    if text.starts_with('/') || text.contains('\\') || text.split('/').any(|part| part == "..") {
        return Err(format!(
            "`{text}` leads out of the artifact folder; write a path below it, with `/` between its parts"
        ));
    }
    let text = text.strip_prefix("./").unwrap_or(text);
    GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map_err(|error| format!("`{text}` is no glob: {}", error.kind()))
}

/// The names that a gate's requirement may use.
struct Measures<'n> {
    kind: Kind,
    word: &'static str,
    names: &'n Names,
}

impl Measures<'_> {
    fn entry(&self, name: &str) -> Option<&'static catalogue::Entry> {
        let entry = |name: &str| catalogue::measures(self.kind).iter().find(|entry| entry.name == name);
        let found = match name.strip_prefix("baseline.") {
            Some(rest) => entry(rest)
                .or_else(|| entry(&format!("{}.{rest}", catalogue::namespace(self.kind))))
                .filter(|entry| !entry.needs_baseline),
            None => entry(name),
        };
        found.filter(|entry| self.speaks_of(entry.name))
    }

    fn speaks_of(&self, name: &str) -> bool {
        // SARIF has results, not vulnerabilities of components.
        self.word != "sarif" || !name.starts_with("vulnerabilities.")
    }
}

impl Scope for Measures<'_> {
    fn type_of(&self, name: &str) -> Option<Type> {
        if name == "environment" {
            return Some(Type::Text);
        }
        self.entry(name).map(|entry| entry.kind)
    }

    fn values(&self, name: &str) -> Option<Vec<&str>> {
        let known: Vec<&str> = self.names.all(Section::Environments).filter(|_| name == "environment").collect();
        (!known.is_empty()).then_some(known)
    }

    fn spelling(&self, name: &str, text: &str) -> Option<String> {
        let lists = ["sbom.licences", "sbom.new.licences", "baseline.licences", "baseline.sbom.licences"];
        lists.contains(&name).then(|| {
            let licence = Licence::read(text);
            // Of a text that is no expression, as an exception alone, the identifier comes last.
            licence.names().filter(|name| name.eq_ignore_ascii_case(text)).last().unwrap_or(&licence.text).to_owned()
        })
    }

    fn is_share(&self, name: &str) -> bool {
        let shares = ["lines", "branches", "functions", "instructions"];
        let share = |entry: &catalogue::Entry| {
            entry.name == "load.error_rate"
                || entry.name.strip_prefix("coverage.").is_some_and(|rest| shares.contains(&rest))
        };
        self.entry(name).is_some_and(share)
    }

    fn names(&self) -> Vec<&str> {
        let entries = catalogue::measures(self.kind).iter().map(|entry| entry.name);
        entries.filter(|name| self.speaks_of(name)).chain(["environment"]).collect()
    }
}

/// What stands for the job's own repository in a signer's name.
pub const REPOSITORY: &str = "{repository}";

/// Whether a text has the form of a public key in PEM (RFC 7468).
fn is_pem(text: &str) -> bool {
    let inside = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let inside = inside.and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"));
    inside.is_some_and(|inside| {
        let inside: String = inside.split_whitespace().collect();
        !inside.is_empty() && base64::Engine::decode(&base64::engine::general_purpose::STANDARD, inside).is_ok()
    })
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
        trust: Trust {
            artifacts: node.get("artifact").map(|node| Files::read(node, complaints)).unwrap_or_default(),
            identity: text("identity"),
            issuer: text("issuer"),
            key: text("key"),
            builder: text("builder"),
            source: text("source"),
            predicate: text("predicate"),
            root: text("trusted_root"),
            stated_in: layer.source.path.clone(),
        },
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
    for (key, text) in [("identity", &gate.trust.identity), ("builder", &gate.trust.builder)] {
        let Some(text) = text else { continue };
        if let Err(why) = Pattern::new(&text.replace(REPOSITORY, "owner/name")) {
            complain(Code::BadGate, at(key), why);
        }
    }
    for (key, text) in [
        ("identity", &gate.trust.identity),
        ("issuer", &gate.trust.issuer),
        ("builder", &gate.trust.builder),
        ("source", &gate.trust.source),
    ] {
        let Some(text) = text else { continue };
        if text.replace(REPOSITORY, "").contains(['{', '}']) {
            let message = format!("`{text}` holds braces; nothing but `{REPOSITORY}` is filled in");
            complain(Code::BadGate, at(key), message);
        } else if matches!(key, "issuer" | "source") && text.contains('*') {
            complain(Code::BadGate, at(key), format!("`{key}` is taken as it is written, and `*` means nothing in it"));
        }
    }
    if let Some(key) = &gate.trust.key {
        if !is_pem(key) {
            let message = "`key` is no public key in PEM; paste all of it, from `-----BEGIN PUBLIC KEY-----` to its end, after `key: |`";
            complain(Code::BadGate, at("key"), message.to_owned());
        }
        if gate.trust.identity.is_some() || gate.trust.issuer.is_some() {
            let message = "`key` says who must have signed, and so do `identity` and `issuer`; keep one of the two";
            complain(Code::BadGate, at("key"), message.to_owned());
        }
    }
    if gate.kind != Kind::Signature && gate.trust.identity.is_some() != gate.trust.issuer.is_some() {
        complain(Code::BadGate, span, format!("`identity` and `issuer` of `{name}` only mean something together"));
    }
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

/// Whether an expression can only be answered against a baseline.
#[must_use]
pub fn needs_baseline(expression: &Expression, kind: Kind) -> bool {
    let entry = |name: &str| catalogue::measures(kind).iter().any(|entry| entry.name == name && entry.needs_baseline);
    expression.names().iter().any(|name| name.starts_with("baseline.") || entry(name))
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

/// A mistake within an expression, at its place in the file.
pub(super) fn placed(mistake: Mistake, source: &str, span: Span, text: &[char]) -> Diagnostic {
    let stated = text.get(span.start..).unwrap_or_default();
    let first = stated.first();
    let quote = usize::from(matches!(first, Some('"' | '\'')));
    let one_line = !matches!(first, Some('|' | '>'))
        && !stated.iter().take(span.length.max(1)).any(|character| *character == '\n');
    let span = if one_line {
        span.part(mistake.at + quote, mistake.length)
    } else {
        folded(&mistake, source, span, stated).unwrap_or(span)
    };
    Diagnostic::new(Code::BadExpression, span, mistake.message)
}

/// The place of a mistake in a text over several lines. YAML joins the lines of such a text and takes their indentation
/// away, and leaves all that is no white space as it stands; where it does not (an escape in quotes), there is no place.
fn folded(mistake: &Mistake, source: &str, span: Span, stated: &[char]) -> Option<Span> {
    let head = match stated.first()? {
        '|' | '>' => stated.iter().position(|c| *c == '\n')?,
        '"' | '\'' => 1,
        _ => 0,
    };
    let mut written = stated.iter().enumerate().skip(head).filter(|(_, c)| !c.is_whitespace());
    let (mut from, mut to) = (None, None);
    for (at, character) in source.chars().enumerate().take(mistake.at + mistake.length.max(1)) {
        if character.is_whitespace() {
            continue;
        }
        let (place, found) = written.next()?;
        if *found != character {
            return None;
        }
        if at >= mistake.at {
            from.get_or_insert(place);
            to = Some(place);
        }
    }
    let (from, to) = (from?, to?);
    let before = stated.get(..from)?;
    let lines = before.iter().filter(|c| **c == '\n').count();
    let column = before.iter().rev().take_while(|c| **c != '\n').count();
    let column = if lines == 0 { span.column + column } else { column + 1 };
    // What goes over several lines is pointed at to the end of its first.
    let length = stated.get(from..=to)?.iter().take_while(|c| **c != '\n').count();
    Some(Span { start: span.start + from, length, line: span.line + lines, column })
}
