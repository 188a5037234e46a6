//! The story of what a team would otherwise keep in a change or incident system, and is kept in issues of the forge: change
//! records ([`change`]), incidents ([`incident`], each noted once it is seen: [`noted`]; what they say that caused them:
//! [`caused`]) and the agendas of the board ([`board`],
//! its meetings: [`convened`], what those hear who speak there: [`answers`], and the standard changes that it approves:
//! [`models`], [`standing`]; for whoever looks at them: [`shown`]), and what releases left people to do ([`owing`]).
//!
//! What the app does to an issue is recorded before it leaves, once for its key, and which issue came of it is recorded
//! when it has: so that no crash opens a second one, and no look-alike is taken for ours. What is said of one record leaves
//! in order. What people write there is read with its whole history whenever a release is decided, and becomes facts.

mod answers;
mod board;
mod caused;
mod change;
mod convened;
mod incident;
mod kept;
mod models;
mod noted;
mod owing;
pub mod shown;
mod standing;
mod text;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::Desk;
use super::docket::Key;
use super::history;
use super::ledger;
use super::ruling::Undecided;
use crate::flow::append::Failed;
use crate::flow::send::{self, Answer};
use crate::forge::Hub;
use crate::forge::records::{Read, Records};
use crate::forge::talk::Talk as _;
use crate::model::facts::{AccountFacts, ChangeRecord, Fact, Facts, Outcome, Release};
use crate::model::release_decision::ReleaseDecision;
use crate::policy::Policy;
use crate::policy::calendar::Meetings;
use crate::policy::rules::{ChangeRule, Rules, is_issues};
use crate::store::change::Stream;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::Claimed;
use crate::store::reader::Reader;
use crate::store::writer::Refused;
pub(super) use answers::Said;
pub(super) use caused::{Caused, Causes};
use kept::{AGENDA, CHANGE, Keeps, Known, like, meeting_of};
pub(super) use kept::{Kept, of};
pub(super) use models::Proposed;
pub(super) use standing::Settled;

/// How often one record is told something, at most: whatever moves it to and fro is no news any longer.
const MOST: usize = 200;
/// How many releases are looked through for those that share a record, the newest.
const SHARED: u64 = 200;
/// How many issues that people opened are looked through for the record of a release, the newest.
const LOOKED_THROUGH: usize = 100;
/// How long after it was decided last a release that nobody waits for is given up: GitHub fails its run before.
const GIVEN_UP: TimeDelta = TimeDelta::days(35);

/// What is said of one that was let go, where nobody will ever know how that ended.
const UNKNOWN_END: &str = "it was let go, and how its deployment ended is not known";

/// Whether a policy has anything that is kept up in issues.
pub(super) fn wanted(rules: &Rules) -> bool {
    rules.change.as_ref().is_some_and(|rule| is_issues(&rule.system))
        || rules.incidents.as_ref().is_some_and(|rule| is_issues(&rule.system))
        || rules.calendar.cab.is_some()
}

impl<H: Hub> Desk<H> {
    /// Puts what issues say among the facts of a release, where the policy has its records there.
    pub(super) async fn with_records(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        rules: &Rules,
        key: &Key,
        facts: &mut Facts,
    ) -> Result<Vec<Said>, Undecided> {
        let mut said = Vec::new();
        let stated = |name: &str| self.settings.known.as_ref().is_some_and(|known| known.get(name).is_some());
        if let Some(rule) = &rules.change
            && !stated("change_record")
        {
            facts.change_record = if is_issues(&rule.system) {
                let (known, _) = Known::of_release(reader, key, H::NAME).await?;
                self.change_record(reader, forge, (rule, rules.calendar.zone), &known, facts).await?
            } else {
                elsewhere("change records", &rule.system)
            };
        }
        if let Some(rule) = &rules.incidents
            && !stated("incidents")
        {
            facts.incidents = if is_issues(&rule.system) {
                self.incidents(reader, forge, rule, facts).await?
            } else {
                elsewhere("incidents", &rule.system)
            };
        }
        if let Some(cab) = &rules.calendar.cab
            && !stated("meetings")
        {
            facts.meetings = match &cab.meetings {
                Meetings::Rules(_) => Fact::Absent,
                Meetings::Feed(address) => {
                    self.meetings(address, rules.calendar.zone, facts.release.submitted_at).await
                }
            };
        }
        if rules.calendar.cab.is_some() && !stated("cab") {
            (facts.cab, said) = self.decided_by_board(reader, forge, rules, facts).await?;
        }
        Ok(said)
    }

    async fn change_record(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        rule: (&ChangeRule, Tz),
        known: &Known,
        facts: &mut Facts,
    ) -> Result<Fact<ChangeRecord>, DatabaseFault> {
        if known.effects.is_empty() {
            return Ok(Fact::Absent);
        }
        let Some(number) = known.number else {
            let why = if known.lost { "its issue could not be opened" } else { "its issue is being opened" };
            return Ok(Fact::Unavailable(why.into()));
        };
        let own = facts.release.repository.clone();
        let place = known.place.clone().unwrap_or_else(|| change::place(rule.0, &own).to_owned());
        let read = if place.eq_ignore_ascii_case(&own) {
            forge.issues(&place, &[number]).await.map_err(|fault| fault.to_string())
        } else {
            match self.hub.of(&place).await {
                Ok(there) => there.issues(&place, &[number]).await.map_err(|fault| fault.to_string()),
                Err(fault) => Err(fault.to_string()),
            }
        };
        let read = match read {
            Ok(read) => read,
            Err(why) => return Ok(Fact::Unavailable(why.into())),
        };
        let Some(issue) = read.issues.get(&number).filter(|issue| issue.ours || known.is_adopted()) else {
            let why = format!("issue {number} of {place}, which is its record, is not there any longer");
            return Ok(Fact::Unavailable(why.into()));
        };
        let mut components = known.components();
        if rule.0.one_for_package && known.is_adopted() {
            // It is for what of the package goes from elsewhere as well.
            for (_, other) in sharing::<H>(reader, &known.about, &place, number).await? {
                components.extend(other.components());
            }
        }
        let record = change::fact(rule, issue, &place, components);
        meet(facts, read);
        Ok(Fact::Known(record))
    }

    /// Does for the records of a release what its decision asks for.
    pub(super) async fn keep_up(
        &self,
        policy: &Policy,
        judged: Judged<'_>,
        said: &[Said],
        proposed: &[Proposed],
    ) -> Result<(), Unkept> {
        let rules = &policy.rules;
        self.on_the_agenda(rules, judged, proposed).await?;
        self.answer_board(policy, judged, said).await?;
        self.settle_incidents(policy, judged).await?;
        let Judged { key, facts, decision } = judged;
        let Some(rule) = rules.change.as_ref().filter(|rule| is_issues(&rule.system)) else { return Ok(()) };
        let mut reader = self.reader().await?;
        let (known, next) = Known::of_release(&mut reader, key, H::NAME).await?;
        reader.close().await?;
        if known.effects.is_empty() || known.is_closed() {
            if !change::is_missing(&known, facts, decision) {
                return Ok(());
            }
            // Of one that is closed it is told what came of it: whoever goes again says anew what goes, and is approved anew.
            let known = if known.is_closed() { Known { about: next, ..Known::default() } } else { known };
            let keeps = if rule.create {
                Some(change::open(rule, &known, facts, decision))
            } else {
                self.of_people(change::place(rule, &key.repository), facts, decision).await?
            };
            return match keeps {
                Some(keeps) => self.leaves(change::place(rule, &key.repository), &known, keeps).await,
                None => Ok(()),
            };
        }
        if known.effects.len() >= MOST {
            return Ok(());
        }
        let place = known.place.as_deref().unwrap_or_else(|| change::place(rule, &key.repository));
        match change::plan(rule, &known, facts, decision) {
            Some(keeps) => self.leaves(place, &known, keeps).await,
            None => Ok(()),
        }
    }

    /// The issue that people opened as the record of a release: the oldest that names it.
    async fn of_people(&self, place: &str, facts: &Facts, decision: &ReleaseDecision) -> Result<Option<Keeps>, Unkept> {
        let forge = self.hub.of(place).await.map_err(Unkept::forge)?.behind_deployments();
        let mut numbers = forge.labelled(place, change::LABEL, self.now()).await.map_err(Unkept::forge)?;
        numbers.sort_unstable();
        let numbers = numbers.split_off(numbers.len().saturating_sub(LOOKED_THROUGH));
        if numbers.is_empty() {
            return Ok(None);
        }
        let read = forge.issues(place, &numbers).await.map_err(Unkept::forge)?;
        let found = read.issues.values().find(|issue| change::names(issue, place, facts, &decision.environment));
        Ok(found.map(|issue| change::adopt(issue.number, facts, decision)))
    }

    /// Records that something is to be done to an issue.
    async fn leaves(&self, repository: &str, known: &Known, keeps: Keeps) -> Result<(), Unkept> {
        let (forge, repository, about) = (H::NAME.to_owned(), repository.to_owned(), known.about.clone());
        let kept = Kept { forge, repository, about, keeps };
        let bytes = serde_json::to_vec(&kept)?;
        let once = kept.once(known.effects.len());
        let append = send::leaves(&kept.about, (&once, &kept.destination()), &bytes, self.now())?;
        match self.sequencer.append(append).await.map_err(Failed::from) {
            // Another replica, or an earlier look, asked for it already.
            Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => {
                self.to_tell.notify_one();
                Ok(())
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Closes the records of releases that are over.
    pub(super) async fn look_after(&self, repository: &str) -> Result<(), Unkept> {
        let mut reader = self.reader().await?;
        let begun = reader.begun_about(&like(CHANGE, H::NAME, repository)).await?;
        for (about, body) in begun {
            let kept = reader.blob(body).await?.and_then(|bytes| Kept::read(&bytes, H::NAME));
            let Some(Kept { keeps: Keeps::Open { stream, .. } | Keeps::Adopt { stream, .. }, .. }) = kept else {
                continue;
            };
            let known = Known::read(&mut reader, about, H::NAME).await?;
            if known.number.is_none() {
                continue;
            }
            let came = self.came_of(&mut reader, repository, &known, &stream).await?;
            // What people opened the app brings nowhere, and closes only when its deployment has ended. So nothing is asked for
            // it either, as long as there is nothing else to say.
            let is_theirs = |keeps: &Keeps| known.is_adopted() && !matches!(keeps, Keeps::Close { done: true, .. });
            let came = came.filter(|(_, keeps)| !is_theirs(keeps));
            let place = known.place.clone().unwrap_or_else(|| repository.to_owned());
            if let Some(keeps) = self.unless_stopped(&place, &known, came).await? {
                let keeps = self.unless_shared(&mut reader, (repository, &place), &known, keeps).await?;
                self.leaves(&place, &known, keeps).await?;
            }
        }
        for (about, _) in reader.begun_about(&like(AGENDA, H::NAME, repository)).await? {
            let over = meeting_of(&about).filter(|meeting| self.now() - *meeting > board::OVER);
            let Some(meeting) = over else { continue };
            let known = Known::read(&mut reader, about, H::NAME).await?;
            let ended = known.kept.iter().any(|kept| matches!(kept, Keeps::Adjourn { .. }));
            if known.number.is_none() || ended {
                continue;
            }
            let mut minutes = Vec::new();
            let (mut last, empty) = (None, (Vec::new(), Vec::new()));
            let (items, models) = known.listed().unwrap_or((&empty.0, &empty.1));
            for item in items {
                let latest = reader.latest(&item.stream(H::NAME)).await?;
                let facts = match latest {
                    Some(latest) => reader.blob(latest.facts).await?.and_then(|bytes| Facts::read(&bytes).ok()),
                    None => None,
                };
                minutes.push(board::minutes(item, meeting, facts.as_ref()));
                last = facts.or(last);
            }
            minutes.extend(models.iter().map(|model| models::minutes(model, meeting, last.as_ref())));
            self.leaves(repository, &known, Keeps::Adjourn { minutes: minutes.concat() }).await?;
        }
        reader.close().await?;
        Ok(())
    }

    /// Leaves a record of people's open as long as another release that it is of has not come to its end.
    async fn unless_shared(
        &self,
        reader: &mut Reader,
        (repository, place): (&str, &str),
        known: &Known,
        keeps: Keeps,
    ) -> Result<Keeps, Unkept> {
        let (Keeps::Close { done, label, text, .. }, Some(number), true) = (&keeps, known.number, known.is_adopted())
        else {
            return Ok(keeps);
        };
        let others = sharing::<H>(reader, &known.about, place, number).await?;
        let forge = self.hub.of(place).await.map_err(Unkept::forge)?.behind_deployments();
        let read = forge.issues(place, &[number]).await.map_err(Unkept::forge)?;
        let named = read.issues.get(&number).map(|issue| change::repositories(issue, place)).unwrap_or_default();
        let is_over = |named: &String| {
            let of = |(of, other): &(String, Known)| of.eq_ignore_ascii_case(named) && other.is_closed();
            named.eq_ignore_ascii_case(repository) || others.iter().any(of)
        };
        if others.iter().all(|(_, other)| other.is_closed()) && named.iter().all(is_over) {
            return Ok(keeps);
        }
        Ok(Keeps::Close { done: *done, label: label.clone(), text: text.clone(), leaves_open: true })
    }

    /// Leaves a record closed that somebody closed, unless the release went well.
    async fn unless_stopped(
        &self,
        repository: &str,
        known: &Known,
        came: Option<(u64, Keeps)>,
    ) -> Result<Option<Keeps>, Unkept> {
        let Some((decision, keeps)) = came else { return Ok(None) };
        let Some(stopped) = change::stopped(decision, &keeps).filter(|_| keeps != change::ended(true)) else {
            return Ok(Some(keeps));
        };
        // What was said of this decision is said.
        if known.kept.contains(&stopped) {
            return Ok(None);
        }
        let Some(number) = known.number else { return Ok(None) };
        let forge = self.hub.of(repository).await.map_err(Unkept::forge)?.behind_deployments();
        let read = forge.issues(repository, &[number]).await.map_err(Unkept::forge)?;
        // The app has not closed it yet.
        let is_closed = read.issues.get(&number).is_some_and(|issue| !issue.open);
        Ok(Some(if is_closed { stopped } else { keeps }))
    }

    /// What came of a release, where its record is to say so, with the number of its last decision's entry.
    async fn came_of(
        &self,
        reader: &mut Reader,
        repository: &str,
        known: &Known,
        stream: &Value,
    ) -> Result<Option<(u64, Keeps)>, Unkept> {
        let text = |at: usize| stream.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let stream = Stream {
            forge: H::NAME.to_owned(),
            repository: repository.to_owned(),
            release: text(0),
            environment: text(1),
        };
        let Some(latest) = reader.latest(&stream).await? else { return Ok(None) };
        let decided = DateTime::from_timestamp_micros(latest.at).unwrap_or_default();
        let waits = |environment: &str| {
            let waiting = self.docket().waiting(repository, environment);
            waiting.iter().any(|it| it.as_ref().is_none_or(|it| *it == stream))
        };
        let facts = reader.blob(latest.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        let Some(release) = facts.map(|facts| facts.release) else { return Ok(None) };
        let came = match latest.ruling.as_str() {
            "proceed" if reader.is_answered(&stream).await? => {
                match ended(reader, &stream, &release, known.begun.unwrap_or_default()).await? {
                    Some(well) => Some(change::ended(well)),
                    None if self.now() - decided > GIVEN_UP => Some(change::cancelled(UNKNOWN_END)),
                    None => (known.kept.last() != Some(&change::reviewed())).then(change::reviewed),
                }
            }
            "reject" if reader.is_answered(&stream).await? || !waits(&release.environment) => {
                Some(change::cancelled(&latest.summary))
            }
            _ if !waits(&release.environment) && self.now() - decided > GIVEN_UP => {
                Some(change::cancelled("nobody waits for this release any longer, and it did not go"))
            }
            _ => None,
        };
        Ok(came.map(|keeps| (latest.entry, keeps)))
    }

    /// Does to an issue what was recorded.
    pub(super) async fn carry_out(
        &self,
        reader: &mut Reader,
        kept: &Kept,
        claimed: &Claimed,
    ) -> Result<Answer, DatabaseFault> {
        let forge = match self.hub.of(&kept.repository).await {
            Ok(forge) => forge.behind_deployments(),
            Err(fault) => return Ok(Answer::Failed(fault.to_string())),
        };
        let again = claimed.attempt > 1;
        if let Some(draft) = kept.keeps.opens() {
            let opened = forge.open_issue(&kept.repository, draft, again).await;
            let is_owed = matches!(kept.keeps, Keeps::Owe { .. });
            return Ok(opened.map_or_else(
                |fault| {
                    if is_owed && <H::Forge as Records>::has_no_issues(&fault) {
                        self.say("record_without_issues", &json!({ "repository": kept.repository }));
                        return Answer::Refused(send::NO_ISSUES.to_owned());
                    }
                    Answer::Failed(fault.to_string())
                },
                |number| {
                    self.say("record_opened", &json!({ "repository": kept.repository, "issue": number }));
                    Answer::Made(number.to_string())
                },
            ));
        }
        let number = match &kept.keeps {
            Keeps::Answer { number, .. } | Keeps::Adopt { number, .. } => Some(*number),
            _ => Known::read(reader, kept.about.clone(), H::NAME).await?.number,
        };
        let Some(number) = number else {
            return Ok(Answer::Refused("its issue was not opened".to_owned()));
        };
        let done = done(&forge, kept, number, &claimed.once, again).await;
        let is_begun = matches!(kept.keeps, Keeps::Adopt { .. });
        let answer = || if is_begun { Answer::Made(number.to_string()) } else { Answer::Done };
        Ok(done.map_or_else(|fault| Answer::Failed(fault.to_string()), |()| answer()))
    }
}

/// Does something to an issue that is there.
async fn done<F: Records>(forge: &F, kept: &Kept, number: u64, once: &str, again: bool) -> Result<(), F::Fault> {
    let repository = kept.repository.as_str();
    match &kept.keeps {
        Keeps::Open { .. } | Keeps::Convene { .. } | Keeps::Owe { .. } => Ok(()),
        Keeps::Remind { text, .. } | Keeps::Answer { text, .. } => {
            forge.comment(repository, number, (once, text), again).await
        }
        Keeps::Met { text } => {
            forge.comment(repository, number, (once, text), again).await?;
            forge.close_issue(repository, number, true).await
        }
        Keeps::Adjourn { minutes } => {
            forge.comment(repository, number, (once, minutes), again).await?;
            forge.close_issue(repository, number, true).await
        }
        Keeps::Adopt { stream, components, .. } => {
            forge.comment(repository, number, (once, &change::adopted(stream, components)), again).await
        }
        Keeps::List { draft, .. } => forge.rewrite_issue(repository, number, draft).await,
        Keeps::Widen { components } => {
            forge.comment(repository, number, (once, &change::widened(components)), again).await
        }
        Keeps::Advance { to } => advance(forge, repository, number, &change::label(to)).await,
        Keeps::Stopped { label, text, .. } => {
            forge.comment(repository, number, (once, text), again).await?;
            advance(forge, repository, number, label).await
        }
        Keeps::Close { done, label, text, leaves_open } => {
            forge.comment(repository, number, (once, text), again).await?;
            if *leaves_open {
                return Ok(());
            }
            advance(forge, repository, number, label).await?;
            forge.close_issue(repository, number, *done).await
        }
    }
}

/// Gives an issue the label of a state, and takes those of others from it.
async fn advance<F: Records>(forge: &F, repository: &str, number: u64, to: &str) -> Result<(), F::Fault> {
    let read = forge.issues(repository, &[number]).await?;
    let from = read.issues.get(&number).map(|issue| change::in_the_way(issue, to)).unwrap_or_default();
    forge.relabel(repository, number, (&from, to)).await
}

/// Whether the deployment went well that was let in by a decision of a release, made since an entry: by the forge's own word
/// for its job, as the record has it. `None` while that has not ended. What anybody who may push can write says nothing.
async fn ended(
    reader: &mut Reader,
    stream: &Stream,
    release: &Release,
    since: u64,
) -> Result<Option<bool>, DatabaseFault> {
    let here =
        |row: &Deployed| row.environment == release.environment && row.commit.eq_ignore_ascii_case(&release.commit);
    // What a job told of itself gives way to what the forge says of it.
    let all = history::once(reader.deployed(&stream.forge, &stream.repository).await?);
    for row in all.iter().rev().filter(|row| here(row)) {
        let Some(decision) = row.decision.filter(|decision| *decision > since) else { continue };
        let of = reader.latest_in(decision).await?.map(|latest| latest.stream);
        let is_ours = of.is_some_and(|of| of.release == stream.release && of.environment == stream.environment);
        if is_ours {
            return Ok(row.outcome.as_deref().map(|outcome| outcome == ledger::word(Outcome::Succeeded)));
        }
    }
    Ok(None)
}

/// The other releases whose record an issue is, each with its repository.
async fn sharing<H: Hub>(
    reader: &mut Reader,
    about: &str,
    place: &str,
    number: u64,
) -> Result<Vec<(String, Known)>, DatabaseFault> {
    let mut found = Vec::new();
    for (other, _) in reader.begun_to(&kept::records_in(H::NAME, place), SHARED).await? {
        let Some(of) = kept::release_of(&other).filter(|_| other != about) else { continue };
        let known = Known::read(reader, other, H::NAME).await?;
        if known.number == Some(number) {
            found.push((of, known));
        }
    }
    Ok(found)
}

/// What is said of records that are kept where the app does not look.
fn elsewhere<T>(what: &str, system: &str) -> Fact<T> {
    let says = format!(
        "the app reads {what} from issues alone, and the policy has them in `{system}`; state them with `--with`"
    );
    Fact::Unavailable(says.into())
}

/// Notes who the people of issues are. What is known of somebody stays; what was not is filled in.
fn meet(facts: &mut Facts, read: Read) {
    for (account, AccountFacts { kind, active, person }) in read.accounts {
        let known = facts.accounts.entry(account).or_insert_with(|| AccountFacts {
            kind: kind.clone(),
            active: active.clone(),
            person,
        });
        if known.kind.unavailable().is_some() {
            known.kind = kind;
        }
        if known.active.unavailable().is_some() {
            known.active = active;
        }
    }
}

/// A release, what was known of it, and what was decided by that.
#[derive(Clone, Copy)]
pub(super) struct Judged<'d> {
    pub(super) key: &'d Key,
    pub(super) facts: &'d Facts,
    pub(super) decision: &'d ReleaseDecision,
}

/// Why a record could not be kept up.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unkept {
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("it cannot be recorded: {0}")]
    Failed(#[from] Failed),
    #[error("it cannot be written: {0}")]
    Form(#[from] serde_json::Error),
}

impl Unkept {
    fn forge(fault: impl std::fmt::Display) -> Self {
        Self::Forge(fault.to_string())
    }
}
