//! The story of setting up: an app that nobody knows yet sends whoever started it to the forge, where it is made, and keeps
//! the keys that come of that.
//!
//! Whoever has the token that was printed where the app was started sets it up; the token counts once, and the browser that
//! began with it is the one that comes back. What is kept lies in one folder, in files that nobody else may read. They are
//! written in an order in which the app's number is the last: without it, the folder holds no app.
//!
//! Invariant: an app that is kept is never replaced.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::flow::visits::{Out, random, same};
use crate::forge::registration::{Errand, Made, Places, Proposal, Registrar};

/// The folder that keeps an app's keys.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    files: [&'static str; 5],
}

/// What a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// An app.
    App,
    /// Nothing yet.
    Nothing,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read or written.
    #[error("`{}`: {error}", .path.display())]
    File {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A setting up ended in the middle.
    #[error(
        "`{}` holds `{file}` and no app's number: a setting up ended in the middle; delete the App on the forge and the files \
         here, and begin again", .folder.display()
    )]
    Half {
        /// The folder.
        folder: PathBuf,
        /// A file that is there.
        file: &'static str,
    },
}

impl Folder {
    /// A folder, and the files that keep an app in it, its number the last.
    #[must_use]
    pub fn new(path: PathBuf, files: [&'static str; 5]) -> Self {
        Self { path, files }
    }

    /// The place of a file.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What it holds.
    pub fn holds(&self) -> Result<Holds, Unusable> {
        let [rest @ .., last] = self.files;
        if self.is_there(last)? {
            return Ok(Holds::App);
        }
        for file in rest {
            if self.is_there(file)? {
                return Err(Unusable::Half { folder: self.path.clone(), file });
            }
        }
        Ok(Holds::Nothing)
    }

    fn is_there(&self, name: &str) -> Result<bool, Unusable> {
        let path = self.file(name);
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Unusable::File { path, error }),
        }
    }

    /// Makes it, for nobody else to read, and tries whether files can be written there.
    pub fn prepare(&self) -> Result<(), Unusable> {
        let wrong = |error| Unusable::File { path: self.path.clone(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(wrong)?;
        let tried = tempfile::Builder::new().prefix(".countersign-").tempfile_in(&self.path).map_err(wrong)?;
        tried.close().map_err(wrong)
    }

    /// Keeps an app.
    fn keep(&self, kept: &[(&'static str, &str); 5]) -> Result<(), Unusable> {
        for (name, text) in kept {
            let path = self.file(name);
            written(&path, text).map_err(|error| Unusable::File { path, error })?;
        }
        let wrong = |error| Unusable::File { path: self.path.clone(), error };
        fs::File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(wrong)
    }
}

/// Writes a file that nobody else may read, and never over another.
fn written(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// A setting up that goes on.
pub struct Setup<R: Registrar> {
    registrar: R,
    folder: Folder,
    address: String,
    places: Places,
    stage: Mutex<Stage>,
    /// Told once it is done.
    done: tokio::sync::Notify,
}

#[derive(Default)]
struct Stage {
    /// What was printed, until somebody began with it.
    token: Option<String>,
    /// The key of the browser that began with it.
    key: Option<String>,
    /// What the forge is to hand back.
    state: Option<String>,
    /// Whether an app is kept.
    is_done: bool,
}

/// Why somebody gets no further.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// It is none of his.
    #[error("this browser did not begin the setting up")]
    Stranger,
    /// An app is kept already.
    #[error("the app is set up")]
    Done,
    /// What he came back with belongs to no question that is open.
    #[error("the answer belongs to no question that is open")]
    Unasked,
    /// The machine gives no random bytes.
    #[error(transparent)]
    Chance(#[from] Out),
    /// The forge has no such place.
    #[error("{0}")]
    Nowhere(String),
    /// The forge could not be asked, or says no.
    #[error("{0}")]
    Forge(String),
    /// The app was made and cannot be kept.
    #[error("the app `{name}` was made at {page}, and its keys could not be kept: {why}; delete it there")]
    Unkept {
        /// What it is called on the forge.
        name: String,
        /// Its page there.
        page: String,
        /// Why.
        why: Unusable,
    },
}

impl<R: Registrar> Setup<R> {
    /// Begins. What comes back beside it is the token to print where only whoever starts the app reads it.
    pub fn begin(registrar: R, folder: Folder, address: String, places: Places) -> Result<(Self, String), Out> {
        let token = random()?;
        let stage = Mutex::new(Stage { token: Some(token.clone()), ..Stage::default() });
        Ok((Self { registrar, folder, address, places, stage, done: tokio::sync::Notify::new() }, token))
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The origin that its form is sent to.
    pub fn origin(&self) -> String {
        self.registrar.origin()
    }

    /// Whether a token is the one that was printed, and still counts. Asking changes nothing.
    pub fn knows(&self, token: &str) -> Result<(), Stopped> {
        let held = self.stage();
        if held.is_done {
            return Err(Stopped::Done);
        }
        let known = held.token.as_deref().is_some_and(|known| same(known, token));
        known.then_some(()).ok_or(Stopped::Stranger)
    }

    /// Somebody began with a token: the key that his browser keeps from now on. The token counts no more.
    pub fn enter(&self, token: &str) -> Result<String, Stopped> {
        let key = random()?;
        let mut held = self.stage();
        if held.is_done {
            return Err(Stopped::Done);
        }
        if !held.token.as_deref().is_some_and(|known| same(known, token)) {
            return Err(Stopped::Stranger);
        }
        held.token = None;
        held.key = Some(key.clone());
        Ok(key)
    }

    fn admitted(&self, key: Option<&str>) -> Result<MutexGuard<'_, Stage>, Stopped> {
        let held = self.stage();
        if held.is_done {
            return Err(Stopped::Done);
        }
        match (key, held.key.as_deref()) {
            (Some(key), Some(known)) if same(key, known) => Ok(held),
            _ => Err(Stopped::Stranger),
        }
    }

    /// What whoever has the key takes to the forge.
    pub fn errand(&self, key: Option<&str>, organisation: Option<&str>) -> Result<Errand, Stopped> {
        let mut held = self.admitted(key)?;
        let state = match &held.state {
            Some(state) => state.clone(),
            None => random()?,
        };
        let proposal = Proposal { address: self.address.clone(), organisation: organisation.map(str::to_owned) };
        let errand = self
            .registrar
            .errand(&proposal, &self.places, &state)
            .map_err(|fault| Stopped::Nowhere(fault.to_string()))?;
        held.state = Some(state);
        Ok(errand)
    }

    /// Whoever has the key came back with a code: the app is made and kept. A state counts once, whatever comes of it.
    pub async fn back(&self, key: Option<&str>, state: &str, code: &str) -> Result<R::Made, Stopped> {
        {
            let mut held = self.admitted(key)?;
            if !held.state.as_deref().is_some_and(|known| same(known, state)) {
                return Err(Stopped::Unasked);
            }
            held.state = None;
        }
        let made = self.registrar.redeem(code).await.map_err(|fault| Stopped::Forge(fault.to_string()))?;
        let mut held = self.stage();
        if held.is_done {
            return Err(Stopped::Done);
        }
        if let Err(why) = self.folder.keep(&made.kept()) {
            return Err(Stopped::Unkept { name: made.name().to_owned(), page: made.page().to_owned(), why });
        }
        held.is_done = true;
        drop(held);
        self.done.notify_one();
        Ok(made)
    }

    /// Waits until an app is kept.
    pub async fn done(&self) {
        self.done.notified().await;
    }
}
