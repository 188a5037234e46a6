//! The access review: who held which role by the policy and the facts of each repository's last decision of the period, and
//! when each of them acted last.

use std::collections::BTreeMap;

use super::kept::Documents;
use super::seen::{Decision, Seen};
use super::{Table, count, instant, micros, number};
use crate::model::audit::Cell;
use crate::model::facts::people::folded;
use crate::model::facts::{Fact, Facts, Member};
use crate::model::period::Period;
use crate::policy::Policy;
use crate::policy::rules::MemberRef;

const COLUMNS: &[&str] = &[
    "repository",
    "role",
    "may",
    "person",
    "accounts",
    "by",
    "joined_at",
    "active",
    "last_acted_at",
    "last_act",
    "acts_in_period",
    "decision_entry",
];

/// Somebody who holds a role.
struct Holder {
    person: Cell,
    accounts: Vec<String>,
    by: String,
    joined: Cell,
}

pub(super) fn table(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> Table {
    // Of each repository the last decision before the period's end.
    let mut last: BTreeMap<String, &Decision> = BTreeMap::new();
    for decision in seen.decisions.values().filter(|it| it.at < period.until) {
        last.insert(decision.repository.to_lowercase(), decision);
    }
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for decision in last.values() {
        let read = documents.policy(decision).and_then(|policy| Ok((policy, documents.facts(decision)?)));
        match read {
            Ok((policy, facts)) => rows.extend(of_repository(seen, decision, (&policy, &facts), period)),
            Err(why) => notes.push(format!("the roles of {} are not known: {why}", decision.repository)),
        }
    }
    let sums = vec![
        ("repositories with a decision before the period's end".to_owned(), count(last.len())),
        ("seats".to_owned(), count(rows.len())),
    ];
    notes.push(
        "a role's holders are those of the policy and the forge's groups as they were read for the last decision; a group \
         that no decision asked for was not read then"
            .to_owned(),
    );
    Table { columns: COLUMNS, rows, sums, notes }
}

fn of_repository(
    seen: &Seen,
    decision: &Decision,
    (policy, facts): (&Policy, &Facts),
    period: &Period,
) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for role in &policy.rules.roles {
        let mut holders: Vec<Holder> =
            role.members.iter().flat_map(|it| holders(it, decision, policy, facts)).collect();
        if holders.is_empty() {
            holders.push(Holder {
                person: Cell::None,
                accounts: Vec::new(),
                by: "nobody".to_owned(),
                joined: Cell::None,
            });
        }
        for holder in holders {
            let (last, what, often) = acted(seen, &holder.accounts, period);
            rows.push(vec![
                Cell::text(Some(&decision.repository)),
                Cell::text(Some(&role.name)),
                Cell::Text(if role.may_approve { "read, approve" } else { "read" }.to_owned()),
                holder.person,
                Cell::names(&holder.accounts),
                Cell::Text(holder.by),
                holder.joined,
                active(&holder.accounts, facts),
                last,
                what,
                often,
                number(decision.entry),
            ]);
        }
    }
    rows
}

/// Whoever a member of a role is.
fn holders(member: &MemberRef, decision: &Decision, policy: &Policy, facts: &Facts) -> Vec<Holder> {
    let own = |account: &str| {
        let mut people = policy.rules.people.iter();
        people.find(|it| it.accounts.iter().any(|own| folded(own) == folded(account)))
    };
    let of_account = |account: &str, by: String, joined: Cell| match own(account) {
        Some(person) => {
            Holder { person: Cell::text(Some(&person.name)), accounts: person.accounts.clone(), by, joined }
        }
        None => Holder {
            person: Cell::text(Some(account.split_once(':').map_or(account, |(_, login)| login))),
            accounts: vec![account.to_owned()],
            by,
            joined,
        },
    };
    match member {
        MemberRef::User(name) => match policy.rules.people.iter().find(|it| it.name == *name) {
            Some(person) => vec![Holder {
                person: Cell::text(Some(name)),
                accounts: person.accounts.clone(),
                by: format!("user:{name}"),
                joined: Cell::None,
            }],
            None => vec![of_account(&format!("{}:{name}", decision.forge), format!("user:{name}"), Cell::None)],
        },
        MemberRef::Account(account) => vec![of_account(account, account.clone(), Cell::None)],
        MemberRef::Group(group) => {
            let unknown = |why: String| {
                vec![Holder { person: Cell::Unknown(why), accounts: Vec::new(), by: group.clone(), joined: Cell::None }]
            };
            match facts.groups.get(&*folded(group)) {
                Some(Fact::Known(members)) => {
                    members.iter().map(|it| of_account(it.account.as_str(), group.clone(), joined(it))).collect()
                }
                Some(Fact::Absent) => unknown("there is no such group".to_owned()),
                Some(Fact::Unavailable(why)) => unknown(why.to_string()),
                None => unknown("the group was not read for that decision".to_owned()),
            }
        }
    }
}

fn joined(member: &Member) -> Cell {
    match &member.joined {
        Fact::Known(joined) => Cell::Text(instant(joined.at)),
        Fact::Absent => Cell::Text("before the release was asked for".to_owned()),
        Fact::Unavailable(why) => Cell::Unknown(why.to_string()),
    }
}

/// Whether somebody can still log in with any of his accounts.
fn active(accounts: &[String], facts: &Facts) -> Cell {
    let mut unknown = None;
    let mut known = None;
    for account in accounts {
        match facts.accounts.get(&*folded(account)).map(|it| &it.active) {
            Some(Fact::Known(active)) => known = Some(known.unwrap_or(false) || *active),
            Some(Fact::Unavailable(why)) => unknown = Some(why.to_string()),
            Some(Fact::Absent) | None => {}
        }
    }
    match (known, unknown) {
        (Some(true), _) => Cell::Text("yes".to_owned()),
        (_, Some(why)) => Cell::Unknown(why),
        (Some(false), None) => Cell::Text("no".to_owned()),
        (None, None) => Cell::Unknown("that decision did not look at the account".to_owned()),
    }
}

/// When somebody acted last before the period's end, how, and how often within it.
fn acted(seen: &Seen, accounts: &[String], period: &Period) -> (Cell, Cell, Cell) {
    if accounts.is_empty() {
        return (Cell::None, Cell::None, Cell::None);
    }
    let until = period.until.timestamp_micros();
    let own = |by: &str| accounts.iter().any(|account| folded(account) == folded(by));
    let all: Vec<_> = seen.acts.iter().filter(|it| it.done < until && own(&it.by)).collect();
    let within = all.iter().filter(|it| it.done >= period.from.timestamp_micros());
    // One act is in the log for each release that it is seen in.
    let within: std::collections::BTreeSet<&str> = within.map(|it| it.id.as_str()).collect();
    match all.iter().max_by_key(|it| it.done) {
        Some(last) => (micros(last.done), Cell::Text(last.kind.word().to_owned()), Cell::Number(count(within.len()))),
        None => (Cell::None, Cell::None, Cell::Number(0)),
    }
}
