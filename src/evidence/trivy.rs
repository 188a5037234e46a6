//! Trivy JSON: schema version 2, the bare list that Trivy wrote before 0.20, and
//! the reports over a Kubernetes cluster, whose resources hold results of the same shape.
//!
//! | Trivy | here |
//! | --- | --- |
//! | `Vulnerabilities` | known vulnerabilities; fixable with a `FixedVersion` |
//! | `Misconfigurations` | findings when their `Status` is `FAIL`; suppressed when `EXCEPTION` |
//! | `Secrets`, `Licenses` | findings |
//! | `ExperimentalModifiedFindings` | suppressed, by VEX or by `.trivyignore` |
//! | `Severity` | the severity; `UNKNOWN` leaves it open |
//!
//! Trivy leaves `Results` out when there are none, so a report without them is
//! clean. What was looked for is not said: vulnerabilities are known only when a
//! result is of packages or lists some. Exploitation is not spoken of. Suppressions
//! are listed only on demand (`--show-suppressed`), so they are unknown without it.
//!
//! In a baseline a finding in operating-system packages is the same whatever the
//! tag of the image and the version of its system; other targets are told apart.

use std::borrow::Cow;

use super::findings::{FindingTally, Scanned, Severity, Vulnerability, higher};
use super::foreign;
use super::json::{self, Later, Node, Step, Text, refuse};
use crate::model::report::{About, Fault};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut FindingTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut report = Report { tally, about, said: Said::default(), shows_suppressed: false };
    json::walk_within(bytes, &bounds, |root| {
        if root.is_array() {
            root.array(|result| {
                if report.result(result)? {
                    Ok(())
                } else {
                    Err(refuse("an element of the list has no `Target`, as results have; give each report as a file of its own"))
                }
            })
        } else {
            root.object(|key, value| report.property(key, value))
        }
    })?;
    let Report { tally, about, said, shows_suppressed } = report;
    if !said.scanned() {
        return Err(Fault::empty(
            "the report names neither an artifact by its schema nor a result, so nothing was scanned",
        ));
    }
    if !shows_suppressed {
        tally.silent_on_suppressions();
    }
    about.by("Trivy");
    Ok(())
}

struct Report<'a> {
    tally: &'a mut FindingTally,
    about: &'a mut About,
    said: Said,
    shows_suppressed: bool,
}

/// What says that something was scanned.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was said")]
struct Said {
    version: bool,
    artifact: bool,
    cluster: bool,
    /// A list that a report has, be it empty.
    list: bool,
    result: bool,
}

impl Said {
    /// A result does. Without one a name alone could be anything's, so the schema or an empty list has to stand beside it.
    fn scanned(&self) -> bool {
        self.result || self.artifact && (self.version || self.list) || self.cluster && self.list
    }
}

impl Report<'_> {
    fn property(&mut self, key: &str, value: &mut Node<'_, '_>) -> Step {
        match key {
            "SchemaVersion" => match value.count()? {
                None => Ok(()),
                Some(2) => {
                    self.said.version = true;
                    Ok(())
                }
                Some(other) => Err(refuse(format_args!("`SchemaVersion` is {other}, where 2 was expected"))),
            },
            "CreatedAt" => {
                self.about.made_text(&value.text()?.unwrap_or_default());
                Ok(())
            }
            "Trivy" => value.object(|key, value| {
                if key == "Version" {
                    self.about.by(format!("Trivy {}", value.text()?.unwrap_or_default()));
                }
                Ok(())
            }),
            "ArtifactName" => {
                self.said.artifact |= value.text()?.is_some();
                Ok(())
            }
            "ClusterName" => {
                self.said.cluster |= value.text()?.is_some();
                Ok(())
            }
            "Metadata" => value.object(|key, value| self.metadata(key, value)),
            "Results" => {
                self.said.list = true;
                value.array(|result| self.result(result).map(|_| ()))
            }
            "Vulnerabilities" | "Misconfigurations" | "Resources" | "Findings" => {
                self.said.list = true;
                value.array(|resource| self.resource(resource))
            }
            _ => foreign::pass("Trivy", key),
        }
    }

    /// An image is released by the digest of its manifest. Its `ImageID` is another
    /// digest, of its configuration, so it neither is nor contradicts that one.
    fn metadata(&mut self, key: &str, value: &mut Node<'_, '_>) -> Step {
        if key != "RepoDigests" {
            return Ok(());
        }
        value.array(|digest| {
            self.about.artifact(&digest.text()?.unwrap_or_default());
            Ok(())
        })
    }

    /// A resource of a cluster.
    fn resource(&mut self, resource: &mut Node<'_, '_>) -> Step {
        resource.object(|key, value| match key {
            "Results" => value.array(|result| self.result(result).map(|_| ())),
            "Error" => {
                if let Some(error) = value.text_later()?.map(|text| text.excerpt(200)).filter(|text| !text.is_empty()) {
                    self.about.tool_failure.get_or_insert(format!("Trivy could not scan a resource: {error}"));
                }
                Ok(())
            }
            _ => Ok(()),
        })
    }

    /// Reads a result, and tells whether it says what was scanned.
    fn result(&mut self, result: &mut Node<'_, '_>) -> Result<bool, json::Error> {
        let (mut target, mut class): (Option<Cow<'_, str>>, Option<Cow<'_, str>>) = (None, None);
        // Trivy writes what it scanned before what it found; where it did not, the lists wait.
        let mut lists: Vec<(Kind, Later<'_>)> = Vec::new();
        self.said.result = true;
        result.object(|key, value| {
            if let Some(kind) = Kind::of_list(key) {
                if kind == Kind::Vulnerability {
                    self.tally.speaks_of_vulnerabilities();
                }
                match (&target, &class) {
                    (Some(target), Some(class)) => return self.list(kind, class, target, value),
                    _ => lists.push((kind, value.later())),
                }
            }
            match key {
                "Target" => target = Some(value.text()?.unwrap_or_default()),
                "Class" => class = Some(value.text()?.unwrap_or_default()),
                "ExperimentalModifiedFindings" => {
                    self.shows_suppressed = true;
                    value.array(|finding| {
                        self.tally.suppressed(1);
                        finding.object(|_, _| Ok(()))
                    })?;
                }
                _ => foreign::pass("Trivy", key)?,
            }
            Ok(())
        })?;
        let targeted = target.is_some();
        let (target, class) = (target.unwrap_or_default(), class.unwrap_or_default());
        if matches!(&*class, "os-pkgs" | "lang-pkgs") {
            self.tally.speaks_of_vulnerabilities();
        }
        lists.into_iter().try_for_each(|(kind, list)| list.walk(|list| self.list(kind, &class, &target, list)))?;
        Ok(targeted)
    }

    fn list(&mut self, kind: Kind, class: &str, target: &str, list: &mut Node<'_, '_>) -> Step {
        let place = if class == "os-pkgs" { class } else { target };
        list.array(|entry| self.entry(kind, place, target, entry))
    }

    fn entry(&mut self, kind: Kind, place: &str, target: &str, entry: &mut Node<'_, '_>) -> Step {
        let mut read = Entry::default();
        entry.object(|key, value| read.property(kind, key, value))?;
        match &*read.status {
            "PASS" if kind == Kind::Misconfiguration => return Ok(()),
            "EXCEPTION" if kind == Kind::Misconfiguration => {
                self.tally.suppressed(1);
                return Ok(());
            }
            _ => {}
        }
        if read.id.is_empty() {
            return Err(refuse(format_args!("an entry of `{}` has no `{}`", kind.list(), kind.id())));
        }
        let vulnerability = Vulnerability { fixable: Some(!read.fixed.is_empty()), exploited: None };
        let file = [&*read.path, target].into_iter().find(|path| !path.is_empty());
        self.tally.scanned(&Scanned {
            id: &read.id,
            component: &read.package,
            version: &read.version,
            place: if read.path.is_empty() { place } else { &read.path },
            path: file,
            line: read.line,
            severity: Severity::stated(&read.severity)?,
            score: read.score,
            message: read.message.or(read.title),
            vulnerability: (kind == Kind::Vulnerability).then_some(vulnerability),
        });
        Ok(())
    }
}

/// What a list of a result holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Vulnerability,
    Misconfiguration,
    Secret,
    Licence,
}

impl Kind {
    fn of_list(key: &str) -> Option<Self> {
        [Self::Vulnerability, Self::Misconfiguration, Self::Secret, Self::Licence]
            .into_iter()
            .find(|kind| kind.list() == key)
    }

    fn list(self) -> &'static str {
        match self {
            Self::Vulnerability => "Vulnerabilities",
            Self::Misconfiguration => "Misconfigurations",
            Self::Secret => "Secrets",
            Self::Licence => "Licenses",
        }
    }

    /// The key that names what was found.
    fn id(self) -> &'static str {
        match self {
            Self::Vulnerability => "VulnerabilityID",
            Self::Misconfiguration => "ID",
            Self::Secret => "RuleID",
            Self::Licence => "Name",
        }
    }
}

/// An entry of any of the lists.
#[derive(Default)]
struct Entry<'de> {
    id: Cow<'de, str>,
    package: Cow<'de, str>,
    version: Cow<'de, str>,
    fixed: Cow<'de, str>,
    severity: Cow<'de, str>,
    status: Cow<'de, str>,
    path: Cow<'de, str>,
    line: Option<u32>,
    score: Option<f64>,
    title: Option<Text<'de>>,
    message: Option<Text<'de>>,
}

impl<'de> Entry<'de> {
    fn property(&mut self, kind: Kind, key: &str, value: &mut Node<'_, 'de>) -> Step {
        let slot = match key {
            key if key == kind.id() => &mut self.id,
            "PkgName" => &mut self.package,
            "InstalledVersion" => &mut self.version,
            "FixedVersion" => &mut self.fixed,
            "Severity" => &mut self.severity,
            "Status" => &mut self.status,
            "PkgPath" | "FilePath" => &mut self.path,
            "Title" => {
                self.title = value.text_later()?;
                return Ok(());
            }
            "Message" => {
                self.message = value.text_later()?;
                return Ok(());
            }
            "StartLine" => return self.starts(value),
            "CauseMetadata" => {
                return value.object(|key, value| if key == "StartLine" { self.starts(value) } else { Ok(()) });
            }
            "CVSS" => {
                return value.object(|_source, scores| {
                    scores.object(|key, value| {
                        if matches!(key, "V3Score" | "V40Score") {
                            let score = value.number()?;
                            self.score = higher(self.score, score);
                        }
                        Ok(())
                    })
                });
            }
            _ => return Ok(()),
        };
        *slot = value.text()?.unwrap_or_default();
        Ok(())
    }

    fn starts(&mut self, value: &mut Node<'_, '_>) -> Step {
        self.line = value.count()?.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0);
        Ok(())
    }
}
