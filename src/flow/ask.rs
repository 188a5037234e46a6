//! The story of a job that asks the app for the decision on its release, and waits for it where it is told to.

use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::courier::{Courier, Fault};
use crate::forge::job::Tokens;
use crate::model::answer::Answer;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often is asked again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// What is asked: may this commit go into that environment?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The environment.
    pub environment: String,
    /// The commit. Left out: the one that the app knows the job's run to be of.
    pub commit: Option<String>,
}

impl Asked {
    /// Whether an answer is about what was asked.
    fn is_answered_by(&self, answer: &Answer) -> bool {
        let same = |commit: &String| commit.eq_ignore_ascii_case(&answer.commit);
        self.environment == answer.environment && self.commit.as_ref().is_none_or(same)
    }
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// This, at once or in time.
    Answer(Answer),
    /// The wait is over, and this was said last.
    Over(Answer),
}

/// Asks for the decision on the job's commit into an environment: once, or until there is a last word or `wait` is over. An
/// answer to something else is none.
pub async fn decision<T: Tokens>(tokens: &T, url: &str, asked: &Asked, wait: Option<Duration>) -> Result<Came, Fault> {
    let began = Instant::now();
    let plain = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let commit = asked.commit.as_ref().map_or_else(String::new, |commit| format!("&commit={}", plain(commit)));
    let path = format!("/decision?environment={}{commit}", plain(&asked.environment));
    let mut pause = AGAIN.0;
    loop {
        let end = wait.map(|wait| began + wait);
        let until = end.unwrap_or_else(|| began + PATIENCE);
        let courier = Courier::new(tokens, url, until)?;
        let answer: Answer = courier.tried(&path, |client, url| Ok::<_, Fault>(client.get(url))).await?;
        if !asked.is_answered_by(&answer) {
            return Err(Fault::Other(format!("commit {} into `{}`", answer.commit, answer.environment)));
        }
        let Some(end) = end.filter(|_| !answer.is_final()) else { return Ok(Came::Answer(answer)) };
        if Instant::now() + pause >= end {
            return Ok(Came::Over(answer));
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(AGAIN.1);
    }
}
