//! The definitions of RFC 6962, section 2.1, written down as they stand there: recursively, over the entries.

use countersign::log::tree::{Hash, Nodes};
use sha2::{Digest as _, Sha256};

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn joined(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    sha256(&[&[1_u8][..], &left, &right].concat())
}

/// The largest power of two below `n`.
fn k(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH(D[n]).
pub fn root<E: AsRef<[u8]>>(entries: &[E]) -> [u8; 32] {
    match entries {
        [] => sha256(b""),
        [entry] => sha256(&[&[0_u8][..], entry.as_ref()].concat()),
        _ => {
            let (left, right) = entries.split_at(k(entries.len()));
            joined(root(left), root(right))
        }
    }
}

/// PATH(m, D[n]).
pub fn path<E: AsRef<[u8]>>(m: usize, entries: &[E]) -> Vec<[u8; 32]> {
    if entries.len() == 1 {
        return Vec::new();
    }
    let k = k(entries.len());
    let (left, right) = entries.split_at(k);
    let (mut rest, last) = if m < k { (path(m, left), root(right)) } else { (path(m - k, right), root(left)) };
    rest.push(last);
    rest
}

/// PROOF(m, D[n]).
pub fn proof<E: AsRef<[u8]>>(m: usize, entries: &[E]) -> Vec<[u8; 32]> {
    sub_proof(m, entries, true)
}

fn sub_proof<E: AsRef<[u8]>>(m: usize, entries: &[E], whole: bool) -> Vec<[u8; 32]> {
    if m == entries.len() {
        return if whole { Vec::new() } else { vec![root(entries)] };
    }
    let k = k(entries.len());
    let (left, right) = entries.split_at(k);
    let (mut rest, last) =
        if m <= k { (sub_proof(m, left, whole), root(right)) } else { (sub_proof(m - k, right, false), root(left)) };
    rest.push(last);
    rest
}

/// Nodes computed from the entries each time.
pub struct Entries<'e>(pub &'e [Vec<u8>]);

impl Nodes for Entries<'_> {
    type Error = std::convert::Infallible;

    fn node(&mut self, level: u32, number: u64) -> Result<Hash, Self::Error> {
        let width = 1_usize << level;
        let first = usize::try_from(number).unwrap() * width;
        Ok(Hash(root(&self.0[first..first + width])))
    }
}

/// Entries of many lengths.
pub fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| format!("entry {index} {}", "x".repeat(index % 7)).into_bytes()).collect()
}

pub fn hashes(of: &[[u8; 32]]) -> Vec<Hash> {
    of.iter().copied().map(Hash).collect()
}
