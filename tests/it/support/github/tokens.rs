//! The issuer of the tokens of Actions: what GitHub's states of a job, signed, and the keys that say so.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};

use super::world::{OWNER_ID, REPOSITORY, REPOSITORY_ID, World};
use super::{Asked, Github, Reply, missing, reply};

/// What the runner shows to ask for a token of run 900, where the number stands behind it.
pub const RUNNER: &str = "runner_canary_";

/// The issuer's key, or somebody else's.
pub fn keys() -> &'static [KeyPair; 2] {
    static KEYS: OnceLock<[KeyPair; 2]> = OnceLock::new();
    KEYS.get_or_init(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).unwrap()))
}

/// A key as a JWK has it.
pub fn jwk(key: &KeyPair, kid: &str) -> Value {
    // PKCS #1: a sequence of two integers, of which the first begins after nine bytes.
    let der = key.public_key().as_ref();
    let modulus = URL_SAFE_NO_PAD.encode(&der[9..9 + 256]);
    json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": modulus, "e": "AQAB"})
}

/// Signs a token, whatever it says.
pub fn sign(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The header of the issuer's tokens.
pub fn header() -> Value {
    json!({"typ": "JWT", "alg": "RS256", "kid": "issuer-1"})
}

/// A token with these claims, of the issuer's.
pub fn token(claims: &Value) -> String {
    sign(&keys()[0], &header(), claims)
}

static ISSUED: AtomicU64 = AtomicU64::new(1);

/// What GitHub states of a job of a run.
fn claims(world: &World, issuer: &str, run: u64, audience: &str) -> Option<Value> {
    let found = world.runs.iter().find(|it| it.id == run)?;
    let attempt = world.attempts.get(&run).map_or(1, |(attempt, _)| *attempt);
    let workflow = format!("{REPOSITORY}/.github/workflows/release.yml@refs/heads/{}", found.branch);
    let actor = found.creator.clone().unwrap_or_default();
    let now = Utc::now().timestamp();
    Some(json!({
        "jti": format!("jti-{}", ISSUED.fetch_add(1, Ordering::Relaxed)),
        "iss": issuer, "aud": audience, "sub": format!("repo:{REPOSITORY}:ref:refs/heads/{}", found.branch),
        "iat": now, "nbf": now - 600, "exp": now + 300,
        "repository": REPOSITORY, "repository_id": REPOSITORY_ID.to_string(),
        "repository_owner": "acme", "repository_owner_id": OWNER_ID.to_string(), "repository_visibility": "private",
        "run_id": run.to_string(), "run_number": "12", "run_attempt": attempt.to_string(),
        "sha": found.commit, "ref": format!("refs/heads/{}", found.branch), "ref_type": "branch",
        "ref_protected": "true", "head_ref": "", "base_ref": "", "event_name": found.event,
        "workflow": "release", "workflow_ref": workflow, "workflow_sha": found.commit,
        "job_workflow_ref": workflow, "job_workflow_sha": found.commit,
        "actor": actor, "actor_id": world.users.get(&actor).map_or(0, |(_, id)| *id).to_string(),
        "runner_environment": "github-hosted",
    }))
}

impl Github {
    pub fn issuer(&self) -> String {
        format!("{}/_services/token", self.url())
    }

    /// What GitHub would state of a job of a run, for an audience.
    pub fn claims(&self, run: u64, audience: &str) -> Value {
        let issuer = self.issuer();
        self.with(|world| claims(world, &issuer, run, audience).unwrap())
    }

    /// Where the issuer itself is asked.
    pub(super) fn issues(&self, asked: &Asked) -> Reply {
        match asked.path.as_str() {
            "/_services/token/.well-known/jwks" => reply(200, &json!({"keys": [jwk(&keys()[0], "issuer-1")]})),
            "/_services/token/request" => {
                let shown = asked.headers.get("authorization").and_then(|it| it.strip_prefix("Bearer "));
                let run = shown.and_then(|it| it.strip_prefix(RUNNER)).and_then(|run| run.parse().ok());
                let (Some(run), Some(audience)) = (run, asked.query.get("audience")) else {
                    return reply(401, &json!({"message": "Unauthorized"}));
                };
                let audience = percent_encoding::percent_decode_str(audience).decode_utf8().unwrap();
                let claims = self.with(|world| claims(world, &self.issuer(), run, &audience));
                claims.map_or_else(missing, |claims| reply(200, &json!({"count": 1, "value": token(&claims)})))
            }
            _ => missing(),
        }
    }
}
