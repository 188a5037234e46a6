//! Comments that do what lasts: it is judged when it is read, by the release that the change goes with or else by what was
//! decided last in that place, and kept where it counts ([`lasting`]). Nothing needs to wait for that. What meets an
//! obligation is judged by the release that owes it ([`super::paid`]).

use std::time::Instant;

use chrono::SubsecRound as _;
use serde_json::json;

use super::answers::{Place, proposed};
use super::{Looking, Unseen, lock};
use crate::flow::app::acting::trial::{Trial, Verdict};
use crate::flow::app::acting::tried;
use crate::flow::app::{Desk, lasting, owed};
use crate::forge::Hub;
use crate::forge::command::Command;
use crate::forge::talk::Remark;
use crate::model::facts::{Account, Act, Deed, Fact, Saw, Standing, Via};
use crate::report::reply::Outcome;

/// How many of the last decisions are looked through for one in a place.
const LOOKED_THROUGH: u64 = 500;

/// Why what lasts is not said in a review.
const IN_A_REVIEW: &str = "in a review it counts for this release at most; write what lasts beyond it in a comment";

impl<H: Hub> Desk<H> {
    /// What became of a command that does what lasts; `None` where it does something else.
    pub(super) async fn lasting(
        &self,
        looking: &mut Looking<'_, H>,
        remark: &Remark,
        command: &Command,
        id: &str,
    ) -> Result<Option<Outcome>, Unseen> {
        let by = Account::from(format!("{}:{}", H::NAME, remark.by).as_str());
        let repository = looking.repository;
        let act = |does: Deed, held: Vec<String>| Act {
            id: id.to_owned(),
            at: remark.at.trunc_subsecs(3),
            by: by.clone(),
            impersonated_by: Fact::Absent,
            via: Via::Command,
            does,
            reason: command.reason.clone(),
            saw: Saw {
                environment: command.environment.clone(),
                repository: Some(repository.to_owned()),
                ..Saw::default()
            },
            standing: Standing::Stands,
            held,
        };
        if let Deed::Withdraw { of } = &command.does {
            let mut reader = self.reader().await?;
            let known = lasting::acts(&mut reader, H::NAME, repository, self.now()).await?;
            reader.close().await?;
            return Ok(match known.iter().find(|it| it.id == *of && lasting::lasts(&it.does)) {
                None => None,
                Some(_) if remark.edited => Some(Outcome::refused("edited afterwards; write it in a new comment")),
                Some(_) if remark.handle.is_none() => Some(Outcome::refused(IN_A_REVIEW)),
                Some(target) if target.by != by => Some(Outcome::refused(format!("`{of}` is not yours to take back"))),
                Some(_) => {
                    self.keep_said(repository, remark.change, &act(command.does.clone(), Vec::new())).await?;
                    Some(Outcome::Counts)
                }
            });
        }
        if !lasting::lasts(&command.does) {
            return Ok(None);
        }
        if remark.edited {
            return Ok(Some(Outcome::refused("edited afterwards; write it in a new comment")));
        }
        // Whether a review was edited the forge does not say here, and whoever may write can edit anybody's.
        if remark.handle.is_none() {
            return Ok(Some(Outcome::refused(IN_A_REVIEW)));
        }
        let environment = match Self::meant(looking, command.environment.as_deref(), false) {
            Ok(environments) => environments.into_iter().next().unwrap_or_default(),
            Err(outcome) => return Ok(Some(outcome)),
        };
        if let Deed::Complete { obligation, .. } = &command.does {
            let act = act(command.does.clone(), Vec::new());
            return self.paid(looking, remark, act, obligation).await.map(Some);
        }
        let Some(mut trial) = self.judging(looking, remark, &environment, id).await? else {
            return Ok(Some(Outcome::refused(format!(
                "nothing was decided before `{environment}` yet, by which it could be judged; write it again once a release \
                 waits there"
            ))));
        };
        let mut reader = self.reader().await?;
        owed::add(&mut reader, (H::NAME, repository), &trial.policy, &mut trial.facts).await?;
        reader.close().await?;
        let held = trial.held(&by);
        if held.is_empty() {
            return Ok(Some(Outcome::refused("you hold none of the policy's roles")));
        }
        let act = act(command.does.clone(), held);
        Ok(Some(match trial.judge(&act, self.now()) {
            Verdict::Refused { why, instead, .. } => Outcome::Refused { why, instead },
            Verdict::Unknown => Outcome::refused("what people did cannot be read now; write it again later"),
            Verdict::Counts => {
                self.keep_said(repository, remark.change, &act).await?;
                Outcome::Counts
            }
        }))
    }

    pub(super) async fn keep_said(&self, repository: &str, change: u64, act: &Act) -> Result<(), Unseen> {
        self.keep_lasting(repository, change, act).await?;
        self.say(
            "lasting_kept",
            &json!({ "repository": repository, "change": change, "act": act.id, "does": act.does.word(),
                "account": act.by.as_str() }),
        );
        self.docket().happened(Some(repository), None, true, Instant::now());
        self.to_decide.notify_one();
        Ok(())
    }

    /// The decision by which something that lasts is judged: of the release that the change goes with, else the last one
    /// in that place, else how the change would be seen there.
    async fn judging(
        &self,
        looking: &mut Looking<'_, H>,
        remark: &Remark,
        environment: &str,
        id: &str,
    ) -> Result<Option<Trial>, Unseen> {
        if let Place::Decided(decided) = self.place(looking, remark, environment, Some(id)).await? {
            let (stream, trial) = *decided;
            looking.met.insert(stream);
            return Ok(Some(trial));
        }
        let mut reader = self.reader().await?;
        let last = reader.decided(LOOKED_THROUGH).await?.into_iter().map(|it| it.stream).find(|it| {
            it.forge == H::NAME
                && it.repository.eq_ignore_ascii_case(looking.repository)
                && it.environment == environment
        });
        let found = match &last {
            Some(stream) => tried(&mut reader, stream).await?,
            None => None,
        };
        reader.close().await?;
        if let Some((_, Ok(trial))) = found {
            return Ok(Some(trial));
        }
        let Some(proposed) = proposed(looking, remark.change) else { return Ok(None) };
        self.see(looking, &proposed, environment).await;
        let Ok(read) = &looking.policy else { return Ok(None) };
        let view = looking.views.get(&(proposed.number, environment.to_owned())).and_then(|view| view.as_ref().ok());
        Ok(view.map(|view| Trial::new(view.facts.clone(), view.decision.clone(), read.policy.clone(), None)))
    }

    /// Notes of what lasts that its comment was edited: it never counts again, whatever stands there now.
    pub(super) async fn edited(&self, repository: &str, remarks: &[Remark]) -> Result<(), Unseen> {
        let once = |it: &Remark| format!("edited {repository} {}", it.id);
        let edited: Vec<&Remark> =
            remarks.iter().filter(|it| it.edited && !lock(&self.talk.answered).contains(&once(it))).collect();
        if edited.is_empty() {
            return Ok(());
        }
        let mut reader = self.reader().await?;
        let known = lasting::acts(&mut reader, H::NAME, repository, self.now()).await?;
        reader.close().await?;
        for remark in edited {
            let of = |act: &&Act| act.id.split('/').next() == Some(remark.id.as_str());
            for act in known.iter().filter(of).filter(|act| act.standing == Standing::Stands) {
                let edited = Act { standing: Standing::Edited, ..act.clone() };
                self.keep_said(repository, remark.change, &edited).await?;
            }
            self.is_answered(once(remark));
        }
        Ok(())
    }
}
