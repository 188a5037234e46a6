//! What an act would come to: it is put among what people did, by the facts and the policy of the decision that its person
//! was shown, and the release is decided as of this instant. Pure.
//!
//! A trial says what a page offers, and refuses what is refused anyway. It counts nothing: what an act comes to is said by
//! the decision that looks at it, from facts that were gathered anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use chrono::{DateTime, Utc};

use super::offers::More;
use crate::decide::heard::Hearing;
use crate::decide::words::{count, meaningful};
use crate::decide::{release, shown};
use crate::flow::app::talk::judged::{Made, Told, became, judged};
use crate::model::facts::{Account, AccountFacts, AccountKind, Act, Deed, Fact, Facts, Saw, Standing, Via};
use crate::model::ground::Ground;
use crate::model::kind::Kind;
use crate::model::release_decision::{Node, ReleaseDecision, Ruling};
use crate::model::verdict::Verdict as Stood;
use crate::policy::Policy;
use crate::report::reply::Outcome;

/// How many items of checklists are offered to be ticked.
const ITEMS: usize = 100;
/// How many of somebody's acts are offered to be taken back.
const BACK: usize = 20;

/// A decision that somebody was shown, with what it was made from.
#[derive(Debug)]
pub(in super::super) struct Trial {
    pub(in super::super) facts: Facts,
    pub(in super::super) decision: ReleaseDecision,
    pub(in super::super) policy: Policy,
    pub(in super::super) before: Option<Policy>,
    /// What was done that the decision has not looked at.
    unlooked: BTreeSet<String>,
    /// How the gates stood, once anybody asks.
    gates: OnceLock<BTreeMap<String, Stood>>,
}

/// An approval that somebody could give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// In which role.
    pub role: String,
    /// What the role makes its holder declare.
    pub accepts: Option<String>,
}

/// An item that somebody could tick off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The gate.
    pub gate: String,
    /// The item, as the policy states it.
    pub item: String,
}

/// Something that somebody could take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// Its name in the record.
    pub id: String,
    /// Whether it is a rejection; else it is an approval.
    pub rejects: bool,
    /// When he did it, UTC.
    pub at: DateTime<Utc>,
    /// Whether a decision has looked at it.
    pub is_looked_at: bool,
}

/// What somebody could do of a release now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// The approvals that he could give.
    pub approve: Vec<Seat>,
    /// Why he can give none, where some are asked for.
    pub no_approval: Option<String>,
    /// Whether he could reject it, and with how many characters of a reason at least.
    pub reject: Option<usize>,
    /// Whether his rejection would be the last word.
    pub ends_it: bool,
    /// The items that he could tick off.
    pub ticks: Vec<Item>,
    /// What of his own he could take back.
    pub back: Vec<Back>,
    /// What lasts, and what he answers for besides.
    pub more: More,
    /// Whether the app knows of a run that waits for it.
    pub waits: bool,
    /// Whether it went: nothing more is asked for it.
    pub went: bool,
}

impl Offers {
    /// The same of a release that went: what lasts beyond it is left.
    #[must_use]
    pub fn of_what_went(self) -> Self {
        Self { more: self.more, waits: self.waits, went: true, ..Self::default() }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.approve.is_empty()
            && self.reject.is_none()
            && self.ticks.is_empty()
            && self.back.is_empty()
            && self.more.is_empty()
    }
}

/// What an act would come to.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Verdict {
    /// It would count.
    Counts,
    /// It would not.
    Refused { why: String, instead: Vec<String>, code: Option<&'static str> },
    /// What people did cannot be read now, and so nobody can tell.
    Unknown,
}

impl Trial {
    /// A decision, with what it was made from.
    pub(in super::super) fn new(
        facts: Facts,
        decision: ReleaseDecision,
        policy: Policy,
        before: Option<Policy>,
    ) -> Self {
        Self { facts, decision, policy, before, unlooked: BTreeSet::new(), gates: OnceLock::new() }
    }

    /// Adds what was done that the decision has not looked at, so that it can be taken back. Where what people did is not known
    /// it stays so.
    pub(super) fn add(&mut self, acts: Vec<Act>) {
        if acts.is_empty() {
            return;
        }
        if let Some(facts) = self.facts_with(&acts) {
            self.unlooked = acts.into_iter().map(|act| act.id).collect();
            self.facts = facts;
        }
    }

    /// Whether somebody approved in a role already, and no decision has looked at that.
    fn approved_unlooked(&self, by: &Account, role: &str) -> bool {
        self.facts
            .acts
            .entries()
            .iter()
            .filter(|act| act.by == *by && self.unlooked.contains(&act.id))
            .any(|act| matches!(&act.does, Deed::Approve { role: as_role, .. } if as_role.as_deref() == Some(role)))
    }

    /// The roles that somebody held by the facts of the decision.
    pub(in super::super) fn held(&self, by: &Account) -> Vec<String> {
        shown::held(&self.policy, &self.facts, by, self.decision.now)
    }

    fn gates(&self) -> &BTreeMap<String, Stood> {
        self.gates.get_or_init(|| shown::gates(&self.policy, &self.facts, self.decision.now))
    }

    /// What whoever looks at it is shown: all that goes, what is asked, how the gates stand, and the change record.
    pub(in super::super) fn saw(&self) -> Saw {
        let release = &self.facts.release;
        let parts = release.package.known().into_iter().flat_map(|package| &package.parts);
        Saw {
            environment: Some(release.environment.clone()),
            repository: Some(release.repository.clone()),
            changes: release.changes.entries().iter().map(|it| (it.id.clone(), it.content.clone())).collect(),
            components: release
                .components
                .iter()
                .filter_map(|(name, it)| Some((name.clone(), it.content.known()?.clone())))
                .collect(),
            artifacts: release.components.values().flat_map(|it| it.artifacts.entries()).cloned().collect(),
            requirements: self.decision.approvals.iter().map(|it| (it.role.clone(), it.digest.clone())).collect(),
            gates: self.gates().clone(),
            parts: parts.filter_map(|(name, part)| Some((name.clone(), part.known()?.content.clone()))).collect(),
            record: self.facts.change_record.known().map(|record| record.id.clone()),
        }
    }

    /// An act as it would stand in the record.
    pub(in super::super) fn act(
        &self,
        id: &str,
        by: &Account,
        at: DateTime<Utc>,
        does: Deed,
        reason: Option<String>,
    ) -> Act {
        Act {
            id: id.to_owned(),
            at,
            by: by.clone(),
            impersonated_by: Fact::Absent,
            via: Via::Page,
            does,
            reason,
            saw: self.saw(),
            standing: Standing::Stands,
            held: self.held(by),
        }
    }

    /// The facts, if these were done as well; `None` where what people did is not known.
    pub(super) fn facts_with(&self, acts: &[Act]) -> Option<Facts> {
        let mut facts = self.facts.clone();
        let mut all = match facts.acts {
            Fact::Known(acts) => acts,
            Fact::Absent => Vec::new(),
            Fact::Unavailable(_) => return None,
        };
        // What the decision has of them already is done once.
        all.retain(|it| !acts.iter().any(|act| act.id == it.id));
        all.extend(acts.iter().cloned());
        for act in acts {
            // The forge let him in just now. What he is besides is asked of it when it is decided.
            let known = facts.accounts.entry(act.by.clone()).or_insert_with(|| AccountFacts {
                kind: Fact::Known(AccountKind::Person),
                active: Fact::Known(true),
                person: Fact::Absent,
            });
            known.active = Fact::Known(true);
        }
        facts.acts = Fact::Known(all);
        Some(facts)
    }

    /// What would be decided if these were done as well, and from what.
    fn with(&self, acts: &[Act], now: DateTime<Utc>) -> Option<(Facts, ReleaseDecision)> {
        let facts = self.facts_with(acts)?;
        let decision = match &self.before {
            Some(before) => release::decide_between(before, &self.policy, &facts, now),
            None => release::decide(&self.policy, &facts, now),
        };
        Some((facts, decision))
    }

    /// What the decision itself says of an act that it looked at.
    pub(in super::super) fn became(&self, id: &str) -> Option<Outcome> {
        let Self { facts, decision, policy, before, .. } = self;
        became(Made { policy, before: before.as_ref(), facts, decision }, id)
    }

    /// What an act would come to. A rejection that says nothing holds a while until it is asked for; here it is asked for
    /// at once.
    pub(in super::super) fn judge(&self, act: &Act, now: DateTime<Utc>) -> Verdict {
        let least = self.policy.rules.rejection.reason as usize;
        if act.does == (Deed::Reject {}) && !meaningful(act.reason.as_deref().unwrap_or_default(), least) {
            return Verdict::Refused {
                why: format!(
                    "a rejection needs its reason, {} or more that say something",
                    count(least, "character", "characters")
                ),
                instead: Vec::new(),
                code: Some(Ground::RejectionWithoutReason.code()),
            };
        }
        self.judge_all(std::slice::from_ref(act), now).pop().unwrap_or(Verdict::Unknown)
    }

    /// The same of several that are done at once.
    fn judge_all(&self, acts: &[Act], now: DateTime<Utc>) -> Vec<Verdict> {
        let Some((facts, decision)) = self.with(acts, now) else { return vec![Verdict::Unknown; acts.len()] };
        let hearing = Hearing::new(&self.policy, self.before.as_ref(), &facts, now);
        let told = Told {
            tree: &decision.tree,
            counted: &decision.counted,
            acts: facts.acts.entries(),
            environment: &decision.environment,
            commit: &self.facts.release.commit,
        };
        let verdict = |act: &Act| match judged(&told, &hearing, &act.id) {
            Some(Outcome::Refused { why, instead }) => {
                Verdict::Refused { why, instead, code: code(&decision.tree, &act.id) }
            }
            Some(Outcome::Counts) => Verdict::Counts,
            Some(Outcome::Told { .. } | Outcome::Listed(_)) | None => Verdict::Unknown,
        };
        acts.iter().map(verdict).collect()
    }

    /// What somebody could do now. Nothing of a release that was rejected for good; of one that may go, what holds it.
    pub(in super::super) fn offers(&self, to: &Account, now: DateTime<Utc>, went: bool) -> Offers {
        if self.decision.decision == Ruling::Reject {
            return Offers::default();
        }
        let more = self.more(to, now, went);
        if went {
            return Offers { more, went, ..Offers::default() };
        }
        let counts = |id: &str, does: Deed, reason: Option<String>| {
            self.judge(&self.act(id, to, now, does, reason), now) == Verdict::Counts
        };
        let mut offers = Offers { more, ..Offers::default() };
        let may_go = self.decision.decision == Ruling::Proceed;
        let asked: BTreeSet<&str> = self.asked().filter(|_| !may_go).collect();
        for role in asked.iter().filter(|role| !self.approved_unlooked(to, role)) {
            let seat = self.declarations().into_iter().find(|accepts| {
                let does = Deed::Approve { role: Some((*role).to_owned()), accepts: accepts.clone() };
                counts("page-trial", does, None)
            });
            offers.approve.extend(seat.map(|accepts| Seat { role: (*role).to_owned(), accepts }));
        }
        if offers.approve.is_empty() && asked.iter().any(|role| !self.approved_unlooked(to, role)) {
            let act = self.act("page-trial", to, now, Deed::Approve { role: None, accepts: None }, None);
            offers.no_approval = match self.judge(&act, now) {
                Verdict::Refused { why, .. } => Some(why),
                Verdict::Counts => None,
                Verdict::Unknown => Some("what people did cannot be read now".to_owned()),
            };
        }
        let least = self.policy.rules.rejection.reason as usize;
        let reason = "a reason for trial".repeat(least / 18 + 1);
        let rejects = self.act("page-trial", to, now, Deed::Reject {}, Some(reason));
        if self.judge(&rejects, now) == Verdict::Counts {
            offers.reject = Some(least);
            let then = self.with(std::slice::from_ref(&rejects), now);
            offers.ends_it = then.is_some_and(|(_, decision)| decision.decision == Ruling::Reject);
        }
        offers.ticks = if may_go { Vec::new() } else { self.ticks(to, now) };
        offers.back = self.back(to, now);
        offers
    }

    /// The roles that are still asked to approve.
    fn asked(&self) -> impl Iterator<Item = &str> {
        let unmet = self.decision.approvals.iter().filter(|filled| !filled.met).map(|filled| filled.role.as_str());
        let asks = self.decision.asks.iter().filter(|ask| matches!(ask.to.as_str(), "approve" | "decide"));
        unmet.chain(asks.map(|ask| ask.role.as_str()))
    }

    /// What a role may make its holder declare: nothing, or what any role does. Who stands in declares what his own asks.
    fn declarations(&self) -> Vec<Option<String>> {
        let accept: BTreeSet<&String> = self.policy.rules.roles.iter().filter_map(|it| it.accept.as_ref()).collect();
        std::iter::once(None).chain(accept.into_iter().cloned().map(Some)).collect()
    }

    /// The items that nobody has ticked off who may, and that somebody could.
    fn ticks(&self, to: &Account, now: DateTime<Utc>) -> Vec<Item> {
        let gates = self.policy.gates.iter().filter(|gate| gate.kind == Kind::Checklist);
        let all = gates.flat_map(|gate| {
            gate.items.iter().map(|item| Item { gate: format!("{}/{}", gate.layer, gate.name), item: item.clone() })
        });
        let all: Vec<Item> = all.filter(|it| !self.is_ticked(it)).take(ITEMS).collect();
        let act = |(at, it): (usize, &Item)| {
            let does = Deed::Tick { gate: it.gate.clone(), item: it.item.clone(), proof: None };
            self.act(&format!("page-trial/{at}"), to, now, does, None)
        };
        let acts: Vec<Act> = all.iter().enumerate().map(act).collect();
        let verdicts = self.judge_all(&acts, now);
        all.into_iter().zip(verdicts).filter(|(_, verdict)| *verdict == Verdict::Counts).map(|(item, _)| item).collect()
    }

    /// Whether a tick of an item counts already, be it while others are open.
    fn is_ticked(&self, item: &Item) -> bool {
        let meant = |gate: &str| gate == item.gate || item.gate.rsplit('/').next() == Some(gate);
        self.facts.acts.entries().iter().any(|act| match &act.does {
            Deed::Tick { gate, item: ticked, .. } => *ticked == item.item && meant(gate) && self.mentions(&act.id),
            _ => false,
        })
    }

    /// Whether the explanation of a gate names an act.
    fn mentions(&self, id: &str) -> bool {
        let mut found = false;
        self.decision.tree.walk(&mut |node| {
            found |= matches!(node.code, Ground::Gate | Ground::PackGate) && names(node, id);
        });
        found
    }

    /// The approvals and rejections of somebody that he could take back.
    fn back(&self, to: &Account, now: DateTime<Utc>) -> Vec<Back> {
        let own = self
            .facts
            .acts
            .entries()
            .iter()
            .rev()
            .filter(|act| act.by == *to && (self.unlooked.contains(&act.id) || self.stands(&act.id)));
        let mut found = Vec::new();
        for act in own.take(BACK) {
            let rejects = match &act.does {
                Deed::Approve { .. } => false,
                Deed::Reject {} => true,
                _ => continue,
            };
            let trial = self.act("page-trial", to, now, Deed::Withdraw { of: act.id.clone() }, None);
            if self.judge(&trial, now) == Verdict::Counts {
                let is_looked_at = !self.unlooked.contains(&act.id);
                found.push(Back { id: act.id.clone(), rejects, at: act.at, is_looked_at });
            }
        }
        found
    }

    /// Whether an act counts, or holds the release.
    fn stands(&self, id: &str) -> bool {
        let mut holds = false;
        self.decision.tree.walk(&mut |node| {
            holds |= !node.status.opens() && node.code == Ground::Rejected && names(node, id);
        });
        holds || self.decision.counted.iter().any(|it| it == id)
    }

    /// Whether another decision asks the same of whoever acts, of the same content. Its instant and what time alone
    /// changes in it say nothing to anybody.
    pub(in super::super) fn asks_the_same_as(&self, other: &Self) -> bool {
        let of = |it: &Self| {
            let d = it.decision.clone();
            (d.decision, d.class, d.routes, d.policy, d.attached, d.approvals, d.counted)
        };
        of(self) == of(other) && self.saw() == other.saw() && self.lines() == other.lines()
    }

    /// Everything that the explanation says.
    pub(in super::super) fn lines(&self) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        self.decision.tree.walk(&mut |node| {
            lines.insert(node.says.clone());
        });
        lines
    }
}

fn names(node: &Node, act: &str) -> bool {
    node.evidence.iter().any(|it| it == act)
}

/// The code by which an explanation speaks of an act.
fn code(tree: &Node, act: &str) -> Option<&'static str> {
    let mut found = None;
    tree.walk(&mut |node| {
        if names(node, act) {
            found = found.or(Some(node.code.code()));
        }
    });
    found
}
