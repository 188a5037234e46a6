//! Where large bytes are kept outside the database: a folder, or a bucket of an object store. Each lies there packed,
//! under its digest. An annex is believed no more than the database is: what is read is digested again.
//!
//! What is to be kept is put there before the transaction that says so, so that nobody else waits for that, and the
//! transaction looks whether it is still there. What was put there and never came to be kept is an orphan: it goes with
//! [`Writer::let_go`](super::writer::Writer::let_go), under the lock that orders all who write, and only where no row says
//! that it is in use.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::fault::Fault;
use super::writer::Append;
use crate::log::tree::Hash;

/// How much is told of what a bucket's server says.
const WORDS: usize = 600;
/// For how long a file that is being written is left alone.
const WRITING: Duration = Duration::from_hours(24);

/// A place for what is large: packed, each by its digest.
#[derive(Clone, Debug)]
pub struct Annex(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    Bucket(Bucket),
}

#[derive(Clone, Debug)]
struct Bucket {
    objects: Arc<dyn ObjectStore>,
    below: Key,
    name: String,
}

/// What lies in a part of an annex.
#[derive(Debug, Default)]
pub struct Lying {
    /// By digest.
    pub digests: Vec<Hash>,
    /// Files that somebody began to write a day ago or longer, and did not end.
    pub unfinished: Vec<PathBuf>,
}

impl Lying {
    /// Removes the unfinished files; what comes back is how many.
    pub fn end(&self) -> Result<u64, Fault> {
        for path in &self.unfinished {
            gone(path).map_err(|error| Fault::file(path, error))?;
        }
        Ok(self.unfinished.len() as u64)
    }
}

/// The name of a digest, below that of its part.
fn name(digest: Hash) -> (String, String) {
    let name = digest.to_string();
    (name.get(..2).unwrap_or_default().to_owned(), name)
}

impl Annex {
    /// The folder at a path; it is made when it is first needed.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self(Place::Folder(folder.to_owned()))
    }

    /// What is below a key in a bucket; `name` is what people call it.
    #[must_use]
    pub fn bucket(objects: Arc<dyn ObjectStore>, below: &str, name: String) -> Self {
        Self(Place::Bucket(Bucket { objects, below: Key::from(below), name }))
    }

    /// Puts what is large of what is to be appended where it is to be kept, durably. Whoever opens a writer afterwards
    /// keeps nobody waiting for that, and no lease runs out.
    pub async fn stage(&self, batch: &[Append]) -> Result<(), Fault> {
        for blob in batch.iter().flat_map(|append| &append.blobs).filter(|blob| blob.is_large()) {
            self.put(blob.digest(), blob.packed()).await?;
        }
        Ok(())
    }

    /// Puts bytes there so that they are there, whole, when the power goes afterwards.
    pub(super) async fn put(&self, digest: Hash, packed: &[u8]) -> Result<(), Fault> {
        match &self.0 {
            Place::Folder(folder) => {
                let path = file(folder, digest);
                durably(&path, packed).map_err(|error| Fault::file(&path, error))
            }
            Place::Bucket(bucket) => {
                let put = bucket.objects.put(&bucket.key(digest), packed.to_vec().into()).await;
                put.map(drop).map_err(|error| self.wrong(digest, words(&error)))
            }
        }
    }

    /// Whether so many bytes lie there by that digest.
    pub(super) async fn holds(&self, digest: Hash, length: u64) -> Result<bool, Fault> {
        match &self.0 {
            Place::Folder(folder) => Ok(file(folder, digest).metadata().is_ok_and(|file| file.len() == length)),
            Place::Bucket(bucket) => match bucket.objects.head(&bucket.key(digest)).await {
                Ok(found) => Ok(found.size == length),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(self.wrong(digest, words(&error))),
            },
        }
    }

    /// Removes what is kept by a digest, durably, where it was put there so long ago or longer; what is not there is gone
    /// already. What comes back is whether it is gone.
    pub(super) async fn remove(&self, digest: Hash, age: Duration) -> Result<bool, Fault> {
        match &self.0 {
            Place::Folder(folder) => {
                let path = file(folder, digest);
                match path.metadata().and_then(|file| file.modified()) {
                    Ok(put) if since(put) < age => return Ok(false),
                    _ => {}
                }
                match gone(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::file(&path, error)),
                    _ => Ok(true),
                }
            }
            Place::Bucket(bucket) => {
                let wrong = |error: object_store::Error| self.wrong(digest, words(&error));
                match bucket.objects.head(&bucket.key(digest)).await {
                    Ok(found) if since(found.last_modified.into()) < age => return Ok(false),
                    Err(object_store::Error::NotFound { .. }) => return Ok(true),
                    found => drop(found.map_err(wrong)?),
                }
                match bucket.objects.delete(&bucket.key(digest)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(true),
                    Err(error) => Err(wrong(error)),
                }
            }
        }
    }

    /// The packed bytes; of so many unpacked ones, at most.
    pub(super) async fn read(&self, digest: Hash, size: u64) -> Result<Vec<u8>, Fault> {
        // What cannot be packed grows a little.
        let most = size.saturating_add(size / 1_000).saturating_add(1 << 10);
        match &self.0 {
            Place::Folder(folder) => {
                let mut packed = Vec::new();
                let read = File::open(file(folder, digest)).and_then(|file| file.take(most).read_to_end(&mut packed));
                read.map_err(|error| self.wrong(digest, error.to_string()))?;
                Ok(packed)
            }
            Place::Bucket(bucket) => {
                let wrong = |error: object_store::Error| self.wrong(digest, words(&error));
                let found = bucket.objects.get(&bucket.key(digest)).await.map_err(wrong)?;
                if found.meta.size > most {
                    return Err(self.wrong(digest, format!("it has {} bytes, too many for it", found.meta.size)));
                }
                Ok(found.bytes().await.map_err(wrong)?.to_vec())
            }
        }
    }

    /// What lies in a part: of digests that begin with that byte.
    pub async fn part(&self, first: u8) -> Result<Lying, Fault> {
        let part = format!("{first:02x}");
        let mut lying = match &self.0 {
            Place::Folder(folder) => {
                let path = folder.join(part);
                lies(&path).map_err(|error| Fault::file(&path, error))?
            }
            Place::Bucket(bucket) => {
                let listed = bucket.objects.list_with_delimiter(Some(&bucket.below.clone().join(part))).await;
                let listed = listed.map_err(|error| Fault::Bucket { name: bucket.name.clone(), why: words(&error) })?;
                let names = listed.objects.iter().filter_map(|object| object.location.filename());
                Lying { digests: names.filter_map(Hash::parse).collect(), unfinished: Vec::new() }
            }
        };
        // What somebody laid elsewhere is not ours.
        lying.digests.retain(|digest| digest.0.first() == Some(&first));
        Ok(lying)
    }

    /// What is wrong with what is kept by a digest.
    pub(super) fn wrong(&self, digest: Hash, why: String) -> Fault {
        Fault::Annex { digest: digest.to_string(), place: self.to_string(), why }
    }
}

impl std::fmt::Display for Annex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Place::Folder(folder) => write!(f, "{}", folder.display()),
            Place::Bucket(bucket) => write!(f, "{}", bucket.name),
        }
    }
}

impl Bucket {
    fn key(&self, digest: Hash) -> Key {
        let (part, name) = name(digest);
        self.below.clone().join(part).join(name)
    }
}

fn since(then: SystemTime) -> Duration {
    SystemTime::now().duration_since(then).unwrap_or_default()
}

fn file(folder: &Path, digest: Hash) -> PathBuf {
    let (part, name) = name(digest);
    folder.join(part).join(name)
}

/// An error with what it came from, on one line.
fn words(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect()
}

/// What lies in a folder of one part; nothing where there is none.
fn lies(folder: &Path) -> io::Result<Lying> {
    let mut lying = Lying::default();
    let files = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(lying),
        files => files?,
    };
    for file in files {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        if let Some(digest) = Hash::parse(&name) {
            lying.digests.push(digest);
        } else if name.starts_with(BEGUN) {
            let begun = file.metadata()?.modified()?;
            lying.unfinished.extend((since(begun) > WRITING).then(|| file.path()));
        }
    }
    Ok(lying)
}

/// How the name begins of a file that is not whole yet.
const BEGUN: &str = ".begun-";

/// Writes a file so that it is there, whole, when the power goes afterwards.
fn durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(BEGUN).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // A name is durable with the folder that has it: the file's, its folder's, and that of the folder of all.
    for above in path.ancestors().skip(1).take(3) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

/// Removes a file so that it stays away when the power goes afterwards. It may be gone while its folder does not know.
fn gone(path: &Path) -> io::Result<()> {
    let removed = std::fs::remove_file(path);
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    removed
}
