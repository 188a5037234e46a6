//! What approvals are asked, of which part of the release, and which acts still bind.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use countersign::model::facts::{Act, Change, Deed, Fact, Standing, Via};
use countersign::model::release_decision::Class;
use countersign::model::verdict::Verdict;

use super::kinds::{Asked, Kind, Leg, Tri};
use super::spent::Used;
use super::who::{Hand, Person, View, order};
use crate::second::shape::{ComponentShape, Cond, HERE, Len, OATH, On, RouteShape, Row};
use crate::second::times;
use crate::second::worlds::REPOSITORY;

/// A part of the release that has to be covered.
#[derive(Clone, Debug, PartialEq)]
pub enum Unit {
    /// A change, by its place.
    Change(usize),
    /// A component that no change touches.
    Bare(String),
    /// A component that changes touch: its content and its artifacts, as they came of those.
    Outcome(String),
}

/// So many different people of a role.
pub struct Need<'a> {
    pub role: &'static str,
    pub representation: bool,
    pub base: usize,
    /// Whom rigor adds, of the whole chain of stand-ins.
    pub extra: usize,
    pub routes: Vec<&'a RouteShape>,
    pub components: Vec<&'a ComponentShape>,
    pub scope: Vec<Unit>,
    pub expire: Option<Len>,
    pub places: Vec<&'static str>,
    pub any_hours: bool,
    /// Where it is about who is accountable: the roles that carry the release out, of which he is none.
    pub apart: Option<Vec<&'static str>>,
}

impl Need<'_> {
    pub fn total(&self) -> usize {
        self.base + self.extra
    }
}

const ANYWHERE: [&str; 6] = ["environment", "command", "page", "chat", "change_record", "console"];

fn place(via: Via) -> &'static str {
    match via {
        Via::Environment => "environment",
        Via::Command => "command",
        Via::Page => "page",
        Via::Review => "review",
        Via::Chat => "chat",
        Via::ChangeRecord => "change_record",
        Via::Console => "console",
    }
}

impl<'w> View<'w> {
    /// The rows of the table that are about a component.
    pub fn rows(&self, component: Option<&ComponentShape>, kind: &Kind) -> Vec<&'w Row> {
        let asked = Asked { component, class: Some(kind.class), ..Asked::default() };
        let about = |row: &&Row| {
            let on = match (&row.on, component) {
                (None, _) => true,
                (Some(On::Named(name)), Some(component)) => *name == component.name,
                (Some(On::Named(_)), None) => false,
                (Some(On::Where(cond)), _) => self.ask(cond, asked, Some(kind)) != Tri::No,
            };
            on && row.when.as_ref().is_none_or(|cond| self.ask(cond, asked, Some(kind)) != Tri::No)
        };
        self.shape.raci.iter().filter(about).collect()
    }

    /// Of these, those whose people a way waits for: wherever people approve, but for what goes back and for emergencies,
    /// whose routes say all, unless they ask whoever is accountable or the row speaks of classes.
    pub fn rows_waited_for(&self, leg: &Leg<'w>, kind: &Kind) -> Vec<&'w Row> {
        let Some(route) = leg.route else { return Vec::new() };
        let mut rows = self.rows(leg.component, kind);
        let accountable = route.approvals.iter().any(|(role, _)| *role == "accountable");
        if !leg.formal || !accountable && route.last_good {
            return Vec::new();
        }
        if !accountable && kind.class == Class::Emergency {
            rows.retain(|row| row.when.as_ref().is_some_and(of_class));
        }
        rows
    }

    /// What is asked, and whether something about it is wrong.
    pub fn needs(&self, legs: &[Leg<'w>], kind: &Kind) -> (Vec<Need<'w>>, bool) {
        let mut needs: Vec<Need<'w>> = Vec::new();
        let mut broken = false;
        let formal: Vec<(&Leg<'w>, &'w RouteShape)> =
            legs.iter().filter(|leg| leg.formal).filter_map(|leg| Some((leg, leg.route?))).collect();
        for (leg, route) in &formal {
            broken |= route.approvals.is_empty();
            let first = route.approvals.iter().position(|(role, _)| *role == "accountable").unwrap_or(0);
            for (at, (role, count)) in route.approvals.iter().enumerate() {
                let mut role = *role;
                if role == "accountable" {
                    let mut found: Vec<&'static str> =
                        self.rows(leg.component, kind).iter().filter_map(|row| row.accountable).collect();
                    found.dedup();
                    let [one] = found.as_slice() else {
                        broken = true;
                        continue;
                    };
                    role = *one;
                }
                let extra = if at == first { leg.rigor as usize } else { 0 };
                // Whoever answers for it does, by whichever name he is asked; an emergency has approvers of its own.
                let by_name = || {
                    let rows = self.rows(leg.component, kind);
                    let carried = rows.iter().any(|row| row.responsible.is_some());
                    carried && rows.iter().any(|row| row.accountable == Some(role))
                };
                let accountable = route.approvals[at].0 == "accountable" || kind.class != Class::Emergency && by_name();
                ask(&mut needs, leg, route, role, false, *count, extra, self);
                if accountable && !route.last_good {
                    let carry = self.rows(leg.component, kind).into_iter().filter_map(|row| row.responsible);
                    let need = needs.iter_mut().find(|need| need.role == role).unwrap();
                    need.apart.get_or_insert_default().extend(carry);
                }
            }
        }
        for (leg, route) in &formal {
            for row in self.rows_waited_for(leg, kind) {
                for role in &row.representation {
                    ask(&mut needs, leg, route, role, true, 1, 0, self);
                }
            }
        }
        for need in &mut needs {
            need.scope = self.scope(&need.components, View::recovers(legs));
        }
        (needs, broken)
    }

    fn scope(&self, components: &[&ComponentShape], back: bool) -> Vec<Unit> {
        let all = self.components();
        let mut scope = Vec::new();
        if self.facts.release.changes.unavailable().is_some() && !back {
            // What changes is not known: then nothing covers it, unless what goes back is known by itself.
            return scope;
        }
        for (at, change) in self.changes().iter().enumerate() {
            let touched: Vec<&&ComponentShape> = all.iter().filter(|it| View::touches(change, it)).collect();
            let ours = components.is_empty()
                || touched.is_empty()
                || touched.iter().any(|it| components.iter().any(|ours| ours.name == it.name));
            if ours {
                scope.push(Unit::Change(at));
            }
        }
        let mut bare_ones = BTreeSet::new();
        for component in all {
            // A change of unknown files may have nothing to do with it.
            let bare = !self.changes().iter().any(|change| View::surely_touches(change, component));
            if bare {
                bare_ones.insert(component.name);
            }
            let ours = components.is_empty() || components.iter().any(|it| it.name == component.name);
            if bare && ours {
                scope.push(Unit::Bare(component.name.to_owned()));
            }
        }
        // What is made of changes, whoever names it.
        let stated = &self.facts.release.components;
        let names: BTreeSet<&str> =
            stated.keys().map(String::as_str).chain(self.components().iter().map(|it| it.name)).collect();
        for name in names {
            let ours = components.is_empty() || components.iter().any(|it| it.name == name);
            let nothing = stated.get(name).is_some_and(|it| {
                it.content == Fact::Absent && it.artifacts.unavailable().is_none() && it.artifacts.entries().is_empty()
            });
            if ours && !nothing && !bare_ones.contains(name) && self.makers(name).next().is_some() {
                scope.push(Unit::Outcome(name.to_owned()));
            }
        }
        scope
    }

    pub fn carries(change: &Change) -> bool {
        match &change.landed {
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
            Fact::Known(landing) => {
                landing.reviewed.known() == Some(&landing.tree) || landing.clean_merge.known() == Some(&landing.tree)
            }
        }
    }

    pub fn covers(&self, act: &Act, unit: &Unit) -> bool {
        match unit {
            Unit::Change(at) => {
                let change = &self.changes()[*at];
                act.saw.changes.get(&change.id) == Some(&change.content)
                    && (act.via != Via::Review || View::carries(change))
            }
            Unit::Bare(name) => {
                self.facts.release.components.get(name).is_some_and(|it| it.content.known().is_some())
                    && self.showed(&act.saw.components, &act.saw.artifacts, name)
            }
            Unit::Outcome(name) => {
                let by_change = self.makers(name).any(|at| self.covers(act, &Unit::Change(at)));
                by_change && (act.via == Via::Review || self.showed(&act.saw.components, &act.saw.artifacts, name))
            }
        }
    }

    /// The changes of which a component is made; what no policy knows is made of all.
    fn makers(&self, name: &str) -> impl Iterator<Item = usize> {
        let known = self.shape.components.iter().find(|it| it.name == name);
        let changes = self.changes().iter().enumerate();
        changes.filter(move |(_, change)| known.is_none_or(|it| View::touches(change, it))).map(|(at, _)| at)
    }

    /// Whether somebody was shown what of a component goes: its content, if it has any, and each artifact.
    fn showed(&self, contents: &BTreeMap<String, String>, artifacts: &[String], name: &str) -> bool {
        let Some(released) = self.facts.release.components.get(name) else { return false };
        let content = released.content == Fact::Absent
            || released.content.known().is_some_and(|content| contents.get(name) == Some(content));
        let all = released.artifacts.entries().iter().all(|it| artifacts.contains(it));
        content && all && released.artifacts.unavailable().is_none()
    }

    /// Whether a later act of the same person leaves nothing of an approval.
    pub fn replaced(&self, act: &Act) -> bool {
        let person = self.person(&act.by);
        // A review that names no change is about all.
        let shares = |later: &Act| {
            later.saw.changes.is_empty()
                || act.saw.changes.is_empty()
                || later.saw.changes.keys().any(|id| act.saw.changes.contains_key(id))
        };
        let later = self
            .with_ahead
            .iter()
            .filter(|later| !View::of_somebody_else(later))
            .filter(|later| self.person(&later.by) == person && order(later) > order(act));
        later.into_iter().any(|later| {
            let same_lane = match (act.via == Via::Review, later.via == Via::Review) {
                (true, true) => shares(later),
                (false, false) => true,
                _ => false,
            };
            match &later.does {
                Deed::Reject {} if View::elsewhere(later) || self.of_another(later) => false,
                Deed::Reject {} => {
                    if later.via == Via::Review {
                        act.via != Via::Review || shares(later)
                    } else {
                        true
                    }
                }
                Deed::Approve { .. } if later.via != Via::Review && View::elsewhere(later) => false,
                Deed::Approve { .. } => same_lane && (later.standing != Standing::Stands || self.withdrawn(later)),
                _ => false,
            }
        })
    }

    /// Whether a rejection names changes, none of which goes, and nothing else that goes or may go.
    pub fn of_another(&self, act: &Act) -> bool {
        let named = &act.saw.changes;
        let goes =
            self.changes().iter().any(|it| named.contains_key(&it.id) || named.values().any(|to| *to == it.content));
        let perhaps = act.saw.components.iter().any(|(name, content)| {
            let now = self.facts.release.components.get(name).map(|it| &it.content);
            let carried = self.components().iter().any(|it| it.name == name);
            match now {
                Some(Fact::Known(now)) => now == content,
                Some(Fact::Unavailable(_)) => true,
                Some(Fact::Absent) => false,
                None => carried,
            }
        });
        let mut built = self.facts.release.components.values().flat_map(|it| it.artifacts.entries());
        let built = built.any(|artifact| act.saw.artifacts.contains(artifact));
        !named.is_empty() && !self.changes().is_empty() && !goes && !perhaps && !built
    }

    /// Whether an approval still stands for what was shown, whatever it is counted for.
    pub fn bound(&self, act: &Act, verdict: Verdict, used: Used, back: bool, emergency: bool) -> bool {
        let worse = act.saw.gates.get("coverage").is_some_and(|shown| rank(verdict) > rank(*shown));
        let spent = match used {
            Used::No | Used::Retry => false,
            Used::Unread => true,
            Used::Superseded(until) | Used::Spent(until) => act.at.timestamp() <= until,
        };
        !self.replaced(act)
            && self.is_here(act)
            && self.outcome_fits(act)
            && self.parts_fit(act, back)
            && !worse
            // Going back needs no record, and an emergency's may be written later.
            && (back || emergency || self.record_stands(act.at, act.saw.record.as_ref(), act.via == Via::Review))
            && !spent
    }

    /// Whether an act says that it is for here. Who reviews a change may say less, and nothing else.
    pub fn is_here(&self, act: &Act) -> bool {
        let says_less =
            act.via == Via::Review && matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {});
        let says = |said: &Option<String>, what: &str| said.as_ref().map_or(says_less, |said| said == what);
        says(&act.saw.environment, &self.facts.release.environment) && says(&act.saw.repository, REPOSITORY)
    }

    /// Whether something was done about another environment or repository.
    pub fn elsewhere(act: &Act) -> bool {
        let other = |said: &Option<String>, what: &str| said.as_ref().is_some_and(|said| said != what);
        other(&act.saw.environment, HERE) || other(&act.saw.repository, REPOSITORY)
    }

    /// Whether something was done about all that goes, and about nothing else.
    pub fn about_all(&self, act: &Act) -> bool {
        let a_review =
            act.via == Via::Review && matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {});
        let made = if a_review {
            !self.changes().is_empty()
        } else {
            self.saw_outcome(&act.saw.components, &act.saw.artifacts)
        };
        self.is_here(act) && self.saw_all(&act.saw.changes) && made && (a_review || self.parts_fit(act, false))
    }

    /// Whether an approval names something of all that goes, and where it is of every change, exactly what they make.
    pub fn outcome_fits(&self, act: &Act) -> bool {
        if act.via == Via::Review || self.facts.release.changes.unavailable().is_some() {
            return true;
        }
        if self.saw_all(&act.saw.changes) {
            return self.saw_outcome(&act.saw.components, &act.saw.artifacts);
        }
        self.names_something_made(act)
    }

    /// Whether an act says of a component and of an artifact, where there are such.
    pub fn names_something_made(&self, act: &Act) -> bool {
        let all = self.facts.release.components.values();
        let has_content = all.clone().any(|it| it.content.known().is_some());
        let has_artifacts = all.clone().any(|it| !it.artifacts.entries().is_empty());
        !(has_content && act.saw.components.is_empty() || has_artifacts && act.saw.artifacts.is_empty())
    }

    /// Whether an act says where it was for, and what of each component, and which artifacts.
    pub fn leaves_nothing_out(&self, act: &Act) -> bool {
        let all = &self.facts.release.components;
        let named = all
            .iter()
            .filter(|(_, it)| it.content.known().is_some())
            .all(|(name, _)| act.saw.components.contains_key(name));
        let built = all.values().any(|it| !it.artifacts.entries().is_empty());
        named
            && !(built && act.saw.artifacts.is_empty())
            && act.saw.environment.is_some()
            && act.saw.repository.is_some()
    }

    /// Whether somebody was shown exactly what goes of all components, of which there is something.
    pub fn saw_outcome(&self, contents: &BTreeMap<String, String>, artifacts: &[String]) -> bool {
        let components = &self.facts.release.components;
        let all: Vec<&String> = components.values().flat_map(|it| it.artifacts.entries()).collect();
        let something =
            !self.changes().is_empty() || !all.is_empty() || components.values().any(|it| it.content.known().is_some());
        something
            && self.components().iter().all(|it| components.contains_key(it.name))
            && components.keys().all(|name| self.showed(contents, artifacts, name))
            && artifacts.iter().all(|seen| all.contains(&seen))
    }

    fn parts_fit(&self, act: &Act, back: bool) -> bool {
        self.saw_parts(&act.saw.parts, act.via == Via::Review || back)
    }

    /// The names of the other parts of the package.
    pub fn others(&self) -> Vec<&'w String> {
        let others = self.facts.release.package.known().into_iter().flat_map(|package| package.parts.keys());
        others.filter(|name| !self.surely_goes(name)).collect()
    }

    /// Whether what was shown of other parts is what they are; of all of them, unless some may be left out.
    pub fn saw_parts(&self, shown: &BTreeMap<String, String>, some: bool) -> bool {
        let all = some || self.others().into_iter().all(|name| shown.contains_key(name));
        all && shown.iter().all(|(name, content)| {
            let part = self.facts.release.package.known().and_then(|package| package.parts.get(name));
            part.and_then(Fact::known).is_some_and(|part| part.content == *content)
        })
    }

    /// Whether the record is the one that was shown, and as it was then. A review need not say which.
    pub fn record_stands(&self, since: DateTime<Utc>, shown: Option<&String>, review: bool) -> bool {
        let (Some(rule), Fact::Known(record)) = (&self.shape.record, &self.facts.change_record) else { return true };
        let the_one = shown.map_or(review, |shown| *shown == record.id);
        the_one
            && !record.fields.iter().any(|(name, field)| match &field.edited_at {
                _ if !rule.needs.contains(&name.as_str())
                    && !["window", "components", "reopened"].contains(&name.as_str()) =>
                {
                    false
                }
                Fact::Known(at) => *at >= since,
                Fact::Absent => false,
                Fact::Unavailable(_) => true,
            })
    }

    /// Whether an approval counts toward a need, given in a role.
    pub fn fits(&self, act: &Act, need: &Need<'_>, role: &str) -> bool {
        let Deed::Approve { role: named, accepts } = &act.does else { return false };
        let accept = self.shape.role(role).is_some_and(|role| role.accept);
        named.as_ref().is_none_or(|named| named == role || named == need.role)
            && self.holds(self.person(&act.by), role)
            && !self.kept_out(self.person(&act.by), need)
            && self.in_time(act, need)
            && (!accept || accepts.as_ref().is_some_and(|said| said.trim() == OATH))
            && !act.saw.requirements.contains_key(need.role)
            && need.scope.iter().any(|unit| self.covers(act, unit))
    }

    /// Whether an instant lies in hours that are closed for approving here.
    fn closed_for_approving(&self, at: i64) -> bool {
        self.shape
            .closed
            .iter()
            .any(|closed| closed.approval && !closed.elsewhere && times::open(closed.week, self.shape.london, at))
    }

    /// Whether an approval was given where and when it counts toward a need, and not too long ago.
    pub fn in_time(&self, act: &Act, need: &Need<'_>) -> bool {
        let at = act.at.timestamp();
        let closed = self.closed_for_approving(at);
        let expired = need
            .expire
            .is_some_and(|length| times::due(length, self.shape.business, self.shape.london, at) <= self.now);
        need.places.contains(&place(act.via)) && (need.any_hours || !closed) && !expired
    }

    /// Whether an approval of an authority is good on a route: given where and when approvals count there, and not too
    /// long ago.
    pub fn good_on(&self, act: &Act, route: &RouteShape, role: &str) -> bool {
        let Deed::Approve { role: named, accepts } = &act.does else { return false };
        let at = act.at.timestamp();
        let closed = self.closed_for_approving(at);
        let oath = self.shape.role(role).is_some_and(|role| role.accept);
        let places: &[&str] = if route.counts_from.is_empty() { &ANYWHERE } else { &route.counts_from };
        let over = route
            .expire
            .is_some_and(|length| times::due(length, self.shape.business, self.shape.london, at) <= self.now);
        named.as_ref().is_none_or(|named| named == role)
            && places.contains(&place(act.via))
            && (route.at_any_hour() || !closed)
            && (!oath || accepts.as_ref().is_some_and(|said| said.trim() == OATH))
            && !over
    }

    /// Who approved one change by himself: a human being with any role, who did not contribute to it.
    pub fn approves_change(&self, act: &Act, at: usize, change: &Change) -> Option<Person> {
        let person = self.acting(act)?;
        let approves = matches!(act.does, Deed::Approve { .. });
        let clean = !self.excluded(person)
            && !self
                .contributions
                .iter()
                .any(|it| it.person == person && (it.change == Some(at) || it.hand == Hand::Trigger));
        let role = self.shape.roles.iter().any(|role| self.holds(person, role.name));
        (approves
            && clean
            && self.is_here(act)
            && role
            && !self.replaced(act)
            && act.saw.changes.get(&change.id) == Some(&change.content)
            && (act.via != Via::Review || View::carries(change)))
        .then_some(person)
    }
}

#[expect(clippy::too_many_arguments, reason = "one place asks, for both kinds of need")]
fn ask<'w>(
    needs: &mut Vec<Need<'w>>,
    leg: &Leg<'w>,
    route: &'w RouteShape,
    role: &'static str,
    representation: bool,
    base: usize,
    extra: usize,
    view: &View<'w>,
) {
    let places: Vec<&'static str> =
        if route.counts_from.is_empty() { ANYWHERE.to_vec() } else { route.counts_from.clone() };
    let Some(need) = needs.iter_mut().find(|need| need.role == role) else {
        needs.push(Need {
            role,
            representation,
            base,
            extra,
            routes: vec![route],
            components: leg.component.into_iter().collect(),
            scope: Vec::new(),
            expire: route.expire,
            places,
            any_hours: route.at_any_hour(),
            apart: None,
        });
        return;
    };
    let total = need.total().max(base + extra);
    need.base = need.base.max(base);
    need.extra = total - need.base;
    need.representation |= representation;
    need.components.extend(leg.component);
    need.any_hours &= route.at_any_hour();
    need.places.retain(|known| places.contains(known));
    let ends = |length| times::due(length, view.shape.business, view.shape.london, view.submitted());
    need.expire = match (need.expire, route.expire) {
        (Some(one), Some(other)) => Some(if ends(other) < ends(one) { other } else { one }),
        (one, other) => one.or(other),
    };
    if !need.routes.iter().any(|known| known.name == route.name) {
        need.routes.push(route);
    }
}

/// Whether a condition speaks of the class.
fn of_class(cond: &Cond) -> bool {
    match cond {
        Cond::Class(_) => true,
        Cond::Both(one, other) | Cond::Either(one, other) => of_class(one) || of_class(other),
        Cond::Not(of) => of_class(of),
        _ => false,
    }
}

/// Content and artifacts.
pub fn same_all(one: &countersign::model::facts::Released, other: &countersign::model::facts::Released) -> Tri {
    // That there are none an empty list says too.
    let artifacts = match (&one.artifacts, &other.artifacts) {
        (Fact::Unavailable(_), _) | (_, Fact::Unavailable(_)) => Tri::Unknown,
        (one, other) => Tri::from(one.entries() == other.entries()),
    };
    let content = match (&one.content, &other.content) {
        (Fact::Known(one), Fact::Known(other)) => Tri::from(one == other),
        (Fact::Unavailable(_), _) | (_, Fact::Unavailable(_)) => Tri::Unknown,
        (one, other) => Tri::from(one.is_absent() && other.is_absent()),
    };
    content.and(artifacts)
}

pub fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass | Verdict::NotApplicable => 0,
        Verdict::Waived => 1,
        Verdict::Pending => 2,
        Verdict::Indeterminate => 3,
        Verdict::Block => 4,
    }
}
