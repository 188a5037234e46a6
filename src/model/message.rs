//! What somebody is told of a release, outside the forge: one document for every place that it goes to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Why somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A role is asked.
    Asked,
    /// It was asked, and has not answered.
    Reminded,
    /// It has not answered for long, and so another role is told.
    Escalated,
    /// The release goes.
    Proceeds,
    /// It is rejected.
    Rejected,
    /// It went, and left something to be done.
    Owed,
    /// The time for that is nearly over.
    Near,
    /// It is over.
    Overdue,
    /// Reports were made because a period ended, which is what the message calls its release.
    Reported,
    /// A survey was begun, likewise.
    Surveyed,
    /// Somebody tries whether messages arrive.
    Tried,
}

impl What {
    /// Its word, as a receiver reads it behind `release.`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Reminded => "reminded",
            Self::Escalated => "escalated",
            Self::Proceeds => "proceeds",
            Self::Rejected => "rejected",
            Self::Owed => "owed",
            Self::Near => "near",
            Self::Overdue => "overdue",
            Self::Reported => "reported",
            Self::Surveyed => "surveyed",
            Self::Tried => "tried",
        }
    }

    /// Whether it is only worth saying while the release is held.
    #[must_use]
    pub fn while_held(self) -> bool {
        matches!(self, Self::Asked | Self::Reminded | Self::Escalated)
    }
}

/// A message. What it says of people and reasons is text from elsewhere: whoever shows it makes it harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Because of what somebody is told.
    pub what: What,
    /// The forge, such as `github`.
    pub forge: String,
    /// The repository.
    pub repository: String,
    /// The release; of what falls due because a period ended, the period.
    pub release: String,
    /// Where to, by its name in the policy.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// Whether it is an emergency.
    pub emergency: bool,
    /// The role that is told, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// For what it is asked: `approve`, `consult`, `decide`, `verify`, `confirm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_to: Option<String>,
    /// Its people who can, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// The role that was asked first, where this one is told instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// Why these people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The decision's sentence.
    pub summary: String,
    /// The obligation's name in the record, where it is about one, and its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<String>,
    /// Which reports were made; or what is to be done: `validate`, `cab_review`, `audit`, `pir`, `back_merge`, `notify_board`, `mark_emergency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
    /// When it is due, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    /// The same by the clocks of the policy's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_told: Option<String>,
    /// The instant of what it follows from, UTC.
    pub at: DateTime<Utc>,
}

impl Message {
    /// A message of a kind that says nothing more yet: of no release, to nobody.
    #[must_use]
    pub fn blank(what: What, at: DateTime<Utc>) -> Self {
        Self {
            what,
            forge: String::new(),
            repository: String::new(),
            release: String::new(),
            environment: String::new(),
            commit: String::new(),
            emergency: false,
            role: None,
            asked_to: None,
            people: Vec::new(),
            instead_of: None,
            because: None,
            summary: String::new(),
            obligation: None,
            to_do: None,
            due: None,
            due_told: None,
            at,
        }
    }
}
