//! What of a release cannot be attributed, and what is said of who contributed.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::{ANSWERS, Gap, Hand, Vouching, answering, authorities, starter_unknown};
use crate::decide::people::Person;
use crate::decide::place;
use crate::decide::roles;
use crate::decide::scene::Scene;
use crate::decide::words;
use crate::model::facts::{Account, Change};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};

/// How it begins where the changes of a release could not be read, of which much else comes.
pub(in crate::decide) const CHANGES_UNREAD: &str = "what changes could not be read";

/// How many commits are told one by one.
const TOLD: usize = 10;

/// The nodes of the separation of duties. A commit that cannot be attributed holds on every way, but where everything goes
/// by itself; whose an account is and who started it matters where people approve, and is said elsewhere. What goes back
/// went before, whoever wrote it; who starts it has to be known there too.
#[must_use]
pub fn judge(scene: &Scene<'_>, formal: bool, recovers: bool) -> Vec<Node> {
    let rule = &scene.rules.separation;
    let holds = |status: Status| if formal && !recovers { status } else { Status::Note };
    let attributed = |status: Status| {
        if (formal || !place::automatic(scene)) && !recovers { status } else { Status::Note }
    };
    let starts = |status: Status| if formal { status } else { Status::Note };
    let hands = &scene.contributors.list;
    let starter = |account: &Account| hands.iter().any(|it| it.account == account && it.hand == Hand::Trigger);
    let mut nodes = Vec::new();
    let node = |status, says: String| Node::new(Ground::FactsUnavailable, status, says).stated(&rule.stated);
    let unread = |says: String| node(attributed(Status::Unknown), says);
    let mut nobody: Vec<(&str, Vec<Hand>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for gap in scene.contributors.gaps() {
        match *gap {
            Gap::Changes(why) => nodes.push(unread(format!("{CHANGES_UNREAD}: {why}"))),
            Gap::Commits(change, why) => {
                nodes.push(unread(format!("the commits of {change} could not be read: {why}")));
            }
            Gap::Nobody(_, commit, hand) => {
                let place = *places.entry(commit).or_insert(nobody.len());
                match nobody.get_mut(place) {
                    Some((_, hands)) => hands.push(hand),
                    None => nobody.push((commit, vec![hand])),
                }
            }
            Gap::Unread(commit, hand, why) => {
                let commit = words::short(commit);
                nodes.push(unread(format!("{} commit {commit} could not be read: {why}", part(hand))));
            }
            Gap::Trigger(why) => {
                let says = format!("who started the deployment could not be read: {why}");
                nodes.push(node(starts(Status::Unknown), says));
            }
            Gap::Link(account) => {
                let status = if starter(account) { starts(Status::Unknown) } else { holds(Status::Unknown) };
                let who = account.as_str();
                let says =
                    format!("whether `{who}`, who contributed, is somebody else's account too could not be read");
                nodes.push(node(status, says));
            }
            Gap::Kind(account, why) => {
                nodes.push(unread(unsorted(account, why)));
            }
        }
    }
    // Where the last commit is that is told by itself: the others are only listed with it.
    let (mut told, mut last) = (0, None);
    let vouched = if nobody.is_empty() { HashMap::new() } else { answering(scene) };
    let unanswered = Vouching::default();
    for (commit, hands) in nobody {
        let vouching = vouched.get(commit).unwrap_or(&unanswered);
        let by = &vouching.by;
        let parts: Vec<&str> = hands.iter().map(|hand| part(*hand)).collect();
        let what = format!("{} commit {} is nobody who could be found", words::all_of(&parts), words::short(commit));
        if by.len() >= ANSWERS {
            let names: Vec<&str> = by.iter().map(|person| scene.people.name(*person)).collect();
            let says = format!("{what}; {} answer for it", words::all_of(&names));
            let node = Node::new(Ground::Vouched, Status::Met, says).stated(&rule.stated);
            nodes.push(node.evidence([commit]).evidence(vouching.acts.iter().copied()));
        } else if told < TOLD {
            told += 1;
            last = Some(nodes.len());
            let who = can_answer(scene, by);
            let says = format!(
                "{what}; map the address to an account, or have authorities answer for it: {} of {ANSWERS} did{}",
                by.len(),
                elsewhere(scene, vouching)
            );
            let node = Node::new(Ground::Unattributed, attributed(Status::Unmet), says);
            nodes.push(node.stated(&rule.stated).evidence([commit]).who(who));
        } else if let Some(last) = last.and_then(|at: usize| nodes.get_mut(at)) {
            last.evidence.push(commit.to_owned());
        }
    }
    for cleared in scene.contributors.cleared() {
        let name = scene.people.name(cleared.person);
        let says = format!("{name} is named in commit {} without his doing, two say", words::short(cleared.commit));
        let node = Node::new(Ground::Cleared, Status::Note, says).evidence([cleared.commit]);
        nodes.push(node.evidence(cleared.acts.iter().copied()));
    }
    if formal {
        nodes.extend(contributors(scene));
    }
    nodes
}

/// Whether not everybody is known who had a hand in one change, so that anybody may be one of them.
#[must_use]
pub fn perhaps_anybody(scene: &Scene<'_>, at: usize, change: &Change) -> bool {
    let contributed = |account: &Account| {
        let hands = &scene.contributors.list;
        hands.iter().any(|it| it.account == account && it.change.is_none_or(|change| change == at))
    };
    let listed = |sha: &str| change.commits.entries().iter().any(|commit| commit.sha == sha);
    let answered = OnceCell::new();
    scene.contributors.gaps().iter().any(|gap| match *gap {
        Gap::Changes(_) | Gap::Trigger(_) => true,
        Gap::Commits(id, _) => id == change.id,
        Gap::Unread(sha, ..) => listed(sha),
        Gap::Link(account) | Gap::Kind(account, _) => contributed(account),
        Gap::Nobody(place, sha, _) => {
            let by = || answered.get_or_init(|| answering(scene)).get(sha);
            place == at && by().is_none_or(|vouching| vouching.by.len() < ANSWERS)
        }
    })
}

/// What is not known of who had a hand in the release: whoever approves or signs it may have, then.
#[must_use]
pub fn unknown(scene: &Scene<'_>) -> Option<String> {
    let gap = judge(scene, true, false).into_iter().find(|node| !node.status.opens()).map(|node| node.says);
    gap.or_else(|| starter_unknown(scene))
}

/// What is said of an author of whom it cannot be told whether he is anybody.
fn unsorted(account: &Account, why: Option<&str>) -> String {
    let what = format!("what kind of account `{}` is, which wrote commits,", account.as_str());
    match why {
        Some(why) => format!("{what} could not be read, and the forge's own account is nobody's: {why}"),
        None => format!("{what} is not known, and the forge's own account is nobody's; state its `kind`"),
    }
}

/// Everybody who contributed, in one sentence.
fn contributors(scene: &Scene<'_>) -> Option<Node> {
    let mut names: Vec<&str> = scene.contributors.people().map(|person| scene.people.name(person)).collect();
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    let says = [words::all_of(&names).as_str(), " contributed"].concat();
    Some(Node::new(Ground::Contributors, Status::Note, says).stated(&scene.rules.separation.stated))
}

/// Who answered for a commit, and not for here.
fn elsewhere(scene: &Scene<'_>, vouching: &Vouching<'_>) -> String {
    let mut known = HashSet::new();
    let mut ignored: Vec<String> = Vec::new();
    for (act, refusal) in &vouching.elsewhere {
        let says = format!("{}: {}", scene.people.name(scene.person_of(act)), refusal.says);
        if known.insert(says.clone()) {
            ignored.push(says);
        }
    }
    if ignored.is_empty() { String::new() } else { format!("; ignored {}", words::all_of(&ignored)) }
}

/// Who else could answer.
fn can_answer(scene: &Scene<'_>, already: &[Person]) -> Vec<String> {
    let mut people: Vec<Person> = Vec::new();
    for role in authorities(scene) {
        for person in roles::eligible_independent(scene, role).people {
            if !people.contains(&person) && !already.contains(&person) {
                people.push(person);
            }
        }
    }
    people.into_iter().map(|person| scene.people.name(person).to_owned()).collect()
}

fn part(hand: Hand) -> &'static str {
    match hand {
        Hand::Author => "the author of",
        Hand::Behalf => "on whose behalf somebody wrote",
        Hand::Committer => "the committer of",
        Hand::CoAuthor => "who co-authored",
        Hand::Pusher => "who pushed",
        Hand::Trigger => "who started",
    }
}
