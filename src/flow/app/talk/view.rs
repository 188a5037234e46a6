//! A change as an environment would see it, before anybody deploys it: as if it were on its branch and released now.
//!
//! It is looked at alone, from where it left its branch: what else goes with it one day is not known yet, and what runs
//! then neither. Nothing of this is recorded as a decision.

use std::collections::BTreeMap;

use super::super::policy::Read;
use super::super::{Desk, lasting, owed};
use super::pressed;
use crate::decide::release;
use crate::flow::facts::{self, Wanted};
use crate::forge::Hub;
use crate::forge::talk::{Proposed, Talk as _};
use crate::model::facts::{Fact, Facts, Reference};
use crate::model::release_decision::ReleaseDecision;
use crate::policy::rules::{Approval, EnvironmentRule};

/// What would be decided, and from what.
#[derive(Debug)]
pub(super) struct View {
    pub(super) facts: Facts,
    pub(super) decision: ReleaseDecision,
}

impl View {
    /// Whether it is known of everybody in the groups since when he is.
    pub(super) fn groups_known(&self) -> bool {
        let known = |group: &Fact<Vec<_>>| match group {
            Fact::Known(members) => members.iter().all(|it: &crate::model::facts::Member| it.joined == Fact::Absent),
            Fact::Absent | Fact::Unavailable(_) => false,
        };
        self.facts.groups.values().all(known)
    }
}

/// The environments that people are asked for: all but those that are always entered by themselves.
pub(super) fn asked(read: &Read) -> impl Iterator<Item = &EnvironmentRule> {
    read.policy.rules.environments.iter().filter(|it| !matches!(it.approval, Approval::Automatic))
}

impl<H: Hub> Desk<H> {
    /// How an environment would see a change; or why that is not known.
    pub(super) async fn view(
        &self,
        forge: &H::Forge,
        (repository, proposed): (&str, &Proposed),
        read: &Read,
        environment: &str,
    ) -> Result<View, String> {
        let begins = forge.begins(repository, proposed).await.map_err(|fault| fault.to_string())?;
        let now = self.now();
        let acts = async {
            let mut reader = self.reader().await?;
            let mut acts = pressed::acts(&mut reader, H::NAME, repository, now).await?;
            acts.extend(lasting::acts(&mut reader, H::NAME, repository, now).await?);
            reader.close().await?;
            Ok::<_, crate::store::fault::Fault>(acts)
        };
        let acts = acts.await.map_err(|fault| format!("the record could not be read: {fault}"))?;
        let wanted = Wanted {
            name: None,
            forge: H::NAME,
            repository: repository.to_owned(),
            environment: environment.to_owned(),
            commit: proposed.commit.clone(),
            reference: None,
            run: None,
            submitted_at: Some(now),
            components: Vec::new(),
            since: [(String::new(), begins)].into(),
            running: None,
            roster: self.settings.roster.clone(),
            artifacts: self.without_artifacts(read),
            acts,
            signers: Vec::new(),
        };
        let mut facts = facts::gather(forge, &read.policy, &wanted).await.map_err(|fault| fault.to_string())?;
        supposed(&mut facts, proposed, H::NAME);
        let recorded = async {
            let mut reader = self.reader().await?;
            owed::add(&mut reader, (H::NAME, repository), &read.policy, &mut facts).await?;
            self.with_history(&mut reader, forge, (read, &BTreeMap::new()), &mut facts).await?;
            reader.close().await
        };
        recorded.await.map_err(|fault: crate::store::fault::Fault| format!("the record could not be read: {fault}"))?;
        if let Some(known) = &self.settings.known {
            facts = facts::fill(&facts, known).map_err(|fault| fault.to_string())?;
        }
        let decision = release::decide(&read.policy, &facts, now);
        Ok(View { facts, decision })
    }
}

/// What is supposed of a release that nobody has asked for: it comes from the branch that the change goes onto, this forge
/// deploys it, and whoever starts that had no other hand in it.
fn supposed(facts: &mut Facts, proposed: &Proposed, forge: &str) {
    facts.release.reference = Fact::Known(Reference {
        name: proposed.onto.clone(),
        reaches: Fact::Known(true),
        on_default: Fact::Known(proposed.onto_default),
        resolves_to: Fact::Known(proposed.commit.clone()),
    });
    facts.release.trigger = Fact::Absent;
    facts.release.deployed_by = Fact::Known(forge.to_owned());
}
