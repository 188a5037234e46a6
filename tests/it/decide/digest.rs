//! What the digest of a policy takes in, by which people approve it.

use countersign::decide::release::{decide, digest};
use countersign::policy::{self, Attachment, Policy, Source};

use super::base::{POLICY, facts, now, read};

/// The policy, with a file of holidays that has one of them.
fn with_holiday(day: &str) -> Policy {
    let text = format!("{POLICY}calendar: {{ timezone: UTC, holidays: [\"file:days.ics\"] }}\n");
    let source = Source { path: "policy.yml".to_owned(), text, sha256: "ab".repeat(32), from: None };
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//acme//days//EN\r\nBEGIN:VEVENT\r\nUID:1@acme\r\nDTSTAMP:20260101T000000Z\r\n\
         DTSTART;VALUE=DATE:{day}\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:a holiday\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let file = Attachment { path: "days.ics".to_owned(), text, sha256: day.repeat(8) };
    policy::read_with(vec![source], &[(0, file)]).unwrap()
}

#[test]
fn a_file_that_the_policy_names_is_part_of_it() {
    let (one, other) = (with_holiday("20261225"), with_holiday("20261226"));
    assert_eq!(digest(&one), digest(&with_holiday("20261225")));
    assert_ne!(digest(&one), digest(&other), "other holidays are another policy");
    assert_ne!(digest(&one), "ab".repeat(32));
    let decision = decide(&one, &read(facts()), now());
    let listed: Vec<_> = decision.attached.iter().map(|it| (it.path.as_str(), it.sha256.clone())).collect();
    assert_eq!(listed, [("days.ics", "20261225".repeat(8))]);
}
