//! The story of a receipt that is doubted: its decision is made again, from its own policy and facts.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::flawed;
use crate::decide::release;
use crate::decide::unreadable::{self, Flaw};
use crate::log::receipt::{Layer, Receipt, Shown};
use crate::model::decision::PolicySource;
use crate::model::facts::Facts;
use crate::policy::diagnostics::Complaints;
use crate::policy::{self, Attachment, Policy, Source};
use crate::report;

/// What an entry says where no policy could be used.
pub const NO_POLICY: &str = "no_policy";

/// Layers with their texts.
#[must_use]
pub fn layers(sources: &[Source], attached: &[(usize, Attachment)]) -> Vec<Layer> {
    let file = |it: &Attachment| Layer {
        path: it.path.clone(),
        sha256: it.sha256.clone(),
        from: None,
        text: Some(it.text.clone()),
        attached: Vec::new(),
    };
    let layer = |(place, it): (usize, &Source)| Layer {
        path: it.path.clone(),
        sha256: it.sha256.clone(),
        from: it.from.clone(),
        text: Some(it.text.clone()),
        attached: attached.iter().filter(|(layer, _)| *layer == place).map(|(_, it)| file(it)).collect(),
    };
    sources.iter().enumerate().map(layer).collect()
}

/// What came of deciding again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The very same document.
    Same,
    /// The same, but for the time zones that it names: it was decided with those of another year, and nothing of it hangs on
    /// what has changed in them.
    SameZones {
        /// The version of the zone database that it was decided with.
        then: String,
        /// The one with which it was decided again.
        now: String,
    },
    /// Another document: the receipt's was not decided by what it names.
    Other,
    /// It cannot be decided again here, and why.
    NotHere(String),
}

/// Decides again from what a checked receipt holds.
#[must_use]
pub fn replay(receipt: &Receipt, shown: &Shown) -> Replayed {
    let not = |why: String| Replayed::NotHere(why);
    let (version, zones) = (env!("CARGO_PKG_VERSION"), chrono_tz::IANA_TZDB_VERSION);
    if shown.engine("name") != "countersign" || shown.engine("version") != version {
        return not(format!("it was decided by version {}, and this is {version}", shown.engine("version")));
    }
    let Some(facts) = &receipt.facts else { return not("its facts were redacted".to_owned()) };
    let Ok(now) = shown.text("now").parse::<DateTime<Utc>>() else {
        return not("it does not say for which instant it was decided".to_owned());
    };
    let document = facts.as_bytes();
    let facts = match Facts::read(document) {
        Ok(facts) => facts,
        Err(mistakes) => return not(format!("its facts cannot be read: {mistakes}")),
    };
    let had_none = shown.entry.body.get(NO_POLICY).and_then(Value::as_bool) == Some(true);
    let mut decision = match (read(&receipt.policy), read(&receipt.policy_before)) {
        (Ok(Some(_)), Ok(_)) if had_none => {
            return not("a file of the policy that it began with could not be read then".to_owned());
        }
        (Ok(Some(own)), Ok(Some(before))) => release::decide_between(&before, &own, &facts, now),
        (Ok(Some(own)), Ok(None)) => release::decide(&own, &facts, now),
        (Ok(None), _) if had_none => {
            return not("a file of its policy could not be read then, and is not in the receipt".to_owned());
        }
        (Ok(None), _) => return not("it has no policy".to_owned()),
        (Err(NoPolicy::Mistaken { flaws, layers }), _) | (Ok(_), Err(NoPolicy::Mistaken { flaws, layers }))
            if had_none =>
        {
            unreadable::held(&facts, now, &flaws, layers)
        }
        (Err(why), _) | (_, Err(why)) => return not(why.to_string()),
    };
    // Instants are kept in UTC: only what is counted in a zone whose clocks were changed since can come out otherwise.
    let then = shown.engine("zones").to_owned();
    let others = then != zones;
    decision.zone_database.clone_from(&then);
    match report::json::release(&decision.by_document(document)) {
        Ok(document) if document == receipt.decision && others => Replayed::SameZones { then, now: zones.to_owned() },
        Ok(document) if document == receipt.decision => Replayed::Same,
        Ok(_) if others => not(format!(
            "it was decided with time zones of {then}, and with those of {zones} it comes to another document"
        )),
        Ok(_) => Replayed::Other,
        Err(error) => not(error.to_string()),
    }
}

/// Why there is no policy in layers.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum NoPolicy {
    /// A text is not there.
    #[error("its policy was redacted")]
    Redacted,
    /// It has mistakes.
    #[error("its policy is none here")]
    Mistaken {
        /// Which.
        flaws: Vec<Flaw>,
        /// The layers, by their content.
        layers: Vec<PolicySource>,
    },
}

/// A policy out of its layers with their texts; `None` where there is no layer, and else why there is none.
#[cfg(feature = "app")]
pub(super) fn policy(layers: &[Layer]) -> Result<Option<Policy>, String> {
    read(layers).map_err(|why| why.to_string())
}

/// The same with the mistakes.
fn read(layers: &[Layer]) -> Result<Option<Policy>, NoPolicy> {
    if layers.is_empty() {
        return Ok(None);
    }
    let mut sources = Vec::new();
    let mut attached = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        for file in &layer.attached {
            let text = file.text.clone().ok_or(NoPolicy::Redacted)?;
            attached.push((place, Attachment { path: file.path.clone(), text, sha256: file.sha256.clone() }));
        }
        sources.push(Source {
            path: layer.path.clone(),
            text: layer.text.clone().ok_or(NoPolicy::Redacted)?,
            sha256: layer.sha256.clone(),
            from: layer.from.clone(),
        });
    }
    let mistaken = |complaints: Vec<Complaints>| NoPolicy::Mistaken {
        flaws: flawed::of_complaints(&complaints),
        layers: listed(layers),
    };
    policy::read_with(sources, &attached).map(Some).map_err(mistaken)
}

/// Layers as a decision names them.
#[must_use]
pub fn listed(layers: &[Layer]) -> Vec<PolicySource> {
    let one = |it: &Layer| PolicySource { path: it.path.clone(), sha256: it.sha256.clone(), from: it.from.clone() };
    layers.iter().map(one).collect()
}
