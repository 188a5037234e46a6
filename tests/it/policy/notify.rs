//! Where people are told, as a policy says it.

use countersign::policy::notify::place;
use rstest::rstest;

use super::super::decide::base::{POLICY, policy};
use countersign::policy::{self as reading, Source};

fn complaints(more: &str) -> String {
    let source =
        Source { path: "p.yml".to_owned(), text: POLICY.to_owned() + more, sha256: "ab".repeat(32), from: None };
    match reading::read(vec![source]) {
        Ok(policy) => policy.warnings.iter().map(|file| file.render(false)).collect(),
        Err(complaints) => complaints.iter().map(|file| file.render(false)).collect(),
    }
}

#[rstest]
#[case("slack: releases", "is no channel")]
#[case("slack: '#a b'", "has a space in it")]
#[case("slack: '<!channel>'", "is no channel")]
#[case("email: acme.example", "is no address of a mailbox")]
#[case("email: 'a@acme.example, b@evil.example'", "is no address of a mailbox")]
#[case("email: \"a@acme.example\\nBcc: b@evil.example\"", "is no address of a mailbox")]
#[case("webhook: http://hooks.acme.example", "begins with `https://`")]
#[case("webhook: https://user:secret@hooks.acme.example", "no password in it")]
#[case("webhook: ftp://hooks.acme.example", "begins with `https://`")]
#[case("teams: releases", "Microsoft Teams is not spoken to")]
#[case("slack: ['#a', '#a']", "stands twice")]
fn a_place_that_is_none_is_said(#[case] written: &str, #[case] says: &str) {
    let said = complaints(&format!("notify: {{ {written} }}\n"));
    assert!(said.contains(says), "{said}");
}

#[test]
fn places_are_kept_as_the_record_names_them() {
    let policy = policy(
        &(POLICY.to_owned()
            + "notify: { slack: ['#releases', C024BE91L], email: rm@acme.example, webhook: 'https://hooks.acme.example/r?a=b', remind_after: 2bh }\n"),
    );
    let rule = policy.rules.notify.unwrap();
    let expected =
        ["slack:#releases", "slack:C024BE91L", "email:rm@acme.example", "webhook:https://hooks.acme.example/r?a=b"];
    assert_eq!(rule.to, expected);
    assert!(rule.remind_after.is_some() && rule.escalate_after.is_none());
    for to in expected {
        assert_eq!(place(to), Ok(()));
    }
    assert!(place("pager:x").unwrap_err().contains("write one as"));
    assert!(place("slack:U024BE7LH").is_ok());
}
