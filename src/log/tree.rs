//! The Merkle tree of RFC 6962, section 2.1: hashes, the growing edge, and proofs.

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest: of a leaf, of a node, of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Reads 64 digits of lower-case hexadecimal.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Hash {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash of a leaf: SHA-256 of `0x00` and the entry.
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// The same of an entry that stands in memory after a `0x00`: what is hashed lies there as it is.
#[must_use]
pub fn leaf_after_zero(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// The hash of a node: SHA-256 of `0x01` and its two children.
#[must_use]
pub fn node(left: Hash, right: Hash) -> Hash {
    let mut bytes = [1_u8; 65];
    if let Some(place) = bytes.get_mut(1..33) {
        place.copy_from_slice(&left.0);
    }
    if let Some(place) = bytes.get_mut(33..) {
        place.copy_from_slice(&right.0);
    }
    Hash(Sha256::digest(bytes).into())
}

/// The root of a tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The largest power of two that is smaller than `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The growing edge of a tree: the roots of its complete subtrees, the largest first. It is all that is needed to
/// append, and has at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree of a size, from the roots of its complete subtrees, the largest first. `None` where there
    /// are not as many as the size has bits.
    #[must_use]
    pub fn of(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()) == Ok(roots.len())).then_some(Self { size, roots })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, the largest first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends a leaf. What `complete` is handed, with its level and its number in the level, is every node that
    /// becomes complete, the leaf (level 0) first.
    pub fn append(&mut self, leaf: Hash, mut complete: impl FnMut(u32, u64, Hash)) {
        let (mut hash, mut number, mut level) = (leaf, self.size, 0);
        complete(level, number, hash);
        while number & 1 == 1 {
            // An odd number has its left sibling on the edge.
            let Some(left) = self.roots.pop() else { break };
            hash = node(left, hash);
            number >>= 1;
            level += 1;
            complete(level, number, hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.roots.iter().rev().copied().reduce(|right, left| node(left, right)).unwrap_or_else(empty)
    }
}

/// Where complete nodes are looked up, by level (0 is leaves) and number in the level.
pub trait Nodes {
    /// What goes wrong when one is looked up.
    type Error;
    /// The node.
    fn node(&mut self, level: u32, number: u64) -> Result<Hash, Self::Error>;
}

/// The hash of the leaves from `from` to `to` (outside), which is a subtree of RFC 6962: `from` is a multiple of the
/// smallest power of two that is not smaller than its length.
pub fn range<N: Nodes>(nodes: &mut N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let size = to - from;
    if size == 0 {
        return Ok(empty());
    }
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes.node(level, from >> level);
    }
    let left = split(size);
    let (a, b) = (range(nodes, from, from + left)?, range(nodes, from + left, to)?);
    Ok(node(a, b))
}

/// The proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards (RFC 6962, 2.1.1). `index` is
/// below `size`.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut from, mut to, mut path) = (0, size, Vec::new());
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `size` leaves continues the one of `old` (RFC 6962, 2.1.2). `old` is at most `size`.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut from, mut to, mut path, mut whole) = (0, size, Vec::new(), true);
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range(nodes, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The index is not below the size.
    #[error("entry {index} is not in a tree of {size} entries")]
    BeyondTree {
        /// The index.
        index: u64,
        /// The size.
        size: u64,
    },
    /// The older tree would be larger than the newer.
    #[error("a tree of {old} entries cannot be continued by one of {size}")]
    Shrunk {
        /// The older size.
        old: u64,
        /// The newer size.
        size: u64,
    },
    /// There are too many hashes, or too few.
    #[error("the proof has {found} hashes, where there must be {wanted}")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: usize,
    },
    /// The hashes do not lead to the root.
    #[error("the proof leads to another root")]
    OtherRoot,
}

/// How many hashes an inclusion proof has.
fn inclusion_length(index: u64, size: u64) -> usize {
    let (mut from, mut to, mut length) = (0, size, 0);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            to = middle;
        } else {
            from = middle;
        }
        length += 1;
    }
    length
}

/// The root to which an inclusion proof leads.
pub fn root_from_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, Unproven> {
    if index >= size {
        return Err(Unproven::BeyondTree { index, size });
    }
    let wanted = inclusion_length(index, size);
    if path.len() != wanted {
        return Err(Unproven::Length { found: path.len(), wanted });
    }
    // RFC 9162, 2.1.3.2: walk up, with the number of the node and of the last one in each level.
    let (mut number, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if number & 1 == 1 || number == last {
            hash = node(*step, hash);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(hash, *step);
        }
        number >>= 1;
        last >>= 1;
    }
    Ok(hash)
}

/// Checks that a leaf is in the tree of that root.
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> Result<(), Unproven> {
    let found = root_from_inclusion(leaf, index, size, path)?;
    if found == root { Ok(()) } else { Err(Unproven::OtherRoot) }
}

/// Checks that one tree continues another (RFC 9162, 2.1.4.2).
pub fn check_consistency(old: u64, old_root: Hash, size: u64, root: Hash, path: &[Hash]) -> Result<(), Unproven> {
    if old > size {
        return Err(Unproven::Shrunk { old, size });
    }
    if old == size || old == 0 {
        let expected = if old == 0 { empty() } else { root };
        if !path.is_empty() {
            return Err(Unproven::Length { found: path.len(), wanted: 0 });
        }
        return if old_root == expected { Ok(()) } else { Err(Unproven::OtherRoot) };
    }
    let mut path = path.to_vec();
    if old.is_power_of_two() {
        path.insert(0, old_root);
    }
    let (mut number, mut last) = (old - 1, size - 1);
    while number & 1 == 1 {
        number >>= 1;
        last >>= 1;
    }
    let mut steps = path.iter().copied();
    let Some(first) = steps.next() else { return Err(Unproven::Length { found: 0, wanted: 1 }) };
    let (mut of_old, mut of_new) = (first, first);
    for step in steps {
        if last == 0 {
            return Err(Unproven::OtherRoot);
        }
        if number & 1 == 1 || number == last {
            of_old = node(step, of_old);
            of_new = node(step, of_new);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node(of_new, step);
        }
        number >>= 1;
        last >>= 1;
    }
    if last == 0 && of_old == old_root && of_new == root { Ok(()) } else { Err(Unproven::OtherRoot) }
}
