//! Statements beside a report: which artifact and commit it is about, and when it was made.
//!
//! Most formats have no place for that, so whoever makes the report may put a
//! statement beside it, under the report's own name with [`ENDING`] behind it. It is
//! an in-toto statement (v0.1 or v1), unsigned, whose subject is the report by its
//! SHA-256, so that it cannot be left beside another one by mistake:
//!
//! ```json
//! {
//!   "_type": "https://in-toto.io/Statement/v1",
//!   "subject": [{ "name": "summary.json", "digest": { "sha256": "…" } }],
//!   "predicateType": "urn:countersign:report:1",
//!   "predicate": { "artifact": "sha256:…", "commit": "…", "made_at": "2026-11-23T08:00:00Z" }
//! }
//! ```
//!
//! It is a claim like the report's own, and adds to them: what the report says of
//! itself has to hold as well, and the older of two instants counts. Of `artifact`
//! (one, or a list), `commit` and `made_at` (RFC 3339, with its zone) one has to be
//! there; anything else in the predicate is a mistake, and a mistake is a fault.

use super::json::{self, Node, Step, refuse};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, PARTS, Place, commit, digest, zoned};

/// What stands behind the report's name in the name of the statement.
pub const ENDING: &str = ".about.json";
/// How many bytes a statement may have.
pub const LIMIT: usize = 64 << 10;

const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];
const PREDICATE: &str = "urn:countersign:report:1";

/// Reads a statement in UTF-8 about the report of this SHA-256, in lower-case
/// hexadecimal, and adds what it says to what the report says of itself.
pub fn read(bytes: &[u8], report: &str, about: &mut About) -> Result<(), Fault> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut statement = Statement::default();
    json::walk(bytes, |root| root.object(|key, value| statement.property(key, value, report)))?;
    statement.check()?;
    statement.tell(about)
}

#[derive(Default)]
struct Statement {
    kind: bool,
    /// Whether a subject has the report's digest.
    is_about: bool,
    predicate_kind: bool,
    artifacts: Vec<String>,
    commit: Option<String>,
    made_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Statement {
    fn property(&mut self, key: &str, value: &mut Node<'_, '_>, report: &str) -> Step {
        match key {
            "_type" => self.kind = value.text()?.is_some_and(|text| TYPES.contains(&&*text)),
            "predicateType" => self.predicate_kind = value.text()?.as_deref() == Some(PREDICATE),
            "subject" => value.array(|subject| {
                subject.object(|key, value| match key {
                    "digest" => value.object(|key, value| {
                        if key == "sha256" {
                            self.is_about |= value.text()?.is_some_and(|text| text.eq_ignore_ascii_case(report));
                        }
                        Ok(())
                    }),
                    _ => Ok(()),
                })
            })?,
            "predicate" => value.object(|key, value| self.claim(key, value))?,
            _ => {}
        }
        Ok(())
    }

    fn claim(&mut self, key: &str, value: &mut Node<'_, '_>) -> Step {
        match key {
            "artifact" if value.is_array() => value.array(|value| self.artifact(value)),
            "artifact" => self.artifact(value),
            "commit" => {
                let text = value.text()?.unwrap_or_default();
                self.commit = Some(commit(&text).ok_or_else(|| wrong(key, &text, "a commit in hexadecimal"))?);
                Ok(())
            }
            "made_at" => {
                let text = value.text()?.unwrap_or_default();
                let at = zoned(&text).ok_or_else(|| wrong(key, &text, "an instant such as `2026-11-23T08:00:00Z`"))?;
                self.made_at = Some(at);
                Ok(())
            }
            _ => Err(refuse(format_args!(
                "`{}` is not known in the predicate; it has `artifact`, `commit` and `made_at`",
                shortened(key, 60)
            ))),
        }
    }

    fn artifact(&mut self, value: &mut Node<'_, '_>) -> Step {
        let text = value.text()?.unwrap_or_default();
        let digest = digest(&text).ok_or_else(|| wrong("artifact", &text, "a digest such as `sha256:…`"))?;
        if self.artifacts.len() >= PARTS {
            return Err(refuse(format_args!("more than {PARTS} artifacts; make a report for each")));
        }
        self.artifacts.push(digest);
        Ok(())
    }

    fn check(&self) -> Result<(), Fault> {
        let wrong = |message: String| Err(Fault::malformed(Place::Whole, message));
        if !self.kind {
            return wrong(format!("`_type` is not that of an in-toto statement; write `{}`", TYPES[1]));
        }
        if !self.predicate_kind {
            return wrong(format!("`predicateType` is not the one of statements about reports; write `{PREDICATE}`"));
        }
        if !self.is_about {
            return wrong(
                "no subject has the SHA-256 of the report beside it; write it anew after the report".to_owned(),
            );
        }
        if self.artifacts.is_empty() && self.commit.is_none() && self.made_at.is_none() {
            return wrong("the predicate says nothing; give it `artifact`, `commit` or `made_at`".to_owned());
        }
        Ok(())
    }

    /// Adds the claims to the report's own.
    fn tell(self, about: &mut About) -> Result<(), Fault> {
        if let Some(at) = self.made_at {
            about.made(at);
            about.undated_part = false;
        }
        if let Some(commit) = self.commit {
            about.commit(&commit);
            about.silent_part = false;
        }
        if !self.artifacts.is_empty() {
            let named = std::mem::take(&mut about.artifacts);
            let both = |digest: &String| named.is_empty() || named.contains(digest);
            about.artifacts = self.artifacts.into_iter().filter(both).collect();
            if about.artifacts.is_empty() {
                return Err(Fault::contradictory(
                    "it names other artifacts than the report does; make both for the artifact that is released",
                ));
            }
        }
        Ok(())
    }
}

fn wrong(key: &str, found: &str, expected: &str) -> json::Error {
    refuse(format_args!("expected {expected} as `{key}`, found `{}`", shortened(found, 80)))
}
