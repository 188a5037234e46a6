//! Storey 6: the stories. Here what decides and what acts meet.

mod checklists;
pub mod gate_run;
mod signatures;
