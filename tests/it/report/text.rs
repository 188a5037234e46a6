//! The decision at a terminal.

use countersign::report::text::{Style, render};
use rstest::rstest;
use unicode_width::UnicodeWidthStr;

use super::{HOSTILE, all_pass, attacked, held, saying};

#[test]
fn a_release_that_may_go_on() {
    insta::assert_snapshot!(render(&all_pass(), Style::default()));
}

#[test]
fn a_release_that_is_held() {
    insta::assert_snapshot!(render(&held(), Style::default()));
}

#[test]
fn a_release_that_is_held_on_a_narrow_terminal_without_unicode() {
    insta::assert_snapshot!(render(&held(), Style { width: 40, colour: false, ascii: true }));
}

#[test]
fn a_release_that_is_held_in_colour() {
    insta::assert_snapshot!(render(&held(), Style { colour: true, ..Style::default() }));
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    insta::assert_snapshot!(render(&attacked(), Style { width: 100, ..Style::default() }));
}

#[test]
fn the_first_line_says_the_decision() {
    assert!(render(&all_pass(), Style::default()).starts_with("PROCEED  every gate passes"));
    assert!(render(&held(), Style::default()).starts_with("HOLD  1 gate blocks"));
}

#[test]
fn colour_adds_nothing_that_the_words_do_not_say() {
    let plain = render(&held(), Style::default());
    let coloured = render(&held(), Style { colour: true, ..Style::default() });
    assert!(!plain.contains('\u{1b}'));
    let mut stripped = coloured.clone();
    for code in ["1;31", "32", "2", "36", "33", "35", "0"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_ne!(coloured, plain);
    assert_eq!(trimmed(&stripped), trimmed(&plain));
}

fn trimmed(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

#[rstest]
#[case(0, 40)]
#[case(40, 40)]
#[case(80, 80)]
#[case(100, 100)]
#[case(500, 120)]
fn no_line_is_wider_than_the_terminal(#[case] asked: usize, #[case] used: usize) {
    for decision in [all_pass(), held(), saying(&HOSTILE.join("")), saying("字幅の広い文字".repeat(20).as_str())]
    {
        for line in render(&decision, Style { width: asked, ..Style::default() }).lines() {
            assert!(line.width() <= used, "{} columns: {line}", line.width());
        }
    }
}

#[test]
fn ascii_style_uses_no_other_sign_of_ours() {
    let text = render(&held(), Style { ascii: true, ..Style::default() });
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn the_policy_from_the_working_tree_is_named_unprotected() {
    assert!(render(&held(), Style::default()).contains("\npolicy: unprotected"));
    assert!(
        render(&all_pass(), Style::default())
            .contains("\npolicy: protected (.countersign/policy.yml from main@77ab01c2)\n")
    );
}

#[test]
fn what_is_not_shown_of_a_gate_is_counted() {
    let mut decision = held();
    let scan = decision.gates.iter_mut().find(|gate| gate.name == "scan").unwrap();
    scan.notables = vec![scan.notables[0].clone(); 40];
    scan.notable_count = 12_345;
    let text = render(&decision, Style::default());
    assert_eq!(text.matches("error, new: CWE-89").count(), 5);
    assert!(text.contains("- 12,340 more not shown"), "{text}");
}

#[test]
fn a_name_too_long_for_its_column_keeps_its_explanation() {
    let mut decision = held();
    decision.gates[2].name = "a-gate-with-a-name-that-is-longer-than-its-column".to_owned();
    let text = render(&decision, Style::default());
    assert!(text.contains("a-gate-with-a-name-that-is-longer-than-its-column"));
    assert!(text.contains("3 findings of level error"));
}
