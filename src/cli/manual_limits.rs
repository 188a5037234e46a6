//! The bounds of what is read, as they stand in the reference.

use std::fmt::Write as _;

use crate::evidence::{
    checklist, findings, go_test, json, osv_scanner, rows, sarif, sbom, signature, snyk, tests, xml,
};
use crate::flow::submission;
use crate::policy::layers::Limits;
use crate::policy::{expression, tree};
use crate::workspace::layers;

const OPENING: &str = "
## Limits

What is beyond a limit is unknown, and holds; the message names the limit. The first four can be set: `--time-limit`, and
`limits: { files, entries, bytes }` in the policy. The others are what keeps the memory of a run flat whatever it reads,
and are the same for everybody.

| of | at most |
| --- | --- |
";

/// Writes the table.
pub(super) fn write(out: &mut String) {
    let set = Limits::default();
    let rows: [(&str, u64); 33] = [
        ("files that one gate reads (`limits.files`)", set.files as u64),
        ("entries of the artifact folders (`limits.entries`)", set.entries as u64),
        ("bytes of one file (`limits.bytes`)", set.bytes),
        ("seconds of the whole run (`--time-limit`)", super::gate::TIME_LEFT_OUT.as_secs()),
        ("bytes of one policy file", tree::SIZE_LIMIT as u64),
        ("layers of one policy", layers::DEPTH as u64),
        ("bytes of one expression", expression::LENGTH_LIMIT as u64),
        ("terms inside one another in an expression", expression::DEPTH_LIMIT.into()),
        ("values inside one another in JSON", json::NESTING as u64),
        ("bytes of one text in JSON", json::TEXT_LIMIT as u64),
        ("keys of one object in JSON", json::KEY_LIMIT as u64),
        ("elements inside one another in XML", xml::DEPTH_LIMIT as u64),
        ("bytes of one opening tag in XML", xml::TEXT_LIMIT as u64),
        ("attributes of one element in XML", xml::ATTRIBUTE_LIMIT as u64),
        ("bytes of one row of CSV and the like", rows::ROW_LIMIT as u64),
        ("names of failing tests that are stated", tests::NAMES_LIMIT as u64),
        ("packages, open tests and failed tests of `go test -json` together", go_test::KEPT_LIMIT as u64),
        ("names of rules or vulnerabilities that are stated", findings::NAMES as u64),
        ("rules of one SARIF run", sarif::RULES_LIMIT as u64),
        ("vulnerabilities of one Snyk project", snyk::LIMIT as u64),
        ("advisories of one package in OSV-Scanner's report", osv_scanner::LIMIT as u64),
        ("names of one list of an SBOM", sbom::NAMES as u64),
        ("bytes of one file of Sigstore bundles", signature::SIZE_LIMIT as u64),
        ("bundles of one file", signature::BUNDLE_LIMIT as u64),
        ("bytes of a YAML or JSON checklist", checklist::BYTES as u64),
        ("items of a checklist", checklist::ITEMS as u64),
        ("bytes of one file that is submitted", submission::FILE),
        ("files of one submission", submission::FILES as u64),
        ("bytes that one attempt of a run submits", submission::OF_A_RUN.1),
        ("files that one attempt of a run submits", submission::OF_A_RUN.0 as u64),
        ("bytes of the manifest that closes a submission", submission::WHOLE as u64),
        ("submissions that one attempt of a run closes", submission::CLOSED.0 as u64),
        ("files that those list together", submission::CLOSED.1),
    ];
    out.push_str(OPENING);
    for (of, most) in rows {
        let _ = writeln!(out, "| {of} | {} |", grouped(most));
    }
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
