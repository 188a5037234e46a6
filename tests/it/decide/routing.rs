//! Which way a release takes.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{approves, decided, facts, said, saw, with};
use super::look::{deployment, policy_with, says, status, unread};

const BY_SIZE: &str = "routes:
  large: { when: release.lines >= 100, approvals: { accountable: 2 } }
  many: { when: release.changes >= 2, approvals: { accountable: 1 } }
  normal: { approvals: { accountable: 1 } }
";

#[rstest]
#[case(json!(99), "normal")]
#[case(json!(100), "large")]
fn w1_the_size_chooses(#[case] lines: Value, #[case] route: &str) {
    let decision = decided(&policy_with(BY_SIZE), with(facts(), "/release/changes/0/lines", lines));
    assert_eq!(decision.routes, [route]);
}

#[test]
fn a_condition_that_cannot_be_told_holds() {
    let decision = decided(&policy_with(BY_SIZE), with(facts(), "/release/changes/0/lines", unread()));
    assert_eq!(decision.decision, Ruling::Hold);
    assert_eq!(status(&decision, Ground::RouteUnknown), Some(Status::Unknown));
    assert_eq!(
        says(&decision, Ground::RouteUnknown),
        "whether shop takes the route `large` cannot be told: `release.lines >= 100`"
    );
}

#[test]
fn two_routes_at_once_hold_and_none_does_too() {
    let mut two = with(facts(), "/release/changes/0/lines", json!(100));
    let mut other = two["release"]["changes"][0].clone();
    other["id"] = json!("acme/shop#13");
    two["release"]["changes"].as_array_mut().unwrap().push(other);
    let decision = decided(&policy_with(BY_SIZE), two);
    assert_eq!(status(&decision, Ground::SeveralRoutes), Some(Status::Unmet));
    assert!(says(&decision, Ground::SeveralRoutes).starts_with("`large` and `many` are all for shop"));
    let decision = decided(&policy_with("routes: { emergency: { approvals: { cto: 1 } } }\n"), facts());
    assert_eq!(status(&decision, Ground::NoRoute), Some(Status::Unmet));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn an_environment_that_is_automatic_needs_no_route() {
    let facts = with(facts(), "/release/environment", json!("staging"));
    let decision = decided(&policy_with("routes: { emergency: { approvals: { cto: 1 } } }\n"), facts);
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert_eq!(status(&decision, Ground::NoRoute), Some(Status::Note));
}

const BY_DOCS: &str = "environments:
  production: { approval: { when: change.only('src/docs/**'), then: automatic, else: formal } }
";

#[rstest]
#[case(json!(["src/docs/a.md"]), true)]
#[case(json!(["src/docs/a.md", "src/a.rs"]), false)]
#[case(json!([]), false)]
#[case(unread(), false)]
fn g2_a_change_of_documentation_alone_goes_by_itself(#[case] files: Value, #[case] automatic: bool) {
    let facts = with(with(facts(), "/acts", json!([])), "/release/changes/0/files", files);
    let decision = decided(&policy_with(BY_DOCS), facts);
    assert_eq!(decision.decision == Ruling::Proceed, automatic, "{}", said(&decision));
}

#[test]
fn what_a_bot_wrote_needs_a_human_being_on_an_automatic_path() {
    let bot = json!({"kind": "bot", "active": true, "person": null});
    let docs = with(with(facts(), "/acts", json!([])), "/release/changes/0/files", json!(["src/docs/a.md"]));
    let mut facts = with(docs, "/accounts/github:renovate", bot);
    for hand in ["author", "committer", "pushed_by"] {
        facts["release"]["changes"][0]["commits"][0][hand] = json!("github:renovate");
    }
    let decision = decided(&policy_with(BY_DOCS), facts.clone());
    assert_eq!(decision.decision, Ruling::Hold);
    assert_eq!(status(&decision, Ground::BotNeedsHuman), Some(Status::Note));
    // Somebody on whose behalf it was written is a human being.
    let behalf = with(facts.clone(), "/release/changes/0/commits/0/on_behalf_of", json!(["github:zoe"]));
    assert_eq!(decided(&policy_with(BY_DOCS), behalf).decision, Ruling::Proceed);
    // An account that may be a bot's is one.
    let perhaps = with(facts.clone(), "/accounts/github:renovate/kind", unread());
    assert_eq!(status(&decided(&policy_with(BY_DOCS), perhaps), Ground::BotNeedsHuman), Some(Status::Note));
    // A review by somebody with a role is enough, and so is an approval of the release.
    let mut review = approves("a1", "github:bo");
    review["via"] = json!("review");
    review["saw"]["environment"] = Value::Null;
    for act in [review, approves("a1", "github:sue")] {
        let decision = decided(&policy_with(BY_DOCS), with(facts.clone(), "/acts", json!([act])));
        assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    }
    // Of other content it is not, nor by somebody without a role.
    let mut old = approves("a1", "github:bo");
    old["saw"] = saw();
    old["saw"]["changes"]["acme/shop#12"] = json!("zero");
    for act in [old, approves("a1", "github:zoe")] {
        let decision = decided(&policy_with(BY_DOCS), with(facts.clone(), "/acts", json!([act])));
        assert_eq!(decision.decision, Ruling::Hold, "{}", said(&decision));
    }
}

const EXPERIMENT: &str = "components:
  shop: { paths: ['src/**'], tier: routine, exposure: internal, team: shop }
experiments:
  light: { on: component.tier == 'routine', split: 100, b: { approval: automatic }, stop_if: 'b.failure_rate > a.failure_rate + 0.05', sample: 30 }
";

fn counted(a: (u64, u64), b: (u64, u64)) -> Value {
    json!({"light": {"a_releases": a.0, "a_failed": a.1, "b_releases": b.0, "b_failed": b.1, "stopped": false}})
}

#[rstest]
#[case(counted((0, 0), (0, 0)), true, "the other path")]
#[case(json!({"light": null}), true, "the other path")]
#[case(json!({"light": {"unavailable": "no answer"}}), false, "its counts could not be read: no answer")]
#[case(json!({}), false, "the facts do not state its counts")]
// With too few releases the guardrail says nothing.
#[case(counted((29, 0), (40, 40)), true, "the other path")]
#[case(counted((30, 0), (30, 30)), false, "has ended: `b.failure_rate > a.failure_rate + 0.05`; 0 of 30 failed on the usual path and 30 of 30 on the other")]
#[case(counted((100, 5), (100, 10)), true, "the other path")]
#[case(counted((100, 5), (100, 11)), false, "has ended")]
#[case(json!({"light": {"a_releases": 0, "a_failed": 0, "b_releases": 0, "b_failed": 0, "stopped": true}}), false, "it was stopped")]
fn m6_an_experiment_goes_on_while_its_guardrail_surely_does_not_stop_it(
    #[case] counts: Value,
    #[case] lighter: bool,
    #[case] why: &str,
) {
    // Sue reviewed the change; no approval of the release is there.
    let mut review = approves("a1", "github:sue");
    review["via"] = json!("review");
    review["saw"]["environment"] = Value::Null;
    let facts = with(with(facts(), "/acts", json!([review])), "/experiments", counts);
    let decision = decided(&policy_with(EXPERIMENT), facts);
    assert_eq!(decision.decision == Ruling::Proceed, lighter, "{}", said(&decision));
    let told = format!("{}\n{}", says(&decision, Ground::Experiment), says(&decision, Ground::ExperimentStopped));
    assert!(told.contains(why), "{told}");
}

#[test]
fn an_experiment_never_goes_below_an_independent_approval_of_every_change() {
    let facts = with(with(facts(), "/acts", json!([])), "/experiments", counted((0, 0), (0, 0)));
    let decision = decided(&policy_with(EXPERIMENT), facts);
    assert_eq!(decision.decision, Ruling::Hold);
    assert!(
        says(&decision, Ground::Experiment)
            .contains("once somebody who did not contribute to acme/shop#12 approves it")
    );
}

#[test]
fn an_experiment_is_for_what_is_known_not_to_be_critical() {
    // A policy that says critical is refused; one that says nothing is not known to be anything.
    let policy = policy_with(EXPERIMENT)
        .replace("tier: routine, ", "")
        .replace("component.tier == 'routine'", "component.exposure == 'internal'");
    let decision = decided(&policy, with(facts(), "/experiments", counted((0, 0), (0, 0))));
    assert_eq!(
        says(&decision, Ground::Experiment),
        "experiment `light`: not with shop, which is not known to be uncritical"
    );
}

#[test]
fn an_experiments_split_is_stable_and_about_what_it_says() {
    let policy = policy_with(EXPERIMENT).replace("split: 100", "split: 30");
    let mut other = 0;
    for number in 0..200 {
        let facts = with(facts(), "/experiments", counted((0, 0), (0, 0)));
        let facts = with(facts, "/release/changes/0/id", json!(format!("acme/shop#{number}")));
        let told = says(&decided(&policy, facts), Ground::Experiment);
        other += u32::from(told.contains("the other path"));
    }
    assert!((40..=80).contains(&other), "{other} of 200");
}

const AUTOMATIC: &str = "routes:
  docs: { when: change.touches('src/**'), approval: automatic }
  normal: { approvals: { accountable: 1 } }
rigor: { max: 1, routes: [docs], steps: [ { when: release.lines >= 100 } ] }
";

/// A change that a bot wrote, and nobody reviewed.
fn by_a_bot() -> Value {
    let bot = json!({"kind": "bot", "active": true, "person": null});
    let mut facts = with(with(facts(), "/acts", json!([])), "/accounts/github:renovate", bot);
    for hand in ["author", "committer", "pushed_by"] {
        facts["release"]["changes"][0]["commits"][0][hand] = json!("github:renovate");
    }
    facts
}

#[rstest]
// A way that goes by itself is not taken, and it is said why: for the bot, or for rigor, which asks people anyway.
#[case("docs", 10, true)]
#[case("docs", 100, false)]
// Where people approve anyway, nothing is said of bots.
#[case("normal", 10, false)]
#[case("normal", 100, false)]
fn that_a_bot_wrote_it_is_said_where_it_would_go_by_itself(
    #[case] way: &str,
    #[case] lines: u32,
    #[case] said_so: bool,
) {
    let policy = match way {
        "docs" => policy_with(AUTOMATIC),
        _ => policy_with(&AUTOMATIC.replace(", approval: automatic", ", approvals: { accountable: 1 }")),
    };
    let decision = decided(&policy, with(by_a_bot(), "/release/changes/0/lines", json!(lines)));
    assert_eq!(status(&decision, Ground::BotNeedsHuman).is_some(), said_so, "{}", said(&decision));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[rstest]
#[case("approval: automatic", true)]
#[case("approvals: { accountable: 1 }", false)]
fn what_changes_unread_is_a_bots_perhaps_where_it_would_go_by_itself(#[case] how: &str, #[case] said_so: bool) {
    let when = "environment == 'production'";
    let sections =
        format!("routes:\n  here: {{ when: {when}, {how} }}\n  normal: {{ approvals: {{ accountable: 1 }} }}\n");
    let decision = decided(&policy_with(&sections), with(facts(), "/release/changes", unread()));
    let told = said(&decision).contains("so not whether a human being wrote it");
    assert_eq!(told, said_so, "{}", said(&decision));
    assert_eq!(decision.decision, Ruling::Hold);
    // Rigor asks people anyway.
    let rigor = format!("{sections}rigor: {{ max: 1, routes: [here], steps: [ {{ when: {when} }} ] }}\n");
    let decision = decided(&policy_with(&rigor), with(facts(), "/release/changes", unread()));
    assert!(!said(&decision).contains("so not whether a human being wrote it"), "{}", said(&decision));
}

#[test]
fn what_a_human_being_wrote_goes_by_itself() {
    let decision = decided(&policy_with(AUTOMATIC), with(facts(), "/acts", json!([])));
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
}

#[test]
fn two_ways_back_at_once_hold() {
    let policy = policy_with(
        "routes:
  back: { when: release.is_rollback, to: last_good, approvals: { accountable: 1 } }
  again: { when: release.is_rollback, to: last_good, approvals: { accountable: 1 } }
  normal: { approvals: { accountable: 1 } }
",
    );
    let ran = |name: &str, at: &str, content: &str| deployment(name, "production", at, content, json!("succeeded"));
    let before = json!([ran("good", "2026-12-01T00:00:00Z", "tree"), ran("bad", "2026-12-02T00:00:00Z", "worse")]);
    let decision = decided(&policy, with(facts(), "/deployments", before));
    assert!(
        says(&decision, Ground::SeveralRoutes).starts_with("`back` and `again` are all for shop"),
        "{}",
        said(&decision)
    );
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn a_route_that_goes_by_itself_says_so_without_the_environments_condition() {
    let when = "environments:
  production: { approval: { when: \"change.only('docs/**')\", then: automatic, else: formal } }
  staging: { approval: automatic }
routes:
  normal: { approval: automatic }
";
    let decision = decided(&policy_with(when), with(facts(), "/acts", json!([])));
    assert_eq!(
        says(&decision, Ground::Routed),
        "shop: the route `normal`; it goes on by itself",
        "{}",
        said(&decision)
    );
    // Where the condition is why, it is said.
    let formal = when.replace("normal: { approval: automatic }", "normal: { approvals: { accountable: 1 } }");
    let docs = with(with(facts(), "/acts", json!([])), "/release/changes/0/files", json!(["src/docs/a.md"]));
    let decision = decided(&policy_with(&formal.replace("docs/**", "src/docs/**")), docs);
    assert_eq!(
        says(&decision, Ground::Routed),
        "shop: the route `normal`; it goes on by itself, for `change.only('src/docs/**')` holds",
        "{}",
        said(&decision)
    );
}
