//! Where results lie: artifact locations (§3.4), the folders that have names (`originalUriBaseIds`, §3.14.14) and the
//! run's `artifacts` (§3.14.15) and `logicalLocations` (§3.14.17).
//!
//! A result names its file by a `uri`, by one below a folder that it calls by a name, or only by the file's place
//! among the artifacts. The two lists are read when the first result needs them, and not before.
//!
//! Where a named folder lies on the machine is no part of what makes two results the same, nor of what people read:
//! a job's checkout lies elsewhere with every runner, and annotations begin at its root. The name is a part, and so is
//! each folder below it. Nor is it a part how folders on a machine lie to each other: beside a checkout, tools name a
//! home, a cache or the root of the disk, and where these lie changes with the runner as well.
//!
//! A result that names its file by a number that the run does not list is never the same one in another log.

use std::cell::OnceCell;
use std::hash::Hasher;

use percent_encoding::percent_decode_str;

use super::super::findings::identify;
use super::super::json::{Error, Later, Node, Step, Text, refuse_beyond_limit};
use super::rules::index;

/// How many artifacts a run may list where results name their files by them alone.
pub const ARTIFACTS: usize = 250_000;

/// How many folders may have names.
pub const BASES: usize = 1_000;

/// How many named folders may lie in each other.
pub const DEPTH: usize = 16;

/// An `artifactLocation`, as it stands in the file.
#[derive(Clone, Copy, Default)]
pub(super) struct Location<'de> {
    pub(super) uri: Option<Text<'de>>,
    base: Option<Text<'de>>,
    index: Option<u32>,
}

impl<'de> Location<'de> {
    pub(super) fn read(&mut self, node: &mut Node<'_, 'de>) -> Step {
        node.object(|key, value| {
            match key {
                "uri" => self.uri = value.text_later()?,
                "uriBaseId" => self.base = value.text_later()?,
                "index" => self.index = index(value)?.map(|index| u32::try_from(index).unwrap_or(u32::MAX)),
                _ => {}
            }
            Ok(())
        })
    }

    /// Whether it names a file at all.
    pub(super) fn is_stated(&self) -> bool {
        self.uri.is_some() || self.index.is_some()
    }

    /// Whether the rest of the run says more of it.
    pub(super) fn needs_the_run(&self) -> bool {
        self.base.is_some() || (self.uri.is_none() && self.index.is_some())
    }
}

/// What a run says of places.
#[derive(Default)]
pub(super) struct Places<'de> {
    pub(super) artifacts: Option<Later<'de>>,
    pub(super) bases: Option<Later<'de>>,
    /// The run's `logicalLocations` (§3.14.17).
    pub(super) logical: Option<Later<'de>>,
    called: OnceCell<Vec<Option<Text<'de>>>>,
    listed: OnceCell<Vec<Location<'de>>>,
    named: OnceCell<Vec<(Box<str>, Location<'de>)>>,
    bases_come: OnceCell<bool>,
    artifacts_come: OnceCell<bool>,
}

impl<'de> Places<'de> {
    /// Whether the run said all that it can say of places, though it is not read to its end.
    pub(super) fn are_told(&self) -> bool {
        self.artifacts.is_some() && self.bases.is_some()
    }

    /// Whether nothing that is still to come says more of a location, for neither list is named there. Asked of the first
    /// result that needs it, and true of all after it.
    pub(super) fn are_told_before(&self, location: &Location<'de>, rest: &Later<'de>) -> bool {
        let comes = |list: &Option<Later<'de>>, kept: &OnceCell<bool>, name: &[u8]| {
            list.is_none() && *kept.get_or_init(|| rest.may_hold(name))
        };
        !comes(&self.bases, &self.bases_come, b"\"originalUriBaseIds\"")
            && (location.uri.is_some() || !comes(&self.artifacts, &self.artifacts_come, b"\"artifacts\""))
    }

    /// What the run calls a logical location that a result names by its place in the list, as far as the list was seen by
    /// then. A name that is not the full one says too little: another class may have a method of that name.
    pub(super) fn called(&self, index: u64) -> Option<Text<'de>> {
        let list = self.logical?;
        let called = self.called.get_or_init(|| {
            readable(list, "logical locations", |location| {
                let mut name = None;
                location.object(|key, value| {
                    if key == "fullyQualifiedName" {
                        name = value.text_later()?;
                    }
                    Ok(())
                })?;
                Ok(name)
            })
        });
        called.get(usize::try_from(index).ok()?).copied().flatten()
    }

    /// Whether it names a file, and the run says which. A number that the run does not list says nothing of a file:
    /// in another log it may be any.
    pub(super) fn knows(&self, location: &Location<'de>) -> bool {
        self.resolved(*location).uri.is_some()
    }

    /// Feeds what makes it the same place in another log.
    pub(super) fn identify(&self, location: &Location<'de>, hasher: &mut dyn Hasher) {
        let location = self.resolved(*location);
        if let Some(uri) = location.uri {
            // As it stands in the file, and not decoded.
            hasher.write(uri.raw());
        }
        self.each_folder(&location, |name, folder| {
            identify(hasher, name);
            identify(hasher, folder.unwrap_or_default());
        });
    }

    /// The file to show.
    pub(super) fn path(&self, location: &Location<'de>) -> Option<String> {
        let location = self.resolved(*location);
        let uri = location.uri?.read().ok()?;
        let mut path = uri.into_owned();
        if !is_absolute(&path) {
            self.each_folder(&location, |_, folder| {
                if let Some(folder) = folder.filter(|folder| !folder.is_empty()) {
                    path = format!("{}/{path}", folder.trim_end_matches('/'));
                }
            });
        }
        Some(decoded(path))
    }

    /// Where the run says of an artifact that is named by its place alone.
    fn resolved(&self, location: Location<'de>) -> Location<'de> {
        match (location.uri, location.index) {
            (None, Some(index)) => match self.artifact(index) {
                Some(artifact) if artifact.uri.is_some() => artifact,
                _ => location,
            },
            _ => location,
        }
    }

    /// Calls back for the named folders around a location, innermost first: each name, and what the run
    /// says of the folder unless that is a place on a machine.
    fn each_folder(&self, location: &Location<'de>, mut each: impl FnMut(&str, Option<&str>)) {
        let mut base = location.base;
        for _ in 0..DEPTH {
            let Some(name) = base.and_then(|base| base.read().ok()) else { return };
            let folder = self.folder(&name);
            let uri = folder.and_then(|folder| folder.uri).and_then(|uri| uri.read().ok());
            let uri = uri.as_deref().map(str::trim);
            let absolute = uri.is_some_and(is_absolute);
            each(&name, uri.filter(|_| !absolute));
            base = folder.filter(|_| !absolute).and_then(|folder| folder.base);
        }
    }

    fn artifact(&self, index: u32) -> Option<Location<'de>> {
        let artifacts = self.artifacts?;
        let listed = self.listed.get_or_init(|| {
            readable(artifacts, "artifacts", |artifact| {
                let mut location = Location::default();
                artifact.object(|key, value| if key == "location" { location.read(value) } else { Ok(()) })?;
                Ok(location)
            })
        });
        listed.get(index as usize).copied()
    }

    fn folder(&self, name: &str) -> Option<Location<'de>> {
        let bases = self.bases?;
        let named = self.named.get_or_init(|| {
            let mut named = Vec::new();
            let _ = bases.walk(|node| {
                node.object(|name, value| {
                    if named.len() >= BASES {
                        return Err(refuse_beyond_limit("folders"));
                    }
                    let mut location = Location::default();
                    location.read(value)?;
                    named.push((Box::from(name), location));
                    Ok(())
                })
            });
            named
        });
        named.iter().find(|(known, _)| **known == *name).map(|(_, location)| *location)
    }
}

/// One of the run's lists, as far as it can be read: an entry that cannot ends it, and no result can name what comes after.
fn readable<'de, T>(
    list: Later<'de>,
    entries: &str,
    mut one: impl FnMut(&mut Node<'_, 'de>) -> Result<T, Error>,
) -> Vec<T> {
    let mut read = Vec::new();
    let _ = list.walk(|node| {
        node.array(|entry| {
            if read.len() >= ARTIFACTS {
                return Err(refuse_beyond_limit(entries));
            }
            read.push(one(entry)?);
            Ok(())
        })
    });
    read
}

/// Whether a URI says by itself where on a machine or in a network a file lies (RFC 3986, 4.2 and 4.3).
fn is_absolute(uri: &str) -> bool {
    let scheme = |scheme: &str| !scheme.is_empty() && !scheme.contains(['/', '?', '#']);
    uri.starts_with('/') || uri.split_once(':').is_some_and(|(before, _)| scheme(before))
}

/// The file that a URI names, decoded (RFC 3986, 2.1): `src/my%20file.py` is `src/my file.py` on disk, where an
/// annotation points. What is no encoding, or none of UTF-8, stays as it is.
fn decoded(uri: String) -> String {
    match percent_decode_str(&uri).decode_utf8() {
        Ok(path) => path.into_owned(),
        Err(_) => uri,
    }
}
