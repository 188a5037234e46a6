//! Every small world of a kind, judged twice: four people, three roles, at most six events.
//!
//! The policy has one component, whose `owner` is accountable for it, one person of `sec` beside it, and `chief`, whose
//! word is final an hour after the release was asked for. There is one change, by somebody else. Each of the four people
//! holds some of the roles and does one of a few things, in two rounds: half an hour after the submission, before anybody
//! else is asked, and an hour and a half after it. A push makes other content of the change, comes before what is approved
//! in its round, and makes a contributor of him who pushes. What people are called does not matter, so that a world is
//! four such people in no order:
//!
//! | | roles of a person | what he does | policies | worlds |
//! | --- | --- | --- | --- | --- |
//! | always | none, or one of the three | [`SOME`]: 6 things | 1 | 15 780 |
//! | when asked for | any of the three | [`ALL`]: 10 things | 4 | 4 × 1 117 320 |
//!
//! The latter is `cargo test --release --test it second::exhaustive -- --ignored`. The four policies are those with and without `distinct_people`, and with separation by release and by change.

use std::collections::BTreeMap;

use countersign::model::facts::{
    Account, AccountFacts, AccountKind, Act, Change, Commit, Deed, Fact, Facts, GateEvidence, Member as GroupMember,
    Merge, Reference, Release, Released, Saw, Standing, Via,
};
use countersign::model::measures::Measure;
use countersign::model::release_decision::Ruling;
use countersign::policy::Policy;

use super::compare::{apart, told};
use super::core;
use super::judge::judge;
use super::render;
use super::shape::{EscalationShape, HERE, Len, RouteShape, Row, Shape};
use super::worlds::{REPOSITORY, World, at};

const PEOPLE: [&str; 4] = ["github:ana", "github:bo", "github:cy", "github:dee"];
const ROLES: [&str; 3] = ["owner", "security", "chief"];
/// Tuesday 9 June 2026, 10:00 UTC.
const SUBMITTED: i64 = 1_780_999_200;
const CHANGE: &str = "acme/shop#0";
const MOST: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Approve,
    Reject,
    Push,
    Withdraw,
}
use Event::{Approve, Push, Reject, Withdraw};

/// What somebody does, one thing in each round.
const ALL: [&[Event]; 10] = [
    &[],
    &[Approve],
    &[Reject],
    &[Push],
    &[Approve, Withdraw],
    &[Push, Approve],
    &[Approve, Push],
    &[Approve, Reject],
    &[Reject, Approve],
    &[Reject, Withdraw],
];
const SOME: usize = 6;

/// A person: the roles as bits, and what he does.
type Part = (usize, &'static [Event]);

/// Everybody that there can be.
fn parts(role_sets: &[usize], doings: &[&'static [Event]]) -> Vec<Part> {
    role_sets.iter().flat_map(|roles| doings.iter().map(move |does| (*roles, *does))).collect()
}

/// All ways to choose four people in no order, with no more events than six.
fn each(parts: &[Part], look: &mut impl FnMut(&[Part; 4])) {
    for (at, a) in parts.iter().enumerate() {
        for (bt, b) in parts.iter().enumerate().skip(at) {
            for (ct, c) in parts.iter().enumerate().skip(bt) {
                for d in &parts[ct..] {
                    if a.1.len() + b.1.len() + c.1.len() + d.1.len() <= MOST {
                        look(&[*a, *b, *c, *d]);
                    }
                }
            }
        }
    }
}

fn policy(distinct: bool, per_change: bool) -> (Shape, Policy) {
    let mut shape = Shape::plain();
    (shape.distinct, shape.per_change) = (distinct, per_change);
    shape.raci = vec![Row {
        on: None,
        when: None,
        accountable: Some("owner"),
        responsible: None,
        consulted: None,
        representation: vec!["security"],
    }];
    shape.routes = vec![RouteShape {
        approvals: vec![("accountable", 1)],
        escalate: Some(EscalationShape { after: Len::Minutes(60), to: vec!["chief"], last: Some("chief") }),
        ..RouteShape::plain("normal")
    }];
    let policy = core::read(&render::yaml(&shape)).unwrap();
    (shape, policy)
}

fn act(id: usize, round: usize, by: &str, does: Deed, content: &str) -> Act {
    Act {
        id: format!("act-{id}"),
        at: at(SUBMITTED + if round == 0 { 1_800 } else { 5_400 }),
        by: Account::from(by),
        impersonated_by: Fact::Absent,
        via: Via::Environment,
        does,
        reason: Some("because the graph says so".to_owned()),
        saw: Saw {
            environment: Some(HERE.to_owned()),
            repository: Some(REPOSITORY.to_owned()),
            changes: BTreeMap::from([(CHANGE.to_owned(), content.to_owned())]),
            components: BTreeMap::from([("pay".to_owned(), "pay-new".to_owned())]),
            ..Saw::default()
        },
        standing: Standing::Stands,
        held: Vec::new(),
    }
}

fn commit(by: &str, number: usize) -> Commit {
    let by = || Fact::Known(Account::from(by));
    Commit {
        sha: format!("{number:02}abcdef"),
        author: by(),
        committer: by(),
        co_authors: Fact::Absent,
        pushed_by: by(),
        on_behalf_of: Fact::Absent,
        merge: Fact::<Merge>::Absent,
    }
}

/// What four people did, and what came of the change.
fn events(parts: &[Part; 4]) -> (Vec<Act>, Change) {
    let (mut acts, mut commits) = (Vec::new(), vec![commit("github:fay", 0)]);
    for round in 0..2 {
        let doing = || {
            let each = PEOPLE.iter().zip(parts).enumerate();
            each.filter_map(move |(at, (who, (_, does)))| Some((at, *who, *does.get(round)?)))
        };
        for (_, who, _) in doing().filter(|(_, _, event)| *event == Push) {
            commits.push(commit(who, commits.len()));
        }
        let content = format!("content-{}", commits.len());
        for (at, who, event) in doing() {
            let does = match event {
                Approve => Deed::Approve { role: None, accepts: None },
                Reject => Deed::Reject {},
                Withdraw => Deed::Withdraw { of: format!("act-{at}") },
                Push => continue,
            };
            acts.push(act(at + 4 * round, round, who, does, &content));
        }
    }
    let change = Change {
        id: CHANGE.to_owned(),
        content: format!("content-{}", commits.len()),
        direct: false,
        files: Fact::Known(vec!["pay/src/a.rs".to_owned()]),
        lines: Fact::Known(3),
        commits: Fact::Known(commits),
        landed: Fact::Absent,
        title: Fact::Absent,
        labels: Fact::Absent,
        issues: Fact::Absent,
    };
    (acts, change)
}

fn world(parts: &[Part; 4]) -> World {
    let (acts, change) = events(parts);
    let holders = |role: usize| {
        let members = PEOPLE.iter().zip(parts).filter(|(_, (roles, _))| roles & (1 << role) != 0);
        members.map(|(who, _)| GroupMember { account: Account::from(*who), joined: Fact::Absent }).collect()
    };
    let person =
        || AccountFacts { kind: Fact::Known(AccountKind::Person), active: Fact::Known(true), person: Fact::Absent };
    let facts = Facts {
        version: 1,
        release: Release {
            name: "shop 2.4".to_owned(),
            forge: "github".to_owned(),
            repository: REPOSITORY.to_owned(),
            environment: HERE.to_owned(),
            reference: Fact::Known(Reference {
                name: "refs/heads/main".to_owned(),
                reaches: Fact::Known(true),
                on_default: Fact::Known(true),
                resolves_to: Fact::Absent,
            }),
            commit: "c0ffee00".to_owned(),
            submitted_at: at(SUBMITTED),
            asked_since: None,
            trigger: Fact::Absent,
            deployed_by: Fact::Absent,
            components: BTreeMap::from([(
                "pay".to_owned(),
                Released { content: Fact::Known("pay-new".to_owned()), artifacts: Fact::Absent },
            )]),
            changes: Fact::Known(vec![change]),
            new_vendors: Fact::Absent,
            vendors_before: Fact::Absent,
            running: Fact::Absent,
            released: Fact::Absent,
            irreversible: Fact::Absent,
            documented: Fact::Known(true),
            outcome: Fact::Absent,
            package: Fact::Absent,
            break_glass: Fact::Absent,
            bypassed_by: Fact::Absent,
        },
        accounts: PEOPLE.iter().chain(&["github:fay"]).map(|who| (Account::from(*who), person())).collect(),
        groups: ROLES
            .iter()
            .enumerate()
            .map(|(at, role)| (format!("github:@acme/{role}"), Fact::Known(holders(at))))
            .collect(),
        acts: Fact::Known(acts),
        evidence: BTreeMap::from([("coverage".to_owned(), Fact::Known(evidence()))]),
        change_record: Fact::Absent,
        incidents: Fact::Absent,
        teams: BTreeMap::new(),
        obligations: Fact::Absent,
        deployments: Fact::Absent,
        standard_changes: BTreeMap::new(),
        cab: Fact::Absent,
        meetings: Fact::Absent,
        experiments: BTreeMap::new(),
    };
    World { facts, now: at(SUBMITTED + 7_200) }
}

fn evidence() -> GateEvidence {
    GateEvidence {
        digests: vec!["e1".to_owned()],
        measures: BTreeMap::from([("coverage.lines".to_owned(), Measure::Number(0.9))]),
        baseline: Fact::Absent,
        made_at: Fact::Known(at(SUBMITTED)),
        ..GateEvidence::default()
    }
}

#[derive(Debug, Default)]
struct Tally {
    worlds: u64,
    proceed: u64,
    reject: u64,
}

fn judged(role_sets: &[usize], doings: &[&'static [Event]], distinct: bool, per_change: bool) -> Tally {
    let (shape, policy) = policy(distinct, per_change);
    let mut tally = Tally::default();
    each(&parts(role_sets, doings), &mut |parts| {
        let world = world(parts);
        let decision = core::decision(&policy, &world);
        tally.worlds += 1;
        tally.proceed += u64::from(decision.decision == Ruling::Proceed);
        tally.reject += u64::from(decision.decision == Ruling::Reject);
        let second = judge(&shape, &world.facts, world.now.timestamp());
        if let Some((first, second)) = apart(&shape, &world, core::answer(&decision), second) {
            let reasons = core::told(&decision);
            let world = told(0, &shape, &world);
            panic!("{parts:?}\n{world}\ncore   {first:?}\nsecond {second:?}\n{reasons}");
        }
    });
    eprintln!("distinct {distinct}, per change {per_change}: {tally:?}");
    tally
}

#[test]
fn every_small_world_is_judged_the_same() {
    let tally = judged(&[0, 1, 2, 4], &ALL[..SOME], true, false);
    assert_eq!(tally.worlds, 15_780);
    assert!(tally.proceed > 400 && tally.reject > 400, "{tally:?}");
}

#[test]
#[ignore = "4.5 million worlds: some minutes in a release build; CONTRIBUTING.md says how"]
fn every_small_world_of_all_four_policies_is_judged_the_same() {
    for (distinct, per_change) in [(true, false), (true, true), (false, false), (false, true)] {
        let tally = judged(&[0, 1, 2, 3, 4, 5, 6, 7], &ALL, distinct, per_change);
        assert_eq!(tally.worlds, 1_117_320);
    }
}
