//! A release that waits is decided: what the forge and the record know becomes facts, these become a decision, and that
//! is written down with all that follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tracing::{Instrument as _, field::Empty, info_span};

use super::docket::{Case, Key};
use super::policy::{self, Read};
use super::records::{Judged, Proposed, Said};
use super::still::{Alike, alike};
use super::{Desk, acting, before, evidence, owed, runs, shown, since};
use crate::decide::{release, unreadable};
use crate::flow::append::Failed;
use crate::flow::decided::{Beside, Drafted, word};
use crate::flow::facts::{self, Wanted};
use crate::flow::receipt::{self, Decided};
use crate::flow::{flawed, replay};
use crate::forge::talk::Talk as _;
use crate::forge::{Expected, Forge as _, Hub, Source as _, Takes, Waiting, Why};
use crate::log::tree::Hash;
use crate::model::facts::{Account, Fact, Facts};
use crate::model::release_decision::Ruling;
use crate::report;
use crate::report::neutral;
use crate::store::change::{Sent, Stream};
use crate::store::reader::Reader;
use crate::store::writer::Refused;
use crate::workspace::layers::PLACES;

/// How many releases are decided at once.
const AT_ONCE: usize = 8;
/// How often is looked again whether a deployment waits that the forge does not list yet, or no longer.
const LOOKS: u32 = 2;
/// How many bytes of the summary a forge is told.
const SUMMARY: usize = 900;

/// How often a release is gathered and decided anew because somebody else decided it meanwhile.
const TRIES: u32 = 3;
/// What of a gate's evidence the settings may add to what was submitted: what was measured before, and who signed which
/// bytes, which the app does not verify. All else is of one source.
const ADDED: [&str; 2] = ["baseline", "signers"];

/// In which attempt each run is.
pub(super) type Attempts = BTreeMap<u64, u64>;

/// What a decision was made upon, besides facts: it is recorded only while that is so.
struct Seen {
    attempts: Attempts,
    /// How many entries the record had before the facts were read.
    since: u64,
    /// Which answers those who wait take.
    takes: Takes,
}

/// Why a release could not be decided. It goes on waiting, and is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecided {
    #[error("none of its runs waits, as far as the forge says")]
    WaitsNoLonger,
    #[error("none of its runs is there and of its commit, as far as the forge says")]
    NoneOfIt,
    #[error("run {run} is in attempt {now} now, and attempt {asked} of it asks; ask in the present one")]
    OtherAttempt { run: u64, asked: u64, now: u64 },
    #[error("the policy has no environment `{0}`; name one that it has")]
    NoEnvironment(String),
    #[error("no policy can be read: {0}")]
    Policy(#[from] policy::NoPolicy),
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    #[error("{0}")]
    Facts(#[from] facts::Fault),
    #[error(transparent)]
    Before(#[from] before::Unknown),
    #[error("the record could not be read: {0}")]
    Record(#[from] crate::store::fault::Fault),
    #[error(transparent)]
    Acts(#[from] acting::Lost),
    #[error("the evidence that was submitted is not known: {0}")]
    Evidence(#[from] evidence::Unread),
    #[error("it cannot be recorded: {0}")]
    Failed(#[from] Failed),
    #[error("it cannot be written: {0}")]
    Form(#[from] serde_json::Error),
}

impl Undecided {
    fn word(&self) -> &'static str {
        match self {
            Self::WaitsNoLonger | Self::NoneOfIt => "waits_no_longer",
            Self::OtherAttempt { .. } => "attempt",
            Self::NoEnvironment(_) => "environment",
            Self::Policy(_) => "policy",
            Self::Forge(_) => "forge",
            Self::Facts(_) => "facts",
            Self::Before(_) | Self::Record(_) | Self::Acts(_) | Self::Failed(_) => "record",
            Self::Evidence(_) => "evidence",
            Self::Form(_) => "form",
        }
    }
}

/// The sentence of a decision as a forge is told it.
pub(super) fn shown(summary: &str) -> String {
    neutral::prose(summary, SUMMARY)
}

/// What was decided.
pub(super) struct Outcome {
    pub(super) ruling: Ruling,
    pub(super) summary: String,
    stream: Stream,
    /// Whether the record did not have it yet.
    pub(super) is_new: bool,
    /// Where the record has it.
    pub(super) recorded: Option<Entered>,
}

/// By what a decision is found in the record.
pub(super) struct Entered {
    /// The number of its entry.
    pub(super) entry: u64,
    /// SHA-256 of its document.
    pub(super) document: Hash,
}

/// What is said to a run that waits beside another one.
const BESIDE_ANOTHER: &str = "held, because another run of this commit waits here that was started by somebody else, by \
     another event or from another branch, and what is decided of that one is not decided of this one; let the other go, or \
     cancel it";

/// What is known of something that went already, beside what is there.
#[derive(Default)]
pub(super) struct Went {
    /// When, where no run says when it was asked for, nor from which branch.
    pub(super) at: Option<DateTime<Utc>>,
    /// Who signed the grant for it.
    pub(super) signers: Vec<Account>,
}

/// The branch on which something is looked for that went without a run: the first that the environment names by its name.
fn branch(read: &Read, environment: &str) -> Option<String> {
    let rule = read.policy.rules.environments.iter().find(|rule| rule.name == environment)?;
    let plain = |branch: &&String| !branch.contains(['*', '?', '{', '[']);
    let branch = rule.branches.as_ref()?.written.iter().find(plain)?;
    Some(format!("refs/heads/{branch}"))
}

/// What the settings state beside what was submitted: of a gate whose evidence was, no more than [`ADDED`].
fn beside(known: &Value, facts: &Facts) -> Value {
    let mut known = known.clone();
    let stated = known.get_mut("evidence").and_then(Value::as_object_mut);
    for (name, stated) in stated.into_iter().flatten() {
        if facts.evidence.get(name).is_some_and(|found| found.known().is_some())
            && let Some(stated) = stated.as_object_mut()
        {
            stated.retain(|what, _| ADDED.contains(&what.as_str()));
        }
    }
    known
}

impl<H: Hub> Desk<H> {
    /// Decides whatever is to be decided, for ever.
    pub(super) async fn rule(self: Arc<Self>) {
        let mut busy: JoinSet<()> = JoinSet::new();
        loop {
            while busy.try_join_next().is_some() {}
            let room = AT_ONCE.saturating_sub(busy.len());
            let cases = self.docket().take(Instant::now(), room);
            if cases.is_empty() {
                tokio::select! {
                    () = self.something() => {}
                    Some(_) = busy.join_next() => {}
                }
                continue;
            }
            for case in cases {
                let desk = self.clone();
                busy.spawn(async move { desk.case(case).await });
            }
        }
    }

    async fn case(&self, case: Case) {
        let Key { repository, environment, commit } = case.key.clone();
        let deliveries: Vec<String> = case.answers.iter().map(ToString::to_string).collect();
        let span = info_span!(
            "decision",
            repository,
            environment,
            commit,
            deliveries = deliveries.join(" "),
            decision = Empty
        );
        let decided = self.decide(&case).instrument(span.clone()).await;
        span.record("decision", decided.as_ref().map_or_else(Undecided::word, |outcome| word(outcome.ruling)));
        drop(span);
        match decided {
            Ok(Outcome { ruling, summary, stream, is_new: false, .. }) => {
                let fields = json!({ "repository": repository, "environment": environment, "commit": commit,
                    "decision": word(ruling) });
                self.say("release_unchanged", &fields);
                if self.docket().decided(&case, stream, summary) {
                    self.settings.desks.happened(H::NAME, &repository);
                }
            }
            Ok(Outcome { ruling, summary, stream, is_new: true, .. }) => {
                let fields = json!({ "repository": repository, "environment": environment, "commit": commit,
                    "decision": word(ruling), "summary": summary, "answers": deliveries });
                self.counts.decision(word(ruling));
                self.say("release_decided", &fields);
                self.docket().decided(&case, stream, summary);
                self.settings.desks.happened(H::NAME, &repository);
                self.to_tell.notify_one();
            }
            Err(why) => {
                let fields = json!({ "repository": repository, "environment": environment, "commit": commit,
                    "why": why.to_string() });
                self.counts.undecided(why.word());
                self.say("release_undecided", &fields);
                let gone = matches!(why, Undecided::WaitsNoLonger | Undecided::NoneOfIt);
                if gone && case.failures >= LOOKS {
                    self.docket().gone(&case);
                    return;
                }
                let says = neutral::prose(&format!("held, because it cannot be decided: {why}"), SUMMARY);
                let says = (!gone).then_some(says);
                if let Some(says) = &says {
                    self.excuse(&case, says).await;
                }
                self.docket().failed(case, says, Instant::now());
            }
        }
    }

    /// Tells those who wait why nothing is decided, once. It is no decision, and so it is sent as well as it can be.
    async fn excuse(&self, case: &Case, says: &str) {
        if case.told.as_deref() == Some(says) {
            return;
        }
        let Key { repository, environment, .. } = &case.key;
        let Ok(forge) = self.hub.of(repository).await else { return };
        for run in &case.runs {
            let waiting = Waiting { repository: repository.clone(), run: *run, environment: environment.clone() };
            if let Err(fault) = forge.hold(&waiting, Why::plain(says)).await {
                self.say("report_unsent", &json!({ "repository": repository, "run": run, "fault": fault.to_string() }));
            }
        }
    }

    /// Decides a release and records it. Of two who decide it at once, the one whose facts are older reads them again, and
    /// so does who did not see what somebody did on its page meanwhile.
    pub(super) async fn decide(&self, case: &Case) -> Result<Outcome, Undecided> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.decide_once(case).await {
                // A message that another one recorded meanwhile is not recorded twice.
                Err(Undecided::Failed(Failed::Refused(
                    Refused::Stale { .. } | Refused::Unseen { .. } | Refused::OtherContent(_),
                ))) if tries > 0 => {}
                done => return done,
            }
        }
    }

    async fn decide_once(&self, case: &Case) -> Result<Outcome, Undecided> {
        let key = &case.key;
        // Whatever is recorded from here on may be of newer facts than these.
        let mut reader = self.reader().await?;
        let since = reader.size().await?;
        let ran = self.ran_by_now(&mut reader, key).await?;
        reader.close().await?;
        let outside = self.hub.of(&key.repository).await.map_err(|fault| Undecided::Forge(fault.to_string()))?;
        // Whoever asks lets go first what waits.
        let outside = if case.asked.is_some() { outside.behind_deployments() } else { outside };
        let (repository, environment, commit) = (&key.repository, &key.environment, &key.commit);
        let (reading, began) = (info_span!("facts"), Instant::now());
        let forge = reading.in_scope(|| {
            let forge = outside.looking(&json!([repository, environment, commit]).to_string());
            let [file, ..] = PLACES;
            forge.expects(&Expected { repository, environment, commit, runs: &case.runs, file });
            forge.ahead(repository, ran.as_deref(), commit);
            forge
        });
        // A delivery can be old: nothing is done for what waits no longer.
        let those = async {
            if case.told.is_some() {
                (Ok(Some(Takes::ANY)), alike::<H>(&forge, case).await)
            } else {
                self.those_that_wait(&forge, case).await
            }
        };
        // What is said to run is asked for by the facts, and is here by then.
        let looked =
            async { tokio::join!(those, self.policy(&forge, repository), forge.running(repository, environment)) };
        let ((waits, alike), read, _) = looked.instrument(reading.clone()).await;
        let mut takes = waits?.ok_or(Undecided::WaitsNoLonger)?;
        let Alike { attempts, others, waits: waited } = alike?;
        let read = match read {
            Ok(read) => read,
            Err(none) => return self.held(case, Seen { attempts, since, takes: Takes::ANY }, none).await,
        };
        if case.asked.is_some() && !read.policy.rules.environments.iter().any(|rule| rule.name == key.environment) {
            return Err(Undecided::NoEnvironment(key.environment.clone()));
        }
        let case = &Case { runs: attempts.keys().copied().collect(), ..case.clone() };
        if !others.is_empty() && case.told.is_none() {
            self.excuse(&Case { runs: others, ..case.clone() }, BESIDE_ANOTHER).await;
        }
        // Whether it still waits, in the same attempt, is asked once more while the rest is read.
        let went = Went::default();
        let facts = self.facts_and_said(&forge, &read, (case, &attempts), &went);
        let all = self.with_those_that_wait(facts, (&outside, case), (&attempts, waited, began));
        let (facts, waits) = all.instrument(reading).await;
        let (facts, (said, proposed)) = facts?;
        let text = serde_json::to_string(&facts)?;
        let mut reader = self.reader().await?;
        // A release that is under way keeps the stricter of the policy that it began with and the one in force.
        let before = before::first(&mut reader, key, &facts.release).await?;
        reader.close().await?;
        let before = before.filter(|before| !before.asks_the_same_as(&read));
        let now = self.now();
        let decision = info_span!("decide").in_scope(|| match &before {
            Some(before) => release::decide_between(&before.policy, &read.policy, &facts, now),
            None => release::decide(&read.policy, &facts, now),
        });
        let decision = decision.by_document(text.as_bytes());
        // It may have been answered while this was read: what opens or fails is said to whoever still waits.
        let answers = decision.decision != Ruling::Hold && case.asked.is_none();
        let is_last = answers && case.told.is_some();
        let mut reader = self.reader().await?;
        if decision.decision != Ruling::Hold && self.may_be_answered(&mut reader, key, &facts).await? {
            // What was read may be of before the answer.
            self.fresh.forget(&key.repository);
            if answers {
                takes = self.takes(&outside, case).await?.ok_or(Undecided::WaitsNoLonger)?;
            }
        } else if is_last {
            takes = waits?.ok_or(Undecided::WaitsNoLonger)?;
        }
        let messages = self.drafts(&mut reader, &read, &facts, &decision).await?;
        reader.close().await?;
        let policy = super::records::wanted(&read.policy.rules).then(|| read.policy.clone());
        let decided = Decided {
            policy: read.layers,
            before: before.map(|before| before.layers).unwrap_or_default(),
            facts_text: text,
            facts: &facts,
            decision: &decision,
            document: report::json::release(&decision)?,
        };
        let recorded = self.record(case, Seen { attempts, since, takes }, decided, messages.clone());
        let outcome = recorded.instrument(info_span!("record")).await?;
        // What time added to a decision that stands leaves by itself.
        if outcome.is_new {
            self.to_tell_people.notify_one();
        } else {
            self.tell_people(&messages).await?;
        }
        if let Some(policy) = policy
            && let Err(why) =
                self.keep_up(&policy, Judged { key, facts: &facts, decision: &decision }, &said, &proposed).await
        {
            // It is looked at again whenever the release is.
            let fields = json!({ "repository": key.repository, "commit": key.commit, "fault": why.to_string() });
            self.say("record_unkept", &fields);
        }
        Ok(outcome)
    }

    /// Holds a release for want of a policy, and records that: what waits is told so by a decision. Nobody is asked about it.
    /// A job that asks could name any environment, and is only told.
    async fn held(&self, case: &Case, seen: Seen, none: policy::NoPolicy) -> Result<Outcome, Undecided> {
        let Some((flaws, layers)) = none.clone().known().filter(|_| case.asked.is_none()) else {
            return Err(none.into());
        };
        let Key { repository, environment, commit } = &case.key;
        let stream = Stream {
            forge: H::NAME.to_owned(),
            repository: repository.clone(),
            release: facts::named(repository, commit),
            environment: environment.clone(),
        };
        let mut reader = self.reader().await?;
        let acts = acting::done(&mut reader, H::NAME, &case.key, self.now()).await?;
        // Looked at again, it was asked for when it was.
        let last = match reader.latest(&stream).await? {
            Some(last) => reader.blob(last.facts).await?.and_then(|bytes| Facts::read(&bytes).ok()),
            None => None,
        };
        reader.close().await?;
        let now = self.now();
        let submitted_at = last.map_or(now, |last| last.release.submitted_at);
        let facts = flawed::facts(H::NAME, (repository, environment, commit), submitted_at, acts)?;
        let text = serde_json::to_string(&facts)?;
        let listed = replay::listed(&layers);
        let decision = unreadable::held(&facts, now, &flaws, listed).by_document(text.as_bytes());
        let document = report::json::release(&decision)?;
        let decided = Decided {
            policy: layers,
            before: Vec::new(),
            facts_text: text,
            facts: &facts,
            decision: &decision,
            document,
        };
        self.record(case, seen, decided, Vec::new()).await
    }

    /// What the record opened an environment for last, or what ran before it began: that is what the forge most likely shows to
    /// run. It is asked all the same.
    async fn ran_by_now(&self, reader: &mut Reader, key: &Key) -> Result<Option<String>, crate::store::fault::Fault> {
        let opened = reader.openings(H::NAME, &key.repository, &key.environment).await?;
        let Some(opening) = opened.first() else {
            let place = (key.repository.to_ascii_lowercase(), key.environment.clone());
            let began = self.settings.since.get(&place);
            return Ok(began.and_then(|began| began.values().next()).cloned());
        };
        let facts = reader.blob(opening.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        Ok(facts.map(|facts| facts.release.commit))
    }

    /// The components of a policy that have no artifacts, each with none.
    pub(super) fn without_artifacts(&self, read: &Read) -> BTreeMap<String, Vec<String>> {
        let known = |name: &&String| read.policy.rules.components.iter().any(|component| component.name == **name);
        self.settings.without_artifacts.iter().filter(known).map(|name| (name.clone(), Vec::new())).collect()
    }

    /// The facts of a release that went already, as they were when it did.
    pub(super) async fn facts_of(
        &self,
        forge: &H::Forge,
        read: &Read,
        (case, attempts): (&Case, &Attempts),
        went: &Went,
    ) -> Result<Facts, Undecided> {
        self.facts_and_said(forge, read, (case, attempts), went).await.map(|(facts, _)| facts)
    }

    /// The facts of a release, with what was said under agendas of the board on which it stands, and the standard changes that
    /// are to be brought before the board.
    async fn facts_and_said(
        &self,
        forge: &H::Forge,
        read: &Read,
        (case, attempts): (&Case, &Attempts),
        went: &Went,
    ) -> Result<(Facts, (Vec<Said>, Vec<Proposed>)), Undecided> {
        let key = &case.key;
        let mut reader = self.reader().await?;
        let shown = forge.running(&key.repository, &key.environment).await;
        let place = (key.repository.to_ascii_lowercase(), key.environment.clone());
        let began = self.settings.since.get(&place).cloned().unwrap_or_default();
        let ran = runs::proven(&mut reader, H::NAME, key, &read.policy, shown.clone(), &began).await?;
        let acts = acting::done(&mut reader, H::NAME, key, self.now()).await?;
        let is_first = ran.since.is_empty() && ran.otherwise.is_absent();
        let wanted = Wanted {
            name: None,
            forge: H::NAME,
            repository: key.repository.clone(),
            environment: key.environment.clone(),
            commit: key.commit.clone(),
            reference: went.at.and_then(|_| branch(read, &key.environment)),
            run: case.runs.first().copied(),
            submitted_at: went.at,
            components: Vec::new(),
            since: ran.since,
            running: Some(ran.otherwise),
            roster: self.settings.roster.clone(),
            artifacts: self.without_artifacts(read),
            acts,
            signers: went.signers.clone(),
        };
        let mut facts = facts::gather(forge, &read.policy, &wanted).await?;
        if went.at.is_none() {
            since::asked(&mut reader, &mut facts, self.now()).await?;
        }
        let mut said = self.with_records(&mut reader, forge, &read.policy.rules, key, &mut facts).await?;
        owed::add(&mut reader, (H::NAME, &key.repository), &read.policy, &mut facts).await?;
        self.with_history(&mut reader, forge, (read, attempts), &mut facts).await?;
        let (proposed, before) = self.with_models(&mut reader, forge, read, &mut facts).await?;
        said.extend(before);
        self.with_experiments(&mut reader, forge, read, &mut facts).await?;
        self.with_marks(&mut reader, &mut facts).await?;
        self.with_package(&mut reader, &read.policy, &mut facts).await?;
        if case.asked.is_none() {
            // It waits for our word, and so the forge has let nobody past it.
            facts.release.bypassed_by = Fact::Absent;
        }
        let mut facts = self.with_evidence(&mut reader, read, (case, attempts), facts, is_first).await?;
        self.with_scans(&mut reader, &read.policy, (&shown, is_first), &mut facts).await?;
        shown::complete(&mut reader, &mut facts).await?;
        reader.close().await?;
        let facts = match &self.settings.known {
            Some(known) => facts::fill(&facts, &beside(known, &facts))?,
            None => facts,
        };
        Ok((facts, (said, proposed)))
    }

    async fn record(
        &self,
        case: &Case,
        Seen { attempts, since, takes }: Seen,
        decided: Decided<'_>,
        messages: Vec<Drafted>,
    ) -> Result<Outcome, Undecided> {
        let decision = decided.decision;
        let summary = shown(&decision.summary);
        let answers: Vec<(Sent, Option<Vec<u8>>)> = case.answers.iter().map(|sent| (sent.clone(), None)).collect();
        let told = self.runs_told(case, &decided.stream()).await?;
        let beside = Beside {
            answers,
            after: None,
            since: Some(since),
            annex: self.settings.folder.as_deref().map(crate::store::annex::Annex::folder),
            runs: case.runs.clone(),
            attempts,
            silent: case.asked.is_some_and(|asks| !asks.enters || decision.decision != Ruling::Proceed),
            asked: case.asked.is_some(),
            told: case.asked.is_some() || told.as_deref() == Some(summary.as_str()),
            messages,
            deployment: None,
        };
        let (ruling, stream) = (decision.decision, decided.stream());
        let outcome = Outcome { ruling, summary, stream, is_new: true, recorded: None };
        // What nothing could be done by now is said again when something can.
        let is_idle = match outcome.ruling {
            Ruling::Proceed => !takes.opens,
            Ruling::Reject => !takes.rejects,
            Ruling::Hold => false,
        };
        // What says what those who wait were told before, by nothing new, is no event. What opens or fails is said until
        // nobody waits for it, and to a job that asks by what is answered to it.
        let is_said = is_idle || beside.told && (case.asked.is_some() || outcome.ruling == Ruling::Hold);
        if is_said && beside.answers.is_empty() {
            let mut reader = self.reader().await?;
            // Whoever was told before that it may went nowhere by that; this one does, and the record has to know it.
            let goes = outcome.ruling == Ruling::Proceed && !beside.silent && !is_idle;
            let last = if !goes || reader.is_answered(&outcome.stream).await? {
                before::the_last_like(&mut reader, &decided, self.now()).await?
            } else {
                None
            };
            reader.close().await?;
            if let Some(last) = last {
                let recorded = Some(Entered { entry: last.entry, document: last.document });
                return Ok(Outcome { is_new: false, recorded, ..outcome });
            }
        }
        let document = Hash(Sha256::digest(&decided.document).into());
        let appended = receipt::record_through(&decided, &beside, &self.sequencer, &self.signer, self.now()).await?;
        Ok(Outcome { recorded: appended.map(|it| Entered { entry: it.first, document }), ..outcome })
    }
}
