//! One writer for a SQLite file. The lock is the operating system's, on a file beside the database, so it goes with
//! the process that holds it, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fault::Fault;

/// File systems that several machines may have mounted at once.
const SHARED: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph"];

/// Held for as long as this process may write.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that is just being started has the file as well, until it runs something else. Let go of here, the
        // lock is nobody's; what cannot be let go of goes with the process.
        let _ = self.file.unlock();
    }
}

/// Becomes the one writer, and waits for that so long.
pub(super) fn lock(database: &Path, wait: Duration) -> Result<Lock, Fault> {
    if let Some(kind) = shared(database) {
        return Err(Fault::SharedDisk { path: database.display().to_string(), kind });
    }
    let mut path = database.as_os_str().to_owned();
    path.push("-writer");
    let path = PathBuf::from(path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| Fault::file(&path, error))?;
    let until = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(Fault::SecondWriter { path: database.display().to_string(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(Fault::file(&path, error)),
        }
    }
    // Who holds it is for people only; the lock is what counts.
    let _ = file.set_len(0).and_then(|()| file.rewind());
    let _ = writeln!(file, "process {}", std::process::id());
    Ok(Lock { file })
}

/// The kind of the file system on which the file is, where machines share it.
fn shared(database: &Path) -> Option<String> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        folder.starts_with(at).then_some((at.len(), kind))
    });
    let (_, kind) = mounted.max_by_key(|(length, _)| *length)?;
    SHARED.contains(&kind).then(|| kind.to_owned())
}
