//! Where the tests meet the product: reading a policy, and deciding.

use chrono::{DateTime, Utc};
use countersign::model::facts::Facts;
use countersign::model::release_decision::ReleaseDecision;
use countersign::policy::{Policy, Source};

use super::phrases::Read;

pub fn read(sources: Vec<Source>, _holidays: &str) -> Read<Policy> {
    countersign::policy::read(sources).map_err(|complaints| format!("{complaints:?}"))
}

pub fn decide(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> ReleaseDecision {
    countersign::decide::release::decide(policy, facts, now)
}

pub fn decide_between(old: &Policy, new: &Policy, facts: &Facts, now: DateTime<Utc>) -> ReleaseDecision {
    countersign::decide::release::decide_between(old, new, facts, now)
}
