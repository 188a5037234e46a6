//! Which decision let in what others told of: the one that let this very content go into that environment, and was the last
//! word then. It is looked for by commit, by the digests of artifacts and by component, and nobody's word is needed for it.
//!
//! A decision lets its content in until something else was let in there, and once; again within the time that the policy has
//! for retries. What went under a grant lets in no more once its hours are over. What none let in is a finding where people have
//! to approve, and is taken up as an emergency. When something went is the word of whoever tells: it is never let in because it is
//! said to have gone before something else was, or within the time for retries. That goes by when it was heard, and for what ends long
//! after it began by when that was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::ledger::{Finding, Unread, is_formal};
use super::past::Went;
use super::policy::Read;
use super::undecided::{self, Heard, Undecided};
use super::{Desk, imported};
use crate::forge::Hub;
use crate::model::facts::Fact;
use crate::policy::Policy;
use crate::store::change::Stream;
use crate::store::deployed::{Deployed, Ruled, Told};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// By how much the clocks may differ, in microseconds.
const APART: i64 = 60_000_000;
/// For how long before a deployment its decision is looked for.
const LOOK_BACK: TimeDelta = TimeDelta::days(35);
/// How long a deployment may take before what let it in is looked for anew when it ends, microseconds.
const LONGEST: i64 = 24 * 3_600 * 1_000_000;
/// How long others may tell what they deployed under a grant after somebody has told that it was used, or its hours are over.
const AFTER_GRANT: i64 = 24 * 60 * 60 * 1_000_000;
/// How many are remembered of which all was done that follows from how they ended.
const REMEMBERED: usize = 10_000;

/// The deployments of which all was done, in this process, that follows from how they ended.
pub(super) type Settled = BTreeSet<String>;

/// A decision that let something go.
struct Candidate {
    entry: u64,
    stream: Stream,
    /// Since when, microseconds of the Unix time.
    at: i64,
    /// When it was recorded, likewise: later, where it was of something that had gone.
    recorded: i64,
    /// Whether somebody who waited was let in by it, or went under a grant; else it was only an answer.
    opened: bool,
    /// Until when the grant lets in what it is for, where there was one that said so.
    until: Option<i64>,
    went: Arc<Went>,
}

/// What was decided of releases on their way into an environment.
struct Decided {
    ruled: Vec<Ruled>,
    candidates: Vec<Candidate>,
}

impl Candidate {
    /// Whether what was told is what went by it.
    fn is_of(&self, row: &Deployed) -> bool {
        let Some(told) = &row.told else { return false };
        if !row.commit.is_empty() && !row.commit.eq_ignore_ascii_case(&self.went.commit) {
            return false;
        }
        let named = |name: &String| self.went.components.contains_key(name);
        if !told.components.iter().all(named) {
            return false;
        }
        let Some(digest) = &told.digest else { return !row.commit.is_empty() };
        let mut goes = self.went.components.iter().filter(|(name, _)| shares(&told.components, name));
        // An artifact of which the decision knew nothing was let in by nobody.
        let plain = |text: &str| text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        let is_it = |artifact: &String| plain(artifact) == plain(digest);
        goes.any(|(_, released)| match &released.artifacts {
            Fact::Known(artifacts) => artifacts.iter().any(is_it),
            Fact::Absent | Fact::Unavailable(_) => false,
        })
    }

    /// Whether another one lets in something else in the place of this.
    fn gives_way_to(&self, other: &Self, row: &Deployed) -> bool {
        let both = |name: &&String| self.went.components.contains_key(*name) && shares(told(row), name);
        let (own, its) = (&self.went.components, &other.went.components);
        let overlaps = own.is_empty() || its.is_empty() || its.keys().any(|name| both(&name));
        let differs = !other.went.commit.eq_ignore_ascii_case(&self.went.commit);
        other.at > self.at && other.at <= row.counts_from() && differs && overlaps
    }
}

/// Whether a list of components means one: an empty one means all.
fn shares(components: &[String], name: &str) -> bool {
    components.is_empty() || components.iter().any(|it| it == name)
}

impl Decided {
    /// Whether a decision was the last word when something began. What a person has rejected since is let in by nothing.
    fn was_the_last(&self, candidate: &Candidate, row: &Deployed) -> bool {
        let mut later = self.ruled.iter().filter(|it| {
            // When it began is the word of whoever tells: what was rejected before he told may have gone after that.
            let counts = it.ruling == "reject" || it.at <= row.counts_from() && it.ruling != "proceed";
            it.stream == candidate.stream && it.entry > candidate.entry && counts
        });
        later.all(|it| candidate.opened && it.ruling != "reject")
    }

    /// The decision that let a deployment in. `others` are those that were told of, as far as it is known what let them in.
    fn lets(&self, policy: &Policy, row: &Deployed, others: &BTreeMap<String, Deployed>) -> Option<u64> {
        let used = |entry: u64| {
            let before = |it: &&Deployed| it.id != row.id && it.counts_from() <= row.counts_from();
            others.values().filter(move |it| it.decision == Some(entry) && before(it))
        };
        let overtaken = |it: &Candidate| {
            let went = |other: &Candidate| other.opened || used(other.entry).next().is_some();
            self.candidates.iter().any(|other| it.gives_way_to(other, row) && went(other))
        };
        let in_time = |it: &Candidate| {
            let again = used(it.entry).any(|other| told(other).is_empty() || told(row).is_empty() || meet(other, row));
            let until = DateTime::<Utc>::from_timestamp_micros(it.at)
                .map(|at| policy.rules.calendar.due(at, policy.rules.retry_within).timestamp_micros());
            // What went under a grant was told to nobody while nobody could be: its hours are those in which it went, as long as
            // it is told soon after the grant was.
            let soon = |until: i64| row.counts_from() < until.max(it.recorded.saturating_add(AFTER_GRANT));
            let granted = || it.until.or(until).is_some_and(|until| row.began < until && soon(until));
            let retried = || until.is_some_and(|until| row.counts_from() < until);
            (!again || retried()) && (it.went.used.is_none() || granted())
        };
        let fits = |it: &&Candidate| {
            it.at <= row.began.saturating_add(APART)
                && it.is_of(row)
                && self.was_the_last(it, row)
                && in_time(it)
                && !overtaken(it)
        };
        self.candidates.iter().rev().find(fits).map(|it| it.entry)
    }
}

/// What ended so long after it was told to have begun that it may be another one by then: as if it had been told of only now.
fn long_after(row: &Deployed) -> Option<Deployed> {
    let (ended, told) = row.ended_from().zip(row.told.clone())?;
    let long = ended.saturating_sub(told.heard) > LONGEST;
    long.then(|| Deployed { told: Some(Told { heard: ended, ..told }), decision: None, ..row.clone() })
}

/// The components that were told; empty: all that the decision let go.
fn told(row: &Deployed) -> &[String] {
    row.told.as_ref().map_or(&[], |told| &told.components)
}

/// Whether two deployments are of some component both.
fn meet(one: &Deployed, other: &Deployed) -> bool {
    told(one).iter().any(|name| told(other).contains(name))
}

impl<H: Hub> Desk<H> {
    /// Finds out which decisions let in what others told of, and records that; what none let in is a finding. Says how much
    /// is new. What was heard of before `since`, and ended before, is let be.
    pub(super) async fn weigh_told(
        &self,
        reader: &mut Reader,
        (repository, read): (&str, &Read),
        known: &BTreeMap<String, Deployed>,
        since: DateTime<Utc>,
    ) -> Result<usize, Unread> {
        let policy = &read.policy;
        let since = since.timestamp_micros();
        let is_new = |it: &Deployed| it.counts_from() >= since || it.ended_from().is_some_and(|at| at >= since);
        let is_told = |it: &&Deployed| it.told.is_some() && is_new(it);
        let mut others: BTreeMap<String, Deployed> =
            known.values().filter(is_told).map(|it| (it.id.clone(), it.clone())).collect();
        let mut in_order: Vec<Deployed> = others.values().cloned().collect();
        in_order.sort_by(|a, b| (a.counts_from(), &a.id).cmp(&(b.counts_from(), &b.id)));
        let mut decided: BTreeMap<String, Decided> = BTreeMap::new();
        let mut new = 0;
        for mut row in in_order {
            let mut waits = None;
            if row.decision.is_none() {
                let environment = row.environment.clone();
                if !decided.contains_key(&environment) {
                    let of = self.decided_for(reader, repository, &environment).await?;
                    decided.insert(environment.clone(), of);
                }
                let Some(of) = decided.get(&environment) else { continue };
                if let Some(entry) = of.lets(policy, &row, &others) {
                    let commit = of.candidates.iter().find(|it| it.entry == entry).map(|it| it.went.commit.clone());
                    row = Deployed { decision: Some(entry), commit: commit.unwrap_or(row.commit), ..row };
                    self.write(&row, None).await?;
                    others.insert(row.id.clone(), row.clone());
                    new += 1;
                } else if is_formal(policy, &row.environment) {
                    let own = known.values().filter(|it| imported::is_of_one_job(it, &row)).max_by_key(|it| it.began);
                    let own = match own {
                        Some(own) => Some((own, imported::decision(reader, H::NAME, own).await?.is_some())),
                        None => None,
                    };
                    let heard = undecided::of_told(&row, own, self.now());
                    // What the forge does not list yet is looked for again.
                    waits = (heard == Heard::Waits && own.is_none()).then_some(Undecided::Asks);
                    if matches!(heard, Heard::Found | Heard::Past) && !row.found {
                        self.write(&row, Some(Finding::WithoutDecision)).await?;
                        row.found = true;
                        new += 1;
                    }
                    if matches!(heard, Heard::Past | Heard::TakenUp) {
                        self.to_import(repository, row.clone());
                    }
                }
            }
            if row.run.is_some() {
                self.asks(&row, waits);
            }
            // What the forge says of its own job counts, and not what that says of itself.
            let is_the_forges = || known.values().any(|it| imported::is_of_one_job(it, &row));
            if row.ended.is_none() || self.is_settled(&row.id) || is_the_forges() {
                continue;
            }
            if row.decision.is_some() && !row.found && is_formal(policy, &row.environment) {
                new += self.weigh_again(reader, (repository, policy), &row, (&others, &mut decided)).await?;
            }
            // What no decision let in was taken up by one.
            let decision = match row.decision {
                None if row.found => imported::decision(reader, H::NAME, &row).await?,
                own => own,
            };
            if let Some(decision) = decision {
                self.left_by_outcome(reader, &row, decision).await?;
                self.settle(row.id);
            }
        }
        Ok(new)
    }

    /// Looks again for what let something in that ended long after it began: a start that is told holds no door open. What
    /// nothing would let in by then is a finding. Says how much is new.
    async fn weigh_again(
        &self,
        reader: &mut Reader,
        (repository, policy): (&str, &Policy),
        row: &Deployed,
        (others, decided): (&BTreeMap<String, Deployed>, &mut BTreeMap<String, Decided>),
    ) -> Result<usize, Unread> {
        let Some(again) = long_after(row) else { return Ok(0) };
        if !decided.contains_key(&row.environment) {
            let of = self.decided_for(reader, repository, &row.environment).await?;
            decided.insert(row.environment.clone(), of);
        }
        let lets = |of: &Decided| of.lets(policy, &again, others).is_some();
        if decided.get(&row.environment).is_some_and(lets) {
            return Ok(0);
        }
        self.write(row, Some(Finding::EndedLate)).await?;
        Ok(1)
    }

    fn is_settled(&self, id: &str) -> bool {
        self.ledger.settled().contains(id)
    }

    fn settle(&self, id: String) {
        let mut settled = self.ledger.settled();
        if settled.len() >= REMEMBERED {
            settled.clear();
        }
        settled.insert(id);
    }

    /// What was decided of releases on their way into an environment.
    async fn decided_for(
        &self,
        reader: &mut Reader,
        repository: &str,
        environment: &str,
    ) -> Result<Decided, DatabaseFault> {
        let since = (self.now() - LOOK_BACK - LOOK_BACK).timestamp_micros();
        let ruled = reader.ruled((H::NAME, repository, environment), since).await?;
        let let_go = reader.let_go(H::NAME, repository, since).await?;
        let opened: BTreeSet<u64> = let_go.into_iter().map(|it| it.entry).collect();
        let mut candidates = Vec::new();
        for it in ruled.iter().filter(|it| it.ruling == "proceed") {
            let Some(went) = self.went(reader, it.entry).await? else { continue };
            let used = went.used.map(|at| at.timestamp_micros());
            candidates.push(Candidate {
                entry: it.entry,
                stream: it.stream.clone(),
                at: used.unwrap_or(it.at),
                recorded: it.at,
                opened: used.is_some() || opened.contains(&it.entry),
                until: went.used_until.map(|at| at.timestamp_micros()),
                went,
            });
        }
        candidates.sort_by_key(|it| (it.at, it.entry));
        Ok(Decided { ruled, candidates })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use chrono::DateTime;

    use super::{Candidate, Decided, Stream, Went, long_after};
    use crate::model::facts::Fact;
    use crate::policy::{self, Policy, Source};
    use crate::store::deployed::{Deployed, Told};

    const MINUTE: i64 = 60_000_000;
    const HOUR: i64 = 60 * MINUTE;
    const BEGUN: i64 = 1_800_000_000_000_000;

    fn policy() -> Policy {
        let gates = "gates:\n  tests: { junit: a.xml, require: \"tests.failed == 0\" }\n";
        let text =
            format!("version: 1\nenvironments:\n  production: {{ approval: automatic }}\nretry_within: 1h\n{gates}");
        policy::read(vec![Source { path: "policy.yml".into(), text, sha256: String::new(), from: None }]).unwrap()
    }

    /// A release that went at an instant, under a grant of two hours where `granted`, which was told of five hours later.
    fn let_go(entry: u64, commit: &str, at: i64, granted: bool) -> Candidate {
        let instant = |micros| DateTime::from_timestamp_micros(micros).unwrap();
        let went = Went {
            release: format!("shop {commit}"),
            commit: commit.to_owned(),
            used: granted.then(|| instant(at)),
            used_until: granted.then(|| instant(at + 2 * HOUR)),
            components: BTreeMap::new(),
            parts: Fact::Absent,
            emergency: Fact::Known(granted),
            irreversible: Fact::Absent,
            changes: Vec::new(),
            arms: super::super::trials::Arms::default(),
            model: Fact::Absent,
        };
        Candidate {
            entry,
            stream: Stream {
                forge: "github".to_owned(),
                repository: "acme/shop".to_owned(),
                release: went.release.clone(),
                environment: "production".to_owned(),
            },
            at,
            recorded: if granted { at + 5 * HOUR } else { at },
            opened: true,
            until: granted.then(|| at + 2 * HOUR),
            went: Arc::new(went),
        }
    }

    /// Something that is said to have begun at an instant, and was heard of at another.
    fn row(commit: &str, began: i64, heard: i64) -> Deployed {
        Deployed {
            forge: "github".to_owned(),
            repository: "acme/shop".to_owned(),
            environment: "production".to_owned(),
            id: format!("told:{commit}{began}"),
            commit: commit.to_owned(),
            run: None,
            began,
            ended: None,
            outcome: None,
            decision: None,
            let_in: None,
            told: Some(Told {
                by: "argocd".to_owned(),
                url: "https://argocd.acme.example".to_owned(),
                digest: None,
                components: Vec::new(),
                heard,
                heard_ended: None,
            }),
            found: false,
        }
    }

    fn lets(candidates: Vec<Candidate>, row: &Deployed, others: &[Deployed]) -> Option<u64> {
        let others = others.iter().map(|it| (it.id.clone(), it.clone())).collect();
        Decided { ruled: Vec::new(), candidates }.lets(&policy(), row, &others)
    }

    #[test]
    fn t31_what_is_heard_late_is_let_in_by_nothing_that_something_else_has_overtaken() {
        let both = || vec![let_go(1, "51", BEGUN, false), let_go(2, "61", BEGUN + HOUR, false)];
        let said = BEGUN + 5 * MINUTE;
        assert_eq!(lets(both(), &row("51", said, said + MINUTE), &[]), Some(1));
        assert_eq!(lets(both(), &row("51", said, BEGUN + 2 * HOUR), &[]), None);
        // It went before it was let go, however late that is told.
        assert_eq!(lets(both(), &row("61", said, BEGUN + 2 * HOUR), &[]), None);
        // A second time is within the time for retries where it is heard of in that time.
        let first = Deployed { decision: Some(1), ..row("51", said, said) };
        let one = || vec![let_go(1, "51", BEGUN, false)];
        let again = |heard| row("51", said + MINUTE, heard);
        assert_eq!(lets(one(), &again(BEGUN + 30 * MINUTE), std::slice::from_ref(&first)), Some(1));
        assert_eq!(lets(one(), &again(BEGUN + 2 * HOUR), &[first]), None);
    }

    #[test]
    fn n15_what_went_under_a_grant_is_told_once_the_app_is_back_and_not_days_later() {
        let one = || vec![let_go(1, "51", BEGUN, true)];
        let went = BEGUN + 5 * MINUTE;
        // The app was down for five hours.
        assert_eq!(lets(one(), &row("51", went, BEGUN + 6 * HOUR), &[]), Some(1));
        assert_eq!(lets(one(), &row("51", BEGUN + 3 * HOUR, BEGUN + 6 * HOUR), &[]), None);
        assert_eq!(lets(one(), &row("51", went, BEGUN + 30 * HOUR), &[]), None);
    }

    #[test]
    fn t31_a_start_that_was_told_lets_in_nothing_that_ends_after_something_else_was_let_in() {
        let said = BEGUN + MINUTE;
        let ends = |after: i64| {
            let row = Deployed { decision: Some(1), ended: Some(said + 1), ..row("51", said, said) };
            let told = row.told.clone().map(|told| Told { heard_ended: Some(said + after), ..told });
            Deployed { told, ..row }
        };
        assert_eq!(long_after(&Deployed { ended: None, ..ends(48 * HOUR) }), None);
        assert_eq!(long_after(&ends(24 * HOUR)), None);
        let again = long_after(&ends(24 * HOUR + 1)).unwrap();
        // It is looked at as if it had been told of only then, and it is not in its own way.
        let (own, other) = (let_go(1, "51", BEGUN, false), let_go(2, "61", BEGUN + 2 * HOUR, false));
        assert_eq!(lets(vec![own], &again, &[ends(24 * HOUR + 1)]), Some(1));
        let own = let_go(1, "51", BEGUN, false);
        assert_eq!(lets(vec![own, other], &again, &[ends(24 * HOUR + 1)]), None);
    }
}
