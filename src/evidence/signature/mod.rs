//! Signatures: Sigstore bundles verified offline, and what they say of an artifact.
//!
//! Reads Sigstore bundles v0.1 to v0.3 (`application/vnd.dev.sigstore.bundle…`,
//! the protobuf-specs JSON form), over a message (`cosign sign-blob`) or over a
//! DSSE envelope that holds an in-toto statement (v0.1 and v1), and SLSA
//! provenance v0.2 and v1 within such a statement.
//!
//! A file holds one bundle, several one after another (`gh attestation download`
//! writes one a line), an array of them, or an `attestations` list as GitHub and
//! the npm registry answer. Of several, one that is for this artifact and meets
//! every expectation suffices: whoever may add a further attestation to a file
//! takes nothing from the one that was asked for. Where none does, the refusal
//! of the one that came closest is told first, and then the others'.
//!
//! What is checked, by `sigstore-verify` against the supplied root: the signing
//! time (RFC 3161 timestamp or signed entry timestamp), the certificate's chain
//! and validity at that time, its certificate timestamp, the log entry's
//! inclusion and checkpoint, the signature, and that the entry is this bundle's.
//! What is checked here: signer, subject, builder and source. No network is
//! used; the library consults the system's clock for one thing only, to refuse
//! log entries that come from the future.
//!
//! The predicate is written by the build, the certificate by Fulcio from the
//! forge's own token: where both speak of builder or source, they must agree.
//!
//! DSSE envelopes on their own (`*.intoto.jsonl` of slsa-github-generator before
//! v2.1.0) carry no proof that they were logged while their certificate was
//! valid. They cannot be verified offline and are refused.

pub mod bundle;
mod provenance;
mod repository;
mod statement;
mod trust;

use chrono::{DateTime, Utc};

pub use crate::model::pattern::Pattern;
pub use statement::Subject;
pub use trust::{PublicKey, TrustRoot};

use crate::model::notable::shortened;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;
use bundle::{Found, Presented};
use provenance::Claims;

/// How many bytes a file of bundles may have.
pub const SIZE_LIMIT: usize = 16 << 20;
/// How many bundles one file may hold.
pub const BUNDLE_LIMIT: usize = 1_000;
/// How many subjects one statement may name.
pub const SUBJECT_LIMIT: usize = 10_000;
/// How many log entries, and how many timestamps, one bundle may carry.
pub const PROOF_LIMIT: usize = 32;

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub enum Artifact<'a> {
    /// The bytes themselves.
    Bytes(&'a [u8]),
    /// Their SHA-256 digest. Statements that name subjects by SHA-512 only, and
    /// Ed25519 signatures over a message, need the bytes.
    Sha256([u8; 32]),
}

/// Who must have signed.
#[derive(Clone, Debug)]
pub enum Signer {
    /// The holder of an identity, as a Fulcio certificate states it.
    Identity {
        /// The certificate's subject: a workflow's URI or an e-mail address.
        identity: Pattern,
        /// The OpenID Connect issuer that vouched for it. Compared exactly.
        issuer: String,
    },
    /// The holder of a key that the policy supplies.
    Key(PublicKey),
}

/// What the policy expects. `builder`, `repository` and `commit` ask for SLSA
/// provenance: a bundle without it is refused where one of them is set.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Who must have signed.
    pub signer: Signer,
    /// The builder that the provenance must name.
    pub builder: Option<Pattern>,
    /// The source repository: a URL, or `owner/name` for one on github.com.
    pub repository: Option<String>,
    /// The source commit, a full hexadecimal SHA-1 or SHA-256.
    pub commit: Option<String>,
}

impl Expected {
    /// Expects a signer and asks for nothing else.
    #[must_use]
    pub fn signed_by(signer: Signer) -> Self {
        Self { signer, builder: None, repository: None, commit: None }
    }

    fn provenance(&self) -> bool {
        self.builder.is_some() || self.repository.is_some() || self.commit.is_some()
    }
}

/// A bundle that was verified and meets every expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The signer: the certificate's identity, or `key sha256:…` with the digest of the public key (SPKI, DER).
    pub identity: String,
    /// The issuer that vouched for the identity; absent for a key.
    pub issuer: Option<String>,
    /// The builder that the provenance names.
    pub builder: Option<String>,
    /// The source repository, `https://host/path`.
    pub source_repository: Option<String>,
    /// The source commit, lower-case hexadecimal.
    pub source_commit: Option<String>,
    /// The type of the statement's predicate; absent for a signed message.
    pub predicate_type: Option<String>,
    /// What the signed statement is about; empty for a signed message.
    pub subjects: Vec<Subject>,
    /// The earliest proven time of signing, UTC; a key's bundle may have none.
    pub signed_at: Option<DateTime<Utc>>,
}

/// Verifies a file of bundles for an artifact.
///
/// A [`Fault`] tells why no bundle in it meets the expectations: `SignatureInvalid`,
/// `WrongSigner`, `WrongBuilder`, `WrongSource`, `NoAttestation`, `WrongSubject`,
/// `Malformed`, `BeyondLimit`, or `EmptyReport` for a list without entries.
pub fn verify(file: &[u8], artifact: Artifact<'_>, root: &TrustRoot, expected: &Expected) -> Result<Verified, Fault> {
    let presented = Presented::new(artifact);
    let mut refusals = Vec::new();
    for document in bundle::documents(file)? {
        match Found::read(document).and_then(|found| judge(found, &presented, root, expected)) {
            Ok(verified) => return Ok(verified),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Err(closest(&refusals))
}

/// Complains about a file that is not JSON throughout, or too large.
pub fn readable(file: &[u8]) -> Result<(), Fault> {
    bundle::documents(file).map(drop)
}

/// What the bundles of a file say they are about, for finding artifacts by
/// digest. Nothing here is verified. A bundle that cannot be read, or whose
/// signature is over an unnamed digest that is not SHA-256, names nothing.
pub fn subjects(file: &[u8]) -> Result<Vec<Subject>, Fault> {
    let mut named = Vec::new();
    for found in bundle::documents(file)?.into_iter().map(Found::read) {
        for subject in found.map(Found::subjects).unwrap_or_default() {
            if named.len() >= SUBJECT_LIMIT {
                let message = format!("the file names more than {SUBJECT_LIMIT} subjects; split it");
                return Err(Fault::beyond_limit(Place::Whole, message));
            }
            named.push(subject);
        }
    }
    Ok(named)
}

fn judge(found: Found, artifact: &Presented<'_>, root: &TrustRoot, expected: &Expected) -> Result<Verified, Fault> {
    let proven = root.verify(&found, artifact, &expected.signer)?;
    if let Some(statement) = &found.statement
        && !statement.is_about(artifact)
    {
        return Err(statement.other_subject(artifact));
    }
    let identity = match &expected.signer {
        Signer::Identity { identity, issuer } => {
            signer(proven.identity.as_deref(), proven.issuer.as_deref(), identity, issuer)?
        }
        Signer::Key(key) => key.name(),
    };
    let claims = Claims::gather(&found, &proven)?;
    claims.meet(expected)?;
    Ok(Verified {
        identity,
        issuer: proven.issuer,
        builder: claims.builder,
        source_repository: claims.repository.map(|repository| repository.to_string()),
        source_commit: claims.commit,
        predicate_type: found.statement.as_ref().map(|statement| statement.predicate_type.clone()),
        subjects: found.statement.map(|statement| statement.subjects).unwrap_or_default(),
        signed_at: proven.signed_at,
    })
}

fn signer(
    identity: Option<&str>,
    issuer: Option<&str>,
    wanted: &Pattern,
    wanted_issuer: &str,
) -> Result<String, Fault> {
    let Some(identity) = identity else {
        return Err(refusal(
            Reason::WrongSigner,
            format!("the signing certificate names neither a URI nor an e-mail address, where `{wanted}` must sign"),
        ));
    };
    if !wanted.matches(identity) {
        return Err(refusal(
            Reason::WrongSigner,
            format!(
                "signed by `{}`, where the policy names `{wanted}`; sign in that workflow, or mend `identity` in the policy",
                shortened(identity, 300)
            ),
        ));
    }
    if issuer != Some(wanted_issuer) {
        return Err(refusal(
            Reason::WrongSigner,
            format!(
                "the signer's identity is vouched for by `{}`, where the policy names `{wanted_issuer}`; mend `issuer` in the policy if that is right",
                issuer.map_or_else(|| "nobody".to_owned(), |issuer| shortened(issuer, 300))
            ),
        ));
    }
    Ok(identity.to_owned())
}

fn refusal(reason: Reason, message: impl Into<String>) -> Fault {
    Fault { reason, place: Place::Whole, message: message.into() }
}

/// How close a refused bundle came to being accepted: the later the check that refused it, the closer.
fn closeness(refusal: &Fault) -> u8 {
    match refusal.reason {
        Reason::WrongSource => 7,
        Reason::WrongBuilder => 6,
        Reason::WrongSigner => 5,
        Reason::SignatureInvalid => 4,
        // Something good that is not what is asked for: what is wrong in its place speaks first.
        Reason::NoAttestation => 3,
        Reason::WrongSubject => 2,
        Reason::BeyondLimit => 1,
        _ => 0,
    }
}

/// One refusal for all the bundles of a file.
fn closest(refusals: &[Fault]) -> Fault {
    const TOLD: usize = 5;
    let count = refusals.len();
    // Of equally close ones the first in the file speaks.
    let best = refusals.iter().enumerate().max_by_key(|(index, fault)| (closeness(fault), count - index));
    let Some((chosen, best)) = best else {
        return Fault::empty(
            "the file lists no attestation; attest the artifact, then download its attestations again",
        );
    };
    if count == 1 {
        return best.clone();
    }
    let numbered =
        |(index, fault): (usize, &Fault)| format!("number {}: {}", index + 1, shortened(&fault.message, 200));
    let mut parts = vec![format!(
        "none of {count} attestations is what the policy asks for; closest, number {}: {}",
        chosen + 1,
        best.message
    )];
    parts.extend(refusals.iter().enumerate().filter(|(index, _)| *index != chosen).take(TOLD).map(numbered));
    if count > TOLD + 1 {
        parts.push(format!("and {} more", count - TOLD - 1));
    }
    let message = parts.join("; ");
    refusal(best.reason, message)
}
