//! What goes wrong between us and GitLab. No fault carries a token or a header.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::facts::Fact;

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none, or this token may not know that there is one: GitLab answers both alike.
    #[error(
        "GitLab knows no {what}, or this token may not see it; the token needs the scope `read_api` and a member's place"
    )]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The token may not.
    #[error(
        "GitLab refuses {what}: {says}; give the token the scope `read_api`, the app's the scope `api`, and whoever it belongs to \
         a role that may do it"
    )]
    Forbidden {
        /// What was asked for.
        what: String,
        /// GitLab's own words.
        says: String,
    },
    /// The token counts no longer.
    #[error("GitLab does not take the token: {says}; it has expired or was revoked")]
    Unauthorised {
        /// GitLab's own words.
        says: String,
    },
    /// The limit of requests is used up for longer than the caller waits.
    #[error("GitLab's limit of requests is used up for another {} s", .wait.as_secs())]
    Limited {
        /// How long.
        wait: Duration,
    },
    /// It is not done.
    #[error("GitLab does not answer {what}: {says} (status {status})")]
    Refused {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// GitLab's own words.
        says: String,
    },
    /// The server failed, again and again.
    #[error("GitLab failed on {what} with status {status}, {tries} times")]
    Server {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// How often it was tried.
        tries: u32,
    },
    /// It was not reached, or did not answer in time.
    #[error("GitLab was not reached for {what}: {says}")]
    Network {
        /// What was asked for.
        what: String,
        /// Why.
        says: String,
    },
    /// The answer has more bytes than are read.
    #[error("the answer to {what} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// The answer leads elsewhere.
    #[error(
        "the answer to {what} leads elsewhere, and is not followed; name the project as it is called now, and the server by \
         the address that it calls itself"
    )]
    Elsewhere {
        /// What was asked for.
        what: String,
    },
    /// The answer is not what it should be.
    #[error("the answer to {what} cannot be read: {says}")]
    Unreadable {
        /// What was asked for.
        what: String,
        /// Where and why.
        says: String,
    },
    /// The project has its issues switched off.
    #[error(
        "issues of `{project}` are switched off; a maintainer switches them on under Settings › General › Visibility"
    )]
    NoIssues {
        /// The project.
        project: String,
    },
    /// The app does not do it on GitLab.
    #[error("{0}")]
    NotHere(&'static str),
    /// What was asked cannot be, or the client cannot be made.
    #[error("{0}")]
    Setup(String),
}

impl Fault {
    /// The fault as a fact: what could not be read.
    #[must_use]
    pub fn unavailable<T>(&self) -> Fact<T> {
        Fact::Unavailable(Cow::Owned(self.to_string()))
    }
}

/// A list of which a part was read, or an answer that does not say what it should.
pub(in crate::forge::gitlab) fn unread(what: &str, says: &str) -> Fault {
    Fault::Unreadable { what: what.to_owned(), says: says.to_owned() }
}
