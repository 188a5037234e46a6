//! The board: what it decided on what goes, and who lets it go against its advice.

use countersign::model::facts::{CabDecision, CabOutcome, Fact, Via};
use countersign::model::release_decision::Class;

use super::kinds::{Asked, Kind, Leg, Tri};
use super::seats::says;
use super::who::View;
use crate::second::shape::{CabShape, RouteShape};
use crate::second::times;

impl View<'_> {
    pub fn cab_holds(&self, legs: &[Leg<'_>], kind: &Kind, back: bool, again: bool) -> bool {
        if back || kind.class == Class::Emergency {
            return false;
        }
        let asked = |leg: &&Leg<'_>| {
            leg.formal
                && match leg.route.and_then(|route| route.cab.as_ref()) {
                    None => false,
                    Some(None) => true,
                    Some(Some(cond)) => {
                        let asked = Asked { component: leg.component, class: Some(kind.class), ..Asked::default() };
                        self.ask(cond, asked, Some(kind)) != Tri::No
                    }
                }
        };
        let asking: Vec<&RouteShape> = legs.iter().filter(asked).filter_map(|leg| leg.route).collect();
        if asking.is_empty() {
            return false;
        }
        let Some(cab) = &self.shape.cab else { return true };
        let Fact::Known(decisions) = &self.facts.cab else { return true };
        let unmet = |it: &CabDecision| {
            (it.outcome == CabOutcome::ApproveWithConditions && it.conditions.is_empty())
                || it.conditions.iter().any(|condition| condition.met != Fact::Known(true))
        };
        // What a clock dates ahead is heard only where it is against it.
        let heard = |it: &&CabDecision| it.at.timestamp() <= self.now || against(it.outcome) > 1 || unmet(it);
        let mut ours: Vec<&CabDecision> = decisions.iter().filter(heard).collect();
        // The latest first; of one instant, the one that is against it.
        // What is against it is heard if it is about any of it.
        ours.retain(|it| {
            self.decided_on_this(it) || (against(it.outcome) > 1 || unmet(it)) && self.decided_on_some(it)
        });
        // Of two refusals of one instant, one that does not count has the board decide again, whatever anybody says.
        let refused_in_vain = |it: &CabDecision| against(it.outcome) > 1 && !self.cab_valid(cab, it);
        ours.sort_by_key(|it| (it.at, against(it.outcome), unmet(it), refused_in_vain(it)));
        for decision in ours.into_iter().rev() {
            let valid = self.cab_valid(cab, decision);
            let valid = valid
                && (against(decision.outcome) > 1
                    || again
                    || self.record_stands(decision.at, decision.record.as_ref(), false));
            match decision.outcome {
                // Conditions took an earlier approval's place, and leave it none.
                CabOutcome::Approve | CabOutcome::ApproveWithConditions if !valid && unmet(decision) => return true,
                CabOutcome::Approve | CabOutcome::ApproveWithConditions if !valid => {}
                CabOutcome::Approve | CabOutcome::ApproveWithConditions => {
                    return unmet(decision);
                }
                CabOutcome::Reject if valid => return !self.against_advice(&asking, decision),
                CabOutcome::Defer | CabOutcome::Reject => return true,
            }
        }
        true
    }

    /// Whether those whose word is final let all of it go, each for a reason, after the board advised against it.
    fn against_advice(&self, asking: &[&RouteShape], decision: &CabDecision) -> bool {
        asking.iter().all(|route| {
            route.escalate.as_ref().and_then(|it| it.last).is_some_and(|role| {
                self.acts.iter().any(|act| {
                    self.good_on(act, route, role)
                        && act.at > decision.at
                        && act.reason.as_ref().is_some_and(|reason| says(reason, 1))
                        && self.independent(act, role).is_some()
                        && self.about_all(act)
                        && !self.replaced(act)
                        && self.record_stands(act.at, act.saw.record.as_ref(), act.via == Via::Review)
                })
            })
        })
    }

    /// Whether the board looked at what goes. Where all of it is in changes, those alone may be named.
    fn decided_on_this(&self, decision: &CabDecision) -> bool {
        let all = !self.changes().is_empty()
            && self.components().iter().all(|it| self.changes().iter().any(|change| View::surely_touches(change, it)));
        let names_no_more = decision.components.is_empty() && decision.artifacts.is_empty();
        let here = decision.environment.as_ref() == Some(&self.facts.release.environment)
            && decision.repository.as_ref() == Some(&self.facts.release.repository);
        here && self.saw_parts(&decision.parts, false)
            && self.saw_all(&decision.changes)
            && (all && names_no_more || self.saw_outcome(&decision.components, &decision.artifacts))
    }

    /// Whether the board looked at any of what goes: by the changes where both have some, else by content or artifacts.
    fn decided_on_some(&self, decision: &CabDecision) -> bool {
        let release = &self.facts.release;
        let there = decision.environment.as_ref().is_some_and(|it| *it != release.environment)
            || decision.repository.as_ref().is_some_and(|it| *it != release.repository);
        if there {
            return false;
        }
        if !decision.changes.is_empty() && !self.changes().is_empty() {
            return self.changes().iter().any(|it| decision.changes.get(&it.id) == Some(&it.content));
        }
        let goes = &self.facts.release.components;
        if decision.components.is_empty() {
            return goes.values().any(|it| it.artifacts.entries().iter().any(|one| decision.artifacts.contains(one)));
        }
        let known = |name: &String| goes.get(name).and_then(|it| it.content.known());
        let both: Vec<_> = decision.components.iter().filter_map(|(name, seen)| Some(known(name)? == seen)).collect();
        !both.is_empty() && !both.contains(&false)
    }

    fn cab_valid(&self, cab: &CabShape, decision: &CabDecision) -> bool {
        let contributed = |person| self.contributions.iter().any(|it| it.person == person);
        let present = match &decision.attendees {
            Fact::Known(attendees) => {
                let people: std::collections::BTreeSet<_> = attendees
                    .iter()
                    .filter(|account| self.human(account))
                    .map(|account| self.person(account))
                    .filter(|person| self.holds(*person, "cab") && !contributed(*person))
                    .collect();
                people.len() >= cab.quorum
            }
            _ => false,
        };
        match &decision.meeting {
            Fact::Absent => cab.votes && present,
            Fact::Unavailable(_) => false,
            Fact::Known(meeting) => {
                let at = meeting.timestamp();
                let local = at + times::offset(self.shape.london, at);
                let scheduled = times::weekday(local.div_euclid(86_400)) == cab.weekday
                    && local.rem_euclid(86_400) == cab.minute * 60;
                let chaired = cab.chair.is_none_or(|role| {
                    decision.chair.known().is_some_and(|chair| {
                        self.human(chair) && self.holds(self.person(chair), role) && !contributed(self.person(chair))
                    })
                });
                let in_time = at - cab.cutoff.unwrap_or(0) * 60 >= self.submitted();
                in_time && scheduled && decision.at >= *meeting && chaired && present
            }
        }
    }
}

fn against(outcome: CabOutcome) -> u8 {
    match outcome {
        CabOutcome::Approve => 0,
        CabOutcome::ApproveWithConditions => 1,
        CabOutcome::Defer => 2,
        CabOutcome::Reject => 3,
    }
}
