//! Break-glass: a release that went under a grant while the app could not be reached. The grant held if enough different
//! people signed it who may, and it was used in time, for this content, and not more often than it may be.

use super::path::Path;
use super::people::Person;
use super::scene::Scene;
use super::{roles, words};
use crate::model::facts::{Fact, Grant};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar;
use crate::policy::rules::BreakGlassRule;

/// The grant under which the release went, if it held.
#[must_use]
pub fn opened<'s>(scene: &Scene<'s>) -> Option<&'s Grant> {
    let grant = grant(scene)?;
    let held = *scene
        .totals
        .granted
        .get_or_init(|| scene.rules.break_glass.as_ref().is_some_and(|rule| flaws(scene, rule, grant).is_empty()));
    held.then_some(grant)
}

fn grant<'s>(scene: &Scene<'s>) -> Option<&'s Grant> {
    match &scene.facts.release.break_glass {
        Fact::Known(grant) => Some(grant),
        // What cannot be read opens nothing.
        Fact::Absent | Fact::Unavailable(_) => None,
    }
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
        return vec![node(Ground::BreakGlass, Status::Met, says)];
    }
    let says = format!("the grant `{}` did not hold: {}", grant.id, flaws.join("; "));
    vec![node(Ground::BreakGlassRefused, Status::Unmet, says)]
}

/// The different people who signed and may, and why others do not count.
fn signers(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> (Vec<Person>, Vec<String>) {
    let (mut signers, mut ignored) = (Vec::new(), Vec::new());
    for account in &grant.signed_by {
        let mut refusal = None;
        let found = rule.grant_by.iter().find_map(|role| match roles::holds_at_all(scene, account, role) {
            Ok(person) => Some(person),
            Err(refused) => {
                refusal.get_or_insert(refused.says);
                None
            }
        });
        match (found, refusal) {
            (Some(person), _) if signers.contains(&person) => {
                ignored.push(format!("{} signed twice", scene.people.name(person)));
            }
            (Some(person), _) => signers.push(person),
            (None, refusal) => {
                let why = refusal.unwrap_or_else(|| "nobody may grant".to_owned());
                ignored.push(format!("{}: {why}", scene.people.shown(account)));
            }
        }
    }
    (signers, ignored)
}

/// Why a grant did not hold.
fn flaws(scene: &Scene<'_>, rule: &BreakGlassRule, grant: &Grant) -> Vec<String> {
    let release = &scene.facts.release;
    let zone = scene.rules.calendar.zone;
    let mut flaws = Vec::new();
    if grant.environment != release.environment {
        flaws.push(format!("it is for `{}`", grant.environment));
    }
    if grant.commit != release.commit {
        flaws.push(format!(
            "it is for commit {}, and {} was released",
            words::short(&grant.commit),
            words::short(&release.commit)
        ));
    }
    let (signers, ignored) = signers(scene, rule, grant);
    if signers.len() < rule.people as usize {
        let ignored = if ignored.is_empty() { String::new() } else { format!(" ({})", ignored.join(", ")) };
        flaws.push(format!("{} of {} people signed it who may{ignored}", signers.len(), rule.people));
    }
    let end = scene.rules.calendar.due(grant.granted_at, rule.expires);
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
