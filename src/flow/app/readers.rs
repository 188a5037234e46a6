//! Who reads the reports of a repository: whoever holds a role that its policy names in the `to` of `reports`. Where it names
//! none, or no policy can be read, that is for whoever administers the repository.
//!
//! Who is in a group is known by the roster of the settings, and of a team of the forge by the last decision on the
//! repository. A group that neither knows has nobody in it.

use super::Desk;
use crate::flow::app::policy::Read;
use crate::forge::Hub;
use crate::model::facts::people::folded;
use crate::model::facts::{Account, Fact, Facts};
use crate::policy::rules::MemberRef;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// How many decisions are looked through for the last one on a repository.
const LOOKED_THROUGH: u64 = 200;

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
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
}

impl<H: Hub> Desk<H> {
    /// Whether an account reads the reports of a repository.
    pub async fn reads_reports(&self, repository: &str, account: &Account) -> Result<Reads, Unknown> {
        let forge = self.hub.of(repository).await.map_err(|fault| Unknown::Forge(fault.to_string()))?;
        let Ok(read) = self.policy(&forge, repository).await else { return Ok(Reads::Administrators) };
        let named = read.policy.rules.reports.as_ref().map(|rule| rule.to.clone()).unwrap_or_default();
        if named.is_empty() {
            return Ok(Reads::Administrators);
        }
        let mut reader = self.reader().await?;
        let facts = last_facts(&mut reader, (H::NAME, repository)).await?;
        reader.close().await?;
        let known = Known { read: &read, facts: facts.as_ref(), forge: H::NAME, own: own(&read, account) };
        let holds = named.iter().any(|role| known.holds(role, &self.settings.roster.groups));
        Ok(if holds { Reads::Holds } else { Reads::OnlyFor(named) })
    }
}

/// What the last decision on a repository was made from, where that is kept.
async fn last_facts(reader: &mut Reader, (forge, repository): (&str, &str)) -> Result<Option<Facts>, DatabaseFault> {
    let decided = reader.decided(LOOKED_THROUGH).await?;
    let mut here =
        decided.iter().filter(|it| it.stream.forge == forge && it.stream.repository.eq_ignore_ascii_case(repository));
    let Some(last) = here.next() else { return Ok(None) };
    Ok(reader.blob(last.facts).await?.and_then(|bytes| Facts::read(&bytes).ok()))
}

/// Every account of whoever has one of them.
fn own(read: &Read, account: &Account) -> Vec<String> {
    let has = |accounts: &[String]| accounts.iter().any(|it| folded(it) == folded(account.as_str()));
    let person = read.policy.rules.people.iter().find(|person| has(&person.accounts));
    let mut all = person.map(|person| person.accounts.clone()).unwrap_or_default();
    all.push(account.as_str().to_owned());
    all
}

/// By what it is known who holds a role.
struct Known<'k> {
    read: &'k Read,
    facts: Option<&'k Facts>,
    forge: &'static str,
    /// His accounts.
    own: Vec<String>,
}

impl Known<'_> {
    fn is(&self, account: &str) -> bool {
        self.own.iter().any(|own| folded(own) == folded(account))
    }

    fn holds(&self, role: &str, roster: &std::collections::BTreeMap<String, Vec<String>>) -> bool {
        let rules = &self.read.policy.rules;
        let role = rules.roles.iter().find(|it| it.name == role);
        role.is_some_and(|role| {
            role.members.iter().any(|member| match member {
                MemberRef::Account(account) => self.is(account),
                MemberRef::User(name) => match rules.people.iter().find(|person| person.name == *name) {
                    Some(person) => person.accounts.iter().any(|account| self.is(account)),
                    None => self.is(&format!("{}:{name}", self.forge)),
                },
                MemberRef::Group(group) => {
                    let listed = roster.iter().find(|(known, _)| folded(known) == folded(group));
                    let read = self.facts.and_then(|facts| facts.groups.get(folded(group).as_ref()));
                    match (read, listed) {
                        // What the forge said of its own team outranks what somebody listed.
                        (Some(Fact::Known(members)), _) => members.iter().any(|it| self.is(it.account.as_str())),
                        (_, Some((_, members))) => members.iter().any(|account| self.is(account)),
                        (_, None) => false,
                    }
                }
            })
        })
    }
}
