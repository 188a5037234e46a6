//! Gathers what a gate over signatures judges: bundles, and the artifacts that they are about.
//!
//! A bundle belongs to the file that stands beside it without its ending
//! (`app.tar.gz` to `app.tar.gz.sigstore.json`), else to the files of its folder
//! or of the gate's `artifact` globs whose digest it names. Where the policy says
//! which artifacts are signed, or the command which are released, each of them
//! must be. An artifact that one bundle vouches for is not spoiled by another
//! that is about it too.

mod shelf;

use std::collections::BTreeMap;

use self::shelf::{ENDINGS, Shelf};
use super::gathered::{Gathered, format, plain_at, shown, too_many};
use super::request::Request;
use crate::decide::gates::{File, Signature, Table};
use crate::evidence::signature::{self, Artifact as Signed, Expected, Pattern, PublicKey, Signer, TrustRoot, Verified};
use crate::model::decision::Evidence;
use crate::model::kind::{Format, Kind};
use crate::model::measures::{Measure, Measures};
use crate::model::report::{About, Fault, Place};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::gate::{Gate, REPOSITORY, Same, Trust};
use crate::workspace::decode;
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::Entry;

pub(super) fn gather(request: &Request<'_>, gate: &Gate, entries: &[Entry], bundles: &[&Entry], into: &mut Gathered) {
    // A link is asked for like the file that it stands for: left out, nobody would miss its signature.
    let asked: Vec<&Entry> = entries.iter().filter(|entry| gate.trust.artifacts.matches(&entry.path)).collect();
    let limit = request.policy.limits.files;
    let vouched = if asked.len() > limit {
        Err(too_many(asked.len(), limit))
    } else {
        Vouching::new(request, &gate.trust, entries, asked)
    };
    match vouched {
        Ok(mut vouching) => {
            vouching.tells_artifacts = gate.same == Some(Same::Artifact);
            for bundle in bundles {
                let (file, evidence) = vouching.bundle(bundle);
                into.evidence.push(evidence);
                into.found.files.push(file);
            }
            if !bundles.is_empty() {
                vouching.settle(into);
            }
        }
        Err(fault) => into.found.trouble = Some(fault),
    }
}

/// Confirms a file by a bundle beside it, for a gate that is not about signatures itself.
/// `None` where no bundle stands there. `read` is what was read of the file: were it
/// read again here, it could be signed the one time and ticked the other.
pub(super) fn confirm(
    request: &Request<'_>,
    trust: &Trust,
    entries: &[Entry],
    file: &Entry,
    read: &[u8],
) -> Option<Result<String, Fault>> {
    let beside = |ending: &&str| plain_at(entries, &file.root, &format!("{}{ending}", file.path));
    let beside = ENDINGS.iter().find_map(beside)?;
    Some((|| {
        let vouching = Vouching::new(request, trust, entries, Vec::new())?;
        let bytes = open::entry(beside, signature::SIZE_LIMIT as u64)?;
        vouching.verify_bytes(&decode::text(&bytes)?, read).map(|verified| verified.identity)
    })())
}

/// The bundles of one gate, while they are verified.
struct Vouching<'v> {
    request: &'v Request<'v>,
    trust: &'v Trust,
    root: TrustRoot,
    expected: Expected,
    shelf: Shelf<'v>,
    /// Whether a bundle has to say which artifacts it is about: those that it vouches for.
    tells_artifacts: bool,
    /// The artifacts that must be signed.
    asked: Vec<&'v Entry>,
    /// What each artifact that a bundle is about comes to: who signed it, or why that does not count.
    outcomes: BTreeMap<&'v Entry, (String, Result<String, Fault>)>,
    identities: Vec<String>,
    builders: Vec<String>,
}

impl<'v> Vouching<'v> {
    fn new(
        request: &'v Request<'v>,
        trust: &'v Trust,
        entries: &'v [Entry],
        asked: Vec<&'v Entry>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            request,
            trust,
            root: trust_root(request, trust)?,
            expected: expected(request, trust)?,
            shelf: Shelf::new(entries, request.policy.limits.bytes),
            tells_artifacts: false,
            asked,
            outcomes: BTreeMap::new(),
            identities: Vec::new(),
            builders: Vec::new(),
        })
    }

    /// Reads one bundle, and verifies it for every artifact that it is about.
    fn bundle(&mut self, bundle: &Entry) -> (File, Evidence) {
        let path = shown(self.request, bundle);
        let mut evidence = Evidence { path: path.clone(), sha256: None, format: None, tool: None, bytes: 0 };
        let mut about = About::default();
        let read = self.read(bundle, &mut evidence);
        let fault = read.and_then(|read| self.vouch(bundle, &decode::text(&read)?, &mut about)).err();
        (File { path, about, fault }, evidence)
    }

    fn read(&self, bundle: &Entry, evidence: &mut Evidence) -> Result<Artifact, Fault> {
        let limit = self.request.policy.limits.bytes.min(signature::SIZE_LIMIT as u64);
        let artifact = open::entry(bundle, limit)?;
        evidence.bytes = artifact.length();
        evidence.sha256 = Some(open::sha256(&artifact));
        // A bundle that is broken is the verifier's to refuse, which says more of it.
        let text = decode::text(&artifact)?;
        evidence.format =
            Some(format(&text, &self.request.policy.limits.reading, Kind::Signature).unwrap_or(Format::SigstoreBundle));
        artifact.unchanged().map(|()| artifact)
    }

    fn vouch(&mut self, bundle: &Entry, bytes: &[u8], about: &mut About) -> Result<(), Fault> {
        // What is wrong with the file itself is told of it, and not of what it stands beside.
        signature::readable(bytes)?;
        for artifact in self.shelf.about(bundle, bytes, &self.asked)? {
            let outcome = self.verify(bytes, artifact).map(|verified| {
                verified.signed_at.into_iter().for_each(|at| about.made(at));
                verified.source_commit.iter().for_each(|commit| about.commit(commit));
                self.builders.extend(verified.builder);
                self.identities.push(verified.identity.clone());
                verified.identity
            });
            if self.tells_artifacts && outcome.is_ok() {
                self.shelf.digest(artifact).iter().for_each(|digest| about.artifact(digest));
            }
            // One that is wrong is not forgotten for one that only lacks something.
            let blocks = |fault: &Fault| fault.reason.verdict() == Verdict::Block;
            let known = self.outcomes.get(artifact).is_some_and(|(_, known)| match (known, &outcome) {
                (Ok(_), _) => true,
                (Err(_), Ok(_)) => false,
                (Err(known), Err(fault)) => blocks(known) && !blocks(fault),
            });
            if !known {
                self.outcomes.insert(artifact, (shown(self.request, bundle), outcome));
            }
        }
        Ok(())
    }

    fn verify(&self, bundle: &[u8], artifact: &Entry) -> Result<Verified, Fault> {
        let bytes = open::entry(artifact, self.request.policy.limits.bytes)?;
        self.request.watch.reading(&artifact.path, bytes.length());
        let verified = self.verify_bytes(bundle, &bytes);
        self.request.watch.done(&artifact.path);
        bytes.unchanged().and(verified)
    }

    fn verify_bytes(&self, bundle: &[u8], artifact: &[u8]) -> Result<Verified, Fault> {
        signature::verify(bundle, Signed::Bytes(artifact), &self.root, &self.expected)
            .and_then(|verified| meets(self.trust, verified))
    }

    /// Adds the artifacts that must be signed and are not, and states the measures.
    fn settle(mut self, into: &mut Gathered) {
        let signatures = &mut into.found.signatures;
        let unsigned = |artifact: String, reason, why: &str| Signature {
            bundle: String::new(),
            artifact,
            outcome: Err((reason, why.to_owned())),
        };
        if self.asked.is_empty() && !self.trust.artifacts.is_empty() {
            let why = "no file is the artifact that must be signed; run the step that makes it first";
            let globs = self.trust.artifacts.globs().join(", ");
            signatures.push(unsigned(globs, Reason::NoEvidence, why));
        }
        for artifact in &self.asked {
            if !self.outcomes.contains_key(artifact) {
                let why = "no bundle is about it; sign it, or wait for the step that does";
                signatures.push(unsigned(shown(self.request, artifact), Reason::NoEvidence, why));
            }
        }
        let signed: Vec<&Entry> =
            self.outcomes.iter().filter(|(_, (_, outcome))| outcome.is_ok()).map(|(artifact, _)| *artifact).collect();
        for released in &self.request.artifacts {
            if !signed.iter().any(|artifact| self.shelf.digest(artifact).as_ref() == Some(released)) {
                let why = "no bundle here vouches for this artifact, which is released";
                signatures.push(unsigned(format!("sha256:{released}"), Reason::OtherArtifact, why));
            }
        }
        let verified = signed.len() as u64;
        for (artifact, (bundle, outcome)) in self.outcomes {
            let outcome = outcome.map_err(|fault| (fault.reason, fault.to_string()));
            signatures.push(Signature { bundle, artifact: shown(self.request, artifact), outcome });
        }
        let mut measures = Measures::new();
        measures.count("signature.verified", verified);
        measures.state("signature.identities", names(self.identities));
        measures.state("signature.builders", names(self.builders));
        into.found.measures = Table::Read(measures);
    }
}

fn names(mut names: Vec<String>) -> Measure {
    names.sort();
    names.dedup();
    Measure::Names(names)
}

/// What the policy asks of a verified statement beyond what the verifier was told.
fn meets(trust: &Trust, verified: Verified) -> Result<Verified, Fault> {
    match (&trust.predicate, &verified.predicate_type) {
        (Some(wanted), found) if found.as_ref() != Some(wanted) => Err(Fault {
            reason: Reason::NoAttestation,
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

fn trust_root(request: &Request<'_>, trust: &Trust) -> Result<TrustRoot, Fault> {
    let Some(path) = &trust.root else { return TrustRoot::public_good() };
    let trouble =
        |fault: Fault| Fault { message: format!("the trusted root {path}: {fault}"), place: Place::Whole, ..fault };
    let bytes = request
        .policy_files
        .read_beside(&trust.stated_in, path)
        .map_err(|why| trouble(Fault { reason: Reason::Unreadable, place: Place::Whole, message: why }))?;
    TrustRoot::from_json(&bytes).map_err(trouble)
}

/// What the policy expects, with what it leaves open filled in.
fn expected(request: &Request<'_>, trust: &Trust) -> Result<Expected, Fault> {
    let wrong = |message: String| Fault { reason: Reason::Malformed, place: Place::Whole, message };
    let filled = |text: &str| match (text.contains(REPOSITORY), &request.repository) {
        (false, _) => Ok(text.to_owned()),
        (true, Some(repository)) => Ok(text.replace(REPOSITORY, repository)),
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
