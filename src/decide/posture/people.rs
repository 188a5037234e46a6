//! The people whom the policy names beside those whom the forge knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Unread};
use crate::model::facts::people::folded;
use crate::model::inspection::Flaw;
use crate::model::posture::Posture;
use crate::policy::Policy;
use crate::policy::rules::{MemberRef, Role};

/// How accounts of this forge begin in a policy.
const PREFIX: &str = "github:";

/// The logins that a member of a role has here; `None` where he is of another system, or a group.
fn of_member(policy: &Policy, member: &MemberRef) -> Option<Vec<String>> {
    let login = |account: &str| folded(account).strip_prefix(PREFIX).map(str::to_owned);
    match member {
        MemberRef::Account(account) => login(account).map(|login| vec![login]),
        MemberRef::User(name) => match policy.rules.people.iter().find(|person| person.name == *name) {
            Some(person) => Some(person.accounts.iter().filter_map(|account| login(account)).collect()),
            None => Some(vec![name.to_ascii_lowercase()]),
        },
        MemberRef::Group(_) => None,
    }
}

fn members(policy: &Policy) -> impl Iterator<Item = (&Role, &MemberRef)> {
    policy.rules.roles.iter().flat_map(|role| role.members.iter().map(move |member| (role, member)))
}

/// The logins of everybody who holds a role by name.
#[must_use]
pub fn logins(policy: &Policy) -> Vec<String> {
    let all: BTreeSet<String> = members(policy).filter_map(|(_, member)| of_member(policy, member)).flatten().collect();
    all.into_iter().collect()
}

/// The groups of this forge that hold a role, as the policy names them.
#[must_use]
pub fn groups(policy: &Policy) -> Vec<String> {
    let group = |member: &MemberRef| match member {
        MemberRef::Group(group) if folded(group).starts_with(PREFIX) => Some(group.clone()),
        _ => None,
    };
    let all: BTreeSet<String> = members(policy).filter_map(|(_, member)| group(member)).collect();
    all.into_iter().collect()
}

pub(super) fn judge(found: &mut Found<'_>, posture: &Posture, policy: &Policy) {
    let mut approvers: BTreeMap<String, &str> = BTreeMap::new();
    for (role, member) in members(policy) {
        let place = format!("role {}", role.name);
        let holders = match member {
            MemberRef::Group(group) => match posture.groups.get(group) {
                Some(fact) => of_group(found, &place, group, fact),
                None => continue,
            },
            member => {
                let logins = of_member(policy, member).unwrap_or_default();
                if let MemberRef::User(name) = member
                    && logins.is_empty()
                {
                    let says = format!("`user:{name}` has no account on GitHub in `people`, and cannot approve there");
                    found.flaw(
                        Flaw::MemberUnknown,
                        &place,
                        says,
                        "link the account under `people`, or take the name away",
                    );
                }
                known(found, posture, &place, logins)
            }
        };
        if role.may_approve {
            approvers.extend(holders.into_iter().map(|login| (login.to_ascii_lowercase(), role.name.as_str())));
        }
    }
    let administrators = found.stated(&posture.administrators, "administrators", "who administers the repository");
    let both = administrators.into_iter().flatten().filter_map(|login| {
        let role = approvers.get(&login.to_ascii_lowercase())?;
        Some(format!("{login} ({role})"))
    });
    let both: Vec<String> = both.collect();
    if !both.is_empty() {
        let says = format!(
            "these approve by the policy and can switch its protection off as well, and so deploy alone: {}",
            both.join(", ")
        );
        let mend = "let others administer the repository, or others approve";
        found.flaw(Flaw::ApproverAdministers, "administrators", says, mend);
    }
}

fn of_group(
    found: &mut Found<'_>,
    place: &str,
    group: &str,
    fact: &crate::model::facts::Fact<Vec<String>>,
) -> Vec<String> {
    match found.known(fact, place, &format!("who is in `{group}`")) {
        Ok(Some(members)) if members.is_empty() => {
            let says = format!("nobody is in `{group}`, so that nobody can approve as one of it");
            found.flaw(Flaw::GroupEmpty, place, says, "put its members into it, or name another group");
            Vec::new()
        }
        Ok(Some(members)) => members.clone(),
        Ok(None) => {
            let says =
                format!("GitHub knows no team `{group}`, or does not show it, so that nobody can approve as one of it");
            found.flaw(Flaw::MemberUnknown, place, says, "mend the team's name in the policy");
            Vec::new()
        }
        Err(Unread) => Vec::new(),
    }
}

/// Those of some logins that GitHub has, and lets act.
fn known(found: &mut Found<'_>, posture: &Posture, place: &str, logins: Vec<String>) -> Vec<String> {
    let mut there = Vec::new();
    for login in logins {
        let Some(fact) = posture.accounts.get(&login) else { continue };
        match found.known(fact, place, &format!("whether `{login}` is an account")) {
            Ok(Some(true)) => there.push(login),
            Ok(Some(false)) => {
                let says = format!("`{login}` is suspended on GitHub, and cannot approve");
                found.flaw(Flaw::MemberUnknown, place, says, "name somebody else in the policy");
            }
            Ok(None) => {
                let says = format!("GitHub knows no account `{login}`: whoever takes that name would hold the role");
                found.flaw(Flaw::MemberUnknown, place, says, "mend or take away the name in the policy");
            }
            Err(Unread) => {}
        }
    }
    there
}
