//! Storey 6: the stories. Here what decides and what acts meet.

pub mod gate_run;
