//! The answer to a deployment that waits for our vote.
//!
//! Whoever has all approvals does not start by himself: our vote is one request, and playing the job another. What became of
//! the first is read before anything is sent, so that a kill between the two plays the job and votes no second time. Our vote
//! is the last one: it cannot be taken back, and until others have voted a person may still reject. It is given in the name of
//! the rule that names our own account, and stands for nobody else's. Whoever answers is told that the vote is given before the job
//! is played, for somebody may have spoken against it meanwhile.

use serde_json::json;

use super::note;
use super::status::{self, State};
use crate::forge::gitlab::client::{Client, Fault, Method};
use crate::forge::gitlab::read::waiting::{self, Held, Step};
use crate::forge::gitlab::read::{Project, requests, runs};
use crate::forge::{Answer, Given, Waiting, Why};
use crate::model::notable::shortened;
use crate::report::neutral;

/// How many bytes a vote says at most.
const COMMENT: usize = 1_024;

/// Answers every deployment of the pipeline in the environment that waits for us, but for those that were made after `newest`,
/// which nobody has looked at who decided.
pub async fn answer(
    client: &Client,
    waiting: &Waiting,
    (answer, newest): (Answer, Option<u64>),
    why: Why<'_>,
) -> Result<Given, Fault> {
    let project = Project::find(client, &waiting.repository).await?;
    let mut held = waiting::of(client, &project, waiting).await?;
    held.retain(|it| newest.is_none_or(|newest| it.id <= newest));
    if held.is_empty() {
        return Ok(Given::NoLongerWaits);
    }
    // None of them waits for another: what is left is found by whoever looks next.
    let (mut given, mut failed) = (Given::NoLongerWaits, None);
    for it in &held {
        match (one(client, &project, (waiting, it), (answer, why.comment)).await, given) {
            (Ok(Given::ForOthers(one)), Given::ForOthers(other)) => given = Given::ForOthers(one.max(other)),
            (Ok(Given::Begun), _) => given = Given::Begun,
            (Ok(Given::Now), Given::NoLongerWaits | Given::ForOthers(_)) => given = Given::Now,
            (Ok(one), Given::NoLongerWaits) => given = one,
            (Ok(_), _) => {}
            (Err(fault), _) => failed = failed.or(Some(fault)),
        }
    }
    match (failed, given) {
        (_, Given::Begun) | (None, Given::ForOthers(_)) => return Ok(given),
        (_, Given::Now) | (None, Given::NoLongerWaits) => {}
        (Some(fault), _) => return Err(fault),
    }
    let state = match answer {
        Answer::Open => State::Success,
        Answer::Reject => State::Failed,
    };
    // A status that does not arrive harms nobody, and the answer was given.
    let _ = status::of_deployment(client, &project, waiting, state, why).await;
    Ok(given)
}

/// Answers one deployment.
async fn one(
    client: &Client,
    project: &Project,
    (waiting, it): (&Waiting, &Held),
    (answer, why): (Answer, &str),
) -> Result<Given, Fault> {
    match (answer, &it.step) {
        (Answer::Open, Step::Vote { others: others @ 1.., missing, .. }) => {
            // What is not told harms nobody, and is told again.
            let _ = ask_others(client, project, (waiting, it.id), &missing_words(*others, missing)).await;
            return Ok(Given::ForOthers(*others));
        }
        (Answer::Open, Step::Vote { name, .. }) => {
            vote(client, project, it.id, ("approved", name, why)).await?;
            return Ok(Given::Begun);
        }
        (Answer::Open, Step::Play) => return play(client, project, it).await,
        (Answer::Reject, Step::Vote { name, .. }) => vote(client, project, it.id, ("rejected", name, why)).await?,
        // What was approved is not rejected any more. Nobody but a person plays it.
        (Answer::Reject, Step::Play) => return Ok(Given::NoLongerWaits),
    }
    Ok(Given::Now)
}

/// Whom GitLab waits for by its own rules.
fn missing_words(others: u64, missing: &[String]) -> String {
    let whom = if missing.is_empty() { "people whom its rules name".to_owned() } else { missing.join(", ") };
    format!("the release may go by the policy, and GitLab waits for {others} more to approve the deployment, of {whom}")
}

/// Says on the merge requests of what goes, and in its pipeline, who else has to approve the deployment: once for each.
async fn ask_others(
    client: &Client,
    project: &Project,
    (waiting, id): (&Waiting, u64),
    words: &str,
) -> Result<(), Fault> {
    let Some(run) = runs::started(client, project, waiting).await? else { return Ok(()) };
    let text = format!(
        "{}\n\nThey vote on deployment {id} of `{}`, on its page; the app votes last, and plays the job then.",
        neutral::prose(words, COMMENT),
        neutral::prose(&waiting.environment, COMMENT)
    );
    for number in requests::numbers_around(client, project, &run.commit).await? {
        let key = format!("others-{id}");
        note::write_once(client, &waiting.repository, number, (&key, &text), true).await?;
    }
    Ok(())
}

/// Says why it does not go yet: a commit's status that is `failed` until it goes. One that is `pending` would be for ever, and
/// keep its pipeline running.
pub async fn hold(client: &Client, waiting: &Waiting, why: Why<'_>) -> Result<(), Fault> {
    let project = Project::find(client, &waiting.repository).await?;
    status::of_deployment(client, &project, waiting, State::Failed, why).await
}

async fn vote(
    client: &Client,
    project: &Project,
    id: u64,
    (status, name, why): (&str, &str, &str),
) -> Result<(), Fault> {
    let path = format!("{}/deployments/{id}/approval", project.path());
    let body = json!({"status": status, "represented_as": name, "comment": shortened(why, COMMENT)});
    client.write(Method::POST, &path, &body).await
}

/// Plays the job of a deployment, where nobody did meanwhile: GitLab runs one that has ended once more when it is played.
async fn play(client: &Client, project: &Project, it: &Held) -> Result<Given, Fault> {
    if !waiting::may_be_played(client, project, it).await? {
        return Ok(Given::NoLongerWaits);
    }
    client.write(Method::POST, &format!("{}/jobs/{}/play", project.path(), it.job), &json!({})).await?;
    Ok(Given::Now)
}
