//! Who we are to GitHub: an App with its key, or a token that somebody gave us.
//!
//! An App proves itself by a JWT (RFC 7519, RS256) of at most ten minutes, and trades it for an installation token of one
//! hour, narrowed to one repository where it can be. Ours is issued a minute back, so that a clock that goes ahead is
//! no reason to be refused, and ends after nine.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

use super::Secret;
use super::fault::Fault;

/// How far back a JWT is issued, in seconds.
const BACK: i64 = 60;
/// How long it is good for from now, in seconds. With the minute back it stays below GitHub's ten minutes.
const AHEAD: i64 = 530;

/// An App's key.
pub struct AppKey {
    /// The App's id or client id.
    id: String,
    key: KeyPair,
}

impl std::fmt::Debug for AppKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AppKey({})", self.id)
    }
}

impl AppKey {
    /// Reads the PEM file that GitHub hands out for an App (PKCS #1), or the same key as PKCS #8.
    pub fn read(id: &str, pem: &Secret) -> Result<Self, Fault> {
        let wrong =
            |why: &str| Fault::Setup(format!("the App's key {why}; it is the PEM file that GitHub made for the App"));
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.') {
            return Err(Fault::Setup(format!("`{id}` is no id of an App; it is a number, or the client id")));
        }
        let der = PrivateKeyDer::from_pem_slice(pem.reveal().as_bytes()).map_err(|_| wrong("is not PEM"))?;
        let key = match &der {
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(wrong("is not RSA")),
        };
        let key = key.map_err(|_| wrong("is not an RSA key of 2048 to 8192 bits"))?;
        Ok(Self { id: id.to_owned(), key })
    }

    /// The App's id or client id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The JWT by which the App proves itself at this instant.
    pub fn jwt(&self, now: DateTime<Utc>) -> Result<Secret, Fault> {
        let now = now.timestamp();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = serde_json::json!({"iat": now - BACK, "exp": now + AHEAD, "iss": self.id}).to_string();
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Fault::Setup("the App's key does not sign".to_owned()))?;
        Ok(Secret::new(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// Who we are.
#[derive(Debug)]
pub enum Identity {
    /// Whoever the token belongs to.
    Token(Secret),
    /// An installation of an App.
    App {
        /// The App's key.
        key: Arc<AppKey>,
        /// The installation; asked for by the repository when it is not known.
        installation: Option<u64>,
        /// The repository, `owner/name`, to which its token is narrowed; all of the installation's where there is none.
        repository: Option<String>,
    },
}

/// An installation's token.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) token: Secret,
    pub(super) until: DateTime<Utc>,
}

impl Lease {
    /// Whether it is still good for a request that begins now.
    pub(super) fn is_good(&self, now: DateTime<Utc>) -> bool {
        now + Duration::minutes(2) < self.until
    }

    /// Whether the next one is to be got.
    pub(super) fn ends_soon(&self, now: DateTime<Utc>) -> bool {
        now + Duration::minutes(10) >= self.until
    }
}

/// What GitHub answers when a token is asked for.
#[derive(Deserialize)]
pub(super) struct Minted {
    pub(super) token: String,
    pub(super) expires_at: DateTime<Utc>,
}

/// An installation, as far as we need it.
#[derive(Clone, Debug, Deserialize)]
pub struct Installation {
    /// Its number.
    pub id: u64,
    /// Since when it is suspended.
    pub suspended_at: Option<DateTime<Utc>>,
}
