//! Every file of the corpus that is coverage or load is told for what it is, and what lies beside
//! these is told as nothing.

use countersign::evidence::recognise;
use countersign::model::kind::Format;

use crate::support;

/// What each folder's files are: the beginning or a part of a name, and the format. The first that fits counts.
const COVERAGE: &[(&str, Option<Format>)] = &[
    ("OpenCover", None),
    ("opencover", None),
    ("lover", None),
    ("JaCoCo_Ant", None),
    ("go-coverage.out", None),
    ("coverage-action", None),
    ("codecov_demobox", None),
    ("coverage-summary.json", None),
    ("other__coverage.xml", None),
    ("lcov.info", Some(Format::Lcov)),
    ("JaCoCo0", Some(Format::Jacoco)),
    ("jacoco", Some(Format::Jacoco)),
    ("", Some(Format::Cobertura)),
];
const JMETER: &[(&str, Option<Format>)] = &[
    ("testfiles__sample_log2.jtl", Some(Format::JmeterXml)),
    ("testfiles__", None),
    ("serialized", None),
    ("JENKINS-16627", Some(Format::JmeterCsv)),
    (".csv", Some(Format::JmeterCsv)),
    ("doublequoting", Some(Format::JmeterCsv)),
    ("slow-stdev", Some(Format::JmeterCsv)),
    ("kpi", Some(Format::JmeterCsv)),
    ("", Some(Format::JmeterXml)),
];
const K6: &[(&str, Option<Format>)] = &[("raw_points", None), ("", Some(Format::K6))];
const GATLING: &[(&str, Option<Format>)] = &[("", Some(Format::Gatling))];

#[rstest::rstest]
#[case("coverage", COVERAGE, 39)]
#[case("jmeter", JMETER, 35)]
#[case("k6", K6, 10)]
#[case("gatling", GATLING, 32)]
fn every_file_of_the_corpus_is_told_for_what_it_is(
    #[case] folder: &str,
    #[case] told: &[(&str, Option<Format>)],
    #[case] files: usize,
) {
    let Some(folder) = support::corpus(folder) else { return };
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = told.iter().find(|(part, _)| name.contains(part)).unwrap().1;
        let found = recognise(&std::fs::read(&path).unwrap());
        if found != expected {
            wrong.push(format!("{name}: {found:?} and not {expected:?}"));
        }
        seen += 1;
    }
    assert_eq!(seen, files);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[rstest::rstest]
#[case::sonarqube_generic(
    r#"<coverage version="1"><file path="a"><lineToCover lineNumber="1" covered="true"/></file></coverage>"#
)]
#[case::another_report(r#"<report name="x"><title/></report>"#)]
#[case::an_empty_report("<report/>")]
#[case::other_metrics(r#"{"metrics": {"latency": 3}}"#)]
#[case::metrics_in_a_list(r#"{"metrics": [{"name": "latency"}]}"#)]
#[case::a_table("id,elapsed\n1,2\n")]
#[case::an_odd_zero("\0\0\0\0\u{3}abc")]
fn what_only_looks_like_a_format_is_none(#[case] text: &str) {
    assert_eq!(recognise(text.as_bytes()), None);
}

#[rstest::rstest]
#[case::k6_versioned(
    r#"{"config": {"duration": 1}, "metadata": {}, "results": {"metrics": []}, "version": "1.0.0"}"#,
    Format::K6
)]
#[case::jtl_without_a_header("1393227741256;1425;GET /;200;OK;T 1-1;text;true;3478\n", Format::JmeterCsv)]
#[case::locust_history("Timestamp,User Count,Type,Name,Requests/s\n", Format::Locust)]
#[case::locust_failures("Method,Name,Error,Occurrences\n", Format::Locust)]
#[case::gatling_2_0("Sim\tid\tRUN\t1522402816502\t \t2.0\n", Format::Gatling)]
#[case::kover(r#"<report name="Intellij Coverage Report"><package name="a"/></report>"#, Format::Jacoco)]
fn dialects_are_told(#[case] text: &str, #[case] format: Format) {
    assert_eq!(recognise(text.as_bytes()), Some(format));
}
