//! GitLab: gitlab.com and servers of one's own, below a path as well.
//!
//! [`client`] speaks with its interfaces and [`read`] makes facts of what it says; [`signature`] says whether a delivery
//! is GitLab's and [`event`] what it is a hint of. Never here: a rule, the record, another forge.
//!
//! Invariant: what could not be read, or not to its last page, is a fact that says so; never a shorter list.

pub mod client;
pub mod event;
pub mod read;
pub mod signature;

use super::{File, Gathered, Question, Source, Tip};
use crate::model::facts::Fact;
use client::{Client, Fault};

impl Source for Client {
    type Fault = Fault;

    async fn gather(&self, question: &Question) -> Result<Gathered, Fault> {
        read::gather(self, question).await
    }

    async fn running(&self, repository: &str, environment: &str) -> Fact<String> {
        match read::deployments::last_ran(self, repository, environment).await {
            Ok(Some(commit)) => Fact::Known(commit),
            Ok(None) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        }
    }

    async fn file(&self, repository: &str, path: &str) -> Fact<File> {
        match read::file::of_default_branch(self, repository, path).await {
            Ok(Some(file)) => Fact::Known(file),
            Ok(None) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        }
    }

    async fn protected(&self, repository: &str, branch: Option<&str>) -> Fact<Tip> {
        match read::file::protected(self, repository, branch).await {
            Ok(tip) => Fact::Known(tip),
            Err(fault) => fault.unavailable(),
        }
    }

    async fn file_at(&self, repository: &str, tip: &Tip, path: &str) -> Fact<File> {
        match read::file::at(self, repository, tip, path).await {
            Ok(Some(file)) => Fact::Known(file),
            Ok(None) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        }
    }
}
