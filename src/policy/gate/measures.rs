//! The measures that a gate's requirement may speak of.

use crate::model::catalogue::{self, Type};
use crate::model::kind::Kind;
use crate::model::licence::Licence;
use crate::policy::expression::{Expression, Scope};
use crate::policy::shape::{Names, Section};

/// The names that a gate's requirement may use.
pub(super) struct Measures<'n> {
    pub(super) kind: Kind,
    pub(super) word: &'static str,
    pub(super) names: &'n Names,
}

impl Measures<'_> {
    fn entry(&self, name: &str) -> Option<&'static catalogue::Entry> {
        let entry = |name: &str| catalogue::measures(self.kind).iter().find(|entry| entry.name == name);
        let found = match name.strip_prefix("baseline.") {
            Some(rest) => entry(rest)
                .or_else(|| entry(&format!("{}.{rest}", catalogue::namespace(self.kind))))
                .filter(|entry| !entry.needs_baseline),
            None => entry(name),
        };
        found.filter(|entry| self.speaks_of(entry.name))
    }

    fn speaks_of(&self, name: &str) -> bool {
        // SARIF has results, not vulnerabilities of components.
        self.word != "sarif" || !name.starts_with("vulnerabilities.")
    }
}

impl Scope for Measures<'_> {
    fn type_of(&self, name: &str) -> Option<Type> {
        if name == "environment" {
            return Some(Type::Text);
        }
        self.entry(name).map(|entry| entry.kind)
    }

    fn values(&self, name: &str) -> Option<Vec<&str>> {
        let known: Vec<&str> = self.names.all(Section::Environments).filter(|_| name == "environment").collect();
        (!known.is_empty()).then_some(known)
    }

    fn spelling(&self, name: &str, text: &str) -> Option<String> {
        let lists = ["sbom.licences", "sbom.new.licences", "baseline.licences", "baseline.sbom.licences"];
        lists.contains(&name).then(|| {
            let licence = Licence::read(text);
            // Of a text that is no expression, as an exception alone, the identifier comes last.
            licence.names().filter(|name| name.eq_ignore_ascii_case(text)).last().unwrap_or(&licence.text).to_owned()
        })
    }

    fn is_share(&self, name: &str) -> bool {
        let shares = ["lines", "branches", "functions", "instructions"];
        let share = |entry: &catalogue::Entry| {
            entry.name == "load.error_rate"
                || entry.name.strip_prefix("coverage.").is_some_and(|rest| shares.contains(&rest))
        };
        self.entry(name).is_some_and(share)
    }

    fn elsewhere(&self, name: &str) -> Option<String> {
        let of =
            |&&(word, kind): &&(&'static str, Kind)| Measures { kind, word, names: self.names }.entry(name).is_some();
        let words: Vec<String> = super::KINDS.iter().filter(of).map(|(word, _)| format!("`{word}`")).collect();
        (!words.is_empty()).then(|| format!("gates with {} have it", words.join(" or ")))
    }

    fn names(&self) -> Vec<&str> {
        let entries = catalogue::measures(self.kind).iter().map(|entry| entry.name);
        entries.filter(|name| self.speaks_of(name)).chain(["environment"]).collect()
    }
}

/// Whether an expression can only be answered against a baseline.
#[must_use]
pub fn needs_baseline(expression: &Expression, kind: Kind) -> bool {
    let entry = |name: &str| catalogue::measures(kind).iter().any(|entry| entry.name == name && entry.needs_baseline);
    expression.names().iter().any(|name| name.starts_with("baseline.") || entry(name))
}
