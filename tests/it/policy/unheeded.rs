//! Words that are read, and come to less than they seem to: each is told at its place, and none where it says something.

use countersign::policy;
use rstest::rstest;

use super::{source, told};
use crate::support::run::World;

const HEAD: &str = "version: 1
environments: {production: {approval: formal}}
roles: {r: {members: ['user:a', 'user:b']}, qa: {members: ['user:a', 'user:b']}, security: {members: ['user:a', 'user:b']}}
";

fn complaints(text: &str) -> String {
    match policy::read(vec![source("policy.yml", text)]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => panic!("{}", told(&list)),
    }
}

const EMERGENCY: &str = "incidents: {system: pagerduty, severity: {P1: 1, P2: 2}, block_at: 2, confirmed_by: r}
classes: {emergency: {when: 'incident.severity <= 1 && release.fixes(incident)'}}
routes: {normal: {approvals: {r: 1}}, emergency: {approvals: {r: 1}}}
gates: {tests: {junit: a.xml, require: 'tests.failed == 0'}}
";

const RIGOR: &str = "routes: {normal: {approvals: {r: 1}}}
rigor: {steps: [{when: team.failure_rate_90d > 0.15, until: team.failure_rate_90d < 0.10, sample: 10}]}
gates: {tests: {junit: a.xml, require: 'tests.failed == 0'}}
";

const TRIAL: &str = "components: {web: {paths: ['web/**'], tier: routine, team: web}, api: {paths: ['api/**'], tier: important, team: api}}
routes: {normal: {approvals: {r: 1}}}
experiments: {light: {on: component.tier == 'routine', split: 50, b: {approval: automatic}, stop_if: b.failure_rate > 0.5, sample: 30}}
gates: {tests: {junit: a.xml, require: 'tests.failed == 0'}}
";

const KEPT: &str = "packs: [sox]
components: {pay: {paths: ['pay/**'], regulations: [sox], team: pay}}
gates: {tests: {junit: a.xml, require: 'tests.failed == 0', on: [pay], keep: 7y}}
retention: {default: 3y, sox: 7y}
";

#[rstest]
#[case::a_severity_that_no_word_has(
    EMERGENCY,
    "incident.severity <= 1",
    "incident.severity <= 0",
    "policy.yml:5",
    "`incident.severity <= 0` never holds: `incidents.severity` maps words to 1, 2"
)]
#[case::the_number_first(
    EMERGENCY,
    "incident.severity <= 1",
    "0 >= incident.severity",
    "policy.yml:5",
    "`incident.severity <= 0` never holds"
)]
#[case::no_severity_at_all(
    EMERGENCY,
    "severity: {P1: 1, P2: 2}, ",
    "",
    "policy.yml:5",
    "`incident.severity` is never known"
)]
#[case::an_end_that_never_comes(
    RIGOR,
    "until: team.failure_rate_90d < 0.10",
    "until: team.failure_rate_90d > 0.20",
    "policy.yml:5",
    "so the step never ends once it began"
)]
#[case::an_end_that_is_there_anyway(
    RIGOR,
    "until: team.failure_rate_90d < 0.10",
    "until: team.failure_rate_90d <= 0.15",
    "policy.yml:5",
    "so the step ends as without `until`"
)]
#[case::a_step_after_no_deployment(
    RIGOR,
    "sample: 10",
    "sample: 0",
    "policy.yml:5",
    "a sample of 0 is none, and a step needs 1 deployment at least"
)]
#[case::an_experiment_after_no_release(
    TRIAL,
    "sample: 30",
    "sample: 0",
    "policy.yml:6",
    "a sample of 0 is none, and so the experiment is judged by its first release"
)]
#[case::one_component_within_another(
    TRIAL,
    "paths: ['api/**']",
    "paths: ['web/api/**']",
    "policy.yml:4",
    "`web/api/x` is of `api` and of `web`"
)]
#[case::two_components_of_the_same_files(
    TRIAL,
    "paths: ['api/**']",
    "paths: ['web/**']",
    "policy.yml:4",
    "`web/x` is of `api` and of `web`"
)]
#[case::evidence_that_goes_early(
    KEPT,
    "keep: 7y",
    "keep: 1y",
    "policy.yml:6",
    "the evidence of `tests` is kept for 1y by this, and `pay` is under `sox`, for which the pack `sox` has evidence kept for 7y"
)]
#[case::a_record_that_goes_early(
    KEPT,
    "sox: 7y",
    "sox: 5y",
    "policy.yml:7",
    "`sox` is kept for 5y here, and the pack `sox` has its evidence kept for 7y"
)]
#[case::a_monitor_that_is_called_otherwise(
    RIGOR,
    "rigor:",
    "monitor: {emergencies: [grafanna]}\nrigor:",
    "policy.yml:5",
    "no system is called `grafanna` as far as is known; did you mean `grafana`?"
)]
#[case::a_system_that_is_called_otherwise(
    EMERGENCY,
    "system: pagerduty",
    "system: pagerdutty",
    "policy.yml:4",
    "did you mean `pagerduty`?"
)]
fn what_comes_to_less_is_told(
    #[case] sections: &str,
    #[case] word: &str,
    #[case] other: &str,
    #[case] place: &str,
    #[case] says: &str,
) {
    let good = format!("{HEAD}{sections}");
    assert!(good.contains(word), "{good}");
    let found = complaints(&good.replacen(word, other, 1));
    let one = found.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{says}\n\n{found}"));
    assert!(one.starts_with("warning[") && one.contains(place) && one.contains('^'), "{one}");
    assert!(!complaints(&good).contains(says), "{}", complaints(&good));
}

/// Where something else is meant, nothing is said.
#[rstest]
#[case(TRIAL, "paths: ['api/**']", "repository: 'github:acme/api', paths: ['web/**']", "is of `api` and of `web`")]
#[case(KEPT, "keep: 7y", "keep: 10y", "is kept for")]
#[case(KEPT, "on: [pay], keep: 7y", "on: [pay]", "is kept for")]
#[case(
    RIGOR,
    "rigor:",
    "monitor: {emergencies: [our-wallboard, 'slack:#operations', Grafana]}\nrigor:",
    "no system is called"
)]
fn what_says_something_is_not_complained_about(
    #[case] sections: &str,
    #[case] word: &str,
    #[case] other: &str,
    #[case] says: &str,
) {
    let found = complaints(&format!("{HEAD}{sections}").replacen(word, other, 1));
    assert!(!found.contains(says), "{found}");
}

#[test]
fn the_command_says_what_a_named_system_does_here() {
    let sections = format!(
        "{HEAD}{EMERGENCY}change: {{system: servicenow, create: true}}\nmonitor: {{emergencies: [grafana, 'slack:#operations']}}\n"
    );
    let world = World::with_policy(&sections);
    let said = world.run(&["policy", "check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for says in [
        "note: `servicenow` has the change records and is not asked from here: the facts state them (`change_record`)",
        "`create` has the app open issues, and so creates nothing there",
        "note: `pagerduty` has the incidents and is not asked from here: the facts state them (`incidents`)",
        "note: `grafana` is told nothing from here: the decision of an emergency says that it is to be marked there",
    ] {
        assert!(said.out.contains(says), "{says}\n{}", said.out);
    }
    assert!(!said.out.contains("`slack:#operations`"), "{}", said.out);
    let issues =
        sections.replace("system: servicenow, ", "").replace("system: pagerduty, ", "").replace("grafana, ", "");
    let said = World::with_policy(&issues).run(&["policy", "check"]);
    assert!(said.code == 0 && !said.out.contains("note:"), "{}{}", said.out, said.err);
}

#[test]
fn satisfiable_is_said_of_what_somebody_can_approve() {
    let policy = "version: 1
environments: {production: {approval: {when: 'change.only(\"docs/**\")', then: automatic, else: formal}}}
components: {shop: {paths: ['src/**'], team: shop}}
roles: {r: {members: ['user:a', 'user:b']}, qa: {members: ['user:a', 'user:b']}, security: {members: ['user:a', 'user:b']}}
raci: [{on: shop, accountable: r}]
routes: {normal: {approvals: {accountable: 1}}}
gates: {tests: {junit: a.xml, require: 'tests.failed == 0'}}
";
    let world = World::with_policy(policy);
    world.write("roster.yml", "groups: {}\n");
    let said = world.run(&["policy", "check", "--roster", "roster.yml"]);
    let but = "satisfiable with any one of 2 people absent, but for files of no component, such as `docs/x`";
    assert!(said.code == 0 && said.out.contains(but), "{}{}", said.out, said.err);
    let whole = World::with_policy(&policy.replace("['src/**']", "['src/**', 'docs/**']"));
    whole.write("roster.yml", "groups: {}\n");
    let said = whole.run(&["policy", "check", "--roster", "roster.yml"]);
    assert!(said.out.contains("satisfiable with any one of 2 people absent\n"), "{}{}", said.out, said.err);
}
