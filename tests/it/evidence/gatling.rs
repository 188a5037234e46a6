//! Gatling's simulation logs and the statistics of its report.

use countersign::model::kind::Format::Gatling;
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, corpus, one, refused_as};

// An independent count: Python over the log's tab-separated fields.
#[rstest::rstest]
#[case(
    "taurus__tests__resources__gatling__gatling-2-000__simulation.log",
    "requests=5 failed=1 error_rate=0.2 mean_ms=1333.8 min_ms=951 max_ms=1845 p50_ms=1279 p75_ms=1563 p90_ms=1845 p95_ms=1845 p99_ms=1845 p999_ms=1845 throughput=0.724008 duration=6.906"
)]
#[case(
    "taurus__tests__resources__gatling__gatling-331-000__simulation.log",
    "requests=100 failed=0 error_rate=0 mean_ms=111.17 min_ms=80 max_ms=256 p50_ms=90 p75_ms=102 p90_ms=201 p95_ms=235 p99_ms=247 p999_ms=256 throughput=81.499593 duration=1.227"
)]
#[case(
    "taurus__tests__resources__gatling__gatling-4-000__simulation.log",
    "requests=644 failed=2 error_rate=0.003106 mean_ms=225.425466 min_ms=74 max_ms=2118 p50_ms=241 p75_ms=266 p90_ms=371 p95_ms=400 p99_ms=666 p999_ms=2118 throughput=3.622699 duration=177.768"
)]
fn a_log_measures_what_another_program_counts(#[case] file: &str, #[case] expected: &str) {
    let Some(bytes) = corpus(&format!("gatling/{file}")) else { return };
    assert_measures(&one(bytes).0, "load", expected);
}

// The numbers are Gatling's own, taken out of the file by Python; the error rate is ko over total.
#[rstest::rstest]
#[case(
    "apicurio-perf-results__2021-10-04__End2EndSimulation__17.13.38-10u-600i__js__stats.json",
    "requests=6088 failed=73 error_rate=0.011991 throughput=17.246459 mean_ms=38 min_ms=20 max_ms=1246 p50_ms=32 p75_ms=35 p95_ms=51 p99_ms=126"
)]
#[case(
    "apicurio-perf-results__2021-10-05__End2EndSimulation__10.58.14-1u-10i__js__global_stats.json",
    "requests=18 failed=0 error_rate=0 throughput=0.692308 mean_ms=939 min_ms=119 max_ms=2948 p50_ms=318 p75_ms=1454 p95_ms=2843 p99_ms=2927"
)]
#[case(
    "apicurio-perf-results__2021-10-05__End2EndSimulation__10.58.14-1u-10i__js__stats.json",
    "requests=18 failed=0 error_rate=0 throughput=0.692308 mean_ms=939 min_ms=119 max_ms=2948 p50_ms=318 p75_ms=1454 p95_ms=2843 p99_ms=2927"
)]
#[case(
    "apicurio-perf-results__2021-10-05__End2EndSimulation__15.01.02-3u-800i__js__global_stats.json",
    "requests=2426 failed=1 error_rate=0.000412 throughput=5.56422 mean_ms=35 min_ms=25 max_ms=1598 p50_ms=31 p75_ms=34 p95_ms=43 p99_ms=113"
)]
#[case(
    "apicurio-perf-results__2021-10-05__End2EndSimulation__15.33.17-3u-3000i__js__stats.json",
    "requests=9027 failed=0 error_rate=0 throughput=5.58256 mean_ms=35 min_ms=25 max_ms=1202 p50_ms=32 p75_ms=35 p95_ms=45 p99_ms=109"
)]
#[case(
    "apicurio-perf-results__2021-10-06__End2EndSimulation__13.40.22-10u-600i__js__stats.json",
    "requests=6090 failed=1 error_rate=0.000164 throughput=17.15493 mean_ms=25 min_ms=13 max_ms=11069 p50_ms=20 p75_ms=22 p95_ms=37 p99_ms=73"
)]
#[case(
    "apicurio-perf-results__2021-10-06__End2EndSimulation__23.35.18-50u-1200i__js__stats.json",
    "requests=60449 failed=32594 error_rate=0.539198 throughput=92.429664 mean_ms=33 min_ms=17 max_ms=14215 p50_ms=27 p75_ms=31 p95_ms=37 p99_ms=45"
)]
#[case(
    "apicurio-perf-results__2021-10-07__End2EndSimulation__07.38.12-10u-600i__js__stats.json",
    "requests=6090 failed=0 error_rate=0 throughput=17.807018 mean_ms=22 min_ms=13 max_ms=1549 p50_ms=19 p75_ms=22 p95_ms=29 p99_ms=45"
)]
#[case(
    "apicurio-perf-results__2021-10-07__End2EndSimulation__13.51.11-2u-1200i__js__global_stats.json",
    "requests=2417 failed=1282 error_rate=0.53041 throughput=3.776562 mean_ms=28 min_ms=18 max_ms=1545 p50_ms=27 p75_ms=30 p95_ms=34 p99_ms=39"
)]
#[case(
    "apicurio-perf-results__2021-10-07__End2EndSimulation__13.51.11-2u-1200i__js__stats.json",
    "requests=2417 failed=1282 error_rate=0.53041 throughput=3.776562 mean_ms=28 min_ms=18 max_ms=1545 p50_ms=27 p75_ms=30 p95_ms=34 p99_ms=39"
)]
#[case(
    "apicurio-perf-results__2021-10-07__End2EndSimulation__14.07.33-2u-1200i__js__global_stats.json",
    "requests=1222 failed=650 error_rate=0.531915 throughput=1.906396 mean_ms=29 min_ms=18 max_ms=1091 p50_ms=27 p75_ms=30 p95_ms=39 p99_ms=78"
)]
#[case(
    "apicurio-perf-results__2021-10-07__End2EndSimulation__15.03.24-2u-10i__js__stats.json",
    "requests=38 failed=0 error_rate=0 throughput=3.166667 mean_ms=105 min_ms=26 max_ms=1324 p50_ms=36 p75_ms=43 p95_ms=341 p99_ms=1263"
)]
#[case(
    "apicurio-perf-results__2021-10-07__End2EndSimulation__16.10.55-2u-10i__js__stats.json",
    "requests=37 failed=0 error_rate=0 throughput=3.083333 mean_ms=103 min_ms=24 max_ms=1223 p50_ms=31 p75_ms=47 p95_ms=358 p99_ms=1193"
)]
#[case(
    "apicurio-perf-results__2021-10-08__End2EndSimulation__07.30.09-10u-600i__js__stats.json",
    "requests=6090 failed=0 error_rate=0 throughput=17.807018 mean_ms=22 min_ms=13 max_ms=1299 p50_ms=18 p75_ms=21 p95_ms=30 p99_ms=80"
)]
#[case(
    "apicurio-perf-results__2021-10-08__End2EndSimulation__16.13.06-30u-1200i__js__global_stats.json",
    "requests=36269 failed=1 error_rate=2.8e-05 throughput=55.627301 mean_ms=32 min_ms=21 max_ms=1809 p50_ms=30 p75_ms=33 p95_ms=39 p99_ms=52"
)]
#[case(
    "apicurio-perf-results__2021-10-09__End2EndSimulation__01.29.12-45u-1200i__js__global_stats.json",
    "requests=50802 failed=12 error_rate=0.000236 throughput=77.560305 mean_ms=33 min_ms=20 max_ms=7141 p50_ms=29 p75_ms=32 p95_ms=38 p99_ms=51"
)]
#[case(
    "apicurio-perf-results__2021-10-09__End2EndSimulation__01.29.12-45u-1200i__js__stats.json",
    "requests=50802 failed=12 error_rate=0.000236 throughput=77.560305 mean_ms=33 min_ms=20 max_ms=7141 p50_ms=29 p75_ms=32 p95_ms=38 p99_ms=51"
)]
#[case(
    "apicurio-perf-results__2021-10-12__End2EndSimulation__07.31.53-10u-600i__js__global_stats.json",
    "requests=6090 failed=0 error_rate=0 throughput=17.652174 mean_ms=23 min_ms=14 max_ms=1565 p50_ms=20 p75_ms=23 p95_ms=32 p99_ms=53"
)]
#[case(
    "apicurio-perf-results__2021-10-12__End2EndSimulation__07.31.53-10u-600i__js__stats.json",
    "requests=6090 failed=0 error_rate=0 throughput=17.652174 mean_ms=23 min_ms=14 max_ms=1565 p50_ms=20 p75_ms=23 p95_ms=32 p99_ms=53"
)]
#[case(
    "apicurio-perf-results__2021-10-13__End2EndSimulation__07.29.09-10u-600i__js__stats.json",
    "requests=6090 failed=0 error_rate=0 throughput=17.755102 mean_ms=23 min_ms=14 max_ms=1363 p50_ms=19 p75_ms=22 p95_ms=32 p99_ms=52"
)]
#[case(
    "apicurio-perf-results__2021-10-14__End2EndSimulation__07.28.34-10u-600i__js__global_stats.json",
    "requests=5494 failed=13 error_rate=0.002366 throughput=16.111437 mean_ms=24 min_ms=15 max_ms=1014 p50_ms=20 p75_ms=23 p95_ms=34 p99_ms=91"
)]
#[case(
    "apicurio-perf-results__2021-10-14__End2EndSimulation__07.28.34-10u-600i__js__stats.json",
    "requests=5494 failed=13 error_rate=0.002366 throughput=16.111437 mean_ms=24 min_ms=15 max_ms=1014 p50_ms=20 p75_ms=23 p95_ms=34 p99_ms=91"
)]
#[case(
    "apicurio-perf-results__2021-10-15__End2EndSimulation__07.28.33-10u-600i__js__global_stats.json",
    "requests=6090 failed=1 error_rate=0.000164 throughput=17.755102 mean_ms=24 min_ms=14 max_ms=1242 p50_ms=19 p75_ms=22 p95_ms=33 p99_ms=89"
)]
#[case(
    "apicurio-perf-results__2021-10-19__End2EndSimulation__07.29.16-10u-600i__js__stats.json",
    "requests=5494 failed=13 error_rate=0.002366 throughput=15.97093 mean_ms=24 min_ms=14 max_ms=1243 p50_ms=20 p75_ms=23 p95_ms=34 p99_ms=116"
)]
#[case(
    "apicurio-perf-results__2021-10-20__End2EndSimulation__07.28.42-10u-600i__js__global_stats.json",
    "requests=6089 failed=10 error_rate=0.001642 throughput=17.700581 mean_ms=24 min_ms=0 max_ms=1385 p50_ms=19 p75_ms=22 p95_ms=33 p99_ms=116"
)]
#[case(
    "apicurio-perf-results__2021-10-21__End2EndSimulation__07.28.40-10u-600i__js__stats.json",
    "requests=5494 failed=14 error_rate=0.002548 throughput=15.787356 mean_ms=28 min_ms=15 max_ms=1493 p50_ms=21 p75_ms=24 p95_ms=60 p99_ms=148"
)]
fn statistics_measure_what_gatling_states(#[case] file: &str, #[case] expected: &str) {
    let Some(bytes) = corpus(&format!("gatling/{file}")) else { return };
    assert_measures(&one(bytes).0, "load", expected);
}

#[rstest::rstest]
#[case("gatling__gatling-charts__src__test__resources__known_stats__simulation.log", "3.12.1")]
#[case("taurus__tests__resources__gatling__gatling-6-314__simulation.log", "3.14.3")]
#[case("taurus__tests__resources__gatling__gatling-8-314__simulation.log", "3.14.3")]
fn the_binary_log_is_refused_by_its_version(#[case] file: &str, #[case] version: &str) {
    let Some(bytes) = corpus(&format!("gatling/{file}")) else { return };
    let message = refused_as(Reason::Malformed, Gatling, bytes);
    assert!(message.contains(&format!("binary simulation log of Gatling {version}")), "{message}");
    assert!(message.contains("global_stats.json"), "{message}");
}

#[test]
fn a_log_names_its_version_and_its_last_request() {
    let (_, about) = one("RUN\tS\tid\t1500000000000\t \t3.4.2\nREQUEST\t\ta\t1500000000000\t1500000001000\tOK\t \n");
    assert_eq!(about.tool.as_deref(), Some("Gatling 3.4.2"));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2017-07-14T02:40:01+00:00");
}

// The lines of each version, as its log writer makes them.
#[rstest::rstest]
#[case::v2_0(
    "S\tid\tRUN\t1500000000000\t \t2.0.0\nsc\t1\tREQUEST\t\tname\t1500000000000\t1500000000001\t1500000000019\t1500000000020\tKO\tno"
)]
#[case::v2_3("RUN\tS\t\tid\t1500000000000\t \t2.3.0\nREQUEST\tsc\t1\t\tname\t1500000000000\t1500000000020\tKO\tno")]
#[case::v3_0("RUN\tS\tid\t1500000000000\t \t3.0.0\nREQUEST\t1\tg\tname\t1500000000000\t1500000000020\tKO\tno")]
#[case::v3_4("RUN\tS\tid\t1500000000000\t \t3.4.0\nREQUEST\tg,h\tname\t1500000000000\t1500000000020\tKO\tno")]
#[case::a_name_like_an_instant(
    "RUN\tS\tid\t1500000000000\t \t3.4.0\nREQUEST\t1500000000009\tOK\t1500000000000\t1500000000020\tKO\tno"
)]
fn the_lines_of_every_text_version_are_read(#[case] log: &str) {
    let expected = "requests=1 failed=1 error_rate=1 mean_ms=20 min_ms=20 max_ms=20 p50_ms=20 p75_ms=20 p90_ms=20 \
                    p95_ms=20 p99_ms=20 p999_ms=20 throughput=50 duration=0.02";
    assert_measures(&one(format!("{log}\n")).0, "load", expected);
}

const RUN: &str = "RUN\tS\tid\t1500000000000\t \t3.4.0\n";

#[rstest::rstest]
#[case::ends_before_it_begins(
    "REQUEST\t\ta\t1500000000020\t1500000000000\tOK\t",
    "ends at 1500000000000, before it began"
)]
#[case::negative("REQUEST\t\ta\t1500000000020\t-9223372036854775808\tOK\t", "expected when a request began and ended")]
#[case::cut_short("REQUEST\t\ta\t1500000000020\t15000", "line 2: expected when a request began and ended")]
#[case::no_outcome("REQUEST\t\ta\t1500000000020\t1500000000030\tMAYBE", "expected when a request began and ended")]
#[case::a_week("REQUEST\t\ta\t1500000000000\t1500604800000\tOK\t", "longer than a day")]
#[case::another_text("hello", "line 2: expected a line of a Gatling log")]
fn a_line_that_cannot_be_is_refused(#[case] line: &str, #[case] says: &str) {
    let message = refused_as(Reason::Malformed, Gatling, format!("{RUN}{line}"));
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_log_without_requests_is_empty_and_one_without_its_beginning_is_not_a_log() {
    refused_as(Reason::EmptyReport, Gatling, RUN);
    refused_as(Reason::Malformed, Gatling, "REQUEST\t\ta\t1500000000000\t1500000000020\tOK\t\n");
}

fn stats(requests: &str, more: &str) -> String {
    format!(r#"{{"name": "Global Information", "numberOfRequests": {requests} {more}}}"#)
}

#[test]
fn a_quantity_that_the_statistics_leave_out_is_unknown() {
    let (measures, about) = one(stats(r#"{"total": 4, "ok": 3, "ko": 1}"#, ""));
    assert_measures(&measures, "load", "requests=4 failed=1 error_rate=0.25");
    assert_eq!((about.tool.as_deref(), about.made_at), (Some("Gatling"), None));
}

#[rstest::rstest]
#[case::parts(
    Reason::Contradictory,
    stats(r#"{"total": 4, "ok": 2, "ko": 1}"#, ""),
    "4 requests, 2 of them passed and 1 failed"
)]
#[case::none(Reason::EmptyReport, stats(r#"{"total": 0, "ok": 0, "ko": 0}"#, ""), "no requests")]
#[case::negative(Reason::Malformed, stats(r#"{"total": -1, "ok": 0, "ko": 0}"#, ""), "expected a count, found -1")]
#[case::absurd(
    Reason::Malformed,
    stats(r#"{"total": 1, "ok": 1, "ko": 0}"#, r#", "meanResponseTime": {"total": 1e308}"#),
    "from 0 to a day"
)]
#[case::falling(
    Reason::Contradictory,
    stats(r#"{"total": 1, "ok": 1, "ko": 0}"#, r#", "percentiles1": {"total": 9}, "percentiles3": {"total": 5}"#),
    "a higher percentile is 5 ms"
)]
#[case::twice(Reason::Malformed, stats(r#"{"total": 1, "ok": 1, "ko": 0}"#, r#", "name": "x""#), "stands twice")]
#[case::nothing(Reason::Malformed, "{}".to_owned(), "numberOfRequests")]
#[case::a_text(Reason::Malformed, stats(r#""many""#, ""), "expected an object, found a text")]
fn statistics_that_cannot_be_are_refused(#[case] reason: Reason, #[case] text: String, #[case] says: &str) {
    let message = refused_as(reason, Gatling, text);
    assert!(message.contains(says), "{message}");
}

#[test]
fn parts_that_do_not_add_up_contradict_the_total() {
    let part = |total: u64| {
        format!(
            r#"{{"type": "REQUEST", "stats": {{"numberOfRequests": {{"total": {total}, "ok": {total}, "ko": 0}}}}}}"#
        )
    };
    let whole = |a: u64, b: u64| {
        format!(
            r#"{{"type": "GROUP", "stats": {{"numberOfRequests": {{"total": 5, "ok": 5, "ko": 0}}}}, "contents": {{
            "req_a": {}, "group_b": {{"stats": {{"numberOfRequests": {{"total": 1, "ok": 1, "ko": 0}}}}, "contents": {{"req_c": {}}}}}}}}}"#,
            part(a),
            part(b)
        )
    };
    assert_measures(&one(whole(2, 3)).0, "load", "requests=5 failed=0 error_rate=0");
    let message = refused_as(Reason::Contradictory, Gatling, whole(2, 2));
    assert!(message.contains("5 requests in all, and its parts add up to 4"), "{message}");
}

#[test]
fn several_summaries_add_up_and_take_the_greatest_percentile() {
    let one = stats(
        r#"{"total": 3, "ok": 3, "ko": 0}"#,
        r#", "percentiles3": {"total": 9}, "meanResponseTime": {"total": 4}"#,
    );
    let other = stats(
        r#"{"total": 1, "ok": 0, "ko": 1}"#,
        r#", "percentiles3": {"total": 5}, "meanResponseTime": {"total": 8}, "percentiles4": {"total": 7},
        "meanNumberOfRequestsPerSecond": {"total": 3}"#,
    );
    let (measures, _) = all(&[one.as_bytes(), other.as_bytes()]).unwrap();
    assert_measures(&measures, "load", "requests=4 failed=1 error_rate=0.25 mean_ms=5 p95_ms=9");
}

#[test]
fn samples_and_a_summary_together_know_what_both_know() {
    let log = format!("{RUN}REQUEST\t\ta\t1500000000000\t1500000000020\tOK\t \n");
    let summary = stats(
        r#"{"total": 3, "ok": 2, "ko": 1}"#,
        r#", "percentiles3": {"total": 9}, "maxResponseTime": {"total": 30}"#,
    );
    let (measures, _) = all(&[log.as_bytes(), summary.as_bytes()]).unwrap();
    assert_measures(&measures, "load", "requests=4 failed=1 error_rate=0.25 max_ms=30 p95_ms=20");
}

#[rstest::rstest]
#[case("malformed/gatling__truncated.json")]
#[case("malformed/gatling__nul-in-middle.json")]
fn t51_a_damaged_file_is_refused(#[case] file: &str) {
    let Some(bytes) = corpus(file) else { return };
    let message = refused_as(Reason::Malformed, Gatling, bytes);
    assert!(message.starts_with("line "), "{message}");
}

#[test]
fn t51_a_million_nested_groups_are_refused() {
    refused_as(Reason::BeyondLimit, Gatling, r#"{"contents":{"a":"#.repeat(1_000_000));
}
