//! Storey 6: other systems that are asked or told over the network, one a file.
//!
//! [`witness`] asks for cosignatures, [`webhook`] hands things to whoever listens,
//! [`slack`] and [`mail`] tell people, [`feed`] reads when a board meets, [`bucket`] keeps large bytes, [`traces`] tell a collector how long what took.
//!
//! Never here: what follows from an answer.
//!
//! Invariant: nothing waits for ever, an answer has a limit, a redirection is not
//! followed, and only this machine itself is spoken to without TLS, and who tells it
//! its role.

pub mod bucket;
pub mod feed;
pub mod mail;
pub mod slack;
pub mod traces;
pub mod webhook;
pub mod witness;
