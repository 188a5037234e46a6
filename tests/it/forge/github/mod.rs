//! GitHub, against a fake that enforces what GitHub enforces.

pub mod client;
mod event;
mod facts;
mod loose;
mod pushed;
pub mod shop;
mod signature;
mod write;
