//! What several sections or layers say that cannot all be so is told, and nothing that can be.

use countersign::policy;
use rstest::rstest;

use super::{source, told};

const HEAD: &str = "version: 1
layer: organisation
environments: {staging: {approval: automatic}, production: {approval: formal}}
components:
  pay: {paths: ['p/**'], kind: application, tier: critical, exposure: customer, team: web}
  wiki: {paths: ['w/**'], kind: application, tier: routine, exposure: internal, team: docs}
roles: {r: {members: ['user:a', 'user:b']}}
raci: [{accountable: r}]
gates: {g: {junit: a.xml, require: 'tests.total >= 10'}}
";
const INNER: &str = "version: 1
layer: repository
environments: {production: {approval: formal}}
";

fn complaints(rest: &str, inner: Option<&str>) -> String {
    let mut layers = vec![source("org.yml", &format!("{HEAD}{rest}\n"))];
    layers.extend(inner.map(|inner| source("repo.yml", &format!("{INNER}{inner}\n"))));
    match policy::read(layers) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

fn routes(one: &str, other: &str) -> String {
    format!(
        "routes: {{normal: {{approvals: {{r: 1}}}}, one: {{when: \"{one}\", approvals: {{r: 1}}}}, other: {{when: \"{other}\", approvals: {{r: 2}}}}}}"
    )
}

const TWO: &str = "what two routes are for holds";

#[rstest]
#[case::the_same("release.lines > 100", "release.lines > 100", true)]
#[case::one_within_the_other("release.lines > 100", "release.lines > 50", true)]
#[case::more_is_asked("component.tier == 'critical' && release.lines > 100", "component.tier == 'critical'", true)]
#[case::of_all_parts("release.lines > 100 && release.files > 3", "release.files > 2 && release.lines > 10", true)]
#[case::apart("release.lines > 100", "release.lines <= 100", false)]
#[case::they_may_meet("release.lines > 100", "component.tier == 'critical'", false)]
#[case::they_meet_in_part("release.lines > 100", "release.lines < 200", false)]
fn a_route_that_is_never_taken_without_another_is_for_no_release(
    #[case] one: &str,
    #[case] other: &str,
    #[case] always: bool,
) {
    let found = complaints(&routes(one, other), None);
    assert_eq!(found.contains(TWO), always, "{found}");
    if always {
        assert!(found.contains("whatever is for `one` is for `other` as well"), "{found}");
    }
}

#[rstest]
#[case::emergencies(
    "classes: {emergency: {when: \"incident.severity <= 1\"}}\nincidents: {system: pagerduty, severity: {P1: 1}, block_at: 1, confirmed_by: r}",
    "classes: {emergency: {when: \"incident.severity >= 2\"}}\ngates: {}",
    "what the layers say of `classes.emergency` never holds together: `(incident.severity <= 1) && (incident.severity >= 2)`"
)]
#[case::gates(
    "",
    "gates: {g: {junit: a.xml, require: 'tests.total < 5'}}",
    "no evidence passes this and the gate `g` of organisation, which requires `tests.total >= 10`"
)]
fn what_layers_say_together_can_be_so(#[case] outer: &str, #[case] inner: &str, #[case] says: &str) {
    let routes = "routes: {normal: {approvals: {r: 1}}, emergency: {approvals: {r: 1}}}";
    let outer = if outer.is_empty() { String::new() } else { format!("{routes}\n{outer}") };
    let found = complaints(&outer, Some(inner));
    assert!(found.contains(says), "{found}");
}

#[test]
fn what_layers_say_that_can_be_so_is_not_complained_about() {
    let inner = "gates: {g: {junit: a.xml, require: 'tests.total < 50'}}";
    assert!(!complaints("", Some(inner)).contains("no evidence passes"));
}

#[rstest]
#[case::share("{one: {components: [a, b]}, two: {components: [a, c]}}", true)]
#[case::apart("{one: {components: [a, b]}, two: {components: [c, d]}}", false)]
#[case::one_repository("{one: {components: [a, b]}, two: {components: [a, e]}}", false)]
fn packages_over_several_repositories_that_share_a_part_would_never_go(#[case] packages: &str, #[case] refused: bool) {
    let component = |name: &str, place: &str| format!("  {name}: {{paths: ['**'], repository: '{place}'}}\n");
    let places = [
        ("a", "github:acme/a"),
        ("b", "github:acme/b"),
        ("c", "gitlab:acme/c"),
        ("d", "gitlab:acme/d"),
        ("e", "github:Acme/A"),
    ];
    let components: String = places.iter().map(|(name, place)| component(name, place)).collect();
    let text = format!(
        "version: 1\nenvironments: {{production: {{approval: formal}}}}\ncomponents:\n{components}packages: {packages}\n\
         roles: {{r: {{members: ['user:a', 'user:b']}}}}\nraci: [{{accountable: r}}]\n"
    );
    let told = match policy::read(vec![source("policy.yml", &text)]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    };
    let says = "`one` and `two` lie in several repositories each and share `a`";
    assert_eq!(told.contains(says) && told.contains("error[contradiction]"), refused, "{told}");
}
