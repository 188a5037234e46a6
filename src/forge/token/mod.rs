//! Tokens by which a job of a pipeline proves itself: OpenID Connect, as a forge's own issuer signs it.
//!
//! [`jws`] checks the signature, [`keys`] keeps the issuer's keys, and what every issuer states alike is checked here: who
//! issued it, for whom, from when until when. What else it claims is the forge's own, and read there. Where a job gets as many
//! as it asks for, a token counts once: whoever takes it remembers it by its [`Name`], which is told once it is known to be of
//! a repository that is ours. Whoever else the issuer signs for leaves nothing here. Where a job gets one and no more, the forge
//! is asked each time whether the job runs: either way whoever can read what a job has can speak for it while it runs, and not after.

pub mod jws;
pub mod keys;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::transport::http;
use keys::Keys;

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 60;
/// How long a token may live at most, in seconds. Those of forges live for minutes; a job's for as long as the job.
const LIFE: i64 = 24 * 3600;
/// How many tokens of one repository are remembered until they end.
pub const SHOWN: u64 = 10_000;

/// Why a token is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Its form, signature or key.
    #[error("the token {0}")]
    Signature(#[from] jws::Refused),
    /// Somebody else issued it.
    #[error("the token was issued by `{found}`, and only one of `{wanted}` counts")]
    Issuer {
        /// Who did.
        found: String,
        /// Who must have.
        wanted: String,
    },
    /// It is for somebody else.
    #[error("the token is for `{found}`, and not for `{wanted}`; ask for one with that audience")]
    Audience {
        /// Whom it is for.
        found: String,
        /// Whom it must be for.
        wanted: String,
    },
    /// It is not good now.
    #[error("the token {0}")]
    Time(&'static str),
    /// It was shown before.
    #[error("the token was shown before; ask for a new one for each request")]
    Again,
    /// Its job runs where nobody knows what else does.
    #[error(
        "the token is of a job on a self-hosted runner, or does not say where it runs; run it on the forge's own, or have the \
         app started with `--self-hosted-runners`"
    )]
    Runner,
    /// Its job has ended, or is another one than it says.
    #[error(
        "the token counts while its job runs, and the forge does not show that job as running in that pipeline; ask in the job itself"
    )]
    Ended,
    /// It lacks a claim, or has another one there.
    #[error("the token's `{0}` is missing, or is not what it must be")]
    Claim(&'static str),
}

/// Why it is not known whether a token is to be believed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The issuer's keys could not be read.
    #[error("the keys of `{issuer}` could not be read: {why}; try again in a minute")]
    Keys {
        /// Whose.
        issuer: String,
        /// Why not.
        why: String,
    },
}

/// What came of a token that was shown.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// It is not believed.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// It is not known.
    #[error("{0}")]
    Fault(#[from] Fault),
}

/// One who issues tokens, and the one whom they must be for.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    audience: String,
    keys: Keys,
}

/// What a token is told by from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Who issued it.
    pub issuer: String,
    /// The repository that it is of, by the forge's id.
    pub repository: u64,
    /// Its own id.
    pub id: String,
    /// From when on nobody takes it any more, in seconds of the Unix time, however far clocks are apart.
    pub until: i64,
}

impl Issuer {
    /// An issuer by its URL, whose keys lie at a path below it. `audience` is whom tokens must be for, letter by letter.
    pub fn new(issuer: &str, keys: &str, audience: &str) -> Result<Self, http::Fault> {
        let name = issuer.trim_end_matches('/').to_owned();
        let keys = Keys::at(http::address(&format!("{name}{keys}"))?)?;
        Ok(Self { name, audience: audience.to_owned(), keys })
    }

    /// Its URL.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whom tokens must be for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The claims of a token that is good at this instant. What it is remembered by says [`Issuer::named`], once it is
    /// known whose it is.
    pub async fn claims(&self, token: &str, now: DateTime<Utc>) -> Result<Map<String, Value>, Unproven> {
        let parsed = jws::Parsed::read(token).map_err(Refused::from)?;
        let key = self.keys.get(parsed.key()).await.map_err(|why| Fault::Keys { issuer: self.name.clone(), why })?;
        let key = key.ok_or(Refused::from(jws::Refused::UnknownKey))?;
        let claims = parsed.verify(&key).map_err(Refused::from)?;
        self.stand(&claims, now.timestamp())?;
        Ok(claims)
    }

    fn stand(&self, claims: &Map<String, Value>, now: i64) -> Result<(), Refused> {
        let found = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if found != self.name {
            return Err(Refused::Issuer { found: found.chars().take(200).collect(), wanted: self.name.clone() });
        }
        // A token for several is for whichever of them passes it on.
        let audience = match claims.get("aud") {
            Some(Value::Array(several)) if several.len() == 1 => several.first().and_then(Value::as_str),
            Some(one) => one.as_str(),
            None => None,
        };
        if audience != Some(self.audience.as_str()) {
            let found = claims.get("aud").map(Value::to_string).unwrap_or_default();
            return Err(Refused::Audience { found: found.chars().take(200).collect(), wanted: self.audience.clone() });
        }
        let instant = |name: &'static str| claims.get(name).and_then(Value::as_i64).ok_or(Refused::Claim(name));
        let (ends, issued) = (instant("exp")?, instant("iat")?);
        let begins = if claims.contains_key("nbf") { instant("nbf")? } else { issued };
        if ends.saturating_add(SKEW) <= now {
            return Err(Refused::Time("has expired"));
        }
        if issued.max(begins) > now.saturating_add(SKEW) {
            return Err(Refused::Time("is from the future"));
        }
        if ends.saturating_sub(issued) > LIFE {
            return Err(Refused::Time("lives longer than a day"));
        }
        Ok(())
    }

    /// What a token of one of our repositories is remembered by.
    pub fn named(&self, claims: &Map<String, Value>, repository: u64) -> Result<Name, Refused> {
        let id = claims.get("jti").and_then(Value::as_str).filter(|id| (1..=200).contains(&id.len()));
        let id = id.ok_or(Refused::Claim("jti"))?.to_owned();
        let ends = claims.get("exp").and_then(Value::as_i64).ok_or(Refused::Claim("exp"))?;
        // It is taken for so long after it ended; and the clock by which it is forgotten may go ahead by as much.
        let until = ends.saturating_add(2 * SKEW);
        Ok(Name { issuer: self.name.clone(), repository, id, until })
    }
}
