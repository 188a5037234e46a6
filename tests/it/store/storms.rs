//! F13 to F15: servers of PostgreSQL that fail over, transactions that the server undoes in a storm, and a whole process
//! that is stopped for longer than its lease.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign::store::address::Address;
use countersign::store::fault::Fault;
use countersign::store::reader::{Blocking, Reader};
use countersign::store::session::Session;
use countersign::store::signatory::Signatory;
use countersign::store::writer::{Append, Once, Writer};

use super::fencing::{decision, stream};
use super::workload::{decide, instant, whole, world};
use super::{Database, append, now, runtime, signer};

#[test]
fn f14_a_storm_of_transactions_that_the_server_undoes_ends_with_everything_there_once() {
    const WRITERS: u64 = 6;
    const EACH: u64 = 20;
    let Some(database) = Database::postgres() else { return };
    database.append(0, 1);
    // Whoever did not see the newest commit is undone, rather than let wait.
    database.tamper(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', \
         current_database()); END $$",
    );
    let undone = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (address, undone) = (&database.address, &undone);
            scope.spawn(move || {
                runtime().block_on(async {
                    let mut open = None;
                    for number in 0..EACH {
                        let key = format!("{writer} {number}");
                        let one = Append { once: Some(Once { key, digest: [1; 32] }), ..append(number) };
                        loop {
                            let mut writer = match open.take() {
                                Some(writer) => writer,
                                None => match Writer::open(address, signer(), Duration::ZERO, now()).await {
                                    Ok(writer) => writer,
                                    Err(fault) => {
                                        assert!(fault.to_string().contains("could not serialize"), "{fault}");
                                        continue;
                                    }
                                },
                            };
                            match writer.append(std::slice::from_ref(&one), now()).await {
                                Ok(done) => {
                                    done[0].as_ref().unwrap();
                                    open = Some(writer);
                                    break;
                                }
                                Err(fault) => {
                                    // It was tried so often as it is tried, and is told.
                                    assert!(fault.to_string().contains("could not serialize"), "{fault}");
                                    undone.fetch_add(1, Ordering::SeqCst);
                                }
                            }
                        }
                    }
                });
            });
        }
    });
    assert_eq!(database.verify().unwrap().size, 1 + WRITERS * EACH);
    eprintln!("{} appends were given up after five tries, and asked for again", undone.into_inner());
}

/// Waits for something to come about.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn f15_a_process_that_is_stopped_for_longer_than_its_lease_decides_nothing_when_it_goes_on() {
    let Some(database) = Database::postgres() else { return };
    let Address::Postgres(url) = &database.address else { return };
    let world = world();
    let arguments = |second| {
        let on = |word: String| if word.starts_with("sqlite:") { url.clone() } else { word };
        decide(second).into_iter().map(on).collect::<Vec<_>>()
    };
    let said = world.command().args(arguments(0)).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    // It waits for the head of the log, with its lease, and is stopped there.
    let mut holds = database.runtime.block_on(async {
        let mut session = Session::open(&database.address, false).await.unwrap();
        session.begin().await.unwrap();
        session.row("SELECT size FROM log_head WHERE id = 1 FOR UPDATE", &[]).await.unwrap().unwrap();
        session
    });
    let mut command = world.command();
    command.args(arguments(60)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let stopped = command.spawn().unwrap();
    let signal = |word: &str| {
        let done = Command::new("kill").args([word, &stopped.id().to_string()]).status().unwrap();
        assert!(done.success());
    };
    until("it waits", || {
        let waits = "SELECT COUNT(*)::bigint FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        database.runtime.block_on(async {
            // A transaction sees the activity as it was when it first looked, unless it says otherwise.
            holds.row("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
            holds.row(waits, &[]).await.unwrap().unwrap().int(0).unwrap() > 0
        })
    });
    signal("-STOP");
    database.runtime.block_on(async { holds.roll_back().await.unwrap() });
    std::thread::sleep(countersign::store::replica::LEASE + Duration::from_secs(1));
    let other = world.command().args(arguments(120)).output().unwrap();
    assert_eq!(other.status.code(), Some(0), "{}", String::from_utf8_lossy(&other.stderr));
    signal("-CONT");
    let output = stopped.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(3), 0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(whole(&world, url), [instant(0), instant(120)]);
    let said = world.run(&["log", "verify", "--database", url, "--log-key", "log.pub"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// Two servers, the second a standby of the first.
struct Replicas {
    _script: Child,
    words: ChildStdin,
    said: BufReader<ChildStdout>,
    urls: [String; 2],
}

impl Replicas {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/replicas");
        let mut script = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (words, out) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let mut said = BufReader::new(out);
        let mut line = || {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            assert!(line.starts_with("postgres://"), "{line}");
            line.trim().to_owned()
        };
        let urls = [line(), line()];
        Self { _script: script, words, said, urls }
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.words, "{word}").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n", "{word}");
    }
}

#[test]
fn f13_what_was_acknowledged_survives_a_failover_and_the_old_primary_decides_nothing_when_it_returns() {
    if std::env::var_os("TEST_POSTGRES").is_none() {
        eprintln!("skipped: PostgreSQL is not there; run `tests/postgres cargo test`");
        return;
    }
    let mut replicas = Replicas::start();
    let [old, new] = replicas.urls.clone().map(Address::Postgres);
    let folder = tempfile::tempdir().unwrap();
    let remembers = || Signatory::from(signer()).remembering(Some(folder.path().join("mark")));
    let runtime = runtime();
    let (mut acknowledged, mut decided) = (0, 0);
    let cut = runtime.block_on(async {
        let mut writer = Writer::open(&old, remembers(), Duration::ZERO, now()).await.unwrap();
        // It is killed while it is written to.
        let mut killed = false;
        loop {
            let batch = [append(acknowledged), decision("1.0", decided, &[], None)];
            match tokio::time::timeout(Duration::from_secs(20), writer.append(&batch, now())).await.unwrap() {
                Ok(done) => {
                    assert!(done.iter().all(Result::is_ok), "{done:?}");
                    (acknowledged, decided) = (acknowledged + 2, decided + 1);
                }
                Err(fault) => break (fault, writer),
            }
            if acknowledged == 40 && !killed {
                killed = true;
                replicas.tell("kill");
            }
        }
    });
    let (fault, mut left) = cut;
    assert!(matches!(fault, Fault::Postgres(_) | Fault::Uncertain), "{fault}");
    replicas.tell("promote");
    let size = runtime.block_on(async {
        let mut writer = Writer::open(&new, remembers(), Duration::ZERO, now()).await.unwrap();
        let stands = writer.stands(&stream("1.0")).await.unwrap();
        // The one that nobody heard of may be there, and nothing else.
        assert!((decided..=decided + 1).contains(&stands.version), "{} of {decided}", stands.version);
        let next = [decision("1.0", stands.version, &[], None)];
        writer.append(&next, now()).await.unwrap()[0].as_ref().unwrap();
        writer.size().await.unwrap()
    });
    assert!(size > acknowledged, "{size} of {acknowledged} that were acknowledged");
    // The old one is back, and believes itself the primary. It lacks what was signed since.
    replicas.tell("return");
    runtime.block_on(async {
        let late = async { left.append(&[decision("1.0", decided, &[], None)], now()).await };
        let late = tokio::time::timeout(Duration::from_secs(8), late).await;
        assert!(!matches!(&late, Ok(Ok(_))), "nothing is acknowledged that no standby has: {late:?}");
        let opened =
            tokio::time::timeout(Duration::from_secs(8), Writer::open(&old, remembers(), Duration::ZERO, now()));
        if let Ok(Ok(mut writer)) = opened.await {
            let next = [decision("1.0", decided, &[], None)];
            let done = tokio::time::timeout(Duration::from_secs(8), writer.append(&next, now())).await;
            assert!(!matches!(&done, Ok(Ok(_))), "{done:?}");
        }
    });
    let mut reader = runtime.block_on(Reader::open(&new)).unwrap();
    let head = runtime.block_on(reader.head()).unwrap();
    let checkpoint = countersign::log::checkpoint::Checkpoint::open(&head.checkpoint, signer().verifier()).unwrap().0;
    let mut tiles = Blocking { runtime: &runtime, reader: &mut reader };
    let sound = countersign::log::verify::all(&mut tiles, &checkpoint, &mut |_| {}).unwrap();
    assert_eq!(sound.size, size);
}

#[test]
fn f14_replicas_that_are_undone_by_deadlocks_begin_anew_and_nothing_is_lost() {
    const EACH: u64 = 25;
    let Some(database) = Database::postgres() else { return };
    let Address::Postgres(url) = &database.address else { return };
    database.append(0, 1);
    // Everybody who writes takes the head of the log first, so replicas alone wait for each other and no more. Somebody
    // who takes a row that they need, and then the head, is what makes a deadlock; the replicas look for one first, so
    // that it is they who are undone.
    let hasty = Address::Postgres(format!("{url}?options=-c%20deadlock_timeout%3D150ms"));
    let releases = ["1.0", "2.0"];
    let deciding = AtomicU32::new(2);
    let provoked = std::thread::scope(|scope| {
        for release in releases {
            let (hasty, deciding) = (&hasty, &deciding);
            scope.spawn(move || {
                runtime().block_on(async {
                    let mut writer = Writer::open(hasty, signer(), Duration::ZERO, now()).await.unwrap();
                    for number in 0..EACH {
                        let stands = writer.stands(&stream(release)).await.unwrap();
                        assert_eq!(stands.version, number);
                        let effect = format!("{release} {number}");
                        let next = decision(release, number, &[(&effect, "forge")], Some(1));
                        writer.append(&[next], now()).await.unwrap()[0].as_ref().unwrap();
                    }
                    writer.close().await.unwrap();
                });
                deciding.fetch_sub(1, Ordering::SeqCst);
            });
        }
        let waits = "SELECT COUNT(*)::bigint FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock' AND query LIKE '%stream%'";
        runtime().block_on(async {
            let mut other = Session::open(&database.address, false).await.unwrap();
            let (mut provoked, mut round) = (0, 0);
            while deciding.load(Ordering::SeqCst) > 0 {
                round += 1;
                let name = stream(releases[round % 2]).to_string();
                other.begin().await.unwrap();
                let row = "SELECT version FROM stream WHERE name = $1 FOR UPDATE";
                if other.row(row, &[name.as_str().into()]).await.unwrap().is_some() {
                    for _ in 0..40 {
                        other.row("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
                        if other.row(waits, &[]).await.unwrap().unwrap().int(0).unwrap() > 0 {
                            let head = "SELECT size FROM log_head WHERE id = 1 FOR UPDATE";
                            match other.row(head, &[]).await {
                                // Who waited across has let go of the head, and that only by being undone.
                                Ok(_) => provoked += 1,
                                Err(fault) => assert!(fault.to_string().contains("deadlock detected"), "{fault}"),
                            }
                            break;
                        }
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                other.roll_back().await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other.close().await.unwrap();
            provoked
        })
    });
    let mut found = 0;
    until("the server counts its deadlocks", || {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        found = database.runtime.block_on(async {
            let mut session = Session::open(&database.address, false).await.unwrap();
            session.row(sql, &[]).await.unwrap().unwrap().int(0).unwrap()
        });
        found > 0
    });
    eprintln!("{provoked} times a replica was undone, of {found} deadlocks that the server counted");
    assert!(provoked > 0);
    assert_eq!(database.verify().unwrap().size, 1 + 2 * 2 * EACH);
    let mut writer = database.writer();
    for release in releases {
        assert_eq!(database.runtime.block_on(writer.stands(&stream(release))).unwrap().version, EACH);
    }
}
