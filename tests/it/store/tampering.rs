//! Row T61 to T63 of what a record must withstand: whoever administers the database changes it.

use countersign::log::verify::Wrong;
use countersign::store::fault::Fault;

use super::Database;

fn log(size: u64) -> Vec<Database> {
    let databases = Database::each();
    for database in &databases {
        database.append(0, size);
        database.verify().unwrap();
    }
    databases
}

fn is_entry(found: &Result<countersign::log::verify::Verified, Wrong<Fault>>, index: u64) -> bool {
    matches!(found, Err(Wrong::Entries { first, last }) if *first == index && *last == index)
}

#[test]
fn t61_a_changed_entry_is_named() {
    for database in log(700) {
        let sql = "UPDATE log_entry SET entry = (SELECT entry FROM log_entry WHERE idx = 3) WHERE idx = 600";
        assert_eq!(database.tamper(sql), 1);
        let found = database.verify();
        assert!(is_entry(&found, 600), "{found:?}");
    }
}

#[test]
fn a2_t61_swapped_rows_are_named() {
    for database in log(300) {
        for sql in [
            "UPDATE log_entry SET idx = -1 WHERE idx = 40",
            "UPDATE log_entry SET idx = 40 WHERE idx = 41",
            "UPDATE log_entry SET idx = 41 WHERE idx = -1",
        ] {
            assert_eq!(database.tamper(sql), 1);
        }
        // Their hashes went with them, so the tile above the hashes tells.
        let found = database.verify();
        assert!(matches!(found, Err(Wrong::Entries { first: 0, last: 255 })), "{found:?}");
    }
}

#[test]
fn t61_a_deleted_entry_and_an_inserted_one_are_named() {
    for database in log(300) {
        assert_eq!(database.tamper("DELETE FROM log_entry WHERE idx = 17"), 1);
        let found = database.verify();
        assert!(matches!(&found, Err(Wrong::Read(Fault::Damaged(why))) if why == "entry 17 is missing"), "{found:?}");
        let sql = "INSERT INTO log_entry (idx, hash, entry) SELECT 17, hash, entry FROM log_entry WHERE idx = 18";
        assert_eq!(database.tamper(sql), 1);
        assert!(database.verify().is_err());
    }
}

#[test]
fn t61_a_changed_hash_and_a_changed_tile_are_named_though_every_entry_is_as_it_was() {
    for database in log(700) {
        let sql = "UPDATE log_entry SET hash = (SELECT hash FROM log_entry WHERE idx = 3) WHERE idx = 600";
        assert_eq!(database.tamper(sql), 1);
        let found = database.verify();
        let named = |found: &Wrong<Fault>, path: &str, first| matches!(found, Wrong::Tile { path: p, first: f, .. } if p == path && *f == first);
        assert!(named(found.as_ref().unwrap_err(), "tile/0/002.p/188", 600), "{found:?}");
    }
    for database in log(700) {
        let sql = "UPDATE log_tile SET hashes = (SELECT hash FROM log_entry WHERE idx = 3)";
        assert_eq!(database.tamper(sql), 1);
        assert!(matches!(database.verify(), Err(Wrong::Tile { path, .. }) if path == "tile/1/000.p/2"));
    }
}

#[test]
fn t62_a_tail_that_was_cut_off_shows_against_a_checkpoint_that_was_kept() {
    for database in log(300) {
        let older = database.runtime.block_on(database.reader().head()).unwrap().checkpoint;
        database.append(300, 100);
        let kept = database.checkpoint();
        // The administrator brings back the checkpoint of before.
        database.tamper("DELETE FROM log_entry WHERE idx >= 300");
        let sql: &'static str =
            Box::leak(format!("UPDATE log_head SET size = 300, checkpoint = '{older}'").into_boxed_str());
        database.tamper(sql);
        // Alone it verifies, which is why what is not witnessed is told as such.
        assert_eq!(database.verify().unwrap().size, 300);
        let found = database.since(&kept);
        assert!(matches!(found, Err(Wrong::Truncated { old: 400, size: 300 })), "{found:?}");
    }
}

#[test]
fn t63_two_histories_under_one_key_contradict_each_other() {
    let (one, other) = (Database::sqlite(), Database::sqlite());
    one.append(0, 300);
    other.append(0, 290);
    other.append(500, 20);
    let kept = one.checkpoint();
    assert!(matches!(other.since(&kept), Err(Wrong::NotContinued(300))));
    // Anybody with both checkpoints can show it: two roots of trees that cannot continue each other.
    let (a, b) = (one.checkpoint(), other.checkpoint());
    assert!(a.size <= b.size && a.origin == b.origin && a.root != b.root);
}
