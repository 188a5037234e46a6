//! What processes share beside the log: it holds whichever of them is asked, and after a restart.

use std::time::Duration;

use countersign::log::tree::Hash;
use countersign::store::shared::{Often, Room, Showing, Token, Visit};
use countersign::store::writer::Writer;

use super::Database;

/// Two who write to a record, one after the other where the database takes one at a time.
fn both<T>(
    database: &Database,
    first: impl AsyncFnOnce(&mut Writer) -> T,
    then: impl AsyncFnOnce(&mut Writer) -> T,
) -> [T; 2] {
    let mut one = database.writer();
    if matches!(database.address, countersign::store::address::Address::Sqlite(_)) {
        let first = database.runtime.block_on(first(&mut one));
        database.runtime.block_on(one.close()).unwrap();
        let mut other = database.writer();
        return [first, database.runtime.block_on(then(&mut other))];
    }
    let mut other = database.writer();
    database.runtime.block_on(async { [first(&mut one).await, then(&mut other).await] })
}

fn token(number: u8, owner: &str, until: i64) -> Token {
    Token { digest: Hash([number; 32]), owner: owner.to_owned(), until }
}

/// In an hour, by the machine's clock, which is the database's.
fn later() -> i64 {
    chrono::Utc::now().timestamp_micros() + 3_600_000_000
}

#[test]
fn t45_a_token_is_shown_once_to_all_processes_together() {
    for database in Database::each() {
        let shown = token(1, "shop", later());
        let came = both(
            &database,
            async |writer| writer.shown(&shown, 10).await.unwrap(),
            async |writer| writer.shown(&shown, 10).await.unwrap(),
        );
        assert_eq!(came, [Showing::First, Showing::Again]);
    }
}

#[test]
fn t45_two_processes_that_are_shown_a_token_at_once_do_not_both_take_it() {
    let Some(database) = Database::postgres() else { return };
    let (mut one, mut other) = (database.writer(), database.writer());
    database.runtime.block_on(async {
        for number in 0..50 {
            let shown = token(number, "shop", later());
            let (first, then) = tokio::join!(one.shown(&shown, 100), other.shown(&shown, 100));
            let mut came = [first.unwrap(), then.unwrap()];
            came.sort_by_key(|showing| *showing == Showing::Again);
            assert_eq!(came, [Showing::First, Showing::Again]);
        }
    });
}

#[test]
fn one_owners_tokens_are_so_many_and_take_nobody_elses_room() {
    for database in Database::each() {
        let mut writer = database.writer();
        database.runtime.block_on(async {
            for number in 1..=3 {
                assert_eq!(writer.shown(&token(number, "shop", later()), 3).await.unwrap(), Showing::First);
            }
            assert_eq!(writer.shown(&token(4, "shop", later()), 3).await.unwrap(), Showing::Full);
            assert_eq!(writer.shown(&token(3, "shop", later()), 3).await.unwrap(), Showing::Again);
            assert_eq!(writer.shown(&token(4, "other", later()), 3).await.unwrap(), Showing::First);
            // What nobody takes any more takes no room, and is forgotten.
            assert_eq!(writer.shown(&token(5, "third", 1), 1).await.unwrap(), Showing::First);
            assert_eq!(writer.shown(&token(6, "third", later()), 1).await.unwrap(), Showing::First);
            writer.forget().await.unwrap();
            assert_eq!(writer.shown(&token(5, "fifth", 1), 1).await.unwrap(), Showing::First);
            assert_eq!(writer.shown(&token(6, "third", 1), 9).await.unwrap(), Showing::Again);
        });
    }
}

fn visit(number: u8, account: &str, reads: bool) -> Visit {
    Visit { digest: Hash([number; 32]), account: account.to_owned(), reads, sealed: vec![number] }
}

const ROOM: Room = Room { most: 3, of_one: 2, life: Duration::from_mins(1) };

#[test]
fn who_logs_in_often_ends_his_own_sessions_and_first_of_those_who_read_nothing() {
    for database in Database::each() {
        let mut writer = database.writer();
        let mut reader = database.reader();
        database.runtime.block_on(async {
            let mut here = async |number: u8| reader.visit(Hash([number; 32])).await.unwrap().is_some();
            for (number, account, reads) in [(1, "ana", true), (2, "eve", false), (3, "eve", false)] {
                writer.enter(&visit(number, account, reads), ROOM).await.unwrap();
            }
            writer.enter(&visit(4, "eve", false), ROOM).await.unwrap();
            assert!(!here(2).await && here(3).await && here(4).await && here(1).await);
            // It is full: one who could read nothing makes room, however new.
            writer.enter(&visit(5, "bo", true), ROOM).await.unwrap();
            assert!(!here(3).await && here(4).await && here(1).await && here(5).await);
            writer.leave(Hash([1; 32])).await.unwrap();
            writer.leave(Hash([1; 32])).await.unwrap();
            assert!(!here(1).await);
            let short = Room { life: Duration::ZERO, ..ROOM };
            writer.enter(&visit(6, "carla", true), short).await.unwrap();
            assert!(!here(6).await, "it is over");
        });
    }
}

#[test]
fn what_may_be_done_so_often_is_counted_by_all_processes_together() {
    for database in Database::each() {
        let often = Often { most: 3, within: Duration::from_mins(1) };
        let two = async |writer: &mut Writer| {
            [writer.may("acts of ana", often).await.unwrap(), writer.may("acts of ana", often).await.unwrap()]
        };
        assert_eq!(both(&database, two, two), [[true, true], [true, false]]);
        let mut writer = database.writer();
        assert!(database.runtime.block_on(writer.may("acts of bo", often)).unwrap());
        let short = Often { most: 1, within: Duration::ZERO };
        for _ in 0..3 {
            assert!(database.runtime.block_on(writer.may("acts of carla", short)).unwrap());
        }
    }
}
