//! A job asks for the decision on its own release: the commit of its run, on its way into an environment.
//!
//! It is gathered, decided and recorded as for a deployment that waits. What is the same as the last time adds nothing.

use serde_json::json;

use super::Desk;
use super::docket::{Case, Key};
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
        let case = Case { key, runs: vec![job.run], answers: Vec::new(), told: None, failures: 0, asked: true };
        let answer = match self.decide(&case).await {
            Ok(outcome) => {
                if outcome.is_new {
                    self.counts.decision(word(outcome.ruling));
                    self.to_tell.notify_one();
                }
                Answer { decision: word(outcome.ruling).to_owned(), summary: outcome.summary }
            }
            Err(why) => {
                let summary = neutral::prose(&format!("held, because it cannot be decided: {why}"), WHY);
                Answer { decision: UNKNOWN.to_owned(), summary }
            }
        };
        let fields = json!({ "repository": job.repository, "run": job.run, "environment": environment,
            "commit": job.commit, "decision": answer.decision, "summary": answer.summary });
        self.say("decision_asked", &fields);
        answer
    }
}
