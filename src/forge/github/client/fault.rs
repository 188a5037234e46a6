//! What goes wrong between us and GitHub. No fault carries a token, a key or a header.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::facts::Fact;

/// Why something could not be read or done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none, or this token may not know that there is one: GitHub answers both alike.
    #[error("GitHub knows no {what}, or this token may not see it")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The token may not.
    #[error(
        "GitHub refuses {what}: {says}; give the token or the App the permission, or install it on this repository"
    )]
    Forbidden {
        /// What was asked for.
        what: String,
        /// GitHub's own words.
        says: String,
    },
    /// The token counts no longer, and a new one did not help.
    #[error("GitHub does not take the token: {says}; it has expired, was revoked, or the App is suspended")]
    Unauthorised {
        /// GitHub's own words.
        says: String,
    },
    /// The limit of requests is used up for longer than the caller waits.
    #[error("GitHub's limit of requests is used up for another {} s", .wait.as_secs())]
    Limited {
        /// How long.
        wait: Duration,
    },
    /// It does not go with the state of things.
    #[error("GitHub does not do {what}: {says}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's own words.
        says: String,
    },
    /// The server failed, again and again.
    #[error("GitHub failed on {what} with status {status}, {tries} times")]
    Server {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// How often it was tried.
        tries: u32,
    },
    /// It was not reached, or did not answer in time.
    #[error("GitHub was not reached for {what}: {says}")]
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
    #[error("the answer to {what} leads to another host, and is not followed")]
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
    /// The client cannot be made.
    #[error("{0}")]
    Setup(String),
}

impl Fault {
    /// Whether nothing is known of whether it took effect: then it is read back before it is repeated.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::Network { .. } | Self::TooLarge { .. } | Self::Unreadable { .. })
    }

    /// The fault as a fact: what could not be read.
    #[must_use]
    pub fn unavailable<T>(&self) -> Fact<T> {
        Fact::Unavailable(Cow::Owned(self.to_string()))
    }
}

/// A list that was read to its last page. It is only made where pages are read, so that a part of a list is never
/// taken for the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole<T>(Vec<T>);

impl<T> Whole<T> {
    /// Entries of which the caller has seen the last page.
    pub(in crate::forge::github) fn of(entries: Vec<T>) -> Self {
        Self(entries)
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[T] {
        &self.0
    }

    /// The entries.
    #[must_use]
    pub fn into_entries(self) -> Vec<T> {
        self.0
    }
}
