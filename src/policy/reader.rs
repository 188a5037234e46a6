//! What every reader of a section needs: the layer that it reads, where things stand, and what the layers
//! around it said.

use globset::{Glob, GlobBuilder, GlobSetBuilder};

use super::diagnostics::{Code, Diagnostic, Span};
use super::expression::Expression;
use super::length::Length;
use super::repository_path;
use super::rules::Globs;
use super::shape::Names;
use super::tree::{Node, Value};
use super::vocabulary::{Place, Spoken};
use crate::model::stated::Stated;

/// A layer around the one that is read.
#[derive(Clone, Copy)]
pub(super) struct Outer<'l> {
    /// Its name.
    pub(super) name: &'l str,
    /// Its file.
    pub(super) path: &'l str,
    /// What is left of it after what it handed down was replaced.
    pub(super) tree: &'l Node,
    /// What it hands down, as dotted paths.
    pub(super) delegates: &'l [String],
}

/// One layer while it is read.
pub(super) struct Layer<'l> {
    /// Its name.
    pub(super) name: &'l str,
    /// Its file.
    pub(super) path: &'l str,
    /// What it says and no inner layer replaces.
    pub(super) tree: &'l Node,
    /// The characters of its text, by which places are counted.
    pub(super) characters: &'l [char],
    /// The names that all layers define.
    pub(super) names: &'l Names,
    /// The layers around it, outermost first.
    pub(super) outer: Vec<Outer<'l>>,
    /// What is wrong with it.
    pub(super) list: &'l mut Vec<Diagnostic>,
}

/// Whether what is handed down as `handed` holds `path`: itself, or something inside it.
pub(super) fn holds(handed: &str, path: &str) -> bool {
    path.strip_prefix(handed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The node at a dotted path of at most two steps; names may hold dots themselves.
pub(super) fn at<'n>(tree: &'n Node, path: &str) -> Option<&'n Node> {
    match path.split_once('.') {
        Some((section, name)) => tree.get(section)?.get(name),
        None => tree.get(path),
    }
}

impl<'l> Layer<'l> {
    /// Whether no layer is around this one.
    pub(super) fn is_outermost(&self) -> bool {
        self.outer.is_empty()
    }

    /// A section of this layer.
    pub(super) fn section(&self, name: &str) -> Option<&'l Node> {
        self.tree.get(name)
    }

    /// The named entries of a section, in the order of the file: name, place of the name, value.
    pub(super) fn named(&self, section: &str) -> Vec<(&'l str, Span, &'l Node)> {
        let entries = self.tree.get(section).map(Node::entries).unwrap_or_default();
        entries.iter().map(|(key, node)| (key.name.as_str(), key.span, node)).collect()
    }

    /// Where something stands.
    pub(super) fn stated(&self, span: Span) -> Stated {
        Stated { layer: self.name.to_owned(), file: self.path.to_owned(), line: span.line, kept: None }
    }

    /// Complains.
    pub(super) fn complain(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.list.push(Diagnostic::new(code, span, message));
    }

    /// A condition.
    pub(super) fn condition(&mut self, node: Option<&Node>, place: Place) -> Option<Expression> {
        let node = node?;
        let compiled = Expression::condition(node.text()?, &Spoken { place, names: self.names });
        let compiled = self.compiled(node, compiled)?;
        self.scored(node, &compiled);
        self.folders(node, &compiled);
        Some(compiled)
    }

    /// Complains about globs of a condition that mean one file where a folder was probably meant.
    fn folders(&mut self, node: &Node, condition: &Expression) {
        let globs = condition.predicates().into_iter().filter(|(name, _)| name.starts_with("change."));
        let found: Vec<String> =
            globs.flat_map(|(_, globs)| globs.iter().filter_map(|glob| repository_path::folder(glob))).collect();
        for message in found {
            self.complain(Code::Overlooked, node.span, message);
        }
    }

    /// A calculation.
    pub(super) fn calculation(&mut self, node: Option<&Node>, place: Place) -> Option<Expression> {
        let node = node?;
        let compiled = Expression::number(node.text()?, &Spoken { place, names: self.names });
        self.compiled(node, compiled)
    }

    /// Complains about a rule on a score or an impact that nothing makes.
    fn scored(&mut self, node: &Node, condition: &Expression) {
        let names = condition.names();
        let message = if names.contains(&"release.impact") && !self.names.has_impact() {
            "`release.impact` is always `low`: the policy does not score it; say how under `risk.weights` and `risk.impact`"
        } else if names.contains(&"risk.score") && !self.names.has_score() {
            "`risk.score` is always 0: the policy does not say what adds to it; name it under `risk.weights`"
        } else {
            return;
        };
        self.complain(Code::Overlooked, node.span, message);
    }

    fn compiled(
        &mut self,
        node: &Node,
        compiled: Result<Expression, Vec<super::expression::Mistake>>,
    ) -> Option<Expression> {
        match compiled {
            Ok(expression) => Some(expression),
            Err(mistakes) => {
                let source = node.text().unwrap_or_default();
                let placed = |mistake| super::expression::placed(mistake, source, node.span, self.characters);
                self.list.extend(mistakes.into_iter().map(placed));
                None
            }
        }
    }

    /// Globs over branches or tags; `None` where the key is left out.
    pub(super) fn references(&mut self, node: Option<&Node>) -> Option<Globs> {
        self.globs(node?, repository_path::no_reference)
    }

    /// Globs over the repository's files; `None` where the key is left out.
    pub(super) fn paths(&mut self, node: Option<&Node>) -> Option<Globs> {
        let node = node?;
        for (text, span) in node.texts() {
            if let Some(message) = repository_path::folder(text) {
                self.complain(Code::Overlooked, span, message);
            }
        }
        self.globs(node, repository_path::mistake)
    }

    fn globs(&mut self, node: &Node, mistake: fn(&str) -> Option<String>) -> Option<Globs> {
        let mut builder = GlobSetBuilder::new();
        let mut written = Vec::new();
        for (text, span) in node.texts() {
            match mistake(text).map_or_else(|| glob(text), Err) {
                Ok(glob) => {
                    builder.add(glob);
                    written.push(text.to_owned());
                }
                Err(message) => self.complain(Code::BadGlob, span, message),
            }
        }
        match builder.build() {
            Ok(set) => Some(Globs::new(written, set)),
            Err(error) => {
                self.complain(Code::BadGlob, node.span, format!("the globs cannot be used: {error}"));
                None
            }
        }
    }

    /// A whole number that must lie in a range.
    pub(super) fn count(&mut self, node: Option<&Node>, what: &str, least: u32) -> Option<u32> {
        let node = node?;
        let Value::Number(number) = node.value else { return None };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked on the same line")]
        let whole = (number.fract() == 0.0 && (0.0..=1e6).contains(&number)).then_some(number as u32);
        if whole.is_none_or(|whole| whole < least) {
            self.complain(
                Code::WrongForm,
                node.span,
                format!("`{what}` is a whole number of at least {least}, not {number}"),
            );
        }
        whole.map(|whole| whole.max(least))
    }

    /// Whether the layers around this one leave it to state `path`: whoever of them has a word handed it down.
    pub(super) fn free(&self, path: &str) -> bool {
        let mut handed = false;
        for outer in &self.outer {
            let delegates = outer.delegates.iter().any(|delegated| holds(delegated, path));
            if !delegates && (!handed || at(outer.tree, path).is_some()) {
                return false;
            }
            handed |= delegates;
        }
        true
    }

    /// The outer layer that says how releases are approved, where it keeps `path` to itself: what relaxes the way
    /// to an approval is then not for this layer to add.
    pub(super) fn closed(&self, path: &str) -> Option<Outer<'l>> {
        if self.free(path) {
            return None;
        }
        self.outer.iter().find(|outer| outer.tree.get("routes").is_some()).copied()
    }

    /// Refuses what relaxes an outer layer's approvals. Returns whether it was refused.
    pub(super) fn refuse(&mut self, path: &str, span: Span) -> bool {
        let Some(outer) = self.closed(path) else { return false };
        self.complain(
            Code::Loosens,
            span,
            format!(
                "`{path}` would loosen how the {} approves releases, which did not hand it down; leave it out, or add `{path}` to `delegate` in {}",
                title(outer.name),
                outer.path
            ),
        );
        true
    }

    /// The same for one key of what stands at a path, where the layers join the others.
    pub(super) fn redefines_within(&mut self, path: &str, key: &str, node: &Node) -> bool {
        let around = self.outer.iter().rev().find_map(|outer| Some((*outer, at(outer.tree, path)?.get(key)?)));
        let Some((outer, theirs)) = around else { return false };
        if !same(theirs, node) {
            self.complain(
                Code::Loosens,
                node.span,
                format!(
                    "`{key}` of `{path}` is {} in the {} ({}:{}), which did not hand it down; leave it out here, or add `{path}` to `delegate` there",
                    theirs.value.title(),
                    title(outer.name),
                    outer.path,
                    theirs.span.line
                ),
            );
        }
        true
    }

    /// The value of a dotted path in the nearest layer around this one that states it.
    pub(super) fn around(&self, path: &str) -> Option<(Outer<'l>, &'l Node)> {
        self.outer.iter().rev().find_map(|outer| Some((*outer, at(outer.tree, path)?)))
    }

    /// Complains where this layer says something else about `path` than a layer around it, which is not for it to
    /// change. Returns whether a layer around it has said it already.
    pub(super) fn redefines(&mut self, path: &str, span: Span, node: &Node) -> bool {
        let Some((outer, theirs)) = self.around(path) else { return false };
        if !same(theirs, node) {
            self.complain(
                Code::Loosens,
                span,
                format!(
                    "`{path}` is defined by the {} ({}:{}), which did not hand it down; leave it out here, or add `{path}` to `delegate` there",
                    title(outer.name),
                    outer.path,
                    theirs.span.line
                ),
            );
        }
        true
    }
}

/// A glob over a repository's files, or over branches and tags: `*` stops at `/`, `**` does not.
pub(super) fn glob(text: &str) -> Result<Glob, String> {
    let built = GlobBuilder::new(text).literal_separator(true).build();
    built.map_err(|error| format!("`{text}` is no glob: {}", error.kind()))
}

/// A layer's name in a sentence.
pub(super) fn title(layer: &str) -> String {
    if layer.starts_with("layer ") || layer.starts_with("pack ") { layer.to_owned() } else { format!("{layer} layer") }
}

/// Whether two nodes say the same, wherever they stand.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.iter().any(|(other, b)| other.name == key.name && same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A text under a key.
pub(super) fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.text().map(str::to_owned)
}

/// The texts under a key.
pub(super) fn texts(node: &Node, key: &str) -> Vec<String> {
    let found = node.get(key).map(Node::texts).unwrap_or_default();
    found.into_iter().map(|(text, _)| text.to_owned()).collect()
}

/// A length of time under a key.
pub(super) fn length(node: &Node, key: &str) -> Option<Length> {
    Length::parse(node.get(key)?.text()?)
}

/// A number under a key.
pub(super) fn number(node: &Node, key: &str) -> Option<f64> {
    match node.get(key)?.value {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// `true` or `false` under a key.
pub(super) fn flag(node: &Node, key: &str) -> Option<bool> {
    match node.get(key)?.value {
        Value::Flag(flag) => Some(flag),
        _ => None,
    }
}

/// The place of a key's value, or of the whole.
pub(super) fn span(node: &Node, key: &str) -> Span {
    node.get(key).map_or(node.span, |node| node.span)
}
