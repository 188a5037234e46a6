//! The outbox and the timers: order, leases, waits, circuits, dead letters, clocks that are set.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use countersign::flow::send::{Answer, send};
use countersign::store::change::{Change, Ended};
use countersign::store::outbox::{ATTEMPTS, Backoff, Claimed, FAILURES, Lane};
use countersign::store::reader::Reader;
use countersign::store::session::{Cell, Session};
use countersign::store::stands::Table;
use countersign::store::writer::{Append, Refused, Writer};

use super::fencing::{SENT, decision};
use super::{Database, entry, now, signer};

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_hours(1), seed: 7 };

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

/// A record with a decision's effects: two to one place, one to another.
fn filled(database: &Database) -> Writer {
    let mut writer = database.writer();
    let effects = [("a", "forge"), ("b", "forge"), ("c", "chat")];
    let answers = database.runtime.block_on(writer.append(&[decision("1.0", 0, &effects, None)], now())).unwrap();
    answers[0].as_ref().unwrap();
    writer
}

fn ended(claimed: &Claimed, given_up: Option<&str>) -> Append {
    let (effect, destination, given_up) = (claimed.effect, claimed.destination.clone(), given_up.map(str::to_owned));
    let change = Change::Ended(Ended { effect, destination, given_up, answered: true });
    Append { entries: vec![entry(9)], changes: vec![change], ..Append::default() }
}

fn keys(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|it| it.once.as_str()).collect()
}

#[test]
fn effects_to_one_place_go_in_order_one_at_a_time() {
    for database in Database::each() {
        let mut writer = filled(&database);
        database.runtime.block_on(async {
            let first = writer.claim(now(), 9).await.unwrap();
            assert_eq!(keys(&first), ["a", "c"]);
            assert!(writer.claim(now(), 9).await.unwrap().is_empty(), "both places are held");
            writer.append(&[ended(&first[0], None)], now()).await.unwrap()[0].as_ref().unwrap();
            let next = writer.claim(now(), 9).await.unwrap();
            assert_eq!(keys(&next), ["b"]);
            // What was given up does not keep what comes after it.
            writer.append(&[ended(&first[1], Some("no such channel"))], now()).await.unwrap()[0].as_ref().unwrap();
            let twice = writer.append(&[ended(&first[1], None)], now()).await.unwrap().remove(0);
            assert_eq!(twice, Err(Refused::NotHeld(first[1].effect)));
            let again = Append {
                entries: vec![entry(8)],
                changes: vec![Change::Retried(first[1].effect)],
                ..Append::default()
            };
            writer.append(std::slice::from_ref(&again), now()).await.unwrap()[0].as_ref().unwrap();
            let twice = writer.append(&[again], now()).await.unwrap().remove(0);
            assert_eq!(twice, Err(Refused::NotDead(first[1].effect)));
            assert_eq!(keys(&writer.claim(now(), 9).await.unwrap()), ["c"]);
        });
        database.verify().unwrap();
    }
}

#[test]
fn one_that_was_stopped_while_it_sent_is_followed_by_another_and_says_nothing_more() {
    for database in Database::each() {
        let mut writer = filled(&database);
        database.runtime.block_on(async {
            let first = writer.claim(now(), 1).await.unwrap().remove(0);
            // As when the lease of the place has run out, and another has taken it.
            let mut other = Session::open(&database.address, false).await.unwrap();
            other.run("UPDATE destination SET until = 0, holder = 99 WHERE name = 'forge'", &[]).await.unwrap();
            let late = writer.append(&[ended(&first, None)], now()).await.unwrap().remove(0);
            assert_eq!(late, Err(Refused::NotHeld(first.effect)));
            writer.put_off(&first, "late", BACKOFF, now()).await.unwrap();
            let again = writer.claim(now(), 1).await.unwrap().remove(0);
            assert_eq!((again.once.as_str(), again.attempt), ("a", 2), "with the same key");
        });
    }
}

#[test]
fn a_failure_is_put_off_longer_each_time_and_a_place_that_keeps_failing_is_left_alone() {
    for database in Database::each() {
        let mut writer = filled(&database);
        database.runtime.block_on(async {
            let mut at = now();
            for failures in 0..FAILURES {
                let claimed = writer.claim(at, 1).await.unwrap().remove(0);
                assert_eq!((claimed.once.as_str(), claimed.failures), ("a", failures));
                writer.put_off(&claimed, "503", BACKOFF, at).await.unwrap();
                assert_eq!(keys(&writer.claim(at, 9).await.unwrap()), if failures == 0 { vec!["c"] } else { vec![] });
                at += TimeDelta::from_std(BACKOFF.after("a", claimed.attempt)).unwrap();
            }
            let mut reader = Reader::open(&database.address).await.unwrap();
            let places = reader.table(Table::Destinations).await.unwrap();
            let forge = places.iter().find(|row| row[0] == Cell::Text("forge".to_owned())).unwrap();
            assert!(matches!(forge[2], Cell::Int(opens) if opens > now().timestamp_micros()), "{forge:?}");
            let at = at + TimeDelta::hours(1);
            let claimed = writer.claim(at, 1).await.unwrap().remove(0);
            writer.append(&[ended(&claimed, None)], at).await.unwrap()[0].as_ref().unwrap();
            let next = writer.claim(at, 1).await.unwrap().remove(0);
            assert_eq!((next.once.as_str(), next.failures), ("b", 0), "it answered, and nothing waits for it");
        });
    }
}

#[test]
fn a_place_that_is_slow_keeps_no_other_waiting_and_nobody_from_writing() {
    for database in Database::each() {
        drop(filled(&database));
        // Both are under way at the same time, or neither goes on.
        let together = Barrier::new(2);
        let sent = Mutex::new(Vec::new());
        let carry = |claimed: &Claimed, body: &[u8]| {
            assert_eq!(body, SENT);
            let is_second = claimed.once == "b";
            if !is_second {
                together.wait();
            }
            let mut sent = sent.lock().unwrap();
            if !is_second {
                database.append(0, 1);
            }
            sent.push(claimed.once.clone());
            Answer::Done
        };
        let counted = send(&database.address, signer(), None, BACKOFF, now, &carry).unwrap();
        assert_eq!((counted.done, counted.put_off, counted.given_up), (3, 0, 0));
        let mut sent = sent.into_inner().unwrap();
        assert_eq!(sent.pop().unwrap(), "b", "after what was before it");
        // What was decided, what was written meanwhile, and what was said of each.
        assert_eq!(database.verify().unwrap().size, 4 + 2 + 3);
    }
}

#[test]
fn waits_double_up_to_a_limit_with_a_chance_that_follows_from_the_seed() {
    let mut whole = Duration::from_secs(1);
    for attempt in 1..=ATTEMPTS {
        let wait = BACKOFF.after("key", attempt);
        assert!(wait >= whole / 2 && wait <= whole, "{attempt}: {wait:?} of {whole:?}");
        assert_eq!(wait, BACKOFF.after("key", attempt));
        whole = (whole * 2).min(BACKOFF.longest);
    }
    assert_ne!(BACKOFF.after("key", 9), BACKOFF.after("other", 9));
    assert_ne!(BACKOFF.after("key", 9), Backoff { seed: 8, ..BACKOFF }.after("key", 9));
    assert_eq!(BACKOFF.after("key", u32::MAX) / 2, BACKOFF.after("key", u32::MAX) / 2);
}

#[test]
fn f17_timers_are_due_by_the_clock_as_it_is_whatever_it_was() {
    for database in Database::each() {
        let due = later(60).timestamp_micros();
        let mut writer = database.writer();
        database.runtime.block_on(async {
            let some = [
                decision("1.0", 0, &[], Some(due)),
                decision("2.0", 0, &[], Some(due + 1)),
                decision("3.0", 0, &[], None),
            ];
            writer.append(&some, now()).await.unwrap();
            writer.close().await.unwrap();
            let mut reader = Reader::open(&database.address).await.unwrap();
            assert_eq!(reader.earliest().await.unwrap(), Some(due));
            assert!(reader.due(later(59)).await.unwrap().is_empty());
            assert_eq!(reader.due(later(61)).await.unwrap().len(), 2);
            assert!(reader.due(later(-3_600)).await.unwrap().is_empty(), "the clock was set back");
            assert_eq!(reader.due(later(3_600)).await.unwrap().len(), 2, "the clock was set forward");
        });
        // It is set forward while somebody waits for it, who looks again.
        let clock = AtomicI64::new(0);
        database.runtime.block_on(async {
            let mut reader = Reader::open(&database.address).await.unwrap();
            let looked = AtomicI64::new(0);
            let read = || {
                if looked.fetch_add(1, Ordering::SeqCst) == 1 {
                    clock.store(7_200, Ordering::SeqCst);
                }
                later(clock.load(Ordering::SeqCst))
            };
            let due = reader.wait(read, Duration::from_secs(30)).await.unwrap();
            assert_eq!(due.len(), 2);
            assert_eq!(looked.load(Ordering::SeqCst), 2);
        });
        // Decided again, it is not due any more.
        let mut writer = database.writer();
        database.runtime.block_on(async {
            writer.append(&[decision("1.0", 1, &[], None)], later(61)).await.unwrap()[0].as_ref().unwrap();
            assert_eq!(Reader::open(&database.address).await.unwrap().due(later(61)).await.unwrap().len(), 1);
        });
    }
}

#[test]
fn a_release_is_under_way_from_its_first_decision_since_it_was_let_go_there() {
    for database in Database::each() {
        let mut writer = database.writer();
        database.runtime.block_on(async {
            let decided = async |writer: &mut Writer, release: &str, after: u64, ruling: &'static str| {
                // Word of what is owed leaves by another key than an answer does.
                let kind = if release == "1.0" && after == 1 { "validate" } else { "decision" };
                let mut append = decision(release, after, &[(&format!("{kind} {release} {after}"), "forge")], None);
                let [Change::Decision(decision)] = append.changes.as_mut_slice() else { panic!("{append:?}") };
                decision.ruling = ruling;
                writer.append(&[append], now()).await.unwrap().remove(0).unwrap().first
            };
            let begun = async || {
                let mut reader = Reader::open(&database.address).await.unwrap();
                let begun = reader.begun("github", "acme/shop", "1.0").await.unwrap();
                begun.iter().take(1).map(|it| it.entry).collect::<Vec<u64>>()
            };
            assert!(begun().await.is_empty(), "nothing was decided");
            // Of a name that begins like it, and is another.
            decided(&mut writer, "1.0.1", 0, "hold").await;
            assert!(begun().await.is_empty());
            let first = decided(&mut writer, "1.0", 0, "hold").await;
            decided(&mut writer, "1.0", 1, "proceed").await;
            assert_eq!(begun().await, [first], "whoever waits has not heard that it may go");
            for key in ["decision 1.0.1 0", "decision 1.0 0", "validate 1.0 1"] {
                let claimed = writer.claim(now(), 1).await.unwrap().remove(0);
                assert_eq!(claimed.once, key);
                writer.append(&[ended(&claimed, None)], now()).await.unwrap().remove(0).unwrap();
            }
            assert_eq!(begun().await, [first], "what it owes was told, and nobody has heard that it may go");
            decided(&mut writer, "1.0", 2, "proceed").await;
            let claimed = writer.claim(now(), 1).await.unwrap().remove(0);
            writer.append(&[ended(&claimed, None)], now()).await.unwrap().remove(0).unwrap();
            assert!(begun().await.is_empty(), "it went");
            let next = decided(&mut writer, "1.0", 3, "hold").await;
            decided(&mut writer, "1.0", 4, "hold").await;
            assert_eq!(begun().await, [next], "it comes once more");
        });
    }
}

#[test]
fn messages_have_a_lane_of_their_own_in_which_what_waits_keeps_nothing() {
    for database in Database::each() {
        let mut writer = database.writer();
        let mut append = decision("1.0", 0, &[("a", "slack:#a"), ("b", "slack:#a"), ("c", "forge")], None);
        let Change::Decision(it) = &mut append.changes[0] else { panic!("no decision") };
        it.effects[0].not_before = Some(later(3_600).timestamp_micros());
        database.runtime.block_on(async {
            writer.append(&[append], now()).await.unwrap()[0].as_ref().unwrap();
            assert_eq!(keys(&writer.claim_of(Lane::Answers, now(), 9).await.unwrap()), ["c"]);
            // The earlier one is for an hour that has not come.
            let second = writer.claim_of(Lane::Messages, now(), 9).await.unwrap();
            assert_eq!(keys(&second), ["b"]);
            writer.append(&[ended(&second[0], None)], now()).await.unwrap()[0].as_ref().unwrap();
            assert!(writer.claim_of(Lane::Messages, later(3_599), 9).await.unwrap().is_empty());
            let first = writer.claim_of(Lane::Messages, later(3_600), 9).await.unwrap();
            assert_eq!(keys(&first), ["a"]);
        });
        database.verify().unwrap();
    }
}

#[test]
fn what_goes_to_one_forge_is_left_to_whoever_tells_it() {
    for database in Database::each() {
        let mut writer = database.writer();
        let to = [
            ("a", "github:acme/shop"),
            ("b", "gitlab:acme/shop"),
            ("c", "aside gitlab:acme/shop#12"),
            ("d", "aside github:acme/shop#12"),
            ("e", "slack:#a"),
        ];
        database.runtime.block_on(async {
            writer.append(&[decision("1.0", 0, &to, None)], now()).await.unwrap()[0].as_ref().unwrap();
            assert_eq!(keys(&writer.claim_of(Lane::AnswersBut("gitlab"), now(), 9).await.unwrap()), ["a", "d"]);
            assert_eq!(keys(&writer.claim_of(Lane::AnswersBut("github"), now(), 9).await.unwrap()), ["b", "c"]);
        });
        database.verify().unwrap();
    }
}
