//! How commits hang together.

use std::collections::{BTreeMap, HashSet};

/// How commits hang together: each with its parents.
#[derive(Clone, Debug, Default)]
pub(in crate::forge) struct Graph(BTreeMap<String, Vec<String>>);

impl Graph {
    pub(in crate::forge) fn add(&mut self, sha: &str, parents: impl IntoIterator<Item = String>) {
        self.0.entry(sha.to_owned()).or_insert_with(|| parents.into_iter().collect());
    }

    /// Every commit with its parents.
    pub(in crate::forge) fn all(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(sha, parents)| (sha.as_str(), parents.as_slice()))
    }

    /// Everything known that can be reached from a commit, itself included.
    pub(in crate::forge) fn reach(&self, from: &str) -> HashSet<&str> {
        let mut found = HashSet::new();
        let mut next: Vec<&str> = self.0.get_key_value(from).map(|(sha, _)| sha.as_str()).into_iter().collect();
        while let Some(sha) = next.pop() {
            if found.insert(sha) {
                let parents = self.0.get(sha).into_iter().flatten();
                next.extend(parents.filter_map(|parent| self.0.get_key_value(parent)).map(|(sha, _)| sha.as_str()));
            }
        }
        found
    }
}
