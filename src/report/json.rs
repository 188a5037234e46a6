//! The decision document: JSON (RFC 8259) for programs, and its schema.
//!
//! The document is the decision as the model states it. Text in it is the text
//! of the artifacts; characters that a reader would not see are written as
//! `\u` escapes, which read back as the same characters, so that the document
//! can be printed on a terminal or in a job's log.
//!
//! Where a place takes only so much, [`within`] leaves out what can be had
//! elsewhere, and `left_out` in the document says what that was.

use std::borrow::Cow;
use std::io;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::{neutral, words};
use crate::model::decision::{Decision, GateDecision, VERSION};
use crate::model::facts::{self, Facts};
use crate::model::inspection::{self, Inspection};
use crate::model::measures::Measures;
use crate::model::notable::shortened;
use crate::model::release_decision::{self, ReleaseDecision};

/// The name of the schema of the decision document.
pub const SCHEMA_ID: &str = "urn:countersign:schema:decision:1";

/// A decision, and what this copy of it lacks.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Countersign decision")]
struct Document<'a> {
    #[serde(flatten)]
    decision: Cow<'a, Decision>,
    /// What was left out of this copy to fit its place; absent where the copy is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

impl<'a> Document<'a> {
    fn whole(decision: &'a Decision) -> Self {
        Self { decision: Cow::Borrowed(decision), left_out: None }
    }
}

/// The document on one line, without a line end.
pub fn compact(decision: &Decision) -> serde_json::Result<String> {
    write(&Document::whole(decision), CompactFormatter, usize::MAX)
}

/// The document for people, with a line end.
pub fn pretty(decision: &Decision) -> serde_json::Result<String> {
    write_pretty(&Document::whole(decision))
}

/// The JSON Schema (draft 2020-12) of the document, for people, with a line end.
pub fn schema() -> serde_json::Result<String> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    named(settings.into_generator().into_root_schema_for::<Document>(), SCHEMA_ID, VERSION)
}

/// The name of the schema of the facts document.
pub const FACTS_ID: &str = "urn:countersign:schema:facts:1";

/// The name of the schema of the decision on a release.
pub const RELEASE_ID: &str = "urn:countersign:schema:release-decision:1";

/// The decision on a release, for people, with a line end.
pub fn release(decision: &ReleaseDecision) -> serde_json::Result<String> {
    write_pretty(decision)
}

/// The name of the schema of an inspection.
pub const INSPECTION_ID: &str = "urn:countersign:schema:inspection:1";

/// An inspection, for people, with a line end.
pub fn inspection(inspection: &Inspection) -> serde_json::Result<String> {
    write_pretty(inspection)
}

/// Inspections of several forges, as a list.
pub fn inspections(all: &[Inspection]) -> serde_json::Result<String> {
    write_pretty(&all)
}

/// The JSON Schema (draft 2020-12) of an inspection, for people, with a line end.
pub fn inspection_schema() -> serde_json::Result<String> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    named(settings.into_generator().into_root_schema_for::<Inspection>(), INSPECTION_ID, inspection::VERSION)
}

/// The JSON Schema (draft 2020-12) of the decision on a release, for people, with a line end.
pub fn release_schema() -> serde_json::Result<String> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    named(settings.into_generator().into_root_schema_for::<ReleaseDecision>(), RELEASE_ID, release_decision::VERSION)
}

/// The JSON Schema (draft 2020-12) of the facts of a release, for people, with a line end.
pub fn facts_schema() -> serde_json::Result<String> {
    let settings = SchemaSettings::draft2020_12();
    named(settings.into_generator().into_root_schema_for::<Facts>(), FACTS_ID, facts::VERSION)
}

fn named(mut schema: schemars::Schema, id: &str, version: u32) -> serde_json::Result<String> {
    schema.insert("$id".to_owned(), id.into());
    if let Some(stated) = schema.pointer_mut("/properties/version").and_then(serde_json::Value::as_object_mut) {
        stated.insert("const".to_owned(), version.into());
    }
    write_pretty(&schema)
}

/// The document on one line and in at most `limit` bytes. Where it is longer,
/// the lists of evidence are left out first, then the measures, then the gates
/// that let the release go on, then the last of those that hold it. It is a
/// fault where not even the decision without its gates fits.
pub fn within(decision: &Decision, limit: usize) -> serde_json::Result<String> {
    let whole = Document::whole(decision);
    let fitting = |document: &Document| match write(document, CompactFormatter, limit) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_io() => Ok(None),
        Err(error) => Err(error),
    };
    if let Some(text) = fitting(&whole)? {
        return Ok(text);
    }
    let mut cut = without_lists(decision);
    let lists = "the lists of evidence";
    if let Some(text) = fitting(&Document { decision: Cow::Borrowed(&cut), left_out: Some(lists.to_owned()) })? {
        return Ok(text);
    }
    for gate in &mut cut.gates {
        gate.measures = Measures::new();
        gate.baseline = Measures::new();
    }
    let measures = "the lists of evidence, and the measures";
    if let Some(text) = fitting(&Document { decision: Cow::Borrowed(&cut), left_out: Some(measures.to_owned()) })? {
        return Ok(text);
    }
    most_important(cut, limit)
}

/// As many of the gates that hold the release as fit, most important first.
fn most_important(mut cut: Decision, limit: usize) -> serde_json::Result<String> {
    let total = cut.gates.len();
    let mut holding: Vec<GateDecision> = words::holding(&cut).cloned().collect();
    for gate in &mut holding {
        gate.explanation = shortened(&gate.explanation, words::SENTENCE);
    }
    cut.summary = shortened(&cut.summary, words::SENTENCE);
    cut.gates = Vec::new();
    // Room for the frame around the gates, and for the sentence that counts those left out.
    let mut used = compact(&cut)?.len() + 200;
    let mut keep = 0;
    for gate in &holding {
        used += write(gate, CompactFormatter, usize::MAX)?.len() + 1;
        if used > limit {
            break;
        }
        keep += 1;
    }
    holding.truncate(keep);
    cut.gates = holding;
    let left_out = format!("the lists of evidence, the measures, and {} of {total} gates", total - keep);
    write(&Document { decision: Cow::Owned(cut), left_out: Some(left_out) }, CompactFormatter, limit)
}

/// The decision without its lists of evidence, which are never copied for it.
fn without_lists(decision: &Decision) -> Decision {
    let gate = |gate: &GateDecision| GateDecision {
        name: gate.name.clone(),
        has_namesake: gate.has_namesake,
        layer: gate.layer.clone(),
        kind: gate.kind,
        verdict: gate.verdict,
        reason: gate.reason,
        explanation: gate.explanation.clone(),
        next: gate.next,
        requirement: gate.requirement.clone(),
        verified_by: gate.verified_by.clone(),
        keep: gate.keep.clone(),
        measures: gate.measures.clone(),
        baseline: gate.baseline.clone(),
        evidence: Vec::new(),
        evidence_count: gate.evidence_count,
        notables: Vec::new(),
        notable_count: gate.notable_count,
    };
    Decision {
        version: decision.version,
        id: decision.id.clone(),
        decision: decision.decision,
        summary: decision.summary.clone(),
        environment: decision.environment.clone(),
        components: decision.components.clone(),
        now: decision.now,
        commit: decision.commit.clone(),
        policy: decision.policy.clone(),
        policy_from: decision.policy_from,
        gates: decision.gates.iter().map(gate).collect(),
        not_evaluated: decision.not_evaluated.clone(),
    }
}

/// A document of a kind that has no schema of its own here, for people, with a line end.
pub fn pretty_of(value: &impl Serialize) -> serde_json::Result<String> {
    write_pretty(value)
}

/// Any value as a document for people, with a line end.
/// A document on one line, without a line end.
pub(super) fn write_compact(value: &impl Serialize) -> serde_json::Result<String> {
    write(value, CompactFormatter, usize::MAX)
}

pub(super) fn write_pretty(value: &impl Serialize) -> serde_json::Result<String> {
    let mut text = write(value, PrettyFormatter::new(), usize::MAX)?;
    text.push('\n');
    Ok(text)
}

/// A list of texts on one line, in at most `limit` bytes: what does not fit is counted in a last text.
pub(super) fn names<'a>(names: impl Iterator<Item = Cow<'a, str>>, limit: usize) -> serde_json::Result<String> {
    let names: Vec<_> = names.collect();
    let mut kept = Vec::new();
    let mut used = 50;
    for name in &names {
        used += write(name, CompactFormatter, usize::MAX)?.len() + 1;
        if used > limit {
            break;
        }
        kept.push(name.clone());
    }
    if kept.len() < names.len() {
        kept.push(Cow::Owned(format!("and {} more", names.len() - kept.len())));
    }
    write(&kept, CompactFormatter, usize::MAX)
}

fn write<F: Formatter>(value: &impl Serialize, formatter: F, limit: usize) -> serde_json::Result<String> {
    let mut page = Bounded { bytes: Vec::new(), limit };
    value.serialize(&mut Serializer::with_formatter(&mut page, Visible(formatter)))?;
    String::from_utf8(page.bytes).map_err(serde::ser::Error::custom)
}

/// Takes so many bytes and then no more, so that a document beyond the limit is never built.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(more.len()) > self.limit {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A formatter that escapes what a reader would not see, and `##`, which
/// runners look for anywhere in a line.
struct Visible<F>(F);

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly every fragment is plain. Counting, which has no early end, tells it of many bytes at a time.
        if fragment.bytes().filter(|byte| matches!(byte, b' '..=b'"' | b'$'..=b'~')).count() == fragment.len() {
            return writer.write_all(fragment.as_bytes());
        }
        let mut before = ' ';
        let mut start = 0;
        for (at, character) in fragment.char_indices() {
            if neutral::hidden(character) || (character == '#' && before == '#') {
                writer.write_all(fragment.get(start..at).unwrap_or_default().as_bytes())?;
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                start = at + character.len_utf8();
            }
            before = character;
        }
        writer.write_all(fragment.get(start..).unwrap_or_default().as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}
