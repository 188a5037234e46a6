//! Accounts: what GitHub says that each is, and whom an act or a commit names.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::facts::{Account, AccountFacts, AccountKind, Fact};

/// The account by which GitHub commits what people merge in its web page.
pub(super) const WEB_FLOW: &str = "web-flow";
/// The address under which it does.
const WEB_FLOW_ADDRESS: &str = "noreply@github.com";

/// An account as REST names it. An empty object, as old answers have it, names nobody.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RestUser {
    pub(super) login: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// An account as GraphQL names it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Actor {
    #[serde(rename = "__typename", default)]
    pub(super) kind: Option<String>,
    pub(super) login: String,
}

/// The account of a login.
pub(super) fn account(login: &str) -> Account {
    Account::from(format!("github:{login}").as_str())
}

/// Everybody who is spoken of, with what GitHub says that he is.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts(BTreeMap<Account, AccountFacts>);

impl Accounts {
    /// Notes an account, by the type that GitHub gives it and never by its name.
    pub(super) fn note(&mut self, login: &str, kind: Option<&str>) -> Account {
        // GraphQL leaves the ending of an App's login away, which REST and people write.
        let login = match kind {
            Some("Bot") if !login.ends_with("[bot]") => format!("{login}[bot]"),
            _ => login.to_owned(),
        };
        let account = account(&login);
        let kind = match kind {
            Some("User" | "EnterpriseUserAccount") if login == WEB_FLOW => Some(AccountKind::Forge),
            Some("User" | "EnterpriseUserAccount") => Some(AccountKind::Person),
            Some("Bot") if login == "github-actions[bot]" => Some(AccountKind::Pipeline),
            Some("Bot") => Some(AccountKind::App),
            // A placeholder for somebody who was imported from elsewhere: nobody can act as it.
            Some("Mannequin" | "Organization") => Some(AccountKind::Bot),
            Some(_) | None => None,
        };
        let facts = self.0.entry(account.clone()).or_insert_with(|| AccountFacts {
            kind: Fact::Unavailable("GitHub does not say what this account is".into()),
            active: Fact::Unavailable("GitHub does not say whether this account is active".into()),
            // No directory is asked here.
            person: Fact::Absent,
        });
        if let Some(kind) = kind {
            facts.kind = Fact::Known(kind);
            // GitHub names an account that is suspended or deleted no longer by its login.
            facts.active = Fact::Known(true);
        }
        account
    }

    /// Notes whom REST names.
    pub(super) fn rest(&mut self, user: Option<&RestUser>) -> Fact<Account> {
        match user.and_then(|user| Some((user.login.as_deref()?, user.kind.as_deref()))) {
            Some((login, kind)) => Fact::Known(self.note(login, kind)),
            None => Fact::Absent,
        }
    }

    /// Notes whom GraphQL names.
    pub(super) fn actor(&mut self, actor: &Actor) -> Account {
        self.note(&actor.login, actor.kind.as_deref())
    }

    /// GitHub itself.
    pub(super) fn forge(&mut self) -> Account {
        self.note(WEB_FLOW, Some("User"))
    }

    /// What is known of everybody.
    pub(super) fn into_facts(self) -> BTreeMap<Account, AccountFacts> {
        self.0
    }
}

/// Whether a committer is GitHub itself.
pub(super) fn is_forge(login: Option<&str>, address: Option<&str>) -> bool {
    login == Some(WEB_FLOW) || (login.is_none() && address == Some(WEB_FLOW_ADDRESS))
}
