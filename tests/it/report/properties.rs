//! What holds on every surface for any text at all.

use countersign::report::text::Style;
use countersign::report::{github, gitlab, json, markdown, neutral, text};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::github::runner;
use super::gitlab::assert_dotenv;
use super::markdown::assert_inert;
use super::{HOSTILE, saying};

/// Any characters, what attackers write, and what they would write next.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(HOSTILE).prop_map(str::to_owned),
        2 => proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter),
        2 => "[ -~]{0,20}",
        2 => "[:#@!`<>\\[\\]()|*_~$%&^{}/\\\\\\n\\r\\t ]{1,12}",
        1 => Just(" ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn assert_seen(page: &str) {
    for character in page.chars().filter(|character| *character != '\n') {
        assert!(!neutral::hidden(character), "{character:?} is not seen in {page:?}");
    }
    assert!(!page.contains("##"), "a runner would look for a command in {page:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_terminal_shows_no_control_and_a_runner_sees_no_command(said in any_text(), width in 0_usize..140) {
        let page = text::render(&saying(&said), Style { width, ..Style::default() });
        assert_seen(&page);
        for line in page.lines() {
            prop_assert!(!line.trim_start().starts_with("::"), "{line}");
            prop_assert!(line.width() <= width.clamp(40, 120), "{} columns: {line}", line.width());
        }
    }

    #[test]
    fn markdown_is_inert(said in any_text()) {
        let page = markdown::render(&saying(&said), markdown::LIMIT);
        assert_seen(&page);
        assert_inert(&page);
    }

    #[test]
    fn markdown_stays_within_any_limit(said in any_text(), limit in 0_usize..20_000) {
        let page = markdown::render(&saying(&said), limit);
        prop_assert!(page.len() <= limit, "{} of {limit}", page.len());
        if !page.is_empty() {
            assert_inert(&page);
        }
    }

    #[test]
    fn annotations_are_ours_and_one_line_each(said in any_text()) {
        let page = github::annotations(&saying(&said), Some("/work/repo"));
        assert_seen(&page);
        prop_assert_eq!(page.lines().count(), 5);
        for line in page.lines() {
            let (command, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
            let (level, properties) = command.split_once(' ').unwrap();
            prop_assert!(["error", "warning", "notice"].contains(&level));
            for property in properties.split(',') {
                let (name, value) = property.split_once('=').unwrap();
                prop_assert!(["file", "line", "title"].contains(&name), "{property}");
                prop_assert!(!value.contains(':'));
            }
            prop_assert!(message.len() < 12_000);
        }
    }

    #[test]
    fn outputs_are_five(said in any_text()) {
        let read = runner(&github::outputs(&saying(&said), "ghadelimiter_5f0c1b7e9a2d").unwrap());
        prop_assert_eq!(read.len(), 5);
        prop_assert_eq!(&read[0].1, "hold");
        let names: Vec<String> = serde_json::from_str(&read[2].1).unwrap();
        prop_assert_eq!(names, vec![said]);
    }

    #[test]
    fn dotenv_has_our_keys_only(said in any_text()) {
        assert_dotenv(&gitlab::dotenv(&saying(&said)));
    }

    #[test]
    fn documents_are_seen_and_read_back(said in any_text()) {
        let decision = saying(&said);
        for document in [json::compact(&decision).unwrap(), json::pretty(&decision).unwrap()] {
            assert_seen(&document);
            let read: serde_json::Value = serde_json::from_str(&document).unwrap();
            prop_assert_eq!(&read["summary"], &serde_json::Value::String(said.clone()));
        }
        let quality = gitlab::code_quality(&decision, Some("/work/repo")).unwrap();
        assert_seen(&quality);
        serde_json::from_str::<serde_json::Value>(&quality).unwrap();
    }
}
