//! The story of a decision's receipt: the decision is stated, recorded with everything that it was made from, and handed
//! on with its proof. Whoever holds it can decide again: that is [`super::replay`].

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::append::{Failed, Happening};
use super::decided::{self, Beside, Ruled, word};
use super::record::{Fault, Log, Place, prove};
use super::recorded;
use super::replay::NO_POLICY;
use crate::decide::unreadable;
use crate::log::entry::Kind;
use crate::log::keys::Keys;
use crate::log::receipt::{Envelope, Layer, Receipt, encoded, sha256};
use crate::log::tree::Hash;
use crate::model::facts::Facts;
use crate::model::release_decision::{ReleaseDecision, Ruling};
use crate::store::address::Address;
use crate::store::change::Stream;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::history::Past;
use crate::store::reader::Reader;
use crate::store::sequencer::Sequencer;
use crate::store::signatory::Signatory;
use crate::store::writer::Appended;

/// What decided, as an entry names it.
fn engine() -> Value {
    json!({ "name": "countersign", "version": env!("CARGO_PKG_VERSION"), "zones": chrono_tz::IANA_TZDB_VERSION })
}

/// What a decision was made from, and the decision.
#[derive(Debug)]
pub struct Decided<'d> {
    /// The policy's layers, outermost first, with the files that they name.
    pub policy: Vec<Layer>,
    /// The same of the policy before a change in flight; empty without one.
    pub before: Vec<Layer>,
    /// The facts, as they were read.
    pub facts_text: String,
    /// The facts.
    pub facts: &'d Facts,
    /// The decision.
    pub decision: &'d ReleaseDecision,
    /// The decision document.
    pub document: String,
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Decided<'_> {
    /// What the decision is about, as in-toto has it: every artifact by its digest, and the commit.
    fn subjects(&self) -> Vec<Value> {
        let release = &self.facts.release;
        let mut subjects = Vec::new();
        for (name, released) in &release.components {
            for digest in released.artifacts.known().into_iter().flatten() {
                let digest = digest.strip_prefix("sha256:").unwrap_or(digest).to_ascii_lowercase();
                subjects.push(json!({ "name": name, "digest": { "sha256": digest } }));
            }
        }
        subjects.push(json!({ "name": release.repository, "digest": { "gitCommit": release.commit } }));
        subjects
    }

    /// The decision as statements of the version of this product that made it, in canonical bytes.
    fn statements(&self, version: &str) -> Vec<Vec<u8>> {
        let (release, decision) = (&self.facts.release, self.decision);
        let passed = decision.decision == Ruling::Proceed;
        let verifier = json!({
            "id": "https://github.com/countersign/countersign",
            "version": { "countersign": version },
        });
        let digest = |bytes: &[u8]| json!({ "sha256": sha256(bytes) });
        let policy = self.policy.last();
        let mut inputs = vec![
            json!({ "uri": "countersign:facts", "digest": digest(self.facts_text.as_bytes()) }),
            json!({ "uri": "countersign:decision", "digest": digest(self.document.as_bytes()) }),
        ];
        for (gate, found) in &self.facts.evidence {
            for digest in found.known().into_iter().flat_map(|found| &found.digests) {
                let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
                let uri = format!("countersign:evidence/{}", plain(gate));
                inputs.push(json!({ "uri": uri, "digest": { "sha256": digest } }));
            }
        }
        let summary = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": self.subjects(),
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {
                "verifier": verifier,
                "timeVerified": instant(decision.now),
                "resourceUri": resource(&release.forge, &release.repository, &release.commit, &decision.environment),
                "policy": match policy {
                    Some(layer) => json!({ "uri": layer.path, "digest": { "sha256": layer.sha256 } }),
                    None => json!({ "uri": "countersign:no-policy", "digest": {} }),
                },
                "inputAttestations": inputs,
                "verificationResult": if passed { "PASSED" } else { "FAILED" },
                "verifiedLevels": if passed { vec!["COUNTERSIGN_APPROVED"] } else { Vec::new() },
                "slsaVersion": "1.1",
            },
        });
        let mut statements = vec![summary];
        if passed {
            statements.push(json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": self.subjects(),
                "predicateType": "https://in-toto.io/attestation/svr/v0.1",
                "predicate": {
                    "verifier": verifier,
                    "timeCreated": instant(decision.now),
                    "properties": [format!("APPROVED_FOR_RELEASE {}", decision.environment)],
                },
            }));
        }
        statements.iter().map(|statement| statement.to_string().into_bytes()).collect()
    }

    /// The statements in their envelopes, and the body of the entry that has the digests of everything.
    fn stated(&self, signer: &Signatory) -> Result<(Vec<Envelope>, serde_json::Map<String, Value>), DatabaseFault> {
        let statements = self.statements(env!("CARGO_PKG_VERSION"));
        let digests: Vec<String> = statements.iter().map(|statement| sha256(statement)).collect();
        let release = &self.facts.release;
        let body = json!({
            "decision": word(self.decision.decision),
            "release": release.name,
            "forge": release.forge,
            "repository": release.repository,
            "environment": self.decision.environment,
            "commit": release.commit,
            "now": instant(self.decision.now),
            "document": { "sha256": sha256(self.document.as_bytes()) },
            "facts": { "sha256": sha256(self.facts_text.as_bytes()) },
            "policy": crate::log::receipt::listed(&self.policy),
            "policy_before": crate::log::receipt::listed(&self.before),
            "engine": engine(),
            "statements": digests,
        });
        let envelopes = enveloped(&statements, signer)?;
        let Value::Object(mut body) = body else { return Ok((envelopes, serde_json::Map::new())) };
        if unreadable::is_held(self.decision) {
            body.insert(NO_POLICY.to_owned(), true.into());
        }
        Ok((envelopes, body))
    }
}

/// Statements in their envelopes.
fn enveloped(statements: &[Vec<u8>], signer: &Signatory) -> Result<Vec<Envelope>, DatabaseFault> {
    let envelope = |statement: &Vec<u8>| {
        let signature = signer.sign(&encoded(statement))?;
        Ok(Envelope::of(statement, signer.verifier(), &signature))
    };
    statements.iter().map(envelope).collect()
}

impl<'d> Decided<'d> {
    /// What happened, the decision last: the policy and the facts that it was made from, once each. With it the
    /// statements in their envelopes.
    fn happened(&self, signer: &Signatory) -> Result<(Vec<Happening>, Vec<Envelope>), DatabaseFault> {
        let (statements, body) = self.stated(signer)?;
        let mut happened = Vec::new();
        for layers in [&self.policy, &self.before].into_iter().filter(|layers| !layers.is_empty()) {
            let mut body = serde_json::Map::new();
            body.insert("layers".to_owned(), crate::log::receipt::listed(layers));
            let files = layers.iter().flat_map(|layer| std::iter::once(layer).chain(&layer.attached));
            let attached = files.filter_map(|it| Some((it.path.clone(), it.text.clone()?.into_bytes()))).collect();
            let once = Some(format!("policy {}", sha256(Value::Object(body.clone()).to_string().as_bytes())));
            happened.push(Happening { kind: Kind::Policy, body, attached, once });
        }
        let facts = sha256(self.facts_text.as_bytes());
        let mut of = serde_json::Map::new();
        of.insert("release".to_owned(), self.facts.release.name.as_str().into());
        let attached = vec![("facts.json".to_owned(), self.facts_text.clone().into_bytes())];
        happened.push(Happening { kind: Kind::Facts, body: of, attached, once: Some(format!("facts {facts}")) });
        let once = Some(format!("decision {}", sha256(Value::Object(body.clone()).to_string().as_bytes())));
        let attached = vec![("decision.json".to_owned(), self.document.clone().into_bytes())];
        happened.push(Happening { kind: Kind::Decision, body, attached, once });
        Ok((happened, statements))
    }

    /// What is decided of, as the record names it.
    #[must_use]
    pub fn stream(&self) -> Stream {
        decided::stream(self.ruled())
    }

    /// By what its entries are made of.
    fn ruled(&self) -> Ruled<'d> {
        Ruled {
            facts: self.facts,
            facts_digest: Hash(Sha256::digest(&self.facts_text).into()),
            decision: self.decision,
            document: Hash(Sha256::digest(&self.document).into()),
        }
    }
}

/// What of a text stays as it is in a URI.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A text as a part of a URI.
pub(super) fn plain(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The release in its place as a package URL.
fn resource(forge: &str, repository: &str, commit: &str, environment: &str) -> String {
    format!("pkg:{}/{}@{}?environment={}", plain(forge), plain(repository), plain(commit), plain(environment))
}

/// Records a decision with everything that it was made from, in one durable write, and hands out its receipt.
pub fn record(
    decided: Decided<'_>,
    beside: &Beside,
    address: &Address,
    signer: impl Into<Signatory>,
    at: DateTime<Utc>,
) -> Result<Receipt, Failed> {
    let signer = signer.into();
    let trusted = Keys::from(signer.verifier());
    let (happened, statements) = decided.happened(&signer).map_err(Fault::from)?;
    let appended = decided::commit(decided.ruled(), happened, beside, address, signer, at)?;
    let index = appended.last().map(|last| last.first).unwrap_or_default();
    proven(decided, statements, &trusted, address, index)
}

/// The receipt of the decision in an entry, with the proof that the log holds it.
fn proven(
    decided: Decided<'_>,
    statements: Vec<Envelope>,
    trusted: &Keys,
    address: &Address,
    index: u64,
) -> Result<Receipt, Failed> {
    let mut log = Log::open(&Place::Database(address.clone()))?;
    // The key that signs now is trusted here; the rotations let those follow who trust an older one.
    let proven = prove(&mut log, trusted, index)?;
    let rotations = log.rotations()?;
    let entry = String::from_utf8(proven.entry)
        .map_err(|_| Fault::Unproven { index, why: "it is no entry of ours".to_owned() })?;
    Ok(Receipt {
        receipt: crate::log::receipt::VERSION,
        statements,
        entry,
        proof: proven.proof.to_string(),
        decision: decided.document,
        facts: Some(decided.facts_text),
        policy: decided.policy,
        policy_before: decided.before,
        rotations,
    })
}

/// Records a decision likewise through whoever writes for many. What comes back is the decision's entry.
pub async fn record_through(
    decided: &Decided<'_>,
    beside: &Beside,
    sequencer: &Sequencer,
    signer: &Signatory,
    at: DateTime<Utc>,
) -> Result<Option<Appended>, Failed> {
    let (happened, _) = decided.happened(signer).map_err(Fault::from)?;
    let appended = decided::commit_through(decided.ruled(), happened, beside, sequencer, at).await?;
    Ok(appended.into_iter().next_back())
}

/// What a recorded decision was made from, read back from the record.
#[derive(Debug)]
pub struct Recorded {
    entry: u64,
    document: String,
    facts: String,
    policy: Vec<Layer>,
    before: Vec<Layer>,
    version: String,
}

/// Why a recorded decision has no receipt any more.
#[derive(Debug, thiserror::Error)]
pub enum NoReceipt {
    /// Something that it is made of is gone, or cannot be read.
    #[error("{0}; what the record still has is shown by `countersign log prove`")]
    Gone(String),
    /// It cannot be made now.
    #[error("{0}")]
    Later(String),
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    /// It cannot be proven.
    #[error("{0}")]
    Failed(#[from] Failed),
}

/// Reads back what a recorded decision was made from.
pub async fn recorded(reader: &mut Reader, past: &Past) -> Result<Recorded, NoReceipt> {
    let gone = |what: &str| NoReceipt::Gone(format!("{what} of entry {} is not kept any more", past.entry));
    let entry = recorded::entry(reader, past.entry).await?.ok_or_else(|| gone("the content"))?;
    let document = reader.blob(past.document).await?.and_then(|bytes| String::from_utf8(bytes).ok());
    let facts = reader.blob(past.facts).await?.and_then(|bytes| String::from_utf8(bytes).ok());
    let engine = entry.body.get("engine").and_then(|it| it.get("version")).and_then(Value::as_str);
    let listed = |unlisted: recorded::Unlisted| match unlisted {
        recorded::Unlisted::Record(fault) => NoReceipt::Record(fault),
        form @ recorded::Unlisted::Form(_) => NoReceipt::Gone(format!("its policy cannot be listed: {form}")),
    };
    Ok(Recorded {
        entry: past.entry,
        document: document.ok_or_else(|| gone("the decision document"))?,
        facts: facts.ok_or_else(|| gone("what the facts say"))?,
        policy: recorded::layers(reader, &entry, "policy").await.map_err(listed)?,
        before: recorded::layers(reader, &entry, "policy_before").await.map_err(listed)?,
        version: engine.unwrap_or_default().to_owned(),
    })
}

impl Recorded {
    /// Makes the decision's receipt anew, as it was handed out then. It waits for the record and for whoever signs; what
    /// comes back was checked as whoever gets it checks it.
    pub fn receipt(self, address: &Address, signer: &Signatory) -> Result<Receipt, NoReceipt> {
        let gone = |why: String| NoReceipt::Gone(why);
        let facts =
            Facts::read(self.facts.as_bytes()).map_err(|why| gone(format!("its facts cannot be read: {why}")))?;
        let decision = ReleaseDecision::read(self.document.as_bytes())
            .map_err(|why| gone(format!("its decision document is of another kind: {why}")))?;
        let decided = Decided {
            policy: self.policy,
            before: self.before,
            facts_text: self.facts,
            facts: &facts,
            decision: &decision,
            document: self.document,
        };
        let statements = enveloped(&decided.statements(&self.version), signer)?;
        let trusted = Keys::from(signer.verifier());
        let receipt = proven(decided, statements, &trusted, address, self.entry)?;
        match receipt.check(trusted) {
            Ok(_) => Ok(receipt),
            Err(invalid) => Err(gone(format!("it cannot be stated again as it was: {invalid}"))),
        }
    }
}
