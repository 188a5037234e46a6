use countersign::log::tile::Tile;
use countersign::store::address::Address;
use countersign::store::blob::Blob;
use countersign::store::copy::{self, Source};
use countersign::store::fault::Fault;
use countersign::store::session::Session;
use countersign::store::writer::{Append, Once};

use super::{Database, append, now};

/// Everything that a record holds, as text.
fn everything(database: &Database) -> Vec<String> {
    let queries = [
        "SELECT origin || ' ' || vkey || ' ' || size || ' ' || checkpoint, edge FROM log_head",
        "SELECT 'entry ' || idx, hash FROM log_entry ORDER BY idx",
        "SELECT 'bytes ' || idx, entry FROM log_entry ORDER BY idx",
        "SELECT 'tile ' || level || ' ' || number, hashes FROM log_tile ORDER BY level, number",
        "SELECT 'checkpoint ' || size || ' ' || note || ' ' || at, NULL FROM log_checkpoint ORDER BY size",
        "SELECT 'once ' || once || ' ' || idx || ' ' || entries, digest FROM log_once ORDER BY once",
        "SELECT 'blob ' || size || ' ' || at, digest FROM blob ORDER BY digest",
        "SELECT 'packed', packed FROM blob ORDER BY digest",
        "SELECT 'epoch ' || epoch, NULL FROM fence",
        "SELECT 'delivery ' || idx || ' ' || forge || ' ' || id || ' ' || at, digest FROM delivery ORDER BY idx",
        "SELECT 'stream ' || name || ' ' || version || ' ' || idx, NULL FROM stream ORDER BY name",
        "SELECT 'decision ' || idx || ' ' || stream || ' ' || version || ' ' || ruling || ' ' || summary || ' ' || now \
         || ' ' || at, document FROM decision ORDER BY idx",
        "SELECT 'outbox ' || idx || ' ' || once || ' ' || destination || ' ' || state || ' ' || due, body FROM outbox \
         ORDER BY idx",
        "SELECT 'destination ' || name || ' ' || failures || ' ' || opens, NULL FROM destination ORDER BY name",
        "SELECT 'timer ' || stream || ' ' || due, NULL FROM timer ORDER BY stream",
    ];
    database.runtime.block_on(async {
        let mut session = Session::open(&database.address, false).await.unwrap();
        let mut all = Vec::new();
        for query in queries {
            for row in session.rows(query, &[]).await.unwrap() {
                let bytes = if query.contains("NULL") { None } else { row.maybe_bytes(1).unwrap() };
                all.push(format!("{} {bytes:?}", row.text(0).unwrap()));
            }
        }
        all
    })
}

fn filled(database: &Database) {
    database.append(0, 600);
    let mut writer = database.writer();
    let once = Some(Once { key: "job 1".to_owned(), digest: [1; 32] });
    let batch = [Append { once, blobs: vec![Blob::new(b"\0\xff bytes"), Blob::new(b"")], ..append(600) }];
    database.runtime.block_on(writer.append(&batch, now())).unwrap();
    let decided = super::fencing::decision("1.0", 0, &[("a", "forge")], Some(9));
    database.runtime.block_on(writer.append(&[decided], now())).unwrap()[0].as_ref().unwrap();
    database.runtime.block_on(writer.close()).unwrap();
    database.tamper("UPDATE blob SET packed = NULL WHERE size = 0");
}

fn pairs() -> Vec<(Database, Database)> {
    let mut pairs = vec![(Database::sqlite(), Database::sqlite())];
    pairs.extend(Database::postgres().map(|there| (Database::sqlite(), there)));
    pairs.extend(Database::postgres().map(|here| (here, Database::sqlite())));
    pairs
}

fn copied(from: &Address, to: &Database, source: Source) -> Result<u64, Fault> {
    to.runtime.block_on(copy::copy(from, &to.address, source, 5))
}

#[test]
fn a_backup_has_every_byte_and_the_source_goes_on() {
    for (here, there) in pairs() {
        filled(&here);
        copied(&here.address, &there, Source::Stays).unwrap();
        assert_eq!(everything(&here), everything(&there));
        there.verify().unwrap();
        here.append(603, 5);
        assert_eq!(here.verify().unwrap().size, 608);
        here.since(&there.checkpoint()).unwrap();
    }
}

#[test]
fn a_record_that_moved_goes_on_there_and_nowhere_else() {
    for (here, there) in pairs() {
        filled(&here);
        let before = everything(&here);
        copied(&here.address, &there, Source::Moves).unwrap();
        assert_eq!(everything(&there), before);
        let mut writer = here.writer();
        let refused = here.runtime.block_on(writer.append(&[append(7)], now()));
        assert!(matches!(refused, Err(Fault::Moved(_))), "{refused:?}");
        assert!(matches!(here.verify(), Ok(verified) if verified.size == 603), "it can still be read");
        there.append(603, 5);
        assert_eq!(there.verify().unwrap().size, 608);
        // What was asked for there before is known here.
        let tile = Tile { level: Some(0), number: 2, width: 94 };
        assert_eq!(there.read(tile).unwrap().len(), 94 * 32);
    }
}

#[test]
fn nothing_is_copied_over_a_record_and_nothing_out_of_none() {
    for (here, there) in pairs() {
        filled(&here);
        there.append(0, 1);
        assert!(matches!(copied(&here.address, &there, Source::Stays), Err(Fault::NotEmpty(_))));
        assert_eq!(there.verify().unwrap().size, 1);
        assert!(matches!(copied(&here.address, &there, Source::Moves), Err(Fault::NotEmpty(_))));
        here.append(603, 1);
    }
    let nowhere = Address::Sqlite("/nowhere/record.db".into());
    assert!(matches!(copied(&nowhere, &Database::sqlite(), Source::Stays), Err(Fault::File { .. })));
}
