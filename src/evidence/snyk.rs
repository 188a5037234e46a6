//! Snyk JSON, as `snyk test`, `snyk test --all-projects` and `snyk container test`
//! write it: one project, a list of them, or an image with the applications in it.
//!
//! | Snyk | here |
//! | --- | --- |
//! | `vulnerabilities` | known vulnerabilities, each once a project and package version however many paths lead to it; of `type` `license`: findings |
//! | `severityWithCritical`, else `severity` | the severity |
//! | `isUpgradable`, `isPatchable`, `isPinnable`, `fixedIn`, `nearestFixedInVersion` | fixable |
//! | `filtered.ignore` | suppressed, by a policy or in Snyk itself |
//! | `error` | the tool failed |
//! | `ok` | `false` with nothing listed is a contradiction |
//!
//! How mature an exploit is (`exploit`, `exploitDetails`) says that an attack can be
//! made, not that one was: exploitation stays unknown. In a baseline a
//! vulnerability is the same by identifier, package and the project's file. The
//! report does not say when it was made.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::findings::{FindingTally, Scanned, Severity, Vulnerability};
use super::foreign;
use super::json::{self, Error, Later, Node, Scalar, Step, Text, refuse, refuse_beyond_limit};
use crate::model::bounds::raise;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut FindingTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    about.by("Snyk");
    let mut projects = 0_u64;
    let mut contradiction = None;
    json::walk_within(bytes, &bounds, |root| {
        let mut read = |node: &mut Node<'_, '_>| {
            projects += 1;
            project(node, tally, about, &mut contradiction).map(|_| ())
        };
        if root.is_array() { root.array(read) } else { read(root) }
    })?;
    if let Some(name) = contradiction {
        return Err(Fault::contradictory(format!(
            "the project `{}` is not ok or counts issues, and nothing is listed for it; have Snyk write all that it found",
            shortened(&name, 100)
        )));
    }
    if projects == 0 { Err(Fault::empty("the report lists no projects, so nothing was tested")) } else { Ok(()) }
}

/// One project, image or application in an image.
#[derive(Default)]
struct Project<'de> {
    vulnerabilities: Option<Later<'de>>,
    failed: bool,
    file: Cow<'de, str>,
    shown_file: Cow<'de, str>,
    name: Cow<'de, str>,
    says_filtered: bool,
    not_ok: bool,
    /// How many different issues it says that it lists.
    counted: u64,
}

/// Reads a project, and tells whether anything is listed for it. One that says that it
/// is not ok or counts issues and lists nothing contradicts itself, and its name is left behind.
fn project(
    node: &mut Node<'_, '_>,
    tally: &mut FindingTally,
    about: &mut About,
    contradiction: &mut Option<String>,
) -> Result<bool, Error> {
    let mut project = Project::default();
    // Whether anything is listed for the applications in it.
    let mut listed = false;
    node.object(|key, value| {
        match key {
            "vulnerabilities" if !value.is_null() => project.vulnerabilities = Some(value.later()),
            "targetFile" => project.file = value.text()?.unwrap_or_default(),
            "displayTargetFile" => project.shown_file = value.text()?.unwrap_or_default(),
            "projectName" => project.name = value.text()?.unwrap_or_default(),
            "ok" => project.not_ok = value.flag()? == Some(false),
            "applications" => value.array(|application| {
                listed |= self::project(application, tally, about, contradiction)?;
                Ok(())
            })?,
            "filtered" => {
                project.says_filtered = true;
                filtered(value, tally)?;
            }
            "error" => {
                if let Some(error) = error_text(value)? {
                    project.failed = true;
                    about.tool_failure.get_or_insert(format!("Snyk could not test a project: {error}"));
                }
            }
            "uniqueCount" => project.counted = value.count()?.unwrap_or_default(),
            "vulnerabilities" => {}
            _ => foreign::pass("Snyk", key)?,
        }
        Ok(())
    })?;
    let Some(vulnerabilities) = project.vulnerabilities else {
        return if project.failed {
            Ok(false)
        } else {
            Err(refuse("a project has neither `vulnerabilities` nor `error`"))
        };
    };
    tally.speaks_of_vulnerabilities();
    if !project.says_filtered {
        tally.silent_on_suppressions();
    }
    let place = [project.shown_file, project.file, project.name].into_iter().find(|name| !name.is_empty());
    let mut seen = Seen::default();
    let named = place.as_deref().unwrap_or_default();
    vulnerabilities.walk(|list| list.array(|entry| issue(entry, named, &mut seen, tally)))?;
    listed |= !seen.hashes.is_empty();
    if (project.not_ok || project.counted > 0) && !project.failed && !listed {
        contradiction.get_or_insert_with(|| named.to_owned());
    }
    Ok(listed)
}

/// An error is a text, or an object with a message in newer versions; `null` and an empty text are none.
fn error_text(node: &mut Node<'_, '_>) -> Result<Option<String>, Error> {
    Ok(match node.scalar()? {
        Scalar::Null | Scalar::Flag(false) => None,
        Scalar::Text(text) if text.is_empty() => None,
        Scalar::Text(text) => Some(shortened(&text, 200)),
        _ => Some("it gives no text".to_owned()),
    })
}

fn filtered(node: &mut Node<'_, '_>, tally: &mut FindingTally) -> Step {
    node.object(|key, value| {
        if key != "ignore" {
            return Ok(());
        }
        value.array(|entry| {
            tally.suppressed(1);
            entry.object(|_, _| Ok(()))
        })
    })
}

/// The vulnerabilities of a project that were counted. Snyk repeats one for every
/// path that leads to it.
#[derive(Default)]
struct Seen {
    hashes: HashSet<u64>,
    keys: RandomState,
}

#[derive(Default)]
struct Issue<'de> {
    id: Cow<'de, str>,
    title: Option<Text<'de>>,
    package: Cow<'de, str>,
    name: Cow<'de, str>,
    version: Cow<'de, str>,
    severity: Option<Severity>,
    with_critical: Option<Severity>,
    score: Option<f64>,
    licence: bool,
    /// Whether there is a fix, once anything was said of one.
    fixable: Option<bool>,
}

fn issue(node: &mut Node<'_, '_>, place: &str, seen: &mut Seen, tally: &mut FindingTally) -> Step {
    let mut issue = Issue::default();
    node.object(|key, value| issue.property(key, value))?;
    if issue.id.is_empty() {
        return Err(refuse("an entry of `vulnerabilities` has no `id`"));
    }
    let component = if issue.package.is_empty() { &issue.name } else { &issue.package };
    if !seen.hashes.insert(seen.keys.hash_one((&issue.id, component, &issue.version))) {
        return Ok(());
    }
    let most = node.bounds().vulnerabilities;
    if seen.hashes.len() > most {
        let message =
            format_args!("a project has more than {most} different vulnerabilities{}", raise("vulnerabilities"));
        return Err(refuse_beyond_limit(message));
    }
    let vulnerability = Vulnerability { fixable: issue.fixable, exploited: None };
    tally.scanned(&Scanned {
        id: &issue.id,
        component,
        version: &issue.version,
        place,
        severity: issue.with_critical.or(issue.severity),
        score: issue.score,
        message: issue.title,
        vulnerability: (!issue.licence).then_some(vulnerability),
        ..Scanned::default()
    });
    Ok(())
}

impl<'de> Issue<'de> {
    fn property(&mut self, key: &str, value: &mut Node<'_, 'de>) -> Step {
        match key {
            "id" => self.id = value.text()?.unwrap_or_default(),
            "title" => self.title = value.text_later()?,
            "packageName" => self.package = value.text()?.unwrap_or_default(),
            "name" => self.name = value.text()?.unwrap_or_default(),
            "version" => self.version = value.text()?.unwrap_or_default(),
            "severity" => self.severity = severity(value)?,
            "severityWithCritical" => self.with_critical = severity(value)?,
            "cvssScore" => self.score = value.number()?,
            "type" => self.licence = value.text()?.as_deref() == Some("license"),
            "isUpgradable" | "isPatchable" | "isPinnable" => {
                if let Some(fixable) = value.flag()? {
                    self.may_be_fixed(fixable);
                }
            }
            "fixedIn" => {
                self.may_be_fixed(false);
                value.array(|version| {
                    self.may_be_fixed(version.text()?.is_some_and(|version| !version.is_empty()));
                    Ok(())
                })?;
            }
            "nearestFixedInVersion" => {
                let version = value.text()?;
                self.may_be_fixed(version.is_some_and(|version| !version.is_empty()));
            }
            _ => {}
        }
        Ok(())
    }

    fn may_be_fixed(&mut self, fixable: bool) {
        self.fixable = Some(self.fixable.unwrap_or(false) || fixable);
    }
}

fn severity(node: &mut Node<'_, '_>) -> Result<Option<Severity>, Error> {
    Severity::stated(&node.text()?.unwrap_or_default())
}
