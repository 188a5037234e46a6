//! By which policy a repository's releases are decided: the layers that the settings name, and within them the
//! repository's own, as its default branch has it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::kept::Kept;
use crate::decide::unreadable::Flaw;
use crate::flow::{flawed, replay};
use crate::forge::{Forge, Tip};
use crate::log::receipt::Layer;
use crate::model::facts::Fact;
use crate::policy::{self, Attachment, Policy, Source};
use crate::report::neutral;
use crate::workspace::layers::{self, From, PLACES};

/// How many files of a repository a policy may be made of.
const FILES: usize = 32;

/// The layers that the settings name, with the files that those name.
#[derive(Clone, Debug, Default)]
pub struct Outer {
    /// The layers, outermost first.
    pub layers: Vec<Source>,
    /// Their files.
    pub attached: Vec<(usize, Attachment)>,
}

/// A policy, and its layers as the record has them.
#[derive(Clone, Debug)]
pub(in crate::flow) struct Read {
    pub(in crate::flow) policy: Policy,
    pub(super) layers: Vec<Layer>,
}

impl Read {
    /// Whether the other is the same, word for word, whichever commit it was read from.
    pub(super) fn asks_the_same_as(&self, other: &Self) -> bool {
        let bare = |layers: &[Layer]| layers.iter().map(|it| Layer { from: None, ..it.clone() }).collect::<Vec<_>>();
        bare(&self.layers) == bare(&other.layers)
    }
}

/// Why a repository has no policy to decide by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::flow) enum NoPolicy {
    /// Nobody wrote one.
    #[error("its default branch has no policy at {}; write one", PLACES.join(", "))]
    Unwritten,
    /// It could not be read, and nobody knows what it says.
    #[error("{0}")]
    Unread(String),
    /// There is one, and it cannot be used.
    #[error("{said}")]
    Unusable {
        /// Why, in one sentence.
        said: String,
        /// What is wrong with it.
        flaws: Vec<Flaw>,
        /// The layers, where all could be read.
        layers: Vec<Layer>,
    },
}

impl NoPolicy {
    /// What is wrong, and the layers that could be read, where that is known: it is so until somebody mends it.
    pub(super) fn known(self) -> Option<(Vec<Flaw>, Vec<Layer>)> {
        match self {
            Self::Unread(_) => None,
            Self::Unwritten => {
                let file = PLACES.first().copied().unwrap_or_default().to_owned();
                Some((vec![Flaw { file, line: 0, says: Self::Unwritten.to_string() }], Vec::new()))
            }
            Self::Unusable { flaws, layers, .. } => Some((flaws, layers)),
        }
    }

    /// Layers that cannot be read.
    fn of_layers(error: &layers::Error) -> Self {
        match flawed::of_layers(error) {
            Some(flaw) => Self::Unusable { said: error.to_string(), flaws: vec![flaw], layers: Vec::new() },
            None => Self::Unread(error.to_string()),
        }
    }
}

impl std::convert::From<String> for NoPolicy {
    fn from(why: String) -> Self {
        Self::Unread(why)
    }
}

/// Reads the policy of a repository.
pub(in crate::flow) async fn read<F: Forge>(forge: &F, repository: &str, outer: &Outer) -> Result<Read, NoPolicy> {
    let own = layer(forge, Place::Own(repository)).await?;
    // Where the layer for all is kept, a repository's own is that one.
    let is_around = |(path, from): &(PathBuf, From)| outer.layers.iter().any(|layer| from.has(path, &layer.text));
    let own = own.filter(|own| !is_around(own));
    let (sources, mut attached) = (outer.layers.clone(), outer.attached.clone());
    let sources = match own {
        Some((path, from)) => {
            let within = sources.len();
            let sources = layers::read_within(sources, &[path], &from).map_err(|error| NoPolicy::of_layers(&error))?;
            let files = layers::attachments_within(within, &sources, &from);
            attached.extend(files.map_err(|error| NoPolicy::of_layers(&error))?);
            sources
        }
        None if sources.is_empty() => return Err(NoPolicy::Unwritten),
        None => sources,
    };
    let layers = replay::layers(&sources, &attached);
    match policy::read_with(sources, &attached) {
        Ok(policy) => Ok(Read { policy, layers }),
        Err(complaints) => {
            let rendered: String = complaints.iter().map(|it| it.render(false)).collect();
            let said = format!("the policy has mistakes: {}", neutral::line(&rendered, 600));
            Err(NoPolicy::Unusable { said, flaws: flawed::of_complaints(&complaints), layers })
        }
    }
}

/// The layers that the settings name, and within them the one that a repository keeps for all.
pub(in crate::flow) async fn around<F: Forge>(forge: &F, outer: &Outer, kept: &Kept) -> Result<Outer, NoPolicy> {
    let tip = match forge.protected(&kept.repository, kept.branch.as_deref()).await {
        Fact::Known(tip) => tip,
        Fact::Absent => return Err(NoPolicy::Unread(format!("`{kept}` has no such branch"))),
        Fact::Unavailable(why) => return Err(NoPolicy::Unread(format!("the layer in `{kept}` cannot be read: {why}"))),
    };
    let Some((path, from)) = layer(forge, Place::Kept(kept, &tip)).await? else {
        let says = format!("none of {} is there; write one, or mend the settings", kept.places().join(", "));
        let flaw = Flaw { file: kept.to_string(), line: 0, says: says.clone() };
        return Err(NoPolicy::Unusable { said: format!("`{kept}`: {says}"), flaws: vec![flaw], layers: Vec::new() });
    };
    let within = outer.layers.len();
    let layers =
        layers::read_within(outer.layers.clone(), &[path], &from).map_err(|error| NoPolicy::of_layers(&error))?;
    let files = layers::attachments_within(within, &layers, &from).map_err(|error| NoPolicy::of_layers(&error))?;
    let mut attached = outer.attached.clone();
    attached.extend(files);
    Ok(Outer { layers, attached })
}

/// Where the files of a layer are read from.
#[derive(Clone, Copy)]
enum Place<'p> {
    /// A repository's default branch: its own layer.
    Own(&'p str),
    /// A protected branch, at one commit.
    Kept(&'p Kept, &'p Tip),
}

impl Place<'_> {
    fn repository(&self) -> &str {
        match self {
            Self::Own(repository) => repository,
            Self::Kept(kept, _) => &kept.repository,
        }
    }

    fn paths(&self) -> Vec<&str> {
        match self {
            Self::Own(_) => PLACES.to_vec(),
            Self::Kept(kept, _) => kept.places(),
        }
    }
}

/// A layer and the files that it cannot do without; `None` where there is none.
async fn layer<F: Forge>(forge: &F, place: Place<'_>) -> Result<Option<(PathBuf, From)>, String> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut found = None;
    for path in place.paths() {
        if let Some(file) = fetched(forge, place, path).await? {
            files.insert(path.to_owned(), file.bytes);
            found = Some((PathBuf::from(path), file.from));
            break;
        }
    }
    let Some((path, name)) = found else { return Ok(None) };
    let mut next = vec![path.clone()];
    while let Some(path) = next.pop() {
        let path = path.to_string_lossy().into_owned();
        let Some(text) = files.get(&path).and_then(|bytes| String::from_utf8(bytes.clone()).ok()) else { continue };
        let layer = Source { path, text, sha256: String::new(), from: None };
        for needed in layers::needed(&layer) {
            let key = needed.to_string_lossy().into_owned();
            if files.contains_key(&key) {
                continue;
            }
            if files.len() >= FILES {
                return Err(format!("the policy of `{}` is made of more than {FILES} files", place.repository()));
            }
            // What is not there is told of by whoever reads the layers.
            if let Some(file) = fetched(forge, place, &key).await? {
                files.insert(key, file.bytes);
                next.push(needed);
            }
        }
    }
    Ok(Some((path, From::Files { files, name })))
}

async fn fetched<F: Forge>(forge: &F, place: Place<'_>, path: &str) -> Result<Option<crate::forge::File>, String> {
    let file = match place {
        Place::Own(repository) => forge.file(repository, path).await,
        Place::Kept(kept, tip) => forge.file_at(&kept.repository, tip, path).await,
    };
    match file {
        Fact::Known(file) => Ok(Some(file)),
        Fact::Absent => Ok(None),
        Fact::Unavailable(why) => Err(format!("`{path}` of {} could not be read: {why}", place.repository())),
    }
}
