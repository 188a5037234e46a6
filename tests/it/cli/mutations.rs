//! Random single mutations of an exported log: each is caught, and told where it is. `TEST_MUTATIONS` says how many;
//! 5,000 where it says nothing, 100,000 when everything is asked for. A sample of them goes through the command and the
//! second verifier as well, which must agree.

use std::collections::BTreeMap;
use std::fs;

use countersign::log::checkpoint::Checkpoint;
use countersign::log::note::Verifier;
use countersign::log::tile::Tile;
use countersign::log::verify::{self, Wrong};

use super::log::{files, filled, good, second};
use crate::second::chance::Chance;

/// An exported log in memory, by the files' names.
#[derive(Clone)]
struct Exported(BTreeMap<String, Vec<u8>>);

impl countersign::log::tile::Tiles for Exported {
    type Error = String;
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, String> {
        self.0.get(&tile.path()).cloned().ok_or_else(|| format!("there is no {}", tile.path()))
    }
}

/// One file with one change.
struct Mutation {
    path: String,
    bytes: Vec<u8>,
    how: String,
}

fn mutation(log: &Exported, chance: &mut Chance) -> Mutation {
    let paths: Vec<&String> = log.0.keys().collect();
    let path = chance.of(&paths).clone();
    let mut bytes = log.0[&path].clone();
    let at = chance.below(bytes.len());
    let how = match chance.below(6) {
        0 | 1 => {
            let bit = chance.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} is another")
        }
        2 => {
            let other = bytes[at].wrapping_add(u8::try_from(chance.between(1, 255)).unwrap());
            bytes[at] = other;
            format!("byte {at} is {other}")
        }
        3 => {
            bytes.remove(at);
            format!("byte {at} is gone")
        }
        4 => {
            let new = u8::try_from(chance.below(256)).unwrap();
            let at = chance.below(bytes.len() + 1);
            bytes.insert(at, new);
            format!("{new} stands before byte {at}")
        }
        _ => {
            bytes.truncate(at);
            format!("it ends at byte {at}")
        }
    };
    Mutation { path, bytes, how }
}

/// What is told of a log, where it does not hold.
enum Told {
    Checkpoint,
    File(String),
    Entries(u64, u64),
    Elsewhere(String),
}

fn judged(log: &mut Exported, key: &Verifier) -> Result<(), Told> {
    let Ok(text) = String::from_utf8(log.0["checkpoint"].clone()) else { return Err(Told::Checkpoint) };
    let (checkpoint, _) = Checkpoint::open(&text, key).map_err(|_| Told::Checkpoint)?;
    match verify::all(log, &checkpoint, &mut |_| {}) {
        Ok(_) => Ok(()),
        Err(Wrong::Tile { path, .. } | Wrong::Bundle { path, .. }) => Err(Told::File(path)),
        Err(Wrong::Entries { first, last }) => Err(Told::Entries(first, last)),
        Err(other) => Err(Told::Elsewhere(other.to_string())),
    }
}

/// Whether what is told is where it is.
fn located(told: &Told, mutation: &Mutation) -> bool {
    match told {
        Told::Checkpoint => mutation.path == "checkpoint",
        Told::File(path) => *path == mutation.path,
        Told::Entries(first, last) => {
            first == last && mutation.path.starts_with(&format!("tile/entries/{:03}", first / 256))
        }
        Told::Elsewhere(_) => false,
    }
}

#[test]
fn random_single_mutations_of_an_exported_log_are_caught_and_located() {
    let count: usize = match std::env::var("TEST_MUTATIONS") {
        Ok(count) => count.parse().unwrap(),
        Err(_) => 5_000,
    };
    let world = filled(600);
    good(&world, &["log", "export", "out"]);
    let out = world.path().join("out");
    let name = |path: &std::path::Path| path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned();
    let log = Exported(files(&out).iter().map(|path| (name(path), fs::read(path).unwrap())).collect());
    let key = Verifier::parse(&world.read("log.pub")).unwrap();
    assert!(judged(&mut log.clone(), &key).is_ok());

    let mut chance = Chance::new(0x5eed);
    let mut changed = log.clone();
    // So many of them go through both programs.
    let sample = (count / 100).max(50).min(count);
    let mut by_file: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..count {
        let mutation = mutation(&log, &mut chance);
        assert_ne!(mutation.bytes, log.0[&mutation.path]);
        changed.0.insert(mutation.path.clone(), mutation.bytes.clone());
        let found = judged(&mut changed, &key);
        let which = || format!("mutation {number}, {}: {}", mutation.path, mutation.how);
        match &found {
            Ok(()) => panic!("{} is not noticed", which()),
            Err(told @ Told::Elsewhere(words)) if !located(told, &mutation) => panic!("{}: {words}", which()),
            Err(told) => assert!(located(told, &mutation), "{} is told of another place", which()),
        }
        *by_file.entry(mutation.path.clone()).or_default() += 1;
        if number % (count / sample) == 0 {
            let path = out.join(&mutation.path);
            fs::write(&path, &mutation.bytes).unwrap();
            let ours = world.run(&["log", "verify", "--folder", "out", "--log-key", "log.pub"]);
            assert_eq!(ours.code, 12, "{}: {}{}", which(), ours.out, ours.err);
            let words = match &found {
                Err(Told::Checkpoint) | Ok(()) => "checkpoint".to_owned(),
                Err(Told::File(path)) => path.clone(),
                Err(Told::Entries(first, _)) => format!("entry {first} "),
                Err(Told::Elsewhere(words)) => words.clone(),
            };
            // What is not text cannot be read as a checkpoint, and the file is named.
            assert!(ours.err.contains(&words), "{}: {}", which(), ours.err);
            if let Some((holds, theirs)) = second(&world, &["log", "out", "log.pub"]) {
                assert!(!holds && theirs.starts_with("bad "), "{}: {theirs}", which());
            }
            fs::write(&path, &log.0[&mutation.path]).unwrap();
        }
        changed.0.insert(mutation.path.clone(), log.0[&mutation.path].clone());
    }
    assert!(judged(&mut changed, &key).is_ok());
    assert_eq!(by_file.len(), log.0.len(), "no file is left out: {by_file:?}");
}
