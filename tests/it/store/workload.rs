//! What is done again and again while disks fail, the power goes and processes are killed: entries that are appended, and
//! decisions with all that follows from them.

use chrono::{DateTime, SecondsFormat};
use countersign::log::entry::{Entry, Kind};
use countersign::log::keys::Keys;
use countersign::log::note::Verifier;
use countersign::log::verify;
use countersign::store::address::Address;
use countersign::store::reader::{Blocking, Reader};
use countersign::store::session::Cell;
use countersign::store::stands::Table;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::run::World;

pub const DATABASE: &str = "sqlite:record.db";

/// A release that goes opens three obligations and tells two places. The one with a day is far enough that the clock of
/// whoever runs this has not passed it, for of what is over nobody needs to be woken.
const POLICY: &str = "\
version: 1
environments: { production: { approval: formal } }
people: { ben: { github: ben } }
roles: { owner: { members: [user:ben] } }
components: { payments: { paths: [payments/**] } }
gates: { tests: { junit: \"reports/*.xml\", require: \"tests.failed == 0\" } }
routes: { normal: { approvals: { owner: 1 }, then: { audit: { by: owner, within: 1000d } } } }
reviews: { board: { notify: \"slack:#board\" } }
";
const COMMIT: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";

fn facts() -> Value {
    let release = json!({
        "name": "payments 2.4.0", "forge": "github", "repository": "acme/payments", "environment": "production",
        "commit": COMMIT, "submitted_at": "2026-11-23T08:00:00Z", "asked_since": null, "changes": [], "trigger": null,
        "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": COMMIT },
        "components": { "payments": { "content": "c1", "artifacts": [] } },
    });
    let approval = json!({
        "id": "review-1", "at": "2026-11-23T08:30:00Z", "by": "github:ben", "via": "environment", "does": { "approve": {} },
        "saw": { "environment": "production", "components": { "payments": "c1" }, "repository": "acme/payments" },
        "standing": "stands", "impersonated_by": null,
    });
    json!({
        "version": 1, "release": release, "incidents": [], "obligations": [], "deployments": [], "acts": [approval],
        "accounts": { "github:ben": { "kind": "person", "active": true } },
        "evidence": { "tests": { "digests": ["b".repeat(64)], "measures": { "tests.failed": 0 } } },
    })
}

/// A folder with a key, a policy, facts and something to append.
pub fn world() -> World {
    let world = World::with_policy(POLICY);
    let said = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
    world.write("log.pub", said.out);
    world.write("entry.json", "{\"who\":\"ana\"}");
    world.write("facts.json", facts().to_string());
    world
}

/// The arguments that append one entry, once under that key.
pub fn append(once: &str) -> Vec<String> {
    let arguments = ["log", "append", "--database", DATABASE, "--log-key", "log.key", "--attach", "log.pub", "--once"];
    arguments.into_iter().chain([once, "entry.json"]).map(str::to_owned).collect()
}

/// The instant of a decision.
pub fn instant(second: u32) -> String {
    format!("2026-11-23T{:02}:{:02}:{:02}Z", 9 + second / 3_600, second / 60 % 60, second % 60)
}

/// The arguments that decide for an instant.
pub fn decide(second: u32) -> Vec<String> {
    let arguments = ["decide", "--facts", "facts.json", "--database", DATABASE, "--log-key", "log.key", "--now"];
    arguments.into_iter().map(str::to_owned).chain([instant(second)]).collect()
}

/// The record of a world, read in this process: what is judged thousands of times is judged without a command each time.
struct Record {
    runtime: Runtime,
    reader: Reader,
    keys: Keys,
}

impl Record {
    fn open(world: &World, database: &str) -> Self {
        let address = match database {
            DATABASE => Address::Sqlite(world.path().join("record.db")),
            url => Address::parse(url).unwrap(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reader = runtime.block_on(Reader::open(&address)).unwrap();
        let keys = Keys::from(&Verifier::parse(world.read("log.pub").trim()).unwrap());
        Self { runtime, reader, keys }
    }

    fn rows(&mut self, table: Table) -> Vec<Vec<Cell>> {
        self.runtime.block_on(self.reader.table(table)).unwrap()
    }

    fn close(self) {
        self.runtime.block_on(self.reader.close()).unwrap();
    }
}

/// How many rows a table has.
pub fn counted(world: &World, database: &str, table: Table) -> usize {
    let mut record = Record::open(world, database);
    let rows = record.rows(table).len();
    record.close();
    rows
}

/// The signed checkpoint of the record.
pub fn checkpoint(world: &World) -> String {
    let mut record = Record::open(world, DATABASE);
    let head = record.runtime.block_on(record.reader.head()).unwrap();
    record.close();
    head.checkpoint
}

/// Verifies every entry and every hash of the record, or those after a checkpoint that was kept. What comes back is how
/// many entries it has.
pub fn verified(world: &World, kept: Option<&str>, when: &str) -> u64 {
    let mut record = Record::open(world, DATABASE);
    let head = record.runtime.block_on(record.reader.head()).unwrap();
    let (now, _) = record.keys.open(&head.checkpoint).unwrap_or_else(|flaw| panic!("{when}: {flaw}"));
    let mut tiles = Blocking { runtime: &record.runtime, reader: &mut record.reader };
    let sound = match kept.map(|kept| record.keys.open(kept).unwrap().0) {
        Some(kept) => verify::since(&mut tiles, &kept, &now, &mut |_| {}),
        None => verify::all(&mut tiles, &now, &mut |_| {}),
    };
    let size = sound.unwrap_or_else(|wrong| panic!("{when}: {wrong}")).size;
    record.close();
    size
}

/// Whether everything that follows from decisions is there, whole, or nothing of it is. What comes back are the instants
/// for which was decided.
pub fn whole(world: &World, database: &str) -> Vec<String> {
    let mut record = Record::open(world, database);
    let decisions = record.rows(Table::Decisions);
    let numbers: Vec<_> = decisions.iter().map(|row| row[2].clone()).collect();
    let counted: Vec<_> = (1..=decisions.len()).map(|number| Cell::Int(i64::try_from(number).unwrap())).collect();
    assert_eq!(numbers, counted, "each version is decided once");
    let (any, count) = (usize::from(!decisions.is_empty()), decisions.len());
    for (table, expected) in [
        (Table::Approvals, any),
        (Table::Obligations, 3 * any),
        (Table::Timers, any),
        (Table::Policies, any),
        (Table::Outbox, count + any),
    ] {
        let found = record.rows(table);
        assert_eq!(found.len(), expected, "{table:?} of {count} decisions: {found:?}");
    }
    let entries = record.runtime.block_on(record.reader.entries(0, 100_000)).unwrap();
    let entries: Vec<Entry> = entries.iter().map(|(_, bytes)| Entry::parse(bytes).unwrap()).collect();
    let kinds = |kind: Kind| entries.iter().filter(|entry| entry.kind == kind).count();
    let found = [kinds(Kind::Decision), kinds(Kind::Obligation), kinds(Kind::Effect), kinds(Kind::Approval)];
    assert_eq!(found, [count, 3 * any, count + any, any], "the log says what the tables say");
    record.close();
    let micros = |row: &Vec<Cell>| if let Cell::Int(micros) = row[4] { micros } else { panic!("{row:?}") };
    let at = |row| DateTime::from_timestamp_micros(micros(row)).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true);
    decisions.iter().map(at).collect()
}
