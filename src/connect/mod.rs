//! Storey 6: other systems that are asked or told over the network, one a file.
//!
//! [`witness`] asks for cosignatures, [`webhook`] hands things to whoever listens.
//!
//! Never here: what follows from an answer.

pub mod webhook;
pub mod witness;
