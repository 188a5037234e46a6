//! The integration tests: one binary, laid out as `src/` is.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "a test says what is wrong by failing"
)]

#[cfg(feature = "app")]
mod app;
mod cli;
mod decide;
mod evidence;
mod forge;
mod in_step;
mod log;
mod policy;
mod report;
mod second;
#[cfg(feature = "app")]
mod store;
mod storeys;
mod support;
