//! The meetings of the board, as far as they are issues: what waits is listed on their agendas, what was decided there
//! becomes facts, and who said something is answered.

use std::collections::BTreeMap;

use super::answers::{self, Said};
use super::board::{self, Item};
use super::kept::{AGENDA, ANSWERS, Keeps, Known, like, meeting_of, of_agenda};
use super::models::Proposed;
use super::{Judged, Unkept, meet};
use crate::flow::app::Desk;
use crate::flow::app::docket::Key;
use crate::forge::Hub;
use crate::forge::records::Records as _;
use crate::model::facts::{CabDecision, Fact, Facts};
use crate::model::release_decision::ReleaseDecision;
use crate::policy::Policy;
use crate::policy::calendar::Meeting;
use crate::policy::rules::Rules;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

impl<H: Hub> Desk<H> {
    /// What the board decided on a release, under the agendas on which it stood, and what was said there lately.
    pub(super) async fn decided_by_board(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        rules: &Rules,
        facts: &mut Facts,
    ) -> Result<(Fact<Vec<CabDecision>>, Vec<Said>), DatabaseFault> {
        let repository = facts.release.repository.clone();
        let mut agendas = BTreeMap::new();
        for (about, _) in reader.begun_about(&like(AGENDA, H::NAME, &repository)).await? {
            let Some(meeting) = meeting_of(&about) else { continue };
            // None of an earlier one is for what was asked for since.
            if meeting < facts.release.submitted_at {
                continue;
            }
            let known = Known::read(reader, about, H::NAME).await?;
            if let Some(number) = known.number {
                agendas.insert(number, (known.about, meeting, known.listings));
            }
        }
        let unread = |why: String| Ok((Fact::Unavailable(why.into()), Vec::new()));
        if agendas.is_empty() {
            return Ok((Fact::Absent, Vec::new()));
        }
        let numbers: Vec<u64> = agendas.keys().copied().collect();
        let read = match forge.issues(&repository, &numbers).await {
            Ok(read) => read,
            Err(fault) => return unread(fault.to_string()),
        };
        let (mut found, mut gaps, mut said) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (about, meeting, listings)) in &agendas {
            let Some(issue) = read.issues.get(number).filter(|issue| issue.ours) else {
                return unread(format!("agenda #{number} of the board is not there any longer"));
            };
            let (decisions, unknown) = board::decisions(rules, facts, issue, *meeting, listings);
            found.extend(decisions);
            gaps.extend(unknown);
            said.extend(answers::said(about, issue, (*meeting, listings), self.now()));
        }
        meet(facts, read);
        Ok((board::known(found, gaps), said))
    }

    /// Answers those who said something under an agenda, where a release is the one to answer by.
    pub(super) async fn answer_board(
        &self,
        policy: &Policy,
        Judged { key, facts, decision }: Judged<'_>,
        said: &[Said],
    ) -> Result<(), Unkept> {
        for it in said.iter().filter(|it| it.is_for(facts)) {
            let about = format!("{ANSWERS} {}", it.agenda.0);
            let mut reader = self.reader().await?;
            let given = reader.last_about(&about).await?.map_or(0, |last| last.number);
            let known = reader.has_effect(&format!("{about} {}", it.comment.id)).await?;
            reader.close().await?;
            if known || given >= answers::MOST {
                continue;
            }
            if let Some(text) = it.answer(policy, facts, decision) {
                let known = Known { about, ..Known::default() };
                let keeps = Keeps::Answer { number: it.agenda.1, comment: it.comment.id.clone(), text };
                self.leaves(&key.repository, &known, keeps).await?;
            }
        }
        Ok(())
    }

    /// Puts a release on the agenda of the meeting that it waits for, and standard changes on that of the next.
    pub(super) async fn on_the_agenda(
        &self,
        rules: &Rules,
        Judged { key, facts, decision }: Judged<'_>,
        proposed: &[Proposed],
    ) -> Result<(), Unkept> {
        if let Some((meeting, item)) = self.waits_for_board(rules, key, facts, decision).await? {
            self.lists(rules, key, &meeting, (Some(item), &[])).await?;
        }
        if proposed.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let mut reader = self.reader().await?;
        let mut left = proposed.to_vec();
        if let Some(begun) = board::begun(rules, facts, now) {
            let known = Known::read(&mut reader, of_agenda(H::NAME, &key.repository, begun), H::NAME).await?;
            left.retain(|model| !known.listed().is_some_and(|(_, models)| models.contains(model)));
        }
        reader.close().await?;
        match board::next(rules, facts, now).filter(|_| !left.is_empty()) {
            Some(meeting) => self.lists(rules, key, &meeting, (None, &left)).await,
            None => Ok(()),
        }
    }

    /// The meeting on whose agenda a release is to be put.
    async fn waits_for_board(
        &self,
        rules: &Rules,
        key: &Key,
        facts: &Facts,
        decision: &ReleaseDecision,
    ) -> Result<Option<(Meeting, Item)>, Unkept> {
        let now = self.now();
        let Some((meeting, item)) = board::waits(rules, facts, decision, now) else { return Ok(None) };
        let mut reader = self.reader().await?;
        // What is on the table now is not brought before the next meeting, unless it was put off to that.
        let under_way = board::under_way(rules, facts, decision, now);
        if let Some(begun) = under_way.map(|begun| of_agenda(H::NAME, &key.repository, begun)) {
            let known = Known::read(&mut reader, begun, H::NAME).await?;
            if known.listed().is_some_and(|(items, _)| board::has(items, facts)) {
                reader.close().await?;
                return Ok(None);
            }
        }
        reader.close().await?;
        Ok(Some((meeting, item)))
    }

    /// Puts something on the agenda of a meeting.
    async fn lists(
        &self,
        rules: &Rules,
        key: &Key,
        meeting: &Meeting,
        added: (Option<Item>, &[Proposed]),
    ) -> Result<(), Unkept> {
        let mut reader = self.reader().await?;
        let about = of_agenda(H::NAME, &key.repository, meeting.at);
        let known = Known::read(&mut reader, about, H::NAME).await?;
        reader.close().await?;
        match board::plan(rules, &known.about, meeting, known.listed(), added) {
            Some(keeps) => self.leaves(&key.repository, &known, keeps).await,
            None => Ok(()),
        }
    }
}
