//! Which files a commit touches.

use serde::Deserialize;

use super::{Reading, unread};
use crate::forge::github::client::Fault;

/// A file that REST lists, with the name that it had before.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TouchedFile {
    pub(super) filename: String,
    previous_filename: Option<String>,
}

impl TouchedFile {
    /// Both of its names.
    pub(super) fn paths(self) -> impl Iterator<Item = String> {
        [Some(self.filename), self.previous_filename].into_iter().flatten()
    }
}

/// What one commit touches.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub(super) files: Vec<String>,
    pub(super) lines: u64,
}

impl Reading<'_> {
    /// What a commit that came without a pull request touches.
    pub(super) async fn touched(&self, sha: &str) -> Result<Touched, Fault> {
        #[derive(Deserialize)]
        struct Detail {
            #[serde(default)]
            files: Vec<TouchedFile>,
            stats: Option<Stats>,
        }
        #[derive(Deserialize)]
        struct Stats {
            total: u64,
        }
        let path = format!("/repos/{}/commits/{sha}", self.repository.path());
        let (files, first) =
            self.client.list_in(&path, |mut page: Detail| (std::mem::take(&mut page.files), page)).await?;
        // GitHub lists 3,000 files of a commit and no more.
        if files.entries().len() >= 3_000 {
            return Err(unread(&path, "it touches more files than GitHub lists"));
        }
        let lines = first.stats.ok_or_else(|| unread(&path, "it does not say how many lines it has"))?.total;
        Ok(Touched { files: files.into_entries().into_iter().flat_map(TouchedFile::paths).collect(), lines })
    }
}
