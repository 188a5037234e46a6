//! The rules of a run, as far as results take their level and severity from them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::super::findings::{Level, Severity};
use super::super::json::{self, Node, Scalar, Step, refuse, refuse_beyond_limit};
use crate::model::bounds::raise;
use crate::model::notable::shortened;

/// How many extensions the tool of a run may have.
pub const EXTENSIONS: usize = 1_000;

/// A rule, or what stands in for one that the run does not describe.
#[derive(Debug, Default)]
pub(super) struct Rule {
    pub(super) id: Box<str>,
    pub(super) level: Option<Level>,
    pub(super) severity: Option<Severity>,
    /// The CVSS score times ten.
    pub(super) rank: u32,
}

/// A tool's driver or one of its extensions.
#[derive(Default)]
struct Component {
    name: Option<String>,
    version: Option<String>,
    guid: Option<String>,
    /// The first of its rules among the run's, and how many it has.
    first: usize,
    count: usize,
}

/// The rules of a run.
#[derive(Default)]
pub(super) struct Rules {
    /// The driver's, and each extension's in order.
    driver: Component,
    extensions: Vec<Component>,
    list: Vec<Rule>,
    /// Identifiers and GUIDs, hashed; of equal ones the first.
    places: HashMap<u64, usize>,
    keys: RandomState,
    bytes: usize,
    /// Levels that an invocation gives a rule, by both their places.
    overrides: HashMap<(u64, usize), Level>,
}

/// How a result points at its rule: §3.27.5 to §3.27.7 and §3.52.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference<'de> {
    pub(super) id: Option<Cow<'de, str>>,
    pub(super) index: Option<u64>,
    pub(super) guid: Option<Cow<'de, str>>,
    component: Option<u64>,
    component_name: Option<String>,
}

impl<'de> Reference<'de> {
    /// Reads a `reportingDescriptorReference`.
    pub(super) fn read(&mut self, node: &mut Node<'_, 'de>) -> Step {
        node.object(|key, value| {
            match key {
                "id" => self.id = value.text()?,
                "index" => self.index = index(value)?,
                "guid" => self.guid = value.text()?,
                "toolComponent" => value.object(|key, value| {
                    match key {
                        "index" => self.component = index(value)?,
                        "name" | "guid" => self.component_name = value.text()?.map(Cow::into_owned),
                        _ => {}
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })
    }

    /// Adds what `rule` says to what `ruleId` and `ruleIndex` say.
    pub(super) fn complete(&mut self, described: Self) {
        let Self { id, index, guid, component, component_name } = described;
        self.id = self.id.take().or(id);
        self.index = self.index.or(index);
        self.guid = guid;
        self.component = component;
        self.component_name = component_name;
    }
}

/// An index of the standard: −1 stands for none.
pub(super) fn index(node: &mut Node<'_, '_>) -> Result<Option<u64>, json::Error> {
    match node.number()? {
        None | Some(-1.0) => Ok(None),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range was checked")]
        Some(number) if number >= 0.0 && number.fract() == 0.0 && number < 9.0e15 => Ok(Some(number as u64)),
        Some(number) => Err(refuse(format_args!("expected an index, found {number}"))),
    }
}

impl Rules {
    /// Reads `tool`; its name and version.
    pub(super) fn read_tool(&mut self, tool: &mut Node<'_, '_>) -> Result<Option<String>, json::Error> {
        tool.object(|key, value| {
            match key {
                "driver" => self.driver = self.component(value)?,
                "extensions" => value.array(|extension| {
                    let component = self.component(extension)?;
                    self.extensions.push(component);
                    if self.extensions.len() > EXTENSIONS {
                        Err(too_many("extensions", EXTENSIONS, ""))
                    } else {
                        Ok(())
                    }
                })?,
                _ => {}
            }
            Ok(())
        })?;
        let Component { name, version, .. } = &self.driver;
        Ok(name.as_ref().map(|name| version.as_ref().map_or(name.clone(), |version| format!("{name} {version}"))))
    }

    fn component(&mut self, node: &mut Node<'_, '_>) -> Result<Component, json::Error> {
        let mut component = Component { first: self.list.len(), ..Component::default() };
        let mut plain_version = None;
        node.object(|key, value| {
            let mut text = || value.text().map(|text| text.map(|text| shortened(&text, 100)));
            match key {
                "name" => component.name = text()?,
                "guid" => component.guid = text()?,
                "semanticVersion" => component.version = text()?,
                "version" => plain_version = text()?,
                "rules" => value.array(|rule| self.rule(rule))?,
                _ => {}
            }
            Ok(())
        })?;
        component.version = component.version.or(plain_version);
        component.count = self.list.len() - component.first;
        Ok(component)
    }

    fn rule(&mut self, node: &mut Node<'_, '_>) -> Step {
        let bounds = node.bounds();
        let mut rule = Rule::default();
        let mut guid = None;
        node.object(|key, value| {
            match key {
                "id" => rule.id = value.text()?.unwrap_or_default().into(),
                "guid" => guid = value.text()?,
                "defaultConfiguration" => rule.level = configured(value)?,
                "properties" => value.object(|key, value| {
                    if key == "security-severity" {
                        (rule.severity, rule.rank) = security_severity(value)?;
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        self.bytes += rule.id.len();
        if self.list.len() >= bounds.rules {
            return Err(too_many("rules", bounds.rules, &raise("rules")));
        }
        if self.bytes > bounds.bytes_of_rules() {
            let most = bounds.bytes_of_rules();
            return Err(refuse_beyond_limit(format_args!(
                "the identifiers of a run's rules take more than {most} bytes{}",
                raise("rules")
            )));
        }
        for name in [Some(&*rule.id), guid.as_deref()].into_iter().flatten().filter(|name| !name.is_empty()) {
            self.places.entry(self.keys.hash_one(name)).or_insert(self.list.len());
        }
        self.list.push(rule);
        Ok(())
    }

    /// Reads what `invocations` say of the levels of rules.
    pub(super) fn read_overrides(&mut self, invocations: &mut Node<'_, '_>) -> Step {
        let most = invocations.bounds().rules;
        let mut which = 0;
        invocations.array(|invocation| {
            invocation.object(|key, value| {
                if key != "ruleConfigurationOverrides" {
                    return Ok(());
                }
                value.array(|one| {
                    let mut reference = Reference::default();
                    let mut level = None;
                    one.object(|key, value| {
                        match key {
                            "descriptor" => reference.read(value)?,
                            "configuration" => level = configured(value)?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                    if let (Some(place), Some(level)) = (self.place(&reference), level) {
                        self.overrides.entry((which, place)).or_insert(level);
                    }
                    if self.overrides.len() > most {
                        Err(too_many("overrides of rules", most, &raise("rules")))
                    } else {
                        Ok(())
                    }
                })
            })?;
            which += 1;
            Ok(())
        })
    }

    /// The rule that a reference means, with the level that an invocation gives it.
    pub(super) fn find(&self, reference: &Reference<'_>, invocation: Option<u64>) -> (Option<&Rule>, Option<Level>) {
        let Some(place) = self.place(reference) else { return (None, None) };
        let rule = self.list.get(place);
        let level = invocation.and_then(|which| self.overrides.get(&(which, place)).copied());
        (rule, level.or_else(|| rule.and_then(|rule| rule.level)))
    }

    /// Complains of a rule that was not found and is named by an index beyond those of a tool that lists rules: its
    /// level and severity would be guessed. A tool that lists none may count them all the same, as `CodeQL` does.
    pub(super) fn refuse_lost(&self, reference: &Reference<'_>) -> Step {
        let (Some(index), Some(component)) = (reference.index, self.component_of(reference)) else { return Ok(()) };
        if component.count == 0 || index < component.count as u64 {
            return Ok(());
        }
        Err(refuse(format_args!(
            "`ruleIndex` is {index}, and the tool lists {} rules; give the log whole",
            component.count
        )))
    }

    /// Where the rule stands. An index decides, unless the rule there has another
    /// identifier: then the identifier does, for it is what people see.
    fn place(&self, reference: &Reference<'_>) -> Option<usize> {
        let indexed = reference.index.and_then(|index| {
            let component = self.component_of(reference)?;
            let index = usize::try_from(index).ok().filter(|index| *index < component.count)?;
            Some(component.first + index)
        });
        if let (Some(place), Some(id)) = (indexed, reference.id.as_deref()) {
            let known = self.list.get(place).map(|rule| &*rule.id).unwrap_or_default();
            if !names(known, id) {
                return self.place_of(id).or(indexed);
            }
        }
        indexed
            .or_else(|| reference.guid.as_deref().and_then(|guid| self.places.get(&self.keys.hash_one(guid)).copied()))
            .or_else(|| reference.id.as_deref().and_then(|id| self.place_of(id)))
    }

    fn component_of(&self, reference: &Reference<'_>) -> Option<&Component> {
        if let Some(index) = reference.component {
            return usize::try_from(index).ok().and_then(|index| self.extensions.get(index));
        }
        let Some(wanted) = reference.component_name.as_deref() else { return Some(&self.driver) };
        std::iter::once(&self.driver)
            .chain(&self.extensions)
            .find(|one| one.guid.as_deref() == Some(wanted) || one.name.as_deref() == Some(wanted))
    }

    /// By identifier; a hierarchical one (`CA2101/1`, §3.27.5) is found under its parents too.
    fn place_of(&self, id: &str) -> Option<usize> {
        let mut name = id;
        loop {
            if let Some(place) = self.places.get(&self.keys.hash_one(name)) {
                return Some(*place);
            }
            name = name.rsplit_once('/')?.0;
        }
    }
}

/// Whether a result's identifier names the rule of another: the same, or one below it.
fn names(rule: &str, result: &str) -> bool {
    result.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The level in a `reportingConfiguration`.
fn configured(node: &mut Node<'_, '_>) -> Result<Option<Level>, json::Error> {
    let mut level = None;
    node.object(|key, value| {
        if key == "level" {
            level = value.text()?.map(|text| super::level(&text)).transpose()?;
        }
        Ok(())
    })?;
    Ok(level)
}

/// GitHub's `security-severity`: a CVSS score, mostly written as a text; a few
/// tools write a word.
fn security_severity(node: &mut Node<'_, '_>) -> Result<(Option<Severity>, u32), json::Error> {
    let (score, shown) = match node.scalar()? {
        Scalar::Null => return Ok((None, 0)),
        Scalar::Number(score) => (Some(score), score.to_string()),
        Scalar::Text(text) => {
            if let Some(severity) = Severity::of_word(&text) {
                return Ok((Some(severity), severity.rank()));
            }
            (text.trim().parse().ok(), shortened(&text, 40))
        }
        Scalar::Flag(_) | Scalar::Compound => (None, "of another type".to_owned()),
    };
    match score {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
        Some(score) if (0.0..=10.0).contains(&score) => Ok((Severity::of_score(score), (score * 10.0).round() as u32)),
        _ => Err(refuse(format_args!("`security-severity` is `{shown}`, where a score from 0 to 10 was expected"))),
    }
}

fn too_many(what: &str, most: usize, next: &str) -> json::Error {
    refuse_beyond_limit(format_args!("a run has more than {most} {what}{next}"))
}
