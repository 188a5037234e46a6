//! What would let go more than it seems to, or hold what nobody could let go: refused or told, where it stands.

use countersign::policy;
use rstest::rstest;

use super::{EXAMPLE, holidays, source, told};

/// What is said of the long example with other words in it.
fn of_example(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "{from}");
    let text = EXAMPLE.replacen(from, to, 1);
    match policy::read_with(vec![source("policy.yml", &text)], &[(0, holidays())]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

/// The one complaint about such words, which stands at their line.
#[track_caller]
fn one(from: &str, to: &str, says: &str) -> String {
    let all = of_example(from, to);
    let found = all.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{says}\n\n{all}"));
    let word = to.lines().next().unwrap();
    let line = EXAMPLE.replacen(from, to, 1).lines().position(|line| line.contains(word)).unwrap() + 1;
    assert!(found.contains(&format!("policy.yml:{line}:")), "line {line}\n{found}");
    found.to_owned()
}

const EMERGENCY: &str =
    "\"(incident.severity <= 1 && release.fixes(incident)) || release.removes(running.vulnerabilities.exploited)\"";

#[rstest]
#[case::all("\"true\"")]
#[case::small("\"release.lines < 500\"")]
#[case::an_incident("\"incident.severity <= 1\"")]
#[case::half("\"incident.severity <= 1 || release.removes(running.vulnerabilities.exploited)\"")]
#[case::other_half("\"release.fixes(incident) || release.lines < 3\"")]
#[case::no_fix("\"!release.fixes(incident)\"")]
#[case::no_fix_twice("\"!(release.fixes(incident) && incident.severity <= 1)\"")]
#[case::one_way("\"incident.severity <= 1 ? release.fixes(incident) : release.lines < 9\"")]
#[case::said_no("\"release.fixes(incident) == false\"")]
fn an_emergency_is_one_by_its_facts_alone(#[case] when: &str) {
    let found =
        one(EMERGENCY, when, "this can hold for a release that fixes no incident and removes nothing exploited");
    assert!(found.starts_with("error[too-wide]") && found.contains("release.fixes(incident)"), "{found}");
}

#[rstest]
#[case("\"release.fixes(incident) && incident.severity <= 2 && release.lines < 500\"")]
#[case("\"release.removes(running.vulnerabilities.exploited)\"")]
#[case("\"!(!release.fixes(incident) || incident.severity > 1)\"")]
#[case("\"incident.severity <= 1 ? release.fixes(incident) : release.removes(running.vulnerabilities.exploited)\"")]
#[case("\"incident.severity <= 1 && release.fixes(incident) == true\"")]
#[case("\"incident.severity <= 1 && (release.fixes(incident) || false)\"")]
fn every_way_to_its_facts_is_good(#[case] when: &str) {
    let all = of_example(EMERGENCY, when);
    assert!(!all.contains("too-wide") && !all.contains("the fix of any incident"), "{all}");
}

#[test]
fn the_fix_of_any_incident_is_told() {
    let found = one(EMERGENCY, "release.fixes(incident)", "the fix of any incident, however small, is an emergency");
    assert!(found.starts_with("warning[overlooked]"), "{found}");
}

#[rstest]
#[case::states(
    "proceeds_in: [Implement]",
    "proceeds_in: []",
    "error[contradiction]: `proceeds_in` is empty, so a record would let a release go in whatever state it is"
)]
#[case::needs(
    "needs: [risk_assessment, backout_plan]",
    "needs: []",
    "warning[overlooked]: `needs` is empty, and so a change record may be empty"
)]
#[case::reason(
    "rejection: { reason: 20 }",
    "rejection: { reason: 100000 }",
    "error[wrong-form]: nobody gives a reason"
)]
#[case::every_file(
    "when: change.only(\"docs/**\")",
    "when: change.only(\"**\")",
    "error[bad-expression]: `**` is every file, so this asks nothing"
)]
#[case::by_itself(
    "when: change.only(\"docs/**\")",
    "when: \"true\"",
    "error[too-wide]: every release goes into `production`"
)]
#[case::model(
    "when: change.only(\"config/flags/**\")",
    "when: \"release.lines > 3 || !(release.lines > 3)\"",
    "error[too-wide]: every release is a `config-flag`"
)]
#[case::weight(
    "exposure.customer: 20",
    "exposure.customer: -20",
    "warning[overlooked]: `exposure.customer` would lower"
)]
#[case::never_divided("\"40 * rate\"", "\"40 / 0 * rate\"", "error[bad-expression]: nothing can be divided by 0")]
#[case::never_less(
    "tests.failed == 0 &&",
    "tests.failed < 0 &&",
    "`tests.failed` is never less than 0, so this never holds"
)]
#[case::never_less_turned("tests.failed == 0 &&", "-1 >= tests.failed &&", "`tests.failed` is never less than 0")]
#[case::order(
    "order: [ledger, payments]",
    "order: [ledger, payments, ledger]",
    "error[contradiction]: `order` of `quarter-close` names `ledger` twice"
)]
#[case::waivers("max: 30d, needs", "max: 0d, needs", "error[contradiction]: `max` is no time at all, so every waiver")]
#[case::stand_ins(
    "within: role, max: 14d",
    "within: role, max: 0d",
    "`max` is no time at all, so nobody could ever stand in"
)]
#[case::grants("releases: 1, expires: 4h", "releases: 1, expires: 0h", "`expires` is no time at all, so every grant")]
#[case::evidence("max_age: 24h", "max_age: 0h", "`max_age` is no time at all, so all evidence is too old")]
#[case::kept(
    "hipaa: 6y",
    "hipaaa: 6y",
    "no component is under `hipaaa`, so nothing is kept for that time; did you mean `hipaa`?"
)]
#[case::held("legal_hold: []", "legal_hold: [payment]", "`payment` is no component and looks like no release")]
#[case::way_back(
    "to: last_good, hours: any, approvals: { operations",
    "hours: any, approvals: { operations",
    "`recovery` is for going back, and does not say `to: last_good`"
)]
#[case::all_of_business(
    "hours: \"Fr 08:00-17:00\", environments",
    "hours: \"Mo-Fr 09:00-17:30\", environments",
    "`friday-daytime` is all of the business hours"
)]
fn what_comes_to_nothing_or_to_all_is_told(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let found = one(from, to, says);
    assert!(found.contains('^'), "{found}");
}

#[rstest]
#[case("legal_hold: []", "legal_hold: [payments, \"payments 2.4.0\"]")]
#[case("hours: \"Fr 08:00-17:00\", environments", "hours: \"Mo-Fr 09:00-17:00\", environments")]
#[case("tests.failed == 0 &&", "tests.failed <= 0 &&")]
#[case("rejection: { reason: 20 }", "rejection: { reason: 500 }")]
fn what_is_meant_is_not_told(#[case] from: &str, #[case] to: &str) {
    assert_eq!(of_example(from, to), "");
}

#[rstest]
#[case::docs("\"tools/wiki/**\", \"docs/**\"", "\"tools/wiki/**\"", "when: change.only(\"docs/**\")", "`docs/x`")]
#[case::flags("\"platform/**\", \"config/flags/**\"", "\"platform/**\"", "config-flag: { when", "`config/flags/x`")]
fn what_goes_by_itself_is_of_a_component(
    #[case] from: &str,
    #[case] to: &str,
    #[case] stands: &str,
    #[case] file: &str,
) {
    assert_eq!(of_example(from, from), "");
    let all = of_example(from, to);
    let line = EXAMPLE.lines().position(|line| line.contains(stands)).unwrap() + 1;
    assert!(all.starts_with("warning[overlooked]: what goes by itself here is of no component, such as"), "{all}");
    assert!(all.contains(file) && all.contains(&format!("policy.yml:{line}:")), "{all}");
    assert!(all.contains("nobody can approve it; name it under `paths` of a component"), "{all}");
}
