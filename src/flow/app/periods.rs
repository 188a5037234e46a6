//! When a period ends, what the policy wants of it falls due: reports for those who audit, and a survey of those who approve.
//!
//! Both are made from the record alone ([`crate::flow::audit`]), kept as documents of one entry, once for all processes of
//! the app, and told to whom the policy says. A period that ended before the record began is nobody's. Whatever releases
//! wait for is not held up by this: it has a task of its own, which reads a repository's policy once an hour.
//!
//! What somebody answers to a survey is one entry, once for him and the period.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::lock::lock;
use super::policy::Read;
use super::{Desk, policy};
use crate::decide::due;
use crate::flow::append::{Failed, Happening};
use crate::flow::audit::{Asked, Reading, Subject, asked};
use crate::flow::record::{Log, Place};
use crate::flow::recorded;
use crate::forge::Hub;
use crate::log::entry::{Entry, Kind};
use crate::log::keys::Keys;
use crate::log::note::Verifier;
use crate::model::due::{Due, FallenDue, ReportKind, What as DueWhat};
use crate::model::facts::Account;
use crate::model::facts::people::folded;
use crate::model::message::{Message, What};
use crate::model::period::{Every, Period};
use crate::report::audit as words;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::shared::Often;
use crate::store::writer::Refused;

/// How long a repository's policy is not read again for this, at most.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// How many periods of each length are looked through for what was made: some years.
const LISTED: [(Every, usize); 4] = [(Every::Week, 60), (Every::Month, 48), (Every::Quarter, 20), (Every::Year, 8)];
/// How often one account reads reports and answers surveys, in how long.
const OFTEN: Often = Often { most: 60, within: std::time::Duration::from_mins(10) };
/// How many bytes of somebody's words on one item are taken.
pub const WORDS: usize = 300;

/// Which repositories are to be looked at, and when each is looked at again.
#[derive(Debug, Default)]
pub(super) struct Periods {
    marked: Mutex<BTreeSet<String>>,
    next: Mutex<BTreeMap<String, DateTime<Utc>>>,
    wake: Notify,
}

/// Why something that fell due was not made.
#[derive(Debug, thiserror::Error)]
enum Unmade {
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    #[error("no policy can be read: {0}")]
    Policy(#[from] policy::NoPolicy),
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("it cannot be recorded: {0}")]
    Failed(#[from] Failed),
    #[error("{0}")]
    Report(String),
}

/// Reports that were made when a period ended, as their entry has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The number of the entry.
    pub entry: u64,
    /// When it was recorded, UTC.
    pub at: DateTime<Utc>,
    /// What the period is called.
    pub period: String,
    /// The zone in which it begins and ends.
    pub zone: String,
    /// The documents: their names and digests.
    pub files: Vec<(String, String)>,
}

/// A survey of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Who is asked: names, each with his accounts.
    pub asked: Vec<(String, Vec<String>)>,
    /// What about.
    pub items: Vec<Asked>,
}

impl Survey {
    /// Who of those who are asked an account is.
    #[must_use]
    pub fn person(&self, account: &Account) -> Option<&str> {
        let own = |accounts: &Vec<String>| accounts.iter().any(|it| folded(it) == folded(account.as_str()));
        self.asked.iter().find(|(_, accounts)| own(accounts)).map(|(name, _)| name.as_str())
    }
}

/// What somebody says of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The item.
    pub item: String,
    /// `useful`, `redundant` or `outdated`.
    pub answer: String,
    /// In his own words.
    pub says: Option<String>,
}

/// What became of somebody's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the record.
    Recorded,
    /// He had answered before, and that stands.
    Before,
    /// There is no such survey, or he is not asked.
    NotAsked,
    /// He has asked for too much in too short a time.
    Often,
}

/// Under which key the reports of a period are recorded.
fn reports_key(forge: &str, repository: &str, period: &str) -> String {
    format!("reports {}", json!([forge, repository.to_lowercase(), period]))
}

/// Under which key its survey is.
fn survey_key(forge: &str, repository: &str, period: &str) -> String {
    format!("survey {}", json!([forge, repository.to_lowercase(), period]))
}

/// What is made of a record in one reading.
struct Work {
    address: Address,
    folder: Option<PathBuf>,
    key: Verifier,
    subject: Subject,
    kinds: Vec<ReportKind>,
    survey: bool,
}

/// What came of it: documents by name, with the accounts that approved, and what a survey asks about.
struct Came {
    files: Vec<(String, Vec<u8>)>,
    approvers: BTreeSet<String>,
    items: Vec<Asked>,
    entries: u64,
    root: String,
}

impl Work {
    /// Reads the record; for a thread that may wait.
    fn done(self) -> Result<Came, String> {
        let mut log = Log::open(&Place::Database(self.address)).map_err(|why| why.to_string())?;
        let keys = log.keys(&Keys::from(&self.key)).map_err(|why| why.to_string())?;
        let mut log = log.with_annex(self.folder.as_deref().map(Annex::folder));
        let label = self.subject.period.label.clone();
        let mut reading = Reading::new(&mut log, &keys, true, self.subject).map_err(|why| why.to_string())?;
        let mut files = Vec::new();
        for kind in self.kinds {
            let report = reading.report(kind);
            let name = format!("{}-{label}", kind.word());
            files.push((format!("{name}.csv"), words::csv(&report).into_bytes()));
            let json = words::json(&report).map_err(|why| why.to_string())?;
            files.push((format!("{name}.json"), json.into_bytes()));
        }
        let approvers = reading.approvers();
        let items = if self.survey { asked(&mut reading) } else { Vec::new() };
        let (entries, root) = reading.log();
        Ok(Came { files, approvers, items, entries, root })
    }
}

impl<H: Hub> Desk<H> {
    /// Something may have fallen due in a repository.
    pub(super) fn may_fall_due(&self, repository: &str) {
        let now = self.now();
        if lock(&self.periods.next).get(repository).is_some_and(|next| now < *next) {
            return;
        }
        lock(&self.periods.marked).insert(repository.to_owned());
        self.periods.wake.notify_one();
    }

    /// Makes what fell due, for ever.
    pub(super) async fn keep_periods(self: Arc<Self>) {
        loop {
            let marked = std::mem::take(&mut *lock(&self.periods.marked));
            if marked.is_empty() {
                self.periods.wake.notified().await;
                continue;
            }
            for repository in marked {
                let now = self.now();
                let next = match self.fall_due(&repository, now).await {
                    Ok(next) => next.map_or(now + AGAIN, |next| next.min(now + AGAIN)),
                    // Without a policy nothing falls due.
                    Err(Unmade::Policy(_)) => now + AGAIN,
                    Err(why) => {
                        let fields = json!({ "repository": repository, "fault": why.to_string() });
                        self.say("period_not_told", &fields);
                        now
                    }
                };
                lock(&self.periods.next).insert(repository, next);
            }
        }
    }

    /// Makes what fell due by now and was not made, and tells whoever is to have it. Says when something falls due next.
    async fn fall_due(&self, repository: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Unmade> {
        let forge = self.hub.of(repository).await.map_err(|fault| Unmade::Forge(fault.to_string()))?;
        let read = self.policy(&forge, repository).await?;
        let due = due::of(&read.policy, now);
        if due.due.is_empty() {
            return Ok(None);
        }
        let mut reader = self.reader().await?;
        let began = recorded::entry(&mut reader, 0).await?.map(|entry| entry.at);
        let ours = |it: &&FallenDue| began.is_some_and(|began| began < it.period.until);
        let reports: Vec<&FallenDue> = due.due.iter().filter(ours).filter(|it| it.what == DueWhat::Report).collect();
        if let Some(first) = reports.first() {
            let key = reports_key(H::NAME, repository, &first.period.label);
            if !reader.is_recorded(&key).await? {
                self.make_reports(repository, (&read, &due), &reports, key).await?;
            }
            self.tell_of_reports(&mut reader, repository, &read, (first, &reports)).await?;
        }
        if let Some(survey) = due.due.iter().filter(ours).find(|it| it.what == DueWhat::Survey) {
            let key = survey_key(H::NAME, repository, &survey.period.label);
            if !reader.is_recorded(&key).await? {
                self.begin_survey(repository, (&read, &due), survey, key).await?;
            }
            self.tell_of_survey(&mut reader, repository, &read, &survey.period.label).await?;
        }
        reader.close().await?;
        Ok(due.next)
    }

    async fn came(
        &self,
        repository: &str,
        read: &Read,
        period: &Period,
        kinds: Vec<ReportKind>,
        survey: bool,
    ) -> Result<Came, Unmade> {
        let subject = Subject {
            period: period.clone(),
            zone: read.policy.rules.calendar.zone,
            repository: Some(repository.to_owned()),
        };
        let work = Work {
            address: self.settings.address.clone(),
            folder: self.settings.folder.clone(),
            key: self.signer.verifier().clone(),
            subject,
            kinds,
            survey,
        };
        let done = tokio::task::spawn_blocking(move || work.done()).await;
        done.map_err(|why| Unmade::Report(why.to_string()))?.map_err(Unmade::Report)
    }

    async fn make_reports(
        &self,
        repository: &str,
        (read, due): (&Read, &Due),
        reports: &[&FallenDue],
        key: String,
    ) -> Result<(), Unmade> {
        let Some(first) = reports.first() else { return Ok(()) };
        let kinds: Vec<ReportKind> = reports.iter().filter_map(|it| it.kind).collect();
        let came = self.came(repository, read, &first.period, kinds.clone(), false).await?;
        let to: Vec<&String> = first.to.iter().filter_map(|it| it.role.as_ref()).collect();
        let kinds: Vec<&str> = kinds.into_iter().map(ReportKind::word).collect();
        let body = json!({
            "forge": H::NAME, "repository": repository, "reports": kinds, "period": first.period.label,
            "from": first.period.from.timestamp_micros(), "until": first.period.until.timestamp_micros(),
            "zone": due.zone, "to": to, "entries": came.entries, "root": came.root,
        });
        self.keep_documents(&body, came.files, key, "reports_made").await
    }

    async fn begin_survey(
        &self,
        repository: &str,
        (read, due): (&Read, &Due),
        survey: &FallenDue,
        key: String,
    ) -> Result<(), Unmade> {
        let came = self.came(repository, read, &survey.period, Vec::new(), true).await?;
        let people = &read.policy.rules.people;
        let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for account in &came.approvers {
            let own = |accounts: &[String]| accounts.iter().any(|it| folded(it) == folded(account));
            let person = people.iter().find(|it| own(&it.accounts));
            let login = account.split_once(':').map_or(account.as_str(), |(_, login)| login);
            let name = person.map_or(login, |person| person.name.as_str());
            let accounts = person.map_or_else(|| vec![account.clone()], |person| person.accounts.clone());
            asked.insert(name.to_owned(), accounts);
        }
        // A role is asked beside those who approved; who is in its groups only a decision's facts know.
        if survey.to.iter().all(|it| it.role.is_some()) {
            asked.clear();
        }
        for name in survey.to.iter().flat_map(|it| &it.people) {
            let accounts = people.iter().find(|it| it.name == *name).map(|it| it.accounts.clone());
            asked.insert(name.clone(), accounts.unwrap_or_else(|| vec![format!("{}:{name}", H::NAME)]));
        }
        let count = asked.len();
        let document = Survey { asked: asked.into_iter().collect(), items: came.items };
        let bytes = serde_json::to_vec(&document).map_err(|why| Unmade::Report(why.to_string()))?;
        let body = json!({
            "forge": H::NAME, "repository": repository, "survey": true, "period": survey.period.label,
            "from": survey.period.from.timestamp_micros(), "until": survey.period.until.timestamp_micros(),
            "zone": due.zone, "asked": count,
        });
        self.keep_documents(&body, vec![("survey.json".to_owned(), bytes)], key, "survey_begun").await
    }

    /// Records documents under a key; another process may have been faster.
    async fn keep_documents(
        &self,
        body: &Value,
        attached: Vec<(String, Vec<u8>)>,
        key: String,
        event: &str,
    ) -> Result<(), Unmade> {
        let whole: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let append = Happening { kind: Kind::Report, body: whole, attached, once: Some(key) }.append(self.now())?;
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(appended) if !appended.before => self.say(event, body),
            Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => {}
            Err(failed) => return Err(failed.into()),
        }
        Ok(())
    }

    fn word_of_period(&self, what: What, repository: &str, period: &str) -> Message {
        Message {
            forge: H::NAME.to_owned(),
            repository: repository.to_owned(),
            release: period.to_owned(),
            ..Message::blank(what, self.now())
        }
    }

    async fn tell_of_reports(
        &self,
        reader: &mut Reader,
        repository: &str,
        read: &Read,
        (first, reports): (&FallenDue, &[&FallenDue]),
    ) -> Result<(), Unmade> {
        let kinds: Vec<&str> = reports.iter().filter_map(|it| it.kind).map(ReportKind::word).collect();
        for to in &first.to {
            let message = Message {
                role: to.role.clone(),
                people: to.people.clone(),
                to_do: Some(kinds.join(", ")),
                ..self.word_of_period(What::Reported, repository, &first.period.label)
            };
            self.tell_of_period(reader, &read.policy, message).await?;
        }
        Ok(())
    }

    async fn tell_of_survey(
        &self,
        reader: &mut Reader,
        repository: &str,
        read: &Read,
        period: &str,
    ) -> Result<(), Unmade> {
        let Some(survey) = self.survey_in(reader, repository, period).await? else { return Ok(()) };
        if survey.asked.is_empty() || survey.items.is_empty() {
            return Ok(());
        }
        let people = survey.asked.iter().map(|(name, _)| name.clone()).collect();
        let message = Message { people, ..self.word_of_period(What::Surveyed, repository, period) };
        Ok(self.tell_of_period(reader, &read.policy, message).await?)
    }

    /// Reports of a repository that were made when periods ended, the newest first.
    pub async fn reports_of(&self, repository: &str) -> Result<Vec<Made>, DatabaseFault> {
        let now = self.now();
        let mut keys = Vec::new();
        for (every, most) in LISTED {
            // What a period is called does not hang on the zone, but for the first hours of one.
            let mut at = now + TimeDelta::days(1);
            for _ in 0..=most {
                let Some(period) = Period::around(every, at, chrono_tz::UTC) else { break };
                keys.push(reports_key(H::NAME, repository, &period.label));
                at = period.from - TimeDelta::seconds(1);
            }
        }
        let mut reader = self.reader().await?;
        let mut found = Vec::new();
        for number in reader.recorded_under(&keys).await?.into_iter().rev() {
            if let Some(entry) = recorded::entry(&mut reader, number).await? {
                found.push(made(number, &entry));
            }
        }
        reader.close().await?;
        Ok(found)
    }

    /// One document of a repository's reports, for an account that may read it; that it does is in the record before this
    /// comes back. `None` where there is none, or no more.
    pub async fn report_file(
        &self,
        repository: &str,
        (period, file): (&str, &str),
        by: &Account,
    ) -> Result<Option<Vec<u8>>, Failed> {
        let fault = |fault: DatabaseFault| Failed::from(crate::flow::record::Fault::from(fault));
        let whose = format!("reads of {}", by.as_str().to_lowercase());
        if !self.sequencer.may(whose, OFTEN).await.map_err(fault)? {
            return Ok(None);
        }
        let mut reader = self.reader().await.map_err(fault)?;
        let key = reports_key(H::NAME, repository, period);
        let Some(number) = reader.recorded_as(&key).await.map_err(fault)? else { return Ok(None) };
        let entry = recorded::entry(&mut reader, number).await.map_err(fault)?;
        let made = entry.map(|entry| made(number, &entry));
        let digest =
            made.and_then(|made| made.files.into_iter().find(|(name, _)| name == file).map(|(_, digest)| digest));
        let Some(digest) = digest.and_then(|digest| crate::log::tree::Hash::parse(&digest)) else { return Ok(None) };
        let bytes = reader.blob(digest).await.map_err(fault)?;
        reader.close().await.map_err(fault)?;
        let Some(bytes) = bytes else { return Ok(None) };
        let body = json!({
            "reader": by.as_str(), "purpose": "a report on its page", "forge": H::NAME, "repository": repository,
            "read": { "report": file, "entry": number, "sha256": digest.to_string() },
        });
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let append = Happening { kind: Kind::Reading, body, attached: Vec::new(), once: None }.append(self.now())?;
        self.sequencer.append(append).await.map_err(Failed::from)?;
        self.say("report_read", &json!({ "repository": repository, "report": file, "by": by.as_str() }));
        Ok(Some(bytes))
    }

    async fn survey_in(
        &self,
        reader: &mut Reader,
        repository: &str,
        period: &str,
    ) -> Result<Option<Survey>, DatabaseFault> {
        let Some(number) = reader.recorded_as(&survey_key(H::NAME, repository, period)).await? else { return Ok(None) };
        let Some(entry) = recorded::entry(reader, number).await? else { return Ok(None) };
        let digest = files(&entry).into_iter().next().and_then(|(_, digest)| crate::log::tree::Hash::parse(&digest));
        let Some(digest) = digest else { return Ok(None) };
        let bytes = reader.blob(digest).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The survey of a period, with whether an account has answered it; `None` where there is none.
    pub async fn survey(
        &self,
        repository: &str,
        period: &str,
        by: &Account,
    ) -> Result<Option<(Survey, bool)>, DatabaseFault> {
        let mut reader = self.reader().await?;
        let found = self.survey_in(&mut reader, repository, period).await?;
        let Some(survey) = found else { return Ok(None) };
        let answered = match survey.person(by) {
            Some(person) => reader.is_recorded(&answer_key(H::NAME, repository, period, person)).await?,
            None => false,
        };
        reader.close().await?;
        Ok(Some((survey, answered)))
    }

    /// Takes what somebody answers to a survey, once.
    pub async fn answer_survey(
        &self,
        repository: &str,
        period: &str,
        by: &Account,
        answers: Vec<Answered>,
    ) -> Result<Taken, Failed> {
        let fault = |fault: DatabaseFault| Failed::from(crate::flow::record::Fault::from(fault));
        let turn = format!("answers of {}", by.as_str().to_lowercase());
        if !self.sequencer.may(turn, OFTEN).await.map_err(fault)? {
            return Ok(Taken::Often);
        }
        let Some((survey, answered)) = self.survey(repository, period, by).await.map_err(fault)? else {
            return Ok(Taken::NotAsked);
        };
        let Some(person) = survey.person(by) else { return Ok(Taken::NotAsked) };
        if answered {
            return Ok(Taken::Before);
        }
        let known = |it: &Answered| {
            survey.items.iter().any(|item| item.item == it.item)
                && crate::flow::audit::ANSWERS.contains(&it.answer.as_str())
        };
        let answers: Vec<Value> = answers
            .into_iter()
            .filter(known)
            .map(|it| json!({ "item": it.item, "answer": it.answer, "says": it.says }))
            .collect();
        if answers.is_empty() {
            return Ok(Taken::NotAsked);
        }
        let body = json!({
            "forge": H::NAME, "repository": repository, "period": period, "by": by.as_str(), "person": person,
            "answers": answers,
        });
        let key = answer_key(H::NAME, repository, period, person);
        let whole: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let append = Happening { kind: Kind::Answer, body: whole, attached: Vec::new(), once: Some(key) };
        match self.sequencer.append(append.append(self.now())?).await.map_err(Failed::from) {
            Ok(appended) if appended.before => Ok(Taken::Before),
            Ok(_) => {
                let fields = json!({ "repository": repository, "period": period, "by": by.as_str() });
                self.say("survey_answered", &fields);
                Ok(Taken::Recorded)
            }
            Err(Failed::Refused(Refused::OtherContent(_))) => Ok(Taken::Before),
            Err(failed) => Err(failed),
        }
    }
}

/// Under which key somebody's answer is recorded.
fn answer_key(forge: &str, repository: &str, period: &str, person: &str) -> String {
    format!("answer {}", json!([forge, repository.to_lowercase(), period, person]))
}

/// The documents that an entry names, each with its digest.
fn files(entry: &Entry) -> Vec<(String, String)> {
    let attached = entry.body.get("attached").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = |it: &Value| Some((it.get("name")?.as_str()?.to_owned(), it.get("sha256")?.as_str()?.to_owned()));
    attached.iter().filter_map(one).collect()
}

fn made(number: u64, entry: &Entry) -> Made {
    let say = |key: &str| entry.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Made { entry: number, at: entry.at, period: say("period"), zone: say("zone"), files: files(entry) }
}
