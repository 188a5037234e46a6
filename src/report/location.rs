//! Where in the repository an entry of a report points.
//!
//! Reports name files as they like: relative to the repository, absolute on the
//! machine that ran the tool, as URIs, with the separators of Windows. Only a
//! plain path inside the repository becomes a location; anything else is text.

use crate::model::notable::Notable;

/// How long a path may be to serve as a location, in bytes.
const LONGEST: usize = 1_000;

/// The path relative to the repository's root, without `./`, if it is one.
/// `workspace` is the absolute path of the repository on this machine; an
/// absolute path below it is made relative. Nothing is opened or resolved.
pub(super) fn relative(path: &str, workspace: Option<&str>) -> Option<String> {
    if path.len() > LONGEST || path.chars().any(super::neutral::hidden) {
        return None;
    }
    let path = path.trim().replace('\\', "/");
    // Tools that write URIs write absolute ones; `file://` names no host there.
    let path = path.strip_prefix("file://").filter(|rest| rest.starts_with('/')).unwrap_or(&path);
    let inside = match path.strip_prefix('/') {
        Some(absolute) => below(absolute, workspace?)?,
        None if has_scheme(path) => return None,
        None => path,
    };
    let parts: Vec<_> = inside.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let sound = !parts.is_empty() && !parts.contains(&"..");
    sound.then(|| parts.join("/"))
}

fn below<'a>(absolute: &'a str, workspace: &str) -> Option<&'a str> {
    let root = workspace.trim_matches('/');
    let rest = if root.is_empty() { return None } else { absolute.strip_prefix(root)? };
    rest.strip_prefix('/')
}

/// Whether a path begins as a URI (RFC 3986, 3.1) or with a drive letter.
fn has_scheme(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    first.contains(':')
}

/// Where an entry points, as a person reads it: `src/db.rs:12`.
pub(super) fn shown(notable: &Notable) -> Option<String> {
    let path = notable.path.as_deref().filter(|path| !path.is_empty())?;
    Some(match notable.line {
        Some(line) => format!("{path}:{line}"),
        None => path.to_owned(),
    })
}
