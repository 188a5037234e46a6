//! Whether an act counts for a role.
//!
//! It counts only where everything is known that has to be: that a human being did it under his own name, that it still
//! stands, that the account is active, and that the person holds the role now without having put himself there.

use std::cell::OnceCell;

use super::people::{Able, Person};
use super::scene::Scene;
use super::separation;
use crate::model::facts::people::folded;
use crate::model::facts::{Account, AccountFacts, AccountKind, Act, Fact, Joined, Standing};
use crate::model::ground::Ground;
use crate::policy::rules::{MemberRef, Role};

/// Why an act does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub ground: Ground,
    /// What is said after the person's name and a colon.
    pub says: String,
}

impl Refusal {
    pub(super) fn new(ground: Ground, says: impl Into<String>) -> Self {
        Self { ground, says: says.into() }
    }

    /// The same of somebody who held a role when he acted.
    pub(super) fn no_longer(self, role: &str) -> Self {
        match self.ground {
            Ground::NotInRole => Self { says: format!("held {role} when approving, and no longer does"), ..self },
            _ => Self { says: format!("held {role} when approving; {}", self.says), ..self },
        }
    }
}

/// How somebody came by a seat in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// He was there before, or came by a protected change that another made.
    Fairly,
    /// How he came there is not known.
    Unknown,
    /// He put himself there, by no protected change, before the release was asked for: he approves nothing by it, and is
    /// heard where he speaks against a release.
    ByHimselfBefore,
    /// He put himself there while the release was under way.
    ByHimself,
}

/// Who holds a role, worked out once a decision.
#[derive(Debug)]
pub struct Membership<'s> {
    /// By person; the fairest way first where there are several.
    seats: Vec<(Person, Came)>,
    /// The group that could not be read, and why.
    unreadable: Option<(&'s str, &'s str)>,
    /// Who could fill it, once somebody asked.
    holders: OnceCell<Holders>,
}

/// Who could fill a role: everybody who holds it and is not known to be unable. To be named and asked, never counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// By name.
    pub people: Vec<Person>,
    /// Why who holds it cannot be read, where it cannot.
    pub unreadable: Option<String>,
}

impl<'s> Membership<'s> {
    pub(super) fn new(scene: &Scene<'s>, role: &'s Role) -> Self {
        let mut seats = Vec::new();
        let mut unreadable = None;
        for member in &role.members {
            match member {
                MemberRef::User(name) => {
                    seats.push((scene.people.meant(name, &scene.facts.release.forge), Came::Fairly));
                }
                MemberRef::Account(account) => seats.push((scene.people.written(account), Came::Fairly)),
                MemberRef::Group(group) => match scene.facts.groups.get(&*folded(group)) {
                    Some(Fact::Known(members)) => {
                        for member in members {
                            let person = scene.people.of(&member.account);
                            seats.push((person, came(scene, person, &member.joined)));
                        }
                    }
                    Some(Fact::Absent) => unreadable = Some((group.as_str(), "there is no such group")),
                    Some(Fact::Unavailable(why)) => unreadable = Some((group.as_str(), why.as_ref())),
                    None => unreadable = Some((group.as_str(), "the facts do not state it")),
                },
            }
        }
        seats.sort_unstable();
        seats.dedup_by_key(|(person, _)| *person);
        Self { seats, unreadable, holders: OnceCell::new() }
    }

    /// Everybody of whom it is not known how he came by his seat.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = Person> {
        self.seats.iter().filter(|(_, came)| *came == Came::Unknown).map(|(person, _)| *person)
    }

    /// The group that could not be read, and why.
    pub(super) fn unreadable(&self) -> Option<(&'s str, &'s str)> {
        self.unreadable
    }

    /// Everybody who has a seat that he came by fairly.
    pub(super) fn fair(&self) -> impl Iterator<Item = Person> {
        self.seats.iter().filter(|(_, came)| *came == Came::Fairly).map(|(person, _)| *person)
    }

    fn seat(&self, person: Person) -> Option<Came> {
        let at = self.seats.binary_search_by_key(&person, |(person, _)| *person).ok()?;
        self.seats.get(at).map(|(_, came)| *came)
    }
}

fn came(scene: &Scene<'_>, person: Person, joined: &Fact<Joined>) -> Came {
    match joined {
        Fact::Absent => Came::Fairly,
        Fact::Unavailable(_) => Came::Unknown,
        Fact::Known(joined) if joined.at <= scene.facts.release.submitted_at => {
            match (&joined.protected, &joined.by) {
                (Fact::Known(true), _) => Came::Fairly,
                (protected, Fact::Known(by)) if scene.people.of_seen(by) == Some(person) => match protected {
                    Fact::Unavailable(_) => Came::Unknown,
                    Fact::Known(_) | Fact::Absent => Came::ByHimselfBefore,
                },
                // It may have been he.
                (_, Fact::Known(by)) if scene.people.link_unknown(by) => Came::Unknown,
                (_, Fact::Unavailable(_)) => Came::Unknown,
                (_, Fact::Known(_) | Fact::Absent) => Came::Fairly,
            }
        }
        Fact::Known(joined) => match (&joined.protected, &joined.by) {
            (Fact::Known(true), Fact::Known(by)) if scene.people.of_seen(by) == Some(person) => Came::ByHimself,
            // It may be another account of the same person.
            (Fact::Known(true), Fact::Known(by)) if scene.people.link_unknown(by) => Came::Unknown,
            // A provisioning protocol has nobody who does it.
            (Fact::Known(true), Fact::Known(_) | Fact::Absent) => Came::Fairly,
            (Fact::Known(true), Fact::Unavailable(_)) => Came::Unknown,
            (Fact::Known(false) | Fact::Absent | Fact::Unavailable(_), _) => Came::ByHimself,
        },
    }
}

/// Who did something, if a human being did it under his own name with an account that is active, and it still stands.
pub fn acting(scene: &Scene<'_>, act: &Act) -> Result<Person, Refusal> {
    match act.standing {
        Standing::Stands => {}
        Standing::Edited => return Err(Refusal::new(Ground::Edited, "edited afterwards")),
        Standing::Dismissed => return Err(Refusal::new(Ground::Dismissed, "dismissed")),
    }
    match &act.impersonated_by {
        Fact::Absent => {}
        Fact::Known(other) => {
            return Err(Refusal::new(Ground::Impersonated, format!("it was `{}` under that name", other.as_str())));
        }
        Fact::Unavailable(why) => return Err(Refusal::new(Ground::ActorUnknown, actor_unknown(why))),
    }
    let person = scene.person_of(act);
    if scene.withdrawn(act, person) {
        return Err(Refusal::new(Ground::Withdrawn, "took it back"));
    }
    human(scene, &act.by)?;
    Ok(person)
}

fn actor_unknown(why: &str) -> String {
    format!("whether somebody else acted under that name could not be read: {why}")
}

/// Whether an act was a human being's own of whom it is known who he is, whether or not it still stands. That his account
/// is deactivated since takes nothing of what he did away.
#[must_use]
pub fn was_human(scene: &Scene<'_>, act: &Act) -> bool {
    act.is_own() && (human(scene, &act.by).is_ok() || gone(scene, &act.by))
}

/// Whether an account was a human being's of whom it is known who he is, and is deactivated.
pub(super) fn gone(scene: &Scene<'_>, account: &Account) -> bool {
    let person = |known: &AccountFacts| known.kind == Fact::Known(AccountKind::Person);
    scene.people.facts(account.as_str()).is_some_and(|known| person(known) && known.active == Fact::Known(false))
        && !scene.people.link_unknown(account)
}

/// Whether an account is an active human being's of whom it is known who he is.
fn human(scene: &Scene<'_>, account: &Account) -> Result<(), Refusal> {
    let Some(known) = scene.people.facts(account.as_str()) else {
        return Err(Refusal::new(
            Ground::KindUnknown,
            format!("the facts do not say whether `{}` is a person's account", account.as_str()),
        ));
    };
    match &known.kind {
        Fact::Known(AccountKind::Person) => {}
        Fact::Known(AccountKind::Bot) => return Err(Refusal::new(Ground::NotAPerson, "a bot never counts")),
        Fact::Known(AccountKind::App) => return Err(Refusal::new(Ground::NotAPerson, "an app never counts")),
        Fact::Known(AccountKind::Pipeline) => {
            return Err(Refusal::new(Ground::NotAPerson, "the pipeline's own token never counts"));
        }
        Fact::Known(AccountKind::Forge) => {
            return Err(Refusal::new(Ground::NotAPerson, "the forge itself never counts"));
        }
        // Whatever it is, nobody can log in with it.
        Fact::Absent | Fact::Unavailable(_) if known.active == Fact::Known(false) => {}
        Fact::Absent => return Err(Refusal::new(Ground::KindUnknown, "whether it is a person's account is not known")),
        Fact::Unavailable(why) => {
            return Err(Refusal::new(
                Ground::KindUnknown,
                format!("whether it is a person's account could not be read: {why}"),
            ));
        }
    }
    match &known.active {
        Fact::Known(true) => {}
        Fact::Known(false) => return Err(Refusal::new(Ground::Deactivated, "the account is deactivated")),
        Fact::Absent => {
            return Err(Refusal::new(Ground::ActiveUnknown, "whether the account is still active is not known"));
        }
        Fact::Unavailable(why) => {
            return Err(Refusal::new(
                Ground::ActiveUnknown,
                format!("whether the account is still active could not be read: {why}"),
            ));
        }
    }
    if scene.people.link_unknown(account) {
        return Err(Refusal::new(
            Ground::FactsUnavailable,
            format!("whether `{}` is somebody else's account too could not be read", account.as_str()),
        ));
    }
    Ok(())
}

/// Whether a person holds a role now, as one whose acts count; the reasons of [`holds`] without its words.
pub(super) fn seated(scene: &Scene<'_>, person: Person, role: &str) -> bool {
    (!scene.rules.linked_only || scene.people.linked(person))
        && scene
            .role(role)
            .is_some_and(|(stated, membership)| stated.may_approve && membership.seat(person) == Some(Came::Fairly))
}

/// Whether a person may hold a role now, and what is not known does not tell: a group could not be read, or how he came by
/// his seat.
pub(super) fn perhaps_seated(scene: &Scene<'_>, person: Person, role: &str) -> bool {
    (!scene.rules.linked_only || scene.people.linked(person))
        && scene.role(role).is_some_and(|(stated, membership)| {
            let seat = membership.seat(person);
            let untold = seat == Some(Came::Unknown) || membership.unreadable.is_some();
            stated.may_approve && seat != Some(Came::Fairly) && untold
        })
}

/// Whether a person has a seat in a role at all, or none and it cannot be read who has: where his name belongs.
pub(super) fn concerns(scene: &Scene<'_>, person: Person, role: &str) -> bool {
    scene.role(role).is_some_and(|(_, membership)| membership.seat(person).is_some() || membership.unreadable.is_some())
}

/// Whether a person is kept from answering for a release because he carries it out: as `user:` names him, or as one who
/// has a seat in the role, however he came by it. Who is in a team that is no role of the policy is not known here.
pub(super) fn carries_out<'s>(scene: &Scene<'s>, person: Person, responsible: &'s str) -> Result<(), Refusal> {
    let refuse = |says: String| Err(Refusal::new(Ground::Responsible, says));
    if let Some(name) = responsible.strip_prefix("user:") {
        let meant = scene.people.meant(name, &scene.facts.release.forge);
        return if meant == person { refuse("carries the release out".to_owned()) } else { Ok(()) };
    }
    match scene.role(responsible).map(|(_, membership)| (membership.seat(person), membership.unreadable)) {
        Some((Some(_), _)) => refuse(format!("carries the release out as {responsible}")),
        Some((None, Some((group, why)))) => Err(Refusal::new(
            Ground::RoleUnavailable,
            format!("may carry the release out as {responsible}, which could not be read: `{group}`: {why}"),
        )),
        Some((None, None)) => match scene.role(responsible).and_then(|(role, _)| anybodys(scene, role)) {
            Some(account) => Err(Refusal::new(
                Ground::RoleUnavailable,
                format!("may carry the release out as {responsible}: whose account `{account}` is could not be read"),
            )),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// Whether an account is known to be none of a person's.
pub(super) fn is_machine(scene: &Scene<'_>, account: &Account) -> bool {
    let kind = scene.people.facts(account.as_str()).map(|known| &known.kind);
    let machine = [AccountKind::Bot, AccountKind::App, AccountKind::Pipeline, AccountKind::Forge];
    matches!(kind, Some(Fact::Known(kind)) if machine.contains(kind))
}

/// An account in a role of which it cannot be read whose it is, and so may be anybody's.
fn anybodys(scene: &Scene<'_>, role: &Role) -> Option<String> {
    let unknown = |account: &Account| !is_machine(scene, account) && scene.people.link_unknown(account);
    role.members.iter().find_map(|member| {
        let account = match member {
            MemberRef::Group(group) => {
                let members = scene.facts.groups.get(&*folded(group))?.entries();
                return members.iter().find(|it| unknown(&it.account)).map(|it| it.account.as_str().to_owned());
            }
            // `people` says whose these are.
            MemberRef::User(name) if scene.rules.people.iter().any(|person| person.name == *name) => return None,
            MemberRef::User(name) => format!("{}:{name}", scene.facts.release.forge),
            MemberRef::Account(account) => account.clone(),
        };
        let account = Account::from(account.as_str());
        unknown(&account).then(|| account.as_str().to_owned())
    })
}

/// Whether a person holds a role now, as one whose acts count.
pub(super) fn holds(scene: &Scene<'_>, person: Person, role: &str) -> Result<(), Refusal> {
    if scene.rules.linked_only && !scene.people.linked(person) {
        return Err(Refusal::new(
            Ground::Unlinked,
            "neither `people` nor the directory names him, and the policy says `identity: linked`",
        ));
    }
    let Some((stated, membership)) = scene.role(role) else {
        return Err(Refusal::new(Ground::NotInRole, format!("the policy has no role `{role}`")));
    };
    if !stated.may_approve {
        return Err(Refusal::new(Ground::NotInRole, format!("`{role}` may only read")));
    }
    match (membership.seat(person), membership.unreadable) {
        (Some(Came::Fairly), _) => Ok(()),
        (Some(Came::ByHimself), _) => Err(Refusal::new(
            Ground::SelfJoined,
            format!("came into {role} while the release was under way, by no protected change of somebody else"),
        )),
        (Some(Came::ByHimselfBefore), _) => {
            Err(Refusal::new(Ground::SelfJoined, format!("put himself into {role}, by no protected change")))
        }
        (Some(Came::Unknown), _) => {
            Err(Refusal::new(Ground::SelfJoined, format!("when and how he came into {role} is not known")))
        }
        (None, Some((group, why))) => Err(Refusal::new(
            Ground::RoleUnavailable,
            format!("whether he is in {role} could not be read: `{group}`: {why}"),
        )),
        (None, None) => Err(Refusal::new(Ground::NotInRole, ["not in ", role].concat())),
    }
}

/// Whether somebody is heard where only what is known silences him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voice {
    /// He is.
    Heard,
    /// What is known does not tell, and why.
    Unknown(String),
    /// He is not.
    Not(Refusal),
}

/// Whether somebody who speaks against a release is heard: a human being with a seat in one of some roles, whose account may
/// be deactivated since. What is not known keeps his word standing.
pub(super) fn voice(scene: &Scene<'_>, act: &Act, person: Person, roles: &[&str]) -> Voice {
    let human = human(scene, &act.by);
    if let Err(refusal) = &human
        && refusal.ground == Ground::NotAPerson
    {
        return Voice::Not(refusal.clone());
    }
    let who = act.by.as_str();
    let link = scene
        .people
        .link_unknown(&act.by)
        .then(|| format!("whether `{who}` is somebody else's account too could not be read"));
    let mut doubt = None;
    let mut unheard = Refusal::new(Ground::NotInRole, "in none of the roles that are asked");
    for role in roles {
        let Some((_, membership)) = scene.role(role).filter(|(stated, _)| stated.may_approve) else { continue };
        if scene.rules.linked_only && !scene.people.linked(person) {
            unheard = Refusal::new(Ground::Unlinked, "neither `people` nor the directory names him");
            continue;
        }
        match (membership.seat(person), membership.unreadable) {
            // Whatever is not known of other roles, he surely holds this one.
            (Some(Came::Fairly | Came::ByHimselfBefore), _) => {
                let doubt = human.err().filter(|_| !gone(scene, &act.by)).map(|refusal| refusal.says);
                let doubt = link.or(doubt).or_else(|| act.impersonated_by.unavailable().map(actor_unknown));
                return doubt.map_or(Voice::Heard, Voice::Unknown);
            }
            (Some(Came::ByHimself), _) => {
                unheard = Refusal::new(Ground::SelfJoined, format!("put himself into {role} meanwhile"));
            }
            (Some(Came::Unknown), _) => doubt = Some(format!("when and how he came into {role} is not known")),
            (None, Some((group, why))) => {
                doubt = Some(format!("whether he is in {role} could not be read: `{group}`: {why}"));
            }
            (None, None) => {}
        }
    }
    doubt.or(link).map_or(Voice::Not(unheard), Voice::Unknown)
}

/// Whether an act counts for a role: who did it, or why it does not count.
pub fn counts(scene: &Scene<'_>, act: &Act, role: &str) -> Result<Person, Refusal> {
    let person = acting(scene, act)?;
    holds(scene, person, role)?;
    Ok(person)
}

/// The same of somebody who did not contribute to this release.
pub fn independent(scene: &Scene<'_>, act: &Act, role: &str) -> Result<Person, Refusal> {
    let person = acting(scene, act)?;
    separation::contributed(scene, person)?;
    holds(scene, person, role)?;
    Ok(person)
}

/// Whether an account is one of an active human being who holds a role, where no act of ours says so: who attends a
/// meeting, who signed.
pub fn holds_at_all(scene: &Scene<'_>, account: &Account, role: &str) -> Result<Person, Refusal> {
    human(scene, account)?;
    // Whoever holds the role is known by then.
    let _ = scene.role(role);
    let Some(person) = scene.people.of_seen(account) else {
        return Err(Refusal::new(Ground::NotInRole, format!("not in {role}")));
    };
    holds(scene, person, role)?;
    Ok(person)
}

/// Whether somebody whose signature names him, as an identity provider does, may sign for a role: no contributor, and one
/// who holds it. Of an identity that nobody links to a person, such as a workflow's, the policy that names it is the word.
pub fn signs(scene: &Scene<'_>, identity: &str, role: Option<&str>, by_pattern: bool) -> Result<(), Refusal> {
    let account = Account::from(format!("oidc:{identity}").as_str());
    if let Some(role) = role {
        // Whoever holds the role is known by then.
        let _ = scene.role(role);
    }
    if scene.people.facts(account.as_str()).is_some() {
        human(scene, &account)?;
    }
    let Some(person) = scene.people.of_seen(&account) else {
        // A key, a workflow (a URI) or one address is what the gate names. Of many addresses each is somebody's, and he may
        // be anybody.
        let anybodys = by_pattern && identity.contains('@') && !identity.contains("://");
        if anybodys {
            let says = "nobody links that identity to a person, who may have had a hand in it; add it to `people`";
            return Err(Refusal::new(Ground::Unlinked, says));
        }
        return Ok(());
    };
    separation::contributed(scene, person)?;
    role.map_or(Ok(()), |role| holds(scene, person, role))
}

/// A role that may only read, of those that somebody is in.
pub(super) fn reader<'s>(scene: &Scene<'s>, by: &Account) -> Option<&'s str> {
    let is_in = |role: &&Role| {
        // Whoever holds the role is known by then.
        let members = scene.role(&role.name).map(|(_, members)| members);
        members.is_some_and(|members| scene.people.of_seen(by).is_some_and(|person| members.seat(person).is_some()))
    };
    scene.rules.roles.iter().filter(|role| !role.may_approve).find(is_in).map(|role| role.name.as_str())
}

/// Who could fill a role, contributors among them.
#[must_use]
pub fn eligible(scene: &Scene<'_>, role: &str) -> Holders {
    let Some((stated, membership)) = scene.role(role) else { return Holders::default() };
    membership.holders.get_or_init(|| holders(scene, stated, membership)).clone()
}

fn holders(scene: &Scene<'_>, stated: &Role, membership: &Membership<'_>) -> Holders {
    let unreadable = membership.unreadable.map(|(group, why)| format!("`{group}`: {why}"));
    if !stated.may_approve {
        return Holders { people: Vec::new(), unreadable };
    }
    let linked = |person: &Person| !scene.rules.linked_only || scene.people.linked(*person);
    let mut people: Vec<Person> =
        membership.fair().filter(linked).filter(|person| scene.people.able(*person) != Able::No).collect();
    people.sort_by(|one, other| scene.people.in_order(*one, *other));
    Holders { people, unreadable }
}

/// Who could fill a role and did not contribute.
#[must_use]
pub fn eligible_independent(scene: &Scene<'_>, role: &str) -> Holders {
    let mut holders = eligible(scene, role);
    holders.people.retain(|person| scene.contributors.of(*person).is_none());
    holders
}
