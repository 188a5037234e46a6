//! What tells another format, found in a report that was recognised by something else: such a document is two reports at
//! once, and whoever reads it as one of them would not see what the other found.

use super::json::{Step, refuse};

/// The keys under which the formats of findings and of components list what they found, or by which they are told, each
/// with its format. No format has one of another's at its own root.
const KEYS: [(&str, &str); 9] = [
    ("runs", "SARIF"),
    ("Results", "Trivy"),
    ("SchemaVersion", "Trivy"),
    ("matches", "Grype"),
    ("results", "OSV-Scanner"),
    ("vulnerabilities", "Snyk or GitLab"),
    ("bomFormat", "CycloneDX"),
    ("spdxVersion", "SPDX"),
    ("@graph", "SPDX 3.0"),
];

/// Passes over a key that a format does not have at its root, and refuses one by which another format is told.
pub fn pass(format: &str, key: &str) -> Step {
    match KEYS.iter().find(|(telling, _)| *telling == key) {
        Some((_, other)) => Err(refuse(format_args!(
            "this is a report of {format}, and `{key}` is where {other} says what it found; give each report as a file of its own"
        ))),
        None => Ok(()),
    }
}

/// The same for bills of materials, which may list vulnerabilities of their own.
pub fn pass_in_bill(format: &str, key: &str) -> Step {
    if matches!(key, "vulnerabilities" | "results") { Ok(()) } else { pass(format, key) }
}
