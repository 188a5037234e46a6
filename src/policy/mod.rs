//! Storey 2: the text of a policy becomes a [`Policy`] that holds together.
//!
//! A file is read as a tree with places ([`tree`]) and its form is checked against
//! one description of the grammar ([`grammar`], [`shape`]). Gates and waivers are
//! made valid ([`gate`], [`waiver`]), the checklists of regulations join them
//! ([`packs`]), and every other section becomes [`rules`]: one file a subject reads
//! it and joins the layers by the stricter word. What the text alone can prove is
//! proven ([`coherence`]), and with a [`roster`] whether the people that there are
//! can approve ([`satisfiable`]). Requirements are checked here ([`expression`]),
//! and answered ([`evaluate`]). Everything that is wrong is said at once, at its
//! place. No file is read here: text comes in.
//!
//! Invariant: a policy with any error is no policy. Nothing is judged by the
//! part of it that could be read.

mod assemble;
pub mod attended;
mod break_glass;
mod broken;
pub mod calendar;
mod change_record;
mod class;
pub mod coherence;
mod component;
mod contradictions;
mod delegation;
pub mod diagnostics;
pub mod duration;
mod environment;
pub mod evaluate;
mod experiment;
pub mod expression;
pub mod gate;
pub mod grammar;
mod idle;
mod incident;
pub mod instant;
pub mod layers;
pub mod length;
mod matching;
mod monitor;
pub mod notify;
mod openings;
pub mod packs;
mod people;
pub mod periodic;
mod proofs;
mod raci;
mod reader;
mod repository_path;
mod retention;
mod review;
mod rigor;
pub mod risk;
pub mod roles;
pub mod roster;
mod route;
pub mod rules;
pub mod satisfiable;
pub mod separation;
pub mod shape;
mod stricter;
pub mod systems;
mod times;
pub mod tree;
mod unheeded;
pub mod vocabulary;
pub mod waiver;

pub use layers::{Attachment, Policy, Source, attachments, complaints_of_some, read, read_with};

use serde_json::json;

/// The JSON Schema (2020-12) of a policy file, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = grammar::POLICY.schema();
    if let Some(gate) =
        schema.pointer_mut("/properties/gates/additionalProperties").and_then(|gate| gate.as_object_mut())
    {
        gate.insert("oneOf".to_owned(), gate::kinds_schema());
        for list in gate::LISTS.iter().chain(gate::kinds()) {
            // One text or a list of texts; the list has to name something.
            if let Some(list) =
                gate.get_mut("properties").and_then(|keys| keys.pointer_mut(&format!("/{list}/oneOf/1")))
                && let Some(list) = list.as_object_mut()
            {
                list.insert("minItems".to_owned(), 1.into());
            }
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        // A layer among others may leave both to them.
        let alone = json!({"not": {"anyOf": [{"required": ["layer"]}, {"required": ["parent"]}]}});
        let named = json!({"properties": {"environments": {"minProperties": 1}, "gates": {"minProperties": 1}}});
        schema.insert("if".to_owned(), alone);
        schema.insert("then".to_owned(), named);
        schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        schema.insert("$id".to_owned(), "urn:countersign:schema:policy:1".into());
        schema.insert("title".to_owned(), "Countersign policy".into());
    }
    schema
}
