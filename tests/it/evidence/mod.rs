//! One file of tests for every format.

mod checklist;
mod cyclonedx;
mod sbom;
mod spdx;
mod spdx3;
