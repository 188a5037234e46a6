//! What releases left people to do, as issues with due dates, where the forge has dates for those.
//!
//! What is owed the record knows, and by whose word it is met: an issue of it calls it to mind, and no more. So whoever
//! closes one by hand has met nothing, and it is not opened again; it is closed once the record says that it is met.
//!
//! Invariant: an obligation has one issue at most, whoever looks and however often.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::Unkept;
use super::kept::{Keeps, Known, like};
use crate::flow::app::policy::Read;
use crate::flow::app::talk::reminders::{Stage, is_open};
use crate::flow::app::{Desk, link, talk};
use crate::flow::recorded;
use crate::forge::Hub;
use crate::forge::records::{Draft, Records};
use crate::model::facts::{Fact, Facts};
use crate::model::release_decision::{OpenedObligation, ReleaseDecision};
use crate::policy::calendar;
use crate::report::neutral;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Left;
use crate::store::reader::Reader;

/// How the record calls the issues of what is owed.
const OWED: &str = "obligation issue";
/// Their label.
const LABEL: &str = "obligation";

fn name(text: &str) -> String {
    neutral::code(text, 200)
}

fn of_owed(forge: &str, repository: &str, id: &str) -> String {
    format!("{OWED} {}", json!([forge, repository, id]))
}

/// The change that a release brought last, on which it is spoken of.
fn change(facts: Option<&Facts>) -> Option<&str> {
    let Some(Fact::Known(changes)) = facts.map(|facts| &facts.release.changes) else { return None };
    changes.iter().rev().find(|it| !it.direct).map(|it| it.id.as_str())
}

/// The issue of something that is owed. `page` is the whole address of the release's page, where pages are served.
fn draft(
    left: &Left,
    (facts, page): (Option<&Facts>, Option<&str>),
    (key, zone): (&str, Tz),
    needs_evidence: bool,
) -> Draft {
    let stream = &left.stream;
    let due = left.due.and_then(DateTime::<Utc>::from_timestamp_micros);
    let by = left.role.as_deref();
    let title = format!("{} of {}, by {}", left.kind, stream.release, by.unwrap_or("anybody"));
    let mut text = format!(
        "{} went to {} and left {} to be done.\n\n",
        name(&stream.release),
        name(&stream.environment),
        name(&left.kind)
    );
    let who = by.map_or_else(|| "anybody".to_owned(), |role| format!("somebody of the role {}", name(role)));
    let _ = writeln!(text, "- who: {who} who had no hand in the release");
    let when = due.map_or_else(|| "whenever".to_owned(), |due| name(&calendar::told(due, zone)));
    let _ = writeln!(text, "- due: {when}");
    let link = if needs_evidence { " LINK" } else { "" };
    let how = neutral::code(&format!("/countersign validate {} {}{link}", stream.environment, left.id), 400);
    let whence = change(facts).map_or_else(|| "a change of this repository".to_owned(), name);
    let shows = if needs_evidence { "; LINK leads to what shows it" } else { "" };
    let _ = writeln!(text, "- how: when it is done, say so on {whence}: {how}{shows}");
    if let Some(page) = page {
        let _ = writeln!(text, "- the release: [what it was, and why it went]({page})");
    }
    text.push_str(
        "\nCountersign closes this issue when the record says that it is met. Closing it by hand meets nothing: it stays \
         owed, and may hold the next release.\n",
    );
    Draft {
        key: key.to_owned(),
        title: neutral::line(&title, 200),
        text,
        labels: vec![LABEL.to_owned()],
        due: due.map(|due| due.with_timezone(&zone).date_naive()),
    }
}

/// By whose word something is met, as an entry of the record says it.
async fn met(reader: &mut Reader, left: &Left, by: u64) -> Result<String, DatabaseFault> {
    let entry = recorded::entry(reader, by).await?;
    let said = |name: &str| entry.as_ref().and_then(|entry| entry.body.get(name)?.as_str().map(str::to_owned));
    let mut text = format!("{} of {} is met", name(&left.kind), name(&left.stream.release));
    let document = match reader.document_before(by).await? {
        Some(document) => reader.blob(document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok()),
        None => None,
    };
    if let Some(by) = said("by") {
        let _ = write!(text, " by the word of {}", name(&by));
        if let Some(number) = entry.as_ref().and_then(|entry| entry.body.get("change").and_then(Value::as_u64)) {
            let _ = write!(text, " on change {number}");
        }
    } else if let Some(node) = document.as_ref().and_then(|decision| talk::paid::met(decision, &left.id)) {
        text = neutral::prose(&node.says, 400);
    }
    let _ = write!(text, ": entry {by} of the record has it");
    Ok(format!("<p>{text}.</p>\n"))
}

impl<H: Hub> Desk<H> {
    /// Keeps an issue of everything that releases of a repository left people to do.
    pub(in crate::flow::app) async fn keep_owed(&self, repository: &str, read: &Read) -> Result<(), Unkept> {
        if !<H::Forge as Records>::DATES_ISSUES {
            return Ok(());
        }
        let mut reader = self.reader().await?;
        let whole = repository.to_lowercase();
        let begun: BTreeMap<_, _> = reader.begun_about(&like(OWED, H::NAME, &whole)).await?.into_iter().collect();
        let ours = |left: &Left| {
            left.stream.forge == H::NAME
                && left.stream.repository.eq_ignore_ascii_case(repository)
                && !OpenedObligation::TOLD.contains(&left.kind.as_str())
        };
        for left in reader.left().await?.into_iter().filter(ours) {
            let about = of_owed(H::NAME, &whole, &left.id);
            let known = Known { about: about.clone(), ..Known::default() };
            let keeps = match (left.met_by, begun.contains_key(&about)) {
                (Some(_), false) => None,
                // Where it could not be opened there is nothing to say anything under.
                (_, true) if Known::read(&mut reader, about.clone(), H::NAME).await?.lost => None,
                (Some(by), true) => Some(Keeps::Met { text: met(&mut reader, &left, by).await? }),
                (None, false) => Some(Keeps::Owe { draft: self.owing(&mut reader, &left, &about, read).await? }),
                (None, true) => self.late(&mut reader, &left, &about, read).await?,
            };
            if let Some(keeps) = keeps {
                self.leaves(&left.stream.repository, &known, keeps).await?;
            }
        }
        reader.close().await?;
        Ok(())
    }

    async fn owing(&self, reader: &mut Reader, left: &Left, about: &str, read: &Read) -> Result<Draft, DatabaseFault> {
        let facts = reader.blob(left.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        let entry = recorded::entry(reader, left.entry).await?;
        // What is not known to need none is asked for with something that shows it.
        let needs = entry.and_then(|entry| entry.body.get("needs_evidence")?.as_bool()).unwrap_or(true);
        let page = self.settings.pages.as_ref().map(|pages| format!("{pages}{}", link::path(&left.stream)));
        let zone = read.policy.rules.calendar.zone;
        Ok(draft(left, (facts.as_ref(), page.as_deref()), (about, zone), needs))
    }

    /// What an issue is told of the time of its obligation, in the open hours of whoever is to meet it.
    async fn late(
        &self,
        reader: &mut Reader,
        left: &Left,
        about: &str,
        read: &Read,
    ) -> Result<Option<Keeps>, DatabaseFault> {
        let now = self.now();
        let Some(due) = left.due.and_then(DateTime::<Utc>::from_timestamp_micros) else { return Ok(None) };
        let Some(entry) = recorded::entry(reader, left.entry).await? else { return Ok(None) };
        let Some(stage) = Stage::of(entry.at, due, now) else { return Ok(None) };
        if !is_open(&read.policy, left.role.as_deref(), now)
            || reader.has_effect(&format!("{about} {}", stage.word())).await?
        {
            return Ok(None);
        }
        let told = calendar::told(due, read.policy.rules.calendar.zone);
        let when = match stage {
            Stage::Near => format!("This is due {}", name(&told)),
            Stage::Late => format!("This was due {} and is overdue", name(&told)),
        };
        let by = left.role.as_deref().map_or_else(|| "anybody".to_owned(), name);
        let text = format!("<p>{when}, by {by}.</p>\n");
        Ok(Some(Keeps::Remind { stage: stage.word().to_owned(), text }))
    }
}
