//! One file of tests for every format.

mod checklist;
mod cobertura;
mod cyclonedx;
mod gatling;
mod jacoco;
mod jmeter;
mod junit;
mod k6;
mod lcov;
mod locust;
mod reading;
mod recognise_coverage_and_load;
mod sbom;
mod signature;
mod spdx3;
mod spdx;
