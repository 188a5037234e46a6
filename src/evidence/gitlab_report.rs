//! GitLab security reports, schema 14 and 15: what the analyzers of SAST, secret
//! detection, dependency, container and cluster-image scanning, DAST and API
//! fuzzing leave as `gl-…-report.json`.
//!
//! | GitLab | here |
//! | --- | --- |
//! | `scan.type` | for dependencies, containers and cluster images: known vulnerabilities; else findings |
//! | `severity` | the severity; `Info` is low, `Unknown` leaves it open |
//! | the first identifier, a CVE before others | the rule |
//! | `scan.status` `failure`, or a `scan.messages` of level `fatal` | the tool failed |
//! | `scan.end_time` | when it was made |
//!
//! A `solution` is advice in prose and a remediation a patch for some package
//! managers only, so what is fixable is unknown, as is exploitation. What was
//! dismissed is known to GitLab and not to the report: suppressions are unknown.
//! In a baseline a vulnerability is the same by identifier, package, and file or
//! image, whatever the image's tag; another finding by rule, file and message.

use std::borrow::Cow;

use super::findings::{FindingTally, Scanned, Severity, Vulnerability};
use super::foreign;
use super::json::{self, Later, Node, Step, Text, refuse};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut FindingTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut report = Report::default();
    json::walk_within(bytes, &bounds, |root| {
        root.object(|key, value| report.property(key, value, about))?;
        let Some(vulnerabilities) = report.vulnerabilities else { return Ok(()) };
        if report.components {
            tally.speaks_of_vulnerabilities();
        }
        vulnerabilities.walk(|list| list.array(|entry| vulnerability(entry, report.components, tally)))
    })?;
    report.check()?;
    tally.silent_on_suppressions();
    if report.failed {
        about.tool_failure.get_or_insert("the scan says that its status is `failure`".to_owned());
    }
    if let Some(says) = report.fatal {
        about.tool_failure.get_or_insert(format!("the scan has a message that is `fatal`: {says}"));
    }
    if let Some(tool) = report.scanner.or(report.analyzer) {
        about.by(tool);
    }
    Ok(())
}

#[derive(Default)]
struct Report<'de> {
    version: Option<String>,
    vulnerabilities: Option<Later<'de>>,
    /// Whether the scan looks for known vulnerabilities in components.
    components: bool,
    /// Whether the scan says how it ended.
    ended: bool,
    failed: bool,
    /// What it says of an end that nobody planned.
    fatal: Option<String>,
    scanner: Option<String>,
    analyzer: Option<String>,
}

impl<'de> Report<'de> {
    fn property(&mut self, key: &str, value: &mut Node<'_, 'de>, about: &mut About) -> Step {
        match key {
            "version" => self.version = value.text()?.map(|version| shortened(&version, 40)),
            "vulnerabilities" if !value.is_null() => self.vulnerabilities = Some(value.later()),
            "scan" => value.object(|key, value| {
                match key {
                    "type" => {
                        let kind = value.text()?.unwrap_or_default();
                        self.components =
                            matches!(&*kind, "dependency_scanning" | "container_scanning" | "cluster_image_scanning");
                    }
                    "status" => match value.text()?.as_deref() {
                        None => {}
                        Some("success") => self.ended = true,
                        Some("failure") => (self.ended, self.failed) = (true, true),
                        Some(other) => {
                            let found = shortened(other, 40);
                            return Err(refuse(format_args!(
                                "`status` is `{found}`, where `success` or `failure` was expected"
                            )));
                        }
                    },
                    "messages" => value.array(|message| self.message(message))?,
                    "end_time" => about.made_text_utc(&value.text()?.unwrap_or_default()),
                    "scanner" => self.scanner = tool(value)?,
                    "analyzer" => self.analyzer = tool(value)?,
                    _ => {}
                }
                Ok(())
            })?,
            "vulnerabilities" => {}
            _ => foreign::pass("GitLab", key)?,
        }
        Ok(())
    }

    fn message(&mut self, node: &mut Node<'_, 'de>) -> Step {
        let (mut is_fatal, mut says) = (false, None);
        node.object(|key, value| {
            match key {
                "level" => is_fatal = value.text()?.is_some_and(|level| level.eq_ignore_ascii_case("fatal")),
                "value" => says = value.text_later()?,
                _ => {}
            }
            Ok(())
        })?;
        if is_fatal {
            self.fatal.get_or_insert_with(|| says.map(|text| text.excerpt(200)).unwrap_or_default());
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Fault> {
        let whole = |message| Err(Fault::malformed(Place::Whole, message));
        match self.version.as_deref() {
            Some(version) if version.starts_with("14.") || version.starts_with("15.") => {}
            Some(version) => return whole(format!("schema `{version}` is not read; have the analyzer write 14 or 15")),
            None => return whole("the report has no `version`, where that of its schema was expected".to_owned()),
        }
        if self.vulnerabilities.is_none() && !self.failed {
            return whole("the report has no `vulnerabilities`; a clean one has an empty list".to_owned());
        }
        if !self.ended {
            return whole(
                "the report has no `scan.status`, by which an analyzer says whether it ended well".to_owned(),
            );
        }
        Ok(())
    }
}

/// The name and version of an analyzer or scanner.
fn tool(node: &mut Node<'_, '_>) -> Result<Option<String>, json::Error> {
    let mut name = None;
    let mut version = Cow::default();
    node.object(|key, value| {
        match key {
            "name" => name = value.text()?,
            "version" => version = value.text()?.unwrap_or_default(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(name.map(|name| format!("{name} {version}").trim_end().to_owned()))
}

#[derive(Default)]
struct Entry<'de> {
    id: Cow<'de, str>,
    /// The first identifier, and whether it is a CVE.
    identifier: Option<(Cow<'de, str>, bool)>,
    severity: Option<Severity>,
    name: Option<Text<'de>>,
    message: Option<Text<'de>>,
    description: Option<Text<'de>>,
    file: Cow<'de, str>,
    image: Cow<'de, str>,
    package: Cow<'de, str>,
    version: Cow<'de, str>,
    line: Option<u32>,
}

fn vulnerability(node: &mut Node<'_, '_>, component: bool, tally: &mut FindingTally) -> Step {
    let mut entry = Entry::default();
    node.object(|key, value| entry.property(key, value))?;
    let id = entry.identifier.as_ref().map_or(&*entry.id, |(name, _)| name);
    if id.is_empty() {
        return Err(refuse("an entry of `vulnerabilities` has neither `identifiers` nor `id`"));
    }
    tally.scanned(&Scanned {
        id,
        component: &entry.package,
        version: &entry.version,
        place: if entry.file.is_empty() { untagged(&entry.image) } else { &entry.file },
        path: Some(&*entry.file).filter(|file| !file.is_empty()),
        line: entry.line,
        severity: entry.severity,
        message: entry.message.or(entry.name).or(entry.description),
        vulnerability: component.then(Vulnerability::default),
        ..Scanned::default()
    });
    Ok(())
}

/// An image's name without its tag and digest, which change with every release.
fn untagged(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

impl<'de> Entry<'de> {
    fn property(&mut self, key: &str, value: &mut Node<'_, 'de>) -> Step {
        match key {
            "id" => self.id = value.text()?.unwrap_or_default(),
            "severity" => self.severity = Severity::stated(&value.text()?.unwrap_or_default())?,
            "name" => self.name = value.text_later()?,
            "message" => self.message = value.text_later()?,
            "description" => self.description = value.text_later()?,
            "identifiers" => value.array(|identifier| self.identifier(identifier))?,
            "location" => value.object(|key, value| self.location(key, value))?,
            _ => {}
        }
        Ok(())
    }

    fn identifier(&mut self, node: &mut Node<'_, 'de>) -> Step {
        let mut kind = Cow::default();
        let mut value_of = Cow::default();
        node.object(|key, value| {
            match key {
                "type" => kind = value.text()?.unwrap_or_default(),
                "value" => value_of = value.text()?.unwrap_or_default(),
                _ => {}
            }
            Ok(())
        })?;
        let is_cve = kind.eq_ignore_ascii_case("cve");
        let better = self.identifier.as_ref().is_none_or(|(_, known_is_cve)| is_cve && !known_is_cve);
        if better && !value_of.is_empty() {
            self.identifier = Some((value_of, is_cve));
        }
        Ok(())
    }

    fn location(&mut self, key: &str, value: &mut Node<'_, 'de>) -> Step {
        match key {
            "file" | "path" => self.file = value.text()?.unwrap_or_default(),
            "image" => self.image = value.text()?.unwrap_or_default(),
            "start_line" => {
                self.line = value.count()?.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0);
            }
            "dependency" => value.object(|key, value| {
                match key {
                    "version" => self.version = value.text()?.unwrap_or_default(),
                    "package" => value.object(|key, value| {
                        if key == "name" {
                            self.package = value.text()?.unwrap_or_default();
                        }
                        Ok(())
                    })?,
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    }
}
