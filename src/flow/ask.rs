//! The story of a job that asks the app for the decision on its release, and waits for it where it is told to.

use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::courier::{Courier, Fault};
use crate::forge::job::Tokens;

/// What is said where it could not be decided.
pub const UNKNOWN: &str = "unknown";
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often is asked again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// What the app answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `proceed`, `hold`, `reject`, or [`UNKNOWN`].
    pub decision: String,
    /// Why, in one sentence.
    pub summary: String,
}

impl Answer {
    /// Whether it is the last word.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.decision.as_str(), "proceed" | "reject")
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

/// Asks for the decision on the job's commit into an environment: once, or until there is a last word or `wait` is over.
pub async fn decision<T: Tokens>(
    tokens: &T,
    url: &str,
    environment: &str,
    wait: Option<Duration>,
) -> Result<Came, Fault> {
    let began = Instant::now();
    let path = format!("/decision?environment={}", utf8_percent_encode(environment, NON_ALPHANUMERIC));
    let mut pause = AGAIN.0;
    loop {
        let end = wait.map(|wait| began + wait);
        let until = end.unwrap_or_else(|| began + PATIENCE);
        let courier = Courier::new(tokens, url, until)?;
        let answer: Answer = courier.tried(&path, |client, url| Ok::<_, Fault>(client.get(url))).await?;
        let Some(end) = end.filter(|_| !answer.is_final()) else { return Ok(Came::Answer(answer)) };
        if Instant::now() + pause >= end {
            return Ok(Came::Over(answer));
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(AGAIN.1);
    }
}
