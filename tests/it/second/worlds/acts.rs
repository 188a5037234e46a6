//! What people did, by chance.

use std::collections::BTreeMap;

use countersign::model::facts::{Account, Act, Deed, Fact, Saw, Standing, Via};
use countersign::model::verdict::Verdict;

use super::{ACCOUNTS, Maker, RECORD, REPOSITORY, at};
use crate::second::shape::{BEFORE, HERE, ITEMS, Member, OATH, ROLES, RoleShape};
use crate::second::times;

impl Maker<'_> {
    pub(super) fn acts(&mut self) -> Vec<Act> {
        let mut all: Vec<Act> = Vec::new();
        // Often enough, somebody of each role approves as he should.
        if self.c.often(45) {
            for role in self.shape.roles.clone() {
                if self.c.often(70) && role.name != "commander" {
                    all.extend(self.good(all.len(), &role));
                }
            }
        }
        if self.shape.pack.is_some() && self.c.often(75) {
            self.ticks(&mut all);
        }
        let number = self.c.of(&[0, 0, 1, 1, 2, 2, 3, 4, 5]);
        for number in all.len()..all.len() + number {
            let act = self.act(number, &all);
            all.push(act);
        }
        all.sort_by_key(|act| act.at);
        all
    }

    pub(super) fn act(&mut self, number: usize, before: &[Act]) -> Act {
        let by = if self.c.often(85) { Account::from(self.c.of(&ACCOUNTS[2..10])) } else { self.account() };
        let time = self.moment(-8, 60);
        self.near.push(time);
        let pick = self.c.below(100);
        let mut does = match pick {
            0..=54 => self.approve(),
            55..=66 => Deed::Reject {},
            67..=69 => Deed::Comment {},
            _ if self.shape.list.is_some() && self.c.often(45) => {
                Deed::Tick { gate: "list".to_owned(), item: self.c.of(&ITEMS).to_owned(), proof: None }
            }
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
        let impersonated_by = match self.c.between(0, 99) {
            0 | 1 => Fact::Known(impersonator),
            2 | 3 => Fact::default(),
            _ => Fact::Absent,
        };
        Act {
            id: format!("act-{number}"),
            at: at(time),
            by,
            impersonated_by,
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
    pub(super) fn good(&mut self, number: usize, role: &RoleShape) -> Option<Act> {
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
            impersonated_by: if self.wrong() { Fact::default() } else { Fact::Absent },
            via: Via::Environment,
            does: Deed::Approve { role: None, accepts: Some(OATH.to_owned()) },
            reason: self.c.maybe(70, |_| "because the graph says so".to_owned()),
            saw: Saw { gates: BTreeMap::new(), ..saw },
            standing: Standing::Stands,
            held: Vec::new(),
        })
    }

    /// The list of the pack, ticked by one who verifies it, seldom but for an item.
    fn ticks(&mut self, all: &mut Vec<Act>) {
        let Some(pack) = self.shape.pack.map(|it| it.pack) else { return };
        let verifier = self.shape.roles.iter().find(|it| it.name == pack.verified_by);
        for item in pack.items() {
            let by_another = self.wrong();
            let role = if by_another { self.shape.roles.first() } else { verifier };
            let Some(act) = role.and_then(|role| self.good(all.len(), role)) else { continue };
            if !self.wrong() {
                let does = Deed::Tick { gate: pack.gate(), item, proof: None };
                all.push(Act { via: Via::Page, does, ..act });
            }
        }
    }

    pub(super) fn approve(&mut self) -> Deed {
        let role = self.c.maybe(20, |c| c.of(&ROLES).to_owned());
        Deed::Approve { role, accepts: self.c.maybe(60, |_| format!(" {OATH} ")) }
    }

    pub(super) fn other(&mut self, pick: usize, before: &[Act]) -> Deed {
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
    pub(super) fn contents(&mut self) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::new();
        for component in self.shape.components.clone() {
            if !self.wrong() {
                let which = if self.wrong() { "old" } else { "new" };
                shown.insert(component.name.to_owned(), format!("{}-{which}", component.name));
            }
        }
        shown
    }

    pub(super) fn saw(&mut self, via: Via) -> Saw {
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
            saw.parts = self.parts();
            saw.record = self.place(RECORD, "CHG2");
            if self.c.often(3) {
                saw.requirements.insert(self.c.of(&ROLES).to_owned(), "0000000000000000".to_owned());
            }
        }
        saw
    }
}
