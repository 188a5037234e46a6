//! Tiles: the C2SP specification `tlog-tiles`, by which a log is read over HTTP or from a folder.

use std::fmt::Write as _;

use super::tree::{self, Hash, Nodes};

/// How many hashes a full tile has, and how many entries a full bundle.
pub const WIDTH: u64 = 256;
/// How many bytes an entry may have, for its length is kept in two.
pub const ENTRY: usize = u16::MAX as usize;

/// One tile or bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// The level, 0 for the hashes of leaves; `None` for a bundle of entries.
    pub level: Option<u8>,
    /// The number in the level.
    pub number: u64,
    /// How many hashes or entries, 1 to 256.
    pub width: u64,
}

impl Tile {
    /// The path, relative to the log's own: `tile/0/x001/067`, `tile/entries/000.p/17`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::from("tile/");
        // Writing to a string does not fail.
        let _ = match self.level {
            Some(level) => write!(path, "{level}"),
            None => write!(path, "entries"),
        };
        let digits = format!("{:03}", self.number);
        let padded = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
        let groups = padded.len() / 3;
        for (index, group) in padded.as_bytes().chunks(3).enumerate() {
            path.push_str(if index + 1 == groups { "/" } else { "/x" });
            path.extend(group.iter().map(|byte| char::from(*byte)));
        }
        if self.width < WIDTH {
            let _ = write!(path, ".p/{}", self.width);
        }
        path
    }
}

impl Tile {
    /// The tile that a path names, in the one form that it has.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (rest, width) = match rest.split_once(".p/") {
            Some((rest, width)) => (rest, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
            None => (rest, WIDTH),
        };
        let (level, number) = rest.split_once('/')?;
        let level = if level == "entries" { None } else { Some(level.parse().ok().filter(|level| *level < 64)?) };
        // Six groups of three digits hold every number of 64 bits that a tile can have.
        let groups = number.split('/').map(|group| group.trim_start_matches('x'));
        let digits = groups.take(7).collect::<String>();
        let tile = Self { level, number: digits.parse().ok()?, width };
        (tile.path() == path).then_some(tile)
    }

    /// Whether a tree of a size has it.
    #[must_use]
    pub fn is_in(&self, size: u64) -> bool {
        let unit = 256_u64.checked_pow(self.level.unwrap_or_default().into());
        let whole = unit.map_or(0, |unit| size / unit);
        self.number.checked_mul(WIDTH).and_then(|first| first.checked_add(self.width)).is_some_and(|last| last <= whole)
    }
}

/// Where tiles and bundles come from.
pub trait Tiles {
    /// What goes wrong.
    type Error;
    /// The bytes of a tile, or of a fuller one of the same number; they are checked by whoever asks.
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Self::Error>;

    /// The same into memory that is there already, in place of what it holds. Who reads a whole log asks for this.
    fn read_into(&mut self, tile: Tile, into: &mut Vec<u8>) -> Result<(), Self::Error> {
        *into = self.read(tile)?;
        Ok(())
    }
}

/// The tile in which a node lies in a tree of `size` entries, and the node's level and number within the tile.
#[must_use]
pub fn of_node(level: u32, number: u64, size: u64) -> (Tile, u32, u64) {
    let (tile_level, within) = (level / 8, level % 8);
    // The tile's lowest row is what stands in it: nodes above are computed from that row.
    let first = number << within;
    let tile_number = first / WIDTH;
    let complete = size >> (8 * tile_level);
    let width = complete.saturating_sub(tile_number * WIDTH).min(WIDTH);
    let tile = Tile { level: u8::try_from(tile_level).ok(), number: tile_number, width };
    (tile, within, first % WIDTH)
}

/// The hashes that a tile's bytes are, at least `width` of them.
#[must_use]
pub fn hashes(bytes: &[u8], width: u64) -> Option<Vec<Hash>> {
    let (chunks, rest) = bytes.as_chunks::<32>();
    let enough = u64::try_from(chunks.len()).is_ok_and(|count| (width..=WIDTH).contains(&count));
    (rest.is_empty() && enough).then(|| chunks.iter().copied().map(Hash).collect())
}

/// The node over `2^within` hashes of a tile's row, from one on.
#[must_use]
pub fn node_within(row: &[Hash], first: u64, within: u32) -> Option<Hash> {
    let first = usize::try_from(first).ok()?;
    let mut level: Vec<Hash> = row.get(first..first.checked_add(1 << within)?)?.to_vec();
    while level.len() > 1 {
        level = level.as_chunks::<2>().0.iter().map(|[left, right]| tree::node(*left, *right)).collect();
    }
    level.first().copied()
}

/// Entries as a bundle: each after its length in two bytes, the greater first. `None` where one is too long.
#[must_use]
pub fn bundle<'e>(entries: impl IntoIterator<Item = &'e [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Some(bytes)
}

/// The first entry of a bundle's bytes, and what follows it. `None` where they end within it.
#[must_use]
pub fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// The entries of a bundle. `None` where it ends within one or has over 256.
#[must_use]
pub fn entries(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (entry, rest) = first(bytes)?;
        entries.push(entry);
        bytes = rest;
    }
    (entries.len() as u64 <= WIDTH).then_some(entries)
}

/// Why a node could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Missing<E> {
    /// The tile could not be read.
    #[error("{0}")]
    Read(E),
    /// The tile is not what its path says.
    #[error("`{path}` is no tile of that width")]
    Form {
        /// The tile.
        path: String,
        /// The first entry under it.
        first: u64,
    },
}

impl<E> Missing<E> {
    fn form(tile: Tile) -> Self {
        let unit = 256_u64.checked_pow(u32::from(tile.level.unwrap_or_default()) + 1).unwrap_or(u64::MAX);
        Self::Form { path: tile.path(), first: tile.number.saturating_mul(unit) }
    }
}

/// Looks up nodes in the tiles of a tree of a size. They are believed only by whoever compares what they lead to
/// with a root that is signed.
#[derive(Debug)]
pub struct Tiled<'t, T> {
    tiles: &'t mut T,
    size: u64,
    last: Option<(Tile, Vec<Hash>)>,
}

impl<'t, T: Tiles> Tiled<'t, T> {
    /// The tiles of a tree of `size` entries.
    pub fn new(tiles: &'t mut T, size: u64) -> Self {
        Self { tiles, size, last: None }
    }
}

impl<T: Tiles> Nodes for Tiled<'_, T> {
    type Error = Missing<T::Error>;

    fn node(&mut self, level: u32, number: u64) -> Result<Hash, Self::Error> {
        let (tile, within, first) = of_node(level, number, self.size);
        if self.last.as_ref().is_none_or(|(known, _)| *known != tile) {
            let bytes = self.tiles.read(tile).map_err(Missing::Read)?;
            let row = hashes(&bytes, tile.width).ok_or_else(|| Missing::form(tile))?;
            self.last = Some((tile, row));
        }
        let row = self.last.as_ref().map(|(_, row)| row.as_slice()).unwrap_or_default();
        node_within(row, first, within).ok_or_else(|| Missing::form(tile))
    }
}
