//! GitHub, against a fake that enforces what GitHub enforces.

mod client;
mod event;
mod facts;
mod signature;
mod write;
