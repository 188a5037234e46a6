//! What must hold of a decision, whatever the facts: it is the same each time, it is told in plain signs, and facts
//! that are not to be read open nothing.

use std::sync::LazyLock;

use countersign::decide::release::decide;
use countersign::model::facts::Facts;
use countersign::model::release_decision::{ReleaseDecision, Ruling};
use countersign::policy::{self, Policy, Source};
use countersign::report::text::Style;
use countersign::report::{json, neutral, release};
use serde_json::{Map, Value};

use crate::memory;

#[path = "../../benches/decision/population.rs"]
mod population;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let source = Source {
        path: "policy.yml".to_owned(),
        text: include_str!("../../benches/decision/policy.yml").to_owned(),
        sha256: "0".repeat(64),
        from: None,
    };
    policy::read(vec![source]).expect("the policy of the benchmark can be read")
});

/// Facts as somebody wrote them, or those of a release of the benchmark, edited: two bytes choose the release, and
/// five each edit say where and what.
pub fn holds(bytes: &[u8]) {
    if bytes.first() == Some(&b'{') {
        if let Ok(facts) = memory::bounded(4 * bytes.len(), || serde_json::from_slice::<Facts>(bytes)) {
            told(&facts);
        }
        return;
    }
    let Some((number, edits)) = bytes.split_first_chunk::<2>() else { return };
    let whole = population::facts(u64::from(u16::from_be_bytes(*number)));
    let before = told(&whole).decision;
    let mut document = serde_json::to_value(&whole).expect("facts are written");
    let mut hidden = document.clone();
    for edit in edits.chunks_exact(5).take(8) {
        let ([.., what], way) = (edit, &edit[..4]) else { return };
        change(place(&mut document, way), *what);
        hide(place(&mut hidden, way));
    }
    if let Ok(facts) = serde_json::from_value::<Facts>(document) {
        told(&facts);
    }
    // Where only values that may be unknown were hidden, nothing opens.
    if let Ok(facts) = serde_json::from_value::<Facts>(hidden) {
        let after = told(&facts);
        assert!(
            before == Ruling::Proceed || after.decision != Ruling::Proceed,
            "what could not be read opened it: {}",
            after.summary
        );
    }
}

/// Decides, twice, and tells it.
fn told(facts: &Facts) -> ReleaseDecision {
    let now = population::now();
    let decision = decide(&POLICY, facts, now);
    let document = json::release(&decision).expect("a decision is written");
    assert_eq!(document, json::release(&decide(&POLICY, facts, now)).expect("a decision is written"));
    let again: Value = serde_json::from_str(&document).expect("a decision is JSON");
    assert!(again.get("summary").and_then(Value::as_str).is_some_and(|summary| !summary.is_empty()), "no sentence");
    let page = release::render(&decision, POLICY.rules.calendar.zone, Style { width: 100, ..Style::default() });
    assert!(!page.chars().any(|sign| sign != '\n' && neutral::hidden(sign)), "a sign that is not seen: {page:?}");
    if let Some(instant) = decision.revisit.at {
        assert!(instant > now, "the next instant has passed");
    }
    decision
}

/// A value somewhere in a document: each byte goes one step down.
fn place<'v>(document: &'v mut Value, way: &[u8]) -> &'v mut Value {
    let Some((step, way)) = way.split_first() else { return document };
    let inner = match &*document {
        Value::Object(entries) => entries.len(),
        Value::Array(entries) => entries.len(),
        _ => 0,
    };
    if inner == 0 {
        return document;
    }
    let at = usize::from(*step) % inner;
    match document {
        Value::Object(entries) => place(entries.values_mut().nth(at).expect("a remainder of its length"), way),
        Value::Array(entries) => place(&mut entries[at], way),
        plain => plain,
    }
}

fn hide(value: &mut Value) {
    *value = Value::Object(Map::from_iter([("unavailable".to_owned(), Value::from("the page did not load"))]));
}

fn change(value: &mut Value, what: u8) {
    match (what % 10, &mut *value) {
        (0, _) => *value = Value::Null,
        (1, _) => hide(value),
        (2, Value::Array(entries)) => entries.clear(),
        (2, Value::Object(entries)) => entries.clear(),
        (3, Value::Array(entries)) => entries.reverse(),
        (4, Value::Array(entries)) => {
            let again = entries.clone();
            entries.extend(again);
        }
        (5, Value::Bool(is)) => *is = !*is,
        (5, Value::String(text)) => text.push('\u{202e}'),
        (6, Value::String(text)) => *text = text.to_uppercase(),
        (7, Value::String(text)) => text.clear(),
        (8, Value::String(text)) => {
            text.clear();
            text.push_str(
                ["2026-11-24T09:30:00Z", "+262142-12-31T23:59:59Z", "-262143-01-01T00:00:00Z"][usize::from(what) % 3],
            );
        }
        (8, Value::Number(_)) => *value = Value::from([u64::MAX, 0, 1 << 53][usize::from(what) % 3]),
        (9, Value::Number(_)) => *value = Value::from([-1.0, 1e308, 0.5][usize::from(what) % 3]),
        _ => {}
    }
}
