//! One file of tests for every format.

mod recognise_coverage_and_load;
