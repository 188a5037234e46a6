//! What can be looked up: schemas, measures, reasons and codes.

use std::fmt::Write as _;

use super::{UNKNOWN, USAGE, answer, complain};
use crate::model::catalogue;
use crate::model::ground::Ground;
use crate::model::inspection::Flaw;
use crate::model::kind::{self, Format};
use crate::model::schema;
use crate::model::verdict::Reason;
use crate::policy::diagnostics::Code;
use crate::policy::expression::nearest;

/// The documents that have a schema.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Document {
    Policy,
    Decision,
    Facts,
    ReleaseDecision,
    Inspection,
    /// What `countersign serve` answers to programs, as OpenAPI.
    #[cfg(feature = "app")]
    Api,
}

/// The kinds of evidence. The keys of gates, by which people know them, are taken as well.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Kind {
    #[value(alias = "junit")]
    Tests,
    #[value(aliases = ["sarif", "scan"])]
    Findings,
    Coverage,
    Load,
    Sbom,
    #[value(alias = "sigstore")]
    Signature,
    Checklist,
}

pub(super) const KINDS: [(Kind, kind::Kind, &str); 7] = [
    (Kind::Tests, kind::Kind::Tests, "junit"),
    (Kind::Findings, kind::Kind::Findings, "sarif, scan"),
    (Kind::Coverage, kind::Kind::Coverage, "coverage"),
    (Kind::Load, kind::Kind::Load, "load"),
    (Kind::Sbom, kind::Kind::Sbom, "sbom"),
    (Kind::Signature, kind::Kind::Signature, "sigstore"),
    (Kind::Checklist, kind::Kind::Checklist, "checklist"),
];

pub(super) fn schema(document: Document) -> u8 {
    let kept = match document {
        Document::Policy => None,
        Document::Decision => Some(schema::DECISION),
        Document::Facts => Some(schema::FACTS),
        Document::ReleaseDecision => Some(schema::RELEASE_DECISION),
        Document::Inspection => Some(schema::INSPECTION),
        #[cfg(feature = "app")]
        Document::Api => return answer(&crate::web::api::text()),
    };
    if let Some(kept) = kept {
        return answer(kept);
    }
    match serde_json::to_string_pretty(&crate::policy::schema()) {
        Ok(text) => answer(&(text + "\n")),
        Err(error) => {
            complain(&format!("the schema could not be written: {error}"));
            UNKNOWN
        }
    }
}

pub(super) fn measures(wanted: Option<Kind>) -> u8 {
    let mut out = String::new();
    for (name, kind, words) in KINDS {
        if wanted.is_some_and(|wanted| wanted as u8 != name as u8) {
            continue;
        }
        let formats: Vec<_> =
            Format::ALL.iter().filter(|format| format.kind() == kind).map(|format| format.title()).collect();
        let _ = writeln!(out, "gates with {words}: {}", formats.join(", "));
        for entry in catalogue::measures(kind) {
            let baseline = if entry.needs_baseline { "; needs a baseline" } else { "" };
            let _ = writeln!(out, "  {:32} {}: {}{baseline}", entry.name, entry.kind.title(), entry.meaning);
        }
        out.push('\n');
    }
    out.push_str(
        "`baseline.` before a name without its first word is what the last release measured: `baseline.p95_ms`\n",
    );
    answer(&out)
}

pub(super) fn explain(code: Option<&str>) -> u8 {
    let reasons = Reason::ALL.iter().map(|it| (it.code(), it.verdict().word(), it.meaning(), it.next()));
    let codes = Code::ALL.iter().map(|code| (code.word(), "policy", code.meaning(), Some(code.next())));
    let grounds = Ground::ALL.iter().map(|ground| (ground.code(), "release", ground.meaning(), None));
    let flaws = Flaw::ALL.iter().map(|flaw| (flaw.code(), "installation", flaw.meaning(), None));
    let found: Vec<_> = reasons
        .chain(codes)
        .chain(grounds)
        .chain(flaws)
        .filter(|(word, ..)| code.is_none_or(|code| code == *word))
        .collect();
    if found.is_empty() {
        let code = code.unwrap_or_default();
        let all = Reason::ALL.iter().map(|reason| reason.code()).chain(Code::ALL.iter().map(|code| code.word()));
        let all = all.chain(Ground::ALL.iter().map(|ground| ground.code()));
        let all: Vec<&str> = all.chain(Flaw::ALL.iter().map(|flaw| flaw.code())).collect();
        let hint = nearest(code, &all).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        complain(&format!("there is no code `{code}`{hint}; `countersign explain` lists all"));
        return USAGE;
    }
    let next = |next: Option<&str>| match next.filter(|_| code.is_some()) {
        Some(next) => format!("{:22} {:15} {next}\n", "", "next:"),
        None => String::new(),
    };
    let lines: Vec<String> = found
        .iter()
        .map(|(word, kind, meaning, then)| format!("{word:22} {kind:15} {meaning}\n{}", next(*then)))
        .collect();
    answer(&lines.concat())
}
