//! Policies that can be read and would hold every release, or ask nothing of one: what is overlooked is told.

use countersign::policy;
use rstest::rstest;

use super::{source, told};

const HEAD: &str = "version: 1
environments: {staging: {approval: automatic}, production: {approval: formal}}
gates: {g: {junit: a.xml, require: 'tests.failed == 0'}}
people: {bob: {github: bob-h}, erin: {github: erin-r}}
roles: {r: {members: ['user:bob', 'user:erin']}}
";

fn complaints(text: &str) -> String {
    match policy::read(vec![source("policy.yml", text)]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

/// The complaint that says something, and what else is said.
#[track_caller]
fn one(text: &str, says: &str) -> String {
    let all = complaints(text);
    all.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{says}\n\n{all}")).to_owned()
}

#[test]
fn a_name_near_one_of_the_people_is_probably_that_one() {
    let text = HEAD.replace("'user:erin'", "'user:bobb'");
    let found = one(&text, "`user:bobb` is nobody of `people`");
    assert!(found.contains("and so the forge's account `bobb`; did you mean `user:bob`?"), "{found}");
    assert!(found.starts_with("warning[overlooked]") && found.contains("^^^^"), "{found}");
    for good in [HEAD.to_owned(), HEAD.replace("'user:erin'", "'user:carl'"), text.replace("people: {bob", "# {bob")] {
        assert!(!complaints(&good).contains("nobody of `people`"), "{good}");
    }
}

#[test]
fn who_carries_a_release_out_is_a_role_or_a_person() {
    let rows = "components: {shop: {paths: ['**']}}
raci: [{on: shop, accountable: r, responsible: shop-team}]
routes: {normal: {approvals: {accountable: 1}}}
";
    let text = format!("{HEAD}{rows}");
    let found = one(&text, "`shop-team` is no role, so it is not known who carries the release out");
    assert!(found.starts_with("warning[overlooked]") && found.contains("policy.yml:7:48"), "{found}");
    let with_role = text.replace("roles: {", "roles: {shop-team: {members: ['github:@acme/shop']}, ");
    for good in [with_role, text.replace("shop-team", "'user:bob'")] {
        assert!(!complaints(&good).contains("is no role"), "{}", complaints(&good));
    }
}

const ROUTES: &str = "routes: {normal: {approvals: {r: 1}, cab: {}}}
calendar: {cab: {meetings: \"DTSTART:20260901T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU\", chair: r}}
";

#[test]
fn a_board_that_is_asked_has_members_and_meetings() {
    let with_role = HEAD.replace("roles: {", "roles: {cab: {members: ['github:@acme/cab']}, ");
    let text = format!("{HEAD}{ROUTES}");
    let found = one(&text, "the CAB has no members; define the role `cab`");
    assert!(found.starts_with("error[unsatisfiable]") && found.contains("policy.yml:7:12"), "{found}");

    let routes = ROUTES.lines().next().unwrap();
    let text = format!("{HEAD}{routes}\n");
    let found = one(&text, "the CAB has no members");
    assert!(found.contains("policy.yml:6:38"), "{found}");

    let text = format!("{with_role}{routes}\n");
    let found = one(&text, "`normal` asks the CAB, which never meets");
    assert!(found.starts_with("error[unsatisfiable]") && found.contains("policy.yml:6:38"), "{found}");
    assert_eq!(complaints(&format!("{with_role}{ROUTES}")), "");
    assert_eq!(complaints(&format!("{HEAD}{}", ROUTES.replace(", cab: {}", ""))), "", "nobody asks it");
}

#[rstest]
#[case::way_back("recovery: {when: release.is_rollback, to: last_good, approvals: {r: 1}, cab: {}}", true)]
#[case::emergency("emergency: {approvals: {r: 1}, cab: {}}", true)]
#[case::by_itself("config: {when: release.lines < 3, approval: automatic, cab: {}}", false)]
fn a_board_that_is_never_asked_needs_no_members(#[case] route: &str, #[case] told: bool) {
    let class =
        "classes: {emergency: {when: incident.severity <= 1 && release.fixes(incident)}}\nincidents: {block_at: 1}\n";
    let all = complaints(&format!("{HEAD}{class}routes: {{normal: {{approvals: {{r: 1}}}}, {route}}}\n"));
    assert!(!all.contains("error["), "{all}");
    assert_eq!(all.contains("the CAB is never asked about an emergency or a way back"), told, "{all}");
}

#[test]
fn an_environment_where_people_approve_has_a_route() {
    let rejection = "rejection: {reason: 20}\n";
    let says = "no route leads to `production`: `countersign decide` holds every release there; add `routes`";
    let found = one(&format!("{HEAD}{rejection}"), says);
    assert!(found.starts_with("warning[overlooked]") && found.contains("policy.yml:2:48"), "{found}");
    for good in [
        HEAD.to_owned(),
        format!("{HEAD}{rejection}routes: {{normal: {{approvals: {{r: 1}}}}}}\n"),
        format!("{HEAD}{rejection}layer: organisation\n"),
        format!("{}{rejection}", HEAD.replace("formal", "automatic")),
    ] {
        assert!(!complaints(&good).contains("no route leads"), "{good}");
    }
}

#[rstest]
#[case::impact(
    "routes: {normal: {approvals: {r: 1}, cab: {when: release.impact == 'high'}}}",
    "`release.impact` is always `low`: the policy does not score it",
    "risk: {weights: {peak: 5}, impact: {high: 3}}"
)]
#[case::score(
    "routes: {normal: {approvals: {r: 1}}}\nraci: [{when: risk.score > 3, informed: r}]",
    "`risk.score` is always 0",
    "risk: {weights: {peak: 5}}"
)]
#[case::closed_for_ever(
    "calendar: {closed: {c: {hours: 24/7}}}\nroutes: {normal: {approvals: {r: 1}}}",
    "`c` is every hour of the week, so no release that it stops ever goes",
    ""
)]
#[case::no_zone(
    "calendar: {business_hours: Mo-Fr 09:00-17:00}\nroutes: {normal: {approvals: {r: 1}}}",
    "the calendar names no `timezone`, so these hours are counted in UTC",
    ""
)]
#[case::open_hours(
    "calendar: {timezone: UTC, business_hours: Mo-Fr 09:00-17:00}\nroutes: {normal: {approvals: {r: 1}, hours: open}}",
    "`hours: open` stops nothing: `business_hours` close nothing",
    ""
)]
fn a_rule_that_does_nothing_or_stops_everything_is_told(#[case] rest: &str, #[case] says: &str, #[case] mended: &str) {
    let text = format!("{HEAD}{rest}\n");
    let found = one(&text, says);
    assert!(found.starts_with("warning["), "{found}");
    if !mended.is_empty() {
        let told = complaints(&format!("{text}{mended}\n"));
        assert!(!told.contains(says), "{told}");
    }
}

#[rstest]
#[case("calendar: {closed: {c: {hours: 'Mo-Fr 00:00-24:00'}}}\nroutes: {normal: {approvals: {r: 1}}}")]
#[case(
    "calendar: {timezone: UTC, business_hours: Mo-Fr 09:00-17:00, closed: {c: {hours: 'Fr 12:00-18:00'}}}\nroutes: {normal: {approvals: {r: 1}, hours: open}}"
)]
#[case("routes: {normal: {approvals: {r: 1}, hours: open}}")]
#[case("environments: {p: {approval: automatic}, q: {approval: formal}}\nroutes: {normal: {approvals: {r: 1}}}")]
fn what_is_meant_is_not_complained_about(#[case] rest: &str) {
    let head = if rest.starts_with("environments") {
        HEAD.lines().filter(|line| !line.starts_with("environments")).collect::<Vec<_>>().join("\n") + "\n"
    } else {
        HEAD.to_owned()
    };
    assert_eq!(complaints(&format!("{head}{rest}\n")), "");
}

#[test]
fn a_route_that_nobody_is_asked_by_is_told() {
    let text = format!("{}routes: {{normal: {{approvals: {{r: 1}}}}}}\n", HEAD.replace("formal", "automatic"));
    let found = one(&text, "every environment is `automatic`, so nobody is ever asked");
    assert!(found.starts_with("warning[no-effect]") && found.contains("policy.yml:6:19"), "{found}");
}

#[rstest]
#[case("branches: refs/heads/main", "branches are written without `refs/heads/`: `main`")]
#[case("tags: [refs/tags/v*]", "tags are written without `refs/tags/`: `v*`")]
fn references_are_written_in_short(#[case] key: &str, #[case] says: &str) {
    let found = one(&HEAD.replace("formal}", &format!("formal, {key}}}")), says);
    assert!(found.starts_with("error[bad-glob]"), "{found}");
}

#[test]
fn the_caret_is_at_the_word_that_a_freeze_does_not_know() {
    let text = format!(
        "{HEAD}routes: {{normal: {{approvals: {{r: 1}}}}}}\ncalendar: {{freeze: {{f: {{from: 2026-01-02, to: 2026-01-03, except: [recovery, emergncy]}}}}}}\n"
    );
    let found = one(&text, "`f` excepts `emergncy`");
    let line = text.lines().last().unwrap();
    assert!(found.contains(&format!("policy.yml:7:{}", line.find("emergncy").unwrap() + 1)), "{found}");
}

#[rstest]
#[case::none(
    "0h",
    "error[contradiction]",
    "no incident begins within no time, so none ever makes a deployment a failure"
)]
#[case::all("90d", "warning[no-effect]", "deployments are counted for 90 days, so every incident")]
#[case::longer("200d", "warning[no-effect]", "leave `incidents_within` out, or state a shorter time")]
fn the_time_in_which_an_incident_counts_is_one_that_tells_some_apart(
    #[case] time: &str,
    #[case] code: &str,
    #[case] says: &str,
) {
    let text = |time: &str| {
        format!("{HEAD}rigor:\n  incidents_within: {time}\n  steps: [{{when: team.failure_rate_90d > 0.1}}]\n")
    };
    let found = one(&text(time), says);
    assert!(found.starts_with(code) && found.contains("policy.yml:7:21"), "{found}");
    for good in ["89d", "1h", "30min"] {
        assert!(!complaints(&text(good)).contains("incidents_within"), "{good}");
    }
}

/// What is said of the long example with other words in it.
fn of_example(from: &str, to: &str) -> String {
    assert!(super::EXAMPLE.contains(from), "{from}");
    let text = super::EXAMPLE.replacen(from, to, 1);
    match policy::read_with(vec![source("policy.yml", &text)], &[(0, super::holidays())]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

#[rstest]
#[case::verifies("verified_by: security", "verified_by: auditor")]
#[case::stands_in("fallback: ciso, after: 1bd", "fallback: auditor, after: 1bd")]
#[case::excepts("exceptions_by: cto", "exceptions_by: auditor")]
#[case::chairs("chair: release-manager", "chair: auditor")]
#[case::waives("waivers: { by: ciso", "waivers: { by: auditor")]
#[case::approves_a_model("approved_by: cab", "approved_by: auditor")]
#[case::is_escalated_to("to: [release-manager, cto], final", "to: [auditor, cto], final")]
#[case::looks_back("cab_review: { by: cab", "cab_review: { by: auditor")]
#[case::reviews("by: release-manager, within: 5bd, blocks", "by: auditor, within: 5bd, blocks")]
#[case::confirms("confirmed_by: incident-commander", "confirmed_by: auditor")]
#[case::grants("grant_by: [cto, ciso]", "grant_by: [cto, ciso, auditor]")]
#[case::advises("consulted: { role: qa", "consulted: { role: auditor")]
fn a_role_that_may_only_read_acts_nowhere(#[case] from: &str, #[case] to: &str) {
    let all = of_example(from, to);
    let found = all.split("\n\n").find(|one| one.contains("`auditor` may only read, so nothing that it does here"));
    let found = found.unwrap_or_else(|| panic!("{all}"));
    assert!(found.starts_with("warning[overlooked]"), "{found}");
    let line = super::EXAMPLE.replacen(from, to, 1).lines().position(|line| line.contains(to)).unwrap() + 1;
    assert!(found.contains(&format!("policy.yml:{line}:")) && found.contains("^^^^^^^"), "{found}");
}

#[test]
fn a_role_that_may_only_read_may_be_told() {
    let all = of_example("informed: [operations]", "informed: [operations, auditor]");
    assert_eq!(all, "");
}

#[rstest]
#[case(
    "regulations: [sox, pci-dss]",
    "regulations: [sx, pci-dss]",
    "about `sx`, so nothing is asked for it; did you mean `sox`?"
)]
#[case(
    "packs: [sox, pci-dss, hipaa]",
    "packs: [sox, hipaa]",
    "about `pci-dss`, so nothing is asked for it; add `pci-dss` to `packs`"
)]
#[case(
    "regulations: [sox], team: data",
    "regulations: [sox, gxp], team: data",
    "about `gxp`, so nothing is asked for it; say under `retention`"
)]
fn a_regulation_that_nothing_is_about_is_told(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let all = of_example(from, to);
    let found = all.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{all}"));
    assert!(found.starts_with("warning[overlooked]") && found.contains("^^"), "{found}");
}

#[rstest]
#[case::kept("retention: { default: 3y,", "retention: { default: 3y, gxp: 9y,")]
#[case::asked("when: team.emergencies_90d >= 3", "when: \"'gxp' in component.regulations\"")]
#[case::written_otherwise("regulations: [sox], team: data", "regulations: [SOX], team: data")]
fn a_regulation_that_something_is_about_is_fine(#[case] from: &str, #[case] to: &str) {
    let text = super::EXAMPLE.replacen("regulations: [sox, pci-dss]", "regulations: [sox, pci-dss, gxp]", 1);
    let text = if from.starts_with("regulations") { super::EXAMPLE.to_owned() } else { text };
    assert!(text.contains(from), "{from}");
    let read = policy::read_with(vec![source("policy.yml", &text.replacen(from, to, 1))], &[(0, super::holidays())]);
    let told = read.map_or_else(|list| told(&list), |policy| told(&policy.warnings));
    assert!(!told.contains("no pack of this policy"), "{told}");
}

#[rstest]
#[case(
    "environments: [production], stops",
    "environments: [], stops",
    "so these hours are closed in every environment"
)]
#[case("stops: [approval, deployment]", "stops: []", "so these hours stop approving and deploying")]
#[case(
    "except: [emergency, recovery]",
    "environments: [], except: [emergency, recovery]",
    "so every environment is frozen"
)]
fn a_list_that_is_empty_is_no_way_to_say_nothing(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let all = of_example(from, to);
    assert!(all.starts_with("warning[overlooked]") && all.contains(says) && all.contains("  ^"), "{all}");
}

#[rstest]
#[case("deployed_by: [github, gitlab, argocd]", "deployed_by: []", "error[contradiction]: `deployed_by` is empty")]
#[case(
    "branches: [main, \"release/*\"], tags: [\"v*\"]",
    "branches: []",
    "error[unsatisfiable]: no branch and no tag may enter"
)]
#[case(
    "branches: [main, \"release/*\"], tags: [\"v*\"]",
    "tags: [], branches: []",
    "error[unsatisfiable]: no branch and no tag may enter"
)]
fn an_environment_whose_lists_are_empty_is_refused(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let all = of_example(from, to);
    assert!(all.contains(says) && all.contains("  ^"), "{all}");
    let all = of_example("tags: [\"v*\"]", "tags: []");
    assert_eq!(all, "", "branches may enter");
}
