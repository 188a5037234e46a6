//! A decision takes time in proportion to what there is to look at: who may write acts may not hold up a release by
//! writing many.

use std::fs;
use std::time::Instant;

use countersign::decide::release::decide;
use countersign::model::release_decision::Ruling;
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{act, approves, facts, now, policy, read, with};
use super::look::{deployment, policy_with};

/// How many at first; then twice as many.
const FEW: usize = 1_000;
/// Twice as much to look at takes about twice as long, and with every one compared with every other four times.
const MOST: f64 = 3.4;
/// The system tells a thread's time in steps of some milliseconds, so that it is taken over many decisions.
const DECISIONS: usize = 12;

/// The time that this thread had a processor, where the system tells; else the time that went by. Other tests run beside
/// this one.
fn spent(since: Instant) -> u128 {
    let own = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let own = own.and_then(|text| text.split(' ').next()?.parse().ok());
    own.unwrap_or_else(|| since.elapsed().as_nanos())
}

fn clears(number: usize) -> Value {
    let clear = |at: usize| {
        act(&format!("c{at}"), "github:noor", json!({"clear": {"account": "github:bo", "commit": format!("{at:x}")}}))
    };
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue")].into_iter().chain((0..number).map(clear));
    with(facts(), "/acts", acts.collect())
}

fn delegates(number: usize) -> Value {
    let login = |at: usize| format!("github:owner-{at}");
    let mut facts = facts();
    for at in 0..=number {
        facts["accounts"][login(at)] = json!({"kind": "person", "active": true, "person": null});
        let members = facts["groups"]["github:@acme/owners"].as_array_mut().unwrap();
        members.push(json!({"account": login(at), "joined": null}));
    }
    let delegate = |at: usize| {
        let does = json!({"delegate": {"role": "owner", "to": login(at + 1), "from": "2026-12-08T09:00:00Z",
                                       "until": "2026-12-09T09:00:00Z"}});
        act(&format!("d{at}"), &login(at), does)
    };
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue")].into_iter().chain((0..number).map(delegate));
    with(facts, "/acts", acts.collect())
}

fn changes(number: usize) -> Value {
    let facts = facts();
    let one = facts["release"]["changes"][0].clone();
    let name = |at: usize| format!("acme/shop#{at}");
    let change = |at: usize| with(one.clone(), "/id", json!(name(at)));
    let approval =
        |at: usize, by: &str| with(approves(&format!("{by}{at}"), by), "/saw/changes", json!({name(at): "one"}));
    let acts = (0..number).flat_map(|at| [approval(at, "github:bo"), approval(at, "github:sue")]);
    let acts: Value = acts.collect();
    with(with(facts, "/release/changes", (0..number).map(change).collect()), "/acts", acts)
}

/// Commits of nobody who could be found, each answered for by two authorities.
fn vouches(number: usize) -> Value {
    let sha = |at: usize| format!("{at:040x}");
    let commit = |at: usize| {
        json!({"sha": sha(at), "author": null, "committer": "github:ana", "co_authors": null,
               "pushed_by": "github:ana", "on_behalf_of": null, "merge": null})
    };
    let facts = with(facts(), "/release/changes/0/commits", (0..number).map(commit).collect());
    let vouch = |at: usize, by: &str| act(&format!("{by}{at}"), by, json!({"vouch": {"commit": sha(at)}}));
    let vouches = (0..number).flat_map(|at| [vouch(at, "github:noor"), vouch(at, "github:ivo")]);
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue")].into_iter().chain(vouches);
    with(facts, "/acts", acts.collect())
}

/// Somebody takes back what he took back.
fn withdrawals(number: usize) -> Value {
    let withdrawal =
        |at: usize| act(&format!("w{at}"), "github:zoe", json!({"withdraw": {"of": format!("w{}", at + 1)}}));
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue")].into_iter();
    with(facts(), "/acts", acts.chain((0..number).map(withdrawal)).collect())
}

/// Somebody rejects it again and again, without a reason, and approves it in the end.
fn rejections(number: usize) -> Value {
    let rejection = |at: usize| {
        with(act(&format!("r{at}"), "github:bo", json!({"reject": {}})), "/at", json!("2026-12-08T09:30:00Z"))
    };
    let acts = (0..number).map(rejection).chain([approves("a1", "github:bo"), approves("a2", "github:sue")]);
    with(facts(), "/acts", acts.collect())
}

/// Incidents that are open and do not block, each said to be fixed.
fn fixes(number: usize) -> Value {
    let incident =
        |at: usize| json!({"id": format!("INC-{at}"), "severity": "P9", "components": ["shop"], "caused_by": null});
    let confirm =
        |at: usize| act(&format!("c{at}"), "github:zoe", json!({"confirm_fix": {"incident": format!("INC-{at}")}}));
    let facts = with(facts(), "/incidents", (0..number).map(incident).collect());
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue")].into_iter();
    with(facts, "/acts", acts.chain((0..number).map(confirm)).collect())
}

/// What is owed and not due yet, each offered by somebody who may not.
fn offers(number: usize) -> Value {
    let owed = |at: usize| {
        json!({"id": format!("O{at}"), "kind": "validate", "release": "r0", "team": "shop", "components": ["shop"],
               "by": "owner", "due": "2027-12-01T00:00:00Z", "opened_at": "2026-12-01T00:00:00Z", "contributors": null})
    };
    let offer = |at: usize| act(&format!("c{at}"), "github:zoe", json!({"complete": {"obligation": format!("O{at}")}}));
    let facts = with(facts(), "/obligations", (0..number).map(owed).collect());
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue")].into_iter();
    with(facts, "/acts", acts.chain((0..number).map(offer)).collect())
}

/// What ran in staging, again and again.
fn stays(number: usize) -> Value {
    let stay = |at: usize| {
        let hour = at % 24;
        deployment(
            &format!("shop {at}"),
            "staging",
            &format!("2026-11-08T{hour:02}:00:00Z"),
            "tree",
            json!("succeeded"),
        )
    };
    with(facts(), "/deployments", (0..number).map(stay).collect())
}

/// Artifacts, shown in another order.
fn artifacts(number: usize) -> Value {
    let digest = |at: usize| format!("{at:064x}");
    let mut facts = with(facts(), "/release/components/shop/artifacts", (0..number).map(digest).collect());
    for act in facts["acts"].as_array_mut().unwrap() {
        act["saw"]["artifacts"] = (0..number).rev().map(digest).collect();
    }
    let mut opened = deployment("shop 2.4.0", "production", "2026-11-08T10:00:00Z", "tree", json!("succeeded"));
    opened["components"]["shop"]["artifacts"] = (0..number).rev().map(digest).collect();
    with(facts, "/deployments", json!([opened]))
}

/// A record that says what its template says, and only then something of its own.
fn templates(number: usize) -> Value {
    let words: Vec<String> = (0..number).map(|at| format!("word{at}")).collect();
    let template = words.join(" ");
    let text = format!("{template} turn the flag off again, and deploy the release before this one");
    let record = json!({"id": "CHG-1", "state": "open", "components": ["shop"], "from": null, "until": null, "fixes": [],
                        "fields": {"backout": {"text": text, "template": template, "edited_at": null}}});
    with(facts(), "/change_record", record)
}

#[rstest]
#[case::vouches("", vouches)]
#[case::fixes(
    "incidents: { system: pagerduty, severity: { P9: 9, P1: 1 }, block_at: 9, confirmed_by: cto, unless: 'release.lines < 100 || release.fixes(incident)' }",
    fixes
)]
#[case::offers("", offers)]
#[case::stays(
    "environments: { staging: { approval: automatic }, production: { approval: formal, from: staging, same: artifact, soak: 1h } }",
    stays
)]
#[case::artifacts("", artifacts)]
#[case::templates("change: { system: servicenow, needs: [backout], proceeds_in: [open] }", templates)]
#[case::withdrawals("", withdrawals)]
#[case::rejections("", rejections)]
#[case::clears("", clears)]
#[case::delegates("delegation: { max: 7d, within: role }", delegates)]
#[case::changes("separation: { per: change }", changes)]
fn twice_as_much_takes_no_four_times_as_long(#[case] rule: &str, #[case] world: fn(usize) -> Value) {
    let policy = policy(&policy_with(&format!("{rule}\n")));
    let time = |number: usize| {
        let facts = read(world(number));
        let (since, before) = (Instant::now(), spent(Instant::now()));
        for _ in 0..DECISIONS {
            assert_eq!(decide(&policy, &facts, now()).decision, Ruling::Proceed);
        }
        spent(since) - before
    };
    let (few, many) = (time(FEW), time(2 * FEW));
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a test stay far below 2^53")]
    let grew = many as f64 / few as f64;
    assert!(grew < MOST, "{FEW} take {few} ns, twice as many {many} ns: {grew:.1} times as long");
}
