//! Everything that is wrong with a policy is said at once, at its place.

use countersign::policy::diagnostics::Code;
use countersign::policy::{self, Source};
use rstest::rstest;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned(), sha256: String::new(), from: None }
}

fn complaints(text: &str) -> String {
    match policy::read(vec![source("policy.yml", text)]) {
        Ok(policy) => policy.warnings.iter().map(|file| file.render(false)).collect(),
        Err(complaints) => complaints.iter().map(|file| file.render(false)).collect(),
    }
}

fn valid(text: &str) -> bool {
    policy::read(vec![source("policy.yml", text)]).is_ok()
}

#[rstest]
#[case::assignment("tests.failed = 0", "`=` means nothing here; to compare, write `==`")]
#[case::at_most("tests.failed =< 3", "`=` means nothing here; for `at most`, write `<=`")]
#[case::at_least("tests.total => 3", "for `at least`, write `>=`")]
#[case::is_not("tests.failed <> 3", "for `is not`, write `!=`")]
#[case::grouped("tests.total > 1_000", "write a number without `_`")]
#[case::another_alphabet("t\u{435}sts.failed == 0", "(U+0435) is no letter of a name")]
#[case::of_another_kind(
    "findings.error == 0",
    "there is no measure `findings.error` here; gates with `sarif` or `scan` have it"
)]
#[case::one_ampersand("tests.failed == 0 & tests.total > 1", "for `and`, write `&&`")]
#[case::one_bar("tests.failed == 0 | tests.total > 1", "for `or`, write `||`")]
#[case::near("tests.faild == 0", "did you mean `tests.failed`?")]
#[case::near_in_the_baseline("tests.failed <= baseline.faild", "did you mean `baseline.failed`?")]
#[case::new_in_the_baseline("tests.failed <= baseline.new.failed", "did you mean `baseline.failed`?")]
fn a_slip_in_an_expression_is_told_with_what_was_probably_meant(#[case] require: &str, #[case] says: &str) {
    let told = complaints(&format!(
        "version: 1\nenvironments: {{p: {{approval: automatic}}}}\ngates:\n  g: {{junit: a.xml, require: '{require}'}}\n"
    ));
    assert!(told.contains(says), "{told}");
}

#[rstest]
#[case::a_length_of_time("max_age: 'X'", "`max_age` is a length of time such as `24h`, not `xxx")]
#[case::a_word("missing: 'X'", "`missing` is one of `pending`, `block`, not `xxx")]
#[case::a_name("environments: ['X']", "there is no environment `xxx")]
#[case::an_expression("first_release: 'tests.X == 0'", "`first_release`")]
#[case::not_closed("max_age: 'X' ]", "is closed by `]`")]
fn a_line_of_a_megabyte_fills_no_log(#[case] key: &str, #[case] says: &str) {
    let key = key.replace('X', &"x".repeat(1_000_000));
    let told = complaints(&format!(
        "version: 1\nenvironments: {{p: {{approval: automatic}}}}\ngates:\n  g: {{junit: a.xml, require: 'tests.failed == 0', {key}}}\n"
    ));
    assert!(told.len() < 3_000, "{} bytes", told.len());
    assert!(told.contains("policy.yml:4:"), "{told}");
    if !says.starts_with("`first") {
        assert!(told.contains(says), "{told}");
    }
}

#[test]
fn each_kind_of_mistake_says_once_what_to_do_about_it() {
    let told =
        complaints("version: 1\nenvironments: {p: {approval: automatik}, q: {approval: forml}}\ngates: {}\nrols: {}\n");
    assert_eq!(told.matches(Code::WrongForm.next()).count(), 1, "{told}");
    assert_eq!(told.matches(Code::UnknownKey.next()).count(), 1, "{told}");
    assert_eq!(told.matches("error[wrong-form]").count(), 2, "{told}");
}

#[test]
fn the_schema_refuses_as_empty_what_the_policy_may_not_have_empty() {
    let schema = policy::schema();
    for section in ["environments", "gates"] {
        assert_eq!(schema["then"]["properties"][section]["minProperties"], 1, "{section}");
    }
    let gate = &schema["properties"]["gates"]["additionalProperties"]["properties"];
    let of = |key: &str, more: &str| {
        format!("version: 1\nenvironments: {{p: {{approval: automatic}}}}\ngates:\n  g: {{{key}: [], {more}}}\n")
    };
    let judged = ["junit", "sarif", "scan", "coverage", "load", "sbom", "sigstore", "checklist"];
    for key in judged {
        assert_eq!(gate[key]["oneOf"][1]["minItems"], 1, "{key}");
        assert!(complaints(&of(key, "require: '1 == 1'")).contains("error[bad-gate]"), "{key}");
    }
    for key in ["environments", "on"] {
        assert_eq!(gate[key]["oneOf"][1]["minItems"], 1, "{key}");
        let told = complaints(&of(key, "junit: a.xml, require: 'tests.failed == 0'"));
        assert!(told.contains("error[bad-gate]"), "{key}: {told}");
    }
    // What may be empty may be empty there, too.
    assert_eq!(gate["ticked_in"]["oneOf"][1].get("minItems"), None);
}

#[test]
fn all_complaints_come_at_once_each_with_its_line() {
    insta::assert_snapshot!(complaints(
        r#"version: 1
environments: { production: { approval: automatik } }
gates:
  scan: { sarif: "**/*.sarif", require: "findings.eror == 0 && findings.new.warning < 'x'", on: [paymnts] }
  t: { junit: "/etc/*.xml", require: "tests.failed == 0 &&", missing: no }
  u: { junit: "a.xml", scan: "b", require: "tests.time < duration('4hh')" }
  v: { coverage: "c.xml" }
  w: { sigstore: "d.json" }
  x: {}
rols: {}
"#
    ));
}

#[test]
fn a_key_that_stands_twice_hides_no_other_mistake_not_even_of_another_layer() {
    let outer = "version: 1\nlayer: organisation\nroles: {a: {members: []}, a: {members: []}}\nrols: {}\n";
    let inner = "version: 1\nlayer: repository\nenvironments: {p: {approval: automatik}}\ngates: {g: {junit: a.xml, require: 'tests.faild == 0'}}\n";
    let files = policy::read(vec![source("outer.yml", outer), source("inner.yml", inner)]).unwrap_err();
    let told: String = files.iter().map(|file| file.render(false)).collect();
    for says in ["duplicate key `a`", "`rols`", "automatik", "`tests.failed`"] {
        assert!(told.contains(says), "{says}\n{told}");
    }
}

#[rstest]
#[case::folded("require: >-\n      tests.total > 0 &&\n      tests.faild == 0", "6:7", "tests.faild")]
#[case::literal("require: |\n      tests.faild == 0 &&\n      tests.total > 0\n", "5:7", "tests.faild")]
#[case::plain("require: tests.total > 0 &&\n      tests.faild == 0", "5:7", "tests.faild")]
#[case::quoted("require: \"tests.total > 0 &&\n      tests.faild == 0\"", "5:7", "tests.faild")]
#[case::first_line("require: 'tests.faild == 0 &&\n      tests.total > 0'", "4:15", "tests.faild")]
#[case::indented_more("require: >-\n      tests.total > 0 &&\n        tests.faild == 0", "6:9", "tests.faild")]
fn a_mistake_in_an_expression_of_several_lines_is_told_at_its_own(
    #[case] require: &str,
    #[case] place: &str,
    #[case] underlined: &str,
) {
    let text = format!(
        "version: 1\ngates:\n  g:\n    {require}\n    junit: a.xml\nenvironments: {{p: {{approval: automatic}}}}\n"
    );
    let told = complaints(&text);
    assert!(told.contains(&format!("policy.yml:{place}\n")), "{place}\n{told}");
    assert!(
        told.contains(&"^".repeat(underlined.len())) && !told.contains(&"^".repeat(underlined.len() + 1)),
        "{told}"
    );
}

#[rstest]
#[case("environments: {p: {approval: automatic}}\ngates: {g: {junit: a.xml, require: 'true'}}", "speaks of no measure")]
#[case(
    "environments: {p: {approval: automatic}}\ngates: {g: {junit: a.xml, require: '1 == 1'}}",
    "speaks of no measure"
)]
fn a_policy_that_decides_nothing_is_warned_of(#[case] rest: &str, #[case] says: &str) {
    let told = complaints(&format!("version: 1\n{rest}\n"));
    assert!(told.contains("warning[") && told.contains(says), "{told}");
    assert!(!told.contains("error["), "{told}");
}

#[rstest]
#[case::two_stars("identity: 'https://github.com/*/*/x@y', issuer: a", "more than one `*`")]
#[case::any("identity: '*', issuer: a", "`*` alone would match anybody")]
#[case::host("identity: 'https://*/x', issuer: a", "the `*` stands in the host")]
#[case::mail("identity: '*@gmail.com', issuer: a", "for anybody gets an address there")]
#[case::part_of_an_address("identity: 'erin*@GMail.com', issuer: a", "for anybody gets an address there")]
#[case::domain("identity: 'erin@*', issuer: a", "domains that anybody can own")]
#[case::part_of_a_domain("identity: 'erin@*.com', issuer: a", "domains that anybody can own")]
#[case::owner("identity: 'https://github.com/*/b/.github/workflows/x.yml@c', issuer: a", "that anybody can open")]
#[case::part_of_an_owner("identity: 'https://GitHub.com/acme-*', issuer: a", "that anybody can open")]
#[case::braces("identity: 'a{repositry}b', issuer: a", "nothing but `{repository}` is filled in")]
#[case::issuer("identity: a, issuer: '*'", "`issuer` is taken as it is written")]
#[case::source("identity: a, issuer: b, source: 'https://github.com/*'", "`source` is taken as it is written")]
#[case::builder("identity: a, issuer: b, builder: '*'", "`*` alone would match anybody")]
#[case::pem("key: 'not a pem'", "no public key in PEM")]
#[case::both("identity: a, issuer: b, key: 'x'", "keep one of the two")]
fn a_signature_that_could_never_be_right_is_refused_before_anything_runs(#[case] who: &str, #[case] says: &str) {
    let told = complaints(&format!("{GOOD}gates:\n  g: {{ sigstore: a, {who} }}\n"));
    assert!(told.contains("error[bad-gate]") && told.contains(says), "{told}");
}

#[test]
fn a_signature_by_a_pattern_or_a_key_is_good() {
    let pattern = "identity: 'https://github.com/{repository}/.github/workflows/*@refs/heads/main', issuer: 'https://i', \
                   source: 'https://github.com/{repository}'";
    let key = "key: \"-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\\n-----END PUBLIC KEY-----\\n\"";
    let mail = "identity: 'ci-*@acme.iam.gserviceaccount.com', issuer: 'https://accounts.google.com'";
    let any = "identity: 'https://github.com/acme/*/.github/workflows/x.yml@refs/heads/main', issuer: 'https://i'";
    let domain = "identity: '*@acme.example', issuer: 'https://accounts.google.com'";
    for who in [pattern, key, mail, domain, any] {
        assert_eq!(complaints(&format!("{GOOD}gates:\n  g: {{ sigstore: a, {who} }}\n")), "");
    }
}

#[test]
fn evidence_may_be_asked_of_a_workflow() {
    for from in ["acme/perf//nightly.yml", "acme/ci//scan.yml@refs/tags/v1", "acme/group/shop//.gitlab-ci.yml"] {
        let gate = format!("g: {{ junit: a.xml, require: 'tests.failed == 0', from: '{from}' }}");
        assert_eq!(complaints(&format!("{GOOD}gates:\n  {gate}\n")), "", "{from}");
    }
}

#[test]
fn t53_aliases_that_make_much_of_little_are_told_in_our_words() {
    let line = |name: char, of: char| format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(","));
    let text = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\n{}{}{}{}{}",
        line('b', 'a'),
        line('c', 'b'),
        line('d', 'c'),
        line('e', 'd'),
        line('f', 'e')
    );
    let told = complaints(&text);
    assert!(told.contains("more entries than are read") && !told.contains("budget"), "{told}");
}

#[test]
fn a_policy_without_environments_is_refused() {
    let gates = "version: 1\ngates: {g: {junit: a.xml, require: 'tests.failed == 0'}}\n";
    for rest in ["", "environments: {}\n"] {
        let told = complaints(&format!("{gates}{rest}"));
        assert!(told.contains("error[missing-key]") && told.contains("environments"), "{told}");
    }
}

#[rstest]
#[case::case("gpl-3.0-only", "it is written `GPL-3.0-only` there")]
#[case::deprecated("GPL-3.0", "it is written `GPL-3.0-only` there")]
#[case::plus("GPL-2.0+", "it is written `GPL-2.0-or-later` there")]
#[case::exception("classpath-exception-2.0", "it is written `Classpath-exception-2.0` there")]
#[case::order("MIT OR Apache-2.0", "it is written `Apache-2.0 OR MIT` there")]
fn a_licence_that_is_never_spelt_like_that_is_refused(#[case] licence: &str, #[case] says: &str) {
    let require =
        [format!("!('{licence}' in sbom.licences)"), format!("sbom.new.licences.all(one, one != '{licence}')")];
    for require in require {
        let told = complaints(&format!("{GOOD}gates:\n  g: {{sbom: a, require: \"{require}\"}}\n"));
        assert!(told.contains("error[bad-expression]") && told.contains(says), "{told}");
    }
    let right =
        complaints(&format!("{GOOD}gates:\n  g: {{sbom: a, require: \"!('GPL-3.0-only' in sbom.licences)\"}}\n"));
    assert_eq!(right, "");
}

#[rstest]
#[case::duplicate_key("version: 1\nversion: 1\n", "duplicate")]
#[case::alias_bomb(
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
    ""
)]
#[case::merge_key("a: &a {x: 1}\nb: {<<: *a}\n", "")]
#[case::tag("version: !!python/object:os.system 1\n", "")]
#[case::tag_of_yaml("version: !!int 1\n", "policy.yml:1:10")]
#[case::tag_of_a_text(
    "version: 1\nenvironments: {p: {approval: automatic}}\ngates: {g: {junit: !!str a.xml, require: 'true'}}\n",
    "the tag `!!str` is not read here; leave it out, or put the text in quotes"
)]
#[case::tag_alone("version: ! 1\n", "the tag `!`")]
#[case::tag_of_a_key("!!str version: 1\n", "policy.yml:1:1")]
#[case::two_documents("version: 1\n---\nversion: 1\n", "")]
#[case::not_a_map("- 1\n- 2\n", "a map with")]
#[case::no_for_false(
    "version: 1\nenvironments: {p: {approval: automatic}}\ngates: {g: {junit: a.xml, require: 'true'}}\nchange: {create: no}\n",
    "only `true` and `false`"
)]
#[case::tab("version: 1\n\tgates: {}\n", "")]
fn t53_hostile_yaml_is_refused_at_its_place(#[case] text: &str, #[case] says: &str) {
    let told = complaints(text);
    assert!(!valid(text), "{text}");
    assert!(told.contains("policy.yml:"), "{told}");
    assert!(told.contains(says), "{told}");
}

#[test]
fn t53_nesting_and_size_are_bounded() {
    let deep = format!("version: {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!valid(&deep));
    let long = format!("version: 1\n# {}\n", "x".repeat(2 << 20));
    assert!(complaints(&long).contains("beyond-limit"));
}

#[test]
fn t58_text_of_a_policy_reaches_a_terminal_without_control() {
    let told = complaints("version: 1\n\"rols\\e[31m\\u202e\": {}\n");
    assert!(!told.chars().any(|c| c == '\u{1b}' || c == '\u{202e}'), "{told:?}");
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    assert!(valid(
        "\u{feff}version: 1\nenvironments: {p: {approval: automatic}}\ngates: {g: {junit: a.xml, require: 'true'}}\n"
    ));
}

const GOOD: &str = "version: 1\nenvironments: {p: {approval: automatic}}\n";

#[rstest]
#[case("gates: {g: {junit: a.xml, require: 'true', environments: []}}", "would guard nothing")]
#[case("gates: {g: {junit: a.xml, require: 'true', first_release: 'true'}}", "has no effect")]
#[case(
    "gates: {g: {sarif: a, require: 'findings.new.error == 0', first_release: 'findings.new.error == 0'}}",
    "without a baseline"
)]
#[case("gates: {g: {junit: ../a.xml, require: 'true'}}", "leads out of the artifact folder")]
#[case("gates: {g: {junit: 'a\\b.xml', require: 'true'}}", "write `/` between the parts")]
#[case("gates: {g: {junit: '!a.xml', require: 'true'}}", "name those that count")]
#[case("gates: {g: {junit: 'a[', require: 'true'}}", "is no glob")]
#[case("gates: {'g g': {junit: a.xml, require: 'true'}}", "a name in")]
#[case("gates: {g: {checklist: [a, a]}}", "stands twice")]
#[case("gates: {g: {checklist: []}}", "has no items")]
#[case("gates: {g: {junit: a.xml, require: 'tests.failed == 0', from: 'zzz zzz'}}", "is no workflow")]
#[case("gates: {g: {junit: a.xml, require: 'tests.failed == 0', from: 'acme/ci/scan.yml'}}", "is no workflow")]
#[case("gates: {g: {junit: a.xml, require: 'tests.failed == 0', from: 'acme//scan.yml'}}", "is no workflow")]
#[case("gates: {g: {junit: a.xml, require: 'tests.failed == 0', from: 'acme/ci//scan.yml@'}}", "is no workflow")]
#[case("gates: {g: {sigstore: a, identity: x}}", "who must have signed")]
#[case("gates: {g: {junit: a.xml, require: 'true', max_age: 1mo}}", "a length of time such as `24h`")]
#[case("gates: {g: {junit: a.xml, require: 'true', identity: a, issuer: b}}", "has no effect")]
#[case("gates: {g: {junit: a.xml, require: 'true'}}\ndelegate: [gates.h]", "there is no gate `h`")]
#[case("gates: {g: {load: a, require: 'load.p95_ms <= baseline.p9_ms'}}", "no measure `baseline.p9_ms`")]
fn a_gate_that_does_not_hold_together_is_told(#[case] rest: &str, #[case] says: &str) {
    let told = complaints(&format!("{GOOD}{rest}\n"));
    assert!(told.contains(says), "{told}");
}

#[rstest]
#[case("by: ciso", "by: noor", "", "is not named as a member")]
#[case("by: ciso", "by: sam", "max: 1d, ", "runs longer than the `max`")]
#[case("by: ciso", "by: sam", "needs: [reason], ", "needs a `reason`")]
#[case("max: 30d", "by: sam", "", "is not named as a member")]
fn a_waiver_beyond_its_policy_is_refused(#[case] who: &str, #[case] by: &str, #[case] more: &str, #[case] says: &str) {
    let told = complaints(&format!(
        "{GOOD}roles: {{ciso: {{members: ['user:sam']}}}}\ngates: {{g: {{junit: a.xml, require: 'true'}}}}\nwaivers: {{{who}, {more}granted: [{{gate: g, {by}, from: 2026-11-20T00:00:00Z, until: 2026-12-01T00:00:00Z}}]}}\n"
    ));
    assert!(told.contains(says), "{told}");
}

const PEOPLE: &str = "version: 1
environments: {p: {approval: formal}}
gates: {g: {junit: a.xml, require: 'true'}}
roles: {owner: {members: ['user:dana']}, head: {members: ['user:ivo']}}
components: {pay: {paths: ['p/**'], kind: application}, wiki: {paths: ['w/**'], tier: routine}}
";

#[rstest]
#[case::unknown_role(
    "raci: [{on: pay, accountable: ownr}, {on: wiki, accountable: head}]",
    "there is no role `ownr`; did you mean `owner`?"
)]
#[case::unknown_component(
    "raci: [{on: pax, accountable: owner}, {accountable: owner}]",
    "there is no component `pax`; did you mean `pay`?"
)]
#[case::nobody("raci: [{on: pay, accountable: owner}]", "no role is accountable for `wiki`")]
#[case::two(
    "raci: [{on: pay, accountable: owner}, {on: component.kind == 'application', accountable: head}, {on: wiki, accountable: head}]",
    "`owner` and `head` would both be accountable for `pay`"
)]
#[case::not_said(
    "raci: [{on: pay, accountable: owner}, {on: component.kind == 'application', accountable: owner}]",
    "no role is accountable for `wiki`"
)]
#[case::bad_condition(
    "raci: [{on: component.knd == 'application', accountable: owner}]",
    "did you mean `component.kind`?"
)]
#[case::unknown_waiver_role("waivers: {by: cso}", "there is no role `cso`")]
#[case::unknown_gate("routes: {normal: {may_skip: [h]}}", "there is no gate `h`; did you mean `g`?")]
#[case::unknown_route(
    "rigor: {routes: [normel]}\nroutes: {normal: {hours: any}}",
    "there is no route `normel`; did you mean `normal`?"
)]
#[case::unknown_model(
    "classes: {standard: {models: [flag]}}",
    "there is no standard change `flag`; define it under `standard_changes`"
)]
fn names_that_lead_nowhere_are_found_before_they_matter(#[case] rest: &str, #[case] says: &str) {
    let told = complaints(&format!("{PEOPLE}{rest}\n"));
    assert!(told.contains(says), "{told}");
}

#[rstest]
#[case("roles: {a: {members: [], fallback: b}, b: {members: [], fallback: a}}", "the stand-ins of `a` lead back to it")]
#[case("roles: {a: {members: [], fallback: a}}", "the stand-ins of `a` lead back to it")]
fn r2_stand_ins_in_a_circle_are_found(#[case] rest: &str, #[case] says: &str) {
    let told = complaints(&format!("{GOOD}gates: {{g: {{junit: a.xml, require: 'true'}}}}\n{rest}\n"));
    assert!(told.contains(says), "{told}");
}

#[test]
fn an_environment_that_is_promoted_from_itself_is_found() {
    let told = complaints(
        "version: 1\nenvironments: {a: {approval: formal, from: b}, b: {approval: formal, from: a}}\ngates: {g: {junit: a.xml, require: 'true'}}\n",
    );
    assert!(told.contains("`a` is promoted from itself"), "{told}");
}

#[test]
fn every_word_of_the_long_example_is_known() {
    let policy = super::example();
    let told: String = policy.warnings.iter().map(|file| file.render(false)).collect();
    assert_eq!(told, "");
    let gates: Vec<&str> = policy.gates.iter().map(|gate| gate.name.as_str()).collect();
    assert_eq!(gates[..7], ["regression", "code-scan", "images", "load", "coverage", "provenance", "rollback"]);
}

#[test]
fn t53_of_very_many_complaints_a_hundred_are_shown_and_the_others_counted() {
    let keys: Vec<_> = (0..20_000).map(|key| format!("k{key}: 1\n")).collect();
    let keys = keys.concat();
    let told = complaints(&format!("version: 1\n{keys}"));
    assert_eq!(told.matches("error[").count(), 100);
    assert!(told.contains("error[unknown-key]: the policy has no key `k0`;"));
    // Beside the unknown keys, the policy lacks what it must have, which is three more.
    assert!(told.ends_with("and 19903 more in policy.yml, which are not shown; mend these first\n\n"));
}

#[test]
fn t53_the_place_of_a_mistake_does_not_take_longer_the_longer_the_policy_is() {
    let comment = "# padding\n".repeat(80_000);
    let gates: Vec<_> =
        (0..3000).map(|gate| format!("  g{gate}: {{ junit: a.xml, require: tests.faled==0 }}\n")).collect();
    let gates = gates.concat();
    let began = std::time::Instant::now();
    let told = complaints(&format!("version: 1\nenvironments: {{ production: {{}} }}\n{comment}gates:\n{gates}"));
    assert_eq!(told.matches("error[").count(), 100);
    // Counted from the beginning of the file for every mistake, it takes far longer.
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}
