//! What a job submits to the app: raw evidence, and never a verdict.
//!
//! A submission is a manifest, a JSON object on the first line, and behind it the bytes of the files that it lists, in their
//! order and with nothing between them. A manifest alone asks which of its files are wanted: those whose bytes the
//! repository has not submitted before. The last that a job sends is a manifest of all its files, which closes its submission:
//! until then nobody knows whether one is still to come, and none of them counts.

use serde::{Deserialize, Serialize};

/// The media type of a submission.
pub const MEDIA: &str = "application/vnd.countersign.evidence";
/// How many bytes a manifest may have.
pub const MANIFEST: usize = 1 << 20;
/// How many bytes one file may have.
pub const FILE: u64 = 64 << 20;
/// How many bytes of files one submission may have.
pub const TOTAL: u64 = FILE;
/// How many files a manifest may list.
pub const FILES: usize = 1_000;
/// How many files one attempt of a run may submit, and of how many bytes.
pub const OF_A_RUN: (usize, u64) = (10_000, 2 << 30);
/// How many bytes the manifest may have that closes a submission.
pub const WHOLE: usize = 4 << 20;
/// How many submissions one attempt of a run may close, and how many files they may list together.
pub const CLOSED: (usize, u64) = (1_000, 20_000);
/// How many bytes a path may have, and each part of it.
const PATH: (usize, usize) = (1_000, 255);

/// What is submitted, and of which run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The pipeline's run.
    pub run: u64,
    /// Which attempt of it.
    pub attempt: u64,
    /// The commit that the run is of.
    pub commit: String,
    /// The files.
    pub files: Vec<Listed>,
}

/// A file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its path below the artifact folder, with `/` between its parts.
    pub path: String,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub size: u64,
}

/// What became of a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// How many files are in the record since now.
    pub recorded: u64,
    /// How many were before.
    pub before: u64,
    /// The digests of those whose bytes are wanted.
    pub wanted: Vec<String>,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A path.
    #[error("`{0}` is no path below an artifact folder")]
    Path(String),
    /// A digest.
    #[error("`{0}` is no SHA-256 digest of 64 lower-case hexadecimal digits")]
    Digest(String),
    /// A file is too large.
    #[error("`{path}` has {size} bytes, where at most {FILE} are taken")]
    Large {
        /// Which.
        path: String,
        /// How many bytes.
        size: u64,
    },
    /// Too many are listed.
    #[error("{found} files are listed, where at most {most} are taken at once")]
    Many {
        /// How many are.
        found: usize,
        /// How many may be.
        most: usize,
    },
}

impl Manifest {
    /// Whether everything in it has its form.
    pub fn check(&self) -> Result<(), Wrong> {
        self.of_at_most(FILES)
    }

    /// The same of one that closes a submission, and so lists all of its files.
    pub fn check_whole(&self) -> Result<(), Wrong> {
        self.of_at_most(OF_A_RUN.0)
    }

    fn of_at_most(&self, most: usize) -> Result<(), Wrong> {
        if self.files.len() > most {
            return Err(Wrong::Many { found: self.files.len(), most });
        }
        self.files.iter().try_for_each(Listed::check)
    }
}

impl Listed {
    /// Whether it has its form, and is not too large.
    pub fn check(&self) -> Result<(), Wrong> {
        let part = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= PATH.1;
        let plain = self.path.len() <= PATH.0 && !self.path.chars().any(char::is_control);
        if !plain || !self.path.split('/').all(part) {
            return Err(Wrong::Path(self.path.chars().take(200).collect()));
        }
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if self.sha256.len() != 64 || !self.sha256.bytes().all(hexadecimal) {
            return Err(Wrong::Digest(self.sha256.chars().take(80).collect()));
        }
        if self.size > FILE {
            return Err(Wrong::Large { path: self.path.clone(), size: self.size });
        }
        Ok(())
    }
}
