//! The agenda of each meeting of the board, as an issue: the app lists what waits for that meeting, members say there that
//! they are present, and whoever chairs decides on one item or many in a comment.
//!
//! What was decided on is what stood on the agenda when it was decided, by the record of what was listed and when. Whether
//! whoever decided may chair, and whether enough were there, is decided with the release.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::kept::Keeps;
use super::models::{self, Proposed};
use crate::forge::command::prose;
use crate::forge::records::{Comment, Draft, Issue};
use crate::model::facts::people::folded;
use crate::model::facts::{Account, CabDecision, CabOutcome, Condition, Fact, Facts, Release};
use crate::model::ground::Ground;
use crate::model::release_decision::ReleaseDecision;
use crate::policy::calendar::{Meeting, told};
use crate::policy::rules::{MemberRef, Rules};
use crate::report::neutral;
use crate::store::change::Stream;

/// The role of the board's members.
pub(super) const MEMBERS: &str = "cab";
/// The label of an agenda.
const LABEL: &str = "cab-agenda";
/// How a line begins that says something to us.
const WORD: &str = "/countersign cab ";
/// How many digits of a commit name one, at least.
const DIGITS: usize = 7;
/// How long a meeting is taken to be under way.
pub(super) const LASTS: TimeDelta = TimeDelta::hours(4);
/// How long after it began its minutes are written.
pub(super) const OVER: TimeDelta = TimeDelta::days(1);
/// How many items an agenda has at most.
const MOST: usize = 200;

/// An item of an agenda: a release, as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::flow::app) struct Item {
    release: String,
    pub(super) environment: String,
    repository: String,
    commit: String,
    pub(super) record: Option<String>,
    pub(super) changes: BTreeMap<String, String>,
    components: BTreeMap<String, String>,
    artifacts: Vec<String>,
    parts: BTreeMap<String, String>,
}

/// What stood on an agenda since an instant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listing {
    pub(super) since: DateTime<Utc>,
    pub(super) items: Vec<Item>,
    pub(super) models: Vec<Proposed>,
}

impl Item {
    /// A release as it is known now; `None` where what changes is not.
    fn of(facts: &Facts) -> Option<Self> {
        let release = &facts.release;
        let changes = match &release.changes {
            Fact::Known(changes) => changes.iter().map(|it| (it.id.clone(), it.content.clone())).collect(),
            Fact::Absent => BTreeMap::new(),
            Fact::Unavailable(_) => return None,
        };
        let components = release.components.iter();
        let contents = components.clone().filter_map(|(name, it)| Some((name.clone(), it.content.known()?.clone())));
        let parts = release.package.known().into_iter().flat_map(|package| &package.parts);
        Some(Self {
            release: release.name.clone(),
            environment: release.environment.clone(),
            repository: release.repository.clone(),
            commit: release.commit.clone(),
            record: facts.change_record.known().map(|record| record.id.clone()),
            changes,
            components: contents.collect(),
            artifacts: components.flat_map(|(_, it)| it.artifacts.entries().to_vec()).collect(),
            parts: parts.filter_map(|(name, part)| Some((name.clone(), part.known()?.content.clone()))).collect(),
        })
    }

    /// What the record calls its release.
    pub(super) fn stream(&self, forge: &str) -> Stream {
        Stream {
            forge: forge.to_owned(),
            repository: self.repository.clone(),
            release: self.release.clone(),
            environment: self.environment.clone(),
        }
    }

    /// Its commit, as it is shown.
    pub(super) fn short(&self) -> &str {
        self.commit.get(..12).unwrap_or(&self.commit)
    }

    pub(super) fn is_of(&self, release: &Release) -> bool {
        self.commit == release.commit
            && self.environment == release.environment
            && self.repository == release.repository
    }

    /// Whether a word means it: the number of its change record or of one of its changes, or its commit.
    pub(super) fn is_meant(&self, word: &str) -> bool {
        // A merge request is `!12` where a record is `#12`.
        let signed = ['#', '!'].into_iter().find_map(|sign| Some((sign, word.strip_prefix(sign)?)));
        match signed {
            Some((sign, number)) => {
                let is = |id: &str| id.rsplit_once(sign).is_some_and(|(_, it)| it == number);
                self.record.as_deref().is_some_and(is) || self.changes.keys().any(|id| is(id))
            }
            None => word.len() >= DIGITS && self.commit.starts_with(&word.to_ascii_lowercase()),
        }
    }
}

/// The meeting that a release waits for by its decision, with what is listed for it.
pub(super) fn waits(
    rules: &Rules,
    facts: &Facts,
    decision: &ReleaseDecision,
    now: DateTime<Utc>,
) -> Option<(Meeting, Item)> {
    let cab = rules.calendar.cab.as_ref()?;
    let waits = |code: Ground| matches!(code, Ground::CabWaits | Ground::CabDeferred);
    decision.tree.parts.iter().find(|node| waits(node.code) && !node.status.opens())?;
    let meeting = cab.next_meeting(facts.release.submitted_at, facts.meetings.entries(), now, &rules.calendar)?;
    Some((meeting, Item::of(facts)?))
}

/// The meeting that is under way, for what it did not put off.
pub(super) fn under_way(
    rules: &Rules,
    facts: &Facts,
    decision: &ReleaseDecision,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if decision.tree.parts.iter().any(|node| node.code == Ground::CabDeferred) {
        return None;
    }
    let cab = rules.calendar.cab.as_ref()?;
    let feed = facts.meetings.entries();
    let begun = cab.next_meeting(facts.release.submitted_at, feed, now - LASTS, &rules.calendar)?;
    (begun.at <= now).then_some(begun.at)
}

/// Whether a release stands on an agenda.
pub(super) fn has(items: &[Item], facts: &Facts) -> bool {
    items.iter().any(|item| item.is_of(&facts.release))
}

/// The meeting for whose agenda it is not too late, where standard changes are to be approved.
pub(super) fn next(rules: &Rules, facts: &Facts, now: DateTime<Utc>) -> Option<Meeting> {
    rules.calendar.cab.as_ref()?.next_meeting(now, facts.meetings.entries(), now, &rules.calendar)
}

/// The meeting that is under way, whatever stands on its agenda.
pub(super) fn begun(rules: &Rules, facts: &Facts, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let since = now - LASTS;
    let begun = rules.calendar.cab.as_ref()?.next_meeting(
        DateTime::UNIX_EPOCH,
        facts.meetings.entries(),
        since,
        &rules.calendar,
    )?;
    (begun.at <= now).then_some(begun.at)
}

/// What is to be done to the agenda of a meeting for a release and for standard changes, by what stands on it.
pub(super) fn plan(
    rules: &Rules,
    about: &str,
    meeting: &Meeting,
    listed: Option<(&Vec<Item>, &Vec<Proposed>)>,
    (item, proposed): (Option<Item>, &[Proposed]),
) -> Option<Keeps> {
    let (mut items, mut models) = listed.map(|(items, models)| (items.clone(), models.clone())).unwrap_or_default();
    if let Some(item) = item {
        let same = |it: &Item| {
            it.commit == item.commit && it.environment == item.environment && it.repository == item.repository
        };
        match items.iter().position(same) {
            Some(at) => {
                if let Some(before) = items.get_mut(at) {
                    *before = item;
                }
            }
            None if items.len() >= MOST => {}
            None => items.push(item),
        }
    }
    for model in proposed {
        match models.iter().position(|it| it.name == model.name) {
            Some(at) => {
                if let Some(before) = models.get_mut(at) {
                    *before = model.clone();
                }
            }
            None if models.len() >= MOST => {}
            None => models.push(model.clone()),
        }
    }
    if listed.map_or(items.is_empty() && models.is_empty(), |before| before == (&items, &models)) {
        return None;
    }
    let draft = draft(rules, about, meeting, (&items, &models));
    Some(match listed {
        None => Keeps::Convene { draft, meeting: meeting.at, items, models },
        Some(_) => Keeps::List { draft, items, models },
    })
}

fn draft(rules: &Rules, about: &str, meeting: &Meeting, (items, models): (&[Item], &[Proposed])) -> Draft {
    let zone = rules.calendar.zone;
    let cab = rules.calendar.cab.as_ref();
    let chair = cab.and_then(|cab| cab.chair.as_deref()).unwrap_or("who chairs");
    let quorum = cab.map_or(1, |cab| cab.quorum);
    let mut text = format!(
        "The change advisory board meets on {}. What is asked for until {} is on this agenda.\n\n\
         Members say that they are there with `/countersign cab present`; it takes {quorum}. {chair} decides once the meeting \
         has begun, in a comment, on one item or on many:\n\n```\n\
         /countersign cab approve #12 #14\n\
         /countersign cab approve #12 with: what has to be so first\n\
         /countersign cab defer #12 to next\n\
         /countersign cab reject #12: why\n```\n\n\
         An item is named by its change record, one of its changes, or its commit. Conditions are met when it is approved \
         again without them. A comment that is edited approves nothing.\n\n## Items\n\n",
        told(meeting.at, zone),
        told(meeting.cutoff, zone),
    );
    for item in items {
        let changes: Vec<String> = item.changes.keys().map(|id| neutral::prose(id, 120)).collect();
        let record = item.record.as_ref().map_or_else(String::new, |record| format!(", change record {record}"));
        let commit = item.short();
        let _ = writeln!(text, "- `{commit}` to `{}`: {}{record}", item.environment, changes.join(", "));
    }
    if !models.is_empty() {
        let word = models::WORD;
        let _ = write!(
            text,
            "\n## Standard changes\n\nReleases by one of these need no approval of their own once it is approved as it stands here, \
             with `/countersign cab approve {word}NAME`. Any member, and who looks after it, takes that back at any time, \
             under this agenda: `/countersign cab suspend {word}NAME: why`.\n\n"
        );
        for model in models {
            let _ = writeln!(text, "- `{word}{}`: {}", model.name, neutral::prose(&model.says, 600));
        }
    }
    let title = format!("Change advisory board, {}", told(meeting.at, zone));
    Draft { key: about.to_owned(), title, text, labels: vec![LABEL.to_owned()], due: None }
}

/// A line that says something about items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Present,
    Decides {
        outcome: CabOutcome,
        of: Vec<String>,
        conditions: Vec<String>,
        notes: String,
    },
    /// Standard changes are suspended.
    Suspends {
        of: Vec<String>,
    },
}

pub(super) fn lines(text: &str) -> Vec<Line> {
    prose(text).filter_map(line).collect()
}

/// What a line says, if it says something to us.
pub(super) fn line(line: &str) -> Option<Line> {
    read(line.trim().strip_prefix(WORD)?)
}

fn read(said: &str) -> Option<Line> {
    let (words, rest) = said.split_once(':').unwrap_or((said, ""));
    let mut words = words.split_whitespace();
    let verb = words.next()?;
    let mut of: Vec<String> = words.map(str::to_owned).collect();
    let with = of.last().is_some_and(|word| word == "with");
    of.retain(|word| !matches!(word.as_str(), "with" | "to" | "next" | "and"));
    let rest = rest.trim();
    let outcome = match verb {
        "present" => return Some(Line::Present),
        "suspend" => return Some(Line::Suspends { of }),
        "approve" if with => CabOutcome::ApproveWithConditions,
        "approve" => CabOutcome::Approve,
        "defer" => CabOutcome::Defer,
        "reject" => CabOutcome::Reject,
        _ => return None,
    };
    let (conditions, notes) = if with { (rest, "") } else { ("", rest) };
    let conditions = conditions.split(';').map(str::trim).filter(|it| !it.is_empty());
    Some(Line::Decides { outcome, of, conditions: conditions.map(str::to_owned).collect(), notes: notes.to_owned() })
}

pub(super) fn is_against(outcome: CabOutcome) -> bool {
    matches!(outcome, CabOutcome::Defer | CabOutcome::Reject)
}

/// What was decided on a release under an agenda, by whoever may chair; and what of it is not known.
pub(super) fn decisions(
    rules: &Rules,
    facts: &Facts,
    issue: &Issue,
    meeting: DateTime<Utc>,
    listings: &[Listing],
) -> (Vec<CabDecision>, Vec<Gap>) {
    let may = |by: &Account| may_chair(rules, facts, by);
    let stood = listings.iter().any(|listing| has(&listing.items, facts));
    let gaps = if stood { gaps(issue, may, "it") } else { Vec::new() };
    let mut found = Vec::new();
    for comment in issue.comments.iter().filter(|comment| comment.by_person || comment.by.is_none()) {
        // Whoever is known not to chair decides nothing, and takes nothing away either.
        if comment.by.as_ref().is_some_and(|by| !may(by)) {
            continue;
        }
        for text in &comment.texts {
            for line in lines(text) {
                let Line::Decides { outcome, of, conditions, notes } = line else { continue };
                // One that was edited says no for certain, and not that it says yes.
                if comment.edited_at.is_some() && !is_against(outcome) {
                    continue;
                }
                let Some(item) = decided_on(facts, listings, comment.at, outcome, &of) else { continue };
                found.push(decision(item, comment, issue, meeting, (outcome, conditions, notes)));
            }
        }
    }
    (found, gaps)
}

/// Something that was said under an agenda and is not known, not later than an instant.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) at: DateTime<Utc>,
    pub(super) why: String,
}

/// What is not known of what was said under an agenda by those who may decide there.
pub(super) fn gaps(issue: &Issue, may: impl Fn(&Account) -> bool, against: &str) -> Vec<Gap> {
    let again = "have who chairs decide on it again, in a new comment";
    let mut gaps = Vec::new();
    for silenced in &issue.silenced {
        let who = match &silenced.of {
            // Whoever is known not to be one of them decided nothing.
            Some(of) if !may(of) => continue,
            Some(of) => format!("`{}` wrote, who may chair", of.login()),
            None => "somebody wrote who has no account any longer".to_owned(),
        };
        let why = format!(
            "somebody deleted a comment under agenda #{} that {who} and may have decided against {against}; {again}",
            issue.number
        );
        gaps.push(Gap { at: silenced.at, why });
    }
    let people = issue.comments.iter().filter(|comment| comment.by_person || comment.by.is_none());
    for comment in people.filter(|comment| comment.struck && comment.by.as_ref().is_none_or(&may)) {
        let why = format!(
            "what a comment under agenda #{} said before it was edited was struck from its history, and may have decided \
             against {against}; {again}",
            issue.number
        );
        gaps.push(Gap { at: comment.edited_at.unwrap_or(comment.at), why });
    }
    gaps
}

/// What the board decided, as far as that is known: what nobody can read any more may have taken back whatever was approved
/// before it, and takes the place of nothing that was decided since.
pub(super) fn known(mut found: Vec<CabDecision>, gaps: Vec<Gap>) -> Fact<Vec<CabDecision>> {
    let Some(last) = gaps.into_iter().max_by_key(|gap| gap.at) else {
        return if found.is_empty() { Fact::Absent } else { Fact::Known(found) };
    };
    found.retain(|decision| is_against(decision.outcome) || decision.at > last.at);
    if found.is_empty() { Fact::Unavailable(last.why.into()) } else { Fact::Known(found) }
}

/// What stood on an agenda at an instant.
pub(super) fn listed(listings: &[Listing], at: DateTime<Utc>) -> Option<&Listing> {
    listings.iter().rev().find(|listing| listing.since <= at)
}

/// The item of a release that a line is about, as it stood on the agenda when that was written.
fn decided_on<'l>(
    facts: &Facts,
    listings: &'l [Listing],
    at: DateTime<Utc>,
    outcome: CabOutcome,
    of: &[String],
) -> Option<&'l Item> {
    let then = listed(listings, at);
    // What is against it is heard although it stood there only later.
    let listing = then.or_else(|| listings.last().filter(|_| is_against(outcome)))?;
    let item = listing.items.iter().find(|item| item.is_of(&facts.release))?;
    let names = |word: &String| {
        let others = listing.items.iter().filter(|other| other.is_meant(word)).count();
        item.is_meant(word) && (others == 1 || is_against(outcome))
    };
    of.iter().any(names).then_some(item)
}

fn decision(
    item: &Item,
    comment: &Comment,
    issue: &Issue,
    meeting: DateTime<Utc>,
    (outcome, conditions, notes): (CabOutcome, Vec<String>, String),
) -> CabDecision {
    let gone = "whoever decided has no account any longer";
    CabDecision {
        meeting: Fact::Known(meeting),
        at: comment.at,
        outcome,
        conditions: conditions.into_iter().map(|text| Condition { text, met: Fact::Known(false) }).collect(),
        chair: comment.by.clone().map_or(Fact::Unavailable(gone.into()), Fact::Known),
        attendees: Fact::Known(there(issue, comment)),
        environment: Some(item.environment.clone()),
        repository: Some(item.repository.clone()),
        record: item.record.clone(),
        changes: item.changes.clone(),
        components: item.components.clone(),
        artifacts: item.artifacts.clone(),
        parts: item.parts.clone(),
        notes,
    }
}

/// Who was there when somebody decided something: himself, and whoever said so before.
pub(super) fn there(issue: &Issue, comment: &Comment) -> Vec<Account> {
    let mut there: Vec<Account> = comment.by.iter().cloned().collect();
    let before = issue.comments.iter().take_while(|it| it.id != comment.id);
    for other in before.filter(|it| it.by_person && it.edited_at.is_none()) {
        let says = other.texts.iter().flat_map(|text| lines(text)).any(|line| line == Line::Present);
        there.extend(other.by.iter().filter(|by| says && !there.contains(by)).cloned().collect::<Vec<_>>());
    }
    there
}

/// What the board decided, in a word or two.
pub(super) fn told_outcome(outcome: CabOutcome) -> &'static str {
    match outcome {
        CabOutcome::Approve => "approved",
        CabOutcome::ApproveWithConditions => "approved on conditions",
        CabOutcome::Defer => "put off",
        CabOutcome::Reject => "rejected",
    }
}

/// What was said of an item in a meeting, by the facts that its release was decided by last.
pub(super) fn minutes(item: &Item, meeting: DateTime<Utc>, facts: Option<&Facts>) -> String {
    let commit = item.short();
    let all = facts.map(|facts| facts.cab.entries()).unwrap_or_default();
    let here: Vec<&CabDecision> = all.iter().filter(|it| it.meeting == Fact::Known(meeting)).collect();
    let mut text = format!("- `{commit}` to `{}`:", item.environment);
    if here.is_empty() {
        text.push_str(" nothing was decided");
    }
    for (at, decision) in here.iter().enumerate() {
        let word = told_outcome(decision.outcome);
        let chair = decision.chair.known().map_or("nobody", Account::login);
        let there: Vec<&str> = decision.attendees.entries().iter().map(Account::login).collect();
        let conditions: Vec<&str> = decision.conditions.iter().map(|it| it.text.as_str()).collect();
        let more = [conditions.join("; "), decision.notes.clone()].concat();
        let more = if more.is_empty() { String::new() } else { format!(": {}", neutral::prose(&more, 500)) };
        let then = if at == 0 { "" } else { ", then" };
        let _ = write!(text, "{then} {word} by `{chair}` with {} there{more}", there.join(", "));
    }
    text.push('\n');
    text
}

/// Whether somebody may be one who chairs, by what is known: whoever cannot be told may.
pub(super) fn may_chair(rules: &Rules, facts: &Facts, by: &Account) -> bool {
    let chair = rules.calendar.cab.as_ref().and_then(|cab| cab.chair.as_deref());
    chair.is_none_or(|chair| may_hold(rules, facts, by, chair))
}

/// Whether somebody may hold a role, by what is known: whoever cannot be told may.
pub(super) fn may_hold(rules: &Rules, facts: &Facts, by: &Account, role: &str) -> bool {
    let Some(role) = rules.roles.iter().find(|it| it.name == role) else { return true };
    // A directory may link him to somebody who is.
    if facts.accounts.get(by).is_some_and(|known| !known.person.is_absent()) {
        return true;
    }
    let accounts = |name: &String| {
        let person = rules.people.iter().find(|person| person.name == *name);
        person.map_or_else(|| vec![format!("{}:{name}", facts.release.forge)], |person| person.accounts.clone())
    };
    let is = |account: &String| folded(account) == by.as_str();
    // Another account of the same person counts as he does.
    let own = |listed: &dyn Fn(&Account) -> bool| {
        let of = rules.people.iter().filter(|person| person.accounts.iter().any(is));
        listed(by) || of.flat_map(|person| &person.accounts).any(|it| listed(&Account::from(it.as_str())))
    };
    role.members.iter().any(|member| match member {
        MemberRef::User(name) => accounts(name).iter().any(is),
        MemberRef::Account(account) => own(&|it: &Account| folded(account) == it.as_str()),
        MemberRef::Group(group) => match facts.groups.get(&*folded(group)) {
            Some(Fact::Known(members)) => own(&|it: &Account| members.iter().any(|member| member.account == *it)),
            Some(Fact::Absent | Fact::Unavailable(_)) | None => true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_a_line_decides_on_many_items_with_conditions() {
        let decides = |text: &str| match lines(text).pop() {
            Some(Line::Decides { outcome, of, conditions, notes }) => {
                (outcome, of.join(" "), conditions.join("|"), notes)
            }
            other => panic!("{other:?}"),
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(
            decides("/countersign cab approve #12 #14"),
            (CabOutcome::Approve, text("#12 #14"), text(""), text(""))
        );
        assert_eq!(
            decides(" /countersign cab approve #12 with: a dry run; a second look "),
            (CabOutcome::ApproveWithConditions, text("#12"), text("a dry run|a second look"), text(""))
        );
        assert_eq!(decides("/countersign cab defer #13 to next"), (CabOutcome::Defer, text("#13"), text(""), text("")));
        assert_eq!(
            decides("/countersign cab reject #15: too soon"),
            (CabOutcome::Reject, text("#15"), text(""), text("too soon"))
        );
        assert_eq!(lines("/countersign cab present"), [Line::Present]);
        assert_eq!(lines("I would /countersign cab approve #12"), []);
    }
}
