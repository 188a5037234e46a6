//! What is let go that lies in a folder (row T66): the file goes with the row, whoever is killed in between.

use std::path::{Path, PathBuf};

use countersign::store::annex::Annex;
use countersign::store::blob::Blob;
use countersign::store::erasure::Erased;
use countersign::store::fault::Fault;
use countersign::store::writer::Append;

use super::{Database, append, entry, now};

/// Bytes that do not grow smaller, another lot for each number.
fn large(number: u32) -> Blob {
    let mixed = |at: u32| (at ^ number << 20).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(0x9e37_79b1);
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(|at| mixed(at).to_be_bytes()).collect();
    Blob::new(&bytes)
}

fn file(folder: &Path, blob: &Blob) -> PathBuf {
    let name = blob.digest().to_string();
    folder.join(&name[..2]).join(&name)
}

#[test]
fn t66_a_file_that_one_who_was_killed_left_goes_with_the_next_and_what_came_again_stays() {
    for database in Database::each() {
        let folder = tempfile::tempdir().unwrap();
        let annex = Some(Annex::folder(folder.path()));
        let blobs: Vec<Blob> = (0..4).map(large).collect();
        let mut writer = database.writer().with_annex(annex.clone());
        let batch = [Append { blobs: blobs.clone(), ..append(0) }];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        // As it is after the transaction that lets three go, and before any file went.
        let three = "UPDATE blob SET packed = NULL, annexed = 2 WHERE digest < (SELECT digest FROM blob ORDER BY digest DESC LIMIT 1)";
        database.tamper(three);
        let last = blobs.iter().max_by_key(|blob| blob.digest().0).unwrap();
        let read = |blob: &Blob| {
            let reader = database.reader().with_annex(annex.clone());
            let mut reader = reader;
            database.runtime.block_on(reader.blob(blob.digest())).unwrap()
        };
        for blob in &blobs {
            assert!(file(folder.path(), blob).exists());
            assert_eq!(read(blob).is_some(), blob.digest() == last.digest(), "what is to go is not read any more");
        }
        let left: Vec<&Blob> = blobs.iter().filter(|blob| blob.digest() != last.digest()).collect();
        // One of them comes again, to the folder, and one to the database alone.
        let batch = [Append { blobs: vec![left[1].clone()], ..append(1) }];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        database.runtime.block_on(writer.close()).unwrap();
        let mut writer = database.writer();
        let batch = [Append { blobs: vec![left[2].clone()], ..append(2) }];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        assert_eq!(database.runtime.block_on(writer.sweep()).unwrap(), 0, "no folder is named");
        let mut writer = writer.with_annex(annex.clone());
        assert_eq!(database.runtime.block_on(writer.sweep()).unwrap(), 2);
        assert_eq!(database.runtime.block_on(writer.sweep()).unwrap(), 0);
        assert!(!file(folder.path(), left[0]).exists() && read(left[0]).is_none());
        assert!(file(folder.path(), left[1]).exists() && read(left[1]).is_some());
        assert!(!file(folder.path(), left[2]).exists() && read(left[2]).is_some(), "it is in the database");
        assert!(file(folder.path(), last).exists() && read(last).is_some());
        database.verify().unwrap();
    }
}

#[test]
fn t66_bytes_that_lie_in_the_database_and_in_the_folder_go_from_both() {
    for database in Database::each() {
        let folder = tempfile::tempdir().unwrap();
        let annex = Some(Annex::folder(folder.path()));
        let blob = large(9);
        let keep = |annex: Option<Annex>, number| {
            let mut writer = database.writer().with_annex(annex);
            let batch = [Append { blobs: vec![blob.clone()], ..append(number) }];
            database.runtime.block_on(writer.append(&batch, now())).unwrap();
            writer
        };
        keep(None, 0);
        let mut writer = keep(annex.clone(), 1);
        assert!(file(folder.path(), &blob).exists());
        let erased = database.runtime.block_on(writer.erase(2, &[entry(2)], &[blob.digest()], now())).unwrap();
        assert_eq!(erased, Erased::Done(1));
        assert!(!file(folder.path(), &blob).exists());
        let found = database.runtime.block_on(database.reader().with_annex(annex).blob(blob.digest()));
        assert_eq!(found.unwrap(), None);
        assert_eq!(database.verify().unwrap().size, 3);
    }
}

#[test]
fn t66_without_the_folder_nothing_in_it_is_said_to_be_gone() {
    for database in Database::each() {
        let folder = tempfile::tempdir().unwrap();
        let blob = large(5);
        let mut writer = database.writer().with_annex(Some(Annex::folder(folder.path())));
        let batch = [Append { blobs: vec![blob.clone()], ..append(0) }];
        database.runtime.block_on(writer.append(&batch, now())).unwrap();
        let mut writer = writer.with_annex(None);
        let erased = database.runtime.block_on(writer.erase(1, &[entry(1)], &[blob.digest()], now()));
        assert!(matches!(erased, Err(Fault::NoAnnex(_))), "{erased:?}");
        assert_eq!(database.verify().unwrap().size, 1);
        assert!(file(folder.path(), &blob).exists());
        let erased = database.runtime.block_on(writer.erase(0, &[entry(1)], &[blob.digest()], now())).unwrap();
        assert_eq!(erased, Erased::GoneOn);
    }
}
