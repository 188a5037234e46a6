//! Which issues are incidents, as the record knows it: each is noted once it is seen, and looked at from then on until it is
//! over by a word that counts.

use serde_json::json;

use super::{Judged, Unkept, incident, meet};
use crate::decide::shown;
use crate::flow::app::Desk;
use crate::flow::app::ruling::Undecided;
use crate::flow::append::{Failed, Happening};
use crate::forge::Hub;
use crate::forge::talk::Talk as _;
use crate::log::entry::Kind;
use crate::model::facts::{Fact, Facts, Incident};
use crate::policy::Policy;
use crate::policy::rules::{IncidentRule, Rules, is_issues};
use crate::store::change::Change;
use crate::store::incident as row;
use crate::store::reader::Reader;
use crate::store::writer::Refused;

impl<H: Hub> Desk<H> {
    /// The incidents of a release. Whatever is one for the first time is in the record before anything is decided by it.
    pub(super) async fn incidents(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        rule: &IncidentRule,
        facts: &mut Facts,
    ) -> Result<Fact<Vec<Incident>>, Undecided> {
        let here = facts.release.repository.clone();
        let place = incident::place(rule, &here);
        let known = reader.incidents(H::NAME, place, incident::label(rule)).await?;
        let before = known.iter().filter(|it| it.over.is_none()).map(|it| it.number).collect();
        let read = if place.eq_ignore_ascii_case(&here) {
            incident::read(forge, place, rule, before, self.now()).await
        } else {
            match self.hub.of(place).await {
                Ok(there) => incident::read(&there, place, rule, before, self.now()).await,
                Err(fault) => Err(fault.to_string()),
            }
        };
        match read {
            Ok((incidents, read)) => {
                let numbers: Vec<u64> = incidents.iter().filter_map(incident::number).collect();
                self.incidents_found(place, rule, &known, &numbers).await?;
                meet(facts, read);
                Ok(if incidents.is_empty() { Fact::Absent } else { Fact::Known(incidents) })
            }
            Err(why) => Ok(Fact::Unavailable(why.into())),
        }
    }

    /// Records which issues are incidents, as far as it is not known.
    async fn incidents_found(
        &self,
        place: &str,
        rule: &IncidentRule,
        known: &[row::Known],
        numbers: &[u64],
    ) -> Result<(), Failed> {
        for number in numbers {
            let before = known.iter().find(|it| it.number == *number);
            if before.is_none_or(|it| it.over.is_some()) {
                self.of_incident(place, rule, *number, (false, before.and_then(|it| it.over))).await?;
            }
        }
        Ok(())
    }

    /// Records that an issue is an incident, or is looked at no more; once after the entry that said otherwise.
    async fn of_incident(
        &self,
        place: &str,
        rule: &IncidentRule,
        number: u64,
        (is_over, after): (bool, Option<u64>),
    ) -> Result<(), Failed> {
        let label = incident::label(rule);
        let state = if is_over { "over" } else { "open" };
        let body = json!({ "forge": H::NAME, "repository": place, "label": label, "issue": number, "state": state });
        let once = Some(format!("incident {}", json!([H::NAME, place.to_lowercase(), label, number, state, after])));
        let told = body.clone();
        let body = body.as_object().cloned().unwrap_or_default();
        let mut append = Happening { kind: Kind::Incident, body, attached: Vec::new(), once }.append(self.now())?;
        let (forge, repository, label) = (H::NAME.to_owned(), place.to_owned(), label.to_owned());
        append.changes.push(Change::Incident(Box::new(row::Incident { forge, repository, label, number }), is_over));
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) => {
                self.say("incident_recorded", &told);
                Ok(())
            }
            Err(Failed::Refused(Refused::OtherContent(_))) => Ok(()),
            Err(failed) => Err(failed),
        }
    }

    /// Notes the incidents of a repository although nothing waits there: whoever takes a label away before somebody asks
    /// makes nobody forget it.
    pub(in crate::flow::app) async fn note_incidents(&self, repository: &str, rules: &Rules) -> Result<(), Unkept> {
        let Some(rule) = rules.incidents.as_ref().filter(|rule| is_issues(&rule.system)) else { return Ok(()) };
        let place = incident::place(rule, repository);
        let forge = self.hub.of(place).await.map_err(Unkept::forge)?.behind_deployments();
        let numbers = incident::labelled(&forge, place, rule, self.now()).await.map_err(Unkept::Forge)?;
        let mut reader = self.reader().await?;
        let known = reader.incidents(H::NAME, place, incident::label(rule)).await?;
        reader.close().await?;
        Ok(self.incidents_found(place, rule, &known, &numbers).await?)
    }

    /// Looks no more at incidents that are over since long.
    pub(super) async fn settle_incidents(
        &self,
        policy: &Policy,
        Judged { key, facts, decision }: Judged<'_>,
    ) -> Result<(), Unkept> {
        let Some(rule) = policy.rules.incidents.as_ref().filter(|rule| is_issues(&rule.system)) else { return Ok(()) };
        let Fact::Known(incidents) = &facts.incidents else { return Ok(()) };
        let numbers = incident::settled(incidents, &shown::over(policy, facts, decision.now), decision.now);
        if numbers.is_empty() {
            return Ok(());
        }
        let place = incident::place(rule, &key.repository);
        let mut reader = self.reader().await?;
        let known = reader.incidents(H::NAME, place, incident::label(rule)).await?;
        reader.close().await?;
        for it in known.iter().filter(|it| it.over.is_none() && numbers.contains(&it.number)) {
            self.of_incident(place, rule, it.number, (true, Some(it.found))).await?;
        }
        Ok(())
    }
}
