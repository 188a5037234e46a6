//! Facts by chance: mostly in good order, with something wrong here and there, and instants around thresholds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use countersign::model::facts::history::TeamDeployment;
use countersign::model::facts::{
    Account, AccountFacts, AccountKind, Act, CabDecision, CabOutcome, Change, ChangeRecord, Commit, Condition, Deed,
    Deployment, Fact, Facts, Field, GateEvidence, Grant, Incident, Joined, Landing, Member as GroupMember, Merge,
    ModelState, Outcome, OwedObligation, Package, Part, Reference, Release, Released, Saw, Standing, TeamHistory, Via,
    Vulnerability,
};
use countersign::model::measures::Measure;
use countersign::model::verdict::Verdict;

use super::chance::Chance;
use super::shape::{BEFORE, HERE, Member, OATH, ROLES, RoleShape, Shape};
use super::times;

pub const ACCOUNTS: [&str; 12] = [
    "github:ana",
    "gitlab:ana",
    "github:bo",
    "github:bo-2",
    "github:cy",
    "github:dee",
    "gitlab:dee",
    "github:eve",
    "gitlab:eve",
    "github:fay",
    "github:robot",
    "github:forge",
];
const COMMIT: &str = "c0ffee00";
pub const REPOSITORY: &str = "acme/shop";

/// A world: what is known, and when it is asked.
#[derive(Clone, Debug)]
pub struct World {
    pub facts: Facts,
    pub now: DateTime<Utc>,
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// Makes the facts of one world.
struct Maker<'s> {
    c: Chance,
    shape: &'s Shape,
    submitted: i64,
    /// How often something is not known, in a hundred.
    noise: usize,
    /// How often something is wrong.
    wrong: usize,
    /// Whether it goes back.
    back: bool,
    changes: Vec<Change>,
    /// The artifacts that go.
    artifacts: Vec<String>,
    /// The other parts of the package.
    others: Vec<&'static str>,
    /// Instants at which something might change.
    near: Vec<i64>,
}

pub fn any(c: &mut Chance, shape: &Shape, day: i64) -> World {
    let second = if c.often(15) { c.between(-1, 1) } else { 0 };
    let submitted = day * 60 + c.between(12, 40) * 1800 + second;
    let noise = c.of(&[0, 0, 1, 4]);
    let wrong = c.of(&[0, 3, 8, 15]);
    let back = c.often(15);
    let c = Chance::new(c.next());
    let mut maker = Maker {
        c,
        shape,
        submitted,
        noise,
        wrong,
        back,
        changes: Vec::new(),
        artifacts: Vec::new(),
        others: Vec::new(),
        near: Vec::new(),
    };
    maker.world()
}

impl Maker<'_> {
    /// A value that is known, unless noise has it otherwise.
    fn fact<T>(&mut self, value: T) -> Fact<T> {
        if self.c.often(self.noise) {
            if self.c.often(30) { Fact::Absent } else { unread() }
        } else {
            Fact::Known(value)
        }
    }

    /// One that is not there, unless noise has it otherwise.
    fn none<T>(&mut self) -> Fact<T> {
        if self.c.often(self.noise) { unread() } else { Fact::Absent }
    }

    fn wrong(&mut self) -> bool {
        self.c.often(self.wrong)
    }

    fn world(&mut self) -> World {
        self.thresholds();
        let release = self.release();
        let mut facts = Facts {
            version: 1,
            release,
            accounts: self.accounts(),
            groups: self.groups(),
            acts: Fact::Known(Vec::new()),
            evidence: self.evidence(),
            change_record: self.record(),
            incidents: self.incidents(),
            teams: self.teams(),
            obligations: self.obligations(),
            deployments: self.deployments(),
            standard_changes: self.model(),
            cab: self.cab(),
            meetings: Fact::Absent,
            experiments: BTreeMap::new(),
        };
        self.whole(&mut facts);
        let acts = self.acts();
        facts.acts = if self.c.often(self.noise / 2) { unread() } else { Fact::Known(acts) };
        let now = if !self.near.is_empty() && self.c.often(65) {
            let near = self.near.clone();
            self.c.of(&near) + self.c.between(-1, 1)
        } else {
            self.submitted + self.c.between(0, 150) * 1800
        };
        let now = if now < self.submitted { self.submitted } else { now };
        World { facts, now: at(now) }
    }

    /// Instants that the policy makes of the submission.
    fn thresholds(&mut self) {
        let (shape, london) = (self.shape, self.shape.london);
        for role in &shape.roles {
            if let Some(after) = role.after {
                self.near.push(times::due(after, role.week.unwrap_or(shape.business), london, self.submitted));
            }
        }
        for escalate in shape.routes.iter().filter_map(|route| route.escalate.as_ref()) {
            for number in 1..=2 {
                self.near.push(times::due(
                    times::times(escalate.after, number),
                    shape.business,
                    london,
                    self.submitted,
                ));
            }
        }
        for row in &shape.raci {
            if let Some((_, wait)) = row.consulted {
                self.near.push(times::due(wait, shape.business, london, self.submitted));
            }
        }
        let ends = shape.freezes.iter().map(|it| (it.from, it.to)).chain(shape.peak);
        let ends = ends.chain(shape.away.map(|(_, from, to)| (from, to)));
        for (from, to) in ends.collect::<Vec<_>>() {
            self.near.push(times::instant(london, from * 60));
            self.near.push(times::instant(london, to * 60));
        }
        for closed in &shape.closed {
            self.near.push(times::opening(closed.week, london, self.submitted));
        }
    }

    /// Some time around the release, rarely on the second before or after the half hour.
    fn moment(&mut self, from: i64, to: i64) -> i64 {
        self.submitted + self.c.between(from, to) * 1800 + if self.c.often(10) { self.c.between(-1, 1) } else { 0 }
    }

    fn account(&mut self) -> Account {
        Account::from(self.c.of(&ACCOUNTS))
    }

    fn release(&mut self) -> Release {
        let changes = self.changes();
        self.changes = changes.known().cloned().unwrap_or_default();
        let name = if self.c.often(1) { self.c.of(&["Production", "prodution", "production ", "moon"]) } else { HERE };
        let reference = Reference {
            name: if self.wrong() {
                self.c.of(&["refs/heads/topic", "refs/tags/x1"]).to_owned()
            } else {
                let tag = self.shape.tags && (!self.shape.branches || self.c.often(30));
                if tag { "refs/tags/v2" } else { self.c.of(&["refs/heads/main", "refs/heads/release/2"]) }.to_owned()
            },
            reaches: {
                let value = !self.c.often(self.wrong / 3);
                self.fact(value)
            },
            on_default: Fact::Known(true),
            resolves_to: {
                let value = if self.c.often(self.wrong / 3) { "dead" } else { COMMIT }.to_owned();
                self.fact(value)
            },
        };
        let trigger =
            Account::from(self.c.of(&["github:ana", "github:ana", "github:bo", "github:robot", "gitlab:eve"]));
        let deployer = if self.wrong() { "argocd" } else { "github" }.to_owned();
        let components = self.components();
        self.artifacts = components.values().flat_map(|it| it.artifacts.entries()).cloned().collect();
        Release {
            name: "shop 2.4".to_owned(),
            forge: "github".to_owned(),
            repository: REPOSITORY.to_owned(),
            environment: name.to_owned(),
            reference: self.fact(reference),
            commit: COMMIT.to_owned(),
            submitted_at: at(self.submitted),
            trigger: if self.c.often(10) { Fact::Absent } else { self.fact(trigger) },
            deployed_by: self.fact(deployer),
            components,
            changes,
            new_vendors: if self.c.often(10) { self.fact(vec!["stripe".to_owned()]) } else { self.none() },
            running: self.running(),
            released: if self.c.often(30) { self.fact(vec!["CVE-1".to_owned()]) } else { self.none() },
            irreversible: if self.back && self.c.often(12) { self.fact(vec!["m7".to_owned()]) } else { self.none() },
            documented: {
                let value = self.c.often(80);
                self.fact(value)
            },
            outcome: Fact::Absent,
            package: self.package(),
            break_glass: Fact::Absent,
            bypassed_by: Fact::Absent,
        }
    }

    /// What depends on two parts of the facts.
    fn whole(&mut self, facts: &mut Facts) {
        if self.c.often(6) {
            facts.release.break_glass = self.grant();
        }
        if self.c.often(self.noise / 2) {
            facts.release.components.insert("ghost".to_owned(), Released::default());
        }
    }

    fn running(&mut self) -> Fact<Vec<Vulnerability>> {
        if self.c.often(70) {
            return self.none();
        }
        let exploited = self.c.often(60);
        let exploited = self.fact(exploited);
        let id = self.c.of(&["CVE-1", "CVE-2"]).to_owned();
        self.fact(vec![Vulnerability { id, exploited }])
    }

    fn changes(&mut self) -> Fact<Vec<Change>> {
        if self.back || self.c.often(2) {
            return Fact::Absent;
        }
        let number = self.c.of(&[1, 1, 1, 2, 2, 3]);
        let changes = (0..number).map(|at| self.change(at)).collect();
        if self.c.often(self.noise / 2) { unread() } else { Fact::Known(changes) }
    }

    fn change(&mut self, number: usize) -> Change {
        let folders: &[&str] = &["pay/a.rs", "pay/a.rs", "infra/net.tf", "docs/x.md", "flags/on", "other/y"];
        let mut files = vec![self.c.of(folders).to_owned()];
        if self.c.often(25) {
            files.push(self.c.of(folders).to_owned());
        }
        let commits = (0..=self.c.below(2)).map(|at| self.commit(number, at)).collect();
        let (reviewed, clean) = (self.c.often(85), self.c.often(70));
        let landing = Landing {
            tree: "t1".to_owned(),
            reviewed: {
                let tree = if reviewed { "t1" } else { "t0" }.to_owned();
                self.fact(tree)
            },
            clean_merge: {
                let tree = if clean { "t1" } else { "t0" }.to_owned();
                self.fact(tree)
            },
            differs: Vec::new(),
        };
        let lines = self.c.of(&[5, 40, 150]);
        Change {
            id: format!("{REPOSITORY}#{number}"),
            content: format!("content-{number}"),
            direct: self.c.often(10),
            files: if self.c.often(2) { Fact::Absent } else { self.fact(files) },
            lines: self.fact(lines),
            commits: self.fact(commits),
            landed: if self.c.often(50) { self.none() } else { self.fact(landing) },
        }
    }

    fn commit(&mut self, change: usize, number: usize) -> Commit {
        let author = self.author();
        let committer = if self.c.often(30) { Account::from("github:forge") } else { author.clone() };
        let pusher = if self.c.often(85) { author.clone() } else { self.author() };
        let co_author = self.author();
        let behalf = self.author();
        let merge = self.c.of(&[Merge::Clean, Merge::Edited]);
        Commit {
            sha: format!("{change}{number}abcdef"),
            author: self.attributed(author),
            committer: self.attributed(committer),
            co_authors: if self.c.often(15) { self.fact(vec![co_author]) } else { self.none() },
            pushed_by: self.attributed(pusher),
            on_behalf_of: if self.c.often(6) { self.fact(vec![behalf]) } else { self.none() },
            merge: if self.c.often(15) { self.fact(merge) } else { self.none() },
        }
    }

    fn attributed(&mut self, account: Account) -> Fact<Account> {
        if self.c.often(self.wrong / 4) { Fact::Absent } else { self.fact(account) }
    }

    fn author(&mut self) -> Account {
        if self.c.often(8) {
            return self.account();
        }
        Account::from(self.c.of(&["github:ana", "github:ana", "github:ana", "gitlab:ana", "github:bo", "github:robot"]))
    }

    fn released(&mut self, component: &str, which: &str) -> Released {
        let content = format!("{component}-{which}");
        let artifacts = vec![format!("art-{component}-{which}")];
        Released {
            content: self.fact(content),
            artifacts: if self.c.often(5) { Fact::Absent } else { self.fact(artifacts) },
        }
    }

    fn components(&mut self) -> BTreeMap<String, Released> {
        let mut all = BTreeMap::new();
        for component in self.shape.components.clone() {
            if self.c.often(90) || component.name == "pay" {
                let released = self.released(component.name, "new");
                all.insert(component.name.to_owned(), released);
            }
        }
        all
    }

    fn package(&mut self) -> Fact<Package> {
        if self.shape.package.is_none() || self.c.often(40) {
            return self.none();
        }
        let other = self.c.of(&["infra", "infra", "pay"]);
        self.others.push(other);
        let ready = self.c.often(80);
        let outcome = self.c.of(&[Outcome::Succeeded, Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled]);
        let part = Part {
            content: format!("{other}-new"),
            ready: self.fact(ready),
            outcome: if self.c.often(50) { self.none() } else { self.fact(outcome) },
        };
        let name = if self.wrong() { "other" } else { "both" }.to_owned();
        let parts = BTreeMap::from([(other.to_owned(), self.fact(part))]);
        self.fact(Package { name, parts })
    }

    fn grant(&mut self) -> Fact<Grant> {
        let granted = self.moment(-6, 2);
        let opened = granted + self.c.between(-1, 10) * 1800 + self.c.between(-1, 1);
        let mut used = vec![at(opened)];
        if self.c.often(30) {
            used.insert(0, at(opened - 1800));
        }
        let signers = self.c.some(&ACCOUNTS[2..10], 35);
        self.near.push(opened);
        Fact::Known(Grant {
            id: "grant-1".to_owned(),
            repository: {
                let name = if self.c.often(self.wrong / 2) { "acme/other" } else { REPOSITORY }.to_owned();
                self.fact(name)
            },
            environment: if self.wrong() { BEFORE } else { HERE }.to_owned(),
            commit: if self.wrong() { "dead" } else { COMMIT }.to_owned(),
            artifacts: {
                let artifacts = if self.c.often(self.wrong / 2) { Vec::new() } else { self.artifacts.clone() };
                self.fact(artifacts)
            },
            signed_by: signers.into_iter().map(Account::from).collect(),
            granted_at: at(granted),
            used_at: used,
            opened_at: at(opened),
        })
    }

    fn accounts(&mut self) -> BTreeMap<Account, AccountFacts> {
        let mut all = BTreeMap::new();
        for account in ACCOUNTS {
            if self.c.often(self.noise / 2) {
                continue;
            }
            let kind = match account {
                "github:robot" => AccountKind::Bot,
                "github:forge" => AccountKind::Forge,
                _ => AccountKind::Person,
            };
            let name = account.split_once(':').unwrap().1.trim_end_matches("-2").to_owned();
            let known = match account {
                "github:bo-2" | "gitlab:ana" | "gitlab:dee" | "gitlab:eve" => 45,
                "github:robot" | "github:forge" => 0,
                _ if self.shape.linked => 60,
                _ => 10,
            };
            let active = !self.c.often(self.wrong / 3);
            let facts = AccountFacts {
                kind: self.fact(kind),
                active: self.fact(active),
                person: if self.c.often(known) { self.fact(name) } else { self.none() },
            };
            all.insert(Account::from(account), facts);
        }
        all
    }

    fn groups(&mut self) -> BTreeMap<String, Fact<Vec<GroupMember>>> {
        let mut all = BTreeMap::new();
        for role in self.shape.roles.clone() {
            if !role.members.contains(&Member::Group) || self.c.often(self.noise / 2) {
                continue;
            }
            let mut members = Vec::new();
            for account in self.c.some(&ACCOUNTS[2..], 20) {
                let joined = self.joined();
                members.push(GroupMember { account: Account::from(account), joined });
            }
            let members = self.fact(members);
            all.insert(format!("github:@acme/{}", role.name), members);
        }
        all
    }

    fn joined(&mut self) -> Fact<Joined> {
        if self.c.often(88) {
            return self.none();
        }
        let moment = self.moment(-1, 2);
        let by = self.account();
        let protected = self.c.often(60);
        let joined = Joined {
            at: at(moment),
            by: if self.c.often(20) { Fact::Absent } else { self.fact(by) },
            protected: self.fact(protected),
        };
        self.fact(joined)
    }

    fn evidence(&mut self) -> BTreeMap<String, Fact<GateEvidence>> {
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
        BTreeMap::from([("coverage".to_owned(), self.fact(evidence))])
    }

    fn record(&mut self) -> Fact<ChangeRecord> {
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
            };
            fields.insert(name.to_owned(), field);
        }
        let state = if self.wrong() { self.c.of(&["Draft", "Closed"]) } else { "Implement" }.to_owned();
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
            id: "CHG1".to_owned(),
            state: self.fact(state),
            components: self.fact(components),
            from: if self.c.often(25) { self.fact(at(from)) } else { self.none() },
            until: if self.c.often(25) { self.fact(at(until)) } else { self.none() },
            fields,
            fixes,
        };
        if self.wrong() { Fact::Absent } else { self.fact(record) }
    }

    fn incidents(&mut self) -> Fact<Vec<Incident>> {
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
            });
        }
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }

    fn teams(&mut self) -> BTreeMap<String, Fact<TeamHistory>> {
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
                let detected = ran + self.c.between(1, 12) * 1800;
                let restored = detected + self.c.between(1, 20) * 1800;
                deployments.push(TeamDeployment {
                    at: at(ran),
                    emergency: {
                        let value = self.c.often(25);
                        self.fact(value)
                    },
                    failed: self.fact(failed),
                    detected_at: if failed { self.fact(at(detected)) } else { Fact::Absent },
                    restored_at: if failed { self.fact(at(restored)) } else { Fact::Absent },
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

    fn obligations(&mut self) -> Fact<Vec<OwedObligation>> {
        let mut all = Vec::new();
        for number in 0..self.c.of(&[0, 0, 0, 1, 1, 2]) {
            let due = self.moment(-40, 40);
            self.near.push(due);
            let contributors = self.c.some(&ACCOUNTS[..4], 40).into_iter().map(Account::from).collect();
            all.push(OwedObligation {
                id: format!("owed-{number}"),
                kind: self.c.of(&["pir", "pir", "validate", "audit"]).to_owned(),
                release: "shop 2.3".to_owned(),
                team: self.c.of(&["reds", "blues"]).to_owned(),
                components: vec![self.c.of(&["pay", "infra"]).to_owned()],
                by: self.c.of(&["lead", "ops"]).to_owned(),
                due: self.fact(at(due)),
                contributors: self.fact(contributors),
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

    fn deployment(&mut self, name: &str, environment: &str, commit: &str, which: &str, opened: i64) -> Deployment {
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
        }
    }

    fn deployments(&mut self) -> Fact<Vec<Deployment>> {
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
            all.push(self.deployment("shop 2.6", HERE, "feed", "newer", opened));
            self.near.push(opened);
        }
        all.sort_by_key(|it| it.opened_at);
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }

    fn model(&mut self) -> BTreeMap<String, Fact<ModelState>> {
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

    fn cab(&mut self) -> Fact<Vec<CabDecision>> {
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
                attendees: self.fact(attendees),
                changes,
                components,
                artifacts,
                notes: String::new(),
            });
        }
        if all.is_empty() && self.c.often(50) { self.none() } else { self.fact(all) }
    }

    fn acts(&mut self) -> Vec<Act> {
        let mut all: Vec<Act> = Vec::new();
        // Often enough, somebody of each role approves as he should.
        if self.c.often(45) {
            for role in self.shape.roles.clone() {
                if self.c.often(70) && role.name != "commander" {
                    all.extend(self.good(all.len(), &role));
                }
            }
        }
        let number = self.c.of(&[0, 0, 1, 1, 2, 2, 3, 4, 5]);
        for number in all.len()..all.len() + number {
            let act = self.act(number, &all);
            all.push(act);
        }
        all.sort_by_key(|act| act.at);
        all
    }

    fn act(&mut self, number: usize, before: &[Act]) -> Act {
        let by = if self.c.often(85) { Account::from(self.c.of(&ACCOUNTS[2..10])) } else { self.account() };
        let time = self.moment(-8, 60);
        self.near.push(time);
        let pick = self.c.below(100);
        let mut does = match pick {
            0..=54 => self.approve(),
            55..=66 => Deed::Reject {},
            67..=69 => Deed::Comment {},
            _ => self.other(pick, before),
        };
        if let Deed::ExceptFreeze { .. } = does
            && self.shape.freezes.is_empty()
        {
            does = self.approve();
        }
        let via = if matches!(does, Deed::Approve { .. } | Deed::Reject {}) {
            self.c.of(&[
                Via::Environment,
                Via::Environment,
                Via::Environment,
                Via::Page,
                Via::Command,
                Via::Review,
                Via::Review,
                Via::Chat,
            ])
        } else {
            Via::Page
        };
        if matches!(does, Deed::Approve { .. }) {
            let (shape, london) = (self.shape, self.shape.london);
            for route in &shape.routes {
                if let Some(expire) = route.expire {
                    self.near.push(times::due(expire, shape.business, london, time));
                }
            }
        } else if matches!(does, Deed::Reject {}) {
            self.near.push(times::due(self.shape.holds, self.shape.business, self.shape.london, time));
        }
        let impersonator = self.account();
        Act {
            id: format!("act-{number}"),
            at: at(time),
            by,
            impersonated_by: self.c.maybe(2, |_| impersonator),
            via,
            does,
            reason: self.c.maybe(60, |c| {
                c.of(&["because the graph says so", "ok", "aaaaaaaaaaaaaaa", " \u{a0} ", ".", "no, it drops a table"])
                    .to_owned()
            }),
            saw: self.saw(via),
            standing: if self.wrong() { self.c.of(&[Standing::Edited, Standing::Dismissed]) } else { Standing::Stands },
            held: Vec::new(),
        }
    }

    /// An approval by a holder of a role, of everything, in time.
    fn good(&mut self, number: usize, role: &RoleShape) -> Option<Act> {
        let named: Vec<&str> =
            role.members.iter().filter_map(|it| if let Member::User(name) = it { Some(*name) } else { None }).collect();
        if named.is_empty() {
            return None;
        }
        let name = self.c.of(&named);
        let listed = self.shape.people.iter().find(|(known, _)| *known == name);
        let by = listed.map_or_else(|| format!("github:{name}"), |(_, accounts)| accounts[0].to_owned());
        let time = self.moment(0, 8);
        let wrong = std::mem::replace(&mut self.wrong, 0);
        let saw = self.saw(Via::Environment);
        self.wrong = wrong;
        Some(Act {
            id: format!("act-{number}"),
            at: at(time),
            by: Account(by),
            impersonated_by: None,
            via: Via::Environment,
            does: Deed::Approve { role: None, accepts: Some(OATH.to_owned()) },
            reason: self.c.maybe(70, |_| "because the graph says so".to_owned()),
            saw: Saw { gates: BTreeMap::new(), ..saw },
            standing: Standing::Stands,
            held: Vec::new(),
        })
    }

    fn approve(&mut self) -> Deed {
        let role = self.c.maybe(20, |c| c.of(&ROLES).to_owned());
        Deed::Approve { role, accepts: self.c.maybe(60, |_| format!(" {OATH} ")) }
    }

    fn other(&mut self, pick: usize, before: &[Act]) -> Deed {
        let from = self.moment(-20, 20);
        let until = from + self.c.between(1, 200) * 1800;
        match pick {
            70..=76 if !before.is_empty() => {
                let of = before[self.c.below(before.len())].id.clone();
                Deed::Withdraw { of }
            }
            77..=79 => {
                self.near.extend([from, until]);
                Deed::Away { from: at(from), until: at(until) }
            }
            80..=83 => {
                self.near.extend([from, until]);
                let to = Account::from(self.c.of(&ACCOUNTS[2..10]));
                Deed::Delegate { role: self.c.of(&ROLES).to_owned(), to, from: at(from), until: at(until) }
            }
            84..=86 => Deed::ConfirmFix { incident: self.c.of(&["INC-1", "INC-2", "shop 2.3"]).to_owned() },
            87..=88 => Deed::ExceptFreeze { freeze: "freeze-0".to_owned() },
            89..=91 => {
                self.near.push(until);
                Deed::Waive {
                    gate: "coverage".to_owned(),
                    environments: if self.c.often(20) { vec![BEFORE.to_owned()] } else { Vec::new() },
                    until: at(until),
                    compensating_control: self.c.maybe(60, |_| "a person watches it".to_owned()),
                    when: None,
                }
            }
            92..=93 => Deed::Complete {
                obligation: self.c.of(&["owed-0", "owed-1"]).to_owned(),
                evidence: self.c.some(&["link".to_owned()], 60),
            },
            94..=96 => Deed::Vouch { commit: self.c.of(&["00abcdef", "01abcdef", "10abcdef"]).to_owned() },
            97..=98 => Deed::Clear { account: self.account(), commit: self.c.of(&["00abcdef", "01abcdef"]).to_owned() },
            _ => Deed::ClaimEmergency {},
        }
    }

    /// What somebody was shown of each component.
    fn contents(&mut self) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::new();
        for component in self.shape.components.clone() {
            if !self.wrong() {
                let which = if self.wrong() { "old" } else { "new" };
                shown.insert(component.name.to_owned(), format!("{}-{which}", component.name));
            }
        }
        shown
    }

    fn saw(&mut self, via: Via) -> Saw {
        let mut saw = Saw::default();
        if via != Via::Review || self.c.often(5) {
            saw.environment = Some(if self.wrong() { BEFORE } else { HERE }.to_owned());
            if self.wrong() {
                saw.environment = None;
            }
        }
        if !self.wrong() && (via != Via::Review || self.c.often(50)) {
            saw.repository = Some(if self.wrong() { "acme/other" } else { REPOSITORY }.to_owned());
        }
        let one =
            if via == Via::Review && self.changes.len() > 1 { Some(self.c.below(self.changes.len())) } else { None };
        for (number, change) in self.changes.clone().into_iter().enumerate() {
            if one.is_some_and(|one| one != number) || self.wrong() {
                continue;
            }
            let content = if self.wrong() { "content-old".to_owned() } else { change.content };
            saw.changes.insert(change.id, content);
        }
        if via != Via::Review {
            saw.components = self.contents();
            if !self.wrong() {
                saw.artifacts.clone_from(&self.artifacts);
                if self.wrong() {
                    saw.artifacts.push("art-old".to_owned());
                }
            }
            if self.c.often(10) {
                saw.gates.insert("coverage".to_owned(), self.c.of(&[Verdict::Pass, Verdict::Pending, Verdict::Block]));
            }
            for part in self.others.clone() {
                if !self.wrong() {
                    let which = if self.wrong() { "old" } else { "new" };
                    saw.parts.insert(part.to_owned(), format!("{part}-{which}"));
                }
            }
            if self.c.often(3) {
                saw.requirements.insert(self.c.of(&ROLES).to_owned(), "0000000000000000".to_owned());
            }
        }
        saw
    }
}

pub fn unread<T>() -> Fact<T> {
    Fact::Unavailable("the directory did not answer".into())
}
