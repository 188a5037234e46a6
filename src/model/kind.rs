//! The kinds of evidence that a gate can ask for, and the formats that carry them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a gate judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Results of automated tests.
    Tests,
    /// Findings of static analysis and scanners.
    Findings,
    /// Code coverage.
    Coverage,
    /// Results of load and performance tests.
    Load,
    /// Software bills of materials.
    Sbom,
    /// Signatures and provenance over artifacts.
    Signature,
    /// Checklists that people tick.
    Checklist,
}

/// Declares the formats once: variant, stable word, kind, and the name that people use.
macro_rules! formats {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $kind:ident;)+) => {
        /// A format that is recognised by content.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Format {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $name,)+
        }

        impl Format {
            /// Every format that is read.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word for the format in the decision document.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The kind of evidence that the format carries.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),+ }
            }

            /// What people call the format.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

formats! {
    /// JUnit XML
    Junit = "junit", Tests;
    /// Visual Studio TRX
    Trx = "trx", Tests;
    /// go test -json
    GoTest = "go-test", Tests;
    /// SARIF 2.1.0
    Sarif = "sarif", Findings;
    /// Trivy JSON
    Trivy = "trivy", Findings;
    /// Grype JSON
    Grype = "grype", Findings;
    /// Snyk JSON
    Snyk = "snyk", Findings;
    /// OSV-Scanner JSON
    OsvScanner = "osv-scanner", Findings;
    /// GitLab security report
    GitlabReport = "gitlab-report", Findings;
    /// Cobertura XML
    Cobertura = "cobertura", Coverage;
    /// LCOV
    Lcov = "lcov", Coverage;
    /// JaCoCo XML
    Jacoco = "jacoco", Coverage;
    /// k6 summary
    K6 = "k6", Load;
    /// JMeter JTL (CSV)
    JmeterCsv = "jmeter-csv", Load;
    /// JMeter JTL (XML)
    JmeterXml = "jmeter-xml", Load;
    /// Gatling
    Gatling = "gatling", Load;
    /// Locust
    Locust = "locust", Load;
    /// CycloneDX JSON
    CyclonedxJson = "cyclonedx-json", Sbom;
    /// CycloneDX XML
    CyclonedxXml = "cyclonedx-xml", Sbom;
    /// SPDX 2 JSON
    SpdxJson = "spdx-json", Sbom;
    /// SPDX 2 tag-value
    SpdxTagValue = "spdx-tag-value", Sbom;
    /// SPDX 3 JSON-LD
    Spdx3 = "spdx-3", Sbom;
    /// Sigstore bundle
    SigstoreBundle = "sigstore-bundle", Signature;
    /// YAML or JSON checklist
    Checklist = "checklist", Checklist;
    /// Markdown task list
    TaskList = "task-list", Checklist;
}
