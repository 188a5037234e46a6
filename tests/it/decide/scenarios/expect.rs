//! What a case wants, and what of it did not come.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use countersign::decide::{due, telling};
use countersign::model::due::ReportKind;
use countersign::model::facts::Facts;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Node, ReleaseDecision, Ruling, Status};
use countersign::policy::Policy;
use serde::Deserialize;
use serde_json::json;

use super::situation;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// `hold production`, `proceed production`, `reject production`.
    pub expect: String,
    /// Codes that stand in the tree, at least one; with `!` those that do not.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Parts of the sentences that a person reads, at least one.
    pub because: Vec<String>,
    /// A part of the one sentence at the top.
    pub summary: Option<String>,
    /// The instant at which time alone can change it, or `none`.
    pub next: Option<String>,
    pub class: Option<String>,
    pub impact: Option<String>,
    pub score: Option<f64>,
    pub rigor: Option<u32>,
    pub routes: Option<Vec<String>>,
    /// `approve platform-owner: pavel, pia`; with `!` what is not asked.
    #[serde(default)]
    pub asks: Vec<String>,
    /// `validate by operations due 2026-12-08T14:00:00Z`, parts of it; an empty list: none.
    pub obligations: Option<Vec<String>>,
    /// `record for 7y: payments is under …`, parts of it; an empty list: nothing is said.
    pub keep: Option<Vec<String>>,
    /// `asked operations at slack:#releases from 2026-12-08T14:00:00Z`, parts of it; with `!` what is told nobody.
    #[serde(default)]
    pub told: Vec<String>,
    /// `population of 2026-Q3 to auditor: group:internal-audit`, parts of it; an empty list: nothing falls due.
    pub due: Option<Vec<String>>,
    /// Whose acts count, by login, sorted.
    pub counted: Option<Vec<String>>,
    /// Requirements, by their code, with more than their sentence.
    #[serde(default)]
    pub nodes: Vec<WantedNode>,
}

/// A requirement as a case wants it: one of its code that has all of this.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedNode {
    code: String,
    /// A part of its sentence.
    says: Option<String>,
    /// Who can meet it, in this order.
    who: Option<Vec<String>>,
    /// When time changes it, or `none`.
    next: Option<String>,
    /// `organisation layer-1.yml:12`, the layer, file and line; `nowhere`.
    stated: Option<String>,
    /// Why that layer's word holds.
    kept: Option<String>,
    /// What was looked at, each of these.
    #[serde(default)]
    evidence: Vec<String>,
}

impl WantedNode {
    fn is(&self, node: &Node) -> bool {
        let stated = node.stated.as_ref();
        let place = stated.map_or("nowhere".to_owned(), |it| format!("{} {}:{}", it.layer, it.file, it.line));
        let next = node.next.map_or("none".to_owned(), instant);
        self.code == node.code.code()
            && self.says.as_ref().is_none_or(|says| node.says.contains(says.as_str()))
            && self.who.as_ref().is_none_or(|who| *who == node.who)
            && self.next.as_ref().is_none_or(|wanted| *wanted == next)
            && self.stated.as_ref().is_none_or(|wanted| *wanted == place)
            && self.kept.as_ref().is_none_or(|kept| stated.and_then(|it| it.kept.as_ref()) == Some(kept))
            && self.evidence.iter().all(|wanted| node.evidence.contains(wanted))
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub fn compare(wanted: &Wanted, policy: &Policy, decision: &ReleaseDecision, facts: &Facts) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut differs = |what: &str, wanted: String, got: String| {
        if wanted != got {
            complaints.push(format!("  {what}: wanted {wanted}, got {got}"));
        }
    };
    differs("decision", wanted.expect.clone(), format!("{} {}", ruling(decision.decision), decision.environment));
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(class) = &wanted.class {
        differs("class", class.clone(), word(json!(decision.class)));
    }
    if let Some(impact) = &wanted.impact {
        differs("impact", impact.clone(), word(json!(decision.risk.impact)));
    }
    if let Some(score) = wanted.score {
        differs(
            "score",
            format!("{score:.3}"),
            decision.risk.score.map_or("unknown".to_owned(), |s| format!("{s:.3}")),
        );
    }
    if let Some(rigor) = wanted.rigor {
        differs("rigor", rigor.to_string(), decision.rigor.to_string());
    }
    if let Some(routes) = &wanted.routes {
        differs("routes", format!("{routes:?}"), format!("{:?}", decision.routes));
    }
    if let Some(next) = &wanted.next {
        let got = decision.revisit.at.map_or("none".to_owned(), instant);
        differs("next", next.clone(), got);
    }
    if let Some(counted) = &wanted.counted {
        let mut logins: Vec<String> = decision
            .counted
            .iter()
            // Who ticked the lists is said where that is what a case is about.
            .filter(|id| !id.starts_with(situation::TICK))
            .filter_map(|id| facts.acts.entries().iter().find(|act| act.id == *id))
            .map(|act| act.by.login().to_owned())
            .collect();
        logins.sort();
        logins.dedup();
        differs("counted", format!("{counted:?}"), format!("{logins:?}"));
    }
    let mut nodes = Vec::new();
    decision.tree.walk(&mut |node| nodes.push((node.code, node.says.clone())));
    for code in &wanted.codes {
        let (name, must) = code.strip_prefix('!').map_or((code.as_str(), true), |name| (name, false));
        if !Ground::ALL.iter().any(|ground| ground.code() == name) {
            complaints.push(format!("  no code is called `{name}`"));
        } else if nodes.iter().any(|(code, _)| code.code() == name) != must {
            complaints.push(format!("  code `{name}` {}", if must { "is missing" } else { "should not be there" }));
        }
    }
    for node in &wanted.nodes {
        let mut found = Vec::new();
        decision.tree.walk(&mut |it| {
            if it.code.code() == node.code {
                found.push(it.clone());
            }
        });
        if !found.iter().any(|it| node.is(it)) {
            complaints.push(format!("  no node is {node:?}; there are {found:?}"));
        }
    }
    let mut sentences: Vec<&str> = nodes.iter().map(|(_, says)| says.as_str()).collect();
    sentences.push(&decision.summary);
    sentences.extend(decision.risk.items.iter().map(|item| item.because.as_str()));
    if !wanted.codes.iter().any(|code| !code.starts_with('!')) {
        complaints.push("  `codes` needs a code that is there".to_owned());
    }
    if wanted.because.is_empty() {
        complaints.push("  `because` needs a sentence".to_owned());
    }
    for part in &wanted.because {
        if !sentences.iter().any(|sentence| sentence.contains(part.as_str())) {
            complaints.push(format!("  no sentence says `{part}`"));
        }
    }
    if let Some(part) = &wanted.summary
        && !decision.summary.contains(part.as_str())
    {
        complaints.push(format!("  the summary does not say `{part}`: {}", decision.summary));
    }
    let asks: Vec<String> =
        decision.asks.iter().map(|ask| format!("{} {}: {}", ask.to, ask.role, ask.people.join(", "))).collect();
    for ask in &wanted.asks {
        let (text, must) = ask.strip_prefix('!').map_or((ask.as_str(), true), |text| (text, false));
        if asks.iter().any(|ask| ask.starts_with(text)) != must {
            complaints.push(format!("  asks: `{ask}`, but they are {asks:?}"));
        }
    }
    if let Some(obligations) = &wanted.obligations {
        let got = opened(decision);
        if obligations.is_empty() && !got.is_empty() {
            complaints.push(format!("  obligations: wanted none, got {got:?}"));
        }
        for obligation in obligations {
            let (text, must) = obligation.strip_prefix('!').map_or((obligation.as_str(), true), |text| (text, false));
            if got.iter().any(|known| known.contains(text)) != must {
                complaints.push(format!("  obligations: `{obligation}`, but they are {got:?}"));
            }
        }
    }
    if let Some(keep) = &wanted.keep {
        let got = kept(decision);
        if keep.is_empty() && !got.is_empty() {
            complaints.push(format!("  keep: wanted nothing, got {got:?}"));
        }
        let missing = keep.iter().filter(|part| !got.iter().any(|known| known.contains(part.as_str())));
        complaints.extend(missing.map(|part| format!("  keep: `{part}`, but it is {got:?}")).collect::<Vec<_>>());
    }
    if !wanted.told.is_empty() {
        let got = messages(policy, decision, facts);
        for part in &wanted.told {
            let (text, must) = part.strip_prefix('!').map_or((part.as_str(), true), |text| (text, false));
            if got.iter().any(|known| known.contains(text)) != must {
                complaints.push(format!("  told: `{part}`, but it is {got:?}"));
            }
        }
    }
    if let Some(due) = &wanted.due {
        let got = fallen_due(policy, decision);
        if due.is_empty() && !got.is_empty() {
            complaints.push(format!("  due: wanted nothing, got {got:?}"));
        }
        for part in due {
            let (text, must) = part.strip_prefix('!').map_or((part.as_str(), true), |text| (text, false));
            if got.iter().any(|known| known.contains(text)) != must {
                complaints.push(format!("  due: `{part}`, but it is {got:?}"));
            }
        }
    }
    complaints.extend(prose(decision, &nodes));
    if !complaints.is_empty() {
        complaints.push(told(decision));
    }
    complaints
}

/// What a case wants of a text that is no policy: `expect = "no policy"`, and what is complained about.
pub fn refused(wanted: &Wanted, why: &str) -> Vec<String> {
    if wanted.expect != "no policy" {
        return vec![format!("  the policy is none: {why}")];
    }
    let missing = wanted.because.iter().filter(|part| !why.contains(part.as_str()));
    missing.map(|part| format!("  no complaint says `{part}`:\n{why}")).collect()
}

fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Proceed => "proceed",
        Ruling::Hold => "hold",
        Ruling::Reject => "reject",
    }
}

fn opened(decision: &ReleaseDecision) -> Vec<String> {
    decision
        .obligations
        .iter()
        .map(|owed| {
            let mut told = owed.kind.clone();
            if let Some(by) = &owed.by {
                let _ = write!(told, " by {by}");
            }
            if let Some(due) = owed.due {
                let _ = write!(told, " due {}", due.format("%Y-%m-%dT%H:%M:%SZ"));
            }
            if owed.needs_evidence {
                told.push_str(" with evidence");
            }
            if !owed.to.is_empty() {
                let _ = write!(told, " to {}", owed.to.join(", "));
            }
            told
        })
        .collect()
}

fn kept(decision: &ReleaseDecision) -> Vec<String> {
    let told = decision.keep.iter().map(|it| {
        let length = it.length.as_ref().map_or("until that ends".to_owned(), |length| format!("for {length}"));
        format!("{} {length}: {}", it.what, it.because)
    });
    told.collect()
}

/// Who is told what, where and from when on.
fn messages(policy: &Policy, decision: &ReleaseDecision, facts: &Facts) -> Vec<String> {
    let told = telling::of(policy, facts, decision).into_iter().map(|it| {
        let role = it.message.role.map_or_else(String::new, |role| format!(" {role}"));
        format!("{}{role} at {} from {}", it.message.what.word(), it.to.join(" and "), instant(it.not_before))
    });
    told.collect()
}

/// What falls due because a period ended, beside the decision and not in it.
pub fn fallen_due(policy: &Policy, decision: &ReleaseDecision) -> Vec<String> {
    let due = due::of(policy, decision.now);
    let told = due.due.iter().map(|it| {
        let to = it.to.iter().map(|to| {
            let who = to.people.iter().chain(&to.groups).cloned().collect::<Vec<_>>().join(", ");
            format!("{}: {who}", to.role.as_deref().unwrap_or("approvers"))
        });
        let to = to.collect::<Vec<_>>().join("; ");
        let what = it.kind.map_or("survey", ReportKind::word);
        format!("{what} of {} to {to}, since {}, next {}", it.period.label, instant(it.period.until), instant(it.next))
    });
    told.collect()
}

/// What holds of every sentence and every tree, whatever the case.
fn prose(decision: &ReleaseDecision, nodes: &[(Ground, String)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for sentence in nodes.iter().map(|(_, says)| says).chain([&decision.summary]) {
        if sentence.is_empty() || sentence.ends_with('.') || sentence.contains("None") || sentence.contains("Some(") {
            complaints.push(format!("  not a sentence for people: `{sentence}`"));
        }
    }
    let opens = decision.tree.parts.iter().all(|part| part.status.opens());
    if (decision.decision == Ruling::Proceed) != opens {
        complaints.push("  the ruling is not what the tree's parts come to".to_owned());
    }
    complaints
}

/// The tree as text, for whoever mends a case.
pub fn told(decision: &ReleaseDecision) -> String {
    fn tree(node: &Node, depth: usize, out: &mut String) {
        let mark = match node.status {
            Status::Note => "·",
            Status::NotNeeded => "-",
            Status::Met => "✓",
            Status::Waiting => "…",
            Status::Unknown => "?",
            Status::Unmet => "✗",
            Status::Rejected => "‼",
        };
        let _ = writeln!(out, "  {}{mark} [{}] {}", "  ".repeat(depth), node.code.code(), node.says);
        for part in &node.parts {
            tree(part, depth + 1, out);
        }
    }
    let mut out = format!("  --\n  {}\n", decision.summary);
    tree(&decision.tree, 0, &mut out);
    let items: Vec<String> = decision
        .risk
        .items
        .iter()
        .map(|item| {
            format!("{} {} ({})", item.name, item.points.map_or("?".to_owned(), |p| format!("{p:+}")), item.because)
        })
        .collect();
    let _ = write!(
        out,
        "  class {:?}, score {:?}, impact {:?}, rigor {}, routes {:?}, next {:?}\n  risk {items:?}\n",
        decision.class, decision.risk.score, decision.risk.impact, decision.rigor, decision.routes, decision.revisit.at
    );
    let asks: Vec<String> =
        decision.asks.iter().map(|ask| format!("{} {}: {}", ask.to, ask.role, ask.people.join(", "))).collect();
    let _ = write!(out, "  asks {asks:?}\n  obligations {:?}\n  counted {:?}", opened(decision), decision.counted);
    out
}
