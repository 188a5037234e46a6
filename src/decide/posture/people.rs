//! The people whom the policy names beside those whom the forge knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Unread};
use crate::model::facts::people::folded;
use crate::model::inspection::Flaw;
use crate::model::posture::{Deployer, Environment, Posture};
use crate::model::wording::Wording;
use crate::policy::Policy;
use crate::policy::rules::{MemberRef, Role};

/// The logins that a member of a role has here; `None` where he is of another system, or a group.
fn of_member(policy: &Policy, member: &MemberRef, wording: &Wording) -> Option<Vec<String>> {
    let login = |account: &str| {
        let folded = folded(account);
        folded.strip_prefix(wording.accounts)?.strip_prefix(':').map(str::to_owned)
    };
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
pub fn logins(policy: &Policy, wording: &Wording) -> Vec<String> {
    let all: BTreeSet<String> =
        members(policy).filter_map(|(_, member)| of_member(policy, member, wording)).flatten().collect();
    all.into_iter().collect()
}

/// The groups of this forge that hold a role, as the policy names them.
#[must_use]
pub fn groups(policy: &Policy, wording: &Wording) -> Vec<String> {
    let here = |group: &str| folded(group).split_once(':').is_some_and(|(system, _)| system == wording.accounts);
    let group = |member: &MemberRef| match member {
        MemberRef::Group(group) if here(group) => Some(group.clone()),
        _ => None,
    };
    let all: BTreeSet<String> = members(policy).filter_map(|(_, member)| group(member)).collect();
    all.into_iter().collect()
}

pub(super) fn judge(found: &mut Found<'_>, posture: &Posture, policy: &Policy) {
    let wording = found.wording;
    let mut approvers: BTreeMap<String, &str> = BTreeMap::new();
    let mut approving: BTreeSet<String> = BTreeSet::new();
    for (role, member) in members(policy) {
        let place = format!("role {}", role.name);
        let holders = match member {
            MemberRef::Group(group) => match posture.groups.get(group) {
                Some(fact) => of_group(found, &place, group, fact),
                None => continue,
            },
            member => {
                let logins = of_member(policy, member, wording).unwrap_or_default();
                if let MemberRef::User(name) = member
                    && logins.is_empty()
                {
                    let says = format!(
                        "`user:{name}` has no account on {} in `people`, and cannot approve there",
                        wording.forge
                    );
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
        if let (true, MemberRef::Group(group)) = (role.may_approve, member) {
            approving.insert(bare(group));
        }
        if role.may_approve {
            approvers.extend(holders.into_iter().map(|login| (login.to_ascii_lowercase(), role.name.as_str())));
        }
    }
    for environment in posture.environments.entries() {
        let is_formal = policy.environments.iter().any(|known| known.name == environment.name && known.formal);
        if is_formal {
            deployers(found, environment, (&approvers, &approving));
        }
    }
    overseers(found, posture, &approvers);
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

/// Whether whoever approves administers the server as well: there he may do so in anybody's place.
fn overseers(found: &mut Found<'_>, posture: &Posture, approvers: &BTreeMap<String, &str>) {
    let place = "the server";
    let Some(all) = found.stated(&posture.particular.overseers, place, "who administers the server") else { return };
    let both: Vec<&str> =
        all.iter().map(String::as_str).filter(|it| approvers.contains_key(&it.to_ascii_lowercase())).collect();
    if !both.is_empty() {
        let says = format!(
            "these approve by the policy and administer the server, and so may approve every deployment in anybody's place, the \
             app's included, and play it: {}",
            both.join(", ")
        );
        let mend = "let them approve by accounts that administer nothing, or let others administer the server";
        found.flaw(Flaw::ServerAdministrators, place, says, mend);
    }
}

/// A group without the sign that some forges have before it.
fn bare(group: &str) -> String {
    folded(group).replace(":@", ":")
}

/// Whether more than those who approve may start what is deployed to an environment, or play its job.
fn deployers(
    found: &mut Found<'_>,
    environment: &Environment,
    (approvers, groups): (&BTreeMap<String, &str>, &BTreeSet<String>),
) {
    let place = format!("environment {}", environment.name);
    let Some(all) = found.stated(&environment.deployers, &place, "who may deploy there") else { return };
    let more = all.iter().filter_map(|it| match it {
        Deployer::App => None,
        Deployer::Account(login) => (!approvers.contains_key(&login.to_ascii_lowercase())).then(|| login.clone()),
        Deployer::Group(group) => (!groups.contains(&bare(group))).then(|| group.clone()),
        Deployer::Place(place) => Some(place.clone()),
    });
    let more: Vec<String> = more.collect();
    if !more.is_empty() {
        let says = format!(
            "these may deploy there and approve nothing by the policy, and so may play a job that was approved: {}",
            more.join(", ")
        );
        let mend = format!("let the app's account and approvers alone deploy to `{}`", environment.name);
        found.flaw(Flaw::DeployersWide, &place, says, mend);
    }
}

fn of_group(
    found: &mut Found<'_>,
    place: &str,
    group: &str,
    fact: &crate::model::facts::Fact<Vec<String>>,
) -> Vec<String> {
    let what = found.wording.group;
    match found.known(fact, place, &format!("who is in `{group}`")) {
        Ok(Some(members)) if members.is_empty() => {
            let says = format!("nobody is in `{group}`, so that nobody can approve as one of it");
            found.flaw(Flaw::GroupEmpty, place, says, "put its members into it, or name another group");
            Vec::new()
        }
        Ok(Some(members)) => members.clone(),
        Ok(None) => {
            let says = format!(
                "{} knows no {what} `{group}`, or does not show it, so that nobody can approve as one of it",
                found.wording.forge
            );
            found.flaw(Flaw::MemberUnknown, place, says, format!("mend the {what}'s name in the policy"));
            Vec::new()
        }
        Err(Unread) => Vec::new(),
    }
}

/// Those of some logins that GitHub has, and lets act.
fn known(found: &mut Found<'_>, posture: &Posture, place: &str, logins: Vec<String>) -> Vec<String> {
    let (mut there, forge) = (Vec::new(), found.wording.forge);
    for login in logins {
        let Some(fact) = posture.accounts.get(&login) else { continue };
        match found.known(fact, place, &format!("whether `{login}` is an account")) {
            Ok(Some(true)) => there.push(login),
            Ok(Some(false)) => {
                let says = format!("`{login}` is suspended on {forge}, and cannot approve");
                found.flaw(Flaw::MemberUnknown, place, says, "name somebody else in the policy");
            }
            Ok(None) => {
                let says = format!("{forge} knows no account `{login}`: whoever takes that name would hold the role");
                found.flaw(Flaw::MemberUnknown, place, says, "mend or take away the name in the policy");
            }
            Err(Unread) => {}
        }
    }
    there
}
