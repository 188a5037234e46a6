//! Makes what is measured: reports of the shapes that real tools write, from a
//! fixed seed, so that they are the same bytes on every machine.

mod large;
mod small;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The seed of every report; part of the names of their folders.
const SEED: u64 = 1;

const WORDS: [&str; 24] = [
    "parse", "render", "fetch", "cache", "policy", "token", "user", "session", "index", "merge", "audit", "login",
    "queue", "build", "deploy", "rollback", "invoice", "charge", "refund", "webhook", "retry", "batch", "stream",
    "schema",
];

/// The binary that is measured: `$BINARY`, to measure what is built otherwise, else ours as the benchmark's profile builds it.
pub fn binary() -> PathBuf {
    std::env::var_os("BINARY").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_countersign")), PathBuf::from)
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and good enough to shape inputs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Whether something comes true that does so in so many of a thousand cases.
    fn in_thousand(&mut self, cases: u64) -> bool {
        self.below(1000) < cases
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(of.len() as u64)).unwrap_or_default();
        of.get(at).copied().unwrap_or_default()
    }

    fn word(&mut self) -> &'static str {
        self.one(&WORDS)
    }

    /// Words joined as the name of a class is.
    fn class(&mut self, words: usize) -> String {
        let mut name = String::new();
        for _ in 0..words {
            let word = self.word();
            let (first, rest) = word.split_at(1);
            name.push_str(&first.to_uppercase());
            name.push_str(rest);
        }
        name
    }
}

/// Gates for the reports.
pub const SCAN: &str = r#"scan: { sarif: "**/*.sarif", require: "findings.error == 0" }"#;
pub const COMPARED: &str = r#"scan: { sarif: "**/*.sarif", require: "findings.new.error == 0" }"#;
pub const TESTS: &str = r#"tests: { junit: "**/*.xml", require: "tests.failed == 0" }"#;
pub const SIX: [&str; 6] = [
    r#"tests: { junit: "junit.xml", require: "tests.failed == 0" }"#,
    r#"scan: { sarif: "*.sarif", require: "findings.error == 0" }"#,
    r#"coverage: { coverage: "cobertura.xml", require: "coverage.lines >= 0.80" }"#,
    r#"load: { load: "load.jtl", require: "load.p95_ms <= 300 && load.error_rate < 0.01" }"#,
    r#"licences: { sbom: "bom.cdx.json", require: "sbom.without_licence == 0" }"#,
    r#"image: { scan: "trivy.json", require: "vulnerabilities.fixable.critical == 0" }"#,
];

/// A report that can be made in any size.
#[derive(Clone, Copy)]
pub enum Report {
    Sarif,
    /// The same results as [`Report::Sarif`] has, but for two in a hundred.
    SarifBefore,
    Junit,
    Cobertura,
    Jtl,
    CycloneDx,
    Trivy,
}

impl Report {
    /// The six that a small release has.
    pub const SIX: [Self; 6] = [Self::Junit, Self::Sarif, Self::Cobertura, Self::Jtl, Self::CycloneDx, Self::Trivy];

    fn name(self) -> &'static str {
        match self {
            Self::Sarif | Self::SarifBefore => "code.sarif",
            Self::Junit => "junit.xml",
            Self::Cobertura => "cobertura.xml",
            Self::Jtl => "load.jtl",
            Self::CycloneDx => "bom.cdx.json",
            Self::Trivy => "trivy.json",
        }
    }

    fn write(self, entries: u64, out: &mut impl Write) -> io::Result<()> {
        let random = &mut Random(SEED);
        match self {
            Self::Sarif => large::sarif(entries, false, random, out),
            Self::SarifBefore => large::sarif(entries, true, random, out),
            Self::Junit => large::junit(entries, random, out),
            Self::Cobertura => small::cobertura(entries, random, out),
            Self::Jtl => small::jtl(entries, random, out),
            Self::CycloneDx => small::cyclonedx(entries, random, out),
            Self::Trivy => small::trivy(entries, random, out),
        }
    }
}

/// A folder that holds the reports; made at the first call, and kept for the next run.
pub fn folder(name: &str, entries: u64, reports: &[Report]) -> io::Result<PathBuf> {
    let folder = root().join(format!("{name}-{entries}-seed-{SEED}"));
    for report in reports {
        file(&folder, *report, entries)?;
    }
    Ok(folder)
}

/// A file in a folder of its own.
pub fn alone(name: &str, entries: u64, report: Report) -> io::Result<PathBuf> {
    Ok(folder(name, entries, &[report])?.join(report.name()))
}

/// A policy beside the inputs.
pub fn policy(name: &str, gates: &[&str]) -> io::Result<PathBuf> {
    let path = root().join(name);
    fs::create_dir_all(root())?;
    let head = "version: 1\nenvironments: { production: { approval: automatic } }\ngates:\n  ";
    fs::write(&path, format!("{head}{}\n", gates.join("\n  ")))?;
    Ok(path)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-inputs")
}

fn file(folder: &Path, report: Report, entries: u64) -> io::Result<()> {
    let path = folder.join(report.name());
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // A run that is ended here must not leave half a report behind for the next.
    let unfinished = folder.join(".unfinished");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
    report.write(entries, &mut out)?;
    out.into_inner()?.sync_all()?;
    fs::rename(unfinished, path)
}
