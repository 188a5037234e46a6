//! Grype JSON, as Grype 0.7 to 0.100 and later write it.
//!
//! | Grype | here |
//! | --- | --- |
//! | `matches` | known vulnerabilities |
//! | `ignoredMatches` | suppressed, by a rule of the configuration or by VEX |
//! | `vulnerability.severity` | the severity; `Unknown` leaves it open, `Negligible` is low |
//! | `vulnerability.fix` | fixable when it names a version; a fix of state `unknown` is none |
//! | `vulnerability.knownExploited` | exploited: CISA's catalogue |
//! | `descriptor` | the version of Grype, and when the report was made |
//!
//! Grype leaves `knownExploited` out where it is empty. Reports whose matches carry
//! `risk` or `epss` come from a database that knows of exploitation, and there
//! the absence says no; in older ones it says nothing.
//!
//! In a baseline a match is the same by vulnerability, package and the path of the package.

use std::borrow::Cow;

use super::findings::{FindingTally, Scanned, Severity, Vulnerability, higher};
use super::foreign;
use super::json::{self, Node, Step, Text, refuse};
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut FindingTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut matches = false;
    let mut described = false;
    json::walk_within(bytes, &bounds, |root| {
        root.object(|key, value| match key {
            "matches" => {
                matches = !value.is_null();
                value.array(|entry| one_match(entry, tally))
            }
            "ignoredMatches" => value.array(|entry| {
                tally.suppressed(1);
                entry.object(|_, _| Ok(()))
            }),
            "source" => value.object_or_scalar(|key, value| source(key, value, about)).map(|_| ()),
            "descriptor" => {
                described = true;
                descriptor(value, about)
            }
            _ => foreign::pass("Grype", key),
        })
    })?;
    if !matches {
        return Err(Fault::malformed(Place::Whole, "the report has no `matches`; a clean one has an empty list"));
    }
    if !described {
        return Err(Fault::malformed(Place::Whole, "the report has no `descriptor`, so Grype did not write it"));
    }
    tally.speaks_of_vulnerabilities();
    about.by("Grype");
    Ok(())
}

/// What was scanned: an image is released by the digest of its manifest in a registry.
fn source(key: &str, value: &mut Node<'_, '_>, about: &mut About) -> Step {
    if key != "target" {
        return Ok(());
    }
    let target = value.object_or_scalar(|key, value| match key {
        "repoDigests" => value.array(|digest| {
            about.artifact(&digest.text()?.unwrap_or_default());
            Ok(())
        }),
        _ => Ok(()),
    });
    target.map(|_| ())
}

fn descriptor(node: &mut Node<'_, '_>, about: &mut About) -> Step {
    node.object(|key, value| {
        match key {
            "version" => about.by(format!("Grype {}", value.text()?.unwrap_or_default())),
            "timestamp" => about.made_text(&value.text()?.unwrap_or_default()),
            _ => {}
        }
        Ok(())
    })
}

#[derive(Default)]
struct Match<'de> {
    id: Cow<'de, str>,
    severity: Option<Severity>,
    score: Option<f64>,
    fixed: bool,
    exploited: bool,
    knows_exploitation: bool,
    description: Option<Text<'de>>,
    name: Cow<'de, str>,
    version: Cow<'de, str>,
    path: Cow<'de, str>,
}

fn one_match(node: &mut Node<'_, '_>, tally: &mut FindingTally) -> Step {
    let mut found = Match::default();
    node.object(|key, value| match key {
        "vulnerability" => value.object(|key, value| found.vulnerability(key, value)),
        "artifact" => value.object(|key, value| found.artifact(key, value)),
        _ => Ok(()),
    })?;
    if found.id.is_empty() {
        return Err(refuse("a match has no `vulnerability.id`"));
    }
    let exploited = (found.exploited || found.knows_exploitation).then_some(found.exploited);
    tally.scanned(&Scanned {
        id: &found.id,
        component: &found.name,
        version: &found.version,
        place: &found.path,
        severity: found.severity,
        score: found.score,
        message: found.description,
        vulnerability: Some(Vulnerability { fixable: Some(found.fixed), exploited }),
        ..Scanned::default()
    });
    Ok(())
}

impl<'de> Match<'de> {
    fn vulnerability(&mut self, key: &str, value: &mut Node<'_, 'de>) -> Step {
        match key {
            "id" => self.id = value.text()?.unwrap_or_default(),
            "severity" => self.severity = Severity::stated(&value.text()?.unwrap_or_default())?,
            "description" => self.description = value.text_later()?,
            "fix" => value.object(|key, value| {
                match key {
                    "state" => self.fixed |= value.text()?.as_deref() == Some("fixed"),
                    "versions" => value.array(|version| {
                        self.fixed |= version.text()?.is_some_and(|version| !version.is_empty());
                        Ok(())
                    })?,
                    _ => {}
                }
                Ok(())
            })?,
            "cvss" => value.array(|cvss| {
                cvss.object(|key, value| {
                    if key != "metrics" {
                        return Ok(());
                    }
                    value.object(|key, value| {
                        if key == "baseScore" {
                            self.score = higher(self.score, value.number()?);
                        }
                        Ok(())
                    })
                })
            })?,
            "knownExploited" => value.array(|entry| {
                self.exploited = true;
                entry.object(|_, _| Ok(()))
            })?,
            "risk" | "epss" => self.knows_exploitation = true,
            _ => {}
        }
        Ok(())
    }

    fn artifact(&mut self, key: &str, value: &mut Node<'_, 'de>) -> Step {
        match key {
            "name" => self.name = value.text()?.unwrap_or_default(),
            "version" => self.version = value.text()?.unwrap_or_default(),
            "locations" => {
                let mut first = true;
                value.array(|location| {
                    if !std::mem::take(&mut first) {
                        return Ok(());
                    }
                    location.object(|key, value| {
                        if key == "path" {
                            self.path = value.text()?.unwrap_or_default();
                        }
                        Ok(())
                    })
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}
