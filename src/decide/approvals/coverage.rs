//! What an approval has to cover: every change, what is made of them, and every component that goes without one.

use smallvec::SmallVec;

use crate::decide::bound::{Shown, short};
use crate::decide::scene::Scene;
use crate::decide::words;
use crate::model::facts::{Act, Change, Fact, Landing, Released, Via};
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
    /// What goes without a change, by name, with what of it goes where that is stated.
    pub bare: Vec<(&'s str, Option<&'s Released>)>,
    /// What is made of the changes: what goes of each component that they touch.
    pub made: Vec<Made<'s>>,
    /// The places of the changes by name, so that an act is only asked about those that it names.
    places: Vec<(&'s str, usize)>,
}

/// What goes of a component that changes touch. Of what was made after everybody approved his part, nobody approved
/// anything.
#[derive(Debug)]
pub struct Made<'s> {
    /// The component.
    name: &'s str,
    /// What of it goes, where that is stated.
    released: Option<&'s Released>,
    /// The changes that touch it.
    changes: Bits,
    /// The same for a sentence.
    told: String,
}

impl<'s> Units<'s> {
    /// What goes. Where that cannot be told, one piece that nothing covers; of what goes back the content is known.
    #[must_use]
    pub fn new(scene: &Scene<'s>, recovers: bool) -> Self {
        let changes = match scene.changes() {
            Some(changes) => changes,
            None if recovers => &[],
            None => {
                let bare = vec![("what changes", None)];
                return Self { changes: &[], bare, made: Vec::new(), places: Vec::new() };
            }
        };
        let stated = &scene.facts.release.components;
        let mut bare: Vec<(&str, Option<&Released>)> = scene
            .components
            .iter()
            // Files that are not known are no proof that a change brings it.
            .filter(|component| !scene.surely_touched(component))
            .map(|component| (component.name.as_str(), stated.get(&component.name)))
            .collect();
        if changes.is_empty() && scene.components.is_empty() {
            bare.extend(stated.iter().map(|(name, released)| (name.as_str(), Some(released))));
            if bare.is_empty() {
                bare.push(("the release", None));
            }
        }
        let named = |name: &String| bare.iter().any(|(known, _)| known == name);
        let unstated = scene.components.iter().map(|component| (&component.name, stated.get(&component.name)));
        let unstated = unstated.filter(|(_, released)| released.is_none());
        let all = unstated.chain(stated.iter().map(|(name, released)| (name, Some(released))));
        let rest = all.filter(|(name, released)| !named(name) && released.is_none_or(is_something));
        let made = rest.map(|(name, released)| Made::new(scene, name, released, changes.len()));
        // What is made of no change and known to no policy holds by itself.
        let made = made.filter(|made| !made.changes.is_empty()).collect();
        let mut places: Vec<(&str, usize)> =
            changes.iter().enumerate().map(|(at, change)| (change.id.as_str(), at)).collect();
        places.sort_unstable();
        Self { changes, bare, made, places }
    }

    /// How many pieces there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len() + self.bare.len() + self.made.len()
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
        let named = |name: &str| components.is_empty() || components.iter().any(|component| component.name == name);
        let bare = self.bare.iter().map(|(name, _)| *name);
        for (at, name) in bare.chain(self.made.iter().map(|made| made.name)).enumerate() {
            if named(name) {
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
        let shown = Shown::from(&act.saw);
        let mut bits = Bits::default();
        for (id, content) in &act.saw.changes {
            let named = self.places.partition_point(|(known, _)| *known < id.as_str());
            for (_, at) in self.places.iter().skip(named).take_while(|(known, _)| known == id) {
                let same = |change: &&Change| change.content == *content;
                let carried = |change: &Change| act.via != Via::Review || carries(change);
                if self.changes.get(*at).filter(same).is_some_and(carried) {
                    bits.set(*at);
                }
            }
        }
        for (at, (name, released)) in self.bare.iter().enumerate() {
            let same = released.is_some_and(|released| {
                released.content.known().is_some_and(|content| !content.is_empty())
                    && shown.has_content(name, &released.content)
                    && shown.has_artifacts(&released.artifacts)
            });
            if same {
                bits.set(self.changes.len() + at);
            }
        }
        for (at, made) in self.made.iter().enumerate() {
            // A review is about changes alone, and so about whatever is made of them.
            let shown = || {
                made.released.is_some_and(|released| {
                    shown.has_content(made.name, &released.content) && shown.has_artifacts(&released.artifacts)
                })
            };
            if bits.meets(&made.changes) && (act.via == Via::Review || shown()) {
                bits.set(self.changes.len() + self.bare.len() + at);
            }
        }
        bits
    }

    /// Whether a piece is made of others.
    #[must_use]
    pub fn is_made(&self, at: usize) -> bool {
        at >= self.changes.len() + self.bare.len()
    }

    /// The commits of a piece, where it is a change of which they are known.
    pub fn commits(&self, at: usize) -> impl Iterator<Item = &'s str> {
        let commits = self.changes.get(at).map_or(&[][..], |change| change.commits.entries());
        commits.iter().map(|commit| commit.sha.as_str())
    }

    /// A piece by name, for a sentence.
    #[must_use]
    pub fn name(&self, at: usize) -> &str {
        if let Some(change) = self.changes.get(at) {
            return &change.id;
        }
        let at = at.saturating_sub(self.changes.len());
        if let Some((name, _)) = self.bare.get(at) {
            return name;
        }
        self.made.get(at.saturating_sub(self.bare.len())).map_or("", |made| &made.told)
    }
}

/// Whether something of a component goes, or may.
fn is_something(released: &Released) -> bool {
    let artifacts = match &released.artifacts {
        Fact::Known(artifacts) => !artifacts.is_empty(),
        Fact::Absent => false,
        Fact::Unavailable(_) => true,
    };
    artifacts || !matches!(released.content, Fact::Absent)
}

impl<'s> Made<'s> {
    fn new(scene: &Scene<'s>, name: &'s str, released: Option<&'s Released>, number: usize) -> Self {
        let component = scene.components.iter().find(|component| component.name == name);
        let mut changes = Bits::default();
        (0..number).filter(|at| component.is_none_or(|it| scene.touches(*at, it))).for_each(|at| changes.set(at));
        let told = match released.and_then(|released| released.artifacts.entries().first()) {
            Some(digest) => format!("what goes of {name} (sha256:{})", short(digest)),
            None => format!("what goes of {name}"),
        };
        Self { name, released, changes, told }
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
    let unread = match &change.landed {
        Fact::Known(landing) => landing.reviewed.unavailable().or(landing.clean_merge.unavailable()),
        landed => landed.unavailable(),
    };
    if let Some(why) = unread {
        return format!("whether what landed of {} is what was reviewed could not be read: {why}", change.id);
    }
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
