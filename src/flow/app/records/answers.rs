//! What the app answers to those who say something under an agenda: what it took down, and what not and why. Pure.
//!
//! It is said once for a comment, by the decision of a release that is meant, or of whichever sees it where none is.
//! Members who say that they are there hear nothing: the minutes name them.

use chrono::{DateTime, TimeDelta, Utc};

use super::board::{self, Item, Line, Listing};
use super::models::{self, By, Proposed};
use crate::decide::shown;
use crate::forge::command::{WORD, prose};
use crate::forge::records::{Comment, Issue};
use crate::model::facts::{Account, CabDecision, CabOutcome, Facts};
use crate::model::ground::Ground;
use crate::model::release_decision::ReleaseDecision;
use crate::policy::Policy;
use crate::policy::calendar::told;
use crate::report::reply::{self, Outcome};

/// How old a comment may be that is answered: nobody waits for longer.
const AGE: TimeDelta = TimeDelta::hours(24);
/// How many comments under one agenda are answered.
pub(super) const MOST: u64 = 100;
/// What is told to whoever writes what is not understood there.
const FORMS: &str = "under an agenda write `/countersign cab present`, or `approve`, `defer` or `reject` with the items that are meant, \
     such as `/countersign cab approve #12`";
const EDITED: &str = "edited afterwards; write it in a new comment";

/// A comment under an agenda that says something to the app.
#[derive(Clone, Debug)]
pub(in crate::flow::app) struct Said {
    /// The agenda, as the record calls it, and its issue's number.
    pub(super) agenda: (String, u64),
    pub(super) comment: Comment,
    meeting: DateTime<Utc>,
    /// What stood on the agenda when it was written.
    items: Vec<Item>,
    models: Vec<Proposed>,
    /// Who was there by then.
    there: Vec<Account>,
}

/// What was said under an agenda lately.
pub(super) fn said(
    about: &str,
    issue: &Issue,
    (meeting, listings): (DateTime<Utc>, &[Listing]),
    now: DateTime<Utc>,
) -> Vec<Said> {
    let speaks = |it: &&Comment| it.by_person && now - it.at < AGE && spoken(it).next().is_some();
    let one = |comment: &Comment| Said {
        agenda: (about.to_owned(), issue.number),
        comment: comment.clone(),
        meeting,
        items: board::listed(listings, comment.at).map(|it| it.items.clone()).unwrap_or_default(),
        models: board::listed(listings, comment.at).map(|it| it.models.clone()).unwrap_or_default(),
        there: board::there(issue, comment),
    };
    issue.comments.iter().filter(speaks).map(one).collect()
}

/// The lines of a comment as it stands now that say something to the app.
fn spoken(comment: &Comment) -> impl Iterator<Item = &str> {
    let says =
        |line: &&str| line.strip_prefix(WORD).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    comment.texts.last().into_iter().flat_map(|text| prose(text)).map(str::trim).filter(says)
}

impl Said {
    /// Whether a release is the one to answer by: it is meant, or nothing that stands there is.
    pub(super) fn is_for(&self, facts: &Facts) -> bool {
        let meant = |it: &Item| self.decides().any(|(_, of)| of.iter().any(|word| it.is_meant(word)));
        let mut meant = self.items.iter().filter(|it| meant(it)).peekable();
        meant.peek().is_none() || meant.any(|it| it.is_of(&facts.release))
    }

    fn decides(&self) -> impl Iterator<Item = (CabOutcome, Vec<String>)> {
        spoken(&self.comment).filter_map(|line| match board::line(line) {
            Some(Line::Decides { outcome, of, .. }) => Some((outcome, of)),
            Some(Line::Present | Line::Suspends { .. }) | None => None,
        })
    }

    /// The answer; `None` where there is nothing to tell.
    pub(super) fn answer(&self, policy: &Policy, facts: &Facts, decision: &ReleaseDecision) -> Option<String> {
        let mut lines = Vec::new();
        for line in spoken(&self.comment) {
            let outcomes = match board::line(line) {
                None => vec![Outcome::refused(FORMS)],
                Some(Line::Present) => self.present(policy, facts, decision).into_iter().collect(),
                Some(Line::Suspends { of }) => self.suspended(policy, facts, decision, &of),
                Some(Line::Decides { outcome, of, conditions, .. }) => {
                    self.decided(policy, facts, decision, (outcome, &of, &conditions))
                }
            };
            lines.extend(outcomes.into_iter().map(|outcome| (line.to_owned(), outcome)));
        }
        (!lines.is_empty()).then(|| reply::render(&lines, &[]))
    }

    fn present(&self, policy: &Policy, facts: &Facts, decision: &ReleaseDecision) -> Option<Outcome> {
        if self.comment.edited_at.is_some() {
            return Some(Outcome::refused(EDITED));
        }
        let by = self.comment.by.as_ref()?;
        let held = shown::held(policy, facts, by, decision.now);
        (!held.iter().any(|role| role == board::MEMBERS)).then(|| {
            Outcome::refused(format!("the policy does not name you in `{}`, of whom it takes a quorum", board::MEMBERS))
        })
    }

    fn decided(
        &self,
        policy: &Policy,
        facts: &Facts,
        decision: &ReleaseDecision,
        (outcome, of, conditions): (CabOutcome, &[String], &[String]),
    ) -> Vec<Outcome> {
        let rules = &policy.rules;
        let zone = rules.calendar.zone;
        if let Some(by) = &self.comment.by
            && !board::may_chair(rules, facts, by)
        {
            let chair = rules.calendar.cab.as_ref().and_then(|cab| cab.chair.as_deref()).unwrap_or("who chairs");
            return vec![Outcome::refused(format!("`{chair}` decides, and the policy does not name you so"))];
        }
        let against = board::is_against(outcome);
        if self.comment.edited_at.is_some() && !against {
            return vec![Outcome::refused(EDITED)];
        }
        if self.comment.at < self.meeting {
            let at = told(self.meeting, zone);
            return vec![Outcome::refused(format!(
                "the meeting begins {at}, and nothing is decided before; write it again then"
            ))];
        }
        if of.is_empty() {
            return vec![Outcome::refused(FORMS)];
        }
        let mut outcomes = Vec::new();
        for word in of {
            if word.starts_with(models::WORD) {
                outcomes.push(self.of_model(word, policy, facts, decision, (outcome, conditions)));
                continue;
            }
            let meant: Vec<&Item> = self.items.iter().filter(|item| item.is_meant(word)).collect();
            match meant.as_slice() {
                [] => outcomes.push(Outcome::refused(format!("nothing on this agenda is called `{word}`"))),
                [_, _, ..] if !against => outcomes.push(Outcome::refused(format!(
                    "`{word}` is more than one item; name each by its commit or its change record"
                ))),
                all => outcomes.extend(all.iter().map(|item| Outcome::Told {
                    environment: item.environment.clone(),
                    says: self.taken(item, facts, decision, (outcome, conditions), zone),
                    tree: None,
                })),
            }
        }
        outcomes
    }

    /// What was taken down of a standard change.
    fn of_model(
        &self,
        word: &str,
        policy: &Policy,
        facts: &Facts,
        decision: &ReleaseDecision,
        (outcome, conditions): (CabOutcome, &[String]),
    ) -> Outcome {
        let Some(proposed) = self.models.iter().find(|it| it.is_meant(word)) else {
            return Outcome::refused(format!("nothing on this agenda is called `{word}`"));
        };
        let model = models::of_board(&policy.rules).find(|model| Proposed::of(model).as_ref() == Some(proposed));
        let Some(model) = model else {
            return Outcome::refused(format!("the policy has `{word}` on other terms by now, or not at all"));
        };
        let by = By { policy, facts, now: decision.now };
        let zone = policy.rules.calendar.zone;
        let says = match outcome {
            CabOutcome::Approve => {
                let members = by.members(&self.there).len();
                if members < by.quorum() {
                    return Outcome::refused(format!("{members} of {} members were there", by.quorum()));
                }
                if !self.comment.by.as_ref().is_some_and(|account| by.chairs(account)) {
                    return Outcome::refused("whether you chair is not known; try again later");
                }
                let end = model.expires.map(|length| policy.rules.calendar.due(self.comment.at, length));
                let until = end.map_or_else(String::new, |end| format!(", until {}", told(end, zone)));
                format!("it is taken down as approved{until}")
            }
            CabOutcome::ApproveWithConditions => {
                return Outcome::refused(format!(
                    "a standard change is approved as it stands; have the policy say this ({}), and approve that",
                    conditions.join("; ")
                ));
            }
            CabOutcome::Defer => "it is put off, and stands on the next agenda".to_owned(),
            CabOutcome::Reject => {
                "it is taken down as rejected: no release is standard by it, and it comes back on other terms"
                    .to_owned()
            }
        };
        Outcome::Told { environment: word.to_owned(), says, tree: None }
    }

    /// What was taken down where somebody suspends standard changes.
    fn suspended(&self, policy: &Policy, facts: &Facts, decision: &ReleaseDecision, of: &[String]) -> Vec<Outcome> {
        let by = By { policy, facts, now: decision.now };
        let one = |word: &String| {
            let proposed = self.models.iter().find(|it| it.is_meant(word));
            let model = models::of_board(&policy.rules).find(|model| Proposed::of(model).as_ref() == proposed);
            let Some(model) = model.filter(|_| proposed.is_some()) else {
                return Outcome::refused(format!("no standard change on this agenda is called `{word}`"));
            };
            if self.comment.by.as_ref().is_some_and(|account| !by.may_suspend(model, account)) {
                return Outcome::refused(format!(
                    "the policy names you neither in `{}` nor as who looks after it",
                    board::MEMBERS
                ));
            }
            let says = "it is suspended: no release is standard by it until it is approved again".to_owned();
            Outcome::Told { environment: word.clone(), says, tree: None }
        };
        if of.is_empty() { vec![Outcome::refused(FORMS)] } else { of.iter().map(one).collect() }
    }

    /// What was taken down of an item, and for the release that is decided what it comes to.
    fn taken(
        &self,
        item: &Item,
        facts: &Facts,
        decision: &ReleaseDecision,
        (outcome, conditions): (CabOutcome, &[String]),
        zone: chrono_tz::Tz,
    ) -> String {
        let mut says = format!("`{}` is taken down as {}", item.short(), board::told_outcome(outcome));
        if !conditions.is_empty() {
            says = format!("{says} ({}); once that is so, approve it again without it", conditions.join("; "));
        }
        if !item.is_of(&facts.release) {
            return says;
        }
        // Of two of one minute the sentences begin alike.
        let (this, at) =
            (CabDecision::called(self.comment.at), format!("a CAB decision of {} ", told(self.comment.at, zone)));
        let mut why = None;
        decision.tree.walk(&mut |node| {
            if node.code == Ground::CabInvalid && node.evidence.contains(&this) {
                why = node.says.strip_prefix(&at).map(str::to_owned);
            }
        });
        match why {
            Some(why) => format!("{says}, and {why}"),
            None => says,
        }
    }
}
