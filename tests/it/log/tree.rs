use std::collections::BTreeMap;

use countersign::log::tree::{self, Edge, Hash, Unproven};

use super::naive::{self, Entries, entries, hashes};

const MOST: usize = 70;

fn edge(entries: &[Vec<u8>]) -> Edge {
    let mut edge = Edge::default();
    for entry in entries {
        edge.append(tree::leaf(entry), |_, _, _| {});
    }
    edge
}

#[test]
fn known_answers_of_the_leaves_that_every_implementation_tries() {
    // The eight leaves of the tests of Certificate Transparency. Their roots are computed
    // here a second time, by the definition; the first and the last are known by heart.
    let leaves: Vec<Vec<u8>> =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
            .iter()
            .map(|hex| (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect())
            .collect();
    assert_eq!(tree::empty().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(
        edge(&leaves[..1]).root().to_string(),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(edge(&leaves).root().to_string(), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    for size in 0..=leaves.len() {
        assert_eq!(edge(&leaves[..size]).root().0, naive::root(&leaves[..size]), "{size}");
    }
}

#[test]
fn roots_inclusion_and_consistency_are_those_of_the_definition() {
    let all = entries(MOST);
    for size in 0..=MOST {
        let some = &all[..size];
        let root = Hash(naive::root(some));
        assert_eq!(edge(some).root(), root);
        for index in 0..size {
            let path = tree::inclusion(&mut Entries(some), index as u64, size as u64).unwrap();
            assert_eq!(path, hashes(&naive::path(index, some)), "{index} of {size}");
            tree::check_inclusion(tree::leaf(&some[index]), index as u64, size as u64, &path, root).unwrap();
        }
        for old in 0..=size {
            let path = tree::consistency(&mut Entries(some), old as u64, size as u64).unwrap();
            if old > 0 {
                assert_eq!(path, hashes(&naive::proof(old, some)), "{old} of {size}");
            }
            let old_root = Hash(naive::root(&some[..old]));
            tree::check_consistency(old as u64, old_root, size as u64, root, &path).unwrap();
        }
    }
}

#[test]
fn what_becomes_complete_is_handed_on_once() {
    let all = entries(MOST);
    let mut seen = BTreeMap::new();
    let mut edge = Edge::default();
    for entry in &all {
        edge.append(tree::leaf(entry), |level, number, hash| {
            assert!(seen.insert((level, number), hash).is_none());
        });
    }
    let expected: usize = (0..7).map(|level| MOST >> level).sum();
    assert_eq!(seen.len(), expected);
    for ((level, number), hash) in seen {
        let (width, number) = (1 << level, usize::try_from(number).unwrap());
        assert_eq!(hash.0, naive::root(&all[number * width..(number + 1) * width]), "{level} {number}");
    }
    assert_eq!(Edge::of(70, edge.roots().to_vec()), Some(edge.clone()));
    assert_eq!(Edge::of(71, edge.roots().to_vec()), None);
}

/// Every proof that differs from a good one in one bit, one hash more or one less.
fn mutated(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for place in 0..path.len() {
        for bit in 0..256 {
            let mut path = path.to_vec();
            path[place].0[bit / 8] ^= 1 << (bit % 8);
            all.push(path);
        }
        let mut less = path.to_vec();
        less.remove(place);
        all.push(less);
        let mut twice = path.to_vec();
        twice.insert(place, path[place]);
        all.push(twice);
        for other in place + 1..path.len() {
            let mut swapped = path.to_vec();
            swapped.swap(place, other);
            all.push(swapped);
        }
    }
    let mut more = path.to_vec();
    more.push(Hash([0; 32]));
    all.push(more);
    all
}

#[test]
fn every_mutation_of_an_inclusion_proof_is_refuted() {
    let all = entries(40);
    let mut refuted = 0;
    for size in [1, 2, 3, 7, 8, 13, 33, 40] {
        let some = &all[..size];
        let root = Hash(naive::root(some));
        for index in 0..size {
            let leaf = tree::leaf(&some[index]);
            let path = hashes(&naive::path(index, some));
            let check = |leaf, index, size, path: &[Hash], root| tree::check_inclusion(leaf, index, size, path, root);
            for path in mutated(&path) {
                assert!(check(leaf, index as u64, size as u64, &path, root).is_err(), "{index} of {size}");
                refuted += 1;
            }
            for bit in 0..256 {
                let (mut leaf, mut root) = (leaf, root);
                leaf.0[bit / 8] ^= 1 << (bit % 8);
                assert!(check(leaf, index as u64, size as u64, &path, root).is_err());
                leaf.0[bit / 8] ^= 1 << (bit % 8);
                root.0[bit / 8] ^= 1 << (bit % 8);
                assert!(check(leaf, index as u64, size as u64, &path, root).is_err());
                refuted += 2;
            }
            for other in (0..50).filter(|other| *other != index as u64) {
                assert!(check(leaf, other, size as u64, &path, root).is_err(), "{index} of {size} as {other}");
                refuted += 1;
            }
        }
    }
    assert!(refuted > 100_000, "{refuted}");
    let beyond = tree::check_inclusion(tree::leaf(b""), u64::MAX, 0, &[], tree::empty());
    assert_eq!(beyond, Err(Unproven::BeyondTree { index: u64::MAX, size: 0 }));
}

#[test]
fn every_mutation_of_a_consistency_proof_is_refuted() {
    let all = entries(40);
    let mut refuted = 0;
    for size in [1, 2, 3, 7, 8, 13, 33, 40] {
        let root = Hash(naive::root(&all[..size]));
        for old in 1..=size {
            let old_root = Hash(naive::root(&all[..old]));
            let path = if old == size { Vec::new() } else { hashes(&naive::proof(old, &all[..size])) };
            let check = |old: usize, old_root, path: &[Hash], root| {
                tree::check_consistency(old as u64, old_root, size as u64, root, path)
            };
            check(old, old_root, &path, root).unwrap();
            for path in mutated(&path) {
                assert!(check(old, old_root, &path, root).is_err(), "{old} of {size}");
                refuted += 1;
            }
            for bit in 0..256 {
                let mut other = old_root;
                other.0[bit / 8] ^= 1 << (bit % 8);
                assert!(check(old, other, &path, root).is_err(), "{old} of {size}");
                let mut other = root;
                other.0[bit / 8] ^= 1 << (bit % 8);
                assert!(check(old, old_root, &path, other).is_err(), "{old} of {size}");
                refuted += 2;
            }
            // Another older size with this older root is no prefix.
            for other in (0..size + 2).filter(|other| *other != old) {
                assert!(check(other, old_root, &path, root).is_err(), "{old} as {other} of {size}");
                refuted += 1;
            }
        }
    }
    assert!(refuted > 100_000, "{refuted}");
}

#[test]
fn sizes_at_the_end_of_what_a_number_holds_end_nothing() {
    for (index, size) in [(0, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, (1 << 63) + 1), (u64::MAX, u64::MAX)] {
        for length in [0, 1, 63, 64, 65, 100] {
            let path = vec![Hash([7; 32]); length];
            assert!(tree::check_inclusion(Hash([1; 32]), index, size, &path, Hash([2; 32])).is_err());
            assert!(tree::check_consistency(index, Hash([1; 32]), size, Hash([2; 32]), &path).is_err());
        }
    }
}
