//! One result. Only what decides how it is counted is read; its message, its
//! place and its fingerprints are read when somebody wants them.

use std::hash::{DefaultHasher, Hasher};

use super::super::findings::{Finding, FindingTally, Level, Words, identify};
use super::super::json::{self, Later, Node, Step, Text};
use super::places::{Location, Places};
use super::rules::{Reference, Rules, index};
use super::{level, unknown_word};
use crate::model::bounds::Bounds;
use crate::model::notable::Notables;

/// What a rule's check said, as far as it makes a difference.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// `fail`: a problem.
    #[default]
    Fail,
    /// `review`, `open` or `informational`: to be looked at.
    Look,
    /// `pass` or `notApplicable`: nothing was found.
    Nothing,
}

/// A result against the producer's own baseline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Known,
    Absent,
}

#[derive(Default)]
pub(super) struct Entry<'de> {
    rule: Reference<'de>,
    level: Option<Level>,
    kind: Kind,
    suppressed: bool,
    state: Option<State>,
    invocation: Option<u64>,
    message: Option<Later<'de>>,
    locations: Option<Later<'de>>,
    fingerprints: Option<Later<'de>>,
    partial: Option<Later<'de>>,
}

/// Reads a result.
pub(super) fn read<'de>(node: &mut Node<'_, 'de>) -> Result<Entry<'de>, json::Error> {
    let mut entry = Entry::default();
    let mut described = Reference::default();
    node.object(|key, value| {
        match key {
            "ruleId" => entry.rule.id = value.text()?,
            "ruleIndex" => entry.rule.index = index(value)?,
            "rule" => described.read(value)?,
            "level" => entry.level = value.text()?.map(|text| level(&text)).transpose()?,
            "kind" => entry.kind = value.text()?.map(|text| kind(&text)).transpose()?.unwrap_or_default(),
            "suppressions" => entry.suppressed = suppressed(value)?,
            "baselineState" => entry.state = value.text()?.map(|text| state(&text)).transpose()?,
            "provenance" => entry.invocation = invocation(value)?,
            "message" => entry.message = Some(value.later()),
            "locations" => entry.locations = Some(value.later()),
            "fingerprints" => entry.fingerprints = Some(value.later()),
            "partialFingerprints" => entry.partial = Some(value.later()),
            _ => {}
        }
        Ok(())
    })?;
    entry.rule.complete(described);
    Ok(entry)
}

impl<'de> Entry<'de> {
    /// Whether the level may come from the invocation that it names.
    pub(super) fn needs_invocation(&self) -> bool {
        self.invocation.is_some() && self.level.is_none() && self.kind == Kind::Fail
    }

    /// What makes it the same result in another log: the producer's own word, or where it lies.
    pub(super) fn compared_by(&self) -> Sameness<'de> {
        match self.fingerprints.and_then(|later| fingerprint(later, |_| true)) {
            Some(sum) => Sameness::Fingerprint(sum),
            None => Sameness::Place(self.spot()),
        }
    }

    /// Counts the result, with what its rule says of it; `same` is stated where there is a comparison to make. An error
    /// is that it names a rule which is not there.
    pub(super) fn count(
        &self,
        rules: &Rules,
        (places, same): (&Places<'de>, Option<Sameness<'de>>),
        tally: &mut FindingTally,
    ) -> Step {
        // Beside another kind than `fail` no level but `none` may stand (§3.27.10). Where one does, it counts.
        let stated = self.level.filter(|level| *level != Level::None);
        if (self.kind == Kind::Nothing && stated.is_none()) || self.state == Some(State::Absent) {
            return Ok(());
        }
        if self.suppressed {
            tally.suppressed(1);
            return Ok(());
        }
        let (rule, configured) = rules.find(&self.rule, self.invocation);
        if rule.is_none() {
            rules.refuse_lost(&self.rule)?;
        }
        let level = match self.kind {
            Kind::Fail => self.level.or(configured).unwrap_or(Level::Warning),
            Kind::Look | Kind::Nothing => stated.unwrap_or(Level::None),
        };
        let name = self.rule.id.as_deref().or(rule.map(|rule| &*rule.id)).unwrap_or_default();
        let finding = Finding {
            rule: name,
            level,
            severity: rule.and_then(|rule| rule.severity),
            rank: rule.map_or(0, |rule| rule.rank),
            vulnerability: None,
            new: self.state.map(|state| state == State::New),
        };
        if same.as_ref().is_some_and(|same| same.is_open(places)) {
            tally.finding_somewhere(&finding, || self.words(name, places));
            return Ok(());
        }
        let same = || same.unwrap_or_else(|| self.compared_by());
        tally.finding(&finding, |hasher| self.identify(name, (places, same()), hasher), || self.words(name, places));
        Ok(())
    }

    /// What makes it the same result in another log: its rule with the producer's
    /// fingerprints; with the partial ones and the file; or with the file and the
    /// message. Never the line, so that code which other edits moved is not new.
    fn identify(&self, rule: &str, (places, same): (&Places<'de>, Sameness<'de>), hasher: &mut dyn Hasher) {
        identify(hasher, rule);
        let spot = match same {
            Sameness::Fingerprint(sum) => return hasher.write_u64(sum),
            Sameness::Place(spot) => spot,
        };
        if spot.location.is_stated() {
            places.identify(&spot.location, hasher);
        } else {
            hasher.write(spot.called(places).unwrap_or_default().raw());
        }
        // No byte of UTF-8: where the file ends is part of the identity.
        hasher.write_u8(0xFF);
        let partial = self.partial.and_then(|later| {
            // The hash of the line is what GitHub goes by; the others change with columns.
            fingerprint(later, |name| name.starts_with("primaryLocationLineHash"))
                .or_else(|| fingerprint(later, |_| true))
        });
        match partial {
            Some(sum) => hasher.write_u64(sum),
            None => identify(hasher, &self.message(Bounds::LEFT_OUT.text)),
        }
    }

    fn words(&self, rule: &str, places: &Places<'de>) -> Words {
        let spot = self.spot();
        Words {
            title: if rule.is_empty() { "a result without a rule".to_owned() } else { rule.to_owned() },
            message: self.message(Notables::TEXT),
            path: places.path(&spot.location),
            line: spot.line,
        }
    }

    /// The text, else the Markdown, else the identifier of the message and its arguments.
    fn message(&self, length: usize) -> String {
        let mut text = None;
        let mut named = String::new();
        let read = |node: &mut Node<'_, '_>| {
            node.object(|key, value| {
                match key {
                    "text" => text = value.text_later()?.map(|text| text.excerpt(length)),
                    "markdown" if text.is_none() => text = value.text_later()?.map(|text| text.excerpt(length)),
                    "id" | "messageId" => named.insert_str(0, &excerpt(value.text_later()?, length)),
                    "arguments" => value.array(|argument| {
                        if named.len() < length {
                            named.push(' ');
                            named.push_str(&excerpt(argument.text_later()?, length));
                        }
                        Ok(())
                    })?,
                    _ => {}
                }
                Ok(())
            })
        };
        // What cannot be read of a message leaves it as it is: it is for people only.
        let _ = self.message.map(|later| later.walk(read));
        text.unwrap_or(named)
    }

    /// What the first location says.
    fn spot(&self) -> Spot<'de> {
        let mut spot = Spot::default();
        let mut first = true;
        let _ = self.locations.map(|later| later.walk(|node| spot.read(node, &mut first)));
        spot
    }
}

fn excerpt(text: Option<Text<'_>>, length: usize) -> String {
    text.map(|text| text.excerpt(length)).unwrap_or_default()
}

/// What makes two results of two logs the same one, beside their rule.
#[derive(Clone, Copy)]
pub(super) enum Sameness<'de> {
    /// The producer's fingerprints.
    Fingerprint(u64),
    /// The place, beside what is said.
    Place(Spot<'de>),
}

impl<'de> Sameness<'de> {
    /// The file that the rest of the run may say more of.
    pub(super) fn location(&self) -> Option<Location<'de>> {
        match self {
            Self::Fingerprint(_) => None,
            Self::Place(spot) => Some(spot.location).filter(Location::needs_the_run),
        }
    }

    /// Whether the place is a number only that stands for nothing which is read.
    fn is_open(&self, places: &Places<'de>) -> bool {
        match self {
            Self::Fingerprint(_) => false,
            Self::Place(spot) if spot.location.is_stated() => !places.knows(&spot.location),
            Self::Place(spot) => spot.called(places).is_none() && spot.logical_index.is_some(),
        }
    }
}

/// A location, as it stands there.
#[derive(Clone, Copy, Default)]
pub(super) struct Spot<'de> {
    location: Location<'de>,
    line: Option<u32>,
    /// What it is called in the program, the binary or the cloud, where no file is named: §3.33 and §3.32.
    logical: Option<Text<'de>>,
    logical_index: Option<u64>,
}

impl<'de> Spot<'de> {
    /// What it is called there, or where the run lists such places.
    fn called(&self, places: &Places<'de>) -> Option<Text<'de>> {
        self.logical.or_else(|| places.called(self.logical_index?))
    }

    /// Reads the first of `locations`.
    fn read(&mut self, node: &mut Node<'_, 'de>, first: &mut bool) -> Step {
        node.array(|location| {
            if !std::mem::take(first) {
                return Ok(());
            }
            location.object(|key, value| match key {
                "physicalLocation" => value.object(|key, value| match key {
                    "artifactLocation" => self.location.read(value),
                    "region" => value.object(|key, value| {
                        if key == "startLine" {
                            self.line = value.count()?.and_then(|line| u32::try_from(line).ok());
                        }
                        Ok(())
                    }),
                    "address" => self.name(value),
                    _ => Ok(()),
                }),
                "logicalLocations" => {
                    let mut first = true;
                    value.array(|logical| if std::mem::take(&mut first) { self.name(logical) } else { Ok(()) })
                }
                _ => Ok(()),
            })
        })
    }

    /// Reads the name in a logical location or an address; the full one where there is one.
    fn name(&mut self, node: &mut Node<'_, 'de>) -> Step {
        let (mut full, mut plain) = (None, None);
        node.object(|key, value| {
            match key {
                "fullyQualifiedName" => full = value.text_later()?,
                "name" => plain = value.text_later()?,
                "index" => self.logical_index = index(value)?,
                _ => {}
            }
            Ok(())
        })?;
        self.logical = full.or(plain).or(self.logical);
        Ok(())
    }
}

/// The sum of hashes of those fingerprints whose names are wanted, whatever
/// their order. `None` where there are none.
fn fingerprint(later: Later<'_>, wanted: impl Fn(&str) -> bool) -> Option<u64> {
    let mut sum = None;
    // One that cannot be read to its end counts as far as it was read.
    let _ = later.walk(|node| {
        node.object(|name, value| {
            if !wanted(name) {
                return Ok(());
            }
            let value = value.source()?;
            // Semgrep writes this for every result of somebody who is not logged in.
            if value == br#""requires login""# || value == b"null" || value == br#""""# {
                return Ok(());
            }
            let mut hasher = DefaultHasher::new();
            identify(&mut hasher, name);
            hasher.write(value);
            sum = Some(hasher.finish().wrapping_add(sum.unwrap_or(0)));
            Ok(())
        })
    });
    sum
}

/// Whether what `suppressions` lists suppresses the result: there is one, and
/// no review of one is open or went against it (§3.27.23 and §3.35.3).
fn suppressed(node: &mut Node<'_, '_>) -> Result<bool, json::Error> {
    let mut any = false;
    let mut standing = true;
    node.array(|suppression| {
        // `null` is no suppression, whatever stands around it.
        any |= !suppression.is_null();
        suppression.object(|key, value| {
            if key == "status" {
                match value.text()?.as_deref() {
                    None | Some("accepted") => {}
                    Some("underReview" | "rejected") => standing = false,
                    Some(other) => {
                        return Err(unknown_word("status", other, "`accepted`, `underReview` or `rejected`"));
                    }
                }
            }
            Ok(())
        })
    })?;
    Ok(any && standing)
}

fn invocation(node: &mut Node<'_, '_>) -> Result<Option<u64>, json::Error> {
    let mut found = None;
    node.object(|key, value| {
        if key == "invocationIndex" {
            found = index(value)?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn kind(text: &str) -> Result<Kind, json::Error> {
    match text {
        "fail" => Ok(Kind::Fail),
        "review" | "open" | "informational" => Ok(Kind::Look),
        "pass" | "notApplicable" => Ok(Kind::Nothing),
        other => {
            Err(unknown_word("kind", other, "`fail`, `review`, `open`, `informational`, `pass` or `notApplicable`"))
        }
    }
}

fn state(text: &str) -> Result<State, json::Error> {
    match text {
        "new" => Ok(State::New),
        "unchanged" | "updated" => Ok(State::Known),
        "absent" => Ok(State::Absent),
        other => Err(unknown_word("baselineState", other, "`new`, `unchanged`, `updated` or `absent`")),
    }
}
