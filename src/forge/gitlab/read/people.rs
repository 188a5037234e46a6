//! Accounts: what GitLab says that each is, and whom an act or a commit names.
//!
//! GitLab names accounts where people act. Of a commit it has addresses alone: whose an author's is GraphQL says, of any
//! other what can be proven is told by the number in the address that GitLab itself gave, or by the address that an
//! account shows to everybody.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use super::commits::GitCommit;
use super::{Project, Reading, escaped, is_commit};
use crate::forge::gitlab::client::{Client, Fault};
use crate::model::facts::{Account, AccountFacts, AccountKind, Act, Fact};

/// How many commits one GraphQL question names: each costs some ten of the 250 points that it may have.
const AT_ONCE: usize = 12;
/// Of how many accounts it is asked at once what they are, and of how many at most.
const KINDS_AT_ONCE: usize = 50;
const KINDS: usize = 500;
/// Whom GitLab names in the place of whoever has no account any longer.
const GHOST: &str = "ghost";

/// An account as GitLab names it beside what it did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) username: String,
}

impl User {
    /// Whether it only stands for somebody who is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.username.strip_prefix(GHOST).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// An account as GitLab describes it.
#[derive(Clone, Debug, Deserialize)]
struct Profile {
    username: String,
    state: Option<String>,
    bot: Option<bool>,
    public_email: Option<String>,
    commit_email: Option<String>,
}

/// The account of a login.
pub(super) fn account(login: &str) -> Account {
    Account::from(format!("gitlab:{login}").as_str())
}

/// Everybody who is spoken of, with what GitLab says that he is.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    facts: BTreeMap<Account, AccountFacts>,
    ids: BTreeMap<Account, u64>,
    profiles: BTreeMap<u64, Result<Profile, Fault>>,
}

impl Accounts {
    /// Notes that somebody is spoken of.
    pub(super) fn name(&mut self, user: &User) -> Account {
        let account = account(&user.username);
        self.ids.insert(account.clone(), user.id);
        self.facts.entry(account.clone()).or_insert_with(|| AccountFacts {
            kind: Fact::Unavailable("GitLab was not asked what this account is".into()),
            active: Fact::Unavailable("it did nothing here, and so GitLab was not asked whether it is active".into()),
            // No directory is asked here.
            person: Fact::Absent,
        });
        account
    }

    /// Notes somebody who had a hand in something, and asks what he is.
    pub(super) async fn note(&mut self, client: &Client, user: &User) -> Account {
        let account = self.name(user);
        let kind = match self.profile(client, user.id).await {
            _ if user.is_gone() => Fact::Known(AccountKind::Bot),
            Ok(Profile { bot: Some(true), .. }) => Fact::Known(AccountKind::Bot),
            Ok(Profile { bot: Some(false), .. }) => Fact::Known(AccountKind::Person),
            Ok(Profile { bot: None, .. }) => Fact::Unavailable("GitLab does not say what this account is".into()),
            Err(fault) => fault.unavailable(),
        };
        if let Some(facts) = self.facts.get_mut(&account) {
            facts.kind = kind;
        }
        account
    }

    async fn profile(&mut self, client: &Client, id: u64) -> Result<Profile, Fault> {
        if let Some(known) = self.profiles.get(&id) {
            return known.clone();
        }
        let profile = client.get(&format!("/users/{id}")).await;
        self.profiles.insert(id, profile.clone());
        profile
    }

    /// The logins of those of whom it was not asked what they are.
    fn unasked(&self) -> impl Iterator<Item = String> {
        let unasked =
            |(account, id): (&Account, &u64)| (!self.profiles.contains_key(id)).then(|| account.login().to_owned());
        self.ids.iter().filter_map(unasked)
    }

    /// What GitLab says that an account is.
    fn are_told(&mut self, login: &str, bot: bool) {
        if let Some(facts) = self.facts.get_mut(&account(login)) {
            facts.kind = Fact::Known(if bot { AccountKind::Bot } else { AccountKind::Person });
        }
    }

    /// GitLab itself, which writes down what people squash in its page. No account can have this name.
    pub(super) fn forge(&mut self) -> Account {
        let account = account("(gitlab)");
        let facts =
            AccountFacts { kind: Fact::Known(AccountKind::Forge), active: Fact::Known(true), person: Fact::Absent };
        self.facts.insert(account.clone(), facts);
        account
    }

    /// Whether an account is no person's.
    pub(super) fn is_bot(&self, account: &Account) -> bool {
        let kind = self.facts.get(account).map(|facts| &facts.kind);
        matches!(kind, Some(Fact::Known(AccountKind::Bot | AccountKind::App | AccountKind::Pipeline)))
    }

    /// What is known of everybody.
    pub(super) fn into_facts(self) -> BTreeMap<Account, AccountFacts> {
        self.facts
    }
}

impl Reading<'_> {
    /// Whose the addresses are that commits name, by the address in lower case.
    pub(super) async fn addresses(&mut self, commits: &[&GitCommit]) -> BTreeMap<String, Fact<Account>> {
        let mut found = BTreeMap::new();
        let mut authors: Vec<&GitCommit> = Vec::new();
        let mut seen = BTreeSet::new();
        for commit in commits {
            if seen.insert(commit.author_email.to_ascii_lowercase()) {
                authors.push(commit);
            }
        }
        for some in authors.chunks(AT_ONCE) {
            // What GraphQL does not say is looked for like any other address.
            let Ok(users) = self.authors(some).await else { continue };
            for (address, user) in users {
                let whose = match user {
                    Some(user) => Fact::Known(self.accounts.note(self.client, &user).await),
                    None => Fact::Absent,
                };
                found.insert(address, whose);
            }
        }
        let mut wanted = BTreeSet::new();
        for commit in commits {
            wanted.extend([&commit.author_email, &commit.committer_email].map(|address| address.to_ascii_lowercase()));
            wanted.extend(commit.co_authors().into_iter().flatten().map(|address| address.to_ascii_lowercase()));
        }
        for address in wanted {
            if let Entry::Vacant(vacant) = found.entry(address) {
                let whose = self.whose(vacant.key()).await;
                vacant.insert(whose);
            }
        }
        found
    }

    /// Who wrote commits, by GraphQL, which knows every address that an account has confirmed.
    async fn authors(&self, commits: &[&GitCommit]) -> Result<Vec<(String, Option<User>)>, Fault> {
        let mut text = String::from("query($project: ID!) { project(fullPath: $project) { repository {");
        for (at, commit) in commits.iter().enumerate().filter(|(_, commit)| is_commit(&commit.id)) {
            let part =
                format!(" c{at}: tree(ref: \"{}\") {{ lastCommit {{ sha author {{ id username }} }} }}", commit.id);
            text.push_str(&part);
        }
        text.push_str(" } } }");
        let answer = self.client.ask(&text, &json!({"project": self.project.path_with_namespace})).await?;
        let mut found = Vec::new();
        for (at, commit) in commits.iter().enumerate() {
            let place = format!("/project/repository/c{at}/lastCommit");
            let Some(said) = answer.pointer(&place).filter(|said| said["sha"] == commit.id.as_str()) else { continue };
            let author = &said["author"];
            let id = author["id"].as_str().and_then(|id| id.rsplit('/').next()?.parse().ok());
            let user = id.zip(author["username"].as_str()).map(|(id, name)| User { id, username: name.to_owned() });
            if user.is_some() || author.is_null() {
                found.push((commit.author_email.to_ascii_lowercase(), user));
            }
        }
        Ok(found)
    }

    /// Whose an address is that no author's commit told of.
    async fn whose(&mut self, address: &str) -> Fact<Account> {
        let given = address.strip_suffix(&format!("@users.noreply.{}", self.client.base().web()));
        if let Some(id) = given.and_then(|name| name.split_once('-')).and_then(|(id, _)| id.parse::<u64>().ok()) {
            return match self.accounts.profile(self.client, id).await {
                Ok(profile) => {
                    Fact::Known(self.accounts.note(self.client, &User { id, username: profile.username }).await)
                }
                // Nobody has the number any longer.
                Err(Fault::NotFound { .. }) => Fact::Absent,
                Err(fault) => fault.unavailable(),
            };
        }
        let found: Vec<User> = match self.client.list(&format!("/users?search={}", escaped(address))).await {
            Ok(found) => found,
            Err(fault) => return fault.unavailable(),
        };
        for user in found {
            let Ok(profile) = self.accounts.profile(self.client, user.id).await else { continue };
            let shown = [&profile.public_email, &profile.commit_email];
            if shown.into_iter().flatten().any(|it| it.eq_ignore_ascii_case(address)) {
                return Fact::Known(self.accounts.note(self.client, &user).await);
            }
        }
        let why = format!(
            "GitLab does not tell this token whose address `{address}` is; commit with the private address that GitLab \
             gives, or make the address public on the account"
        );
        Fact::Unavailable(why.into())
    }

    /// Asks what the accounts are that the policy names.
    pub(super) async fn named_accounts(&mut self) {
        for login in &self.question.logins {
            if !self.accounts.facts.contains_key(&account(login)) {
                self.by_login(login).await;
            }
        }
    }

    /// Asks what an account is of which only the login is known. One that is not there stays unknown.
    pub(super) async fn by_login(&mut self, login: &str) {
        let found = self.client.list::<User>(&format!("/users?username={}", escaped(login))).await.unwrap_or_default();
        if let Some(user) = found.iter().find(|user| user.username.eq_ignore_ascii_case(login)) {
            self.accounts.note(self.client, user).await;
        }
    }

    /// Asks what those are of whom nothing but the login was read, as of members of a group who did nothing yet: whoever may approve
    /// is known to be a person before he does. Many are asked for at once, which GraphQL alone takes.
    pub(super) async fn kinds(&mut self) {
        let unasked: Vec<String> = self.accounts.unasked().take(KINDS).collect();
        for some in unasked.chunks(KINDS_AT_ONCE) {
            let text = "query($names: [String!]) { users(usernames: $names) { nodes { username bot } } }";
            // Of whom it does not tell it stays unknown.
            let Ok(answer) = self.client.ask(text, &json!({"names": some})).await else { return };
            let nodes = answer.pointer("/users/nodes").and_then(serde_json::Value::as_array);
            for node in nodes.into_iter().flatten() {
                if let (Some(login), Some(bot)) = (node["username"].as_str(), node["bot"].as_bool()) {
                    self.accounts.are_told(login, bot);
                }
            }
        }
    }

    /// Asks of everybody who did something whether he may still come in here: an approval outlasts whoever gave it.
    pub(super) async fn access(&mut self, acts: &Fact<Vec<Act>>) {
        let acted: BTreeSet<&Account> = acts.entries().iter().map(|act| &act.by).collect();
        for account in acted {
            self.accounts.admitted(self.client, &self.project, account).await;
        }
    }
}

impl Accounts {
    /// Asks of everybody who is spoken of whether he may still come in here.
    pub(super) async fn access(&mut self, client: &Client, project: &Project) {
        let spoken_of: Vec<Account> = self.ids.keys().cloned().collect();
        for account in spoken_of {
            self.admitted(client, project, &account).await;
        }
    }

    async fn admitted(&mut self, client: &Client, project: &Project, account: &Account) {
        let Some(id) = self.ids.get(account).copied() else { return };
        let active = self.is_active(client, project, id).await;
        if let Some(facts) = self.facts.get_mut(account) {
            facts.active = active;
        }
    }

    async fn is_active(&mut self, client: &Client, project: &Project, id: u64) -> Fact<bool> {
        #[derive(Deserialize)]
        struct Place {
            access_level: u64,
        }
        let state = match self.profile(client, id).await {
            Ok(profile) => profile.state,
            Err(fault) => return fault.unavailable(),
        };
        match state.as_deref() {
            Some("active") => {}
            Some(_) => return Fact::Known(false),
            None => return Fact::Unavailable("GitLab does not say whether the account is active".into()),
        }
        match client.get::<Place>(&format!("{}/members/all/{id}", project.path())).await {
            // 5 is minimal access, 0 none.
            Ok(place) => Fact::Known(place.access_level > 5),
            Err(Fault::NotFound { .. }) => Fact::Known(false),
            Err(fault) => fault.unavailable(),
        }
    }
}
