//! Storey 8: what is served over HTTP.
//!
//! [`serve`] accepts connections, so many at once and each for so long, lets go of who keeps it waiting, and ends in
//! order when it is told to. `body` reads what those send who have shown nothing yet. [`tiles`] are the log's files, read-only.
//! [`hooks`] is where a forge delivers, [`forges`] says which of several a request is for, [`jobs`] where jobs submit what they
//! made, [`outside`] where others tell what they deployed, [`health`] says how the app is, [`api`] how programs speak
//! with it, and [`pages`] are what
//! people look at.
//!
//! Never here: a decision, a query; what is served comes from `flow`.
//!
//! Invariant: nobody who connects can make it wait for ever, or hold more than his
//! share of it.

pub mod api;
mod body;
pub mod forges;
pub mod health;
pub mod hooks;
pub mod jobs;
pub mod outside;
pub mod pages;
pub mod serve;
pub mod tiles;
