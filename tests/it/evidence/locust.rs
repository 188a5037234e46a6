//! Locust's request statistics, in CSV and JSON.

use countersign::model::kind::Format::Locust;
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, one, refused_as};

// Both fixtures come from one run of Locust 2.47.0 against a loopback server, the CSV a second before its end.

#[test]
fn the_row_aggregated_is_the_report() {
    // the last row of the file, as Locust wrote it
    let (measures, about) = one(include_bytes!("../../fixtures/load/locust_stats.csv"));
    assert_measures(
        &measures,
        "load",
        "requests=175 failed=22 error_rate=0.125714 throughput=59.193921 mean_ms=17.380961 min_ms=2.716031 \
         max_ms=59.87341 p50_ms=5 p75_ms=32 p90_ms=33 p95_ms=33 p99_ms=56 p999_ms=60",
    );
    assert_eq!((about.tool.as_deref(), about.made_at), (Some("Locust"), None));
}

#[test]
fn the_entries_of_json_are_samples() {
    // an independent count: Python over `response_times` of the three entries, the greatest cut at `max_response_time`
    let (measures, about) = one(include_bytes!("../../fixtures/load/locust.json"));
    assert_measures(
        &measures,
        "load",
        "requests=230 failed=29 error_rate=0.126087 throughput=60.213412 duration=3.819747 mean_ms=16.3846 min_ms=2.716031 \
         max_ms=59.87341 p50_ms=5 p75_ms=32 p90_ms=33 p95_ms=33 p99_ms=56 p999_ms=59.87341",
    );
    assert_eq!(about.made_at.unwrap().timestamp(), 1_795_425_978);
}

#[rstest::rstest]
#[case::history(include_str!("../../fixtures/load/locust_stats_history.csv"))]
#[case::failures(include_str!("../../fixtures/load/locust_failures.csv"))]
#[case::exceptions(include_str!("../../fixtures/load/locust_exceptions.csv"))]
fn the_files_beside_the_statistics_are_refused_with_what_to_give_instead(#[case] text: &str) {
    assert_eq!(countersign::evidence::recognise(text.as_bytes()), Some(Locust));
    let message = refused_as(Reason::Malformed, Locust, text);
    assert!(message.contains("the file that ends in `_stats.csv`"), "{message}");
}

const HEADER: &str = "Type,Name,Request Count,Failure Count,Average Response Time,50%,95%,99%\n";

#[test]
fn what_locust_writes_as_not_available_is_unknown() {
    let text = format!("{HEADER}GET,/,2,1,3.5,3,N/A,9\n,Aggregated,2,1,3.5,3,N/A,9\n");
    assert_measures(&one(text).0, "load", "requests=2 failed=1 error_rate=0.5 mean_ms=3.5 p50_ms=3 p99_ms=9");
}

#[test]
fn statistics_of_before_1_0_are_read() {
    let text =
        "Method,Name,# requests,# failures,Average response time,Requests/s\nGET,/,4,1,3,2.5\nNone,Total,4,1,3,2.5\n";
    let text = text.replace("Method", "Type");
    assert_measures(&one(text).0, "load", "requests=4 failed=1 error_rate=0.25 mean_ms=3 throughput=2.5");
}

#[rstest::rstest]
#[case::sum(
    Reason::Contradictory,
    "GET,/,2,1,3,3,3,3\n,Aggregated,3,1,3,3,3,3",
    "counts 3 requests, 1 failed; the other rows add up to 2 and 1"
)]
#[case::failed(Reason::Contradictory, "GET,/,2,1,3,3,3,3\n,Aggregated,2,0,3,3,3,3", "2 requests, 0 failed")]
#[case::more_failed(Reason::Contradictory, "GET,/,2,3,3,3,3,3\n,Aggregated,2,3,3,3,3,3", "2 requests, 3 failed")]
#[case::falling(Reason::Contradictory, "GET,/,2,1,3,3,9,8\n,Aggregated,2,1,3,3,9,8", "a higher percentile is 8 ms")]
#[case::nothing(Reason::EmptyReport, ",Aggregated,0,0,0,N/A,N/A,N/A", "no requests")]
#[case::cut_short(Reason::Malformed, "GET,/,2,1,3,3,3,3\n", "no row `Aggregated`")]
#[case::cut_in_a_row(Reason::Malformed, "GET,/,2,1,3,3", "line 2: expected 8 fields, found 6")]
#[case::twice(Reason::Malformed, ",Aggregated,0,0,0,,,\n,Aggregated,0,0,0,,,", "a second row")]
#[case::negative(Reason::Malformed, ",Aggregated,-2,0,0,,,", "line 2: expected a count, found `-2`")]
#[case::negative_time(Reason::Malformed, ",Aggregated,2,0,-1,,,", "expected a number, found `-1`")]
#[case::not_a_number(Reason::Malformed, ",Aggregated,2,0,NaN,,,", "expected a number, found `NaN`")]
#[case::infinite(Reason::Malformed, ",Aggregated,2,0,inf,,,", "expected a number, found `inf`")]
#[case::absurd(Reason::Malformed, ",Aggregated,2,0,1e308,,,", "from 0 to a day")]
fn statistics_that_cannot_be_are_refused(#[case] reason: Reason, #[case] rows: &str, #[case] says: &str) {
    let message = refused_as(reason, Locust, format!("{HEADER}{rows}\n"));
    assert!(message.contains(says), "{message}");
}

fn entry(more: &str) -> String {
    let totals = r#""num_failures": 0, "total_response_time": 10, "max_response_time": 10,"#;
    let totals = if more.contains("num_failures") { "" } else { totals };
    format!(r#"[{{"name": "/", "method": "GET", {totals} {more}}}]"#)
}

#[test]
fn requests_without_a_response_time_count_and_have_none() {
    let text = entry(
        r#""num_requests": 3, "num_none_requests": 1, "num_failures": 1, "total_response_time": 30,
        "min_response_time": 10, "max_response_time": 20, "response_times": {"10": 1, "20": 1}"#,
    );
    assert_measures(
        &one(text).0,
        "load",
        "requests=3 failed=1 error_rate=0.333333 mean_ms=15 min_ms=10 max_ms=20 p50_ms=10 p75_ms=20 p90_ms=20 p95_ms=20 \
         p99_ms=20 p999_ms=20",
    );
}

#[rstest::rstest]
#[case::times(
    Reason::Malformed,
    r#""num_requests": 3, "response_times": {"10": 2}"#,
    "counts 3 requests, 0 failed, and the response times of 2"
)]
#[case::failed(
    Reason::Malformed,
    r#""num_requests": 1, "num_failures": 2, "total_response_time": 9, "max_response_time": 9, "response_times": {"10": 1}"#,
    "counts 1 requests, 2 failed"
)]
#[case::no_count(Reason::Malformed, r#""response_times": {}"#, "expected an entry with `num_requests`")]
#[case::no_failures(
    Reason::Malformed,
    r#""num_failures": null, "num_requests": 1, "response_times": {"10": 1}"#,
    "`num_failures`"
)]
#[case::negative(Reason::Malformed, r#""num_requests": 1, "response_times": {"-1": 1}"#, "from 0 to a day")]
#[case::no_time(Reason::Malformed, r#""num_requests": 1, "response_times": {"x": 1}"#, "expected milliseconds")]
#[case::not_a_number(Reason::Malformed, r#""num_requests": 1, "response_times": {"NaN": 1}"#, "from 0 to a day")]
#[case::nothing(Reason::EmptyReport, r#""num_requests": 0, "response_times": {}"#, "no requests")]
fn entries_that_cannot_be_are_refused(#[case] reason: Reason, #[case] content: &str, #[case] says: &str) {
    let message = refused_as(reason, Locust, entry(content));
    assert!(message.contains(says), "{message}");
}

#[test]
fn workers_files_measure_as_one() {
    let half = |time: u64, from: u64| {
        entry(&format!(
            r#""num_requests": 2, "num_failures": 0, "total_response_time": {sum}, "min_response_time": {time},
            "max_response_time": {time}, "response_times": {{"{time}": 2}}, "start_time": {from}, "last_request_timestamp": {to}"#,
            sum = 2 * time,
            to = from + 2
        ))
    };
    let (one, other) = (half(10, 100), half(20, 101));
    assert_measures(
        &all(&[one.as_bytes(), other.as_bytes()]).unwrap().0,
        "load",
        "requests=4 failed=0 error_rate=0 throughput=1.333333 duration=3 mean_ms=15 min_ms=10 max_ms=20 p50_ms=10 \
         p75_ms=20 p90_ms=20 p95_ms=20 p99_ms=20 p999_ms=20",
    );
}

#[test]
fn t51_a_quote_that_nothing_closes_is_found_within_a_limit() {
    refused_as(Reason::BeyondLimit, Locust, format!("{HEADER}GET,\"{}", "x".repeat(3 << 20)));
}

#[test]
fn t51_a_header_of_many_columns_takes_no_room() {
    let text = format!("Name,Request Count,Failure Count{0}\nAggregated,1,0{0}\nx,1,0{0}\n", ",9".repeat(100_000));
    assert_measures(&one(&text).0, "load", "requests=1 failed=0 error_rate=0");
    refused_as(Reason::BeyondLimit, Locust, text.replace(",9", ",9999999999"));
}

#[test]
fn t51_response_times_that_locust_would_have_rounded_are_refused() {
    let times: Vec<String> = (0..200_000).map(|time| format!("\"{time}\": 1")).collect();
    let text = entry(&format!(r#""num_requests": 200000, "response_times": {{{}}}"#, times.join(",")));
    let message = refused_as(Reason::Malformed, Locust, text);
    assert!(message.contains("more than 10000 different response times"), "{message}");
}
