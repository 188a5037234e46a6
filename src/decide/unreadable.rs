//! What is decided where there is no policy to decide by: a layer that is missing or cannot be read, or one with mistakes.
//! It holds, and says which file and what is wrong in it; nothing of the others is judged, for a stricter word may be missing.

use chrono::{DateTime, Utc};

use super::conclude;
use super::words;
use crate::model::decision::PolicySource;
use crate::model::facts::Facts;
use crate::model::ground::Ground;
use crate::model::release_decision::{
    Class, Event, Impact, Node, ReleaseDecision, Revisit, RiskAccount, Status, VERSION,
};
use crate::model::stated::Stated;
use crate::policy::calendar;

/// How many mistakes are told.
const TOLD: usize = 20;

/// What is wrong with a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The file, as it was named.
    pub file: String,
    /// The line, the first being 1; 0 where the whole file cannot be read.
    pub line: usize,
    /// What is wrong and what to do, lower case, no full stop.
    pub says: String,
}

impl Flaw {
    fn node(&self) -> Node {
        let stated = Stated { layer: "the policy".to_owned(), file: self.file.clone(), line: self.line, kept: None };
        if self.line == 0 {
            return Node::new(Ground::PolicyUnreadable, Status::Unknown, self.says.clone()).stated(&stated);
        }
        let says = format!("{}:{}: {}", self.file, self.line, self.says);
        Node::new(Ground::PolicyMistaken, Status::Unmet, says).stated(&stated)
    }
}

/// Whether a release was held for want of a policy: then nothing was asked of it by any.
#[must_use]
pub fn is_held(decision: &ReleaseDecision) -> bool {
    let wants = |node: &Node| matches!(node.code, Ground::PolicyUnreadable | Ground::PolicyMistaken);
    !decision.tree.parts.is_empty() && decision.tree.parts.iter().all(wants)
}

/// The decision on a release where the policy has flaws. `layers` are those that could be read.
#[must_use]
pub fn held(facts: &Facts, now: DateTime<Utc>, flaws: &[Flaw], layers: Vec<PolicySource>) -> ReleaseDecision {
    let release = &facts.release;
    let mut nodes: Vec<Node> = flaws.iter().take(TOLD).map(Flaw::node).collect();
    if flaws.len() > TOLD {
        let says = format!("{} are not shown", words::count(flaws.len() - TOLD, "more mistake", "more mistakes"));
        nodes.push(Node::new(Ground::PolicyMistaken, Status::Unmet, says));
    }
    let says = format!("whether `{}` may go to {}: there is no policy to decide by", release.name, release.environment);
    let mut root = Node::new(Ground::Release, Status::Unknown, says).parts(nodes);
    let decision = conclude::ruling(conclude::settle(&mut root));
    ReleaseDecision {
        version: VERSION,
        decision,
        summary: conclude::sentence(&release.environment, &root, chrono_tz::UTC),
        release: release.name.clone(),
        environment: release.environment.clone(),
        now,
        zone_database: calendar::zone_database().to_owned(),
        tool: concat!("countersign ", env!("CARGO_PKG_VERSION")).to_owned(),
        policy: layers,
        attached: Vec::new(),
        facts: None,
        components: release.components.keys().cloned().collect(),
        class: Class::Normal,
        routes: Vec::new(),
        rigor: 0,
        // What cannot be told is taken for high.
        risk: RiskAccount { score: None, impact: Impact::High, items: Vec::new() },
        tree: root,
        obligations: Vec::new(),
        keep: Vec::new(),
        asks: Vec::new(),
        approvals: Vec::new(),
        counted: Vec::new(),
        revisit: Revisit { events: vec![Event::Policy], at: None },
    }
}
