//! What runs in an environment, by the record.
//!
//! Whoever may push can write into a forge's list of deployments. A commit in it counts as what runs only where this
//! record opened the environment for it. A component runs what it went with last by then: a release of others says nothing
//! of it. What never went is new from its beginning, and has to be covered whole.
//!
//! What somebody let in past the decision runs as well, where its job proves it. It is no place to begin from: everything
//! since what last ran by a decision is judged by the next release, what went past it included.

use std::collections::{BTreeMap, BTreeSet};

use super::docket::Key;
use crate::model::facts::{Fact, Facts};
use crate::policy::Policy;
use crate::policy::rules::Component;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// What ran, by component; the empty name stands for all that are not named.
pub(super) struct Ran {
    pub(super) since: BTreeMap<String, String>,
    pub(super) otherwise: Fact<String>,
}

/// What a forge shows to run, held against the record. `began` is what ran before it.
pub(super) async fn proven(
    reader: &mut Reader,
    forge: &str,
    key: &Key,
    policy: &Policy,
    shown: Fact<String>,
    began: &BTreeMap<String, String>,
) -> Result<Ran, DatabaseFault> {
    let shown = match shown {
        Fact::Absent => told(reader, forge, key).await?,
        shown => shown,
    };
    let Fact::Known(commit) = shown else { return Ok(Ran { since: began.clone(), otherwise: shown }) };
    let mut since = BTreeMap::new();
    let deployed = reader.deployed(forge, &key.repository).await?;
    // What a decision let in is found among the openings.
    let here: Vec<&Deployed> =
        deployed.iter().filter(|it| it.is_proven() && it.environment == key.environment).collect();
    let succeeded = |it: &&&Deployed| it.run.is_some() && it.outcome.as_deref() == Some("succeeded");
    let last = here.iter().filter(succeeded).map(|it| it.began).max();
    // What went past long ago, or ended without doing anything, is not why this is shown to run.
    let went_past = here.iter().any(|it| {
        it.run.is_some()
            && it.decision.is_none()
            && it.outcome.as_deref() != Some("cancelled")
            && last.is_none_or(|last| it.began >= last)
            && it.commit.eq_ignore_ascii_case(&commit)
    });
    // What was let go, and was stopped before its job began, was maybe rejected since, and is in nothing that runs.
    let ran: BTreeSet<u64> = here.iter().filter_map(|it| it.decision).collect();
    let worked = |it: &&&Deployed| it.outcome.as_deref() != Some("cancelled");
    let did: BTreeSet<u64> = here.iter().filter(worked).filter_map(|it| it.decision).collect();
    let mut opened = false;
    let here = |it: &&Component| it.may_be_in(forge, &key.repository);
    let components: Vec<&Component> = policy.rules.components.iter().filter(here).collect();
    for opening in reader.openings(forge, &key.repository, &key.environment).await? {
        // Also where it is shown to run: whoever may deploy can write how a deployment went.
        if ran.contains(&opening.entry) && !did.contains(&opening.entry) {
            continue;
        }
        let facts = reader.blob(opening.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        let Some(release) = facts.map(|facts| facts.release) else { continue };
        opened |= release.commit.eq_ignore_ascii_case(&commit);
        if !(opened || went_past && ran.contains(&opening.entry)) {
            continue;
        }
        if components.is_empty() {
            return Ok(Ran { since: BTreeMap::from([(String::new(), release.commit)]), otherwise: Fact::Absent });
        }
        for component in components.iter().filter(|it| release.components.contains_key(&it.name)) {
            since.entry(component.name.clone()).or_insert_with(|| release.commit.clone());
        }
        if since.len() == components.len() {
            break;
        }
    }
    for (name, before) in began {
        since.entry(name.clone()).or_insert_with(|| before.clone());
    }
    // Where nothing was decided yet, nothing says from where on what went past is to be judged.
    if opened || went_past && !since.is_empty() {
        return Ok(Ran { since, otherwise: Fact::Absent });
    }
    let why = format!(
        "`{}` runs {commit}, for which no decision of this record opened it; if that is right, start the app with \
         `--since {}:{}={commit}`",
        key.environment, key.repository, key.environment
    );
    Ok(Ran { since, otherwise: Fact::Unavailable(why.into()) })
}

/// What ran last by the word of whoever deployed it, where the forge knows of no deployment at all and a decision let it in.
async fn told(reader: &mut Reader, forge: &str, key: &Key) -> Result<Fact<String>, DatabaseFault> {
    let all = reader.deployed(forge, &key.repository).await?;
    let ran = all.into_iter().filter(|it| {
        it.told.is_some()
            && it.environment == key.environment
            && it.outcome.as_deref() == Some("succeeded")
            && it.decision.is_some()
    });
    Ok(ran.max_by_key(|it| (it.ended_from(), it.counts_from())).map_or(Fact::Absent, |it| Fact::Known(it.commit)))
}
