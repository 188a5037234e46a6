//! Both evaluators on the same worlds, and the smallest world on which they differ.

use std::collections::BTreeMap;

use countersign::model::facts::Fact;
use countersign::model::release_decision::Ruling;
use countersign::policy::Policy;

use super::chance::Chance;
use super::core;
use super::judge::{Answer, judge};
use super::render;
use super::shape::{DAYS, HERE, Shape};
use super::worlds::{self, World};

/// Worlds under one policy.
const EACH: u64 = 40;

/// One world under its policy.
pub struct Case<'a> {
    pub seed: u64,
    pub shape: &'a Shape,
    pub policy: &'a Policy,
    pub world: World,
}

/// How many worlds are asked for.
pub fn wanted(usual: u64) -> u64 {
    asked("SECOND_WORLDS").unwrap_or(usual)
}

fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// The one world that is asked for, if only one is.
pub fn only() -> Option<u64> {
    asked("SECOND_SEED")
}

/// Looks at so many worlds, in as many threads as help, each with what it found itself. Policies that the core refuses,
/// such as those that nobody could ever satisfy, have none: how many they are is told too.
pub fn over<T: Default + Send>(
    number: u64,
    adapt: fn(&mut Shape),
    look: impl Fn(&mut T, &Case<'_>) + Sync,
) -> (Vec<T>, u64) {
    let from = only().or_else(|| asked("SECOND_FROM")).unwrap_or(0);
    let number = if only().is_some() { 1 } else { number };
    let threads = if only().is_some() { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) as u64 };
    let each = number.div_ceil(threads);
    let (look, end) = (&look, from + number);
    let found: Vec<(T, u64)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|at| scope.spawn(move || run(from + at * each, end.min(from + (at + 1) * each), adapt, look)))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let refused = found.iter().map(|(_, refused)| refused).sum();
    (found.into_iter().map(|(tally, _)| tally).collect(), refused)
}

/// Worlds in turn.
fn run<T: Default>(from: u64, end: u64, adapt: fn(&mut Shape), look: &impl Fn(&mut T, &Case<'_>)) -> (T, u64) {
    let (mut found, mut refused) = (T::default(), 0);
    let mut seed = from;
    while seed < end {
        let (shape, day, policy) = policy(seed / EACH, adapt);
        let next = ((seed / EACH + 1) * EACH).min(end);
        match policy {
            Ok(policy) => {
                for seed in seed..next {
                    let world = world(&shape, day, seed);
                    look(&mut found, &Case { seed, shape: &shape, policy: &policy, world });
                }
            }
            Err(why) => {
                refused += 1;
                if std::env::var("SECOND_REFUSED").is_ok() {
                    eprintln!("refused {}: {why}", seed / EACH);
                }
            }
        }
        seed = next;
    }
    (found, refused)
}

/// A policy by its seed, with the day around which its worlds are; not one that the core refuses.
fn policy(seed: u64, adapt: fn(&mut Shape)) -> (Shape, i64, Result<Policy, String>) {
    let mut c = Chance::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x005e_c04d);
    let day = c.of(&DAYS);
    let mut shape = Shape::any(&mut c, day);
    adapt(&mut shape);
    let read = core::read(&render::yaml(&shape));
    (shape, day, read)
}

/// One of the worlds under a policy.
fn world(shape: &Shape, day: i64, seed: u64) -> World {
    worlds::any(&mut Chance::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x000f_ac75), shape, day)
}

/// Both answers where they differ.
fn differ(shape: &Shape, policy: &Policy, world: &World) -> Option<(Answer, Answer)> {
    let first = core::answer(&core::decision(policy, world));
    apart(shape, world, first, judge(shape, &world.facts, world.now.timestamp()))
}

/// The core's answer and the second evaluator's, where one says what the other does not.
pub fn apart(shape: &Shape, world: &World, mut first: Answer, mut second: Answer) -> Option<(Answer, Answer)> {
    if world.facts.release.environment != HERE {
        // What is asked elsewhere is nobody's rule; that it holds is all.
        for answer in [&mut first, &mut second] {
            answer.holds.retain(|subject| *subject == "place");
        }
        let held = |answer: &Answer| answer.ruling != Ruling::Proceed && answer.holds.contains("place");
        return (!held(&first) || !held(&second)).then_some((first, second));
    }
    if world.facts.release.break_glass != Fact::Absent {
        // What follows from a grant is told by scenarios.
        first.owed.clear();
        second.owed.clear();
    }
    // A final word does not say how many it takes the place of.
    for (role, (total, met)) in &mut first.roles {
        if *total == 0 && *met {
            *total = second.roles.get(role).map_or(0, |(total, _)| *total);
        }
    }
    // Where too few people are there for several requirements, which of them lack somebody is a matter of taste.
    let missing = |answer: &Answer| answer.holds.contains("approvals");
    if shape.distinct && missing(&first) && missing(&second) {
        for answer in [&mut first, &mut second] {
            answer.roles.values_mut().for_each(|(_, met)| *met = false);
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

pub fn told(seed: u64, shape: &Shape, world: &World) -> String {
    format!(
        "seed {seed}\n{}\nnow {}\n{}",
        render::yaml(shape),
        world.now,
        serde_json::to_string_pretty(&world.facts).unwrap()
    )
}

fn report(seed: u64, shape: &Shape, policy: &Policy, world: &World) -> String {
    let least = shrink(shape, policy, world);
    let (first, second) = differ(shape, policy, &least).unwrap();
    let decision = core::told(&core::decision(policy, &least));
    format!("{}\ncore   {first:?}\nsecond {second:?}\n{decision}", told(seed, shape, &least))
}

/// What came of some worlds.
#[derive(Default)]
struct Tally {
    judged: u64,
    rulings: BTreeMap<&'static str, u64>,
    /// Worlds that are held by a subject, and by it alone: there a slip would open.
    held: BTreeMap<&'static str, (u64, u64)>,
    /// Worlds from which something follows, by its kind.
    owed: BTreeMap<String, u64>,
    /// Worlds that an experiment lets go by itself.
    trials: u64,
    reports: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.judged += other.judged;
        self.trials += other.trials;
        for (ruling, number) in other.rulings {
            *self.rulings.entry(ruling).or_default() += number;
        }
        for (subject, (all, alone)) in other.held {
            let held = self.held.entry(subject).or_default();
            *held = (held.0 + all, held.1 + alone);
        }
        for (kind, number) in other.owed {
            *self.owed.entry(kind).or_default() += number;
        }
        self.reports.extend(other.reports);
    }

    fn count(&mut self, answer: &Answer) {
        self.judged += 1;
        let ruling = match answer.ruling {
            Ruling::Proceed => "proceed",
            Ruling::Hold => "hold",
            Ruling::Reject => "reject",
        };
        *self.rulings.entry(ruling).or_default() += 1;
        for kind in answer.owed.iter().filter_map(|owed| owed.split(' ').next()) {
            *self.owed.entry(kind.to_owned()).or_default() += 1;
        }
        for subject in &answer.holds {
            let held = self.held.entry(subject).or_default();
            *held = (held.0 + 1, held.1 + u64::from(answer.holds.len() == 1));
        }
    }
}

/// What has to have held some worlds, else nothing is said of it.
const SUBJECTS: [&str; 26] = [
    "acts",
    "approvals",
    "asked",
    "cab",
    "change unapproved",
    "closed",
    "component",
    "consultation",
    "freeze",
    "gates",
    "glass",
    "incidents",
    "irreversible",
    "owed",
    "pack",
    "package",
    "place",
    "promotion",
    "record",
    "rejected",
    "routing",
    "superseded",
    "unattributed",
    "unread contributors",
    "proceed",
    "reject",
];

#[test]
fn both_evaluators_agree() {
    let number = wanted(20_000);
    let most = usize::try_from(asked("SECOND_REPORTS").unwrap_or(1)).unwrap();
    let (found, refused) = over(
        number,
        |_| {},
        |tally: &mut Tally, case| {
            let Case { seed, shape, policy, world } = case;
            let decision = core::decision(policy, world);
            let first = core::answer(&decision);
            let second = judge(shape, &world.facts, world.now.timestamp());
            tally.trials += u64::from(core::on_trial(&decision));
            tally.count(&second);
            if tally.reports.len() < most && apart(shape, world, first, second).is_some() {
                tally.reports.push(report(*seed, shape, policy, world));
            }
        },
    );
    let mut all = Tally::default();
    for tally in found {
        all.add(tally);
    }
    eprintln!(
        "{} worlds judged twice: {:?}; {refused} policies refused; held by (alone): {:?}; owed: {:?}; {} by experiment",
        all.judged, all.rulings, all.held, all.owed, all.trials
    );
    assert!(all.reports.is_empty(), "{}", all.reports.join("\n\n"));
    if only().is_some() {
        return;
    }
    for kind in ["validate", "back_merge"] {
        assert!(all.owed.get(kind).is_some_and(|owed| owed * 2_000 >= all.judged), "{kind} follows in {:?}", all.owed);
    }
    assert!(all.trials * 2_000 >= all.judged, "an experiment let {} of {} worlds go", all.trials, all.judged);
    assert!(all.judged * 10 >= number * 9, "of {number} worlds {} were judged", all.judged);
    for subject in SUBJECTS {
        let held = all.held.get(subject).map(|(all, _)| *all).or_else(|| all.rulings.get(subject).copied());
        assert!(held.unwrap_or(0) * 2_000 >= all.judged, "`{subject}` came of {held:?} of {} worlds", all.judged);
    }
}
