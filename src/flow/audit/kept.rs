//! What entries point to, read where it is kept: decision documents, facts, policies and acts.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::seen::Decision;
use crate::flow::record::Log;
use crate::flow::replay;
use crate::log::receipt::Layer;
use crate::model::facts::{Act, Facts};
use crate::model::release_decision::ReleaseDecision;
use crate::policy::Policy;

/// How many documents are kept in mind.
const REMEMBERED: usize = 64;

/// Reads documents by their digests.
#[derive(Debug)]
pub(super) struct Documents<'l> {
    log: &'l mut Log,
    decisions: BTreeMap<String, Result<Rc<ReleaseDecision>, String>>,
    policies: BTreeMap<String, Result<Rc<Policy>, String>>,
}

impl<'l> Documents<'l> {
    pub(super) fn new(log: &'l mut Log) -> Self {
        Self { log, decisions: BTreeMap::new(), policies: BTreeMap::new() }
    }

    /// Whether the log is an exported one, which has no documents.
    pub(super) fn is_exported(&self) -> bool {
        self.log.is_exported()
    }

    fn bytes(&mut self, sha256: &str) -> Result<Vec<u8>, String> {
        if self.is_exported() {
            return Err("an exported log has no documents".to_owned());
        }
        match self.log.document(sha256) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(format!("the document sha256:{sha256} is not kept any more")),
            Err(fault) => Err(format!("the document sha256:{sha256} could not be read: {fault}")),
        }
    }

    /// A decision's document.
    pub(super) fn decision(&mut self, of: &Decision) -> Result<Rc<ReleaseDecision>, String> {
        if let Some(known) = self.decisions.get(&of.document) {
            return known.clone();
        }
        let read = self.bytes(&of.document).and_then(|bytes| {
            let document = ReleaseDecision::read(&bytes).map_err(|why| format!("the decision {why}"))?;
            Ok(Rc::new(document))
        });
        if self.decisions.len() >= REMEMBERED {
            self.decisions.clear();
        }
        self.decisions.insert(of.document.clone(), read.clone());
        read
    }

    /// A decision's facts.
    pub(super) fn facts(&mut self, of: &Decision) -> Result<Facts, String> {
        let bytes = self.bytes(&of.facts)?;
        Facts::read(&bytes).map_err(|_| "the facts are of a form that is not known here".to_owned())
    }

    /// A decision's policy.
    pub(super) fn policy(&mut self, of: &Decision) -> Result<Rc<Policy>, String> {
        let listed = of.policy.to_string();
        if let Some(known) = self.policies.get(&listed) {
            return known.clone();
        }
        let read = self.read_policy(of).map(Rc::new);
        if self.policies.len() >= REMEMBERED {
            self.policies.clear();
        }
        self.policies.insert(listed, read.clone());
        read
    }

    fn read_policy(&mut self, of: &Decision) -> Result<Policy, String> {
        let unlisted = |_| "the entry does not list its policy".to_owned();
        let mut layers: Vec<Layer> = serde_json::from_value(of.policy.clone()).map_err(unlisted)?;
        for layer in &mut layers {
            layer.text = Some(self.text(&layer.sha256)?);
            for file in &mut layer.attached {
                file.text = Some(self.text(&file.sha256)?);
            }
        }
        replay::policy(&layers)?.ok_or_else(|| "it was decided by no policy".to_owned())
    }

    fn text(&mut self, sha256: &str) -> Result<String, String> {
        String::from_utf8(self.bytes(sha256)?).map_err(|_| "a file of the policy is not UTF-8".to_owned())
    }

    /// What somebody did.
    pub(super) fn act(&mut self, sha256: Option<&str>) -> Result<Act, String> {
        let bytes = self.bytes(sha256.ok_or("the entry names no document")?)?;
        serde_json::from_slice(&bytes).map_err(|_| "the act is of a form that is not known here".to_owned())
    }
}
