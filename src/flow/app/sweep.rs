//! What nobody told of: every repository is read from time to time as if no delivery ever came, and releases are decided
//! again when a clock says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::Notify;

use super::Desk;
use super::docket::Key;
use super::talk::pressed::Pressed;
use crate::forge::hint::{Hint, Hinted};
use crate::forge::{Forge as _, Hub, Pending};
use crate::store::change::{Sent, Stream};

/// How soon a sweep that failed is made again.
const AGAIN: Duration = Duration::from_secs(15);
/// How often the clocks are looked at.
const TICK: Duration = Duration::from_secs(1);

/// How old a delivery may be that is answered although whoever took it is gone, and how many are looked at.
const RECALLED: TimeDelta = TimeDelta::hours(1);
const MOST_RECALLED: u64 = 1_000;

/// How long is waited for more of the same before a repository is read out of turn.
const GATHER: Duration = Duration::from_millis(300);

/// Deliveries by the repository that they are about.
type Recalled = BTreeMap<String, Vec<Sent>>;

/// The repositories in which something may have begun to wait, with the deliveries that say so.
#[derive(Debug, Default)]
pub(super) struct OutOfTurn {
    marked: Mutex<Recalled>,
    wake: Notify,
}

impl OutOfTurn {
    fn marked(&self) -> MutexGuard<'_, Recalled> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self, repository: &str, sent: impl IntoIterator<Item = Sent>) {
        self.marked().entry(repository.to_owned()).or_default().extend(sent);
    }
}

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
        self.button(&hinted);
        self.heard(&hinted, now);
        if let (Hint::Deployed { .. } | Hint::Run { .. }, Some(repository)) = (&hinted.hint, &hinted.repository) {
            self.account(repository);
        }
        if let (Hint::MayWait, Some(repository)) = (&hinted.hint, &hinted.repository) {
            self.fresh.forget(repository);
            self.out_of_turn.mark(repository, [sent]);
            self.out_of_turn.wake.notify_one();
            self.counts.delivery("marked");
            return;
        }
        if let (Hint::DeploymentWaits { .. } | Hint::Run { .. }, Some(repository)) = (&hinted.hint, &hinted.repository)
        {
            self.fresh.forget(repository);
        }
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

    /// Hears of a button that somebody pressed.
    fn button(&self, hinted: &Hinted) {
        if let (Hint::Button { identifier, commit, by, .. }, Some(repository)) = (&hinted.hint, &hinted.repository)
            && !by.is_empty()
        {
            self.pressed(Pressed {
                repository: repository.clone(),
                commit: commit.clone(),
                identifier: identifier.clone(),
                by: by.clone(),
            });
        }
    }

    /// Reads every repository, for ever.
    pub(super) async fn sweep(self: Arc<Self>) {
        let mut recalled = None;
        loop {
            if recalled.is_none() {
                recalled = self.recalled().await;
            }
            let whole = self.swept(recalled.as_mut()).await;
            let next = Instant::now() + if whole { self.settings.sweep } else { AGAIN.min(self.settings.sweep) };
            while tokio::time::timeout_at(next.into(), self.out_of_turn.wake.notified()).await.is_ok() {
                tokio::time::sleep(GATHER).await;
                self.read_out_of_turn().await;
            }
        }
    }

    /// Reads the repositories in which something may have begun to wait. One that cannot be read is left to the sweep.
    async fn read_out_of_turn(&self) {
        let marked = std::mem::take(&mut *self.out_of_turn.marked());
        for (repository, sent) in marked {
            if let Err(fault) = self.read(&repository, &sent).await {
                self.say("repository_unread", &json!({ "repository": repository, "fault": fault.to_string() }));
                self.out_of_turn.mark(&repository, sent);
            }
        }
    }

    /// The deliveries that whoever wrote this record before took and did not come to answer, each with its repository.
    async fn recalled(&self) -> Option<Recalled> {
        let since = (self.now() - RECALLED).timestamp_micros();
        let unanswered = async {
            let mut found = Vec::new();
            let mut reader = self.reader().await?;
            for (sent, digest) in reader.unanswered(H::NAME, since, MOST_RECALLED).await? {
                found.extend(reader.blob(digest).await?.map(|bytes| (sent, bytes)));
            }
            reader.close().await?;
            Ok::<_, crate::store::fault::Fault>(found)
        };
        let unanswered = match unanswered.await {
            Ok(unanswered) => unanswered,
            Err(fault) => {
                self.say("deliveries_unread", &json!({ "fault": fault.to_string() }));
                return None;
            }
        };
        let mut recalled = Recalled::new();
        for (sent, bytes) in unanswered {
            let Some(claimed) = self.hub.recall(&bytes) else { continue };
            match self.hub.check(claimed).await {
                Ok(hinted) => {
                    if let Some(hinted) = &hinted {
                        self.button(hinted);
                    }
                    if let Some(repository) = hinted.and_then(|hinted| hinted.repository) {
                        recalled.entry(repository).or_default().push(sent);
                    }
                }
                Err(_) => return None,
            }
        }
        Some(recalled)
    }

    /// Reads every repository once; says whether all could be read.
    async fn swept(&self, mut recalled: Option<&mut Recalled>) -> bool {
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
            let mut earlier = recalled.as_mut().and_then(|recalled| recalled.remove(repository)).unwrap_or_default();
            let marked = self.out_of_turn.marked().remove(repository);
            earlier.extend(marked.into_iter().flatten());
            if let Err(fault) = self.read(repository, &earlier).await {
                // They are answered once it can be read.
                self.out_of_turn.mark(repository, earlier);
                whole = false;
                self.counts.sweep("failed");
                self.say("repository_unread", &json!({ "repository": repository, "fault": fault.to_string() }));
            } else {
                self.counts.sweep("done");
                self.see_to_deliveries(repository).await;
                self.keep_up_with(repository).await;
                if let Err(why) = self.look_after(repository).await {
                    self.say("record_unkept", &json!({ "repository": repository, "fault": why.to_string() }));
                }
            }
        }
        if whole {
            self.counts.swept(installations.repositories.len(), self.now().timestamp());
        }
        whole
    }

    /// Whoever is not told is found at the sweeps alone.
    async fn see_to_deliveries(&self, repository: &str) {
        match self.hub.delivers(repository).await {
            Ok(None) => {}
            Ok(Some(says)) => self.say("deliveries_resumed", &json!({ "repository": repository, "says": says })),
            Err(fault) => {
                self.say("deliveries_not_seen_to", &json!({ "repository": repository, "fault": fault.to_string() }));
            }
        }
    }

    /// Reads ahead what decisions need of a repository in which something runs. It is no fault where that cannot be: whoever
    /// decides reads what is not there.
    async fn keep_up_with(&self, repository: &str) {
        let began = || self.settings.since.keys().any(|(of, _)| of.eq_ignore_ascii_case(repository));
        let runs = async {
            let mut reader = self.reader().await?;
            let runs = began() || !reader.deployed(H::NAME, repository).await?.is_empty();
            reader.close().await?;
            Ok::<_, crate::store::fault::Fault>(runs)
        };
        if let (Ok(true), Ok(forge)) = (runs.await, self.hub.of(repository).await)
            && let Err(fault) = forge.keeps_up(repository).await
        {
            self.say("not_read_ahead", &json!({ "repository": repository, "fault": fault.to_string() }));
        }
    }

    async fn read(&self, repository: &str, earlier: &[Sent]) -> Result<(), H::Fault> {
        let began = Instant::now();
        let pending = self.hub.of(repository).await?.pending(repository).await?;
        let now = Instant::now();
        let waiting: BTreeSet<(Key, u64)> = pending.iter().map(|it| (key(it), it.waiting.run)).collect();
        let mut docket = self.docket();
        docket.only(repository, &waiting);
        let mut found = 0;
        for (key, run) in waiting {
            found += u32::from(docket.waits(key, run, None, now));
        }
        for sent in earlier {
            docket.happened(Some(repository), Some(sent), false, now);
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
        self.read_whole(repository, began);
        self.account(repository);
        self.may_fall_due(repository);
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
                let due = reader.due(self.now()).await?;
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
