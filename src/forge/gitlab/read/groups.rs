//! Who is in a group, to the last page, inherited members and those of invited groups included.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use super::people::{User, account};
use super::{Reading, escaped};
use crate::forge::gitlab::client::{Client, Fault};
use crate::forge::roster::joined;
use crate::model::facts::people::folded;
use crate::model::facts::{Account, Fact, Joined, Member};

#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    user: User,
    /// Of the account.
    state: Option<String>,
    /// Of the membership; only whoever owns the group is told.
    membership_state: Option<String>,
    access_level: u64,
    created_at: Option<DateTime<Utc>>,
    created_by: Option<User>,
    expires_at: Option<NaiveDate>,
}

impl Listed {
    /// Whether he is a member now, and more than by name: 5 is minimal access, which sees nothing.
    fn counts(&self) -> bool {
        self.access_level > 5
            && self.state.as_deref() == Some("active")
            && self.membership_state.as_deref().is_none_or(|state| state == "active")
            && self.expires_at.is_none_or(|day| day > Utc::now().date_naive())
    }
}

/// The group that a policy names: `gitlab:acme/leads`.
fn group(written: &str) -> Option<&str> {
    let (system, name) = written.split_once(':')?;
    let name = name.trim_start_matches('@');
    (system.eq_ignore_ascii_case("gitlab") && !name.is_empty()).then_some(name)
}

/// Everybody whom GitLab lists in a group, to the last page.
async fn listed(client: &Client, written: &str) -> Result<Vec<Listed>, Fault> {
    match group(written) {
        Some(group) => client.list(&format!("/groups/{}/members/all", escaped(group))).await,
        None => Err(Fault::Setup("it is no group of GitLab".to_owned())),
    }
}

/// Who is in groups now: a list for each.
pub(in crate::forge::gitlab) async fn now(
    client: &Client,
    groups: &BTreeSet<String>,
) -> BTreeMap<String, Fact<BTreeSet<Account>>> {
    let mut found = BTreeMap::new();
    for written in groups {
        let fact = match listed(client, written).await {
            Ok(members) => {
                let counted = members.iter().filter(|listed| listed.counts());
                Fact::Known(counted.map(|listed| account(&listed.user.username)).collect())
            }
            Err(fault) => fault.unavailable(),
        };
        found.insert(folded(written).into_owned(), fact);
    }
    found
}

impl Reading<'_> {
    /// The members of every group that was asked for.
    pub(super) async fn groups(&mut self, began: Option<DateTime<Utc>>) -> BTreeMap<String, Fact<Vec<Member>>> {
        let mut found = BTreeMap::new();
        for written in &self.question.groups {
            let fact = match listed(self.client, written).await {
                Ok(members) => {
                    let mut list: Vec<Member> = Vec::new();
                    for listed in members.iter().filter(|listed| listed.counts()) {
                        let account = self.accounts.name(&listed.user);
                        // Whoever is in it by two ways is listed twice.
                        if list.iter().any(|member| member.account == account) {
                            continue;
                        }
                        let came = match (listed.created_at, began) {
                            (Some(at), Some(began)) if at > began => {
                                let by = listed.created_by.as_ref().map(|user| self.accounts.name(user));
                                let by = by.map_or_else(
                                    || Fact::Unavailable("GitLab does not say who put him there".into()),
                                    Fact::Known,
                                );
                                let protected =
                                    Fact::Unavailable("GitLab does not say whether anybody reviewed it".into());
                                Fact::Known(Joined { at, by, protected })
                            }
                            _ => joined(&self.question.roster, written, &account),
                        };
                        list.push(Member { account, joined: came });
                    }
                    Fact::Known(list)
                }
                Err(fault) => fault.unavailable(),
            };
            // As the facts name groups: in lower case.
            found.insert(folded(written).into_owned(), fact);
        }
        found
    }
}
