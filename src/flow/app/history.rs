//! What was deployed becomes facts of a release: what its components ran before and how that went, and what each team did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::ledger::{is_formal, outcome};
use super::openings::Left;
use super::past::Went;
use super::policy::Read;
use super::records::Caused;
use super::ruling::Attempts;
use super::{Desk, imported};
use crate::forge::Hub;
use crate::model::facts::history::TeamDeployment;
use crate::model::facts::{Deployment, Fact, Facts, Outcome, Released, TeamHistory};
use crate::policy::Policy;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// Of a deployment that no job is.
const UNPROVEN: &str =
    "no job of the forge's own pipeline is known to be this deployment, and anybody who may push can write one down";
/// How far back is told what teams did.
const YEAR: TimeDelta = TimeDelta::days(366);

/// A deployment with what went by its decision, where it had one that is kept.
pub(super) type Known = (Deployed, Option<Arc<Went>>);

fn instant(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

/// How a deployment ended; absent while its job goes on.
fn ended(row: &Deployed) -> (Fact<Outcome>, Fact<DateTime<Utc>>) {
    match (row.outcome.as_deref().and_then(outcome), row.ended_from().and_then(instant)) {
        (Some(outcome), Some(at)) => (Fact::Known(outcome), Fact::Known(at)),
        _ if row.is_proven() => (Fact::Absent, Fact::Absent),
        _ => (Fact::Unavailable(UNPROVEN.into()), Fact::Unavailable(UNPROVEN.into())),
    }
}

/// When something began, or was heard of, in each environment of a repository: microseconds of the Unix time, in order.
struct Instants<'r>(BTreeMap<&'r str, Vec<i64>>);

impl<'r> Instants<'r> {
    fn of(rows: &'r [Known]) -> Self {
        let mut all: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (row, _) in rows {
            let here = all.entry(row.environment.as_str()).or_default();
            here.push(row.began);
            here.extend(Some(row.counts_from()).filter(|heard| *heard > row.began));
        }
        for here in all.values_mut() {
            here.sort_unstable();
        }
        Self(all)
    }

    /// When a deployment of these began, among the others. What somebody tells late of is not put before what was there when he
    /// told it.
    fn began(&self, row: &Deployed) -> i64 {
        let heard = row.counts_from();
        let until = |at: i64| self.0.get(row.environment.as_str()).map_or(0, |all| all.partition_point(|it| *it <= at));
        // That it was heard of itself is one of them.
        if until(heard).saturating_sub(until(row.began)) > 1 { heard } else { row.began }
    }
}

/// Puts what the record knows of a deployment in the place of what the forge's list does not.
fn told(deployment: &mut Deployment, (row, went): &Known, instants: &Instants<'_>) {
    (deployment.outcome, deployment.finished_at) = ended(row);
    if let Some(began) = instant(instants.began(row)) {
        deployment.opened_at = began;
    }
    deployment.approved = match row.decision {
        Some(_) => Fact::Known(true),
        None if row.is_proven() => Fact::Known(false),
        None => Fact::Unavailable(UNPROVEN.into()),
    };
    match went {
        Some(went) => {
            deployment.release.clone_from(&went.release);
            deployment.components.clone_from(&went.components);
            if let Some(told) = row.told.as_ref().filter(|told| !told.components.is_empty()) {
                deployment.components.retain(|name, _| told.components.contains(name));
            }
            deployment.parts.clone_from(&went.parts);
        }
        None if row.decision.is_some() => {
            deployment.parts = Fact::Unavailable("what went by its decision is not kept any more".into());
        }
        // What no decision let in was opened as no part of anything.
        None => {}
    }
}

impl<H: Hub> Desk<H> {
    /// Adds to the facts what the record knows of earlier deployments.
    pub(super) async fn with_history(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        (read, attempts): (&Read, &Attempts),
        facts: &mut Facts,
    ) -> Result<(), DatabaseFault> {
        let (repository, policy) = (facts.release.repository.clone(), &read.policy);
        // Nothing of it is known before all of it was read once.
        let unread = self.accounted(forge, &repository, read).await.err().map(|why| why.to_string());
        let mut rows = Vec::new();
        for row in once(reader.deployed(H::NAME, &repository).await?) {
            rows.push(self.known(reader, row).await?);
        }
        let environment = &facts.release.environment;
        let from = policy.rules.environments.iter().find(|it| it.name == *environment).and_then(|it| it.from.as_ref());
        let none = self.without_artifacts(read);
        let unlisted = self.unlisted(reader, (facts, attempts), &rows).await?;
        if let Fact::Known(deployments) = &mut facts.deployments {
            for deployment in deployments.iter_mut() {
                without(deployment, &none);
            }
            let instants = Instants::of(&rows);
            let mut left: BTreeMap<&str, &Known> = rows.iter().map(|it| (it.0.id.as_str(), it)).collect();
            for deployment in deployments.iter_mut() {
                if let Some(known) = left.remove(deployment.release.as_str()) {
                    told(deployment, known, &instants);
                }
            }
            let asked = |it: &&Known| it.0.environment == *environment || Some(&it.0.environment) == from;
            // What the forge does not list, or not any more, was there all the same.
            deployments.extend(unlisted);
            deployments.extend(left.into_values().filter(asked).filter_map(|known| gone(known, &instants, policy)));
            deployments.sort_by(|a, b| (a.opened_at, &a.release).cmp(&(b.opened_at, &b.release)));
        }
        facts.release.vendors_before = match &unread {
            None => self.vendors_before(reader, policy, facts, &rows).await?,
            Some(why) => Fact::Unavailable(why.clone().into()),
        };
        let owner = repository.split('/').next().unwrap_or_default().to_owned();
        let since = (self.now() - YEAR).timestamp_micros();
        let mut all = Vec::new();
        for row in once(reader.deployed_since(H::NAME, &owner, since).await?) {
            let (row, went) = self.known(reader, row).await?;
            // What went past was an emergency of those whose components went, whether or not somebody had granted it.
            let went = if went.is_some() { went } else { self.taken_up(reader, &row).await? };
            all.push((row, went));
        }
        // Where they cannot be read, nobody knows of any what caused it.
        let caused = match facts.incidents.unavailable().filter(|_| policy.rules.incidents.is_some()) {
            Some(why) => Caused::Unread(why.to_owned()),
            None => self.caused(reader, &policy.rules, &repository).await?,
        };
        for team in policy.rules.components.iter().filter_map(|it| it.team.as_deref()) {
            let history = match &unread {
                None => Fact::Known(of_team(policy, (&repository, team), &all, &caused)),
                Some(why) => Fact::Unavailable(why.clone().into()),
            };
            facts.teams.insert(team.to_owned(), history);
        }
        // A release that waits has gone nowhere yet.
        facts.release.outcome = Fact::Absent;
        Ok(())
    }

    /// What this very release was let in for before, where no deployment is known of that: whoever may push can take one
    /// out of the forge's list before it is read, and the approvals were used up all the same.
    async fn unlisted(
        &self,
        reader: &mut Reader,
        (facts, attempts): (&Facts, &Attempts),
        rows: &[Known],
    ) -> Result<Vec<Deployment>, DatabaseFault> {
        let (release, mut found) = (&facts.release, Vec::new());
        let since = (self.now() - YEAR).timestamp_micros();
        let seen = |entry: u64| rows.iter().any(|(row, _)| row.decision == Some(entry));
        for of in reader.let_go(H::NAME, &release.repository, since).await? {
            if !of.arrived || of.stream.release != release.name || seen(of.entry) {
                continue;
            }
            let left = reader.blob(of.body).await?.and_then(|bytes| serde_json::from_slice::<Left>(&bytes).ok());
            // The attempt that asks now is no earlier one.
            let is_other = |left: &Left| left.run.is_none_or(|run| attempts.get(&run).copied() != left.attempt);
            let here = |left: &Left| left.waits_at.as_ref() == Some(&release.environment) && is_other(left);
            let Some((left, opened_at)) = left.filter(here).zip(instant(of.at)) else { continue };
            let Some(went) = self.went(reader, of.entry).await? else { continue };
            found.push(Deployment {
                release: of.stream.release,
                environment: release.environment.clone(),
                commit: left.commit,
                components: went.components.clone(),
                opened_at,
                finished_at: Fact::Absent,
                outcome: Fact::Absent,
                approved: Fact::Known(true),
                parts: went.parts.clone(),
            });
        }
        Ok(found)
    }

    /// What went past the decision, by that which took it up.
    async fn taken_up(&self, reader: &mut Reader, row: &Deployed) -> Result<Option<Arc<Went>>, DatabaseFault> {
        if row.decision.is_some() || !row.is_proven() {
            return Ok(None);
        }
        match imported::decision(reader, H::NAME, row).await? {
            Some(decision) => self.went(reader, decision).await,
            None => Ok(None),
        }
    }

    async fn known(&self, reader: &mut Reader, row: Deployed) -> Result<Known, DatabaseFault> {
        let went = match row.decision {
            Some(decision) => self.went(reader, decision).await?,
            None => None,
        };
        Ok((row, went))
    }
}

/// Each deployment once: of one that a job of the forge's told of, and that the forge knows as that job's, the forge's own
/// word counts.
pub(super) fn once(mut rows: Vec<Deployed>) -> Vec<Deployed> {
    type Place = (String, String, Option<u64>);
    let place = |it: &Deployed| -> Place { (it.repository.clone(), it.environment.clone(), it.run) };
    let by_forge: BTreeSet<Place> =
        rows.iter().filter(|it| it.told.is_none() && it.run.is_some()).map(&place).collect();
    rows.retain(|it| it.told.is_none() || !by_forge.contains(&place(it)));
    rows
}

/// What has no artifacts had none then.
fn without(deployment: &mut Deployment, none: &BTreeMap<String, Vec<String>>) {
    for (name, released) in &mut deployment.components {
        if none.contains_key(name) && released.artifacts.unavailable().is_some() {
            released.artifacts = Fact::Absent;
        }
    }
}

/// A deployment that the forge lists no longer.
fn gone(known: &Known, instants: &Instants<'_>, policy: &Policy) -> Option<Deployment> {
    let (row, _) = known;
    let why = match &row.told {
        None => "the forge does not list this deployment any more",
        Some(_) => "no decision let it in, and whoever told of it told no more than that",
    };
    let unknown = |name: &str| {
        let released = Released { content: Fact::Unavailable(why.into()), artifacts: Fact::Unavailable(why.into()) };
        (name.to_owned(), released)
    };
    let mut deployment = Deployment {
        release: row.id.clone(),
        environment: row.environment.clone(),
        commit: row.commit.clone(),
        components: policy.rules.components.iter().map(|it| unknown(&it.name)).collect(),
        opened_at: instant(row.began)?,
        finished_at: Fact::default(),
        outcome: Fact::default(),
        approved: Fact::default(),
        parts: Fact::Unavailable(why.into()),
    };
    told(&mut deployment, known, instants);
    Some(deployment)
}

/// What a team did where people have to approve, by the deployments of its components. What no decision let in, and none took
/// up, belongs to every team of its repository; whoever tells of such a one makes no team look better by it.
fn of_team(policy: &Policy, (repository, team): (&str, &str), all: &[Known], caused: &Caused) -> TeamHistory {
    let own: Vec<&str> = policy
        .rules
        .components
        .iter()
        .filter(|it| it.team.as_deref() == Some(team))
        .map(|it| it.name.as_str())
        .collect();
    let of_team = |(row, went): &&Known| {
        // Of what went, only part may have been told; but what went is what was decided, and not what anybody says.
        let told = |name: &str| match &row.told {
            Some(told) if !told.components.is_empty() => told.components.iter().any(|it| it == name),
            _ => true,
        };
        let its = match went {
            Some(went) => own.iter().any(|name| went.components.contains_key(*name) && told(name)),
            None => row.repository.eq_ignore_ascii_case(repository),
        };
        let is_word_alone = row.told.is_some() && row.decision.is_none() && went.is_none();
        let improves = row.outcome.as_deref().and_then(outcome) == Some(Outcome::Succeeded);
        its && !(is_word_alone && improves) && is_formal(policy, &row.environment)
    };
    let its: Vec<&Known> = all.iter().filter(of_team).collect();
    let deployments = its.iter().enumerate().filter_map(|(at, (row, went))| {
        let outcome = outcome(row.outcome.as_deref()?).filter(|it| *it != Outcome::Cancelled)?;
        let ended = row.ended.and_then(instant)?;
        let failed = outcome == Outcome::Failed;
        // What runs again there ends the failure.
        let mends = |(later, _): &&&Known| {
            later.environment == row.environment
                && later.repository == row.repository
                && later.outcome.as_deref().and_then(self::outcome) == Some(Outcome::Succeeded)
                && later.ended > row.ended
        };
        let restored =
            its.iter().skip(at + 1).filter(mends).filter_map(|(later, _)| later.ended_from().and_then(instant));
        Some(TeamDeployment {
            // What is told late is as old as the telling: else a failure would soon be too old to count.
            at: instant(row.counts_from())?,
            emergency: match went {
                Some(went) => went.emergency.clone(),
                None => Fact::Unavailable("no decision let it in, or it is not kept any more".into()),
            },
            failed: Fact::Known(failed),
            incidents: caused.by(row, went.as_deref()),
            detected_at: if failed { Fact::Known(ended) } else { Fact::Absent },
            restored_at: match restored.min() {
                Some(at) if failed => Fact::Known(at),
                _ => Fact::Absent,
            },
        })
    });
    TeamHistory { deployments: deployments.collect() }
}

#[cfg(test)]
mod tests {
    use super::{Caused, Instants, Known, ended, of_team};
    use crate::model::facts::{Fact, Outcome};
    use crate::policy::{Source, read};
    use crate::store::deployed::{Deployed, Told};

    fn row(id: &str, began: i64, heard: Option<i64>) -> Deployed {
        Deployed {
            forge: "github".to_owned(),
            repository: "acme/shop".to_owned(),
            environment: "production".to_owned(),
            id: id.to_owned(),
            commit: "51".to_owned(),
            run: heard.is_none().then_some(900),
            began,
            ended: Some(began + 1),
            outcome: Some("succeeded".to_owned()),
            decision: Some(1),
            let_in: None,
            told: heard.map(|heard| Told {
                by: "argocd".to_owned(),
                url: "https://argocd.acme.example".to_owned(),
                digest: None,
                components: Vec::new(),
                heard,
                heard_ended: Some(heard + 5),
            }),
            found: false,
        }
    }

    #[test]
    fn what_is_told_late_is_not_put_before_what_was_there_when_it_was_told() {
        let of = |told: &Deployed, other: Deployed| {
            let others: Vec<Known> = vec![(told.clone(), None), (other, None)];
            Instants::of(&others).began(told)
        };
        let late = row("told:1", 100, Some(900));
        // The way back is to what ran before the last one: it is none of those that somebody says to have run before that.
        assert_eq!(of(&late, row("DE_1", 500, None)), 900);
        assert_eq!(of(&late, row("told:2", 500, Some(510))), 900);
        assert_eq!(of(&late, row("told:2", 50, Some(800))), 900);
        // Where it is behind or before the same others either way, it began when it is said to have.
        assert_eq!(of(&late, row("DE_1", 50, None)), 100);
        assert_eq!(of(&late, row("DE_1", 901, None)), 100);
        let elsewhere = Deployed { environment: "staging".to_owned(), ..row("DE_1", 500, None) };
        assert_eq!(of(&late, elsewhere), 100);
        assert_eq!(of(&row("DE_2", 100, None), row("DE_1", 500, None)), 100);
        // A soak counts from when its end was heard of, whatever lies between.
        let (outcome, at) = ended(&late);
        assert_eq!(outcome, Fact::Known(Outcome::Succeeded));
        assert_eq!(at.known().map(chrono::DateTime::timestamp_micros), Some(905));
    }

    #[test]
    fn a_failure_that_is_told_late_is_as_old_as_the_telling() {
        let text = "version: 1\nenvironments:\n  production: { approval: formal }\n\
                    gates:\n  tests: { junit: a.xml, require: \"tests.failed == 0\" }\n\
                    components:\n  checkout: { paths: [\"checkout/**\"], team: shop }\n\
                    roles:\n  owner: { members: [\"github:bo\"] }\n\
                    raci:\n  - { on: checkout, accountable: owner }\nroutes:\n  normal: { approvals: { accountable: 1 } }\n";
        let (path, text) = ("countersign.yml".to_owned(), text.to_owned());
        let policy = read(vec![Source { path, text, sha256: String::new(), from: None }]).unwrap();
        let failed = Deployed { outcome: Some("failed".to_owned()), ..row("told:1", 100, Some(900)) };
        let all: Vec<Known> = vec![(failed, None)];
        let history = of_team(&policy, ("acme/shop", "shop"), &all, &Caused::None);
        let at: Vec<i64> = history.deployments.iter().map(|it| it.at.timestamp_micros()).collect();
        assert_eq!(at, [900]);
    }
}
