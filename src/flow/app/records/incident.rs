//! Incidents as issues: open ones with the label that the policy names, how bad, and what they affect, by their labels.
//!
//! Anybody with some rights may label and close. So each incident becomes a fact with its whole course, and who may make
//! less of it is decided where people are known.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::forge::records::{Event, Happened, Issue, Read, Records};
use crate::model::facts::{Account, Fact, Incident, Turn};
use crate::policy::rules::IncidentRule;

/// The label of an incident, where the policy names none.
const LABEL: &str = "incident";
/// How labels begin that say how bad it is and what it affects. A word of the policy's `severity` is a label as well.
const SEVERITY: &str = "severity:";
const SERVICE: &str = "service:";
/// How long whoever calls an issue an incident has to say how bad it is.
const AT_ONCE: TimeDelta = TimeDelta::minutes(1);
/// For how long one that was closed is looked at again, for who closed it.
const CLOSED: TimeDelta = TimeDelta::days(30);
/// The repository whose issues are incidents by a rule, for a release of a repository.
pub(super) fn place<'r>(rule: &'r IncidentRule, repository: &'r str) -> &'r str {
    rule.repository.as_deref().unwrap_or(repository)
}

/// The label of incidents by a rule.
pub(super) fn label(rule: &IncidentRule) -> &str {
    rule.label.as_deref().unwrap_or(LABEL)
}

/// The issues that are incidents by their label now, or were closed lately.
pub(super) async fn labelled<F: Records>(
    forge: &F,
    repository: &str,
    rule: &IncidentRule,
    now: DateTime<Utc>,
) -> Result<Vec<u64>, String> {
    forge.labelled(repository, label(rule), now - CLOSED).await.map_err(|fault| fault.to_string())
}

/// The incidents that are looked at no more: over, and nothing became of them for a while. Until then one that is over for
/// this release holds another, in which whoever said so had a hand.
pub(super) fn settled(incidents: &[Incident], over: &[String], now: DateTime<Utc>) -> Vec<u64> {
    let old = |it: &&Incident| it.course.iter().all(|turn| now - turn.at > CLOSED) && over.contains(&it.id);
    incidents.iter().filter(old).filter_map(number).collect()
}

/// The number of the issue that an incident is.
pub(super) fn number(incident: &Incident) -> Option<u64> {
    incident.id.rsplit_once('#')?.1.parse().ok()
}

/// The incidents of a repository, and the people that they name.
pub(super) async fn read<F: Records>(
    forge: &F,
    repository: &str,
    rule: &IncidentRule,
    before: Vec<u64>,
    now: DateTime<Utc>,
) -> Result<(Vec<Incident>, Read), String> {
    let label = label(rule);
    let were = before.clone();
    let mut numbers = labelled(forge, repository, rule, now).await?;
    numbers.extend(before);
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        return Ok((Vec::new(), Read::default()));
    }
    let read = forge.issues(repository, &numbers).await.map_err(|fault| fault.to_string())?;
    let missing = numbers.iter().find(|number| !read.issues.contains_key(number));
    if let Some(number) = missing {
        return Err(format!(
            "issue {number} of {repository} was an incident, and cannot be read any longer; where it is gone for good, give \
             incidents another label (`incidents.label`)"
        ));
    }
    let place = repository.to_ascii_lowercase();
    // A label that is given another name takes its past with it.
    let renamed = were.iter().find(|number| {
        read.issues.get(number).is_some_and(|issue| fact(issue, &place, label, &rule.severity).is_none())
    });
    if let Some(number) = renamed {
        return Err(format!(
            "issue {number} of {repository} was an incident, and never had the label `{label}` by its history"
        ));
    }
    let found = read.issues.values().filter_map(|issue| fact(issue, &place, label, &rule.severity));
    let incidents: Vec<Incident> = found.collect();
    Ok((incidents, read))
}

/// How an issue stands by the labels that it has.
#[derive(Clone, Debug, Default)]
struct Standing {
    labels: Vec<String>,
    closed: bool,
}

impl Standing {
    fn take(&mut self, what: &Happened) {
        match what {
            Happened::Labelled(name) => self.labels.push(name.clone()),
            Happened::Unlabelled(name) => self.labels.retain(|it| !it.eq_ignore_ascii_case(name)),
            Happened::Closed => self.closed = true,
            Happened::Reopened => self.closed = false,
        }
    }

    fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|it| it.eq_ignore_ascii_case(label))
    }

    /// The worst severity that its labels say, by the policy's numbers; one that the policy does not name before all.
    fn severity(&self, known: &BTreeMap<String, f64>) -> Fact<String> {
        let mut worst: Option<(f64, String)> = None;
        for label in &self.labels {
            let bare = stripped(label, SEVERITY);
            let word = bare.unwrap_or(label);
            let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            let (number, word) = match (found, bare) {
                (Some((name, number)), _) => (*number, name.clone()),
                (None, Some(unknown)) => (f64::NEG_INFINITY, unknown.to_owned()),
                (None, None) => continue,
            };
            if worst.as_ref().is_none_or(|(before, _)| number < *before) {
                worst = Some((number, word));
            }
        }
        worst.map_or(Fact::Absent, |(_, word)| Fact::Known(word))
    }

    fn components(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in self.labels.iter().filter_map(|label| stripped(label, SERVICE)) {
            if !found.iter().any(|it| it == name) {
                found.push(name.to_owned());
            }
        }
        found
    }
}

fn stripped<'l>(label: &'l str, prefix: &str) -> Option<&'l str> {
    let (head, rest) = label.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| rest.trim()).filter(|rest| !rest.is_empty())
}

/// An issue as an incident, with all that became of it since it was called one; `None` where it never was.
pub(super) fn fact(
    issue: &Issue,
    repository: &str,
    label: &str,
    severities: &BTreeMap<String, f64>,
) -> Option<Incident> {
    let called = |event: &Event| matches!(&event.what, Happened::Labelled(name) if name.eq_ignore_ascii_case(label));
    let first = issue.events.iter().position(called)?;
    let begun = issue.events.get(first)?;
    let mut now = Standing::default();
    let mut turns = Vec::new();
    for (at, event) in issue.events.iter().enumerate() {
        let before = now.clone();
        now.take(&event.what);
        // What whoever calls it an incident says at once, with what it bore by then, is how it begins.
        let says = matches!(event.what, Happened::Labelled(_)) && event.by == begun.by;
        if at <= first || says && event.at - begun.at <= AT_ONCE && turns.is_empty() {
            continue;
        }
        turns.extend(turn(&before, &now, event, label, severities));
    }
    let mut begins = Standing::default();
    let until = issue.events.iter().enumerate().take_while(|(at, event)| {
        let says = matches!(event.what, Happened::Labelled(_)) && event.by == begun.by;
        *at <= first || says && event.at - begun.at <= AT_ONCE
    });
    for (_, event) in until {
        begins.take(&event.what);
    }
    Some(Incident {
        id: format!("{repository}#{}", issue.number),
        severity: begins.severity(severities),
        components: Fact::Known(begins.components()),
        caused_by: Fact::Absent,
        opened_at: Some(begun.at),
        course: turns,
    })
}

/// What somebody made of an incident by one thing that he did; `None` where that changed nothing of it.
fn turn(
    before: &Standing,
    now: &Standing,
    event: &Event,
    label: &str,
    severities: &BTreeMap<String, f64>,
) -> Option<Turn> {
    let over = |it: &Standing| it.closed || !it.has(label);
    let (old, new) = (before.severity(severities), now.severity(severities));
    let (was, is) = (before.components(), now.components());
    let turn = Turn {
        at: event.at,
        by: event.by.clone().map_or_else(gone, Fact::Known),
        severity: (old != new).then_some(new),
        components: (was != is).then_some(is),
        over: (over(before) != over(now)).then(|| over(now)),
    };
    (turn.severity.is_some() || turn.components.is_some() || turn.over.is_some()).then_some(turn)
}

fn gone() -> Fact<Account> {
    Fact::Unavailable("whoever did it has no account any longer".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minutes * 60, 0).unwrap()
    }

    fn issue(events: &[(i64, &str, &str)]) -> Issue {
        let event = |(minute, by, what): &(i64, &str, &str)| Event {
            by: Some(Account::from(format!("github:{by}").as_str())),
            at: at(*minute),
            what: match (*what, what.strip_prefix('-')) {
                ("close", _) => Happened::Closed,
                ("reopen", _) => Happened::Reopened,
                (_, Some(label)) => Happened::Unlabelled(label.to_owned()),
                (label, None) => Happened::Labelled(label.to_owned()),
            },
        };
        Issue {
            number: 45,
            ours: false,
            author: None,
            at: at(0),
            open: true,
            versions: Vec::new(),
            events: events.iter().map(event).collect(),
            comments: Vec::new(),
            silenced: Vec::new(),
        }
    }

    fn known() -> BTreeMap<String, f64> {
        BTreeMap::from([("P1".to_owned(), 1.0), ("P3".to_owned(), 3.0)])
    }

    #[test]
    fn c3_an_incident_begins_as_whoever_calls_it_one_says_and_all_else_is_its_course() {
        let events = [
            (0, "ana", "P3"),
            (1, "olu", "incident"),
            (1, "olu", "service:checkout"),
            (5, "bo", "p1"),
            (9, "bo", "-p1"),
        ];
        let found = fact(&issue(&events), "acme/shop", "incident", &known()).unwrap();
        assert_eq!((found.id.as_str(), &found.severity), ("acme/shop#45", &Fact::Known("P3".to_owned())));
        assert_eq!(found.components, Fact::Known(vec!["checkout".to_owned()]));
        assert_eq!(found.opened_at, Some(at(1)));
        let severities: Vec<_> = found.course.iter().map(|turn| turn.severity.clone().unwrap()).collect();
        assert_eq!(severities, [Fact::Known("P1".to_owned()), Fact::Known("P3".to_owned())]);
        // What another says in the same minute is said by another.
        let other = fact(&issue(&[(0, "olu", "incident"), (0, "ana", "P3")]), "a/b", "incident", &known()).unwrap();
        assert_eq!((other.severity, other.course.len()), (Fact::Absent, 1));
    }

    #[test]
    fn c3_taking_the_label_away_and_closing_are_things_that_somebody_says() {
        let found = fact(
            &issue(&[(0, "olu", "incident"), (4, "ana", "-incident"), (6, "bo", "close")]),
            "a/b",
            "incident",
            &known(),
        );
        let course = found.unwrap().course;
        assert_eq!(course.len(), 1, "it was over already: {course:?}");
        assert_eq!((course[0].over, &course[0].by), (Some(true), &Fact::Known(Account::from("github:ana"))));
        assert_eq!(fact(&issue(&[(0, "olu", "P1")]), "a/b", "incident", &known()), None);
    }
}
