//! What falls due by a policy because a period ended: reports for those who audit, a survey of those who approve.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::period::Period;
use super::stated::Stated;

/// The version of this document. It grows by one when a reader of the version before could misread a document.
pub const VERSION: u32 = 1;

/// What a report tells of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Everything that was deployed, with the decision behind each, and what has none.
    Population,
    /// What went otherwise than by the plain rule: waivers, grants, what went past a decision, what is overdue, what was refused.
    Exceptions,
    /// Emergencies by team, with their share and their two clocks.
    Emergencies,
    /// Who held which role, and when he acted last.
    AccessReview,
    /// What approvers answered about the gates and items, beside how often each held a release.
    Survey,
}

impl ReportKind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Self; 5] =
        [Self::Population, Self::Exceptions, Self::Emergencies, Self::AccessReview, Self::Survey];
    /// Their words, in the same order.
    pub const WORDS: [&'static str; 5] = ["population", "exceptions", "emergencies", "access_review", "survey"];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Population => "population",
            Self::Exceptions => "exceptions",
            Self::Emergencies => "emergencies",
            Self::AccessReview => "access_review",
            Self::Survey => "survey",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }
}

/// Who is to have something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recipient {
    /// The role; absent where it is whoever approved something in the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its people, as far as the policy names them.
    pub people: Vec<String>,
    /// The groups of the role, whose members the policy does not name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Something that fell due when a period ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FallenDue {
    /// `report` or `survey`.
    pub what: What,
    /// Which report; absent of a survey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ReportKind>,
    /// What it is about. It fell due when that ended.
    pub period: Period,
    /// Who is to have it, or is asked.
    pub to: Vec<Recipient>,
    /// When the next one falls due, UTC.
    pub next: DateTime<Utc>,
    /// Where the policy says so.
    pub stated: Stated,
}

/// What can fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A report for those who audit.
    Report,
    /// A survey of those who approve.
    Survey,
}

/// What fell due last by an instant, each for the last period that had ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Countersign falls due")]
pub struct Due {
    /// The version of this document's shape.
    pub version: u32,
    /// The instant, UTC.
    pub now: DateTime<Utc>,
    /// The zone in which periods begin and end.
    pub zone: String,
    /// The version of the time zone database that was computed with, such as `2026a`.
    pub zone_database: String,
    /// What fell due.
    pub due: Vec<FallenDue>,
    /// When the next of it falls due, UTC; absent where nothing ever does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DateTime<Utc>>,
}
