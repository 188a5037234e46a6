//! The record's store: the same tests on SQLite and on PostgreSQL, which `tests/postgres` starts.

mod appending;
mod connecting;
mod copying;
mod crashes;
mod erasing;
mod fencing;
mod history;
mod leaving;
pub mod migrations;
mod power;
mod sharing;
mod storms;
mod tampering;
pub mod workload;
mod writers;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeZone as _, Utc};
use countersign::log::checkpoint::Checkpoint;
use countersign::log::entry::{Entry, Kind};
use countersign::log::note::{Kind as KeyKind, Signer};
use countersign::log::tile::Tiles as _;
use countersign::log::verify::{self, Verified, Wrong};
use countersign::store::address::Address;
use countersign::store::fault::Fault;
use countersign::store::reader::{Blocking, Reader};
use countersign::store::session::Session;
use countersign::store::writer::{Append, Writer};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn now() -> DateTime<Utc> {
    Utc.timestamp_micros(1_790_000_000_123_456).unwrap()
}

pub fn signer() -> Signer {
    Signer::new("log.example/releases", KeyKind::Ed25519, &[7; 32]).unwrap()
}

/// An empty database of its own.
pub struct Database {
    pub address: Address,
    pub runtime: Runtime,
    _folder: TempDir,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Sqlite(folder.path().join("record.db"));
        Self { address, runtime: runtime(), _folder: folder }
    }

    /// Where no server was started, the test says so.
    pub fn postgres() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("TEST_POSTGRES") else {
            eprintln!("skipped: PostgreSQL is not there; run `tests/postgres cargo test`");
            return None;
        };
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let runtime = runtime();
        runtime.block_on(async {
            let mut session = Session::open(&Address::Postgres(server.clone()), true).await.unwrap();
            // A template is copied by one at a time.
            let sql: &'static str = Box::leak(format!("CREATE DATABASE {name} TEMPLATE template0").into_boxed_str());
            session.run(sql, &[]).await.unwrap();
            session.close().await.unwrap();
        });
        let (base, _) = server.rsplit_once('/').unwrap();
        let address = Address::Postgres(format!("{base}/{name}"));
        Some(Self { address, runtime, _folder: tempfile::tempdir().unwrap() })
    }

    /// One of each.
    pub fn each() -> Vec<Self> {
        std::iter::once(Self::sqlite()).chain(Self::postgres()).collect()
    }

    pub fn writer(&self) -> Writer {
        self.runtime.block_on(Writer::open(&self.address, signer(), Duration::ZERO, now())).unwrap()
    }

    /// Appends entries with numbers from `from` on, in one batch.
    pub fn append(&self, from: u64, count: u64) {
        let mut writer = self.writer();
        let batch: Vec<Append> = (from..from + count).map(append).collect();
        for answer in self.runtime.block_on(writer.append(&batch, now())).unwrap() {
            answer.unwrap();
        }
        self.runtime.block_on(writer.close()).unwrap();
    }

    /// Runs one statement, past everything of ours.
    pub fn tamper(&self, sql: &'static str) -> u64 {
        self.runtime.block_on(async {
            let mut session = Session::open(&self.address, false).await.unwrap();
            let rows = session.run(sql, &[]).await.unwrap();
            session.close().await.unwrap();
            rows
        })
    }

    pub fn reader(&self) -> Reader {
        self.runtime.block_on(Reader::open(&self.address)).unwrap()
    }

    pub fn checkpoint(&self) -> Checkpoint {
        let head = self.runtime.block_on(self.reader().head()).unwrap();
        Checkpoint::open(&head.checkpoint, signer().verifier()).unwrap().0
    }

    pub fn verify(&self) -> Result<Verified, Wrong<Fault>> {
        let checkpoint = self.checkpoint();
        let mut reader = self.reader();
        verify::all(&mut Blocking { runtime: &self.runtime, reader: &mut reader }, &checkpoint, &mut |_| {})
    }

    pub fn since(&self, old: &Checkpoint) -> Result<Verified, Wrong<Fault>> {
        let checkpoint = self.checkpoint();
        let mut reader = self.reader();
        verify::since(&mut Blocking { runtime: &self.runtime, reader: &mut reader }, old, &checkpoint, &mut |_| {})
    }

    pub fn read(&self, tile: countersign::log::tile::Tile) -> Result<Vec<u8>, Fault> {
        let mut reader = self.reader();
        Blocking { runtime: &self.runtime, reader: &mut reader }.read(tile)
    }
}

pub fn entry(number: u64) -> Vec<u8> {
    let body = json!({ "number": number, "who": "ana" }).as_object().unwrap().clone();
    Entry { kind: Kind::Evidence, at: now(), body }.bytes().unwrap()
}

pub fn append(number: u64) -> Append {
    Append { entries: vec![entry(number)], ..Append::default() }
}
