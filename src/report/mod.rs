//! Storey 4: a decision becomes words and files.
//!
//! One surface a file: a terminal ([`text`]), programs ([`json`]), a job
//! summary or a note on a merge request ([`markdown`]), a release's decision with its tree ([`release`]), what a
//! change would need ([`proposal`]), an answer to a command ([`reply`]) or to a job ([`answer`]), what an installation
//! lacks ([`inspection`]), and what a GitHub job
//! ([`github`]) or a GitLab job ([`gitlab`]) takes beside that. Each is a
//! function from a decision to text; what is written where, and under which
//! limits of the machine, is the caller's.
//!
//! Nothing is decided here. The sentences of a decision are the same on every
//! surface, and gates stand in the same order: what holds comes first.
//!
//! Invariant: no text reaches a surface but through [`neutral`], whoever it
//! comes from. What is left out is counted, and the count is shown.

pub mod answer;
pub mod audit;
pub mod due;
mod fingerprint;
pub mod github;
pub mod gitlab;
pub mod inspection;
pub mod json;
mod layout;
mod location;
pub mod markdown;
pub mod message;
pub mod neutral;
pub mod proposal;
pub mod release;
pub mod reply;
pub mod text;
mod words;
