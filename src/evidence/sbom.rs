//! The tally of bills of materials: what they list, and what changed since the baseline.
//!
//! Every format hands its entries over as [`Component`]s. What is counted is the
//! entries that a document lists, nested ones included, and never the described
//! product itself. A text that says that nothing is known (SPDX's `NOASSERTION`
//! and `NONE`, and the `UNKNOWN` that generators write) states nothing.
//!
//! **Memory.** Without a baseline it does not grow with the number of components:
//! counts, and lists of distinct names up to [`NAMES`] entries and [`NAMES_BYTES`]
//! bytes, beyond which a list is unknown rather than cut, because a cut list would
//! let a forbidden licence hide behind the cut. With a baseline it takes 16 bytes
//! for each component of the baseline and 8 for each distinct licence and supplier
//! (before the slack of a growing table), because only keyed hashes are remembered.

mod change;
mod product;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use smallvec::SmallVec;

use crate::model::bounds::Bounds;
use crate::model::licence::Licence;
use crate::model::measures::{Measure, Measures};
use crate::model::notable::{Notable, Notables, Weight, shortened};
use change::{Change, Record};
pub use product::Products;
pub(super) use product::describe;

/// One component, as a document states it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Component<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// The group, namespace or scope that the name belongs to.
    pub group: Option<Cow<'a, str>>,
    /// Its version. One that only the package URL holds counts as stated.
    pub version: Option<Cow<'a, str>>,
    /// Its package URL.
    pub purl: Option<Cow<'a, str>>,
    /// Who supplies it.
    pub supplier: Option<Cow<'a, str>>,
    /// Identifiers, expressions or names of its licences: those that were concluded and
    /// those that were declared, because whoever forbids a licence means both.
    pub licences: SmallVec<[Cow<'a, str>; 2]>,
}

/// What bills of materials add up to.
#[derive(Debug, Default)]
pub struct SbomTally {
    documents: u64,
    components: u64,
    without_licence: u64,
    without_supplier: u64,
    without_version: u64,
    licences: Names,
    /// Texts of licences whose names were added: nearly every component has one that others have.
    familiar: HashSet<Box<str>>,
    suppliers: Names,
    record: Option<Box<Record>>,
    change: Option<Box<Change>>,
    notables: Notables,
    pub(super) bounds: Bounds,
}

impl SbomTally {
    /// An empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty tally that remembers what a later one will be compared with.
    #[must_use]
    pub fn for_baseline() -> Self {
        Self { record: Some(Box::default()), ..Self::default() }
    }

    /// An empty tally that compares with the last release's, which must have been
    /// begun with [`Self::for_baseline`]. One that read no document says nothing
    /// about the last release, so then every difference stays unknown.
    #[must_use]
    pub fn against(before: Self) -> Self {
        let record = before.record.filter(|_| before.documents > 0);
        Self { change: record.map(|record| Box::new(Change::since(*record))), ..Self::default() }
    }

    /// Keeps and reads as much as the bounds say.
    pub fn within(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        if let Some(change) = &mut self.change {
            change.bounds = bounds;
        }
    }

    /// Counts one component.
    pub fn component(&mut self, component: &Component<'_>) {
        let version = stated(component.version.as_deref());
        // Reading a package URL takes longer than all else, and mostly nobody asks for it.
        let asked = version.is_none() || self.record.is_some() || self.change.is_some();
        let purl = component.purl.as_deref().filter(|_| asked);
        let purl = purl.and_then(|purl| purl.parse::<packageurl::PackageUrl<'_>>().ok());
        let version = version.or_else(|| purl.as_ref().and_then(|purl| stated(purl.version())));
        let supplier = stated(component.supplier.as_deref());
        let texts: SmallVec<[&str; 2]> = component.licences.iter().filter_map(|text| stated(Some(text))).collect();
        let compared = self.record.is_some() || self.change.is_some();
        let mut licences: SmallVec<[Licence; 2]> = SmallVec::new();
        if compared || !texts.iter().all(|text| self.familiar.contains(*text)) {
            licences.extend(texts.iter().copied().map(Licence::read));
            // What was concluded is mostly what was declared.
            licences.dedup_by(|one, other| one.text == other.text);
            for name in licences.iter().flat_map(Licence::names) {
                self.licences.add(name, &self.bounds);
            }
            self.familiarise(&texts);
        }

        self.components += 1;
        self.without_version += u64::from(version.is_none());
        self.without_supplier += u64::from(supplier.is_none());
        self.without_licence += u64::from(texts.is_empty());
        if let Some(name) = supplier {
            self.suppliers.add(name, &self.bounds);
        }

        let identity = Identity { component, purl: purl.as_ref(), version };
        if let Some(record) = &mut self.record {
            record.note(&identity, &licences, supplier);
        }
        let new = match &mut self.change {
            Some(change) => change.note(&identity, &licences, supplier, &mut self.notables),
            None => false,
        };
        if !new {
            self.point_out_gaps(&identity, texts.is_empty(), supplier.is_none());
        }
    }

    /// Notes texts that need not be read again, a few short ones.
    fn familiarise(&mut self, texts: &[&str]) {
        const TEXTS: usize = 128;
        const LENGTH: usize = 128;
        for text in texts {
            if self.familiar.len() < TEXTS && text.len() <= LENGTH {
                self.familiar.insert((*text).into());
            }
        }
    }

    /// Notes that a document was read to its end.
    pub fn document(&mut self) {
        self.documents += 1;
    }

    /// How many components were counted so far.
    #[must_use]
    pub fn components(&self) -> u64 {
        self.components
    }

    /// What the reports measure so far. Nothing is known before a document was read to its end.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let mut measures = Measures::new();
        if self.documents == 0 {
            return measures;
        }
        measures.count("sbom.components", self.components);
        measures.count("sbom.without_licence", self.without_licence);
        measures.count("sbom.without_supplier", self.without_supplier);
        measures.count("sbom.without_version", self.without_version);
        self.licences.state(&mut measures, "sbom.licences");
        self.suppliers.state(&mut measures, "sbom.suppliers");
        if let Some(change) = &self.change {
            change.state(&mut measures);
        }
        measures
    }

    /// What the reports measure, and the entries that a person should see first.
    #[must_use]
    pub fn finish(self) -> (Measures, Notables) {
        (self.measures(), self.notables)
    }

    /// A component that leaves something open is what a person has to mend, the licence first.
    fn point_out_gaps(&mut self, identity: &Identity<'_, '_>, licence: bool, supplier: bool) {
        let version = identity.version.is_none();
        let rank = match (licence, version, supplier) {
            (true, ..) => 3,
            (_, true, _) => 2,
            (_, _, true) => 1,
            _ => return,
        };
        self.notables.offer(Weight::Note, false, rank, || {
            let gaps: Vec<_> = [(licence, "licence"), (version, "version"), (supplier, "supplier")]
                .into_iter()
                .filter_map(|(missing, what)| missing.then_some(what))
                .collect();
            notable(Weight::Note, false, rank, &identity.title(), &format!("states no {}", gaps.join(", no ")))
        });
    }
}

impl Component<'_> {
    /// A copy that outlives the document.
    #[must_use]
    pub fn into_owned(self) -> Component<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Component {
            name: own(self.name),
            group: self.group.map(own),
            version: self.version.map(own),
            purl: self.purl.map(own),
            supplier: self.supplier.map(own),
            licences: self.licences.into_iter().map(own).collect(),
        }
    }
}

/// What tells a component from others: its package URL without version where it
/// has one that can be parsed, otherwise its group and name.
struct Identity<'c, 'a> {
    component: &'c Component<'a>,
    purl: Option<&'c packageurl::PackageUrl<'c>>,
    version: Option<&'c str>,
}

impl Identity<'_, '_> {
    /// The name that people know the component by.
    fn title(&self) -> String {
        match stated(self.component.group.as_deref()) {
            Some(group) => format!("{group}/{}", self.component.name),
            None => self.component.name.clone().into_owned(),
        }
    }
}

/// A text that says something: not empty, and not one of the words for "nothing is known".
fn stated(text: Option<&str>) -> Option<&str> {
    let text = text?.trim();
    let silent = ["", "NOASSERTION", "NONE", "UNKNOWN"].iter().any(|word| text.eq_ignore_ascii_case(word));
    (!silent).then_some(text)
}

fn notable(weight: Weight, new: bool, rank: u32, title: &str, message: &str) -> Notable {
    Notable {
        weight,
        new,
        rank,
        title: shortened(title, Notables::TEXT),
        message: shortened(message, Notables::TEXT),
        path: None,
        line: None,
    }
}

/// Distinct names, as long as there is room for all of them.
#[derive(Debug)]
struct Names {
    known: Option<BTreeSet<String>>,
    bytes: usize,
}

impl Default for Names {
    fn default() -> Self {
        Self { known: Some(BTreeSet::new()), bytes: 0 }
    }
}

impl Names {
    /// Adds a name, and tells whether it is the first time.
    fn add(&mut self, name: &str, bounds: &Bounds) -> bool {
        let Some(known) = &mut self.known else { return false };
        if known.contains(name) {
            return false;
        }
        self.bytes += name.len();
        if known.len() >= bounds.names || self.bytes > bounds.bytes_of_names() {
            self.known = None;
            return false;
        }
        known.insert(name.to_owned())
    }

    fn state(&self, measures: &mut Measures, name: &'static str) {
        if let Some(known) = &self.known {
            measures.state(name, Measure::Names(known.iter().cloned().collect()));
        }
    }
}
