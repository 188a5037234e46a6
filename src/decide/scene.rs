//! What every part of a decision looks at: the policy, the facts, the clock, and what was worked out of them once.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::clock::Clock;
use super::people::{People, Person};
use super::roles::{self, Membership};
use super::separation::{self, Contributors};
use super::totals::Totals;
use crate::model::facts::{Act, Change, Deed, Fact, Facts, Release, Standing};
use crate::policy::Policy;
use crate::policy::length::Length;
use crate::policy::rules::{Asked, Component, EnvironmentRule, Role, Rules};

/// One decision's view of the world.
#[derive(Debug)]
pub struct Scene<'s> {
    /// The policy.
    pub policy: &'s Policy,
    /// What it says beyond gates.
    pub rules: &'s Rules,
    /// What is known.
    pub facts: &'s Facts,
    /// The instant.
    pub clock: Clock,
    /// The environment, where the policy has one of exactly that name.
    pub environment: Option<&'s EnvironmentRule>,
    /// The components that go, in the order of the policy: those that the facts state, and those whose files change.
    pub components: Vec<&'s Component>,
    /// Components that the facts state and the policy does not have.
    pub unknown_components: Vec<&'s str>,
    /// Who is who.
    pub people: People<'s>,
    /// Who contributed.
    pub contributors: Contributors<'s>,
    /// What was done so far, the earliest first, and by whom.
    acts: Vec<(&'s Act, Person)>,
    /// What a clock that goes ahead dated later than now, of what speaks against the release.
    ahead: Vec<(&'s Act, Person)>,
    /// What was taken back, and by whom.
    withdrawn: HashSet<(&'s str, Person)>,
    /// For every change, what it touches.
    touched: Vec<Touched<'s>>,
    members: Vec<OnceCell<Membership<'s>>>,
    /// What was counted already.
    pub(super) totals: Totals<'s>,
}

impl<'s> Scene<'s> {
    /// Looks at the world at an instant.
    #[must_use]
    pub fn new(policy: &'s Policy, facts: &'s Facts, now: DateTime<Utc>) -> Self {
        let rules = &policy.rules;
        let clock = Clock::at(now);
        let people = People::new(rules, facts);
        let contributors = Contributors::new(&people, &rules.separation, facts);
        let mut acts: Vec<(&Act, Person)> = facts.acts.entries().iter().map(|act| (act, people.of(&act.by))).collect();
        acts.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
        // It was done, whatever its clock says: what opens waits for its instant, what speaks against it does not.
        // Whether the instant of what is taken back matters is seen where it is looked at what that was.
        let done = |act: &Act| match act.does {
            Deed::Withdraw { .. } => act.at <= now,
            _ => clock.reached(act.at),
        };
        let (acts, mut ahead): (Vec<_>, Vec<_>) = acts.into_iter().partition(|(act, _)| done(act));
        ahead.retain(|(act, _)| matches!(act.does, Deed::Reject {} | Deed::Withdraw { .. }));
        let (components, touched) = components(rules, facts);
        let known = |name: &&String| !rules.components.iter().any(|component| component.name == **name);
        let mut scene = Self {
            policy,
            rules,
            facts,
            clock,
            environment: rules.environments.iter().find(|rule| rule.name == facts.release.environment),
            components,
            unknown_components: facts.release.components.keys().filter(known).map(String::as_str).collect(),
            people,
            contributors,
            acts,
            ahead,
            withdrawn: HashSet::new(),
            touched,
            members: rules.roles.iter().map(|_| OnceCell::new()).collect(),
            totals: Totals::default(),
        };
        scene.withdrawn = withdrawals(&scene);
        if scene.acts.iter().any(|(act, _)| matches!(act.does, Deed::Clear { .. })) {
            let cleared = separation::cleared(&scene);
            scene.contributors.clear(cleared);
        }
        scene
    }

    /// What was done so far, the earliest first. Where the acts could not be read there are none here, and the decision
    /// holds for that.
    pub fn acts(&self) -> impl Iterator<Item = &'s Act> {
        self.acts.iter().map(|(act, _)| *act)
    }

    /// The same with who did it, whether it counts or not.
    pub(super) fn acts_by(&self) -> impl Iterator<Item = (&'s Act, Person)> {
        self.acts.iter().copied()
    }

    /// The same, and after it the rejections and withdrawals that are dated later than now: for what tightens alone.
    pub(super) fn against_by(&self) -> impl Iterator<Item = (&'s Act, Person)> {
        self.acts.iter().chain(&self.ahead).copied()
    }

    /// Who did something.
    #[must_use]
    pub fn person_of(&self, act: &Act) -> Person {
        self.people.of_seen(&act.by).unwrap_or_else(Person::nobody)
    }

    /// Whether a person took an act back.
    pub(super) fn withdrawn(&self, act: &Act, person: Person) -> bool {
        self.withdrawn.contains(&(act.id.as_str(), person))
    }

    /// A role, and who holds it.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<(&'s Role, &Membership<'s>)> {
        let at = self.rules.roles.iter().position(|role| role.name == name)?;
        let role = self.rules.roles.get(at)?;
        let membership = self.members.get(at)?.get_or_init(|| Membership::new(self, role));
        Some((role, membership))
    }

    /// The changes; none where nothing changed, `None` where they could not be read.
    #[must_use]
    pub fn changes(&self) -> Option<&'s [Change]> {
        match &self.facts.release.changes {
            Fact::Known(changes) => Some(changes),
            Fact::Absent => Some(&[]),
            Fact::Unavailable(_) => None,
        }
    }

    /// When a length of time ends that begins at `from`, in business hours; worked out once, however many ask.
    pub(super) fn due(&self, from: DateTime<Utc>, length: Length) -> DateTime<Utc> {
        let mut known = self.totals.due.borrow_mut();
        *known.entry((from, length)).or_insert_with(|| self.rules.calendar.due(from, length))
    }

    /// What was done to confirm that the release fixes an incident. All acts are looked at once.
    pub(super) fn confirming(&self, incident: &str) -> &[&'s Act] {
        let named = |deed: &'s Deed| match deed {
            Deed::ConfirmFix { incident } => Some(incident.as_str()),
            _ => None,
        };
        self.totals.confirming.get_or_init(|| self.acts_on(named)).get(incident).map_or(&[], Vec::as_slice)
    }

    /// What was done to meet an obligation. All acts are looked at once.
    pub(super) fn completing(&self, obligation: &str) -> &[&'s Act] {
        let named = |deed: &'s Deed| match deed {
            Deed::Complete { obligation, .. } => Some(obligation.as_str()),
            _ => None,
        };
        self.totals.completing.get_or_init(|| self.acts_on(named)).get(obligation).map_or(&[], Vec::as_slice)
    }

    fn acts_on(&self, named: impl Fn(&'s Deed) -> Option<&'s str>) -> HashMap<&'s str, Vec<&'s Act>> {
        let mut found: HashMap<&str, Vec<&Act>> = HashMap::new();
        for act in self.acts() {
            if let Some(name) = named(&act.does) {
                found.entry(name).or_default().push(act);
            }
        }
        found
    }

    /// What each change is now, by its name; `None` where that could not be read.
    pub(super) fn contents(&self) -> Option<&HashMap<&'s str, &'s str>> {
        let contents = || {
            let changes = self.changes()?.iter();
            Some(changes.map(|change| (change.id.as_str(), change.content.as_str())).collect())
        };
        self.totals.contents.get_or_init(contents).as_ref()
    }

    /// Whether a change touches a component; one whose files are not known touches all.
    #[must_use]
    pub fn touches(&self, change: usize, component: &Component) -> bool {
        let Some(at) = self.rules.components.iter().position(|known| std::ptr::eq(known, component)) else {
            return false;
        };
        self.touched.get(change).and_then(|touched| touched.components.get(at)).copied().unwrap_or(true)
    }

    /// Whether a component of the policy goes for certain. Files that are not known are no proof that it does.
    #[must_use]
    pub fn surely_goes(&self, name: &str) -> bool {
        let Some(component) = self.rules.components.iter().find(|component| component.name == name) else {
            return false;
        };
        let release = &self.facts.release;
        let touched = |change: &Change| change.files.entries().iter().any(|file| component.paths.matches(file));
        release.components.contains_key(name)
            || component.may_be_in(&release.forge, &release.repository) && release.changes.entries().iter().any(touched)
    }

    /// Whether a change whose files are known touches a component.
    #[must_use]
    pub fn surely_touched(&self, component: &Component) -> bool {
        let changes = self.changes().unwrap_or_default();
        changes.iter().enumerate().any(|(at, change)| change.known_files().is_some() && self.touches(at, component))
    }

    /// Whether a change touches no component at all.
    #[must_use]
    pub fn touches_none(&self, change: usize) -> bool {
        self.touched.get(change).is_some_and(|touched| !touched.components.contains(&true))
    }

    /// A file of a change that belongs to no component of the policy, or may: a change whose files are not known.
    #[must_use]
    pub fn astray(&self, change: usize) -> Option<&'s str> {
        self.touched.get(change).and_then(|touched| touched.astray)
    }

    /// Whether something of a release of components belongs to none, or may.
    #[must_use]
    pub fn goes_astray(&self) -> bool {
        !self.components.is_empty() && self.touched.iter().any(|touched| touched.astray.is_some())
    }
}

/// The order of acts: by instant, and of what happens at one, what takes away comes last.
pub(super) fn order(act: &Act) -> (DateTime<Utc>, u8, &str) {
    let weight = match act.does {
        Deed::Reject {} => 1,
        Deed::Withdraw { .. } => 2,
        _ => 0,
    };
    (act.at, weight, &act.id)
}

/// What was taken back, and by whom. Taking an approval back needs nothing but the person, or perhaps him; a rejection is only taken
/// back by an act that would count itself, so that nobody else can lift it, and not before its instant.
fn withdrawals<'s>(scene: &Scene<'s>) -> HashSet<(&'s str, Person)> {
    let mut found = HashSet::new();
    let taking_back = || scene.against_by().filter(|(act, _)| matches!(act.does, Deed::Withdraw { .. }));
    if taking_back().next().is_none() {
        return found;
    }
    // What each of a person's acts is called, of several the earliest: looked up, however much is taken back.
    let mut named: HashMap<(&str, Person), &Act> = HashMap::new();
    for (act, person) in scene.acts_by() {
        named.entry((&act.id, person)).or_insert(act);
    }
    for (act, person) in taking_back() {
        let Deed::Withdraw { of } = &act.does else { continue };
        let Some(target) = named.get(&(of.as_str(), person)).filter(|target| target.at <= act.at) else { continue };
        let counts = match target.does {
            Deed::Reject {} => {
                let sound = act.standing == Standing::Stands && roles::was_human(scene, act);
                sound && scene.clock.reached(act.at)
            }
            _ => true,
        };
        if counts && act.may_be_own() {
            found.insert((of.as_str(), person));
        }
    }
    found
}

/// What a change touches.
#[derive(Debug)]
struct Touched<'s> {
    /// Which of the policy's components; all where its files are not known.
    components: Vec<bool>,
    /// A file of it that belongs to none, or its own name where its files are not known.
    astray: Option<&'s str>,
}

impl<'s> Touched<'s> {
    fn by(change: &'s Change, rules: &Rules, release: &Release) -> Self {
        // What is another repository's is touched by no file of this one.
        let here = |component: &Component| component.may_be_in(&release.forge, &release.repository);
        let Some(files) = change.known_files() else {
            return Self { components: rules.components.iter().map(here).collect(), astray: Some(&change.id) };
        };
        let mut touched = Self { components: vec![false; rules.components.len()], astray: None };
        for file in files {
            let path = Asked::about(file);
            let mut owned = false;
            for (component, touched) in rules.components.iter().zip(&mut touched.components) {
                // Whether it is in one that is touched anyway matters only while it is in none.
                if !(owned && *touched) && component.paths.mean(&path) && here(component) {
                    (owned, *touched) = (true, true);
                }
            }
            if !owned && touched.astray.is_none() {
                touched.astray = Some(file);
            }
        }
        touched
    }
}

/// The components that go, and what every change touches.
fn components<'s>(rules: &'s Rules, facts: &'s Facts) -> (Vec<&'s Component>, Vec<Touched<'s>>) {
    let mut touched = Vec::new();
    let mut all = false;
    match &facts.release.changes {
        Fact::Known(changes) => {
            touched.extend(changes.iter().map(|change| Touched::by(change, rules, &facts.release)));
        }
        Fact::Absent => {}
        Fact::Unavailable(_) => all = true,
    }
    let goes = |at: usize, component: &Component| {
        let here = component.may_be_in(&facts.release.forge, &facts.release.repository);
        all && here
            || facts.release.components.contains_key(&component.name)
            || touched.iter().any(|touched| touched.components.get(at).copied().unwrap_or(true))
    };
    let components =
        rules.components.iter().enumerate().filter(|(at, component)| goes(*at, component)).map(|(_, it)| it).collect();
    (components, touched)
}
