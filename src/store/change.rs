//! What changes beside the log, in the same transaction as the entries that say so: a delivery is there to be answered,
//! a release was decided, an effect is to leave or has left.

use super::deployed::{Deployed, spoken_of};
use super::fault::Fault;
use super::granted::Granted;
use super::incident::Incident;
use super::session::{Asked, Part, Row, Session, Value, int};
use super::submitted::{Closed, Submitted};
use super::writer::Refused;
use crate::log::tree::Hash;

/// One release on its way into one environment. What is decided of it is decided one after another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The forge.
    pub forge: String,
    /// The repository.
    pub repository: String,
    /// The release.
    pub release: String,
    /// The environment, by its name in the policy.
    pub environment: String,
}

impl std::fmt::Display for Stream {
    /// As a JSON array, which no name in it can blur.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { forge, repository, release, environment } = self;
        write!(f, "{}", serde_json::json!([forge, repository, release, environment]))
    }
}

impl Stream {
    /// Reads what [`std::fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [forge, repository, release, environment] = serde_json::from_str::<[String; 4]>(text).ok()?;
        Some(Self { forge, repository, release, environment })
    }
}

/// Something that a forge or another system sent, by that system's own name for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sent {
    /// Which system.
    pub forge: String,
    /// Its id for the delivery.
    pub id: String,
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.forge, self.id)
    }
}

/// What somebody did, as a decision saw it.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its name in the record.
    pub id: String,
    /// What, by the word of its entry's kind: approval, rejection, withdrawal, waiver, tick, act, refusal.
    pub kind: &'static str,
    /// By which account.
    pub account: String,
    /// When, microseconds of the Unix time.
    pub at: i64,
    /// SHA-256 of the act as JSON.
    pub digest: Hash,
}

/// Something that somebody did with us, upon a decision that he was shown.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The release, on its way into which environment.
    pub stream: Stream,
    /// How often it had been decided when he was shown it; another number by now, and this is refused.
    pub after: u64,
    /// What he did.
    pub done: Done,
}

/// An obligation that a decision opens.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its name in the record.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// The role that meets it.
    pub role: Option<String>,
    /// When it is due, microseconds of the Unix time.
    pub due: Option<i64>,
}

/// Something that is to be done to another system.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The key by which the other system knows it again.
    pub once: String,
    /// Where to, such as `github:acme/shop` or `slack:#board`. What goes there goes in order.
    pub destination: String,
    /// SHA-256 of what is sent.
    pub body: Hash,
    /// From when on it leaves, microseconds of the Unix time; at once where that is over or left out.
    pub not_before: Option<i64>,
}

/// A decision with all that it changes. The entries that say so are, in this order: the decision, what people did, what
/// is opened, what is met, what is to leave.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What was decided of.
    pub stream: Stream,
    /// How often it had been decided when this was begun; another number by now, and this one is refused.
    pub after: u64,
    /// `proceed`, `hold` or `reject`.
    pub ruling: &'static str,
    /// Why, in one sentence.
    pub summary: String,
    /// The instant for which it was decided, microseconds of the Unix time.
    pub now: i64,
    /// SHA-256 of the facts.
    pub facts: Hash,
    /// SHA-256 of the decision document.
    pub document: Hash,
    /// The deliveries that it answers.
    pub answers: Vec<Sent>,
    /// What people did that the record had not seen.
    pub done: Vec<Done>,
    /// The names of what was done on pages of ours, as far as it was decided upon. Where the record has more by now, this
    /// one is refused unless it holds: it may have been a rejection.
    pub upon: Vec<String>,
    /// What must happen because of it.
    pub opened: Vec<Opened>,
    /// The obligations that it finds met.
    pub met: Vec<String>,
    /// What is to leave.
    pub effects: Vec<Effect>,
    /// The next instant at which time alone can change it, microseconds of the Unix time.
    pub timer: Option<i64>,
}

/// What became of an effect.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The number of its entry.
    pub effect: u64,
    /// Its destination.
    pub destination: String,
    /// What went wrong, where it is given up; `None` where it is done.
    pub given_up: Option<String>,
    /// Whether the destination answered, and be it with a refusal.
    pub answered: bool,
}

/// Something that changes beside the log.
#[derive(Clone, Debug)]
pub enum Change {
    /// A delivery came; its bytes are a blob.
    Delivery(Sent, Hash),
    /// A policy came into force.
    Policy(Hash),
    /// A job submitted a file; its bytes are a blob.
    Submitted(Box<Submitted>),
    /// A job closed a submission; its list is a blob.
    Closed(Box<Closed>),
    /// A deployment began, or ended.
    Deployed(Box<Deployed>),
    /// Something else happened to a deployment: by its forge, its repository and its name there.
    OfDeployment(String, String, String),
    /// A grant was used while nobody could ask.
    Granted(Box<Granted>),
    /// An issue is an incident, or is over as one (`true`) and looked at no more.
    Incident(Box<Incident>, bool),
    /// A release left something to be done that its decision could not know of.
    Owes(Stream, Opened),
    /// What a release left to be done is done, by what it is called.
    Met(String),
    /// Somebody did something on a page of ours.
    Acted(Box<Acted>),
    /// Somebody did something of a change by a button, under what the change is called: no release's [`Stream`].
    OfChange(String, Done),
    /// A release was decided.
    Decision(Box<Decision>),
    /// Something is to leave that follows from no decision, with what it is about: no release's [`Stream`].
    Leaves(String, Effect),
    /// An effect is done or given up, by who holds its destination.
    Ended(Ended),
    /// A person has an effect tried again that was given up.
    Retried(u64),
}

/// Whether a change may be refused, by what stands in the database before it.
pub(super) fn is_judged(change: &Change) -> bool {
    match change {
        Change::Delivery(..)
        | Change::Policy(_)
        | Change::Submitted(_)
        | Change::Closed(_)
        | Change::Deployed(_)
        | Change::OfDeployment(..)
        | Change::Granted(_)
        | Change::Incident(..)
        | Change::Owes(..)
        | Change::Met(_)
        | Change::OfChange(..) => false,
        Change::Acted(_) | Change::Decision(_) | Change::Leaves(..) | Change::Ended(_) | Change::Retried(_) => true,
    }
}

/// Whether a change can be made by who has that number, as the database stands.
pub(super) async fn judge(session: &mut Session, change: &Change, epoch: i64) -> Result<Option<Refused>, Fault> {
    match change {
        Change::Acted(acted) => is_at(session, &acted.stream, acted.after).await,
        Change::Decision(decision) => judge_decision(session, decision).await,
        Change::Leaves(_, effect) => judge_effects(session, std::slice::from_ref(effect)).await,
        Change::Ended(ended) => {
            let sql = "SELECT 1 FROM outbox JOIN destination ON name = destination \
                       WHERE idx = $1 AND state = 'waiting' AND holder = $2";
            let held = session.rows(sql, &[int(ended.effect), epoch.into()]).await?;
            Ok(held.is_empty().then_some(Refused::NotHeld(ended.effect)))
        }
        Change::Retried(effect) => {
            let dead = session.rows("SELECT 1 FROM outbox WHERE idx = $1 AND state = 'dead'", &[int(*effect)]).await?;
            Ok(dead.is_empty().then_some(Refused::NotDead(*effect)))
        }
        // See [`is_judged`].
        _ => Ok(None),
    }
}

/// How often a stream was decided.
pub(super) async fn version(session: &mut Session, stream: &str) -> Result<u64, Fault> {
    let row = session.row("SELECT version FROM stream WHERE name = $1", &[stream.into()]).await?;
    row.map_or(Ok(0), |row| row.count(0))
}

/// Whether a stream was decided exactly so often.
async fn is_at(session: &mut Session, stream: &Stream, after: u64) -> Result<Option<Refused>, Fault> {
    let found = version(session, &stream.to_string()).await?;
    Ok((found != after).then(|| Refused::Stale { stream: stream.to_string(), after, found }))
}

async fn judge_decision(session: &mut Session, decision: &Decision) -> Result<Option<Refused>, Fault> {
    if let Some(stale) = is_at(session, &decision.stream, decision.after).await? {
        return Ok(Some(stale));
    }
    // Whoever holds opens nothing by what was not seen, and may hold just because it cannot be read.
    if decision.ruling != "hold" {
        let sql = "SELECT id FROM act WHERE stream = $1 AND id LIKE 'page-%'";
        for row in session.rows(sql, &[decision.stream.to_string().into()]).await? {
            let act = row.text(0)?;
            if !decision.upon.contains(&act) {
                return Ok(Some(Refused::Unseen { stream: decision.stream.to_string(), act }));
            }
        }
    }
    let here = "SELECT 1 FROM delivery WHERE forge = $1 AND id = $2";
    let sent = decision.answers.iter();
    let asked = sent.map(|sent| Asked::new(here, [sent.forge.as_str().into(), sent.id.as_str().into()])).collect();
    let there = session.all(Part::Inner, asked).await?;
    let lacking = decision.answers.iter().zip(&there).find(|(_, rows)| rows.is_empty());
    if let Some((sent, _)) = lacking {
        return Ok(Some(Refused::NoDelivery(sent.to_string())));
    }
    judge_effects(session, &decision.effects).await
}

/// Whether none of these effects left before, or is to leave already.
async fn judge_effects(session: &mut Session, effects: &[Effect]) -> Result<Option<Refused>, Fault> {
    let here = "SELECT 1 FROM outbox WHERE once = $1";
    let asked = effects.iter().map(|effect| Asked::new(here, [effect.once.as_str().into()])).collect();
    let there = session.all(Part::Inner, asked).await?;
    let twice = effects.iter().zip(&there).find(|(_, rows): &(_, &Vec<Row>)| !rows.is_empty());
    Ok(twice.map(|(effect, _)| Refused::OtherContent(effect.once.clone())))
}

/// The statements of a change whose first entry has that number.
pub(super) fn made(change: &Change, first: u64, at: i64, asked: &mut Vec<Asked>) {
    match change {
        Change::Delivery(sent, digest) => asked.push(Asked::insert(
            "delivery",
            [
                ("idx", int(first)),
                ("forge", sent.forge.as_str().into()),
                ("id", sent.id.as_str().into()),
                ("digest", (*digest).into()),
                ("at", at.into()),
            ],
            "ON CONFLICT (forge, id) DO NOTHING",
        )),
        Change::Policy(digest) => asked.push(Asked::insert(
            "policy",
            [("digest", (*digest).into()), ("idx", int(first)), ("at", at.into())],
            "ON CONFLICT (digest) DO NOTHING",
        )),
        Change::Submitted(submitted) => asked.push(submitted.kept(first, at)),
        Change::Closed(closed) => asked.push(closed.kept(first, at)),
        Change::Deployed(deployed) => asked.extend([deployed.kept(first, at), deployed.spoken_of(first)]),
        Change::OfDeployment(forge, repository, id) => asked.push(spoken_of((forge, repository, id), first)),
        Change::Granted(granted) => asked.push(granted.kept(first, at)),
        Change::Incident(incident, is_over) => asked.push(incident.kept(*is_over, first, at)),
        Change::Owes(of, it) => {
            let name = of.to_string();
            asked.push(opened(it, ("stream", name.as_str().into()), int(first), "ON CONFLICT (id) DO NOTHING"));
        }
        Change::Met(id) => asked.push(Asked::new(
            "UPDATE obligation SET met = $2 WHERE id = $1 AND met IS NULL",
            [id.as_str().into(), int(first)],
        )),
        Change::Acted(acted) => {
            let stream = acted.stream.to_string();
            asked.push(done(&acted.done, ("stream", stream.as_str().into()), int(first)));
        }
        Change::OfChange(about, it) => asked.push(done(it, ("stream", about.as_str().into()), int(first))),
        Change::Decision(decision) => decided(decision, first, at, asked),
        Change::Leaves(about, effect) => {
            asked.extend(left(effect, ("stream", about.as_str().into()), int(first), at));
        }
        Change::Ended(ended) => ended_with(ended, first, asked),
        Change::Retried(effect) => asked.push(Asked::new(
            "UPDATE outbox SET state = 'waiting', attempts = 0, due = $2, ended = NULL WHERE idx = $1",
            [int(*effect), at.into()],
        )),
    }
}

fn decided(decision: &Decision, first: u64, at: i64, asked: &mut Vec<Asked>) {
    let name = decision.stream.to_string();
    let stream = || ("stream", Value::from(name.as_str()));
    let version = decision.after + 1;
    asked.push(Asked::insert(
        "stream",
        [("name", name.as_str().into()), ("version", int(version)), ("idx", int(first))],
        "ON CONFLICT (name) DO UPDATE SET version = excluded.version, idx = excluded.idx",
    ));
    asked.push(Asked::insert(
        "decision",
        [
            ("idx", int(first)),
            stream(),
            ("version", int(version)),
            ("ruling", decision.ruling.into()),
            ("summary", decision.summary.as_str().into()),
            ("now", decision.now.into()),
            ("at", at.into()),
            ("facts", decision.facts.into()),
            ("document", decision.document.into()),
        ],
        "",
    ));
    for sent in &decision.answers {
        asked.push(Asked::new(
            "INSERT INTO answer (delivery, decision) SELECT idx, $3 FROM delivery WHERE forge = $1 AND id = $2 \
             ON CONFLICT DO NOTHING",
            [sent.forge.as_str().into(), sent.id.as_str().into(), int(first)],
        ));
    }
    let mut number = first;
    let mut next = || {
        number += 1;
        int(number)
    };
    for it in &decision.done {
        asked.push(done(it, stream(), next()));
    }
    for it in &decision.opened {
        asked.push(opened(it, stream(), next(), ""));
    }
    for met in &decision.met {
        asked.push(Asked::new("UPDATE obligation SET met = $2 WHERE id = $1", [met.as_str().into(), next()]));
    }
    for effect in &decision.effects {
        asked.extend(left(effect, stream(), next(), at));
    }
    asked.push(match decision.timer {
        Some(due) => Asked::insert(
            "timer",
            [stream(), ("due", due.into())],
            "ON CONFLICT (stream) DO UPDATE SET due = excluded.due",
        ),
        None => Asked::new("DELETE FROM timer WHERE stream = $1", [name.into()]),
    });
}

/// What is to be done, under the number of its entry; `or` says what becomes of it where that is known already.
fn opened(opened: &Opened, stream: (&'static str, Value), number: Value, or: &str) -> Asked {
    let row = [
        ("id", opened.id.as_str().into()),
        ("idx", number),
        stream,
        ("kind", opened.kind.as_str().into()),
        ("role", Value::Text(opened.role.clone())),
        ("due", Value::Int(opened.due)),
    ];
    Asked::insert("obligation", row, or)
}

/// What somebody did, under the number of its entry.
fn done(done: &Done, stream: (&'static str, Value), number: Value) -> Asked {
    let row = [
        ("idx", number),
        stream,
        ("id", done.id.as_str().into()),
        ("kind", done.kind.into()),
        ("account", done.account.as_str().into()),
        ("at", done.at.into()),
        ("digest", done.digest.into()),
    ];
    Asked::insert("act", row, "")
}

fn left(effect: &Effect, stream: (&'static str, Value), number: Value, at: i64) -> [Asked; 2] {
    let name = || Value::from(effect.destination.as_str());
    let nobody = ["holder", "until", "failures", "opens"].map(|column| (column, Value::from(0)));
    let [holder, until, failures, opens] = nobody;
    let destination = [("name", name()), holder, until, failures, opens];
    let outbox = [
        ("idx", number),
        ("once", effect.once.as_str().into()),
        ("destination", name()),
        stream,
        ("body", effect.body.into()),
        ("state", "waiting".into()),
        ("attempts", 0.into()),
        ("due", effect.not_before.map_or(at, |from| from.max(at)).into()),
    ];
    [Asked::insert("destination", destination, "ON CONFLICT (name) DO NOTHING"), Asked::insert("outbox", outbox, "")]
}

fn ended_with(ended: &Ended, first: u64, asked: &mut Vec<Asked>) {
    let state = if ended.given_up.is_some() { "dead" } else { "done" };
    asked.push(Asked::new(
        "UPDATE outbox SET state = $2, said = $3, ended = $4 WHERE idx = $1",
        [int(ended.effect), state.into(), Value::Text(ended.given_up.clone()), int(first)],
    ));
    // Whoever answers is there, so nothing has to wait for that any more.
    let free = if ended.answered {
        "UPDATE destination SET until = 0, failures = 0, opens = 0 WHERE name = $1"
    } else {
        "UPDATE destination SET until = 0 WHERE name = $1"
    };
    asked.push(Asked::new(free, [ended.destination.as_str().into()]));
}
