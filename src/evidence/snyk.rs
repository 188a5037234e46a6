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
//! | `severityThreshold` | what is of a lower severity was left out, and is unknown with all that it would count in |
//! | `ok`, `uniqueCount`, `issuesData` | what is listed must be what they state, project by project |
//!
//! `uniqueCount` counts different identifiers. The CLI in TypeScript counts those in
//! `vulnerabilities` after everything was filtered; the one in Go, whose `ok` is also
//! about what is ignored, counts those in `filtered` as well. Both readings agree; a
//! report that was cut down agrees with neither. A `--severity-threshold` leaves out
//! what is below it before anything is counted, so the counts say nothing of that; the
//! report names it as `severityThreshold`, unless it is `low`.
//! Where `--exclude-base-image-vulns` leaves nothing, `ok` stays `false`; that cannot be
//! told from a list that was cut, and is refused alike. `summary` counts paths, of which
//! reports of images leave out some, and is compared with nothing. A report of C and
//! C++ (`--unmanaged`) states no count, but its issues a second time, in `issuesData`.
//! With `--group-issues` an identifier is listed once for all its packages.
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
            project(node, tally, about, &mut contradiction)
        };
        if root.is_array() { root.array(read) } else { read(root) }
    })?;
    if let Some(contradiction) = contradiction {
        return Err(Fault::contradictory(contradiction));
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
    ok: Option<bool>,
    /// How many different issues it says that it found.
    counted: Option<u64>,
    /// How many issues it describes beside the list, where it does.
    described: u64,
}

/// Reads a project. Where what it states is not what it lists, that is left behind in words.
fn project(
    node: &mut Node<'_, '_>,
    tally: &mut FindingTally,
    about: &mut About,
    contradiction: &mut Option<String>,
) -> Step {
    let mut project = Project::default();
    let mut seen = Seen::default();
    node.object(|key, value| {
        match key {
            "vulnerabilities" if !value.is_null() => project.vulnerabilities = Some(value.later()),
            "targetFile" => project.file = value.text()?.unwrap_or_default(),
            "displayTargetFile" => project.shown_file = value.text()?.unwrap_or_default(),
            "projectName" => project.name = value.text()?.unwrap_or_default(),
            "ok" => project.ok = value.flag()?,
            "severityThreshold" => {
                if let Some(floor) = severity(value)? {
                    tally.silent_below(floor);
                }
            }
            "applications" => {
                value.array(|application| self::project(application, tally, about, contradiction))?;
            }
            "filtered" => {
                project.says_filtered = true;
                filtered(value, &mut seen, tally)?;
            }
            "error" => {
                if let Some(error) = error_text(value)? {
                    project.failed = true;
                    about.tool_failure.get_or_insert(format!("Snyk could not test a project: {error}"));
                }
            }
            "uniqueCount" => project.counted = value.count()?,
            "issuesData" => value.object(|_, _| {
                project.described += 1;
                Ok(())
            })?,
            "vulnerabilities" => {}
            _ => foreign::pass("Snyk", key)?,
        }
        Ok(())
    })?;
    let Some(vulnerabilities) = project.vulnerabilities.take() else {
        return if project.failed {
            Ok(())
        } else {
            Err(refuse("a project has neither `vulnerabilities` nor `error`"))
        };
    };
    tally.speaks_of_vulnerabilities();
    if !project.says_filtered {
        tally.silent_on_suppressions();
    }
    let names = [&project.shown_file, &project.file, &project.name];
    let place = names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
    vulnerabilities.walk(|list| list.array(|entry| issue(entry, &place, &mut seen, tally)))?;
    if contradiction.is_none() && !project.failed {
        *contradiction = project.contradicts(&seen).map(|what| {
            let project = shortened(&place, 100);
            format!("the project `{project}` {what}; have Snyk write all that it found, and give the report whole")
        });
    }
    Ok(())
}

impl Project<'_> {
    /// In what it states something else than it lists, in words.
    fn contradicts(&self, seen: &Seen) -> Option<String> {
        let listed = seen.ids.len() as u64;
        let with_filtered = seen.ids.union(&seen.filtered).count() as u64;
        match (self.ok, self.counted) {
            (Some(false), counted) if with_filtered == 0 || (listed == 0 && counted == Some(0)) => {
                Some("is not ok, and nothing is listed for it".to_owned())
            }
            (Some(true), _) if listed > 0 => Some("is ok, and issues are listed for it".to_owned()),
            (_, Some(counted)) if counted != listed && counted != with_filtered => {
                let filtered = match with_filtered - listed {
                    0 => String::new(),
                    more => format!(" and {more} more as filtered"),
                };
                Some(format!("counts {counted} different issues (`uniqueCount`), and lists {listed}{filtered}"))
            }
            _ if self.described > with_filtered => {
                Some(format!("describes {} issues in `issuesData`, and lists {listed}", self.described))
            }
            _ => None,
        }
    }
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

/// What a policy or Snyk itself left out: ignored, or patched.
fn filtered(node: &mut Node<'_, '_>, seen: &mut Seen, tally: &mut FindingTally) -> Step {
    node.object(|key, value| {
        if !matches!(key, "ignore" | "patch") {
            return Ok(());
        }
        value.array(|entry| {
            tally.suppressed(u64::from(key == "ignore"));
            let most = entry.bounds().vulnerabilities;
            // The newest CLI lists bare names of patches, of which nothing is known.
            entry.object_or_scalar(|key, value| {
                if key == "id"
                    && let Some(id) = value.text()?
                {
                    seen.filtered.insert(seen.keys.hash_one(&id));
                    within(seen.filtered.len(), most)?;
                }
                Ok(())
            })?;
            Ok(())
        })
    })
}

/// The vulnerabilities of a project that were counted. Snyk repeats one for every
/// path that leads to it.
#[derive(Default)]
struct Seen {
    hashes: HashSet<u64>,
    /// Their identifiers alone.
    ids: HashSet<u64>,
    /// The identifiers of what was filtered out.
    filtered: HashSet<u64>,
    keys: RandomState,
}

/// Complains of more than the bound on the vulnerabilities of a project.
fn within(count: usize, most: usize) -> Step {
    if count <= most {
        return Ok(());
    }
    Err(refuse_beyond_limit(format_args!(
        "a project has more than {most} different vulnerabilities{}",
        raise("vulnerabilities")
    )))
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
    seen.ids.insert(seen.keys.hash_one(&issue.id));
    within(seen.hashes.len(), node.bounds().vulnerabilities)?;
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
            // `--group-issues` makes a list of the names under which one package stands.
            "name" if !value.is_array() => self.name = value.text()?.unwrap_or_default(),
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
