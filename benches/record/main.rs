//! What the record costs beside the same work without it, in one run: durable appends beside plain inserts, verification
//! beside SHA-256 alone. Only the ratios say anything.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark says what is wrong by ending, and prints its table"
)]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use chrono::Utc;
use countersign::log::checkpoint::Checkpoint;
use countersign::log::note::{Kind, Signer};
use countersign::log::tile::{self, Tile, Tiles};
use countersign::log::tree::{self, Edge, Hash};
use countersign::log::verify;
use countersign::store::address::Address;
use countersign::store::sequencer::Sequencer;
use countersign::store::session::{Session, Value};
use countersign::store::writer::{Append, Writer};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

/// How many bytes an entry has.
const LENGTH: usize = 600;
/// How often each pair is timed, in turns.
const ROUNDS: usize = 5;

fn entry(index: u64) -> Vec<u8> {
    let mut bytes = vec![b'x'; LENGTH];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    bytes
}

fn signer() -> Signer {
    Signer::new("bench.example/log", Kind::Ed25519, &[7; 32]).unwrap()
}

fn median(of: &[f64]) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// The medians of rounds, and their ratio; and that of the fastest, which says more where others use the machine too.
fn line(what: &str, ours: &[f64], theirs: &[f64], unit: &str, goal: &str) {
    let fastest = |of: &[f64]| of.iter().copied().fold(0.0, f64::max);
    let (best, ours, theirs) = (fastest(ours) / fastest(theirs), median(ours), median(theirs));
    println!("| {what} | {ours:.0} | {theirs:.0} | {unit} | {:.2} | {best:.2} | {goal} |", ours / theirs);
}

fn insertion(rows: usize) -> &'static str {
    let row = |row: usize| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3);
    let rows: Vec<String> = (0..rows).map(row).collect();
    Box::leak(format!("INSERT INTO plain (idx, hash, entry) VALUES {}", rows.join(", ")).into_boxed_str())
}

fn values(numbers: std::ops::Range<u64>) -> Vec<Value> {
    let row = |index: u64| [i64::try_from(index).unwrap().into(), vec![0; 32].into(), entry(index).into()];
    numbers.flat_map(row).collect()
}

/// Entries a second into SQLite, in groups of that size: chained, and the same rows without a chain.
fn sqlite(runtime: &Runtime, group: u64, groups: u64) -> (Vec<f64>, Vec<f64>) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir_in(".").unwrap();
        let address = Address::Sqlite(folder.path().join("chained.db"));
        ours.push(runtime.block_on(async {
            let mut writer = Writer::open(&address, signer(), Duration::ZERO, Utc::now()).await.unwrap();
            let began = Instant::now();
            for number in 0..groups {
                let entries = (number * group..(number + 1) * group).map(entry).collect();
                writer.append(&[Append { entries, ..Append::default() }], Utc::now()).await.unwrap();
            }
            (groups * group) as f64 / began.elapsed().as_secs_f64()
        }));
        let address = Address::Sqlite(folder.path().join("plain.db"));
        theirs.push(runtime.block_on(async {
            let mut session = Session::open(&address, true).await.unwrap();
            let table = "CREATE TABLE plain (idx INTEGER PRIMARY KEY, hash BLOB NOT NULL, entry BLOB NOT NULL)";
            session.run(table, &[]).await.unwrap();
            let rows = group.min(64);
            let (many, one) = (insertion(usize::try_from(rows).unwrap()), insertion(1));
            let began = Instant::now();
            for number in 0..groups {
                session.begin().await.unwrap();
                let (mut at, to) = (number * group, (number + 1) * group);
                while at < to {
                    let (sql, step) = if to - at >= rows { (many, rows) } else { (one, 1) };
                    session.run(sql, &values(at..at + step)).await.unwrap();
                    at += step;
                }
                session.commit().await.unwrap();
            }
            (groups * group) as f64 / began.elapsed().as_secs_f64()
        }));
    }
    (ours, theirs)
}

/// A table of PostgreSQL into which nothing chains.
async fn plain(address: &Address) {
    let mut session = Session::open(address, false).await.unwrap();
    let table =
        "CREATE TABLE IF NOT EXISTS plain (idx BIGSERIAL PRIMARY KEY, hash BYTEA NOT NULL, entry BYTEA NOT NULL)";
    session.run(table, &[]).await.unwrap();
}

/// Entries a second into PostgreSQL from so many clients, and the 99th percentile of the wait for a checkpoint.
fn postgres(runtime: &Runtime, address: &Address, clients: u64, each: u64) -> (Vec<f64>, Vec<f64>, Duration) {
    let (mut ours, mut theirs, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (rate, waited) = runtime.block_on(async {
            let writer = Writer::open(address, signer(), Duration::ZERO, Utc::now()).await.unwrap();
            let (sequencer, running) = Sequencer::start(writer, Utc::now);
            let began = Instant::now();
            let tasks: Vec<_> = (0..clients)
                .map(|client| {
                    let sequencer = sequencer.clone();
                    tokio::spawn(async move {
                        let mut waits = Vec::new();
                        for number in 0..each {
                            let append = Append { entries: vec![entry(client * each + number)], ..Append::default() };
                            let asked = Instant::now();
                            sequencer.append(append).await.unwrap();
                            waits.push(asked.elapsed());
                        }
                        waits
                    })
                })
                .collect();
            drop(sequencer);
            let mut waited = Vec::new();
            for task in tasks {
                waited.extend(task.await.unwrap());
            }
            let rate = (clients * each) as f64 / began.elapsed().as_secs_f64();
            running.finished().await.unwrap();
            (rate, waited)
        });
        ours.push(rate);
        waits.extend(waited);
        theirs.push(runtime.block_on(async {
            plain(address).await;
            let mut sessions = Vec::new();
            for _ in 0..clients {
                sessions.push(Session::open(address, false).await.unwrap());
            }
            let began = Instant::now();
            let tasks: Vec<_> = sessions
                .into_iter()
                .map(|mut session| {
                    tokio::spawn(async move {
                        for number in 0..each {
                            let values = [vec![0; 32].into(), entry(number).into()];
                            let sql = "INSERT INTO plain (hash, entry) VALUES ($1, $2)";
                            session.run(sql, &values).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            (clients * each) as f64 / began.elapsed().as_secs_f64()
        }));
    }
    waits.sort_unstable();
    (ours, theirs, waits[waits.len() * 99 / 100])
}

/// A log in memory, whose entries follow from their numbers.
struct Memory {
    /// The hashes of each level of tiles.
    rows: Vec<Vec<u8>>,
    bundles: Vec<Vec<u8>>,
    size: u64,
}

impl Memory {
    fn of(size: u64, bundles: bool) -> (Self, Checkpoint, Edge) {
        let mut edge = Edge::default();
        let mut rows = vec![Vec::new(); 8];
        for index in 0..size {
            edge.append(tree::leaf(&entry(index)), |level, _, hash| {
                if level % 8 == 0 {
                    rows[level as usize / 8].extend_from_slice(&hash.0);
                }
            });
        }
        let mut log = Self { rows, bundles: Vec::new(), size };
        if bundles {
            log.bundles = (0..size.div_ceil(256)).map(|number| log.bundle(number)).collect();
        }
        let checkpoint = Checkpoint { origin: "log".to_owned(), size, root: edge.root(), extension: Vec::new() };
        (log, checkpoint, edge)
    }

    fn bundle(&self, number: u64) -> Vec<u8> {
        let all: Vec<Vec<u8>> = (number * 256..((number + 1) * 256).min(self.size)).map(entry).collect();
        tile::bundle(all.iter().map(Vec::as_slice)).unwrap()
    }
}

impl Tiles for Memory {
    type Error = Infallible;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Infallible> {
        let number = usize::try_from(tile.number).unwrap();
        let width = usize::try_from(tile.width).unwrap();
        Ok(match tile.level {
            None if self.bundles.is_empty() => self.bundle(tile.number),
            None => self.bundles[number].clone(),
            Some(level) => {
                let from = number * 256 * 32;
                self.rows[usize::from(level)][from..from + width * 32].to_vec()
            }
        })
    }

    fn read_into(&mut self, tile: Tile, into: &mut Vec<u8>) -> Result<(), Infallible> {
        match self.bundles.get(usize::try_from(tile.number).unwrap()).filter(|_| tile.level.is_none()) {
            // As a file is read: once, into memory that is there.
            Some(bundle) => {
                into.clear();
                into.extend_from_slice(bundle);
            }
            None => *into = self.read(tile)?,
        }
        Ok(())
    }
}

/// Entries a second that are verified, and for which SHA-256 alone is taken of the same leaves and nodes.
fn verification(size: u64) -> (Vec<f64>, Vec<f64>) {
    let (mut log, checkpoint, _) = Memory::of(size, true);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        verify::all(&mut log, &checkpoint, &mut |_| {}).unwrap();
        ours.push(size as f64 / began.elapsed().as_secs_f64());

        let mut leaf = vec![0; LENGTH + 1];
        let node = [1_u8; 65];
        let mut sum = 0_u8;
        let began = Instant::now();
        for index in 0..size {
            leaf[1..9].copy_from_slice(&index.to_be_bytes());
            sum ^= Sha256::digest(&leaf)[0];
            sum ^= Sha256::digest(node)[0];
        }
        theirs.push(size as f64 / began.elapsed().as_secs_f64());
        std::hint::black_box(sum);
    }
    (ours, theirs)
}

/// How long 1,000 new entries after so many take.
fn continuation(size: u64) -> Duration {
    let (mut log, now, _) = Memory::of(size + 1_000, false);
    let mut edge = Edge::default();
    for hash in log.rows[0].as_chunks::<32>().0.iter().take(usize::try_from(size).unwrap()) {
        edge.append(Hash(*hash), |_, _, _| {});
    }
    let old = Checkpoint { size, root: edge.root(), ..now.clone() };
    let times = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        verify::since(&mut log, &old, &now, &mut |_| {}).unwrap();
        began.elapsed().as_secs_f64()
    });
    Duration::from_secs_f64(median(&times.collect::<Vec<_>>()))
}

/// Appends so many entries to a file of SQLite, one after another, each awaited: what one client does.
fn one_client(path: &str, entries: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = Address::Sqlite(path.into());
        let mut writer = Writer::open(&address, signer(), Duration::ZERO, Utc::now()).await.unwrap();
        for number in 0..entries {
            let one = Append { entries: vec![entry(number)], ..Append::default() };
            writer.append(&[one], Utc::now()).await.unwrap();
        }
        writer.close().await.unwrap();
    });
}

/// How many times one client's disk is waited for; `None` where that cannot be counted.
fn synced(entries: u64) -> Option<u64> {
    let folder = tempfile::tempdir_in(".").unwrap();
    let (counts, database) = (folder.path().join("counts"), folder.path().join("one.db"));
    let mut traced = std::process::Command::new("strace");
    traced.args(["-f", "-qq", "-c", "-e", "trace=fdatasync,fsync", "-o"]).arg(&counts);
    traced.arg(std::env::current_exe().unwrap()).arg("one-client").arg(database).arg(entries.to_string());
    traced.status().ok().filter(std::process::ExitStatus::success)?;
    let text = std::fs::read_to_string(counts).unwrap();
    // % time, seconds, microseconds a call, calls, and the call's name last.
    let calls = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let syncs = matches!(words.last(), Some(&("fdatasync" | "fsync")));
        syncs.then(|| words[3].parse::<u64>().unwrap())
    };
    Some(text.lines().filter_map(calls).sum())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [word, path, entries] = &arguments[..]
        && word == "one-client"
    {
        return one_client(path, entries.parse().unwrap());
    }
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!(
        "| measure | ours | beside | unit | ratio | fastest rounds | goal |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    if wanted("sqlite") {
        for (group, groups) in [(1, 500), (100, 200), (1_000, 40)] {
            let (ours, theirs) = sqlite(&runtime, group, groups);
            let goal = if group == 1 { "none" } else { "at least 0.8" };
            line(&format!("SQLite, durable, groups of {group}"), &ours, &theirs, "entries/s", goal);
        }
        match (synced(100), synced(1_100)) {
            (Some(few), Some(many)) => println!(
                "| SQLite, one client, entries for each wait for the disk | {:.2} | | | | | at least 0.9 |",
                1_000.0 / (many - few) as f64
            ),
            _ => println!("| SQLite, waits for the disk | skipped: strace is not here | | | | | |"),
        }
    }
    if wanted("postgres") {
        match std::env::var("TEST_POSTGRES") {
            Ok(url) => {
                let address = Address::Postgres(url);
                for (clients, each) in [(1, 300), (8, 200), (32, 200)] {
                    let (ours, theirs, wait) = postgres(&runtime, &address, clients, each);
                    let goal = if clients == 32 { "at least 0.5" } else { "none" };
                    line(&format!("PostgreSQL, durable, {clients} clients"), &ours, &theirs, "entries/s", goal);
                    println!(
                        "| accepted to covered, p99, {clients} clients | {} ms | | | | | at most 250 ms |",
                        wait.as_millis()
                    );
                }
            }
            Err(_) => println!("| PostgreSQL | skipped: run `tests/postgres cargo bench --bench record` | | | | | |"),
        }
    }
    if wanted("verify") {
        let (ours, theirs) = verification(1_000_000);
        line("verify 1,000,000 entries of 600 bytes, beside SHA-256", &ours, &theirs, "entries/s", "at least 0.8");
        let took = continuation(10_000_000);
        println!(
            "| verify 1,000 new entries after 10,000,000 | {:.1} ms | | | | | at most 10 ms |",
            took.as_secs_f64() * 1e3
        );
    }
}
