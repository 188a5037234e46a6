//! Where the tests meet the product: reading a policy, and deciding.

use chrono::{DateTime, Utc};
use countersign::model::facts::Facts;
use countersign::model::release_decision::ReleaseDecision;
use countersign::policy::{Attachment, Policy, Source};

use super::phrases::{Read, digest};

/// Reads a policy; whatever file of holidays it names is the one of England and Wales.
pub fn read(sources: Vec<Source>, holidays: &str) -> Read<Policy> {
    let attached: Vec<(usize, Attachment)> = countersign::policy::attachments(&sources)
        .into_iter()
        .map(|named| {
            let (path, text) = (named.path, holidays.to_owned());
            (named.layer, Attachment { path, text, sha256: digest(holidays) })
        })
        .collect();
    countersign::policy::read_with(sources, &attached)
        .map_err(|complaints| complaints.iter().map(|layer| layer.render(false)).collect::<Vec<_>>().join("\n"))
}

pub fn decide(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> ReleaseDecision {
    countersign::decide::release::decide(policy, facts, now)
}

pub fn decide_between(old: &Policy, new: &Policy, facts: &Facts, now: DateTime<Utc>) -> ReleaseDecision {
    countersign::decide::release::decide_between(old, new, facts, now)
}
