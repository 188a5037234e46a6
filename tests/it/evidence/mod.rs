//! One file of tests for every format.

mod cobertura;
mod damage;
mod gatling;
mod jacoco;
mod jmeter;
mod k6;
mod lcov;
mod locust;
mod reading;
mod recognise_coverage_and_load;
mod rows;
