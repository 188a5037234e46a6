//! That requests wait for a limit of the forge is said, once for each wait: else whoever looks at an app that does nothing for
//! a while finds no reason for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use super::Desk;
use crate::forge::{Hub, Wait};

/// How often it is looked whether anything waits, and how long something waits at least of which that is said: what is let go
/// a moment later only keeps its pace.
const LOOK: Duration = Duration::from_secs(1);
/// By how much later a wait has to end than was said before that is said again.
const LONGER: Duration = Duration::from_mins(1);

/// What was said last of a wait that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    until: Instant,
}

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Requests wait.
    Waits(Wait),
    /// They do not any more.
    Over,
}

/// What is to be said of what waits now, by what was said before.
fn next(said: &mut Option<Said>, waits: Option<Wait>, now: Instant) -> Option<Says> {
    match (*said, waits) {
        (Some(_), None) => {
            *said = None;
            Some(Says::Over)
        }
        (before, Some(wait)) => {
            let is_news = before.map_or(wait.until >= now + LOOK, |before| wait.until > before.until + LONGER);
            is_news.then(|| {
                *said = Some(Said { until: wait.until });
                Says::Waits(wait)
            })
        }
        (None, None) => None,
    }
}

impl<H: Hub> Desk<H> {
    /// Says when requests wait for a limit of the forge, and when they do not any more.
    pub(super) async fn watch_limits(self: Arc<Self>) {
        let mut said = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let (waits, now) = (self.hub.waits(), Instant::now());
            let at = |until: Instant| self.at(until.saturating_duration_since(now));
            self.counts.kept_back(waits.map(|wait| (wait.requests, at(wait.until).timestamp())));
            match next(&mut said, waits, now) {
                Some(Says::Waits(wait)) => {
                    let until = at(wait.until).to_rfc3339_opts(SecondsFormat::Secs, true);
                    self.say("forge_limit_waited_for", &json!({ "requests": wait.requests, "until": until }));
                }
                Some(Says::Over) => self.say("forge_limit_over", &json!({})),
                None => {}
            }
        }
    }

    fn at(&self, later: Duration) -> DateTime<Utc> {
        self.now() + TimeDelta::from_std(later).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_said_once_and_again_where_it_grows() {
        let now = Instant::now();
        let wait = |seconds: u64| Wait { requests: 1, until: now + Duration::from_secs(seconds) };
        let mut said = None;
        assert_eq!(next(&mut said, None, now), None);
        assert_eq!(next(&mut said, Some(Wait { requests: 1, until: now }), now), None, "that is no wait yet");
        assert_eq!(next(&mut said, Some(wait(30)), now), Some(Says::Waits(wait(30))));
        assert_eq!(next(&mut said, Some(wait(31)), now), None);
        assert_eq!(next(&mut said, Some(wait(90)), now), None);
        assert_eq!(next(&mut said, Some(wait(91)), now), Some(Says::Waits(wait(91))));
        assert_eq!(next(&mut said, None, now), Some(Says::Over));
        assert_eq!(next(&mut said, None, now), None);
        assert_eq!(next(&mut said, Some(wait(2)), now), Some(Says::Waits(wait(2))));
    }
}
