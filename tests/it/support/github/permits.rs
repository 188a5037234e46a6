//! Who is let in: the App by a JWT that keeps to GitHub's rules for one, its installation by a token that was made for it.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Duration, Utc};
use serde_json::{Value, json};

use super::world::{APP, INSTALLATION};
use super::{Reply, State, login, reply};

/// Why whoever asks is not let in; `None` where he is.
pub fn refused(state: &State, path: &str, token: &str) -> Option<Reply> {
    let apps = path.starts_with("v3/app/") || path.ends_with("/installation");
    if apps {
        if !state.app_key.as_ref().is_some_and(|key| proves(token, key)) {
            return Some(reply(401, &json!({"message": "A JSON web token could not be decoded"})));
        }
    } else if !state.tokens.iter().any(|known| known == token) {
        return Some(reply(401, &json!({"message": "Bad credentials"})));
    }
    None
}

/// Makes tokens for the installation, and lists it; `None` for all else.
pub fn answer(state: &mut State, method: &str, parts: &[&str]) -> Option<Reply> {
    let answer = match (method, parts) {
        ("POST", ["app", "installations", id, "access_tokens"]) if *id == INSTALLATION.to_string() => {
            if state.suspended {
                return Some(reply(403, &json!({"message": "This installation has been suspended"})));
            }
            let token = format!("ghs_canary{}", state.tokens.len());
            state.tokens.push(token.clone());
            reply(
                201,
                &json!({"token": token, "expires_at": Utc::now() + Duration::minutes(state.world.token_minutes.unwrap_or(60))}),
            )
        }
        ("GET", ["app", "installations"]) => {
            let suspended = state.suspended.then_some("2026-01-01T00:00:00Z");
            reply(200, &json!([{"id": INSTALLATION, "suspended_at": suspended}]))
        }
        _ => return None,
    };
    Some(answer)
}

/// Whether a JWT is the App's, and keeps to GitHub's rules for one.
fn proves(token: &str, key: &[u8]) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let known = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    if known.verify(signed.as_bytes(), &signature).is_err() {
        return false;
    }
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(header), read(claims));
    let now = Utc::now().timestamp();
    let (issued, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let named = claims["iss"] == APP || claims["iss"] == login::CLIENT;
    header["alg"] == "RS256" && named && issued <= now && ends > now && ends - issued <= 600
}
