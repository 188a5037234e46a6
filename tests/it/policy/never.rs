//! A text that a fact never is would switch a rule off without a word, and is refused where it stands.

use countersign::policy;
use rstest::rstest;

use super::{source, told};

const HEAD: &str = "version: 1
environments: {staging: {approval: automatic}, production: {approval: formal}}
components:
  pay: {paths: ['p/**'], tier: critical, team: web}
  wiki: {paths: ['w/**'], tier: routine, team: docs}
gates: {g: {junit: a.xml, require: 'true'}}
roles: {r: {members: ['user:a', 'user:b']}}
risk: {weights: {tier.critical: 40}, impact: {high: 30, medium: 20}}
";

fn complaints(rest: &str) -> String {
    match policy::read(vec![source("policy.yml", &format!("{HEAD}{rest}\n"))]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

#[rstest]
#[case::impact(
    "release.impact == 'High'",
    "`release.impact` is `high`, `medium` or `low`, never `High`; did you mean `high`?"
)]
#[case::capitals("'HIGH' != release.impact", "never `HIGH`; did you mean `high`?")]
#[case::tier("component.tier == 'Critical'", "never `Critical`; did you mean `critical`?")]
#[case::exposure("component.exposure in ['customer', 'intern']", "never `intern`; did you mean `internal`?")]
#[case::kind("component.kind == 'service'", "`application`, `platform` or `infrastructure`, never `service`")]
#[case::class("release.class == 'urgent'", "`release.class` is `standard`, `normal` or `emergency`, never `urgent`")]
#[case::environment(
    "environment == 'prod'",
    "`environment` is `staging` or `production`, never `prod`; did you mean `production`?"
)]
#[case::component("component.name == 'shop'", "`component.name` is `pay` or `wiki`, never `shop`")]
#[case::team("component.team == 'wbe'", "`component.team` is `docs` or `web`, never `wbe`; did you mean `web`?")]
#[case::components("'shop' in release.components", "`release.components` holds `pay` or `wiki`, never `shop`")]
#[case::every("release.components.all(c, c in ['pay', 'wikki'])", "`c` is `pay` or `wiki`, never `wikki`")]
fn a_word_that_a_fact_never_is_is_refused_at_its_place(#[case] when: &str, #[case] says: &str) {
    let row = format!("raci: [{{when: \"{when}\", accountable: r}}, {{accountable: r}}]");
    let told = complaints(&row);
    let found = told.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{told}"));
    assert!(found.starts_with("error[bad-expression]"), "{found}");
    // The caret is at the word and not at the whole expression.
    let word = says.split("never `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let carets = found.matches('^').count();
    assert_eq!(carets, word.len() + 2, "{found}");
}

#[rstest]
#[case("raci: [{on: \"component.team == 'doc'\", accountable: r}, {accountable: r}]", "did you mean `docs`?")]
#[case("classes: {emergency: {when: \"'shop' in incident.components\"}}", "`incident.components` holds")]
#[case("reviews: {pir: {when: \"outcome == 'failure'\", by: r, within: 1d}}", "`succeeded`, `failed` or `cancelled`")]
fn so_it_is_wherever_an_expression_stands(#[case] rest: &str, #[case] says: &str) {
    let told = complaints(rest);
    assert!(told.contains(says) && told.contains("error[bad-expression]"), "{told}");
}

#[test]
fn a_gate_too_speaks_of_environments_that_there_are() {
    let text = HEAD.replace("require: 'true'", "require: \"environment == 'prod' || tests.failed == 0\"");
    let told = policy::read(vec![source("policy.yml", &text)]).map(|_| ()).map_err(|list| told(&list)).unwrap_err();
    assert!(told.contains("never `prod`; did you mean `production`?"), "{told}");
}

#[rstest]
#[case("release.impact != 'low' && component.tier in ['critical', 'important']")]
#[case("environment == 'production' && component.name in ['pay', 'wiki'] && component.team == 'web'")]
#[case("'pay' in release.components || release.components.exists(c, c == 'wiki')")]
#[case("'acme' in component.vendors || 'pci-dss' in component.regulations || 'x' in release.new_vendors")]
fn words_that_there_are_are_good(#[case] when: &str) {
    let told = complaints(&format!("raci: [{{when: \"{when}\", informed: [r]}}]"));
    assert!(!told.contains("bad-expression"), "{told}");
}

#[test]
fn the_names_of_every_layer_count() {
    let outer = "version: 1
layer: organisation
environments: {production: {approval: automatic}}
gates: {g: {junit: a.xml, require: 'true'}}
roles: {r: {members: ['user:a', 'user:b']}}
raci: [{when: \"component.name == 'pay' && component.team == 'web' && environment == 'staging'\", informed: [r]}]
";
    let inner = "version: 1
layer: repository
environments: {staging: {approval: automatic}}
components: {pay: {paths: ['p/**'], team: web}}
gates: {h: {junit: a.xml, require: 'true'}}
";
    let read = |inner: &str| policy::read(vec![source("org.yml", outer), source("repo.yml", inner)]);
    assert!(read(inner).is_ok(), "{}", told(&read(inner).unwrap_err()));
    let other = told(&read(&inner.replace("web", "net")).unwrap_err());
    assert!(other.contains("`component.team` is `net`, never `web`"), "{other}");
}

#[rstest]
#[case("coverage: c.xml, require: coverage.lines >= 80", "a share goes from 0 to 1: `0.80`")]
#[case("coverage: c.xml, require: 99.5 <= baseline.branches", "a share goes from 0 to 1: `0.995`")]
#[case("load: k.json, require: load.error_rate < 2", "a share goes from 0 to 1: `0.02`")]
fn percent_in_a_gate_is_no_share(#[case] gate: &str, #[case] says: &str) {
    let text = HEAD.replace("junit: a.xml, require: 'true'", gate);
    let told = policy::read(vec![source("policy.yml", &text)]).map(|_| ()).map_err(|list| told(&list)).unwrap_err();
    assert!(told.contains(says), "{told}");
}

#[rstest]
#[case("team.failure_rate_90d > 15", Some("a share goes from 0 to 1: `0.15`"))]
#[case("team.failure_rate_90d > 500", Some("a share goes from 0 to 1\n"))]
#[case("team.failure_rate_90d * 100 > 15", None)]
#[case("team.failure_rate_90d < 1", None)]
fn percent_of_a_team_is_no_share(#[case] when: &str, #[case] says: Option<&str>) {
    let told = complaints(&format!("rigor: {{steps: [{{when: {when}}}]}}"));
    match says {
        Some(says) => assert!(told.contains(says), "{told}"),
        None => assert!(!told.contains("share"), "{told}"),
    }
}
