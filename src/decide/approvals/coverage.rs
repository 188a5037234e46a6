//! What an approval has to cover: every change, and every component that goes without one.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::decide::scene::Scene;
use crate::decide::words;
use crate::model::facts::{Act, Change, Fact, Landing, Via};
use crate::policy::rules::Component;

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(SmallVec<[u64; 2]>);

impl Bits {
    /// Adds a number.
    pub fn set(&mut self, at: usize) {
        let word = at / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (at % 64);
        }
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|bits| bits & (1 << (at % 64)) != 0)
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits |= more;
        }
    }

    /// Whether all of another is in it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        other.0.iter().enumerate().all(|(at, bits)| bits & !self.0.get(at).copied().unwrap_or(0) == 0)
    }

    /// Whether it has a number in common with another.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(bits, more)| bits & more != 0)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    /// Every number, the least first.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0
            .iter()
            .enumerate()
            .flat_map(|(word, bits)| (0..64).filter(move |at| bits & (1 << at) != 0).map(move |at| word * 64 + at))
    }
}

/// What goes, piece by piece.
#[derive(Debug)]
pub struct Units<'s> {
    /// The changes.
    pub changes: &'s [Change],
    /// What goes without a change, by name, with its content where that is known.
    pub bare: Vec<(&'s str, Option<&'s str>)>,
    /// The places of the changes by name, so that an act is only asked about those that it names.
    places: HashMap<&'s str, Vec<usize>>,
}

impl<'s> Units<'s> {
    /// What goes. Where that cannot be told, one piece that nothing covers.
    #[must_use]
    pub fn new(scene: &Scene<'s>) -> Self {
        let Some(changes) = scene.changes() else {
            return Self { changes: &[], bare: vec![("what changes", None)], places: HashMap::new() };
        };
        let content = |name: &str| match scene.facts.release.components.get(name).map(|released| &released.content) {
            Some(Fact::Known(content)) => Some(content.as_str()),
            Some(Fact::Absent | Fact::Unavailable(_)) | None => None,
        };
        let mut bare: Vec<(&str, Option<&str>)> = scene
            .components
            .iter()
            .filter(|component| !(0..changes.len()).any(|at| scene.touches(at, component)))
            .map(|component| (component.name.as_str(), content(&component.name)))
            .collect();
        if changes.is_empty() && scene.components.is_empty() {
            bare.extend(scene.facts.release.components.keys().map(|name| (name.as_str(), content(name))));
            if bare.is_empty() {
                bare.push(("the release", None));
            }
        }
        let mut places: HashMap<&str, Vec<usize>> = HashMap::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            places.entry(&change.id).or_default().push(at);
        }
        Self { changes, bare, places }
    }

    /// How many pieces there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len() + self.bare.len()
    }

    /// Whether there is none, which [`Self::new`] never makes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces that some components are made of: what touches them, and what touches none. All where none is named.
    #[must_use]
    pub fn scope(&self, scene: &Scene<'_>, components: &[&Component]) -> Bits {
        let mut bits = Bits::default();
        for at in 0..self.changes.len() {
            let touches = components.iter().any(|component| scene.touches(at, component));
            if touches || components.is_empty() || scene.touches_none(at) {
                bits.set(at);
            }
        }
        for (at, (name, _)) in self.bare.iter().enumerate() {
            if components.is_empty() || components.iter().any(|component| component.name == *name) {
                bits.set(self.changes.len() + at);
            }
        }
        if bits.is_empty() {
            (0..self.len()).for_each(|at| bits.set(at));
        }
        bits
    }

    /// The pieces that an act covers.
    #[must_use]
    pub fn covered(&self, act: &Act) -> Bits {
        let mut bits = Bits::default();
        for (id, content) in &act.saw.changes {
            for at in self.places.get(id.as_str()).into_iter().flatten() {
                let same = |change: &&Change| change.content == *content;
                let carried = |change: &Change| act.via != Via::Review || carries(change);
                if self.changes.get(*at).filter(same).is_some_and(carried) {
                    bits.set(*at);
                }
            }
        }
        for (at, (name, content)) in self.bare.iter().enumerate() {
            let same = content.is_some_and(|content| act.saw.components.get(*name).is_some_and(|seen| seen == content));
            if same && !content.is_none_or(str::is_empty) {
                bits.set(self.changes.len() + at);
            }
        }
        bits
    }

    /// A piece by name, for a sentence.
    #[must_use]
    pub fn name(&self, at: usize) -> &'s str {
        match self.changes.get(at) {
            Some(change) => &change.id,
            None => self.bare.get(at - self.changes.len()).map_or("", |(name, _)| name),
        }
    }
}

/// Whether a review of a change holds for what landed: it is what was reviewed, or what merging that makes by itself.
#[must_use]
pub fn carries(change: &Change) -> bool {
    match &change.landed {
        Fact::Known(landing) => same_tree(landing),
        Fact::Absent => true,
        Fact::Unavailable(_) => false,
    }
}

/// What is said of a change whose reviews do not hold for what landed.
#[must_use]
pub fn mismatch(change: &Change) -> String {
    let differs = match &change.landed {
        Fact::Known(landing) if !landing.differs.is_empty() => {
            format!("; they differ in {}", words::all_of(&landing.differs))
        }
        _ => String::new(),
    };
    format!("what landed of {} is neither what was reviewed nor its clean merge{differs}", change.id)
}

fn same_tree(landing: &Landing) -> bool {
    let is = |tree: &Fact<String>| match tree {
        Fact::Known(tree) => *tree == landing.tree && !tree.is_empty(),
        Fact::Absent | Fact::Unavailable(_) => false,
    };
    is(&landing.reviewed) || is(&landing.clean_merge)
}
