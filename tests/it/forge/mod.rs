//! The forges, each against a server that holds what it holds.

pub mod github;
mod gitlab;
mod token;
