//! The policy: what is refused, where, and with which words; what it becomes, and how layers join.

mod advice;
mod by_example;
mod calendar;
mod cel;
mod diagnostics;
mod expression;
mod layers;
mod never;
mod overlooked;
mod packs;
mod places;
mod rules;
mod satisfiable;

use countersign::policy::diagnostics::Complaints;
use countersign::policy::{self, Attachment, Policy, Source};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned(), sha256: String::new(), from: None }
}

fn told(complaints: &[Complaints]) -> String {
    complaints.iter().map(|file| file.render(false)).collect()
}

/// The holidays that the long example names.
fn holidays() -> Attachment {
    let text = include_str!("../../fixtures/policy/england-bank-holidays.ics").to_owned();
    Attachment { path: "england-bank-holidays.ics".to_owned(), text, sha256: String::new() }
}

/// The long example, which lies beside the checkout.
fn example_text() -> Option<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/policy.example.yml");
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: the long example is not at {}", path.display());
    }
    text.ok()
}

/// The policy that the long example is.
fn example() -> Option<Policy> {
    let text = example_text()?;
    let read = policy::read_with(vec![source("policy.example.yml", &text)], &[(0, holidays())]);
    Some(read.unwrap_or_else(|complaints| panic!("{}", told(&complaints))))
}
