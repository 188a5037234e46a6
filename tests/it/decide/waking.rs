//! Waking: by time alone a decision changes at the instant that it promised, and at no other before it.

use std::sync::LazyLock;

use chrono::{DateTime, Duration, Utc};
use countersign::decide::release::decide;
use countersign::model::facts::Facts;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Class, Ruling, Status};
use countersign::policy::Policy;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::base::{at, facts, policy, read, with};
use super::look::{deployment, policy_with};

const EVERYTHING: &str = "calendar:
  timezone: Europe/London
  business_hours: Mo-Fr 09:00-17:30
  closed: { friday: { hours: 'Fr 08:00-17:00', stops: [approval, deployment] }, noon: { hours: 'Mo-Th 12:00-13:00', stops: [approval] }, nights: { hours: 'Sa-Su 22:00-03:00', stops: [deployment] } }
  freeze: { spring: { from: 2027-03-27T12:00, to: 2027-03-28T01:30, exceptions_by: cto }, leap: { from: 2028-02-28T23:00, to: 2028-02-29T12:00 } }
  peak: { autumn: { from: 2026-10-24, to: 2026-10-26, rigor: +1 } }
environments:
  staging: { approval: automatic }
  production: { approval: formal, from: staging, same: artifact, soak: 26h }
classes: { standard: { models: [flag], when: risk.score < 30 } }
standard_changes: { flag: { when: change.only('src/**'), owner: cto, approved_by: cto, expires: 3bd } }
risk: { weights: { peak: 40, team.failure_rate: '40 * rate' }, impact: { high: 40, medium: 20 } }
rigor: { max: 2, routes: [normal], steps: [ { when: team.failure_rate_90d > 0.3, until: team.failure_rate_90d < 0.1, sample: 2 } ] }
routes:
  standard: { approval: automatic }
  normal: { approvals: { accountable: 1, security: 1, expire: 5bd }, escalate: { undecided_after: 1bd, to: [cto], final: cto } }
change: { system: servicenow, needs: [], proceeds_in: [Implement] }
reviews: { pir: { by: cto, within: 5bd, blocks: team, holds_while: overdue } }
";

/// The same in other zones: one whose clocks change on other days, and one that is three quarters of an hour beside the
/// others; and a policy that counts other things, in open hours of other days.
static POLICIES: LazyLock<[Policy; 4]> = LazyLock::new(|| {
    let zone = |name: &str| EVERYTHING.replace("Europe/London", name);
    let other = zone("America/New_York")
        .replace("Mo-Fr 09:00-17:30", "Su-Th 08:30-12:00,13:00-18:15")
        .replace("soak: 26h", "soak: 31h")
        .replace("expires: 3bd", "expires: 36h")
        .replace("expire: 5bd", "expire: 7bh")
        .replace(
            "undecided_after: 1bd, to: [cto], final: cto",
            "undecided_after: 90min, to: [security, cto], final: cto",
        )
        .replace("within: 5bd, blocks: team, holds_while: overdue", "within: 5bd, blocks: team");
    [EVERYTHING, &zone("America/New_York"), &zone("Pacific/Chatham"), &other].map(|text| policy(&policy_with(text)))
});

/// A world of which every instant is some hours from the start. What was done was done by then, unless a clock somewhere
/// goes `ahead`.
fn world(start: DateTime<Utc>, hours: &[i64], ahead: bool) -> Facts {
    let mut hours = hours.iter().copied().cycle();
    let mut next = || json!(start + Duration::hours(hours.next().unwrap()));
    let done = |at: Value| if ahead { at } else { json!(self::at(at.as_str().unwrap()).min(start)) };
    let mut facts = with(facts(), "/release/submitted_at", json!(start));
    for act in facts["acts"].as_array_mut().unwrap() {
        act["at"] = done(next());
    }
    let staged = deployment("shop 2.4.0", "staging", next().as_str().unwrap(), "tree", json!("succeeded"));
    facts = with(facts, "/deployments", json!([staged]));
    let record = json!({"id": "CHG-1", "state": "Implement", "components": ["shop"], "from": next(), "until": next(), "fixes": []});
    facts = with(facts, "/change_record", record);
    let team: Vec<Value> = [-89 * 24, -90 * 24 + 30, -10]
        .iter()
        .map(|ago| {
            let ran = start + Duration::hours(*ago);
            json!({"at": ran, "failed": *ago != -10, "incidents": [], "detected_at": ran, "restored_at": done(next())})
        })
        .collect();
    facts = with(facts, "/teams/shop/deployments", json!(team));
    let owed = json!({"id": "o1", "kind": "pir", "release": "shop 2.3.0", "team": "shop", "components": ["shop"], "by": "cto",
                      "due": next(), "opened_at": "2026-01-01T00:00:00Z", "contributors": [], "invoked_by": null, "needs_evidence": false, "incidents": [], "met": false});
    facts = with(facts, "/obligations", json!([owed]));
    let model =
        json!({"flag": {"approved_at": next(), "approved_by": ["github:noor"], "failed_at": [], "suspended": false}});
    read(with(facts, "/standard_changes", model))
}

/// What of a decision is not words.
type Shape = (Ruling, Class, Option<f64>, u32, Vec<(Ground, Status)>);

fn shape(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> (Shape, Option<DateTime<Utc>>) {
    let decision = decide(policy, facts, now);
    let mut nodes = Vec::new();
    decision.tree.walk(&mut |node| {
        assert!(node.next.is_none_or(|next| next > now), "{} still waits for {:?} at {now}", node.says, node.next);
        nodes.push((node.code, node.status));
    });
    ((decision.decision, decision.class, decision.risk.score, decision.rigor, nodes), decision.revisit.at)
}

/// Every word of a decision.
fn words(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> Vec<String> {
    let decision = decide(policy, facts, now);
    let mut said = vec![decision.summary];
    decision.tree.walk(&mut |node| said.push(format!("{:?} {}", node.status, node.says)));
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_decision_changes_by_time_alone_only_when_it_said_so(
        start in prop::sample::select(vec!["2026-10-23T18:00:00Z", "2026-10-30T20:00:00Z", "2027-03-12T21:00:00Z", "2027-03-26T10:00:00Z", "2028-02-28T10:00:00Z", "2026-12-30T16:00:00Z"]),
        hours in prop::collection::vec(-20..70_i64, 12),
        between in prop::collection::vec(0.0..1.0_f64, 3),
        ahead in any::<bool>(),
        which in 0..4_usize,
    ) {
        let policy = &POLICIES[which];
        let start = at(start);
        let facts = world(start, &hours, ahead);
        let mut now = start;
        let (mut promises, mut kept) = (0, 0);
        for _ in 0..80 {
            let (before, promised) = shape(policy, &facts, now);
            let end = promised.unwrap_or(now + Duration::days(200));
            prop_assert!(end > now);
            let seconds = (end - now).num_seconds();
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "some days of seconds")]
            let inside = between.iter().map(|part| (seconds as f64 * part) as i64).chain([seconds - 1]);
            for seconds in inside.filter(|seconds| *seconds > 0) {
                let then = now + Duration::seconds(seconds);
                let (after, again) = shape(policy, &facts, then);
                prop_assert_eq!(&before, &after, "from {} to {}, and {:?} was promised", now, then, promised);
                prop_assert_eq!(promised, again, "from {} to {}", now, then);
            }
            let Some(promised) = promised else { break };
            promises += 1;
            let same = words(policy, &facts, promised - Duration::seconds(1)) == words(policy, &facts, promised);
            // Whether what a clock dates ahead matters once it is so late, nobody knows before.
            prop_assert!(!same || ahead || before.0 == Ruling::Proceed, "{} was promised, and changes nothing", promised);
            kept += u32::from(!same);
            now = promised;
        }
        prop_assert!(kept * 2 >= promises, "{} of {} promised instants changed anything", kept, promises);
    }
}
