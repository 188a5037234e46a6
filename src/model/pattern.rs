//! Names that a policy writes, with at most one `*`.

use std::fmt;

/// A signer's or a builder's name, as a policy states it: exact, or with one `*`.
///
/// The `*` stands for one or more characters, none of which is `/`, `@`, white
/// space or a control character. So in a workflow's URI it cannot reach from one
/// path segment, or from the path into the ref, to the next. In a URI it may
/// stand only behind the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    before: String,
    /// What follows the `*`, where there is one.
    after: Option<String>,
}

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the name is empty; write the signer's or builder's full name".to_owned());
        }
        let Some((before, after)) = text.split_once('*') else {
            return Ok(Self { before: text.to_owned(), after: None });
        };
        if after.contains('*') {
            return Err(format!(
                "`{text}` holds more than one `*`; keep one, it stands for a part without `/` and `@`"
            ));
        }
        if before.is_empty() && after.is_empty() {
            return Err("`*` alone would match anybody; write the signer's or builder's name".to_owned());
        }
        if text.contains("://") && !before.split_once("://").is_some_and(|(_, rest)| rest.contains('/')) {
            return Err(format!("in `{text}` the `*` stands in the host; it may stand only behind it"));
        }
        Ok(Self { before: before.to_owned(), after: Some(after.to_owned()) })
    }

    /// Whether a name is one that the policy means.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some(after) = &self.after else { return name == self.before };
        let part = name.strip_prefix(self.before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str()));
        part.is_some_and(|part| {
            let barred = |c: char| matches!(c, '/' | '@') || c.is_whitespace() || c.is_control();
            !part.is_empty() && !part.contains(barred)
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.before)?;
        match &self.after {
            Some(after) => write!(f, "*{after}"),
            None => Ok(()),
        }
    }
}
