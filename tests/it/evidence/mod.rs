//! One file of tests for every format.

mod go_test;
mod junit;
mod tests;
mod trx;
mod xml;
