//! Storey 6: the folder in which the pipeline left its artifacts.
//!
//! Files are found by glob ([`walk`]), opened only where they are plain files
//! inside the folder ([`open`]), mapped so that large ones cost no memory
//! ([`mapping`]), brought to UTF-8 ([`decode`]) and digested while they are read.
//! Policies are read here as well, from disk or from a ref ([`layers`]).
//!
//! Invariant: nothing outside the folder that was named is opened because of
//! what a file in it says.

pub mod decode;
pub mod layers;
pub mod mapping;
pub mod open;
pub mod walk;
