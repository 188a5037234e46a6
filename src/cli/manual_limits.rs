//! The bounds of what is read, as they stand in the reference.

use std::fmt::Write as _;

use crate::evidence::signature::bundle;
use crate::evidence::{
    checklist, cyclonedx, findings, json, load, locust, recognise, sarif, signature, statement, xml,
};
use crate::flow::submission;
use crate::model::bounds::Bounds;
use crate::model::licence;
use crate::model::notable::Notables;
use crate::model::report;
use crate::policy::calendar::{events, holidays, hours, meetings};
use crate::policy::layers::Limits;
use crate::policy::{expression, notify, separation, tree};
use crate::workspace::layers;

const OPENING: &str = "
## Limits

What is beyond a limit is unknown, and holds. These can be set: `--time-limit` on the command line, and the others under
`limits` in the policy, such as `limits: { names: 50000 }`. A message names the key that raises what was met. A higher bound
takes more memory where a report reaches it. Of several layers the innermost that states one counts.

| key | of | left out | at least | at most |
| --- | --- | --- | --- | --- |
";

const FIXED: &str = "
The others are the same for everybody: each says why.

| of | at most | why nobody sets it |
| --- | --- | --- |
";

/// Writes the tables.
pub(super) fn write(out: &mut String) {
    let set = Limits::default();
    out.push_str(OPENING);
    let time = super::gate::TIME_LEFT_OUT.as_secs();
    let _ = writeln!(out, "| `--time-limit` | seconds of the whole run | {time} |  |  |");
    let files = "files that one gate reads";
    let _ = writeln!(out, "| `limits.files` | {files} | {} | 1 | 1,000,000 |", grouped(set.files as u64));
    let entries = "entries of the artifact folders that are looked at";
    let _ = writeln!(out, "| `limits.entries` | {entries} | {} | 1 | 100,000,000 |", grouped(set.entries as u64));
    let _ = writeln!(out, "| `limits.bytes` | bytes of one file | {} | 1 | 10,000,000,000,000 |", grouped(set.bytes));
    for bound in Bounds::ALL {
        let [left_out, least, most] = [bound.left_out, bound.least, bound.most].map(|number| grouped(number as u64));
        let _ = writeln!(out, "| `limits.{}` | {} | {left_out} | {least} | {most} |", bound.key, bound.of);
    }
    out.push_str(FIXED);
    for (why, limits) in fixed() {
        for (of, most) in limits {
            let _ = writeln!(out, "| {of} | {} | {why} |", grouped(most));
        }
    }
}

/// Why nobody sets a limit.
const STACK: &str = "it takes stack, and no report or file that people use comes near";
const ALIKE: &str = "`limits.names` and `limits.rules` raise it alike";
const NEVER: &str = "what tools write stays far below";
const CUT: &str = "what is beyond it is left out of what is shown, kept or compared, and lets nothing pass";
const SPLIT: &str = "several files can be given instead of one, and each is verified as a whole";
const HAND: &str = "people write it, and read it";
const SHARED: &str = "it protects the app, which all repositories share";

/// What nobody sets, by why nobody does. A test finds every such constant, and wants it here.
fn fixed() -> [(&'static str, Vec<(&'static str, u64)>); 7] {
    let bounds = Bounds::LEFT_OUT;
    [
        (
            STACK,
            vec![
                ("values inside one another in JSON where they are looked into", json::WALKED as u64),
                ("components inside one another in CycloneDX XML", cyclonedx::NESTING as u64),
                ("terms inside one another in an expression", expression::DEPTH_LIMIT.into()),
                ("components inside one another in an iCalendar file", events::DEEPEST as u64),
                ("values inside one another in a policy file", tree::DEPTH as u64),
                ("values inside one another in a YAML or JSON checklist", checklist::structured::DEPTH as u64),
            ],
        ),
        (
            ALIKE,
            vec![
                ("bytes that the names of one list take", bounds.bytes_of_names() as u64),
                ("bytes that the identifiers of a SARIF run's rules take", bounds.bytes_of_rules() as u64),
            ],
        ),
        (
            NEVER,
            vec![
                ("attributes of one element in XML", xml::ATTRIBUTE_LIMIT as u64),
                ("extensions of one SARIF run's tool", sarif::EXTENSIONS as u64),
                ("artifacts of one SARIF run, where results name their files by them alone", sarif::ARTIFACTS as u64),
                ("named folders of one SARIF run", sarif::BASES as u64),
                ("named folders of SARIF that lie in each other", sarif::DEPTH as u64),
                ("different response times of one Locust report", locust::DISTINCT_LIMIT as u64),
                ("milliseconds of one response", load::LONGEST_MS),
                ("bytes of a statement beside a report", statement::LIMIT as u64),
                ("log entries, and timestamps, of one bundle", signature::PROOF_LIMIT as u64),
                ("bytes before the first event of `go test -json`", recognise::BEFORE_EVENTS as u64),
                ("other objects before the first event of `go test -json`", recognise::OBJECTS as u64),
            ],
        ),
        (
            CUT,
            vec![
                (
                    "bytes of a licence that is read as an expression; a longer one is one name",
                    licence::EXPRESSION_LIMIT as u64,
                ),
                ("digests of a product in an SBOM that are kept", cyclonedx::DIGESTS as u64),
                ("commits, and artifacts, that one report names", report::PARTS as u64),
                ("bytes of a path that a finding names; a longer one is not shown", findings::PATH as u64),
                ("entries of a gate that are shown", Notables::ROOM as u64),
                ("bytes of a text that is shown of one", Notables::TEXT as u64),
                ("bytes of a text that are looked at to recognise it", recognise::HEAD as u64),
                ("keys that are remembered to recognise a document", recognise::KEYS as u64),
                ("bytes of an item's text; the rest is cut", checklist::TEXT as u64),
                ("lists inside one another in Markdown; what is deeper is no item", checklist::markdown::DEPTH as u64),
            ],
        ),
        (
            SPLIT,
            vec![
                ("bytes of one file of Sigstore bundles", signature::SIZE_LIMIT as u64),
                ("bundles of one file", signature::BUNDLE_LIMIT as u64),
                (
                    "subjects of one signed statement, and of the statements of one file",
                    signature::SUBJECT_LIMIT as u64,
                ),
                ("weight of a bundle's JSON in memory, in units of 32 bytes", bundle::WEIGHT_LIMIT.into()),
            ],
        ),
        (
            HAND,
            vec![
                ("bytes of a YAML or JSON checklist", checklist::BYTES as u64),
                ("items of a checklist", checklist::ITEMS as u64),
                ("values of a YAML or JSON checklist", checklist::structured::VALUES as u64),
                ("bytes of one policy file", tree::SIZE_LIMIT as u64),
                ("values of a policy file", tree::VALUES as u64),
                ("anchors, and aliases, of a policy file", tree::ALIASES as u64),
                ("layers of one policy", layers::DEPTH as u64),
                ("characters that a rejection's reason can be asked to have", separation::LONGEST_REASON.into()),
                ("bytes of one expression", expression::LENGTH_LIMIT as u64),
                ("bytes of an iCalendar file", events::LARGEST as u64),
                ("events of an iCalendar file", events::MOST as u64),
                ("days that a file of holidays names", holidays::MOST as u64),
                ("days that one of them lasts", holidays::LONGEST.unsigned_abs()),
                ("bytes of opening hours", hours::LONGEST as u64),
                ("bytes of an address that people are told at", notify::LONGEST as u64),
                ("times of one rule of meetings, from its first one on", meetings::MOST as u64),
                ("times ahead that are looked at for a meeting that fits", meetings::AHEAD as u64),
            ],
        ),
        (
            SHARED,
            vec![
                ("bytes of one file that is submitted", submission::FILE),
                ("files of one submission", submission::FILES as u64),
                ("bytes that one attempt of a run submits", submission::OF_A_RUN.1),
                ("files that one attempt of a run submits", submission::OF_A_RUN.0 as u64),
                ("bytes of the manifest that closes a submission", submission::WHOLE as u64),
                ("submissions that one attempt of a run closes", submission::CLOSED.0 as u64),
                ("files that those list together", submission::CLOSED.1),
            ],
        ),
    ]
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
