//! Who signed what goes: each artifact by the signer whom the gate names.
//!
//! The cryptography was done by whoever gathered the facts. Whether it is the right signer is the policy's to say.

use sha2::{Digest, Sha256};

use std::collections::HashMap;

use super::bound::short;
use super::gates::Signature;
use super::release_gates::Artifacts;
use super::released::plain;
use super::scene::Scene;
use crate::model::facts::{Fact, GateEvidence, Signer};
use crate::model::pattern::Pattern;
use crate::model::verdict::Reason;
use crate::policy::gate::{Gate, Trust};

/// What the signatures come to, one an artifact that goes.
#[must_use]
pub fn judge(scene: &Scene<'_>, gate: &Gate, artifacts: &Artifacts, evidence: &GateEvidence) -> Vec<Signature> {
    let repository = &scene.facts.release.repository;
    let signature = |artifact: String, outcome| Signature { bundle: String::new(), artifact, outcome };
    let mut signers: HashMap<String, Vec<&Signer>> = HashMap::new();
    for signer in &evidence.signers {
        signers.entry(plain(&signer.artifact)).or_default().push(signer);
    }
    let mut found: Vec<Signature> = artifacts
        .digests
        .iter()
        .map(|digest| {
            let mut signed = signers.get(digest).into_iter().flatten();
            let mut outcome =
                Err((Reason::OtherArtifact, "nobody signed it; the step that signs it has to run".to_owned()));
            // It is enough that one of several signers is the right one.
            while outcome.is_err()
                && let Some(signer) = signed.next()
            {
                outcome = right(&gate.trust, repository, signer).map(|()| signer.identity.clone());
            }
            signature(format!("sha256:{}", short(digest)), outcome)
        })
        .collect();
    if let Some(why) = &artifacts.unread {
        let says = format!("which artifacts are released could not be read: {why}");
        found.push(signature("the release".to_owned(), Err((Reason::Unreadable, says))));
    } else if found.is_empty() {
        // Nothing is built of it; what is signed is its evidence, and by nobody else.
        found.extend(evidence.signers.iter().map(|signer| {
            let outcome = right(&gate.trust, repository, signer).map(|()| signer.identity.clone());
            signature(format!("sha256:{}", short(&signer.artifact)), outcome)
        }));
    }
    found
}

/// Whether a signer is the one whom a gate names.
fn right(trust: &Trust, repository: &str, signer: &Signer) -> Result<(), (Reason, String)> {
    let wrong = |says: String| Err((Reason::WrongSigner, says));
    let by = &signer.identity;
    if let Some(key) = &trust.key {
        return match named(key) {
            Some(name) if name == *by => Ok(()),
            Some(name) => wrong(format!("signed by `{by}`, where the policy names `{name}`")),
            None => wrong("the policy's key cannot be read, and so not whether it was signed with that".to_owned()),
        };
    }
    let (Some(identity), Some(issuer)) = (&trust.identity, &trust.issuer) else {
        return wrong("the policy does not say who must have signed".to_owned());
    };
    let identity = identity.replace("{repository}", repository);
    if !Pattern::new(&identity).is_ok_and(|pattern| pattern.matches(by)) {
        return wrong(format!(
            "signed by `{by}`, where the policy names `{identity}`; sign in that workflow, or mend `identity` in the policy"
        ));
    }
    match &signer.issuer {
        Fact::Known(vouched) if vouched == issuer => Ok(()),
        Fact::Known(vouched) => wrong(format!(
            "the signer's identity is vouched for by `{vouched}`, where the policy names `{issuer}`; mend `issuer` in the policy if that is right"
        )),
        Fact::Absent => {
            wrong(format!("the signer's identity is vouched for by nobody, where the policy names `{issuer}`"))
        }
        Fact::Unavailable(why) => {
            Err((Reason::Unreadable, format!("who vouched for the signer's identity could not be read: {why}")))
        }
    }
}

/// What a public key in PEM is called where a signer is named: by the digest of what the PEM holds.
fn named(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let hash = Sha256::digest(decoded(body)?);
    Some(hash.iter().fold("key sha256:".to_owned(), |name, byte| format!("{name}{byte:02x}")))
}

/// The bytes of a text in base64 (RFC 4648, section 4).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut number) = (0_u32, 0_u32);
    for letter in text.bytes().filter(|letter| !letter.is_ascii_whitespace() && *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        number += 6;
        if number >= 8 {
            number -= 8;
            bytes.extend(u8::try_from((held >> number) & 0xff));
        }
    }
    Some(bytes)
}
