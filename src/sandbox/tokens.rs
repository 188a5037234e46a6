//! Who proves to be whom: the App by its key, its installation and people by tokens, jobs by what the issuer signs.
//!
//! These go by the machine's clock, and not by the sandbox's: they are between processes.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::asked::{Asked, Reply, hex};
use super::world::{APP, OWNER, OWNER_ID, REPOSITORY, REPOSITORY_ID, World};
use super::{Fault, Sandbox};

/// The App's client id.
pub const CLIENT: &str = "Iv23liSANDBOX";
/// How long an installation's token counts.
const HOUR: Duration = Duration::hours(1);
/// How long a JWT of an App may live, in seconds.
const JWT: i64 = 600;
/// The name of the key that signs tokens of jobs.
const KEY: &str = "sandbox-1";

/// The App as GitHub hands it out when it is made. All of it is made anew with each sandbox.
pub struct Registered {
    /// The App's private key, PEM (PKCS #8).
    pub pem: String,
    /// Its client secret.
    pub client_secret: String,
    /// The webhook's secret; on GitLab it signs as the key that [`Registered::signing`] writes.
    pub hook: String,
    /// The token of the app's own account, on GitLab.
    pub token: String,
    /// The callback URL in its settings.
    pub callback: String,
    public: Vec<u8>,
}

pub(super) fn random() -> Result<String, Fault> {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Fault::Chance)?;
    Ok(hex(&bytes, 40))
}

fn made() -> Result<KeyPair, Fault> {
    KeyPair::generate(KeySize::Rsa2048).map_err(|_| Fault::Chance)
}

impl Registered {
    pub(super) fn new(app: &str) -> Result<Self, Fault> {
        let key = made()?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| Fault::Chance)?;
        let text = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        Ok(Self {
            pem,
            client_secret: random()?,
            hook: random()?,
            token: format!("glpat-{}", random()?),
            callback: format!("{app}/login/back"),
            public: key.public_key().as_ref().to_vec(),
        })
    }

    /// The webhook's secret as GitLab writes a signing key.
    #[must_use]
    pub fn signing(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.hook))
    }

    /// Whether a JWT is the App's, and keeps to GitHub's rules for one.
    pub(super) fn proves(&self, token: &str, now: DateTime<Utc>) -> bool {
        let claims = || {
            let (signed, signature) = token.rsplit_once('.')?;
            let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
            let known = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
            known.verify(signed.as_bytes(), &signature).ok()?;
            let (_, claims) = signed.split_once('.')?;
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
        };
        claims().is_some_and(|claims| {
            let instant = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
            let (issued, ends, now) = (instant("iat"), instant("exp"), now.timestamp());
            let by = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
            (by == APP || by == CLIENT) && issued <= now && ends > now && ends - issued <= JWT
        })
    }
}

/// The tokens that count.
pub(super) struct Tokens {
    installation: BTreeMap<String, DateTime<Utc>>,
    issuer: KeyPair,
    /// What a runner shows to ask for a token of its job, with the run.
    runners: BTreeMap<String, u64>,
    /// How many requests were counted since the allowance was full.
    asked: u64,
    /// When it is full again, in seconds of the Unix time.
    full_at: i64,
}

/// What is left of an hour's allowance.
pub(super) struct Left {
    /// Requests.
    pub(super) requests: u64,
    /// When all are allowed again, in seconds of the Unix time.
    pub(super) full_at: i64,
}

impl Tokens {
    pub(super) fn new() -> Result<Self, Fault> {
        Ok(Self { installation: BTreeMap::new(), issuer: made()?, runners: BTreeMap::new(), asked: 0, full_at: 0 })
    }

    /// A token of the installation, with the instant at which it ends.
    pub(super) fn mint(&mut self) -> Result<(String, DateTime<Utc>), Fault> {
        let now = Utc::now();
        self.installation.retain(|_, until| *until > now);
        let token = format!("ghs_{}", random()?);
        self.installation.insert(token.clone(), now + HOUR);
        Ok((token, now + HOUR))
    }

    /// Counts a request. Nobody who tries things out here comes to the end: a new hour begins while there is still enough for
    /// everybody. It ends later than the one before by more than answers overtake each other.
    pub(super) fn counted(&mut self, allowed: u64, now: DateTime<Utc>) -> Left {
        let now = now.timestamp();
        if self.asked >= allowed - allowed / 4 || now >= self.full_at {
            self.asked = 0;
            self.full_at = (now + HOUR.num_seconds()).max(self.full_at + 60);
        }
        self.asked += 1;
        Left { requests: allowed.saturating_sub(self.asked), full_at: self.full_at }
    }

    pub(super) fn is_installation(&self, token: &str) -> bool {
        self.installation.get(token).is_some_and(|until| *until > Utc::now())
    }
}

impl Sandbox {
    /// What the runner of a job of this run is given to ask for tokens: an address and what to show there.
    pub fn runner(&self, run: u64) -> Result<(String, String), Fault> {
        let shown = random()?;
        self.held().tokens.runners.insert(shown.clone(), run);
        Ok((format!("{}/_services/token/request?api=1", self.address()), shown))
    }
}

impl Sandbox {
    /// The token that GitLab gives the job of a run that tests, for one audience.
    #[must_use]
    pub fn job_token(&self, run: u64, audience: &str) -> Option<(u64, String)> {
        let held = self.held();
        let found = held.world.runs.get(&run)?;
        let (now, job) = (Utc::now().timestamp(), super::gitlab::test_job(run));
        let host = self.address().strip_prefix("http://").unwrap_or_default();
        let claims = json!({
            "jti": random().ok()?, "iss": self.address(), "aud": audience, "iat": now, "nbf": now - 5, "exp": now + 3_600,
            "sub": format!("project_path:{REPOSITORY}:ref_type:branch:ref:main"),
            "project_path": REPOSITORY, "project_id": REPOSITORY_ID.to_string(), "project_visibility": "private",
            "namespace_path": OWNER, "namespace_id": OWNER_ID.to_string(),
            "user_login": found.by, "user_id": held.world.number(&found.by).to_string(),
            "pipeline_id": run.to_string(), "pipeline_source": "push", "job_id": job.to_string(), "sha": found.commit,
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
            "runner_environment": "gitlab-hosted",
            "ci_config_ref_uri": format!("{host}/{REPOSITORY}//.gitlab-ci.yml@refs/heads/main"),
            "ci_config_sha": found.commit,
        });
        Some((job, signed(&held.tokens.issuer, &claims)?))
    }
}

/// What GitHub states of a job of a run.
fn claims(world: &World, issuer: &str, run: u64, audience: &str) -> Option<Value> {
    let found = world.runs.get(&run)?;
    let workflow = format!("{REPOSITORY}/.github/workflows/release.yml@refs/heads/main");
    let now = Utc::now().timestamp();
    Some(json!({
        "jti": random().ok()?, "iss": issuer, "aud": audience, "sub": format!("repo:{REPOSITORY}:ref:refs/heads/main"),
        "iat": now, "nbf": now - 600, "exp": now + 300,
        "repository": REPOSITORY, "repository_id": REPOSITORY_ID.to_string(), "repository_visibility": "private",
        "repository_owner": OWNER, "repository_owner_id": OWNER_ID.to_string(),
        "run_id": run.to_string(), "run_number": run.to_string(), "run_attempt": found.attempt.to_string(),
        "sha": found.commit, "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true", "head_ref": "",
        "base_ref": "", "event_name": "push", "workflow": "release", "workflow_ref": workflow, "workflow_sha": found.commit,
        "job_workflow_ref": workflow, "job_workflow_sha": found.commit, "actor": found.by,
        "actor_id": world.number(&found.by).to_string(), "runner_environment": "github-hosted",
    }))
}

fn signed(key: &KeyPair, claims: &Value) -> Option<String> {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": KEY});
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Where the issuer itself is asked: for its keys by anybody, for a token by the runner of a job.
pub(super) fn issues(sandbox: &Sandbox, asked: &Asked) -> Reply {
    let held = sandbox.held();
    match asked.path.as_str() {
        "/_services/token/.well-known/jwks" | "/oauth/discovery/keys" => {
            // PKCS #1 (RFC 8017): a sequence of two integers. The modulus begins after nine bytes and has 256.
            let der = held.tokens.issuer.public_key().as_ref();
            let modulus = URL_SAFE_NO_PAD.encode(der.get(9..265).unwrap_or_default());
            let key = json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY, "n": modulus, "e": "AQAB"});
            Reply::json(200, &json!({ "keys": [key] }))
        }
        "/_services/token/request" => {
            let Some(run) = held.tokens.runners.get(asked.bearer()) else { return Reply::message(401, "Unauthorized") };
            let issuer = format!("{}/_services/token", sandbox.address());
            let claims = claims(&held.world, &issuer, *run, asked.asked_for("audience"));
            let token = claims.and_then(|claims| signed(&held.tokens.issuer, &claims));
            token.map_or_else(Reply::missing, |token| Reply::json(200, &json!({"count": 1, "value": token})))
        }
        _ => Reply::missing(),
    }
}
