//! `environments`: where releases go, and who may bring what there.

use super::diagnostics::Code;
use super::expression::Expression;
use super::reader::{Layer, length, text, texts, title};
use super::rules::{Approval, EnvironmentRule, Globs, SameAs};
use super::stricter::{self, Joint};
use super::tree::Node;
use super::vocabulary::Place;

/// Reads a layer's environments into those of the layers around it.
pub(super) fn read(layer: &mut Layer<'_>, all: &mut Vec<EnvironmentRule>) {
    for (name, span, node) in layer.named("environments") {
        plain(layer, node, "branches", "refs/heads/");
        plain(layer, node, "tags", "refs/tags/");
        let rule = EnvironmentRule {
            name: name.to_owned(),
            approval: approval(layer, node.get("approval")),
            branches: layer.references(node.get("branches")),
            tags: layer.references(node.get("tags")),
            from: text(node, "from"),
            same: if text(node, "same").as_deref() == Some("artifact") { SameAs::Artifact } else { SameAs::Commit },
            soak: length(node, "soak"),
            deployed_by: texts(node, "deployed_by"),
            stated: layer.stated(span),
        };
        nothing_enters(layer, name, node, &rule);
        let around = all.iter().find(|outer| outer.name == name);
        if rule.from.is_none() && around.is_none_or(|outer| outer.from.is_none()) {
            for key in ["same", "soak"] {
                if let Some(stated) = node.get(key) {
                    let message =
                        format!("`{key}` has no effect without `from`, the environment that a release comes from");
                    layer.complain(Code::NoEffect, stated.span, message);
                }
            }
        }
        match all.iter_mut().find(|outer| outer.name == name) {
            Some(outer) => join(layer, outer, rule, node),
            None => all.push(rule),
        }
    }
}

/// Complains about references that are written in full, where the short names are compared.
fn plain(layer: &mut Layer<'_>, node: &Node, key: &str, before: &str) {
    for (text, span) in node.get(key).map(Node::texts).unwrap_or_default() {
        if let Some(short) = text.strip_prefix(before) {
            let message = format!("{key} are written without `{before}`: `{short}`");
            layer.complain(Code::BadGlob, span, message);
        }
    }
}

/// Complains about lists that are stated and have nothing in them: of what may deploy one would let anything, and of
/// references they would let nothing in.
fn nothing_enters(layer: &mut Layer<'_>, name: &str, node: &Node, rule: &EnvironmentRule) {
    if let Some(stated) = node.get("deployed_by").filter(|_| rule.deployed_by.is_empty()) {
        let message =
            "`deployed_by` is empty, which says nothing; name what may deploy, or leave it out to let anything";
        layer.complain(Code::Contradiction, stated.span, message);
    }
    let blank = |key: &str| node.get(key).is_none_or(|node| node.texts().is_empty());
    let stated = node.get("branches").or_else(|| node.get("tags"));
    if let Some(stated) = stated.filter(|_| blank("branches") && blank("tags")) {
        let message =
            format!("no branch and no tag may enter `{name}`, so nothing ever does; name one, or leave both out");
        layer.complain(Code::Unsatisfiable, stated.span, message);
    }
}

fn word(node: &Node, key: &str) -> Approval {
    if node.get(key).and_then(Node::text) == Some("automatic") { Approval::Automatic } else { Approval::Formal }
}

fn approval(layer: &mut Layer<'_>, node: Option<&Node>) -> Approval {
    let Some(node) = node else { return Approval::Formal };
    if let Some(text) = node.text() {
        return if text == "automatic" { Approval::Automatic } else { Approval::Formal };
    }
    let condition = layer.condition(node.get("when"), Place::Release);
    match (word(node, "then"), word(node, "else"), condition) {
        (Approval::Automatic, Approval::Automatic, _) => {
            layer.complain(Code::NoEffect, node.span, "both ways are automatic; write `approval: automatic`");
            Approval::Automatic
        }
        (Approval::Automatic, _, Some(condition)) => Approval::When { condition, automatic_when: true },
        (_, Approval::Automatic, Some(condition)) => Approval::When { condition, automatic_when: false },
        (_, _, None) => Approval::Formal,
        _ => {
            layer.complain(Code::NoEffect, node.span, "both ways are formal; write `approval: formal`");
            Approval::Formal
        }
    }
}

/// The condition under which it is automatic.
fn automatic(approval: Approval) -> Option<Expression> {
    match approval {
        Approval::When { condition, automatic_when: true } => Some(condition),
        Approval::When { condition, automatic_when: false } => Some(stricter::not(condition)),
        _ => None,
    }
}

fn told(approval: &Approval) -> String {
    match approval {
        Approval::Automatic => "automatic".to_owned(),
        Approval::Formal => "formal".to_owned(),
        Approval::When { condition, automatic_when } => {
            format!("automatic where `{}` is {automatic_when}", condition.source)
        }
    }
}

/// What there is to say where the outer layer's word leaves nothing of the inner one's.
fn overruled(outer: &EnvironmentRule, inner: &EnvironmentRule) -> Option<String> {
    let nothing = matches!(
        (&outer.approval, &inner.approval),
        (Approval::Formal, Approval::Automatic | Approval::When { .. }) | (Approval::When { .. }, Approval::Automatic)
    );
    nothing.then(|| {
        format!(
            "this has no effect: `approval` of `{}` is {} in the {} ({}:{}), and the stricter holds",
            outer.name,
            told(&outer.approval),
            title(&outer.stated.layer),
            outer.stated.file,
            outer.stated.line
        )
    })
}

fn join(layer: &mut Layer<'_>, outer: &mut EnvironmentRule, inner: EnvironmentRule, node: &Node) {
    let name = outer.name.clone();
    if let Some(from) = node.get("from") {
        layer.redefines_within(&format!("environments.{name}"), "from", from);
    }
    if let (Some(stated), Some(told)) = (node.get("approval"), overruled(outer, &inner)) {
        layer.complain(Code::NoEffect, stated.span, told);
    }
    let says_references = |rule: &EnvironmentRule| rule.branches.is_some() || rule.tags.is_some();
    let outer_speaks = says_references(outer);
    let mut joint = Joint { stated: &mut outer.stated, inner: &inner.stated };
    if node.get("approval").is_some() {
        let stricter = match (&outer.approval, &inner.approval) {
            (Approval::Formal, other) | (_, other @ Approval::Automatic) => {
                if told(&outer.approval) != told(other) {
                    let (theirs, ours) = (told(&outer.approval), told(other));
                    joint.note(format!("`approval` {theirs} is stricter than {ours} in {}", inner.stated.layer));
                }
                outer.approval.clone()
            }
            (Approval::Automatic, _) | (_, Approval::Formal) => {
                let told = told(&inner.approval);
                joint.note(format!(
                    "`approval` {told} in {} ({}:{}) is stricter than here",
                    inner.stated.layer, inner.stated.file, inner.stated.line
                ));
                inner.approval.clone()
            }
            (theirs, ours) => {
                let both = stricter::both(automatic(theirs.clone()), automatic(ours.clone()));
                joint.note(format!("`approval` is automatic only where {} says so too", inner.stated.layer));
                both.map_or(Approval::Formal, |condition| Approval::When { condition, automatic_when: true })
            }
        };
        outer.approval = stricter;
    }
    if says_references(&inner) && outer_speaks {
        let joined = |theirs: &mut Option<Globs>, ours: Option<Globs>| {
            // Where a layer names only branches, no tag may be released, and the other way round.
            *theirs = Some(theirs.take().unwrap_or_default().and(ours.unwrap_or_default()));
        };
        joined(&mut outer.branches, inner.branches);
        joined(&mut outer.tags, inner.tags);
        joint.note(format!("branches and tags match those of {} too", inner.stated.layer));
    } else if says_references(&inner) {
        joint.note(format!(
            "branches and tags are of {} ({}:{})",
            inner.stated.layer, inner.stated.file, inner.stated.line
        ));
        (outer.branches, outer.tags) = (inner.branches, inner.tags);
    }
    outer.from = outer.from.take().or(inner.from);
    if node.get("same").is_some() {
        let tell = |same: &SameAs| if *same == SameAs::Artifact { "artifact" } else { "commit" }.to_owned();
        joint.keep("same", &mut outer.same, inner.same, tell, |_, inner| *inner == SameAs::Artifact);
    }
    if let Some(soak) = inner.soak {
        joint.longer("soak", outer.soak.get_or_insert_default(), soak);
    }
    if outer.deployed_by.is_empty() {
        outer.deployed_by = inner.deployed_by;
    } else if !inner.deployed_by.is_empty() {
        let theirs = outer.deployed_by.join(", ");
        if !joint.intersection("deployed_by", &mut outer.deployed_by, &inner.deployed_by) {
            let span = node.get("deployed_by").map_or(node.span, |node| node.span);
            let message = format!(
                "nothing could deploy to `{name}`: the {} allows {theirs}, and this layer others",
                title(&outer.stated.layer)
            );
            layer.complain(Code::Contradiction, span, message);
        }
    }
}
