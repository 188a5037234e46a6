//! Accounts: what GitHub says that each is, and whom an act or a commit names.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::forge::github::client::Base;
use crate::model::facts::{Account, AccountFacts, AccountKind, Fact};

/// The account by which GitHub commits what people merge in its web page.
const WEB_FLOW: &str = "web-flow";

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
            Some("User" | "EnterpriseUserAccount") => Some(AccountKind::Person),
            Some("Bot") if login == "github-actions[bot]" => Some(AccountKind::Pipeline),
            Some("Bot") => Some(AccountKind::App),
            // A placeholder for somebody who was imported from elsewhere: nobody can act as it.
            Some("Mannequin" | "Organization") => Some(AccountKind::Bot),
            Some(_) | None => None,
        };
        let facts = self.0.entry(account.clone()).or_insert_with(|| AccountFacts {
            kind: Fact::Unavailable("GitHub does not say what this account is".into()),
            active: Fact::Unavailable("it did nothing here, and so GitHub was not asked whether it is active".into()),
            // No directory is configured, and so none links it: that is known. Whoever wants to judge nobody by his account
            // alone says `identity: linked`; a directory that does not answer makes it unavailable.
            person: Fact::Absent,
        });
        // That somebody is named says nothing of whether he may still come in.
        if let Some(kind) = kind.filter(|_| facts.kind != Fact::Known(AccountKind::Forge)) {
            facts.kind = Fact::Known(kind);
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

    /// GitHub itself, known by its signature or by its own record.
    pub(super) fn forge(&mut self) -> Account {
        let account = self.note(WEB_FLOW, None);
        if let Some(facts) = self.0.get_mut(&account) {
            facts.kind = Fact::Known(AccountKind::Forge);
        }
        account
    }

    /// Whether it is known what an account is.
    pub(super) fn is_told(&self, account: &Account) -> bool {
        self.0.get(account).is_some_and(|facts| facts.kind.known().is_some())
    }

    /// Whether an account may be a person's.
    pub(super) fn is_person(&self, account: &Account) -> bool {
        self.0.get(account).is_some_and(|facts| matches!(facts.kind, Fact::Known(AccountKind::Person)))
    }

    /// Whether an account is no person's.
    pub(super) fn is_bot(&self, account: &Account) -> bool {
        let kind = self.0.get(account).map(|facts| &facts.kind);
        matches!(kind, Some(Fact::Known(AccountKind::Bot | AccountKind::App | AccountKind::Pipeline)))
    }

    /// Notes whether an account is active.
    pub(super) fn active(&mut self, account: &Account, active: Fact<bool>) {
        if let Some(facts) = self.0.get_mut(account) {
            facts.active = active;
        }
    }

    /// Everybody who may be a person.
    pub(super) fn people(&self) -> Vec<Account> {
        self.0.keys().filter(|account| self.is_person(account)).cloned().collect()
    }

    /// What is known of everybody.
    pub(super) fn into_facts(self) -> BTreeMap<Account, AccountFacts> {
        self.0
    }
}

/// Whether a committer goes by the name or the address of GitHub itself, which anybody can write into a commit.
pub(super) fn goes_as_forge(base: &Base, login: Option<&str>, address: Option<&str>) -> bool {
    let own = || address.and_then(|it| it.strip_prefix("noreply@")).is_some_and(|host| host == base.web());
    login == Some(WEB_FLOW) || (login.is_none() && own())
}
