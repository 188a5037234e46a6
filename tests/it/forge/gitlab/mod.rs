//! GitLab, against a fake that enforces what GitLab enforces.

mod branch;
mod client;
mod event;
mod facts;
mod loose;
mod shop;
mod signature;
