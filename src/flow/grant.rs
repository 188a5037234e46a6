//! A break-glass grant is used: what is written down where all jobs that may deploy see it, and what of it becomes a fact
//! once the app can be reached again.
//!
//! Each use takes a place of its own in a folder, `SHA-256 of the grant.NUMBER.json`. A place is taken by linking a file that
//! is whole, so that of two jobs one gets it and nobody reads half a use.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::log::grant::Signed;
use crate::model::grant::GrantUse;

/// How long a use's file may be, in bytes.
const LENGTH: u64 = 64 * 1024;
/// How many uses of one grant are read.
const MOST: usize = 1_000;

/// Why uses could not be read or written down. None of it lets anything go.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The folder, or a file in it, cannot be read or written.
    #[error("`{}`: {why}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// A file in it is no use of this grant.
    #[error("`{}` is not a use of this grant as it was written down: {why}", path.display())]
    NoUse {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> Fault {
    let path = path.to_owned();
    move |why| Fault::Io { path: path.clone(), why }
}

fn place(folder: &Path, grant: &str, number: usize) -> PathBuf {
    folder.join(format!("{grant}.{number}.json"))
}

/// The uses of a grant that are written down, the first one first.
pub fn uses(folder: &Path, signed: &Signed) -> Result<Vec<GrantUse>, Fault> {
    // A folder that is not there, or not mounted, is no proof that nothing was used.
    fs::read_dir(folder).map_err(at(folder))?;
    let grant = signed.digest();
    let mut found = Vec::new();
    for number in 1..=MOST {
        let path = place(folder, &grant, number);
        let about = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            about => about.map_err(at(&path))?,
        };
        let no_use = |why: String| Fault::NoUse { path: path.clone(), why };
        if about.len() > LENGTH {
            return Err(no_use("it has over 64 KiB".to_owned()));
        }
        let bytes = fs::read(&path).map_err(at(&path))?;
        let used: GrantUse = serde_json::from_slice(&bytes).map_err(|error| no_use(error.to_string()))?;
        if used.grant != grant {
            return Err(no_use("it names another grant".to_owned()));
        }
        found.push(used);
    }
    Err(Fault::NoUse { path: folder.to_owned(), why: format!("there are over {MOST} uses") })
}

/// Writes the next use down, after `before` that were read. `false` where another job was quicker: then nothing is written.
pub fn take(
    folder: &Path,
    signed: &Signed,
    before: usize,
    (run, started_by): (&str, Option<&str>),
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let grant = signed.digest();
    let path = place(folder, &grant, before + 1);
    let used = GrantUse { grant, used_at: now, run: run.to_owned(), started_by: started_by.map(str::to_owned) };
    let text = json!(used);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(at(folder))?;
    writeln!(file, "{text:#}").and_then(|()| file.as_file().sync_all()).map_err(at(&path))?;
    match fs::hard_link(file.path(), &path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        linked => linked.map_err(at(&path))?,
    }
    // What is not on the disk may be used again after a crash.
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    Ok(true)
}

/// What is known of the release that one of the uses let go, as a part of its facts: `release.break_glass`. The signatures
/// of `signed_by` were checked.
#[must_use]
pub fn fact(signed: &Signed, signed_by: &[&str], uses: &[GrantUse], this: &GrantUse) -> Value {
    let grant = signed.grant();
    let used_at: Vec<DateTime<Utc>> = uses.iter().map(|used| used.used_at).collect();
    let artifacts = if grant.artifacts.is_empty() { Value::Null } else { json!(grant.artifacts) };
    json!({ "release": { "break_glass": {
        "id": grant.id, "repository": grant.repository, "environment": grant.environment, "commit": grant.commit,
        "components": grant.components, "artifacts": artifacts, "signed_by": signed_by, "granted_at": grant.granted_at,
        "expires_at": grant.expires_at, "used_at": used_at, "opened_at": this.used_at,
    } } })
}
