//! F01 to F03: killed at every call that touches a file, each such call failing, and killed at random. What was
//! acknowledged is there, what was not is there whole or not at all, and the log verifies.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use countersign::store::stands::Table;

use super::workload::{DATABASE, append, checkpoint, counted, decide, instant, verified, whole, world};
use crate::support::run::World;

fn run(world: &World, arguments: &[String]) -> Output {
    world.command().args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The number of the entry that was acknowledged, if one was.
fn acknowledged(output: &Output) -> Option<u64> {
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.strip_prefix("entry ")?.split([' ', '\n']).next()?.parse().ok();
    number.filter(|_| text.ends_with('\n'))
}

/// What SQLite keeps beside the database goes with it.
fn copied(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The calls by which an append changes files, or what it says. Between two of them nothing on the disk differs.
const CALLS: &str = "openat,write,pwrite64,writev,fdatasync,fsync,ftruncate,fallocate,unlink,rename,flock";

/// Whether calls can be counted and failed here.
pub(super) fn strace() -> bool {
    let here = Command::new("strace").arg("--version").output().is_ok();
    if !here {
        assert!(std::env::var_os("TEST_WHOLE").is_none(), "strace is not here");
        eprintln!("skipped: strace is not here");
    }
    here
}

/// A record with three entries, and its checkpoint kept.
fn begun() -> (World, String) {
    let ready = world();
    for number in 0..3 {
        assert!(acknowledged(&run(&ready, &append(&format!("before {number}")))).is_some());
    }
    let kept = checkpoint(&ready);
    (ready, kept)
}

#[test]
fn f01_f02_f03_at_every_call_that_touches_a_file() {
    if !strace() {
        return;
    }
    let (ready, kept) = begun();
    let mut tried = BTreeMap::new();
    // Calls are counted in each thread, so those of the database are gone through alone as well.
    for (fault, files) in [("signal=KILL", false), ("signal=KILL", true), ("error=EIO", true), ("error=ENOSPC", true)] {
        // What only opens is not failed, only killed at: a program that cannot load its libraries says nothing of ours.
        let calls =
            if fault == "signal=KILL" { CALLS } else { "write,pwrite64,fdatasync,fsync,ftruncate,fallocate,unlink" };
        // Past the last one nothing is injected any more.
        for when in 1.. {
            let world = World::new();
            copied(ready.path(), world.path());
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "strace.log", "-e", &format!("trace={calls}")]);
            command.arg("-e").arg(format!("inject={calls}:{fault}:when={when}"));
            if files {
                // It is the disk that fails, not the pipe by which one thread wakes another.
                for name in ["record.db", "record.db-wal", "record.db-shm", "record.db-writer"] {
                    command.arg("-P").arg(world.path().join(name));
                }
            }
            command.arg(env!("CARGO_BIN_EXE_countersign")).args(append("this one"));
            let output = command.current_dir(world.path()).env_clear().stdin(Stdio::null()).output().unwrap();
            let log = world.read("strace.log");
            let injected = log.contains("INJECTED") || log.contains("killed by SIGKILL");
            let number = acknowledged(&output);
            assert!(number.is_none_or(|number| number == 3), "{fault} {when}");
            let held = verified(&world, Some(&kept), &format!("{fault} {when}"));
            let there = held == 4;
            assert!(there || held == 3, "{held}");
            assert!(number.is_none() || there, "{fault} {when}: acknowledged, and not there\n{log}");
            // Asked again, it is there once.
            let again = run(&world, &append("this one"));
            assert_eq!(acknowledged(&again), Some(3), "{fault} {when}: {}", String::from_utf8_lossy(&again.stderr));
            let said = String::from_utf8_lossy(&again.stdout).into_owned();
            assert_eq!(said.contains("already"), there, "{fault} {when}");
            assert_eq!(verified(&world, None, "asked again"), 4);
            *tried.entry((fault, files, injected)).or_insert(0) += 1;
            if !injected {
                break;
            }
        }
    }
    eprintln!("calls at which it was stopped or failed: {tried:?}");
    assert!(tried[&("signal=KILL", true, true)] > 15 && tried[&("error=EIO", true, true)] > 10, "{tried:?}");
}

/// What was done to a command at a call, and what it said.
fn interfered(world: &World, arguments: &[String], calls: &str, how: &str, files: bool) -> (Output, bool) {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "strace.log", "-e", &format!("trace={calls}")]);
    command.arg("-e").arg(format!("inject={calls}:{how}"));
    if files {
        // It is the disk that fails, not the pipe by which one thread wakes another.
        for name in ["record.db", "record.db-wal", "record.db-shm", "record.db-writer"] {
            command.arg("-P").arg(world.path().join(name));
        }
    }
    command.arg(env!("CARGO_BIN_EXE_countersign")).args(arguments);
    let output = command.current_dir(world.path()).env_clear().stdin(Stdio::null()).output().unwrap();
    let log = world.read("strace.log");
    (output, log.contains("INJECTED") || log.contains("killed by SIGKILL"))
}

#[test]
fn f01_f02_f03_a_decision_is_there_with_all_that_follows_from_it_or_not_at_all_at_every_call() {
    if !strace() {
        return;
    }
    let ready = world();
    assert!(acknowledged(&run(&ready, &append("before"))).is_some());
    let kept = checkpoint(&ready);
    let policy = ready.read(".countersign/policy.yml");
    let fail = |fault: &'static str| {
        let mut tried = BTreeMap::new();
        let calls =
            if fault == "signal=KILL" { CALLS } else { "write,pwrite64,fdatasync,fsync,ftruncate,fallocate,unlink" };
        for when in 1.. {
            let world = World::with_policy(&policy);
            copied(ready.path(), world.path());
            let (output, injected) = interfered(&world, &decide(0), calls, &format!("{fault}:when={when}"), true);
            let told = !output.stdout.is_empty();
            let size = verified(&world, Some(&kept), &format!("{fault} {when}"));
            let nothing = size == 1;
            if nothing {
                assert_eq!(counted(&world, DATABASE, Table::Outbox), 0, "{fault} {when}");
            } else {
                assert_eq!(size, 10, "{fault} {when}");
                assert_eq!(whole(&world, DATABASE), [instant(0)], "{fault} {when}");
            }
            assert!(!told || !nothing, "{fault} {when}: told, and not in the record");
            let again = run(&world, &decide(0));
            assert_eq!(again.status.code(), Some(0), "{fault} {when}: {}", String::from_utf8_lossy(&again.stderr));
            assert_eq!(verified(&world, None, "asked again"), 10, "{fault} {when}: once, however often");
            *tried.entry((fault, injected, nothing, told)).or_insert(0) += 1;
            if !injected {
                break;
            }
        }
        tried
    };
    let tried: BTreeMap<_, i32> = std::thread::scope(|scope| {
        let failing = ["signal=KILL", "error=EIO", "error=ENOSPC"].map(|fault| scope.spawn(move || fail(fault)));
        failing.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    eprintln!("what failed, whether it did, nothing was decided, it was told: {tried:?}");
    assert!(tried[&("signal=KILL", true, true, false)] > 15, "{tried:?}");
}

#[test]
fn f01_at_every_call_by_which_bytes_are_let_go_that_lie_in_a_folder() {
    if !strace() {
        return;
    }
    let ready = world();
    ready.write("settings.yml", "version: 1\ndefault: 1d\n");
    let (t0, later) = ("2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z");
    let logged = ["--database", DATABASE, "--log-key", "log.key", "--now"];
    let said = ready.run(&[&["log", "retention", "set", "settings.yml"], &logged[..], &[t0]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let mut chance = crate::second::chance::Chance::new(9);
    let large: Vec<u8> = (0..400_000).map(|_| u8::try_from(chance.between(0, 255)).unwrap()).collect();
    ready.write("large", &large);
    let kept = ["--evidence-folder", "evidence", "--attach", "large", "entry.json"];
    let said = ready.run(&[&["log", "append"], &logged[..], &[t0], &kept].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let digest = countersign::log::receipt::sha256(&large);
    let file = format!("evidence/{}/{digest}", &digest[..2]);
    let expire: Vec<&str> =
        [&["log", "retention", "expire", "--evidence-folder", "evidence"], &logged[..], &[later]].concat();
    let mut tried = BTreeMap::new();
    for when in 1.. {
        let world = World::new();
        copied(ready.path(), world.path());
        world.write(&file, fs::read(ready.path().join(&file)).unwrap());
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "strace.log", "-e", &format!("trace={CALLS}")]);
        command.arg("-e").arg(format!("inject={CALLS}:signal=KILL:when={when}"));
        for name in ["record.db", "record.db-wal", &file, &format!("evidence/{}", &digest[..2])] {
            command.arg("-P").arg(world.path().join(name));
        }
        command.arg(env!("CARGO_BIN_EXE_countersign")).args(&expire);
        let output = command.current_dir(world.path()).env_clear().stdin(Stdio::null()).output().unwrap();
        let killed = world.read("strace.log").contains("killed by SIGKILL");
        let there = world.path().join(&file).exists();
        let recorded = verified(&world, None, "let go") == 3;
        assert!(recorded || there, "{when}: bytes went before the log said so");
        assert!(killed || (recorded && !there), "{when}: {}", String::from_utf8_lossy(&output.stderr));
        // Whoever lets go next finishes what was begun.
        let said = world.run(&expire);
        assert_eq!(said.code, 0, "{when}: {}", said.err);
        assert_eq!(said.out.contains("1 gone"), !recorded, "{when}: {}", said.out);
        assert!(!world.path().join(&file).exists(), "{when}: it was left");
        assert_eq!(verified(&world, None, "let go again"), 3, "{when}");
        *tried.entry((killed, recorded, there)).or_insert(0) += 1;
        if !killed {
            break;
        }
    }
    eprintln!("killed, recorded, still there: {tried:?}");
    assert!(tried[&(true, false, true)] > 5 && tried[&(true, true, true)] > 3, "{tried:?}");
}

#[test]
fn f22_a_migration_that_was_killed_at_any_call_is_taken_up_and_the_log_stays_as_it_was() {
    if !strace() {
        return;
    }
    let (ready, kept) = begun();
    super::migrations::to_the_first_step(&ready.path().join("record.db"));
    let old = run(&ready, &append("too early"));
    let told = String::from_utf8_lossy(&old.stderr).into_owned();
    assert!(old.status.code() == Some(3) && told.contains("run `countersign db migrate`"), "{told}");
    let migrate: Vec<String> = ["db", "migrate", "--database", DATABASE].map(str::to_owned).into();
    let mut tried = BTreeMap::new();
    for when in 1.. {
        let world = World::new();
        copied(ready.path(), world.path());
        let (_, killed) = interfered(&world, &migrate, CALLS, &format!("signal=KILL:when={when}"), true);
        let status = world.run(&["db", "status", "--database", DATABASE]).out;
        let said = run(&world, &migrate);
        assert_eq!(said.status.code(), Some(0), "{when}: {}", String::from_utf8_lossy(&said.stderr));
        assert_eq!(verified(&world, Some(&kept), "migrated"), 3, "{when}");
        assert_eq!(acknowledged(&run(&world, &append("afterwards"))), Some(3), "{when}");
        *tried.entry((killed, status)).or_insert(0) += 1;
        if !killed {
            break;
        }
    }
    eprintln!("killed, and how far it had come: {tried:?}");
    assert!(tried.len() >= 4, "{tried:?}");
}

/// Commands that are killed at random, one after another upon one record. What comes back is how many had answered, and
/// how many of those had decided.
fn killed(kills: u32, mut seed: u64) -> (usize, usize) {
    let world = world();
    let mut acked: Vec<(String, u64)> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    let mut kept: Option<String> = None;
    for number in 0..kills {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let key = format!("kill {number}");
        let decides = number % 4 == 3;
        let mut command = world.command();
        command
            .args(if decides { decide(number) } else { append(&key) })
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A decision takes longer.
        std::thread::sleep(Duration::from_micros(seed % if decides { 150_000 } else { 60_000 }));
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        if let Some(index) = acknowledged(&output) {
            acked.push((key, index));
        }
        if decides && output.stdout.starts_with(b"PROCEED") {
            told.push(instant(number));
        }
        if number % 100 == 99
            && world.path().join("record.db").exists()
            && world.run(&["log", "checkpoint", "--database", DATABASE]).code == 0
        {
            verified(&world, kept.as_deref(), &format!("after {number}"));
            whole(&world, DATABASE);
            kept = Some(checkpoint(&world));
        }
    }
    assert!(!acked.is_empty());
    verified(&world, None, "in the end");
    let mut last = None;
    for (key, index) in &acked {
        assert!(last < Some(*index), "{key}: acknowledged out of order");
        last = Some(*index);
    }
    for (key, index) in acked.iter().step_by(acked.len() / 20 + 1) {
        let again = run(&world, &append(key));
        let said = String::from_utf8_lossy(&again.stdout).into_owned();
        assert_eq!(said, format!("entry {index} (it was there already)\n"), "{key}");
    }
    let decided = whole(&world, DATABASE);
    assert!(!told.is_empty());
    for instant in &told {
        assert!(decided.contains(instant), "what was decided for {instant} was told, and is not in the record");
    }
    (acked.len() + told.len(), told.len())
}

#[test]
fn f01_killed_at_random() {
    let kills: u32 = std::env::var("CRASH_KILLS").map_or(1_000, |kills| kills.parse().unwrap());
    // Generators with seeds, so that a failure can be run again; two records at once, because one mostly waits.
    let seeds = [0x9e37_79b9_7f4a_7c15_u64, 0xd1b5_4a32_d192_ed03];
    let done = std::thread::scope(|scope| {
        let running = seeds.map(|seed| scope.spawn(move || killed(kills / 2, seed)));
        running.map(|thread| thread.join().unwrap())
    });
    let [(one, first), (other, second)] = done;
    let (answered, decisions) = (one + other, first + second);
    eprintln!("{kills} kills, {answered} of them after the answer ({decisions} decisions), none of those lost");
}
