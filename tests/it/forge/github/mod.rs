//! GitHub, against a fake that enforces what GitHub enforces.

mod client;
mod event;
mod facts;
mod loose;
mod shop;
mod signature;
mod write;
