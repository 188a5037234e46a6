//! What nobody told of: every repository is read from time to time as if no delivery ever came, and releases are decided
//! again when a clock says so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::json;

use super::Desk;
use super::docket::Key;
use crate::forge::hint::{Hint, Hinted};
use crate::forge::{Forge, Hub, Pending};
use crate::store::change::{Sent, Stream};

/// How soon a sweep that failed is made again.
const AGAIN: Duration = Duration::from_secs(15);
/// How often the clocks are looked at.
const TICK: Duration = Duration::from_secs(1);

fn key(pending: &Pending) -> Key {
    Key {
        repository: pending.waiting.repository.clone(),
        environment: pending.waiting.environment.clone(),
        commit: pending.commit.clone(),
    }
}

impl<H: Hub> Desk<H> {
    /// Marks what a hint says is to be read again.
    pub(super) fn hinted(&self, hinted: Hinted, sent: Sent) {
        let now = Instant::now();
        let urgent = hinted.hint.is_urgent();
        self.heard(&hinted, now);
        let mut docket = self.docket();
        let marked = match (hinted.hint, hinted.repository) {
            (Hint::DeploymentWaits { environment, commit, run, .. }, Some(repository)) => {
                docket.waits(Key { repository, environment, commit }, run, Some(sent), now);
                1
            }
            (_, repository) => docket.happened(repository.as_deref(), Some(&sent), urgent, now),
        };
        self.counts.waiting(docket.len());
        drop(docket);
        self.counts.delivery(if marked == 0 { "concerns_nothing_that_waits" } else { "marked" });
        self.to_decide.notify_one();
    }

    /// Reads every repository, for ever.
    pub(super) async fn sweep(self: Arc<Self>) {
        loop {
            let whole = self.swept().await;
            tokio::time::sleep(if whole { self.settings.sweep } else { AGAIN.min(self.settings.sweep) }).await;
        }
    }

    /// Reads every repository once; says whether all could be read.
    async fn swept(&self) -> bool {
        let installations = match self.hub.installations().await {
            Ok(installations) => installations,
            Err(fault) => {
                self.counts.sweep("failed");
                self.say("sweep_failed", &json!({ "fault": fault.to_string() }));
                return false;
            }
        };
        let mut whole = installations.unread.is_empty();
        for unread in &installations.unread {
            self.say("installation_unread", &json!({ "fault": unread }));
        }
        for repository in &installations.repositories {
            if let Err(fault) = self.read(repository).await {
                whole = false;
                self.counts.sweep("failed");
                self.say("repository_unread", &json!({ "repository": repository, "fault": fault.to_string() }));
            } else {
                self.counts.sweep("done");
            }
        }
        if whole {
            self.counts.swept(installations.repositories.len(), Utc::now().timestamp());
        }
        whole
    }

    async fn read(&self, repository: &str) -> Result<(), H::Fault> {
        let pending = self.hub.of(repository).await?.pending(repository).await?;
        let now = Instant::now();
        let waiting: BTreeSet<(Key, u64)> = pending.iter().map(|it| (key(it), it.waiting.run)).collect();
        let mut docket = self.docket();
        docket.only(repository, &waiting);
        let mut found = 0;
        for (key, run) in waiting {
            found += u32::from(docket.waits(key, run, None, now));
        }
        // What is known may have changed without a delivery.
        docket.happened(Some(repository), None, false, now);
        self.counts.waiting(docket.len());
        drop(docket);
        if found > 0 {
            self.say("deployments_found", &json!({ "repository": repository, "found": found }));
        }
        self.to_decide.notify_one();
        self.book().swept(repository, now);
        Ok(())
    }

    /// Looks at the clocks, for ever: a release is decided again at the instant that its last decision named.
    pub(super) async fn wake(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TICK).await;
            if self.docket().is_empty() {
                continue;
            }
            let due = async {
                let mut reader = self.reader().await?;
                let due = reader.due(Utc::now()).await?;
                reader.close().await?;
                Ok::<_, crate::store::fault::Fault>(due)
            };
            match due.await {
                Ok(due) => {
                    let now = Instant::now();
                    let mut docket = self.docket();
                    for due in due {
                        if let Some(stream) = Stream::parse(&due.stream) {
                            docket.woken(&stream, due.since, now);
                        }
                    }
                    drop(docket);
                    self.to_decide.notify_one();
                }
                Err(fault) => self.say("timers_unread", &json!({ "fault": fault.to_string() })),
            }
        }
    }
}
