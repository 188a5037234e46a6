//! The change record of a release, as an issue: the app opens it, tells in its labels how far the release is, and closes it
//! with what came of it. People write what the policy needs under its headings.
//!
//! Which issue it is the record knows, by the entry that says that the app opened it; neither its title nor its mark makes
//! an issue one. Its text is written once, so that nothing that a person writes there is ever written over.
//!
//! Whoever closes it stops the release, and for good: such a one is told what came of it, and closed by nobody but him, so that
//! the same commit finds it closed whenever it comes again.
//!
//! Where the policy has people open it, one that names the release is taken up, once; they lead it from state to state, and
//! the app closes it with what came of the deployment.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::kept::{Keeps, Known};
use super::text::{self, Section, mentions};
use crate::forge::records::{Draft, Happened, Issue};
use crate::model::facts::{Account, ChangeRecord, Fact, Facts, Field};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, ReleaseDecision, Ruling, Status};
use crate::policy::rules::ChangeRule;
use crate::report::neutral;

/// The label of every change record, and how those of states begin.
pub(super) const LABEL: &str = "change";
const STATE: &str = "change:";
/// The heading under which incidents are named that the release fixes.
const FIXES: &str = "fixes";
/// The heading of the planned window.
const WINDOW: &str = "window";
/// The heading under which people who open a record themselves name the release that it is for.
const RELEASE: &str = "release";
/// How many digits of a commit name one, at least.
const DIGITS: usize = 7;
/// What stands under it at first.
const NO_FIXES: &str = "_The incidents that this release fixes, as #NUMBER._";

/// The state in which it is opened, and those that the app brings it into.
const NEW: &str = "New";
const ASSESS: &str = "Assess";
const AUTHORIZE: &str = "Authorize";
const SCHEDULED: &str = "Scheduled";
const IMPLEMENT: &str = "Implement";
const REVIEW: &str = "Review";
/// The state of one that is closed.
const CLOSED: &str = "Closed";

/// How many changes are listed.
const LISTED: usize = 100;

/// The label of a state.
pub(super) fn label(state: &str) -> String {
    // GitHub takes 50 characters.
    format!("{STATE}{}", state.chars().take(40).collect::<String>())
}

/// What the app writes under the heading of something that the policy needs.
fn prompt(need: &str) -> String {
    match need {
        "risk_assessment" => "_What can go wrong, how likely is that, and who would notice?_".to_owned(),
        WINDOW => "_From when until when may it go? As `2026-12-01 22:00 to 2026-12-01 23:30`. Left as it is, it plans nothing._"
            .to_owned(),
        "backout_plan" => "_How is it taken back, by whom, and how long does that take?_".to_owned(),
        _ => format!("_Write down here: {}._", need.replace('_', " ")),
    }
}

/// The state labels that an issue has, in the order in which they were put there, each with who did.
fn states(issue: &Issue) -> Vec<(String, Option<Account>)> {
    let mut has: Vec<(String, Option<Account>)> = Vec::new();
    for event in &issue.events {
        match &event.what {
            Happened::Labelled(name) => {
                if let Some(state) = name.strip_prefix(STATE) {
                    has.push((state.to_owned(), event.by.clone()));
                }
            }
            Happened::Unlabelled(name) => {
                has.retain(|(state, _)| !name.strip_prefix(STATE).is_some_and(|it| it.eq_ignore_ascii_case(state)));
            }
            Happened::Closed | Happened::Reopened => {}
        }
    }
    has
}

/// The labels that are to go before an issue gets one of a state: those of other states, and that very one where somebody
/// else put it there, for who did decides whether it counts.
pub(super) fn in_the_way(issue: &Issue, label: &str) -> Vec<String> {
    let ours = |by: &Option<Account>| issue.ours && by.is_some() && *by == issue.author;
    let all = states(issue).into_iter().map(|(state, by)| (format!("{STATE}{state}"), by));
    all.filter(|(has, by)| !(has.eq_ignore_ascii_case(label) && ours(by))).map(|(has, _)| has).collect()
}

/// An issue that is a change record, as the facts have it.
pub(super) fn fact(
    (rule, zone): (&ChangeRule, Tz),
    issue: &Issue,
    repository: &str,
    components: Vec<String>,
) -> ChangeRecord {
    let ours = |by: &Option<Account>| issue.ours && by.is_some() && *by == issue.author;
    let (state, state_by) = match states(issue).pop() {
        // Whoever closes it keeps the release from going.
        _ if !issue.open => (Fact::Known(CLOSED.to_owned()), None),
        None => (Fact::Absent, None),
        Some((state, by)) if ours(&by) => (Fact::Known(state), None),
        Some((state, Some(by))) => (Fact::Known(state), Some(by)),
        Some((_, None)) => {
            (Fact::Unavailable("whoever brought it into its state has no account any longer".into()), None)
        }
    };
    let names = rule.needs.iter().map(String::as_str).chain([WINDOW]);
    let fields = names.map(|need| (need.to_owned(), text::field(issue, need, &prompt(need))));
    let mut fields: BTreeMap<String, Field> = fields.collect();
    // Whoever closed it stopped the release: what was approved before is approved no more once it is open again.
    if let Some(event) = issue.events.iter().rev().find(|it| it.what == Happened::Reopened) {
        let reopened = Field { text: Fact::Absent, template: Fact::Absent, edited_at: Fact::Known(event.at), by: None };
        fields.insert("reopened".to_owned(), reopened);
    }
    let (from, until) = fields.get(WINDOW).map_or((Fact::Absent, Fact::Absent), |field| text::window(field, zone));
    let last = issue.versions.last().and_then(|version| version.text.as_deref()).unwrap_or_default();
    let fixes = match text::section(last, FIXES) {
        Section::Said(said) => text::named(&said, repository),
        Section::Missing | Section::Twice => Vec::new(),
    };
    ChangeRecord {
        id: format!("{repository}#{}", issue.number),
        state,
        state_by,
        components: if components.is_empty() { Fact::Absent } else { Fact::Known(components) },
        from,
        until,
        fields,
        fixes,
    }
}

/// What is to be done for the record of a release that was decided.
pub(super) fn plan(rule: &ChangeRule, known: &Known, facts: &Facts, decision: &ReleaseDecision) -> Option<Keeps> {
    // Nothing is added to one that is not there yet, or is not ours.
    let record = facts.change_record.known().filter(|_| known.number.is_some())?;
    let listed = record.components.entries();
    let more: Vec<String> = facts.release.components.keys().filter(|it| !listed.contains(it)).cloned().collect();
    if !more.is_empty() {
        return Some(Keeps::Widen { components: more });
    }
    // Those that people opened they lead themselves.
    if known.is_adopted() {
        return None;
    }
    let wanted = state(rule, decision)?;
    let last = known.kept.iter().rev().find_map(|kept| match kept {
        Keeps::Advance { to } => Some(to.as_str()),
        _ => None,
    });
    (last.unwrap_or(NEW) != wanted).then_some(Keeps::Advance { to: wanted })
}

/// Whether a release lacks a record: it never had one, or the one that it had says what came of it, and it is to go once more.
/// One that was rejected for good goes no more.
pub(super) fn is_missing(known: &Known, facts: &Facts, decision: &ReleaseDecision) -> bool {
    let lacks = |node: &Node| match node.code {
        Ground::NoChangeRecord => facts.change_record.is_absent(),
        Ground::ChangeState => known.is_closed() && !node.status.opens(),
        _ => false,
    };
    decision.decision == Ruling::Hold && decision.tree.parts.iter().any(lacks)
}

/// Whether an issue that people opened says that it is the record of a release: under its heading it names the environment,
/// and the commit or one of the changes.
pub(super) fn names(issue: &Issue, place: &str, facts: &Facts, environment: &str) -> bool {
    let release = &facts.release;
    let last = issue.versions.last().and_then(|version| version.text.as_deref()).unwrap_or_default();
    let (false, true, Section::Said(said)) = (issue.ours, issue.open, text::section(last, RELEASE)) else {
        return false;
    };
    let there = [environment, release.environment.as_str()].iter().any(|name| mentions(&said, name));
    let numbers = text::named(&said, place);
    let change =
        release.changes.entries().iter().any(|it| numbers.iter().any(|named| named.eq_ignore_ascii_case(&it.id)));
    let is_commit = |word: &str| word.len() >= DIGITS && release.commit.starts_with(&word.to_ascii_lowercase());
    there && (change || said.split(|it: char| !it.is_ascii_hexdigit()).any(is_commit))
}

/// The repositories whose changes an issue names that people opened, in lower case.
pub(super) fn repositories(issue: &Issue, place: &str) -> Vec<String> {
    let last = issue.versions.last().and_then(|version| version.text.as_deref()).unwrap_or_default();
    let Section::Said(said) = text::section(last, RELEASE) else { return Vec::new() };
    let named = text::named(&said, place).into_iter();
    let mut all: Vec<String> = named.filter_map(|id| Some(id.rsplit_once(['#', '!'])?.0.to_owned())).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The repository whose issues are the change records of another's releases.
pub(super) fn place<'r>(rule: &'r ChangeRule, repository: &'r str) -> &'r str {
    rule.repository.as_deref().unwrap_or(repository)
}

/// An issue of people is the record of a release from now on.
pub(super) fn adopt(number: u64, facts: &Facts, decision: &ReleaseDecision) -> Keeps {
    Keeps::Adopt {
        number,
        stream: json!([facts.release.name, decision.environment]),
        components: facts.release.components.keys().cloned().collect(),
    }
}

/// What is said under it then.
pub(super) fn adopted(stream: &Value, components: &[String]) -> String {
    let word = |at: usize| neutral::prose(stream.get(at).and_then(Value::as_str).unwrap_or_default(), 200);
    let names: Vec<String> = components.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "This is the change record of {} on its way to `{}`, for {}. What stands under the headings that the policy needs, and the \
         label that says its state (`{STATE}{IMPLEMENT}`), count from who holds a role of the policy and had no hand in the \
         release. It is closed with what came of it; whoever closes it before stops the release.",
        word(0),
        word(1),
        if names.is_empty() { "no component".to_owned() } else { names.join(", ") }
    )
}

/// The state that a record has by a decision; `None` where that says nothing of it.
fn state(rule: &ChangeRule, decision: &ReleaseDecision) -> Option<String> {
    let goes = || rule.proceeds_in.first().map_or(IMPLEMENT, String::as_str).to_owned();
    let holding = || decision.tree.parts.iter().filter(|node| !node.status.opens());
    match decision.decision {
        Ruling::Proceed => return Some(goes()),
        Ruling::Reject => return None,
        Ruling::Hold => {}
    }
    // Its own state keeps nothing else waiting.
    let others: Vec<&Node> = holding().filter(|node| node.code != Ground::ChangeState).collect();
    if others.is_empty() {
        return Some(goes());
    }
    if others.iter().any(|node| node.code == Ground::ChangeIncomplete) {
        return Some(ASSESS.to_owned());
    }
    let in_time = |node: &&Node| node.status == Status::Waiting && node.next.is_some() && node.who.is_empty();
    Some(if others.iter().all(in_time) { SCHEDULED } else { AUTHORIZE }.to_owned())
}

/// The state of one whose release was let go.
pub(super) fn reviewed() -> Keeps {
    Keeps::Advance { to: REVIEW.to_owned() }
}

/// How a release ended, as its record is closed.
pub(super) fn ended(well: bool) -> Keeps {
    let (word, says) = if well {
        ("Successful", "The release went in, and its deployment ended well, by the forge's own word for its job.")
    } else {
        ("Unsuccessful", "The release was let go, and its deployment failed, by the forge's own word for its job.")
    };
    Keeps::Close { done: true, label: label(word), text: says.to_owned(), leaves_open: false }
}

/// How a release ended that did not go.
pub(super) fn cancelled(why: &str) -> Keeps {
    Keeps::Close { done: false, label: label("Cancelled"), text: neutral::prose(why, 900), leaves_open: false }
}

/// The same of one that somebody has closed to stop the release: that is not taken from him by closing it in his place.
pub(super) fn stopped(decision: u64, came: &Keeps) -> Option<Keeps> {
    let Keeps::Close { label, text, .. } = came else { return None };
    let text =
        format!("{text}\n\nSomebody has closed this record, and so it stops the release until it is opened again.");
    Some(Keeps::Stopped { decision, label: label.clone(), text })
}

/// What is said where it turns out to be for more.
pub(super) fn widened(components: &[String]) -> String {
    let names: Vec<String> = components.iter().map(|name| format!("`{name}`")).collect();
    format!("This change record is for {} as well: what goes has changed.", names.join(", "))
}

/// A record is opened for a release.
pub(super) fn open(rule: &ChangeRule, known: &Known, facts: &Facts, decision: &ReleaseDecision) -> Keeps {
    let release = &facts.release;
    let title = format!("Change: {} to {}", release.name, decision.environment);
    let mut text = format!(
        "The change record of `{}` on its way to `{}`. Countersign opened it, tells in its labels how far it is, and closes \
         it with what came of it.\n\nUnder the headings below, write what is asked there. It counts from who holds a role of \
         the policy and had no hand in the release; what stands there already counts for nothing.\n",
        release.commit, decision.environment
    );
    let window = (!rule.needs.iter().any(|need| need == WINDOW)).then_some(WINDOW);
    for need in rule.needs.iter().map(String::as_str).chain(window) {
        let _ = write!(text, "\n### {need}\n\n{}\n", prompt(need));
    }
    let _ = write!(text, "\n### {FIXES}\n\n{NO_FIXES}\n\n## What goes\n\n");
    let components: Vec<String> = release.components.keys().cloned().collect();
    let names: Vec<String> = components.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(text, "- components: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    match &release.changes {
        Fact::Known(changes) => {
            for change in changes.iter().take(LISTED) {
                let is_here = place(rule, &release.repository).eq_ignore_ascii_case(&release.repository);
                let id = change.id.strip_prefix(&release.repository).filter(|_| is_here).unwrap_or(&change.id);
                let _ = writeln!(text, "- {}", neutral::prose(id, 200));
            }
            if changes.len() > LISTED {
                let _ = writeln!(text, "- and {} more", changes.len() - LISTED);
            }
        }
        Fact::Absent => text.push_str("- no changes: what goes ran before\n"),
        Fact::Unavailable(why) => {
            let _ = writeln!(text, "- which changes go could not be read: {}", neutral::prose(why, 300));
        }
    }
    text.push_str(&risk(decision));
    Keeps::Open {
        draft: Draft {
            key: known.about.clone(),
            title: neutral::line(&title, 200),
            text,
            labels: vec![LABEL.to_owned(), label(NEW)],
            due: None,
        },
        stream: json!([release.name, decision.environment]),
        components,
    }
}

/// The risk, itemised.
fn risk(decision: &ReleaseDecision) -> String {
    let risk = &decision.risk;
    let score = risk.score.map_or_else(|| "not known".to_owned(), |score| format!("{score}"));
    let mut text = format!("\n## Risk\n\nScore {score}, impact {}.\n\n", format!("{:?}", risk.impact).to_lowercase());
    for item in &risk.items {
        let points = item.points.map_or_else(|| "unknown".to_owned(), |points| format!("{points}"));
        let _ = writeln!(text, "- {}: {points} ({})", item.name, neutral::prose(&item.because, 200));
    }
    text
}
