//! What the entries of a log say, as far as reports ask for it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::log::entry::{Entry, Kind};
use crate::model::period::Period;

/// A release on its way into an environment: repository in lower case, release, environment.
pub(super) type Way = (String, String, String);

/// A decision.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) entry: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) forge: String,
    pub(super) repository: String,
    pub(super) release: String,
    pub(super) environment: String,
    pub(super) commit: String,
    pub(super) ruling: String,
    /// SHA-256 of the decision document.
    pub(super) document: String,
    /// SHA-256 of the facts.
    pub(super) facts: String,
    /// The layers of its policy, as the entry lists them.
    pub(super) policy: Value,
}

impl Decision {
    pub(super) fn way(&self) -> Way {
        (self.repository.to_lowercase(), self.release.clone(), self.environment.clone())
    }
}

/// A deployment, by all that was said of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Deployment {
    /// The entry that first told of it.
    pub(super) entry: u64,
    pub(super) forge: String,
    pub(super) repository: String,
    pub(super) environment: String,
    pub(super) id: String,
    pub(super) commit: String,
    pub(super) run: Option<u64>,
    pub(super) told_by: Option<String>,
    /// Microseconds of the Unix time.
    pub(super) began: Option<i64>,
    pub(super) ended: Option<i64>,
    pub(super) outcome: Option<String>,
    /// The entry of the decision that let it in.
    pub(super) decision: Option<u64>,
    /// The entry of the decision by which it was taken up afterwards.
    pub(super) taken_up: Option<u64>,
    pub(super) finding: Option<String>,
}

/// The use of a break-glass grant.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) entry: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) repository: String,
    pub(super) environment: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) why: String,
    pub(super) told_by: Option<String>,
}

/// Something that somebody did, or tried.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) entry: u64,
    pub(super) kind: Kind,
    pub(super) repository: Option<String>,
    pub(super) release: Option<String>,
    pub(super) environment: Option<String>,
    /// Its name in the record.
    pub(super) id: String,
    /// The account.
    pub(super) by: String,
    /// When, microseconds of the Unix time.
    pub(super) done: i64,
    /// SHA-256 of the act.
    pub(super) document: Option<String>,
    /// Why it was refused, and the reason's code.
    pub(super) refused: Option<(String, String)>,
}

/// Something that a release left to be done.
#[derive(Clone, Debug)]
pub(super) struct Obligation {
    pub(super) entry: u64,
    pub(super) repository: String,
    pub(super) release: String,
    pub(super) environment: String,
    pub(super) kind: String,
    pub(super) by: Option<String>,
    pub(super) opened: DateTime<Utc>,
    pub(super) due: Option<DateTime<Utc>>,
    /// When it was met first.
    pub(super) met: Option<DateTime<Utc>>,
}

/// An answer to a survey.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) entry: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) repository: String,
    pub(super) period: String,
    pub(super) by: String,
    pub(super) item: String,
    pub(super) word: String,
    pub(super) says: Option<String>,
}

/// What the entries say.
#[derive(Debug)]
pub(super) struct Seen {
    period: Period,
    repository: Option<String>,
    pub(super) first: Option<DateTime<Utc>>,
    pub(super) last: Option<DateTime<Utc>>,
    /// The first and the last entry of the period, and how many there are.
    pub(super) of_period: Option<(u64, u64, u64)>,
    pub(super) decisions: BTreeMap<u64, Decision>,
    /// By forge, repository and the forge's own name.
    pub(super) deployments: BTreeMap<(String, String, String), Deployment>,
    pub(super) grants: Vec<Grant>,
    /// By their names; one that was seen again as something else is there twice.
    pub(super) acts: Vec<Act>,
    /// Where each stands among them, by its name.
    places: BTreeMap<String, Vec<usize>>,
    pub(super) obligations: BTreeMap<String, Obligation>,
    pub(super) answers: Vec<Answer>,
}

fn text(body: &Map<String, Value>, key: &str) -> Option<String> {
    body.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn micros(body: &Map<String, Value>, key: &str) -> Option<i64> {
    body.get(key).and_then(Value::as_i64)
}

fn digest(body: &Map<String, Value>, key: &str) -> String {
    body.get(key).and_then(|it| it.get("sha256")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Seen {
    pub(super) fn new(period: Period, repository: Option<String>) -> Self {
        Self {
            period,
            repository,
            first: None,
            last: None,
            of_period: None,
            decisions: BTreeMap::new(),
            deployments: BTreeMap::new(),
            grants: Vec::new(),
            acts: Vec::new(),
            places: BTreeMap::new(),
            obligations: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    /// Takes in one entry of the log, in the order of their numbers.
    pub(super) fn see(&mut self, entry: u64, it: &Entry) {
        self.first = self.first.or(Some(it.at));
        self.last = self.last.max(Some(it.at));
        if self.period.holds(it.at) {
            let (first, _, count) = self.of_period.unwrap_or((entry, entry, 0));
            self.of_period = Some((first, entry, count + 1));
        }
        let body = &it.body;
        let other = |wanted: &String| text(body, "repository").is_some_and(|own| !own.eq_ignore_ascii_case(wanted));
        if self.repository.as_ref().is_some_and(other) {
            return;
        }
        match it.kind {
            Kind::Decision => self.decision(entry, it),
            Kind::Deployment if body.contains_key("grant") => self.grant(entry, it),
            Kind::Deployment => self.deployment(entry, it),
            Kind::Obligation => self.obligation(entry, it),
            Kind::Approval
            | Kind::Rejection
            | Kind::Withdrawal
            | Kind::Waiver
            | Kind::Tick
            | Kind::Act
            | Kind::Refusal => self.act(entry, it),
            Kind::Answer => self.answer(entry, it),
            _ => {}
        }
    }

    fn decision(&mut self, entry: u64, it: &Entry) {
        let body = &it.body;
        let say = |key: &str| text(body, key).unwrap_or_default();
        let decision = Decision {
            entry,
            at: it.at,
            forge: say("forge"),
            repository: say("repository"),
            release: say("release"),
            environment: say("environment"),
            commit: say("commit"),
            ruling: say("decision"),
            document: digest(body, "document"),
            facts: digest(body, "facts"),
            policy: body.get("policy").cloned().unwrap_or_default(),
        };
        self.decisions.insert(entry, decision);
    }

    fn deployment(&mut self, entry: u64, it: &Entry) {
        let body = &it.body;
        let (Some(id), Some(repository)) = (text(body, "deployment"), text(body, "repository")) else { return };
        let forge = text(body, "forge").unwrap_or_default();
        let key = (forge.clone(), repository.to_lowercase(), id.clone());
        let row = self.deployments.entry(key).or_insert_with(|| Deployment {
            entry,
            forge,
            repository,
            id,
            ..Deployment::default()
        });
        let commit = text(body, "commit").filter(|commit| !commit.is_empty());
        row.commit = commit.unwrap_or_else(|| std::mem::take(&mut row.commit));
        row.environment = text(body, "environment").unwrap_or_else(|| std::mem::take(&mut row.environment));
        row.run = body.get("run").and_then(Value::as_u64).or(row.run);
        row.told_by = text(body, "told_by").or_else(|| row.told_by.take());
        row.began = row.began.or_else(|| micros(body, "began"));
        row.ended = micros(body, "ended").or(row.ended);
        row.decision = body.get("decision").and_then(Value::as_u64).or(row.decision);
        row.taken_up = body.get("decided").and_then(Value::as_u64).or(row.taken_up);
        row.finding = text(body, "finding").or_else(|| row.finding.take());
        let ends = |state: &String| matches!(state.as_str(), "succeeded" | "failed" | "cancelled");
        row.outcome = text(body, "state").filter(ends).or_else(|| row.outcome.take());
    }

    fn grant(&mut self, entry: u64, it: &Entry) {
        let say = |key: &str| text(&it.body, key).unwrap_or_default();
        let used = micros(&it.body, "used").and_then(DateTime::from_timestamp_micros);
        self.grants.push(Grant {
            entry,
            at: used.unwrap_or(it.at),
            repository: say("repository"),
            environment: say("environment"),
            name: say("grant"),
            state: say("state"),
            why: say("why"),
            told_by: text(&it.body, "told_by"),
        });
    }

    fn act(&mut self, entry: u64, it: &Entry) {
        let body = &it.body;
        let (Some(id), Some(by)) = (text(body, "act"), text(body, "by")) else { return };
        let attached = body.get("attached").and_then(Value::as_array).and_then(|list| list.first());
        let refused = text(body, "refused").map(|why| (why, text(body, "code").unwrap_or_default()));
        self.places.entry(id.clone()).or_default().push(self.acts.len());
        self.acts.push(Act {
            entry,
            kind: it.kind,
            repository: text(body, "repository"),
            release: text(body, "release"),
            environment: text(body, "environment"),
            id,
            by,
            done: micros(body, "done").unwrap_or_else(|| it.at.timestamp_micros()),
            document: attached.and_then(|it| it.get("sha256")).and_then(Value::as_str).map(str::to_owned),
            refused,
        });
    }

    fn obligation(&mut self, entry: u64, it: &Entry) {
        let body = &it.body;
        let Some(id) = text(body, "obligation") else { return };
        let say = |key: &str| text(body, key).unwrap_or_default();
        match text(body, "state").as_deref() {
            Some("opened") => {
                let opened = Obligation {
                    entry,
                    repository: say("repository"),
                    release: say("release"),
                    environment: say("environment"),
                    kind: say("kind"),
                    by: text(body, "by"),
                    opened: it.at,
                    due: micros(body, "due").and_then(DateTime::from_timestamp_micros),
                    met: None,
                };
                self.obligations.entry(id).or_insert(opened);
            }
            Some("met") => {
                if let Some(known) = self.obligations.get_mut(&id) {
                    known.met = known.met.or(Some(it.at));
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, entry: u64, it: &Entry) {
        let body = &it.body;
        let say = |key: &str| text(body, key).unwrap_or_default();
        let items = body.get("answers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for item in items.iter().filter_map(Value::as_object) {
            let of = |key: &str| text(item, key);
            let (Some(name), Some(answer)) = (of("item"), of("answer")) else { continue };
            self.answers.push(Answer {
                entry,
                at: it.at,
                repository: say("repository"),
                period: say("period"),
                by: say("by"),
                item: name,
                word: answer,
                says: of("says"),
            });
        }
    }

    /// The deployments that began in a period, in the order in which they did.
    pub(super) fn began_in(&self, period: &Period) -> Vec<&Deployment> {
        let within = |it: &&Deployment| {
            it.began.and_then(DateTime::from_timestamp_micros).is_some_and(|began| period.holds(began))
        };
        let mut found: Vec<&Deployment> = self.deployments.values().filter(within).collect();
        found.sort_by_key(|it| (it.began, it.entry));
        found
    }

    /// The decision behind a deployment: the one that let it in, or by which it was taken up afterwards.
    pub(super) fn behind(&self, deployment: &Deployment) -> Option<&Decision> {
        deployment.decision.or(deployment.taken_up).and_then(|entry| self.decisions.get(&entry))
    }

    /// When somebody did something, by its name in the record.
    pub(super) fn done(&self, repository: &str, act: &str) -> Option<i64> {
        let same = |it: &&Act| it.repository.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(repository));
        let places = self.places.get(act).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|at| self.acts.get(*at)).find(same).map(|it| it.done)
    }
}
