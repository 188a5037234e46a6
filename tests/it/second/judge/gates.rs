//! The gate, the checklist, and waivers.

use countersign::model::facts::{Deed, Fact, GateEvidence};
use countersign::model::measures::Measure;
use countersign::model::verdict::Verdict;

use super::seats::says;
use super::who::View;
use crate::second::shape::{ApprovalShape, HERE, ISSUER, ITEMS, PackShape};

impl View<'_> {
    /// What the one gate comes to, waivers included.
    pub fn gate(&self) -> Verdict {
        let bare = self.gate_bare();
        if bare == Verdict::Pass || !self.waived() { bare } else { Verdict::Waived }
    }

    /// Whether everything on the checklist is ticked by somebody who may, or in files that were each signed by one whom
    /// the policy names. What a file says by itself is a claim.
    pub fn list_is_done(&self) -> bool {
        let Some(list) = &self.shape.list else { return true };
        let evidence = self.facts.evidence.get("list");
        if list.signed && matches!(evidence, None | Some(Fact::Unavailable(_))) {
            return false;
        }
        let file = evidence.and_then(Fact::known).filter(|file| !file.digests.is_empty());
        let signed = |digest: &String| {
            file.is_some_and(|file| {
                file.signers.iter().any(|it| {
                    it.artifact == *digest
                        && it.identity == "otto@acme.example"
                        && it.issuer.known().is_some_and(|issuer| issuer == ISSUER)
                })
            })
        };
        let counts = list.signed && file.is_some_and(|file| file.digests.iter().all(signed));
        ITEMS.iter().all(|text| {
            let in_file = counts && file.is_some_and(|file| file.ticked.iter().any(|it| it == text));
            in_file || self.ticked("list", text, list.verified_by)
        })
    }

    /// Whether the list of a pack is ticked, where the regulation is about something that goes. A file of its ticks has no
    /// signer whom the policy names, and says nothing; it has to have been looked for all the same.
    pub fn pack_is_done(&self) -> bool {
        let Some(PackShape { pack, on: Some(on) }) = self.shape.pack else { return true };
        let goes = self.components().iter().any(|it| it.name == on);
        if self.shape.approval == ApprovalShape::Automatic || !goes {
            return true;
        }
        let gate = pack.gate();
        !matches!(self.facts.evidence.get(&gate), None | Some(Fact::Unavailable(_)))
            && pack.items().iter().all(|item| self.ticked(&gate, item, Some(pack.verified_by)))
    }

    /// Whether somebody who may ticked an item: of the role that verifies the list, or of any where none does.
    fn ticked(&self, list: &str, text: &str, verified_by: Option<&str>) -> bool {
        self.acts.iter().any(|act| {
            let may = match verified_by {
                Some(role) => self.independent(act, role).is_some(),
                None => self.shape.roles.iter().any(|role| self.independent(act, role.name).is_some()),
            };
            matches!(&act.does, Deed::Tick { gate, item, .. } if gate == list && item == text)
                && may
                && self.about_all(act)
        })
    }

    /// Whether there is evidence at all.
    pub fn has_evidence(&self) -> bool {
        matches!(self.facts.evidence.get("coverage"), Some(Fact::Known(evidence)) if !evidence.digests.is_empty())
    }

    /// Whether there is evidence of which nobody can tell how old it is, where that matters.
    pub fn age_unknown(&self) -> bool {
        let Some(Fact::Known(evidence)) = self.facts.evidence.get("coverage") else { return false };
        let told = matches!(&evidence.made_at, Fact::Known(made) if made.timestamp() - 300 <= self.now);
        self.shape.gate.max_age.is_some() && self.has_evidence() && !told && self.gate() == Verdict::Pending
    }

    fn gate_bare(&self) -> Verdict {
        let missing = if self.shape.gate.block_missing { Verdict::Block } else { Verdict::Pending };
        let evidence: &GateEvidence = match self.facts.evidence.get("coverage") {
            Some(Fact::Known(evidence)) if !evidence.digests.is_empty() => evidence,
            Some(Fact::Known(_) | Fact::Absent) => return missing,
            Some(Fact::Unavailable(_)) | None => return Verdict::Indeterminate,
        };
        if let Some(minutes) = self.shape.gate.max_age {
            match &evidence.made_at {
                // Clocks of two machines may be five minutes apart.
                Fact::Known(made)
                    if made.timestamp() - 300 <= self.now && self.now < made.timestamp() + minutes * 60 => {}
                _ => return Verdict::Pending,
            }
        }
        match evidence.measures.get("coverage.lines") {
            Some(Measure::Number(lines)) if *lines >= 0.8 => Verdict::Pass,
            _ => Verdict::Block,
        }
    }

    fn waived(&self) -> bool {
        let Some(rule) = &self.shape.waivers else { return false };
        self.acts.iter().any(|act| {
            let Deed::Waive { gate, environments, until, compensating_control, .. } = &act.does else { return false };
            gate == "coverage"
                && (environments.is_empty() || environments.iter().any(|name| name == HERE))
                && (!environments.is_empty() || act.saw.environment.as_ref().is_none_or(|shown| shown == HERE))
                && act.saw.repository.as_ref().is_none_or(|shown| *shown == self.facts.release.repository)
                // Who saw it pass waived nothing that came later.
                && act.saw.gates.get("coverage") != Some(&Verdict::Pass)
                && self.now < until.timestamp()
                && (!rule.reason || act.reason.as_ref().is_some_and(|reason| says(reason, 1)))
                && (!rule.control || compensating_control.as_ref().is_some_and(|text| says(text, 1)))
                && rule.max_hours.is_none_or(|hours| (*until - act.at).num_seconds() <= hours * 3600)
                && self.independent(act, "chief").is_some()
        })
    }
}
