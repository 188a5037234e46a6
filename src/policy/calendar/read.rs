//! The `calendar` section of a policy, once its form was checked, and the hours of roles.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{Cab, Calendar, Closed, Freeze, Hours, Meetings, Peak, Recurrence, holidays};
use crate::model::notable;
use crate::model::stated::Stated;
use crate::policy::diagnostics::{Code, Diagnostic, Span};
use crate::policy::expression::nearest;
use crate::policy::instant::{self, Written};
use crate::policy::length::Length;
use crate::policy::tree::{Node, Value};

/// How many hours of the week are business hours where a policy says none.
const BUSINESS: &str = "Mo-Fr 09:00-17:30";

/// The layer that is read, and what it is read with.
#[derive(Clone, Copy)]
pub struct Reading<'r> {
    /// Its name.
    pub layer: &'r str,
    /// Its file.
    pub file: &'r str,
    /// The zone where it names none: that of the layers around it, or UTC.
    pub zone: Tz,
    /// The text of a file that it names, by the path as it is written.
    pub attached: &'r dyn Fn(&str) -> Option<&'r str>,
}

impl Reading<'_> {
    fn stated(&self, span: Span) -> Stated {
        Stated { layer: self.layer.to_owned(), file: self.file.to_owned(), line: span.line, kept: None }
    }

    fn text(&self, path: &str) -> Result<&str, String> {
        (self.attached)(path)
            .ok_or_else(|| format!("`{}` was not given together with the policy", notable::shortened(path, 80)))
    }
}

/// The files that a `calendar` section names, as they are written, with their places.
#[must_use]
pub fn attachments(node: &Node) -> Vec<(&str, Span)> {
    let holidays = node.get("holidays").map(Node::texts).unwrap_or_default();
    let meetings = node.get("cab").and_then(|cab| cab.get("meetings")).map(Node::texts).unwrap_or_default();
    let named = holidays.into_iter().chain(meetings);
    named.filter_map(|(text, span)| Some((text.strip_prefix("file:")?, span))).collect()
}

/// Reads a `calendar` section. What cannot be read is complained about and left out, so that the policy is none.
pub fn read(node: Option<&Node>, reading: &Reading<'_>, list: &mut Vec<Diagnostic>) -> Calendar {
    let zone = zone(node, reading.zone, list);
    let Some(node) = node else { return Calendar { zone, business: business(zone), ..Calendar::default() } };
    let holidays = days(node, reading, list);
    let stated = node.get("business_hours").and_then(|node| Some((node, hours(node, zone, true, list)?)));
    if let Some((hours, named)) = stated.as_ref().zip(node.get("holidays"))
        && !hours.1.holidays
    {
        let message = format!("holidays do not close `{}`; write `{0}; PH off` if they should", hours.1.written);
        list.push(Diagnostic::new(Code::NoEffect, named.span, message));
    }
    Calendar {
        zone,
        business: stated.map_or_else(|| business(zone), |(_, hours)| hours),
        holidays,
        closed: entries(node, "closed").filter_map(|entry| closed(entry, zone, reading, list)).collect(),
        freezes: entries(node, "freeze").filter_map(|entry| freeze(entry, zone, reading, list)).collect(),
        peaks: entries(node, "peak").filter_map(|entry| peak(entry, zone, reading, list)).collect(),
        cab: node.get("cab").and_then(|node| cab(node, zone, reading, list)),
    }
}

/// The zone of a `calendar` section, or `around` where it names none.
pub fn zone(node: Option<&Node>, around: Tz, list: &mut Vec<Diagnostic>) -> Tz {
    let Some((node, name)) = node.and_then(|node| node.get("timezone")).and_then(|node| Some((node, node.text()?)))
    else {
        return around;
    };
    zone_named(name).unwrap_or_else(|why| {
        list.push(Diagnostic::new(Code::BadCalendar, node.span, why));
        around
    })
}

/// The hours of a role, `{ hours, timezone }`, in `around` where they name no zone. Holidays close them as they
/// close business hours.
pub fn role_hours(node: &Node, around: Tz, list: &mut Vec<Diagnostic>) -> Option<Hours> {
    let zone = zone(Some(node), around, list);
    match node.get("hours") {
        Some(node) => hours(node, zone, true, list),
        None => Some(business(zone)),
    }
}

/// A zone by its name in the IANA database.
pub(super) fn zone_named(name: &str) -> Result<Tz, String> {
    if let Ok(zone) = name.parse() {
        return Ok(zone);
    }
    let known = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let wanted = name.trim().to_lowercase().replace(' ', "_");
    let same = |zone: &&str| {
        let zone = zone.to_lowercase();
        zone == wanted || zone.rsplit('/').next() == wanted.rsplit('/').next()
    };
    // `UTC+1` is near `UTC`, and an hour away from it.
    let offset = name.split_once(['+', '-']).is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    let near = known().find(same).or_else(|| nearest(name, &known().collect::<Vec<_>>()));
    let hint = match near {
        _ if offset => {
            "; an offset does not say when clocks change, so name a place, such as `Europe/London`".to_owned()
        }
        None => "; zones have names such as `Europe/London`".to_owned(),
        Some(near) => format!("; did you mean `{near}`?"),
    };
    Err(format!("there is no time zone `{}`{hint}", notable::shortened(name, 60)))
}

fn business(zone: Tz) -> Hours {
    Hours { zone, ..Hours::parse(BUSINESS, zone, true).unwrap_or_else(|_| Calendar::default().business) }
}

fn hours(node: &Node, zone: Tz, holidays: bool, list: &mut Vec<Diagnostic>) -> Option<Hours> {
    Hours::parse(node.text()?, zone, holidays)
        .map_err(|why| list.push(Diagnostic::new(Code::BadCalendar, node.span, why)))
        .ok()
}

fn days(node: &Node, reading: &Reading<'_>, list: &mut Vec<Diagnostic>) -> Vec<NaiveDate> {
    let mut days = Vec::new();
    for (text, span) in node.get("holidays").map(Node::texts).unwrap_or_default() {
        let found = match text.strip_prefix("file:") {
            Some(path) => {
                let read = |text: &str| holidays::of_file(text).map_err(|why| unreadable(path, &why));
                reading.text(path).and_then(read)
            }
            None => holidays::of_country(text).ok_or_else(|| unknown_country(text)),
        };
        match found {
            Ok(found) => days.extend(found),
            Err(why) => list.push(Diagnostic::new(Code::BadCalendar, span, why)),
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

fn unreadable(path: &str, why: &str) -> String {
    format!("`{}` cannot be used: {why}", notable::shortened(path, 80))
}

fn unknown_country(text: &str) -> String {
    let code = match text.trim().to_ascii_uppercase().as_str() {
        "UK" => "GB".to_owned(),
        code => code.to_owned(),
    };
    if holidays::of_country(&code).is_some() {
        return format!("there is no country `{}`; did you mean `{code}`?", notable::shortened(text, 40));
    }
    let path = text.to_ascii_lowercase().ends_with(".ics");
    let hint = if path {
        format!("; did you mean `file:{text}`?")
    } else {
        "; give an iCalendar file, as `file:holidays.ics`".to_owned()
    };
    format!("the holidays of `{}` are not known{hint}", notable::shortened(text, 60))
}

/// An entry of the calendar that has a name, such as one freeze.
#[derive(Clone, Copy)]
struct Entry<'n> {
    name: &'n str,
    /// Where the name stands.
    span: Span,
    node: &'n Node,
}

/// The named entries of a part.
fn entries<'n>(node: &'n Node, part: &str) -> impl Iterator<Item = Entry<'n>> {
    let entries = node.get(part).map(Node::entries).unwrap_or_default();
    entries.iter().map(|(key, node)| Entry { name: &key.name, span: key.span, node })
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    let found = node.get(key).map(Node::texts).unwrap_or_default();
    found.into_iter().map(|(text, _)| text.to_owned()).collect()
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.text().map(str::to_owned)
}

fn closed(
    Entry { name, span, node }: Entry<'_>,
    zone: Tz,
    reading: &Reading<'_>,
    list: &mut Vec<Diagnostic>,
) -> Option<Closed> {
    let hours = hours(node.get("hours")?, zone, false, list)?;
    let stops = texts(node, "stops");
    let stops = |what: &str| stops.is_empty() || stops.iter().any(|stopped| stopped == what);
    Some(Closed {
        name: name.to_owned(),
        hours,
        environments: texts(node, "environments"),
        approval: stops("approval"),
        deployment: stops("deployment"),
        stated: reading.stated(span),
    })
}

/// From when and until when something is.
fn stretch(node: &Node, what: &str, zone: Tz, list: &mut Vec<Diagnostic>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let at = |key: &str| {
        Some(match instant::parse(node.get(key)?.text()?)? {
            Written::Absolute(at) => at.to_utc(),
            Written::Clock(clock) => super::instant(clock, zone),
        })
    };
    let (from, to) = (at("from")?, at("to")?);
    if to <= from {
        let span = node.get("to").map_or(node.span, |node| node.span);
        let day = "a date is its first minute, so the last day is the day before";
        let message = format!("{what} ends after it begins; `to` is outside, and {day}");
        list.push(Diagnostic::new(Code::BadCalendar, span, message));
        return None;
    }
    Some((from, to))
}

fn freeze(
    Entry { name, span, node }: Entry<'_>,
    zone: Tz,
    reading: &Reading<'_>,
    list: &mut Vec<Diagnostic>,
) -> Option<Freeze> {
    let (from, to) = stretch(node, "a freeze", zone, list)?;
    Some(Freeze {
        name: name.to_owned(),
        from,
        to,
        environments: texts(node, "environments"),
        except: texts(node, "except"),
        exceptions_by: text(node, "exceptions_by"),
        stated: reading.stated(span),
    })
}

fn peak(
    Entry { name, span, node }: Entry<'_>,
    zone: Tz,
    reading: &Reading<'_>,
    list: &mut Vec<Diagnostic>,
) -> Option<Peak> {
    let (from, to) = stretch(node, "a peak", zone, list)?;
    let rigor = count(node, "rigor", 1, list)?;
    Some(Peak { name: name.to_owned(), from, to, rigor, stated: reading.stated(span) })
}

/// A whole number from 1, or 1 where the key is left out.
fn count(node: &Node, key: &str, safe: u32, list: &mut Vec<Diagnostic>) -> Option<u32> {
    let Some(stated) = node.get(key) else { return Some(safe) };
    let Value::Number(number) = stated.value else { return None };
    if number.fract() != 0.0 || !(1.0..=1e6).contains(&number) {
        let message = format!("`{key}` is a whole number from 1, not {number}");
        list.push(Diagnostic::new(Code::BadCalendar, stated.span, message));
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Some(number as u32)
}

fn cab(node: &Node, zone: Tz, reading: &Reading<'_>, list: &mut Vec<Diagnostic>) -> Option<Cab> {
    let stated = node.get("meetings")?;
    let meetings = meetings(stated.text()?, zone, reading)
        .map_err(|why| list.push(Diagnostic::new(Code::BadCalendar, stated.span, why)));
    let quorum = count(node, "quorum", 1, list);
    Some(Cab {
        meetings: meetings.ok()?,
        cutoff: node.get("cutoff").and_then(|node| Length::parse(node.text()?)).unwrap_or_default(),
        chair: text(node, "chair"),
        quorum: quorum?,
        votes: text(node, "votes").as_deref() == Some("anytime"),
        stated: reading.stated(node.span),
    })
}

fn meetings(written: &str, zone: Tz, reading: &Reading<'_>) -> Result<Meetings, String> {
    if let Some(feed) = written.strip_prefix("feed:") {
        let secure =
            feed.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
        return if secure {
            Ok(Meetings::Feed(feed.to_owned()))
        } else {
            Err(format!("a feed has an address with `https://`, not `{}`", notable::shortened(feed, 80)))
        };
    }
    let rules = match written.strip_prefix("file:") {
        Some(path) => Recurrence::file(reading.text(path)?, zone).map_err(|why| unreadable(path, &why))?,
        None => vec![Recurrence::parse(written, zone).map_err(|why| format!("the rule of the meetings {why}"))?],
    };
    Ok(Meetings::Rules(rules))
}
