//! Checklists: YAML, JSON and Markdown task lists.

use std::fmt::Write as _;

use countersign::evidence::checklist::{Answer, Checklist, ITEMS, TEXT, key, read};
use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::measures::Measure;
use countersign::model::report::{About, Fault, Place};
use countersign::model::verdict::Reason;
use proptest::prelude::*;
use rstest::rstest;

fn yaml(text: &str) -> Result<Checklist, Fault> {
    read(Format::Checklist, text.as_bytes(), &mut About::default())
}

fn markdown(text: &str) -> Result<Checklist, Fault> {
    read(Format::TaskList, text.as_bytes(), &mut About::default())
}

/// The items as `x text` or `- text`.
fn told(list: &Checklist) -> Vec<String> {
    list.items.iter().map(|item| format!("{} {}", if item.ticked { 'x' } else { '-' }, item.text)).collect()
}

#[rstest]
#[case::list(
    "checklist:\n  - plain\n  - item: done\n    ticked: true\n  - item: open\n    ticked: false\n  - item: unsaid\n"
)]
#[case::map("checklist:\n  plain:\n  done: true\n  open: { ticked: false }\n  unsaid: { note: later }\n")]
#[case::json(r#"{"checklist": ["plain", {"item": "done", "ticked": true}, {"item": "open", "ticked": false}, {"item": "unsaid"}]}"#)]
#[case::json_map(r#"{"release": "1.2", "checklist": {"plain": null, "done": true, "open": false, "unsaid": {}}}"#)]
#[case::other_keys(
    "version: 1\nrelease: { name: [a, b] }\nchecklist: [plain, { item: done, ticked: true }, open, unsaid]\n"
)]
fn yaml_and_json_hold_a_list_or_a_map(#[case] text: &str) {
    assert_eq!(recognise(text.as_bytes()), Some(Format::Checklist));
    assert_eq!(told(&yaml(text).unwrap()), ["- plain", "x done", "- open", "- unsaid"]);
}

#[test]
fn an_item_keeps_its_link_its_note_and_its_line() {
    let list = yaml(
        "checklist:\n  - item: a\n    ticked: true\n    link: https://ci.example/7\n    note: on staging\n  - b\n",
    )
    .unwrap();
    assert_eq!(list.items[0].link.as_deref(), Some("https://ci.example/7"));
    assert_eq!(list.items[0].note.as_deref(), Some("on staging"));
    assert_eq!([list.items[0].line, list.items[1].line], [Some(2), Some(6)]);

    let list = markdown("# Release\n\n- [x] a, see [the run](https://ci.example/7 \"title\")\n").unwrap();
    assert_eq!(list.items[0].link.as_deref(), Some("https://ci.example/7"));
    assert_eq!(list.items[0].line, Some(3));
}

#[test]
fn a_file_may_say_when_it_was_made_and_for_what() {
    let (commit, digest) = ("a".repeat(40), "1".repeat(64));
    let text = format!("made_at: 2026-01-02T03:04:05Z\ncommit: {commit}\nartifact: sha256:{digest}\nchecklist: [a]\n");
    let mut about = About::default();
    read(Format::Checklist, text.as_bytes(), &mut about).unwrap();
    assert_eq!(about.made_at.unwrap().timestamp(), 1_767_323_045);
    assert_eq!((about.commits, about.artifacts), (vec![vec![commit]], vec![digest]));

    let digits = format!("{{\"commit\": \"{0}\", \"checklist\": [\"a\"]}}", "1".repeat(40));
    let mut about = About::default();
    read(Format::Checklist, digits.as_bytes(), &mut about).unwrap();
    assert_eq!(about.commits, [["1".repeat(40)]]);
}

#[rstest]
#[case::t53_yes("checklist:\n  a: yes\n", 2, "found the text `yes`; write `true` or `false` without quotes")]
#[case::t53_no("checklist:\n- item: a\n  ticked: no\n", 3, "found the text `no`")]
#[case::t53_on("checklist:\n- item: a\n  ticked: on\n", 3, "found the text `on`")]
#[case::t53_quoted("checklist:\n- item: a\n  ticked: \"true\"\n", 3, "found the text `true`")]
#[case::t53_tagged("checklist:\n- item: a\n  ticked: !!bool yes\n", 3, "only `true` and `false` say yes and no")]
#[case::t53_tag_of_yaml(
    "checklist:\n- item: a\n  ticked: !!bool true\n",
    3,
    "the tag `!!bool` is not read here; leave it out"
)]
#[case::t53_tag_of_a_text("checklist:\n- !!str a\n", 2, "the tag `!!str` is not read here")]
#[case::t53_tag_in_full("checklist: !<tag:yaml.org,2002:seq> [a]\n", 1, "the tag `tag:yaml.org,2002:seq`")]
#[case::t53_number("checklist:\n- item: a\n  ticked: 1\n", 3, "expected true or false")]
#[case::t53_key_twice_in_an_item(
    "checklist:\n- item: a\n  ticked: false\n  ticked: true\n",
    4,
    "the key `ticked` stands twice"
)]
#[case::t53_key_twice_in_a_map("checklist:\n  a: false\n  a: true\n", 3, "the key `a` stands twice")]
#[case::t53_key_twice_in_json("{\"checklist\": {\"a\": false,\n\"a\": true}}", 2, "the key `a` stands twice")]
#[case::t53_checklist_twice("checklist: [a]\nchecklist: [b]\n", 2, "the key `checklist` stands twice")]
#[case::t53_unknown_key("checklist:\n- item: a\n  tick: true\n", 2, "the key `tick` is not known here")]
#[case::t53_unknown_key_in_a_map("checklist:\n  a: { item: b }\n", 2, "the keys are `ticked`, `link` and `note`")]
#[case::t53_own_tag("checklist:\n- !acme a\n", 2, "the tag `!acme` is not read here")]
#[case::t53_merge("checklist:\n  <<: { a: true }\n", 2, "`<<` is not read here")]
#[case::t53_anchor("checklist:\n- &a done\n- *a\n", 2, "needs no anchors and aliases")]
#[case::t53_two_documents("checklist: [a]\n---\nchecklist: [b]\n", 2, "a second document follows")]
#[case::no_text("checklist:\n- item: \"\"\n", 2, "an item has no text")]
#[case::t58_text_that_nobody_sees("checklist:\n- \"\u{200B}\u{A0}\u{FEFF}\"\n", 2, "an item has no text")]
#[case::no_item("checklist:\n- ticked: true\n", 2, "an item has no key `item`")]
#[case::number_as_text("checklist:\n- 5\n", 2, "expected a text")]
#[case::text_as_list("checklist: done\n", 1, "expected a list of items")]
#[case::unclosed("checklist: [a\n", 1, "the bracket `[` is not closed")]
fn what_could_be_read_in_two_ways_is_refused_at_its_line(#[case] text: &str, #[case] line: u64, #[case] message: &str) {
    let fault = yaml(text).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.contains(message), "{fault}");
    assert!(!fault.message.contains(" at line "), "{fault}");
    assert!(matches!(fault.place, Place::Line(found, _) if found == line), "{fault}");
}

#[rstest]
#[case("checklist:\n")]
#[case("checklist: []\n")]
#[case("checklist: {}\n")]
#[case(r#"{"checklist": null}"#)]
fn a_list_without_items_has_nothing_to_judge(#[case] text: &str) {
    assert_eq!(yaml(text).unwrap_err().reason, Reason::EmptyReport);
}

#[test]
fn a_document_without_the_key_is_malformed_and_not_empty() {
    assert_eq!(yaml("checks: [a]\n").unwrap_err().reason, Reason::Malformed);
}

#[test]
fn t53_an_alias_bomb_is_refused_before_it_grows() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{inner}]");
    }
    let fault = yaml(&format!("{bomb}checklist: *a9\n")).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::Malformed, Place::Line(1, 9)));
}

#[rstest]
#[case("checklist: ", "[")]
#[case("checklist: ", "{a: ")]
#[case("checklist:\n", "- ")]
#[case("{\"other\": ", "[")]
fn t53_nesting_without_end_is_refused(#[case] head: &str, #[case] open: &str) {
    let fault = yaml(&format!("{head}{}", open.repeat(100_000))).unwrap_err();
    assert!(matches!(fault.reason, Reason::Malformed | Reason::BeyondLimit), "{fault}");
    assert!(matches!(fault.place, Place::Line(..)), "{fault}");
}

#[test]
fn t53_a_byte_order_mark_is_passed_over() {
    for (format, text) in [(Format::Checklist, "\u{FEFF}checklist: [a]\n"), (Format::TaskList, "\u{FEFF}- [ ] a\n")] {
        assert_eq!(recognise(text.as_bytes()), Some(format));
        assert_eq!(told(&read(format, text.as_bytes(), &mut About::default()).unwrap()), ["- a"]);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_at_their_place() {
    let fault = read(Format::TaskList, b"- [x] \xFF\n", &mut About::default()).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::Malformed, Place::Byte(6)));
}

#[rstest]
#[case::marks("- [x] a\n* [X] b\n+ [ ] c\n", &["x a", "x b", "- c"])]
#[case::numbered("1. [x] a\n2) [ ] b\n", &["x a", "- b"])]
#[case::nested("- [ ] a\n  - [x] b\n    1. [x] c\n- [x] d\n", &["- a", "x b", "x c", "x d"])]
#[case::nested_with_tabs("- [ ] a\n\t- [x] b\n\t\t- [x] c\n", &["- a", "x b", "x c"])]
#[case::nested_in_one_line("- - [x] a\n", &["x a"])]
#[case::gitlab_inapplicable("- [~] a\n- [x] b\n", &["- a", "x b"])]
#[case::loose("- [x] a\n\n\n- [ ] b\n", &["x a", "- b"])]
#[case::after_text("Before release:\n- [x] a\n", &["x a"])]
#[case::windows_lines("- [x] a\r\n- [ ] b\r\n", &["x a", "- b"])]
#[case::wrapped("- [x] data migration\n  can be reverted\n- [ ] b\n", &["x data migration can be reverted", "- b"])]
#[case::wrapped_and_lazy("- [x] data migration\ncan be reverted\n\nnot part of it\n", &["x data migration can be reverted"])]
#[case::heading_ends_the_text("- [x] a\n# Next\n- [ ] b\n", &["x a", "- b"])]
#[case::box_of_a_no_break_space("- [\u{A0}] a\n", &["- a"])]
#[case::after_a_fence("```\n- [x] no\n```\n- [x] a\n", &["x a"])]
#[case::fence_in_an_item("- [x] a\n  ```\n  - [x] no\n  ```\n- [x] b\n", &["x a", "x b"])]
#[case::fence_that_its_item_ends("- [x] a\n  ```\n  - [x] no\n- [ ] b\n", &["x a", "- b"])]
#[case::longer_fence("````md\n```\n- [x] no\n```\n````\n- [ ] a\n", &["- a"])]
#[case::tildes("~~~\n- [x] no\n```\n- [x] no\n~~~\n- [ ] a\n", &["- a"])]
#[case::span_of_code_is_no_fence("- [x] a\n\n```not a fence```\n- [ ] b\n", &["x a", "- b"])]
#[case::comment("<!--\n- [x] no\n-->\n- [ ] a\n", &["- a"])]
#[case::comment_in_one_line("<!-- - [x] no -->\n- [ ] a\n", &["- a"])]
#[case::comment_in_an_item("- [ ] a\n\n  <!--\n  - [x] no\n  -->\n- [x] b\n", &["- a", "x b"])]
#[case::preformatted("<pre>\n\n- [x] no\n</pre>\n- [ ] a\n", &["- a"])]
#[case::details_with_blank_lines("<details>\n<summary>s</summary>\n\n- [x] a\n\n</details>\n", &["x a"])]
#[case::details_without("<details>\n- [x] no\n</details>\n\n- [ ] a\n", &["- a"])]
#[case::indented_code("text\n\n    - [x] no\n\n- [ ] a\n", &["- a"])]
#[case::quotation("> - [x] no\n\n- [ ] a\n", &["- a"])]
#[case::no_text("- [x]\n- [x] \n- [x] \u{200B}\n- [ ] a\n", &["- a"])]
#[case::no_space("- [x]no\n-[x] no\n- [xx] no\n- [] no\n- [ ] a\n", &["- a"])]
#[case::a_link_is_no_task("- [x](https://x.example)\n- [ ] a\n", &["- a"])]
#[case::rule("- - -\n* * *\n- [ ] a\n", &["- a"])]
#[case::ten_digits("1234567890. [x] no\n- [ ] a\n", &["- a"])]
fn markdown_counts_what_github_and_gitlab_show_as_a_task(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(told(&markdown(text).unwrap()), expected);
}

#[rstest]
#[case("Just text.\n")]
#[case("```\n- [x] no\n```\n")]
#[case("<!-- never closed\n- [x] no\n")]
fn markdown_without_tasks_has_nothing_to_judge(#[case] text: &str) {
    assert_eq!(markdown(text).unwrap_err().reason, Reason::EmptyReport);
}

fn required(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_required_item_is_ticked_open_or_missing() {
    let list = markdown("- [x] Rollback rehearsed in staging\n- [ ] Data migration can be reverted\n").unwrap();
    let wanted = required(&["Rollback rehearsed in staging", "Data migration can be reverted", "Support is told"]);
    let judgement = list.judge(&wanted);
    let answers: Vec<_> = judgement.answers.iter().map(|(_, answer)| *answer).collect();
    assert_eq!(answers, [Answer::Ticked, Answer::Open, Answer::Missing]);
    assert_eq!(judgement.open().collect::<Vec<_>>(), ["Data migration can be reverted"]);
    assert_eq!(judgement.missing().collect::<Vec<_>>(), ["Support is told"]);
    assert!(!judgement.complete());
    assert!(list.judge(&wanted[..1]).complete());
    assert!(!list.judge(&[]).complete());
}

#[rstest]
#[case("- [x] Rollback rehearsed\n- [ ] rollback  rehearsed\n")]
#[case("- [ ] Rollback rehearsed\n- [x] **Rollback** rehearsed\n")]
fn an_item_that_stands_twice_with_different_ticks_is_open(#[case] text: &str) {
    let wanted = required(&["Rollback rehearsed"]);
    assert_eq!(markdown(text).unwrap().judge(&wanted).answers[0].1, Answer::Open);
}

#[test]
fn several_files_make_one_list() {
    let mut list = markdown("- [x] a\n").unwrap();
    list.extend(yaml("checklist: { a: false, b: true }\n").unwrap()).unwrap();
    let wanted = required(&["a", "b"]);
    assert_eq!(list.judge(&wanted).answers, [("a", Answer::Open), ("b", Answer::Ticked)]);
}

#[rstest]
#[case::case("ROLLBACK Rehearsed")]
#[case::white_space("  Rollback \t rehearsed ")]
#[case::no_break_space("Rollback\u{A0}rehearsed")]
#[case::wide_space("Rollback\u{3000}rehearsed")]
#[case::t58_zero_width("Roll\u{200B}back re\u{AD}hearsed\u{FEFF}")]
#[case::t58_zero_width_word("Rollback \u{200B} rehearsed")]
#[case::emphasis("**Rollback** _rehearsed_")]
#[case::code_and_strike("`Rollback` ~~rehearsed~~")]
#[case::link("[Rollback rehearsed](https://ci.example/(7))")]
#[case::link_within("Rollback [rehearsed](https://ci.example/7)")]
#[case::image("![Rollback rehearsed](x.png)")]
#[case::comment("Rollback <!-- on staging --> rehearsed")]
fn a_text_is_compared_as_people_read_it(#[case] text: &str) {
    assert_eq!(key(text), "rollback rehearsed");
}

#[rstest]
#[case::t58_direction_mark("Rollback \u{202E}rehearsed")]
#[case::t58_isolate("Rollback \u{2066}rehearsed")]
#[case::t58_look_alike("R\u{43E}llback rehearsed")]
#[case::another_word("Rollback not rehearsed")]
#[case::unclosed_comment("Rollback <!-- rehearsed")]
fn a_text_that_reads_otherwise_is_another_item(#[case] text: &str) {
    assert_ne!(key(text), "rollback rehearsed");
}

#[test]
fn a_list_measures_its_items_its_ticks_and_what_is_open() {
    let measures = markdown("- [x] a\n- [ ] c\n- [ ] b\n- [ ] b\n").unwrap().measures();
    assert_eq!(measures.get("checklist.items"), Some(&Measure::Number(4.0)));
    assert_eq!(measures.get("checklist.ticked"), Some(&Measure::Number(1.0)));
    assert_eq!(measures.get("checklist.open"), Some(&Measure::Names(vec!["b".to_owned(), "c".to_owned()])));
}

#[test]
fn a_list_has_room_for_a_thousand_items_and_refuses_more() {
    let tasks = |count: usize| "- [x] a\n".repeat(count);
    assert_eq!(markdown(&tasks(ITEMS)).unwrap().items.len(), ITEMS);
    let fault = markdown(&tasks(ITEMS + 1)).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::BeyondLimit, Place::Line(1001, 0)));

    let items = |count: usize| format!("checklist:\n{}", "- a\n".repeat(count));
    assert_eq!(yaml(&items(ITEMS)).unwrap().items.len(), ITEMS);
    let fault = yaml(&items(ITEMS + 1)).unwrap_err();
    assert_eq!(fault.reason, Reason::BeyondLimit, "{fault}");

    let mut list = markdown(&tasks(ITEMS)).unwrap();
    assert_eq!(list.extend(markdown("- [x] a\n").unwrap()).unwrap_err().reason, Reason::BeyondLimit);
}

#[test]
fn a_line_of_ten_megabytes_is_cut_and_matches_nothing() {
    let long = "a".repeat(10 << 20);
    let list = markdown(&format!("- [x] {long}\n- [x] b\n{long}\n")).unwrap();
    assert_eq!(list.items.len(), 2);
    assert!(list.items.iter().all(|item| item.text.len() <= TEXT && item.text.ends_with('…')));
    let wanted = vec![long.clone()];
    assert_eq!(list.judge(&wanted).answers[0].1, Answer::Missing);

    assert_eq!(markdown(&format!("{}[x] a\n- [x] b\n", "- ".repeat(5 << 20))).unwrap().items.len(), 1);
    assert_eq!(yaml(&format!("checklist:\n- {long}\n")).unwrap_err().reason, Reason::BeyondLimit);
}

#[rstest]
#[case("# Release\n\n1. [X] a\n", Some(Format::TaskList))]
#[case("* [~] a\n", Some(Format::TaskList))]
#[case("<!-- how to fill this in -->\n\n- [ ] a\n", Some(Format::TaskList))]
#[case("# what we check\n---\nchecklist:\n  - a\n", Some(Format::Checklist))]
#[case("release: 1\nchecklist: [a]\n", Some(Format::Checklist))]
#[case("checklist:\n- item: a\n  note: |\n    - [x] not a task\n", Some(Format::Checklist))]
#[case("Our checklist:\n\n- [ ] a\n", Some(Format::TaskList))]
#[case(r#"{"checklist": {"a": true}}"#, Some(Format::Checklist))]
#[case::open_api("components:\n  schemas:\n    a:\n      type: array\n      items: { type: string }\n", None)]
#[case::prose("Nothing to tick here.\n- [a link](https://x.example)\n", None)]
fn checklists_are_told_by_their_content(#[case] text: &str, #[case] expected: Option<Format>) {
    assert_eq!(recognise(text.as_bytes()), expected);
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "[-*+x~` \\t\\n\\[\\](){}<!>#:&|a0-9.é\u{200B}]{0,120}") {
        let _ = (markdown(&text), yaml(&format!("checklist:\n{text}")), recognise(text.as_bytes()), key(&text));
    }

    #[test]
    fn a_key_is_its_own_key(text in "[-*_` \\t()!>aBÄ\u{200B}\u{A0}]{0,60}") {
        let once = key(&text);
        prop_assert_eq!(key(&once), once);
    }

    #[test]
    fn one_more_open_item_never_completes_a_list(ticks in proptest::collection::vec(any::<(bool, u8)>(), 1..20)) {
        let list = |ticks: &[(bool, u8)]| {
            let lines: Vec<_> = ticks
                .iter()
                .map(|(ticked, name)| format!("- [{}] item {}\n", if *ticked { 'x' } else { ' ' }, name % 3))
                .collect();
            markdown(&lines.concat()).unwrap()
        };
        let wanted = required(&["item 0", "item 1"]);
        let before = list(&ticks).judge(&wanted).complete();
        let mut more = ticks.clone();
        more.push((false, 0));
        prop_assert!(!list(&more).judge(&wanted).complete());
        let all: Vec<_> = ticks.iter().map(|(_, name)| (true, *name)).collect();
        prop_assert!(!before || list(&all).judge(&wanted).complete());
    }
}
