//! What bills of materials list that the baseline's do not.
//!
//! Names are not kept: a baseline is remembered as 64-bit hashes under a random
//! key, so that nobody who writes a bill of materials can aim for a collision.
//! Two unlike names among a million meet by chance once in some forty million runs.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::{Identity, Names, notable};
use crate::model::bounds::Bounds;
use crate::model::licence::Licence;
use crate::model::measures::Measures;
use crate::model::notable::{Notables, Weight};

/// What a baseline is remembered by.
#[derive(Debug, Default)]
pub(super) struct Record {
    keys: RandomState,
    /// Hash of the identity, hash of identity and version.
    listed: Vec<(u64, u64)>,
    licences: HashSet<u64>,
    suppliers: HashSet<u64>,
}

impl Record {
    pub(super) fn note(&mut self, identity: &Identity<'_, '_>, licences: &[Licence], supplier: Option<&str>) {
        self.listed.push(hashes(&self.keys, identity));
        self.licences.extend(licences.iter().flat_map(Licence::names).map(|name| self.keys.hash_one(name)));
        self.suppliers.extend(supplier.map(|name| self.keys.hash_one(name)));
    }
}

/// The hash of a component, and the hash of the component in this version. A
/// version that is not stated is like no other.
///
/// The qualifier `repository_url` belongs to the identity, because the same name from
/// another registry is another component; other qualifiers change with the version.
fn hashes(keys: &RandomState, identity: &Identity<'_, '_>) -> (u64, u64) {
    let name = match identity.purl {
        Some(purl) => {
            let registry = purl.qualifiers().get("repository_url").map(AsRef::as_ref);
            keys.hash_one((purl.ty(), purl.namespace(), purl.name(), registry))
        }
        None => keys.hash_one((identity.component.group.as_deref(), identity.component.name.as_ref())),
    };
    (name, keys.hash_one((name, identity.version)))
}

/// The difference to a baseline, as far as it has been read.
#[derive(Debug)]
pub(super) struct Change {
    before: Record,
    /// Whether the component of the same place in `before.listed` was met; of the
    /// entries of one component only the first is marked.
    met: Vec<bool>,
    new: HashSet<u64>,
    new_versions: HashSet<u64>,
    names: Names,
    licences: Names,
    suppliers: Names,
    pub(super) bounds: Bounds,
}

impl Change {
    pub(super) fn since(mut before: Record) -> Self {
        before.listed.sort_unstable();
        before.listed.dedup();
        before.listed.shrink_to_fit();
        let met = vec![false; before.listed.len()];
        Self {
            before,
            met,
            new: HashSet::new(),
            new_versions: HashSet::new(),
            names: Names::default(),
            licences: Names::default(),
            suppliers: Names::default(),
            bounds: Bounds::LEFT_OUT,
        }
    }

    /// Compares a component, and tells whether it is one that the baseline does not list.
    pub(super) fn note(
        &mut self,
        identity: &Identity<'_, '_>,
        licences: &[Licence],
        supplier: Option<&str>,
        notables: &mut Notables,
    ) -> bool {
        for text in licences.iter().flat_map(Licence::names) {
            if !self.before.licences.contains(&self.before.keys.hash_one(text)) && self.licences.add(text, &self.bounds)
            {
                notables.offer(Weight::Warning, true, 2, || {
                    let first = format!("new licence, first on `{}`", identity.title());
                    notable(Weight::Warning, true, 2, text, &first)
                });
            }
        }
        if let Some(name) = supplier
            && !self.before.suppliers.contains(&self.before.keys.hash_one(name))
            && self.suppliers.add(name, &self.bounds)
        {
            notables.offer(Weight::Note, true, 3, || {
                let first = format!("new supplier, first of `{}`", identity.title());
                notable(Weight::Note, true, 3, name, &first)
            });
        }
        self.note_identity(identity, licences, supplier, notables)
    }

    fn note_identity(
        &mut self,
        identity: &Identity<'_, '_>,
        licences: &[Licence],
        supplier: Option<&str>,
        notables: &mut Notables,
    ) -> bool {
        let (name, version) = hashes(&self.before.keys, identity);
        let first = self.before.listed.partition_point(|(known, _)| *known < name);
        let mut same = self.before.listed.iter().skip(first).take_while(|(known, _)| *known == name).peekable();
        if same.peek().is_some() {
            if !same.any(|(_, known)| *known == version) {
                self.new_versions.insert(version);
            }
            if let Some(met) = self.met.get_mut(first) {
                *met = true;
            }
            return false;
        }
        if self.new.insert(name) {
            self.names.add(&identity.title(), &self.bounds);
            notables.offer(Weight::Note, true, 2, || {
                let mut message = String::from("new component");
                for (what, text) in [
                    ("version", identity.version.map(str::to_owned)),
                    ("licence", (!licences.is_empty()).then(|| stated(licences))),
                    ("supplier", supplier.map(str::to_owned)),
                ] {
                    message.push_str(
                        &text.map_or_else(|| format!(", no {what} stated"), |text| format!(", {what} {text}")),
                    );
                }
                notable(Weight::Note, true, 2, &identity.title(), &message)
            });
        }
        true
    }

    pub(super) fn state(&self, measures: &mut Measures) {
        measures.count("sbom.new.components", self.new.len() as u64);
        measures.count("sbom.new.versions", self.new_versions.len() as u64);
        measures.count("sbom.removed.components", self.removed());
        self.names.state(measures, "sbom.new.names");
        self.licences.state(measures, "sbom.new.licences");
        self.suppliers.state(measures, "sbom.new.suppliers");
    }

    /// The components of the baseline that were never met.
    fn removed(&self) -> u64 {
        let mut last = None;
        let mut removed = 0;
        for ((name, _), met) in self.before.listed.iter().zip(&self.met) {
            if last != Some(*name) {
                removed += u64::from(!met);
                last = Some(*name);
            }
        }
        removed
    }
}

/// The licences as the component states them.
fn stated(licences: &[Licence]) -> String {
    licences.iter().map(|licence| licence.text.as_str()).collect::<Vec<_>>().join(", ")
}
