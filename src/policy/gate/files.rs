//! Which files are a gate's evidence.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::policy::diagnostics::{Code, Diagnostic};
use crate::policy::tree::Node;

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
    pub(in crate::policy) fn of(globs: &[&str]) -> Self {
        let mut builder = GlobSetBuilder::new();
        for glob in globs.iter().filter_map(|text| glob(text).ok()) {
            builder.add(glob);
        }
        let globs = globs.iter().map(|text| (*text).to_owned()).collect();
        Self { globs, set: builder.build().unwrap_or_default() }
    }

    /// Builds the set, or complains about the globs that are none.
    pub(super) fn read(node: &Node, complaints: &mut Vec<Diagnostic>) -> Self {
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
    if text.contains('\\') {
        return Err(format!("`{text}` holds a backslash; write `/` between the parts of a path, on every system"));
    }
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err(format!("`{text}` leads out of the artifact folder; write a path below it"));
    }
    if text.starts_with('!') {
        return Err(format!("`{text}` would take files away, and a glob only names files; name those that count"));
    }
    let text = text.strip_prefix("./").unwrap_or(text);
    GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map_err(|error| format!("`{text}` is no glob: {}", error.kind()))
}
