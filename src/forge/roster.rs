//! Since when somebody is in a group.

use std::collections::BTreeMap;

use crate::model::facts::people::folded;
use crate::model::facts::{Account, Fact, Joined};

/// How somebody came into a group: he was there before, if whoever asks knows it. Since when the forge itself
/// says of no membership that could not have been made anew.
pub(in crate::forge) fn joined(
    roster: &BTreeMap<String, Vec<Account>>,
    group: &str,
    account: &Account,
) -> Fact<Joined> {
    let before = roster.iter().find(|(name, _)| folded(name) == folded(group)).map(|(_, members)| members);
    match before {
        Some(members) if members.contains(account) => Fact::Absent,
        Some(_) => Fact::Unavailable("he is not among those who were in it when the release was asked for".into()),
        None => Fact::Unavailable(
            "nobody says who was in it when the release was asked for; name them with `--roster`".into(),
        ),
    }
}
