//! What an earlier release left to be done is met on any change of its repository and on pages, whatever waits there.
//!
//! Whoever writes `validate` is judged by the decision itself: the release that owes it as it stands now, with what others
//! did towards it already. What goes towards it is kept with them, for the board meets what it owes by as many members as
//! decide in its meetings; once that is enough an entry says that it is met. Else he is told why it does not count.
//! What was done on a page is kept already, and is judged likewise in the next round.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::super::lasting::completes;
use super::super::policy::Read;
use super::super::{Desk, lasting, owed};
use super::{JUDGED_AGAIN, Looking, Unseen, lock};
use crate::decide::heard::Hearing;
use crate::decide::{release, shown};
use crate::flow::append::{Failed, Happening};
use crate::flow::facts::{self, Wanted};
use crate::flow::recorded;
use crate::forge::Hub;
use crate::forge::talk::Remark;
use crate::log::entry::Kind;
use crate::model::facts::{Act, Deed, Facts, Release};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, ReleaseDecision, Status};
use crate::report::reply::Outcome;
use crate::store::acted::HERE;
use crate::store::change::Change;
use crate::store::latest::Left;
use crate::store::writer::Refused;

/// The node by which a decision finds an obligation met.
pub(in super::super) fn met<'d>(decision: &'d ReleaseDecision, obligation: &str) -> Option<&'d Node> {
    decision.tree.parts.iter().find(|node| {
        node.code == Ground::NothingOwed
            && node.status == Status::Met
            && node.evidence.first().is_some_and(|first| first == obligation)
    })
}

/// Whether an act goes towards an obligation, or may take back what did.
fn is_towards(act: &Act, obligation: &str) -> bool {
    matches!(act.does, Deed::Withdraw { .. }) || completes(&act.does) == Some(obligation)
}

impl<H: Hub> Desk<H> {
    /// Somebody says on a change that what a release left is done.
    pub(super) async fn paid(
        &self,
        looking: &Looking<'_, H>,
        remark: &Remark,
        mut act: Act,
        obligation: &str,
    ) -> Result<Outcome, Unseen> {
        let Ok(read) = &looking.policy else { return Ok(Outcome::refused("the policy cannot be read")) };
        let mut reader = self.reader().await?;
        let here = |left: &Left| {
            left.id == *obligation
                && left.stream.forge == H::NAME
                && left.stream.repository.eq_ignore_ascii_case(looking.repository)
        };
        let left = reader.left().await?.into_iter().find(here);
        if let Some(by) = left.as_ref().and_then(|left| left.met_by) {
            // This very comment may have met it: here, before he could be told, or by the decision of a release that waits.
            let entry = recorded::entry(&mut reader, by).await?;
            let here =
                entry.is_some_and(|entry| entry.body.get("act").and_then(Value::as_str) == Some(act.id.as_str()));
            let document = match reader.document_before(by).await? {
                Some(document) => reader.blob(document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok()),
                None => None,
            };
            reader.close().await?;
            let node = document.as_ref().and_then(|decision| met(decision, obligation));
            let own = here || node.is_some_and(|node| node.evidence.contains(&act.id));
            return Ok(if own { Outcome::Counts } else { Outcome::refused(format!("`{obligation}` is met already")) });
        }
        let facts = match &left {
            Some(left) => reader.blob(left.facts).await?.and_then(|bytes| Facts::read(&bytes).ok()),
            None => None,
        };
        let mut acts = lasting::acts(&mut reader, H::NAME, looking.repository, self.now()).await?;
        reader.close().await?;
        let (Some(left), Some(release)) = (left, facts.map(|facts| facts.release)) else {
            return Ok(Outcome::refused(format!(
                "the record has no obligation `{obligation}` that this repository still owes"
            )));
        };
        acts.retain(|it| is_towards(it, obligation) && it.id != act.id);
        acts.push(act.clone());
        let facts = self.as_it_stands((&looking.forge, read), looking.repository, release, acts).await?;
        let now = self.now();
        act.held = shown::held(&read.policy, &facts, &act.by, now);
        match Hearing::new(&read.policy, None, &facts, now).of(&act.id) {
            Some(Ok(())) => {}
            Some(Err(why)) => return Ok(Outcome::refused(why)),
            None => return Ok(Outcome::refused("what people did cannot be read now; write it again later")),
        }
        let is_met = met(&release::decide(&read.policy, &facts, now), obligation).is_some();
        // What is kept is among the facts of whatever is decided from here on.
        self.keep_said(looking.repository, remark.change, &act).await?;
        if is_met {
            self.met(obligation, &act, Some(remark.change), &left).await?;
        }
        Ok(Outcome::Counts)
    }

    /// A release that owes something as it stands now, with what was done towards that. Nothing of it is judged anew, and so
    /// nothing of it need be read again.
    async fn as_it_stands(
        &self,
        (forge, read): (&H::Forge, &Read),
        repository: &str,
        release: Release,
        acts: Vec<Act>,
    ) -> Result<Facts, Unseen> {
        let wanted = Wanted {
            name: Some(release.name.clone()),
            forge: H::NAME,
            repository: repository.to_owned(),
            environment: release.environment.clone(),
            commit: release.commit.clone(),
            reference: None,
            run: None,
            submitted_at: Some(release.submitted_at),
            components: release.components.keys().cloned().collect(),
            since: [(String::new(), release.commit.clone())].into(),
            running: None,
            roster: self.settings.roster.clone(),
            artifacts: self.without_artifacts(read),
            acts,
            signers: Vec::new(),
        };
        let mut facts = facts::gather(forge, &read.policy, &wanted).await.map_err(Unseen::forge)?;
        let mut reader = self.reader().await?;
        owed::add(&mut reader, (H::NAME, repository), &read.policy, &mut facts).await?;
        reader.close().await?;
        Ok(facts)
    }

    /// Judges what was done on pages towards what releases of a repository left, each time something was done since: where that
    /// is enough it is met, though nothing is decided. What could not be judged now is, whenever it is looked at again.
    pub(super) async fn judge_claimed(&self, forge: &H::Forge, repository: &str) -> Result<(), Unseen> {
        let mut reader = self.reader().await?;
        let acts = lasting::acts(&mut reader, H::NAME, repository, self.now()).await?;
        let on_pages = acts.iter().filter(|act| act.id.starts_with(HERE));
        let claimed: BTreeSet<&str> = on_pages.filter_map(|act| completes(&act.does)).collect();
        let mut due = Vec::new();
        for left in if claimed.is_empty() { Vec::new() } else { reader.left().await? } {
            let ours = left.stream.forge == H::NAME && left.stream.repository.eq_ignore_ascii_case(repository);
            if !ours || left.met || !claimed.contains(left.id.as_str()) {
                continue;
            }
            let towards: Vec<Act> = acts.iter().filter(|act| is_towards(act, &left.id)).cloned().collect();
            let names: Vec<String> = towards.iter().map(|act| act.id.clone()).collect();
            let is_settled = lock(&self.talk.settled).get(&left.id).is_some_and(|(judged, failed)| {
                *judged == names && failed.is_none_or(|at| at.elapsed() < JUDGED_AGAIN)
            });
            if is_settled {
                continue;
            }
            let facts = reader.blob(left.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
            // What the release was is not kept any more, and so nobody can tell who had a hand in it.
            if let Some(facts) = facts {
                due.push((left, facts.release, towards, names));
            }
        }
        reader.close().await?;
        if due.is_empty() {
            return Ok(());
        }
        let Ok(read) = self.policy(forge, repository).await else { return Ok(()) };
        for (left, release, towards, names) in due {
            let facts = match self.as_it_stands((forge, &read), repository, release, towards).await {
                Ok(facts) => facts,
                Err(why) => {
                    lock(&self.talk.settled).insert(left.id, (names, Some(Instant::now())));
                    return Err(why);
                }
            };
            let decision = release::decide(&read.policy, &facts, self.now());
            let by = met(&decision, &left.id).and_then(|node| {
                let counted = facts.acts.entries().iter().filter(|act| node.evidence.contains(&act.id));
                counted.max_by_key(|act| act.at)
            });
            if let Some(act) = by {
                self.met(&left.id, act, None, &left).await?;
            }
            lock(&self.talk.settled).insert(left.id, (names, None));
        }
        Ok(())
    }

    async fn met(&self, obligation: &str, act: &Act, change: Option<u64>, left: &Left) -> Result<(), Unseen> {
        let stream = &left.stream;
        let evidence: &[String] = if let Deed::Complete { evidence, .. } = &act.does { evidence } else { &[] };
        let body = json!({
            "repository": stream.repository, "release": stream.release, "environment": stream.environment,
            "obligation": obligation, "state": "met", "by": act.by.as_str(), "act": act.id, "change": change,
            "evidence": evidence,
        });
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let attached = vec![("act.json".to_owned(), serde_json::to_vec(act)?)];
        let once = Some(format!("obligation {obligation} met"));
        let told = Value::Object(body.clone());
        let mut append = Happening { kind: Kind::Obligation, body, attached, once }.append(self.now())?;
        append.changes.push(Change::Met(obligation.to_owned()));
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) => self.say("obligation_met", &told),
            // Another replica, or somebody else at the same instant, met it.
            Err(Failed::Refused(Refused::OtherContent(_))) => {}
            Err(failed) => return Err(failed.into()),
        }
        // What it held may go.
        self.docket().happened(Some(&stream.repository), None, true, Instant::now());
        self.to_decide.notify_one();
        Ok(())
    }
}
