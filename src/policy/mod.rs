//! Storey 2: the text of a policy becomes a [`Policy`] that holds together.
//!
//! A file is read as a tree with places ([`tree`]), its form is checked against
//! one description of the grammar ([`grammar`], [`shape`]), gates and waivers
//! are made valid ([`gate`], [`waiver`]), what the text alone can prove is proven
//! ([`coherence`]) and layers are put together ([`layers`]). Requirements are
//! checked here ([`expression`]), and answered ([`evaluate`]). Everything that is wrong is said at once, at its place. No file
//! is read here: text comes in.
//!
//! Invariant: a policy with any error is no policy. Nothing is judged by the
//! part of it that could be read.

pub mod calendar;
pub mod coherence;
pub mod diagnostics;
pub mod duration;
pub mod evaluate;
pub mod expression;
pub mod gate;
pub mod grammar;
pub mod instant;
pub mod layers;
pub mod length;
pub mod rules;
pub mod shape;
pub mod tree;
pub mod vocabulary;
pub mod waiver;

pub use layers::{Policy, Source, read};

/// The JSON Schema (2020-12) of a policy file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = grammar::POLICY.schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        schema.insert("$id".to_owned(), "urn:countersign:schema:policy:1".into());
        schema.insert("title".to_owned(), "Countersign policy".into());
    }
    schema
}
