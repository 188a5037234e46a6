//! What a decision is not looked at again for changes nothing: whatever it does not name among its events is taken away,
//! cannot be read any more, or comes from another world, and nothing holds or opens otherwise.

use countersign::model::facts::{Fact, Facts};
use countersign::model::release_decision::Event;

use super::chance::Chance;
use super::compare::{Case, over, told};
use super::core;
use super::worlds::{World, unread};

#[derive(Default)]
struct Found {
    judged: u64,
    broken: Option<String>,
}

/// The kinds of event whose facts stand apart from those of the others.
const KINDS: [Event; 6] =
    [Event::ChangeRecord, Event::Incident, Event::Deployment, Event::Cab, Event::Obligation, Event::Evidence];

fn happened(kind: Event, c: &mut Chance, facts: &mut Facts) {
    let gone = c.often(50);
    match kind {
        Event::ChangeRecord => facts.change_record = if gone { Fact::Absent } else { unread() },
        Event::Incident => facts.incidents = if gone { Fact::Absent } else { unread() },
        Event::Deployment => {
            facts.deployments = if gone { Fact::Absent } else { unread() };
            facts.teams.clear();
        }
        Event::Cab => {
            facts.cab = if gone { Fact::Absent } else { unread() };
            facts.standard_changes.clear();
        }
        Event::Obligation => facts.obligations = if gone { Fact::Absent } else { unread() },
        _ => facts.evidence.clear(),
    }
}

#[test]
fn what_is_not_named_changes_nothing() {
    let (found, _) = over(
        3_000,
        |_| {},
        |found: &mut Found, case: &Case<'_>| {
            if found.broken.is_some() {
                return;
            }
            let decision = core::decision(case.policy, &case.world);
            let before = core::answer(&decision);
            let mut c = Chance::new(case.seed ^ 0x5eed);
            for kind in KINDS.into_iter().filter(|kind| !decision.revisit.events.contains(kind)) {
                let mut facts = case.world.facts.clone();
                happened(kind, &mut c, &mut facts);
                let world = World { facts, now: case.world.now };
                let other = core::decision(case.policy, &world);
                let after = core::answer(&other);
                found.judged += 1;
                if (before.ruling, &before.holds) != (after.ruling, &after.holds) {
                    found.broken = Some(format!(
                        "{kind:?} changes it, and is not named\n{}\n{}\nthen\n{}",
                        told(case.seed, case.shape, &case.world),
                        core::told(&decision),
                        core::told(&other)
                    ));
                }
            }
        },
    );
    if let Some(broken) = found.iter().find_map(|one| one.broken.as_ref()) {
        panic!("{broken}");
    }
    let judged: u64 = found.iter().map(|one| one.judged).sum();
    assert!(judged > 500, "only {judged} were judged");
}
