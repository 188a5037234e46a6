//! Facts by chance: mostly in good order, with something wrong here and there, and instants around thresholds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use countersign::model::facts::{
    Account, AccountFacts, AccountKind, Change, Commit, Fact, Facts, Grant, Joined, Landing, Member as GroupMember,
    Merge, Outcome, Package, Part, Reference, Release, Released, Vulnerability,
};

mod acts;
mod happened;

use super::chance::Chance;
use super::shape::{BEFORE, HERE, Member, Shape};
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
pub const RECORD: &str = "CHG1";

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
    /// When it was started again.
    asked_since: Option<i64>,
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
        asked_since: None,
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

    /// What is named, mostly as it is.
    fn place(&mut self, here: &str, other: &str) -> Option<String> {
        if self.c.often(self.wrong / 2) {
            return None;
        }
        Some(if self.c.often(self.wrong / 2) { other } else { here }.to_owned())
    }

    /// What somebody was shown of the other parts of the package.
    fn parts(&mut self) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::new();
        for part in self.others.clone() {
            if !self.wrong() {
                let which = if self.wrong() { "old" } else { "new" };
                shown.insert(part.to_owned(), format!("{part}-{which}"));
            }
        }
        shown
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
            experiments: self.trial(),
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
        self.beside_main(&mut facts);
        World { facts, now: at(now) }
    }

    /// What goes from beside the default branch, which mostly has it.
    fn beside_main(&mut self, facts: &mut Facts) {
        let there = !self.c.often(25);
        let there = self.fact(there);
        if let Fact::Known(reference) = &mut facts.release.reference {
            reference.on_default = there;
        }
    }

    /// Instants that the policy makes of when people are asked.
    fn thresholds(&mut self) {
        let (shape, london) = (self.shape, self.shape.london);
        if self.c.often(12) {
            self.asked_since = Some(self.submitted + self.c.between(-10, 90) * 1800);
        }
        let asked = self.asked_since.map_or(self.submitted, |since| since.max(self.submitted));
        for role in &shape.roles {
            if let Some(after) = role.after {
                self.near.push(times::due(after, role.week.unwrap_or(shape.business), london, asked));
            }
        }
        for escalate in shape.routes.iter().filter_map(|route| route.escalate.as_ref()) {
            for number in 1..=2 {
                self.near.push(times::due(times::times(escalate.after, number), shape.business, london, asked));
            }
        }
        for row in &shape.raci {
            if let Some((_, wait)) = row.consulted {
                self.near.push(times::due(wait, shape.business, london, asked));
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
            asked_since: self.asked_since.map(at),
            trigger: if self.c.often(10) { Fact::Absent } else { self.fact(trigger) },
            deployed_by: self.fact(deployer),
            components,
            changes,
            vendors_before: if self.c.often(50) { self.fact(vec!["twilio".to_owned()]) } else { self.none() },
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
            // Nothing is decided by these.
            title: Fact::Absent,
            labels: Fact::Absent,
            issues: Fact::Absent,
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
        let ends = granted + self.c.between(1, 12) * 1800;
        let components: Vec<String> = self.shape.components.iter().map(|it| it.name.to_owned()).collect();
        let fewer = self.c.often(self.wrong / 2);
        Fact::Known(Grant {
            id: "grant-1".to_owned(),
            repository: {
                let name = if self.c.often(self.wrong / 2) { "acme/other" } else { REPOSITORY }.to_owned();
                self.fact(name)
            },
            environment: if self.wrong() { BEFORE } else { HERE }.to_owned(),
            commit: if self.wrong() { "dead" } else { COMMIT }.to_owned(),
            components: {
                let components = components.into_iter().skip(usize::from(fewer)).collect();
                if self.c.often(50) { Fact::Absent } else { self.fact(components) }
            },
            artifacts: {
                let artifacts = if self.c.often(self.wrong / 2) { Vec::new() } else { self.artifacts.clone() };
                self.fact(artifacts)
            },
            signed_by: signers.into_iter().map(Account::from).collect(),
            granted_at: at(granted),
            expires_at: if self.c.often(50) { Fact::Absent } else { self.fact(at(ends)) },
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
}

pub fn unread<T>() -> Fact<T> {
    Fact::Unavailable("the directory did not answer".into())
}
