//! What becomes of one act that is neither an approval nor a rejection: whether it counts, or why it does not. Said to
//! whoever did it, and asked before it is offered to anybody; every reason is that of the rule which counts it.

use std::cell::OnceCell;

use chrono::{DateTime, Utc};

use super::bound::{self, Extent};
use super::in_flight::Lifted;
use super::path::Triage;
use super::release_gates::is_named;
use super::scene::Scene;
use super::{hours, incidents, owed, release, release_gates, routing, separation, standins, triage, waivers, words};
use crate::model::facts::{Act, Deed, Fact, Facts};
use crate::model::kind::Kind;
use crate::policy::Policy;
use crate::policy::gate::Gate;

/// One release at one instant, for asking what becomes of acts that are among its facts.
#[derive(Debug)]
pub struct Hearing<'s> {
    scene: Scene<'s>,
    /// The policy by which the release began, where that is another.
    before: Option<&'s Policy>,
    triage: OnceCell<Triage>,
}

/// That it counts, or why it does not.
pub type Heard = Result<(), String>;

impl<'s> Hearing<'s> {
    /// Looks at a release. `before` is the policy by which it was decided first, where that is another.
    #[must_use]
    pub fn new(policy: &'s Policy, before: Option<&'s Policy>, facts: &'s Facts, now: DateTime<Utc>) -> Self {
        Self { scene: Scene::new(policy, facts, now), before, triage: OnceCell::new() }
    }

    /// What becomes of the act of a name; `None` where the facts have none, or where the decision itself says it: of what
    /// approves, rejects, takes back, comments, claims or is away.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<Heard> {
        let scene = &self.scene;
        let act = scene.acts().find(|act| act.id == id)?;
        Some(match &act.does {
            Deed::Tick { gate, item, .. } => self.ticks(act, gate, item),
            Deed::Verify { gate, .. } => self.verifies(act, gate),
            Deed::Waive { gate, .. } => self.waives(act, gate),
            Deed::ConfirmFix { incident } => self.confirms(act, incident),
            Deed::ExceptFreeze { freeze } => self.excepts(act, freeze),
            Deed::Vouch { commit } => self.answers(act, commit),
            Deed::Clear { commit, .. } => self.answers(act, commit),
            Deed::Complete { obligation, .. } => self.completes(act, obligation),
            Deed::ApprovePolicy { policy } => self.approves_policy(act, policy),
            Deed::Delegate { .. } => standins::refused(scene, act).map_or(Ok(()), Err),
            Deed::Approve { .. }
            | Deed::Reject {}
            | Deed::Withdraw { .. }
            | Deed::Comment {}
            | Deed::ClaimEmergency {}
            | Deed::Away { .. } => return None,
        })
    }

    /// The gates of a name that guard this environment; else why there is none.
    fn gates(&self, name: &str, kind: Option<Kind>) -> Result<Vec<&'s Gate>, String> {
        let environment = &self.scene.facts.release.environment;
        let guards = |gate: &&Gate| {
            (gate.environments.is_empty() || gate.environments.contains(environment))
                && kind.is_none_or(|kind| gate.kind == kind)
        };
        let all = || self.scene.policy.gates.iter().filter(guards);
        let found: Vec<&Gate> = all().filter(|gate| is_named(gate, name)).collect();
        if found.is_empty() {
            let what = if kind.is_some() { "checklist" } else { "gate" };
            return Err(none(what, name, environment, all().map(|gate| gate.name.as_str())));
        }
        Ok(found)
    }

    fn ticks(&self, act: &Act, gate: &str, item: &str) -> Heard {
        let gates = self.gates(gate, Some(Kind::Checklist))?;
        let Some(listed) = gates.iter().find(|gate| gate.items.iter().any(|it| it == item)) else {
            let items = gates.iter().flat_map(|gate| &gate.items).map(String::as_str);
            return Err(none("item", item, gate, items));
        };
        release_gates::ticks_off(&self.scene, listed, act).map(|_| ()).map_err(|refusal| refusal.says)
    }

    fn verifies(&self, act: &Act, gate: &str) -> Heard {
        first(self.gates(gate, None)?, |gate| release_gates::verifies(&self.scene, gate, act))
    }

    fn waives(&self, act: &Act, gate: &str) -> Heard {
        let gates = self.gates(gate, None)?;
        let triage = self.triage.get_or_init(|| triage::judge(&self.scene));
        first(gates, |gate| waivers::holds(&self.scene, triage, gate, act).map(|_| ()).map_err(|refusal| refusal.says))
    }

    fn confirms(&self, act: &Act, incident: &str) -> Heard {
        let Some(role) = self.scene.rules.incidents.as_ref().and_then(|rule| rule.confirmed_by.as_deref()) else {
            return Err("the policy names no role that confirms a fix (`incidents.confirmed_by`)".to_owned());
        };
        let open = match &self.scene.facts.incidents {
            Fact::Unavailable(why) => return Err(format!("the open incidents could not be read: {why}")),
            Fact::Known(_) | Fact::Absent => self.scene.facts.incidents.entries(),
        };
        if !open.iter().any(|it| it.id == incident) {
            return Err(none("open incident", incident, "the record", open.iter().map(|it| it.id.as_str())));
        }
        incidents::confirms(&self.scene, act, role).map(|_| ()).map_err(|refusal| refusal.says)
    }

    fn excepts(&self, act: &Act, freeze: &str) -> Heard {
        let freezes = &self.scene.rules.calendar.freezes;
        match freezes.iter().find(|it| it.name == freeze) {
            Some(freeze) => hours::excepts(&self.scene, act, freeze).map(|_| ()),
            None => Err(none("freeze", freeze, "the policy", freezes.iter().map(|it| it.name.as_str()))),
        }
    }

    /// Whether an authority answers for a commit of this release, or for somebody whom one names.
    fn answers(&self, act: &Act, commit: &str) -> Heard {
        let changes = self.scene.changes().unwrap_or_default();
        if !changes.iter().flat_map(|change| change.commits.entries()).any(|it| it.sha == commit) {
            return Err(format!("no commit of this release, or more than one, begins with `{}`", words::short(commit)));
        }
        bound::to_release(&self.scene, act, Extent::Place).map_err(|refusal| refusal.says)?;
        separation::by_authority(&self.scene, act).map(|_| ()).map_err(|refusal| refusal.says)
    }

    fn completes(&self, act: &Act, obligation: &str) -> Heard {
        let owed = match &self.scene.facts.obligations {
            Fact::Unavailable(why) => return Err(format!("what is owed could not be read: {why}")),
            Fact::Known(_) | Fact::Absent => self.scene.facts.obligations.entries(),
        };
        match owed.iter().find(|it| it.id == obligation) {
            Some(owed) => owed::helps(&self.scene, owed, act),
            None => Err(none("obligation", obligation, "the record", owed.iter().map(|it| it.id.as_str()))),
        }
    }

    fn approves_policy(&self, act: &Act, named: &str) -> Heard {
        let digest = release::digest(self.scene.policy);
        if !named.eq_ignore_ascii_case(&digest) {
            return Err(format!(
                "the policy that is in force has the digest {digest}; name that, once you have read it"
            ));
        }
        let Some(before) = self.before.filter(|before| release::digest(before) != digest) else {
            return Err("the policy is the one that the release began with, and nobody need approve it".to_owned());
        };
        let scene = Scene::new(before, self.scene.facts, self.scene.clock.now());
        let triage = triage::judge(&scene);
        let path = routing::choose(&scene, &triage);
        if Lifted::new(&scene, &triage, &path, &digest).is_by(scene.person_of(act)) {
            return Ok(());
        }
        Err("in none of the roles that the policy before asks, or kept from answering for this release".to_owned())
    }
}

/// That it counts for one of several, or why it does not for the first.
fn first<'g>(of: Vec<&'g Gate>, heard: impl Fn(&'g Gate) -> Heard) -> Heard {
    let mut refused = None;
    for one in of {
        match heard(one) {
            Ok(()) => return Ok(()),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    Err(refused.unwrap_or_default())
}

/// That there is nothing of a name, and what there is.
fn none<'n>(what: &str, name: &str, of: &str, known: impl Iterator<Item = &'n str>) -> String {
    let known: Vec<String> = known.take(LISTED).map(|it| format!("`{it}`")).collect();
    if known.is_empty() {
        return format!("{of} has no {what} at all, and so none called `{name}`");
    }
    format!("{of} has no {what} `{name}`; it has {}", words::all_of(&known))
}

/// How many names are listed that there are.
const LISTED: usize = 20;
