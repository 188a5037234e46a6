//! Which changes are looked at when: pure, with instants that come in. And what a comment says, line by line.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use countersign::flow::app::talk::book::{Book, Round};
use countersign::forge::command::{Spoken, commands, spoken};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// The numbers that are due in a round, of those with this head and change.
fn due(book: &mut Book, round: &Round, numbers: &[u64], now: Instant) -> Vec<u64> {
    numbers.iter().copied().filter(|number| book.is_due(round, *number, "c1", at(1), now)).collect()
}

#[test]
fn what_is_heard_of_gathers_and_is_looked_at_once() {
    let (mut book, now) = (Book::default(), Instant::now());
    book.swept("acme/shop", now);
    let first = book.take(now).unwrap();
    assert_eq!(due(&mut book, &first, &[1, 2], now), [1, 2], "whatever was never looked at");
    for number in [1, 2] {
        book.looked("acme/shop", number, "c1", at(1), now);
    }
    for _ in 0..100 {
        book.heard("acme/shop", 2, now);
    }
    assert_eq!(book.take(now), None, "it waits for more of the same");
    let later = now + Duration::from_secs(1);
    // It was looked at a second ago: it rests, and what was heard of it is not forgotten.
    let round = book.take(later).unwrap();
    assert_eq!((due(&mut book, &round, &[1, 2], later), round.all), (vec![], false));
    assert_eq!(book.take(later), None);
    let later = now + Duration::from_secs(5);
    let round = book.take(later).unwrap();
    assert_eq!((due(&mut book, &round, &[1, 2], later), round.all), (vec![2], false));
    assert_eq!(book.take(later + Duration::from_mins(9)), None);
}

#[test]
fn another_head_a_change_and_age_are_looked_at_without_a_word() {
    let (mut book, now) = (Book::default(), Instant::now());
    book.looked("acme/shop", 1, "c1", at(1), now);
    let round = Round { repository: "acme/shop".to_owned(), ..Round::default() };
    assert!(!book.is_due(&round, 1, "c1", at(1), now));
    assert!(book.is_due(&round, 1, "c2", at(1), now), "another head does not wait");
    assert!(book.is_due(&round, 1, "c1", at(2), now + Duration::from_secs(5)));
    assert!(book.is_due(&round, 1, "c1", at(1), now + Duration::from_mins(30)));
    book.only("acme/shop", &BTreeSet::new());
    assert!(book.is_due(&round, 1, "c1", at(1), now), "what was closed and opened again is looked at");
}

#[test]
fn what_concerns_all_is_done_once_a_minute_at_most() {
    let (mut book, mut now) = (Book::default(), Instant::now());
    book.swept("acme/shop", now);
    book.take(now).unwrap();
    let mut rounds = 0;
    for _ in 0..1_800 {
        book.stirred(None, now);
        rounds += u32::from(book.take(now).is_some_and(|round| round.all));
        now += Duration::from_millis(100);
    }
    assert_eq!(rounds, 3, "in three minutes");
}

#[test]
fn what_could_not_be_read_is_still_to_be_looked_at() {
    let (mut book, now) = (Book::default(), Instant::now());
    book.heard("acme/shop", 7, now);
    let round = book.take(now + Duration::from_secs(1)).unwrap();
    book.failed(round, now);
    assert_eq!(book.take(now + Duration::from_secs(29)), None);
    assert!(book.take(now + Duration::from_secs(30)).unwrap().heard.contains(&7));
}

#[test]
fn a_line_is_a_command_a_question_or_told_why_it_is_neither() {
    let comment = "hello\n/countersign why\n/countersign why production\n/countersign approve production: fine\n\
                   > /countersign why\n```\n/countersign why\n```\n /countersign why\n/countersignal\n/countersign\n\
                   /countersign frob production\n/countersign approve\n";
    let said: Vec<Spoken> = spoken(comment, "github").into_iter().map(|(_, spoken)| spoken).collect();
    assert_eq!(said[..2], [Spoken::Why(None), Spoken::Why(Some("production".to_owned()))]);
    assert!(matches!(&said[2], Spoken::Does(command) if command.reason.as_deref() == Some("fine")));
    let why: Vec<&str> = said[3..]
        .iter()
        .map(|it| match it {
            Spoken::Not(no) => no.why,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(why.len(), 3);
    assert!(why[0].contains("`/countersign why`") && why[0] == why[1], "an unknown word is told what there is");
    assert_eq!(why[2], "it does not name the environment");
    // A question is no command: nothing that is decided knows of it.
    assert_eq!(commands(comment, "github").into_iter().flatten().count(), 1);
}
