//! What earlier releases left to be done, as the record has it, for those who are decided on now.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::flow::recorded;
use crate::log::entry::Entry;
use crate::model::facts::{Account, AccountFacts, Fact, Facts, OwedObligation};
use crate::model::release_decision::{Class, OpenedObligation, ReleaseDecision};
use crate::policy::Policy;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Left;
use crate::store::reader::Reader;

/// Why nothing is known of an old release.
const GONE: &str = "what the release was is not kept any more";

/// What releases of the same owner left to people to be done, as far as it concerns a repository: what its own left, and
/// what teams and components of its policy did. Whoever may read this repository reads its facts, and may not read others.
/// They become facts of a release, with what was known of those who had a hand in the earlier one: of somebody of whom
/// nothing is known it cannot be told that he is not the one who meets it.
pub(super) async fn add(
    reader: &mut Reader,
    (forge, repository): (&str, &str),
    policy: &Policy,
    release: &mut Facts,
) -> Result<(), DatabaseFault> {
    let mut found = Vec::new();
    let owner = |name: &str| name.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let here = |left: &Left| left.stream.forge == forge && owner(&left.stream.repository) == owner(repository);
    // What somebody is told is owed by us, and leaves by itself.
    let by_people = |left: &Left| !OpenedObligation::TOLD.contains(&left.kind.as_str());
    for left in reader.left().await?.into_iter().filter(|left| here(left) && !left.met && by_people(left)) {
        let own = left.stream.repository.eq_ignore_ascii_case(repository);
        let facts = reader.blob(left.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        let decision = reader.blob(left.document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok());
        let entry = recorded::entry(reader, left.entry).await?;
        let invoked = invoked_by(facts.as_ref(), decision.as_ref());
        let owed = owed(&left, facts.as_ref(), entry.as_ref(), (policy, &invoked));
        let before = found.len();
        // What another repository left is met there, by whoever its policy names: here it holds, whoever holds that role here.
        let here = |owed: OwedObligation| if own { owed } else { OwedObligation { by: None, ..owed } };
        found.extend(owed.into_iter().filter(|owed| own || concerns(owed, policy)).map(here));
        if let (Some(facts), Some(owed)) = (facts, found.get(before)) {
            with_accounts(release, facts.accounts, owed);
        }
    }
    release.obligations = Fact::Known(found);
    Ok(())
}

/// Adds what was known of whoever had a hand in what is owed, where nothing newer is.
fn with_accounts(release: &mut Facts, mut then: BTreeMap<Account, AccountFacts>, owed: &OwedObligation) {
    for account in owed.contributors.entries().iter().chain(owed.invoked_by.entries()) {
        if let Some(known) = then.remove(account) {
            let active = Fact::Unavailable("he did nothing here, and was not asked for".into());
            release.accounts.entry(account.clone()).or_insert(AccountFacts { active, ..known });
        }
    }
}

/// Whether what another repository left concerns a policy: by a team or a component of it. A policy without components
/// knows no team, and what is owed may be that of whoever releases.
fn concerns(owed: &OwedObligation, policy: &Policy) -> bool {
    let components = &policy.rules.components;
    components.is_empty()
        || components.iter().any(|it| {
            owed.components.contains(&it.name)
                || it.team.as_ref().is_some_and(|team| team.eq_ignore_ascii_case(&owed.team))
        })
}

/// One obligation, once for each team whose release it was.
fn owed(
    left: &Left,
    facts: Option<&Facts>,
    entry: Option<&Entry>,
    (policy, invoked_by): (&Policy, &Fact<Vec<Account>>),
) -> Vec<OwedObligation> {
    let gone = || GONE.into();
    let components: Vec<String> = facts.map(|it| it.release.components.keys().cloned().collect()).unwrap_or_default();
    let mut teams: BTreeSet<&str> = BTreeSet::new();
    for component in policy.rules.components.iter().filter(|it| components.contains(&it.name)) {
        teams.extend(component.team.as_deref());
    }
    if teams.is_empty() {
        teams.insert("");
    }
    let needs = entry.and_then(|entry| entry.body.get("needs_evidence")?.as_bool());
    let one = |team: &str| OwedObligation {
        id: left.id.clone(),
        kind: left.kind.clone(),
        release: left.stream.release.clone(),
        team: team.to_owned(),
        components: components.clone(),
        by: left.role.clone(),
        opened_at: entry.map_or_else(|| Fact::Unavailable(gone()), |entry| Fact::Known(entry.at)),
        due: match left.due.map(DateTime::<Utc>::from_timestamp_micros) {
            None => Fact::Absent,
            Some(Some(due)) => Fact::Known(due),
            Some(None) => Fact::Unavailable("the record has no instant there".into()),
        },
        contributors: facts.map_or_else(|| Fact::Unavailable(gone()), contributors),
        invoked_by: invoked_by.clone(),
        needs_evidence: needs.map_or_else(|| Fact::Unavailable(gone()), Fact::Known),
        incidents: Vec::new(),
        met: Fact::Known(left.met),
    };
    teams.into_iter().map(one).collect()
}

/// Who let a release go as an emergency: whoever filled a requirement of the decision that let it go, or signed its grant.
/// Absent where it was no emergency.
fn invoked_by(facts: Option<&Facts>, decision: Option<&ReleaseDecision>) -> Fact<Vec<Account>> {
    let (Some(facts), Some(decision)) = (facts, decision) else { return Fact::Unavailable(GONE.into()) };
    let grant = facts.release.break_glass.known();
    if decision.class != Class::Emergency && grant.is_none() {
        return Fact::Absent;
    }
    let filled = decision.approvals.iter().flat_map(|asked| &asked.by).flat_map(|by| &by.accounts);
    let mut found: BTreeSet<Account> = filled.map(|account| Account::from(account.as_str())).collect();
    found.extend(grant.into_iter().flat_map(|grant| grant.signed_by.iter().cloned()));
    Fact::Known(found.into_iter().collect())
}

/// Everybody who had a hand in a release, or started it.
fn contributors(facts: &Facts) -> Fact<Vec<Account>> {
    let mut found: BTreeSet<Account> = BTreeSet::new();
    let mut add = |fact: &Fact<Account>| match fact {
        Fact::Known(account) => {
            found.insert(account.clone());
            Ok(())
        }
        Fact::Absent => Ok(()),
        Fact::Unavailable(why) => Err(why.clone()),
    };
    let mut all = || {
        add(&facts.release.trigger)?;
        let changes = match &facts.release.changes {
            Fact::Unavailable(why) => return Err(why.clone()),
            changes => changes.entries(),
        };
        for change in changes {
            let commits = match &change.commits {
                Fact::Unavailable(why) => return Err(why.clone()),
                commits => commits.entries(),
            };
            for commit in commits {
                for account in [&commit.author, &commit.committer, &commit.pushed_by] {
                    add(account)?;
                }
                for several in [&commit.co_authors, &commit.on_behalf_of] {
                    if let Fact::Unavailable(why) = several {
                        return Err(why.clone());
                    }
                    several.entries().iter().try_for_each(|account| add(&Fact::Known(account.clone())))?;
                }
            }
        }
        Ok(())
    };
    match all() {
        Ok(()) if found.is_empty() => Fact::Absent,
        Ok(()) => Fact::Known(found.into_iter().collect()),
        Err(why) => Fact::Unavailable(why),
    }
}
