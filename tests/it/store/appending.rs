use countersign::log::proof::Proof;
use countersign::log::tile::{Tile, Tiled};
use countersign::log::tree::{self, Hash};
use countersign::store::blob::Blob;
use countersign::store::fault::Fault;
use countersign::store::reader::Blocking;
use countersign::store::writer::{Append, Once, Refused};

use super::{Database, append, entry, now, signer};
use crate::log::naive;

#[test]
fn a_log_of_every_size_about_a_tile_verifies_and_proves_its_entries() {
    for database in Database::each() {
        let mut size = 0;
        for more in [1, 1, 253, 1, 1, 255, 300, 700] {
            database.append(size, more);
            size += more;
            let verified = database.verify().unwrap();
            assert_eq!(verified.size, size);
            let all: Vec<Vec<u8>> = (0..size).map(entry).collect();
            assert_eq!(verified.root, Hash(naive::root(&all)));
            let mut reader = database.reader();
            let head = database.runtime.block_on(reader.head()).unwrap();
            for index in [0, size / 3, size - 1] {
                let mut tiles = Blocking { runtime: &database.runtime, reader: &mut reader };
                let path = tree::inclusion(&mut Tiled::new(&mut tiles, size), index, size).unwrap();
                let note = countersign::log::note::Note::parse(&head.checkpoint).unwrap();
                let proof = Proof { index, path, checkpoint: note };
                let proof = Proof::parse(&proof.to_string()).unwrap();
                proof.check(&entry(index), signer().verifier()).unwrap();
            }
        }
    }
}

#[test]
fn a_log_that_grows_past_the_second_level_of_tiles_verifies() {
    for database in Database::each() {
        let mut writer = database.writer();
        let mut from = 0;
        // Batches that end nowhere in particular.
        while from < 66_000 {
            let batch = [Append { entries: (from..from + 1_777).map(entry).collect(), ..Append::default() }];
            let answers = database.runtime.block_on(writer.append(&batch, now())).unwrap();
            assert_eq!(answers[0].as_ref().unwrap().first, from);
            from += 1_777;
        }
        database.runtime.block_on(writer.close()).unwrap();
        assert_eq!(database.verify().unwrap().size, from);
        let level_two = database.read(Tile { level: Some(2), number: 0, width: 1 }).unwrap();
        let all: Vec<Vec<u8>> = (0..65_536).map(entry).collect();
        assert_eq!(level_two, naive::root(&all));
    }
}

fn once(key: &str, number: u64) -> Append {
    Append { once: Some(Once { key: key.to_owned(), digest: [u8::try_from(number).unwrap(); 32] }), ..append(number) }
}

#[test]
fn what_is_asked_for_again_is_there_once() {
    for database in Database::each() {
        let mut writer = database.writer();
        let mut ask = |batch: &[Append]| database.runtime.block_on(writer.append(batch, now())).unwrap();
        let answers = ask(&[once("a", 1), append(2), once("b", 3), once("a", 1), once("a", 4)]);
        let first: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(|it| (it.first, it.before))).collect();
        let other = Refused::OtherContent("a".to_owned());
        assert_eq!(first, [Ok((0, false)), Ok((1, false)), Ok((2, false)), Ok((0, true)), Err(&other)]);
        let again = ask(&[once("b", 3)]);
        let again = again[0].as_ref().unwrap();
        assert_eq!((again.first, again.before), (2, true));
        assert_eq!(again.checkpoint, answers[0].as_ref().unwrap().checkpoint, "nothing new was signed");
        assert_eq!(ask(&[once("b", 9)]), [Err(Refused::OtherContent("b".to_owned()))]);
        assert_eq!(ask(&[once("c", 5)])[0].as_ref().unwrap().first, 3);
        assert_eq!(database.verify().unwrap().size, 4);
    }
}

#[test]
fn one_that_is_too_long_leaves_the_others_appended() {
    for database in Database::each() {
        let mut writer = database.writer();
        let long = Append { entries: vec![vec![b'x'; 65_536]], ..Append::default() };
        let answers = database.runtime.block_on(writer.append(&[append(0), long, append(1)], now())).unwrap();
        assert_eq!(answers[1], Err(Refused::TooLong(65_536)));
        assert_eq!(answers[2].as_ref().unwrap().first, 1);
        let longest = Append { entries: vec![vec![b'x'; 65_535]], ..Append::default() };
        database.runtime.block_on(writer.append(&[longest], now())).unwrap()[0].as_ref().unwrap();
        database.runtime.block_on(writer.append(&[], now())).unwrap();
        assert_eq!(database.verify().unwrap().size, 3);
    }
}

#[test]
fn a_blob_is_kept_once_and_packed_and_comes_back_as_it_was() {
    for database in Database::each() {
        let mut writer = database.writer();
        let bytes = "the same line over and over\n".repeat(10_000).into_bytes();
        let blob = Blob::new(&bytes);
        let digest = blob.digest();
        assert_eq!((digest, blob.size()), (Hash(naive::sha256(&bytes)), bytes.len() as u64));
        let empty = Blob::new(b"");
        let batch = [
            Append { blobs: vec![blob.clone(), empty.clone()], ..append(0) },
            Append { blobs: vec![blob.clone(), blob], ..append(1) },
        ];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        database.runtime.block_on(writer.close()).unwrap();
        let mut reader = database.reader();
        let mut read = |digest| database.runtime.block_on(reader.blob(digest));
        assert_eq!(read(digest).unwrap().unwrap(), bytes);
        assert_eq!(read(empty.digest()).unwrap().unwrap(), b"");
        assert_eq!(read(Hash([0; 32])).unwrap(), None);
        assert_eq!(database.tamper("DELETE FROM blob WHERE size < 0"), 0);
        let small = "UPDATE blob SET packed = NULL WHERE size > 0 AND length(packed) < 5000";
        // What was deleted when its time was over is gone; the log does not depend on it.
        assert_eq!(database.tamper(small), 1, "packed, it is small");
        assert_eq!(read(digest).unwrap(), None);
        database.verify().unwrap();
    }
}

#[test]
fn a_blob_that_was_changed_is_not_handed_out() {
    for database in Database::each() {
        let mut writer = database.writer();
        let (one, other) = (Blob::new(b"one"), Blob::new(b"another"));
        let batch = [Append { blobs: vec![one.clone(), other], ..append(0) }];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        let swap = "UPDATE blob SET packed = (SELECT packed FROM blob WHERE size = 7) WHERE size = 3";
        assert_eq!(database.tamper(swap), 1);
        let found = database.runtime.block_on(database.reader().blob(one.digest()));
        assert!(matches!(found, Err(Fault::Damaged(_))), "{found:?}");
    }
}

#[test]
fn what_is_large_lies_in_a_folder_once_and_is_checked_when_it_is_read() {
    use countersign::store::annex::Annex;
    let bytes: Vec<u8> =
        (0..400_000_u32).flat_map(|number| (number.wrapping_mul(2_654_435_761) >> 7).to_be_bytes()).collect();
    for database in Database::each() {
        let folder = tempfile::tempdir().unwrap();
        let annex = Some(Annex::folder(folder.path()));
        let (large, small) = (Blob::new(&bytes), Blob::new(b"small"));
        let mut writer = database.writer().with_annex(annex.clone());
        let batch = [Append { blobs: vec![large.clone(), small.clone()], ..append(0) }];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        database.runtime.block_on(writer.append(&[Append { blobs: vec![large.clone()], ..append(1) }], now())).unwrap();
        let name = large.digest().to_string();
        let file = folder.path().join(&name[..2]).join(&name);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the small one is in the database");
        let read = |annex: Option<Annex>, blob: &Blob| {
            database.runtime.block_on(database.reader().with_annex(annex).blob(blob.digest()))
        };
        assert_eq!(read(annex.clone(), &large).unwrap().unwrap(), bytes);
        assert_eq!(read(annex.clone(), &small).unwrap().unwrap(), b"small");
        assert!(matches!(read(None, &large), Err(Fault::NoAnnex(_))));
        let mut changed = std::fs::read(&file).unwrap();
        changed[1_000] ^= 1;
        std::fs::write(&file, changed).unwrap();
        assert!(matches!(read(annex.clone(), &large), Err(Fault::Annex { .. } | Fault::Damaged(_))));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(read(annex, &large), Err(Fault::Annex { .. })));
    }
}
