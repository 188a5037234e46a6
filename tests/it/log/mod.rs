//! The Merkle log: against the definitions of RFC 6962, told once more and naively.

mod entry;
mod keys;
mod letter;
pub mod naive;
mod note;
mod refuted;
mod tile;
mod tree;
mod verify;
