//! GitHub, against a fake that enforces what GitHub enforces.

pub mod client;
mod event;
mod facts;
mod loose;
pub mod shop;
mod signature;
mod write;
