//! A roster: who is in the groups that roles name, so that a policy can be tried with the people that there are.
//!
//! ```yaml
//! forge: github                       # where a `user:` without an entry in `people` has his account
//! groups: { "github:@acme/infra": [github:ana, github:bo] }
//! people: { ana: [github:ana, gitlab:ana-k] }  # accounts of one person that the directory joins
//! ```

use std::collections::BTreeMap;

use super::diagnostics::{Code, Complaints, Diagnostic};
use super::shape::{Form, Names, Shape, may, must};
use super::tree::{self, Node};

/// Who is in which group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The accounts in each group, by the name that roles use.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The accounts of people beyond those that the policy names.
    pub people: BTreeMap<String, Vec<String>>,
    /// The forge on which a `user:` has his account.
    pub forge: String,
}

const TEXTS: Shape = Shape::Texts(Form::Any);
const ROSTER: Shape = Shape::Map(&[
    must("groups", &Shape::Keyed(&TEXTS), "the accounts in each group"),
    may("people", &Shape::Named(&TEXTS), "the accounts of one person"),
    may("forge", &Shape::Word(&["github", "gitlab"]), "where a `user:` has his account"),
]);

impl Roster {
    /// Reads a roster, or says what is wrong with it.
    pub fn read(path: &str, text: &str) -> Result<Self, Complaints> {
        let complaints = |list| Complaints { path: path.to_owned(), text: text.to_owned(), list, unfinished: false };
        let tree = tree::parse(text).map_err(|diagnostic| complaints(vec![diagnostic]))?;
        let mut list: Vec<Diagnostic> = Vec::new();
        ROSTER.check(&tree, "the roster", &Names::default(), &mut list);
        for (_, accounts) in tree.get("groups").into_iter().chain(tree.get("people")).flat_map(Node::entries) {
            for (account, span) in accounts.texts() {
                if !account.split_once(':').is_some_and(|(forge, login)| !forge.is_empty() && !login.is_empty()) {
                    let message = format!("an account is written with its forge, such as `github:{account}`");
                    list.push(Diagnostic::new(Code::WrongForm, span, message));
                }
            }
        }
        if !list.is_empty() {
            return Err(complaints(list));
        }
        let map = |key: &str| {
            let entries = tree.get(key).map(Node::entries).unwrap_or_default();
            let texts = |node: &Node| node.texts().into_iter().map(|(text, _)| text.to_owned()).collect();
            entries.iter().map(|(key, node)| (key.name.clone(), texts(node))).collect()
        };
        let forge = tree.get("forge").and_then(Node::text).unwrap_or("github").to_owned();
        Ok(Self { groups: map("groups"), people: map("people"), forge })
    }
}
