//! The story of a change before it is released: a check says what its release would need, and whoever commands something in
//! a comment is told what became of it.
//!
//! Nothing here is in a hurry. A round begins only while no deployment is to be decided, its questions and posts go behind
//! those of deployments, and few of what it says are on their way at once. What is said is recorded first ([`said`]), once
//! for its key, so that neither a restart nor another replica says it again; what a check said last is read from the
//! record, and the same is not said twice.
//!
//! [`book`] knows what is to be looked at, [`view`] looks, [`answers`] finds what to answer, [`pressed`] hears of buttons, [`lasts`] keeps what
//! outlasts a release, and [`judged`] says what became of it. What a release left to be done is called to mind by
//! [`reminders`], and met in [`paid`].

mod answers;
pub mod book;
pub mod judged;
mod lasts;
pub(super) mod paid;
pub mod pressed;
pub(super) mod reminders;
pub(super) mod said;
mod view;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::lock::lock;
use super::policy::{NoPolicy, Read};
use super::{Desk, link};
use crate::flow::append::Failed;
use crate::flow::send;
use crate::forge::hint::{Hint, Hinted};
use crate::forge::talk::{Button, Notice, Proposed, Talk as _};
use crate::forge::{Forge as _, Hub, talk};
use crate::report::proposal::{self, Proposal, Seen, Standing};
use crate::store::change::Stream;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::writer::Refused;
use book::{Book, Round};
use pressed::Pressed;
use said::{Said, Says};
use view::View;

/// How many things that are said may be on their way at once.
const AT_ONCE: usize = 2;
/// How long one waits for one of them at most: another replica may carry it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many changes are looked at together: what was read for one is not read again for the next.
const TOGETHER: usize = 25;
/// How soon is judged again what was done on a page and could not be judged.
const JUDGED_AGAIN: Duration = Duration::from_mins(1);
/// How often is looked whether a deployment is to be decided.
const STEP: Duration = Duration::from_millis(50);

/// What went towards an obligation when that was judged last, by the names of the acts; with when, where it could not be judged.
type Settled = (Vec<String>, Option<Instant>);

/// What is known of what is said.
#[derive(Debug)]
pub(super) struct Talking {
    book: Mutex<Book>,
    /// Wakes whoever looks at changes.
    wake: Notify,
    room: Arc<Semaphore>,
    /// What is on its way, by its key.
    under_way: Mutex<HashMap<String, OwnedSemaphorePermit>>,
    /// The comments that are known to be answered, by their keys.
    answered: Mutex<HashSet<String>>,
    rate: Mutex<answers::Rate>,
    /// What was pressed and nobody has looked at yet.
    pressed: Mutex<Vec<Pressed>>,
    /// What went towards each obligation when that was judged last.
    settled: Mutex<HashMap<String, Settled>>,
}

impl Default for Talking {
    fn default() -> Self {
        Self {
            book: Mutex::default(),
            wake: Notify::new(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            under_way: Mutex::default(),
            answered: Mutex::default(),
            rate: Mutex::default(),
            pressed: Mutex::default(),
            settled: Mutex::default(),
        }
    }
}

impl Talking {
    /// An effect was tried: whatever became of it, it is on its way no longer.
    pub(super) fn tried(&self, once: &str) {
        lock(&self.under_way).remove(once);
    }
}

/// Why a repository's changes could not be looked at.
#[derive(Debug, thiserror::Error)]
enum Unseen {
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("it cannot be recorded: {0}")]
    Failed(#[from] Failed),
    #[error("it cannot be written: {0}")]
    Form(#[from] serde_json::Error),
}

impl Unseen {
    fn forge(fault: impl std::fmt::Display) -> Self {
        Self::Forge(fault.to_string())
    }
}

/// What a round of one repository works with.
struct Looking<'r, H: Hub> {
    forge: H::Forge,
    repository: &'r str,
    policy: Result<Read, NoPolicy>,
    proposed: Vec<Proposed>,
    /// What was seen of a change, by its number and the environment, so that nothing is asked twice in a round.
    views: HashMap<(u64, String), Result<View, String>>,
    /// The releases whose decisions were looked into for the comment that is answered.
    met: BTreeSet<Stream>,
}

impl<H: Hub> Desk<H> {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.talk.book)
    }

    /// Marks which changes a hint is about.
    pub(super) fn heard(&self, hinted: &Hinted, now: Instant) {
        let repository = hinted.repository.as_deref();
        match (&hinted.hint, repository) {
            (Hint::PullRequest { number }, Some(repository)) => self.book().heard(repository, *number, now),
            (Hint::Reference { .. } | Hint::People | Hint::Settings | Hint::Installation | Hint::Repository, _) => {
                self.book().stirred(repository, now);
            }
            _ => return,
        }
        self.talk.wake.notify_one();
    }

    /// Somebody did on a page what a release of a repository left to be done: it is looked at with the repository's changes.
    pub(super) fn claimed(&self, repository: &str, now: Instant) {
        self.book().swept(repository, now);
        self.talk.wake.notify_one();
    }

    /// Looks at changes, for ever.
    pub(super) async fn talk(self: Arc<Self>) {
        loop {
            let now = Instant::now();
            if self.docket().is_pressing(now) {
                tokio::time::sleep(STEP).await;
                continue;
            }
            let next = self.book().take(now);
            let Some(round) = next else {
                let next = self.book().next();
                let wait = next.map_or(Duration::from_secs(1), |next| next.saturating_duration_since(now));
                let wait = wait.clamp(STEP, Duration::from_secs(1));
                let _ = tokio::time::timeout(wait, self.talk.wake.notified()).await;
                continue;
            };
            if let Err(why) = self.round(&round).await {
                self.say("changes_unread", &json!({ "repository": round.repository, "fault": why.to_string() }));
                self.book().failed(round, Instant::now());
            }
        }
    }

    /// Looks at the changes of a repository that are to be looked at.
    async fn round(&self, round: &Round) -> Result<(), Unseen> {
        let repository = round.repository.as_str();
        let forge = self.hub.of(repository).await.map_err(Unseen::forge)?.behind_deployments();
        if let Err(why) = self.judge_claimed(&forge, repository).await {
            // Changes are looked at all the same, and this with them the next time.
            let fields = json!({ "repository": repository, "fault": why.to_string() });
            self.say("obligations_unjudged", &fields);
        }
        let proposed = forge.proposed(repository).await.map_err(Unseen::forge)?;
        let since = since(self.now());
        let mut remarks = forge.remarks(repository, since).await.map_err(Unseen::forge)?;
        let now = Instant::now();
        let due: Vec<Proposed> = {
            let mut book = self.book();
            book.only(repository, &proposed.iter().map(|it| it.number).collect());
            let mut due = proposed.clone();
            due.retain(|it| book.is_due(round, it.number, &it.commit, it.changed_at, now));
            due
        };
        for it in &due {
            let other = self.book().is_other(repository, it.number, it.changed_at, since);
            if other {
                remarks.extend(forge.reviews(repository, it.number, since).await.map_err(Unseen::forge)?);
            }
        }
        self.edited(repository, &remarks).await?;
        let unanswered = self.unanswered(repository, remarks).await?;
        let pressed = self.unheard(repository);
        if due.is_empty() && unanswered.is_empty() && pressed.is_empty() {
            return Ok(());
        }
        let policy = self.policy(&forge, repository).await;
        let mut looking = Looking { forge, repository, policy, proposed, views: HashMap::new(), met: BTreeSet::new() };
        self.hear(&mut looking, pressed).await?;
        let plain = looking.forge.clone();
        for some in due.chunks(TOGETHER) {
            // Who pushed is one list for all of them.
            looking.forge = plain.looking("");
            for proposed in some {
                self.check(&mut looking, proposed).await?;
                self.book().looked(repository, proposed.number, &proposed.commit, proposed.changed_at, now);
            }
        }
        looking.forge = plain;
        self.answer(&mut looking, unanswered).await
    }

    /// Says on a change what its release would need, where that is not said yet.
    async fn check(&self, looking: &mut Looking<'_, H>, proposed: &Proposed) -> Result<(), Unseen> {
        let asked: Vec<String> = match &looking.policy {
            Ok(read) => view::asked(read).map(|it| it.name.clone()).collect(),
            // Where nobody wrote a policy there is nothing to say.
            Err(NoPolicy::Unwritten) => return Ok(()),
            Err(why @ (NoPolicy::Unread(_) | NoPolicy::Unusable { .. })) => {
                let why = why.to_string();
                return self.show(looking.repository, proposed, unusable(&why), Vec::new()).await;
            }
        };
        if asked.is_empty() {
            return Ok(());
        }
        for environment in &asked {
            self.see(looking, proposed, environment).await;
        }
        let seen = asked.iter().filter_map(|environment| {
            let view = looking.views.get(&(proposed.number, environment.clone()))?;
            Some(Seen {
                environment,
                decision: view.as_ref().map(|view| &view.decision).map_err(String::as_str),
                groups_known: view.as_ref().is_ok_and(View::groups_known),
            })
        });
        let onto = proposed.onto.strip_prefix("refs/heads/").unwrap_or(&proposed.onto);
        let proposal = proposal::render(&seen.collect::<Vec<_>>(), onto);
        // What is met, or can be met by nobody, asks nobody to press anything.
        let buttons = if proposal.standing == Standing::Told { pressed::buttons(&asked) } else { Vec::new() };
        self.show(looking.repository, proposed, proposal, buttons).await
    }

    /// Looks at a change as an environment would, once in a round.
    async fn see<'l>(
        &self,
        looking: &'l mut Looking<'_, H>,
        proposed: &Proposed,
        environment: &str,
    ) -> Option<&'l Result<View, String>> {
        let key = (proposed.number, environment.to_owned());
        if !looking.views.contains_key(&key) {
            let read = looking.policy.as_ref().ok()?;
            let seen = self.view(&looking.forge, (looking.repository, proposed), read, environment).await;
            if let Err(why) = &seen {
                self.say(
                    "change_unseen",
                    &json!({ "repository": looking.repository, "change": proposed.number,
                        "environment": environment, "fault": why }),
                );
            }
            looking.views.insert(key.clone(), seen);
        }
        looking.views.get(&key)
    }

    /// Shows a check, where it says something else than it said last.
    async fn show(
        &self,
        repository: &str,
        proposed: &Proposed,
        shown: Proposal,
        buttons: Vec<Button>,
    ) -> Result<(), Unseen> {
        let key = format!("change {}:{repository}#{}", H::NAME, proposed.number);
        let Proposal { standing, title, text } = shown;
        let page =
            self.settings.pages.as_ref().map(|pages| format!("{pages}{}", link::releases_of(H::NAME, repository)));
        let notice = Notice { commit: proposed.commit.clone(), key, standing, title, text, page, buttons };
        let said = |number| Said {
            forge: H::NAME.to_owned(),
            repository: repository.to_owned(),
            change: proposed.number,
            says: Says::Check { notice: notice.clone(), number },
        };
        let mut reader = self.reader().await?;
        let last = reader.last_about(&said(0).about()).await?;
        let number = last.as_ref().map_or(0, |last| last.number);
        let before = match last {
            Some(last) => reader.blob(last.body).await?.and_then(|bytes| Said::read(&bytes, H::NAME)),
            None => None,
        };
        reader.close().await?;
        if before == Some(said(number)) {
            return Ok(());
        }
        let digest = Sha256::digest(notice.text.as_bytes());
        let once = format!("check {}", json!([H::NAME, repository, proposed.number, notice.commit, number + 1]));
        if self.leave(&said(number + 1), &once).await? {
            self.say(
                "check_said",
                &json!({ "repository": repository, "change": proposed.number, "commit": notice.commit,
                    "title": notice.title, "sha256": digest.iter().fold(String::new(), |it, byte| format!("{it}{byte:02x}")) }),
            );
        }
        Ok(())
    }

    /// Records that something is to be said, once there is room for it. Says whether it was not recorded before.
    async fn leave(&self, said: &Said, once: &str) -> Result<bool, Unseen> {
        let room = tokio::time::timeout(PATIENCE, self.talk.room.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = room else {
            // Whoever carries it does not tell us. What was counted on its way begins anew.
            lock(&self.talk.under_way).clear();
            return Box::pin(self.recorded(said, once)).await;
        };
        lock(&self.talk.under_way).insert(once.to_owned(), permit);
        let recorded = self.recorded(said, once).await;
        if !matches!(recorded, Ok(true)) {
            self.talk.tried(once);
        }
        recorded
    }

    async fn recorded(&self, said: &Said, once: &str) -> Result<bool, Unseen> {
        let bytes = serde_json::to_vec(said)?;
        let append = send::leaves(&said.about(), (once, &said.destination()), &bytes, self.now())?;
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) => {
                self.to_tell.notify_one();
                Ok(true)
            }
            Err(Failed::Refused(Refused::OtherContent(_))) => Ok(false),
            Err(failed) => Err(failed.into()),
        }
    }
}

/// Comments that are older than a day are not answered: nobody waits for that. To the hour, so that asking again is asking
/// the same.
fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    let day = now - TimeDelta::hours(24);
    DateTime::from_timestamp(day.timestamp().div_euclid(3_600) * 3_600, 0).unwrap_or(day)
}

/// What is shown where the policy cannot be used.
fn unusable(why: &str) -> Proposal {
    let text =
        format!("<p>What its release would need is not known: {}.</p>\n", crate::report::neutral::prose(why, 900));
    Proposal { standing: Standing::Told, title: "the policy cannot be read".to_owned(), text }
}

/// A comment, with the key of its answer.
struct Unanswered {
    remark: talk::Remark,
    once: String,
}
