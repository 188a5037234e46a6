//! The page for a job's summary and for a note.

use countersign::report::markdown::{LIMIT, MARKER, marker, render};
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{HOSTILE, all_pass, attacked, held, saying};

#[test]
fn a_release_that_may_go_on() {
    insta::assert_snapshot!(render(&all_pass(), LIMIT));
}

#[test]
fn a_release_that_is_held() {
    insta::assert_snapshot!(render(&held(), LIMIT));
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    insta::assert_snapshot!(render(&attacked(), LIMIT));
}

#[test]
fn the_note_begins_with_its_marker() {
    let page = render(&held(), LIMIT);
    assert!(page.starts_with(&format!("{}\n", marker(&held()))));
    assert!(marker(&held()).starts_with(&format!("<!-- {MARKER}")));
}

#[test]
fn a_marker_is_the_same_for_the_same_environment_and_components_only() {
    let mut other = held();
    other.summary.clear();
    other.gates.clear();
    assert_eq!(marker(&held()), marker(&other));
    other.environment = "staging".to_owned();
    assert_ne!(marker(&held()), marker(&other));
    let mut joined = held();
    joined.components = vec!["apiworker".to_owned()];
    assert_ne!(marker(&held()), marker(&joined));
}

#[test]
fn t55_markup_mentions_references_and_markers_of_others_are_inert() {
    for text in HOSTILE {
        assert_inert(&render(&saying(text), LIMIT));
    }
    assert_inert(&render(&saying(&HOSTILE.concat()), LIMIT));
}

#[test]
fn t55_a_forged_marker_or_row_of_approval_is_text_inside_our_own_table() {
    let page = render(&saying("<!-- countersign:gate:00 --> <tr><td>✅ Approved</td></tr>"), LIMIT);
    assert_eq!(page.matches("<!--").count(), 1);
    assert!(!page.contains("<td>✅"));
    assert!(page.contains("&gt;✅ Approved&lt;/td&gt;&lt;/tr&gt;</code>"), "{page}");
}

/// Reads the page as a forge would, and fails on anything that text could do there.
pub fn assert_inert(page: &str) {
    let mut raw = String::new();
    for event in Parser::new_ext(page, Options::all()) {
        match event {
            Event::Html(html) => raw.push_str(&html),
            Event::Start(Tag::HtmlBlock) | Event::End(_) => {}
            other => panic!("{other:?} is read as Markdown in\n{page}"),
        }
    }
    assert_eq!(raw.trim_end(), page.replace("\n\n", "\n").trim_end(), "something was not taken as HTML");
    for line in page.lines().filter(|line| !line.is_empty()) {
        assert!(line.starts_with('<'), "a line begins with text: {line}");
    }
    let body = page.split_once("-->").unwrap().1;
    let mut quoted = 0_i32;
    let mut rest = body;
    while let Some((text, after)) = rest.split_once('<') {
        if quoted == 0 {
            assert_plain(&text.replace("&#39;", "'").replace("&quot;", "\""));
        }
        let (tag, after) = after.split_once('>').expect("a tag that ends");
        assert!(TAGS.contains(&tag), "the tag <{tag}> is not ours");
        quoted += i32::from(tag == "code") - i32::from(tag == "/code");
        assert!((0..=1).contains(&quoted));
        rest = after;
    }
}

const TAGS: &[&str] = &[
    "h3",
    "/h3",
    "p",
    "/p",
    "table",
    "/table",
    "tr",
    "/tr",
    "th",
    "/th",
    "td",
    "/td",
    "td colspan=\"2\"",
    "strong",
    "/strong",
    "code",
    "/code",
    "details",
    "/details",
    "summary",
    "/summary",
];

/// Outside `<code>`: nothing that GitHub or GitLab make a link, a mention, a
/// reference, a picture or a formula of.
fn assert_plain(text: &str) {
    for sign in ['@', '#', '$', '~', '^', '`', '[', ']', '{', '}', '|', '*', '_', '=', '\\', '>'] {
        let ours = text.starts_with("~ waived");
        assert!(ours || !text.contains(sign), "{sign} stands in {text:?}");
    }
    assert!(!text.contains("://") && !text.contains("www."), "a link stands in {text:?}");
    let characters: Vec<_> = text.chars().collect();
    for pair in characters.windows(2) {
        let joined = matches!(pair[0], ':' | '!' | '%' | '/')
            && !matches!(pair[1], ' ' | '\n' | 'a' | ')' | '.' | ',')
            && pair[1].is_alphanumeric();
        assert!(!joined, "{pair:?} stands in {text:?}");
    }
}
