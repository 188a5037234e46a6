//! What kind of release it is: components, risk and class.

use countersign::model::facts::Deed;
use countersign::model::facts::history::{LinkedIncident, TeamDeployment};
use countersign::model::facts::{Change, Fact, Field, Incident, Released, TeamHistory};
use countersign::model::release_decision::{Class, Impact};

use super::ways::maybe;
use super::who::View;
use crate::second::shape::{ComponentShape, Cond, RouteShape};
use crate::second::times;

/// Yes, no, or not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tri {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Tri {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

impl Tri {
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    pub fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// What a condition is asked of.
#[derive(Clone, Copy, Default)]
pub struct Asked<'a> {
    pub component: Option<&'a ComponentShape>,
    pub incident: Option<&'a Incident>,
    pub class: Option<Class>,
}

/// What triage found.
pub struct Kind {
    /// `None` where part of the score is not known.
    pub score: Option<f64>,
    pub impact: Impact,
    pub class: Class,
    pub back: Tri,
}

/// The way of one component.
#[derive(Clone)]
pub struct Leg<'a> {
    pub component: Option<&'a ComponentShape>,
    pub route: Option<&'a RouteShape>,
    pub formal: bool,
    pub rigor: u32,
}

impl<'w> View<'w> {
    pub fn files_of(change: &Change) -> Option<Vec<&str>> {
        let listed = match &change.files {
            Fact::Known(files) => files.iter().map(String::as_str).collect(),
            Fact::Absent => Vec::new(),
            Fact::Unavailable(_) => return None,
        };
        // Lines stand in files.
        let nothing_changes = matches!(change.lines, Fact::Known(0));
        (nothing_changes || !listed.is_empty()).then_some(listed)
    }

    /// Whether a change touches a component; one of unknown files touches all.
    pub fn touches(change: &Change, component: &ComponentShape) -> bool {
        Self::files_of(change).is_none_or(|files| files.iter().any(|file| within(file, component.folder)))
    }

    pub fn surely_touches(change: &Change, component: &ComponentShape) -> bool {
        Self::files_of(change).is_some() && Self::touches(change, component)
    }

    /// The policy's components that go.
    pub fn components(&self) -> Vec<&'w ComponentShape> {
        let goes = |component: &&ComponentShape| {
            self.facts.release.components.contains_key(component.name)
                || self.changes().iter().any(|change| Self::touches(change, component))
                || self.facts.release.changes.unavailable().is_some()
        };
        self.shape.components.iter().filter(goes).collect()
    }

    /// Of an impact that hangs on what cannot be told nothing is said.
    fn impact_is(&self, kind: Option<&Kind>, band: &str) -> Tri {
        match kind {
            Some(kind) if kind.score.is_some() || self.surely_high() => Tri::from(word(kind.impact) == band),
            Some(_) | None => Tri::Unknown,
        }
    }

    pub fn ask(&self, cond: &Cond, asked: Asked<'_>, kind: Option<&Kind>) -> Tri {
        let attribute = |of: fn(&ComponentShape) -> Option<&'static str>, wanted: &str| {
            asked.component.and_then(of).map_or(Tri::Unknown, |value| Tri::from(value == wanted))
        };
        match cond {
            Cond::Both(one, other) => self.ask(one, asked, kind).and(self.ask(other, asked, kind)),
            Cond::Either(one, other) => self.ask(one, asked, kind).or(self.ask(other, asked, kind)),
            Cond::Not(of) => self.ask(of, asked, kind).not(),
            Cond::Kind(wanted) => attribute(|it| it.kind, wanted),
            Cond::Tier(wanted) => attribute(|it| it.tier, wanted),
            Cond::Exposure(wanted) => attribute(|it| it.exposure, wanted),
            Cond::Impact(band) => self.impact_is(kind, band),
            Cond::ImpactIsNot(band) => self.impact_is(kind, band).not(),
            Cond::ScoreBelow(score) => {
                #[expect(clippy::cast_precision_loss, reason = "scores are small")]
                let limit = *score as f64;
                kind.and_then(|kind| kind.score).map_or(Tri::Unknown, |known| Tri::from(known < limit))
            }
            Cond::Rollback => kind.map_or(Tri::Unknown, |kind| kind.back),
            Cond::Class(wanted) => asked.class.map_or(Tri::Unknown, |class| {
                let word = match class {
                    Class::Standard => "standard",
                    Class::Normal => "normal",
                    Class::Emergency => "emergency",
                };
                Tri::from(word == *wanted)
            }),
            Cond::LinesOver(number) => self.lines().map_or(Tri::Unknown, |lines| Tri::from(lines > *number)),
            Cond::Documented => self.documented(),
            Cond::Only(glob) => self.only(glob.trim_end_matches("/**")),
            Cond::Touches(glob) => self.touched(glob.trim_end_matches("/**")),
            Cond::FailureRateOver(percent) => self.rate(asked, |rate| rate > f64::from(*percent) / 100.0),
            Cond::FailureRateUnder(percent) => self.rate(asked, |rate| rate < f64::from(*percent) / 100.0),
            Cond::EmergenciesFrom(number) => match self.history(asked.component) {
                Team::Known(history) => {
                    let number = usize::try_from(*number).unwrap();
                    Tri::from(Self::recent(history, self.now).filter(|it| maybe(&it.emergency)).count() >= number)
                }
                _ => Tri::Unknown,
            },
            Cond::MttrOverHours(hours) => self.mttr(asked).map_or(Tri::Unknown, |mean| Tri::from(mean > hours * 3600)),
            Cond::SeverityUpTo(number) => asked
                .incident
                .and_then(|incident| self.severity(incident))
                .map_or(Tri::Unknown, |severity| Tri::from(severity <= *number)),
            Cond::Fixes => asked.incident.map_or(Tri::Unknown, |incident| self.fixes(incident)),
            Cond::Removes => self.removes(),
        }
    }

    /// Whether one that relaxes something surely holds, for every component.
    pub fn relaxes(&self, cond: &Cond, asked: Asked<'_>, kind: Option<&Kind>) -> bool {
        let components = self.components();
        if components.is_empty() {
            return self.ask(cond, asked, kind) == Tri::Yes;
        }
        components.into_iter().all(|it| self.ask(cond, Asked { component: Some(it), ..asked }, kind) == Tri::Yes)
    }

    /// The same of all that goes: what belongs to no component as well, where something does.
    pub fn relaxes_all(&self, cond: &Cond, asked: Asked<'_>, kind: Option<&Kind>) -> bool {
        let beside = !self.astray().is_empty();
        self.relaxes(cond, asked, kind) && (!beside || self.ask(cond, asked, kind) == Tri::Yes)
    }

    /// The changes, by place, of a release of components that have a file of none, or may.
    pub fn astray(&self) -> Vec<usize> {
        let owned = |file: &str| self.shape.components.iter().any(|it| within(file, it.folder));
        let astray = |change: &Change| Self::files_of(change).is_none_or(|files| !files.into_iter().all(owned));
        let none = self.components().is_empty();
        (0..self.changes().len()).filter(|at| !none && astray(&self.changes()[*at])).collect()
    }

    fn lines(&self) -> Option<u64> {
        match &self.facts.release.changes {
            Fact::Known(changes) => changes.iter().map(|change| change.lines.known().copied()).sum(),
            Fact::Absent => Some(0),
            Fact::Unavailable(_) => None,
        }
    }

    fn only(&self, folder: &str) -> Tri {
        if self.facts.release.changes.unavailable().is_some() {
            return Tri::Unknown;
        }
        let (mut any, mut all, mut known) = (false, true, true);
        for change in self.changes() {
            match Self::files_of(change) {
                Some(files) => {
                    any |= !files.is_empty();
                    all &= files.iter().all(|file| within(file, folder));
                }
                None => known = false,
            }
        }
        match (all, known) {
            (false, _) => Tri::No,
            (true, false) => Tri::Unknown,
            (true, true) => Tri::from(any),
        }
    }

    fn touched(&self, folder: &str) -> Tri {
        if self.facts.release.changes.unavailable().is_some() {
            return Tri::Unknown;
        }
        self.changes().iter().fold(Tri::No, |found, change| {
            found.or(Self::files_of(change)
                .map_or(Tri::Unknown, |files| Tri::from(files.iter().any(|file| within(file, folder)))))
        })
    }

    /// Whether everything is written down that has to be.
    fn documented(&self) -> Tri {
        let Some(rule) = &self.shape.record else {
            return match &self.facts.release.documented {
                Fact::Known(documented) => Tri::from(*documented),
                Fact::Absent => Tri::No,
                Fact::Unavailable(_) => Tri::Unknown,
            };
        };
        match &self.facts.change_record {
            Fact::Known(record) => rule.needs.iter().fold(Tri::Yes, |all, name| {
                all.and(record.fields.get(*name).map_or(Tri::Unknown, |field| self.field(field)))
            }),
            Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        }
    }

    pub fn history(&self, component: Option<&ComponentShape>) -> Team<'w> {
        let Some(team) = component.and_then(|component| component.team) else { return Team::Nobody };
        match self.facts.teams.get(team) {
            Some(Fact::Known(history)) => Team::Known(history),
            // It never deployed.
            Some(Fact::Absent) => Team::Known(&NOTHING),
            _ => Team::Unread,
        }
    }

    /// A team's deployments in the 90 days before an instant.
    pub fn recent(history: &'w TeamHistory, now: i64) -> impl Iterator<Item = &'w TeamDeployment> {
        history.deployments.iter().filter(move |it| {
            let at = it.at.timestamp();
            at <= now && now < at + 90 * 86_400
        })
    }

    fn rate(&self, asked: Asked<'_>, holds: impl Fn(f64) -> bool) -> Tri {
        match self.history(asked.component) {
            Team::Known(history) => self.rate_of(history, self.now).map_or(Tri::Unknown, |rate| Tri::from(holds(rate))),
            _ => Tri::Unknown,
        }
    }

    /// Whether a deployment failed, as far as an instant knows: by itself, or by an incident of its own that came in time.
    fn failed(&self, it: &TeamDeployment, now: i64) -> bool {
        let ran = it.at.timestamp();
        let came = |incident: &LinkedIncident| match incident.began_at.known().map(chrono::DateTime::timestamp) {
            Some(began) => began <= now && self.shape.incidents_within.is_none_or(|hours| began - ran < hours * 3600),
            None => true,
        };
        maybe(&it.failed)
            || match &it.incidents {
                Fact::Known(all) => all.iter().any(came),
                Fact::Absent => false,
                Fact::Unavailable(_) => true,
            }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    pub fn rate_of(&self, history: &'w TeamHistory, now: i64) -> Option<f64> {
        let all = Self::recent(history, now).count();
        let failed = Self::recent(history, now).filter(|it| self.failed(it, now)).count();
        if all == 0 { None } else { Some(failed as f64 / all as f64) }
    }

    fn mttr(&self, asked: Asked<'_>) -> Option<i64> {
        let Team::Known(history) = self.history(asked.component) else { return None };
        if Self::recent(history, self.now).count() == 0 {
            return None;
        }
        let mut all = Vec::new();
        for it in Self::recent(history, self.now).filter(|it| self.failed(it, self.now)) {
            match (&it.detected_at, &it.restored_at) {
                (Fact::Known(from), Fact::Known(to)) => all.push((*to - *from).num_seconds()),
                // Nobody noticed yet.
                (Fact::Absent, _) => {}
                // One that lasts has no length yet.
                (Fact::Unavailable(_), _) | (_, Fact::Unavailable(_) | Fact::Absent) => return None,
            }
        }
        if all.is_empty() { Some(0) } else { Some(all.iter().sum::<i64>() / i64::try_from(all.len()).unwrap()) }
    }

    /// Whether a field of the change record says something, and says it by somebody who may.
    pub fn field(&self, field: &Field) -> Tri {
        match filled(&field.text, &field.template) {
            Tri::Yes if field.by.as_ref().is_some_and(|by| !self.may_write(by)) => Tri::No,
            other => other,
        }
    }

    pub fn severity(&self, incident: &Incident) -> Option<i64> {
        self.shape.incidents.as_ref()?;
        match incident.severity.known()?.as_str() {
            "P1" => Some(1),
            "P2" => Some(2),
            "P3" => Some(3),
            _ => None,
        }
    }

    /// Whether something goes that is among some names, in whatever capitals.
    pub fn any_named(&self, names: &[String]) -> bool {
        self.components().iter().any(|it| names.iter().any(|name| name.to_lowercase() == it.name))
    }

    /// Whether an incident is linked as fixed, affects what goes, and its fix is confirmed.
    pub fn fixes(&self, incident: &Incident) -> Tri {
        let linked = match &self.facts.change_record {
            Fact::Known(record) => Tri::from(record.fixes.contains(&incident.id)),
            Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        };
        let affected = match &incident.components {
            Fact::Known(components) => {
                let ours = self.components();
                let named = |of: &str| components.iter().any(|name| name.to_lowercase() == of);
                let affected = ours.iter().filter(|it| named(it.name));
                let goes = affected.map(|it| if self.surely_goes(it.name) { Tri::Yes } else { Tri::Unknown });
                goes.fold(Tri::No, Tri::or)
            }
            Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        };
        let confirmed = match self.shape.incidents.as_ref().and_then(|rule| rule.confirmed_by) {
            Some(role) => {
                if self.facts.acts.unavailable().is_some() {
                    Tri::Unknown
                } else {
                    Tri::from(self.acts.iter().any(|act| {
                        matches!(&act.does, Deed::ConfirmFix { incident: named } if *named == incident.id)
                            && self.independent(act, role).is_some()
                            && self.about_all(act)
                    }))
                }
            }
            None => Tri::Unknown,
        };
        linked.and(affected).and(confirmed)
    }

    fn removes(&self) -> Tri {
        let release = &self.facts.release;
        match &release.running {
            Fact::Known(running) => running.iter().fold(Tri::No, |found, one| {
                let exploited = match &one.exploited {
                    Fact::Known(exploited) => Tri::from(*exploited),
                    Fact::Absent => Tri::No,
                    Fact::Unavailable(_) => Tri::Unknown,
                };
                let gone = match &release.released {
                    Fact::Known(released) => Tri::from(!released.iter().any(|id| id.eq_ignore_ascii_case(&one.id))),
                    Fact::Absent => Tri::Yes,
                    Fact::Unavailable(_) => Tri::Unknown,
                };
                found.or(exploited.and(gone))
            }),
            Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        }
    }

    pub fn in_peak(&self) -> bool {
        let london = self.shape.london;
        self.shape.peak.is_some_and(|(from, to)| {
            times::instant(london, from * 60) <= self.now && self.now < times::instant(london, to * 60)
        })
    }

    /// The points of an attribute: what the policy does not state of a component may be anything.
    fn attribute(&self, of: fn(&ComponentShape) -> Option<&'static str>, wanted: &str, points: f64) -> Option<f64> {
        let components = self.components();
        if components.iter().any(|it| of(it) == Some(wanted)) {
            Some(points)
        } else if components.iter().any(|it| of(it).is_none()) || self.shape.components.is_empty() {
            None
        } else {
            Some(0.0)
        }
    }

    /// The points that a weight comes to; `None` where that cannot be told.
    #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
    fn points(&self, name: &str) -> Option<f64> {
        let components = self.components();
        Some(match name {
            "exposure.customer" => return self.attribute(|it| it.exposure, "customer", 20.0),
            "tier.critical" => return self.attribute(|it| it.tier, "critical", 20.0),
            "kind.infrastructure" => return self.attribute(|it| it.kind, "infrastructure", 10.0),
            "size.lines" => (self.lines()? as f64 / 10.0).min(20.0),
            "size.changes" => match &self.facts.release.changes {
                Fact::Known(changes) => 5.0 * changes.len() as f64,
                Fact::Absent => 0.0,
                Fact::Unavailable(_) => return None,
            },
            "vendor.new" => {
                let found = match &self.facts.release.new_vendors {
                    Fact::Known(vendors) => !vendors.is_empty(),
                    Fact::Absent => false,
                    Fact::Unavailable(_) => return None,
                };
                let declared: Vec<&str> = components.iter().filter_map(|it| it.vendor).collect();
                let before = match &self.facts.release.vendors_before {
                    Fact::Known(before) => before.iter().map(|it| it.to_lowercase()).collect(),
                    Fact::Absent => Vec::new(),
                    Fact::Unavailable(_) if declared.is_empty() => Vec::new(),
                    Fact::Unavailable(_) => return None,
                };
                let more = declared.iter().any(|it| !before.contains(&it.to_lowercase()));
                if found || more { 15.0 } else { 0.0 }
            }
            "team.failure_rate" if self.shape.components.is_empty() => return None,
            "team.failure_rate" => {
                let mut highest: f64 = 0.0;
                for component in &components {
                    match self.history(Some(component)) {
                        Team::Known(history) => {
                            highest = highest.max(self.rate_of(history, self.now).unwrap_or(0.0));
                        }
                        Team::Unread | Team::Nobody => return None,
                    }
                }
                40.0 * highest
            }
            "peak" if self.in_peak() => 10.0,
            _ => 0.0,
        })
    }

    fn score(&self) -> Option<f64> {
        self.shape.weights.iter().map(|(name, _)| self.points(name)).sum()
    }

    /// Whether the score is high whatever the parts of it come to that cannot be told; of a part that is calculated nobody
    /// knows how little it is.
    #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
    fn surely_high(&self) -> bool {
        let calculated = |name: &str| matches!(name, "size.lines" | "size.changes" | "team.failure_rate");
        let least: Option<f64> =
            self.shape.weights.iter().map(|(name, _)| self.points(name).or((!calculated(name)).then_some(0.0))).sum();
        let high = self.shape.impact.map(|(high, _)| high as f64);
        matches!((least, high), (Some(least), Some(high)) if least >= high)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
    pub fn kind(&self) -> Kind {
        let score = self.score();
        let impact = match (self.shape.impact, score) {
            (_, None) => Impact::High,
            (None, Some(_)) => Impact::Low,
            (Some((high, medium)), Some(score)) => {
                if score >= high as f64 {
                    Impact::High
                } else if score >= medium as f64 {
                    Impact::Medium
                } else {
                    Impact::Low
                }
            }
        };
        let back = self.goes_back();
        let mut kind = Kind { score, impact, class: Class::Normal, back };
        kind.class = if self.is_emergency(&kind) {
            Class::Emergency
        } else if self.is_standard(&kind) {
            Class::Standard
        } else {
            Class::Normal
        };
        kind
    }

    fn is_emergency(&self, kind: &Kind) -> bool {
        let Some(cond) = &self.shape.emergency else { return false };
        let of = |incident| self.relaxes(cond, Asked { incident, ..Asked::default() }, Some(kind));
        of(None) || self.incidents_now(false).iter().any(|incident| of(Some(incident)))
    }

    fn is_standard(&self, kind: &Kind) -> bool {
        let Some((when, model)) = &self.shape.standard else { return false };
        let holds = |cond: &Cond| self.relaxes_all(cond, Asked::default(), Some(kind));
        if !when.as_ref().is_none_or(&holds) || !holds(&model.when) {
            return false;
        }
        let Some(Fact::Known(state)) = self.facts.standard_changes.get("routine") else { return false };
        // As many members of the board as decide in its meetings, none of whom had a hand in this.
        let mut approvers: Vec<_> = state
            .approved_by
            .iter()
            .filter(|account| self.human(account))
            .map(|account| self.person(account))
            .filter(|person| self.holds(*person, "cab"))
            .filter(|person| !self.contributions.iter().any(|it| it.person == *person))
            .collect();
        approvers.sort_unstable();
        approvers.dedup();
        let approved = approvers.len() >= self.shape.cab.as_ref().map_or(1, |cab| cab.quorum);
        let from = state.approved_at.timestamp();
        let lasts = self.now < times::due(model.expires, self.shape.business, self.shape.london, from);
        let failures = match &state.failed_at {
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
            Fact::Known(failed) => {
                failed.iter().filter(|at| from <= at.timestamp()).count() < model.suspend_after.unwrap_or(1)
            }
        };
        let running = matches!(state.suspended, Fact::Known(false) | Fact::Absent);
        approved && from <= self.now && lasts && failures && running
    }
}

static NOTHING: TeamHistory = TeamHistory { deployments: Vec::new() };

/// What is known of a team.
pub enum Team<'w> {
    Known(&'w TeamHistory),
    Unread,
    /// No component, or one of no team.
    Nobody,
}

pub fn within(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn word(impact: Impact) -> &'static str {
    match impact {
        Impact::Low => "low",
        Impact::Medium => "medium",
        Impact::High => "high",
    }
}

/// Whether two releases of a component are the same: their content where both know it.
pub fn same(one: &Released, other: &Released) -> Tri {
    match (&one.content, &other.content) {
        (Fact::Known(one), Fact::Known(other)) => Tri::from(one == other),
        _ => Tri::Unknown,
    }
}

/// Whether a field says something of its own. The generator writes two good texts, and fillers.
pub fn filled(text: &Fact<String>, template: &Fact<String>) -> Tri {
    let own = match text {
        Fact::Known(text) => Tri::from(text.trim().len() > 10),
        Fact::Absent => Tri::No,
        Fact::Unavailable(_) => Tri::Unknown,
    };
    let other = match (text, template) {
        (_, Fact::Absent) => Tri::Yes,
        (Fact::Known(text), Fact::Known(template)) => Tri::from(text != template),
        _ => Tri::Unknown,
    };
    own.and(other)
}
