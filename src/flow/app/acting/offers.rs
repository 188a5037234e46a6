//! What somebody could do of a release besides approving, rejecting and ticking off: lift a gate for a time, name a
//! stand-in, be away, claim an emergency, meet what is owed, and what the policy's roles answer for one by one.

use chrono::{DateTime, TimeDelta, Utc};

use super::trial::{Trial, Verdict};
use crate::decide::heard::Hearing;
use crate::decide::release;
use crate::model::facts::{Account, Act, Deed, Fact, Facts};
use crate::policy::Policy;

/// How many of one kind are offered.
const OF_A_KIND: usize = 50;

/// What lasts, and what is done one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// The gates that he could waive.
    pub waive: Vec<String>,
    /// Whether a waiver says what guards instead.
    pub needs_control: bool,
    /// The roles in which he could name a stand-in.
    pub stand_in: Vec<String>,
    /// Whether he could say that he is away.
    pub away: bool,
    /// Whether he could say that it is an emergency.
    pub emergency: bool,
    /// What is owed that he could meet.
    pub owed: Vec<Debt>,
    /// What else he could do: a word of a command, and of what.
    pub others: Vec<(&'static str, String)>,
}

/// Something that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// Its name in the record.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// The release that left it.
    pub release: String,
    /// Whether something must be attached.
    pub needs_evidence: bool,
}

impl More {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { needs_control: self.needs_control, ..Self::default() }
    }
}

/// Something that is tried, and what is offered where it would count.
enum Tried {
    Waive(String),
    Owed(Debt),
    Other(&'static str, String),
}

/// The evidence of a gate, by the name that a policy or its layer gives it.
pub fn evidence_of(policy: &Policy, facts: &Facts, gate: &str) -> Vec<String> {
    let mut named = policy.gates.iter().filter(|it| crate::decide::release_gates::is_named(it, gate));
    let (Some(only), None) = (named.next(), named.next()) else { return Vec::new() };
    let names = [only.name.clone(), format!("{}/{}", only.layer, only.name)];
    let found = names.iter().find_map(|name| facts.evidence.get(name)?.known());
    found.map(|found| found.digests.clone()).unwrap_or_default()
}

impl Trial {
    /// What else somebody could do now; of a release that went, meet what it left.
    pub(super) fn more(&self, to: &Account, now: DateTime<Utc>, went: bool) -> More {
        let rules = &self.policy.rules;
        let held = self.held(to);
        if held.is_empty() {
            return More::default();
        }
        let mut more = More {
            needs_control: rules.waivers.as_ref().is_some_and(|rule| rule.needs_control),
            stand_in: if rules.delegation.is_some() && !went { held.clone() } else { Vec::new() },
            away: !went,
            ..More::default()
        };
        let reason = || Some("a reason for trial".to_owned());
        let mut tried: Vec<(Tried, Act)> = Vec::new();
        let mut try_it = |what: Tried, does: Deed| {
            let id = format!("page-trial/{}", tried.len());
            let act = self.act(&id, to, now, does, reason());
            tried.push((what, act));
        };
        for owed in self.facts.obligations.entries().iter().filter(|it| it.met != Fact::Known(true)).take(OF_A_KIND) {
            let debt = Debt {
                id: owed.id.clone(),
                kind: owed.kind.clone(),
                release: owed.release.clone(),
                needs_evidence: owed.needs_evidence != Fact::Known(false) && owed.needs_evidence != Fact::Absent,
            };
            let evidence = vec!["evidence for trial".to_owned()];
            try_it(Tried::Owed(debt), Deed::Complete { obligation: owed.id.clone(), evidence });
        }
        if !went {
            for (gate, _) in self.saw().gates.into_iter().filter(|(_, stood)| !stood.opens()).take(OF_A_KIND) {
                let until = now + TimeDelta::hours(1);
                let compensating_control = Some("a control for trial".to_owned());
                let does = Deed::Waive {
                    gate: gate.clone(),
                    environments: Vec::new(),
                    until,
                    compensating_control,
                    when: None,
                };
                try_it(Tried::Waive(gate), does);
            }
            for gate in self.policy.gates.iter().filter(|gate| gate.verified_by.is_some()).take(OF_A_KIND) {
                let name = format!("{}/{}", gate.layer, gate.name);
                let evidence = evidence_of(&self.policy, &self.facts, &name);
                if !evidence.is_empty() {
                    try_it(Tried::Other("verify", name.clone()), Deed::Verify { gate: name, evidence });
                }
            }
            for incident in self.facts.incidents.entries().iter().take(OF_A_KIND) {
                let does = Deed::ConfirmFix { incident: incident.id.clone() };
                try_it(Tried::Other("confirm", incident.id.clone()), does);
            }
            let on = rules.calendar.freezes.iter().filter(|freeze| freeze.from <= now && now < freeze.to);
            for freeze in on.take(OF_A_KIND) {
                try_it(Tried::Other("except", freeze.name.clone()), Deed::ExceptFreeze { freeze: freeze.name.clone() });
            }
            let policy = release::digest(&self.policy);
            if self.before.as_ref().is_some_and(|before| release::digest(before) != policy) {
                try_it(Tried::Other("policy", policy.clone()), Deed::ApprovePolicy { policy });
            }
            let claim = self.act("page-trial", to, now, Deed::ClaimEmergency {}, reason());
            more.emergency = rules.emergency.is_some() && self.judge(&claim, now) == Verdict::Counts;
        }
        let acts: Vec<Act> = tried.iter().map(|(_, act)| act.clone()).collect();
        let Some(facts) = self.facts_with(&acts) else { return more };
        let hearing = Hearing::new(&self.policy, self.before.as_ref(), &facts, now);
        for (what, act) in tried {
            if hearing.of(&act.id) != Some(Ok(())) {
                continue;
            }
            match what {
                Tried::Waive(gate) => more.waive.push(gate),
                Tried::Owed(debt) => more.owed.push(debt),
                Tried::Other(word, of) => more.others.push((word, of)),
            }
        }
        more
    }
}
