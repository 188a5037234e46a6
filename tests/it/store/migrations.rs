use countersign::store::address::Address;
use countersign::store::blob::Blob;
use countersign::store::fault::Fault;
use countersign::store::migrations;
use countersign::store::reader::Reader;
use countersign::store::session::Session;
use countersign::store::stands::Table;
use countersign::store::writer::{Append, Writer};

use super::{Database, append, now, signer};

fn session(database: &Database) -> Session {
    database.runtime.block_on(Session::open(&database.address, true)).unwrap()
}

#[test]
fn an_empty_database_is_laid_out_once() {
    for database in Database::each() {
        let mut session = session(&database);
        database.runtime.block_on(async {
            assert_eq!(migrations::layout(&mut session).await.unwrap(), 0);
            assert!(matches!(migrations::check(&mut session).await, Err(Fault::Behind { found: 0, .. })));
            assert!(migrations::status(&mut session).await.unwrap().iter().all(|step| !step.done));
            let ran = migrations::migrate(&mut session, 1).await.unwrap();
            assert_eq!(ran, (1..=migrations::latest()).collect::<Vec<_>>());
            assert!(migrations::migrate(&mut session, 2).await.unwrap().is_empty());
            migrations::check(&mut session).await.unwrap();
            assert!(migrations::status(&mut session).await.unwrap().iter().all(|step| step.done));
        });
        let empty = database.runtime.block_on(Reader::open(&database.address)).unwrap();
        let mut empty = empty;
        assert!(matches!(database.runtime.block_on(empty.head()), Err(Fault::NoLog)));
    }
}

#[test]
fn f22_a_step_that_was_killed_never_happened_and_is_taken_up() {
    for database in Database::each() {
        let mut killed = session(&database);
        database.runtime.block_on(async {
            // As far as a step gets before it is killed: tables are there, the transaction is open.
            killed.begin().await.unwrap();
            killed.run("CREATE TABLE log_head (id BIGINT)", &[]).await.unwrap();
            drop(killed);
        });
        database.append(0, 3);
        assert_eq!(database.verify().unwrap().size, 3);
    }
}

#[test]
fn f22_a_newer_layout_and_another_history_are_refused_and_not_touched() {
    for database in Database::each() {
        database.append(0, 3);
        let open = || {
            let opening = Writer::open(&database.address, signer(), std::time::Duration::ZERO, now());
            database.runtime.block_on(opening).map(|_| ())
        };
        database.tamper("INSERT INTO migration SELECT 99, name, digest, at FROM migration WHERE number = 1");
        assert!(matches!(open(), Err(Fault::Newer { found: 99, .. })));
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Newer { .. })));
        database.tamper("DELETE FROM migration WHERE number = 99");
        open().unwrap();
        database.tamper("UPDATE migration SET digest = (SELECT hash FROM log_entry WHERE idx = 0) WHERE number = 1");
        assert!(matches!(open(), Err(Fault::OtherMigration(1))));
    }
}

#[test]
fn two_that_migrate_at_once_do_it_once() {
    for database in Database::each() {
        let sessions = [session(&database), session(&database)];
        let ran: usize = database.runtime.block_on(async {
            let tasks: Vec<_> = sessions
                .into_iter()
                .map(|mut session| {
                    tokio::spawn(async move { migrations::migrate(&mut session, 1).await.unwrap().len() })
                })
                .collect();
            let mut ran = 0;
            for task in tasks {
                ran += task.await.unwrap();
            }
            ran
        });
        assert_eq!(ran, usize::try_from(migrations::latest()).unwrap());
    }
}

/// Takes the database back to how it was laid out before a step.
fn before_step(database: &Database, undone: &[&'static str], forgotten: &'static str) {
    for sql in undone {
        database.tamper(sql);
    }
    database.tamper(forgotten);
}

/// What the second step adds.
const SECOND: &[&str] = &[
    "DROP TABLE fence",
    "DROP TABLE replica",
    "ALTER TABLE blob DROP COLUMN annexed",
    "DROP TABLE delivery",
    "DROP TABLE stream",
    "DROP TABLE decision",
    "DROP TABLE answer",
    "DROP TABLE act",
    "DROP TABLE obligation",
    "DROP TABLE policy",
    "DROP TABLE outbox",
    "DROP TABLE destination",
    "DROP TABLE timer",
];

/// What the steps behind it add, each by its step: columns first, for their tables may go.
const LATER: [(u32, &str); 12] = [
    (11, "DROP TABLE deployed_entry"),
    (10, "ALTER TABLE deployed DROP COLUMN heard"),
    (10, "ALTER TABLE deployed DROP COLUMN heard_ended"),
    (3, "DROP TABLE log_witnessed"),
    (4, "DROP TABLE submitted"),
    (5, "DROP TABLE closed"),
    (6, "DROP TABLE deployed"),
    (7, "DROP TABLE granted"),
    (8, "DROP TABLE incident"),
    (9, "DROP TABLE token"),
    (9, "DROP TABLE visit"),
    (9, "DROP TABLE turn"),
];

/// Takes away what a step adds and of all behind it.
fn since(step: u32) -> Vec<&'static str> {
    LATER.iter().filter(|(of, _)| *of >= step).map(|(_, sql)| *sql).collect()
}

/// Takes a file of SQLite back to the first step.
pub fn to_the_first_step(file: &std::path::Path) {
    super::runtime().block_on(async {
        let mut session = Session::open(&Address::Sqlite(file.to_owned()), false).await.unwrap();
        for sql in [SECOND, &since(3), &["DELETE FROM migration WHERE number >= 2"]].concat() {
            session.run(sql, &[]).await.unwrap();
        }
        session.close().await.unwrap();
    });
}

#[test]
fn f22_the_second_step_leaves_the_log_and_its_bytes_as_they_were_and_makes_room_for_what_decisions_change() {
    for database in Database::each() {
        database.append(0, 30);
        let (kept, gone) = (Blob::new(b"kept"), Blob::new(b"gone!"));
        let batch = [Append { blobs: vec![kept.clone(), gone.clone()], ..append(30) }];
        database.runtime.block_on(database.writer().append(&batch, now())).unwrap();
        database.tamper("UPDATE blob SET packed = NULL WHERE size = 5");
        for sql in since(3) {
            database.tamper(sql);
        }
        before_step(&database, SECOND, "DELETE FROM migration WHERE number >= 2");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 1, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (2..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 31);
        let mut reader = database.reader();
        for (blob, bytes) in [(&kept, Some(b"kept".to_vec())), (&gone, None)] {
            assert_eq!(database.runtime.block_on(reader.blob(blob.digest())).unwrap(), bytes);
        }
        // Deliveries that came before are entries, and none is answered by a table that did not know of them.
        for table in Table::ALL {
            assert!(database.runtime.block_on(reader.table(*table)).unwrap().is_empty(), "{table:?}");
        }
        database.append(31, 1);
        assert_eq!(database.verify().unwrap().size, 32);
    }
}

#[test]
fn f22_the_fourth_step_leaves_the_log_as_it_was_and_makes_room_for_what_jobs_submit() {
    for database in Database::each() {
        database.append(0, 30);
        before_step(&database, &since(4), "DELETE FROM migration WHERE number >= 4");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 3, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (4..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        assert!(database.runtime.block_on(reader.submitted("github", "acme/shop", 900)).unwrap().is_empty());
    }
}

#[test]
fn f22_the_fifth_step_leaves_the_log_as_it_was_and_makes_room_for_submissions_that_are_whole() {
    for database in Database::each() {
        database.append(0, 30);
        before_step(&database, &since(5), "DELETE FROM migration WHERE number >= 5");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 4, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (5..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        assert!(database.runtime.block_on(reader.closed("github", "acme/shop", 900)).unwrap().is_empty());
    }
}

#[test]
fn f22_the_sixth_step_leaves_the_log_as_it_was_and_makes_room_for_deployments() {
    for database in Database::each() {
        database.append(0, 30);
        before_step(&database, &since(6), "DELETE FROM migration WHERE number >= 6");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 5, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (6..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        assert!(database.runtime.block_on(reader.deployed("github", "acme/shop")).unwrap().is_empty());
    }
}

#[test]
fn f22_the_seventh_step_leaves_deployments_as_they_were_and_makes_room_for_those_that_others_tell_of() {
    for database in Database::each() {
        database.append(0, 30);
        database.tamper(
            "INSERT INTO deployed (forge, repository, id, idx, environment, revision, run, began, at) \
             VALUES ('github', 'acme/shop', 'DE_1', 3, 'production', 'abc', 900, 1, 1)",
        );
        for sql in [
            "ALTER TABLE deployed DROP COLUMN told_by",
            "ALTER TABLE deployed DROP COLUMN url",
            "ALTER TABLE deployed DROP COLUMN digest",
            "ALTER TABLE deployed DROP COLUMN components",
            "ALTER TABLE deployed DROP COLUMN found",
        ] {
            database.tamper(sql);
        }
        before_step(&database, &since(7), "DELETE FROM migration WHERE number >= 7");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 6, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (7..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        let kept = database.runtime.block_on(reader.deployed("github", "acme/shop")).unwrap();
        assert_eq!((kept.len(), kept[0].run, &kept[0].told, kept[0].found), (1, Some(900), &None, false));
        assert!(database.runtime.block_on(reader.granted("github", "acme/shop")).unwrap().is_empty());
    }
}

#[test]
fn f22_the_eighth_step_leaves_the_log_as_it_was_and_makes_room_for_incidents() {
    for database in Database::each() {
        database.append(0, 30);
        before_step(&database, &since(8), "DELETE FROM migration WHERE number >= 8");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 7, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (8..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        assert!(database.runtime.block_on(reader.incidents("github", "acme/ops", "incident")).unwrap().is_empty());
    }
}

#[test]
fn f22_the_third_step_leaves_the_log_as_it_was_and_makes_room_for_what_witnesses_signed() {
    for database in Database::each() {
        database.append(0, 30);
        before_step(&database, &since(3), "DELETE FROM migration WHERE number >= 3");
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { found: 2, .. })));
        let mut session = session(&database);
        let ran = database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(ran, (3..=migrations::latest()).collect::<Vec<_>>());
        assert_eq!(database.verify().unwrap().size, 30);
        database.runtime.block_on(async {
            for (size, note) in [(10, "older"), (29, "newer"), (29, "newer, by two")] {
                let wait = std::time::Duration::ZERO;
                countersign::store::witnessed::keep(&database.address, size, note, wait, 3).await.unwrap();
            }
            let mut reader = Reader::open(&database.address).await.unwrap();
            assert_eq!(reader.witnessed(5).await.unwrap(), ["newer, by two", "older"]);
            assert_eq!(reader.witnessed(1).await.unwrap(), ["newer, by two"]);
        });
        assert_eq!(database.verify().unwrap().size, 30);
    }
}

#[test]
fn f22_what_was_told_before_there_was_a_place_for_it_was_heard_when_it_was_last_written_about() {
    for database in Database::each() {
        database.append(0, 30);
        database.tamper(
            "INSERT INTO deployed (forge, repository, id, idx, environment, revision, run, began, ended, outcome, at, \
             told_by, url) VALUES \
             ('github', 'acme/shop', 'told:1', 3, 'production', 'abc', NULL, 1, 2, 'succeeded', 70, 'argocd', 'https://a'), \
             ('github', 'acme/shop', 'told:2', 4, 'production', 'abc', NULL, 2, NULL, NULL, 80, 'argocd', 'https://a'), \
             ('github', 'acme/shop', 'DE_1', 5, 'production', 'abc', 900, 3, 4, 'succeeded', 90, NULL, NULL)",
        );
        let forgotten = "DELETE FROM migration WHERE number >= (SELECT number FROM migration WHERE name LIKE 'when the app heard%')";
        before_step(&database, &since(10), forgotten);
        let reading = database.runtime.block_on(Reader::open(&database.address));
        assert!(matches!(reading, Err(Fault::Behind { .. })));
        let mut session = session(&database);
        database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        let rows = database.runtime.block_on(reader.deployed("github", "acme/shop")).unwrap();
        let counts: Vec<_> = rows.iter().map(|row| (row.counts_from(), row.ended_from())).collect();
        // What the forge says counts from when it was.
        assert_eq!(counts, [(70, Some(70)), (80, None), (3, Some(4))]);
    }
}

#[test]
fn f22_the_step_for_what_processes_share_leaves_the_log_as_it_was() {
    for database in Database::each() {
        database.append(0, 30);
        before_step(
            &database,
            &since(9),
            "DELETE FROM migration WHERE number >= (SELECT number FROM migration WHERE name LIKE 'what processes share%')",
        );
        let mut session = session(&database);
        database.runtime.block_on(migrations::migrate(&mut session, 2)).unwrap();
        assert_eq!(database.verify().unwrap().size, 30);
        let mut reader = database.reader();
        assert_eq!(database.runtime.block_on(reader.visit(Blob::new(b"").digest())).unwrap(), None);
    }
}

#[test]
fn f22_what_an_older_process_wrote_while_the_record_was_moved_was_heard_when_it_was_written() {
    for database in Database::each() {
        database.append(0, 30);
        // It had opened the record before, and knew no place for when it heard.
        database.tamper(
            "INSERT INTO deployed (forge, repository, id, idx, environment, revision, run, began, ended, outcome, at, \
             told_by, url) VALUES \
             ('github', 'acme/shop', 'told:1', 3, 'production', 'abc', NULL, 1, 2, 'succeeded', 70, 'argocd', 'https://a'), \
             ('github', 'acme/shop', 'told:2', 4, 'production', 'abc', NULL, 2, NULL, NULL, 80, 'argocd', 'https://a')",
        );
        let mut reader = database.reader();
        let rows = database.runtime.block_on(reader.deployed("github", "acme/shop")).unwrap();
        let counts: Vec<_> = rows.iter().map(|row| (row.counts_from(), row.ended_from())).collect();
        assert_eq!(counts, [(70, Some(70)), (80, None)]);
        assert_eq!(database.runtime.block_on(reader.deployed_since("github", "acme", 0)).unwrap().len(), 2);
    }
}

#[test]
fn what_is_told_late_is_among_the_findings_as_long_as_what_is_told_at_once() {
    for database in Database::each() {
        database.append(0, 30);
        database.tamper(
            "INSERT INTO deployed (forge, repository, id, idx, environment, revision, run, began, at, told_by, url, \
             found, heard) VALUES \
             ('github', 'acme/shop', 'told:1', 3, 'production', 'abc', NULL, 1, 90, 'argocd', 'https://a', 1, 90), \
             ('github', 'acme/shop', 'DE_1', 4, 'production', 'abc', 900, 60, 60, NULL, NULL, 1, NULL), \
             ('github', 'acme/shop', 'DE_2', 5, 'production', 'abc', 901, 40, 95, NULL, NULL, 1, NULL)",
        );
        let mut reader = database.reader();
        let found = database.runtime.block_on(reader.undecided("github", 50, 10)).unwrap();
        assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["told:1", "DE_1"]);
    }
}
