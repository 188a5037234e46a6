//! The forms of what somebody can do besides approving, rejecting and ticking off, and what they ask for.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use maud::{Markup, html};

use super::act::{Typed, words};
use super::said::name;
use crate::flow::app::acting::{Debt, More};
use crate::model::facts::{Account, Deed};

/// How a browser writes an instant without a zone; it is UTC.
const INSTANT: &str = "%Y-%m-%dT%H:%M";
/// How many bytes a line may have that is typed.
const LINE: usize = 500;

/// All of them; `hidden` is what every form has in it.
pub fn forms(more: &More, hidden: &Markup, typed: &Typed) -> Markup {
    html! {
        @if !more.waive.is_empty() { (waive(more, hidden, typed)) }
        @for debt in &more.owed { (validate(debt, hidden, typed)) }
        @if more.emergency {
            form class="act" method="post" action="/act" {
                h3 { "Say that it is an emergency" }
                (hidden)
                (words("emergency", &html! { "What the emergency is" }, Some(1), typed.reason_of("emergency")))
                button type="submit" name="does" value="emergency" { "It is an emergency" }
            }
        }
        @for (at, (word, of)) in more.others.iter().enumerate() {
            form class="act" method="post" action="/act" {
                h3 { (title(word)) " " (name(of)) }
                (hidden)
                input type="hidden" name="of" value=(of);
                (words(&format!("other{at}"), &html! { "Why" }, (*word == "except").then_some(1), ""))
                button type="submit" name="does" value=(word) { (title(word)) " " (name(of)) }
            }
        }
        @if !more.stand_in.is_empty() || more.away {
            details {
                summary { "When you are not there" }
                @if !more.stand_in.is_empty() { (delegate(more, hidden)) }
                @if more.away {
                    form class="act" method="post" action="/act" {
                        h3 { "Say that you are away" }
                        (hidden)
                        (when("away", true))
                        button type="submit" name="does" value="away" { "I am away" }
                    }
                }
            }
        }
    }
}

fn title(word: &str) -> &'static str {
    match word {
        "verify" => "Verify the evidence of",
        "confirm" => "Confirm that it fixes",
        "except" => "Let it go during the freeze",
        "policy" => "Approve the policy",
        _ => "Do",
    }
}

fn waive(more: &More, hidden: &Markup, typed: &Typed) -> Markup {
    html! {
        form class="act" method="post" action="/act" {
            h3 { "Waive a gate" }
            (hidden)
            p {
                label for="waived" { "The gate" } br;
                select id="waived" name="gate" { @for gate in &more.waive { option value=(gate) { (name(gate)) } } }
            }
            (when("waive", false))
            (words("waive", &html! { "Why" }, Some(1), typed.reason_of("waive")))
            p {
                label for="control" { "What guards instead" @if !more.needs_control { ", if anything does" } } br;
                input id="control" name="control" type="text" maxlength=(LINE) required[more.needs_control];
            }
            button type="submit" name="does" value="waive" { "Waive it" }
        }
    }
}

fn validate(debt: &Debt, hidden: &Markup, typed: &Typed) -> Markup {
    html! {
        form class="act" method="post" action="/act" {
            h3 { "Meet what is owed: " (name(&debt.kind)) " of " (name(&debt.release)) }
            (hidden)
            input type="hidden" name="obligation" value=(debt.id);
            p {
                label for={ "evidence-" (debt.id) } { "Where the evidence is" @if !debt.needs_evidence { ", if there is some" } } br;
                input id={ "evidence-" (debt.id) } name="evidence" type="text" maxlength=(LINE) required[debt.needs_evidence];
            }
            (words(&format!("owed-{}", debt.id), &html! { "What you found, if you want to say it" }, None, typed.reason_of("validate")))
            button type="submit" name="does" value="validate" { "It is done" }
        }
    }
}

fn delegate(more: &More, hidden: &Markup) -> Markup {
    html! {
        form class="act" method="post" action="/act" {
            h3 { "Name a stand-in" }
            (hidden)
            p {
                label for="stand-in-role" { "In the role" } br;
                select id="stand-in-role" name="role" { @for role in &more.stand_in { option value=(role) { (name(role)) } } }
            }
            p {
                label for="stand-in" { "Who, by his login" } br;
                input id="stand-in" name="to" type="text" maxlength="100" required autocomplete="off" spellcheck="false";
            }
            (when("delegate", true))
            button type="submit" name="does" value="delegate" { "Name him" }
        }
    }
}

/// From when until when, as far as it is asked.
fn when(of: &str, from: bool) -> Markup {
    html! {
        @if from {
            p {
                label for={ "from-" (of) } { "From when, UTC" } br;
                input id={ "from-" (of) } name="from" type="datetime-local" required;
            }
        }
        p {
            label for={ "until-" (of) } { "Until when, UTC" } br;
            input id={ "until-" (of) } name="until" type="datetime-local" required;
        }
    }
}

/// What a form asks for, of the people of a forge; `None` where it is none of these, and else what is missing in it.
pub fn deed(does: &str, fields: &BTreeMap<String, String>, forge: &str) -> Option<Result<Deed, &'static str>> {
    let asked = Asked(fields);
    let about = || asked.text("of").ok_or("It does not say what it is about.");
    Some(match does {
        "waive" => asked.waiver(),
        "delegate" => asked.stand_in(forge),
        "away" => asked.span().map(|(from, until)| Deed::Away { from, until }),
        "emergency" => match asked.text("reason") {
            Some(_) => Ok(Deed::ClaimEmergency {}),
            None => Err("Say what the emergency is."),
        },
        "validate" => match asked.text("obligation") {
            Some(obligation) => {
                Ok(Deed::Complete { obligation, evidence: asked.text("evidence").into_iter().collect() })
            }
            None => Err("It does not say what is met."),
        },
        "verify" => about().map(|gate| Deed::Verify { gate, evidence: Vec::new() }),
        "confirm" => about().map(|incident| Deed::ConfirmFix { incident }),
        "except" => about().map(|freeze| Deed::ExceptFreeze { freeze }),
        "policy" => about().map(|policy| Deed::ApprovePolicy { policy }),
        _ => return None,
    })
}

/// The fields of a form.
struct Asked<'f>(&'f BTreeMap<String, String>);

impl Asked<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn instant(&self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.text(name)?;
        let local = NaiveDateTime::parse_from_str(&text, INSTANT).ok().map(|at| at.and_utc());
        local.or_else(|| DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc()))
    }

    fn until(&self) -> Result<DateTime<Utc>, &'static str> {
        self.instant("until").ok_or("It does not say until when.")
    }

    fn span(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), &'static str> {
        Ok((self.instant("from").ok_or("It does not say from when.")?, self.until()?))
    }

    fn waiver(&self) -> Result<Deed, &'static str> {
        Ok(Deed::Waive {
            gate: self.text("gate").ok_or("It does not say which gate is waived.")?,
            environments: self.text("environment").into_iter().collect(),
            until: self.until()?,
            compensating_control: self.text("control"),
            when: None,
        })
    }

    fn stand_in(&self, forge: &str) -> Result<Deed, &'static str> {
        let role = self.text("role").ok_or("It does not say in which role somebody stands in.")?;
        let to = self.text("to").ok_or("It does not say who stands in.")?;
        let (from, until) = self.span()?;
        let to = Account::from(format!("{forge}:{}", to.trim_start_matches('@')).as_str());
        Ok(Deed::Delegate { role, to, from, until })
    }
}
