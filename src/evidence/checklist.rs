//! checklists
