//! SARIF 2.1.0 (OASIS standard, with errata 01): the results of static analysis.
//!
//! | SARIF | here |
//! | --- | --- |
//! | `level`, `kind`, the rule's and the invocation's configuration | the level, as §3.27.10 derives it |
//! | `kind` `pass` and `notApplicable` | no finding: the check found nothing, or was not made |
//! | a `level` beside another `kind` than `fail`, which must not be | the level, whatever the kind |
//! | `security-severity` among the rule's properties | the severity, in CVSS bands |
//! | `suppressions` | suppressed when there is one and none is `underReview` or `rejected` |
//! | `baselineState` | `new` is new, `unchanged` and `updated` are not, `absent` counts nowhere |
//! | `fingerprints`, else `partialFingerprints`, else rule, file and message | what makes a result the same one in a baseline; where no file is named, the logical location, which `logicalLocations` of the run explain where they stand before `results`; a place that is a number which the run does not explain is always new |
//! | `artifacts`, `originalUriBaseIds` | the file of a location that does not say it by itself |
//! | `invocations` | `endTimeUtc`: when it was made; `executionSuccessful: false`, or another `exitCode` than 0 where that is not stated: the tool failed |
//! | `versionControlProvenance` | the commits that the run is about, of its repositories; every run must be about what is released |
//!
//! A run without `results` says that none were to be computed (§3.14.23); a log
//! whose runs are all like that is empty, not clean, and one in which some are
//! was analysed in part, which is its tool's failure. Results that stand in other
//! files (`externalPropertyFileReferences`) are refused: they would be missing.
//! Versions other than 2.1.0 are refused, for they mean other things by the same words.
//!
//! The order of keys is free, so results may stand before the rules and
//! invocations that their levels come from. The first result that needs what was
//! not said yet ends the reading of results; it and those after it are read when
//! the run was seen to its end. That costs a second look at them and no memory.

mod places;
mod result;
mod rules;
pub use self::places::{ARTIFACTS, BASES, DEPTH};
pub use self::rules::EXTENSIONS;

use super::findings::{FindingTally, Level};
use super::foreign;
use super::json::{self, Later, Node, Step, refuse};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, PARTS, Place, commit};

use self::places::Places;
use self::rules::Rules;

/// Reads one log.
pub fn read(bytes: &[u8], tally: &mut FindingTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut log = Log { tally, about, versioned: false, runs: None, computed: 0 };
    json::walk_within(bytes, &bounds, |root| root.object(|key, value| log.property(key, value)))?;
    if !log.versioned {
        return Err(Fault::malformed(Place::Whole, "the log has no `version`, where `2.1.0` was expected"));
    }
    match log.runs {
        None => Err(Fault::malformed(Place::Whole, "the log has no `runs`, which is where results stand")),
        Some(0) => Err(Fault::empty("the log has no runs, so nothing was analysed")),
        Some(_) if log.computed == 0 => {
            Err(Fault::empty("no run of the log has `results`, so none were computed; a clean run has an empty list"))
        }
        Some(runs) if log.computed < runs => {
            let failure = format!("{} of its {runs} runs have no `results`", runs - log.computed);
            log.about.tool_failure.get_or_insert(failure);
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

struct Log<'a> {
    tally: &'a mut FindingTally,
    about: &'a mut About,
    versioned: bool,
    runs: Option<u64>,
    /// How many of the runs have results, be they none.
    computed: u64,
}

impl Log<'_> {
    fn property(&mut self, key: &str, value: &mut Node<'_, '_>) -> Step {
        match key {
            "version" => {
                let version = value.text()?.unwrap_or_default();
                self.versioned = version.starts_with("2.1.0");
                if !self.versioned {
                    let version = shortened(&version, 40);
                    return Err(refuse(format_args!(
                        "SARIF `{version}` is not read; have the tool write version `2.1.0`"
                    )));
                }
            }
            "runs" if !value.is_null() => {
                self.runs = Some(0);
                value.array(|run| {
                    self.runs = self.runs.map(|runs| runs + 1);
                    self.computed += u64::from(Run::default().read(run, self.tally, self.about)?);
                    Ok(())
                })?;
            }
            "inlineExternalProperties" => {
                value.array(|file| file.object(|key, part| refuse_elsewhere("inlineExternalProperties", key, part)))?;
            }
            "runs" => {}
            _ => foreign::pass("SARIF", key)?,
        }
        Ok(())
    }
}

/// Which parts of a run were seen that the level or the place of a result can come from.
#[derive(Default)]
struct Told {
    rules: bool,
    invocations: bool,
    /// All that is said of where files lie.
    places: bool,
}

/// One run, as far as it was seen.
#[derive(Default)]
struct Run<'de> {
    tool: Option<String>,
    rules: Rules,
    invocations: Option<Later<'de>>,
    places: Places<'de>,
    told: Told,
    overrides_known: bool,
    failure: Option<String>,
    /// Whether it says when it was made.
    dated: bool,
    /// The commits that it is about, one for each of its repositories.
    commits: Vec<String>,
    computed: bool,
    /// The first result that waits for the rest of the run.
    waiting: Option<Later<'de>>,
}

impl<'de> Run<'de> {
    /// Reads a run to its end; whether its results were computed.
    fn read(
        mut self,
        run: &mut Node<'_, 'de>,
        tally: &mut FindingTally,
        about: &mut About,
    ) -> Result<bool, json::Error> {
        run.object(|key, value| self.property(key, value, tally, about))?;
        self.told = Told { rules: true, invocations: true, places: true };
        if let Some(waiting) = self.waiting.take() {
            waiting.walk_rest(|result| self.result(result, &waiting, tally).map(|_| ()))?;
        }
        if let Some(failure) = self.failure {
            let tool = self.tool.as_deref().unwrap_or("the tool");
            about.tool_failure.get_or_insert(format!("{tool} says that its run was not successful{failure}"));
        }
        if let Some(tool) = self.tool {
            about.by(tool);
        }
        about.silent_part |= self.commits.is_empty();
        about.undated_part |= !self.dated;
        about.commit_of_part(self.commits);
        Ok(self.computed)
    }

    fn property(&mut self, key: &str, value: &mut Node<'_, 'de>, tally: &mut FindingTally, about: &mut About) -> Step {
        match key {
            "tool" => {
                self.told.rules = true;
                self.tool = self.rules.read_tool(value)?;
                Ok(())
            }
            "invocations" => {
                self.told.invocations = true;
                self.invocations = Some(value.later());
                value.array(|invocation| self.invocation(invocation, about))
            }
            "artifacts" => {
                self.places.artifacts = Some(value.later());
                self.told.places = self.places.are_told();
                Ok(())
            }
            "logicalLocations" => {
                self.places.logical = Some(value.later());
                Ok(())
            }
            "originalUriBaseIds" => {
                self.places.bases = Some(value.later());
                self.told.places = self.places.are_told();
                Ok(())
            }
            "versionControlProvenance" => value.array(|details| {
                details.object(|key, value| {
                    if key == "revisionId" && self.commits.len() < PARTS {
                        self.commits.extend(commit(&value.text()?.unwrap_or_default()));
                    }
                    Ok(())
                })
            }),
            "externalPropertyFileReferences" => {
                value.object(|key, part| refuse_elsewhere("externalPropertyFileReferences", key, part))
            }
            "results" => {
                self.computed = !value.is_null();
                value.array(|result| {
                    if self.waiting.is_none() {
                        let here = result.later();
                        if !self.result(result, &here, tally)? {
                            self.waiting = Some(here);
                        }
                    }
                    Ok(())
                })
            }
            _ => Ok(()),
        }
    }

    fn invocation(&mut self, invocation: &mut Node<'_, '_>, about: &mut About) -> Step {
        let (mut successful, mut exit) = (None, 0.0);
        let mut why = String::new();
        invocation.object(|key, value| {
            match key {
                "executionSuccessful" => successful = value.flag()?,
                "exitCode" => exit = value.number()?.unwrap_or_default(),
                "endTimeUtc" => {
                    if let Some(text) = value.text()? {
                        self.dated = true;
                        about.made_text_utc(&text);
                    }
                }
                "exitCodeDescription" | "processStartFailureMessage" => {
                    if let Some(text) = value.text_later()? {
                        why = format!(": {}", text.excerpt(200));
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        // A tool that ends with another code because it found something says that it was successful.
        if !successful.unwrap_or(exit == 0.0) {
            if why.is_empty() && successful.is_none() {
                why = format!(": its exit code is {exit}");
            }
            self.failure.get_or_insert(why);
        }
        Ok(())
    }

    /// Counts a result; `false` when it needs a part of the run that was not seen yet.
    fn result(
        &mut self,
        node: &mut Node<'_, 'de>,
        here: &Later<'de>,
        tally: &mut FindingTally,
    ) -> Result<bool, json::Error> {
        if !self.told.rules {
            return Ok(false);
        }
        let result = result::read(node)?;
        if result.needs_invocation() {
            if !self.told.invocations {
                return Ok(false);
            }
            self.read_overrides()?;
        }
        // Without a comparison a place is for people alone, who read what was said of it by then.
        let same = tally.compares().then(|| result.compared_by());
        if let Some(location) = same.and_then(|same| same.location()) {
            // A log that does not say more of places need not be read twice for it.
            if !self.told.places && !self.places.are_told_before(&location, here) {
                return Ok(false);
            }
        }
        result.count(&self.rules, (&self.places, same), tally)?;
        Ok(true)
    }

    /// Reads the invocations' overrides of levels once, when the first result refers to one.
    fn read_overrides(&mut self) -> Step {
        if std::mem::replace(&mut self.overrides_known, true) {
            return Ok(());
        }
        match self.invocations {
            Some(invocations) => invocations.walk(|node| self.rules.read_overrides(node)),
            None => Ok(()),
        }
    }
}

/// Refuses what matters to a verdict and stands where it is not read.
fn refuse_elsewhere(place: &str, key: &str, part: &mut Node<'_, '_>) -> Step {
    if !matches!(key, "results" | "driver" | "extensions") {
        return Ok(());
    }
    let refused =
        || Err(refuse(format_args!("`{place}` holds `{key}`, which is not followed; put `{key}` into the run itself")));
    part.either(|_, _| refused(), |_| refused())
}

/// A `level` of the standard.
fn level(text: &str) -> Result<Level, json::Error> {
    match text {
        "error" => Ok(Level::Error),
        "warning" => Ok(Level::Warning),
        "note" => Ok(Level::Note),
        "none" => Ok(Level::None),
        other => Err(unknown_word("level", other, "`error`, `warning`, `note` or `none`")),
    }
}

fn unknown_word(property: &str, found: &str, expected: &str) -> json::Error {
    refuse(format_args!("`{property}` is `{}`, where {expected} was expected", shortened(found, 60)))
}
