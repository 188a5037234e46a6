//! What happened before and beside a release, by chance: evidence, records, incidents, deployments, the board.

use std::collections::BTreeMap;

use countersign::model::facts::history::{ExperimentCount, LinkedIncident, TeamDeployment};
use countersign::model::facts::{
    Account, CabDecision, CabOutcome, ChangeRecord, Condition, Deployment, Fact, Field, GateEvidence, Incident,
    ModelState, Outcome, OwedObligation, Signer, TeamHistory, Turn,
};
use countersign::model::measures::Measure;

use super::{ACCOUNTS, COMMIT, Maker, RECORD, REPOSITORY, at};
use crate::second::shape::{BEFORE, HERE, ISSUER, ITEMS};
use crate::second::times;

impl Maker<'_> {
    pub(super) fn evidence(&mut self) -> BTreeMap<String, Fact<GateEvidence>> {
        let lines = if self.wrong() { 0.7 } else { 0.9 };
        let made = self.moment(-30, 20);
        if let Some(minutes) = self.shape.gate.max_age {
            self.near.push(made + minutes * 60);
        }
        let evidence = GateEvidence {
            digests: if self.wrong() { Vec::new() } else { vec!["e1".to_owned()] },
            measures: BTreeMap::from([("coverage.lines".to_owned(), Measure::Number(lines))]),
            baseline: Fact::Absent,
            made_at: self.fact(at(made)),
            ..GateEvidence::default()
        };
        if self.c.often(self.noise) {
            return BTreeMap::new();
        }
        let mut all = BTreeMap::from([("coverage".to_owned(), self.fact(evidence))]);
        if self.shape.list.is_some() {
            let list = self.list();
            all.insert("list".to_owned(), list);
        }
        if let Some(named) = self.shape.pack
            && !self.wrong()
        {
            let empty = if self.c.often(50) { self.fact(GateEvidence::default()) } else { self.none() };
            all.insert(named.pack.gate(), empty);
        }
        all
    }

    /// The file in which a checklist is ticked, and who signed it.
    fn list(&mut self) -> Fact<GateEvidence> {
        if self.c.often(40) {
            return self.none();
        }
        let digests: Vec<String> =
            self.c.of(&[vec!["l1"], vec!["l1"], vec!["l1", "l2"], Vec::new()]).into_iter().map(str::to_owned).collect();
        let mut signers = Vec::new();
        for artifact in ["l1", "l2"] {
            if self.c.often(75) {
                let issuer = if self.wrong() { "https://elsewhere.example" } else { ISSUER };
                signers.push(Signer {
                    artifact: artifact.to_owned(),
                    identity: if self.wrong() { "eve@elsewhere.example" } else { "otto@acme.example" }.to_owned(),
                    issuer: self.fact(issuer.to_owned()),
                    builders: Fact::Absent,
                    source: Fact::Absent,
                    predicate: Fact::Absent,
                });
            }
        }
        let ticked = ITEMS.map(str::to_owned);
        let evidence = GateEvidence {
            digests,
            ticked: if self.c.often(70) { ticked.to_vec() } else { self.c.some(&ticked, 50) },
            signers,
            ..GateEvidence::default()
        };
        self.fact(evidence)
    }

    pub(super) fn record(&mut self) -> Fact<ChangeRecord> {
        let texts = [
            "moves the ledger to the new region, rehearsed twice",
            "revert the release and restore the copy of monday",
            "n/a",
            "see above",
            "tbd",
            "   ",
        ];
        let mut fields = BTreeMap::new();
        for name in ["risk", "backout"] {
            if self.wrong() {
                continue;
            }
            let text = if self.wrong() { self.c.of(&texts) } else { self.c.of(&texts[..2]) }.to_owned();
            let edited = self.moment(-20, 30);
            let field = Field {
                text: self.fact(text),
                template: if self.wrong() { self.fact(texts[0].to_owned()) } else { self.none() },
                edited_at: if self.c.often(10) { self.fact(at(edited)) } else { self.none() },
                by: if self.c.often(12) { Some(self.account()) } else { None },
            };
            fields.insert(name.to_owned(), field);
        }
        for name in ["window", "components", "reopened", "colour"] {
            if self.c.often(4) {
                let (edited, text) = (self.moment(-20, 30), self.none());
                let edited_at = self.fact(at(edited));
                let by = if name == "window" && self.c.often(12) { Some(self.account()) } else { None };
                fields.insert(name.to_owned(), Field { text, template: Fact::Absent, edited_at, by });
            }
        }
        let state = if self.wrong() { self.c.of(&["Draft", "Closed", "Cancelled"]) } else { "Implement" }.to_owned();
        let mut components = vec!["pay".to_owned(), "infra".to_owned()];
        if self.wrong() {
            components.pop();
        }
        let from = self.moment(-10, 8);
        let until = from + self.c.between(1, 80) * 1800;
        if self.shape.record.is_some() {
            self.near.extend([from, until]);
        }
        let fixes = self.c.some(&["INC-1".to_owned(), "INC-2".to_owned(), "shop 2.3".to_owned()], 45);
        let record = ChangeRecord {
            id: RECORD.to_owned(),
            state: self.fact(state),
            state_by: if self.c.often(8) { Some(self.account()) } else { None },
            components: self.fact(components),
            from: if self.c.often(25) { self.fact(at(from)) } else { self.none() },
            until: if self.c.often(25) { self.fact(at(until)) } else { self.none() },
            fields,
            fixes,
        };
        if self.wrong() { Fact::Absent } else { self.fact(record) }
    }

    pub(super) fn incidents(&mut self) -> Fact<Vec<Incident>> {
        let mut all = Vec::new();
        for id in ["INC-1", "INC-2"] {
            if !self.c.often(25) {
                continue;
            }
            let severity = self.c.of(&["P1", "P1", "P2", "P3", "P9"]).to_owned();
            let components =
                self.c.of(&[vec!["pay"], vec!["Pay"], vec!["infra"], vec!["pay", "infra"], vec!["elsewhere"]]);
            let components = components.into_iter().map(str::to_owned).collect();
            all.push(Incident {
                id: id.to_owned(),
                severity: self.fact(severity),
                components: self.fact(components),
                caused_by: if self.c.often(30) { self.fact("shop 2.3".to_owned()) } else { self.none() },
                opened_at: None,
                course: self.course(),
            });
        }
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }

    /// What people made of an incident since.
    fn course(&mut self) -> Vec<Turn> {
        let mut course = Vec::new();
        while self.c.often(30) && course.len() < 4 {
            let by = self.account();
            let severity = self.c.of(&["P1", "P2", "P3", "P9"]).to_owned();
            let components = self.c.of(&[vec!["pay"], vec![], vec!["infra"], vec!["elsewhere"]]);
            let components: Vec<String> = components.into_iter().map(str::to_owned).collect();
            let turn = Turn {
                at: at(self.moment(-10, 2)),
                by: self.fact(by),
                severity: if self.c.often(40) { Some(self.fact(severity)) } else { None },
                components: self.c.often(30).then_some(components),
                over: if self.c.often(50) { Some(self.c.often(70)) } else { None },
            };
            course.push(turn);
        }
        course
    }

    pub(super) fn teams(&mut self) -> BTreeMap<String, Fact<TeamHistory>> {
        let mut all = BTreeMap::new();
        for team in ["reds", "blues"] {
            let mut deployments = Vec::new();
            for _ in 0..self.c.below(5) {
                let age = self.c.between(1, 100) * 86_400;
                let ran = self.submitted - age;
                if self.c.often(20) {
                    self.near.push(ran + 90 * 86_400);
                }
                let failed = self.c.often(35);
                let noticed = self.c.often(20);
                let detected = ran + self.c.between(1, 12) * 1800;
                let restored = detected + self.c.between(1, 20) * 1800;
                deployments.push(TeamDeployment {
                    at: at(ran),
                    emergency: {
                        let value = self.c.often(25);
                        self.fact(value)
                    },
                    failed: self.fact(failed),
                    incidents: self.linked(ran),
                    detected_at: if failed || noticed { self.fact(at(detected)) } else { Fact::Absent },
                    restored_at: if failed || noticed { self.fact(at(restored)) } else { Fact::Absent },
                });
            }
            deployments.sort_by_key(|it| it.at);
            if !self.c.often(self.noise / 2) {
                let history = self.fact(TeamHistory { deployments });
                all.insert(team.to_owned(), history);
            }
        }
        all
    }

    /// The incidents that are linked to a deployment; some begin just before, at, or just after the time that counts.
    fn linked(&mut self, ran: i64) -> Fact<Vec<LinkedIncident>> {
        if self.c.often(70) {
            return if self.c.often(50) { Fact::Absent } else { self.fact(Vec::new()) };
        }
        let hours = self.shape.incidents_within.unwrap_or(48);
        let mut all = Vec::new();
        for nth in 0..=self.c.below(2) {
            let began = ran + self.c.of(&[-60, 1800, hours * 3600 - 1, hours * 3600, 30 * 86_400]);
            if self.c.often(20) {
                self.near.push(began);
            }
            all.push(LinkedIncident { id: format!("INC-{nth}"), began_at: self.fact(at(began)) });
        }
        self.fact(all)
    }

    pub(super) fn obligations(&mut self) -> Fact<Vec<OwedObligation>> {
        let mut all = Vec::new();
        for number in 0..self.c.of(&[0, 0, 0, 1, 1, 2]) {
            let due = self.moment(-40, 40);
            self.near.push(due);
            let own = self.c.often(20);
            let opened = if own { self.moment(-12, 14) } else { self.moment(-80, 2) };
            let contributors = self.c.some(&ACCOUNTS[..4], 40).into_iter().map(Account::from).collect();
            all.push(OwedObligation {
                id: format!("owed-{number}"),
                kind: self.c.of(&["pir", "pir", "validate", "audit"]).to_owned(),
                release: if own { "shop 2.4" } else { "shop 2.3" }.to_owned(),
                // Teams and components are called otherwise in time.
                team: self.c.of(&["reds", "reds", "blues", "blues", "old reds", ""]).to_owned(),
                components: vec![self.c.of(&["pay", "pay", "infra", "infra", "old pay"]).to_owned()],
                by: if self.c.often(95) {
                    Some(self.c.of(&["lead", "release-manager", "lead", "release-manager", "cab"]).to_owned())
                } else {
                    None
                },
                opened_at: self.fact(at(opened)),
                due: self.fact(at(due)),
                contributors: self.fact(contributors),
                invoked_by: {
                    let by = self.c.some(&ACCOUNTS[2..10], 15).into_iter().map(Account::from).collect();
                    if self.c.often(50) { self.none() } else { self.fact(by) }
                },
                needs_evidence: {
                    let value = self.c.often(40);
                    self.fact(value)
                },
                incidents: self.c.some(&["INC-1".to_owned()], 30),
                met: {
                    let value = self.c.often(25);
                    self.fact(value)
                },
            });
        }
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }

    pub(super) fn deployment(
        &mut self,
        name: &str,
        environment: &str,
        commit: &str,
        which: &str,
        opened: i64,
    ) -> Deployment {
        let mut components = BTreeMap::new();
        for component in self.shape.components.clone() {
            if component.name == "pay" || self.c.often(85) {
                let released = self.released(component.name, which);
                components.insert(component.name.to_owned(), released);
            }
        }
        let finished = opened + self.c.between(0, 4) * 1800;
        let outcome = if self.wrong() { self.c.of(&[Outcome::Failed, Outcome::Cancelled]) } else { Outcome::Succeeded };
        let approved = !self.wrong();
        Deployment {
            release: name.to_owned(),
            environment: environment.to_owned(),
            commit: commit.to_owned(),
            components,
            opened_at: at(opened),
            finished_at: if self.wrong() { Fact::Absent } else { self.fact(at(finished)) },
            outcome: if self.wrong() { Fact::Absent } else { self.fact(outcome) },
            approved: self.fact(approved),
            parts: {
                let parts = self.parts();
                self.fact(parts)
            },
        }
    }

    pub(super) fn deployments(&mut self) -> Fact<Vec<Deployment>> {
        let mut all = Vec::new();
        let old = self.submitted - 20 * 86_400;
        if self.back {
            let which = if self.wrong() { "older" } else { "new" };
            let which_commit = if which == "new" { COMMIT } else { "01de4" };
            all.push(self.deployment("shop 2.4", HERE, which_commit, which, old - 86_400));
            let mut bad = self.deployment("shop 2.5", HERE, "bad", "bad", old);
            if self.c.often(60) {
                bad.outcome = Fact::Known(Outcome::Failed);
            }
            all.push(bad);
        } else if self.c.often(50) {
            all.push(self.deployment("shop 2.3", HERE, "01d", "old", old));
        }
        if self.shape.from.is_some() {
            let opened = self.moment(-20, 0);
            let which = if self.wrong() { "old" } else { "new" };
            let commit = if self.wrong() { "01d" } else { COMMIT };
            let staged = self.deployment("shop 2.4", BEFORE, commit, which, opened);
            if let (Some((Some(soak), _)), Fact::Known(finished)) = (self.shape.from, &staged.finished_at) {
                self.near.push(finished.timestamp() + soak * 60);
            }
            all.push(staged);
        }
        if self.c.often(12) {
            let opened = self.moment(0, 10);
            all.push(self.deployment("shop 2.4", HERE, COMMIT, "new", opened));
            self.near.push(opened + 24 * 3600);
            // Again within the time for a retry, and after it.
            for _ in 0..self.c.of(&[0, 0, 1, 2]) {
                let again = opened + self.c.between(0, 70) * 1800;
                all.push(self.deployment("shop 2.4", HERE, COMMIT, "new", again));
                self.near.push(again + 24 * 3600);
            }
        }
        if self.c.often(6) {
            let opened = self.moment(-4, 12);
            all.push(self.deployment("shop 2.4.1", HERE, "e4b7", "new", opened));
            self.near.push(opened);
        }
        if self.c.often(6) {
            let opened = self.moment(-4, 12);
            all.push(self.deployment("shop 2.6", HERE, "feed", "newer", opened));
            self.near.push(opened);
        }
        all.sort_by_key(|it| it.opened_at);
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }

    pub(super) fn model(&mut self) -> BTreeMap<String, Fact<ModelState>> {
        if self.shape.standard.is_none() || self.c.often(5) {
            return BTreeMap::new();
        }
        let approved = self.submitted - self.c.between(1, 200) * 86_400;
        self.near.push(approved + 180 * 86_400);
        let failed = (0..self.c.of(&[0, 0, 1, 2])).map(|_| at(approved + self.c.between(-2, 100) * 86_400)).collect();
        let by = self.c.some(&ACCOUNTS[2..10], 40).into_iter().map(Account::from).collect();
        let suspended = self.c.often(6);
        let state = ModelState {
            approved_at: at(approved),
            approved_by: by,
            failed_at: if self.c.often(30) { self.none() } else { self.fact(failed) },
            suspended: if self.c.often(30) { Fact::Absent } else { self.fact(suspended) },
        };
        BTreeMap::from([("routine".to_owned(), self.fact(state))])
    }

    /// How the two paths of an experiment did.
    pub(super) fn trial(&mut self) -> BTreeMap<String, Fact<ExperimentCount>> {
        if self.shape.trial.is_none() || self.c.often(self.noise) {
            return BTreeMap::new();
        }
        let stopped = self.c.often(10);
        let mut number = |most: usize| u64::try_from(self.c.below(most)).unwrap();
        let (a_releases, b_releases) = (number(30), number(30));
        let (a_failed, b_failed) = (number(4).min(a_releases), number(4).min(b_releases));
        let stopped = self.fact(stopped);
        let count = ExperimentCount { a_releases, a_failed, b_releases, b_failed, stopped };
        let count = if self.c.often(15) { Fact::Absent } else { self.fact(count) };
        BTreeMap::from([("trial".to_owned(), count)])
    }

    pub(super) fn cab(&mut self) -> Fact<Vec<CabDecision>> {
        let Some(cab) = self.shape.cab.clone() else { return self.none() };
        let mut all = Vec::new();
        for _ in 0..self.c.of(&[0, 1, 1, 2]) {
            // The meeting on or before the third day after the submission.
            let day = self.submitted.div_euclid(86_400) + 3;
            let back = (times::weekday(day) - cab.weekday).rem_euclid(7);
            let meeting = times::instant(self.shape.london, (day - back) * 86_400 + cab.minute * 60);
            // Before that its agenda was closed already, and mostly it is the one of the week after.
            let closed = meeting - cab.cutoff.unwrap_or(0) * 60;
            let meeting = if closed < self.submitted && self.c.often(85) {
                times::instant(self.shape.london, (day - back + 7) * 86_400 + cab.minute * 60)
            } else {
                meeting
            };
            let meeting = if self.wrong() { meeting + 3600 } else { meeting };
            let decided = meeting + self.c.between(0, 3) * 600;
            self.near.push(decided);
            let outcome = self.c.of(&[
                CabOutcome::Approve,
                CabOutcome::Approve,
                CabOutcome::ApproveWithConditions,
                CabOutcome::Defer,
                CabOutcome::Reject,
            ]);
            let met = self.c.often(75);
            let attendees = self.c.some(&ACCOUNTS[1..10], 45).into_iter().map(Account::from).collect();
            let chair = self.account();
            let mut changes: BTreeMap<String, String> =
                self.changes.iter().map(|change| (change.id.clone(), change.content.clone())).collect();
            if self.wrong() {
                changes.insert("other#1".to_owned(), "x".to_owned());
            }
            let says = self.c.often(if self.changes.is_empty() { 85 } else { 40 });
            let components = if says { self.contents() } else { BTreeMap::new() };
            let artifacts = if says && !self.wrong() { self.artifacts.clone() } else { Vec::new() };
            all.push(CabDecision {
                meeting: if self.c.often(25) { Fact::Absent } else { self.fact(at(meeting)) },
                at: at(decided),
                outcome,
                conditions: if outcome == CabOutcome::ApproveWithConditions && !self.wrong() {
                    vec![Condition { text: "watch it".to_owned(), met: self.fact(met) }]
                } else {
                    Vec::new()
                },
                chair: self.fact(chair),
                environment: self.place(HERE, BEFORE),
                repository: self.place(REPOSITORY, "acme/other"),
                record: self.place(RECORD, "CHG2"),
                parts: self.parts(),
                attendees: self.fact(attendees),
                changes,
                components,
                artifacts,
                notes: String::new(),
            });
        }
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }
}
