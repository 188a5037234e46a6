//! One file of tests for every format.

mod checklist;
mod cobertura;
mod cyclonedx;
mod gatling;
mod go_test;
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
mod tests;
mod trx;
mod xml;
