//! Which sections of a policy cannot be taken as they stand, so that what is proven of several sections together is
//! said wherever those that it looks at are sound, whatever is wrong elsewhere.

use std::collections::BTreeSet;

use super::diagnostics::{Code, Diagnostic, Span};
use super::tree::Node;

/// Sections that say how the others are meant: a mistake in one is a mistake in all of them.
const OF_ALL: [&str; 4] = ["version", "layer", "extends", "delegate"];

/// The sections with mistakes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Broken {
    /// Whether it may be any of them.
    any: bool,
    sections: BTreeSet<String>,
}

impl Broken {
    /// What nobody can say anything of: a layer that cannot be read.
    pub(super) fn all() -> Self {
        Self { any: true, sections: BTreeSet::new() }
    }

    /// Where the mistakes about each layer stand.
    pub(super) fn of(trees: &[Node], lists: &[Vec<Diagnostic>]) -> Self {
        let mut broken = Self::default();
        for (tree, list) in trees.iter().zip(lists) {
            for mistake in list.iter().filter(|it| it.is_error()) {
                let misread = |at_its_key: bool| match mistake.code {
                    // Of a section that stands twice only the first was read, and the place is that of the second.
                    Code::NotYaml => true,
                    // One that is misspelled was meant to be another.
                    Code::UnknownKey => at_its_key,
                    _ => false,
                };
                match section(tree, mistake.span) {
                    Some((name, at_its_key)) if !misread(at_its_key) => {
                        broken.any |= OF_ALL.contains(&name);
                        broken.sections.insert(name.to_owned());
                    }
                    _ => broken.any = true,
                }
            }
        }
        broken
    }

    /// Whether all of these sections can be taken as they stand.
    pub(super) fn spares(&self, sections: &[&str]) -> bool {
        !self.any && !sections.iter().any(|section| self.sections.contains(*section))
    }
}

/// The section in which a place lies, and whether the place is that of its key. `None` before the first of them.
fn section(tree: &Node, place: Span) -> Option<(&str, bool)> {
    let before = tree.entries().iter().filter(|(key, _)| key.span.start <= place.start);
    let (key, _) = before.max_by_key(|(key, _)| key.span.start)?;
    let known = place.line > 0;
    known.then_some((key.name.as_str(), key.span == place))
}
