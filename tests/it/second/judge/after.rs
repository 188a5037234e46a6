//! What follows from a release that goes.

use std::collections::BTreeSet;

use countersign::model::facts::{Fact, Outcome};
use countersign::model::release_decision::Class;

use super::kinds::{Kind, Leg};
use super::who::View;
use crate::second::shape::{ApprovalShape, HERE, Len};
use crate::second::times;

impl View<'_> {
    /// Each as its kind, its role and when it is due.
    pub fn follows(&self, legs: &[Leg<'_>], kind: &Kind) -> BTreeSet<String> {
        let mut owed = BTreeSet::new();
        let mut owe = |what: &str, role: &str, length: Len, from: i64| {
            let own = self.shape.roles.iter().find(|it| it.name == role).and_then(|it| it.week);
            let due = times::due(length, own.unwrap_or(self.shape.business), self.shape.london, from);
            owed.insert(format!("{what} {role} {due}"));
        };
        if legs.iter().any(|leg| leg.route.is_some_and(|route| route.then)) {
            owe("validate", "release-manager", Len::Minutes(240), self.now);
        }
        let failed = matches!(self.facts.release.outcome, Fact::Known(Outcome::Failed) | Fact::Unavailable(_));
        if failed && self.shape.pir.is_some() && self.shape.approval != ApprovalShape::Automatic {
            owe("pir", "lead", Len::OpenDays(5), self.ran_at().unwrap_or(self.now));
        }
        if self.lacks_on_main(legs, kind) {
            owed.insert("back_merge".to_owned());
        }
        owed
    }

    /// Whether what goes has to come to the default branch yet: of an emergency whatever is not surely there, of what
    /// people let go otherwise and does not go back, what is not there or may not be.
    fn lacks_on_main(&self, legs: &[Leg<'_>], kind: &Kind) -> bool {
        let release = &self.facts.release;
        let (there, away) = match &release.reference {
            Fact::Known(reference) => match reference.on_default {
                Fact::Known(there) => (there, !there),
                Fact::Absent => (false, false),
                Fact::Unavailable(_) => (false, true),
            },
            Fact::Absent => (false, false),
            Fact::Unavailable(_) => (false, true),
        };
        let granted = release.break_glass.known().is_some_and(|grant| grant.opened_at.timestamp() <= self.now);
        if kind.class == Class::Emergency || granted {
            return !there;
        }
        away && self.shape.approval != ApprovalShape::Automatic && !View::recovers(legs)
    }

    /// When this release ran here, where it did.
    fn ran_at(&self) -> Option<i64> {
        let own = |it: &&countersign::model::facts::Deployment| {
            it.environment == HERE && it.release == self.facts.release.name
        };
        let ran = self.facts.deployments.entries().iter().filter(own).filter_map(|it| it.finished_at.known());
        ran.map(chrono::DateTime::timestamp).filter(|at| *at <= self.now).max()
    }
}
