//! What is decided where no policy can be used: by which flaws, by which facts, and the same again for whoever doubts it.

#[cfg(feature = "app")]
use chrono::{DateTime, Utc};
#[cfg(feature = "app")]
use serde_json::json;

use crate::decide::unreadable::Flaw;
#[cfg(feature = "app")]
use crate::model::facts::{Act, Fact, Facts, VERSION};
use crate::policy::diagnostics::{Complaints, Diagnostic};
use crate::workspace::layers::Error;

/// Why the layers of a policy cannot be read, as a flaw; `None` where it is not even known which policy is meant.
#[must_use]
pub fn of_layers(error: &Error) -> Option<Flaw> {
    match error {
        Error::Unreadable { path, .. } => Some(Flaw { file: path.clone(), line: 0, says: error.to_string() }),
        Error::Named { path, told } => Some(Flaw { file: path.clone(), line: told.span.line, says: error.to_string() }),
        Error::NoPolicy | Error::Ref { .. } => None,
    }
}

/// The mistakes of a policy, as flaws.
#[must_use]
pub fn of_complaints(complaints: &[Complaints]) -> Vec<Flaw> {
    let errors = complaints.iter().flat_map(|file| file.list.iter().map(move |it| (file, it)));
    let flaw = |(file, it): (&Complaints, &Diagnostic)| Flaw {
        file: file.path.clone(),
        line: it.span.line,
        says: it.message.clone(),
    };
    errors.filter(|(_, it)| it.is_error()).map(flaw).collect()
}

/// Why nothing else of a release is known.
#[cfg(feature = "app")]
const UNASKED: &str = "nobody was asked, because no policy says what matters";

/// What is known of a release that was not asked about: which it is, and what people did on pages of ours.
#[cfg(feature = "app")]
pub fn facts(
    forge: &str,
    (repository, environment, commit): (&str, &str, &str),
    submitted_at: DateTime<Utc>,
    acts: Vec<Act>,
) -> Result<Facts, serde_json::Error> {
    let unasked = json!({ "unavailable": UNASKED });
    let mut facts: Facts = serde_json::from_value(json!({
        "version": VERSION,
        "release": {
            "name": super::facts::named(repository, commit), "forge": forge, "repository": repository,
            "environment": environment, "commit": commit, "submitted_at": submitted_at, "asked_since": null,
            "changes": unasked, "reference": unasked, "trigger": unasked,
        },
        "change_record": unasked, "incidents": unasked, "obligations": unasked, "deployments": unasked,
    }))?;
    // Where nobody did anything here, it is not known who did anything elsewhere.
    facts.acts = if acts.is_empty() { Fact::Unavailable(UNASKED.into()) } else { Fact::Known(acts) };
    Ok(facts)
}
