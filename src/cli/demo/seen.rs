//! What is seen at the sandbox that each forge shows in its own way, and what it is called there.

use serde_json::Value;

use crate::sandbox::Kind;
use crate::sandbox::world::World;

/// By what the note is known that says what a release would need; it is no answer to anybody.
const PROPOSAL: &str = "<!-- countersign proposal -->";

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

/// What is said on a change of what its release would need: a check run's title, or a status's description.
pub(super) fn summary(kind: Kind, world: &World, number: u64) -> Option<String> {
    let head = &world.pulls.get(&number)?.head;
    let (written, commit, says) = match kind {
        Kind::Github => ("check-runs", "/head_sha", "/output/title"),
        Kind::Gitlab => ("statuses", "/sha", "/description"),
    };
    let ours = |(kind, it): &&(String, Value)| kind == written && text(it, commit) == head.as_str();
    let (_, found) = world.written.iter().rev().find(ours)?;
    Some(text(found, says).to_owned()).filter(|says| !says.is_empty())
}

/// The last that the app answered on a change.
pub(super) fn answered(world: &World, number: u64) -> Option<String> {
    let comments = &world.pulls.get(&number)?.comments;
    let ours = |it: &&Value| it.get("viaApp") == Some(&Value::Bool(true)) && !text(it, "/body").contains(PROPOSAL);
    comments.iter().rev().find(ours).map(|it| text(it, "/body").to_owned())
}

/// Where a run that waits is told why.
pub(super) fn told(kind: Kind) -> &'static str {
    match kind {
        Kind::Github => "the deployment waits, and its run on GitHub is told why:",
        Kind::Gitlab => "the deployment is blocked, and a status in its pipeline on GitLab says why:",
    }
}

/// How two people let something past the app.
pub(super) fn past(kind: Kind) -> &'static str {
    match kind {
        Kind::Github => "It burns, and nobody waits. dana lets it in at GitHub itself, past Countersign.",
        Kind::Gitlab => {
            "It burns, and nobody waits. dana, who administers GitLab, approves the deployment there, past Countersign, and mia \
             plays its job."
        }
    }
}
