//! People log in through the App: GitHub's web flow for a user access token, with PKCE.
//!
//! The token is the person's own and can do no more than he and the App both may. It is asked which installations of the
//! App he sees and which of their repositories he may read, and nothing else. It ends with the session; where it is kept
//! outside memory, only what his browser has opens it.

use std::collections::BTreeSet;

use reqwest::header::ACCEPT;
use serde::Deserialize;

use super::client::{Base, Client, Fault, Identity, Secret};
use crate::forge::{Closed, Doorway, Login, Visitor};
use crate::model::facts::Account;
use crate::report::neutral;
use crate::transport::http;

/// How many bytes the answer to a code may have.
const ANSWER: usize = 64 << 10;
/// How many bytes of GitHub's own words are told.
const WORDS: usize = 200;

/// The App as people log in through it.
#[derive(Debug)]
pub struct Door {
    base: Base,
    http: reqwest::Client,
    /// Where people say who they are.
    asks: reqwest::Url,
    /// Where a code is traded.
    trades: reqwest::Url,
    client_id: String,
    secret: Secret,
    back: String,
}

#[derive(Deserialize)]
struct Traded {
    access_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Installations {
    installations: Vec<Installation>,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    permissions: Permissions,
}

/// What is not said is not permitted.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Permissions {
    pull: bool,
    admin: bool,
}

impl Door {
    /// The App by its client id and secret. GitHub sends browsers back to `back`, which the App's settings name as its
    /// callback URL.
    pub fn new(base: Base, client_id: &str, secret: Secret, back: &str) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        if client_id.is_empty() || !client_id.bytes().all(plain) {
            return Err(Fault::Setup(format!("`{client_id}` is no client id; it is on the App's settings page")));
        }
        let builder = http::builder().map_err(|fault| Fault::Setup(fault.to_string()))?;
        // What is not encrypted stays on this machine: a proxy would have the secret.
        let builder = if base.is_encrypted() { builder } else { builder.no_proxy() };
        let http = builder.build().map_err(|error| Fault::Setup(error.without_url().to_string()))?;
        let page =
            |path: &str| base.page(path).ok_or_else(|| Fault::Setup(format!("`{path}` is no page of this GitHub")));
        let (asks, trades) = (page("/login/oauth/authorize")?, page("/login/oauth/access_token")?);
        Ok(Self { base, http, asks, trades, client_id: client_id.to_owned(), secret, back: back.to_owned() })
    }

    async fn traded(&self, code: &str, verifier: &str) -> Result<Traded, Fault> {
        let mut form = reqwest::Url::parse("x:").map_err(|error| Fault::Setup(error.to_string()))?;
        form.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.secret.reveal())
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.back)
            .append_pair("code_verifier", verifier);
        let body = form.query().unwrap_or_default().to_owned();
        let what = "the code of a login".to_owned();
        let unreached =
            |error: http::Fault| Fault::Network { what: "the code of a login".to_owned(), says: error.to_string() };
        let request = self
            .http
            .post(self.trades.clone())
            .header(ACCEPT, "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let response = request.send().await.map_err(|error| unreached(error.into()))?;
        let status = response.status();
        let text = http::text(response, ANSWER).await.map_err(unreached)?;
        match status.as_u16() {
            200..=299 => serde_json::from_str(&text)
                .map_err(|error| Fault::Unreadable { what, says: neutral::line(&error.to_string(), WORDS) }),
            status @ 500..=599 => Err(Fault::Server { what, status, tries: 1 }),
            status => Err(Fault::Refused { what, status, says: neutral::line(&text, WORDS) }),
        }
    }

    /// The repositories of one installation with which somebody may do something; none where he may not even see it.
    async fn permitted(
        &self,
        client: &Client,
        installation: u64,
        may: fn(&Permissions) -> bool,
    ) -> Result<Vec<String>, Fault> {
        let path = format!("/user/installations/{installation}/repositories");
        let listed =
            client.list_in(&path, |mut page: Repositories| (std::mem::take(&mut page.repositories), page)).await;
        match listed {
            Ok((repositories, _)) => {
                let permitted = repositories.into_entries().into_iter().filter(|it| may(&it.permissions));
                Ok(permitted.map(|it| it.full_name.to_ascii_lowercase()).collect())
            }
            Err(Fault::NotFound { .. } | Fault::Forbidden { .. }) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }
}

/// The repositories of all installations that somebody sees with which he may do something.
async fn permitted(
    door: &Door,
    pass: &Client,
    may: fn(&Permissions) -> bool,
) -> Result<BTreeSet<String>, Closed<Fault>> {
    let path = "/user/installations";
    let listed = pass.list_in(path, |mut page: Installations| (std::mem::take(&mut page.installations), page)).await;
    let (installations, _) = listed.map_err(closed)?;
    let mut repositories = BTreeSet::new();
    for installation in installations.entries() {
        repositories.extend(door.permitted(pass, installation.id, may).await.map_err(closed)?);
    }
    Ok(repositories)
}

/// Whether a fault says that somebody is not let in any more, rather than that nothing is known of it.
fn closed(fault: Fault) -> Closed<Fault> {
    match fault {
        Fault::Unauthorised { .. } | Fault::Forbidden { .. } | Fault::NotFound { .. } => Closed::Gone(fault),
        other => Closed::Unasked(other),
    }
}

impl Doorway for Door {
    type Fault = Fault;
    type Pass = Client;

    fn address(&self, login: &Login<'_>) -> String {
        let mut url = self.asks.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.back)
            .append_pair("state", login.state)
            .append_pair("code_challenge", login.challenge)
            .append_pair("code_challenge_method", "S256");
        url.into()
    }

    async fn trade(&self, code: &str, verifier: &str) -> Result<Client, Closed<Fault>> {
        let traded = self.traded(code, verifier).await.map_err(closed)?;
        match traded {
            // GitHub answers 200 where it refuses, too.
            Traded { access_token: Some(token), error: None, .. } if !token.trim().is_empty() => {
                self.again(&Secret::new(&token))
            }
            Traded { error, error_description, .. } => {
                let says = error_description.or(error).unwrap_or_else(|| "it gives no token".to_owned());
                Err(Closed::Gone(Fault::Unauthorised { says: neutral::line(&says, WORDS) }))
            }
        }
    }

    fn kept(&self, pass: &Client) -> Secret {
        pass.given().cloned().unwrap_or_else(|| Secret::new(""))
    }

    fn again(&self, kept: &Secret) -> Result<Client, Closed<Fault>> {
        // What it answers is large, and is asked for once a minute.
        Client::forgetful(self.base.clone(), Identity::Token(kept.clone())).map_err(closed)
    }

    async fn visitor(&self, pass: &Client) -> Result<Visitor, Closed<Fault>> {
        let user: User = pass.get("/user").await.map_err(closed)?;
        let repositories = permitted(self, pass, |permissions| permissions.pull).await?;
        let account = Account::from(format!("github:{}", user.login).as_str());
        Ok(Visitor { account, repositories })
    }

    async fn administers(&self, pass: &Client) -> Result<BTreeSet<String>, Closed<Fault>> {
        permitted(self, pass, |permissions| permissions.admin).await
    }
}
