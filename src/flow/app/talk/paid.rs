//! What a release left to be done is met on its own change, though nothing waits there any longer.
//!
//! Whoever writes `validate` on the change of the release that owes it is judged by the decision itself: that release as it
//! stands now, with what it owes and what he did. Where that finds it met, an entry says so; else he is told why not.

use serde_json::{Map, Value, json};

use super::super::{Desk, owed};
use super::{Looking, Unseen};
use crate::decide::release;
use crate::flow::append::{Failed, Happening};
use crate::flow::facts::{self, Wanted};
use crate::forge::Hub;
use crate::forge::command::Command;
use crate::forge::talk::Remark;
use crate::log::entry::Kind;
use crate::model::facts::{Account, Act, Deed, Facts, Saw, Standing, Via};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, ReleaseDecision, Status};
use crate::report::reply::Outcome;
use crate::store::change::Change;
use crate::store::latest::Left;

/// What somebody did to meet an obligation, as an act.
fn act(remark: &Remark, command: &Command, (id, forge): (&str, &str)) -> Act {
    Act {
        id: id.to_owned(),
        at: remark.at,
        by: Account::from(format!("{forge}:{}", remark.by).as_str()),
        impersonated_by: None,
        via: Via::Command,
        does: command.does.clone(),
        reason: command.reason.clone(),
        saw: Saw::default(),
        standing: if remark.edited { Standing::Edited } else { Standing::Stands },
        held: Vec::new(),
    }
}

/// What a decision says of an act that was to meet an obligation.
fn judged(decision: &ReleaseDecision, obligation: &str, act: &str) -> Outcome {
    let about = |node: &&Node| node.evidence.first().is_some_and(|first| first == obligation);
    let Some(node) = decision.tree.parts.iter().find(about) else {
        return Outcome::refused("whether it meets it cannot be told now; write it again later");
    };
    if node.code == Ground::NothingOwed && node.status == Status::Met && node.evidence.iter().any(|it| it == act) {
        return Outcome::Counts;
    }
    let why: Vec<&str> =
        node.parts.iter().filter(|part| part.code == Ground::NotMet).map(|part| part.says.as_str()).collect();
    Outcome::refused(if why.is_empty() { node.says.clone() } else { why.join("; ") })
}

impl<H: Hub> Desk<H> {
    /// Somebody says on a change that what its release left is done.
    pub(super) async fn paid(
        &self,
        looking: &Looking<'_, H>,
        remark: &Remark,
        command: &Command,
        id: &str,
    ) -> Result<Outcome, Unseen> {
        let Deed::Complete { obligation, .. } = &command.does else {
            return Ok(Outcome::refused("that meets no obligation"));
        };
        let Ok(read) = &looking.policy else { return Ok(Outcome::refused("the policy cannot be read")) };
        let mut reader = self.reader().await?;
        let here = |left: &Left| {
            left.id == *obligation && !left.met && left.stream.repository.eq_ignore_ascii_case(looking.repository)
        };
        let left = reader.left().await?.into_iter().find(here);
        let facts = match &left {
            Some(left) => reader.blob(left.facts).await?.and_then(|bytes| Facts::read(&bytes).ok()),
            None => None,
        };
        reader.close().await?;
        let Some(release) = facts.map(|facts| facts.release) else {
            return Ok(Outcome::refused(format!(
                "the record has no obligation `{obligation}` that this repository still owes"
            )));
        };
        let act = act(remark, command, (id, H::NAME));
        let wanted = Wanted {
            name: Some(release.name.clone()),
            forge: H::NAME,
            repository: looking.repository.to_owned(),
            environment: release.environment.clone(),
            commit: release.commit.clone(),
            reference: None,
            run: None,
            submitted_at: Some(release.submitted_at),
            components: release.components.keys().cloned().collect(),
            // Nothing of it is judged anew, and so nothing of it need be read again.
            since: [(String::new(), release.commit.clone())].into(),
            running: None,
            roster: self.settings.roster.clone(),
            artifacts: self.without_artifacts(read),
            acts: vec![act.clone()],
            signers: Vec::new(),
        };
        let mut facts = facts::gather(&looking.forge, &read.policy, &wanted).await.map_err(Unseen::forge)?;
        let mut reader = self.reader().await?;
        owed::add(&mut reader, (H::NAME, looking.repository), &read.policy, &mut facts).await?;
        reader.close().await?;
        let outcome = judged(&release::decide(&read.policy, &facts, self.now()), obligation, id);
        if outcome == Outcome::Counts {
            self.met(obligation, &act, remark, left.as_ref()).await?;
        }
        Ok(outcome)
    }

    async fn met(&self, obligation: &str, act: &Act, remark: &Remark, left: Option<&Left>) -> Result<(), Unseen> {
        let stream = left.map(|left| &left.stream);
        let body = json!({
            "repository": stream.map(|it| &it.repository), "release": stream.map(|it| &it.release),
            "environment": stream.map(|it| &it.environment), "obligation": obligation, "state": "met",
            "by": act.by.as_str(), "act": act.id, "change": remark.change,
        });
        self.say("obligation_met", &body);
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let attached = vec![("act.json".to_owned(), serde_json::to_vec(act)?)];
        let once = Some(format!("obligation {obligation} met"));
        let mut append = Happening { kind: Kind::Obligation, body, attached, once }.append(self.now())?;
        append.changes.push(Change::Met(obligation.to_owned()));
        self.sequencer.append(append).await.map_err(Failed::from)?;
        // What it held may go.
        if let Some(stream) = stream {
            self.docket().happened(Some(&stream.repository), None, true, std::time::Instant::now());
            self.to_decide.notify_one();
        }
        Ok(())
    }
}
