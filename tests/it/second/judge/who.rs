//! Who is who, who contributed, who holds which role, and whose acts stand.

use std::collections::BTreeSet;

use countersign::model::facts::{Account, AccountKind, Act, Change, Deed, Fact, Facts, Joined, Merge, Standing};

use super::needs::Need;
use crate::second::shape::{Member, Shape};
use crate::second::times;
use crate::second::worlds::ACCOUNTS;

/// One person: the place of the first of his accounts.
pub type Person = usize;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hand {
    Author,
    Committer,
    CoAuthor,
    Pusher,
    Trigger,
}

#[derive(Clone, Debug)]
pub struct Contribution {
    pub person: Person,
    pub hand: Hand,
    pub commit: String,
    /// The change, by its place.
    pub change: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seat {
    Fair,
    /// How he came by it is not known.
    Doubtful,
    /// He put himself there before: good for speaking against a release, and for nothing else.
    OfHisOwn,
    /// He put himself there while the release was under way.
    ByHimself,
}

/// A world with everything about people worked out.
pub struct View<'w> {
    pub shape: &'w Shape,
    pub facts: &'w Facts,
    pub now: i64,
    /// For each account, the person.
    persons: Vec<Person>,
    pub contributions: Vec<Contribution>,
    /// Commits of which a part belongs to nobody, with nobody to answer for them.
    pub unattributed: bool,
    /// Whether anything else about who contributed could not be read.
    pub unread: bool,
    /// Whether changes or commits could not be read, or parts of them.
    pub unread_commits: bool,
    /// The acts that are there by now, in the order in which they count.
    pub acts: Vec<&'w Act>,
    /// The acts that are there by now, and with them every rejection and everything taken back that bears a later time.
    pub with_ahead: Vec<&'w Act>,
}

impl<'w> View<'w> {
    pub fn new(shape: &'w Shape, facts: &'w Facts, now: i64) -> Self {
        let mut acts: Vec<&Act> = facts.acts.entries().iter().filter(|act| act.at.timestamp() <= now).collect();
        acts.sort_by_key(|act| order(act));
        let speaks = |act: &&Act| matches!(act.does, Deed::Reject {} | Deed::Withdraw { .. });
        let mut with_ahead: Vec<&Act> =
            facts.acts.entries().iter().filter(|act| act.at.timestamp() <= now || speaks(act)).collect();
        with_ahead.sort_by_key(|act| order(act));
        let mut view = Self {
            shape,
            facts,
            now,
            persons: persons(shape, facts),
            contributions: Vec::new(),
            unattributed: false,
            unread: false,
            unread_commits: false,
            acts,
            with_ahead,
        };
        view.contributed();
        view
    }

    pub fn changes(&self) -> &'w [Change] {
        self.facts.release.changes.entries()
    }

    pub fn person(&self, account: &Account) -> Person {
        ACCOUNTS.iter().position(|known| *known == account.as_str()).map_or(99, |at| self.persons[at])
    }

    /// All accounts of a person.
    pub fn accounts(&self, person: Person) -> Vec<&'static str> {
        ACCOUNTS.iter().zip(&self.persons).filter(|(_, owner)| **owner == person).map(|(name, _)| *name).collect()
    }

    fn named(&self, account: &str) -> bool {
        self.shape.people.iter().any(|(_, accounts)| accounts.contains(&account))
    }

    /// Whether `people` or the directory names a person.
    fn linked(&self, person: Person) -> bool {
        self.accounts(person).iter().any(|account| {
            let known = self.facts.accounts.get(*account);
            self.named(account) || known.is_some_and(|known| known.person.known().is_some())
        })
    }

    /// Whether an account may be anybody's.
    pub fn link_unknown(&self, account: &str) -> bool {
        let unread = self.facts.accounts.get(account).is_none_or(|known| known.person.unavailable().is_some());
        unread && !self.named(account)
    }

    pub fn human(&self, account: &Account) -> bool {
        self.facts.accounts.get(account.as_str()).is_some_and(|known| {
            known.kind == Fact::Known(AccountKind::Person)
                && known.active == Fact::Known(true)
                && !self.link_unknown(account.as_str())
        })
    }

    /// The same of somebody who may have left since.
    pub fn was_human(&self, account: &Account) -> bool {
        self.human(account)
            || self.type_of(account) == Some(AccountKind::Person)
                && self.facts.accounts[account].active == Fact::Known(false)
                && !self.link_unknown(account.as_str())
    }

    /// Whether a person is certainly unable to act: each of his accounts is deactivated or not a person's.
    pub fn unable(&self, person: Person) -> bool {
        self.accounts(person).iter().all(|account| {
            self.facts.accounts.get(*account).is_some_and(|known| {
                matches!(&known.kind, Fact::Known(kind) if *kind != AccountKind::Person)
                    || known.active == Fact::Known(false)
            })
        })
    }

    /// Whether it is known that somebody acted under another's name.
    pub fn of_somebody_else(act: &Act) -> bool {
        matches!(act.impersonated_by, Fact::Known(_))
    }

    /// Whether it is known that nobody did.
    pub fn of_nobody_else(act: &Act) -> bool {
        act.impersonated_by == Fact::Absent
    }

    /// Whether a later act takes one back.
    pub fn withdrawn(&self, act: &Act) -> bool {
        self.with_ahead.iter().any(|later| {
            let Deed::Withdraw { of } = &later.does else { return false };
            *of == act.id
                && order(later) > order(act)
                && self.person(&later.by) == self.person(&act.by)
                && !View::of_somebody_else(later)
                && (!matches!(act.does, Deed::Reject {})
                    || (later.standing == Standing::Stands
                        && View::of_nobody_else(later)
                        && later.at.timestamp() <= self.now
                        && self.was_human(&later.by)))
        })
    }

    /// Who did something, where it counts as a human being's that stands.
    pub fn acting(&self, act: &Act) -> Option<Person> {
        let counts = act.standing == Standing::Stands
            && View::of_nobody_else(act)
            && !self.withdrawn(act)
            && self.human(&act.by);
        counts.then(|| self.person(&act.by))
    }

    /// Everybody with a seat in a role, and whether somebody may have one of whom it cannot be read.
    pub fn seats(&self, role: &str) -> (Vec<(Person, Seat)>, bool) {
        let mut seats = Vec::new();
        let mut unread = false;
        let Some(role) = self.shape.role(role) else { return (seats, false) };
        for member in &role.members {
            match member {
                Member::User(name) => {
                    let listed = self.shape.people.iter().find(|(known, _)| known == name);
                    let account = listed.map_or_else(|| format!("github:{name}"), |(_, all)| all[0].to_owned());
                    seats.push((self.person(&Account(account)), Seat::Fair));
                }
                Member::Account(account) => seats.push((self.person(&Account::from(*account)), Seat::Fair)),
                Member::Group => match self.facts.groups.get(&format!("github:@acme/{}", role.name)) {
                    Some(Fact::Known(members)) => {
                        for member in members {
                            let person = self.person(&member.account);
                            seats.push((person, self.came(person, &member.joined)));
                        }
                    }
                    _ => unread = true,
                },
            }
        }
        (seats, unread)
    }

    fn came(&self, person: Person, joined: &Fact<Joined>) -> Seat {
        match joined {
            Fact::Absent => Seat::Fair,
            Fact::Unavailable(_) => Seat::Doubtful,
            Fact::Known(joined) if joined.at <= self.facts.release.submitted_at => {
                let himself = |by: &Account| self.person(by) == person;
                let perhaps = match &joined.by {
                    Fact::Known(by) => himself(by) || self.link_unknown(by.as_str()),
                    Fact::Absent => false,
                    Fact::Unavailable(_) => true,
                };
                let certain = joined.by.known().is_some_and(himself) && joined.protected.unavailable().is_none();
                match (joined.protected == Fact::Known(true), perhaps, certain) {
                    (true, ..) | (_, false, _) => Seat::Fair,
                    (_, _, true) => Seat::OfHisOwn,
                    _ => Seat::Doubtful,
                }
            }
            Fact::Known(joined) if joined.protected != Fact::Known(true) => Seat::ByHimself,
            Fact::Known(joined) => match &joined.by {
                Fact::Known(by) if self.person(by) == person => Seat::ByHimself,
                Fact::Known(by) if self.link_unknown(by.as_str()) => Seat::Doubtful,
                Fact::Known(_) | Fact::Absent => Seat::Fair,
                Fact::Unavailable(_) => Seat::Doubtful,
            },
        }
    }

    /// Everybody who holds a role fairly.
    pub fn fair(&self, role: &str) -> BTreeSet<Person> {
        self.seats(role).0.into_iter().filter(|(_, seat)| *seat == Seat::Fair).map(|(person, _)| person).collect()
    }

    pub fn may_hold(&self, person: Person) -> bool {
        !self.shape.linked || self.linked(person)
    }

    pub fn holds(&self, person: Person, role: &str) -> bool {
        self.may_hold(person)
            && self.shape.role(role).is_some_and(|role| role.may_approve)
            && self.fair(role).contains(&person)
    }

    /// Whether somebody may hold a role, for all that could be read.
    pub fn perhaps_holds(&self, person: Person, role: &str) -> bool {
        let (seats, unread) = self.seats(role);
        let has = |wanted: Seat| seats.iter().any(|(owner, seat)| *owner == person && *seat == wanted);
        self.may_hold(person)
            && self.shape.role(role).is_some_and(|role| role.may_approve)
            && !has(Seat::Fair)
            && (unread || has(Seat::Doubtful))
    }

    /// Whether an act counts in a role as that of somebody who contributed to nothing.
    pub fn independent(&self, act: &Act, role: &str) -> Option<Person> {
        let person = self.acting(act)?;
        (!self.contributions.iter().any(|it| it.person == person) && self.holds(person, role)).then_some(person)
    }

    /// Whether somebody may not approve the release as a whole.
    pub fn excluded(&self, person: Person) -> bool {
        self.contributions.iter().any(|it| it.person == person && (!self.shape.per_change || it.hand == Hand::Trigger))
    }

    /// Whether somebody may not approve what is needed: who carries the release out, or started it, never answers for it.
    pub fn kept_out(&self, person: Person, need: &Need<'_>) -> bool {
        let Some(carry) = &need.apart else { return self.excluded(person) };
        let started = match &self.facts.release.trigger {
            Fact::Known(account) => self.person(account) == person || self.anybodys(account),
            Fact::Absent => false,
            Fact::Unavailable(_) => true,
        };
        let carries = carry.iter().any(|role| {
            let (seats, unread) = self.seats(role);
            unread
                || seats.iter().any(|(owner, _)| *owner == person)
                || self.accounts_of(role).iter().any(|it| self.anybodys(it))
        });
        self.excluded(person) || started || carries
    }

    /// Whether an account that may be a person's may be anybody's.
    pub fn anybodys(&self, account: &Account) -> bool {
        let machine = self.type_of(account).is_some_and(|kind| kind != AccountKind::Person);
        !machine && self.link_unknown(account.as_str())
    }

    /// The accounts that a role names, or groups that it names.
    fn accounts_of(&self, role: &str) -> Vec<Account> {
        let members = self.shape.role(role).map(|role| role.members.clone()).unwrap_or_default();
        let mut accounts = Vec::new();
        for member in members {
            match member {
                Member::User(name) if self.shape.people.iter().any(|(known, _)| *known == name) => {}
                Member::User(name) => accounts.push(Account(format!("github:{name}"))),
                Member::Account(account) => accounts.push(Account::from(account)),
                Member::Group => {
                    let group = self.facts.groups.get(&format!("github:@acme/{role}"));
                    let members = group.into_iter().flat_map(countersign::model::facts::Fact::entries);
                    accounts.extend(members.map(|member| member.account.clone()));
                }
            }
        }
        accounts
    }

    /// Whether somebody declared an absence, or the policy did, that is on now.
    pub fn away(&self, person: Person) -> bool {
        let by_policy = self.shape.away.is_some_and(|(name, from, to)| {
            let theirs = self.shape.people.iter().find(|(known, _)| *known == name);
            theirs.is_some_and(|(_, accounts)| self.person(&Account::from(accounts[0])) == person)
                && times::instant(self.shape.london, from * 60) <= self.now
                && self.now < times::instant(self.shape.london, to * 60)
        });
        by_policy
            || self.acts.iter().any(|act| {
                let Deed::Away { from, until } = &act.does else { return false };
                self.acting(act) == Some(person) && from.timestamp() <= self.now && self.now < until.timestamp()
            })
    }

    /// The roles that can answer for what cannot be attributed.
    fn authorities(&self) -> Vec<&'static str> {
        let mut roles = Vec::new();
        if self.shape.waivers.is_some() {
            roles.push("chief");
        }
        for escalate in self.shape.routes.iter().filter_map(|route| route.escalate.as_ref()) {
            roles.extend(escalate.to.iter().chain(&escalate.last));
        }
        roles
    }

    /// How many different authorities did something.
    pub fn authorities_who(&self, does: impl Fn(&Deed) -> bool) -> usize {
        let roles = self.authorities();
        let who: BTreeSet<Person> = self
            .acts
            .iter()
            .filter(|act| does(&act.does) && self.is_here(act))
            .filter_map(|act| roles.iter().find_map(|role| self.independent(act, role)))
            .collect();
        who.len()
    }

    pub fn excludes(&self, word: &str) -> bool {
        self.shape.exclude.contains(&word)
    }

    /// Whether it is not known who started it.
    pub fn starter_unread(&self) -> bool {
        (self.excludes("trigger") || self.shape.per_change)
            && match &self.facts.release.trigger {
                Fact::Known(account) => {
                    let counts = self.type_of(account).is_none_or(|kind| kind == AccountKind::Person);
                    counts && self.link_unknown(account.as_str())
                }
                Fact::Absent => false,
                Fact::Unavailable(_) => true,
            }
    }

    fn type_of(&self, account: &Account) -> Option<AccountKind> {
        self.facts.accounts.get(account.as_str())?.kind.known().copied()
    }

    /// Whether what an account is cannot be told, though it is spoken of.
    pub fn untyped(&self, account: &Account) -> bool {
        self.facts.accounts.get(account.as_str()).is_some_and(|it| it.kind.known().is_none())
    }

    fn add(&mut self, account: &Account, hand: Hand, commit: &str, change: Option<usize>) {
        match self.type_of(account) {
            Some(AccountKind::Forge) => return,
            Some(AccountKind::Bot | AccountKind::App | AccountKind::Pipeline) => {}
            Some(AccountKind::Person) | None => self.unread |= self.link_unknown(account.as_str()),
        }
        let person = self.person(account);
        self.contributions.push(Contribution { person, hand, commit: commit.to_owned(), change });
    }

    fn contributed(&mut self) {
        let release = &self.facts.release;
        self.unread_commits |= release.changes.unavailable().is_some();
        let mut nobody: Vec<&str> = Vec::new();
        for (at, change) in self.changes().iter().enumerate() {
            // A change of no commit is one whose commits nobody read.
            self.unread_commits |= change.commits.entries().is_empty();
            for commit in change.commits.entries() {
                let clean = commit.merge == Fact::Known(Merge::Clean);
                let single = [
                    (Hand::Author, self.excludes("author") && !clean, &commit.author),
                    (Hand::Committer, self.excludes("committer") && !clean, &commit.committer),
                    (Hand::Pusher, self.excludes("pusher"), &commit.pushed_by),
                ];
                for (hand, asked, who) in single {
                    let forge = |account: &Account| {
                        self.facts.accounts.get(account).is_some_and(|it| it.kind == Fact::Known(AccountKind::Forge))
                    };
                    match who {
                        _ if !asked => {}
                        Fact::Known(account) if matches!(hand, Hand::Author) && forge(account) => {
                            nobody.push(&commit.sha);
                        }
                        Fact::Known(account) => {
                            // It may be the forge's.
                            self.unread_commits |= matches!(hand, Hand::Author) && self.untyped(account);
                            self.add(account, hand, &commit.sha, Some(at));
                        }
                        Fact::Absent => nobody.push(&commit.sha),
                        Fact::Unavailable(_) => self.unread_commits = true,
                    }
                }
                let several = [
                    (Hand::CoAuthor, self.excludes("co_author"), &commit.co_authors),
                    (Hand::Author, self.excludes("author"), &commit.on_behalf_of),
                ];
                for (hand, asked, who) in several {
                    if asked {
                        self.unread_commits |= who.unavailable().is_some();
                        for account in who.entries() {
                            self.add(account, hand, &commit.sha, Some(at));
                        }
                    }
                }
            }
        }
        self.unread |= self.unread_commits;
        if self.excludes("trigger") || self.shape.per_change {
            match &release.trigger {
                Fact::Known(account) => self.add(account, Hand::Trigger, "", None),
                Fact::Absent => {}
                Fact::Unavailable(_) => self.unread = true,
            }
        }
        self.unattributed = nobody
            .iter()
            .any(|sha| self.authorities_who(|deed| matches!(deed, Deed::Vouch { commit } if commit == sha)) < 2);
        let cleared: Vec<(Person, String)> = self
            .contributions
            .iter()
            .filter(|it| it.hand == Hand::CoAuthor)
            .filter(|it| {
                let same = |deed: &Deed| {
                    matches!(deed, Deed::Clear { account, commit }
                        if *commit == it.commit && self.person(account) == it.person)
                };
                self.authorities_who(same) >= 2
            })
            .map(|it| (it.person, it.commit.clone()))
            .collect();
        self.contributions.retain(|it| it.hand != Hand::CoAuthor || !cleared.contains(&(it.person, it.commit.clone())));
    }
}

/// The order of acts: by time, then what takes back after what it takes back, then by name.
pub fn order(act: &Act) -> (i64, u8, &str) {
    let rank = match act.does {
        Deed::Withdraw { .. } => 2,
        Deed::Reject {} => 1,
        _ => 0,
    };
    (act.at.timestamp(), rank, &act.id)
}

/// The person of each account: accounts under one name are one, whoever gives them that name.
fn persons(shape: &Shape, facts: &Facts) -> Vec<Person> {
    let names: Vec<Vec<&str>> = ACCOUNTS
        .iter()
        .map(|account| {
            let listed = shape.people.iter().filter(|(_, accounts)| accounts.contains(account)).map(|(name, _)| *name);
            let linked = facts.accounts.get(*account).and_then(|known| known.person.known()).map(String::as_str);
            listed.chain(linked).collect()
        })
        .collect();
    let mut persons: Vec<Person> = (0..ACCOUNTS.len()).collect();
    // Until nothing changes any more.
    loop {
        let before = persons.clone();
        for one in 0..ACCOUNTS.len() {
            for other in 0..one {
                if names[one].iter().any(|name| names[other].contains(name)) {
                    let least = persons[one].min(persons[other]);
                    persons[one] = least;
                    persons[other] = least;
                }
            }
        }
        if persons == before {
            return persons;
        }
    }
}
