//! The change record: linked, for what is released, in a state that lets it go, in its planned window, and filled in
//! with more than the template's own words.

use std::borrow::Cow;
use std::collections::HashSet;

use super::path::{Path, Triage};
use super::roles::{self, Refusal};
use super::scene::Scene;
use super::{known, place, separation, words};
use crate::model::facts::{Account, ChangeRecord, Fact, Field};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, Status};
use crate::policy::calendar;
use crate::policy::evaluate::Truth;
use crate::policy::rules::{ChangeRule, PackageRule, is_issues};

/// How many characters of its own a field has at least.
const LEAST: usize = 10;
/// How many of them are different at least.
const DIFFERENT: usize = 3;

/// The field that says who wrote the planned window, and when.
const WINDOW: &str = "window";

/// Words that stand where something is still to be written.
const FILLERS: &[&str] = &[
    "a",
    "above",
    "added",
    "applicable",
    "as",
    "be",
    "below",
    "confirmed",
    "defined",
    "determined",
    "discussed",
    "done",
    "dummy",
    "fill",
    "filled",
    "fixme",
    "in",
    "ipsum",
    "later",
    "lorem",
    "n",
    "na",
    "nil",
    "none",
    "not",
    "null",
    "placeholder",
    "same",
    "see",
    "tba",
    "tbc",
    "tbd",
    "test",
    "the",
    "ticket",
    "to",
    "todo",
    "wip",
    "xxx",
];

/// Records in these states are over, where the policy does not say in which a release may go.
const OVER: &[&str] = &["cancelled", "canceled", "closed", "complete", "completed", "done", "rejected", "resolved"];

/// Of them, those that say that it is not to be, which a first attempt brings no record to.
const CALLED_OFF: &[&str] = &["cancelled", "canceled", "rejected"];

/// Whether a record was called off, or may have been.
fn called_off(record: &ChangeRecord) -> bool {
    record.state.known().is_none_or(|state| CALLED_OFF.contains(&state.trim().to_lowercase().as_str()))
}

/// Whether a field says something of its own.
enum Filled {
    Yes,
    No(String),
    Unknown(String),
}

/// Whether the release is documented: the change record has everything that the policy needs, or without change
/// records the release has notes.
pub(super) fn documented(scene: &Scene<'_>) -> Truth {
    *scene.totals.documented.get_or_init(|| {
        let Some(rule) = &scene.rules.change else {
            return match &scene.facts.release.documented {
                Fact::Known(documented) => known::truth(Some(*documented)),
                Fact::Absent => Truth::False,
                Fact::Unavailable(_) => Truth::Unknown,
            };
        };
        let record = match &scene.facts.change_record {
            Fact::Known(record) => record,
            Fact::Absent => return Truth::False,
            Fact::Unavailable(_) => return Truth::Unknown,
        };
        let mut unknown = false;
        for need in &rule.needs {
            match filled(scene, record, need) {
                Filled::Yes => {}
                Filled::No(_) => return Truth::False,
                Filled::Unknown(_) => unknown = true,
            }
        }
        known::truth((!unknown).then_some(true))
    })
}

/// Judges the change record. What goes by itself may do so without one, and not with one that is another's, over or not yet
/// begun: what has to stand in it there, the policy's conditions ask (`documentation.complete`).
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage, again: bool) -> Vec<Node> {
    let Some(rule) = &scene.rules.change else { return Vec::new() };
    if place::automatic(scene) || path.recovers() {
        return Vec::new();
    }
    let formal = path.legs.iter().any(|leg| leg.formal);
    let record = match &scene.facts.change_record {
        Fact::Known(record) => record,
        Fact::Absent if !formal => return Vec::new(),
        Fact::Absent if rule.system == "issues" && !rule.create => {
            let says = format!(
                "no change record is linked; open an issue with the label `change`{} that names, under `### release`, one of the \
                 changes or the commit, and `{}`",
                rule.repository.as_ref().map_or_else(String::new, |there| format!(" in {there}")),
                scene.facts.release.environment
            );
            return vec![Node::new(Ground::NoChangeRecord, Status::Unmet, says).stated(&rule.stated)];
        }
        Fact::Absent => {
            let says = match (rule.create, is_issues(&rule.system)) {
                (true, true) => "no change record is linked; the app opens an issue for it".to_owned(),
                (false, _) => format!("no change record of {} is linked; create one and link it", rule.system),
                // Who wrote `create` waits for one in vain.
                (true, false) => format!(
                    "no change record of {} is linked; create one and link it: what `create` has the app create are issues",
                    rule.system
                ),
            };
            // What the app opens is only to be waited for.
            let opens = rule.create && is_issues(&rule.system);
            let status = if opens { Status::Waiting } else { Status::Unmet };
            return vec![Node::new(Ground::NoChangeRecord, status, says).stated(&rule.stated)];
        }
        Fact::Unavailable(why) => {
            let says = format!("the change record could not be read from {}: {why}", rule.system);
            return vec![Node::new(Ground::FactsUnavailable, Status::Unknown, says).stated(&rule.stated)];
        }
    };
    let mut parts = Vec::new();
    parts.extend(components(scene, rule, record));
    let emergency = triage.class == Class::Emergency;
    let before = parts.len();
    let mut state = state(scene, rule, record);
    if let Some(node) = state.as_mut().filter(|_| again && !called_off(record)) {
        node.status = Status::Note;
        node.says.push_str("; it moved on when the release was opened, and does not keep it from being tried again");
    }
    parts.extend(state);
    parts.extend(window(scene, record));
    if formal {
        parts.extend(rule.needs.iter().filter_map(|need| needed(scene, record, need)));
    }
    if emergency {
        // An emergency is written up afterwards; what is missing is said.
        for part in parts.iter_mut().skip(before) {
            part.status = Status::Note;
            part.says.push_str("; an emergency may add it afterwards");
        }
    }
    let held = parts.iter().any(|part| !part.status.opens());
    if !held {
        let says = format!("change record {}", record.id);
        let node = Node::new(Ground::ChangeReady, Status::Met, says).stated(&rule.stated);
        return vec![node.evidence([record.id.as_str()]).parts(parts)];
    }
    parts.into_iter().map(|part| part.stated(&rule.stated).evidence([record.id.as_str()])).collect()
}

/// What the record is for.
fn components(scene: &Scene<'_>, rule: &ChangeRule, record: &ChangeRecord) -> Option<Node> {
    let listed = match &record.components {
        Fact::Known(listed) => listed.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => {
            let says = format!("which components {} is for could not be read: {why}", record.id);
            return Some(Node::new(Ground::FactsUnavailable, Status::Unknown, says));
        }
    };
    let package = package(scene);
    let together = package.filter(|package| package.one_change && rule.one_for_package);
    let wanted: Vec<&str> = match together {
        Some(package) => package.components.iter().map(String::as_str).collect(),
        None => scene.components.iter().map(|component| component.name.as_str()).collect(),
    };
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !listed.iter().any(|known| known == name)).collect();
    if !missing.is_empty() {
        let says =
            format!("{} is not for {}; add it to the record, or link another", record.id, words::all_of(&missing));
        return Some(Node::new(Ground::ChangeForOther, Status::Unmet, says));
    }
    let alone = package.filter(|_| together.is_none())?;
    let ours = |name: &String| scene.components.iter().any(|component| component.name == *name);
    let others: Vec<&str> =
        alone.components.iter().filter(|name| listed.contains(name) && !ours(name)).map(String::as_str).collect();
    if others.is_empty() {
        return None;
    }
    let says = format!(
        "{} is for {} too, and every part of `{}` needs a record of its own; link one, or let one cover the package \
         with `change: one` and `one_for: package`",
        record.id,
        words::all_of(&others),
        alone.name
    );
    Some(Node::new(Ground::ChangeForOther, Status::Unmet, says))
}

/// The package that the release is a part of.
fn package<'s>(scene: &Scene<'s>) -> Option<&'s PackageRule> {
    let package = scene.facts.release.package.known()?;
    scene.rules.packages.iter().find(|rule| rule.name == package.name)
}

/// Whether somebody's word on a release counts that anybody could have put there: he holds a role that may approve, and
/// had no hand in the release.
fn counts(scene: &Scene<'_>, by: &Account) -> Result<(), Refusal> {
    let mut refused = None;
    for role in scene.rules.roles.iter().filter(|role| role.may_approve) {
        match roles::holds_at_all(scene, by, &role.name) {
            Ok(person) => return separation::contributed(scene, person),
            Err(refusal) => {
                refused.get_or_insert(refusal);
            }
        }
    }
    Err(refused.unwrap_or_else(|| Refusal::new(Ground::NotInRole, "the policy has no role that may approve")))
}

/// Why a contributor's or a stranger's word does not count, for a sentence.
fn unheard(scene: &Scene<'_>, by: &Account) -> Option<String> {
    let person = scene.people.of_seen(by);
    // Whoever had a hand in it is told that, whatever roles he has.
    let hand = person.and_then(|person| separation::contributed(scene, person).err());
    let refusal = hand.or_else(|| counts(scene, by).err())?;
    let why = match refusal.ground {
        Ground::NotInRole => match roles::reader(scene, by) {
            Some(role) => format!("holds `{role}`, which may only read"),
            None => "holds no role of the policy".to_owned(),
        },
        _ => refusal.says,
    };
    Some(format!("{}: {why}", scene.people.shown(by)))
}

/// The record's state.
fn state(scene: &Scene<'_>, rule: &ChangeRule, record: &ChangeRecord) -> Option<Node> {
    let node = stands(rule, record);
    // Where any open one will do, nobody has brought it anywhere.
    let decides = node.is_none() && !rule.proceeds_in.is_empty();
    let by = record.state_by.as_ref().filter(|_| decides && record.state.known().is_some());
    let Some(why) = by.and_then(|by| unheard(scene, by)) else { return node };
    let state = record.state.known().map_or("", String::as_str);
    let says = format!(
        "{} was brought into state `{state}` by {why}; somebody with a role who had no hand in it does that",
        record.id
    );
    Some(Node::new(Ground::ChangeState, Status::Waiting, says))
}

/// Whether the state is one in which a release goes, whoever brought the record into it.
fn stands(rule: &ChangeRule, record: &ChangeRecord) -> Option<Node> {
    let any = rule.proceeds_in.is_empty();
    let wanted = if any { "an open one".to_owned() } else { words::any_of(&rule.proceeds_in) };
    let (code, status, says) = match &record.state {
        Fact::Known(state) if (any || rule.open) && OVER.contains(&state.trim().to_lowercase().as_str()) => {
            (Ground::ChangeState, Status::Waiting, format!("{} is in state `{state}`; it needs an open one", record.id))
        }
        Fact::Known(_) if any => return None,
        Fact::Known(state) if rule.proceeds_in.contains(state) => return None,
        Fact::Known(state) => (
            Ground::ChangeState,
            Status::Waiting,
            format!("{} is in state `{state}`; a release goes in {wanted}", record.id),
        ),
        Fact::Absent => {
            (Ground::ChangeState, Status::Waiting, format!("{} has no state; a release goes in {wanted}", record.id))
        }
        Fact::Unavailable(why) => {
            (Ground::FactsUnavailable, Status::Unknown, format!("the state of {} could not be read: {why}", record.id))
        }
    };
    Some(Node::new(code, status, says))
}

/// The planned window.
fn window(scene: &Scene<'_>, record: &ChangeRecord) -> Option<Node> {
    let zone = scene.rules.calendar.zone;
    // Whoever moves it, or takes it away, says when it goes.
    if let Some(why) = record.fields.get(WINDOW).and_then(|field| field.by.as_ref()).and_then(|by| unheard(scene, by)) {
        let says = format!(
            "the planned window of {} was written by {why}; somebody with a role who had no hand in it writes it down there",
            record.id
        );
        return Some(Node::new(Ground::ChangeWindow, Status::Unmet, says));
    }
    match &record.until {
        Fact::Known(until) if scene.clock.reached(*until) => {
            let says =
                format!("the planned window of {} ended {}; plan another", record.id, calendar::told(*until, zone));
            return Some(Node::new(Ground::ChangeWindow, Status::Unmet, says));
        }
        Fact::Known(_) | Fact::Absent => {}
        Fact::Unavailable(why) => {
            let says = format!("when the planned window of {} ends could not be read: {why}", record.id);
            return Some(Node::new(Ground::FactsUnavailable, Status::Unknown, says));
        }
    }
    match &record.from {
        Fact::Known(from) if !scene.clock.reached(*from) => {
            let says = format!("the planned window of {} begins {}", record.id, calendar::told(*from, zone));
            Some(Node::new(Ground::ChangeWindow, Status::Waiting, says).next(Some(*from)))
        }
        Fact::Known(_) | Fact::Absent => None,
        Fact::Unavailable(why) => {
            let says = format!("when the planned window of {} begins could not be read: {why}", record.id);
            Some(Node::new(Ground::FactsUnavailable, Status::Unknown, says))
        }
    }
}

/// One field that the policy needs.
fn needed(scene: &Scene<'_>, record: &ChangeRecord, need: &str) -> Option<Node> {
    match filled(scene, record, need) {
        Filled::Yes => None,
        Filled::No(says) => Some(Node::new(Ground::ChangeIncomplete, Status::Unmet, says)),
        Filled::Unknown(says) => Some(Node::new(Ground::FactsUnavailable, Status::Unknown, says)),
    }
}

fn filled(scene: &Scene<'_>, record: &ChangeRecord, need: &str) -> Filled {
    let empty = |how: &str| Filled::No(format!("`{need}` of {} {how}; write it down there", record.id));
    let Some(Field { text, template, by, .. }) = record.fields.get(need) else {
        return Filled::Unknown(format!("the facts do not state `{need}` of {}", record.id));
    };
    let text = match text {
        Fact::Known(text) => text,
        Fact::Absent => return empty("is empty"),
        Fact::Unavailable(why) => {
            return Filled::Unknown(format!("`{need}` of {} could not be read: {why}", record.id));
        }
    };
    let template = match template {
        Fact::Known(template) => template.as_str(),
        Fact::Absent => "",
        Fact::Unavailable(why) => {
            return Filled::Unknown(format!("the template of `{need}` of {} could not be read: {why}", record.id));
        }
    };
    if !own_words(text, template) {
        return empty("says nothing beyond its template");
    }
    match by.as_ref().and_then(|by| unheard(scene, by)) {
        None => Filled::Yes,
        Some(why) => Filled::No(format!(
            "`{need}` of {} was written by {why}; somebody with a role who had no hand in it writes it down there",
            record.id
        )),
    }
}

/// Whether a text says something in words that neither its template has nor stand for something still to be written.
fn own_words(text: &str, template: &str) -> bool {
    // Most texts are plain, and say enough in their first words.
    if text.is_ascii() && template.is_ascii() {
        let mut said = Said::default();
        return own(text, template).any(|word| said.enough(word));
    }
    let text = words::normal(text).to_lowercase();
    let template = words::normal(template).to_lowercase();
    let mut said = Said::default();
    own(&text, &template).any(|word| said.enough(word))
}

/// Whether a text names anything: one word, a number or an address that does not stand for something still to be written.
pub(super) fn names_anything(text: &str) -> bool {
    let text = words::normal(text);
    own(&text, "").next().is_some()
}

/// The words of a text that are its own.
fn own<'t>(text: &'t str, template: &'t str) -> impl Iterator<Item = &'t str> {
    let parts = |text: &'t str| text.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty());
    let known: HashSet<Cow<'_, str>> = parts(template).map(lower).collect();
    parts(text).filter(move |word| {
        let word = lower(word);
        !FILLERS.contains(&word.as_ref()) && !known.contains(&word)
    })
}

fn lower(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(word.to_lowercase())
}

/// How much was said so far.
#[derive(Default)]
struct Said {
    characters: usize,
    different: Vec<char>,
}

impl Said {
    /// Adds a word, and tells whether all together is enough: in characters, blanks between words among them, and in
    /// different ones.
    fn enough(&mut self, word: &str) -> bool {
        self.characters += usize::from(self.characters > 0);
        for character in word.chars().flat_map(char::to_lowercase) {
            self.characters += 1;
            if self.different.len() < DIFFERENT && !self.different.contains(&character) {
                self.different.push(character);
            }
        }
        self.characters >= LEAST && self.different.len() >= DIFFERENT
    }
}

#[cfg(test)]
mod tests {
    use super::own_words;

    #[test]
    fn a_text_counts_by_the_words_that_its_template_does_not_have() {
        let template = "Describe the steps to back out:";
        for empty in [
            "",
            "N/A",
            "none",
            "TBD",
            "todo",
            "-",
            "see above",
            "see the ticket above",
            "to be determined",
            "n/a n/a n/a n/a",
            "Describe the steps to back out:",
            "describe THE steps, to back-out",
            "\u{200b}\u{a0}",
            "..............",
            "aaaaaaaaaaaaaaa",
            "not applicable",
        ] {
            assert!(!own_words(empty, template), "{empty}");
        }
        for filled in ["Describe the steps to back out: redeploy 2.3.0 from its tag", "redeploy tag v2.3"] {
            assert!(own_words(filled, template), "{filled}");
        }
    }

    #[test]
    fn ten_characters_are_enough_with_the_blanks_between_words() {
        for (text, enough) in [("bcdefghij", false), ("bcdefghijk", true), ("bcdef hij", false), ("bcdef hijk", true)] {
            assert_eq!(own_words(text, ""), enough, "{text}");
        }
        assert!(!own_words("bcbcbcbcbcbc", ""), "two different ones are too few");
        assert!(own_words("bcdbcdbcdbcd", ""));
    }

    #[test]
    fn letters_beyond_ascii_are_compared_by_what_they_mean() {
        let template = "Describe the steps to back out:";
        assert!(!own_words("\u{ff24}escribe the \u{ff53}teps to \u{ff42}ack out, DESCRIBE \u{ff54}he steps", template));
        assert!(!own_words("DESCRIBE THE STEPS", "\u{ff24}escribe \u{ff54}he \u{ff53}teps"));
        assert!(own_words("zur\u{fc}ck zu 2.3.0 \u{fc}ber die Registry", template));
        assert!(!own_words("ZUR\u{dc}CK \u{fc}ber BR\u{dc}CKEN", "zur\u{fc}ck \u{dc}BER br\u{fc}cken"));
    }
}
