//! `db status` of a record that is behind: migrations that are to run, entries that no checkpoint covers, effects that wait
//! and were given up, decisions and obligations whose time has come.

use countersign::store::address::Address;
use countersign::store::migrations;
use countersign::store::session::Session;

use super::log::{fed, good, lines};
use crate::store::workload::{DATABASE, decide, world};
use crate::support::run::World;

/// Runs one statement in the database, past everything of ours.
fn tampered(world: &World, sql: &'static str) {
    let address = Address::Sqlite(world.path().join("record.db"));
    crate::store::runtime().block_on(async {
        let mut session = Session::open(&address, false).await.unwrap();
        assert_eq!(session.run(sql, &[]).await.unwrap(), 1, "{sql}");
        session.close().await.unwrap();
    });
}

fn status<'w>(world: &'w World, more: &[&'w str]) -> (i32, String) {
    let said = world.run(&[&["db", "status", "--database", DATABASE], more].concat());
    (said.code, said.out)
}

#[test]
fn a_record_says_what_waits_in_it_and_what_is_overdue() {
    let world = world();
    let said = world.command().args(decide(0)).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    let (code, said) = status(&world, &["--now", "2026-11-23T08:59:00Z"]);
    let of = said.lines().filter(|line| !line.starts_with("migration")).skip(2).collect::<Vec<_>>();
    // Whoever has just ended holds his lease a little longer.
    let expected = [
        "cosigned by witnesses: 0 of 9 entries",
        "may write now: 1 processes",
        "to leave: 2 effects, 0 of them due; 0 given up",
        "to be decided again: 0 releases",
        "owed: 3 obligations, 0 of them overdue",
    ];
    assert_eq!((code, of), (0, expected.to_vec()), "{said}");
    let (_, later) = status(&world, &["--now", "2030-01-01T00:00:00Z"]);
    assert!(later.contains("to leave: 2 effects, 2 of them due; 0 given up"), "{later}");
    assert!(later.contains("to be decided again: 1 releases"), "{later}");
    assert!(later.contains("owed: 3 obligations, 1 of them overdue"), "{later}");
    good(
        &world,
        &["db", "outbox", "send", "--database", DATABASE, "--log-key", "log.key", "--", "sh", "-c", "exit 65"],
    );
    let (_, dead) = status(&world, &[]);
    assert!(dead.contains("to leave: 0 effects, 0 of them due; 2 given up"), "{dead}");
}

#[test]
fn a_head_that_does_not_cover_the_entries_is_told_as_damage() {
    let world = world();
    let append = ["log", "append", "--database", DATABASE, "--log-key", "log.key", "--lines"];
    assert_eq!(fed(&world, &append, &lines(0..5)).code, 0);
    assert_eq!(status(&world, &[]).0, 0);
    tampered(&world, "INSERT INTO log_entry (idx, hash, entry) SELECT 5, hash, entry FROM log_entry WHERE idx = 4");
    let (code, said) = status(&world, &[]);
    let words = "DAMAGED: the head of the log covers 5 entries, its checkpoint 5 entries, and 6 are there";
    assert!(code == 12 && said.contains(words), "{said}");
    tampered(&world, "DELETE FROM log_entry WHERE idx = 5");
    tampered(&world, "UPDATE log_head SET checkpoint = 'none'");
    let (code, said) = status(&world, &[]);
    assert!(code == 12 && said.contains("its checkpoint nothing"), "{said}");
}

#[test]
fn a_layout_of_before_is_behind_and_says_what_to_run() {
    let world = world();
    let append = ["log", "append", "--database", DATABASE, "--log-key", "log.key"];
    assert_eq!(fed(&world, &append, "{}").code, 0);
    crate::store::migrations::to_the_first_step(&world.path().join("record.db"));
    let (code, said) = status(&world, &[]);
    let behind = format!("behind: {} migrations are to run, with `countersign db migrate`\n", migrations::latest() - 1);
    assert!(code == 0 && said.ends_with(&behind), "{said}");
    good(&world, &["db", "migrate", "--database", DATABASE]);
    assert!(status(&world, &[]).1.contains("of 1 entries\n"));
}
