//! GitHub, against a fake that enforces what GitHub enforces.

pub mod client;
mod event;
mod facts;
mod signature;
mod write;
