//! People log in through GitLab: the authorization code flow of an OAuth application of theirs, with PKCE.
//!
//! The token is the person's own, and of the scope `read_api`. It is asked who he is and of which projects he is a member that
//! may read the code (a reporter and up), and nothing else; of those the app's own are shown. It lives for two hours, and another
//! takes its place by what GitLab gave with it, which is good once; where both are kept outside memory, only what his browser has
//! opens them.

use std::collections::BTreeSet;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;

use super::app::{AGE, App};
use super::client::{Client, Fault};
use crate::forge::secret::Secret;
use crate::forge::{Closed, Doorway, Login, Visitor};
use crate::model::facts::Account;
use crate::report::neutral;
use crate::transport::http;

/// What a person's token may.
const SCOPE: &str = "read_api";
/// The least place in a project by which somebody may read its code: a reporter's; and by which he administers it: a
/// maintainer's.
const READS: u64 = 20;
const ADMINISTERS: u64 = 40;
/// How many bytes the answer to a code may have.
const ANSWER: usize = 64 << 10;
/// How many bytes of GitLab's own words are told.
const WORDS: usize = 200;

/// The app as people log in through it.
#[derive(Debug)]
pub struct Door {
    /// The app's own account, whose projects are shown.
    ours: App,
    /// Where people say who they are.
    asks: reqwest::Url,
    /// Where a code is traded.
    trades: reqwest::Url,
    client_id: String,
    secret: Secret,
    back: String,
}

/// What GitLab gave for somebody.
#[derive(Debug)]
pub struct Pass {
    client: Client,
    /// What is good for the next one, once.
    next: Option<Secret>,
}

#[derive(Deserialize)]
struct Traded {
    access_token: Option<String>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct User {
    username: String,
    state: String,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
}

impl Door {
    /// By the application's id and secret. GitLab sends browsers back to `back`, which the application names as its redirect
    /// URI. `ours` is the app as it is for its projects.
    pub fn new(ours: App, client_id: &str, secret: Secret, back: &str) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if client_id.is_empty() || !client_id.bytes().all(plain) {
            return Err(Fault::Setup(format!(
                "`{client_id}` is no id of an application; it is on the application's page"
            )));
        }
        let page = |path: &str| {
            let page = ours.client().base().page(path);
            page.ok_or_else(|| Fault::Setup(format!("`{path}` is no page of this GitLab")))
        };
        let (asks, trades) = (page("/oauth/authorize")?, page("/oauth/token")?);
        Ok(Self { ours, asks, trades, client_id: client_id.to_owned(), secret, back: back.to_owned() })
    }

    /// The projects of ours in which somebody has at least this place, in lower case.
    async fn placed(&self, pass: &Client, least: u64) -> Result<BTreeSet<String>, Closed<Fault>> {
        // What the app's own account is told says nothing of who came.
        let ours = self.ours.projects(AGE).await.map_err(Closed::Unasked)?;
        let path = format!("/projects?membership=true&min_access_level={least}&simple=true&order_by=id&sort=asc");
        let listed = pass.list::<Listed>(&path).await.map_err(closed)?;
        Ok(listed.iter().filter_map(|it| ours.get(&it.id)).map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Trades a code, or what was given for a next token, and says what came of it.
    async fn traded(&self, what: &str, fields: &[(&str, &str)]) -> Result<Traded, Fault> {
        let mut form = reqwest::Url::parse("x:").map_err(|error| Fault::Setup(error.to_string()))?;
        form.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.secret.reveal())
            .append_pair("redirect_uri", &self.back)
            .extend_pairs(fields);
        let body = form.query().unwrap_or_default().to_owned();
        let what = what.to_owned();
        let unreached = |error: http::Fault| Fault::Network { what: what.clone(), says: error.to_string() };
        let request = self
            .ours
            .client()
            .http()
            .post(self.trades.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let response = request.send().await.map_err(|error| unreached(error.into()))?;
        let status = response.status();
        let text = http::text(response, ANSWER).await.map_err(unreached)?;
        match status.as_u16() {
            // What is wrong with the code is said with 400 or 401, in the same form.
            200..=299 | 400 | 401 => serde_json::from_str(&text)
                .map_err(|error| Fault::Unreadable { what, says: neutral::line(&error.to_string(), WORDS) }),
            status @ 500..=599 => Err(Fault::Server { what, status, tries: 1 }),
            status => Err(Fault::Refused { what, status, says: neutral::line(&text, WORDS) }),
        }
    }
}

/// A pass of what GitLab gave; what it says instead where it gave none.
fn pass(door: &Door, traded: Traded) -> Result<Pass, Closed<Fault>> {
    match traded {
        Traded { access_token: Some(token), error: None, refresh_token, .. } if !token.trim().is_empty() => Ok(Pass {
            client: door.ours.client().under(Secret::new(&token)),
            next: refresh_token.map(|next| Secret::new(&next)).filter(|next| !next.is_empty()),
        }),
        Traded { error, error_description, .. } => {
            let says = error_description.or(error).unwrap_or_else(|| "it gives no token".to_owned());
            Err(Closed::Gone(Fault::Unauthorised { says: neutral::line(&says, WORDS) }))
        }
    }
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
    type Pass = Pass;

    fn address(&self, login: &Login<'_>) -> String {
        let mut url = self.asks.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.back)
            .append_pair("response_type", "code")
            .append_pair("scope", SCOPE)
            .append_pair("state", login.state)
            .append_pair("code_challenge", login.challenge)
            .append_pair("code_challenge_method", "S256");
        url.into()
    }

    async fn trade(&self, code: &str, verifier: &str) -> Result<Pass, Closed<Fault>> {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier)];
        pass(self, self.traded("the code of a login", &fields).await.map_err(closed)?)
    }

    /// Two lines, the second where there is one.
    fn kept(&self, pass: &Pass) -> Secret {
        let next = pass.next.as_ref().map(Secret::reveal).unwrap_or_default();
        Secret::new(&format!("{}\n{next}", pass.client.token().reveal()))
    }

    fn again(&self, kept: &Secret) -> Result<Pass, Closed<Fault>> {
        let (token, next) = kept.reveal().split_once('\n').unwrap_or((kept.reveal(), ""));
        let next = Some(Secret::new(next)).filter(|next| !next.is_empty());
        Ok(Pass { client: self.ours.client().under(Secret::new(token)), next })
    }

    async fn renewed(&self, old: &Pass) -> Result<Option<Pass>, Closed<Fault>> {
        let Some(next) = &old.next else { return Ok(None) };
        let fields = [("grant_type", "refresh_token"), ("refresh_token", next.reveal())];
        let traded = self.traded("the next token of a login", &fields).await.map_err(closed)?;
        pass(self, traded).map(Some)
    }

    async fn visitor(&self, pass: &Pass) -> Result<Visitor, Closed<Fault>> {
        let user: User = pass.client.get("/user").await.map_err(closed)?;
        if user.state != "active" {
            let says = format!("the account is {}", neutral::line(&user.state, WORDS));
            return Err(Closed::Gone(Fault::Unauthorised { says }));
        }
        let repositories = self.placed(&pass.client, READS).await?;
        let account = Account::from(format!("gitlab:{}", user.username).as_str());
        Ok(Visitor { account, repositories })
    }

    async fn administers(&self, pass: &Pass) -> Result<BTreeSet<String>, Closed<Fault>> {
        self.placed(&pass.client, ADMINISTERS).await
    }
}
