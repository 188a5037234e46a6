//! Countersign.

pub mod cli;
pub mod decide;
pub mod evidence;
pub mod flow;
pub mod model;
pub mod policy;
pub mod report;
pub mod workspace;
