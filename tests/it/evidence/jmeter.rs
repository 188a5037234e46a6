//! JMeter's sample results, in CSV and XML.

use countersign::model::kind::Format::{JmeterCsv, JmeterXml};
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, corpus, one, refused, refused_as};

// The numbers are an independent count: Python's csv and ElementTree over the file, top-level samples
// only, percentiles as the smallest time that at least that part of the samples does not exceed.
#[rstest::rstest]
#[case(
    "jmeter__bin__testfiles__sample_log2.jtl",
    "requests=10000 failed=1 error_rate=0.0001 mean_ms=561.0892 min_ms=110 max_ms=26598 p50_ms=251 p75_ms=621 p90_ms=1182 p95_ms=1772 p99_ms=4026 p999_ms=9394 throughput=14.303389 duration=699.135"
)]
#[case(
    "performance-plugin__src__test__resources__JENKINS-16627_CSV_instead_of_XML.jtl",
    "requests=3 failed=0 error_rate=0 mean_ms=1229.333333 min_ms=59 max_ms=2204 p50_ms=1425 p75_ms=2204 p90_ms=2204 p95_ms=2204 p99_ms=2204 p999_ms=2204 throughput=0.735294 duration=4.08"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterCsvResults.csv",
    "requests=3 failed=0 error_rate=0 mean_ms=1944.333333 min_ms=1425 max_ms=2204 p50_ms=2204 p75_ms=2204 p90_ms=2204 p95_ms=2204 p99_ms=2204 p999_ms=2204 throughput=1.359927 duration=2.206"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterCsvResults3.csv",
    "requests=3 failed=0 error_rate=0 mean_ms=1944.333333 min_ms=1425 max_ms=2204 p50_ms=2204 p75_ms=2204 p90_ms=2204 p95_ms=2204 p99_ms=2204 p999_ms=2204"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterPublisher.csv",
    "requests=3 failed=1 error_rate=0.333333 mean_ms=1433.333333 min_ms=1000 max_ms=2000 p50_ms=1300 p75_ms=2000 p90_ms=2000 p95_ms=2000 p99_ms=2000 p999_ms=2000 throughput=1.49925 duration=2.001"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterPublisher_formatted_timeStamp.csv",
    "requests=3 failed=1 error_rate=0.333333 mean_ms=1433.333333 min_ms=1000 max_ms=2000 p50_ms=1300 p75_ms=2000 p90_ms=2000 p95_ms=2000 p99_ms=2000 p999_ms=2000 throughput=1.49925 duration=2.001"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterResults.jtl",
    "requests=8 failed=0 error_rate=0 mean_ms=4142.125 min_ms=58 max_ms=15902 p50_ms=501 p75_ms=1017 p90_ms=15902 p95_ms=15902 p99_ms=15902 p999_ms=15902 throughput=0.045159 duration=177.15"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterResultsMultiLevel.jtl",
    "requests=10 failed=0 error_rate=0 mean_ms=381.9 min_ms=226 max_ms=645 p50_ms=372 p75_ms=420 p90_ms=449 p95_ms=645 p99_ms=645 p999_ms=645 throughput=2.497502 duration=4.004 checks_failed=0"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterResultsMultiThread.jtl",
    "requests=5 failed=0 error_rate=0 mean_ms=1272.6 min_ms=894 max_ms=1581 p50_ms=1384 p75_ms=1508 p90_ms=1581 p95_ms=1581 p99_ms=1581 p999_ms=1581 throughput=0.202282 duration=24.718"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterResultsRandomUri.jtl",
    "requests=4 failed=0 error_rate=0 mean_ms=3914.75 min_ms=63 max_ms=14720 p50_ms=278 p75_ms=598 p90_ms=14720 p95_ms=14720 p99_ms=14720 p999_ms=14720 throughput=0.022752 duration=175.807"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterResultsTenSamples.jtl",
    "requests=10 failed=0 error_rate=0 mean_ms=5.5 min_ms=1 max_ms=10 p50_ms=5 p75_ms=8 p90_ms=9 p95_ms=10 p99_ms=10 p999_ms=10 throughput=0.056898 duration=175.754"
)]
#[case(
    "performance-plugin__src__test__resources__JMeterResultsThreeSamples.jtl",
    "requests=3 failed=0 error_rate=0 mean_ms=2 min_ms=1 max_ms=3 p50_ms=2 p75_ms=3 p90_ms=3 p95_ms=3 p99_ms=3 p999_ms=3 throughput=1000 duration=0.003"
)]
#[case(
    "performance-plugin__src__test__resources__single_result__nested__res.jtl",
    "requests=2 failed=1 error_rate=0.5 mean_ms=393.5 min_ms=333 max_ms=454 p50_ms=333 p75_ms=454 p90_ms=454 p95_ms=454 p99_ms=454 p999_ms=454 throughput=2.503129 duration=0.799"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__apiritif-results__apiritif-0.csv",
    "requests=37 failed=0 error_rate=0 mean_ms=132.918919 min_ms=115 max_ms=331 p50_ms=123 p75_ms=133 p90_ms=144 p95_ms=179 p99_ms=331 p999_ms=331 throughput=0.627736 duration=58.942"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__cookies.jtl",
    "requests=2 failed=0 error_rate=0 mean_ms=82 min_ms=3 max_ms=161 p50_ms=3 p75_ms=161 p90_ms=161 p95_ms=161 p99_ms=161 p999_ms=161 throughput=9.389671 duration=0.213"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__doublequoting.jtl",
    "requests=2 failed=2 error_rate=1 mean_ms=2298 min_ms=1391 max_ms=3205 p50_ms=1391 p75_ms=3205 p90_ms=3205 p95_ms=3205 p99_ms=3205 p999_ms=3205 throughput=0.378143 duration=5.289"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__error-pair1.jtl",
    "requests=6 failed=6 error_rate=1 mean_ms=161 min_ms=3 max_ms=450 p50_ms=100 p75_ms=210 p90_ms=450 p95_ms=450 p99_ms=450 p999_ms=450 throughput=6.276151 duration=0.956 checks_failed=1"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__many-errors-empty-responses.jtl",
    "requests=42 failed=42 error_rate=1 mean_ms=137.119048 min_ms=109 max_ms=378 p50_ms=116 p75_ms=123 p90_ms=151 p95_ms=346 p99_ms=378 p999_ms=378 throughput=17.857143 duration=2.352"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__many-errors-unique-responses.jtl",
    "requests=189 failed=189 error_rate=1 mean_ms=118.62963 min_ms=106 max_ms=378 p50_ms=112 p75_ms=117 p90_ms=123 p95_ms=129 p99_ms=362 p999_ms=378 throughput=22.984312 duration=8.223"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__resource-error-embedded.jtl",
    "requests=1 failed=1 error_rate=1 mean_ms=459 min_ms=459 max_ms=459 p50_ms=459 p75_ms=459 p90_ms=459 p95_ms=459 p99_ms=459 p999_ms=459 throughput=2.178649 duration=0.459"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__resource-errors-child-assert.jtl",
    "requests=2 failed=2 error_rate=1 mean_ms=419 min_ms=419 max_ms=419 p50_ms=419 p75_ms=419 p90_ms=419 p95_ms=419 p99_ms=419 p999_ms=419 throughput=4.77327 duration=0.419 checks_failed=2"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__resource_tc.jtl",
    "requests=5 failed=5 error_rate=1 mean_ms=198.2 min_ms=43 max_ms=619 p50_ms=139 p75_ms=139 p90_ms=619 p95_ms=619 p99_ms=619 p999_ms=619 throughput=6.934813 duration=0.721 checks_failed=28"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__slow-stdev.jtl",
    "requests=599 failed=63 error_rate=0.105175 mean_ms=804.400668 min_ms=74 max_ms=3531 p50_ms=490 p75_ms=1007 p90_ms=2012 p95_ms=2475 p99_ms=3201 p999_ms=3531 throughput=83.11364 duration=7.207"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__smart-aggregation__error.jtl",
    "requests=2 failed=2 error_rate=1 mean_ms=1177.5 min_ms=914 max_ms=1441 p50_ms=914 p75_ms=1441 p90_ms=1441 p95_ms=1441 p99_ms=1441 p999_ms=1441 throughput=0.447527 duration=4.469 checks_failed=2"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__smart-aggregation__kpi.jtl",
    "requests=4 failed=2 error_rate=0.5 mean_ms=840 min_ms=300 max_ms=1360 p50_ms=800 p75_ms=900 p90_ms=1360 p95_ms=1360 p99_ms=1360 p999_ms=1360 throughput=0.744602 duration=5.372"
)]
#[case(
    "taurus__tests__resources__jmeter__jtl__unicode-reqs.jtl",
    "requests=2 failed=0 error_rate=0 mean_ms=348.5 min_ms=205 max_ms=492 p50_ms=205 p75_ms=492 p90_ms=492 p95_ms=492 p99_ms=492 p999_ms=492 throughput=0.052101 duration=38.387"
)]
fn the_corpus_measures_what_another_program_counts(#[case] file: &str, #[case] expected: &str) {
    let Some(bytes) = corpus(&format!("jmeter/{file}")) else { return };
    assert_measures(&one(bytes).0, "load", expected);
}

const HEADER: &str = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,bytes\n";

#[test]
fn a_run_without_samples_is_empty() {
    let Some(bytes) = corpus("jmeter/taurus__tests__resources__jmeter__jtl__500-success__error.jtl") else { return };
    refused_as(Reason::EmptyReport, JmeterXml, bytes);
    refused_as(Reason::EmptyReport, JmeterCsv, HEADER);
}

#[test]
fn the_last_sample_to_end_says_when_it_was_made() {
    let (_, about) =
        one(format!("{HEADER}1500000000000,9000,a,200,OK,T,text,true,1\n1500000001000,10,b,200,OK,T,text,true,1\n"));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2017-07-14T02:40:09+00:00");
    assert_eq!(about.tool, None);
}

#[rstest::rstest]
#[case::comma(",")]
#[case::semicolon(";")]
#[case::tab("\t")]
#[case::bar("|")]
fn every_delimiter_is_read_with_a_header_and_without(#[case] delimiter: &str) {
    let row = "1500000000000,20,GET /,200,OK,T 1-1,text,false,1\n".replace(',', delimiter);
    let expected = "requests=1 failed=1 error_rate=1 mean_ms=20 min_ms=20 max_ms=20 p50_ms=20 p75_ms=20 p90_ms=20 \
                    p95_ms=20 p99_ms=20 p999_ms=20 throughput=50 duration=0.02";
    assert_measures(&one(&row).0, "load", expected);
    assert_measures(&one(format!("{}{row}", HEADER.replace(',', delimiter))).0, "load", expected);
}

#[test]
fn a_report_without_the_column_success_leaves_failures_unknown() {
    let (measures, _) = one("timeStamp,elapsed,label\n1500000000000,20,a\n");
    assert_measures(
        &measures,
        "load",
        "requests=1 mean_ms=20 min_ms=20 max_ms=20 p50_ms=20 p75_ms=20 p90_ms=20 p95_ms=20 p99_ms=20 p999_ms=20 \
         throughput=50 duration=0.02",
    );
}

#[test]
fn a_line_break_inside_quotes_does_not_end_a_row() {
    let text = format!("{HEADER}1500000000000,20,\"a\n\"\"b\"\", c\",500,\"no,\r\nno\",T,text,false,1\r\n");
    assert_measures(
        &one(text).0,
        "load",
        "requests=1 failed=1 error_rate=1 mean_ms=20 min_ms=20 max_ms=20 p50_ms=20 p75_ms=20 p90_ms=20 p95_ms=20 \
         p99_ms=20 p999_ms=20 throughput=50 duration=0.02",
    );
}

/// Two samples of which one failed, and the transaction that they are parts of.
const PARTS: &str = "1500000000000,10,a,200,OK,T,text,true,1\n1500000000010,20,b,500,no,T,text,false,1\n";
const TRANSACTION: &str =
    "1500000000000,30,tx,,\"Number of samples in transaction : 2, number of failing samples : 1\",T,,false,1\n";

#[test]
fn a_transaction_beside_its_samples_is_not_counted_again() {
    assert_measures(
        &one(format!("{HEADER}{PARTS}{TRANSACTION}")).0,
        "load",
        "requests=2 failed=1 error_rate=0.5 mean_ms=15 min_ms=10 max_ms=20 p50_ms=10 p75_ms=20 p90_ms=20 p95_ms=20 \
         p99_ms=20 p999_ms=20 throughput=66.666667 duration=0.03",
    );
}

#[test]
fn transactions_count_where_their_samples_are_not_listed() {
    // Two transactions of two samples each, and the samples of one: leaving both out would hide a failure.
    let other = TRANSACTION.replace("1500000000000", "1500000001000");
    let (measures, _) = one(format!("{HEADER}{PARTS}{TRANSACTION}{other}"));
    assert_measures(
        &measures,
        "load",
        "requests=4 failed=3 error_rate=0.75 mean_ms=22.5 min_ms=10 max_ms=30 p50_ms=20 p75_ms=30 p90_ms=30 p95_ms=30 \
         p99_ms=30 p999_ms=30 throughput=3.883495 duration=1.03",
    );
}

#[test]
fn samples_inside_of_a_sample_are_part_of_it() {
    let text = r#"<testResults version="1.2"><sample t="30" ts="1500000000000" s="false"
        rm="Number of samples in transaction : 2, number of failing samples : 1"><httpSample t="10" ts="1500000000000" s="true"/>
        <httpSample t="20" ts="1500000000010" s="false"><assertionResult><failure>true</failure><error>false</error></assertionResult>
        </httpSample></sample></testResults>"#;
    assert_measures(
        &one(text).0,
        "load",
        "requests=1 failed=1 error_rate=1 mean_ms=30 min_ms=30 max_ms=30 p50_ms=30 p75_ms=30 p90_ms=30 p95_ms=30 \
         p99_ms=30 p999_ms=30 throughput=33.333333 duration=0.03 checks_failed=1",
    );
}

#[test]
fn several_files_measure_as_one_with_all_their_samples() {
    let rows: Vec<String> = (0..1000_u64)
        .map(|n| format!("{},{},a,200,OK,T,text,{},1\n", 1_500_000_000_000 + n, n * n % 977 + 1, n % 7 != 0))
        .collect();
    let whole = format!("{HEADER}{}", rows.concat());
    let parts: Vec<String> = rows.chunks(300).map(|rows| format!("{HEADER}{}", rows.concat())).collect();
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    assert_eq!(all(&parts).unwrap().0, one(whole).0);
}

#[rstest::rstest]
#[case::a_negative_time("1500000000000,-1,a,200,OK,T,text,true,1", "line 2: expected milliseconds, found `-1`")]
#[case::not_a_number("1500000000000,NaN,a,200,OK,T,text,true,1", "line 2: expected milliseconds, found `NaN`")]
#[case::absurd("1500000000000,1e308,a,200,OK,T,text,true,1", "line 2: expected milliseconds, found `1e308`")]
#[case::too_long("1500000000000,86400001,a,200,OK,T,text,true,1", "longer than a day")]
#[case::before_1970("-5,1,a,200,OK,T,text,true,1", "expected milliseconds since 1970, found `-5`")]
#[case::beyond_time("999999999999999999,1,a,200,OK,T,text,true,1", "expected milliseconds since 1970")]
#[case::success_is_no_flag(
    "1500000000000,1,a,200,OK,T,text,maybe,1",
    "expected `true` or `false` for success, found `maybe`"
)]
#[case::cut_short("1500000000000,1,a,200", "expected 9 fields as on the first line, found 4")]
#[case::an_open_quote("1500000000000,1,\"a,200,OK,T,text,true,1", "a quote is opened and never closed")]
#[case::a_stray_quote("1500000000000,1,\"a\"b,200,OK,T,text,true,1", "text stands after a closing quote")]
fn a_row_that_cannot_be_is_refused_with_its_line(#[case] row: &str, #[case] says: &str) {
    let message = refused_as(Reason::Malformed, JmeterCsv, format!("{HEADER}{row}\n"));
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_row_of_several_samples_has_no_percentiles_and_is_refused() {
    let message = refused_as(Reason::Malformed, JmeterCsv, "timeStamp,elapsed,SampleCount\n1500000000000,20,3\n");
    assert!(message.contains("mode=Standard"), "{message}");
    let xml = r#"<testResults><sample t="1" ts="1500000000000" s="true" sc="3"/></testResults>"#;
    refused_as(Reason::Malformed, JmeterXml, xml);
}

#[rstest::rstest]
#[case::no_time(r#"<testResults><sample ts="1" s="true"/></testResults>"#, "expected the elapsed time in `t`")]
#[case::cut_short(r#"<testResults><sample t="1" ts="1" s="true"/>"#, "cut short")]
#[case::cut_in_a_sample(r#"<testResults><sample t="1" ts="1" s="true"><sample t="1""#, "")]
#[case::another_root("<report/>", "expected the element `testResults`")]
#[case::entities(r#"<!DOCTYPE t [<!ENTITY a "b">]><testResults/>"#, "internal DTD subset")]
fn xml_that_cannot_be_is_refused(#[case] text: &str, #[case] says: &str) {
    let message = refused_as(Reason::Malformed, JmeterXml, text);
    assert!(message.contains(says), "{message}");
}

#[test]
fn t51_a_quote_that_nothing_closes_is_found_within_a_limit() {
    let text = format!("{HEADER}1500000000000,1,\"{}", "a,\n".repeat(1 << 20));
    refused_as(Reason::BeyondLimit, JmeterCsv, text);
}

#[test]
fn t51_a_row_of_a_million_fields_is_found_within_a_limit() {
    refused_as(
        Reason::BeyondLimit,
        JmeterCsv,
        format!("{HEADER}1500000000000,1,a,200,OK,T,text,true{}\n", ",1".repeat(1_000_000)),
    );
    refused_as(Reason::BeyondLimit, JmeterCsv, format!("timeStamp,elapsed,{}", "label,".repeat(600_000)));
    // short fields, each of its own, so that no one field is too long
    refused(JmeterCsv, format!("{HEADER}{}\n", "\"1\",".repeat(1_000_000)));
}

#[test]
fn t51_bytes_that_are_not_utf8_are_refused_with_their_line() {
    let mut text = format!("{HEADER}1500000000000,1,").into_bytes();
    text.extend(b"\xFF\xFE,200,OK,T,text,true,1\n");
    assert!(refused_as(Reason::Malformed, JmeterCsv, text).starts_with("line 2: expected UTF-8"));
}

#[test]
fn t51_a_file_that_is_cut_anywhere_is_refused_or_ends_with_a_row() {
    let Some(bytes) = corpus("jmeter/taurus__tests__resources__jmeter__jtl__smart-aggregation__kpi.jtl") else {
        return;
    };
    for end in 0..bytes.len() {
        let cut = &bytes[..end];
        let mut tally = countersign::evidence::Tally::new(countersign::model::kind::Kind::Load, None).unwrap();
        if tally.read(JmeterCsv, cut, &mut countersign::model::report::About::default()).is_ok() {
            let last = cut.rsplit(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap();
            assert_eq!(last.split(|byte| *byte == b',').count(), 13, "cut at {end}");
        }
    }
}
