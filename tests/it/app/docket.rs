//! Which releases are decided when: pure, with instants that come in.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use countersign::flow::app::docket::{Docket, Key};
use countersign::store::change::{Sent, Stream};

fn key(commit: &str) -> Key {
    Key { repository: "acme/shop".to_owned(), environment: "production".to_owned(), commit: commit.to_owned() }
}

fn sent(id: usize) -> Sent {
    Sent { forge: "github".to_owned(), id: id.to_string() }
}

fn stream() -> Stream {
    let text = |text: &str| text.to_owned();
    Stream { forge: text("github"), repository: text("acme/shop"), release: text("r"), environment: text("production") }
}

#[test]
fn many_deliveries_are_answered_by_one_decision() {
    let (mut docket, now) = (Docket::default(), Instant::now());
    docket.waits(key("51"), 900, Some(sent(0)), now);
    for at in 1..1000 {
        docket.happened(Some("Acme/Shop"), Some(&sent(at)), false, now);
    }
    let cases = docket.take(now, 8);
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].answers.len(), 1000);
    // While it is decided, what comes is gathered for the next.
    docket.happened(None, Some(&sent(1000)), true, now);
    assert!(docket.take(now + Duration::from_secs(9), 8).is_empty());
    docket.decided(&cases[0], stream(), "held".to_owned());
    let next = docket.take(now + Duration::from_secs(9), 8);
    assert_eq!((next[0].answers.len(), next[0].told.as_deref()), (1, Some("held")));
}

#[test]
fn what_keeps_coming_does_not_put_it_off_for_ever() {
    let (mut docket, begin) = (Docket::default(), Instant::now());
    docket.waits(key("51"), 900, None, begin);
    let first = docket.take(begin, 8).pop().unwrap();
    docket.decided(&first, stream(), "held".to_owned());
    let mut waited = Duration::ZERO;
    while docket.take(begin + waited, 8).is_empty() {
        docket.happened(Some("acme/shop"), None, false, begin + waited);
        waited += Duration::from_millis(100);
        assert!(waited < Duration::from_secs(5));
    }
    assert!(waited > Duration::from_secs(1), "it gathers");
}

#[test]
fn what_could_not_be_decided_is_tried_again_with_all_that_it_answers() {
    let (mut docket, mut now) = (Docket::default(), Instant::now());
    docket.waits(key("51"), 900, Some(sent(1)), now);
    let mut waits = Vec::new();
    for _ in 0..10 {
        let case = docket.take(now, 8).pop().unwrap();
        assert_eq!(case.answers, [sent(1)]);
        docket.failed(case, None, now);
        let next = docket.next().unwrap();
        waits.push(next - now);
        now = next;
    }
    assert_eq!(waits[0], Duration::from_secs(2));
    assert!(waits.is_sorted() && waits[9] <= Duration::from_mins(2));
}

#[test]
fn what_waits_no_longer_is_not_decided_again() {
    let (mut docket, now) = (Docket::default(), Instant::now());
    docket.waits(key("51"), 900, None, now);
    docket.waits(key("51"), 901, None, now);
    docket.waits(key("52"), 902, None, now);
    docket.answered("acme/shop", "production", 900);
    assert_eq!(docket.len(), 2);
    docket.only("acme/shop", &BTreeSet::from([(key("52"), 902)]));
    assert_eq!(docket.keys(), BTreeSet::from([key("52")]));
    docket.answered("acme/shop", "production", 902);
    assert!(docket.is_empty());
}

#[test]
fn a_clock_wakes_a_release_once() {
    let (mut docket, now) = (Docket::default(), Instant::now());
    docket.waits(key("51"), 900, None, now);
    let case = docket.take(now, 8).pop().unwrap();
    docket.decided(&case, stream(), "held".to_owned());
    docket.woken(&stream(), 7, now);
    let case = docket.take(now, 8).pop().unwrap();
    docket.decided(&case, stream(), "held".to_owned());
    docket.woken(&stream(), 7, now);
    assert!(docket.take(now + Duration::from_mins(1), 8).is_empty());
}

#[test]
fn f19_of_sixty_thousand_that_wait_the_oldest_go_first_and_each_once() {
    let (mut docket, begin) = (Docket::default(), Instant::now());
    let all: u32 = 60_000;
    // They come in no order of their names, each a moment after the one before, and some of them twice.
    let name = |at: u32| format!("{:08x}", at.wrapping_mul(2_654_435_761));
    for at in 0..all {
        let came = begin + Duration::from_millis(u64::from(at));
        docket.waits(key(&name(at)), u64::from(at), Some(sent(at as usize)), came);
        if at % 3 == 0 {
            docket.waits(key(&name(at)), u64::from(at), Some(sent(at as usize + 100_000)), came);
        }
    }
    assert_eq!(docket.len(), all as usize);
    let now = begin + Duration::from_mins(5);
    let mut gone = 0;
    for _ in 0..50 {
        let cases = docket.take(now, 8);
        let runs: Vec<u64> = cases.iter().flat_map(|case| case.runs.clone()).collect();
        assert_eq!(runs, (gone..gone + 8).collect::<Vec<u64>>());
        // As many deliveries as came are answered, and by one decision.
        assert!(cases.iter().all(|case| case.answers.len() == if case.runs[0] % 3 == 0 { 2 } else { 1 }));
        for case in &cases {
            docket.answered("acme/shop", "production", case.runs[0]);
        }
        gone += 8;
    }
    assert_eq!(docket.len(), all as usize - 400);
}
