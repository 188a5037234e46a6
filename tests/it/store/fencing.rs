//! One release is never decided twice at once, and who was stopped for longer than his lease writes nothing.

use std::time::Duration;

use countersign::log::tree::Hash;
use countersign::store::blob::Blob;
use countersign::store::change::{Acted, Change, Decision, Done, Effect, Stream};
use countersign::store::fault::Fault;
use countersign::store::reader::Reader;
use countersign::store::replica::SHORTEST;
use countersign::store::sequencer::{Failed, Sequencer};
use countersign::store::writer::{Append, Refused, Writer};

use super::{Database, append, entry, now, signer};

pub fn stream(release: &str) -> Stream {
    let (forge, repository) = ("github".to_owned(), "acme/shop".to_owned());
    Stream { forge, repository, release: release.to_owned(), environment: "production".to_owned() }
}

/// What every effect sends.
pub const SENT: &[u8] = b"what is sent";

/// A decision with effects, each with its key and where it goes.
pub fn decision(release: &str, after: u64, effects: &[(&str, &str)], timer: Option<i64>) -> Append {
    let effect = |(once, destination): &(&str, &str)| Effect {
        once: (*once).to_owned(),
        destination: (*destination).to_owned(),
        body: Blob::new(SENT).digest(),
        not_before: None,
    };
    let effects: Vec<Effect> = effects.iter().map(effect).collect();
    let entries = (0..=effects.len() as u64).map(entry).collect();
    let decision = Decision {
        stream: stream(release),
        after,
        ruling: "hold",
        summary: "nobody has approved".to_owned(),
        now: 1,
        facts: Hash([1; 32]),
        document: Hash([2; 32]),
        answers: Vec::new(),
        done: Vec::new(),
        upon: Vec::new(),
        opened: Vec::new(),
        met: Vec::new(),
        effects,
        timer,
    };
    Append { entries, changes: vec![Change::Decision(Box::new(decision))], blobs: vec![Blob::new(SENT)], once: None }
}

#[test]
fn f15_of_two_decisions_made_upon_the_same_one_stands() {
    for database in Database::each() {
        let mut writer = database.writer();
        let both = [decision("1.0", 0, &[], None), decision("1.0", 0, &[], None), decision("2.0", 0, &[], None)];
        let answers = database.runtime.block_on(writer.append(&both, now())).unwrap();
        let Err(Refused::Stale { after: 0, found: 1, .. }) = &answers[1] else { panic!("{answers:?}") };
        assert!(answers[0].is_ok() && answers[2].is_ok(), "another release is decided beside it");
        let stands = database.runtime.block_on(writer.stands(&stream("1.0"))).unwrap();
        assert_eq!(stands.version, 1);
        database.runtime.block_on(writer.append(&[decision("1.0", 1, &[], None)], now())).unwrap()[0].as_ref().unwrap();
        assert_eq!(database.verify().unwrap().size, 3, "what was refused is in no log");
    }
}

/// Somebody does something on the page of a release, upon its decision of that number.
fn acted(release: &str, after: u64, id: &str) -> Append {
    let blob = Blob::new(id.as_bytes());
    let (id, account, digest) = (id.to_owned(), "github:bo".to_owned(), blob.digest());
    let done = Done { id, kind: "rejection", account, at: 1, digest };
    let change = Change::Acted(Box::new(Acted { stream: stream(release), after, done }));
    Append { entries: vec![entry(7)], changes: vec![change], blobs: vec![blob], once: None }
}

/// A decision that was made with what was done on the page.
fn upon(mut append: Append, acts: &[&str]) -> Append {
    if let Some(Change::Decision(decision)) = append.changes.first_mut() {
        decision.upon = acts.iter().map(|act| (*act).to_owned()).collect();
    }
    append
}

/// The same decision with another word.
fn rules(ruling: &'static str, mut append: Append) -> Append {
    if let Some(Change::Decision(decision)) = append.changes.first_mut() {
        decision.ruling = ruling;
    }
    append
}

#[test]
fn t37_an_act_on_the_page_and_a_decision_have_one_order() {
    for database in Database::each() {
        let mut writer = database.writer();
        let mut append = |it: Append| database.runtime.block_on(writer.append(&[it], now())).unwrap().remove(0);
        append(decision("1.0", 0, &[], None)).unwrap();
        // First the act: a decision that was made without it is none, unless it holds.
        append(acted("1.0", 1, "page-1")).unwrap();
        for last in ["proceed", "reject"] {
            let last = rules(last, decision("1.0", 1, &[], None));
            let Err(Refused::Unseen { act, .. }) = append(last) else { panic!("it is overtaken") };
            assert_eq!(act, "page-1");
        }
        append(acted("3.0", 0, "page-3")).unwrap();
        append(decision("3.0", 0, &[], None)).unwrap();
        // Another release is another matter, and so is what was refused.
        append(decision("2.0", 0, &[], None)).unwrap();
        append(acted("2.0", 1, "refused-page-1")).unwrap();
        append(decision("2.0", 1, &[], None)).unwrap();
        append(rules("proceed", upon(decision("1.0", 1, &[], None), &["page-1"]))).unwrap();
        // First the decision: what was done upon the one before is not what he was shown.
        let Err(Refused::Stale { after: 1, found: 2, .. }) = append(acted("1.0", 1, "page-2")) else { panic!("late") };
        append(acted("1.0", 2, "page-2")).unwrap();
        let here = database.runtime.block_on(async {
            let mut reader = Reader::open(&database.address).await.unwrap();
            let here = reader.acted("github", "ACME/Shop", "1.0").await.unwrap();
            let none = reader.acted("github", "acme/shop", "1").await.unwrap();
            assert!(none.is_empty(), "{none:?}");
            here
        });
        assert_eq!(here.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["page-1", "page-2"]);
    }
}

#[test]
fn f15_replicas_that_race_decide_each_version_once() {
    let Some(database) = Database::postgres() else { return };
    let replicas: Vec<Writer> = (0..3).map(|_| database.writer()).collect();
    let decided = database.runtime.block_on(async {
        let tasks: Vec<_> = replicas
            .into_iter()
            .map(|mut writer| {
                tokio::spawn(async move {
                    let mut mine = Vec::new();
                    for _ in 0..20 {
                        let version = writer.stands(&stream("1.0")).await.unwrap().version;
                        let answer = writer.append(&[decision("1.0", version, &[], None)], now()).await.unwrap();
                        match &answer[0] {
                            Ok(_) => mine.push(version),
                            Err(Refused::Stale { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    mine
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    let mut sorted = decided.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..decided.len() as u64).collect::<Vec<_>>(), "each version once");
    assert_eq!(database.verify().unwrap().size, decided.len() as u64);
}

#[test]
fn f15_who_does_nothing_for_longer_than_his_lease_writes_nothing_more() {
    for database in Database::each() {
        database.runtime.block_on(async {
            let opening = Writer::open_for(&database.address, signer(), Duration::ZERO, now(), SHORTEST);
            let mut writer = opening.await.unwrap();
            writer.append(&[append(0)], now()).await.unwrap();
            tokio::time::sleep(SHORTEST + Duration::from_millis(200)).await;
            for _ in 0..2 {
                let refused = writer.append(&[append(1)], now()).await;
                assert!(matches!(refused, Err(Fault::Fenced(_))), "{refused:?}");
                assert!(matches!(writer.claim(now(), 1).await, Err(Fault::Fenced(_))));
                assert!(matches!(writer.renew().await, Err(Fault::Fenced(_))), "a lease that has ended is not renewed");
            }
        });
        assert_eq!(database.verify().unwrap().size, 1);
        database.append(1, 1);
    }
}

#[test]
fn a_sequencer_keeps_its_lease_whether_nobody_asks_or_somebody_only_asks_and_one_whose_lease_was_taken_ends() {
    for database in Database::each() {
        database.runtime.block_on(async {
            let opening = Writer::open_for(&database.address, signer(), Duration::ZERO, now(), SHORTEST);
            let (sequencer, running) = Sequencer::start(opening.await.unwrap(), now);
            tokio::time::sleep(SHORTEST + Duration::from_secs(1)).await;
            // Never idle for as long as it takes to renew, and nothing is written.
            let until = std::time::Instant::now() + SHORTEST + Duration::from_secs(1);
            while std::time::Instant::now() < until {
                let stands = sequencer.stands(stream("1.0")).await.unwrap();
                assert_eq!(stands.version, 0);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            sequencer.append(append(0)).await.unwrap();
            let mut other = countersign::store::session::Session::open(&database.address, false).await.unwrap();
            other.run("UPDATE replica SET until = 0", &[]).await.unwrap();
            let refused = sequencer.append(append(1)).await;
            // Whether it finds out by this one or had found out by itself, and after it has ended.
            let fenced = |refused: &countersign::store::sequencer::Answer| {
                assert!(
                    matches!(refused, Err(Failed::Fault(fault)) if matches!(**fault, Fault::Fenced(_))),
                    "{refused:?}"
                );
            };
            fenced(&refused);
            assert!(matches!(running.finished().await, Err(Fault::Fenced(_))));
            fenced(&sequencer.append(append(1)).await);
            sequencer.append_all(vec![append(1), append(2)]).await.iter().for_each(fenced);
            assert!(matches!(sequencer.claim(now(), 1).await, Err(Fault::Fenced(_))));
        });
        assert_eq!(database.verify().unwrap().size, 1);
    }
}
