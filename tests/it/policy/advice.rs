//! What is told of a slip says what to write instead, and what it says to write is good.

use countersign::policy;
use rstest::rstest;

use super::source;

fn complaints(text: &str) -> String {
    match policy::read(vec![source("policy.yml", text)]) {
        Ok(policy) => super::told(&policy.warnings),
        Err(list) => super::told(&list),
    }
}

const HEAD: &str = "version: 1
gates: {g: {junit: a.xml, require: 'tests.failed == 0'}}
roles: {owner: {members: ['user:a', 'user:b']}, head: {members: ['user:c']}}
components: {pay: {paths: ['p/**'], tier: critical}, wiki: {paths: ['w/**'], tier: routine}}
";

#[rstest]
#[case::soak(
    "environments: {s: {approval: automatic}, p: {approval: formal, from: s, soak: 2}}",
    "`soak` is a length of time such as `24h`, not the number `2`; a number needs its unit, such as `2h`"
)]
#[case::quoted(
    "environments: {s: {approval: automatic}, p: {approval: formal, from: s, soak: '2'}}",
    "not `2`; a number needs its unit, such as `2h`"
)]
#[case::max("waivers: {by: head, max: 7}", "a number needs its unit, such as `7h`")]
#[case::kept("retention: {decisions: 7}", "a number needs its unit, such as `7d`")]
#[case::bots("separation: {bots: false}", "`bots` is `never`, not `false`\n")]
#[case::bots_by_a_word("separation: {bots: none}", "`bots` is `never`, not `none`")]
#[case::reason(
    "rejection: {reason: required}",
    "`reason` is a number (characters that a reason has at least, after normalisation; 1 when left out), not the text `required`"
)]
#[case::percent(
    "experiments: {e: {on: \"component.tier == 'routine'\", split: 15%}}",
    "not the text `15%`; write `15`"
)]
#[case::share("rigor: {steps: [{when: team.failure_rate_90d > 15%}]}", "a share is written `0.15`, not `15%`")]
#[case::share_in_between(
    "rigor: {steps: [{when: team.failure_rate_90d > 2.5% && release.lines > 1}]}",
    "a share is written `0.025`, not `2.5%`"
)]
#[case::role("routes: {normal: {approvals: {sec: 1}}}", "there is no role `sec`; there are `owner`, `head`")]
#[case::near_role("routes: {normal: {approvals: {hed: 1}}}", "there is no role `hed`; did you mean `head`?")]
#[case::component(
    "raci: [{on: cash-desk, accountable: owner}, {accountable: owner}]",
    "there is no component `cash-desk`; there are `pay`, `wiki`"
)]
#[case::zone("calendar: {timezone: UTC+1}", "there is no time zone `UTC+1`; an offset does not say when clocks change")]
#[case::near_zone("calendar: {timezone: Europe/Lundon}", "did you mean `Europe/London`?")]
#[case::no_such_day(
    "calendar: {freeze: {f: {from: 2026-02-30, to: 2026-03-01}}}",
    "not `2026-02-30`; there is no such day"
)]
#[case::zone_without_seconds(
    "calendar: {freeze: {f: {from: 2026-02-20T17:00Z, to: 2026-03-01}}}",
    "; leave the zone out and the policy's counts, or write the seconds too: `2026-02-20T17:00:00Z`"
)]
#[case::no_space("environments: {p: {approval:automatic}}", "a space follows the colon: `approval: automatic`")]
#[case::no_space_in_lines(
    "environments:\n  p:\n    approval:automatic",
    "not the text `approval:automatic`; a space follows the colon: `approval: automatic`"
)]
fn a_slip_is_told_with_what_to_write(#[case] rest: &str, #[case] says: &str) {
    let environments = if rest.starts_with("environments") { "" } else { "environments: {p: {approval: formal}}\n" };
    let told = complaints(&format!("{HEAD}{environments}{rest}\n"));
    assert!(told.contains(says), "{told}");
}

#[rstest]
#[case("soak: 2h")]
#[case("soak: 2")]
fn the_advice_on_a_length_of_time_is_good(#[case] soak: &str) {
    let told = complaints(&format!(
        "{HEAD}environments: {{s: {{approval: automatic}}, p: {{approval: formal, from: s, {soak}}}}}\n"
    ));
    assert_eq!(told.contains("wrong-form"), soak == "soak: 2", "{told}");
}

#[rstest]
#[case::duplicate(
    "roles: {a: {members: []}, a: {members: []}}",
    "duplicate key `a`, which stands at line 2 already: only one of the two could count"
)]
#[case::tab("roles:\n\ta: {members: []}", "a tab indents this line; indent with spaces")]
#[case::tab_after_spaces("roles:\n  a: {members: []}\n  \tb: {members: []}", "a tab indents this line")]
#[case::indentation("roles:\n  a: {members: []}\n b: {members: []}", "keys of one map are indented alike")]
#[case::bracket("roles: {a: {members: []}\nraci: []", "a comma is missing before this, or a `{` is not closed")]
#[case::other_bracket("delegate: [gates.a", "the bracket `[` is not closed; close it")]
#[case::crossed("delegate: [gates.a}", "the bracket `[` is closed by `}`")]
#[case::glob("gates: {g: {junit: **/a.xml}}", "put a text that begins with `*` in quotes")]
#[case::sign("roles: {a: {members: [@acme/sre]}}", "a text cannot begin with `@`; put it in quotes")]
#[case::colon("layer: a: b", "put a text that holds `: ` in quotes")]
#[case::quote("layer: 'a", "a quote is not closed; close it")]
#[case::after_a_quote("layer: 'a' b", "something follows a closed quote")]
#[case::escape("layer: \"a\\q\"", "use single quotes, in which it is a character like any other")]
#[case::key_alone("roles\nraci: []", "`:` is missing after a key")]
#[case::second("---\nroles: {}", "a second document follows")]
#[case::no_key("roles: {~: {members: []}}", "a key is a text here; write one")]
#[case::list_as_key("roles:\n  ? [a, b]\n  : {members: []}", "a key is a text here; write one")]
#[case::merge("people: {a: &a {accounts: []}, b: {<<: *a}}", "`<<` is not read here; write the entries out")]
#[case::tag("layer: !name x", "the tag `!name` is not read here")]
fn yaml_that_cannot_be_read_comes_with_advice(#[case] text: &str, #[case] says: &str) {
    let told = complaints(&format!("version: 1\n{text}\n"));
    assert!(told.contains("error[not-yaml]") && told.contains(says), "{told}");
    assert!(!told.contains("Policy in Options") && !told.contains("scalar"), "{told}");
}

#[test]
fn what_an_outer_layer_overrules_is_told_to_have_no_effect() {
    let outer = "version: 1
layer: organisation
environments: {p: {approval: formal}}
gates: {g: {junit: a.xml, require: 'tests.failed == 0'}}
roles: {owner: {members: ['user:a', 'user:b']}}
routes: {normal: {approvals: {owner: 1}}}
";
    let inner = "version: 1
layer: repository
environments: {p: {approval: automatic}}
gates: {h: {junit: a.xml, require: 'tests.failed == 0'}}
routes: {normal: {approval: automatic, hours: any}}
separation: {per: change, distinct_people: false}
";
    let read = |inner: &str| policy::read(vec![source("org.yml", outer), source("repo.yml", inner)]);
    let told = |inner: &str| read(inner).map_or_else(|list| super::told(&list), |policy| super::told(&policy.warnings));
    let said = told(inner);
    let at: Vec<&str> = said
        .split("\n\n")
        .filter(|one| one.starts_with("warning[no-effect]: this has no effect") && one.contains("the stricter holds"))
        .filter_map(|one| one.split("--> ").nth(1)?.lines().next())
        .collect();
    assert_eq!(at, ["repo.yml:3:30", "repo.yml:5:29", "repo.yml:5:47", "repo.yml:6:19", "repo.yml:6:44"], "{said}");
    assert!(said.contains("`approval` of `p` is formal in the organisation layer (org.yml:3)"), "{said}");

    let stricter = inner
        .replace("approval: automatic, hours: any", "hours: open")
        .replace("approval: automatic", "approval: formal")
        .replace("per: change, distinct_people: false", "per: release, distinct_people: true");
    assert_eq!(told(&stricter), "");
}
