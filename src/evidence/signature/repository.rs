//! Source repositories, in the forms in which policies, provenance and certificates name them.

use std::fmt;

/// A repository by host and path. On github.com the path is lower-case, because
/// its names are one whatever their case; elsewhere case distinguishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    host: String,
    path: String,
}

impl Repository {
    /// As evidence names it: `https://host/path` or `git+https://host/path`, with
    /// or without `.git` and `@ref` behind it. Any other form names no
    /// repository, so that nothing is compared that was only guessed.
    pub(super) fn stated(uri: &str) -> Option<Self> {
        let uri = uri.strip_prefix("git+").unwrap_or(uri);
        let (host, path) = uri.strip_prefix("https://")?.split_once('/')?;
        Self::new(host, path.split_once('@').map_or(path, |(path, _)| path))
    }

    /// As a policy or a forge's own claim names it: a URL, or `owner/name` for one on github.com.
    pub(super) fn wanted(text: &str) -> Option<Self> {
        if text.contains("://") { Self::stated(text) } else { Self::new("github.com", text) }
    }

    fn new(host: &str, path: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let path = path.strip_suffix('/').unwrap_or(path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        let host_holds = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
        let path_holds = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '+');
        let sound = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(path_holds);
        let segments = path.split('/').count();
        let whole = !host.is_empty() && host.bytes().all(host_holds) && path.split('/').all(sound);
        if !whole || segments < 2 {
            return None;
        }
        match host.as_str() {
            // A longer path is a page or a file of a repository.
            "github.com" if segments != 2 => None,
            "github.com" => Some(Self { path: path.to_ascii_lowercase(), host }),
            _ => Some(Self { path: path.to_owned(), host }),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}/{}", self.host, self.path)
    }
}

/// A full commit identifier in lower case, or nothing.
pub(super) fn commit(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let full = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    full.then_some(text)
}
