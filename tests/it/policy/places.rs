//! Every expression of a policy is checked where it stands, by what can be spoken of there.

use countersign::policy;
use rstest::rstest;

use super::{source, told};

#[rstest]
#[case::approval(
    "environments: {p: {approval: {when: 'release.lin < 3', then: automatic, else: formal}}}",
    "did you mean `release.lines`?"
)]
#[case::files(
    "environments: {p: {approval: {when: 'change.onyl(\"docs/**\")', then: automatic, else: formal}}}",
    "did you mean `change.only`?"
)]
#[case::glob(
    "environments: {p: {approval: {when: 'change.only(\"docs/[\")', then: automatic, else: formal}}}",
    "`docs/[` is no glob"
)]
#[case::raci("raci: [{when: release.impct == 'high', informed: [r]}]", "did you mean `release.impact`?")]
#[case::weight_local("risk: {weights: {size.lines: 'files / 10'}}", "there is no fact `files` here")]
#[case::weight_type("risk: {weights: {size.lines: 'lines > 10'}}", "expected a number")]
#[case::weight_name(
    "risk: {weights: {tier.critcal: 5}}",
    "there is no weight `tier.critcal`; did you mean `tier.critical`?"
)]
#[case::weight_plain("risk: {weights: {peak: '2 * 3'}}", "`peak` is there or not, so its weight is a number")]
#[case::incident("classes: {emergency: {when: incident.sevrity <= 1}}", "did you mean `incident.severity`?")]
#[case::incident_elsewhere(
    "routes: {normal: {when: incident.severity <= 1, approvals: {r: 1}}}",
    "there is no fact `incident.severity` here"
)]
#[case::fixes("routes: {normal: {when: release.fixes(incident), approvals: {r: 1}}}", "release.fixes")]
#[case::removes("classes: {emergency: {when: release.removes(running)}}", "running.vulnerabilities.exploited")]
#[case::cab("routes: {normal: {cab: {when: release.impact > 3}, approvals: {r: 1}}}", "is compared with a number")]
#[case::rigor("rigor: {steps: [{when: team.mttr_90d > 4}]}", "write a length of time as `duration('4h')`")]
#[case::until(
    "rigor: {steps: [{when: team.emergencies_90d > 4, until: team.emergency_90d < 1}]}",
    "did you mean `team.emergencies_90d`?"
)]
#[case::outcome("reviews: {pir: {when: outcom == 'failed', by: r}}", "did you mean `outcome`?")]
#[case::arms(
    "experiments: {e: {on: component.tier == 'routine', b: {approval: automatic}, stop_if: b.failures > 1}}",
    "there is no fact `b.failures` here"
)]
#[case::experiment(
    "experiments: {e: {on: release.lines > 1, b: {approval: automatic}, stop_if: b.failure_rate > 1}}",
    "there is no fact `release.lines` here"
)]
#[case::scope("standard_changes: {c: {when: change.only('a') && foo, approved_by: r}}", "there is no fact `foo` here")]
fn an_expression_is_told_at_its_place(#[case] rest: &str, #[case] says: &str) {
    let environments = if rest.starts_with("environments") { "" } else { "environments: {p: {approval: formal}}\n" };
    let text = format!(
        "version: 1\n{environments}gates: {{g: {{junit: a.xml, require: 'true'}}}}\nroles: {{r: {{members: ['user:a', 'user:b']}}}}\n{rest}\n"
    );
    let told = policy::read(vec![source("policy.yml", &text)]).map(|_| ()).map_err(|list| told(&list)).unwrap_err();
    assert!(told.contains(says), "{told}");
    assert!(
        told.contains("error[bad-expression]")
            || told.contains("error[unknown-name]")
            || told.contains("error[bad-glob]")
            || told.contains("error[wrong-form]"),
        "{told}"
    );
}

#[rstest]
#[case("roles: {r: {members: [dana]}}", "`dana` is nobody's name; write `user:dana`")]
#[case("roles: {r: {members: ['github:@appsec']}}", "names a team without its organisation")]
#[case("roles: {r: {members: ['github:acme/appsec']}}", "a team is written `github:@acme/appsec`")]
#[case("roles: {r: {members: ['user:a', 'user:a']}}", "stands twice")]
#[case("roles: {accountable: {members: ['user:a']}}", "`accountable` means something else under `approvals`")]
#[case("roles: {r: {members: ['user:a'], fallback: s}, s: {members: ['user:b']}}", "has a `fallback` and no `after`")]
#[case("roles: {r: {members: ['user:a'], after: 4h}}", "`after` has no effect without `fallback`")]
#[case("roles: {r: {members: ['user:a'], calendar: {hours: 'Mo-Fr 25:00-26:00'}}}", "bad-calendar")]
#[case("people: {a: {github: x}, b: {github: X}}", "is `a`'s already; one person has all of it")]
#[case("people: {a: {github: x, away: [{from: 2026-02-01, to: 2026-01-01}]}}", "an absence ends after it begins")]
#[case(
    "components: {a: {paths: ['a/**']}, b: {paths: ['b/**']}, c: {paths: ['c/**']}}\npackages: {p: {components: [a, b], order: [a, c]}}",
    "`c` is ordered, and is no part of `p`"
)]
#[case(
    "components: {a: {paths: ['a/**']}, b: {paths: ['b/**']}}\npackages: {p: {components: [a, b], order: [a]}}",
    "the order of `p` does not say when b goes"
)]
#[case("routes: {normal: {approvals: {s: 1}}}\nroles: {r: {members: ['user:a']}}", "there is no role `s`")]
#[case("routes: {normal: {approvals: {acountable: 1}}}", "did you mean `accountable`?")]
#[case(
    "routes: {normal: {approvals: {r: 0}}}\nroles: {r: {members: ['user:a']}}",
    "`r` is a whole number of at least 1, not 0"
)]
#[case("routes: {normal: {approvals: {r: '1'}}}\nroles: {r: {members: ['user:a']}}", "is how many approvals it gives")]
#[case(
    "routes: {normal: {approvals: {r: 1, expire: soon}}}\nroles: {r: {members: ['user:a']}}",
    "`expire` is a length of time"
)]
#[case(
    "routes: {normal: {approvals: {r: 1, counts_from: [pages]}}}\nroles: {r: {members: ['user:a']}}",
    "approvals do not come from `pages`; did you mean `page`?"
)]
#[case(
    "routes: {normal: {approval: automatic, approvals: {r: 1}}}\nroles: {r: {members: ['user:a']}}",
    "say one of the two"
)]
#[case("routes: {normal: {cab: {}}}", "`normal` asks for no approval")]
#[case(
    "routes: {normal: {approvals: {r: 1}, escalate: {to: r}}}\nroles: {r: {members: ['user:a']}}",
    "give it `undecided_after`"
)]
#[case(
    "routes: {normal: {approvals: {r: 1}, escalate: {undecided_after: 1h, to: r, final: s}}}\nroles: {r: {members: ['user:a']}, s: {members: ['user:b']}}",
    "the final word is `s`'s, who is never asked"
)]
#[case(
    "standard_changes: {c: {when: 'true', suspend_after: often, approved_by: r}}\nroles: {r: {members: ['user:a']}}",
    "a number of failures such as `1 failure`"
)]
#[case("standard_changes: {c: {when: 'true'}}", "nobody approves `c`")]
#[case("standard_changes: {c: {when: 'true'}}", "nobody looks after `c`")]
#[case("standard_changes: {c: {when: 'true'}}", "the approval of `c` would last for ever")]
#[case("classes: {urgent: {when: 'true'}}", "the classes are `emergency` and `standard`")]
#[case("classes: {emergency: {}}", "an emergency is one by facts")]
#[case("risk: {impact: {high: 30, medium: 60}}", "`medium` begins at 60, where `high` has begun at 30")]
#[case("separation: {exclude: []}", "everybody could approve his own work")]
#[case(
    "break_glass: {people: 1, grant_by: [r]}\nroles: {r: {members: ['user:a']}}",
    "`people` is a whole number of at least 2"
)]
#[case("break_glass: {}", "nobody grants it")]
#[case("incidents: {severity: {P1: 2}, block_at: 1}", "no severity is as bad as 1")]
#[case("experiments: {e: {on: component.tier == 'routine', b: {approval: automatic}}}", "`e` never stops")]
#[case("experiments: {e: {on: component.tier == 'routine', b: {approval: formal}}}", "compares a path with itself")]
#[case("reviews: {pir: {within: 1d}}", "nobody signs the review off")]
#[case("raci: [{when: release.lines > 1}]", "this row names nobody")]
#[case("calendar: {freeze: {f: {from: 2026-01-02, to: 2026-01-02}}}", "a freeze ends after it begins")]
#[case(
    "calendar: {freeze: {f: {from: 2026-01-02, to: 2026-01-03, except: emergncy}}}",
    "`f` excepts `emergncy`, which is no class and no route; did you mean `emergency`?"
)]
#[case("waivers: {max: 3d}", "no role may grant a waiver")]
fn what_does_not_hold_together_is_told_at_its_place(#[case] rest: &str, #[case] says: &str) {
    let text = format!(
        "version: 1\nenvironments: {{p: {{approval: automatic}}}}\ngates: {{g: {{junit: a.xml, require: 'true'}}}}\n{rest}\n"
    );
    let told = match policy::read(vec![source("policy.yml", &text)]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    };
    assert!(told.contains(says), "{told}");
    assert!(told.contains("policy.yml:"), "{told}");
}
