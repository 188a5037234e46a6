//! A job asks for the decision on its own release: the commit of its run, on its way into an environment.
//!
//! It is gathered, decided and recorded as for a deployment that waits. What is the same as the last time adds nothing. Where
//! the job is the environment's own, it goes on by this very answer, and so a word that it may is an opening of the environment;
//! to any other job it is nothing but an answer.

use std::time::Instant;

use serde_json::json;

use super::Desk;
use super::docket::{Asks, Case, Key};
use crate::flow::ask::{Answer, UNKNOWN};
use crate::flow::decided::word;
use crate::forge::Hub;
use crate::forge::job::Job;
use crate::report::neutral;

/// How many bytes are told of why something could not be decided.
const WHY: usize = 900;

impl<H: Hub> Desk<H> {
    /// What is decided of a job's release.
    pub async fn ask(&self, job: &Job, environment: &str) -> Answer {
        let key =
            Key { repository: job.repository.clone(), environment: environment.to_owned(), commit: job.commit.clone() };
        let asks = Asks { attempt: job.attempt, enters: job.environment.as_deref() == Some(environment) };
        let asked = Some(asks);
        let case = Case { key, runs: vec![job.run], answers: Vec::new(), told: None, failures: 0, asked };
        let of = |decision: &str, summary| Answer {
            environment: environment.to_owned(),
            commit: job.commit.clone(),
            decision: decision.to_owned(),
            summary,
        };
        let answer = match self.decide(&case).await {
            Ok(outcome) => {
                if outcome.is_new {
                    self.counts.decision(word(outcome.ruling));
                    // What others would still have been told of this release is not the last word any more.
                    self.docket().overtaken(&case.key, Instant::now());
                    self.to_decide.notify_one();
                    self.to_tell.notify_one();
                }
                of(word(outcome.ruling), outcome.summary)
            }
            Err(why) => {
                let summary = neutral::prose(&format!("held, because it cannot be decided: {why}"), WHY);
                of(UNKNOWN, summary)
            }
        };
        let fields = json!({ "repository": job.repository, "run": job.run, "environment": environment,
            "commit": job.commit, "decision": answer.decision, "summary": answer.summary });
        self.say("decision_asked", &fields);
        answer
    }
}
