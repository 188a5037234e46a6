//! The summaries of k6.

use countersign::model::kind::Format::K6;
use countersign::model::measures::Measure;
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, corpus, one, refused_as};

// The numbers are k6's own, taken out of the file by Python; thresholds are counted by it.
#[rstest::rstest]
#[case(
    "k6-1.1.0_abortOnFail.json",
    "requests=83 throughput=41.484922 failed=83 error_rate=1 duration=2.000727 mean_ms=47.084318 min_ms=2.930821 max_ms=55.402152 p50_ms=47.713054 p90_ms=51.723918 p95_ms=51.78719 checks_failed=83 thresholds_failed=1"
)]
#[case(
    "k6-1.1.0_handleSummary_pass.json",
    "requests=316 throughput=102.103916 failed=0 error_rate=0 duration=3.094886 mean_ms=48.180757 min_ms=2.275084 max_ms=60.119908 p50_ms=47.908284 p90_ms=52.058685 p95_ms=55.691949 p99_ms=56.258099 p999_ms=59.302035 checks_failed=0 thresholds_failed=0"
)]
#[case(
    "k6-1.1.0_handleSummary_scenarios.json",
    "requests=1204 throughput=389.638021 failed=0 error_rate=0 duration=3.090048 mean_ms=46.47817 min_ms=0.55646 max_ms=60.175871 p50_ms=47.878414 p90_ms=52.181939 p95_ms=53.730512 checks_failed=0"
)]
#[case(
    "k6-1.1.0_handleSummary_thresholds_failed.json",
    "requests=308 throughput=99.423756 failed=154 error_rate=0.5 duration=3.097851 mean_ms=48.866986 min_ms=2.083057 max_ms=63.529463 p50_ms=48.009906 p90_ms=55.772514 p95_ms=55.957063 p99_ms=56.534132 p999_ms=62.477835 checks_failed=154 thresholds_failed=2"
)]
#[case(
    "k6-1.1.0_summary-export_pass.json",
    "requests=314 throughput=101.740696 failed=0 error_rate=0 mean_ms=48.009485 min_ms=1.599476 max_ms=56.21962 p50_ms=47.78463 p90_ms=52.320131 p95_ms=55.703297 p99_ms=56.022508 p999_ms=56.19401 checks_failed=0 thresholds_failed=0"
)]
#[case(
    "k6-1.1.0_tagged_thresholds.json",
    "requests=20 throughput=45.454092 failed=0 error_rate=0 duration=0.440004 mean_ms=43.18892 min_ms=2.316259 max_ms=51.898556 p50_ms=47.686897 p90_ms=51.619084 p95_ms=51.765695 checks_failed=0 thresholds_failed=1"
)]
#[case(
    "k6-1.1.0_threshold_on_absent_metric_tag.json",
    "requests=2 throughput=31.993536 failed=0 error_rate=0 duration=0.062513 mean_ms=30.148872 min_ms=9.400531 max_ms=50.897212 p50_ms=30.148872 p90_ms=46.747544 p95_ms=48.822378 checks_failed=0 thresholds_failed=0"
)]
#[case(
    "k6-1.1.0_timeunit_s.json",
    "requests=20 throughput=45.202487 failed=0 error_rate=0 duration=0.442454 mean_ms=43.659919 min_ms=3.686208 max_ms=52.334386 p50_ms=47.656637 p90_ms=51.73252 p95_ms=51.843449 checks_failed=0"
)]
#[case(
    "k6-1.1.0_trendstats_no_p95.json",
    "requests=20 throughput=46.002591 failed=0 error_rate=0 duration=0.434758 mean_ms=43.151478 max_ms=52.05544 checks_failed=0"
)]
fn a_summary_measures_what_k6_states(#[case] file: &str, #[case] expected: &str) {
    let Some(bytes) = corpus(&format!("k6/{file}")) else { return };
    let (measures, about) = one(bytes);
    assert_measures(&measures, "load", expected);
    assert_eq!((about.tool.as_deref(), about.made_at), (Some("k6"), None));
}

// One run of k6 1.1.0 against a loopback server: what `handleSummary` was given and what
// `--summary-export` wrote of it. k6 counted 102 requests, of which 51 failed, 51 failed checks of 102, and crossed 2 of 3 thresholds.
#[test]
fn both_forms_of_one_run_measure_the_same_but_for_its_duration() {
    let (given, _) = one(include_bytes!("../../fixtures/load/k6_handle_summary.json"));
    let (exported, _) = one(include_bytes!("../../fixtures/load/k6_summary_export.json"));
    for (name, counted) in [("requests", 102), ("failed", 51), ("checks_failed", 51), ("thresholds_failed", 2)] {
        assert_eq!(given.get(&format!("load.{name}")), Some(&Measure::Number(f64::from(counted))), "{name}");
    }
    for (name, measure) in given.iter().filter(|(name, _)| *name != "load.duration") {
        assert_eq!(exported.get(name), Some(measure), "{name}");
    }
    assert_eq!(given.iter().count(), exported.iter().count() + 1);
}

const VERSIONED: &str = r#"{"config": {"duration": 2, "execution": "local", "script": "s.js"},
    "metadata": {"generatedAt": "2026-01-02T03:04:05.6Z", "k6Version": "2.0.0"},
    "results": {"checks": {"metrics": [{"name": "checks_total", "type": "counter", "contains": "default", "values": {"count": 5}}],
        "results": [{"name": "a", "passes": 2, "fails": 1}, {"name": "b", "passes": 0, "fails": 2}]},
    "metrics": [
        {"name": "http_reqs", "type": "counter", "contains": "default", "values": {"count": 10}},
        {"name": "http_req_failed", "type": "rate", "contains": "default", "values": {"matches": 3, "total": 10, "rate": 0.3}},
        {"name": "http_req_duration", "type": "trend", "contains": "time",
         "values": {"avg": 5, "min": 1, "med": 4, "max": 9, "p(90)": 7.5, "p(95)": 8.25}},
        {"name": "http_req_duration{expected_response:true}", "type": "trend", "contains": "time", "values": {"avg": 1}}]},
    "version": "1.0.0"}"#;

#[test]
fn the_versioned_form_is_read_and_leaves_thresholds_unknown() {
    let (measures, about) = one(VERSIONED);
    assert_measures(
        &measures,
        "load",
        "requests=10 failed=3 error_rate=0.3 throughput=5 duration=2 mean_ms=5 min_ms=1 max_ms=9 p50_ms=4 p90_ms=7.5 \
         p95_ms=8.25 checks_failed=3",
    );
    assert_eq!(about.tool.as_deref(), Some("k6 2.0.0"));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2026-01-02T03:04:05.600+00:00");
}

#[test]
fn a_crossed_threshold_is_true_in_the_export_and_not_ok_in_the_other_form() {
    let export = r#"{"root_group": {}, "metrics": {"http_reqs": {"count": 1, "rate": 1, "thresholds": {"count>5": true, "count>0": false}}}}"#;
    assert_measures(&one(export).0, "load", "requests=1 throughput=1 thresholds_failed=1");
    let given = r#"{"root_group": {}, "metrics": {"http_reqs": {"values": {"count": 1, "rate": 1},
        "thresholds": {"count>5": {"ok": false}, "count>0": {"ok": true}, "count>7": {"ok": false}}}}}"#;
    assert_measures(&one(given).0, "load", "requests=1 throughput=1 thresholds_failed=2");
}

#[test]
fn several_runs_add_up_without_a_common_rate() {
    let Some(one) = corpus("k6/k6-1.1.0_handleSummary_pass.json") else { return };
    let Some(other) = corpus("k6/k6-1.1.0_handleSummary_thresholds_failed.json") else { return };
    let (measures, _) = all(&[&one, &other]).unwrap();
    // 316 + 308 requests, 154 failed; the mean weighs 48.180757 and 48.866986 by them; percentiles are the greater
    assert_measures(
        &measures,
        "load",
        "requests=624 failed=154 error_rate=0.246795 mean_ms=48.519473 min_ms=2.083057 max_ms=63.529463 p50_ms=48.009906 \
         p90_ms=55.772514 p95_ms=55.957063 p99_ms=56.534132 p999_ms=62.477835 checks_failed=154 thresholds_failed=2",
    );
}

fn metrics(metrics: &str) -> String {
    format!(r#"{{"root_group": {{}}, "metrics": {{{metrics}}}}}"#)
}

#[rstest::rstest]
#[case::no_requests(Reason::EmptyReport, r#""iterations": {"count": 3}"#, "no HTTP request")]
#[case::none(Reason::EmptyReport, r#""http_reqs": {"count": 0, "rate": 0}"#, "no HTTP request")]
#[case::no_metrics(Reason::EmptyReport, "", "no HTTP request")]
#[case::negative(Reason::Malformed, r#""http_reqs": {"count": -1}"#, "expected a count in `http_reqs`, found -1")]
#[case::half(Reason::Malformed, r#""http_reqs": {"count": 1.5}"#, "expected a count in `http_reqs`, found 1.5")]
#[case::a_text(Reason::Malformed, r#""http_reqs": {"count": "1"}"#, "expected a number, found a text")]
#[case::absurd(Reason::Malformed, r#""http_reqs": {"count": 1e308}"#, "expected a count")]
#[case::infinite(Reason::Malformed, r#""http_reqs": {"count": 1e999}"#, "a number is too large")]
#[case::negative_time(
    Reason::Malformed,
    r#""http_req_duration": {"p(95)": -3}"#,
    "expected milliseconds from 0 to a day, found -3"
)]
#[case::rate(
    Reason::Malformed,
    r#""http_req_failed": {"value": 1.5, "passes": 3, "fails": 1}"#,
    "expected a rate from 0 to 1"
)]
#[case::other_rate(Reason::Malformed, r#""http_req_failed": {"value": 0.1, "passes": 3, "fails": 1}"#, "counts 3 of 4")]
#[case::more_failed(
    Reason::Contradictory,
    r#""http_reqs": {"count": 3}, "http_req_failed": {"value": 0.5, "passes": 2, "fails": 2}"#,
    "speaks of 4 requests and `http_reqs` of 3"
)]
#[case::falling(
    Reason::Contradictory,
    r#""http_reqs": {"count": 3}, "http_req_duration": {"p(95)": 8, "p(99)": 7}"#,
    "a higher percentile is 7 ms"
)]
#[case::a_threshold_without_outcome(
    Reason::Malformed,
    r#""http_reqs": {"count": 3, "thresholds": {"rate>1": {}}}"#,
    "the threshold `rate>1` does not say"
)]
fn a_summary_that_cannot_be_is_refused(#[case] reason: Reason, #[case] content: &str, #[case] says: &str) {
    let message = refused_as(reason, K6, metrics(content));
    assert!(message.contains(says), "{message}");
}

#[test]
fn t51_a_summary_that_is_cut_anywhere_is_refused() {
    for end in 0..VERSIONED.len() {
        refused_as(Reason::Malformed, K6, &VERSIONED.as_bytes()[..end]);
    }
}
