//! What earlier releases were, by the decisions that let them go: these do not change, and are read once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::marks;
use super::trials::Arms;
use super::vendors::{self, Declared};
use crate::model::facts::{Fact, Facts, Released};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, ReleaseDecision};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// How many are remembered.
const REMEMBERED: usize = 10_000;

/// What went by a decision.
#[derive(Debug)]
pub(super) struct Went {
    /// What the release is called.
    pub(super) release: String,
    /// The commit.
    pub(super) commit: String,
    /// When it went already, where it did so under a grant.
    pub(super) used: Option<DateTime<Utc>>,
    /// When that grant ended, where it said so.
    pub(super) used_until: Option<DateTime<Utc>>,
    /// The components, each with what of it went.
    pub(super) components: BTreeMap<String, Released>,
    /// The other parts of its package.
    pub(super) parts: Fact<BTreeMap<String, String>>,
    /// Whether it was an emergency.
    pub(super) emergency: Fact<bool>,
    /// The migrations that cannot be reverted which its own changes brought.
    pub(super) irreversible: Fact<Vec<String>>,
    /// The names of its changes.
    pub(super) changes: Vec<String>,
    /// The paths of experiments on which it went.
    pub(super) arms: Arms,
    /// The model by which it was a standard change; absent where it was none.
    pub(super) model: Fact<String>,
}

/// What went by which decision, by the number of its entry, and what its policy declared.
#[derive(Debug, Default)]
pub(super) struct Past(Mutex<BTreeMap<u64, Arc<Went>>>, Mutex<BTreeMap<u64, Arc<Declared>>>);

impl Past {
    /// The third parties that components declared by a decision's policy; `None` where that is not kept any more.
    pub(super) async fn declared(
        &self,
        reader: &mut Reader,
        decision: u64,
    ) -> Result<Option<Arc<Declared>>, DatabaseFault> {
        let known = self.1.lock().unwrap_or_else(PoisonError::into_inner).get(&decision).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(declared) = vendors::by_decision(reader, decision).await? else { return Ok(None) };
        let declared = Arc::new(declared);
        let mut all = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(decision, declared.clone());
        Ok(Some(declared))
    }

    /// What went by a decision; `None` where that is not kept any more.
    pub(super) async fn went(&self, reader: &mut Reader, decision: u64) -> Result<Option<Arc<Went>>, DatabaseFault> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&decision).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(of) = reader.decided_in(decision).await? else { return Ok(None) };
        let facts = reader.blob(of.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        let document = reader.blob(of.document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok());
        let Some(facts) = facts else { return Ok(None) };
        let went = Arc::new(went(facts, document.as_ref()));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(decision, went.clone());
        Ok(Some(went))
    }
}

fn went(facts: Facts, document: Option<&ReleaseDecision>) -> Went {
    let release = facts.release;
    let parts = match &release.package {
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why.clone()),
        Fact::Known(package) => {
            let others = package.parts.iter().filter(|(name, _)| !release.components.contains_key(*name));
            let contents = others.map(|(name, part)| Some((name.clone(), part.known()?.content.clone())));
            match contents.collect::<Option<BTreeMap<_, _>>>() {
                Some(contents) => Fact::Known(contents),
                None => Fact::Unavailable("not every other part of its package was known".into()),
            }
        }
    };
    let emergency = match document {
        // What went under a grant, or past the forge's protection, was one whether or not the grant held: else whoever goes past
        // would weigh less than whoever asks.
        Some(document) => Fact::Known(document.class == Class::Emergency || release.break_glass.known().is_some()),
        None => Fact::Unavailable("its decision is not kept any more".into()),
    };
    let model = match document {
        Some(document) if document.class == Class::Standard => model(document),
        Some(_) => Fact::Absent,
        None => Fact::Unavailable("its decision is not kept any more".into()),
    };
    let (irreversible, changes) = (marks::irreversible(&release), marks::changes(&release));
    let grant = release.break_glass.known();
    let used = grant.map(|grant| grant.opened_at);
    let used_until = grant.and_then(|grant| grant.expires_at.known().copied());
    Went {
        release: release.name,
        commit: release.commit,
        used,
        used_until,
        components: release.components,
        parts,
        emergency,
        irreversible,
        changes,
        arms: document.map(Arms::of).unwrap_or_default(),
        model,
    }
}

/// The model that a decision found a standard change by.
fn model(document: &ReleaseDecision) -> Fact<String> {
    let classified = document.tree.parts.iter().find(|node| node.code == Ground::Classified);
    let named = classified.and_then(|node| node.evidence.first());
    named.map_or_else(
        || Fact::Unavailable("its decision does not name the model".into()),
        |name| Fact::Known(name.clone()),
    )
}
