//! Gathers what a checklist gate judges: the files in which people tick, and
//! whether the right person signed them.

use super::gathered::{Gathered, format, shown};
use super::request::Request;
use super::signatures;
use crate::decide::gates::{File, Item, ItemState, Table};
use crate::evidence::checklist::{self, Answer, Checklist};
use crate::model::decision::Evidence;
use crate::model::kind::Kind;
use crate::model::report::{About, Fault};
use crate::policy::gate::Gate;
use crate::workspace::decode;
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::Entry;

pub(super) fn gather(request: &Request<'_>, gate: &Gate, entries: &[Entry], files: &[&Entry], into: &mut Gathered) {
    let mut list = Checklist::default();
    let mut confirmed: Option<Result<String, Fault>> = None;
    for entry in files {
        let path = shown(request, entry);
        let mut evidence = Evidence { path: path.clone(), sha256: None, format: None, tool: None, bytes: 0 };
        let mut about = About::default();
        let read = one(request, entry, &mut evidence, &mut about).and_then(|(found, bytes)| {
            list.extend(found)?;
            Ok(bytes)
        });
        let digest = evidence.sha256.clone().unwrap_or_default();
        into.evidence.push(evidence);
        let read = match read {
            Ok(bytes) => into.stated_beside(request, entries, entry, &digest, &mut about).map(|()| bytes),
            Err(fault) => Err(fault),
        };
        if let (Ok(bytes), true) = (&read, gate.trust.names_a_signer()) {
            let signed = signatures::confirm(request, &gate.trust, entries, entry, bytes);
            // Every file must be confirmed; the first that is not says why.
            confirmed = match (confirmed, signed) {
                (Some(Err(fault)), _) => Some(Err(fault)),
                (_, Some(signed)) => Some(signed),
                (_, None) => Some(Err(Fault::empty(format!("{path} has no signature beside it")))),
            };
        }
        into.found.files.push(File { path, about, fault: read.err() });
    }
    if files.is_empty() {
        return;
    }
    into.found.items = list
        .judge(&gate.items)
        .answers
        .into_iter()
        .map(|(text, answer)| Item {
            text: text.to_owned(),
            state: match answer {
                Answer::Ticked => ItemState::Ticked,
                Answer::Open => ItemState::Open,
                Answer::Missing => ItemState::Missing,
            },
        })
        .collect();
    // Measures of which a part could not be read are no measures.
    if into.found.files.iter().all(|file| file.fault.is_none()) {
        into.found.measures = Table::Read(list.measures());
    }
    match confirmed {
        Some(Ok(person)) => into.found.confirmed_by = Some(person),
        Some(Err(fault)) => into.found.unconfirmed = Some(fault.to_string()),
        None => {}
    }
}

/// Reads one file; what it ticks, and the bytes that say so.
fn one(
    request: &Request<'_>,
    entry: &Entry,
    evidence: &mut Evidence,
    about: &mut About,
) -> Result<(Checklist, Artifact), Fault> {
    let artifact = open::entry(entry, request.policy.limits.bytes)?;
    evidence.bytes = artifact.length();
    evidence.sha256 = Some(open::sha256(&artifact));
    let text = decode::text(&artifact)?;
    let format = format(&text, &request.policy.limits.reading, Kind::Checklist)?;
    evidence.format = Some(format);
    let list = checklist::read(format, &text, about)?;
    drop(text);
    artifact.unchanged().map(|()| (list, artifact))
}
