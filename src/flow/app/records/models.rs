//! Standard changes before the board: a model that the policy names is an item of an agenda until the board has decided on it,
//! and how it stands by what was said there. Pure.
//!
//! What was approved is the model as it stood on the agenda: its scope, its owner, for how long, and when failures suspend it.
//! One whose terms are others by now was never approved. Who speaks against one is heard whenever that is; an approval is one
//! of a meeting, by who chairs, with a quorum of members there.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::board::{self, Gap, Line, MEMBERS};
use super::kept::Stands;
use crate::decide::shown;
use crate::forge::records::{Comment, Issue};
use crate::log::receipt::sha256;
use crate::model::facts::{Account, CabOutcome, Fact, Facts, ModelState};
use crate::policy::Policy;
use crate::policy::calendar::Calendar;
use crate::policy::rules::{Rules, StandardChange};

/// How a word begins that means a model: `model/config-flag`.
pub(super) const WORD: &str = "model/";
/// How long before its approval ends a model is brought before the board again.
const AHEAD: TimeDelta = TimeDelta::days(30);
/// How far back agendas are read. No approval lasts longer in the app.
pub(super) const BACK: TimeDelta = TimeDelta::days(400);

/// A model as it stands on an agenda.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::flow::app) struct Proposed {
    pub(super) name: String,
    /// SHA-256 of its terms.
    terms: String,
    /// Its terms, for whoever reads them.
    pub(super) says: String,
}

impl Proposed {
    /// A model as the policy has it; `None` where its name cannot be written in a line.
    pub(super) fn of(model: &StandardChange) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if model.name.is_empty() || !model.name.chars().all(plain) {
            return None;
        }
        let expires = model.expires.map(|length| length.to_string());
        let owner = model.owner.as_deref();
        let terms = json!([model.name, model.when.source, owner, expires, model.suspend_after, model.approved_by]);
        let after = match model.suspend_after {
            Some(number) if number > 1 => format!("{number} failures suspend it"),
            Some(_) | None => "a failure suspends it".to_owned(),
        };
        let says = format!(
            "releases with `{}`, looked after by {}, for {}; {after}",
            model.when.source,
            owner.unwrap_or("nobody"),
            expires.as_deref().unwrap_or("no time"),
        );
        Some(Self { name: model.name.clone(), terms: sha256(terms.to_string().as_bytes()), says })
    }

    /// Whether a word means it.
    pub(super) fn is_meant(&self, word: &str) -> bool {
        word.strip_prefix(WORD) == Some(self.name.as_str())
    }
}

/// The models by which releases may be standard, as far as the board approves them.
pub(super) fn of_board(rules: &Rules) -> impl Iterator<Item = &StandardChange> {
    let named = rules.standard.iter().flat_map(|rule| &rule.models);
    let found = named.filter_map(|name| rules.models.iter().find(|model| model.name == *name));
    found.filter(|model| model.approved_by.as_deref() == Some(MEMBERS))
}

/// Why the app cannot know how a model stands, where it cannot.
pub(super) fn unknowable(rules: &Rules, model: &StandardChange) -> Option<String> {
    match model.approved_by.as_deref() {
        Some(MEMBERS) if rules.calendar.cab.is_some() => Proposed::of(model).is_none().then(|| {
            "its name has other signs than letters, digits, `-`, `_` and `.`, and nobody could name it on an agenda"
                .to_owned()
        }),
        Some(MEMBERS) => {
            Some("the board has no meetings in which it would be approved; state `calendar.cab`".to_owned())
        }
        Some(role) => Some(format!("the app asks the board alone, and `{role}` approves it; state it with `--with`")),
        None => None,
    }
}

/// What is judged by.
pub(super) struct By<'b> {
    pub(super) policy: &'b Policy,
    pub(super) facts: &'b Facts,
    pub(super) now: DateTime<Utc>,
}

impl By<'_> {
    fn holds(&self, account: &Account, role: &str) -> bool {
        shown::held(self.policy, self.facts, account, self.now).iter().any(|held| held == role)
    }

    /// Whether somebody decides on models in a meeting.
    pub(super) fn chairs(&self, account: &Account) -> bool {
        let chair = self.policy.rules.calendar.cab.as_ref().and_then(|cab| cab.chair.as_deref());
        self.holds(account, chair.unwrap_or(MEMBERS))
    }

    /// Those of the board among some.
    pub(super) fn members<'a>(&self, there: &'a [Account]) -> Vec<&'a Account> {
        there.iter().filter(|account| self.holds(account, MEMBERS)).collect()
    }

    /// How many of them it takes.
    pub(super) fn quorum(&self) -> usize {
        self.policy.rules.calendar.cab.as_ref().map_or(1, |cab| cab.quorum.max(1)) as usize
    }

    /// Whether somebody may be one who speaks against a model, by what is known.
    pub(super) fn may_suspend(&self, model: &StandardChange, account: &Account) -> bool {
        let rules = &self.policy.rules;
        let may = |role: &str| board::may_hold(rules, self.facts, account, role);
        board::may_chair(rules, self.facts, account) || may(MEMBERS) || model.owner.as_deref().is_some_and(may)
    }
}

/// An agenda with what is there of its issue.
pub(super) struct Agenda<'a> {
    pub(super) issue: &'a Issue,
    pub(super) meeting: DateTime<Utc>,
    pub(super) stands: &'a Stands,
}

/// How a model stands, and when somebody spoke against it last, as it is.
pub(super) struct Standing {
    pub(super) state: Option<ModelState>,
    pub(super) refused: Option<DateTime<Utc>>,
}

/// How a model stands by what was said under the agendas on which it is. Failures are not among that.
pub(super) fn standing(by: &By<'_>, model: &StandardChange, agendas: &[Agenda<'_>]) -> Standing {
    let mut approved: Option<(DateTime<Utc>, Vec<Account>)> = None;
    let mut refused: Option<DateTime<Utc>> = None;
    let mut gaps: Vec<Gap> = Vec::new();
    let Some(wanted) = Proposed::of(model) else { return Standing { state: None, refused } };
    for agenda in agendas {
        if !agenda.stands.models().any(|it| *it == wanted) {
            continue;
        }
        let may = |account: &Account| by.may_suspend(model, account);
        gaps.extend(board::gaps(agenda.issue, may, &format!("`{WORD}{}`", model.name)));
        for comment in agenda.issue.comments.iter().filter(|comment| comment.by_person || comment.by.is_none()) {
            match said(by, model, agenda, comment, &wanted) {
                Some(Word::Yes(there)) if approved.as_ref().is_none_or(|(at, _)| comment.at >= *at) => {
                    approved = Some((comment.at, there));
                }
                Some(Word::No) => refused = refused.max(Some(comment.edited_at.unwrap_or(comment.at).max(comment.at))),
                Some(Word::Yes(_)) | None => {}
            }
        }
    }
    let state = approved.map(|(approved_at, approved_by)| {
        let gap = gaps.into_iter().filter(|gap| gap.at >= approved_at).max_by_key(|gap| gap.at);
        let suspended = match (refused.is_some_and(|at| at >= approved_at), gap) {
            (true, _) => Fact::Known(true),
            (false, Some(gap)) => Fact::Unavailable(gap.why.into()),
            (false, None) => Fact::Known(false),
        };
        ModelState { approved_at, approved_by, failed_at: Fact::Absent, suspended }
    });
    Standing { state, refused }
}

/// What a comment says of a model.
enum Word {
    /// It is approved, and these were there.
    Yes(Vec<Account>),
    /// It is not, or not any more.
    No,
}

fn said(
    by: &By<'_>,
    model: &StandardChange,
    agenda: &Agenda<'_>,
    comment: &Comment,
    wanted: &Proposed,
) -> Option<Word> {
    let mut word = None;
    for line in comment.texts.iter().flat_map(|text| board::lines(text)) {
        let meant = |of: &[String]| of.iter().any(|it| wanted.is_meant(it));
        match line {
            Line::Suspends { of, .. } | Line::Decides { outcome: CabOutcome::Reject, of, .. } if meant(&of) => {
                if comment.by.as_ref().is_none_or(|account| by.may_suspend(model, account)) {
                    return Some(Word::No);
                }
            }
            Line::Decides { outcome: CabOutcome::Approve, of, .. } if meant(&of) => {
                let listed = agenda.stands.at(comment.at).any(|it| it == wanted);
                let in_time = comment.edited_at.is_none() && comment.at >= agenda.meeting;
                let there = board::there(agenda.issue, comment);
                let chairs = comment.by.as_ref().is_some_and(|account| by.chairs(account));
                if listed && in_time && chairs && by.members(&there).len() >= by.quorum() {
                    word = Some(Word::Yes(there));
                }
            }
            Line::Present | Line::Suspends { .. } | Line::Decides { .. } => {}
        }
    }
    word
}

/// Whether a model is to be brought before the board: it was never approved and nobody refused it as it is, its approval is soon
/// over, or releases by it failed. What somebody suspended comes back when the board says so.
pub(super) fn is_due(
    model: &StandardChange,
    (state, refused): (&Fact<ModelState>, Option<DateTime<Utc>>),
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> bool {
    match state {
        Fact::Unavailable(_) => false,
        Fact::Absent => refused.is_none(),
        Fact::Known(state) => {
            let ends = model.expires.map(|length| calendar.due(state.approved_at, length));
            let failed = state.failed_at.entries().iter().any(|at| *at >= state.approved_at);
            state.suspended == Fact::Known(false) && (failed || ends.is_none_or(|end| end - AHEAD <= now))
        }
    }
}

/// What became of a model in a meeting, by the facts that releases were decided by last.
pub(super) fn minutes(proposed: &Proposed, meeting: DateTime<Utc>, facts: Option<&Facts>) -> String {
    let state = facts.and_then(|facts| facts.standard_changes.get(&proposed.name)).and_then(Fact::known);
    let here = state.filter(|state| state.approved_at >= meeting);
    let became = match here {
        Some(state) if state.suspended == Fact::Known(true) => "approved, and suspended since".to_owned(),
        Some(state) => {
            let there: Vec<&str> = state.approved_by.iter().map(Account::login).collect();
            format!("approved with {} there", there.join(", "))
        }
        None => "what was said of it stands above".to_owned(),
    };
    format!("- `{WORD}{}`: {became}\n", proposed.name)
}
