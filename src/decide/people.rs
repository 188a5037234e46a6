//! Which accounts are the same person.
//!
//! A person of the policy's `people` is one with any number of accounts. An account that a verified identity of the
//! directory links to a name is that person's too, and where it stands under another person of the policy, both are
//! one: joining people only ever takes approvals away. Every other account is a person of its own.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::model::facts::people::folded;
use crate::model::facts::{Account, AccountFacts, AccountKind, Fact, Facts};
use crate::policy::rules::Rules;

/// One person, whatever his accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person(u32);

impl Person {
    /// Somebody of whom nothing is known, and who is nobody else.
    pub(super) fn nobody() -> Self {
        Self(u32::MAX)
    }
}

/// What one person is known by.
#[derive(Debug)]
struct Entry<'s> {
    name: &'s str,
    /// The accounts of this person that the policy or the facts name.
    accounts: Vec<Cow<'s, str>>,
    /// The absences that the policy declares.
    away: Vec<&'s [(DateTime<Utc>, DateTime<Utc>)]>,
    /// Whether the policy or the directory names him.
    linked: bool,
}

/// Every person that the policy and the facts speak of.
#[derive(Debug)]
pub struct People<'s> {
    facts: &'s Facts,
    /// Who stands in the policy's `people`, by name.
    named: HashMap<&'s str, Person>,
    /// Whose an account is. Accounts that nothing links are added when they are first asked for.
    accounts: RefCell<HashMap<Cow<'s, str>, Person>>,
    entries: RefCell<Vec<Entry<'s>>>,
}

/// Whether a person could act at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Able {
    /// One of the accounts is a human being's, and active.
    Yes,
    /// None is.
    No,
    /// What is known does not tell.
    Unknown,
}

/// Joins numbers into classes, each known by its least.
struct Classes(Vec<u32>);

impl Classes {
    fn root(&self, mut at: u32) -> u32 {
        while let Some(&up) = self.0.get(at as usize) {
            if up == at {
                break;
            }
            at = up;
        }
        at
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(up) = self.0.get_mut(a.max(b) as usize) {
            *up = a.min(b);
        }
    }

    fn add(&mut self) -> u32 {
        let new = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(new);
        new
    }
}

impl<'s> People<'s> {
    /// Joins the accounts of a policy and of the facts.
    #[must_use]
    pub fn new(rules: &'s Rules, facts: &'s Facts) -> Self {
        let mut classes = Classes(Vec::with_capacity(rules.people.len() + facts.accounts.len()));
        // Who has each name, and whose each account is, are numbers of classes first.
        let mut names: HashMap<&'s str, Person> = HashMap::with_capacity(rules.people.len());
        // Whose each account is. With room for most of those that nothing links.
        let mut accounts: HashMap<Cow<'s, str>, Person> =
            HashMap::with_capacity(rules.people.len() * 2 + facts.accounts.len());
        for person in &rules.people {
            let new = classes.add();
            let Person(at) = *names.entry(&person.name).or_insert(Person(new));
            classes.join(at, new);
            for account in &person.accounts {
                let owner = *accounts.entry(folded(account)).or_insert(Person(at));
                classes.join(owner.0, at);
            }
        }
        let declared = classes.0.len();
        let mut directory: Vec<&'s str> = Vec::new();
        for (account, known) in &facts.accounts {
            match &known.person {
                Fact::Known(name) if !name.trim().is_empty() => {
                    let Person(at) = *names.entry(name).or_insert_with(|| {
                        directory.push(name);
                        Person(classes.add())
                    });
                    let owner = *accounts.entry(Cow::Borrowed(account.as_str())).or_insert(Person(at));
                    classes.join(owner.0, at);
                }
                // Nobody links it, or it cannot be told who does; the second is judged where it matters.
                Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => {}
            }
        }
        // Numbers become people: one for each class, the declared ones first.
        let mut numbers: Vec<Option<Person>> = vec![None; classes.0.len()];
        let mut entries: Vec<Entry<'s>> = Vec::with_capacity(accounts.len() + 8);
        let labels = rules.people.iter().map(|person| person.name.as_str()).chain(directory);
        for (at, name) in labels.enumerate() {
            let root = classes.root(u32::try_from(at).unwrap_or(u32::MAX)) as usize;
            let known = numbers.get(root).copied().flatten();
            let person = known.unwrap_or_else(|| {
                entries.push(Entry { name, accounts: Vec::new(), away: Vec::new(), linked: true });
                Person(u32::try_from(entries.len() - 1).unwrap_or(u32::MAX))
            });
            for place in [root, at] {
                if let Some(slot) = numbers.get_mut(place) {
                    *slot = Some(person);
                }
            }
            if at < declared
                && let (Some(entry), Some(stated)) = (entries.get_mut(person.0 as usize), rules.people.get(at))
            {
                entry.away.push(&stated.away);
            }
        }
        let person_of = |at: u32| numbers.get(at as usize).copied().flatten();
        names.retain(|_, at| match person_of(at.0) {
            Some(person) if (at.0 as usize) < declared => {
                *at = person;
                true
            }
            _ => false,
        });
        accounts.retain(|account, owner| {
            let Some(person) = person_of(owner.0) else { return false };
            if let Some(entry) = entries.get_mut(person.0 as usize) {
                entry.accounts.push(account.clone());
            }
            *owner = person;
            true
        });
        for entry in &mut entries {
            entry.accounts.sort_unstable();
        }
        Self { facts, named: names, accounts: RefCell::new(accounts), entries: RefCell::new(entries) }
    }

    /// Whose an account is.
    pub fn of(&self, account: &'s Account) -> Person {
        self.find(Cow::Borrowed(account.as_str()), account.login())
    }

    /// Whose an account is, if anything before spoke of it.
    #[must_use]
    pub fn of_seen(&self, account: &Account) -> Option<Person> {
        self.accounts.borrow().get(account.as_str()).copied()
    }

    /// The person that the policy means by a name: one of its `people`, or else the account of that login on a forge.
    pub fn meant(&self, name: &'s str, forge: &str) -> Person {
        match self.named.get(name) {
            Some(person) => *person,
            None => self.find(Cow::Owned(folded(&format!("{forge}:{name}")).into_owned()), name),
        }
    }

    /// Whose an account is that the policy writes as `github:dana-h`.
    pub fn written(&self, account: &'s str) -> Person {
        self.find(folded(account), account.split_once(':').map_or(account, |(_, login)| login))
    }

    fn find(&self, account: Cow<'s, str>, name: &'s str) -> Person {
        *self.accounts.borrow_mut().entry(account).or_insert_with_key(|account| {
            let mut entries = self.entries.borrow_mut();
            let person = Person(u32::try_from(entries.len()).unwrap_or(u32::MAX));
            entries.push(Entry { name, accounts: vec![account.clone()], away: Vec::new(), linked: false });
            person
        })
    }

    /// What a person is called: by the policy, by the directory, or else by his login.
    #[must_use]
    pub fn name(&self, person: Person) -> &'s str {
        self.entries.borrow().get(person.0 as usize).map_or("somebody", |entry| entry.name)
    }

    /// Which of two people is named first: by name, and of one name by his accounts, so that nothing hangs on who was met
    /// first.
    #[must_use]
    pub fn in_order(&self, one: Person, other: Person) -> Ordering {
        let entries = self.entries.borrow();
        let entry = |person: Person| entries.get(person.0 as usize);
        let name = |person| entry(person).map(|it| it.name);
        let accounts = |person| entry(person).map(|it| &it.accounts);
        name(one).cmp(&name(other)).then_with(|| accounts(one).cmp(&accounts(other)))
    }

    /// What the person behind an account is called.
    #[must_use]
    pub fn shown<'a>(&self, account: &'a Account) -> &'a str
    where
        's: 'a,
    {
        self.of_seen(account).map_or(account.login(), |person| self.name(person))
    }

    /// Whether the policy or the directory names a person.
    #[must_use]
    pub fn linked(&self, person: Person) -> bool {
        self.entries.borrow().get(person.0 as usize).is_some_and(|entry| entry.linked)
    }

    /// Whether the policy declares that a person is away, by intervals of which the end is outside.
    pub fn away(&self, person: Person, mut now: impl FnMut(DateTime<Utc>, DateTime<Utc>) -> bool) -> bool {
        let entries = self.entries.borrow();
        let Some(entry) = entries.get(person.0 as usize) else { return false };
        // Each is asked, so that the clock knows of all.
        entry.away.iter().flat_map(|away| away.iter()).fold(false, |found, (from, until)| now(*from, *until) || found)
    }

    /// What is known of an account; `None` where the facts do not speak of it.
    #[must_use]
    pub fn facts(&self, account: &str) -> Option<&'s AccountFacts> {
        self.facts.accounts.get(account)
    }

    /// Whether a person could act at all, by any of his accounts.
    #[must_use]
    pub fn able(&self, person: Person) -> Able {
        let entries = self.entries.borrow();
        let Some(entry) = entries.get(person.0 as usize) else { return Able::Unknown };
        let mut all = Able::No;
        for account in &entry.accounts {
            let Some(known) = self.facts(account) else {
                all = Able::Unknown;
                continue;
            };
            let human = match known.kind {
                Fact::Known(AccountKind::Person) => Able::Yes,
                Fact::Known(AccountKind::Bot | AccountKind::App | AccountKind::Pipeline | AccountKind::Forge) => {
                    Able::No
                }
                Fact::Absent | Fact::Unavailable(_) => Able::Unknown,
            };
            let active = match known.active {
                Fact::Known(true) => Able::Yes,
                Fact::Known(false) => Able::No,
                Fact::Absent | Fact::Unavailable(_) => Able::Unknown,
            };
            match (human, active) {
                (Able::Yes, Able::Yes) => return Able::Yes,
                (Able::No, _) | (_, Able::No) => {}
                _ => all = Able::Unknown,
            }
        }
        all
    }

    /// Whether it cannot be told if an account is somebody else's too: the directory could not be read for it, and the
    /// policy does not name it. Such an account opens nothing, for it may be the author's second one.
    #[must_use]
    pub fn link_unknown(&self, account: &Account) -> bool {
        self.link_unknown_of(account, self.facts(account.as_str()))
    }

    /// The same of an account of which this is known.
    pub(super) fn link_unknown_of(&self, account: &Account, known: Option<&AccountFacts>) -> bool {
        match known.map(|known| &known.person) {
            Some(Fact::Known(name)) if !name.trim().is_empty() => false,
            Some(Fact::Absent) => false,
            // A directory that links to no name did not say to whom.
            Some(Fact::Known(_) | Fact::Unavailable(_)) | None => {
                let found = self.accounts.borrow().get(account.as_str()).copied();
                !found.is_some_and(|person| self.linked(person))
            }
        }
    }
}
