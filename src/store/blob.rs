//! Bytes that are kept by their SHA-256 digest, packed, and once: in the database, or the large ones in a folder beside
//! it. A folder is believed no more than the database is: what is read is digested again.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::session::{Asked, Value, int};
use crate::log::tree::Hash;

/// How many packed bytes the database keeps where there is a folder for what is larger.
pub const LARGE: usize = 256 << 10;

/// Bytes that are kept by their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: [u8; 32],
    size: u64,
    packed: Vec<u8>,
}

impl Blob {
    /// Packs bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut into = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        // Writing to memory does not fail.
        let packed = into.write_all(bytes).and_then(|()| into.finish()).unwrap_or_default();
        Self { digest: Sha256::digest(bytes).into(), size: bytes.len() as u64, packed }
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash(self.digest)
    }

    /// How many bytes, unpacked.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What keeps it, once; one that had expired is there again. What goes to a folder is durable there when this comes
    /// back, before the row that says so. A file that is to go still goes where the bytes come back to the database.
    pub(super) fn kept(&self, annex: Option<&Annex>, at: i64) -> Result<Asked, Fault> {
        let annex = annex.filter(|_| self.packed.len() > LARGE);
        if let Some(annex) = annex {
            annex.put(self.digest(), &self.packed)?;
        }
        let packed = if annex.is_some() { Value::Bytes(None) } else { self.packed.clone().into() };
        let annexed = i64::from(annex.is_some());
        let values = [self.digest.to_vec().into(), int(self.size), packed, at.into(), annexed.into()];
        Ok(Asked::new(
            "INSERT INTO blob (digest, size, packed, at, annexed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest) \
             DO UPDATE SET packed = excluded.packed, \
             annexed = CASE WHEN excluded.annexed = 1 THEN 1 ELSE blob.annexed END \
             WHERE blob.packed IS NULL AND blob.annexed <> 1",
            values,
        ))
    }
}

/// Unpacks what should have that digest and size; `None` where it has not.
pub(super) fn unpacked(packed: &[u8], size: u64, digest: Hash) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // Not one byte more than was put in, whatever somebody has put there since.
    let read = flate2::read::DeflateDecoder::new(packed).take(size.saturating_add(1)).read_to_end(&mut bytes);
    (read.is_ok() && <[u8; 32]>::from(Sha256::digest(&bytes)) == digest.0).then_some(bytes)
}

/// A folder for what is large: packed, each by its digest.
#[derive(Clone, Debug)]
pub struct Annex {
    folder: PathBuf,
}

impl Annex {
    /// The folder at a path; it is made when it is first needed.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn place(&self, digest: Hash) -> PathBuf {
        let name = digest.to_string();
        self.folder.join(name.get(..2).unwrap_or_default()).join(&name)
    }

    fn put(&self, digest: Hash, packed: &[u8]) -> Result<(), Fault> {
        let path = self.place(digest);
        durably(&path, packed).map_err(|error| Fault::file(&path, error))
    }

    /// Removes what is kept by a digest, durably; what is not there is gone already.
    pub(super) fn remove(&self, digest: Hash) -> Result<(), Fault> {
        let path = self.place(digest);
        match gone(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::file(&path, error)),
            _ => Ok(()),
        }
    }

    /// The packed bytes; of so many unpacked ones, at most.
    pub(super) fn read(&self, digest: Hash, size: u64) -> Result<Vec<u8>, Fault> {
        let path = self.place(digest);
        let mut packed = Vec::new();
        // What cannot be packed grows a little.
        let most = size.saturating_add(size / 1_000).saturating_add(1 << 10);
        let read = File::open(&path).and_then(|file| file.take(most).read_to_end(&mut packed));
        read.map_err(|error| self.wrong(digest, error.to_string()))?;
        Ok(packed)
    }

    pub(super) fn wrong(&self, digest: Hash, why: String) -> Fault {
        Fault::Annex { digest: digest.to_string(), folder: self.folder.display().to_string(), why }
    }
}

/// Writes a file so that it is there, whole, when the power goes afterwards.
fn durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
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
