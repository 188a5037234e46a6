//! What was found for a gate.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fact;
use crate::model::measures::Measure;
use crate::model::verdict::Reason;

/// The evidence of one gate, read from its bytes by whoever gathered the facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateEvidence {
    /// SHA-256 digests of the files. An empty list is no evidence.
    #[serde(default)]
    pub digests: Vec<String>,
    /// What they measure together, by the names that requirements use.
    #[serde(default, deserialize_with = "super::keyed::once")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub measures: BTreeMap<String, Measure>,
    /// What the last release measured; absent where there is none.
    #[serde(default, deserialize_with = "super::keyed::once_known")]
    #[schemars(with = "Fact<BTreeMap<String, serde_json::Value>>")]
    pub baseline: Fact<BTreeMap<String, Measure>>,
    /// When the oldest of them was made, UTC; absent where one does not say.
    #[serde(default)]
    pub made_at: Fact<DateTime<Utc>>,
    /// The commits that they say they are about.
    #[serde(default)]
    pub commits: Vec<String>,
    /// SHA-256 digests of the artifacts that they say they are about.
    #[serde(default)]
    pub artifacts: Vec<String>,
    /// The pipeline that made them, as its own token names it and as a gate's `from` is written
    /// (`acme/perf//nightly.yml`); absent where nobody proved it. Only a gate that names one asks.
    #[serde(default)]
    pub from: Fact<String>,
    /// Why they cannot be taken as evidence, where they cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<(Reason, String)>,
    /// The signers that were verified, one an artifact; of a checklist one a file. Each is compared with the one whom the
    /// gate names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<Signer>,
    /// The items of a checklist that a file says are ticked. That is a claim: it counts where `signers` has the one whom
    /// the gate names for each file, or with the acts of people who tick.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ticked: Vec<String>,
}

/// Who signed one artifact, or one file of a checklist, as the cryptography proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// The SHA-256 digest of the artifact or the file.
    pub artifact: String,
    /// The certificate's identity, or `key sha256:…` with the digest of the public key (SPKI, DER).
    pub identity: String,
    /// Who vouched for the identity; absent for a key.
    #[serde(default)]
    pub issuer: Fact<String>,
    /// Who built the artifact, by every name that its SLSA provenance and the certificate give; absent where what is
    /// signed is no provenance. Only a gate that names a builder asks.
    #[serde(default)]
    pub builders: Fact<Vec<String>>,
    /// The repository that it was built from, likewise.
    #[serde(default)]
    pub source: Fact<String>,
}
