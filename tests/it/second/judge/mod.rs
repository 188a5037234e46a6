//! The second evaluator: a policy's meaning told plainly and slowly, sharing nothing of the core but the facts' types.
//!
//! Written from what a policy means, not from how the core works: lists are walked again and again, instants are
//! stepped through by half hours, and seats are tried in every way. It answers which subjects hold, not in which words.

mod after;
mod board;
mod course;
mod gates;
pub mod kinds;
pub mod needs;
pub mod rest;
pub mod seats;
pub mod spent;
mod trial;
pub mod ways;
pub mod who;

use std::collections::{BTreeMap, BTreeSet};

use countersign::model::facts::{Fact, Facts};
use countersign::model::release_decision::{Class, Impact, Ruling, Status};
use countersign::model::verdict::Verdict;

use self::spent::Used;
use self::who::View;
use super::shape::{ApprovalShape, Shape};

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub ruling: Ruling,
    pub class: Class,
    pub impact: Impact,
    pub routes: Vec<String>,
    pub rigor: u32,
    /// The subjects that hold the release.
    pub holds: BTreeSet<&'static str>,
    /// For each role that is asked, how many people it takes and whether it is met.
    pub roles: BTreeMap<String, (usize, bool)>,
    /// The risk in thousandths, where it is known.
    pub score: Option<i64>,
    /// What follows where it goes: the kind, the role and when it is due.
    pub owed: BTreeSet<String>,
}

/// A risk in thousandths, so that sums in another order are the same.
#[expect(clippy::cast_possible_truncation, reason = "scores are small")]
pub fn thousandths(score: f64) -> i64 {
    (score * 1000.0).round() as i64
}

pub fn judge(shape: &Shape, facts: &Facts, now: i64) -> Answer {
    let view = View::new(shape, facts, now);
    let mut kind = view.kind();
    let glass = view.glass();
    if glass == Some(true) {
        kind.class = Class::Emergency;
    }
    let legs = view.legs(&kind);
    let back = View::recovers(&legs);
    let formal = legs.iter().any(|leg| leg.formal);
    let mut holds: BTreeSet<&'static str> = BTreeSet::new();
    let mut mark = |subject: &'static str, held: bool| {
        if held {
            holds.insert(subject);
        }
    };
    mark("place", view.place_holds());
    mark("component", view.components_hold());
    // Where everything goes by itself, nothing hangs on who wrote it.
    let looked_at = formal || shape.approval != ApprovalShape::Automatic;
    mark("unattributed", looked_at && view.unattributed && !back);
    mark("unread contributors", looked_at && view.unread_commits && !back);
    mark("unread contributors", formal && (if back { view.starter_unread() } else { view.unread }));
    // Which way it goes matters where people are asked: by the environment, or because somebody rejects it.
    let asked = |formal: bool| formal || shape.approval != ApprovalShape::Automatic;
    mark("routing", legs.iter().any(|leg| leg.route.is_none() && asked(leg.formal)));
    mark("promotion", view.promotion_holds(back));
    mark("package", view.package_holds(back));
    mark("irreversible", view.irreversible_holds(&kind, back));
    mark("closed", view.closed_holds(&legs, back));
    mark("freeze", view.freeze_holds(&legs, &kind, back));
    mark("incidents", view.incidents_hold(&kind, back));
    mark("consultation", view.consultation_holds(&legs, &kind));
    mark("glass", glass == Some(false));

    // What goes back is judged by no gate, and so no gate is worse than it was.
    let verdict = if back { Verdict::Pass } else { view.gate() };
    let (needs, broken) = view.needs(&legs, &kind);
    let heard = view.heard_roles(&needs, &legs, &kind);
    let used = if looked_at { view.used(back, &heard) } else { Used::No };
    let retried = formal && used == Used::Retry;
    mark("unread", !formal && used == Used::Unread && !back);
    let seated = view.seat(&needs, verdict, used, back, kind.class == Class::Emergency);
    mark("record", view.record_holds(&legs, &kind, back, used == Used::Retry));
    mark("owed", view.owed_holds(&kind, used == Used::Retry, back));
    mark("cab", view.cab_holds(&legs, &kind, back, retried));
    mark("acts", facts.acts.unavailable().is_some());
    mark("asked", broken);
    let mut roles = BTreeMap::new();
    if !retried {
        for (need, met) in needs.iter().zip(&seated.met) {
            roles.insert(need.role.to_owned(), (need.total(), *met));
            mark("approvals", !met);
        }
    }
    mark("superseded", matches!(used, Used::Superseded(_)));
    let per_change = shape.per_change && formal && !retried && view.changes_unapproved(&needs, &seated.stands);
    mark("change unapproved", per_change);
    let rejections = view.rejections(&needs, &legs, &kind, verdict, used, i64::MIN);
    let rejected = rejections.into_iter().map(|(status, _)| status).max();
    mark("rejected", rejected.is_some());

    let skipped = legs.iter().all(|leg| leg.route.is_some_and(|route| route.may_skip))
        && !legs.is_empty()
        && !broken
        && !needs.is_empty()
        && seated.met.iter().all(|met| *met)
        && seated.reasons
        && !per_change
        && !matches!(used, Used::Superseded(_))
        && facts.acts.unavailable().is_none();
    let passes = matches!(verdict, Verdict::Pass | Verdict::Waived | Verdict::NotApplicable);
    // A retry asks for nothing again, and hears what speaks against it, or may.
    let against = (verdict == Verdict::Block && view.has_evidence()) || view.age_unknown();
    let again = retried && !against;
    mark("gates", !(passes || skipped || back || again));
    // A list that is not ticked waits, and speaks against nothing.
    mark("gates", !(back || retried || view.list_is_done()));
    mark("pack", !(back || retried || view.pack_is_done()));

    // Whoever has the final word may say after it went under a grant that it does not go again.
    let mut stopped = false;
    if let Fact::Known(grant) = &facts.release.break_glass
        && glass == Some(true)
    {
        let since = view.rejections(&needs, &legs, &kind, verdict, used, grant.opened_at.timestamp());
        let last: Vec<Status> = since.into_iter().filter(|(_, last)| *last).map(|(status, _)| status).collect();
        stopped = last.contains(&Status::Rejected);
        holds.retain(|subject| *subject == "place" && !view.place_is_granted());
        if !last.is_empty() {
            holds.insert("rejected");
        }
        for (_, met) in roles.values_mut() {
            *met = true;
        }
    }
    let ruling = if holds.is_empty() {
        Ruling::Proceed
    } else if stopped || (rejected == Some(Status::Rejected) && glass != Some(true)) {
        Ruling::Reject
    } else {
        Ruling::Hold
    };
    let owed = if ruling == Ruling::Proceed { view.follows(&legs, &kind) } else { BTreeSet::new() };
    let mut routes: Vec<String> = Vec::new();
    for route in legs.iter().filter_map(|leg| leg.route) {
        if !routes.iter().any(|known| known == route.name) {
            routes.push(route.name.to_owned());
        }
    }
    Answer {
        ruling,
        class: kind.class,
        impact: kind.impact,
        routes,
        rigor: legs.iter().map(|leg| leg.rigor).max().unwrap_or(0),
        holds,
        roles,
        score: kind.score.map(thousandths),
        owed,
    }
}
