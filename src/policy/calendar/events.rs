//! iCalendar files (RFC 5545): their events, each with its start, rule and exceptions.

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use icalendar::parser::{Component, Property};

use crate::model::notable;

/// How many bytes a file may have.
pub const LARGEST: usize = 1 << 20;

/// How many events it may have.
pub const MOST: usize = 10_000;

/// How deep components may stand inside each other. A calendar's alarms are at the third storey.
pub const DEEPEST: usize = 8;

/// A date or a time as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A whole day.
    Day(NaiveDate),
    /// What the clocks of a zone show.
    Clock(NaiveDateTime, Tz),
}

impl Written {
    /// What the clocks of a zone show then; of a whole day, its midnight.
    pub(super) fn clock(self, zone: Tz) -> NaiveDateTime {
        match self {
            Self::Day(day) => day.and_time(chrono::NaiveTime::MIN),
            Self::Clock(clock, own) if own == zone => clock,
            Self::Clock(clock, own) => super::line::clock(super::line::scheduled(clock, own), zone),
        }
    }
}

/// An event of a file.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// What people call it: its summary, else its identity, else its number.
    pub(super) name: String,
    uid: String,
    /// The occurrence that it replaces, if it is one that was moved.
    replaces: Option<Written>,
    cancelled: bool,
    pub(super) start: Written,
    /// The end; `None` where the file says none.
    pub(super) end: Option<Written>,
    /// The rule by which it repeats.
    pub(super) rule: Option<String>,
    /// Further starts.
    pub(super) also: Vec<Written>,
    /// Starts that are left out.
    pub(super) except: Vec<Written>,
}

/// The events of a file, without those that are cancelled; what was moved is left out where it was.
pub(super) fn read(text: &str, zone: Tz) -> Result<Vec<Event>, String> {
    let calendar = component(text)?;
    if !calendar.name.as_str().eq_ignore_ascii_case("VCALENDAR") {
        return Err("it is no calendar: it does not begin with `BEGIN:VCALENDAR`".to_owned());
    }
    let of_kind = |component: &&Component<'_>| component.name.as_str().eq_ignore_ascii_case("VEVENT");
    let mut events = Vec::new();
    for (index, found) in calendar.components.iter().filter(of_kind).enumerate() {
        if index == MOST {
            return Err(format!("it has more than {MOST} events"));
        }
        let name = title(found, index);
        events.push(event(found, name.clone(), zone).map_err(|why| format!("its event `{name}` {why}"))?);
    }
    let moved: Vec<(String, Written)> =
        events.iter().filter_map(|event| Some((event.uid.clone(), event.replaces?))).collect();
    for event in events.iter_mut().filter(|event| event.replaces.is_none()) {
        event.except.extend(moved.iter().filter(|(uid, _)| *uid == event.uid).map(|(_, at)| *at));
    }
    events.retain(|event| !event.cancelled);
    Ok(events)
}

/// Reads one event that is written as lines: `DTSTART…`, `RRULE…`.
pub(super) fn lines(text: &str, zone: Tz) -> Result<Event, String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found = component(&format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", lines.join("\n")))?;
    if !found.components.is_empty() {
        return Err("it holds more than the lines of one event".to_owned());
    }
    event(&found, String::new(), zone)
}

fn component(text: &str) -> Result<Component<'static>, String> {
    if text.len() > LARGEST {
        return Err(format!("it has {} bytes; it may have {LARGEST}", text.len()));
    }
    let text = icalendar::parser::unfold(text.trim_start_matches('\u{feff}')).replace("\r\n", "\n");
    let mut depth = 0_usize;
    for line in text.lines() {
        // The reader calls itself for each component inside another.
        let begins =
            |word: &str| line.trim_start().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        if begins("BEGIN:") {
            depth += 1;
        } else if begins("END:") {
            depth = depth.saturating_sub(1);
        }
        if depth > DEEPEST {
            return Err("its components stand too deep inside each other".to_owned());
        }
    }
    let told = |why: String| {
        let line = why.lines().find(|line| line.contains(" at line ")).unwrap_or_default();
        let place = line.split(" at line ").nth(1).and_then(|rest| rest.split([',', ':']).next()).map(str::trim);
        let place = place.map_or_else(String::new, |line| format!(", from line {line} on (folded lines count as one)"));
        format!("it cannot be read as iCalendar{place}")
    };
    let found = icalendar::parser::read_components(&text).map_err(told)?;
    found.first().map(owned).ok_or_else(|| "it is empty".to_owned())
}

/// A component that does not borrow the text, with names in upper case as the standard compares them.
fn owned(found: &Component<'_>) -> Component<'static> {
    let property = |property: &Property<'_>| Property {
        name: property.name.as_str().to_ascii_uppercase().into(),
        val: property.val.to_owned(),
        params: property
            .params
            .iter()
            .map(|param| icalendar::parser::Parameter {
                key: param.key.as_str().to_ascii_uppercase().into(),
                val: param.val.as_ref().map(icalendar::parser::ParseString::to_owned),
            })
            .collect(),
    };
    Component {
        name: found.name.to_owned(),
        properties: found.properties.iter().map(property).collect(),
        components: found.components.iter().map(owned).collect(),
    }
}

fn title(found: &Component<'_>, index: usize) -> String {
    let text =
        |name: &str| found.find_prop(name).map(|property| property.val.as_str().trim()).filter(|text| !text.is_empty());
    match text("SUMMARY").or_else(|| text("UID")) {
        Some(text) => notable::shortened(text, 60),
        None => format!("number {}", index + 1),
    }
}

fn event(found: &Component<'_>, name: String, zone: Tz) -> Result<Event, String> {
    let start = found.find_prop("DTSTART").ok_or("has no start; add `DTSTART`")?;
    let start = written(start, start.val.as_str(), zone)?;
    let one = |name: &str| match found.find_prop(name) {
        Some(property) => written(property, property.val.as_str(), zone).map(Some),
        None => Ok(None),
    };
    let many = |name: &str| -> Result<Vec<Written>, String> {
        let properties = found.properties.iter().filter(|property| property.name == name);
        let values = properties.flat_map(|property| property.val.as_str().split(',').map(move |text| (property, text)));
        values.map(|(property, text)| written(property, text.trim(), zone)).collect()
    };
    if found.find_prop("EXRULE").is_some() {
        return Err("has an `EXRULE`, which RFC 5545 did away with; use `EXDATE`".to_owned());
    }
    let mut rules = found.properties.iter().filter(|property| property.name == "RRULE");
    let rule = rules.next().map(|property| property.val.as_str().to_owned());
    if rules.next().is_some() {
        return Err("has more than one `RRULE`; make it as many events".to_owned());
    }
    let end = match (one("DTEND")?, found.find_prop("DURATION")) {
        (Some(end), _) => Some(end),
        (None, Some(duration)) => {
            let days = whole_days(duration.val.as_str()).ok_or_else(|| {
                format!(
                    "lasts `{}`, which is no number of whole days or weeks",
                    notable::shortened(duration.val.as_str(), 40)
                )
            });
            match start {
                Written::Day(day) => day.checked_add_days(chrono::Days::new(days?)).map(Written::Day),
                Written::Clock(..) => None,
            }
        }
        (None, None) => None,
    };
    let text = |name: &str| found.find_prop(name).map(|property| property.val.as_str().to_owned()).unwrap_or_default();
    Ok(Event {
        uid: text("UID"),
        replaces: one("RECURRENCE-ID")?,
        cancelled: text("STATUS").eq_ignore_ascii_case("CANCELLED"),
        end,
        rule,
        also: many("RDATE")?,
        except: many("EXDATE")?,
        start,
        name,
    })
}

/// `P2D` or `P1W` as days.
fn whole_days(text: &str) -> Option<u64> {
    let rest = text.trim().trim_start_matches('+').strip_prefix('P')?;
    let (count, unit) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let count = count.parse::<u64>().ok().filter(|count| (1..=1000).contains(count))?;
    match unit {
        "D" => Some(count),
        "W" => Some(count * 7),
        _ => None,
    }
}

/// A value of DATE or DATE-TIME. One without a zone is by the clocks of the policy's zone.
fn written(property: &Property<'_>, text: &str, zone: Tz) -> Result<Written, String> {
    let named = property.params.iter().find(|param| param.key == "TZID").and_then(|param| param.val.as_ref());
    let zone = match named {
        Some(name) if !text.ends_with('Z') => super::read::zone_named(name.as_str().trim_matches('"'))?,
        _ => zone,
    };
    stamp(text, zone).ok_or_else(|| {
        let text = notable::shortened(text, 40);
        format!("has `{text}` in `{}`, which is no date or time; write `20261225` or `20260106T140000`", property.name)
    })
}

/// A DATE or DATE-TIME, by the clocks of a zone where it is not in UTC.
pub(super) fn stamp(text: &str, zone: Tz) -> Option<Written> {
    // Exactly these lengths: the reader of forms would take fewer digits.
    if text.len() == 8 {
        return NaiveDate::parse_from_str(text, "%Y%m%d").ok().map(Written::Day);
    }
    let (clock, zone) = text.strip_suffix('Z').map_or((text, zone), |clock| (clock, Tz::UTC));
    let clock = NaiveDateTime::parse_from_str(clock, "%Y%m%dT%H%M%S").ok().filter(|_| clock.len() == 15)?;
    Some(Written::Clock(clock, zone))
}
