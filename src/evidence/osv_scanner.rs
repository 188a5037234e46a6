//! OSV-Scanner JSON, versions 1 and 2.
//!
//! | OSV-Scanner | here |
//! | --- | --- |
//! | `groups` of a package | one known vulnerability each, however many databases list it under a name of their own |
//! | `max_severity`, else the CVSS vectors of the advisories, else the word of their database | the severity |
//! | `affected` ranges with a `fixed` event, for the package itself | fixable |
//! | `license_violations` | findings without a severity |
//!
//! A package without `groups` has one vulnerability an advisory. Where the scanner
//! says that the vulnerable code is not called, the vulnerability counts all the
//! same: nobody decided that it may stay. What the configuration ignores is not
//! listed, so suppressions are unknown, and so is exploitation. In a baseline a
//! vulnerability is the same by the group's first identifier, package and source.

use std::borrow::Cow;
use std::str::FromStr;

use super::findings::{FindingTally, Scanned, Severity, Vulnerability, higher};
use super::foreign;
use super::json::{self, Error, Later, Node, Step, Text, refuse, refuse_beyond_limit};
use crate::model::bounds::raise;
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut FindingTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut results = false;
    json::walk_within(bytes, &bounds, |root| {
        root.object(|key, value| {
            if key != "results" {
                return foreign::pass("OSV-Scanner", key);
            }
            // The scanner writes an empty list where it found nothing, and never `null`.
            results = !value.is_null();
            value.array(|result| source(result, tally))
        })
    })?;
    if !results {
        return Err(Fault::malformed(Place::Whole, "the report has no `results`; a clean one has an empty list"));
    }
    tally.speaks_of_vulnerabilities();
    tally.silent_on_suppressions();
    about.by("OSV-Scanner");
    Ok(())
}

/// A lockfile, an SBOM or an image, with its packages.
fn source(node: &mut Node<'_, '_>, tally: &mut FindingTally) -> Step {
    let mut path = Cow::default();
    let mut packages = None;
    node.object(|key, value| {
        match key {
            "source" => value.object(|key, value| {
                if key == "path" {
                    path = value.text()?.unwrap_or_default();
                }
                Ok(())
            })?,
            "packages" => packages = Some(value.later()),
            _ => {}
        }
        Ok(())
    })?;
    match packages {
        Some(packages) => packages.walk(|list| list.array(|entry| package(entry, &path, tally))),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Package<'de> {
    name: Cow<'de, str>,
    version: Cow<'de, str>,
    advisories: Option<Later<'de>>,
    groups: Option<Later<'de>>,
    violations: Option<Later<'de>>,
}

fn package(node: &mut Node<'_, '_>, path: &str, tally: &mut FindingTally) -> Step {
    let mut package = Package::default();
    node.object(|key, value| {
        match key {
            "package" => value.object(|key, value| {
                match key {
                    "name" => package.name = value.text()?.unwrap_or_default(),
                    "version" | "commit" if package.version.is_empty() => {
                        package.version = value.text()?.unwrap_or_default();
                    }
                    _ => {}
                }
                Ok(())
            })?,
            "vulnerabilities" => package.advisories = Some(value.later()),
            "groups" => package.groups = Some(value.later()),
            "license_violations" => package.violations = Some(value.later()),
            _ => {}
        }
        Ok(())
    })?;
    let most = node.bounds().advisories;
    let mut advisories = Vec::new();
    if let Some(list) = package.advisories {
        list.walk(|list| {
            list.array(|entry| {
                if advisories.len() >= most {
                    let message = format_args!("a package has more than {most} advisories{}", raise("advisories"));
                    return Err(refuse_beyond_limit(message));
                }
                advisories.push(advisory(entry, &package.name)?);
                Ok(())
            })
        })?;
    }
    let found = Found { path, package: &package, tally };
    found.count(&advisories)
}

/// What an advisory says, as far as it is counted.
#[derive(Default)]
struct Advisory<'de> {
    id: Cow<'de, str>,
    summary: Option<Text<'de>>,
    score: Option<f64>,
    word: Option<Severity>,
    fixable: bool,
}

fn advisory<'de>(node: &mut Node<'_, 'de>, package: &str) -> Result<Advisory<'de>, Error> {
    let mut advisory = Advisory::default();
    node.object(|key, value| {
        match key {
            "id" => advisory.id = value.text()?.unwrap_or_default(),
            "summary" => advisory.summary = value.text_later()?,
            "severity" => value.array(|severity| {
                let score = vector_score(severity)?;
                advisory.score = higher(advisory.score, score);
                Ok(())
            })?,
            "database_specific" => value.object(|key, value| {
                if key == "severity" {
                    // Each database writes here what it likes; only a word is understood.
                    if let json::Scalar::Text(word) = value.scalar()? {
                        advisory.word = Severity::of_word(&word);
                    }
                }
                Ok(())
            })?,
            "affected" => value.array(|affected| {
                advisory.fixable |= fixed(affected, package)?;
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    if advisory.id.is_empty() { Err(refuse("an entry of `vulnerabilities` has no `id`")) } else { Ok(advisory) }
}

/// The score of a CVSS 3 or 4 vector. Version 2 and vendors' own scales give none.
fn vector_score(node: &mut Node<'_, '_>) -> Result<Option<f64>, Error> {
    let mut vector = Cow::default();
    node.object(|key, value| {
        if key == "score" {
            vector = value.text()?.unwrap_or_default();
        }
        Ok(())
    })?;
    Ok(cvss::Cvss::from_str(&vector).ok().map(|cvss| cvss.score()))
}

/// Whether a range of an affected package ends in a fix.
fn fixed(node: &mut Node<'_, '_>, package: &str) -> Result<bool, Error> {
    let mut same = true;
    let mut fixed = false;
    node.object(|key, value| match key {
        "package" => value.object(|key, value| {
            if key == "name" {
                same = value.text()?.as_deref() == Some(package);
            }
            Ok(())
        }),
        "ranges" => value.array(|range| {
            range.object(|key, value| {
                if key != "events" {
                    return Ok(());
                }
                value.array(|event| {
                    event.object(|key, value| {
                        if key == "fixed" {
                            fixed |= value.text()?.is_some_and(|version| !version.is_empty());
                        }
                        Ok(())
                    })
                })
            })
        }),
        _ => Ok(()),
    })?;
    Ok(same && fixed)
}

/// A package whose advisories are known.
struct Found<'a, 'de> {
    path: &'a str,
    package: &'a Package<'de>,
    tally: &'a mut FindingTally,
}

impl Found<'_, '_> {
    fn count(mut self, advisories: &[Advisory<'_>]) -> Step {
        let mut grouped = false;
        if let Some(groups) = self.package.groups {
            groups.walk(|list| {
                list.array(|group| {
                    grouped = true;
                    self.group(group, advisories)
                })
            })?;
        }
        if !grouped {
            for advisory in advisories {
                self.vulnerability(&advisory.id, None, std::slice::from_ref(advisory).iter());
            }
        }
        let Some(violations) = self.package.violations else { return Ok(()) };
        violations.walk(|list| {
            list.array(|licence| {
                let licence = licence.text()?.unwrap_or_default();
                self.tally.scanned(&Scanned {
                    id: &licence,
                    component: &self.package.name,
                    version: &self.package.version,
                    place: self.path,
                    ..Scanned::default()
                });
                Ok(())
            })
        })
    }

    fn group(&mut self, node: &mut Node<'_, '_>, advisories: &[Advisory<'_>]) -> Step {
        let most = node.bounds().advisories;
        let mut ids = Vec::new();
        let mut stated = None;
        node.object(|key, value| {
            match key {
                "ids" => value.array(|id| {
                    ids.extend(id.text()?);
                    if ids.len() > most {
                        let message = format_args!("a group has more than {most} identifiers{}", raise("advisories"));
                        Err(refuse_beyond_limit(message))
                    } else {
                        Ok(())
                    }
                })?,
                "max_severity" => stated = score(value)?,
                _ => {}
            }
            Ok(())
        })?;
        let Some(first) = ids.first() else { return Err(refuse("an entry of `groups` has no `ids`")) };
        let members = advisories.iter().filter(|advisory| ids.contains(&advisory.id));
        self.vulnerability(first, stated, members);
        Ok(())
    }

    fn vulnerability<'m, 'v: 'm>(
        &mut self,
        id: &str,
        stated: Option<f64>,
        members: impl Iterator<Item = &'m Advisory<'v>>,
    ) {
        let mut whole = Advisory::default();
        for member in members {
            whole.score = higher(whole.score, member.score);
            whole.word = whole.word.max(member.word);
            whole.fixable |= member.fixable;
            whole.summary = whole.summary.or(member.summary);
        }
        let score = stated.or(whole.score);
        self.tally.scanned(&Scanned {
            id,
            component: &self.package.name,
            version: &self.package.version,
            place: self.path,
            severity: score.and_then(Severity::of_score).or(whole.word),
            score,
            message: whole.summary,
            vulnerability: Some(Vulnerability { fixable: Some(whole.fixable), exploited: None }),
            ..Scanned::default()
        });
    }
}

/// `max_severity` is a score in a text, empty where none is known.
fn score(node: &mut Node<'_, '_>) -> Result<Option<f64>, Error> {
    let Some(text) = node.text()? else { return Ok(None) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    match text.trim().parse::<f64>() {
        Ok(score) if (0.0..=10.0).contains(&score) => Ok(Some(score)),
        _ => {
            let found = crate::model::notable::shortened(&text, 40);
            Err(refuse(format_args!("`max_severity` is `{found}`, where a score from 0 to 10 was expected")))
        }
    }
}
