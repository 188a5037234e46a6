//! Evidence that jobs of pipelines submitted: which file of which attempt of which run, each with the number of its entry,
//! and which submissions are whole.

use super::fault::Fault;
use super::reader::Reader;
use super::session::{Asked, Row, digest, int};
use crate::log::tree::Hash;

/// A file that a job submitted. Its bytes are kept by their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The forge.
    pub forge: String,
    /// The repository, by the forge's name for it.
    pub repository: String,
    /// The pipeline's run.
    pub run: u64,
    /// Which attempt of it.
    pub attempt: u64,
    /// The commit that the run is of.
    pub commit: String,
    /// The pipeline that the job is written in, as a gate's `from` names it.
    pub pipeline: String,
    /// The file's path below the artifact folder.
    pub path: String,
    /// SHA-256 of its bytes.
    pub digest: Hash,
    /// How many bytes it has.
    pub size: u64,
}

impl Submitted {
    /// The statement that keeps it, under the number of its entry.
    pub(super) fn kept(&self, entry: u64, at: i64) -> Asked {
        let row = [
            ("idx", int(entry)),
            ("forge", self.forge.as_str().into()),
            ("repository", self.repository.to_lowercase().into()),
            ("run", int(self.run)),
            ("attempt", int(self.attempt)),
            ("revision", self.commit.as_str().into()),
            ("pipeline", self.pipeline.as_str().into()),
            ("path", self.path.as_str().into()),
            ("digest", self.digest.into()),
            ("size", int(self.size)),
            ("at", at.into()),
        ];
        Asked::insert("submitted", row, "")
    }
}

/// A submission that its job has closed: nothing of it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The forge.
    pub forge: String,
    /// The repository, by the forge's name for it.
    pub repository: String,
    /// The pipeline's run.
    pub run: u64,
    /// Which attempt of it.
    pub attempt: u64,
    /// The commit that the run is of.
    pub commit: String,
    /// The pipeline that the job is written in, as a gate's `from` names it.
    pub pipeline: String,
    /// SHA-256 of the manifest that lists all of its files.
    pub list: Hash,
    /// How many files that lists.
    pub files: u64,
}

impl Closed {
    /// The statement that keeps it, under the number of its entry.
    pub(super) fn kept(&self, entry: u64, at: i64) -> Asked {
        let row = [
            ("idx", int(entry)),
            ("forge", self.forge.as_str().into()),
            ("repository", self.repository.to_lowercase().into()),
            ("run", int(self.run)),
            ("attempt", int(self.attempt)),
            ("revision", self.commit.as_str().into()),
            ("pipeline", self.pipeline.as_str().into()),
            ("list", self.list.into()),
            ("files", int(self.files)),
            ("at", at.into()),
        ];
        Asked::insert("closed", row, "")
    }
}

const COLUMNS: &str = "forge, repository, run, attempt, revision, pipeline, path, digest, size";

fn submitted(row: &Row) -> Result<Submitted, Fault> {
    Ok(Submitted {
        forge: row.text(0)?,
        repository: row.text(1)?,
        run: row.count(2)?,
        attempt: row.count(3)?,
        commit: row.text(4)?,
        pipeline: row.text(5)?,
        path: row.text(6)?,
        digest: digest(row, 7)?,
        size: row.count(8)?,
    })
}

impl Reader {
    /// What was submitted of a run, all attempts, in the order in which it came.
    pub async fn submitted(&mut self, forge: &str, repository: &str, run: u64) -> Result<Vec<Submitted>, Fault> {
        let sql =
            format!("SELECT {COLUMNS} FROM submitted WHERE forge = $1 AND repository = $2 AND run = $3 ORDER BY idx");
        let values = [forge.into(), repository.to_lowercase().into(), int(run)];
        self.session.rows_made(sql, &values).await?.iter().map(submitted).collect()
    }

    /// The submissions of a run that are whole, all attempts, in the order in which they were closed.
    pub async fn closed(&mut self, forge: &str, repository: &str, run: u64) -> Result<Vec<Closed>, Fault> {
        let sql = "SELECT forge, repository, run, attempt, revision, pipeline, list, files FROM closed \
                   WHERE forge = $1 AND repository = $2 AND run = $3 ORDER BY idx";
        let values = [forge.into(), repository.to_lowercase().into(), int(run)];
        let closed = |row: &Row| {
            Ok(Closed {
                forge: row.text(0)?,
                repository: row.text(1)?,
                run: row.count(2)?,
                attempt: row.count(3)?,
                commit: row.text(4)?,
                pipeline: row.text(5)?,
                list: digest(row, 6)?,
                files: row.count(7)?,
            })
        };
        self.session.rows(sql, &values).await?.iter().map(closed).collect()
    }

    /// How the jobs of a repository called the bytes of a digest, the last first; nothing where none submitted them.
    pub async fn submitted_as(&mut self, forge: &str, repository: &str, bytes: Hash) -> Result<Vec<Submitted>, Fault> {
        let sql = format!(
            "SELECT {COLUMNS} FROM submitted WHERE digest = $1 AND forge = $2 AND repository = $3 ORDER BY idx DESC \
             LIMIT 100"
        );
        let values = [bytes.into(), forge.into(), repository.to_lowercase().into()];
        self.session.rows_made(sql, &values).await?.iter().map(submitted).collect()
    }
}
