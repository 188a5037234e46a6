//! Many who write at once: one history, and no two checkpoints that contradict each other.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign::log::checkpoint::Checkpoint;
use countersign::log::note::{Kind, Signer};
use countersign::store::address::Address;
use countersign::store::fault::Fault;
use countersign::store::sequencer::Sequencer;
use countersign::store::session::Session;
use countersign::store::writer::{Append, Once, Writer};

use super::{Database, append, now, signer};

/// Every checkpoint that was ever signed is continued by the log as it is now.
fn one_history(database: &Database) {
    let notes: Vec<String> = database.runtime.block_on(async {
        let mut session = Session::open(&database.address, false).await.unwrap();
        let rows = session.rows("SELECT note FROM log_checkpoint ORDER BY size", &[]).await.unwrap();
        rows.iter().map(|row| row.text(0).unwrap()).collect()
    });
    assert!(!notes.is_empty());
    for note in notes {
        let (checkpoint, _) = Checkpoint::open(&note, signer().verifier()).unwrap();
        database.since(&checkpoint).unwrap();
    }
}

#[test]
fn what_many_ask_for_at_once_is_gathered_and_covered_before_the_answer() {
    for database in Database::each() {
        let writer = database.writer();
        database.runtime.block_on(async {
            let (sequencer, running) = Sequencer::start(writer, now);
            let clients: Vec<_> = (0..32_u64)
                .map(|client| {
                    let sequencer = sequencer.clone();
                    tokio::spawn(async move {
                        let mut seen = Vec::new();
                        for number in 0..20 {
                            let done = sequencer.append(append(client * 100 + number)).await.unwrap();
                            let (covers, _) = Checkpoint::open(&done.checkpoint, signer().verifier()).unwrap();
                            assert!(covers.size > done.first);
                            seen.push(done.first);
                        }
                        assert!(seen.is_sorted());
                        seen
                    })
                })
                .collect();
            drop(sequencer);
            let mut all = Vec::new();
            for client in clients {
                all.extend(client.await.unwrap());
            }
            all.sort_unstable();
            assert_eq!(all, (0..640).collect::<Vec<_>>());
            running.finished().await.unwrap();
        });
        assert_eq!(database.verify().unwrap().size, 640);
        one_history(&database);
    }
}

#[test]
fn replicas_on_postgresql_write_one_history() {
    let Some(database) = Database::postgres() else { return };
    let replicas: Vec<Writer> = (0..4).map(|_| database.writer()).collect();
    database.runtime.block_on(async {
        let tasks: Vec<_> = replicas
            .into_iter()
            .map(|mut writer| {
                tokio::spawn(async move {
                    for number in 0..40 {
                        writer.append(&[append(number), append(number)], now()).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(database.verify().unwrap().size, 320);
    one_history(&database);
}

#[test]
fn f15_a_replica_that_was_stopped_in_the_middle_is_fenced_off() {
    let Some(database) = Database::postgres() else { return };
    database.append(0, 3);
    let began = Instant::now();
    database.runtime.block_on(async {
        // As a replica does that is stopped after it has read the head and holds its lock.
        let mut stopped = Session::open(&database.address, false).await.unwrap();
        stopped.begin().await.unwrap();
        stopped.row("SELECT size FROM log_head WHERE id = 1 FOR UPDATE", &[]).await.unwrap().unwrap();
        let mut other = Writer::open(&database.address, signer(), Duration::ZERO, now()).await.unwrap();
        other.append(&[append(3)], now()).await.unwrap()[0].as_ref().unwrap();
        assert!(began.elapsed() >= Duration::from_secs(4), "the lock was held");
        // It wakes, and finds that it may not go on.
        assert!(stopped.run("UPDATE log_head SET size = 99", &[]).await.is_err());
        assert!(stopped.commit().await.is_err());
    });
    assert_eq!(database.verify().unwrap().size, 4);
    one_history(&database);
}

#[test]
fn f16_a_second_writer_on_a_file_is_refused_by_name() {
    let database = Database::sqlite();
    let first = database.writer();
    let second = database.runtime.block_on(Writer::open(&database.address, signer(), Duration::ZERO, now()));
    let Err(Fault::SecondWriter { path, pid }) = second else { panic!("{second:?}") };
    assert!(path.ends_with("record.db") && pid == format!("process {}", std::process::id()), "{path} {pid}");
    // Who only reads is welcome.
    assert_eq!(database.verify().unwrap().size, 0);
    drop(first);
    database.append(0, 1);
}

#[test]
fn another_key_appends_nothing() {
    for database in Database::each() {
        database.append(0, 2);
        for other in [
            Signer::new("log.example/releases", Kind::Ed25519, &[8; 32]).unwrap(),
            Signer::new("log.example/other", Kind::Ed25519, &[7; 32]).unwrap(),
        ] {
            database.runtime.block_on(async {
                let opening = Writer::open(&database.address, other, Duration::ZERO, now());
                let mut writer = opening.await.unwrap();
                let refused = writer.append(&[append(2)], now()).await;
                assert!(matches!(refused, Err(Fault::OtherKey { .. })), "{refused:?}");
                // And again, on the same connection.
                assert!(matches!(writer.append(&[append(2)], now()).await, Err(Fault::OtherKey { .. })));
            });
        }
        assert_eq!(database.verify().unwrap().size, 2);
    }
}

#[test]
fn f12_a_writer_whose_connection_was_cut_goes_on_with_a_new_one() {
    let Some(database) = Database::postgres() else { return };
    let mut writer = database.writer();
    database.runtime.block_on(writer.append(&[append(0)], now())).unwrap();
    let cut = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.runtime.block_on(async {
        let mut session = Session::open(&database.address, false).await.unwrap();
        session.rows(cut, &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        writer.append(&[append(1)], now()).await.unwrap_err();
        writer.append(&[append(1)], now()).await.unwrap();
    });
    assert_eq!(database.verify().unwrap().size, 2);
}

/// What passes bytes between a client and the server, and where it was told to is gone as soon as the server has heard
/// of a commit: the client never hears what came of it.
fn cut_at_commit(server: &str, armed: Arc<AtomicBool>) -> String {
    let (before, after) = server.split_once("127.0.0.1:").unwrap();
    let (port, database) = after.split_once('/').unwrap();
    let port: u16 = port.parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{before}127.0.0.1:{}/{database}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, armed) = (client.unwrap(), armed.clone());
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut to_client, mut from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
            std::thread::spawn(move || {
                let mut bytes = [0; 4_096];
                while let Ok(length @ 1..) = client.read(&mut bytes) {
                    if bytes[..length].windows(6).any(|word| word == b"COMMIT") && armed.swap(false, Ordering::SeqCst) {
                        client.shutdown(Shutdown::Both).unwrap();
                    }
                    server.write_all(&bytes[..length]).unwrap();
                }
                let _ = server.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

#[test]
fn f12_a_connection_cut_after_commit_was_sent_leaves_it_open_and_asking_again_appends_nothing_twice() {
    let Some(database) = Database::postgres() else { return };
    let Address::Postgres(url) = &database.address else { return };
    let armed = Arc::new(AtomicBool::new(false));
    let through = Address::Postgres(cut_at_commit(url, armed.clone()));
    let once = |number| Append { once: Some(Once { key: "job 1".to_owned(), digest: [1; 32] }), ..append(number) };
    database.runtime.block_on(async {
        let mut writer = Writer::open(&through, signer(), Duration::ZERO, now()).await.unwrap();
        writer.append(&[append(0)], now()).await.unwrap();
        armed.store(true, Ordering::SeqCst);
        let cut = writer.append(&[once(1)], now()).await;
        assert!(matches!(cut, Err(Fault::Uncertain)), "{cut:?}");
        assert!(!armed.load(Ordering::SeqCst));
        // The server may not have gone through it yet, or never have heard of it: either way it is there once.
        let again = writer.append(&[once(1)], now()).await.unwrap().remove(0).unwrap();
        assert_eq!(again.first, 1, "{again:?}");
        writer.close().await.unwrap();
    });
    assert_eq!(database.verify().unwrap().size, 2);
    one_history(&database);
}

#[test]
fn a_database_is_named_as_its_tools_name_it_and_told_without_a_password() {
    let sqlite = |path: &str| Address::Sqlite(path.into());
    assert_eq!(Address::parse("sqlite:record.db").unwrap(), sqlite("record.db"));
    assert_eq!(Address::parse("sqlite:///srv/record.db").unwrap(), sqlite("/srv/record.db"));
    for bad in ["record.db", "sqlite:", "sqlite::memory:", "mysql://host/db", "", "sqlite:a?mode=memory"] {
        assert!(matches!(Address::parse(bad), Err(Fault::Address(_))), "{bad}");
    }
    let secret = "postgres://ana:secret@db.example:5432/record?password=secret&host=/run/postgresql";
    let shown = Address::parse(secret).unwrap().to_string();
    assert_eq!(shown, "postgres://db.example:5432/record?host=/run/postgresql");
    assert!(!Address::parse("mysql://ana:secret@host/db").unwrap_err().to_string().contains("secret"));
}
