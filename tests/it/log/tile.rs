use std::collections::BTreeMap;
use std::convert::Infallible;

use countersign::log::tile::{self, Missing, Tile, Tiled, Tiles, WIDTH};
use countersign::log::tree::{self, Edge, Hash};
use proptest::prelude::*;

use super::naive::{self, entries};

fn path(level: Option<u8>, number: u64, width: u64) -> String {
    Tile { level, number, width }.path()
}

#[test]
fn paths_are_those_of_the_specification() {
    assert_eq!(path(Some(0), 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(Some(0), 0, 256), "tile/0/000");
    assert_eq!(path(Some(0), 273, 112), "tile/0/273.p/112");
    assert_eq!(path(Some(1), 1, 17), "tile/1/001.p/17");
    assert_eq!(path(Some(2), 0, 1), "tile/2/000.p/1");
    assert_eq!(path(None, 273, 112), "tile/entries/273.p/112");
    assert_eq!(path(None, 1_000, 256), "tile/entries/x001/000");
    assert_eq!(path(None, 999, 256), "tile/entries/999");
    assert_eq!(path(Some(0), u64::MAX, 1), "tile/0/x018/x446/x744/x073/x709/x551/615.p/1");
}

/// A log's tiles, as they follow from its entries.
#[derive(Clone, Default)]
pub struct Kept(pub BTreeMap<String, Vec<u8>>);

impl Kept {
    pub fn of(entries: &[Vec<u8>]) -> Self {
        let mut kept = Self::default();
        let size = entries.len() as u64;
        for (number, some) in (0_u64..).zip(entries.chunks(256)) {
            let bundle = Tile { level: None, number, width: some.len() as u64 };
            kept.0.insert(bundle.path(), tile::bundle(some.iter().map(Vec::as_slice)).unwrap());
        }
        for level in 0..8_u8 {
            let unit = 1_usize << (8 * u32::from(level));
            let row: Vec<[u8; 32]> = entries.chunks_exact(unit).map(naive::root).collect();
            for (number, some) in (0_u64..).zip(row.chunks(256)) {
                let tile = Tile { level: Some(level), number, width: some.len() as u64 };
                kept.0.insert(tile.path(), some.concat());
            }
            if size >> (8 * (u32::from(level) + 1)) == 0 {
                break;
            }
        }
        kept
    }
}

impl Tiles for Kept {
    type Error = String;
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, String> {
        self.0.get(&tile.path()).cloned().ok_or_else(|| format!("there is no {}", tile.path()))
    }
}

#[test]
fn proofs_from_tiles_are_those_of_the_definition() {
    for size in [1_usize, 2, 255, 256, 257, 511, 512, 600, 1_100] {
        let all = entries(size);
        let mut kept = Kept::of(&all);
        let root = naive::root(&all);
        assert_eq!(tree::range(&mut Tiled::new(&mut kept, size as u64), 0, size as u64).unwrap().0, root);
        for index in [0, 1, size / 2, size.saturating_sub(2), size - 1].into_iter().filter(|index| *index < size) {
            let path = tree::inclusion(&mut Tiled::new(&mut kept, size as u64), index as u64, size as u64).unwrap();
            assert_eq!(path, naive::hashes(&naive::path(index, &all)), "{index} of {size}");
        }
        for old in [1, 2, size / 3, size / 2, size - 1].into_iter().filter(|old| (1..size).contains(old)) {
            let path = tree::consistency(&mut Tiled::new(&mut kept, size as u64), old as u64, size as u64).unwrap();
            assert_eq!(path, naive::hashes(&naive::proof(old, &all)), "{old} of {size}");
        }
    }
}

#[test]
fn a_tile_of_another_length_is_none() {
    struct Short;
    impl Tiles for Short {
        type Error = Infallible;
        fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Infallible> {
            Ok(vec![0; usize::try_from(tile.width).unwrap() * 32 - 1])
        }
    }
    let missing = tree::inclusion(&mut Tiled::new(&mut Short, 700), 3, 700);
    assert!(matches!(missing, Err(Missing::Form { .. })), "{missing:?}");
    assert!(tile::hashes(&[0; 64], 3).is_none());
    assert!(tile::hashes(&[0; 257 * 32], 256).is_none());
    assert_eq!(tile::hashes(&[0; 64], 1).unwrap().len(), 2, "a fuller tile serves as well");
    assert!(tile::node_within(&[Hash([0; 32]); 3], 2, 1).is_none());
}

proptest! {
    #[test]
    fn a_bundle_is_its_entries(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..256)) {
        let bytes = tile::bundle(entries.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(tile::entries(&bytes).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        if !bytes.is_empty() {
            // What ends within an entry is no bundle, or has fewer entries.
            let less = tile::entries(&bytes[..bytes.len() - 1]).map(|some| some.len());
            prop_assert!(less.is_none_or(|less| less < entries.len()));
        }
    }

    #[test]
    fn arbitrary_bytes_are_a_bundle_in_one_way_only(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Some(entries) = tile::entries(&bytes) {
            prop_assert_eq!(tile::bundle(entries).unwrap(), bytes);
        }
    }
}

#[test]
fn too_long_an_entry_and_too_many_are_no_bundle() {
    assert!(tile::bundle([vec![0; 65_536].as_slice()]).is_none());
    assert!(tile::bundle([vec![0; 65_535].as_slice()]).is_some());
    let empty: Vec<&[u8]> = vec![b""; 257];
    assert!(tile::entries(&tile::bundle(empty).unwrap()).is_none());
    assert!(tile::entries(&[0]).is_none());
    assert_eq!(WIDTH, 256);
    let mut edge = Edge::default();
    edge.append(tree::leaf(b"x"), |_, _, _| {});
    assert_eq!(edge.size(), 1);
}
