//! Storey 4: the record's log, which proves itself to somebody who trusts nobody.
//!
//! A Merkle tree as in RFC 6962 ([`tree`]), kept as tiles as the C2SP
//! specification `tlog-tiles` lays them out ([`tile`]), its checkpoints
//! ([`checkpoint`]) as C2SP signed notes ([`note`]) that witnesses cosign
//! ([`witness`]), by keys that follow one another ([`keys`]), and proofs ([`proof`])
//! that anybody can check with a key and no network. Everything at once is checked by [`verify`], and a decision with its proof travels as a
//! [`receipt`]. A break-glass grant is a signed note too ([`grant`]), and so is what
//! others tell the app with a key of their own ([`letter`]). What of the record is kept for how long follows from the log as
//! well ([`retention`]).
//!
//! Pure: bytes come in and go out. Who stores a tile or fetches one is told by
//! [`tile::Tiles`].
//!
//! Invariant: nothing here believes a hash that it has not derived from a root
//! that a signature covers.

pub mod checkpoint;
pub mod entry;
pub mod grant;
pub mod keys;
pub mod letter;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod retention;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;
