//! However much there is to say, every surface stays within what takes it.

use countersign::model::decision::Decision;
use countersign::model::kind::Format;
use countersign::model::notable::Weight;
use countersign::model::verdict::Reason;
use countersign::report::text::Style;
use countersign::report::{github, gitlab, json, markdown, text};

use super::github::runner;
use super::gitlab::assert_dotenv;
use super::markdown::assert_inert;
use super::{HOSTILE, decision, file, finding, gate};

/// 2,000 gates, of which 500 hold, with 50,000 entries and 100,000 files between them.
fn large() -> Decision {
    let reasons = [Reason::RequirementMet, Reason::NoEvidence, Reason::Malformed, Reason::RequirementNotMet];
    let gates = (0..2_000_usize).map(|number| {
        let reason = if number % 4 == 0 { reasons[number / 4 % 4] } else { Reason::RequirementMet };
        let words = "a `longer` explanation that names tests.total and @somebody ".repeat(12);
        let mut gate = gate(&format!("gate-{number:04}"), reason, &words);
        gate.measures.count("findings.error", 3);
        gate.evidence = vec![file("reports/a-rather-long-name-of-a-report.sarif", Format::Sarif); 50];
        gate.evidence_count = 50;
        gate.notables = (0..25_usize)
            .map(|entry| {
                let message = HOSTILE[(number + entry) % HOSTILE.len()].repeat(8);
                finding(Weight::Error, &format!("CWE-{entry}"), &message, "src/lib.rs", 7)
            })
            .collect();
        gate.notable_count = 25_000;
        gate
    });
    decision(&"much is wrong ".repeat(1_000), gates.collect())
}

#[test]
fn a_summary_takes_less_than_a_mebibyte_and_counts_what_it_leaves_out() {
    let decision = large();
    let page = markdown::render(&decision, markdown::LIMIT);
    assert!(page.len() <= 1_000_000 && page.len() > 900_000, "{} bytes", page.len());
    assert_inert(&page);
    let first = page.find("BLOCK").unwrap();
    assert!(first < page.find("pending").unwrap() && first < page.find("✓ pass").unwrap());
    let rows = page.split("</table>").next().unwrap().matches("<tr><td>").count() - 1;
    let more = format!("{} more gates not shown: ", grouped(2_000 - rows));
    assert!(page.contains(&more), "{more}");
    let folds = page.matches("<details>").count();
    assert!(page.contains(&format!("details of {} more gates not shown", 375 - folds)), "{folds} folds");
    assert!(page.contains("more not shown</td>"));
}

fn grouped(count: usize) -> String {
    if count < 1_000 { count.to_string() } else { format!("{},{:03}", count / 1_000, count % 1_000) }
}

#[test]
fn a_note_keeps_the_decision_and_the_first_gates() {
    let page = markdown::render(&large(), markdown::NOTE);
    assert!(page.len() <= 100_000);
    assert!(page.contains("<h3>Hold: <code>production</code></h3>"));
    assert!(page.contains("<code>gate-0012</code>"));
    assert!(page.contains("more gates not shown"));
}

#[test]
fn one_gate_with_fifty_thousand_entries_fits_too() {
    let mut scan = gate("scan", Reason::RequirementNotMet, "no");
    scan.notables = vec![finding(Weight::Error, "CWE-89", &"words of a message ".repeat(20), "src/lib.rs", 7); 50_000];
    scan.notable_count = 60_000;
    let page = markdown::render(&decision("no", vec![scan]), markdown::LIMIT);
    assert!(page.len() <= 1_000_000);
    let shown = page.matches("<code>CWE-89</code>").count();
    assert!(shown > 1_000);
    assert!(page.contains(&format!("{} more not shown", grouped(60_000 - shown))), "{shown}");
}

#[test]
fn outputs_stay_below_a_megabyte_of_utf_16() {
    let decision = large();
    let text = github::outputs(&decision, "ghadelimiter_5f0c1b7e9a2d").unwrap();
    assert!(text.encode_utf16().count() * 2 <= 1_000_000, "{} bytes", text.len());
    let read = runner(&text);
    let held: Vec<String> = serde_json::from_str(&read[3].1).unwrap();
    assert_eq!(held.len(), 375);
    let document: serde_json::Value = serde_json::from_str(&read[4].1).unwrap();
    assert!(document["left_out"].as_str().unwrap().contains("the lists of evidence"));
    assert_eq!(document["gates"][0]["verdict"], "block");
}

#[test]
fn a_list_of_names_that_is_cut_says_how_many_are_missing() {
    let gates = (0..2_000).map(|n| gate(&format!("{n:0100}"), Reason::RequirementNotMet, "no")).collect();
    let read = runner(&github::outputs(&decision("no", gates), "ghadelimiter_5f0c1b7e9a2d").unwrap());
    let held: Vec<String> = serde_json::from_str(&read[3].1).unwrap();
    assert!(read[3].1.len() <= 50_000);
    assert_eq!(held.last().unwrap(), &format!("and {} more", 2_000 - (held.len() - 1)));
}

#[test]
fn annotations_and_dotenv_stay_within_their_limits() {
    let decision = large();
    assert_eq!(github::annotations(&decision, None).lines().count(), 20);
    assert_dotenv(&gitlab::dotenv(&decision));
}

#[test]
fn code_quality_lists_five_thousand_and_counts_the_rest() {
    let text = gitlab::code_quality(&large(), None).unwrap();
    let report: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    // 375 gates hold, with 25 entries each.
    assert_eq!(report.len(), 5_001);
    assert_eq!(report[5_000]["description"], "4,750 more not shown; the reports themselves list all");
    let prints: std::collections::HashSet<_> = report.iter().map(|entry| entry["fingerprint"].to_string()).collect();
    assert_eq!(prints.len(), report.len());
}

#[test]
fn a_terminal_gets_the_first_hundred_gates_of_each_verdict() {
    let page = text::render(&large(), Style::default());
    assert_eq!(page.matches("✗ BLOCK").count(), 100);
    assert!(page.contains("25 BLOCK more not shown"), "{page}");
    assert!(page.contains("1,525 pass more not shown"));
}

#[test]
fn the_whole_document_is_written_to_a_file_whatever_its_size() {
    let document = json::compact(&large()).unwrap();
    assert!(document.len() > 10_000_000);
    let read: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(read["gates"].as_array().unwrap().len(), 2_000);
}
