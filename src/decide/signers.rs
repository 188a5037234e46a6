//! Who signed what goes: each artifact by the signer whom the gate names.
//!
//! The cryptography was done by whoever gathered the facts. Whether it is the right signer is the policy's to say.

use sha2::{Digest, Sha256};

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use super::bound::short;
use super::gates::Signature;
use super::release_gates::Artifacts;
use super::released::plain;
use super::roles;
use super::scene::Scene;
use super::words;
use crate::model::facts::{Fact, GateEvidence, Signer};
use crate::model::pattern::Pattern;
use crate::model::verdict::{Reason, Verdict};
use crate::policy::gate::{Gate, REPOSITORY, Trust};

/// What the signatures come to, one an artifact that goes.
#[must_use]
pub fn judge(scene: &Scene<'_>, gate: &Gate, artifacts: &Artifacts, evidence: &GateEvidence) -> Vec<Signature> {
    let repository = &scene.facts.release.repository;
    let signature = |artifact: String, outcome| Signature { bundle: String::new(), artifact, outcome };
    let signers = by_artifact(evidence);
    let mut found: Vec<Signature> = artifacts
        .digests
        .iter()
        .map(|digest| {
            let unsigned = "nobody signed it; the step that signs it has to run";
            let outcome = any(signers.get(digest.as_str()).into_iter().flatten().copied(), unsigned, |signer| {
                right(&gate.trust, repository, signer)
            });
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

/// The signers of each artifact, by its digest as it is compared.
fn by_artifact(evidence: &GateEvidence) -> HashMap<Cow<'_, str>, Vec<&Signer>> {
    let mut signers: HashMap<Cow<'_, str>, Vec<&Signer>> = HashMap::new();
    for signer in &evidence.signers {
        signers.entry(plain(&signer.artifact)).or_default().push(signer);
    }
    signers
}

/// The right one of the signers of one artifact: it is enough that one of several is.
fn any<'e>(
    signers: impl Iterator<Item = &'e Signer>,
    unsigned: &str,
    right: impl Fn(&Signer) -> Result<(), (Reason, String)>,
) -> Result<String, (Reason, String)> {
    let mut refused = None;
    for signer in signers {
        match right(signer) {
            Ok(()) => return Ok(signer.identity.clone()),
            // One that is wrong is not forgotten for one that only lacks something.
            Err((reason, _)) if reason.verdict() != Verdict::Block && refused.is_some() => {}
            Err(refusal) => refused = Some(refusal),
        }
    }
    Err(refused.unwrap_or_else(|| (Reason::OtherArtifact, unsigned.to_owned())))
}

/// Who signed every file of a checklist as the gate names him, or why that is not so; `None` where it names nobody, for
/// then no signature is worth more than the claim that the file makes.
#[must_use]
pub fn of_checklist(scene: &Scene<'_>, gate: &Gate, evidence: &GateEvidence) -> Option<Result<String, String>> {
    if !gate.trust.names_a_signer() {
        return None;
    }
    let signers = by_artifact(evidence);
    let mut by: BTreeSet<String> = BTreeSet::new();
    for digest in &evidence.digests {
        let signed = signers.get(&plain(digest)).into_iter().flatten().copied();
        let unsigned = "nobody signed it, and what it ticks is a claim; sign it, or let the app confirm who ticked it";
        match any(signed, unsigned, |signer| right_of_checklist(scene, gate, signer)) {
            Ok(identity) => drop(by.insert(identity)),
            Err((_, why)) => return Some(Err(format!("sha256:{}: {why}", short(digest)))),
        }
    }
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    Some(Ok(words::all_of(&by)))
}

/// Whether a checklist's signer is the one whom its gate names, and where that is a person of whom something is known, one
/// who may tick it.
fn right_of_checklist(scene: &Scene<'_>, gate: &Gate, signer: &Signer) -> Result<(), (Reason, String)> {
    right(&gate.trust, &scene.facts.release.repository, signer)?;
    let by_pattern = gate.trust.identity.as_ref().is_some_and(|identity| identity.contains('*'));
    roles::signs(scene, &signer.identity, gate.verified_by.as_deref(), by_pattern)
        .map_err(|refusal| (Reason::WrongSigner, format!("signed by `{}`: {}", signer.identity, refusal.says)))
}

/// Whether a signer is the one whom a gate names, of what was built by whom and from where it says.
fn right(trust: &Trust, repository: &str, signer: &Signer) -> Result<(), (Reason, String)> {
    signed_by(trust, repository, signer)?;
    let here = |wanted: &String| wanted.replace(REPOSITORY, repository);
    let asked = [
        trust.predicate.as_ref().map(|wanted| states(wanted, &signer.predicate)),
        trust.builder.as_ref().map(|wanted| built_by(&here(wanted), &signer.builders)),
        trust.source.as_ref().map(|wanted| built_from(&here(wanted), &signer.source)),
    ];
    let mut refusals: Vec<(Reason, String)> = asked.into_iter().flatten().filter_map(Result::err).collect();
    // What is wrong speaks before what is only lacking.
    refusals.sort_by_key(|(reason, _)| reason.verdict() != Verdict::Block);
    refusals.into_iter().next().map_or(Ok(()), Err)
}

/// Whether what is signed is a statement of the type that the policy names.
fn states(wanted: &str, predicate: &Fact<String>) -> Result<(), (Reason, String)> {
    let found = match predicate {
        Fact::Known(found) if found == wanted => return Ok(()),
        Fact::Known(found) => format!("one of type `{found}`"),
        Fact::Absent => "a signed file without a statement".to_owned(),
        Fact::Unavailable(why) => {
            return Err((
                Reason::Unreadable,
                format!("of which type the signed statement is could not be read: {why}"),
            ));
        }
    };
    Err((Reason::NoAttestation, format!("a statement of type `{wanted}` must be signed, and this is {found}")))
}

/// Whether somebody built it whom the policy names.
fn built_by(wanted: &str, builders: &Fact<Vec<String>>) -> Result<(), (Reason, String)> {
    let says = match builders {
        Fact::Known(builders) => {
            if Pattern::new(wanted).is_ok_and(|pattern| builders.iter().any(|builder| pattern.matches(builder))) {
                return Ok(());
            }
            match builders.first() {
                Some(builder) => format!(
                    "built by `{builder}`, where the policy names `{wanted}`; build there, or mend `builder` in the policy"
                ),
                None => format!("the provenance names no builder, where `{wanted}` must build"),
            }
        }
        Fact::Absent => {
            let says = format!("no provenance says who built it, where `{wanted}` must build");
            return Err((Reason::NoAttestation, says));
        }
        Fact::Unavailable(why) => {
            return Err((Reason::Unreadable, format!("who built it could not be read: {why}")));
        }
    };
    Err((Reason::WrongBuilder, says))
}

/// Whether it was built from the repository that the policy names.
fn built_from(wanted: &str, source: &Fact<String>) -> Result<(), (Reason, String)> {
    let says = match source {
        Fact::Known(source) if source.eq_ignore_ascii_case(wanted) => return Ok(()),
        Fact::Known(source) => format!("built from `{source}`, where the policy names `{wanted}`"),
        Fact::Absent => {
            let says = format!("no provenance says what it was built from, where the policy names `{wanted}`");
            return Err((Reason::NoAttestation, says));
        }
        Fact::Unavailable(why) => {
            return Err((Reason::Unreadable, format!("what it was built from could not be read: {why}")));
        }
    };
    Err((Reason::WrongSource, says))
}

/// Whether he signed it.
fn signed_by(trust: &Trust, repository: &str, signer: &Signer) -> Result<(), (Reason, String)> {
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
