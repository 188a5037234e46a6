//! Who contributed, and so approves nothing: the separation of duties.
//!
//! The set only grows: whoever wrote, committed, pushed or is named beside the author of any commit of any head that a
//! change ever had, and whoever started the deployment. What cannot be attributed holds. Only a trailer that names
//! somebody without his doing can be cleared, and only by two different authorities.
//!
//! Invariant: an [`Eligible`] act is only made here, after the check.

pub mod gaps;

use std::collections::{HashMap, HashSet};

use super::approvals::requirements::Apart;
use super::bound::{self, Extent};
use super::people::{People, Person};
use super::roles::{self, Refusal};
use super::scene::Scene;
use super::words;
use crate::model::facts::{Account, AccountKind, Act, Commit, Deed, Fact, Facts, Merge};
use crate::model::ground::Ground;
use crate::policy::rules::{Per, Separation};

/// How somebody had a hand in a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// Wrote a commit.
    Author,
    /// Had a bot write a commit.
    Behalf,
    /// Committed it.
    Committer,
    /// Is named beside its author.
    CoAuthor,
    /// Pushed it.
    Pusher,
    /// Started the deployment.
    Trigger,
}

/// One hand that somebody had in a release.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'s> {
    /// Who.
    pub person: Person,
    /// How.
    pub hand: Hand,
    /// The account.
    pub account: &'s Account,
    /// The commit; empty for who started the deployment.
    pub commit: &'s str,
    /// The change, by its place among the changes; `None` for who started the deployment.
    pub change: Option<usize>,
}

/// What keeps the set of contributors from being whole.
#[derive(Clone, Copy, Debug)]
pub enum Gap<'s> {
    /// The changes could not be read.
    Changes(&'s str),
    /// The commits of a change could not be read.
    Commits(&'s str, &'s str),
    /// Nobody can be found for a part of a commit: its change, its name, the part.
    Nobody(usize, &'s str, Hand),
    /// A part of a commit could not be read.
    Unread(&'s str, Hand, &'s str),
    /// Who started the deployment could not be read.
    Trigger(&'s str),
    /// Whether a contributor's account is somebody else's too could not be read.
    Link(&'s Account),
    /// What an author's account is cannot be told, and why where that is known: the forge's own is nobody's.
    Kind(&'s Account, Option<&'s str>),
}

/// Whose what an account did is.
#[derive(Clone, Copy, Debug)]
enum Whose<'s> {
    /// The forge's own, and so nobody's.
    Nobodys,
    /// Somebody's.
    Of(Person),
    /// His whose account it is, or nobody's: what it is cannot be told, and why where that is known.
    Perhaps(Person, Option<&'s str>),
}

/// Everybody who contributed.
#[derive(Debug, Default)]
pub struct Contributors<'s> {
    /// Every contribution, a person's together.
    list: Vec<Contribution<'s>>,
    /// What is missing.
    gaps: Vec<Gap<'s>>,
    /// The accounts of which it is said there already.
    doubtful: HashSet<&'s Account>,
    /// Whom two authorities cleared, and of which commit.
    cleared: Vec<Cleared<'s>>,
    /// The accounts of which it is said there already that it cannot be told what they are.
    unsorted: HashSet<&'s Account>,
    /// Whose account was added last: most commits name one account several times.
    last: Option<(&'s Account, Whose<'s>)>,
}

impl<'s> Contributors<'s> {
    /// Everybody who contributed, by the facts.
    #[must_use]
    pub fn new(people: &People<'s>, rule: &Separation, facts: &'s Facts) -> Self {
        let mut found = Self::default();
        match &facts.release.changes {
            Fact::Known(changes) => {
                let commits: usize = changes.iter().map(|change| change.commits.entries().len()).sum();
                // Most commits have an author, a committer and somebody who pushed them.
                found.list.reserve_exact(commits * 3 + 1);
                for (at, change) in changes.iter().enumerate() {
                    match &change.commits {
                        Fact::Known(commits) if !commits.is_empty() => {
                            for commit in commits {
                                found.commit(people, rule, at, commit);
                            }
                        }
                        // A change is made of commits: whoever lists none did not look.
                        Fact::Known(_) | Fact::Absent => found.gaps.push(Gap::Commits(&change.id, "none is listed")),
                        Fact::Unavailable(why) => found.gaps.push(Gap::Commits(&change.id, why)),
                    }
                }
            }
            // Nothing changed, as when going back.
            Fact::Absent => {}
            Fact::Unavailable(why) => found.gaps.push(Gap::Changes(why)),
        }
        if rule.trigger || rule.per == Per::Change {
            match &facts.release.trigger {
                Fact::Known(account) => {
                    found.add(people, account, Hand::Trigger, "", None);
                }
                // A schedule.
                Fact::Absent => {}
                Fact::Unavailable(why) => found.gaps.push(Gap::Trigger(why)),
            }
        }
        found.list.sort_by_key(|it| (it.person, it.hand));
        found
    }

    fn commit(&mut self, people: &People<'s>, rule: &Separation, at: usize, commit: &'s Commit) {
        // What a merge makes by itself is nobody's work; whether it is one has to be known.
        let clean = matches!(commit.merge, Fact::Known(Merge::Clean));
        let mut one = |hand: Hand, wanted: bool, fact: &'s Fact<Account>| {
            if !wanted {
                return;
            }
            match fact {
                Fact::Known(account) => {
                    // The forge commits and pushes what people merge in its web page, and writes nothing itself.
                    match self.add(people, account, hand, &commit.sha, Some(at)) {
                        Whose::Nobodys if hand == Hand::Author => {
                            self.gaps.push(Gap::Nobody(at, &commit.sha, hand));
                        }
                        Whose::Perhaps(_, why) if hand == Hand::Author && self.unsorted.insert(account) => {
                            self.gaps.push(Gap::Kind(account, why));
                        }
                        Whose::Nobodys | Whose::Of(_) | Whose::Perhaps(..) => {}
                    }
                }
                Fact::Absent => self.gaps.push(Gap::Nobody(at, &commit.sha, hand)),
                Fact::Unavailable(why) => self.gaps.push(Gap::Unread(&commit.sha, hand, why)),
            }
        };
        one(Hand::Author, rule.author && !clean, &commit.author);
        one(Hand::Committer, rule.committer && !clean, &commit.committer);
        one(Hand::Pusher, rule.pusher, &commit.pushed_by);
        let mut several = |hand: Hand, wanted: bool, fact: &'s Fact<Vec<Account>>| {
            if !wanted {
                return;
            }
            match fact {
                Fact::Known(accounts) => {
                    for account in accounts {
                        self.add(people, account, hand, &commit.sha, Some(at));
                    }
                }
                Fact::Absent => {}
                Fact::Unavailable(why) => self.gaps.push(Gap::Unread(&commit.sha, hand, why)),
            }
        };
        several(Hand::CoAuthor, rule.co_author, &commit.co_authors);
        several(Hand::Behalf, rule.author, &commit.on_behalf_of);
    }

    /// Adds what an account did, and tells whose that is: what the forge does is nobody's.
    fn add(
        &mut self,
        people: &People<'s>,
        account: &'s Account,
        hand: Hand,
        commit: &'s str,
        change: Option<usize>,
    ) -> Whose<'s> {
        let whose = match self.last {
            Some((last, whose)) if last == account => whose,
            _ => self.find(people, account),
        };
        self.last = Some((account, whose));
        if let Whose::Of(person) | Whose::Perhaps(person, _) = whose {
            self.list.push(Contribution { person, hand, account, commit, change });
        }
        whose
    }

    /// Whose an account is; and what is missing to know that is noted. What an account is that the facts do not state can
    /// be told by the policy alone, which names people.
    fn find(&mut self, people: &People<'s>, account: &'s Account) -> Whose<'s> {
        let known = people.facts(account.as_str());
        let kind = known.map(|known| &known.kind);
        match kind {
            Some(Fact::Known(AccountKind::Forge)) => return Whose::Nobodys,
            Some(Fact::Known(AccountKind::Bot | AccountKind::App | AccountKind::Pipeline)) => {}
            Some(Fact::Known(AccountKind::Person) | Fact::Absent | Fact::Unavailable(_)) | None => {
                if people.link_unknown_of(account, known) && self.doubtful.insert(account) {
                    self.gaps.push(Gap::Link(account));
                }
            }
        }
        let person = people.of(account);
        match kind {
            Some(Fact::Absent) => Whose::Perhaps(person, None),
            Some(Fact::Unavailable(why)) => Whose::Perhaps(person, Some(why)),
            Some(Fact::Known(_)) | None => Whose::Of(person),
        }
    }

    /// What a person contributed, if anything: the first that speaks loudest.
    #[must_use]
    pub fn of(&self, person: Person) -> Option<&Contribution<'s>> {
        self.all_of(person).first()
    }

    /// Everything that a person contributed.
    #[must_use]
    pub fn all_of(&self, person: Person) -> &[Contribution<'s>] {
        let from = self.list.partition_point(|it| it.person < person);
        let rest = self.list.get(from..).unwrap_or_default();
        rest.get(..rest.partition_point(|it| it.person == person)).unwrap_or_default()
    }

    /// What a person contributed to one change.
    #[must_use]
    pub fn to_change(&self, person: Person, change: usize) -> Option<&Contribution<'s>> {
        self.all_of(person).iter().find(|it| it.change == Some(change))
    }

    /// Everybody, each once.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        let mut last = None;
        self.list.iter().map(|it| it.person).filter(move |person| last.replace(*person) != Some(*person))
    }

    /// What is missing in the set.
    #[must_use]
    pub fn gaps(&self) -> &[Gap<'s>] {
        &self.gaps
    }

    /// Whom two authorities cleared, and of which commit.
    #[must_use]
    pub fn cleared(&self) -> &[Cleared<'s>] {
        &self.cleared
    }

    /// Takes out what a trailer alone says, where two different authorities said that it says so without the person's
    /// doing. They are judged by the whole set, so that nobody clears himself.
    pub(super) fn clear(&mut self, cleared: Vec<Cleared<'s>>) {
        let out: HashSet<(Person, &str)> = cleared.iter().map(|it| (it.person, it.commit)).collect();
        self.list.retain(|it| it.hand != Hand::CoAuthor || !out.contains(&(it.person, it.commit)));
        self.cleared = cleared;
    }
}

impl Contribution<'_> {
    /// What he did, after his name and a colon: `wrote commit 3f2a`.
    #[must_use]
    pub fn told(&self) -> String {
        let commit = words::short(self.commit);
        match self.hand {
            Hand::Author => format!("wrote commit {commit}"),
            Hand::Behalf => format!("had commit {commit} written"),
            Hand::Committer => format!("committed {commit}"),
            Hand::CoAuthor => format!("co-authored commit {commit}"),
            Hand::Pusher => format!("pushed commit {commit}"),
            Hand::Trigger => "started the deployment".to_owned(),
        }
    }
}

/// Whether a person contributed to the release at all.
pub fn contributed(scene: &Scene<'_>, person: Person) -> Result<(), Refusal> {
    match scene.contributors.of(person) {
        Some(contribution) => Err(Refusal { ground: Ground::SodSelf, says: contribution.told() }),
        None => Ok(()),
    }
}

/// Whether a person wrote nothing of the release, or had it written, whatever the policy excludes from approving: for
/// words that no author may say of his own work.
pub fn no_author(scene: &Scene<'_>, person: Person) -> Result<(), Refusal> {
    // Where the policy excludes authors, what is not known of them is a gap already.
    let gap = !scene.rules.separation.author;
    let unknown = |what: &str| Err(Refusal::new(Ground::FactsUnavailable, format!("who wrote {what} is not known")));
    let changes = scene.facts.release.changes.entries();
    if gap && scene.facts.release.changes.unavailable().is_some() {
        return unknown("what changes");
    }
    for (change, commit) in changes.iter().flat_map(|it| it.commits.entries().iter().map(move |commit| (it, commit))) {
        if matches!(commit.merge, Fact::Known(Merge::Clean)) {
            continue;
        }
        if gap && commit.author.known().is_none() {
            return unknown(&format!("commit {} of {}", words::short(&commit.sha), change.id));
        }
        let behalf = commit.on_behalf_of.entries().iter().map(|account| (Hand::Behalf, account));
        let author = commit.author.known().into_iter().map(|account| (Hand::Author, account));
        let own = author.chain(behalf).find(|(_, account)| scene.people.of(account) == person);
        if let Some((hand, account)) = own {
            let told = Contribution { person, hand, account, commit: &commit.sha, change: None }.told();
            return Err(Refusal::new(Ground::SodSelf, told));
        }
    }
    match changes.iter().find(|change| gap && change.commits.entries().is_empty()) {
        Some(change) => unknown(&change.id),
        None => Ok(()),
    }
}

/// The roles that can answer for what cannot be attributed: those that waive gates, and the authorities of routes.
pub fn authorities<'s>(scene: &Scene<'s>) -> impl Iterator<Item = &'s str> {
    let waivers = scene.rules.waivers.iter().flat_map(|rule| &rule.by);
    let routes = scene.rules.routes.iter().filter_map(|route| route.escalate.as_ref());
    waivers.chain(routes.flat_map(|escalation| escalation.to.iter().chain(&escalation.last))).map(String::as_str)
}

/// The authority that an act is by, or why it is by none.
pub(super) fn by_authority(scene: &Scene<'_>, act: &Act) -> Result<Person, Refusal> {
    let mut refused = Refusal::new(Ground::NotInRole, "the policy has no authority that could answer for it");
    for role in authorities(scene) {
        match roles::independent(scene, act, role) {
            Ok(person) => return Ok(person),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

/// The different authorities whose acts here answer for each commit. Acts are looked at once, however many there are.
pub(super) fn answering<'s>(scene: &Scene<'s>) -> HashMap<&'s str, Vouching<'s>> {
    let mut found: HashMap<&str, Vouching<'_>> = HashMap::new();
    for act in scene.acts() {
        let Deed::Vouch { commit } = &act.does else { continue };
        let vouching = found.entry(commit).or_default();
        // A commit names itself what it is; who answers for it elsewhere answers for nothing here.
        if let Err(refusal) = bound::to_release(scene, act, Extent::Place) {
            vouching.elsewhere.push((act, refusal));
        } else if vouching.by.len() < ANSWERS
            && let Some(person) = by_authority(scene, act).ok().filter(|person| !vouching.by.contains(person))
        {
            vouching.by.push(person);
            vouching.acts.push(&act.id);
        }
    }
    found
}

/// Who answers for a commit.
#[derive(Debug, Default)]
pub(super) struct Vouching<'s> {
    /// The authorities who do: as many as it takes, and no more.
    pub by: Vec<Person>,
    /// The names of what they did.
    pub acts: Vec<&'s str>,
    /// What was done for somewhere else, and why it does not count here.
    pub elsewhere: Vec<(&'s Act, Refusal)>,
}

/// How many different authorities it takes to answer for somebody or something.
pub(super) const ANSWERS: usize = 2;

/// Somebody whom a commit names without his doing.
#[derive(Clone, Debug)]
pub struct Cleared<'s> {
    /// Whom.
    pub person: Person,
    /// The commit.
    pub commit: &'s str,
    /// The names of the acts that say so.
    pub acts: Vec<&'s str>,
}

/// Whom two different authorities cleared, and of which commit. Acts are looked at once, however many there are: by
/// whom first, since anybody can write any number of them.
pub(super) fn cleared<'s>(scene: &Scene<'s>) -> Vec<Cleared<'s>> {
    let mut said: HashMap<(Person, &str), Vec<(Person, &str)>> = HashMap::new();
    let mut cleared = Vec::new();
    for act in scene.acts() {
        let Deed::Clear { account, commit } = &act.does else { continue };
        if bound::to_release(scene, act, Extent::Place).is_err() {
            continue;
        }
        let Ok(authority) = by_authority(scene, act) else { continue };
        let (person, commit) = (scene.people.of(account), commit.as_str());
        let by = said.entry((person, commit)).or_default();
        if by.len() < ANSWERS && by.iter().all(|(known, _)| *known != authority) {
            by.push((authority, &act.id));
            if by.len() == ANSWERS {
                cleared.push(Cleared { person, commit, acts: by.iter().map(|(_, act)| *act).collect() });
            }
        }
    }
    cleared
}

/// An act of a human being whom the policy does not exclude: from the whole release, or with `per: change` as the one
/// who started it.
#[derive(Clone, Copy, Debug)]
pub struct Independent<'s> {
    act: &'s Act,
    person: Person,
}

/// An act of somebody independent who holds a role that is asked. Nothing else is ever counted.
#[derive(Clone, Copy, Debug)]
pub struct Eligible<'s> {
    act: &'s Act,
    person: Person,
}

impl<'s> Independent<'s> {
    /// Whether an act is of somebody who may approve this release.
    pub fn check(scene: &Scene<'s>, act: &'s Act) -> Result<Self, Refusal> {
        let person = roles::acting(scene, act)?;
        excluded(scene, person)?;
        Ok(Self { act, person })
    }

    /// Who did it.
    #[must_use]
    pub fn person(&self) -> Person {
        self.person
    }

    /// The same in a role, if the person holds it now; `None` where he does not, and [`roles::counts`] says why.
    #[must_use]
    pub fn holding(self, scene: &Scene<'s>, role: &str) -> Option<Eligible<'s>> {
        roles::seated(scene, self.person, role).then_some(Eligible { act: self.act, person: self.person })
    }
}

impl<'s> Eligible<'s> {
    /// The act.
    #[must_use]
    pub fn act(&self) -> &'s Act {
        self.act
    }

    /// Who did it.
    #[must_use]
    pub fn person(&self) -> Person {
        self.person
    }
}

/// Whether a person may approve this release as a whole.
pub fn excluded(scene: &Scene<'_>, person: Person) -> Result<(), Refusal> {
    match scene.rules.separation.per {
        Per::Release => contributed(scene, person),
        Per::Change => match scene.contributors.all_of(person).iter().find(|it| it.hand == Hand::Trigger) {
            Some(contribution) => Err(Refusal { ground: Ground::SodSelf, says: contribution.told() }),
            None => Ok(()),
        },
    }
}

/// Why it is not known who started the deployment, whatever the policy says of him.
pub fn starter_unknown(scene: &Scene<'_>) -> Option<String> {
    match &scene.facts.release.trigger {
        Fact::Unavailable(why) => Some(format!("who started the deployment could not be read: {why}")),
        Fact::Known(account) if !roles::is_machine(scene, account) && scene.people.link_unknown(account) => {
            let who = account.as_str();
            Some(format!(
                "whether `{who}`, who started the deployment, is somebody else's account too could not be read"
            ))
        }
        Fact::Known(_) | Fact::Absent => None,
    }
}

/// Whether a person may approve this release as what is asked: where that is who is accountable for it, as nobody who
/// carries it out and not as who started the deployment, whatever the policy excludes besides.
pub fn barred<'s>(scene: &Scene<'s>, person: Person, apart: Option<&Apart<'s>>) -> Result<(), Refusal> {
    kept_apart(scene, person, apart.map(|apart| apart.all.as_slice()))
}

/// The same, as far as the layer of the accountable role and those around it say who carries the release out.
pub fn barred_by_outer<'s>(scene: &Scene<'s>, person: Person, apart: Option<&Apart<'s>>) -> Result<(), Refusal> {
    kept_apart(scene, person, apart.map(|apart| apart.by_outer.as_slice()))
}

fn kept_apart<'s>(scene: &Scene<'s>, person: Person, apart: Option<&[&'s str]>) -> Result<(), Refusal> {
    excluded(scene, person)?;
    let Some(carries) = apart else { return Ok(()) };
    let trigger = || scene.facts.release.trigger.known().map(|trigger| scene.people.of(trigger));
    if *scene.totals.starter.get_or_init(trigger) == Some(person) {
        return Err(Refusal::new(Ground::SodSelf, "started the deployment"));
    }
    if let Some(why) = scene.totals.starter_unknown.get_or_init(|| starter_unknown(scene)) {
        return Err(Refusal::new(Ground::FactsUnavailable, format!("may have started the deployment: {why}")));
    }
    carries.iter().try_for_each(|role| roles::carries_out(scene, person, role))
}

/// Whether a person may approve this release as a whole, without words.
#[must_use]
pub fn is_excluded(scene: &Scene<'_>, person: Person) -> bool {
    match scene.rules.separation.per {
        Per::Release => scene.contributors.of(person).is_some(),
        Per::Change => scene.contributors.all_of(person).iter().any(|it| it.hand == Hand::Trigger),
    }
}
