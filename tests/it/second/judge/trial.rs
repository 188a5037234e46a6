//! Experiments: whether a release takes the path that asks nobody.

use countersign::model::facts::history::ExperimentCount;
use countersign::model::facts::{Deed, Fact, Standing};
use countersign::model::release_decision::Class;
use sha2::{Digest, Sha256};

use super::kinds::{Asked, Kind, Leg};
use super::seats::says;
use super::spent::Used;
use super::ways::maybe;
use super::who::View;
use crate::second::shape::ApprovalShape;
use crate::second::times;
use crate::second::worlds::REPOSITORY;

impl<'w> View<'w> {
    /// Whether an experiment lets it go by itself: a normal release of nothing critical, whose number is among those that do,
    /// of changes that somebody independent approved, and against which nobody speaks who would be heard.
    pub fn goes_on_trial(&self, legs: &[Leg<'w>], kind: &Kind) -> bool {
        let Some(trial) = &self.shape.trial else { return false };
        let asked = Asked { class: Some(kind.class), ..Asked::default() };
        let components = self.components();
        let usual = |leg: &Leg<'_>| leg.rigor == 0 && leg.route.is_some_and(|route| !route.last_good);
        let harmless = !components.is_empty()
            && components.iter().all(|it| it.tier.is_some_and(|tier| tier != "critical"))
            && self.astray().is_empty();
        kind.class == Class::Normal
            && legs.iter().any(|leg| leg.formal)
            && legs.iter().all(usual)
            && harmless
            && self.relaxes(&trial.on, asked, Some(kind))
            && !self.trial_is_over(trial.sample, trial.stops)
            && !self.changes().is_empty()
            && self.number() < u64::try_from(trial.split).unwrap() * 100
            && !self.unread
            && !self.unattributed
            && self.starter_known()
            && self.changes().iter().enumerate().all(|(at, change)| self.human_approved(at, change))
            && !self.spoken_against(legs, kind)
    }

    fn trial_is_over(&self, sample: u64, stops: bool) -> bool {
        let count = match self.facts.experiments.get("trial") {
            Some(Fact::Known(count)) => count,
            Some(Fact::Absent) => &ExperimentCount { stopped: Fact::Known(false), ..ExperimentCount::default() },
            Some(Fact::Unavailable(_)) | None => return true,
        };
        // Which share is larger, without a division.
        let worse = count.b_failed * count.a_releases > count.a_failed * count.b_releases;
        maybe(&count.stopped) || stops && count.a_releases >= sample && count.b_releases >= sample && worse
    }

    /// The number of a release among ten thousand, by SHA-256 of the experiment, the repository and the changes.
    fn number(&self) -> u64 {
        let mut names: Vec<&str> = self.changes().iter().map(|change| change.id.as_str()).collect();
        names.sort_unstable();
        let text = [vec!["trial", REPOSITORY], names].concat().join("\0");
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        u64::from_be_bytes(hash[..8].try_into().unwrap()) % 10_000
    }

    pub fn starter_known(&self) -> bool {
        match &self.facts.release.trigger {
            Fact::Known(account) => !self.anybodys(account),
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
        }
    }

    /// Whether somebody rejects it whom the usual path hears, or something newer went, or may have.
    fn spoken_against(&self, legs: &[Leg<'w>], kind: &Kind) -> bool {
        let (needs, _) = self.needs(legs, kind);
        let roles = self.heard_roles(&needs, legs, kind);
        self.somebody_rejects(legs, kind) || matches!(self.used(false, &roles), Used::Superseded(_) | Used::Unread)
    }

    /// Whether somebody rejects it whom a path hears. Where everything goes by itself, he has to say that he means this
    /// environment.
    pub fn somebody_rejects(&self, legs: &[Leg<'w>], kind: &Kind) -> bool {
        let (needs, _) = self.needs(legs, kind);
        let roles = self.heard_roles(&needs, legs, kind);
        let lapsed = |act: &countersign::model::facts::Act| {
            let said =
                self.shape.reason == 0 || act.reason.as_ref().is_some_and(|reason| says(reason, self.shape.reason));
            let until = times::due(self.shape.holds, self.shape.business, self.shape.london, act.at.timestamp());
            !said && act.standing != Standing::Edited && until <= self.now
        };
        let everything = self.shape.approval == ApprovalShape::Automatic;
        self.with_ahead
            .iter()
            .filter(|act| act.does == (Deed::Reject {}) && (!everything || act.saw.environment.is_some()))
            .any(|act| self.heard(act, &roles).is_some() && !lapsed(act))
    }
}
