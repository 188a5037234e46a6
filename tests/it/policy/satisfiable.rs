//! Whether the people that there are can approve: from the text alone, and with a roster.

use countersign::policy::roster::Roster;
use countersign::policy::{self, Policy, attended, satisfiable};
use rstest::rstest;

use super::{EXAMPLE, example, source, told};
use crate::support::run::World;

const ROSTER: &str = include_str!("../../../examples/acme/roster.yml");

fn roster(text: &str) -> Roster {
    Roster::read("roster.yml", text).unwrap_or_else(|complaints| panic!("{}", told(&[complaints])))
}

fn proved(policy: &Policy, text: &str) -> Vec<String> {
    satisfiable::told(&satisfiable::prove(&policy.rules, &roster(text)))
}

#[test]
fn the_long_example_is_satisfiable_with_any_one_person_absent() {
    let policy = example();
    assert_eq!(satisfiable::unlisted(&policy.rules, &roster(ROSTER)), Vec::<String>::new());
    assert_eq!(proved(&policy, ROSTER), Vec::<String>::new());
    let everybody = satisfiable::everybody(&policy.rules, &roster(ROSTER));
    assert!(everybody.len() > 25 && everybody.contains(&"pia".to_owned()), "{everybody:?}");
    assert_eq!(everybody.iter().filter(|person| person.contains("pia")).count(), 1, "one person, two accounts");
}

#[rstest]
#[case::one_too_few(
    "[github:dora, github:dan, github:desi, github:dmitri]",
    "[github:dora, github:dan, github:desi]",
    "`production` by the route `normal` of wiki cannot be approved with github:dora absent: 1 of docs-owner and up to 2 second reviewers are asked for, and there are github:dan, github:desi"
)]
#[case::nobody_ever(
    "[github:dora, github:dan, github:desi, github:dmitri]",
    "[github:dora]",
    "`production` by the route `normal` of wiki cannot be approved: 1 of docs-owner"
)]
#[case::operations(
    "[github:olu, github:omar, github:oona]",
    "[github:olu]",
    "`production` by the route `recovery` of payments, ledger, runtime, wiki, quarter-close cannot be approved with github:olu absent: 1 of operations are asked for, and nobody is there"
)]
fn a_roster_that_is_too_small_names_the_person_and_the_role(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let policy = example();
    let text = ROSTER.replace(from, to);
    assert_ne!(text, ROSTER);
    let told = proved(&policy, &text);
    assert!(told.iter().any(|told| told.starts_with(says)), "{told:#?}");
}

const SMALL: &str = "version: 1
environments: { production: { approval: formal } }
components: { shop: { paths: ['s/**'] } }
gates: { g: { junit: a.xml, require: 'true' } }
roles:
  owner: { members: ['github:@acme/owners'], fallback: head, after: 4h }
  head: { members: ['user:hana'] }
  security: { members: ['github:@acme/sec'] }
  operations: { members: ['github:@acme/ops'] }
raci:
  - { on: shop, accountable: owner }
  - { when: release.impact == 'high', representation: [security, operations] }
routes: { normal: { approvals: { accountable: 1 } } }
";

fn small(change: (&str, &str)) -> Policy {
    let text = SMALL.replace(change.0, change.1);
    policy::read(vec![source("policy.yml", &text)]).unwrap_or_else(|complaints| panic!("{}", told(&complaints)))
}

#[test]
fn one_person_in_two_groups_is_asked_once() {
    let policy = small(("", ""));
    let both = "groups: {'github:@acme/owners': [github:a, github:b], 'github:@acme/sec': [github:x], 'github:@acme/ops': [github:x]}\n";
    let told = proved(&policy, both);
    assert_eq!(
        told,
        [
            "`production` by the route `normal` of shop cannot be approved: owner, security, operations need 3 different people together, and of github:a, github:b, github:hana, github:x at most 2 can act at once"
        ]
    );
    let distinct = small(("raci:", "separation: { distinct_people: false }\nraci:"));
    assert_eq!(satisfiable::prove(&distinct.rules, &roster(both)).iter().filter(|it| it.absent.is_none()).count(), 0);
}

#[test]
fn who_stands_in_fills_the_role_of_the_one_absent() {
    let people = "groups: {'github:@acme/owners': [github:a], 'github:@acme/sec': [github:x, github:z], 'github:@acme/ops': [github:y, github:w]}\n";
    assert_eq!(proved(&small(("", "")), people), Vec::<String>::new());
    let alone = small((", fallback: head, after: 4h", ""));
    let told = proved(&alone, people);
    assert_eq!(
        told,
        [
            "`production` by the route `normal` of shop cannot be approved with github:a absent: 1 of owner are asked for, and nobody is there"
        ]
    );
}

#[test]
fn holders_and_stand_ins_do_not_make_up_a_number_together() {
    // While a holder acts, nobody stands in for him; second reviewers are another matter.
    let two = small(("{ accountable: 1 }", "{ accountable: 2 }"));
    let people = "groups: {'github:@acme/owners': [github:a], 'github:@acme/sec': [github:x, github:z], 'github:@acme/ops': [github:y, github:w]}\n";
    assert!(
        proved(&two, people)[0].contains("cannot be approved: 2 of owner are asked for"),
        "{:?}",
        proved(&two, people)
    );
}

#[test]
fn whoever_is_represented_is_asked_whatever_role_the_route_names() {
    let both = "groups: {'github:@acme/owners': [github:a, github:b], 'github:@acme/sec': [github:x], 'github:@acme/ops': [github:x]}\n";
    let told = proved(&small(("{ accountable: 1 }", "{ head: 1 }")), both);
    assert!(told[0].contains("head, security, operations need 3 different people together"), "{told:?}");
    let emergency = small((
        "routes: { normal: { approvals: { accountable: 1 } } }",
        "classes: { emergency: { when: incident.severity <= 1 && release.fixes(incident) } }\nincidents: { block_at: 1 }\nroutes: { normal: { approvals: { accountable: 1 } }, emergency: { approvals: { head: 1 } } }",
    ));
    let told = proved(&emergency, both);
    assert!(told.iter().any(|it| it.contains("route `normal`")), "{told:?}");
    assert!(!told.iter().any(|it| it.contains("`emergency`") && it.contains("security")), "{told:?}");
}

#[rstest]
#[case(
    "routes: {normal: {approvals: {r: 3}}}",
    "error[unsatisfiable]",
    "no release of `shop` can be approved by `normal`: 3 of r are asked for, and there are github:a, github:b"
)]
#[case(
    "routes: {normal: {approvals: {reader: 1}}}",
    "error[unsatisfiable]",
    "the role may only read, and so never approves"
)]
#[case(
    "routes: {normal: {approvals: {empty: 1}}}",
    "error[unsatisfiable]",
    "1 of empty are asked for, and nobody is there"
)]
#[case(
    "raci: [{on: shop, accountable: g}, {when: release.impact == 'high', representation: [r, s, t]}]\nroutes: {normal: {approvals: {accountable: 1}}}",
    "warning[overlooked]",
    "g, r, s, t need 4 different people together, and at most 3 can act at once"
)]
#[case(
    "raci: [{on: shop, accountable: r}]\nroutes: {normal: {approvals: {accountable: 1}}}\nrigor: {max: 2, steps: [{when: team.emergencies_90d > 1}, {when: team.emergencies_90d > 3}]}",
    "warning[overlooked]",
    "1 of r and up to 2 second reviewers are asked for"
)]
#[case(
    "calendar: {peak: {p: {from: 2026-12-01, to: 2026-12-09, rigor: +2}, q: {from: 2026-12-08, to: 2026-12-10, rigor: +1}}}\nraci: [{on: shop, accountable: r}]\nroutes: {normal: {approvals: {accountable: 1}}}",
    "warning[overlooked]",
    "1 of r and up to 3 second reviewers are asked for"
)]
#[case(
    "routes: {normal: {approvals: {accountable: 1}}}",
    "error[unsatisfiable]",
    "the accountable role is asked, and `shop` has none"
)]
#[case(
    "raci: [{on: shop, accountable: one, responsible: 'user:a'}]\nroutes: {normal: {approvals: {accountable: 1}}}",
    "error[unsatisfiable]",
    "who carries it out is never accountable for it"
)]
#[case(
    "raci: [{on: shop, accountable: g, responsible: g}]\nroutes: {normal: {approvals: {accountable: 1}}}",
    "error[unsatisfiable]",
    "`g` carries the release out, and is all that `g` has"
)]
#[case(
    "raci: [{on: shop, accountable: h, responsible: 'user:dana'}]\nroutes: {normal: {approvals: {accountable: 1}}}",
    "error[unsatisfiable]",
    "`user:dana` carries the release out, and is all that `h` has"
)]
#[case(
    "raci: [{on: shop, accountable: one, responsible: one}]\nroutes: {normal: {approvals: {accountable: 1}}}",
    "error[unsatisfiable]",
    "who carries it out is never accountable for it"
)]
#[case(
    "routes: {emergency: {approvals: {r: 1}}}",
    "warning[overlooked]",
    "no release of class normal has a route into `p`"
)]
#[case(
    "routes: {normal: {approvals: {r: 1}}}\nclasses: {emergency: {when: incident.severity <= 1}}\nincidents: {block_at: 1}",
    "warning[overlooked]",
    "no release of class emergency has a route into `p`"
)]
#[case(
    "routes: {normal: {approvals: {r: 1}}, quick: {approvals: {r: 1}}}",
    "warning[no-effect]",
    "no release takes `quick`"
)]
#[case(
    "routes: {normal: {approvals: {r: 1}}, standard: {approval: automatic}}",
    "warning[no-effect]",
    "nothing under `classes` makes one of that class"
)]
#[case(
    "routes: {normal: {approvals: {r: 1}}, emergency: {approvals: {r: 1}}}\nclasses: {emergency: {when: 'release.fixes(incident)'}}\nincidents: {block_at: 1}",
    "warning[overlooked]",
    "no role confirms a fix"
)]
#[case(
    "routes: {normal: {approvals: {r: 1}}, emergency: {approvals: {r: 1}}}\nclasses: {emergency: {when: incident.severity <= 1}}",
    "warning[overlooked]",
    "there are no `incidents`"
)]
#[case(
    "experiments: {e: {on: component.tier == 'critical', b: {approval: automatic}, stop_if: b.failure_rate > 0.1}}",
    "error[contradiction]",
    "no experiment lightens the way of a critical component"
)]
#[case(
    "break_glass: {grant_by: [one], people: 2}",
    "error[unsatisfiable]",
    "2 different people grant it, and 1 is named"
)]
#[case("", "warning[overlooked]", "nobody holds `empty`")]
fn what_the_text_proves_is_told_at_its_place(#[case] rest: &str, #[case] code: &str, #[case] says: &str) {
    let head = "version: 1
environments: {p: {approval: formal}}
components: {shop: {paths: ['s/**'], tier: critical}}
gates: {g: {junit: a.xml, require: 'true'}}
roles:
  r: {members: ['user:a', 'user:b']}
  s: {members: ['user:a', 'user:b']}
  t: {members: ['user:b', 'user:a']}
  one: {members: ['user:a']}
  g: {members: ['github:@acme/g']}
  h: {members: ['github:Dana']}
  reader: {members: ['user:a', 'user:b'], may: read}
  empty: {members: []}
";
    let told = match policy::read(vec![source("policy.yml", &format!("{head}{rest}\n"))]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    };
    let found = told.split("\n\n").find(|one| one.contains(says)).unwrap_or_else(|| panic!("{told}"));
    assert!(found.starts_with(code), "{found}");
    assert!(found.contains("policy.yml:"), "{found}");
}

#[test]
fn the_command_tries_a_policy_with_a_roster() {
    let world = World::with_policy(EXAMPLE);
    world.write(".countersign/england-bank-holidays.ics", super::holidays().text).write("roster.yml", ROSTER);
    let said = world.run(&["policy", "check", "--roster", "roster.yml"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    assert!(said.out.contains("satisfiable with any one of"), "{}", said.out);

    world.write("few.yml", ROSTER.replace("github:olu, github:omar, github:oona", "github:olu"));
    let said = world.run(&["policy", "check", "--roster", "few.yml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("with github:olu absent: 1 of operations"), "{}", said.err);

    world.write("gap.yml", ROSTER.replace("  \"github:@acme/sre\": [github:olu, github:omar, github:oona]\n", ""));
    let said = world.run(&["policy", "check", "--roster", "gap.yml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("does not say who is in github:@acme/sre"), "{}", said.err);

    world.write("wrong.json", r#"{"groups": {"github:@acme/sre": ["olu"]}, "group": {}}"#);
    let said = world.run(&["policy", "check", "--roster", "wrong.json"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("such as `github:olu`") && said.err.contains("did you mean `groups`?"), "{}", said.err);

    assert_eq!(world.run(&["policy", "check", "--roster", "none.yml"]).code, 2);

    world.write("slip.yml", ROSTER.replace("\"github:@acme/sre\"", "\"github:@acme/sree\""));
    let said = world.run(&["policy", "check", "--roster", "slip.yml"]);
    assert_eq!(said.code, 2);
    let hint = "no role names `github:@acme/sree`, which the roster slip.yml has; did you mean `github:@acme/sre`?";
    assert!(said.err.contains(hint), "{}", said.err);

    world.write("more.yml", ROSTER.replace("groups:\n", "groups:\n  \"github:@other/x\": [github:x]\n"));
    let said = world.run(&["policy", "check", "--roster", "more.yml"]);
    assert_eq!(said.code, 0, "a group too many stops nothing: {}", said.err);
    assert!(said.err.contains("no role names `github:@other/x`, which the roster more.yml has\n"), "{}", said.err);
}

#[test]
fn one_person_who_is_asked_twice_is_told_to_be_alone() {
    let text = SMALL
        .replace("members: ['github:@acme/owners'], fallback: head, after: 4h", "members: ['user:hana']")
        .replace("accountable: 1 }", "owner: 1, head: 1 }");
    let told = match policy::read(vec![source("policy.yml", &text)]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    };
    assert!(
        told.contains("owner, head need 2 different people together, and github:hana is the only one there"),
        "{told}"
    );
}

#[test]
fn the_command_says_how_to_name_a_policy_and_whether_more_is_checked() {
    let world = World::new();
    let said = world.run(&["policy", "check"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("write one, or name its file: `countersign policy check FILE`"), "{}", said.err);
    assert!(!said.err.contains("--policy"), "{}", said.err);

    // The first mistake hides what all sections prove together; the second is such a proof itself.
    let head = "version: 1\nenvironments: {p: {approval: formal}}\ngates: {g: {junit: a.xml, require: 'true'}}\n";
    world.write("a.yml", format!("{head}routes: {{normal: {{hour: any}}}}\n"));
    let said = world.run(&["policy", "check", "a.yml"]);
    assert!(said.err.contains("the policy has 1 mistake; more is checked once this is mended"), "{}", said.err);
    world.write("b.yml", format!("{head}routes: {{normal: {{cab: {{}}}}}}\n"));
    let said = world.run(&["policy", "check", "b.yml"]);
    assert!(said.err.contains("the policy has 2 mistakes\n"), "{}", said.err);
}

#[test]
fn a_code_that_is_not_known_is_told_with_the_nearest() {
    let said = World::new().run(&["explain", "no-basline"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("there is no code `no-basline`; did you mean `no_baseline`?"), "{}", said.err);
    assert!(!World::new().run(&["explain", "zzzzzzzz"]).err.contains("did you mean"));
}

#[rstest]
#[case::reviews_only("when: component.name == 'wiki', approvals: {accountable: 1, counts_from: [review]}", true)]
#[case::a_place_in_common(
    "when: component.name == 'wiki', approvals: {accountable: 1, counts_from: [review, page]}",
    false
)]
#[case::never_taken_together("when: release.lines < 10, approvals: {accountable: 1, counts_from: [review]}", false)]
fn routes_that_exclude_each_other_are_told(#[case] wiki: &str, #[case] warned: bool) {
    let text = format!(
        "version: 1
environments: {{p: {{approval: formal}}}}
components: {{shop: {{paths: ['s/**']}}, wiki: {{paths: ['w/**']}}}}
gates: {{g: {{junit: a.xml, require: 'true'}}}}
roles: {{r: {{members: ['user:a', 'user:b']}}}}
raci: [{{accountable: r}}]
routes: {{normal: {{approvals: {{r: 1}}}}, wiki: {{{wiki}}}}}
"
    );
    let policy = policy::read(vec![source("policy.yml", &text)]).unwrap_or_else(|list| panic!("{}", told(&list)));
    let says = "a release that takes both `normal` and `wiki` has no approval from `r` that counts: no place is in \
                `counts_from` of both";
    assert_eq!(told(&policy.warnings).contains(says), warned, "{}", told(&policy.warnings));
}

const ATTENDED: &str = "version: 1
environments: {p: {approval: formal}}
roles:
  r: {members: ['user:a', 'user:b', 'user:c']}
  cab: {members: ['user:a', 'user:b', 'user:c']}
  chair: {members: ['user:a', 'user:b']}
  qa: {members: ['user:a'], fallback: r}
  x: {members: ['user:a', 'user:b']}
  y: {members: ['user:b', 'user:c']}
  gone: {members: ['github:@acme/gone']}
  qa2: {members: ['user:a']}
routes: {normal: {approvals: {r: 1}, cab: {}}}
calendar: {cab: {meetings: \"DTSTART:20260901T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU\", quorum: 2, chair: chair}}
gates: {ready: {checklist: [one], verified_by: qa}}
break_glass: {grant_by: [x, y], people: 2, releases: 1, expires: 4h}
";

#[rstest]
#[case::everything("", "", &[])]
#[case::quorum("quorum: 2", "quorum: 3", &["the CAB cannot decide: its quorum of 3 is not there, with github:a or github:b or github:c absent"])]
#[case::never("quorum: 2", "quorum: 4", &["the CAB cannot decide: its quorum of 4 is not there"])]
#[case::chair(
    "chair: {members: ['user:a', 'user:b']}",
    "chair: {members: ['user:b']}",
    &["the CAB cannot decide: nobody of `chair`, which chairs it, is there, with github:b absent"]
)]
#[case::board_not_asked(", cab: {}}", "}", &[])]
#[case::verifier(
    "['user:a'], fallback: r",
    "['user:a']",
    &["`ready` cannot be ticked: nobody of `qa` is there, with github:a absent"]
)]
#[case::glass(
    "y: {members: ['user:b', 'user:c']}",
    "y: {members: ['user:b']}",
    &[]
)]
#[case::nobody_confirms(
    "break_glass:",
    "incidents: {system: pagerduty, severity: {P1: 1}, block_at: 1, unless: release.fixes(incident), confirmed_by: gone}\nbreak_glass:",
    &["no fix of an incident can be confirmed: nobody of `gone` is there"]
)]
#[case::nobody_reviews(
    "break_glass:",
    "reviews: {pir: {by: gone, within: 5bd, blocks: team}}\nbreak_glass:",
    &["`pir` cannot be met, and would hold the next releases: nobody of `gone` is there"]
)]
#[case::nobody_audits(
    "cab: {}}",
    "cab: {}, then: {audit: {by: qa2, within: 1bd}}}",
    &["`audit` cannot be met, and would hold the next releases: nobody of `qa2` is there, with github:a absent"]
)]
#[case::glass_never(
    "x: {members: ['user:a', 'user:b']}\n  y: {members: ['user:b', 'user:c']}",
    "x: {members: ['github:@acme/x']}\n  y: {members: ['user:b']}",
    &["break-glass cannot be granted: 2 people of x, y are not there"]
)]
fn what_waits_for_people_beside_approvals_is_proved_too(
    #[case] from: &str,
    #[case] to: &str,
    #[case] expected: &[&str],
) {
    let text = ATTENDED.replacen(from, to, 1);
    let read = policy::read(vec![source("policy.yml", &text)]);
    let policy = read.unwrap_or_else(|complaints| panic!("{}", told(&complaints)));
    assert_eq!(
        attended::prove(&policy, &roster("groups: {'github:@acme/x': [github:B], 'github:@acme/gone': []}")),
        expected
    );
}
