//! Signed notes: the C2SP specification `signed-note`, with Ed25519 signatures and, for witnesses, those of
//! `tlog-cosignature`.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::verifier_key::VerifierKey;
pub use crate::model::verifier_key::is_name;

/// How many signature lines a note may have. More are refused before any is checked.
pub const SIGNATURES: usize = 100;
/// How many bytes a note may have.
pub const LENGTH: usize = 1 << 20;

/// What kind of signature a key makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Over the note's text.
    Ed25519,
    /// A witness's, over a time and a checkpoint.
    Cosignature,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }
}

/// Why a note, a key or a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is not of the form of a signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// It has too many signatures.
    #[error("the note has over {SIGNATURES} signatures, and is refused unread")]
    TooMany,
    /// It is too long.
    #[error("the note has over {LENGTH} bytes, and is refused unread")]
    TooLong,
    /// The key is not of the form of a verifier key.
    #[error("`{0}` is no verifier key; one looks as `log.example+1a2b3c4d+AZ…`")]
    Key(String),
    /// No signature is by the key.
    #[error("no signature by `{0}`")]
    Unsigned(String),
    /// A signature by the key does not hold.
    #[error("the signature by `{0}` does not hold")]
    Invalid(String),
    /// A key signed what is not of its time.
    #[error(
        "the key `{key}` signed a log of {size} entries, and counts for those from {from}{} only: it is not of its time",
        to.map_or(String::new(), |to| format!(" to {to}"))
    )]
    NotItsTime {
        /// The key, as `name+hash`.
        key: String,
        /// The least size that it counts for.
        from: u64,
        /// The largest; `None` where it signs still.
        to: Option<u64>,
        /// The size of what it signed.
        size: u64,
    },
    /// The private key cannot be read.
    #[error("the signing key cannot be read; one looks as `PRIVATE+KEY+log.example+1a2b3c4d+AZ…`")]
    SigningKey,
}

/// A public key with its name: `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    kind: Kind,
    key: [u8; 32],
}

impl Verifier {
    /// A key by its bytes. `None` where the name cannot name one.
    #[must_use]
    pub fn new(name: &str, kind: Kind, key: [u8; 32]) -> Option<Self> {
        VerifierKey::new(name, kind.byte(), key).map(|key| Self { name: key.name, id: key.id, kind, key: key.key })
    }

    /// Reads `name+hash+key`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let flaw = || Flaw::Key(text.chars().take(100).collect());
        let key = VerifierKey::parse(text).ok_or_else(flaw)?;
        let kind = match key.kind {
            1 => Kind::Ed25519,
            4 => Kind::Cosignature,
            _ => return Err(flaw()),
        };
        Ok(Self { name: key.name, id: key.id, kind, key: key.key })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key without its public half: `name+hash`.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{}+{}", self.name, hex(self.id))
    }

    /// Whether another key has the same public half, whatever it is called.
    #[must_use]
    pub fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// What kind of signature it makes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a signature line is by this key, as it says itself.
    pub(super) fn claims(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == self.id
    }

    /// A signature line of this key, from a signature that was made elsewhere over the note's text. It must hold.
    pub fn signature(&self, note: &Note, bytes: Vec<u8>) -> Result<Signature, Flaw> {
        self.check_bytes(note.text.as_bytes(), &bytes)?;
        Ok(Signature { name: self.name.clone(), id: self.id, bytes })
    }

    /// Checks the note's signatures by this key: there must be one, and every one must hold. What comes back is when
    /// a witness signed, in seconds of the Unix time; `None` for other keys.
    pub fn check(&self, note: &Note) -> Result<Option<u64>, Flaw> {
        let mut found = None;
        for signature in note.signatures.iter().filter(|signature| self.claims(signature)) {
            let (time, signed, bytes) = match self.kind {
                Kind::Ed25519 => (None, note.text.clone(), signature.bytes.as_slice()),
                Kind::Cosignature => {
                    let Some((time, bytes)) = signature.bytes.split_first_chunk::<8>() else {
                        return Err(Flaw::Invalid(self.name.clone()));
                    };
                    let time = u64::from_be_bytes(*time);
                    (Some(time), cosigned(time, &note.text), bytes)
                }
            };
            self.check_bytes(signed.as_bytes(), bytes)?;
            found = Some(time);
        }
        found.ok_or_else(|| Flaw::Unsigned(self.name.clone()))
    }

    /// Checks a signature over any bytes, without a note around them.
    pub fn check_bytes(&self, bytes: &[u8], signature: &[u8]) -> Result<(), Flaw> {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(bytes, signature)
            .map_err(|_| Flaw::Invalid(self.name.clone()))
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes: Vec<u8> = std::iter::once(self.kind.byte()).chain(self.key).collect();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), STANDARD.encode(bytes))
    }
}

/// What a witness signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// How a private key begins.
const PRIVATE: &str = "PRIVATE+KEY+";

/// Eight digits of hexadecimal.
fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// A private key with its name.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// A key from 32 bytes of seed, or from PKCS #8.
    pub fn new(name: &str, kind: Kind, secret: &[u8]) -> Result<Self, Flaw> {
        let pair = match secret.len() {
            32 => Ed25519KeyPair::from_seed_unchecked(secret),
            _ => Ed25519KeyPair::from_pkcs8(secret),
        };
        let pair = pair.map_err(|_| Flaw::SigningKey)?;
        let key: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| Flaw::SigningKey)?;
        let verifier = Verifier::new(name, kind, key).ok_or_else(|| Flaw::Key(name.to_owned()))?;
        Ok(Self { pair, verifier })
    }

    /// Reads `PRIVATE+KEY+name+hash+key`, the form in which tools for signed notes keep a private key. Its first byte
    /// is the kind, the rest the seed.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let rest = text.trim().strip_prefix(PRIVATE).ok_or(Flaw::SigningKey)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Flaw::SigningKey);
        };
        let bytes = STANDARD.decode(key).map_err(|_| Flaw::SigningKey)?;
        let (kind, seed) = match bytes.split_first() {
            Some((1, seed)) => (Kind::Ed25519, seed),
            Some((4, seed)) => (Kind::Cosignature, seed),
            _ => return Err(Flaw::SigningKey),
        };
        if seed.len() != 32 {
            return Err(Flaw::SigningKey);
        }
        let signer = Self::new(name, kind, seed)?;
        if hex(signer.verifier.id) == hash { Ok(signer) } else { Err(Flaw::SigningKey) }
    }

    /// A private key as [`Signer::parse`] reads it, from 32 bytes of seed.
    pub fn written(name: &str, kind: Kind, seed: [u8; 32]) -> Result<String, Flaw> {
        let signer = Self::new(name, kind, &seed)?;
        let bytes: Vec<u8> = std::iter::once(kind.byte()).chain(seed).collect();
        Ok(format!("{PRIVATE}{name}+{}+{}", hex(signer.verifier.id), STANDARD.encode(bytes)))
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Adds a signature; a witness's with the time, in seconds of the Unix time.
    pub fn sign(&self, note: &mut Note, time: u64) {
        let bytes = match self.verifier.kind {
            Kind::Ed25519 => self.pair.sign(note.text.as_bytes()).as_ref().to_vec(),
            Kind::Cosignature => {
                let mut bytes = time.to_be_bytes().to_vec();
                bytes.extend_from_slice(self.pair.sign(cosigned(time, &note.text).as_bytes()).as_ref());
                bytes
            }
        };
        note.signatures.push(Signature { name: self.verifier.name.clone(), id: self.verifier.id, bytes });
    }

    /// Signs any bytes, without a note around them.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The first bytes of its hash.
    pub id: [u8; 4],
    /// The signature.
    pub bytes: Vec<u8>,
}

/// A text with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, which ends with a line feed.
    pub text: String,
    /// The signatures.
    pub signatures: Vec<Signature>,
}

impl Note {
    /// A text that nobody has signed yet. `None` where it does not end with a line feed or holds control characters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let plain = text.ends_with('\n') && !text.chars().any(|c| c.is_control() && c != '\n');
        plain.then_some(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note. No signature is checked.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        if text.len() > LENGTH {
            return Err(Flaw::TooLong);
        }
        // The last blank line parts the text from the signatures.
        let Some((text, signatures)) = text.rsplit_once("\n\n") else {
            return Err(Flaw::Form("there is no blank line before the signatures"));
        };
        let Some(mut note) = Self::new(format!("{text}\n")) else {
            return Err(Flaw::Form("the text holds control characters"));
        };
        let Some(lines) = signatures.strip_suffix('\n') else {
            return Err(Flaw::Form("it does not end with a line feed"));
        };
        if lines.is_empty() {
            return Err(Flaw::Form("there is no signature"));
        }
        for line in lines.split('\n') {
            if note.signatures.len() == SIGNATURES {
                return Err(Flaw::TooMany);
            }
            let Some((name, rest)) = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' ')) else {
                return Err(Flaw::Form("a signature line is `— name signature`"));
            };
            let bytes = STANDARD.decode(rest).map_err(|_| Flaw::Form("a signature is not base64"))?;
            let Some((id, bytes)) = bytes.split_first_chunk::<4>() else {
                return Err(Flaw::Form("a signature is too short"));
            };
            if !is_name(name) || bytes.is_empty() {
                return Err(Flaw::Form("a signature line is `— name signature`"));
            }
            note.signatures.push(Signature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() });
        }
        Ok(note)
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            let bytes: Vec<u8> = signature.id.iter().chain(&signature.bytes).copied().collect();
            writeln!(f, "\u{2014} {} {}", signature.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}
