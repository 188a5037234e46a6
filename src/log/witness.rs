//! Witnesses: the C2SP specification `tlog-witness`, by which somebody else says that he has seen one history of a log only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{Flaw, Kind, Note, Signature, Verifier};
use super::tree::Hash;

/// How many hashes a proof that is sent has at most.
const HASHES: usize = 63;

/// Those whose word is asked for, and how many of them it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    witnesses: Vec<Verifier>,
    needed: usize,
}

/// Why witnesses cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A key is not a witness's.
    #[error("`{0}` is no key of a witness: such a one is of the kind that signs cosignatures")]
    Kind(String),
    /// One stands there twice.
    #[error("the witness `{0}` stands there twice")]
    Twice(String),
    /// More are asked for than there are.
    #[error("{needed} witnesses are asked for, of {known} that are named")]
    TooFew {
        /// How many are asked for.
        needed: usize,
        /// How many are named.
        known: usize,
    },
}

impl Quorum {
    /// So many of these witnesses.
    pub fn new(witnesses: Vec<Verifier>, needed: usize) -> Result<Self, Unfit> {
        for (place, witness) in witnesses.iter().enumerate() {
            if witness.kind() != Kind::Cosignature {
                return Err(Unfit::Kind(witness.short()));
            }
            if witnesses.iter().take(place).any(|other| other.same_key(witness)) {
                return Err(Unfit::Twice(witness.short()));
            }
        }
        if needed > witnesses.len() {
            return Err(Unfit::TooFew { needed, known: witnesses.len() });
        }
        Ok(Self { witnesses, needed })
    }

    /// How many of the witnesses signed a note. A signature by one of them that does not hold is a flaw of the note.
    pub fn count(&self, note: &Note) -> Result<usize, Flaw> {
        let mut count = 0;
        for witness in &self.witnesses {
            match witness.check(note) {
                // The specification: a cosignature without its time says nothing.
                Ok(Some(time)) if time > 0 => count += 1,
                Ok(_) => return Err(Flaw::Invalid(witness.name().to_owned())),
                Err(Flaw::Unsigned(_)) => {}
                Err(flaw) => return Err(flaw),
            }
        }
        Ok(count)
    }

    /// Whether as many signed a note as it takes.
    pub fn holds(&self, note: &Note) -> Result<bool, Flaw> {
        Ok(self.count(note)? >= self.needed)
    }

    /// How many it takes.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// How many there are.
    #[must_use]
    pub fn known(&self) -> usize {
        self.witnesses.len()
    }
}

/// What `add-checkpoint` is sent: the size that the witness has seen, how the checkpoint continues that, and the
/// checkpoint. `None` where the proof is too long for one.
#[must_use]
pub fn request(old: u64, proof: &[Hash], checkpoint: &str) -> Option<String> {
    if proof.len() > HASHES {
        return None;
    }
    let lines = proof.iter().fold(format!("old {old}\n"), |lines, hash| lines + &STANDARD.encode(hash.0) + "\n");
    Some(format!("{lines}\n{checkpoint}"))
}

/// The size in a witness's answer that it has seen another one.
#[must_use]
pub fn size(body: &str) -> Option<u64> {
    let text = body.strip_suffix('\n').unwrap_or(body);
    let plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// The cosignature in a witness's answer to a note, which must hold, and when it was made, in seconds of the Unix time.
pub fn cosignature(body: &str, note: &Note, witness: &Verifier) -> Result<(Signature, u64), Flaw> {
    // The answer is the lines of signatures of a note, whose text both sides know.
    let answered = Note::parse(&format!("{}\n{body}", note.text))?;
    let time = witness.check(&answered)?.filter(|time| *time > 0);
    let by = answered.signatures.into_iter().find(|signature| witness.claims(signature));
    by.zip(time).ok_or_else(|| Flaw::Invalid(witness.name().to_owned()))
}
