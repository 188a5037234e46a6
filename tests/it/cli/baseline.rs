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
