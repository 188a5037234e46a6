//! Storey 3: a policy and what is known become a decision.
//!
//! Pure and total: no file, clock or network, and no `Result`. What is not known
//! is a value, and it never opens a gate.
//!
//! Invariant: one `match` in [`gates`] puts verdicts together; nobody combines
//! them elsewhere.

pub mod approvals;
pub mod clock;
pub mod conclude;
pub mod consultations;
pub mod explain;
pub mod gates;
pub mod latest;
pub mod matching;
pub mod path;
mod pending;
pub mod people;
pub mod rejections;
pub mod release;
pub mod release_gates;
pub mod roles;
pub mod scene;
pub mod separation;
pub mod standins;
pub mod summary;
pub mod waivers;
pub mod words;
