//! Both evaluators on the same worlds, and the smallest world on which they differ.

use countersign::model::facts::Fact;
use countersign::policy::Policy;

use super::chance::Chance;
use super::core;
use super::judge::{Answer, judge};
use super::render;
use super::shape::{DAYS, Shape};
use super::worlds::{self, World};

/// Worlds under one policy.
pub const EACH: u64 = 40;

/// How many worlds are asked for.
pub fn wanted(usual: u64) -> u64 {
    std::env::var("SECOND_WORLDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A policy by its seed, with the day around which its worlds are; `None` where the core refuses it.
pub fn policy(seed: u64) -> (Shape, i64, Result<Policy, String>) {
    let mut c = Chance::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x5ec0_4d);
    let day = c.of(&DAYS);
    let shape = Shape::any(&mut c, day);
    let read = core::read(&render::yaml(&shape));
    (shape, day, read)
}

/// One of the worlds under a policy.
pub fn world(shape: &Shape, day: i64, seed: u64) -> World {
    worlds::any(&mut Chance::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x0f_ac75), shape, day)
}

/// Both answers where they differ.
fn differ(shape: &Shape, policy: &Policy, world: &World) -> Option<(Answer, Answer)> {
    let decision = core::decision(policy, world);
    let mut first = core::answer(&decision, &world.facts);
    let second = judge(shape, &world.facts, world.now.timestamp());
    // A final word does not say how many it takes the place of.
    for (role, (total, met)) in &mut first.roles {
        if *total == 0 && *met {
            *total = second.roles.get(role).map_or(0, |(total, _)| *total);
        }
    }
    (first != second).then_some((first, second))
}

/// Leaves out what does not matter for the difference.
fn shrink(shape: &Shape, policy: &Policy, world: &World) -> World {
    let mut least = world.clone();
    let still = |world: &World| differ(shape, policy, world).is_some();
    loop {
        let mut smaller: Vec<World> = Vec::new();
        if let Fact::Known(acts) = &least.facts.acts {
            for at in 0..acts.len() {
                let mut fewer = acts.clone();
                fewer.remove(at);
                let mut world = least.clone();
                world.facts.acts = Fact::Known(fewer);
                smaller.push(world);
            }
        }
        if let Fact::Known(changes) = &least.facts.release.changes {
            for at in 0..changes.len() {
                let mut fewer = changes.clone();
                fewer.remove(at);
                let mut world = least.clone();
                world.facts.release.changes = Fact::Known(fewer);
                smaller.push(world);
            }
        }
        let mut plain: Vec<fn(&mut World)> = vec![
            |it| it.facts.incidents = Fact::Absent,
            |it| it.facts.obligations = Fact::Absent,
            |it| it.facts.cab = Fact::Absent,
            |it| it.facts.change_record = Fact::Absent,
            |it| it.facts.deployments = Fact::Absent,
            |it| it.facts.teams.clear(),
            |it| it.facts.standard_changes.clear(),
            |it| it.facts.groups.clear(),
            |it| it.facts.release.package = Fact::Absent,
            |it| it.facts.release.break_glass = Fact::Absent,
            |it| it.facts.release.running = Fact::Absent,
            |it| it.facts.release.irreversible = Fact::Absent,
        ];
        for make in plain.drain(..) {
            let mut world = least.clone();
            make(&mut world);
            if world.facts != least.facts {
                smaller.push(world);
            }
        }
        match smaller.into_iter().find(|world| still(world)) {
            Some(world) => least = world,
            None => return least,
        }
    }
}

fn report(seed: u64, shape: &Shape, policy: &Policy, world: &World) -> String {
    let least = shrink(shape, policy, world);
    let (first, second) = differ(shape, policy, &least).unwrap();
    let decision = core::decision(policy, &least);
    let mut held = Vec::new();
    decision.tree.walk(&mut |node| {
        held.push(format!("  {:?} {}: {}", node.status, node.code.code(), node.says));
    });
    format!(
        "seed {seed}\n{}\nnow {}\n{}\ncore   {first:?}\nsecond {second:?}\n{}\n{}",
        render::yaml(shape),
        least.now,
        serde_json::to_string_pretty(&least.facts).unwrap(),
        decision.summary,
        held.join("\n"),
    )
}

/// Worlds in turn, and what came of them.
fn run(from: u64, number: u64, most: usize) -> (u64, u64, Vec<String>) {
    let (mut judged, mut refused) = (0, 0);
    let mut reports = Vec::new();
    let only: Option<u64> = std::env::var("SECOND_SEED").ok().and_then(|text| text.parse().ok());
    let (from, number) = only.map_or((from, number), |seed| (seed, 1));
    let mut seed = from;
    while seed < from + number {
        let (shape, day, policy) = policy(seed / EACH);
        let end = if only.is_some() { seed + 1 } else { ((seed / EACH + 1) * EACH).min(from + number) };
        match policy {
            Ok(policy) => {
                for seed in seed..end {
                    let world = world(&shape, day, seed);
                    judged += 1;
                    if differ(&shape, &policy, &world).is_some() && reports.len() < most {
                        reports.push(report(seed, &shape, &policy, &world));
                    }
                }
            }
            Err(why) => {
                refused += 1;
                if std::env::var("SECOND_REFUSED").is_ok() {
                    eprintln!("refused {}: {why}", seed / EACH);
                }
            }
        }
        seed = end;
    }
    (judged, refused, reports)
}

#[test]
fn both_evaluators_agree() {
    let number = wanted(20_000);
    let threads = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap();
    let each = number.div_ceil(threads).next_multiple_of(EACH);
    let most: usize = std::env::var("SECOND_REPORTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let found: Vec<(u64, u64, Vec<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|at| scope.spawn(move || run(at * each, each, most))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let judged: u64 = found.iter().map(|(judged, ..)| judged).sum();
    let refused: u64 = found.iter().map(|(_, refused, _)| refused).sum();
    eprintln!("{judged} worlds judged twice; {refused} policies refused");
    let reports: Vec<String> = found.into_iter().flat_map(|(.., reports)| reports).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}
