//! Who reads the reports of a repository: whoever holds a role that its policy names in the `to` of `reports`. Where it names
//! none, or there is no policy that can be used, that is for whoever administers the repository.
//!
//! Who is in a group of the forge it is asked itself, and believed no longer than what people may read is: whoever was taken
//! out of a team reads no more, though no release is decided. Of a group that the forge has not, the roster of the settings
//! says who is in it; one that neither knows has nobody in it.
//!
//! Invariant: who cannot be told to hold a role is shown nothing, and told that it is not known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Desk;
use crate::flow::app::policy::{NoPolicy, Read};
use crate::forge::{Hub, Source as _};
use crate::model::facts::people::folded;
use crate::model::facts::{Account, Fact};
use crate::policy::rules::MemberRef;

/// How long the forge is waited for.
const ANSWER: Duration = Duration::from_secs(15);

/// Whether an account reads the reports of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It holds a role that the policy names.
    Holds,
    /// It holds none of these roles.
    OnlyFor(Vec<String>),
    /// The policy names no role: whoever administers the repository does.
    Administrators,
}

/// Why that is not known.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The forge could not be asked.
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    /// The policy could not be read.
    #[error("the policy could not be read: {0}")]
    Policy(String),
    /// A group could not be read that he may be in.
    #[error("who is in `{group}` could not be read: {why}")]
    Group {
        /// The group, as the policy names it.
        group: String,
        /// Why.
        why: String,
    },
}

/// Who is in groups, by their names in lower case.
type Groups = BTreeMap<String, Fact<BTreeSet<Account>>>;

/// Who was in which groups when they were asked for last, and when asking began.
#[derive(Debug)]
struct Asked {
    groups: BTreeSet<String>,
    members: Arc<Groups>,
    at: Instant,
}

/// The same of each repository, in lower case: one asks while others wait for the answer.
#[derive(Debug, Default)]
pub(super) struct Memberships(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Asked>>>>>);

impl Memberships {
    fn of(&self, repository: &str) -> Arc<tokio::sync::Mutex<Option<Asked>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(repository.to_ascii_lowercase()).or_default().clone()
    }
}

impl<H: Hub> Desk<H> {
    /// Whether an account reads the reports of a repository, by what the forge said of its groups within `age`.
    pub async fn reads_reports(&self, repository: &str, account: &Account, age: Duration) -> Result<Reads, Unknown> {
        let found = tokio::time::timeout(ANSWER, self.reads_within(repository, account, age)).await;
        found.unwrap_or_else(|_| Err(Unknown::Forge("it did not answer in time".to_owned())))
    }

    async fn reads_within(&self, repository: &str, account: &Account, age: Duration) -> Result<Reads, Unknown> {
        let forge = self.hub.of(repository).await.map_err(|fault| Unknown::Forge(fault.to_string()))?;
        let read = match self.policy(&forge, repository).await {
            Ok(read) => read,
            // It may say that they are for others.
            Err(NoPolicy::Unread(why)) => return Err(Unknown::Policy(why)),
            Err(NoPolicy::Unwritten | NoPolicy::Unusable { .. }) => return Ok(Reads::Administrators),
        };
        let rules = &read.policy.rules;
        let named = rules.reports.as_ref().map(|rule| rule.to.clone()).unwrap_or_default();
        if named.is_empty() {
            return Ok(Reads::Administrators);
        }
        let members = || rules.roles.iter().filter(|role| named.contains(&role.name)).flat_map(|role| &role.members);
        let prefix = format!("{}:", H::NAME);
        let groups: BTreeSet<String> = members()
            .filter_map(|member| match member {
                MemberRef::Group(group) if folded(group).starts_with(&prefix) => Some(group.clone()),
                MemberRef::Group(_) | MemberRef::Account(_) | MemberRef::User(_) => None,
            })
            .collect();
        let groups = self.members(&forge, repository, groups, age).await;
        let known = Known {
            read: &read,
            groups: &groups,
            roster: &self.settings.roster.groups,
            forge: H::NAME,
            own: own(&read, account),
        };
        let mut unknown = None;
        for member in members() {
            match known.is(member) {
                Ok(true) => return Ok(Reads::Holds),
                Ok(false) => {}
                Err(why) => unknown = Some(why),
            }
        }
        unknown.map_or(Ok(Reads::OnlyFor(named)), Err)
    }

    /// Who is in groups of the forge. What could not be read is asked again by whoever comes next.
    async fn members(
        &self,
        forge: &H::Forge,
        repository: &str,
        groups: BTreeSet<String>,
        age: Duration,
    ) -> Arc<Groups> {
        if groups.is_empty() {
            return Arc::default();
        }
        let kept = self.memberships.of(repository);
        let mut kept = kept.lock().await;
        if let Some(asked) = kept.as_ref().filter(|asked| asked.groups == groups && asked.at.elapsed() < age) {
            return asked.members.clone();
        }
        let at = Instant::now();
        *kept = None;
        let members = Arc::new(forge.members(repository, &groups).await);
        if members.values().all(|members| members.known().is_some()) {
            *kept = Some(Asked { groups, members: members.clone(), at });
        }
        members
    }
}

/// Every account of whoever has one of them.
fn own(read: &Read, account: &Account) -> Vec<String> {
    let has = |accounts: &[String]| accounts.iter().any(|it| folded(it) == folded(account.as_str()));
    let person = read.policy.rules.people.iter().find(|person| has(&person.accounts));
    let mut all = person.map(|person| person.accounts.clone()).unwrap_or_default();
    all.push(account.as_str().to_owned());
    all
}

/// By what it is known who is whose member.
struct Known<'k> {
    read: &'k Read,
    /// The groups of the forge.
    groups: &'k Groups,
    /// Other groups.
    roster: &'k BTreeMap<String, Vec<String>>,
    forge: &'static str,
    /// His accounts.
    own: Vec<String>,
}

impl Known<'_> {
    fn has(&self, account: &str) -> bool {
        self.own.iter().any(|own| folded(own) == folded(account))
    }

    /// Whether he is one whom a role names.
    fn is(&self, member: &MemberRef) -> Result<bool, Unknown> {
        let unread = |group: &str, why: &str| Unknown::Group { group: group.to_owned(), why: why.to_owned() };
        match member {
            MemberRef::Account(account) => Ok(self.has(account)),
            MemberRef::User(name) => {
                let people = &self.read.policy.rules.people;
                Ok(match people.iter().find(|person| person.name == *name) {
                    Some(person) => person.accounts.iter().any(|account| self.has(account)),
                    None => self.has(&format!("{}:{name}", self.forge)),
                })
            }
            MemberRef::Group(group) if folded(group).starts_with(&format!("{}:", self.forge)) => {
                match self.groups.get(folded(group).as_ref()) {
                    Some(Fact::Known(members)) => Ok(members.iter().any(|member| self.has(member.as_str()))),
                    Some(Fact::Unavailable(why)) => Err(unread(group, why)),
                    Some(Fact::Absent) | None => Err(unread(group, "the forge says nothing of it")),
                }
            }
            MemberRef::Group(group) => {
                let listed = self.roster.iter().find(|(known, _)| folded(known) == folded(group));
                Ok(listed.is_some_and(|(_, members)| members.iter().any(|account| self.has(account))))
            }
        }
    }
}
