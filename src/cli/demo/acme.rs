//! What the walk begins with: Acme's people, their shop, and what runs of it.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use crate::sandbox::Kind;
use crate::sandbox::world::World;

const POLICY: &str = include_str!("policy.yml");

/// The policy, as the repository has it: the same on both forges but for how they name people and teams.
pub(super) fn policy(kind: Kind) -> String {
    named(kind, POLICY)
}

fn named(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Github => text.to_owned(),
        Kind::Gitlab => text.replace("github:@", "gitlab:").replace("github:", "gitlab:"),
    }
}

/// Who is in the teams since before: whoever came later does not count.
pub(super) fn roster(kind: Kind) -> String {
    format!("forge: {}\n{}", kind.word(), named(kind, ROSTER))
}

const ROSTER: &str = r#"groups:
  "github:@acme/shop-leads": [github:bo, github:carla]
  "github:@acme/appsec": [github:sue]
  "github:@acme/sre": [github:olu]
  "github:@acme/cab": [github:kit, github:rae]
"#;

/// People, with what they do and whether they may read the repository.
const PEOPLE: [(&str, &str, bool); 11] = [
    ("ana", "writes the shop", true),
    ("mia", "writes the shop, too", true),
    ("bo", "leads the shop, and answers for its releases", true),
    ("carla", "leads the shop, and answers for its releases", true),
    ("sue", "looks after security", true),
    ("olu", "operates what runs", true),
    ("dana", "may let an emergency go, with noor", true),
    ("noor", "may let an emergency go, with dana", true),
    ("kit", "sits on the board that looks back", true),
    ("rae", "sits on the board that looks back", true),
    ("eve", "is not in the team: she may read nothing of it", false),
];

/// The world as it is an hour before the walk begins, and the commit that runs in production.
pub(super) fn world(kind: Kind, now: DateTime<Utc>) -> (World, String) {
    let policy = policy(kind);
    let mut world = World::default();
    for (login, about, inside) in PEOPLE {
        world.person(login, about, inside);
    }
    world.team("shop-leads", &["bo", "carla"]);
    world.team("appsec", &["sue"]);
    world.team("sre", &["olu"]);
    world.team("cab", &["kit", "rae"]);
    let files = [
        (".countersign/policy.yml", policy.as_str()),
        ("checkout/basket.rs", "fn total() -> u64 { sum() }\n"),
        ("checkout/coupon.rs", "fn coupons() -> u8 { 1 }\n"),
        ("checkout/delivery.rs", "fn days() -> u8 { 5 }\n"),
    ];
    let began = now - TimeDelta::days(20);
    let first = world.begins("carla", "The shop", &files, began);
    world.ran(&first, "carla", "production", began + TimeDelta::hours(1));
    (world, first)
}

/// What the tests of a run report, as JUnit.
pub(super) fn report() -> String {
    let mut text = String::from("<testsuite name=\"shop\" tests=\"42\" failures=\"0\">\n");
    for number in 1..=42 {
        let _ = writeln!(text, "  <testcase classname=\"checkout\" name=\"case_{number}\" time=\"0.01\"/>");
    }
    text + "</testsuite>\n"
}
