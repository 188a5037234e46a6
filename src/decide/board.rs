//! The change advisory board: what it decided on this very content, in a meeting or by a vote, with enough members who
//! had no hand in it. It advises; a release that it has to see waits for it.

use std::cmp::Reverse;

use chrono::{DateTime, Duration, Utc};

use super::approvals::binding::{self, Named};
use super::approvals::requirements;
use super::bound::{self, Extent};
use super::known::{self, Known};
use super::latest;
use super::path::{Path, Triage};
use super::released;
use super::scene::Scene;
use super::{roles, separation, words};
use crate::model::facts::{Account, Act, CabDecision, CabOutcome, Change, Deed, Fact};
use crate::model::ground::Ground;
use crate::model::release_decision::{Ask, Class, Node, Status};
use crate::model::stated::Stated;
use crate::policy::calendar::{self, Cab};
use crate::policy::evaluate::Truth;
use crate::policy::rules::Route;

/// The role of the board's members.
pub(super) const MEMBERS: &str = "cab";

/// Judges what the board decided, where the route asks for it.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage, retried: bool) -> Vec<Node> {
    if triage.class == Class::Emergency || path.recovers() {
        return Vec::new();
    }
    let mut asks = path.legs.iter().filter(|leg| leg.formal).filter_map(|leg| {
        let route = leg.route?;
        let unclear = match &route.cab {
            None => return None,
            Some(None) => None,
            Some(Some(when)) => match Known::of(scene, Some(triage)).with(leg.component).asks(when) {
                Truth::False => return None,
                Truth::True => None,
                Truth::Unknown => Some(when),
            },
        };
        Some((route, unclear))
    });
    let Some((route, unclear)) = asks.next() else { return Vec::new() };
    let rest: Vec<_> = asks.collect();
    // What one way of the release surely asks needs no doubt of another.
    let unclear = unclear.filter(|_| rest.iter().all(|(_, unclear)| unclear.is_some()));
    let asking: Vec<&Route> = std::iter::once(route).chain(rest.iter().map(|(route, _)| *route)).collect();
    let mut nodes = asked(scene, route, &asking, retried);
    nodes.extend(unclear.map(|when| known::untold(when, "the CAB is asked", &route.stated)));
    nodes
}

/// What the board that a route asks decided, beside all the routes that ask it.
fn asked(scene: &Scene<'_>, route: &Route, asking: &[&Route], retried: bool) -> Vec<Node> {
    let Some(cab) = &scene.rules.calendar.cab else {
        let says = format!("the route `{}` asks the CAB, and the policy has no `calendar.cab`", route.name);
        return vec![Node::new(Ground::CabWaits, Status::Unmet, says).stated(&route.stated)];
    };
    decided(scene, cab, asking, &route.stated, retried)
}

fn decided(scene: &Scene<'_>, cab: &Cab, asking: &[&Route], stated: &Stated, retried: bool) -> Vec<Node> {
    let decisions = match &scene.facts.cab {
        Fact::Known(decisions) => decisions.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => {
            let says = format!("what the CAB decided could not be read: {why}");
            return vec![Node::new(Ground::FactsUnavailable, Status::Unknown, says).stated(stated)];
        }
    };
    let Some(changes) = scene.changes() else {
        let says = "what changes is not known, and so not whether the CAB decided on it";
        return vec![Node::new(Ground::FactsUnavailable, Status::Unknown, says).stated(stated)];
    };
    // What a clock dates ahead lets nothing go yet; what is against it is heard.
    let ahead = |it: &CabDecision| against(it.outcome) > 0 || open(it);
    let mut decisions: Vec<&CabDecision> =
        decisions.iter().filter(|it| ahead(it) || scene.clock.reached(it.at)).collect();
    // The latest first; of one instant, what is against it, and of that what does not count, for nobody's word goes past
    // it. Beyond that the order only tells which is told first.
    let rank = |it: &CabDecision| Reverse((it.at, against(it.outcome), open(it)));
    let invalid = |it: &CabDecision| Reverse(against(it.outcome) > 0 && flaw(scene, cab, it).is_some());
    decisions.sort_by(|a, b| {
        let by_validity = || invalid(a).cmp(&invalid(b));
        rank(a).cmp(&rank(b)).then_with(by_validity).then_with(|| in_full(a).cmp(&in_full(b)))
    });
    let mut notes = Vec::new();
    let mut again = false;
    for decision in decisions {
        // An approval has to be of all that goes; what is against it is heard if it is of any of it.
        let heard = (against(decision.outcome) > 0 || open(decision)) && partly(scene, changes, decision);
        if let Some(why) = other(scene, changes, decision).filter(|_| !heard) {
            let says = format!("a CAB decision of {} is about {why}", told(scene, decision.at));
            notes.push(Node::new(Ground::CabInvalid, Status::Note, says).evidence([CabDecision::called(decision.at)]));
            continue;
        }
        // What was edited since is what an approval was for; what is against it stands, and what was opened with an
        // approval used that up.
        let voids = !retried && against(decision.outcome) == 0;
        let other_record = || binding::record(scene, decision.at, Named::by(decision.record.as_deref())).err();
        let void = if voids { other_record() } else { None };
        match flaw(scene, cab, decision).or(void.map(|refusal| refusal.says)) {
            None => {
                let mut node = outcome(scene, cab, decision);
                if decision.outcome == CabOutcome::Reject {
                    node = against_advice(scene, asking, decision, node);
                }
                let mut node = node.stated(stated);
                node.parts.extend(notes);
                return vec![node];
            }
            Some(why) => {
                let says = format!("a CAB decision of {} does not count: {why}", told(scene, decision.at));
                notes.push(
                    Node::new(Ground::CabInvalid, Status::Note, says).evidence([CabDecision::called(decision.at)]),
                );
                // A plain approval that does not count changes nothing. Anything stricter took an earlier approval's
                // place, which does not come back because the stricter word no longer counts.
                again = against(decision.outcome) > 0 || open(decision);
                if again {
                    break;
                }
            }
        }
    }
    let why = notes.first().map_or(String::new(), |note| format!("; {}", note.says));
    let (on, at) = agenda(scene, cab, scene.clock.now());
    let first = if again { "the CAB has to decide again" } else { "the CAB has not decided yet" };
    let short = too_few(scene, cab).map_or(String::new(), |few| format!("; {few}"));
    let says = format!("{first}; {on}{short}{why}");
    let node = Node::new(Ground::CabWaits, Status::Waiting, says).stated(stated);
    vec![node.who(chairs(scene, cab)).next(at).parts(notes)]
}

/// What a decision is about, where that is not what goes.
fn other(scene: &Scene<'_>, changes: &[Change], decision: &CabDecision) -> Option<String> {
    let refusal = bound::decided_on(scene, decision).err()?;
    match refusal.ground {
        Ground::OtherEnvironment => return Some(format!("another environment: {}", refusal.says)),
        Ground::OtherRepository => return Some(format!("another repository: {}", refusal.says)),
        Ground::PartChanged => return Some(format!("another package: {}", refusal.says)),
        _ => {}
    }
    let moved = |change: &&Change| decision.changes.get(&change.id) != Some(&change.content);
    let names: Vec<&str> = changes.iter().filter(moved).map(|change| change.id.as_str()).collect();
    let what = if names.is_empty() { format!(": {}", refusal.says) } else { format!(" of {}", words::all_of(&names)) };
    Some(format!("other content{what}"))
}

/// Whether a decision is about something that goes: a change; of what goes or was decided on without one its content, if
/// none of it is another, or else an artifact.
fn partly(scene: &Scene<'_>, changes: &[Change], decision: &CabDecision) -> bool {
    if bound::decided_for(scene, decision, true).is_err() {
        return false;
    }
    if !changes.is_empty() && !decision.changes.is_empty() {
        return changes.iter().any(|change| decision.changes.get(&change.id) == Some(&change.content));
    }
    let components = &scene.facts.release.components;
    let named =
        || decision.components.iter().filter_map(|(name, seen)| Some((seen, components.get(name)?.content.known()?)));
    if decision.components.is_empty() {
        let decided = released::set(&decision.artifacts);
        let goes = released::set(components.values().flat_map(|it| it.artifacts.entries()));
        return !decided.is_disjoint(&goes);
    }
    named().next().is_some() && named().all(|(seen, goes)| seen == goes)
}

/// All that a decision says, the same however its lists were read.
fn in_full(decision: &CabDecision) -> String {
    let mut one = decision.clone();
    if let Fact::Known(attendees) = &mut one.attendees {
        attendees.sort_unstable();
    }
    one.artifacts.sort_unstable();
    format!("{one:?}")
}

fn told(scene: &Scene<'_>, at: DateTime<Utc>) -> String {
    calendar::told(at, scene.rules.calendar.zone)
}

/// Whether a decision has conditions of which one is not met, or that are not stated.
fn open(decision: &CabDecision) -> bool {
    let unsaid = decision.outcome == CabOutcome::ApproveWithConditions && decision.conditions.is_empty();
    unsaid || decision.conditions.iter().any(|it| it.met != Fact::Known(true))
}

/// How far a decision is against a release.
fn against(outcome: CabOutcome) -> u8 {
    match outcome {
        CabOutcome::Approve | CabOutcome::ApproveWithConditions => 0,
        CabOutcome::Defer => 1,
        CabOutcome::Reject => 2,
    }
}

/// The next meeting on whose agenda the release is.
fn agenda(scene: &Scene<'_>, cab: &Cab, after: DateTime<Utc>) -> (String, Option<DateTime<Utc>>) {
    let feed = scene.facts.meetings.entries();
    let from = after.checked_add_signed(Duration::nanoseconds(1)).unwrap_or(after);
    let next = cab.next_meeting(scene.facts.release.submitted_at, feed, from, &scene.rules.calendar);
    let says = match next {
        Some(meeting) => {
            // It is looked at again when the board meets.
            scene.clock.reached(meeting.at);
            format!(
                "it is on the agenda of the meeting on {} (cut-off {})",
                told(scene, meeting.at),
                told(scene, meeting.cutoff)
            )
        }
        None => match scene.facts.meetings.unavailable() {
            Some(why) if matches!(cab.meetings, calendar::Meetings::Feed(_)) => {
                format!("its meetings could not be read: {why}")
            }
            _ => "no meeting is ahead".to_owned(),
        },
    };
    (says, next.map(|meeting| meeting.at))
}

/// Who may chair, by name: nobody who had a hand in it.
fn chairs(scene: &Scene<'_>, cab: &Cab) -> Vec<String> {
    let Some(role) = cab.chair.as_deref() else { return Vec::new() };
    let holders = roles::eligible_independent(scene, role);
    holders.people.iter().map(|person| scene.people.name(*person).to_owned()).collect()
}

/// Why nobody can decide at all, where that is known: too few members had no hand in the release, or nobody who chairs.
fn too_few(scene: &Scene<'_>, cab: &Cab) -> Option<String> {
    let members = roles::eligible_independent(scene, MEMBERS);
    if members.unreadable.is_none() && members.people.len() < cab.quorum as usize {
        let left = words::count(members.people.len(), "member is", "members are");
        return Some(format!(
            "{left} left who had no hand in it, and its quorum is {}, so it can never decide this; give somebody `{MEMBERS}`",
            cab.quorum
        ));
    }
    let role = cab.chair.as_deref()?;
    let chairs = roles::eligible_independent(scene, role);
    (chairs.unreadable.is_none() && chairs.people.is_empty()).then(|| {
        format!("nobody is left who holds `{role}`, which chairs it, and had no hand in it; give somebody that role")
    })
}

/// Why a decision does not count, if it does not.
fn flaw(scene: &Scene<'_>, cab: &Cab, decision: &CabDecision) -> Option<String> {
    let vote = match &decision.meeting {
        Fact::Known(at) if !cab.is_meeting(*at, scene.facts.meetings.entries()) => {
            return Some(format!("no meeting is scheduled for {}", told(scene, *at)));
        }
        Fact::Known(at) if *at > decision.at => return Some("it is dated before its meeting".to_owned()),
        Fact::Known(at) => {
            let closed = cab.closes(*at, &scene.rules.calendar);
            let submitted = scene.facts.release.submitted_at;
            if closed < submitted {
                return Some(format!(
                    "it was asked for {}, after the agenda of that meeting closed {}; bring it before the next one",
                    told(scene, submitted),
                    told(scene, closed)
                ));
            }
            false
        }
        Fact::Absent if cab.votes => true,
        Fact::Absent => return Some("it was a vote outside of meetings, which the policy does not have".to_owned()),
        Fact::Unavailable(why) => return Some(format!("in which meeting could not be read: {why}")),
    };
    if let Some(role) = cab.chair.as_deref().filter(|_| !vote) {
        match &decision.chair {
            Fact::Known(chair) => {
                let held = roles::holds_at_all(scene, chair, role);
                if let Err(refusal) = held.and_then(|person| separation::contributed(scene, person)) {
                    return Some(format!("the chair {}: {}", scene.people.shown(chair), refusal.says));
                }
            }
            Fact::Absent => return Some(format!("nobody chaired; a {role} does")),
            Fact::Unavailable(why) => return Some(format!("who chaired could not be read: {why}")),
        }
    }
    if scene.role(MEMBERS).is_none() {
        return Some(format!("the policy has no role `{MEMBERS}`, by which members are told"));
    }
    let attendees = match &decision.attendees {
        Fact::Known(attendees) => attendees.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => return Some(format!("who attended could not be read: {why}")),
    };
    quorum(scene, cab, attendees)
}

/// Whether enough members who had no hand in the release were there.
fn quorum(scene: &Scene<'_>, cab: &Cab, attendees: &[Account]) -> Option<String> {
    let mut members = Vec::new();
    let mut ignored = Vec::new();
    for account in attendees {
        match roles::holds_at_all(scene, account, MEMBERS) {
            Ok(person) if members.contains(&person) => {}
            Ok(person) => match scene.contributors.of(person) {
                None => members.push(person),
                Some(contribution) => {
                    ignored.push(format!("{}: {}", scene.people.name(person), contribution.told()));
                }
            },
            Err(refusal) => ignored.push(format!("{}: {}", scene.people.shown(account), refusal.says)),
        }
    }
    if members.len() >= cab.quorum as usize {
        return None;
    }
    ignored.sort_unstable();
    let ignored = if ignored.is_empty() { String::new() } else { format!(" (ignored {})", ignored.join(", ")) };
    Some(format!("{} of {} members were there{ignored}", members.len(), cab.quorum))
}

/// Who decided: `, erin in the chair, with carl and cleo`.
fn there(scene: &Scene<'_>, decision: &CabDecision) -> String {
    let chair = decision.chair.known();
    let chair = chair.map_or(String::new(), |chair| format!(", {} in the chair", scene.people.shown(chair)));
    let mut members: Vec<&str> = decision.attendees.entries().iter().map(|it| scene.people.shown(it)).collect();
    members.sort_unstable();
    if members.is_empty() { chair } else { format!("{chair}, with {}", words::all_of(&members)) }
}

/// What a decision that counts comes to.
fn outcome(scene: &Scene<'_>, cab: &Cab, decision: &CabDecision) -> Node {
    let at = told(scene, decision.at);
    let notes = words::normal(&decision.notes);
    let said = if notes.is_empty() { String::new() } else { format!(": {notes}") };
    let notes = format!("{}{said}", there(scene, decision));
    match decision.outcome {
        CabOutcome::Approve if decision.conditions.is_empty() => {
            Node::new(Ground::CabApproved, Status::Met, format!("the CAB approved it on {at}{notes}"))
        }
        CabOutcome::ApproveWithConditions if decision.conditions.is_empty() => {
            let says = format!(
                "the CAB approved it on {at} on conditions, and the facts do not say on which{notes}; state them, and whether they are met"
            );
            Node::new(Ground::CabCondition, Status::Unknown, says)
        }
        CabOutcome::Approve | CabOutcome::ApproveWithConditions => {
            let open: Vec<Node> = decision
                .conditions
                .iter()
                .filter_map(|condition| {
                    let (status, says) = match &condition.met {
                        Fact::Known(true) => return None,
                        Fact::Known(false) | Fact::Absent => (Status::Unmet, condition.text.clone()),
                        Fact::Unavailable(why) => (
                            Status::Unknown,
                            format!("whether this is met could not be read: {} ({why})", condition.text),
                        ),
                    };
                    Some(Node::new(Ground::CabCondition, status, says))
                })
                .collect();
            if open.is_empty() {
                let says = format!("the CAB approved it on {at}, and its conditions are met{notes}");
                return Node::new(Ground::CabApproved, Status::Met, says);
            }
            let texts: Vec<&str> = open.iter().map(|node| node.says.as_str()).collect();
            let says = format!("the CAB approved it on {at} on conditions that are not met: {}", texts.join("; "));
            let status = open.iter().map(|node| node.status).max().unwrap_or(Status::Unmet);
            Node::new(Ground::CabCondition, status, says).parts(open)
        }
        CabOutcome::Defer => {
            let (on, next) = agenda(scene, cab, scene.clock.now());
            Node::new(Ground::CabDeferred, Status::Waiting, format!("the CAB deferred it on {at}{notes}; {on}"))
                .who(chairs(scene, cab))
                .next(next)
        }
        CabOutcome::Reject => {
            let says =
                format!("the CAB advised against it on {at}{notes}; change it, or bring it before the next meeting");
            Node::new(Ground::CabRejected, Status::Unmet, says).who(chairs(scene, cab))
        }
    }
}

/// The board advises. Where everybody whose word is final on a route that asks it says afterwards, with a reason, that all
/// of this goes, it goes.
fn against_advice(scene: &Scene<'_>, asking: &[&Route], decision: &CabDecision, mut advice: Node) -> Node {
    let mut authorities: Vec<&str> = Vec::new();
    let (mut said, mut acts): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut whole = true;
    for route in asking {
        let Some(last) = route.escalate.as_ref().and_then(|escalation| escalation.last.as_deref()) else {
            return advice;
        };
        if !authorities.contains(&last) {
            authorities.push(last);
        }
        let mut later = scene.acts().filter(|act| act.at > decision.at);
        match later.find_map(|act| Some((act, final_word(scene, act, route, last)?))) {
            Some((act, _)) if acts.contains(&act.id.as_str()) => {}
            Some((act, word)) => {
                said.push(word);
                acts.push(&act.id);
            }
            None => whole = false,
        }
    }
    if !whole {
        let could = authorities.iter().flat_map(|role| roles::eligible_independent(scene, role).people);
        for name in could.map(|person| scene.people.name(person)) {
            if !advice.who.iter().any(|known| known == name) {
                advice.who.push(name.to_owned());
            }
        }
        let may = format!("; {} may approve it all the same, with a reason", words::all_of(&authorities));
        advice.says.push_str(&may);
        return advice;
    }
    let says = format!("it goes against the CAB's advice, on the final word of {}", words::all_of(&said));
    advice.status = Status::Note;
    Node::new(Ground::FinalWord, Status::Met, says).evidence(acts).parts(vec![advice])
}

/// Who lets all of this go whose word is final on a route, and why, where an approval says so that would count there.
fn final_word(scene: &Scene<'_>, act: &Act, route: &Route, last: &str) -> Option<String> {
    let Deed::Approve { role, accepts } = &act.does else { return None };
    let meant = role.as_deref().is_none_or(|named| named == last);
    if !meant || !requirements::places(route).contains(&act.via) {
        return None;
    }
    let person = roles::independent(scene, act, last).ok()?;
    bound::to_release(scene, act, Extent::Whole).ok()?;
    binding::record(scene, act.at, Named::of(act)).ok()?;
    let oath = scene.role(last).and_then(|(role, _)| role.accept.as_deref());
    let declares = oath.is_none_or(|wanted| accepts.as_deref().is_some_and(|said| said.trim() == wanted.trim()));
    let in_closed_hours = !route.any_hours && binding::closed(scene, act).is_some();
    if !declares || in_closed_hours || latest::after_approval(scene, act, person).is_some() {
        return None;
    }
    let reason = act.reason.as_deref().filter(|reason| words::meaningful(reason, 1))?;
    let over = route.expire.is_some_and(|length| scene.clock.reached(scene.rules.calendar.due(act.at, length)));
    (!over).then(|| format!("{}: {}", scene.people.name(person), words::normal(reason)))
}

/// Who is asked to decide, where the board has not.
#[must_use]
pub fn asks(scene: &Scene<'_>, nodes: &[Node]) -> Vec<Ask> {
    let waits = |node: &Node| matches!(node.code, Ground::CabWaits | Ground::CabDeferred);
    if !nodes.iter().any(waits) || scene.role(MEMBERS).is_none() {
        return Vec::new();
    }
    let holders = roles::eligible_independent(scene, MEMBERS);
    let people = holders.people.iter().map(|person| scene.people.name(*person).to_owned()).collect();
    vec![Ask { role: MEMBERS.to_owned(), people, to: "decide".to_owned(), because: None }]
}
