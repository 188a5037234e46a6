//! Storey 3: a policy and what is known become a decision.
//!
//! Pure and total: no file, clock or network, and no `Result`. What is not known
//! is a value, and it never opens a gate.
//!
//! [`gates`] judges the gates of a pipeline's step. [`release`] decides whether a
//! release may go, and reads like a policy: one call and one file for each of its
//! sections. All of them look at one [`scene`], and ask its [`clock`] about now.
//! [`posture`] says of an installation what lets a release slip past all that, and [`granted`] whether a break-glass grant
//! opens a release while nobody can be asked. [`telling`] says who is told of a decision, and when, and [`due`] what falls due because a period ended.
//!
//! Invariants: one `match` in [`gates`] puts verdicts together and one in
//! [`conclude`] what a release's requirements come to; nobody combines them
//! elsewhere. An approval is only counted as an `Eligible`, which [`separation`]
//! makes.

pub mod approvals;
pub mod board;
pub mod bound;
pub mod change;
pub mod clock;
pub mod conclude;
pub mod consultations;
pub mod due;
pub mod experiments;
pub mod explain;
pub mod follow;
pub mod gates;
pub mod glass;
pub mod granted;
pub mod heard;
pub mod hours;
pub mod in_flight;
pub mod incidents;
pub mod keeping;
mod known;
pub mod latest;
pub mod matching;
pub mod owed;
pub mod package;
pub mod path;
pub mod people;
pub mod place;
pub mod posture;
pub mod promotion;
pub mod recovery;
pub mod rejections;
pub mod release;
pub mod release_gates;
pub mod released;
pub mod rigor;
pub mod risk;
pub mod roles;
mod rounds;
pub mod routing;
pub mod scene;
pub mod separation;
pub mod shown;
pub mod signers;
pub mod standins;
pub mod summary;
pub mod telling;
pub mod totals;
pub mod triage;
pub mod unreadable;
mod vendors;
pub mod waivers;
pub mod words;
