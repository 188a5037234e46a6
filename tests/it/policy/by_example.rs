//! The examples of the reference are one policy that holds together, and a roster that is enough for it.

use countersign::policy::roster::Roster;
use countersign::policy::{self, Attachment, satisfiable};

use super::{source, told};

const REFERENCE: &str = include_str!("../../../docs/reference.md");

const DAYS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//acme//days//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20261224\r\nSUMMARY:Company day\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// The fenced texts of one section.
fn fenced() -> Vec<&'static str> {
    let section = REFERENCE.split("\n## By example\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    section.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn they_are_one_policy_without_a_complaint() {
    let fenced = fenced();
    let (roster, sections) = fenced.split_last().unwrap();
    let text = sections.concat();
    for section in ["calendar", "raci", "routes", "risk"] {
        assert!(text.contains(&format!("\n{section}:\n")), "{text}");
    }
    let days = Attachment { path: "company-days.ics".to_owned(), text: DAYS.to_owned(), sha256: String::new() };
    let read = policy::read_with(vec![source("policy.yml", &text)], &[(0, days)]);
    let policy = read.unwrap_or_else(|complaints| panic!("{}", told(&complaints)));
    assert_eq!(told(&policy.warnings), "");

    let roster = Roster::read("roster.yml", roster).unwrap_or_else(|complaints| panic!("{}", told(&[complaints])));
    assert_eq!(satisfiable::unlisted(&policy.rules, &roster), Vec::<String>::new());
    assert_eq!(satisfiable::unnamed(&policy.rules, &roster), Vec::<&str>::new());
    assert_eq!(satisfiable::told(&satisfiable::prove(&policy.rules, &roster)), Vec::<String>::new());
}
