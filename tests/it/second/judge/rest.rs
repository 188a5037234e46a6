//! Everything beside approvals: where it goes, promotion, packages, hours, records, incidents, debts, break-glass.

use std::collections::{BTreeMap, BTreeSet};

use countersign::model::facts::{Act, ChangeRecord, Deed, Deployment, Fact, Grant, Incident, Outcome, OwedObligation};
use countersign::model::release_decision::Class;

use super::kinds::{Asked, Kind, Leg, Tri, same, within};
use super::seats::says;
use super::ways::maybe;
use super::who::{Person, View};
use crate::second::shape::{ApprovalShape, BEFORE, ComponentShape, Cond, HERE, RouteShape};
use crate::second::times;

impl<'w> View<'w> {
    /// Whether a path leads back to what was good, for every component.
    pub fn recovers(legs: &[Leg<'_>]) -> bool {
        !legs.is_empty() && legs.iter().all(|leg| leg.route.is_some_and(|route| route.last_good))
    }

    pub fn place_holds(&self) -> bool {
        let release = &self.facts.release;
        release.environment != HERE
            || self.reference_holds()
            || (self.shape.deployer && release.deployed_by.known().map(String::as_str) != Some("github"))
    }

    fn reference_holds(&self) -> bool {
        let restricted = self.shape.branches || self.shape.tags;
        let reference = match &self.facts.release.reference {
            Fact::Known(reference) => reference,
            Fact::Absent => return restricted,
            Fact::Unavailable(_) => return true,
        };
        let name = reference.name.as_str();
        let branch = name.strip_prefix("refs/heads/");
        let tag = name.strip_prefix("refs/tags/");
        let allowed = match (branch, tag) {
            (Some(branch), _) => self.shape.branches && (branch == "main" || branch.starts_with("release/")),
            (None, Some(tag)) => self.shape.tags && tag.starts_with('v'),
            _ => false,
        };
        let moved = tag.is_some() && reference.resolves_to.known() != Some(&self.facts.release.commit);
        (restricted && !allowed) || moved || reference.reaches != Fact::Known(true)
    }

    /// Whether a grant takes the place of what is asked of where it goes: of what is known to be otherwise, and not of
    /// what is not known, of another environment, or of something else than was granted.
    pub fn place_is_granted(&self) -> bool {
        let release = &self.facts.release;
        let same = match &release.reference {
            Fact::Known(reference) => {
                let tag = reference.name.starts_with("refs/tags/");
                reference.reaches == Fact::Known(true)
                    && (!tag || reference.resolves_to.known() == Some(&release.commit))
            }
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
        };
        release.environment == HERE && same && !(self.shape.deployer && release.deployed_by.unavailable().is_some())
    }

    /// Whether nothing of the policy goes, or something that it does not know.
    pub fn components_hold(&self) -> bool {
        let known = |name: &String| self.shape.components.iter().any(|known| known.name == name);
        let unknown = self.facts.release.components.keys().any(|name| !known(name));
        let none = !self.shape.components.is_empty() && self.components().is_empty();
        unknown || (none && self.shape.approval != ApprovalShape::Automatic)
    }

    pub fn promotion_holds(&self, back: bool) -> bool {
        let Some((soak, artifact)) = self.shape.from else { return false };
        if back {
            return false;
        }
        let Fact::Known(deployments) = &self.facts.deployments else { return self.has_something() };
        if self.shape.components.is_empty() {
            return !self.ran_before(None, soak, artifact, deployments);
        }
        self.components().into_iter().any(|it| !self.ran_before(Some(it), soak, artifact, deployments))
    }

    fn has_something(&self) -> bool {
        self.shape.components.is_empty() || !self.components().is_empty()
    }

    fn ran_before(
        &self,
        component: Option<&ComponentShape>,
        soak: Option<i64>,
        artifact: bool,
        deployments: &[Deployment],
    ) -> bool {
        let there: Vec<&Deployment> = deployments
            .iter()
            .filter(|it| it.environment == BEFORE)
            .filter(|it| component.is_none_or(|component| it.components.contains_key(component.name)))
            .collect();
        let alike = |it: &Deployment| match component {
            // Without components there are no artifacts to compare.
            None => !artifact && it.commit == self.facts.release.commit,
            Some(_) if !artifact => it.commit == self.facts.release.commit,
            Some(component) => {
                let Some(goes) = self.facts.release.components.get(component.name) else { return false };
                let went = &it.components[component.name];
                match (&went.artifacts, &goes.artifacts) {
                    (Fact::Known(one), Fact::Known(other)) if !one.is_empty() || !other.is_empty() => one == other,
                    (Fact::Absent | Fact::Known(_), Fact::Absent | Fact::Known(_)) => {
                        went.artifacts.entries().is_empty()
                            && goes.artifacts.entries().is_empty()
                            && same(went, goes) == Tri::Yes
                    }
                    _ => false,
                }
            }
        };
        there.iter().any(|it| {
            let Fact::Known(finished) = &it.finished_at else { return false };
            let finished = finished.timestamp();
            let soaked = finished + soak.unwrap_or(0) * 60;
            // Other content that came meanwhile ends the soak.
            let ended = soak.is_some()
                && there.iter().any(|other| {
                    // What was opened earlier, and ended only then, runs since.
                    let ended = match &other.finished_at {
                        Fact::Known(ended) => finished < ended.timestamp() && ended.timestamp() < soaked,
                        Fact::Absent => false,
                        Fact::Unavailable(_) => other.opened_at.timestamp() < soaked,
                    };
                    let opened = other.opened_at >= it.opened_at && other.opened_at.timestamp() < soaked;
                    !alike(other) && (opened || ended) && other.outcome != Fact::Known(Outcome::Cancelled)
                });
            it.outcome == Fact::Known(Outcome::Succeeded)
                && it.opened_at.timestamp() <= self.now
                && alike(it)
                && finished <= self.now
                && soaked <= self.now
                && !ended
        })
    }

    pub fn package_holds(&self, back: bool) -> bool {
        let Some(rule) = &self.shape.package else { return self.unknown_package() };
        if back {
            return false;
        }
        let ours: Vec<&str> = self.components().iter().map(|it| it.name).collect();
        if ours.is_empty() && !matches!(self.facts.release.package, Fact::Known(_)) {
            return false;
        }
        let missing: Vec<&str> = ["infra", "pay"].into_iter().filter(|name| !self.surely_goes(name)).collect();
        match &self.facts.release.package {
            Fact::Absent => !missing.is_empty(),
            Fact::Unavailable(_) => true,
            Fact::Known(package) => {
                if package.name != "both" {
                    return true;
                }
                missing.into_iter().any(|name| {
                    let Some(Fact::Known(part)) = package.parts.get(name) else { return true };
                    let first = rule.ordered && name == "infra";
                    let went = part.outcome == Fact::Known(Outcome::Succeeded);
                    part.outcome.unavailable().is_some()
                        || if first { !went } else { !went && part.ready != Fact::Known(true) }
                })
            }
        }
    }

    /// Whether a component goes for certain: files that are not known are no proof of it.
    pub fn surely_goes(&self, folder: &str) -> bool {
        self.facts.release.components.contains_key(folder)
            || self.changes().iter().any(|it| it.files.entries().iter().any(|file| within(file, folder)))
    }

    /// A package that the policy does not have.
    fn unknown_package(&self) -> bool {
        matches!(&self.facts.release.package, Fact::Known(_))
    }

    pub fn irreversible_holds(&self, kind: &Kind, back: bool) -> bool {
        let perhaps = kind.back == Tri::Unknown && self.shape.routes.iter().any(|route| route.last_good);
        (back || perhaps)
            && match &self.facts.release.irreversible {
                Fact::Known(migrations) => !migrations.is_empty(),
                Fact::Absent => false,
                Fact::Unavailable(_) => true,
            }
    }

    pub fn closed_holds(&self, legs: &[Leg<'_>], back: bool) -> bool {
        let any_hours = !legs.is_empty() && legs.iter().all(|leg| leg.route.is_some_and(RouteShape::at_any_hour));
        !back
            && !any_hours
            && self.shape.closed.iter().any(|closed| {
                closed.deployment && !closed.elsewhere && times::open(closed.week, self.shape.london, self.now)
            })
    }

    pub fn freeze_holds(&self, legs: &[Leg<'_>], kind: &Kind, back: bool) -> bool {
        let london = self.shape.london;
        self.shape.freezes.iter().enumerate().any(|(at, freeze)| {
            let on = times::instant(london, freeze.from * 60) <= self.now
                && self.now < times::instant(london, freeze.to * 60)
                && !freeze.elsewhere;
            let class = match kind.class {
                Class::Standard => "standard",
                Class::Normal => "normal",
                Class::Emergency => "emergency",
            };
            let excepted = freeze.except.iter().any(|word| {
                // These are classes, and what goes back, whatever a route is called.
                let a_class = ["emergency", "standard", "normal", "recovery"].contains(word);
                *word == class
                    || !a_class
                        && (!legs.is_empty()
                            && legs.iter().all(|leg| leg.route.is_some_and(|route| route.name == *word)))
            });
            let let_go = freeze.by.is_some_and(|role| {
                self.acts.iter().any(|act| {
                    matches!(&act.does, Deed::ExceptFreeze { freeze } if *freeze == format!("freeze-{at}"))
                        && act.reason.as_ref().is_some_and(|reason| says(reason, 1))
                        && self.about_all(act)
                        && self.independent(act, role).is_some()
                })
            });
            on && !back && !excepted && !let_go
        })
    }

    pub fn saw_all(&self, seen: &BTreeMap<String, String>) -> bool {
        self.facts.release.changes.unavailable().is_none()
            && self.changes().iter().all(|change| seen.get(&change.id) == Some(&change.content))
            && seen.len() == self.changes().len()
    }

    pub fn record_holds(&self, legs: &[Leg<'_>], kind: &Kind, back: bool, again: bool) -> bool {
        let Some(rule) = &self.shape.record else { return false };
        if back {
            return false;
        }
        let asked = legs.iter().any(|leg| leg.formal);
        // What goes by itself needs no record, and none that is wrong; where everything does, nobody looks.
        let record = match &self.facts.change_record {
            _ if self.shape.approval == ApprovalShape::Automatic => return false,
            Fact::Known(record) => record,
            Fact::Absent => return asked,
            Fact::Unavailable(_) => return true,
        };
        if self.record_for_other(record) {
            return true;
        }
        if kind.class == Class::Emergency {
            return false;
        }
        let state = match (&record.state, rule.proceeds_in.is_empty()) {
            // It moves on when it is tried, unless it was called off.
            (Fact::Known(state), _) if again && state != "Cancelled" => true,
            (Fact::Known(state), true) => state != "Closed" && state != "Cancelled",
            (Fact::Known(state), false) => rule.proceeds_in.contains(&state.as_str()),
            _ => false,
        };
        let moved_on = again && record.state.known().is_some_and(|state| state != "Cancelled");
        let state = state
            && (moved_on
                || rule.proceeds_in.is_empty()
                || record.state_by.as_ref().is_none_or(|by| self.may_write(by)));
        let begun = match &record.from {
            Fact::Known(from) => from.timestamp() <= self.now,
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
        };
        let over = match &record.until {
            Fact::Known(until) => until.timestamp() <= self.now,
            Fact::Absent => false,
            Fact::Unavailable(_) => true,
        };
        let complete =
            rule.needs.iter().all(|name| record.fields.get(*name).is_some_and(|field| self.field(field) == Tri::Yes));
        let planned = record.fields.get("window").and_then(|field| field.by.as_ref());
        let begun = begun && planned.is_none_or(|by| self.may_write(by));
        !(state && begun && !over && (complete || !asked))
    }

    fn record_for_other(&self, record: &ChangeRecord) -> bool {
        let ours: Vec<&str> = self.components().iter().map(|it| it.name).collect();
        let theirs = match &record.components {
            Fact::Known(theirs) => theirs.as_slice(),
            Fact::Absent => &[],
            Fact::Unavailable(_) => return true,
        };
        let covered = ours.iter().all(|name| theirs.iter().any(|it| it == name));
        // Another part of the package has its own record.
        let others = self.facts.release.package.known().is_some_and(|package| package.name == "both")
            && self.shape.package.is_some()
            && ["pay", "infra"].iter().any(|part| !ours.contains(part) && theirs.iter().any(|it| it == part));
        !covered || others
    }

    pub fn incidents_hold(&self, kind: &Kind, back: bool) -> bool {
        let Some(rule) = &self.shape.incidents else { return false };
        // Where everything goes on by itself, a fix can be tried during an incident.
        if back || self.shape.approval == ApprovalShape::Automatic {
            return false;
        }
        if let Fact::Unavailable(_) = &self.facts.incidents {
            return true;
        }
        self.incidents_now(true).iter().any(|incident| {
            let severity = self.severity(incident).unwrap_or(1);
            let affects = match &incident.components {
                // One that names nothing may be of anything.
                Fact::Known(components) if !components.is_empty() && !self.shape.components.is_empty() => {
                    self.any_named(components)
                }
                Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => true,
            };
            let asked = Asked { incident: Some(incident), class: Some(kind.class), ..Asked::default() };
            let fix = rule.unless_fixes && self.relaxes(&Cond::Fixes, asked, Some(kind));
            // The emergency is because of this incident, or the fix of it.
            let of = |incident| Asked { incident, ..Asked::default() };
            let by_class = kind.class == Class::Emergency
                && self.shape.emergency.as_ref().is_some_and(|cond| {
                    self.relaxes(cond, of(Some(incident)), Some(kind))
                        && (!self.relaxes(cond, of(None), Some(kind)) || self.fixes(incident) == Tri::Yes)
                });
            severity <= rule.block_at && (rule.everything || affects) && !fix && !by_class && !self.repairs(incident)
        })
    }

    /// Whether this is the fix of an incident, or of the release that caused it.
    fn repairs(&self, incident: &Incident) -> bool {
        let cause = |other: &Incident| other.caused_by.known().is_some_and(|it| incident.caused_by.known() == Some(it));
        let other = |other: &Incident| cause(other) && self.fixes(other) == Tri::Yes;
        let by_name = incident
            .caused_by
            .known()
            .is_some_and(|release| self.fixes_by_name(release, incident.components.entries()));
        self.fixes(incident) == Tri::Yes || self.incidents_now(true).iter().any(other) || by_name
    }

    pub fn owed_holds(&self, kind: &Kind, retried: bool, back: bool) -> bool {
        let automatic = self.shape.approval == ApprovalShape::Automatic;
        if back || automatic || kind.class == Class::Emergency {
            return false;
        }
        let obligations = match &self.facts.obligations {
            Fact::Known(obligations) => obligations,
            Fact::Absent => return false,
            Fact::Unavailable(_) => return true,
        };
        obligations.iter().any(|it| self.holds_up(it) && !self.left_by_itself(it, retried))
    }

    /// Whether this release's own going left it: asked for or opened before it was owed, under a name that nothing else had.
    fn left_by_itself(&self, it: &OwedObligation, retried: bool) -> bool {
        let release = &self.facts.release;
        let (Some(since), None) = (it.opened_at.known(), self.facts.deployments.unavailable()) else { return false };
        let mut went_before = false;
        for known in self.facts.deployments.entries().iter().filter(|known| known.release == release.name) {
            if self.same(known) != Tri::Yes {
                return false;
            }
            went_before |= known.environment == HERE && known.opened_at <= *since;
        }
        it.release == release.name && (*since >= release.submitted_at || (retried && went_before))
    }

    fn holds_up(&self, it: &OwedObligation) -> bool {
        let overdue = match &it.due {
            Fact::Known(due) => due.timestamp() <= self.now,
            Fact::Absent => false,
            Fact::Unavailable(_) => true,
        };
        // A policy without components knows nobody's.
        let renamed = !self.shape.components.iter().any(|known| known.team.is_some_and(|team| team == it.team));
        let gone = !self.shape.components.iter().any(|known| it.components.iter().any(|name| name == known.name));
        // Nor does one whose team and components are all called otherwise now.
        let any = self.shape.components.is_empty() || (renamed && gone);
        let named = |component: &ComponentShape| it.components.iter().any(|name| name == component.name);
        // What is owed for a component of no team, or by a team that there is no more, is owed by whoever releases that.
        let owes = |component: &ComponentShape| match component.team {
            Some(team) => team == it.team || (renamed && named(component)),
            None => named(component),
        };
        let team = any || self.components().iter().any(|component| owes(component));
        let component = any || self.components().iter().any(|component| named(component));
        let rule = self.shape.pir.as_ref().filter(|_| it.kind == "pir");
        let waits = match rule {
            Some(rule) => {
                let ours = match rule.blocks {
                    "team" => team,
                    "component" => component,
                    _ => false,
                };
                ours && (overdue || !rule.overdue_only)
            }
            None => team && overdue,
        };
        waits && !self.completed(it) && !self.fixes_cause_of(it)
    }

    /// Whether an obligation is met; the board's takes its quorum, and its chair where there is one.
    fn completed(&self, it: &OwedObligation) -> bool {
        if it.met == Fact::Known(true) {
            return true;
        }
        let Some(role) = &it.by else { return false };
        let by = |role: &str| -> BTreeSet<Person> {
            let acts = self.acts.iter().filter(|act| self.completes(it, act, role));
            acts.map(|act| self.person(&act.by)).collect()
        };
        match self.shape.cab.as_ref().filter(|_| role == "cab") {
            Some(cab) => by(role).len() >= cab.quorum && cab.chair.is_none_or(|chair| !by(chair).is_empty()),
            None => !by(role).is_empty(),
        }
    }

    fn completes(&self, it: &OwedObligation, act: &Act, role: &str) -> bool {
        let Deed::Complete { obligation, evidence } = &act.does else { return false };
        let looks_back = !["validate", "back_merge"].contains(&it.kind.as_str());
        let invoked = looks_back && it.invoked_by.unavailable().is_some();
        if it.contributors.unavailable().is_some() || invoked {
            return false;
        }
        let mut out = it.contributors.entries().to_vec();
        if looks_back {
            out.extend(it.invoked_by.entries().iter().cloned());
        }
        *obligation == it.id
            && it.opened_at.known().is_some_and(|opened| *opened <= act.at)
            && (!maybe(&it.needs_evidence) || !evidence.is_empty())
            && self.acting(act).is_some_and(|person| {
                self.holds(person, role)
                    && !out.iter().any(|account| self.person(account) == person || self.link_unknown(account.as_str()))
            })
    }

    /// Whether this release fixes an incident that the other one caused.
    fn fixes_cause_of(&self, it: &OwedObligation) -> bool {
        it.incidents.iter().chain([&it.release]).any(|id| self.fixes_by_name(id, &it.components))
    }

    /// Whether this release fixes an incident, or one that failed, by its name.
    fn fixes_by_name(&self, id: &str, components: &[String]) -> bool {
        let Some(role) = self.shape.incidents.as_ref().and_then(|rule| rule.confirmed_by) else { return false };
        let linked = self.facts.change_record.known().is_some_and(|record| record.fixes.iter().any(|it| it == id));
        let confirmed = self.acts.iter().any(|act| {
            matches!(&act.does, Deed::ConfirmFix { incident } if incident == id)
                && self.independent(act, role).is_some()
                && self.about_all(act)
        });
        let now = self.incidents_now(true);
        let named: Vec<&Incident> = now.iter().filter(|incident| incident.id == id).collect();
        if named.is_empty() {
            return linked && confirmed && self.any_named(components);
        }
        named.iter().all(|incident| self.fixes(incident) == Tri::Yes)
    }

    /// Whether a grant opens the release, which went while nothing could be asked. `Some(false)`: one that never held;
    /// one that held and is over is as good as none.
    pub fn glass(&self) -> Option<bool> {
        let Fact::Known(grant) = &self.facts.release.break_glass else { return None };
        let Some(rule) = &self.shape.glass else { return Some(false) };
        let opened = grant.opened_at.timestamp();
        let from = grant.granted_at.timestamp();
        let most = times::due(rule.expires, self.shape.business, self.shape.london, from);
        let until = most.min(grant.expires_at.known().map_or(most, chrono::DateTime::timestamp));
        let every = self
            .components()
            .iter()
            .all(|it| grant.components.is_absent() || grant.components.entries().iter().any(|name| *name == it.name))
            // What it is for has to be known, whatever goes.
            && grant.components.unavailable().is_none();
        let uses = grant.used_at.iter().filter(|at| **at <= grant.opened_at).count();
        let fits = grant.environment == HERE
            && self.facts.release.environment == HERE
            && grant.commit == self.facts.release.commit
            && grant.repository.known().is_some_and(|name| *name == self.facts.release.repository)
            && self.granted_artifacts(grant)
            && every
            && grant.expires_at.unavailable().is_none()
            && grant.used_at.contains(&grant.opened_at)
            && uses <= rule.releases
            && from <= opened
            && opened < until
            && opened <= self.now;
        // Nobody who had a hand in it signs, and who may have had is known.
        let known = self.starter_known() && !self.unread && !self.unattributed;
        let held = fits && known && self.signers(grant, &rule.by) >= rule.people;
        // One release and its tries, within the hours or the time for a retry, until anything else goes here.
        let retries = opened + self.shape.retry.unwrap_or(0) * 60;
        let over = self.now >= until.max(retries) || self.went_after(opened) != Tri::No;
        // Somebody may have said that it does not go again.
        let over = over || self.facts.acts.unavailable().is_some();
        if held && over { None } else { Some(held) }
    }

    /// Whether everything that was built and went is what a grant is for.
    fn granted_artifacts(&self, grant: &Grant) -> bool {
        let components = &self.facts.release.components;
        let stated = self.components().iter().all(|it| components.contains_key(it.name));
        stated
            && grant.artifacts.unavailable().is_none()
            && components.values().all(|it| {
                it.artifacts.unavailable().is_none()
                    && it.artifacts.entries().iter().all(|went| grant.artifacts.entries().contains(went))
            })
    }

    fn signers(&self, grant: &Grant, roles: &[&'static str]) -> usize {
        let people: std::collections::BTreeSet<_> = grant
            .signed_by
            .iter()
            .filter(|account| self.human(account))
            .map(|account| self.person(account))
            .filter(|person| roles.iter().any(|role| self.holds(*person, role)))
            .filter(|person| !self.contributions.iter().any(|it| it.person == *person))
            .filter(|person| self.facts.release.trigger.known().map(|it| self.person(it)).as_ref() != Some(person))
            .collect();
        people.len()
    }

    /// Whether somebody who is consulted is still waited for.
    pub fn consultation_holds(&self, legs: &[Leg<'w>], kind: &Kind) -> bool {
        legs.iter().any(|leg| {
            self.rows_waited_for(leg, kind).iter().filter_map(|row| row.consulted).any(|(role, wait)| {
                let own = self.shape.role(role).and_then(|it| it.week).unwrap_or(self.shape.business);
                let until = times::due(wait, own, self.shape.london, self.asked());
                let answered = self.acts.iter().any(|act| {
                    matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {})
                        && act.at >= self.facts.release.submitted_at
                        && self.independent(act, role).is_some()
                        && self.about_all(act)
                });
                self.now < until && !answered
            })
        })
    }
}
