//! What must be true of the core whatever the policy: over the same generated worlds, each changed in one thing.
//!
//! Two answers are compared by what holds: a change that only tightens leaves everything that held holding. Where it
//! makes another kind of release of it, another path is taken, of which nothing is said here.

use std::collections::BTreeSet;

use countersign::model::facts::{
    Account, AccountKind, Act, Change, Commit, Deed, Fact, Facts, Merge, Saw, Standing, Via,
};
use countersign::model::ground::Ground;
use countersign::model::release_decision::{ReleaseDecision, Ruling};

use super::chance::Chance;
use super::compare::{Case, only, over, told, wanted};
use super::core;
use super::judge::Answer;
use super::shape::{HERE, OATH, Shape};
use super::worlds::{ACCOUNTS, REPOSITORY, World, unread};

/// What came of one property over all worlds.
#[derive(Default)]
struct Found {
    judged: u64,
    /// How often the change made a difference: without any, nothing would be shown.
    told: u64,
    broken: Option<String>,
}

fn answer(case: &Case<'_>, world: &World) -> Answer {
    core::answer(&core::decision(case.policy, world))
}

fn chance(case: &Case<'_>, salt: u64) -> Chance {
    Chance::new(case.seed.wrapping_mul(0x9e6d_62d0_6f6a_9a9b) ^ salt)
}

/// Whether nothing that held is let go. Of another class, nothing is said; on other routes, that it does not open.
fn no_looser(before: &Answer, after: &Answer) -> bool {
    if before.class != after.class {
        return true;
    }
    if before.routes != after.routes {
        return before.ruling == Ruling::Proceed || after.ruling != Ruling::Proceed;
    }
    before.holds.is_subset(&after.holds)
}

/// Whoever contributed or cannot be read has his fallback asked, which opens what he held shut: that is what it is for.
/// Where that would blur what is shown, nobody has one.
fn without_fallbacks(shape: &mut Shape) {
    for role in &mut shape.roles {
        (role.fallback, role.after) = (None, None);
    }
}

/// The same, where an experiment leaves nothing to be tried again: a push, and what is not known of who had a hand in it, takes a
/// release off the path that went by itself, and on the one where people approve what was let in already is tried again without gates.
fn on_one_path(shape: &mut Shape) {
    without_fallbacks(shape);
    if shape.trial.is_some() {
        shape.retry = None;
    }
}

/// Who answers in time keeps his fallback from being asked, whatever his answer comes to.
fn who_answers_late_or_never(shape: &mut Shape) {
    for role in &mut shape.roles {
        role.after = None;
    }
}

/// As many times the usual number of worlds as are asked for beside the usual 20 000.
fn in_step(usual: u64) -> u64 {
    (usual * wanted(20_000)).div_ceil(20_000)
}

/// Over so many worlds, a change of each and what must be true of both answers; and of how many in a thousand, at least,
/// the answer has to become another one.
fn always(
    name: &str,
    (usual, least): (u64, u64),
    adapt: fn(&mut Shape),
    change: impl Fn(&mut Chance, &Case<'_>) -> Option<World> + Sync,
    holds: impl Fn(&Answer, &Answer) -> bool + Sync,
) {
    let salt = name.bytes().fold(0, |salt: u64, byte| salt.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let number = in_step(usual);
    let (found, _) = over(number, adapt, |found: &mut Found, case| {
        if found.broken.is_some() {
            return;
        }
        let Some(world) = change(&mut chance(case, salt), case) else { return };
        let (before, after) = (answer(case, &case.world), answer(case, &world));
        found.judged += 1;
        found.told += u64::from(before.holds != after.holds);
        if !holds(&before, &after) {
            found.broken = Some(broken(name, case, &before, &world, &after));
        }
    });
    conclude(name, number, least, &found);
}

fn broken(name: &str, case: &Case<'_>, before: &Answer, world: &World, after: &Answer) -> String {
    let of = |facts: &Facts| serde_json::to_string_pretty(facts).unwrap();
    let (old, new) = (of(&case.world.facts), of(&world.facts));
    let only_in = |one: &str, other: &str| {
        let other: BTreeSet<&str> = other.lines().collect();
        one.lines().filter(|line| !other.contains(line)).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    format!(
        "{name} is broken\n{}\n\nbefore {before:?}\nafter  {after:?}\ntaken:\n{}\nput:\n{}\n{}",
        told(case.seed, case.shape, &case.world),
        only_in(&old, &new),
        only_in(&new, &old),
        core::told(&core::decision(case.policy, world)),
    )
}

fn conclude(name: &str, number: u64, least: u64, found: &[Found]) {
    if let Some(broken) = found.iter().find_map(|one| one.broken.as_ref()) {
        panic!("{broken}");
    }
    let judged: u64 = found.iter().map(|one| one.judged).sum();
    let told: u64 = found.iter().map(|one| one.told).sum();
    eprintln!("{name}: {judged} worlds, {told} with another answer");
    if only().is_none() {
        assert!(judged * 3 >= number, "{name}: of {number} worlds only {judged} were judged");
        assert!(told * 1_000 >= judged * least, "{name}: of {judged} worlds only {told} had another answer");
    }
}

/// A world with other facts; none where nothing became another.
fn world(case: &Case<'_>, change: impl FnOnce(&mut Facts)) -> Option<World> {
    let mut world = case.world.clone();
    change(&mut world.facts);
    (world.facts != case.world.facts).then_some(world)
}

fn entries<T>(fact: &mut Fact<Vec<T>>) -> &mut [T] {
    if let Fact::Known(list) = fact { list } else { &mut [] }
}

fn mix<T>(c: &mut Chance, fact: &mut Fact<Vec<T>>) {
    c.shuffle(entries(fact));
}

/// What was gathered, in another order.
fn gathered(c: &mut Chance, facts: &mut Facts) {
    mix(c, &mut facts.acts);
    mix(c, &mut facts.incidents);
    mix(c, &mut facts.obligations);
    mix(c, &mut facts.deployments);
    mix(c, &mut facts.cab);
    mix(c, &mut facts.meetings);
    facts.groups.values_mut().for_each(|members| mix(c, members));
    for act in entries(&mut facts.acts) {
        c.shuffle(&mut act.saw.artifacts);
    }
    for decision in entries(&mut facts.cab) {
        mix(c, &mut decision.attendees);
    }
    for history in facts.teams.values_mut() {
        if let Fact::Known(history) = history {
            c.shuffle(&mut history.deployments);
        }
    }
}

/// What is released, in another order: in that order it is spoken of.
fn released(c: &mut Chance, facts: &mut Facts) {
    mix(c, &mut facts.release.changes);
    mix(c, &mut facts.release.running);
    for change in entries(&mut facts.release.changes) {
        mix(c, &mut change.files);
        mix(c, &mut change.commits);
        for commit in entries(&mut change.commits) {
            mix(c, &mut commit.co_authors);
        }
    }
    for released in facts.release.components.values_mut() {
        mix(c, &mut released.artifacts);
    }
}

#[test]
fn the_order_of_facts_is_irrelevant() {
    let shuffled = |c: &mut Chance, case: &Case<'_>| {
        world(case, |facts| {
            gathered(c, facts);
            released(c, facts);
        })
    };
    always("the order of facts is irrelevant", (2_000, 0), |_| {}, shuffled, |before, after| before == after);
}

#[test]
fn the_order_of_facts_tells_nothing() {
    let number = in_step(2_000);
    let (found, _) = over(
        number,
        |_| {},
        |found: &mut Found, case| {
            let mixed = |facts: &mut Facts| {
                gathered(&mut chance(case, 27), facts);
                mix(&mut chance(case, 28), &mut facts.release.changes);
                for change in entries(&mut facts.release.changes) {
                    mix(&mut chance(case, 29), &mut change.commits);
                }
                // As a document, which is what is read.
                *facts = serde_json::from_value(serde_json::to_value(&*facts).unwrap()).unwrap();
            };
            let Some(world) = world(case, mixed) else { return };
            let (before, after) = (core::decision(case.policy, &case.world), core::decision(case.policy, &world));
            found.judged += 1;
            if found.broken.is_none() && before != after {
                let tell = |it| serde_json::to_string_pretty(it).unwrap();
                let (before, after) = (tell(&before), tell(&after));
                let apart = before.lines().zip(after.lines()).filter(|(one, other)| one != other).take(6);
                found.broken = Some(format!("seed {}\n{:#?}", case.seed, apart.collect::<Vec<_>>()));
            }
        },
    );
    conclude("the order of facts tells nothing", number, 0, &found);
}

/// Whether what goes was let in already, and goes again.
fn retries(case: &Case<'_>) -> bool {
    let mut retried = false;
    core::decision(case.policy, &case.world).tree.walk(&mut |node| retried |= node.code == Ground::Retry);
    retried
}

#[test]
fn taking_evidence_away_opens_nothing() {
    let less = |c: &mut Chance, case: &Case<'_>| {
        // A retry asks for no evidence again, so there it can only speak against the release.
        let retried = retries(case);
        // A gate that was shown as waiting has not worsened when the evidence against it is gone; it waits again.
        let shown = case.world.facts.acts.entries().iter().any(|act| !act.saw.gates.is_empty());
        world(case, |facts| match c.below(4) {
            0..=2 if retried || shown => {}
            0 => facts.evidence.clear(),
            1 => {
                if let Some(evidence) = facts.evidence.get_mut("coverage").filter(|it| it.known().is_some()) {
                    *evidence = if c.often(50) { Fact::Absent } else { unread() };
                }
            }
            2 => {
                if let Some(Fact::Known(evidence)) = facts.evidence.get_mut("coverage") {
                    evidence.measures.clear();
                }
            }
            _ => facts.cab = Fact::Absent,
        })
    };
    always("taking evidence away opens nothing", (2_000, 10), |_| {}, less, no_looser);
}

/// A commit of a change, which somebody wrote by himself.
fn commit(by: &Account, sha: &str) -> Commit {
    Commit {
        sha: sha.to_owned(),
        author: Fact::Known(by.clone()),
        committer: Fact::Known(by.clone()),
        co_authors: Fact::Absent,
        pushed_by: Fact::Known(by.clone()),
        on_behalf_of: Fact::Absent,
        merge: Fact::<Merge>::Absent,
    }
}

/// Somebody: mostly one of those who did something.
fn somebody(c: &mut Chance, facts: &Facts) -> Account {
    let acts = facts.acts.entries();
    if acts.is_empty() || c.often(20) { Account::from(c.of(&ACCOUNTS[..10])) } else { c.of(acts).by }
}

/// One of the changes, with its commits.
fn a_change<'f>(c: &mut Chance, facts: &'f mut Facts) -> Option<&'f mut Change> {
    let changes = entries(&mut facts.release.changes);
    if changes.is_empty() {
        return None;
    }
    let at = c.below(changes.len());
    changes.get_mut(at)
}

/// The same with somebody named beside the author of a commit.
fn joined(c: &mut Chance, case: &Case<'_>) -> Option<World> {
    world(case, |facts| {
        let by = somebody(c, facts);
        let Some(change) = a_change(c, facts) else { return };
        let commits = entries(&mut change.commits);
        if commits.is_empty() {
            return;
        }
        let at = c.below(commits.len());
        match &mut commits[at].co_authors {
            Fact::Known(others) => others.push(by),
            Fact::Absent => commits[at].co_authors = Fact::Known(vec![by]),
            Fact::Unavailable(_) => {}
        }
    })
}

/// What is said of roles that stand in for others.
fn standing_in(decision: &ReleaseDecision) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    decision.tree.walk(&mut |node| {
        if node.code == Ground::Fallback {
            said.insert(node.says.clone());
        }
    });
    said
}

#[test]
fn one_more_contributor_opens_only_where_it_has_a_fallback_asked() {
    let number = in_step(4_000);
    let (found, _) = over(
        number,
        |_| {},
        |found: &mut Found, case| {
            let Some(world) = joined(&mut chance(case, 0x000f_a11b), case).filter(|_| found.broken.is_none()) else {
                return;
            };
            let (before, after) = (core::decision(case.policy, &case.world), core::decision(case.policy, &world));
            let (first, second) = (core::answer(&before), core::answer(&after));
            found.judged += 1;
            found.told += u64::from(first.holds != second.holds);
            if !no_looser(&first, &second) && standing_in(&after).is_subset(&standing_in(&before)) {
                found.broken = Some(broken("a fallback is asked", case, &first, &world, &second));
            }
        },
    );
    conclude("one more contributor opens only where it has a fallback asked", number, 10, &found);
}

#[test]
fn one_more_contributor_opens_nothing() {
    always("one more contributor opens nothing", (2_000, 10), without_fallbacks, joined, no_looser);
}

#[test]
fn a_push_opens_nothing() {
    let pushed = |c: &mut Chance, case: &Case<'_>| {
        world(case, |facts| {
            let by = somebody(c, facts);
            let people: BTreeSet<Account> = facts
                .accounts
                .iter()
                .filter(|(_, known)| known.kind == Fact::Known(AccountKind::Person))
                .map(|(account, _)| account.clone())
                .collect();
            let Some(change) = a_change(c, facts) else { return };
            // A commit of somebody's own would make a bot's change one that a human being had a hand in.
            if let Fact::Known(commits) = &mut change.commits
                && commits.iter().any(|it| it.author.known().is_some_and(|author| people.contains(author)))
            {
                commits.push(commit(&by, "77abcdef"));
                change.content = "content-pushed".to_owned();
            }
        })
    };
    // Who approved all of it with something that does not go approved nothing. Once something is pushed to a part of it he
    // approved the rest, which may be enough for that; then it is the part that holds.
    let holds = |before: &Answer, after: &Answer| {
        let mut rest = before.clone();
        if after.ruling != Ruling::Proceed {
            rest.holds.remove("approvals");
        }
        no_looser(&rest, after)
    };
    always("a push opens nothing", (2_000, 10), on_one_path, pushed, holds);
}

#[test]
fn a_revocation_opens_nothing() {
    let revoked = |c: &mut Chance, case: &Case<'_>| {
        let now = case.world.now;
        world(case, |facts| {
            let Fact::Known(acts) = &mut facts.acts else { return };
            // An edited act is anybody's, a dismissed one is gone: neither is revoked by becoming the other.
            let binding = |act: &Act| {
                act.standing == Standing::Stands
                    && !matches!(act.does, Deed::Withdraw { .. } | Deed::Away { .. } | Deed::Comment {})
            };
            let which: Vec<usize> = (0..acts.len()).filter(|at| binding(&acts[*at])).collect();
            if which.is_empty() {
                return;
            }
            let at = c.of(&which);
            // Only a rejection's own withdrawal lifts it: nobody else's doing, and not that he is gone.
            let rejection = acts[at].does == Deed::Reject {};
            match c.below(3) {
                0 => acts[at].standing = c.of(&[Standing::Edited, Standing::Dismissed]),
                1 => {
                    let known = facts.accounts.get_mut(&acts[at].by);
                    if let Some(known) = known.filter(|known| known.active == Fact::Known(true)) {
                        known.active = Fact::Known(false);
                    }
                }
                _ if rejection => {}
                _ => {
                    let (of, by) = (acts[at].id.clone(), acts[at].by.clone());
                    let withdrawal = approval(&by, "act-over", now);
                    acts.push(Act { does: Deed::Withdraw { of }, ..withdrawal });
                }
            }
        })
    };
    always("a revocation opens nothing", (4_000, 10), without_fallbacks, revoked, no_looser);
}

/// Somebody's approval, of nothing yet.
fn approval(by: &Account, id: &str, at: chrono::DateTime<chrono::Utc>) -> Act {
    Act {
        id: id.to_owned(),
        at,
        by: by.clone(),
        impersonated_by: Fact::Absent,
        via: Via::Environment,
        does: Deed::Approve { role: None, accepts: Some(OATH.to_owned()) },
        reason: None,
        saw: Saw::default(),
        standing: Standing::Stands,
        held: Vec::new(),
    }
}

#[test]
fn one_more_approval_closes_nothing() {
    let approved = |c: &mut Chance, case: &Case<'_>| {
        let facts = &case.world.facts;
        let by = Account::from(c.of(&ACCOUNTS[2..10]));
        let back = chrono::Duration::minutes(30 * c.between(0, 40));
        let mut act = approval(&by, "act-more", facts.release.submitted_at.max(case.world.now - back));
        act.reason = c.maybe(60, |_| "because the graph says so".to_owned());
        act.saw.environment = Some(HERE.to_owned());
        act.saw.repository = Some(REPOSITORY.to_owned());
        for change in facts.release.changes.entries() {
            act.saw.changes.insert(change.id.clone(), change.content.clone());
        }
        for (name, released) in &facts.release.components {
            if let Fact::Known(content) = &released.content {
                act.saw.components.insert(name.clone(), content.clone());
            }
            act.saw.artifacts.extend(released.artifacts.entries().iter().cloned());
        }
        let parts = facts.release.package.known().into_iter().flat_map(|package| &package.parts);
        act.saw.parts.extend(parts.filter_map(|(name, it)| Some((name.clone(), it.known()?.content.clone()))));
        act.saw.record = facts.change_record.known().map(|record| record.id.clone());
        let more = world(case, |facts| {
            if let Fact::Known(acts) = &mut facts.acts {
                acts.push(act);
            }
        })?;
        // Where it is what lets a release go by itself, that takes another path than the one that people let it go on.
        let by_itself = |world: &World| {
            let mut found = false;
            core::decision(case.policy, world).tree.walk(&mut |node| found |= node.code == Ground::ApprovalNotNeeded);
            found
        };
        (by_itself(&case.world) == by_itself(&more)).then_some(more)
    };
    always("one more approval closes nothing", (6_000, 10), who_answers_late_or_never, approved, |before, after| {
        no_looser(after, before)
    });
}

/// Where a value stands in a document.
type Way = Vec<String>;

/// Every value of the facts that may be unavailable, where it stands.
fn ways(value: &serde_json::Value, so_far: &mut Way, all: &mut Vec<Way>) {
    all.push(so_far.clone());
    let mut below = |key: String, value: &serde_json::Value| {
        so_far.push(key);
        ways(value, so_far, all);
        so_far.pop();
    };
    match value {
        serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key.clone(), value)),
        serde_json::Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| below(at.to_string(), value)),
        _ => {}
    }
}

/// The facts with another value in one place, where there can be such a one.
fn with(facts: &serde_json::Value, way: &Way, value: serde_json::Value) -> Option<Facts> {
    let mut document = facts.clone();
    *document
        .pointer_mut(&format!("/{}", way.iter().map(|key| key.replace('/', "~1")).collect::<Vec<_>>().join("/")))? =
        value;
    serde_json::from_value(document).ok()
}

#[test]
fn what_is_unavailable_opens_nothing() {
    let number = in_step(1_000);
    let name = "what is unavailable opens nothing";
    let (found, _) = over(number, on_one_path, |found: &mut Found, case| {
        let mut c = chance(case, 0x000f_00d5);
        let before = answer(case, &case.world);
        // Where several subjects hold, one of them that slips does not open.
        if found.broken.is_some() || before.holds.len() > 1 && !c.often(10) {
            found.judged += 1;
            return;
        }
        found.judged += 1;
        let facts = serde_json::to_value(&case.world.facts).unwrap();
        let mut all = Vec::new();
        ways(&facts, &mut Vec::new(), &mut all);
        c.shuffle(&mut all);
        // What a grant is for is told by the grant alone: one that cannot be read is none, and neither opens nor holds.
        all.retain(|way| !way.iter().any(|key| key == "break_glass"));
        // A retry asks for no evidence again: what is there can only speak against the release.
        if retries(case) {
            all.retain(|way| way.first().is_none_or(|key| key != "evidence"));
        }
        let unavailable = serde_json::json!({ "unavailable": "the directory did not answer" });
        let mut tried = 0;
        for way in all {
            let Some(unknown) = with(&facts, &way, unavailable.clone()) else { continue };
            // What is never absent is no value that may be unavailable, but a table in which that word is a name.
            let Some(absent) = with(&facts, &way, serde_json::Value::Null) else { continue };
            tried += 1;
            if tried > 25 {
                break;
            }
            let now = case.world.now;
            let unknown = World { facts: unknown, now };
            let after = answer(case, &unknown);
            if after.ruling != Ruling::Proceed {
                found.told += u64::from(before.ruling == Ruling::Proceed);
                continue;
            }
            let absent = answer(case, &World { facts: absent, now });
            for other in [&before, &absent] {
                if other.class == after.class && other.ruling != Ruling::Proceed {
                    let what = format!("{name}, of {}", way.join("/"));
                    found.broken = Some(broken(&what, case, other, &unknown, &after));
                }
            }
        }
    });
    conclude(name, number, 100, &found);
}
