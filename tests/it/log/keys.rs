//! Keys that follow one another: each counts for its own time, and nobody comes in between.

use countersign::log::checkpoint::Checkpoint;
use countersign::log::keys::{Keys, Rotation};
use countersign::log::note::{Flaw, Kind, Signer, Verifier};
use countersign::log::tree::Hash;

const LOG: &str = "acme.example/releases";

fn key(seed: u8) -> Signer {
    Signer::new(LOG, Kind::Ed25519, &[seed; 32]).unwrap()
}

fn rotation(index: u64, from: &Signer, to: &Signer) -> String {
    let rotation = Rotation { index, from: from.verifier().clone(), to: to.verifier().clone() };
    let mut note = rotation.note().unwrap();
    from.sign(&mut note, 0);
    to.sign(&mut note, 0);
    note.to_string()
}

fn checkpoint(size: u64, by: &[&Signer]) -> String {
    let checkpoint = Checkpoint { origin: LOG.to_owned(), size, root: Hash([3; 32]), extension: Vec::new() };
    let mut note = checkpoint.note().unwrap();
    for signer in by {
        signer.sign(&mut note, 0);
    }
    note.to_string()
}

/// Three keys: the second from entry 9 on, the third from entry 20 on.
fn chain() -> (Vec<Signer>, Vec<String>) {
    let keys = vec![key(1), key(2), key(3)];
    let rotations = vec![rotation(9, &keys[0], &keys[1]), rotation(20, &keys[1], &keys[2])];
    (keys, rotations)
}

fn followed(trusted: &Verifier, rotations: &[String]) -> Keys {
    let mut keys = Keys::from(trusted);
    keys.follow_all(rotations).unwrap();
    keys
}

#[test]
fn t65_each_key_counts_for_the_trees_of_its_own_time_whichever_is_trusted() {
    let (keys, rotations) = chain();
    for trusted in &keys {
        let known = followed(trusted.verifier(), &rotations);
        for (size, good) in [(0, 0), (5, 0), (10, 0), (10, 1), (11, 1), (21, 1), (21, 2), (22, 2), (u64::MAX, 2)] {
            for (number, signer) in keys.iter().enumerate() {
                let boundary = matches!((size, number), (10, 0 | 1) | (21, 1 | 2));
                let holds = known.open(&checkpoint(size, &[signer])).is_ok();
                assert_eq!(holds, number == good || boundary, "size {size} by key {number}");
            }
        }
        // What a retired key signs is told as that.
        let late = known.open(&checkpoint(11, &[&keys[0]])).unwrap_err();
        assert_eq!(late, Flaw::NotItsTime { key: keys[0].verifier().short(), from: 0, to: Some(10), size: 11 });
        assert!(late.to_string().contains("counts for those from 0 to 10 only"), "{late}");
        // Beside the right one it does no harm, and no good.
        assert!(known.open(&checkpoint(30, &[&keys[0], &keys[2]])).is_ok());
        assert_eq!(known.newest(), keys[2].verifier());
        for (index, by) in [(0, 0), (9, 0), (10, 1), (20, 1), (21, 2), (400, 2)] {
            assert_eq!(known.at(index), Some(keys[by].verifier()), "entry {index}");
        }
        let again = Keys::parse(&known.to_string()).unwrap();
        assert_eq!(again, followed(keys[0].verifier(), &rotations));
    }
}

#[test]
fn t65_nobody_becomes_a_key_without_the_old_ones_word_or_his_own() {
    let (keys, rotations) = chain();
    let stranger = key(9);
    let plain = |from: &Signer, to: &Signer| {
        let rotation = Rotation { index: 9, from: from.verifier().clone(), to: to.verifier().clone() };
        rotation.note().unwrap()
    };
    // Signed by one of the two, by neither, or by others.
    for by in [&[&keys[0]][..], &[&stranger], &[&keys[1], &stranger]] {
        let mut note = plain(&keys[0], &stranger);
        for signer in by {
            signer.sign(&mut note, 0);
        }
        let mut known = Keys::from(keys[0].verifier());
        assert!(known.follow_all(&[note.to_string()]).is_err());
        assert!(known.open(&checkpoint(30, &[&stranger])).is_err());
    }
    // The word of a key that is none of the log's says nothing.
    let known = followed(keys[0].verifier(), &[rotation(9, &stranger, &key(8))]);
    assert!(known.open(&checkpoint(30, &[&key(8)])).is_err());
    assert!(known.open(&checkpoint(30, &[&keys[0]])).is_ok());
    // A retired key names no second successor.
    let twice = [rotations[0].clone(), rotation(15, &keys[0], &stranger)];
    let known = followed(keys[0].verifier(), &twice);
    assert!(known.open(&checkpoint(30, &[&stranger])).is_err());
    // A rotation before the one that brought its key is refused whole.
    let mut known = Keys::from(keys[0].verifier());
    assert!(known.follow_all(&[rotations[0].clone(), rotation(3, &keys[1], &keys[2])]).is_err());
}

#[test]
fn t65_every_changed_bit_of_a_rotation_is_refused() {
    let (keys, rotations) = chain();
    let bytes = rotations[0].clone().into_bytes();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[place] ^= 1 << bit;
            let Ok(other) = String::from_utf8(other) else { continue };
            assert!(Rotation::open(&other).is_err(), "byte {place}, bit {bit}: {other}");
        }
    }
    let other_log = Signer::new("acme.example/other", Kind::Ed25519, &[2; 32]).unwrap();
    let across = Rotation { index: 1, from: keys[0].verifier().clone(), to: other_log.verifier().clone() };
    assert_eq!(across.note(), None);
    let same = Rotation { index: 1, from: keys[0].verifier().clone(), to: keys[0].verifier().clone() };
    assert_eq!(same.note(), None);
    // A rotation is no checkpoint, and a checkpoint no rotation, whoever signed them.
    assert!(Keys::from(keys[0].verifier()).open(&rotations[0]).is_err());
    assert!(Rotation::open(&checkpoint(5, &[&keys[0], &keys[1]])).is_err());
}
