//! What is done to issues, as the record has it until it is done and from then on: which issue came of it, and what stood on
//! an agenda since when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::board::{Item, Listing};
use super::models::Proposed;
use crate::flow::app::docket::Key;
use crate::flow::recorded;
use crate::forge::records::Draft;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::ASIDE;
use crate::store::reader::Reader;

/// What stands in a destination between the repository and what the issue is called.
const HERE: &str = " records ";

/// Something that is done to an issue, as it is kept until it is known to have been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::flow::app) struct Kept {
    pub(super) forge: String,
    pub(super) repository: String,
    /// What the record calls the issue.
    pub(super) about: String,
    pub(super) keeps: Keeps,
}

/// What is done to an issue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub(in crate::flow::app) enum Keeps {
    /// A change record is opened for a release: its name and its environment, as decisions have them.
    Open { draft: Draft, stream: Value, components: Vec<String> },
    /// An issue that people opened is the record of a release, likewise.
    Adopt { number: u64, stream: Value, components: Vec<String> },
    /// It is for these as well.
    Widen { components: Vec<String> },
    /// It is brought into a state.
    Advance { to: String },
    /// It is closed, with what came of it; or only told that, where it is the record of another release as well.
    Close {
        done: bool,
        label: String,
        text: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        leaves_open: bool,
    },
    /// It is told what came of it, and stays closed by whoever did that to stop the release. It says so once for a decision, by
    /// the number of its entry.
    Stopped { decision: u64, label: String, text: String },
    /// The agenda of a meeting is opened.
    Convene {
        draft: Draft,
        meeting: DateTime<Utc>,
        items: Vec<Item>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        models: Vec<Proposed>,
    },
    /// Something else stands on it.
    List {
        draft: Draft,
        items: Vec<Item>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        models: Vec<Proposed>,
    },
    /// The meeting is over: its minutes are written under its agenda, which is closed.
    Adjourn { minutes: String },
    /// Somebody is answered who said something under an agenda, by the number and the comment's name.
    Answer { number: u64, comment: String, text: String },
    /// The issue of something that a release left to be done is opened.
    Owe { draft: Draft },
    /// It is told how far its time has come: once for each stage.
    Remind { stage: String, text: String },
    /// What it is of is met: it is told by whom, and closed.
    Met { text: String },
}

impl Keeps {
    /// The issue that it opens.
    pub(super) fn opens(&self) -> Option<&Draft> {
        match self {
            Self::Open { draft, .. } | Self::Convene { draft, .. } | Self::Owe { draft } => Some(draft),
            Self::Adopt { .. }
            | Self::Widen { .. }
            | Self::Advance { .. }
            | Self::Close { .. }
            | Self::Stopped { .. }
            | Self::List { .. }
            | Self::Adjourn { .. }
            | Self::Answer { .. }
            | Self::Remind { .. }
            | Self::Met { .. } => None,
        }
    }

    /// What stands on an agenda from then on.
    pub(super) fn listed(&self) -> Option<(&Vec<Item>, &Vec<Proposed>)> {
        match self {
            Self::Convene { items, models, .. } | Self::List { items, models, .. } => Some((items, models)),
            Self::Open { .. }
            | Self::Adopt { .. }
            | Self::Widen { .. }
            | Self::Advance { .. }
            | Self::Close { .. }
            | Self::Stopped { .. }
            | Self::Adjourn { .. }
            | Self::Answer { .. }
            | Self::Owe { .. }
            | Self::Remind { .. }
            | Self::Met { .. } => None,
        }
    }
}

impl Kept {
    /// Reads what is kept; `None` where it is something else, or another forge's.
    pub(in crate::flow::app) fn read(bytes: &[u8], forge: &str) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|kept| kept.forge == forge)
    }

    pub(super) fn destination(&self) -> String {
        format!("{ASIDE}{}:{}{HERE}{}", self.forge, self.repository, self.about)
    }

    /// The key by which it leaves once, as the first, the second or a later thing of its issue.
    pub(super) fn once(&self, number: usize) -> String {
        let about = &self.about;
        match &self.keeps {
            Keeps::Open { .. } | Keeps::Adopt { .. } | Keeps::Convene { .. } | Keeps::Owe { .. } => {
                format!("{about} open")
            }
            Keeps::Close { .. } | Keeps::Met { .. } => format!("{about} close"),
            Keeps::Remind { stage, .. } => format!("{about} {stage}"),
            Keeps::Stopped { decision, .. } => format!("{about} stopped {decision}"),
            Keeps::Adjourn { .. } => format!("{about} minutes"),
            Keeps::Answer { comment, .. } => format!("{about} {comment}"),
            Keeps::Widen { .. } | Keeps::Advance { .. } | Keeps::List { .. } => format!("{about} {number}"),
        }
    }
}

/// How the destinations of change records begin that are issues of a repository.
pub(super) fn records_in(forge: &str, place: &str) -> String {
    format!("{ASIDE}{forge}:{place}{HERE}{CHANGE} ")
}

/// The repository whose release a change record is of, by what the record calls it.
pub(super) fn release_of(about: &str) -> Option<String> {
    let named: Vec<Value> = serde_json::from_str(about.strip_prefix(CHANGE)?).ok()?;
    named.get(1)?.as_str().map(str::to_owned)
}

/// The repository of a destination that is an issue here.
pub(in crate::flow::app) fn of<'d>(destination: &'d str, forge: &str) -> Option<&'d str> {
    let (place, _) = destination.strip_prefix(ASIDE)?.split_once(HERE)?;
    place.strip_prefix(forge)?.strip_prefix(':')
}

/// What the record knows of an issue.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) about: String,
    /// The keys of what was done to it, or is to be.
    pub(super) effects: Vec<String>,
    /// The same, as far as it is kept.
    pub(super) kept: Vec<Keeps>,
    /// What stood on an agenda since when, the earliest first.
    pub(super) listings: Vec<Listing>,
    /// The number, once it is opened.
    pub(super) number: Option<u64>,
    /// Whether it was given up to open it.
    pub(super) lost: bool,
    /// The number of the entry that says that it is to be opened.
    pub(super) begun: Option<u64>,
    /// The repository whose issue it is.
    pub(super) place: Option<String>,
}

impl Known {
    pub(super) async fn read(reader: &mut Reader, about: String, forge: &str) -> Result<Self, DatabaseFault> {
        let mut known = Self { about, ..Self::default() };
        for stood in reader.about(&known.about).await? {
            let kept = reader.blob(stood.body).await?.and_then(|bytes| Kept::read(&bytes, forge));
            let opens = stood.once == format!("{} open", known.about);
            known.lost |= opens && stood.state == "dead";
            if opens {
                known.begun = Some(stood.effect);
                known.place = kept.as_ref().map(|kept| kept.repository.clone());
            }
            let listed = kept.as_ref().and_then(|kept| kept.keeps.listed());
            if let Some(ended) = stood.ended.filter(|_| stood.state == "done" && (opens || listed.is_some()))
                && let Some(entry) = recorded::entry(reader, ended).await?
            {
                if opens {
                    known.number = entry.body.get("made").and_then(Value::as_str).and_then(|made| made.parse().ok());
                }
                known.listings.extend(listed.map(|(items, models)| Listing {
                    since: entry.at,
                    items: items.clone(),
                    models: models.clone(),
                }));
            }
            known.effects.push(stood.once);
            known.kept.extend(kept.map(|kept| kept.keeps));
        }
        Ok(known)
    }

    /// The change record of a release: the last that was begun, for one that is over says nothing of what goes afterwards.
    /// What comes back beside it is what the next one would be called.
    pub(super) async fn of_release(
        reader: &mut Reader,
        key: &Key,
        forge: &str,
    ) -> Result<(Self, String), DatabaseFault> {
        let mut known = Self::read(reader, of_change(forge, key, 1), forge).await?;
        let mut next = 2;
        while known.is_closed() {
            let later = Self::read(reader, of_change(forge, key, next), forge).await?;
            if later.effects.is_empty() {
                break;
            }
            known = later;
            next += 1;
        }
        Ok((known, of_change(forge, key, next)))
    }

    /// What stands on an agenda now, as far as it is to.
    pub(super) fn listed(&self) -> Option<(&Vec<Item>, &Vec<Proposed>)> {
        self.kept.iter().rev().find_map(Keeps::listed)
    }

    /// The standard changes that stood on an agenda.
    pub(super) fn stands(self) -> Stands {
        Stands { about: self.about, number: self.number, listings: self.listings }
    }

    /// The components that a change record is for.
    pub(super) fn components(&self) -> Vec<String> {
        let of = |kept: &Keeps| match kept {
            Keeps::Open { components, .. } | Keeps::Adopt { components, .. } | Keeps::Widen { components } => {
                components.clone()
            }
            _ => Vec::new(),
        };
        self.kept.iter().flat_map(of).collect()
    }

    /// Whether people opened it.
    pub(super) fn is_adopted(&self) -> bool {
        self.kept.iter().any(|kept| matches!(kept, Keeps::Adopt { .. }))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.kept.iter().any(|kept| matches!(kept, Keeps::Close { .. }))
    }
}

/// What stood on an agenda since when, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Stands {
    pub(super) about: String,
    /// The number, once it is opened.
    pub(super) number: Option<u64>,
    pub(super) listings: Vec<Listing>,
}

impl Stands {
    /// All standard changes that ever stood there.
    pub(super) fn models(&self) -> impl Iterator<Item = &Proposed> {
        self.listings.iter().flat_map(|listing| &listing.models)
    }

    /// Those that stood there at an instant.
    pub(super) fn at(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Proposed> {
        let then = self.listings.iter().rev().find(|listing| listing.since <= at);
        then.into_iter().flat_map(|listing| &listing.models)
    }
}

/// How the record calls the agendas of the board, and change records.
pub(super) const AGENDA: &str = "board agenda";
pub(super) const CHANGE: &str = "change record";
/// What is put before the name of an agenda, for what is answered under it.
pub(super) const ANSWERS: &str = "answers under";

/// What the record calls the agenda of a meeting.
pub(super) fn of_agenda(forge: &str, repository: &str, meeting: DateTime<Utc>) -> String {
    format!("{AGENDA} {}", json!([forge, repository, meeting.to_rfc3339()]))
}

/// The meeting of an agenda, by what the record calls it.
pub(super) fn meeting_of(about: &str) -> Option<DateTime<Utc>> {
    let named: [String; 3] = serde_json::from_str(about.strip_prefix(AGENDA)?).ok()?;
    named.last()?.parse().ok()
}

/// How everything begins that the record calls so of a repository.
pub(super) fn like(what: &str, forge: &str, repository: &str) -> String {
    let whole = format!("{what} {}", json!([forge, repository]));
    // Before the bracket that ends the list.
    format!("{},", whole.trim_end_matches(']'))
}

/// What the record calls a change record of a release: the first that it has, the second, and so on.
pub(super) fn of_change(forge: &str, key: &Key, number: u64) -> String {
    let Key { repository, environment, commit } = key;
    let named = if number > 1 {
        json!([forge, repository, commit, environment, number])
    } else {
        json!([forge, repository, commit, environment])
    };
    format!("{CHANGE} {named}")
}
