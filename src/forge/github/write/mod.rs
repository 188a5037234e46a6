//! What we tell GitHub: the answer to a deployment that waits, checks, comments, issues, deployment statuses.
//!
//! Nothing is sent twice blindly. A request of which it is not known whether it took effect is read back first: by the
//! state that it should have changed, or by the key that it carries. A key counts only in what our own App wrote, for
//! anybody can copy one.

pub mod check;
pub mod comment;
pub mod issue;
pub mod rule;
pub mod status;

use super::client::{Client, Fault};
use crate::model::notable::shortened;

/// How many characters GitHub takes of a check's texts, a comment or an issue.
const TEXT: usize = 65_535;

/// A text of at most so many bytes, which are no fewer than its characters.
fn at_most(text: &str, limit: usize) -> String {
    shortened(text, limit)
}

/// The line by which what we wrote is found again. It shows nowhere.
fn mark(key: &str) -> String {
    let plain: String = key.chars().filter(|it| it.is_ascii_alphanumeric() || "-_.:/#".contains(*it)).collect();
    // Two hyphens would end a comment of HTML.
    format!("<!-- countersign {} -->", plain.replace("--", "-"))
}

/// A text with its mark, both within the limit.
fn marked(text: &str, key: &str) -> String {
    let mark = mark(key);
    format!("{}\n\n{mark}", at_most(text, TEXT - mark.len() - 2))
}

/// The App by which something was written.
#[derive(Debug, serde::Deserialize)]
pub(super) struct By {
    id: Option<u64>,
    client_id: Option<String>,
}

/// Whether something was written by our own App.
pub(super) fn is_ours(client: &Client, by: Option<&By>) -> bool {
    let Some(app) = client.app() else { return false };
    by.is_some_and(|by| by.id.is_some_and(|id| id.to_string() == app) || by.client_id.as_deref() == Some(app))
}

fn unreadable(what: &str, says: &str) -> Fault {
    Fault::Unreadable { what: what.to_owned(), says: says.to_owned() }
}
