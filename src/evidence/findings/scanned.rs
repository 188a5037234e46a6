//! A finding as scanners list it: a vulnerability, a misconfiguration, a secret,
//! a licence. They have severities and no levels.

use super::super::json::Text;
use super::{Finding, FindingTally, Level, Severity, Vulnerability, Words, identify};
use crate::model::notable::Notables;

/// A finding of a scanner.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanned<'f, 'de> {
    /// The vulnerability's identifier, or the rule.
    pub id: &'f str,
    /// The component that has it, without its version.
    pub component: &'f str,
    /// The component's version, which is shown.
    pub version: &'f str,
    /// The target or file that it was found in; part of what makes it the same finding.
    pub place: &'f str,
    /// The file to show; the place itself where there is no other.
    pub path: Option<&'f str>,
    /// The line in it, counted from 1.
    pub line: Option<u32>,
    /// Its severity, if the report states one.
    pub severity: Option<Severity>,
    /// The CVSS score, if the report states one.
    pub score: Option<f64>,
    /// What it says.
    pub message: Option<Text<'de>>,
    /// Set for a known vulnerability.
    pub vulnerability: Option<Vulnerability>,
}

impl FindingTally {
    /// Counts a scanner's finding.
    ///
    /// It is the same in another report when identifier, component and place are.
    /// The component's version is no part of it, not even where the place repeats it
    /// (`lib/a-1.2.jar`): an upgrade that leaves the vulnerability makes nothing new.
    /// For what is no vulnerability the message is part of it as well.
    pub fn scanned(&mut self, scanned: &Scanned<'_, '_>) {
        let finding = Finding {
            rule: scanned.id,
            level: Level::of_severity(scanned.severity),
            severity: scanned.severity,
            rank: scanned.rank(),
            vulnerability: scanned.vulnerability,
            new: None,
        };
        self.finding(
            &finding,
            |hasher| {
                identify(hasher, scanned.id);
                identify(hasher, scanned.component);
                match scanned.version {
                    "" => identify(hasher, scanned.place),
                    version => identify(hasher, &scanned.place.replace(version, "")),
                }
                if scanned.vulnerability.is_none() {
                    hasher.write(scanned.message.map(Text::raw).unwrap_or_default());
                }
            },
            || scanned.words(),
        );
    }
}

impl Scanned<'_, '_> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 100")]
    fn rank(&self) -> u32 {
        let stated = self.score.map(|score| (score.clamp(0.0, 10.0) * 10.0).round() as u32);
        stated.or(self.severity.map(Severity::rank)).unwrap_or(0)
    }

    fn words(&self) -> Words {
        let title = match (self.component, self.version) {
            ("", _) => self.id.to_owned(),
            (component, "") => format!("{} in {component}", self.id),
            (component, version) => format!("{} in {component} {version}", self.id),
        };
        Words {
            title,
            message: self.message.map(|text| text.excerpt(Notables::TEXT)).unwrap_or_default(),
            path: self.path.or(Some(self.place).filter(|place| !place.is_empty())).map(str::to_owned),
            line: self.line,
        }
    }
}

/// The higher of two scores, either of which may be missing.
#[must_use]
pub fn higher(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}
