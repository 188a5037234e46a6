//! The schemas of our documents (JSON Schema, draft 2020-12), as `schemas/` keeps them.
//!
//! They are made of the types by [`report::json`](crate::report::json) where the tests run, which hold these texts
//! against it. What is shipped carries the texts, and not the machine that writes them: that was a fifteenth of it.

/// The schema of the decision document of a gate run.
pub const DECISION: &str = include_str!("../../schemas/decision.schema.json");
/// The schema of the facts of a release.
pub const FACTS: &str = include_str!("../../schemas/facts.schema.json");
/// The schema of the decision on a release.
pub const RELEASE_DECISION: &str = include_str!("../../schemas/release-decision.schema.json");
/// The schema of an inspection of an installation.
pub const INSPECTION: &str = include_str!("../../schemas/inspection.schema.json");
