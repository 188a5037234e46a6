//! What we tell GitLab: votes on deployments, jobs that are played, statuses of commits, notes.
//!
//! Nothing is sent twice blindly. Whoever sends again reads first what the last time came to: by the state that it should
//! have changed, of what was there when it was decided and nothing that came later, or by the key that it carries. A key counts
//! only in what our own account wrote, for anybody can copy one.

pub mod check;
pub mod deployment;
pub mod issue;
pub mod note;
pub mod status;

use crate::model::notable::shortened;

/// How many bytes a note has at most: GitLab takes a million characters.
const TEXT: usize = 65_535;

/// The line by which what we wrote is found again. It shows nowhere.
fn mark(key: &str) -> String {
    let plain: String = key.chars().filter(|it| it.is_ascii_alphanumeric() || "-_.:/#!".contains(*it)).collect();
    // Two hyphens would end a comment of HTML.
    format!("<!-- countersign {} -->", plain.replace("--", "-"))
}

/// A text with its mark, both within the limit.
fn marked(text: &str, key: &str) -> String {
    let mark = mark(key);
    format!("{}\n\n{mark}", shortened(&inert(text), TEXT - mark.len() - 2))
}

/// A text in which nothing is a quick action: GitLab does what a line says that begins with `/`, as whoever wrote the note, and
/// we quote what others wrote.
fn inert(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix('/') {
        Some(rest) => format!("&#47;{rest}"),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{inert, marked};

    #[test]
    fn no_line_of_a_note_is_a_quick_action() {
        assert_eq!(inert("held\n/merge\n  /assign @eve\r\na/b"), "held\n&#47;merge\n&#47;assign @eve\na/b");
        assert!(!marked("/close", "x").lines().any(|line| line.trim_start().starts_with('/')));
    }
}
