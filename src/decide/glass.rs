//! Break-glass: a release that went under a grant while the app could not be reached. The grant held if enough different
//! people signed it who may and had no hand in the release, and it was used in time, for this content, and not more
//! often than it may be. It lets one release go: that one again within its hours or the time for a retry, and nothing once
//! something else was opened.
//!
//! It takes the place of what people, gates and calendars ask, and of nothing that says what went and where to: facts
//! that cannot be read, an environment that nothing protects, a tag that was moved.

use chrono::{DateTime, Utc};

use super::approvals::consumption;
use super::bound::short;
use super::path::Path;
use super::people::Person;
use super::roles::Refusal;
use super::scene::Scene;
use super::separation::{self, gaps};
use super::{released, roles, words};
use crate::model::facts::{Account, Fact, Grant};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar;
use crate::policy::rules::BreakGlassRule;

/// The grant under which the release goes, if it held and is not over.
#[must_use]
pub fn opened<'s>(scene: &Scene<'s>) -> Option<&'s Grant> {
    let grant = grant(scene)?;
    let held = *scene
        .totals
        .granted
        .get_or_init(|| scene.rules.break_glass.as_ref().is_some_and(|rule| holds(scene, rule, grant)));
    held.then_some(grant)
}

fn holds(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> bool {
    flaws(scene, rule, grant).is_empty() && over(scene, rule, grant).is_none()
}

/// Why a grant that held lets nothing go any more, where that is so. What went once is no reason to go for ever.
fn over(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> Option<String> {
    match consumption::opened_since(scene, grant.opened_at) {
        Ok(Some(newer)) => return Some(format!("{} was opened since", newer.release)),
        Err(why) => return Some(format!("what was opened since could not be read: {why}")),
        Ok(None) => {}
    }
    if let Fact::Unavailable(why) = &scene.facts.acts {
        return Some(format!("what people said since could not be read: {why}"));
    }
    let calendar = &scene.rules.calendar;
    let end = ended(scene, rule, grant).max(calendar.due(grant.opened_at, scene.rules.retry_within));
    scene.clock.reached(end).then(|| format!("its time is over since {}", calendar::told(end, calendar.zone)))
}

/// Until when the release may be tried again.
fn lasts(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> Node {
    let calendar = &scene.rules.calendar;
    let (hours, retries) = (ended(scene, rule, grant), calendar.due(grant.opened_at, scene.rules.retry_within));
    let zone = calendar.zone;
    let says = format!(
        "the grant was given {} and ends {}; what it opened may be tried again until {}",
        calendar::told(grant.granted_at, zone),
        calendar::told(hours, zone),
        calendar::told(hours.max(retries), zone)
    );
    Node::new(Ground::CountsUntil, Status::Note, says).next(Some(hours.max(retries)))
}

/// When a grant ends: by its own words, and never later than the policy says.
fn ended(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> DateTime<Utc> {
    let most = scene.rules.calendar.due(grant.granted_at, rule.expires);
    grant.expires_at.known().map_or(most, |stated| most.min(*stated))
}

/// The grant under which the release went already, whether it held or not.
#[must_use]
pub fn used<'s>(scene: &Scene<'s>) -> Option<&'s Grant> {
    grant(scene).filter(|grant| scene.clock.reached(grant.opened_at))
}

fn grant<'s>(scene: &Scene<'s>) -> Option<&'s Grant> {
    match &scene.facts.release.break_glass {
        Fact::Known(grant) => Some(grant),
        // What cannot be read opens nothing.
        Fact::Absent | Fact::Unavailable(_) => None,
    }
}

/// Whether a grant takes the place of something that is said of where a release goes and from where: those who granted it
/// knew the commit and the environment, and that branch and deployer may be others.
#[must_use]
pub fn covers(place: Ground) -> bool {
    matches!(place, Ground::ReferenceNotAllowed | Ground::DeployerNotAllowed | Ground::NoComponent)
}

/// Whether what a node speaks of was said after the release went under a grant.
#[must_use]
pub fn said_since(scene: &Scene<'_>, grant: &Grant, node: &Node) -> bool {
    scene.against_by().any(|(act, _)| act.at > grant.opened_at && node.evidence.contains(&act.id))
}

/// Judges the grant.
#[must_use]
pub fn judge(scene: &Scene<'_>, _path: &Path<'_>) -> Vec<Node> {
    let Some(grant) = grant(scene) else { return Vec::new() };
    let Some(rule) = &scene.rules.break_glass else {
        let says = format!("it went under the grant `{}`, and the policy has no `break_glass`", grant.id);
        return vec![Node::new(Ground::BreakGlassRefused, Status::Unmet, says).evidence([grant.id.as_str()])];
    };
    let node =
        |code, status, says: String| Node::new(code, status, says).stated(&rule.stated).evidence([grant.id.as_str()]);
    let signers = signers(scene, rule, grant).0;
    let names: Vec<&str> = signers.iter().map(|person| scene.people.name(*person)).collect();
    let flaws = flaws(scene, rule, grant);
    if flaws.is_empty() {
        let says = format!(
            "it went under the grant `{}` of {} on {}, as an emergency",
            grant.id,
            words::all_of(&names),
            calendar::told(grant.opened_at, scene.rules.calendar.zone)
        );
        return vec![match over(scene, rule, grant) {
            None => node(Ground::BreakGlass, Status::Met, says).parts(vec![lasts(scene, rule, grant)]),
            Some(why) => {
                let says = format!("{says}; the grant lets nothing go any more: {why}");
                node(Ground::BreakGlass, Status::Note, says)
            }
        }];
    }
    let says = format!("the grant `{}` did not hold: {}", grant.id, flaws.join("; "));
    vec![node(Ground::BreakGlassRefused, Status::Unmet, says)]
}

/// The different people who signed and may, and why others do not count.
fn signers(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> (Vec<Person>, Vec<String>) {
    let (mut signers, mut ignored) = (Vec::new(), Vec::new());
    for account in &grant.signed_by {
        let mut refusal: Option<Refusal> = None;
        let found = rule.grant_by.iter().find_map(|role| match independent(scene, account, role) {
            Ok(person) => Some(person),
            Err(refused) => {
                // That he may grant in one role and not here says more than that he is not in another.
                if refusal.is_none() || refused.ground != Ground::NotInRole {
                    refusal = Some(refused);
                }
                None
            }
        });
        match (found, refusal) {
            (Some(person), _) if signers.contains(&person) => {
                ignored.push(format!("{} signed twice", scene.people.name(person)));
            }
            (Some(person), _) => signers.push(person),
            (None, refusal) => {
                let why = refusal.map_or_else(|| "nobody may grant".to_owned(), |refusal| refusal.says);
                ignored.push(format!("{}: {why}", scene.people.shown(account)));
            }
        }
    }
    (signers, ignored)
}

/// Who signed with an account, if he holds a role and had no hand in the release. Who started it never signs, whatever
/// the policy says of approvals.
fn independent(scene: &Scene<'_>, account: &Account, role: &str) -> Result<Person, Refusal> {
    let person = roles::holds_at_all(scene, account, role)?;
    separation::contributed(scene, person)?;
    separation::no_author(scene, person)?;
    match &scene.facts.release.trigger {
        Fact::Known(trigger) if scene.people.of(trigger) == person => {
            Err(Refusal { ground: Ground::SodSelf, says: "started the deployment".to_owned() })
        }
        Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => Ok(person),
    }
}

/// What a grant is for, where that is not what was released: another repository's commit, or what was built otherwise.
fn other_content(scene: &Scene<'_>, grant: &Grant) -> Vec<String> {
    let release = &scene.facts.release;
    let mut flaws = Vec::new();
    match &grant.repository {
        Fact::Known(repository) if *repository == release.repository => {}
        Fact::Known(repository) => flaws.push(format!("it is for `{repository}`")),
        Fact::Absent => flaws.push("it does not say for which repository".to_owned()),
        Fact::Unavailable(why) => flaws.push(format!("for which repository it is could not be read: {why}")),
    }
    let unsaid = scene.components.iter().find(|it| !release.components.contains_key(&it.name));
    if let Some(component) = unsaid {
        flaws.push(format!("the facts do not state what was released of `{}`", component.name));
    }
    match &grant.components {
        Fact::Known(granted) => {
            if let Some(other) = scene.components.iter().find(|it| !granted.contains(&it.name)) {
                flaws.push(format!("it is not for `{}`, which was released", other.name));
            }
        }
        Fact::Absent => {}
        Fact::Unavailable(why) => flaws.push(format!("for which components it is could not be read: {why}")),
    }
    let unread = release.components.iter().find_map(|(name, it)| Some((name, it.artifacts.unavailable()?)));
    if let Some((name, why)) = unread {
        flaws.push(format!("which artifacts of `{name}` were released could not be read: {why}"));
    }
    let went = released::set(release.components.values().flat_map(|it| it.artifacts.entries()));
    let granted: &[String] = match &grant.artifacts {
        Fact::Known(granted) => granted,
        Fact::Absent => &[],
        Fact::Unavailable(why) => {
            flaws.push(format!("for which artifacts it is could not be read: {why}"));
            return flaws;
        }
    };
    if let Some(other) = went.difference(&released::set(granted)).next() {
        flaws.push(format!("it is not for the artifact {}, which was released", short(other)));
    }
    flaws
}

/// Why a grant did not hold.
fn flaws(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> Vec<String> {
    let release = &scene.facts.release;
    let zone = scene.rules.calendar.zone;
    let mut flaws = Vec::new();
    if grant.environment != release.environment {
        flaws.push(format!("it is for `{}`", grant.environment));
    }
    if !grant.commit.eq_ignore_ascii_case(&release.commit) {
        flaws.push(format!(
            "it is for commit {}, and {} was released",
            words::short(&grant.commit),
            words::short(&release.commit)
        ));
    }
    flaws.extend(other_content(scene, grant));
    let (signers, ignored) = signers(scene, rule, grant);
    if signers.len() < rule.people as usize {
        let ignored = if ignored.is_empty() { String::new() } else { format!(" ({})", ignored.join(", ")) };
        flaws.push(format!("{} of {} people signed it who may{ignored}", signers.len(), rule.people));
    }
    if let Some(why) = gaps::unknown(scene) {
        flaws.push(format!("whether those who signed it had a hand in the release is not known: {why}"));
    }
    if let Fact::Unavailable(why) = &grant.expires_at {
        flaws.push(format!("when it ends could not be read: {why}"));
    }
    let end = ended(scene, rule, grant);
    if grant.opened_at < grant.granted_at {
        flaws.push("it was used before it was granted".to_owned());
    }
    if grant.opened_at >= end {
        flaws.push(format!("it was used after it ended {}", calendar::told(end, zone)));
    }
    if !scene.clock.reached(grant.opened_at) {
        flaws.push("its use is yet to come".to_owned());
    }
    let uses = grant.used_at.iter().filter(|at| **at <= grant.opened_at).count();
    if !grant.used_at.contains(&grant.opened_at) {
        flaws.push("this use of it is not recorded".to_owned());
    }
    if uses > rule.releases as usize {
        let releases = words::count(rule.releases as usize, "release", "releases");
        flaws.push(format!("it is for {releases}, and this was use {uses}"));
    }
    flaws
}
