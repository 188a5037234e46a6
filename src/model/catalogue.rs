//! Every measure there is: its name, its type and what it means.
//!
//! The policy's expressions are checked against this list when a policy is
//! loaded, evidence states its measures by these names, and the documentation
//! of measures is made from it.

use super::kind::Kind;

/// The type of a measure in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A number.
    Number,
    /// A length of time; compare it with `duration('4h')`.
    Duration,
    /// `true` or `false`.
    Flag,
    /// A text.
    Text,
    /// A list of texts.
    Names,
}

impl Type {
    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Duration => "duration",
            Self::Flag => "yes or no",
            Self::Text => "text",
            Self::Names => "list of texts",
        }
    }
}

/// Whether a name is that of a list, which is unknown where it would be longer than `limits.names` of the policy.
#[must_use]
pub fn is_list(name: &str) -> bool {
    [Kind::Tests, Kind::Findings, Kind::Sbom]
        .iter()
        .flat_map(|kind| measures(*kind))
        .any(|entry| entry.name == name && entry.kind == Type::Names)
}

/// One measure.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name, as requirements write it.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// Whether it can only be known against a baseline.
    pub needs_baseline: bool,
}

const fn number(name: &'static str, meaning: &'static str) -> Entry {
    Entry { name, kind: Type::Number, meaning, needs_baseline: false }
}
const fn names(name: &'static str, meaning: &'static str) -> Entry {
    Entry { name, kind: Type::Names, meaning, needs_baseline: false }
}
const fn duration(name: &'static str, meaning: &'static str) -> Entry {
    Entry { name, kind: Type::Duration, meaning, needs_baseline: false }
}
const fn new(entry: Entry) -> Entry {
    Entry { needs_baseline: true, ..entry }
}

/// The measures of a kind of evidence.
#[must_use]
pub fn measures(kind: Kind) -> &'static [Entry] {
    match kind {
        Kind::Tests => TESTS,
        Kind::Findings => FINDINGS,
        Kind::Coverage => COVERAGE,
        Kind::Load => LOAD,
        Kind::Sbom => SBOM,
        Kind::Signature => SIGNATURE,
        Kind::Checklist => CHECKLIST,
    }
}

/// The word that a kind's measures begin with, and that `baseline.` replaces.
#[must_use]
pub fn namespace(kind: Kind) -> &'static str {
    match kind {
        Kind::Tests => "tests",
        Kind::Findings => "findings",
        Kind::Coverage => "coverage",
        Kind::Load => "load",
        Kind::Sbom => "sbom",
        Kind::Signature => "signature",
        Kind::Checklist => "checklist",
    }
}

const TESTS: &[Entry] = &[
    number("tests.total", "test cases, skipped ones included"),
    number("tests.passed", "cases that passed, flaky ones included"),
    number("tests.failed", "cases that did not pass: failures and errors together"),
    number("tests.errors", "of the failed, those that ended in an error rather than a failed assertion"),
    number("tests.skipped", "cases that were skipped, disabled or not run"),
    number("tests.flaky", "cases that passed only after failing at least once"),
    duration("tests.time", "the sum of the cases' own times"),
    names("tests.failing", "the names of the failed cases; unknown above `limits.names`"),
    new(number(
        "tests.new.failed",
        "failed cases beyond those of the same suite, class and name that failed in the baseline",
    )),
    new(names("tests.new.failing", "their names; unknown above `limits.names`")),
];

const FINDINGS: &[Entry] = &[
    number("findings.total", "findings that are neither suppressed nor absent"),
    number("findings.error", "of level error; scanners without levels: critical or high"),
    number("findings.warning", "of level warning; scanners without levels: medium"),
    number("findings.note", "of level note; scanners without levels: low, negligible or informational"),
    number("findings.none", "of level none, and those whose severity the report leaves open"),
    number("findings.critical", "of severity critical (CVSS 9.0 and above)"),
    number("findings.high", "of severity high (CVSS 7.0 to 8.9)"),
    number("findings.medium", "of severity medium (CVSS 4.0 to 6.9)"),
    number("findings.low", "of severity low (CVSS 0.1 to 3.9)"),
    number("findings.unrated", "without a severity"),
    number("findings.suppressed", "suppressed in the source or by an accepted decision; not in the total"),
    names("findings.rules", "the rules and vulnerabilities found; unknown above `limits.names`"),
    new(number(
        "findings.new.total",
        "findings that the baseline does not have; what a SARIF log itself calls `unchanged` or `updated` (`baselineState`) is not new, and `new` is, also without a baseline of ours",
    )),
    new(number("findings.new.error", "of them, level error")),
    new(number("findings.new.warning", "of them, level warning")),
    new(number("findings.new.note", "of them, level note")),
    new(number("findings.new.critical", "of them, severity critical")),
    new(number("findings.new.high", "of them, severity high")),
    new(number("findings.new.medium", "of them, severity medium")),
    new(number("findings.new.low", "of them, severity low")),
    new(number("findings.new.unrated", "of them, without a severity")),
    number("vulnerabilities.total", "known vulnerabilities in components; unknown where the report has only findings"),
    number("vulnerabilities.critical", "of severity critical"),
    number("vulnerabilities.high", "of severity high"),
    number("vulnerabilities.medium", "of severity medium"),
    number("vulnerabilities.low", "of severity low or negligible"),
    number("vulnerabilities.unrated", "without a severity"),
    number(
        "vulnerabilities.exploited",
        "listed as exploited (CISA KEV or the like); unknown where the report does not say",
    ),
    names(
        "vulnerabilities.exploited_ids",
        "the identifiers of those listed as exploited; unknown where the report does not say, and above `limits.names`",
    ),
    names("vulnerabilities.ids", "their identifiers; unknown above `limits.names`"),
    number("vulnerabilities.fixable.total", "with a fixed version to go to"),
    number("vulnerabilities.fixable.critical", "of them, severity critical"),
    number("vulnerabilities.fixable.high", "of them, severity high"),
    number("vulnerabilities.fixable.medium", "of them, severity medium"),
    number("vulnerabilities.fixable.low", "of them, severity low or negligible"),
    number("vulnerabilities.fixable.unrated", "of them, without a severity"),
    new(number("vulnerabilities.new.total", "that the baseline does not have")),
    new(number("vulnerabilities.new.critical", "of them, severity critical")),
    new(number("vulnerabilities.new.high", "of them, severity high")),
    new(number("vulnerabilities.new.medium", "of them, severity medium")),
    new(number("vulnerabilities.new.low", "of them, severity low or negligible")),
    new(number("vulnerabilities.new.unrated", "of them, without a severity")),
];

const COVERAGE: &[Entry] = &[
    number(
        "coverage.lines",
        "covered lines over all lines, 0 to 1; where the report states totals of its own that are at least what it lists, those count, for some tools list a part",
    ),
    number("coverage.branches", "covered branches over all branches, 0 to 1"),
    number("coverage.functions", "covered functions or methods over all, 0 to 1"),
    number("coverage.instructions", "covered byte-code instructions over all, 0 to 1 (JaCoCo)"),
    number("coverage.lines_covered", "covered lines"),
    number("coverage.lines_total", "all lines that can be covered"),
    number("coverage.branches_covered", "covered branches"),
    number("coverage.branches_total", "all branches"),
];

const LOAD: &[Entry] = &[
    number("load.requests", "requests made"),
    number("load.failed", "requests that failed"),
    number("load.error_rate", "failed requests over all, 0 to 1"),
    number("load.throughput", "requests a second"),
    duration("load.duration", "how long the test ran"),
    number("load.mean_ms", "mean response time, milliseconds"),
    number("load.min_ms", "shortest response time, milliseconds"),
    number("load.max_ms", "longest response time, milliseconds"),
    number("load.p50_ms", "50th percentile of response times, milliseconds"),
    number("load.p75_ms", "75th percentile, milliseconds"),
    number("load.p90_ms", "90th percentile, milliseconds"),
    number("load.p95_ms", "95th percentile, milliseconds"),
    number("load.p99_ms", "99th percentile, milliseconds"),
    number("load.p999_ms", "99.9th percentile, milliseconds"),
    number("load.checks_failed", "checks or assertions of the test that failed"),
    number("load.thresholds_failed", "thresholds of the test that were crossed (k6)"),
];

const SBOM: &[Entry] = &[
    number("sbom.components", "components listed, the described product itself not counted"),
    number("sbom.without_licence", "components for which no licence is stated"),
    number("sbom.without_supplier", "components for which no supplier is stated"),
    number("sbom.without_version", "components without a version"),
    names(
        "sbom.licences",
        "the licences stated, concluded and declared ones alike: each expression, and beside it every SPDX identifier within it, of exceptions too, as the SPDX list writes it; deprecated GNU identifiers become today's (`GPL-3.0` is `GPL-3.0-only`); unknown above `limits.names`. Licences of single files, of services and what a scanner guessed (`evidence`) are not among them",
    ),
    names("sbom.suppliers", "suppliers stated; unknown above `limits.names`"),
    new(number("sbom.new.components", "components that the baseline does not list, by name whatever the version")),
    new(number("sbom.new.versions", "components that the baseline lists in another version only")),
    new(number("sbom.removed.components", "components that only the baseline lists")),
    new(names("sbom.new.names", "the names of the new components; unknown above `limits.names`")),
    new(names(
        "sbom.new.licences",
        "entries of `sbom.licences` that the baseline does not have; unknown above `limits.names`",
    )),
    new(names("sbom.new.suppliers", "suppliers that the baseline does not have; unknown above `limits.names`")),
];

const SIGNATURE: &[Entry] = &[
    number("signature.verified", "bundles whose signature, signer and subject were verified"),
    names("signature.identities", "the signers' identities"),
    names("signature.builders", "the builders that verified provenance names"),
];

const CHECKLIST: &[Entry] = &[
    number("checklist.items", "items on the list"),
    number("checklist.ticked", "items that the file says are ticked"),
    names("checklist.open", "items that are not"),
];
