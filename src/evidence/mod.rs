//! Storey 2: the bytes of an artifact become measures. One format a file.
//!
//! Each kind of evidence has a tally (`tests`, `findings`, `coverage`, `load`,
//! `sbom`) into which every format of that kind folds what it reads, entry by
//! entry, so that memory does not grow with the input. Formats are recognised
//! by content. No file, clock or network lives here: bytes come in, a tally and
//! what the report says of itself come out.
//!
//! Invariant: content that is not understood is a [`Fault`], never an empty
//! tally. A quantity that a report does not state stays unknown, of this report and
//! of all that are tallied with it.

mod baseline;
pub mod checklist;
pub mod cobertura;
pub mod coverage;
pub mod cyclonedx;
pub mod findings;
pub mod foreign;
pub mod gatling;
pub mod gitlab_report;
pub mod go_test;
pub mod grype;
pub mod jacoco;
pub mod jmeter;
pub mod json;
pub mod junit;
pub mod k6;
pub mod lcov;
pub mod load;
pub mod locust;
pub mod osv_scanner;
pub mod recognise;
pub mod rows;
pub mod sarif;
pub mod sbom;
pub mod signature;
pub mod snyk;
pub mod spdx;
pub mod spdx3;
pub mod statement;
pub mod tests;
pub mod trivy;
pub mod trx;
pub mod xml;

pub use recognise::{recognise, recognise_within};

use crate::model::bounds::Bounds;
use crate::model::kind::{Format, Kind};
use crate::model::measures::Measures;
use crate::model::notable::Notables;
use crate::model::report::{About, Fault, Place};

/// What the reports of one gate add up to. Signatures and checklists are not
/// tallied: they have modules of their own.
pub enum Tally {
    /// Results of tests.
    Tests(tests::TestTally),
    /// Findings and vulnerabilities.
    Findings(Box<findings::FindingTally>),
    /// Coverage.
    Coverage(coverage::CoverageTally),
    /// Results of load tests.
    Load(Box<load::LoadTally>),
    /// Components.
    Sbom(sbom::SbomTally),
}

impl Tally {
    /// An empty tally for a kind, or `None` for a kind that is not tallied.
    /// `baseline` is the tally of the last release's reports, where there is one.
    #[must_use]
    pub fn new(kind: Kind, baseline: Option<Self>) -> Option<Self> {
        Some(match (kind, baseline) {
            (Kind::Tests, Some(Self::Tests(before))) => Self::Tests(tests::TestTally::against(before)),
            (Kind::Tests, _) => Self::Tests(tests::TestTally::new()),
            (Kind::Findings, Some(Self::Findings(before))) => {
                Self::Findings(Box::new(findings::FindingTally::against(*before)))
            }
            (Kind::Findings, _) => Self::Findings(Box::default()),
            (Kind::Coverage, _) => Self::Coverage(coverage::CoverageTally::new()),
            (Kind::Load, _) => Self::Load(Box::default()),
            (Kind::Sbom, Some(Self::Sbom(before))) => Self::Sbom(sbom::SbomTally::against(before)),
            (Kind::Sbom, _) => Self::Sbom(sbom::SbomTally::new()),
            (Kind::Signature | Kind::Checklist, _) => return None,
        })
    }

    /// An empty tally that remembers what a later one will be compared with.
    #[must_use]
    pub fn for_baseline(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Tests => Self::Tests(tests::TestTally::for_baseline()),
            Kind::Findings => Self::Findings(Box::new(findings::FindingTally::for_baseline())),
            Kind::Coverage => Self::Coverage(coverage::CoverageTally::new()),
            Kind::Load => Self::Load(Box::default()),
            Kind::Sbom => Self::Sbom(sbom::SbomTally::for_baseline()),
            Kind::Signature | Kind::Checklist => return None,
        })
    }

    /// The tally, which keeps and reads as much as the bounds say.
    #[must_use]
    pub fn within(mut self, bounds: Bounds) -> Self {
        match &mut self {
            Self::Tests(tally) => tally.within(bounds),
            Self::Findings(tally) => tally.within(bounds),
            Self::Coverage(tally) => tally.within(bounds),
            Self::Load(tally) => tally.within(bounds),
            Self::Sbom(tally) => tally.within(bounds),
        }
        self
    }

    /// Says where the report lies that is read next, below its folder, where the baseline's folder and this run's both
    /// have one there. What tests are called is seldom their own beyond one report.
    pub fn at(&mut self, place: Option<&str>) {
        if let Self::Tests(tally) = self {
            tally.at(place);
        }
    }

    /// Reads one report into the tally, and notes of it what it leaves open and none before it did. `bytes` are UTF-8;
    /// a byte-order mark is allowed.
    pub fn read(&mut self, format: Format, bytes: &[u8], about: &mut About) -> Result<(), Fault> {
        let before = self.open();
        self.fold(format, bytes, about)?;
        if let Self::Findings(tally) = self {
            tally.report_ends();
        }
        about.leaves_open = self.open();
        about.leaves_open.retain(|names| !before.contains(names));
        Ok(())
    }

    /// Whether a report is read though its very bytes were read before: of tests, whether one fails anew is asked of each
    /// report by itself, and of findings more can only hold more.
    #[must_use]
    pub fn reads_copies(&self) -> bool {
        matches!(self, Self::Tests(_) | Self::Findings(_))
    }

    /// The tests that were counted so far, of which a copy adds none.
    #[must_use]
    pub fn counts(&self) -> Option<tests::Counts> {
        if let Self::Tests(tally) = self { Some(tally.counts()) } else { None }
    }

    /// Counts no more tests than that.
    pub fn only(&mut self, counts: tests::Counts) {
        if let Self::Tests(tally) = self {
            tally.only(counts);
        }
    }

    /// What the names of measures begin with that a report has left open so far. What one report does not state is
    /// unknown of all of them together.
    fn open(&self) -> Vec<&'static str> {
        match self {
            Self::Tests(tally) => tally.open(),
            Self::Findings(tally) => tally.open(),
            Self::Coverage(tally) => tally.open(),
            Self::Load(tally) => tally.open(),
            Self::Sbom(_) => Vec::new(),
        }
    }

    fn fold(&mut self, format: Format, bytes: &[u8], about: &mut About) -> Result<(), Fault> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        match (self, format) {
            (Self::Tests(tally), Format::Junit) => junit::read(bytes, tally, about),
            (Self::Tests(tally), Format::Trx) => trx::read(bytes, tally, about),
            (Self::Tests(tally), Format::GoTest) => go_test::read(bytes, tally, about),
            (Self::Findings(tally), Format::Sarif) => sarif::read(bytes, tally, about),
            (Self::Findings(tally), Format::Trivy) => trivy::read(bytes, tally, about),
            (Self::Findings(tally), Format::Grype) => grype::read(bytes, tally, about),
            (Self::Findings(tally), Format::Snyk) => snyk::read(bytes, tally, about),
            (Self::Findings(tally), Format::OsvScanner) => osv_scanner::read(bytes, tally, about),
            (Self::Findings(tally), Format::GitlabReport) => gitlab_report::read(bytes, tally, about),
            (Self::Coverage(tally), Format::Cobertura) => cobertura::read(bytes, tally, about),
            (Self::Coverage(tally), Format::Lcov) => lcov::read(bytes, tally, about),
            (Self::Coverage(tally), Format::Jacoco) => jacoco::read(bytes, tally, about),
            (Self::Load(tally), Format::K6) => k6::read(bytes, tally, about),
            (Self::Load(tally), Format::JmeterCsv) => jmeter::read_csv(bytes, tally, about),
            (Self::Load(tally), Format::JmeterXml) => jmeter::read_xml(bytes, tally, about),
            (Self::Load(tally), Format::Gatling) => gatling::read(bytes, tally, about),
            (Self::Load(tally), Format::Locust) => locust::read(bytes, tally, about),
            (Self::Sbom(tally), Format::CyclonedxJson) => cyclonedx::read_json(bytes, tally, about),
            (Self::Sbom(tally), Format::CyclonedxXml) => cyclonedx::read_xml(bytes, tally, about),
            (Self::Sbom(tally), Format::SpdxJson) => spdx::read_json(bytes, tally, about),
            (Self::Sbom(tally), Format::SpdxTagValue) => spdx::read_tag_value(bytes, tally, about),
            (Self::Sbom(tally), Format::Spdx3) => spdx3::read(bytes, tally, about),
            (_, other) => Err(Fault {
                reason: crate::model::verdict::Reason::OtherKind,
                place: Place::Whole,
                message: format!("{} is not what this gate judges", other.title()),
            }),
        }
    }

    /// What the reports measure, and the entries that a person should see first.
    #[must_use]
    pub fn finish(self) -> (Measures, Notables) {
        match self {
            Self::Tests(tally) => tally.finish(),
            Self::Findings(tally) => tally.finish(),
            Self::Coverage(tally) => (tally.measures(), Notables::new()),
            Self::Load(tally) => (tally.measures(), Notables::new()),
            Self::Sbom(tally) => tally.finish(),
        }
    }

    /// What the reports measure so far.
    #[must_use]
    pub fn measures(&self) -> Measures {
        match self {
            Self::Tests(tally) => tally.measures(),
            Self::Findings(tally) => tally.measures(),
            Self::Coverage(tally) => tally.measures(),
            Self::Load(tally) => tally.measures(),
            Self::Sbom(tally) => tally.measures(),
        }
    }
}
