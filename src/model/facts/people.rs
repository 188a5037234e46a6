//! Accounts, and who is in which group.
//!
//! Neither GitHub nor GitLab tells logins, organisations, teams and groups apart by the case of their letters, and
//! each shows the case that it was given first. So all of them stand here in lower case, whoever wrote them: somebody
//! who is two people by a capital letter could approve what he wrote.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::Fact;

/// The name of an account or group as it is compared: a forge's in lower case, any other as it is written.
#[must_use]
pub fn folded(name: &str) -> Cow<'_, str> {
    let plain = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let system = name.split_once(':').map_or(name, |(system, _)| system);
    if plain || !["github", "gitlab"].iter().any(|forge| system.eq_ignore_ascii_case(forge)) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.to_ascii_lowercase())
}

/// An account as `forge:login`: `github:dana-h`, `gitlab:dhall`, `oidc:dana@acme.example`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Account(pub String);

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        Ok(match folded(&written) {
            Cow::Borrowed(_) => Self(written),
            Cow::Owned(lower) => Self(lower),
        })
    }
}

impl Account {
    /// The account as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The login without what it is a login of.
    #[must_use]
    pub fn login(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(_, login)| login)
    }

    /// What it is an account of: `github`, `gitlab`, `oidc`.
    #[must_use]
    pub fn system(&self) -> &str {
        self.0.split_once(':').map_or("", |(system, _)| system)
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Account {
    /// An account is found by its text: both compare and hash alike.
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Account {
    fn from(text: &str) -> Self {
        Self(folded(text).into_owned())
    }
}

/// What is known of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountFacts {
    /// What it is, by the forge's own type and never by its name.
    #[serde(default)]
    pub kind: Fact<AccountKind>,
    /// Whether it can still log in.
    #[serde(default)]
    pub active: Fact<bool>,
    /// The person whom a verified identity of the directory links it to; absent where none does. Never an
    /// e-mail address alone.
    #[serde(default)]
    pub person: Fact<String>,
}

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A human being.
    Person,
    /// A bot or a service account.
    Bot,
    /// An app.
    App,
    /// The pipeline's own token.
    Pipeline,
    /// The forge itself, which commits what people merge in its web page.
    Forge,
}

/// One member of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The account.
    pub account: Account,
    /// How it came into the group while the release was under way; absent where it was there before.
    #[serde(default)]
    pub joined: Fact<Joined>,
}

/// How somebody came into a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Joined {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Who put the account there.
    #[serde(default)]
    pub by: Fact<Account>,
    /// Whether it came through a protected change of the directory, such as a reviewed one or one by SCIM.
    #[serde(default)]
    pub protected: Fact<bool>,
}
