//! What is new since the last release, where its folder and this run's hold several reports.

use rstest::rstest;

use crate::support::run::{World, gate};

const POLICY: &str = "version: 1\nenvironments: { production: { approval: automatic } }\n\
    gates: { unit: { junit: '**/*.xml', require: 'tests.new.failed == 0' } }\n";

/// A report of suite `s` with the tests of these names, of which those that begin with `-` fail.
fn report(tests: &str) -> String {
    let case = |name: &str| match name.strip_prefix('-') {
        Some(name) => format!("<testcase classname='c' name='{name}'><failure/></testcase>"),
        None => format!("<testcase classname='c' name='{name}'/>"),
    };
    format!("<testsuite name='s'>{}</testsuite>", tests.split(' ').map(case).collect::<String>())
}

type Reports<'r> = &'r [(&'r str, &'r str)];

#[rstest]
#[case::nothing_changed(&[("a/t", "-n"), ("b/t", "n")], &[("a/t", "-n"), ("b/t", "n")], 0)]
#[case::the_other_module_fails(&[("a/t", "-n"), ("b/t", "n")], &[("a/t", "n"), ("b/t", "-n")], 1)]
#[case::both_modules_fail(&[("a/t", "-n"), ("b/t", "n")], &[("a/t", "-n"), ("b/t", "-n")], 1)]
#[case::moved_between_shards(&[("1", "-n x"), ("2", "y")], &[("1", "x"), ("2", "y -n")], 1)]
#[case::all_have_new_names(&[("run-1", "-n")], &[("run-2", "-n")], 0)]
#[case::a_new_name_beside_one_that_stays(&[("a", "-n"), ("b", "n")], &[("a", "-n"), ("c", "-n")], 1)]
#[case::one_of_two_has_a_new_name(&[("a", "n"), ("b", "-n")], &[("a", "n"), ("c", "-n")], 0)]
#[case::a_report_more(&[("a", "-n")], &[("a", "-n"), ("b", "-n")], 1)]
fn a_failure_of_one_report_hides_none_of_another(#[case] before: Reports, #[case] now: Reports, #[case] new: u32) {
    let world = World::with_policy(POLICY);
    for (folder, reports) in [("before", before), ("now", now)] {
        for (name, tests) in reports {
            world.write(&format!("{folder}/{name}.xml"), report(tests));
        }
    }
    let (code, decision) = world.gate(&["--artifacts", "now", "--baseline", "before"]);
    assert_eq!(gate(&decision, "unit")["measures"]["tests.new.failed"], new, "{decision:#}");
    assert_eq!(code, if new == 0 { 0 } else { 11 });
}

#[test]
fn a_baseline_that_is_one_file_serves_a_report_of_another_name() {
    let world = World::with_policy(POLICY);
    world.write("before/old.xml", report("-n")).write("now/t.xml", report("-n"));
    let (code, decision) = world.gate(&["--artifacts", "now", "--baseline", "before/old.xml"]);
    assert_eq!(code, 0, "{decision:#}");
}

#[rstest]
#[case::no_byte(Some("before/old.xml"), "the baseline old.xml: the file is empty, of 0 bytes")]
#[case::no_byte_of_one_file(Some("old.xml"), "old.xml: the file is empty, of 0 bytes")]
#[case::nothing_in_the_folder(None, "the baseline folder: the folder holds no file")]
fn a_baseline_that_holds_nothing_is_said_to_and_makes_no_first_release(#[case] file: Option<&str>, #[case] says: &str) {
    let world = World::with_policy(&POLICY.replace("failed == 0'", "failed == 0', first_release: 'tests.failed == 0'"));
    world.write("now/old.xml", report("n"));
    std::fs::create_dir(world.path().join("before")).unwrap();
    if let Some(file) = file {
        world.write(file, "");
    }
    let baseline = file.filter(|file| !file.contains('/')).unwrap_or("before");
    let (code, decision) = world.gate(&["--artifacts", "now", "--baseline", baseline]);
    let unit = gate(&decision, "unit");
    assert_eq!((code, unit["reason"].as_str()), (10, Some("not_in_baseline")), "{unit}");
    let explanation = unit["explanation"].as_str().unwrap();
    assert!(explanation.contains(says) && explanation.contains("fetch what the last release left anew"), "{unit}");
}

const AT_LEAST: &str = "version: 1\nenvironments: { production: { approval: automatic } }\n\
    gates: { unit: { junit: '**/*.xml', require: 'tests.total >= 4 && tests.failed == 0' } }\n";

#[test]
fn a_report_that_was_passed_on_twice_counts_once() {
    let world = World::with_policy(AT_LEAST);
    world.write("a/one.xml", report("n m")).write("b/one.xml", report("n m"));
    let (code, decision) = world.gate(&[]);
    let unit = gate(&decision, "unit");
    assert_eq!((code, &unit["measures"]["tests.total"]), (11, &2.into()), "{unit}");
    assert_eq!(unit["evidence_count"], 2, "{unit}");
    assert_eq!(unit["evidence"][0]["sha256"], unit["evidence"][1]["sha256"], "{unit}");
    let explanation = unit["explanation"].as_str().unwrap();
    assert!(explanation.ends_with("; b/one.xml is a/one.xml byte for byte; such a report counts once"), "{unit}");
    // Of the same size is not the same.
    world.write("c/one.xml", report("x y"));
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, &gate(&decision, "unit")["measures"]["tests.total"]), (0, &4.into()), "{decision:#}");
    world.write("d/one.xml", report("x y"));
    let (_, decision) = world.gate(&[]);
    let unit = gate(&decision, "unit");
    assert_eq!(unit["measures"]["tests.total"], 4, "{unit}");
    assert!(unit["explanation"].as_str().unwrap().contains("and 1 more are such copies"), "{unit}");
    // A copy of what cannot be judged helps nobody.
    world.write("e/one.xml", "<testsuite").write("f/one.xml", "<testsuite");
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, gate(&decision, "unit")["reason"].as_str()), (3, Some("malformed")), "{decision:#}");
}

#[test]
fn a_baseline_that_holds_a_copy_allows_no_more_for_it() {
    let world = World::with_policy(
        "version: 1\nenvironments: { production: { approval: automatic } }\n\
         gates: { unit: { junit: '**/*.xml', require: 'tests.failed <= baseline.failed' } }\n",
    );
    world.write("before/a.xml", report("-n")).write("before/copy.xml", report("-n"));
    world.write("now/a.xml", report("-n -m"));
    let (code, decision) = world.gate(&["--artifacts", "now", "--baseline", "before"]);
    assert_eq!(code, 11, "{decision:#}");
}

#[test]
fn a_copy_of_findings_holds_no_less_than_two_reports_and_is_told() {
    let world = World::with_policy(
        "version: 1\nenvironments: { production: { approval: automatic } }\n\
         gates: { scan: { sarif: '**/*.sarif', require: 'findings.error <= 1' } }\n",
    );
    let log =
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[{"ruleId":"r","level":"error"}]}]}"#;
    world.write("a.sarif", log);
    assert_eq!(world.gate(&[]).0, 0);
    world.write("b.sarif", log);
    let (code, decision) = world.gate(&[]);
    let scan = gate(&decision, "scan");
    assert_eq!((code, &scan["measures"]["findings.error"]), (11, &2.into()), "{scan}");
    assert!(
        scan["explanation"]
            .as_str()
            .unwrap()
            .ends_with("; b.sarif is a.sarif byte for byte; each counts, so pass each on once")
    );
}

#[test]
fn two_parts_that_say_the_same_fail_each_by_itself() {
    let world = World::with_policy(POLICY);
    world.write("before/a/t.xml", report("-n")).write("before/b/t.xml", report("n"));
    world.write("now/a/t.xml", report("-n")).write("now/b/t.xml", report("-n"));
    let (code, decision) = world.gate(&["--artifacts", "now", "--baseline", "before"]);
    let measures = &gate(&decision, "unit")["measures"];
    assert_eq!((code, &measures["tests.new.failed"]), (11, &1.into()), "{decision:#}");
    assert_eq!((&measures["tests.total"], &measures["tests.failed"]), (&1.into(), &1.into()), "{decision:#}");
}
