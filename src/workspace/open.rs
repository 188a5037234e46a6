//! Opens artifacts: plain files inside their folder, read once, digested on the way.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::mapping::Mapped;
use super::walk::{Entry, Nature};
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

/// From this size on a file is mapped rather than copied.
const MAPPED_FROM: u64 = 256 * 1024;

/// A file that is open, with its content.
pub struct Artifact {
    file: File,
    content: Content,
    length: u64,
    changed: (i64, i64),
}

enum Content {
    Copied(Vec<u8>),
    Mapped(Mapped),
}

impl Deref for Artifact {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.content {
            Content::Copied(bytes) => bytes,
            Content::Mapped(mapped) => mapped,
        }
    }
}

/// Opens what a walk found.
pub fn entry(entry: &Entry, limit: u64) -> Result<Artifact, Fault> {
    let location = &entry.location;
    match entry.nature {
        Nature::File => plain(location, limit, libc::O_NOFOLLOW),
        Nature::Link => {
            let not_plain = |why: String| fault(Reason::NotAPlainFile, why);
            let target = location
                .canonicalize()
                .map_err(|error| not_plain(format!("a symbolic link that leads nowhere: {error}")))?;
            if !target.starts_with(&*entry.root) {
                return Err(not_plain(
                    "a symbolic link that leads out of the artifact folder; put the file itself there".to_owned(),
                ));
            }
            plain(&target, limit, libc::O_NOFOLLOW)
        }
        Nature::Outside => Err(fault(
            Reason::NotAPlainFile,
            "a symbolic link to a folder outside of the artifact folder, which is not followed; put the folder itself \
             there, name it with `--artifacts`, or let the globs not lead into it"
                .to_owned(),
        )),
        Nature::Special => {
            Err(fault(Reason::NotAPlainFile, "a device, a pipe or a socket, where a plain file is expected".to_owned()))
        }
    }
}

/// Opens a file that a person named on the command line; links are followed.
pub fn named(path: &Path, limit: u64) -> Result<Artifact, Fault> {
    plain(path, limit, 0)
}

fn plain(path: &Path, limit: u64, flags: i32) -> Result<Artifact, Fault> {
    // Without O_NONBLOCK, opening a pipe that took the file's place would wait for ever.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(|error| unreadable(&error))?;
    let about = file.metadata().map_err(|error| unreadable(&error))?;
    if !about.is_file() {
        return Err(fault(Reason::NotAPlainFile, "not a plain file".to_owned()));
    }
    let length = about.len();
    if length > limit {
        return Err(fault(
            Reason::BeyondLimit,
            format!(
                "{length} bytes, where at most {limit} are read; raise `limits.bytes` in the policy if this is right"
            ),
        ));
    }
    let content = if length < MAPPED_FROM {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        (&file).take(MAPPED_FROM).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        Content::Copied(bytes)
    } else {
        Content::Mapped(Mapped::new(&file).map_err(|error| unreadable(&error))?)
    };
    Ok(Artifact { file, content, length, changed: (about.mtime(), about.mtime_nsec()) })
}

impl Artifact {
    /// Size in bytes when it was opened.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Complains if the file is not what it was when it was opened.
    pub fn unchanged(&self) -> Result<(), Fault> {
        let damaged = match &self.content {
            Content::Copied(bytes) => bytes.len() as u64 != self.length,
            Content::Mapped(mapped) => mapped.damaged(),
        };
        let about = self.file.metadata().map_err(|error| unreadable(&error))?;
        if damaged || about.len() != self.length || (about.mtime(), about.mtime_nsec()) != self.changed {
            return Err(fault(
                Reason::ChangedWhileRead,
                "the file changed while it was read; wait until the step that writes it has ended".to_owned(),
            ));
        }
        Ok(())
    }
}

/// SHA-256 of some bytes, as lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// From this size on the digest is worth a thread of its own.
const DIGESTED_ASIDE_FROM: usize = 1 << 20;

/// Digests bytes, and checks that they are UTF-8 where `text` says that they
/// should be, while `work` reads them: on a second core where that is worth it.
pub fn while_digesting<T>(bytes: &[u8], text: bool, work: impl FnOnce() -> T) -> (String, Result<(), Fault>, T) {
    // A thread that does not allocate costs half as much.
    let digest = || (Sha256::digest(bytes), if text { utf8(bytes) } else { Ok(()) });
    let (done, (digest, sound)) = if bytes.len() < DIGESTED_ASIDE_FROM {
        (work(), digest())
    } else {
        std::thread::scope(|scope| {
            let aside = std::thread::Builder::new().spawn_scoped(scope, digest);
            let done = work();
            let digested = match aside.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(digested)) => digested,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No thread was to be had.
                Err(_) => digest(),
            };
            (done, digested)
        })
    };
    (hexadecimal(&digest), sound, done)
}

/// Complains about the first byte that is not UTF-8.
fn utf8(bytes: &[u8]) -> Result<(), Fault> {
    simdutf8::compat::from_utf8(bytes).map(|_| ()).map_err(|error| {
        Fault::malformed(
            Place::Byte(error.valid_up_to() as u64),
            "not UTF-8; write the file as UTF-8, or as UTF-16 with a byte-order mark",
        )
    })
}

fn fault(reason: Reason, message: String) -> Fault {
    Fault { reason, place: Place::Whole, message }
}

fn unreadable(error: &io::Error) -> Fault {
    fault(Reason::Unreadable, format!("cannot be read: {error}"))
}
