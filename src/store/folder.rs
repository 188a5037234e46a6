//! A log as files, laid out as the C2SP specification `tlog-tiles` has it: `checkpoint`, `tile/…`, `tile/entries/…`.
//! Any client of that specification reads them, from the folder or over HTTP.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::log::tile::{Tile, Tiles, WIDTH};

/// How many bytes a file of a log has at most: a bundle of 256 entries at their longest.
const LONGEST: u64 = 256 * (2 + 65_535);

/// The file that has the rotations of the log's keys, one after another. Specifications know nothing of it.
pub const ROTATIONS: &str = "key-rotations";

/// Why a file of a log could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: {error}")]
pub struct Fault {
    /// The file.
    pub path: String,
    /// What happened.
    pub error: io::Error,
}

/// A folder with a log.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at a path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let path = self.path.join(name);
        read(&path).map_err(|error| Fault { path: path.display().to_string(), error })
    }

    /// The signed checkpoint.
    pub fn checkpoint(&self) -> Result<String, Fault> {
        let bytes = self.bytes("checkpoint")?;
        String::from_utf8(bytes).map_err(|_| Fault {
            path: self.path.join("checkpoint").display().to_string(),
            error: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
        })
    }

    /// The rotations of the log's keys; empty where there were none.
    pub fn rotations(&self) -> Result<String, Fault> {
        if !self.exists(ROTATIONS) {
            return Ok(String::new());
        }
        let bytes = self.bytes(ROTATIONS)?;
        // What is not UTF-8 is no rotation, and is refused as such.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file, whole or not at all. It can be made again, so it is not waited for until it is durable.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let path = self.path.join(name);
        put(&path, bytes).map_err(|error| Fault { path: path.display().to_string(), error })
    }

    /// Whether a file is there.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }
}

impl Tiles for Folder {
    type Error = Fault;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Fault> {
        let found = self.bytes(&tile.path());
        match found {
            // The part of a tile may be gone once the whole is there.
            Err(fault) if tile.width < WIDTH && fault.error.kind() == io::ErrorKind::NotFound => {
                self.bytes(&Tile { width: WIDTH, ..tile }.path()).map_err(|_| fault)
            }
            found => found,
        }
    }

    fn read_into(&mut self, tile: Tile, into: &mut Vec<u8>) -> Result<(), Fault> {
        into.clear();
        let path = self.path.join(tile.path());
        // The part of a tile may be gone once the whole is there.
        if read_to(&path, into).is_err() {
            *into = self.read(tile)?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_to(path, &mut bytes)?;
    Ok(bytes)
}

fn read_to(path: &Path, into: &mut Vec<u8>) -> io::Result<()> {
    use io::Read as _;
    File::open(path)?.take(LONGEST + 1).read_to_end(into)?;
    if into.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long for a file of a log"));
    }
    Ok(())
}

/// Beside it first, so that nobody ever reads half of it.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    readable(file.as_file())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A log is for everybody to read; a temporary file is not.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> io::Result<()> {
    Ok(())
}
