//! Verification of a whole log, or of what was added to it: every entry is hashed again, and must lead to the root
//! that is signed; every hash that is kept must be the one that follows from the entries.
//!
//! When the root is another, what is at fault is located with the hashes that are kept, as far as those still lead to
//! the signed root themselves.

use super::checkpoint::Checkpoint;
use super::tile::{self, Missing, Tile, Tiled, Tiles, WIDTH};
use super::tree::{self, Edge, Hash, Nodes as _};

/// What was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The first entry that was hashed.
    pub from: u64,
    /// How many entries the log has.
    pub size: u64,
    /// The root to which they lead.
    pub root: Hash,
}

/// Why a log does not verify.
#[derive(Debug, thiserror::Error)]
pub enum Wrong<E> {
    /// A tile or a bundle could not be read.
    #[error("{0}")]
    Read(E),
    /// A bundle does not hold its entries.
    #[error("entry {index} cannot be had: `{path}` does not hold it")]
    Bundle {
        /// The first entry that is not there.
        index: u64,
        /// The bundle.
        path: String,
    },
    /// Entries are not those that were signed.
    #[error("{} not what was signed", entries(*first, *last))]
    Entries {
        /// The first of them.
        first: u64,
        /// The last of them; the same where it is one.
        last: u64,
    },
    /// The entries are those that were signed, and a hash that is kept beside them is not theirs.
    #[error(
        "hash {place} of `{path}` is not what its entries lead to, from entry {first} on; every entry is as it was signed"
    )]
    Tile {
        /// The tile.
        path: String,
        /// Which of its hashes, counted from 0; one past the last where the tile has another length.
        place: usize,
        /// The first entry under that hash.
        first: u64,
    },
    /// Neither the entries nor the hashes lead to the signed root.
    #[error("the log leads to another root than its checkpoint: {} rewritten, hashes and all", entries(*first, *last))]
    Rewritten {
        /// The first entry that may be at fault.
        first: u64,
        /// The last.
        last: u64,
    },
    /// The log is not a continuation of the older checkpoint.
    #[error("the log does not continue the checkpoint of {0} entries: what it covered was rewritten")]
    NotContinued(u64),
    /// The older checkpoint has more entries.
    #[error("the older checkpoint has {old} entries and the log {size}: entries were cut off")]
    Truncated {
        /// What the older checkpoint has.
        old: u64,
        /// What the log has.
        size: u64,
    },
}

/// `entry 5 is`, `entries 5 to 9 are`.
fn entries(first: u64, last: u64) -> String {
    if first == last { format!("entry {first} is") } else { format!("some of entries {first} to {last} are") }
}

impl<E> From<Missing<E>> for Wrong<E> {
    fn from(missing: Missing<E>) -> Self {
        match missing {
            Missing::Read(error) => Self::Read(error),
            Missing::Form { path, first } => Self::Tile { path, place: 0, first },
        }
    }
}

/// Hashes every entry again, and checks them and every tile against a checkpoint whose signature was checked.
/// `seen` is told how many entries are done.
pub fn all<T: Tiles>(
    tiles: &mut T,
    checkpoint: &Checkpoint,
    seen: &mut dyn FnMut(u64),
) -> Result<Verified, Wrong<T::Error>> {
    go(tiles, &Edge::default(), checkpoint, &mut Watch { entry: &mut |_, _| {}, done: seen })
}

/// Hands on every entry, with its number, that is hashed, and how many are done. What was handed on is believed once the
/// verification has come out well.
pub struct Watch<'w> {
    /// What is told of each entry.
    pub entry: &'w mut dyn FnMut(u64, &[u8]),
    /// What is told how many entries are done.
    pub done: &'w mut dyn FnMut(u64),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// Verifies everything, or what came after an older checkpoint, with somebody who watches.
pub fn watched<T: Tiles>(
    tiles: &mut T,
    old: Option<&Checkpoint>,
    checkpoint: &Checkpoint,
    watch: &mut Watch<'_>,
) -> Result<Verified, Wrong<T::Error>> {
    let start = match old {
        None => Edge::default(),
        Some(old) => continued(tiles, old, checkpoint)?,
    };
    go(tiles, &start, checkpoint, watch)
}

/// Checks that the log continues an older checkpoint, and hashes only what came after it. Both signatures were checked.
pub fn since<T: Tiles>(
    tiles: &mut T,
    old: &Checkpoint,
    checkpoint: &Checkpoint,
    seen: &mut dyn FnMut(u64),
) -> Result<Verified, Wrong<T::Error>> {
    watched(tiles, Some(old), checkpoint, &mut Watch { entry: &mut |_, _| {}, done: seen })
}

/// The edge at an older checkpoint, which the log must continue.
fn continued<T: Tiles>(tiles: &mut T, old: &Checkpoint, checkpoint: &Checkpoint) -> Result<Edge, Wrong<T::Error>> {
    if old.size > checkpoint.size {
        return Err(Wrong::Truncated { old: old.size, size: checkpoint.size });
    }
    let edge = edge(tiles, old.size, checkpoint.size)?;
    if edge.root() == old.root { Ok(edge) } else { Err(Wrong::NotContinued(old.size)) }
}

/// The growing edge that a tree of `size` entries had, from the tiles of the tree of `now` entries.
pub fn edge<T: Tiles>(tiles: &mut T, size: u64, now: u64) -> Result<Edge, Missing<T::Error>> {
    let mut nodes = Tiled::new(tiles, now);
    let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
    let roots = levels.map(|level| nodes.node(level, (size >> level) - 1)).collect::<Result<Vec<_>, _>>()?;
    // There is one root for each bit.
    Ok(Edge::of(size, roots).unwrap_or_default())
}

/// A difference between a tile as it is kept and as it must be.
struct Differs {
    tile: Tile,
    place: usize,
}

impl Differs {
    fn wrong<E>(&self) -> Wrong<E> {
        let unit = 256_u64.checked_pow(self.tile.level.unwrap_or_default().into()).unwrap_or(u64::MAX);
        let hashes = (self.tile.number * WIDTH).saturating_add(u64::try_from(self.place).unwrap_or(u64::MAX));
        Wrong::Tile { path: self.tile.path(), place: self.place, first: hashes.saturating_mul(unit) }
    }
}

/// The hashes of one level of tiles, as they follow from the entries, since the last full tile.
#[derive(Default)]
struct Row {
    /// The tile's number.
    number: u64,
    /// How many hashes of the tile were there before, and are not compared.
    before: usize,
    /// The hashes that came.
    hashes: Vec<Hash>,
}

impl Row {
    /// Compares with the tile that is kept, of that width.
    fn compare<T: Tiles>(&self, tiles: &mut T, level: u8, width: u64) -> Result<Option<Differs>, Wrong<T::Error>> {
        let tile = Tile { level: Some(level), number: self.number, width };
        let bytes = tiles.read(tile).map_err(Wrong::Read)?;
        let (kept, rest) = bytes.as_chunks::<32>();
        let whole = self.before + self.hashes.len();
        let ours = kept.get(self.before..whole.min(kept.len())).unwrap_or_default();
        let same = ours.iter().zip(&self.hashes).take_while(|(kept, ours)| **kept == ours.0).count();
        let length = rest.is_empty() && kept.len() >= whole && kept.len() as u64 <= WIDTH;
        Ok((same < self.hashes.len() || !length).then_some(Differs { tile, place: self.before + same }))
    }
}

fn go<T: Tiles>(
    tiles: &mut T,
    start: &Edge,
    checkpoint: &Checkpoint,
    watch: &mut Watch<'_>,
) -> Result<Verified, Wrong<T::Error>> {
    let (from, size) = (start.size(), checkpoint.size);
    let mut differs: Option<Differs> = None;
    let mut rows: Vec<Row> = (0..8_u32)
        .map(|level| {
            let before = from >> (8 * level);
            let here = usize::try_from(before % WIDTH).unwrap_or_default();
            Row { number: before / WIDTH, before: here, hashes: Vec::new() }
        })
        .collect();
    let mut edge = start.clone();
    let mut buffer = Vec::new();
    let mut index = from;
    while index < size {
        let mut full = false;
        let mut number = index;
        index = each(tiles, &mut buffer, index, size, &mut |entry, leaf| {
            (watch.entry)(number, entry);
            number += 1;
            edge.append(leaf, |level, _, hash| {
                if level % 8 == 0
                    && let Some(row) = usize::try_from(level / 8).ok().and_then(|level| rows.get_mut(level))
                {
                    row.hashes.push(hash);
                    full |= row.before + row.hashes.len() == 256;
                }
            });
        })?;
        // Bundles end where tiles do, so a row never grows beyond its tile.
        for (level, row) in (0_u8..).zip(&mut rows) {
            if full && row.before + row.hashes.len() == 256 {
                let found = row.compare(tiles, level, WIDTH)?;
                differs = differs.or(found);
                *row = Row { number: row.number + 1, before: 0, hashes: Vec::new() };
            }
        }
        (watch.done)(index);
    }
    for (level, row) in (0_u8..).zip(&rows) {
        if !row.hashes.is_empty() {
            let width = u64::try_from(row.before + row.hashes.len()).unwrap_or(WIDTH);
            let found = row.compare(tiles, level, width)?;
            differs = differs.or(found);
        }
    }
    if edge.root() != checkpoint.root {
        return Err(locate(tiles, start, checkpoint)?);
    }
    match differs {
        Some(differs) => Err(differs.wrong()),
        None => Ok(Verified { from, size, root: checkpoint.root }),
    }
}

/// Hands on the entries of the bundle in which entry `index` is, from it on and below `size`; what comes back is the
/// next entry's number.
fn each<T: Tiles>(
    tiles: &mut T,
    buffer: &mut Vec<u8>,
    index: u64,
    size: u64,
    see: &mut dyn FnMut(&[u8], Hash),
) -> Result<u64, Wrong<T::Error>> {
    let number = index / WIDTH;
    let first = number * WIDTH;
    let width = (size - first).min(WIDTH);
    let tile = Tile { level: None, number, width };
    tiles.read_into(tile, buffer).map_err(Wrong::Read)?;
    let mut rest = buffer.as_mut_slice();
    for place in 0..width {
        let missing = || Wrong::Bundle { index: first + place, path: tile.path() };
        let Some(length) = tile::first(rest).map(|(entry, _)| entry.len()) else { return Err(missing()) };
        // The length was read, and its last byte makes room for the one that a leaf begins with.
        let Some((one, after)) = rest.split_at_mut_checked(2 + length) else { return Err(missing()) };
        let Some(leaf) = one.get_mut(1..) else { return Err(missing()) };
        if first + place >= index
            && let Some(zero) = leaf.first_mut()
        {
            *zero = 0;
            see(leaf.get(1..).unwrap_or_default(), tree::leaf_after_zero(leaf));
        }
        rest = after;
    }
    // What stands behind a full bundle is no entry of anybody's.
    if width == WIDTH && !rest.is_empty() {
        return Err(Wrong::Bundle { index: first + width, path: tile.path() });
    }
    Ok(first + width)
}

/// Says which entries are at fault, when they lead to another root than the signed one.
fn locate<T: Tiles>(tiles: &mut T, start: &Edge, checkpoint: &Checkpoint) -> Result<Wrong<T::Error>, Wrong<T::Error>> {
    let (from, size) = (start.size(), checkpoint.size);
    // The lowest level whose hashes lead to the signed root says most. Above the leaves that works from the start only.
    let levels = if from == 0 { 8 } else { 1 };
    for level in (0..levels).take_while(|level| size >> (8 * level) > 0) {
        let Ok(kept) = led(tiles, start, level, size) else { continue };
        if kept != checkpoint.root {
            continue;
        }
        let unit = 1_u64 << (8 * level);
        let bad = first_other(tiles, start, level, size)?;
        let first = bad.map_or(size / unit * unit, |number| number * unit);
        return Ok(Wrong::Entries { first, last: (first + unit).min(size) - 1 });
    }
    if size == 0 {
        return Ok(Wrong::NotContinued(0));
    }
    Ok(Wrong::Rewritten { first: from, last: size.max(from + 1) - 1 })
}

/// The hash of a node of a level of tiles, as it is kept.
fn kept<T: Tiles>(tiles: &mut Tiled<'_, T>, level: u32, number: u64) -> Result<Hash, Missing<T::Error>> {
    tiles.node(8 * level, number)
}

/// The root to which the hashes of a level of tiles lead, with those below it for the entries past its last.
fn led<T: Tiles>(tiles: &mut T, start: &Edge, level: u32, size: u64) -> Result<Hash, Missing<T::Error>> {
    let mut nodes = Tiled::new(tiles, size);
    let mut edge = if level == 0 { start.clone() } else { Edge::default() };
    for number in edge.size()..size >> (8 * level) {
        edge.append(kept(&mut nodes, level, number)?, |_, _, _| {});
    }
    let mut roots = edge.roots().to_vec();
    for below in (0..8 * level).rev().filter(|below| size >> below & 1 == 1) {
        roots.push(nodes.node(below, (size >> below) - 1)?);
    }
    Ok(Edge::of(size, roots).unwrap_or_default().root())
}

/// The first node of a level of tiles that is another than the one that follows from the entries.
fn first_other<T: Tiles>(tiles: &mut T, start: &Edge, level: u32, size: u64) -> Result<Option<u64>, Wrong<T::Error>> {
    let mut edge = start.clone();
    let mut buffer = Vec::new();
    let mut index = start.size();
    while index < size {
        let mut ours = Vec::new();
        index = each(tiles, &mut buffer, index, size, &mut |_, leaf| {
            edge.append(leaf, |at, number, hash| {
                if at == 8 * level {
                    ours.push((number, hash));
                }
            });
        })?;
        let mut nodes = Tiled::new(tiles, size);
        for (number, hash) in ours {
            if kept(&mut nodes, level, number)? != hash {
                return Ok(Some(number));
            }
        }
    }
    Ok(None)
}
