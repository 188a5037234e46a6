//! The signature of a token: JWS in its compact form (RFC 7515), by RS256 or ES256 (RFC 7518) and a key that the token
//! names. Nothing else counts, whatever the token says of itself.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How many bytes a token may have.
const LONGEST: usize = 16 << 10;

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no JWS.
    #[error("is no JSON web token in compact form")]
    Form,
    /// It is not signed in a way that counts.
    #[error("is not signed by RS256 or ES256, which alone count")]
    Algorithm,
    /// It demands what nobody here understands.
    #[error("demands an extension (`crit`) that is not known")]
    Extension,
    /// It names no key.
    #[error("does not say which key signed it (`kid`)")]
    NoKey,
    /// Its key is none of the issuer's.
    #[error("is signed by a key that its issuer does not state")]
    UnknownKey,
    /// The key is not for this.
    #[error("is signed by a key that is not for signing it that way")]
    OtherUse,
    /// It is not what was signed.
    #[error("is not what its issuer signed")]
    Signature,
}

/// The ways to sign that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A public key, as a JWK (RFC 7517) states it.
#[derive(Clone, Debug, Deserialize)]
pub struct Key {
    /// The name by which a token names it.
    pub kid: Option<String>,
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    #[serde(rename = "key_ops")]
    operations: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A token that was read and is not believed yet.
#[derive(Debug)]
pub struct Parsed<'t> {
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key: String,
}

fn decoded(text: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Form)
}

impl<'t> Parsed<'t> {
    /// Reads a token.
    pub fn read(token: &'t str) -> Result<Self, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::Form);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Form)?;
        let (header, payload) =
            signed.split_once('.').filter(|(_, payload)| !payload.contains('.')).ok_or(Refused::Form)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Refused::Form)?;
        let algorithm = Algorithm::of(&header.alg).ok_or(Refused::Algorithm)?;
        if header.crit.is_some() {
            return Err(Refused::Extension);
        }
        let key = header.kid.filter(|kid| !kid.is_empty()).ok_or(Refused::NoKey)?;
        Ok(Self { signed, payload: decoded(payload)?, signature: decoded(signature)?, algorithm, key })
    }

    /// The name of the key that it says has signed it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its claims, where the key has signed it.
    pub fn verify(&self, key: &Key) -> Result<Map<String, Value>, Refused> {
        serde_json::from_slice(self.payload(key)?).map_err(|_| Refused::Form)
    }

    /// What the key has signed.
    pub fn payload(&self, key: &Key) -> Result<&[u8], Refused> {
        let verified = match (self.algorithm, key.numbers(self.algorithm)?) {
            (Algorithm::Rs256, (n, e)) => RsaPublicKeyComponents { n: &n, e: &e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, self.signed.as_bytes(), &self.signature)
                .is_ok(),
            (Algorithm::Es256, (x, y)) => {
                // The point as SEC 1 has it, uncompressed.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(self.signed.as_bytes(), &self.signature).is_ok()
            }
        };
        if verified { Ok(&self.payload) } else { Err(Refused::Signature) }
    }
}

impl Key {
    /// The two numbers of the key, where it may have signed that way: modulus and exponent, or the point.
    fn numbers(&self, algorithm: Algorithm) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        let signs = self.purpose.as_ref().is_none_or(|purpose| purpose == "sig")
            && self.operations.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
            && self.alg.as_ref().is_none_or(|alg| Algorithm::of(alg) == Some(algorithm));
        let pair = match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            (Algorithm::Rs256, "RSA", _) => self.n.as_ref().zip(self.e.as_ref()),
            (Algorithm::Es256, "EC", Some("P-256")) => self.x.as_ref().zip(self.y.as_ref()),
            _ => None,
        };
        let (one, other) = pair.filter(|_| signs).ok_or(Refused::OtherUse)?;
        let numbers = (decoded(one)?, decoded(other)?);
        let fits = algorithm == Algorithm::Rs256 || (numbers.0.len() == 32 && numbers.1.len() == 32);
        if fits { Ok(numbers) } else { Err(Refused::OtherUse) }
    }
}
