//! Text made harmless, one surface at a time.

use countersign::report::neutral::{code, command_data, command_property, dotenv_value, line, prose, unled};
use rstest::rstest;

#[rstest]
#[case::escape("\u{1b}[31mred", "\\u{1b}[31mred")]
#[case::c1_introducer("\u{9b}2J", "\\u{9b}2J")]
#[case::bell_and_title("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}")]
#[case::backspace("a\u{8}b", "a\\u{8}b")]
#[case::override_("abc\u{202e}def", "abc\\u{202e}def")]
#[case::isolate("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}")]
#[case::zero_width("pay\u{200b}ments", "pay\\u{200b}ments")]
#[case::joiner("a\u{200d}b", "a\\u{200d}b")]
#[case::tag("a\u{e0041}b", "a\\u{e0041}b")]
#[case::cyrillic_among_latin("p\u{430}yments", "p\\u{430}yments")]
#[case::cyrillic_alone("оплата прошла", "оплата прошла")]
#[case::line_separator("a\u{2028}b\u{85}c", "a\\u{2028}b\\u{85}c")]
fn t58_what_is_not_seen_or_seen_as_another_is_shown_by_number(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(line(text, 100), shown);
}

#[rstest]
#[case("  a\r\n\tb \u{a0} c ", "a b c")]
#[case("größe 字 ⚠️ 🦀", "größe 字 ⚠️ 🦀")]
#[case("##[error]x ###", "#\\u{23}[error]x #\\u{23}#")]
#[case("", "")]
fn a_line_keeps_what_a_person_reads(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(line(text, 100), shown);
}

#[test]
fn t56_a_third_number_sign_does_not_begin_a_command() {
    for count in 2..12 {
        assert!(!line(&"#".repeat(count), 100).contains("##"));
    }
}

#[test]
fn a_line_is_cut_between_characters_and_says_so() {
    assert_eq!(line("größe größe", 8), "grö…");
}

#[rstest]
#[case("3 findings of level error", "3 findings of level error")]
#[case("`findings.error == 0` holds", "<code>findings.error == 0</code> holds")]
#[case("a `b` c `d", "a <code>b</code> c <code>`d</code>")]
#[case("see src/a.rs:3.", "see <code>src/a.rs:3.</code>")]
#[case("ask @org/all", "ask <code>@org/all</code>")]
#[case("fixes #12, GH-9", "fixes <code>#12, GH-9</code>")]
#[case(
    "the author's well-known (first) 'answer': 99.5%",
    "the author&#39;s well-known (first) &#39;answer&#39;: 99.5%"
)]
#[case("commit deadbeef1 defaced 1234567", "commit <code>deadbeef1 defaced 1234567</code>")]
#[case("<b>x</b>", "<code>&lt;b&gt;x&lt;/b&gt;</code>")]
#[case(":tada: ✅", "<code>:tada: ✅</code>")]
#[case("https://evil.example", "<code>https://evil.example</code>")]
#[case("", "")]
fn t55_a_sentence_for_a_forge_has_words_and_code(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(prose(text, 200), shown);
}

#[test]
fn t55_code_cannot_be_left() {
    assert_eq!(code("</code>&\"'", 100), "<code>&lt;/code&gt;&amp;&quot;&#39;</code>");
}

#[test]
fn t56_workflow_commands_are_encoded() {
    assert_eq!(command_data("100%\r\nx: a,b", 100), "100%25 x: a,b");
    assert_eq!(command_property("100%\nx: a,b", 100), "100%25 x%3A a%2Cb");
    assert_eq!(command_data("%0A::error::x", 100), "%250A::error::x");
}

#[test]
fn t56_a_command_cannot_begin_a_line_of_a_table() {
    assert_eq!(unled("::error::x"), "\\u{3a}:error::x");
    assert_eq!(unled("std::fmt"), "std::fmt");
}

#[test]
fn dotenv_values_have_no_space_and_no_quote() {
    assert_eq!(dotenv_value("a b\"c'\n$d"), "a%20b%22c%27%0A%24d");
}
