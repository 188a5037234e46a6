//! The story of the app: it is told that something happened, reads again what the forge knows, decides, writes that down,
//! and tells the forge.
//!
//! A delivery is in the record before whoever sent it has an answer (`Desk::deliver`), and is only a hint: what waits
//! stands in the [`docket`], and is gathered, decided and recorded in [`ruling`] with everything that follows from it.
//! What is to leave leaves through [`carry`]. Jobs hand in raw evidence through [`submission`], which is read again in
//! [`evidence`]. [`sweep`] finds what nobody told of, and starts what a clock starts; all of this comes to the same when no
//! delivery ever comes. What was deployed, and how that went, is kept in the [`ledger`], by the decision that let it in
//! ([`openings`]), also where others tell of it ([`outside`], [`told`]) or of the grant under which it went ([`granted`]), becomes
//! facts of what comes next in [`history`], [`trials`] and [`marks`], and leaves what is to be done in [`aftermath`]; what went past is taken up in
//! [`imported`], and an environment that is held no longer is found in [`drift`]. What submitted scans say of what
//! goes and runs becomes facts in [`scanned`]. What people do on the pages of releases is taken in [`acting`].
//! Change records, incidents and what the board decides are issues where the policy has them so: [`records`]; when it meets
//! may stand in a feed: [`feeds`].
//! What falls due because a period ended is made and told in [`periods`].
//! What several processes that are this app share is in [`sharing`], and what the desks of several forges do that are one app
//! in [`beside`]; by that, and by the record, a release knows how the other parts of its package stand: [`package`].
//! What came to nothing waits in [`given_up`] for somebody who has it tried again.
//! [`talk`] says on changes what their release would need, and answers what people write there;
//! whatever a deployment waits for goes before it. What people are told elsewhere leaves through a lane of its own: [`tell`].
//!
//! Never here: the name of a forge, HTTP.
//!
//! Invariant: nothing opens an environment but the last decision of a release, and that while it is the last.

pub mod acting;
mod aftermath;
pub mod asked;
mod before;
pub mod beside;
mod carry;
pub mod clock;
pub mod docket;
mod drift;
mod evidence;
mod feeds;
mod fresh;
pub mod given_up;
mod granted;
mod heard;
mod history;
mod imported;
pub mod kept;
pub(in crate::flow) mod lasting;
mod ledger;
mod limits;
pub mod link;
mod lock;
mod marks;
mod openings;
pub mod outside;
mod owed;
mod package;
mod past;
pub mod periods;
pub mod policy;
pub mod readers;
mod records;
pub use records::shown as agendas;
mod ruling;
mod runs;
mod scanned;
mod sharing;
mod shown;
mod since;
mod still;
pub mod submission;
mod sweep;
pub mod talk;
mod tell;
mod told;
mod trials;
mod undecided;
mod vendors;
pub mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, mpsc, watch as signal};
use tokio::task::JoinSet;
use tracing::{Instrument as _, info_span};

use super::append::{Failed, delivery};
use super::messages::Channels;
use super::receipt::{self, NoReceipt};
use super::record::Fault;
use super::sheet::{self, Moment};
use super::visits::Register;
use crate::connect::feed::Feeds;
use crate::forge::Hub;
use crate::policy::roster::Roster;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::change::{Sent, Stream};
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::Backoff;
use crate::store::reader::Reader;
use crate::store::sequencer::{Running, Sequencer};
use crate::store::signatory::Signatory;
use crate::store::writer::{Refused, Writer};
use beside::Desks;
use clock::Clock;
use docket::Docket;
use watch::{Counts, Journal};

/// How many deliveries wait to be looked at. Beyond that, who brings one waits; it is in the record by then.
const QUEUE: usize = 4_096;
/// How long those that are at work when the end comes are waited for.
const END: Duration = Duration::from_secs(10);

/// What ran when a record began: by repository, in lower case, and environment, the commit of each component; the empty
/// name stands for all that are not named.
pub type Began = BTreeMap<(String, String), BTreeMap<String, String>>;

/// What the app works by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The record.
    pub address: Address,
    /// The folder for what is large.
    pub folder: Option<PathBuf>,
    /// The layers around every repository's own policy.
    pub outer: policy::Outer,
    /// Within them, the one that a repository keeps for all others.
    pub kept: Option<kept::Kept>,
    /// What no forge knows of any release, as the facts have it.
    pub known: Option<Value>,
    /// Who was in the groups before.
    pub roster: Roster,
    /// The components that have no artifacts.
    pub without_artifacts: Vec<String>,
    /// Whether evidence is taken from the jobs of pipelines, and looked for where a release is decided.
    pub submissions: bool,
    /// What ran before this record began.
    pub since: Began,
    /// How often every repository is read without being told to.
    pub sweep: Duration,
    /// How long is waited after something that the forge did not take.
    pub backoff: Backoff,
    /// The address under which the pages of releases are reached, without `/` at its end; left out where none is served.
    pub pages: Option<String>,
    /// Who else may tell of deployments, and under which address.
    pub outside: outside::Outside,
    /// The places that people can be told at.
    pub channels: Arc<Channels>,
    /// Whoever reads when boards meet, where policies name feeds.
    pub feeds: Arc<Feeds>,
    /// What time it is.
    pub clock: Clock,
    /// The desks of the forges that the app serves, this one's among them.
    pub desks: Desks,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the record.
    Recorded,
    /// It was there before.
    Before,
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Another one came under the same id.
    #[error("another delivery came under this id, and this one is not the same")]
    Other,
    /// It cannot be recorded.
    #[error("{0}")]
    Failed(Failed),
    /// The app ends.
    #[error("the app ends; send it again")]
    Ends,
}

/// What was delivered, for whoever looks at it.
struct Delivered<C> {
    sent: Sent,
    claimed: C,
}

/// The app.
pub struct Desk<H: Hub> {
    hub: H,
    settings: Settings,
    signer: Signatory,
    sequencer: Sequencer,
    journal: Journal,
    counts: Counts,
    docket: Mutex<Docket>,
    delivered: mpsc::Sender<Delivered<H::Claimed>>,
    evidence: evidence::Remembered,
    turns: submission::Turns,
    talk: talk::Talking,
    ledger: ledger::Ledger,
    around: kept::Around,
    questions: asked::Questions,
    heard: heard::Heard,
    looks: Looks,
    out_of_turn: sweep::OutOfTurn,
    fresh: fresh::Fresh,
    feeds: feeds::Kept,
    agendas: records::Settled,
    causes: records::Causes,
    unlooked: given_up::Deliveries<H::Claimed>,
    periods: periods::Periods,
    memberships: readers::Memberships,
    /// Wakes whoever decides, whoever tells forges, and whoever tells people.
    to_decide: Notify,
    to_tell: Notify,
    to_tell_people: Notify,
}

/// How many look at a page of a release, or take a receipt, at once, and how long one waits for a place.
const LOOKS: usize = 4;
const A_PLACE: Duration = Duration::from_secs(3);
/// How many do so or wait for it.
const LINE: usize = 36;

/// Places for what keeps a core busy because somebody looks.
struct Looks {
    places: Semaphore,
    line: Semaphore,
}

impl Default for Looks {
    fn default() -> Self {
        Self { places: Semaphore::new(LOOKS), line: Semaphore::new(LINE) }
    }
}

impl Looks {
    /// Waits for a place, not for long and not behind many: however many look, nothing gathers behind them.
    async fn place(&self) -> Result<[SemaphorePermit<'_>; 2], Busy> {
        let line = self.line.try_acquire().map_err(|_| Busy)?;
        let place = tokio::time::timeout(A_PLACE, self.places.acquire()).await;
        Ok([line, place.ok().and_then(Result::ok).ok_or(Busy)?])
    }
}

/// That too many look at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many look at releases at once")]
pub struct Busy;

/// Why somebody who looks is shown nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unshown {
    /// Too many look.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The record could not be read.
    #[error("{0}")]
    Record(#[from] DatabaseFault),
}

/// What of a desk ends with it.
pub struct Works {
    tasks: JoinSet<()>,
    end: signal::Sender<bool>,
}

/// The record as the app writes it, one for all of its desks.
pub struct Record {
    sequencer: Sequencer,
    running: Running,
}

impl<H: Hub> std::fmt::Debug for Desk<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<H: Hub> Desk<H> {
    /// Starts to work on a record, on the runtime that this is called on. `states` is the key that signs the log, with which
    /// is stated what of decisions is.
    pub fn start(
        hub: H,
        settings: Settings,
        (record, states): (&Record, Signatory),
        (journal, counts): (Journal, Counts),
    ) -> (Arc<Self>, Works) {
        let feeds = feeds::Kept::new(settings.feeds.clone());
        let (delivered, queue) = mpsc::channel(QUEUE);
        let desk = Arc::new(Self {
            hub,
            settings,
            signer: states,
            sequencer: record.sequencer.clone(),
            journal,
            counts,
            docket: Mutex::default(),
            talk: talk::Talking::default(),
            ledger: ledger::Ledger::default(),
            around: kept::Around::default(),
            questions: asked::Questions::default(),
            heard: heard::Heard::default(),
            looks: Looks::default(),
            out_of_turn: sweep::OutOfTurn::default(),
            fresh: fresh::Fresh::default(),
            feeds,
            agendas: records::Settled::default(),
            causes: records::Causes::default(),
            unlooked: given_up::Deliveries::default(),
            periods: periods::Periods::default(),
            memberships: readers::Memberships::default(),
            delivered,
            evidence: evidence::Remembered::default(),
            turns: submission::Turns::default(),
            to_decide: Notify::new(),
            to_tell: Notify::new(),
            to_tell_people: Notify::new(),
        });
        desk.settings.desks.join(&desk);
        let (end, ends) = signal::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(until(ends.clone(), desk.clone().look(queue)));
        tasks.spawn(until(ends.clone(), desk.clone().rule()));
        tasks.spawn(until(ends.clone(), desk.clone().carry()));
        tasks.spawn(until(ends.clone(), desk.clone().tell_all()));
        tasks.spawn(until(ends.clone(), desk.clone().sweep()));
        tasks.spawn(until(ends.clone(), desk.clone().talk()));
        tasks.spawn(until(ends.clone(), desk.clone().keep_ledger()));
        tasks.spawn(until(ends.clone(), desk.clone().share()));
        tasks.spawn(until(ends.clone(), desk.clone().watch_limits()));
        tasks.spawn(until(ends.clone(), desk.clone().keep_periods()));
        tasks.spawn(until(ends, desk.clone().wake()));
        (desk, Works { tasks, end })
    }

    /// What time it is for the app, UTC.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.settings.clock.now()
    }

    /// What is counted.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The forge.
    #[must_use]
    pub fn hub(&self) -> &H {
        &self.hub
    }

    /// Says in the journal that something happened.
    pub fn say(&self, event: &str, fields: &Value) {
        (self.journal)(event, fields);
    }

    fn docket(&self) -> MutexGuard<'_, Docket> {
        self.docket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a run is known to wait for a release, or may.
    #[must_use]
    pub fn waits(&self, of: &Stream) -> bool {
        let waiting = self.docket().waiting(&of.repository, &of.environment);
        waiting.iter().any(|it| it.as_ref().is_none_or(|it| it == of))
    }

    /// The runs that are known to wait for a release.
    #[must_use]
    pub fn runs(&self, of: &Stream) -> Vec<u64> {
        self.docket().runs(of)
    }

    /// The releases that wait and could not be decided when they were looked at last.
    #[must_use]
    pub fn undecided(&self) -> Vec<docket::Key> {
        self.docket().undecided()
    }

    /// The deployments of the last 35 days that no decision let in, the newest first, some hundred at most.
    pub async fn found(&self) -> Result<Vec<Deployed>, DatabaseFault> {
        let mut reader = self.reader().await?;
        let since = (self.now() - TimeDelta::days(35)).timestamp_micros();
        let found = reader.undecided(H::NAME, since, 100).await?;
        reader.close().await?;
        Ok(history::once(found))
    }

    /// Where the sessions of those who look are kept.
    #[must_use]
    pub fn register(&self) -> Register {
        Register::new(self.settings.address.clone(), self.sequencer.clone())
    }

    /// Opens the record for reading.
    pub async fn reader(&self) -> Result<Reader, DatabaseFault> {
        let reader = Reader::open(&self.settings.address).await?;
        Ok(reader.with_annex(self.settings.folder.as_deref().map(Annex::folder)))
    }

    /// Whether the record can be read.
    pub async fn is_well(&self) -> Result<(), DatabaseFault> {
        let mut reader = self.reader().await?;
        reader.head().await?;
        reader.close().await
    }

    /// The receipt of the decision that stood at a moment, as a JSON document, with the number of its entry; `None` where
    /// there was none.
    pub async fn receipt(self: &Arc<Self>, stream: &Stream, at: Moment) -> Result<Option<(u64, Vec<u8>)>, NoReceipt> {
        let _place = self.looks.place().await.map_err(|busy| NoReceipt::Later(busy.to_string()))?;
        let mut reader = self.reader().await?;
        let past = sheet::stood(&mut reader, stream, at).await?;
        let Some(past) = past else { return Ok(None) };
        let recorded = receipt::recorded(&mut reader, &past).await?;
        reader.close().await?;
        let desk = self.clone();
        // Whoever signs, and the log where it is proven, keep nobody else waiting.
        let made = tokio::task::spawn_blocking(move || {
            let receipt = recorded.receipt(&desk.settings.address, &desk.signer)?;
            serde_json::to_vec_pretty(&receipt).map_err(|why| NoReceipt::Gone(why.to_string()))
        });
        let bytes = made.await.map_err(|_| DatabaseFault::Stopped)??;
        Ok(Some((past.entry, bytes)))
    }

    /// Takes a delivery that is the forge's. When this comes back it is durable.
    pub async fn deliver(&self, id: &str, bytes: &[u8], claimed: H::Claimed) -> Result<Taken, NotTaken> {
        // Who cannot hand it on to be looked at does not record it either, and is told to come again.
        let place = self.delivered.reserve().await.map_err(|_| NotTaken::Ends)?;
        let sent = Sent { forge: H::NAME.to_owned(), id: id.to_owned() };
        let append = delivery(&sent, bytes).append(self.now()).map_err(NotTaken::Failed)?;
        let appended = self.sequencer.append(append).instrument(info_span!("delivery", delivery = id)).await;
        match appended.map_err(Failed::from) {
            Ok(appended) if appended.before => Ok(Taken::Before),
            Ok(_) => {
                place.send(Delivered { sent, claimed });
                Ok(Taken::Recorded)
            }
            Err(Failed::Refused(Refused::OtherContent(_))) => Err(NotTaken::Other),
            Err(failed) => Err(NotTaken::Failed(failed)),
        }
    }

    /// Looks at what was delivered, and marks what is to be read again.
    async fn look(self: Arc<Self>, mut queue: mpsc::Receiver<Delivered<H::Claimed>>) {
        while let Some(Delivered { sent, claimed }) = queue.recv().await {
            self.look_at(sent, claimed).await;
        }
    }

    /// Waits until something is to be decided, or may be.
    async fn something(&self) {
        let next = self.docket().next();
        let wait = next.map_or(Duration::from_secs(1), |next| next.saturating_duration_since(Instant::now()));
        let wait = wait.clamp(Duration::from_millis(5), Duration::from_secs(1));
        let _ = tokio::time::timeout(wait, self.to_decide.notified()).await;
    }
}

/// Works until the end comes.
async fn until(mut ends: signal::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = ends.wait_for(|ends| *ends) => {}
    }
}

impl Works {
    /// Ends in order: nothing new is begun.
    pub async fn end(mut self) {
        let _ = self.end.send(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(END, all).await;
        self.tasks.shutdown().await;
    }
}

impl Record {
    /// Opens the record to write to it. `signer` signs its log.
    pub async fn open(settings: &Settings, signer: Signatory) -> Result<Self, Fault> {
        let clock = settings.clock.clone();
        let writer = Writer::open(&settings.address, signer, super::append::PATIENCE, clock.now()).await?;
        let writer = writer.with_annex(settings.folder.as_deref().map(Annex::folder));
        let (sequencer, running) = Sequencer::start(writer, move || clock.now());
        Ok(Self { sequencer, running })
    }

    /// Waits until it takes no more, as when another process has taken the lease over.
    pub async fn broken(&mut self) {
        while !self.running.is_over() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Ends in order, once nobody hands anything in any more: what was handed in is durable.
    pub async fn end(self) -> Result<(), DatabaseFault> {
        let Self { sequencer, running } = self;
        drop(sequencer);
        match tokio::time::timeout(END, running.finished()).await {
            Ok(done) => done,
            Err(_) => Err(DatabaseFault::Stopped),
        }
    }
}
