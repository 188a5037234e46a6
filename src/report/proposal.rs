//! What releasing a change would need, for whoever is about to merge it: a headline and a text in Markdown.
//!
//! The text is made of HTML blocks, in which a forge looks for neither Markdown nor mentions; what people wrote stands in
//! it through [`neutral`] alone. It names no instant, so that time alone does not change it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::neutral::{code, line, prose};
use super::words;
use crate::decide::words::any_of;
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, ReleaseDecision, Ruling, Status};

/// How many requirements of an environment are listed.
const LISTED: usize = 20;
/// How many bytes the headline has.
const HEADLINE: usize = 200;

/// How a change stands before its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Everything that would be asked is known and met.
    Met,
    /// Something would be asked, or is not known. It says so, and asks nothing.
    Told,
    /// It is known that nobody is left who could approve it.
    NobodyLeft,
}

/// A change as one environment would see it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'d> {
    /// The environment.
    pub environment: &'d str,
    /// What would be decided; or why that is not known.
    pub decision: Result<&'d ReleaseDecision, &'d str>,
    /// Whether it is known since when everybody is in the groups that were looked at.
    pub groups_known: bool,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// How it stands.
    pub standing: Standing,
    /// The headline.
    pub title: String,
    /// The text, Markdown.
    pub text: String,
}

/// What is said of a change, environment by environment. `onto` is the branch that it goes onto.
#[must_use]
pub fn render(seen: &[Seen<'_>], onto: &str) -> Proposal {
    let mut text = String::new();
    for one in seen {
        section(&mut text, one);
    }
    let branch = code(onto, words::NAME);
    let _ = writeln!(
        text,
        "<p>This looks at the change alone, as if it were on {branch} and released now. What is on {branch} already and was \
         not released yet goes with it and may ask for more. Nothing here is an approval. \
         <code>/countersign why</code> in a comment tells more.</p>"
    );
    let standing = seen.iter().map(standing).max_by_key(|standing| match standing {
        Standing::Met => 0,
        Standing::Told => 1,
        Standing::NobodyLeft => 2,
    });
    Proposal {
        standing: standing.unwrap_or(Standing::Told),
        title: line(&seen.iter().map(headline).collect::<Vec<_>>().join("; "), HEADLINE),
        text,
    }
}

/// What waits for an hour, and for nobody: that a change is looked at by night says nothing of its release.
fn is_of_the_hour(node: &Node) -> bool {
    matches!(node.code, Ground::Closed | Ground::Frozen | Ground::Peak | Ground::Soaking | Ground::ChangeWindow)
}

/// What would be asked and is not there.
fn lacking(tree: &Node) -> Vec<&Node> {
    tree.parts.iter().filter(|node| !node.status.opens() && !is_of_the_hour(node)).collect()
}

fn asks_people(node: &Node) -> bool {
    matches!(node.code, Ground::ApprovalsMissing | Ground::ApproverExhaustion | Ground::RoleUnavailable)
}

fn standing(seen: &Seen<'_>) -> Standing {
    let Ok(decision) = seen.decision else { return Standing::Told };
    let nobody =
        |node: &&Node| node.code == Ground::ApproverExhaustion && node.status == Status::Unmet && seen.groups_known;
    if decision.tree.parts.iter().any(|node| nobody(&node)) {
        Standing::NobodyLeft
    } else if decision.decision == Ruling::Proceed {
        Standing::Met
    } else {
        Standing::Told
    }
}

/// The environment and what it hangs on most, in a few words.
fn headline(seen: &Seen<'_>) -> String {
    let environment = seen.environment;
    let Ok(decision) = seen.decision else { return format!("{environment}: not known yet") };
    let lacking = lacking(&decision.tree);
    if standing(seen) == Standing::NobodyLeft {
        return format!("{environment}: nobody is left who could approve this");
    }
    if let Some(node) = lacking.iter().find(|node| asks_people(node)) {
        return match node.who.as_slice() {
            [] => format!("{environment}: {}", node.says),
            who => format!("{environment}: needs {} to approve", any_of(who)),
        };
    }
    match lacking.as_slice() {
        [] => format!("{environment}: needs nothing more"),
        [only] => format!("{environment}: {}", only.says),
        [first, rest @ ..] => format!("{environment}: {}, and {} more", first.says, rest.len()),
    }
}

fn section(text: &mut String, seen: &Seen<'_>) {
    let _ = writeln!(text, "<h3>To release this to {}</h3>", code(seen.environment, words::NAME));
    let decision = match seen.decision {
        Ok(decision) => decision,
        Err(why) => {
            let _ = writeln!(text, "<p>What it would need is not known: {}.</p>\n", prose(why, words::SENTENCE));
            return;
        }
    };
    let lacking = lacking(&decision.tree);
    let (people, rest): (Vec<&Node>, Vec<&Node>) = lacking.into_iter().partition(|node| asks_people(node));
    let met = decision.tree.parts.iter().filter(|node| {
        matches!(node.code, Ground::ApprovalsMet | Ground::ApprovalNotNeeded | Ground::Contributors | Ground::FinalWord)
            && node.status.opens()
    });
    list(text, "People", &met.chain(people).collect::<Vec<_>>());
    list(text, "It needs as well", &rest);
}

fn list(text: &mut String, title: &str, nodes: &[&Node]) {
    if nodes.is_empty() {
        return;
    }
    let _ = writeln!(text, "<p>{title}:</p>\n<ul>");
    for node in nodes.iter().take(LISTED) {
        let _ = writeln!(text, "<li>{}</li>", item(node));
    }
    if let Some(more) = nodes.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "<li>and {more} more</li>");
    }
    text.push_str("</ul>\n\n");
}

/// A requirement with who can meet it.
pub(super) fn item(node: &Node) -> String {
    let mut says = prose(&node.says, words::SENTENCE);
    if !node.status.opens() && !node.who.is_empty() {
        let who: Vec<String> = node.who.iter().map(|who| code(who, words::NAME)).collect();
        let _ = write!(says, "; ask {}", any_of(&who));
    }
    says
}
