//! Where the results of a SARIF log lie, and what a log says of its run.

use countersign::model::kind::Format;
use rstest::rstest;

use super::findings::{compare, count};
use super::sarif::log;

/// A run whose one result lies at a location, with what else the run says before the results or after them.
fn placed(location: &str, run: &str, before: bool) -> String {
    let results = format!(
        r#""results":[{{"ruleId":"r","message":{{"text":"m"}},"locations":[{{"physicalLocation":{{"artifactLocation":{location}}}}}]}}]"#
    );
    let (first, last) = if before { (run, results.as_str()) } else { (results.as_str(), run) };
    let parts = [r#""tool":{"driver":{"name":"t"}}"#, first, last].into_iter().filter(|part| !part.is_empty());
    format!(r#"{{"version":"2.1.0","runs":[{{{}}}]}}"#, parts.collect::<Vec<_>>().join(","))
}

const ARTIFACTS: &str = r#""artifacts":[{"location":{"uri":"a.c"}},{"location":{"uri":"b.c"}}]"#;
const SWAPPED: &str = r#""artifacts":[{"location":{"uri":"b.c"}},{"location":{"uri":"a.c"}}]"#;
const BASES: &str = r#""originalUriBaseIds":{"A":{"uri":"file:///w/a/"},"B":{"uri":"file:///w/b/"}}"#;
const ELSEWHERE: &str = r#""originalUriBaseIds":{"A":{"uri":"file:///runner/7/a/"}}"#;
const BELOW: &str = r#""originalUriBaseIds":{"S":{"uri":"one/","uriBaseId":"A"},"A":{"uri":"file:///w/"}}"#;
const OTHER: &str = r#""originalUriBaseIds":{"S":{"uri":"two/","uriBaseId":"A"},"A":{"uri":"file:///w/"}}"#;

#[rstest]
#[case::another_artifact((r#"{"index":0}"#, ARTIFACTS), (r#"{"index":1}"#, ARTIFACTS), true)]
#[case::the_same_artifact((r#"{"index":0}"#, ARTIFACTS), (r#"{"index":0}"#, ARTIFACTS), false)]
#[case::the_index_moved((r#"{"index":0}"#, ARTIFACTS), (r#"{"index":1}"#, SWAPPED), false)]
#[case::the_index_stayed((r#"{"index":0}"#, ARTIFACTS), (r#"{"index":0}"#, SWAPPED), true)]
#[case::named_in_full((r#"{"index":0}"#, ARTIFACTS), (r#"{"uri":"a.c"}"#, ""), false)]
#[case::no_artifacts((r#"{"index":0}"#, ""), (r#"{"index":1}"#, ""), true)]
#[case::another_base((r#"{"uri":"x.c","uriBaseId":"A"}"#, BASES), (r#"{"uri":"x.c","uriBaseId":"B"}"#, BASES), true)]
#[case::another_runner((r#"{"uri":"x.c","uriBaseId":"A"}"#, BASES), (r#"{"uri":"x.c","uriBaseId":"A"}"#, ELSEWHERE), false)]
#[case::another_folder((r#"{"uri":"x.c","uriBaseId":"S"}"#, BELOW), (r#"{"uri":"x.c","uriBaseId":"S"}"#, OTHER), true)]
fn a_place_is_what_the_run_makes_of_it(
    #[case] before: (&str, &str),
    #[case] now: (&str, &str),
    #[case] new: bool,
    #[values(true, false)] first: bool,
) {
    let measures = compare(Format::Sarif, &placed(before.0, before.1, true), &placed(now.0, now.1, first));
    assert_eq!(count(&measures, "findings.new.total"), Some(u64::from(new)));
}

#[test]
fn a_result_of_another_logical_location_is_new() {
    let at = |rest: &str| log(&format!(r#"{{"ruleId":"r","message":{{"text":"m"}},"locations":[{{{rest}}}]}}"#));
    for name in [
        |name: &str| format!(r#""logicalLocations":[{{"fullyQualifiedName":"{name}"}}]"#),
        |name: &str| format!(r#""logicalLocations":[{{"name":"{name}"}}]"#),
        |name: &str| format!(r#""physicalLocation":{{"address":{{"fullyQualifiedName":"{name}"}}}}"#),
    ] {
        for (now, new) in [("a", 0), ("b", 1)] {
            let measures = compare(Format::Sarif, &at(&name("a")), &at(&name(now)));
            assert_eq!(count(&measures, "findings.new.total"), Some(new), "{}", name(now));
        }
    }
}

#[test]
fn a_file_that_the_run_does_not_list_may_be_any_and_is_new() {
    let of = |index: u32, run: &str| placed(&format!("{{\"index\":{index}}}"), run, true);
    for (now, new) in [(2, 1), (3, 1), (1, 1)] {
        let measures = compare(Format::Sarif, &of(2, ARTIFACTS), &of(now, ARTIFACTS));
        assert_eq!(count(&measures, "findings.new.total"), Some(new), "{now}");
    }
    // Both logs were cut down to what their first artifact was a name for.
    assert_eq!(count(&compare(Format::Sarif, &of(0, ""), &of(0, "")), "findings.new.total"), Some(1));
    let nameless = r#""artifacts":[{"location":{}}]"#;
    assert_eq!(count(&compare(Format::Sarif, &of(0, nameless), &of(0, nameless)), "findings.new.total"), Some(1));
    let alone = super::findings::read(Format::Sarif, of(2, ARTIFACTS).as_bytes()).unwrap().measures;
    assert_eq!((count(&alone, "findings.total"), count(&alone, "findings.new.total")), (Some(1), None));
}

#[test]
fn a_logical_location_that_is_a_number_only_is_new() {
    let at = log(r#"{"ruleId":"r","locations":[{"logicalLocations":[{"index":3}]}]}"#);
    assert_eq!(count(&compare(Format::Sarif, &at, &at), "findings.new.total"), Some(1));
}

#[rstest]
#[case::artifacts(r#"{"index":0}"#, ARTIFACTS, SWAPPED)]
#[case::folders(r#"{"uri":"x.c","uriBaseId":"S"}"#, BELOW, OTHER)]
fn a_key_that_is_written_with_escapes_is_no_way_past_a_place(
    #[case] location: &str,
    #[case] before: &str,
    #[case] now: &str,
) {
    let escaped = |run: &str| {
        run.replace(r#""artifacts""#, r#""\u0061rtifacts""#).replace(r#""originalUri"#, r#""originalUr\u0069"#)
    };
    let compared = |now: &str| {
        let now = placed(location, &escaped(now), false);
        count(&compare(Format::Sarif, &placed(location, &escaped(before), false), &now), "findings.new.total")
    };
    assert_eq!((compared(before), compared(now)), (Some(0), Some(1)));
}

#[test]
fn where_no_fingerprint_is_worth_the_name_the_place_is_what_the_run_says_after_the_results() {
    let of = |bases: &str| {
        let log = placed(r#"{"uri":"x.c","uriBaseId":"S"}"#, bases, false);
        log.replace(r#""ruleId":"r","#, r#""ruleId":"r","fingerprints":{"matchBasedId/v1":"requires login"},"#)
    };
    assert_eq!(count(&compare(Format::Sarif, &of(BELOW), &of(BELOW)), "findings.new.total"), Some(0));
    assert_eq!(count(&compare(Format::Sarif, &of(BELOW), &of(OTHER)), "findings.new.total"), Some(1));
}

#[rstest]
#[case::artifact(r#"{"index":1}"#, ARTIFACTS, Some("b.c"))]
#[case::folder(r#"{"uri":"x%20y.c","uriBaseId":"S"}"#, BELOW, Some("one/x y.c"))]
#[case::checkout(r#"{"uri":"x.c","uriBaseId":"A"}"#, BASES, Some("x.c"))]
#[case::in_full(r#"{"uri":"file:///w/x.c","uriBaseId":"S"}"#, BELOW, Some("file:///w/x.c"))]
#[case::unlisted(r#"{"index":7}"#, ARTIFACTS, None)]
#[case::a_circle(r#"{"uri":"x.c","uriBaseId":"S"}"#, r#""originalUriBaseIds":{"S":{"uriBaseId":"S"}}"#, Some("x.c"))]
fn the_file_that_is_shown_is_the_one_that_the_run_says(
    #[case] location: &str,
    #[case] run: &str,
    #[case] path: Option<&str>,
) {
    let read = super::findings::read(Format::Sarif, placed(location, run, true).as_bytes()).unwrap();
    assert_eq!(read.notables[0].path.as_deref(), path);
}

#[rstest]
#[case::killed(r#""exitCode":137"#, Some("t says that its run was not successful: its exit code is 137"))]
#[case::found_something(r#""exitCode":1,"executionSuccessful":true"#, None)]
#[case::well(r#""exitCode":0"#, None)]
#[case::with_words(
    r#""exitCode":2,"exitCodeDescription":"no rules""#,
    Some("t says that its run was not successful: no rules")
)]
fn an_exit_code_says_what_the_run_itself_does_not(#[case] invocation: &str, #[case] failure: Option<&str>) {
    let run = format!(r#""invocations":[{{{invocation}}}]"#);
    let read = super::findings::read(Format::Sarif, placed(r#"{"uri":"a.c"}"#, &run, true).as_bytes()).unwrap();
    assert_eq!(read.about.tool_failure.as_deref(), failure);
}

/// A run of one result that names its logical location by number, in a list of these, before the results or after them.
fn numbered(index: u32, places: &str, before: bool) -> String {
    let results = format!(
        r#""results":[{{"ruleId":"r","message":{{"text":"m"}},"locations":[{{"logicalLocations":[{{"index":{index}}}]}}]}}]"#
    );
    let named = format!(r#""logicalLocations":[{places}]"#);
    let (one, other) = if before { (&named, &results) } else { (&results, &named) };
    format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t"}}}},{one},{other}}}]}}"#)
}

const CALLED: &str = r#"{"fullyQualifiedName":"a::f","name":"f"},{"fullyQualifiedName":"b::f","name":"f"}"#;
const CALLED_AGAIN: &str = r#"{"fullyQualifiedName":"b::f","name":"f"},{"fullyQualifiedName":"a::f","name":"f"}"#;
const CALLED_IN_PART: &str = r#"{"name":"f","parentIndex":1},{"name":"C"}"#;

#[rstest]
#[case::the_same((0, CALLED, true), (0, CALLED, true), 0)]
#[case::another((0, CALLED, true), (1, CALLED, true), 1)]
#[case::the_same_elsewhere_in_the_list((0, CALLED, true), (1, CALLED_AGAIN, true), 0)]
#[case::another_at_its_place((0, CALLED, true), (0, CALLED_AGAIN, true), 1)]
#[case::beyond_the_list((2, CALLED, true), (2, CALLED, true), 1)]
#[case::a_list_that_comes_later((0, CALLED, false), (0, CALLED, false), 1)]
#[case::not_its_full_name((0, CALLED_IN_PART, true), (0, CALLED_IN_PART, true), 1)]
fn a_numbered_logical_location_is_what_the_run_calls_it(
    #[case] before: (u32, &str, bool),
    #[case] now: (u32, &str, bool),
    #[case] new: u64,
) {
    let measures = compare(Format::Sarif, &numbered(before.0, before.1, before.2), &numbered(now.0, now.1, now.2));
    assert_eq!(count(&measures, "findings.new.total"), Some(new));
}
