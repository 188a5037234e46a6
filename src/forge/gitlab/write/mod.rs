//! What we tell GitLab: votes on deployments, jobs that are played, statuses of commits, notes.
//!
//! Nothing is sent twice blindly. Whoever sends again reads first what the last time came to: by the state that it should
//! have changed, or by the key that it carries. A key counts only in what our own account wrote, for anybody can copy one.

pub mod deployment;
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
    format!("{}\n\n{mark}", shortened(text, TEXT - mark.len() - 2))
}
