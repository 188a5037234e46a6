//! What is to leave, leaves: the forge is told what was decided, each thing until it is known to have arrived, and only
//! while it is the last word.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;
use tracing::field::Empty;
use tracing::{Instrument as _, info_span};

use super::{Desk, link, records, talk};
use crate::flow::append::Failed;
use crate::flow::send::{self, Answer, Told};
use crate::forge::{Answer as Final, Forge, Given, Hub, Waiting, Why};
use crate::report::neutral;
use crate::store::change::{Change, Ended, Stream};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::{Claimed, Lane};

/// To how many destinations is sent at once.
const AT_ONCE: u32 = 8;
/// How long nobody looks for what is due, at most.
const LOOK: Duration = Duration::from_secs(1);
/// How often, and how far apart, it is looked whether a forge that took the first of two steps waits for the second.
const LOOKS: u32 = 4;
const APART: Duration = Duration::from_secs(1);

/// How many bytes of a summary are told, the most that fit of these, and how many of them with all that is around it: a forge
/// takes so many of a comment.
const SUMMARY: [usize; 4] = [900, 600, 400, 200];
const COMMENT: usize = 1_024;

/// A decision as it is kept for whoever tells it.
#[derive(Deserialize)]
pub(super) struct Verdict {
    effect: String,
    forge: String,
    repository: String,
    release: String,
    environment: String,
    commit: String,
    number: u64,
    pub(super) decision: String,
    pub(super) summary: String,
    pub(super) run: Option<u64>,
    attempt: Option<u64>,
    #[serde(default)]
    asked: bool,
    waits_at: Option<String>,
}

/// What is said of a decision.
struct Words {
    sentence: String,
    page: Option<String>,
    comment: String,
}

impl Words {
    fn said(&self) -> Why<'_> {
        Why { sentence: &self.sentence, page: self.page.as_deref(), comment: &self.comment }
    }
}

impl Verdict {
    fn stream(&self) -> Stream {
        Stream {
            forge: self.forge.clone(),
            repository: self.repository.clone(),
            release: self.release.clone(),
            environment: self.environment.clone(),
        }
    }
}

/// Whether somebody has to know that an effect was given up.
fn is_lost(change: &Change) -> bool {
    let Change::Ended(Ended { given_up: Some(why), .. }) = change else { return false };
    !send::NEEDLESS.iter().any(|needless| why.contains(needless))
}

impl<H: Hub> Desk<H> {
    /// Tells whatever is to be told, for ever. Nobody waits for one that is slow.
    pub(super) async fn carry(self: Arc<Self>) {
        // What goes to the other forge that the app serves is told by its own desk.
        let lane = self.settings.desks.other(H::NAME).map_or(Lane::Answers, Lane::AnswersBut);
        let mut busy = JoinSet::new();
        loop {
            while busy.try_join_next().is_some() {}
            let room = AT_ONCE.saturating_sub(u32::try_from(busy.len()).unwrap_or(AT_ONCE));
            if room == 0 {
                busy.join_next().await;
                continue;
            }
            match self.sequencer.claim_of(lane, self.now(), room).await {
                Ok(claimed) if claimed.is_empty() => {
                    tokio::select! {
                        _ = tokio::time::timeout(LOOK, self.to_tell.notified()) => {}
                        Some(_) = busy.join_next() => {}
                    }
                }
                Ok(claimed) => {
                    for one in claimed {
                        let desk = self.clone();
                        busy.spawn(async move { desk.one(one).await });
                    }
                }
                Err(fault) => {
                    self.say("outbox_unread", &json!({ "fault": fault.to_string() }));
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn one(&self, claimed: Claimed) {
        let span = info_span!(
            "effect",
            effect = claimed.effect,
            to = claimed.destination,
            attempt = claimed.attempt,
            outcome = Empty
        );
        let answer = match self.tell(&claimed).instrument(span.clone()).await {
            Ok(answer) => answer,
            Err(fault) => Answer::Failed(format!("the record could not be read: {fault}")),
        };
        let (outcome, why) = match &answer {
            Answer::Done | Answer::Made(_) => ("done", None),
            Answer::Refused(why) => ("refused", Some(why.clone())),
            Answer::Failed(why) | Answer::Later(why, _) => ("failed", Some(why.clone())),
        };
        span.record("outcome", outcome);
        drop(span);
        self.counts.effect(outcome);
        self.talk.tried(&claimed.once);
        self.say(
            "effect_attempted",
            &json!({ "effect": claimed.effect, "to": claimed.destination, "attempt": claimed.attempt,
                "outcome": outcome, "why": why }),
        );
        if let Err(why) = self.told(&claimed, answer).await {
            // Whoever claims it next reads back whether it arrived.
            self.say("effect_unwritten", &json!({ "effect": claimed.effect, "fault": why.to_string() }));
        } else if let Some(repository) = records::of(&claimed.destination, H::NAME) {
            // A record that is there by now, or stands otherwise, is a fact of whatever waits.
            self.docket().happened(Some(repository), None, true, Instant::now());
            self.to_decide.notify_one();
        }
    }

    pub(super) async fn told(&self, claimed: &Claimed, answer: Answer) -> Result<(), Failed> {
        let now = self.now();
        match send::told_of(claimed, answer, now).map_err(crate::flow::record::Fault::from)? {
            Told::Later(why, wait) => {
                let backoff = self.settings.backoff.at_least(wait);
                let done = self.sequencer.put_off(claimed.clone(), why, backoff, now).await;
                Ok(done.map_err(crate::flow::record::Fault::from)?)
            }
            Told::Ended(append) => {
                let lost = append.changes.iter().any(is_lost);
                self.sequencer.append(*append).await.map_err(Failed::from)?;
                if lost {
                    self.count_given_up().await;
                }
                Ok(())
            }
        }
    }

    async fn tell(&self, claimed: &Claimed) -> Result<Answer, DatabaseFault> {
        let mut reader = self.reader().await?;
        let Some(body) = reader.blob(claimed.body).await? else {
            return Ok(Answer::Refused("what was to be sent is not kept any more".to_owned()));
        };
        let verdict = match serde_json::from_slice::<Verdict>(&body) {
            Ok(verdict) if verdict.effect == "decision" && verdict.forge == H::NAME => verdict,
            Err(_) if let Some(said) = talk::said::Said::read(&body, H::NAME) => {
                return self.speak(&mut reader, &said, claimed).await;
            }
            Err(_) if let Some(kept) = records::Kept::read(&body, H::NAME) => {
                return self.carry_out(&mut reader, &kept, claimed).await;
            }
            _ => {
                return Ok(Answer::Refused("nothing here sends such a thing; `countersign db outbox` does".to_owned()));
            }
        };
        if verdict.asked {
            // Where a job asks, the forge need not have a rule that waits, and the job has its answer.
            return Ok(Answer::Done);
        }
        reader.close().await?;
        if !self.is_last(&verdict).await? {
            return Ok(Answer::Refused(send::LATER_DECISION.to_owned()));
        }
        let (Some(run), Some(environment)) = (verdict.run, verdict.waits_at.clone()) else {
            return Ok(Answer::Refused(send::NO_RUN.to_owned()));
        };
        let waiting = Waiting { repository: verdict.repository.clone(), run, environment };
        Ok(self.say_to(&verdict, &waiting, claimed.attempt > 1).await)
    }

    /// Whether no decision of its release was made since.
    async fn is_last(&self, verdict: &Verdict) -> Result<bool, DatabaseFault> {
        let mut reader = self.reader().await?;
        let latest = reader.latest(&verdict.stream()).await?;
        reader.close().await?;
        Ok(latest.is_none_or(|latest| latest.version == verdict.number))
    }

    /// What is said of a decision: the sentence, and the page of its release where there is one. Together, the sentence is cut,
    /// not the way.
    fn words(&self, verdict: &Verdict) -> Words {
        let pages = self.settings.pages.as_ref();
        let page = pages.map(|pages| format!("{pages}{}", link::path(&verdict.stream())));
        let way = page.as_ref().map_or_else(String::new, |page| format!(" [See why]({page})"));
        let said = SUMMARY.map(|limit| neutral::prose(&verdict.summary, limit));
        let fitting = said.iter().find(|said| said.len() + way.len() <= COMMENT);
        let comment = format!("{}{way}", fitting.map_or("", String::as_str));
        let [sentence, ..] = said;
        Words { sentence, page, comment }
    }

    async fn say_to(&self, verdict: &Verdict, waiting: &Waiting, again: bool) -> Answer {
        let forge = match self.hub.of(&waiting.repository).await {
            Ok(forge) => forge,
            Err(fault) => return Answer::Failed(fault.to_string()),
        };
        let words = self.words(verdict);
        let says = words.said();
        let last = match verdict.decision.as_str() {
            "proceed" => Final::Open,
            "reject" => Final::Reject,
            // A report that does not arrive harms nobody, and is not sent twice: a later answer must not wait for it.
            _ => {
                return match forge.hold(waiting, says).await {
                    Ok(()) => Answer::Done,
                    Err(fault) => Answer::Refused(fault.to_string()),
                };
            }
        };
        // What was read for this very decision a moment ago is as good as what is read now.
        let known = self.fresh.attempt(waiting).filter(|attempt| !again && verdict.attempt == Some(*attempt));
        let started = if known.is_some() { Ok(None) } else { forge.started(waiting).await };
        match started {
            Ok(None) if known.is_some() => {}
            // What is gone does not come back, and others wait behind it.
            Ok(None) => {
                self.docket().answered(&waiting.repository, &waiting.environment, waiting.run);
                return Answer::Refused(send::RUN_GONE.to_owned());
            }
            Ok(Some(run)) if !run.is_of(&verdict.commit) => {
                return Answer::Refused(format!("the run is of commit {}, and it is of another", run.commit));
            }
            Ok(Some(run)) if verdict.attempt == Some(run.attempt) => {}
            // Whoever starts a run again asks anew, and what is known of the new attempt is decided by itself.
            Ok(Some(run)) => {
                self.docket().happened(Some(&waiting.repository), None, true, Instant::now());
                self.to_decide.notify_one();
                return Answer::Refused(format!("{}{}, in which the run is now", send::OTHER_ATTEMPT, run.attempt));
            }
            Err(fault) => return Answer::Failed(fault.to_string()),
        }
        let answer = (last, verdict.attempt);
        let mut given = forge.answer(waiting, answer, says).await;
        let is_begun = matches!(given, Ok(Given::Begun));
        for look in 0..LOOKS {
            // A forge may not say at once that it waits for the second step. Of what nothing is found somebody else took it.
            let is_open = matches!(given, Ok(Given::Begun)) || (look > 0 && matches!(given, Ok(Given::NoLongerWaits)));
            if !is_begun || !is_open {
                break;
            }
            if look > 0 {
                tokio::time::sleep(APART).await;
            }
            // Between the two steps somebody may have spoken: only the last word goes on.
            given = match self.is_last(verdict).await {
                Ok(true) => forge.answer(waiting, answer, says).await,
                Ok(false) => return Answer::Refused(send::LATER_DECISION.to_owned()),
                Err(fault) => return Answer::Failed(format!("the record could not be read: {fault}")),
            };
        }
        match given {
            // It goes on waiting, and others of the repository do not wait behind it: when these have answered it is decided again.
            Ok(Given::ForOthers(others)) => Answer::Refused(format!(
                "{others} {}, which votes last; let them approve the deployment",
                send::FOR_OTHERS
            )),
            Ok(given @ (Given::Now | Given::Begun | Given::NoLongerWaits)) => {
                let mut docket = self.docket();
                docket.answered(&waiting.repository, &waiting.environment, waiting.run);
                self.counts.waiting(docket.len());
                drop(docket);
                let given = if given == Given::NoLongerWaits { "it no longer waited" } else { "now" };
                self.say(
                    "deployment_answered",
                    &json!({ "repository": waiting.repository, "environment": waiting.environment,
                        "run": waiting.run, "answer": verdict.decision, "given": given }),
                );
                Answer::Done
            }
            Err(fault) => Answer::Failed(fault.to_string()),
        }
    }
}
