//! Whether evidence is about what is released, and young enough.

use std::collections::HashSet;

use super::{File, Judgement, Subject, judgement, short};
use crate::decide::explain;
use crate::model::kind::Kind;
use crate::model::verdict::Reason;
use crate::policy::gate::{Gate, Same};

/// How many seconds the clocks of two machines may be apart. A report dated later
/// than that would stay young for as long as its date says.
const CLOCKS_APART: f64 = 300.0;
/// The same as a whole number.
pub(in crate::decide) const CLOCKS_APART_SECONDS: i64 = 300;

/// What to do about a report that does not say what it is asked.
const BESIDE: &str = "let the tool say it, or write a statement beside the report (`<report>.about.json`)";

/// A report that is too old, or about something else, is no evidence for this release.
pub(super) fn this_release(gate: &Gate, subject: &Subject<'_>, file: &File) -> Option<Judgement> {
    let about = &file.about;
    if let Some(most) = gate.max_age {
        let Some(made) = about.made_at.filter(|_| !about.undated_part) else {
            let part = if about.made_at.is_some() { "a part of " } else { "" };
            let most = explain::length(most);
            return Some(judgement(
                Reason::AgeUnknown,
                format!("{part}{} does not say when it was made, and may be at most {most} old; {BESIDE}", file.path),
            ));
        };
        #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds")]
        let age = (subject.now - made).num_milliseconds() as f64 / 1000.0;
        if age < -CLOCKS_APART {
            return Some(judgement(
                Reason::AgeUnknown,
                format!(
                    "{} says that it was made {} from now, so its age is not known; set the clock, or have the tool write its time zone",
                    file.path,
                    explain::length(-age)
                ),
            ));
        }
        // Ages are half-open: what may be 24 hours old is too old then.
        if age >= most {
            let (age, most) = (explain::length(age), explain::length(most));
            let why = if about.zoneless {
                format!(
                    "{} may be {age} old, because its time names no zone, and is too old from {most} on; have the tool write the zone, or make it anew",
                    file.path
                )
            } else {
                format!("{} is {age} old, and is too old from {most} on; make it anew", file.path)
            };
            return Some(judgement(Reason::Stale, why));
        }
    }
    if let Some(judged) = this_commit(gate, subject, file) {
        return Some(judged);
    }
    let other_artifact = |why: String| Some(judgement(Reason::OtherArtifact, why));
    if let Some(why) = subject.unread.filter(|_| !about.artifacts.is_empty() || gate.same == Some(Same::Artifact)) {
        return Some(judgement(
            Reason::Unreadable,
            format!("whether {} is about the artifact that is released could not be read: {why}", file.path),
        ));
    }
    match about.artifacts.first() {
        Some(named) if !subject.artifacts.is_empty() => {
            let known = about.artifacts.iter().any(|digest| subject.artifacts.contains(digest));
            if !known {
                return other_artifact(format!(
                    "{} is about the artifact sha256:{}, which is not the one that is released; make it for that",
                    file.path,
                    short(named)
                ));
            }
        }
        _ if gate.same != Some(Same::Artifact) => {}
        _ if subject.artifacts.is_empty() => {
            return other_artifact("which artifact is released is not known; name it with `--artifact`".to_owned());
        }
        _ => return other_artifact(format!("{} does not say which artifact it is about; {BESIDE}", file.path)),
    }
    None
}

/// A report has to be about the commit that is released, in every part that names any.
fn this_commit(gate: &Gate, subject: &Subject<'_>, file: &File) -> Option<Judgement> {
    let (path, about) = (&file.path, &file.about);
    let asked = gate.same == Some(Same::Commit);
    let other = |why: String| Some(judgement(Reason::OtherCommit, why));
    let (ours, released): (Vec<&str>, _) = match (subject.commit, subject.proposed) {
        (Some(commit), _) => (vec![commit], format!("{} is released", short(commit))),
        (None, _) if asked => {
            return other("which commit is released is not known; name it with `--commit`".to_owned());
        }
        (None, []) => return None,
        (None, proposed) => {
            let ours: Vec<&str> = proposed.iter().map(String::as_str).collect();
            let names: Vec<&str> = ours.iter().map(|commit| short(commit)).collect();
            (ours, format!("what is proposed is {}", names.join(" or ")))
        }
    };
    let is_ours = |named: &String| ours.iter().any(|commit| names_commit(named, commit));
    if let Some(part) = about.commits.iter().find(|part| !part.iter().any(is_ours)) {
        let named = part.first().map_or("more commits than are told apart", |named| short(named));
        let a_part_of = if about.commits.len() > 1 { "a part of " } else { "" };
        let why = format!("{a_part_of}{path} is about commit {named}, and {released}");
        // Provenance was verified: what it names is not a matter of waiting.
        return match gate.kind {
            Kind::Signature => Some(judgement(Reason::WrongSource, why)),
            _ => other(why),
        };
    }
    match (asked, about.commits.is_empty(), about.silent_part) {
        (true, true, _) => other(format!("{path} does not say which commit it is about; {BESIDE}")),
        (true, false, true) => other(format!("a part of {path} does not say which commit it is about; {BESIDE}")),
        _ => None,
    }
}

/// Whether a commit that a report names, maybe abbreviated, is a full one.
#[must_use]
pub fn names_commit(named: &str, full: &str) -> bool {
    let begins = full.get(..named.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(named));
    begins && (named.len() >= 7 || named.len() == full.len())
}

/// Where evidence has to be about the artifact, it has to be about each that is released.
pub(super) fn every_artifact(gate: &Gate, subject: &Subject<'_>, files: &[&File]) -> Option<Judgement> {
    if gate.same != Some(Same::Artifact) {
        return None;
    }
    let about: HashSet<&String> = files.iter().flat_map(|file| &file.about.artifacts).collect();
    let left = subject.artifacts.iter().find(|digest| !about.contains(digest))?;
    Some(judgement(
        Reason::OtherArtifact,
        format!("no evidence is about the artifact sha256:{}, which is released too; make it for each", short(left)),
    ))
}
