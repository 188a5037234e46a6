//! The story of what is kept and what goes: the log is verified, what it says of retention is worked out, and what is done
//! stands in the log in the same transaction.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::append::{PATIENCE, written};
use super::record::{Fault, Log, Place, runtime, verify};
use crate::log::entry::{Entry, Kind};
use crate::log::keys::Keys;
use crate::log::note::Note;
use crate::log::retention::{Act, Due, Ledger, Order, Refused, Written};
use crate::log::tree::Hash;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::erasure::Erased;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::signatory::Signatory;

/// How often what was worked out is worked out anew, when others write meanwhile.
const ATTEMPTS: usize = 5;
/// How many digests one entry of an expiry names: as many as fit.
const DIGESTS: usize = 500;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The log does not hold, or could not be read.
    #[error("{0}")]
    Record(#[from] Fault),
    /// The database did not take it.
    #[error("{0}")]
    Database(#[from] DatabaseFault),
    /// Nobody is entitled to it.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// Others write too fast.
    #[error("the log has gone on each time before this was recorded: try again when less is written")]
    Busy,
}

/// What the log says, and how far it was read.
#[derive(Debug)]
pub struct Read {
    /// What it says of retention.
    pub ledger: Ledger,
    /// How many entries it has.
    pub size: u64,
}

/// Verifies a log and reads what it says of retention.
pub fn read(log: &mut Log, keys: &Keys) -> Result<Read, Fault> {
    let mut ledger = Ledger::new(keys.name());
    let sound = verify(log, keys, None, &mut |index, entry| ledger.read(index, entry))?;
    Ok(Read { ledger, size: sound.verified.size })
}

/// What is to be recorded, and the digests whose bytes go with it.
struct Doing {
    entries: Vec<(Kind, Map<String, Value>)>,
    gone: Vec<Hash>,
}

/// Where what is done is recorded, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'r, S> {
    /// The record.
    pub address: &'r Address,
    /// Who signs, as often as it is asked.
    pub signer: S,
    /// Where what is large lies.
    pub annex: Option<&'r Annex>,
    /// The instant.
    pub at: DateTime<Utc>,
}

impl<S: Fn() -> Result<Signatory, Failed>> Recording<'_, S> {
    /// Reads the log, asks what is to be done by it, and does it, where the log has not gone on meanwhile.
    fn act<T>(&self, work: impl Fn(&Ledger) -> Result<(Doing, T), Failed>) -> Result<(T, u64), Failed> {
        let Self { address, at, .. } = *self;
        let annex = || self.annex.cloned();
        // A log that is not begun yet is begun.
        written::<_, Failed>(address, (self.signer)()?, None, PATIENCE, at, async |_| Ok(()))?;
        for _ in 0..ATTEMPTS {
            let signer = (self.signer)()?;
            let mut log = Log::open(&Place::Database(address.clone()))?;
            let keys = log.keys(&Keys::from(signer.verifier()))?;
            let Read { ledger, size } = read(&mut log, &keys)?;
            let (doing, told) = work(&ledger)?;
            if doing.entries.is_empty() {
                return Ok((told, 0));
            }
            let bytes = |(kind, body): (Kind, Map<String, Value>)| Entry { kind, at, body }.bytes();
            let entries =
                doing.entries.into_iter().map(bytes).collect::<Result<Vec<_>, _>>().map_err(DatabaseFault::from)?;
            let erased = written::<_, Failed>(address, signer, annex(), PATIENCE, at, async |writer| {
                writer.erase(size, &entries, &doing.gone, at).await
            })?;
            if let Erased::Done(count) = erased {
                return Ok((told, count));
            }
        }
        Err(Failed::Busy)
    }

    /// Records one entry that the log lets be.
    fn record(&self, kind: Kind, body: &Value, may: impl Fn(&Ledger) -> Result<(), Refused>) -> Result<(), Failed> {
        let done = self.act(|ledger| {
            may(ledger)?;
            Ok((Doing { entries: vec![(kind, object(body.clone()))], gone: Vec::new() }, ()))
        });
        done.map(|_| ())
    }

    /// Lets settings come into force.
    pub fn settle(&self, settings: &Written, order: Option<&str>) -> Result<(), Failed> {
        let body = with_order(json!({ "retention": settings }), order);
        self.record(Kind::Policy, &body, |ledger| ledger.may_settle(settings, order).map(drop))
    }

    /// Holds what belongs to releases, or everything where none is named.
    pub fn hold(&self, name: &str, reason: &str, releases: &[String]) -> Result<(), Failed> {
        let body = json!({ "hold": name, "reason": reason, "releases": releases });
        self.record(Kind::LegalHold, &body, |ledger| ledger.may_hold(name))
    }

    /// Ends a hold, by an order of keepers.
    pub fn lift(&self, name: &str, order: &str) -> Result<(), Failed> {
        let body = with_order(json!({ "lift": name }), Some(order));
        self.record(Kind::LegalHold, &body, |ledger| ledger.may_lift(name, Some(order)))
    }

    /// Deletes the bytes whose time is over, and records their digests.
    pub fn expire(&self) -> Result<Vec<Due>, Failed> {
        let (due, _) = self.act(|ledger| {
            let due = due(self.address, ledger, self.at)?;
            let mut doing = Doing { entries: Vec::new(), gone: due.iter().map(|due| due.digest).collect() };
            for some in due.chunks(DIGESTS) {
                let digests: Vec<String> = some.iter().map(|due| due.digest.to_string()).collect();
                doing.entries.push((Kind::Expiry, object(json!({ "expired": digests }))));
            }
            Ok((doing, due))
        })?;
        if due.is_empty() && self.annex.is_some() {
            // What one left in the annex who was killed before he had removed it.
            let (signer, annex) = ((self.signer)()?, self.annex.cloned());
            written::<_, Failed>(self.address, signer, annex, PATIENCE, self.at, async |writer| writer.sweep().await)?;
        }
        Ok(due)
    }

    /// Deletes bytes before their time, by an order of keepers. What comes back is what the order says, and how many were
    /// there.
    pub fn purge(&self, order: &str) -> Result<(Order, u64), Failed> {
        let other = |why: &str| Failed::Refused(Refused::OtherOrder(why.to_owned()));
        let note = Note::parse(order).map_err(|flaw| other(&flaw.to_string()))?;
        let said = Order::parse(&note.text).ok_or_else(|| other("it is none"))?;
        let Act::Purge(digests) = &said.act else { return Err(other("it purges nothing")) };
        let ((), count) = self.act(|ledger| {
            ledger.may_purge(digests, Some(order))?;
            let listed: Vec<String> = digests.iter().map(ToString::to_string).collect();
            let body = with_order(json!({ "purged": listed, "reason": said.reason }), Some(order));
            Ok((Doing { entries: vec![(Kind::Expiry, object(body))], gone: digests.clone() }, ()))
        })?;
        Ok((said, count))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A body with the order that lets it be, where there is one.
fn with_order(mut body: Value, order: Option<&str>) -> Value {
    if let (Some(order), Some(body)) = (order, body.as_object_mut()) {
        body.insert("order".to_owned(), order.into());
    }
    body
}

/// What is due by a log that was read, and still there.
pub fn due(address: &Address, ledger: &Ledger, at: DateTime<Utc>) -> Result<Vec<Due>, Failed> {
    let due = ledger.due(at);
    Ok(runtime()?.block_on(async {
        let mut reader = Reader::open(address).await?;
        let mut there = Vec::new();
        for one in due {
            if reader.has(one.digest).await? {
                there.push(one);
            }
        }
        reader.close().await?;
        Ok::<_, DatabaseFault>(there)
    })?)
}
