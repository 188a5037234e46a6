//! Who is in a team, to the last page, those of its child teams included.

use std::collections::{BTreeMap, BTreeSet};

use super::people::{Accounts, Actor};
use super::pulls::Page;
use super::question::First;
use super::{Repository, unread};
use crate::forge::Question;
use crate::forge::github::client::{Answer, Client, Fault};
use crate::forge::roster::joined;
use crate::model::facts::people::folded;
use crate::model::facts::{Account, Fact, Member};

/// How many pages of members a team may have.
const PAGES: usize = 100;

/// The organisation and the team that a policy names: `github:@acme/infra`.
pub(in crate::forge::github) fn team(group: &str) -> Option<(&str, &str)> {
    let (system, name) = group.split_once(':')?;
    let (organisation, team) = name.strip_prefix('@')?.split_once('/')?;
    system.eq_ignore_ascii_case("github").then_some((organisation, team))
}

/// The members of every team, from the answer and its further pages.
pub(super) async fn members(
    client: &Client,
    repository: &Repository,
    answer: &Result<Answer, Fault>,
    question: &Question,
    accounts: &mut Accounts,
) -> BTreeMap<String, Fact<Vec<Member>>> {
    let mut found = BTreeMap::new();
    let roster = &question.roster;
    for (at, group) in question.groups.iter().enumerate() {
        let Some((organisation, slug)) = team(group) else {
            found.insert(group.clone(), Fact::Unavailable("it is no team of GitHub".into()));
            continue;
        };
        let members = match answer {
            Ok(answer) => of(client, repository, answer, at, (organisation, slug)).await,
            Err(fault) => Err(fault.clone()),
        };
        let fact = match members {
            Ok(members) => Fact::Known(
                members
                    .iter()
                    .map(|actor| {
                        let account = accounts.actor(actor);
                        let joined = joined(roster, group, &account);
                        Member { account, joined }
                    })
                    .collect(),
            ),
            Err(fault) => fault.unavailable(),
        };
        // As the facts name groups: in lower case.
        found.insert(folded(group).into_owned(), fact);
    }
    found
}

/// Who is in teams now: one question for all of them, and one for each further page.
pub(in crate::forge::github) async fn now(
    client: &Client,
    repository: &str,
    groups: &BTreeSet<String>,
) -> BTreeMap<String, Fact<BTreeSet<Account>>> {
    let mut question = First::default();
    for (at, group) in groups.iter().enumerate() {
        if let Some((organisation, slug)) = team(group) {
            question.team(at, organisation, slug, None);
        }
    }
    let asked = async {
        let repository = Repository::parse(repository)?;
        let answer = client.ask(&question.text(), &repository.variables()).await?;
        Ok::<_, Fault>((repository, answer))
    };
    let asked = asked.await;
    let mut found = BTreeMap::new();
    for (at, group) in groups.iter().enumerate() {
        let members = match (team(group), &asked) {
            (None, _) => Err(unread(group, "it is no team of GitHub")),
            (Some(_), Err(fault)) => Err(fault.clone()),
            (Some(named), Ok((repository, answer))) => of(client, repository, answer, at, named).await,
        };
        let fact = match members {
            Ok(members) => {
                let mut accounts = Accounts::default();
                Fact::Known(members.iter().map(|actor| accounts.actor(actor)).collect())
            }
            Err(fault) => fault.unavailable(),
        };
        found.insert(folded(group).into_owned(), fact);
    }
    found
}

async fn of(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    at: usize,
    (organisation, slug): (&str, &str),
) -> Result<Vec<Actor>, Fault> {
    let place = format!("g{at}");
    let mut page: Page<Actor> = answer.part(&[&place, "team", "members"])?;
    let mut members = Vec::new();
    for _ in 0..PAGES {
        for member in page.nodes.unwrap_or_default() {
            members.push(member.ok_or_else(|| unread("the team", "a member of it may not be seen"))?);
        }
        if !page.info.has_next_page {
            return match page.total_count {
                Some(count) if count != members.len() => {
                    Err(unread("the team", &format!("GitHub lists {} of {count} members", members.len())))
                }
                _ => Ok(members),
            };
        }
        let mut question = First::default();
        question.team(at, organisation, slug, page.info.end_cursor.as_deref());
        page = client.ask(&question.text(), &repository.variables()).await?.part(&[&place, "team", "members"])?;
    }
    Err(unread("the team", "it has more pages of members than are read"))
}
