//! The policy: what is refused, where, and with which words; what it becomes, and how layers join.

mod advice;
mod at_once;
mod by_example;
mod calendar;
mod cel;
mod clash;
mod contradictions;
mod diagnostics;
mod expression;
mod globs;
mod layers;
mod never;
mod notify;
mod openings;
mod overlooked;
mod packs;
mod paths;
mod periods;
mod places;
mod rules;
mod satisfiable;
mod unheeded;

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
    let text = include_str!("../../../examples/acme/england-bank-holidays.ics").to_owned();
    Attachment { path: "england-bank-holidays.ics".to_owned(), text, sha256: String::new() }
}

/// The long example, which uses every word that a policy has.
const EXAMPLE: &str = include_str!("../../../examples/acme/policy.yml");

/// The policy that the long example is.
fn example() -> Policy {
    let read = policy::read_with(vec![source("policy.yml", EXAMPLE)], &[(0, holidays())]);
    read.unwrap_or_else(|complaints| panic!("{}", told(&complaints)))
}
