//! Gathers what a gate over signatures judges: bundles, and the artifacts that they are about.
//!
//! A bundle belongs to the file that stands beside it without its ending
//! (`app.tar.gz` to `app.tar.gz.sigstore.json`), else to the files of its folder
//! or of the gate's `artifact` globs whose digest it names. Where the policy says
//! which artifacts are signed, each of them must be.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::gate_run::{Gathered, Request, format, plain, too_many};
use crate::decide::gates::{File, Signature};
use crate::evidence::signature::{self, Artifact as Signed, Expected, Pattern, PublicKey, Signer, TrustRoot};
use crate::model::decision::Evidence;
use crate::model::kind::{Format, Kind};
use crate::model::measures::Measure;
use crate::model::report::{About, Fault, Place};
use crate::model::verdict::Reason;
use crate::policy::gate::{Gate, Trust};
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::Entry;

/// The endings of a bundle's name, behind the name of what it signs.
const ENDINGS: [&str; 7] =
    [".sigstore.json", ".sigstore", ".sigstore.jsonl", ".bundle", ".bundle.json", ".intoto.jsonl", ".attestation.json"];

/// How many bytes of artifacts are digested to find those that a bundle names.
const SEARCHED: u64 = 8 << 30;

pub(super) fn gather(request: &Request<'_>, gate: &Gate, entries: &[Entry], bundles: &[&Entry], into: &mut Gathered) {
    let (root, expected) = match (trust_root(request, &gate.trust), expected(request, &gate.trust)) {
        (Ok(root), Ok(expected)) => (root, expected),
        (Err(fault), _) | (_, Err(fault)) => {
            into.found.trouble = Some(fault);
            return;
        }
    };
    let limit = request.policy.limits.files;
    let asked: Vec<&Entry> = plain(entries).filter(|entry| gate.trust.artifacts.matches(&entry.path)).collect();
    if asked.len() > limit {
        into.found.trouble = Some(too_many(asked.len(), limit));
        return;
    }
    let mut shelf = Shelf { request, entries, digests: BTreeMap::new(), searched: 0 };
    let mut signed: Vec<String> = Vec::new();
    let mut proven = Proven::default();
    for bundle in bundles {
        let path = bundle.path.clone();
        let fault = match read_bundle(request, bundle, into) {
            Ok(bytes) => {
                let mut about = Vec::new();
                let outcome = shelf.about(bundle, &bytes, &asked, &mut about);
                for artifact in about {
                    let checked = check(request, &bytes, artifact, &root, &expected);
                    let outcome = checked.and_then(|verified| meets(&gate.trust, verified));
                    let outcome = match outcome {
                        Ok(verified) => {
                            signed.push(artifact.path.clone());
                            Ok(proven.note(verified))
                        }
                        Err(fault) => Err((fault.reason, fault.to_string())),
                    };
                    into.found.signatures.push(Signature {
                        bundle: path.clone(),
                        artifact: artifact.path.clone(),
                        outcome,
                    });
                }
                outcome.err()
            }
            Err(fault) => Some(fault),
        };
        into.found.files.push(File { path, about: About::default(), fault });
    }
    for artifact in &asked {
        let seen = into.found.signatures.iter().any(|signature| signature.artifact == artifact.path);
        if !seen && !bundles.is_empty() {
            let why = "no bundle is about it; sign it, or wait for the step that does".to_owned();
            into.found.signatures.push(Signature {
                bundle: String::new(),
                artifact: artifact.path.clone(),
                outcome: Err((Reason::NoEvidence, why)),
            });
        }
    }
    // An artifact that one bundle vouches for is not spoiled by another that is about it too.
    into.found.signatures.retain(|signature| signature.outcome.is_ok() || !signed.contains(&signature.artifact));
    proven.measure(&signed, into);
}

/// Confirms a file by a bundle beside it, for a gate that is not about signatures itself.
/// `None` where no bundle stands there.
pub(super) fn confirm(
    request: &Request<'_>,
    trust: &Trust,
    entries: &[Entry],
    file: &Entry,
) -> Option<Result<String, Fault>> {
    let beside = plain(entries).find(|entry| {
        entry.root == file.root
            && ENDINGS.iter().any(|ending| entry.path.strip_suffix(ending) == Some(file.path.as_str()))
    })?;
    Some((|| {
        let (root, expected) = (trust_root(request, trust)?, expected(request, trust)?);
        let bytes = open::entry(beside, signature::SIZE_LIMIT as u64)?;
        check(request, &bytes, file, &root, &expected).map(|verified| verified.identity)
    })())
}

fn read_bundle(request: &Request<'_>, bundle: &Entry, into: &mut Gathered) -> Result<Artifact, Fault> {
    let mut evidence = Evidence { path: bundle.path.clone(), sha256: None, format: None, tool: None, bytes: 0 };
    let read =
        open::entry(bundle, request.policy.limits.bytes.min(signature::SIZE_LIMIT as u64)).and_then(|artifact| {
            evidence.bytes = artifact.length();
            evidence.sha256 = Some(open::sha256(&artifact));
            // What is no bundle at all is told as such; a bundle that is broken is the verifier's to refuse.
            let format = format(&artifact, Kind::Signature).map_or(Format::SigstoreBundle, |format| format);
            evidence.format = Some(format);
            artifact.unchanged().map(|()| artifact)
        });
    into.evidence.push(evidence);
    read
}

fn check(
    request: &Request<'_>,
    bundle: &[u8],
    artifact: &Entry,
    root: &TrustRoot,
    expected: &Expected,
) -> Result<signature::Verified, Fault> {
    let bytes = open::entry(artifact, request.policy.limits.bytes)?;
    request.watch.reading(&artifact.path, bytes.length());
    let verified = signature::verify(bundle, Signed::Bytes(&bytes), root, expected);
    request.watch.done(&artifact.path);
    bytes.unchanged().and(verified)
}

/// What the policy asks of a verified statement beyond what the verifier was told.
fn meets(trust: &Trust, verified: signature::Verified) -> Result<signature::Verified, Fault> {
    match (&trust.predicate, &verified.predicate_type) {
        (Some(wanted), found) if found.as_ref() != Some(wanted) => Err(Fault {
            reason: Reason::WrongSubject,
            place: Place::Whole,
            message: format!(
                "a statement of type `{wanted}` must be signed, and this is {}",
                found.as_deref().map_or_else(
                    || "a signed file without a statement".to_owned(),
                    |found| format!("one of type `{found}`")
                )
            ),
        }),
        _ => Ok(verified),
    }
}

/// The files that bundles can be about.
struct Shelf<'s> {
    request: &'s Request<'s>,
    entries: &'s [Entry],
    /// Digests by path, each worked out once.
    digests: BTreeMap<String, Option<String>>,
    searched: u64,
}

impl<'s> Shelf<'s> {
    /// The artifacts that a bundle is about.
    fn about(
        &mut self,
        bundle: &Entry,
        bytes: &[u8],
        asked: &[&'s Entry],
        found: &mut Vec<&'s Entry>,
    ) -> Result<(), Fault> {
        let name = ENDINGS.iter().find_map(|ending| bundle.path.strip_suffix(ending));
        let named = plain(self.entries).find(|entry| entry.root == bundle.root && Some(entry.path.as_str()) == name);
        if let Some(artifact) = named {
            found.push(artifact);
            return Ok(());
        }
        let subjects = signature::subjects(bytes)?;
        let folder = Path::new(&bundle.path).parent();
        let candidates: Vec<&Entry> = if asked.is_empty() {
            let beside = |entry: &&Entry| entry.root == bundle.root && Path::new(&entry.path).parent() == folder;
            plain(self.entries).filter(beside).filter(|entry| entry.path != bundle.path).collect()
        } else {
            asked.to_vec()
        };
        for candidate in candidates {
            let Some(digest) = self.digest(candidate) else { continue };
            if subjects.iter().any(|subject| subject.sha256.as_ref() == Some(&digest)) {
                found.push(candidate);
            }
        }
        if found.is_empty() {
            return Err(Fault {
                reason: Reason::NoEvidence,
                place: Place::Whole,
                message: "the artifact that it signs is not here; put it beside its bundle, or name it with `artifact`"
                    .to_owned(),
            });
        }
        Ok(())
    }

    fn digest(&mut self, entry: &Entry) -> Option<String> {
        if let Some(known) = self.digests.get(&entry.path) {
            return known.clone();
        }
        let digest = open::entry(entry, self.request.policy.limits.bytes).ok().and_then(|artifact| {
            self.searched += artifact.length();
            (self.searched <= SEARCHED).then(|| hex(&Sha256::digest(&*artifact)))
        });
        self.digests.insert(entry.path.clone(), digest.clone());
        digest
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What verified bundles state.
#[derive(Default)]
struct Proven {
    identities: Vec<String>,
    builders: Vec<String>,
}

impl Proven {
    fn note(&mut self, verified: signature::Verified) -> String {
        self.builders.extend(verified.builder);
        self.identities.push(verified.identity.clone());
        verified.identity
    }

    fn measure(mut self, signed: &[String], into: &mut Gathered) {
        let sorted = |names: &mut Vec<String>| {
            names.sort();
            names.dedup();
        };
        sorted(&mut self.identities);
        sorted(&mut self.builders);
        let measures = &mut into.found.measures;
        measures.count("signature.verified", signed.len() as u64);
        measures.state("signature.identities", Measure::Names(self.identities));
        measures.state("signature.builders", Measure::Names(self.builders));
    }
}

fn trust_root(request: &Request<'_>, trust: &Trust) -> Result<TrustRoot, Fault> {
    let Some(path) = &trust.root else { return TrustRoot::public_good() };
    let trouble =
        |fault: Fault| Fault { message: format!("the trusted root {path}: {fault}"), place: Place::Whole, ..fault };
    let bytes = request
        .policy_files
        .read(path)
        .map_err(|why| trouble(Fault { reason: Reason::Unreadable, place: Place::Whole, message: why }))?;
    TrustRoot::from_json(&bytes).map_err(trouble)
}

/// What the policy expects, with what it leaves open filled in.
fn expected(request: &Request<'_>, trust: &Trust) -> Result<Expected, Fault> {
    let wrong = |message: String| Fault { reason: Reason::Malformed, place: Place::Whole, message };
    let filled = |text: &str| match (text.contains("{repository}"), &request.repository) {
        (false, _) => Ok(text.to_owned()),
        (true, Some(repository)) => Ok(text.replace("{repository}", repository)),
        (true, None) => Err(wrong(format!(
            "`{text}` speaks of the repository, which is not known here; name it with `--repository`"
        ))),
    };
    let pattern = |text: &str| filled(text).and_then(|text| Pattern::new(&text).map_err(wrong));
    let signer = match (&trust.key, &trust.identity, &trust.issuer) {
        (Some(key), ..) => Signer::Key(PublicKey::from_pem(key.as_bytes())?),
        (None, Some(identity), Some(issuer)) => {
            Signer::Identity { identity: pattern(identity)?, issuer: issuer.clone() }
        }
        _ => return Err(wrong("the policy does not say who must have signed".to_owned())),
    };
    let provenance = trust.builder.is_some() || trust.source.is_some();
    Ok(Expected {
        signer,
        builder: trust.builder.as_deref().map(pattern).transpose()?,
        repository: trust.source.as_deref().map(filled).transpose()?,
        commit: if provenance { request.commit.clone() } else { None },
    })
}
