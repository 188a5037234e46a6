//! Reads JaCoCo XML (report DTD 1.0 and 1.1), as JaCoCo itself and Kover write it.
//!
//! The counters of the report itself are taken. Where packages state counters as
//! well, wherever in groups they stand, their sum must be the report's; where
//! only packages do, the sum is the report. JaCoCo leaves out a counter of nothing, so
//! a report without branches has none. Lines are the exception: they are
//! missing where classes were compiled without debug information, and then unknown.
//!
//! The DTD that the document names is never fetched. The report was made when
//! its oldest session was dumped; its tool and version are not stated.

use super::coverage::{Count, CoverageTally, Covered, whole};
use super::xml::{Element, Event, Xml};
use crate::model::report::{About, Fault};

/// The counters that are measures; the others (complexity, classes) are not.
const KINDS: [&str; 4] = ["INSTRUCTION", "BRANCH", "LINE", "METHOD"];

type Counters = [Option<Count>; KINDS.len()];

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut CoverageTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut xml = Xml::within(bytes, &bounds);
    let mut own = Counters::default();
    let mut packages = Counters::default();
    let mut package = Counters::default();
    match xml.next()? {
        Event::Open(root) if root.name() == "report" => {}
        _ => return Err(xml.fault("expected the element `report`")),
    }
    // The open elements below `report`: groups nest, packages hold classes.
    let mut groups = 0_usize;
    let mut in_package = false;
    loop {
        match xml.next()? {
            Event::Open(element) => match element.name() {
                "group" if !in_package => groups += 1,
                "package" if !in_package => {
                    in_package = true;
                    package = Counters::default();
                }
                "counter" => {
                    if in_package {
                        note(&mut package, &xml, &element)?;
                    } else if groups == 0 {
                        note(&mut own, &xml, &element)?;
                    }
                    xml.skip()?;
                }
                "sessioninfo" => {
                    session(&xml, &element, about)?;
                    xml.skip()?;
                }
                _ => xml.skip()?,
            },
            Event::Close if in_package => {
                in_package = false;
                for (sum, one) in packages.iter_mut().zip(package) {
                    *sum = one.map_or(*sum, |one| Some(sum.unwrap_or_default().and(one)));
                }
            }
            Event::Close => groups = groups.saturating_sub(1),
            Event::Text(_) => {}
            Event::End => break,
        }
    }
    let counters = settled(own, packages)?;
    let [instructions, branches, lines, functions] = counters;
    if instructions.or(lines).is_none() {
        return Err(Fault::empty("the report counts neither lines nor instructions; were any classes analysed?"));
    }
    tally.add(Covered {
        instructions,
        lines,
        branches: branches.or(Some(Count::default())),
        functions: functions.or(Some(Count::default())),
    });
    Ok(())
}

/// Notes a `counter`, of which the DTD has each kind once in an element.
fn note(counters: &mut Counters, xml: &Xml<'_>, element: &Element<'_>) -> Result<(), Fault> {
    let mut kind = None;
    let mut missed = None;
    let mut covered = None;
    element.attributes(xml, |name, value| {
        match name {
            "type" => kind = KINDS.iter().position(|kind| *kind == value),
            "missed" => missed = whole(&value),
            "covered" => covered = whole(&value),
            _ => {}
        }
        Ok(())
    })?;
    let (Some(missed), Some(covered)) = (missed, covered) else {
        return Err(xml.fault_in(element, "expected a `counter` with whole numbers in `missed` and `covered`"));
    };
    let count = Count::new(covered, covered.saturating_add(missed));
    if let Some(slot) = kind.and_then(|kind| counters.get_mut(kind))
        && slot.replace(count.unwrap_or_default()).is_some()
    {
        return Err(xml.fault_in(element, "a second `counter` of the same type; write the report anew"));
    }
    Ok(())
}

fn session(xml: &Xml<'_>, element: &Element<'_>, about: &mut About) -> Result<(), Fault> {
    let dump = element.attribute(xml, "dump")?;
    let instant = dump.and_then(|text| text.parse().ok()).and_then(chrono::DateTime::from_timestamp_millis);
    if let Some(at) = instant {
        about.made(at);
    }
    Ok(())
}

/// The report's own counters, which must be the sum of its packages' where both are stated.
fn settled(own: Counters, packages: Counters) -> Result<Counters, Fault> {
    let mut settled = own;
    for ((slot, sum), kind) in settled.iter_mut().zip(packages).zip(KINDS) {
        match (*slot, sum) {
            (Some(own), Some(sum)) if own != sum => {
                return Err(Fault::contradictory(format!(
                    "the report's counter {kind} says {own} covered, its packages add up to {sum}; write the report anew"
                )));
            }
            (None, Some(sum)) => *slot = Some(sum),
            _ => {}
        }
    }
    Ok(settled)
}
