//! A population of stored facts, from a fixed seed: mostly ordinary releases, and one in every few with one thing
//! wrong, so that a decider that skips a rule counts differently.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use countersign::model::facts::history::TeamDeployment;
use countersign::model::facts::{
    Account, AccountFacts, AccountKind, Act, Change, ChangeRecord, Commit, Deed, Deployment, Fact, Facts, Field,
    GateEvidence, Incident, Landing, Member, Outcome, Reference, Release, Released, Saw, Standing, TeamHistory, Via,
};
use countersign::model::measures::Measure;

/// The instant at which all are decided: a Tuesday at half past ten in Berlin, before any peak or freeze.
pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 24, 9, 30, 0).single().unwrap_or_default()
}

/// Splitmix64, by Sebastiano Vigna: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.roll(from.len() as u64);
        usize::try_from(at).ok().and_then(|at| from.get(at)).copied().unwrap_or_default()
    }
}

const AUTHORS: [&str; 5] = ["ana", "ben", "cleo", "dov", "eli"];
const SHOP: [&str; 4] = ["fay", "gus", "lea-k", "ana"];
const INFRA: [&str; 3] = ["hal", "ivo", "ben"];
const SECURITY: [&str; 3] = ["jun", "kat", "mo"];
const OPERATIONS: [&str; 3] = ["nia", "olu", "mo"];
const REST: [&str; 4] = ["mats", "ida-b", "renovate", "GitHub"];

fn account(login: &str) -> Account {
    Account::from(format!("github:{login}").as_str())
}

/// The facts of one release.
#[expect(clippy::too_many_lines, reason = "a situation is told in one go")]
pub fn facts(number: u64) -> Facts {
    let mut dice = Dice(number);
    let now = now();
    let ago = |minutes: i64| now - TimeDelta::minutes(minutes);
    let digest = |of: u64| format!("{of:064x}");

    let folders: &[&str] = match dice.roll(6) {
        0 | 1 => &["shop/checkout/"],
        2 => &["shop/stock/"],
        3 => &["shop/checkout/", "shop/stock/"],
        4 => &["infra/"],
        _ => &["shop/checkout/", "infra/"],
    };
    let component = |folder: &str| match folder {
        "shop/checkout/" => "checkout",
        "shop/stock/" => "stock",
        _ => "network",
    };
    let names: Vec<&str> = folders.iter().map(|folder| component(folder)).collect();
    let artifact = |name: &str| digest(number * 10 + name.len() as u64);
    let released: BTreeMap<String, Released> = names
        .iter()
        .map(|name| {
            let of = Released {
                content: Fact::Known(digest(number * 7 + name.len() as u64)),
                artifacts: Fact::Known(vec![artifact(name)]),
            };
            ((*name).to_owned(), of)
        })
        .collect();

    let mut changes = Vec::new();
    for index in 0..=dice.roll(5) {
        let author = dice.pick(&AUTHORS);
        let folder = folders.get(usize::try_from(index).unwrap_or_default() % folders.len()).unwrap_or(&"shop/stock/");
        let commits = (0..=dice.roll(3))
            .map(|commit| Commit {
                sha: format!("{:040x}", number * 1000 + index * 10 + commit),
                author: Fact::Known(account(author)),
                committer: Fact::Known(account(if dice.once_in(3) { "GitHub" } else { author })),
                co_authors: if dice.once_in(5) {
                    Fact::Known(vec![account(dice.pick(&AUTHORS))])
                } else {
                    Fact::Absent
                },
                pushed_by: Fact::Known(account(author)),
                on_behalf_of: Fact::Absent,
                merge: Fact::Absent,
            })
            .collect();
        let tree = digest(number * 100 + index);
        changes.push(Change {
            id: format!("acme/shop#{}", number * 10 + index),
            content: tree.clone(),
            direct: false,
            files: Fact::Known((0..=dice.roll(6)).map(|file| format!("{folder}src/part{file}.rs")).collect()),
            lines: Fact::Known(dice.roll(900)),
            commits: Fact::Known(commits),
            landed: Fact::Known(Landing {
                tree: tree.clone(),
                reviewed: Fact::Known(tree),
                clean_merge: Fact::Absent,
                differs: Vec::new(),
            }),
            title: Fact::Absent,
            labels: Fact::Absent,
            issues: Fact::Absent,
        });
    }
    if let (true, Some(Fact::Known(commits))) =
        (dice.once_in(60), changes.first_mut().map(|change| &mut change.commits))
        && let Some(commit) = commits.first_mut()
    {
        commit.author = Fact::Absent;
    }
    let shown: BTreeMap<String, String> =
        changes.iter().map(|change| (change.id.clone(), change.content.clone())).collect();

    let content = |(name, of): (&String, &Released)| Some((name.clone(), of.content.known()?.clone()));
    let contents: BTreeMap<String, String> = released.iter().filter_map(content).collect();

    let mut acts: Vec<Act> = Vec::new();
    let mut approve = |by: &str, minutes: i64, changes: &BTreeMap<String, String>| {
        acts.push(Act {
            id: format!("act-{}", acts.len()),
            at: ago(minutes),
            by: account(by),
            impersonated_by: Fact::Absent,
            via: Via::Environment,
            does: Deed::Approve { role: None, accepts: None },
            reason: None,
            saw: Saw {
                environment: Some("live".to_owned()),
                repository: Some("acme/shop".to_owned()),
                changes: changes.clone(),
                components: contents.clone(),
                artifacts: names.iter().map(|name| artifact(name)).collect(),
                record: Some(format!("CHG{number:07}")),
                ..Saw::default()
            },
            standing: Standing::Stands,
            held: Vec::new(),
        });
    };
    let mut older = shown.clone();
    if let Some(first) = older.values_mut().next() {
        *first = digest(1);
    }
    let seen = if dice.once_in(12) { &older } else { &shown };
    if !dice.once_in(10) {
        approve(dice.pick(&SHOP), 50, seen);
    }
    if !dice.once_in(10) {
        approve(dice.pick(&INFRA), 45, &shown);
    }
    if !dice.once_in(6) {
        approve(dice.pick(&SECURITY), 40, &shown);
    }
    if !dice.once_in(6) {
        approve(dice.pick(&OPERATIONS), 35, &shown);
    }
    if dice.once_in(25) {
        acts.push(Act {
            id: "act-no".to_owned(),
            at: ago(20),
            by: account(dice.pick(&OPERATIONS)),
            impersonated_by: Fact::Absent,
            via: Via::Page,
            does: Deed::Reject {},
            reason: Some("the migration has not been rehearsed yet".to_owned()),
            saw: Saw::default(),
            standing: Standing::Stands,
            held: Vec::new(),
        });
    }

    let person = |kind| AccountFacts { kind: Fact::Known(kind), active: Fact::Known(true), person: Fact::Absent };
    let accounts = AUTHORS
        .iter()
        .chain(&SHOP)
        .chain(&INFRA)
        .chain(&SECURITY)
        .chain(&OPERATIONS)
        .chain(&REST)
        .map(|login| {
            let kind = match *login {
                "renovate" => AccountKind::Bot,
                "GitHub" => AccountKind::Forge,
                _ => AccountKind::Person,
            };
            (account(login), person(kind))
        })
        .collect();
    let group = |logins: &[&str]| {
        Fact::Known(logins.iter().map(|login| Member { account: account(login), joined: Fact::Absent }).collect())
    };
    let groups = BTreeMap::from([
        ("github:@shop/leads".to_owned(), group(&SHOP)),
        ("github:@infra/leads".to_owned(), group(&INFRA)),
        ("github:@sec/all".to_owned(), group(&SECURITY)),
        ("github:@ops/all".to_owned(), group(&OPERATIONS)),
        ("github:@ops/commanders".to_owned(), group(&["nia"])),
    ]);

    let mut evidence = BTreeMap::new();
    let mut green = |gate: &str, measures: &[(&str, f64)]| {
        let measures = measures.iter().map(|(name, value)| ((*name).to_owned(), Measure::Number(*value))).collect();
        let found = GateEvidence {
            digests: vec![digest(number * 31 + gate.len() as u64)],
            measures,
            baseline: Fact::Absent,
            made_at: Fact::Known(ago(180)),
            ..GateEvidence::default()
        };
        evidence.insert(gate.to_owned(), Fact::Known(found));
    };
    let failed = if dice.once_in(15) { 1.0 } else { 0.0 };
    green("tests", &[("tests.failed", failed), ("tests.total", 640.0)]);
    green("scan", &[("findings.new.error", 0.0), ("findings.new.warning", 3.0)]);
    green("images", &[("vulnerabilities.fixable.critical", if dice.once_in(30) { 2.0 } else { 0.0 })]);
    green("load", &[("load.p95_ms", 240.0), ("load.error_rate", 0.002)]);
    green("coverage", &[("coverage.lines", if dice.once_in(20) { 0.71 } else { 0.86 })]);
    green("bill", &[("sbom.without_licence", 0.0)]);

    let field = |text: &str| Field {
        text: Fact::Known(text.to_owned()),
        template: Fact::Known("Describe here".to_owned()),
        edited_at: Fact::Absent,
        by: None,
    };
    let backout =
        if dice.once_in(20) { "n/a" } else { "Roll back to the former image with one command, rehearsed in test" };
    let record = ChangeRecord {
        id: format!("CHG{number:07}"),
        state: Fact::Known(if dice.once_in(20) { "Scheduled" } else { "Implement" }.to_owned()),
        state_by: None,
        components: Fact::Known(names.iter().map(|name| (*name).to_owned()).collect()),
        from: Fact::Known(ago(60)),
        until: Fact::Known(now + TimeDelta::hours(3)),
        fields: BTreeMap::from([
            ("risk_assessment".to_owned(), field("The checkout may reject cards for a minute while it restarts")),
            ("backout_plan".to_owned(), field(backout)),
        ]),
        fixes: Vec::new(),
    };
    let incidents = if dice.once_in(25) {
        vec![Incident {
            id: "PD-1".to_owned(),
            severity: Fact::Known(dice.pick(&["P1", "P2", "P3"]).to_owned()),
            components: Fact::Known(vec![dice.pick(&["checkout", "stock", "network"]).to_owned()]),
            caused_by: Fact::Absent,
            opened_at: None,
            course: Vec::new(),
        }]
    } else {
        Vec::new()
    };
    let history = |dice: &mut Dice| {
        let shaky = dice.once_in(8);
        let deployments = (0..24)
            .map(|index| TeamDeployment {
                at: now - TimeDelta::days(3 * index + 1),
                emergency: Fact::Known(false),
                failed: Fact::Known(shaky && index % 3 == 0),
                incidents: Fact::Absent,
                detected_at: Fact::Absent,
                restored_at: Fact::Absent,
            })
            .rev()
            .collect();
        Fact::Known(TeamHistory { deployments })
    };
    let teams = BTreeMap::from([("shop".to_owned(), history(&mut dice)), ("infra".to_owned(), history(&mut dice))]);
    let deployed = |environment: &str, components: &BTreeMap<String, Released>, minutes: i64| Deployment {
        release: format!("shop {number}"),
        environment: environment.to_owned(),
        commit: format!("{number:040x}"),
        components: components.clone(),
        opened_at: ago(minutes + 10),
        finished_at: Fact::Known(ago(minutes)),
        outcome: Fact::Known(Outcome::Succeeded),
        approved: Fact::Known(true),
        parts: Fact::Absent,
    };
    let before: BTreeMap<String, Released> = names
        .iter()
        .map(|name| {
            let of = Released { content: Fact::Known(digest(3)), artifacts: Fact::Known(vec![digest(4)]) };
            ((*name).to_owned(), of)
        })
        .collect();
    let staged = if dice.once_in(15) { 20 } else { 140 };
    Facts {
        version: 1,
        release: Release {
            name: format!("shop {number}"),
            forge: "github".to_owned(),
            repository: "acme/shop".to_owned(),
            environment: "live".to_owned(),
            reference: Fact::Known(Reference {
                name: if dice.once_in(50) { "refs/heads/wip" } else { "refs/heads/main" }.to_owned(),
                reaches: Fact::Known(true),
                on_default: Fact::Known(true),
                resolves_to: Fact::Known(format!("{number:040x}")),
            }),
            commit: format!("{number:040x}"),
            submitted_at: ago(55),
            asked_since: None,
            trigger: Fact::Known(account(dice.pick(&AUTHORS))),
            deployed_by: Fact::Known("github".to_owned()),
            components: released.clone(),
            changes: Fact::Known(changes),
            vendors_before: Fact::Known(vec!["paywall".to_owned()]),
            new_vendors: if dice.once_in(10) { Fact::Known(vec!["fraudscore".to_owned()]) } else { Fact::Absent },
            running: Fact::Absent,
            released: Fact::Absent,
            irreversible: Fact::Absent,
            documented: Fact::Absent,
            outcome: Fact::Absent,
            package: Fact::Absent,
            break_glass: Fact::Absent,
            bypassed_by: Fact::Absent,
        },
        accounts,
        groups,
        acts: Fact::Known(acts),
        evidence,
        change_record: if dice.once_in(40) { Fact::Absent } else { Fact::Known(record) },
        incidents: Fact::Known(incidents),
        teams,
        obligations: Fact::Known(Vec::new()),
        deployments: Fact::Known(vec![deployed("live", &before, 4000), deployed("test", &released, staged)]),
        standard_changes: BTreeMap::new(),
        cab: Fact::Absent,
        meetings: Fact::Absent,
        experiments: BTreeMap::new(),
    }
}
