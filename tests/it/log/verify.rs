//! Verification of a whole log: what was changed is named.

use countersign::log::checkpoint::Checkpoint;
use countersign::log::tile::{self, Tile};
use countersign::log::tree::Hash;
use countersign::log::verify::{self, Verified, Wrong};

use super::naive::{self, entries};
use super::tile::Kept;

fn checkpoint(entries: &[Vec<u8>]) -> Checkpoint {
    let root = Hash(naive::root(entries));
    Checkpoint { origin: "acme.example/releases".to_owned(), size: entries.len() as u64, root, extension: Vec::new() }
}

fn all(kept: &Kept, checkpoint: &Checkpoint) -> Result<Verified, Wrong<String>> {
    verify::all(&mut kept.clone(), checkpoint, &mut |_| {})
}

const SIZES: [usize; 10] = [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_300];

#[test]
fn a_good_log_verifies_from_the_start_and_from_every_older_checkpoint() {
    for size in SIZES {
        let log = entries(size);
        let (kept, now) = (Kept::of(&log), checkpoint(&log));
        assert_eq!(all(&kept, &now).unwrap(), Verified { from: 0, size: size as u64, root: now.root });
        for old in SIZES.into_iter().chain([17, 300, 600]).filter(|old| *old <= size) {
            let before = checkpoint(&log[..old]);
            let found = verify::since(&mut kept.clone(), &before, &now, &mut |_| {}).unwrap();
            assert_eq!((found.from, found.size), (old as u64, size as u64), "{old} of {size}");
        }
    }
}

#[test]
fn a_fuller_bundle_and_a_fuller_tile_serve_an_older_checkpoint() {
    let log = entries(700);
    let mut kept = Kept::of(&log);
    let older = Kept::of(&log[..600]);
    for (path, _) in older.0 {
        let fuller = path.replace(".p/88", ".p/188");
        let bytes = kept.0[&fuller].clone();
        kept.0.insert(path, bytes);
    }
    all(&kept, &checkpoint(&log[..600])).unwrap();
}

/// The same log with one entry changed, its tiles left as they were.
fn changed(log: &[Vec<u8>], at: usize, to: &[u8]) -> Kept {
    let mut kept = Kept::of(log);
    let mut other = log.to_vec();
    other[at] = to.to_vec();
    let number = at / 256;
    let some = &other[number * 256..other.len().min(number * 256 + 256)];
    let bundle = Tile { level: None, number: number as u64, width: some.len() as u64 };
    kept.0.insert(bundle.path(), tile::bundle(some.iter().map(Vec::as_slice)).unwrap());
    kept
}

#[test]
fn a2_a_changed_entry_is_named() {
    let log = entries(1_300);
    let now = checkpoint(&log);
    for at in [0, 1, 17, 255, 256, 700, 1_279, 1_280, 1_299] {
        for to in [&b"forged"[..], b""] {
            let kept = changed(&log, at, to);
            let found = all(&kept, &now).unwrap_err();
            assert!(
                matches!(found, Wrong::Entries { first, last } if first == at as u64 && last == first),
                "{at}: {found}"
            );
            assert!(found.to_string().starts_with(&format!("entry {at} is not")), "{found}");
            // From an older checkpoint, what it covers is not read again.
            for old in [512, 1_000] {
                let before = checkpoint(&log[..old]);
                let found = verify::since(&mut kept.clone(), &before, &now, &mut |_| {});
                match found {
                    Ok(_) => assert!(at < old),
                    Err(Wrong::Entries { first, last }) => assert_eq!((first, last), (at as u64, at as u64)),
                    Err(other) => panic!("{other}"),
                }
                assert!(at < old || verify::since(&mut kept.clone(), &before, &now, &mut |_| {}).is_err());
            }
        }
    }
}

#[test]
fn an_entry_changed_with_its_hash_is_narrowed_down_to_its_tile() {
    let log = entries(1_300);
    let now = checkpoint(&log);
    for at in [3, 300, 1_290] {
        let mut other = log.clone();
        other[at] = b"forged".to_vec();
        let (mut kept, forged) = (Kept::of(&log), Kept::of(&other));
        // The bundle and the tile of leaves are the forger's, the tiles above are not.
        for (path, bytes) in forged.0 {
            if path.starts_with("tile/entries") || path.starts_with("tile/0/") {
                kept.0.insert(path, bytes);
            }
        }
        let found = all(&kept, &now).unwrap_err();
        let (first, last) = (at as u64 / 256 * 256, (at as u64 / 256 * 256 + 255).min(1_299));
        match found {
            Wrong::Entries { first: f, last: l } => assert_eq!((f, l), (first, last), "{at}"),
            // In the unfinished tile there is nothing above.
            Wrong::Rewritten { first: 0, last: 1_299 } => assert_eq!(at, 1_290),
            other => panic!("{at}: {other}"),
        }
    }
}

#[test]
fn a_whole_log_that_was_written_anew_does_not_lead_to_the_root() {
    let log = entries(600);
    let mut other = log.clone();
    other[400] = b"forged".to_vec();
    let forged = Kept::of(&other);
    assert!(matches!(all(&forged, &checkpoint(&log)), Err(Wrong::Rewritten { first: 0, last: 599 })));
    // Whoever holds an older checkpoint learns between which two it happened.
    let before = checkpoint(&log[..300]);
    let found = verify::since(&mut forged.clone(), &before, &checkpoint(&other), &mut |_| {});
    assert!(found.is_ok(), "what the older checkpoint covers is as it was");
    let before = checkpoint(&log[..500]);
    let found = verify::since(&mut forged.clone(), &before, &checkpoint(&other), &mut |_| {}).unwrap_err();
    assert!(matches!(found, Wrong::NotContinued(500)), "{found}");
}

#[test]
fn a_log_that_was_cut_off_is_told_from_one_that_was_changed() {
    let log = entries(600);
    let short = Kept::of(&log[..500]);
    let found = verify::since(&mut short.clone(), &checkpoint(&log), &checkpoint(&log[..500]), &mut |_| {});
    assert!(matches!(found, Err(Wrong::Truncated { old: 600, size: 500 })));
    assert!(matches!(all(&short, &checkpoint(&log)), Err(Wrong::Read(_))));
}

#[test]
fn a2_entries_that_are_missing_or_too_many_are_named() {
    let log = entries(600);
    let now = checkpoint(&log);
    let with = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut kept = Kept::of(&log);
        change(kept.0.get_mut(path).unwrap());
        all(&kept, &now).unwrap_err()
    };
    let bundle = |some: &[Vec<u8>]| tile::bundle(some.iter().map(Vec::as_slice)).unwrap();
    let cut = with("tile/entries/001", &|bytes| *bytes = bundle(&log[256..400]));
    assert!(matches!(cut, Wrong::Bundle { index: 400, .. }), "{cut}");
    let torn = with("tile/entries/001", &|bytes| bytes.truncate(700));
    assert!(matches!(torn, Wrong::Bundle { .. }), "{torn}");
    let more = with("tile/entries/001", &|bytes| bytes.extend_from_slice(&[0, 1, b'x']));
    assert!(matches!(more, Wrong::Bundle { index: 512, .. }), "{more}");
    let inserted = with("tile/entries/000", &|bytes| {
        let mut some = log[..255].to_vec();
        some.insert(9, b"inserted".to_vec());
        *bytes = bundle(&some);
    });
    assert!(matches!(inserted, Wrong::Entries { first: 9, last: 9 }), "{inserted}");
    let swapped = with("tile/entries/000", &|bytes| {
        let mut some = log[..256].to_vec();
        some.swap(40, 90);
        *bytes = bundle(&some);
    });
    assert!(matches!(swapped, Wrong::Entries { first: 40, last: 40 }), "{swapped}");
}

#[test]
fn a_changed_hash_is_named_with_its_tile() {
    let log = entries(1_300);
    let now = checkpoint(&log);
    for (path, place, first) in
        [("tile/0/000", 5, 5), ("tile/0/003", 255, 1_023), ("tile/0/005.p/20", 19, 1_299), ("tile/1/000.p/5", 3, 768)]
    {
        let mut kept = Kept::of(&log);
        kept.0.get_mut(path).unwrap()[place * 32 + 31] ^= 1;
        match all(&kept, &now) {
            Err(Wrong::Tile { path: p, place: at, first: f }) => assert_eq!((p.as_str(), at, f), (path, place, first)),
            other => panic!("{path}: {other:?}"),
        }
        let mut kept = Kept::of(&log);
        kept.0.get_mut(path).unwrap().pop();
        assert!(matches!(all(&kept, &now), Err(Wrong::Tile { path: p, .. }) if p == path), "{path}");
    }
}
