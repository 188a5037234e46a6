//! How much was told of late, and by whom: what nobody needs a name for costs whoever has one nothing.
//!
//! Anybody can send a letter, and to find out whose it is the forge has to be asked for the policy. So whose keys the policies
//! named when they were read last is remembered: those of whom it is known are counted each by his key, for a policy of
//! somebody else's may give his name to another. The others are counted by the key that they claim, and all together; what is
//! remembered of them is bounded by that, and so is what the forge is asked for them, behind everything that waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::log::letter::Letter;
use crate::log::note::Verifier;

/// How often one may tell something in how long.
pub(super) const MOST: usize = 60;
const SPAN: Duration = Duration::from_mins(1);
/// How many letters under one key that nobody is known to have are looked into in that time, and how many under all of them.
const CLAIMED: usize = 6;
const UNKNOWN: usize = 12;
/// Of how many repositories it is remembered who signs.
const REPOSITORIES: usize = 10_000;

/// Whose a key is, and the key.
type Signer = (String, Verifier);

/// How much was told of late, by whom, and whose turn it is to tell.
#[derive(Debug, Default)]
pub(super) struct Heard {
    of_late: Mutex<BTreeMap<String, VecDeque<Instant>>>,
    /// Who signs grants for a repository, by the policy as it was read last.
    signers: Mutex<BTreeMap<String, Vec<Signer>>>,
    /// One at a time: what is told twice at once is told once.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The same of grants, which are decided meanwhile.
    pub(super) grants: tokio::sync::Mutex<()>,
}

impl Heard {
    /// Whether one may tell one thing more now, of so many in a minute; then it is counted.
    pub(super) fn takes(&self, name: &str, most: usize, now: Instant) -> bool {
        self.takes_all(&[(name, most)], now)
    }

    /// The same of several names at once: it is counted under all of them or under none.
    fn takes_all(&self, names: &[(&str, usize)], now: Instant) -> bool {
        let mut all = self.of_late.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: &Instant| now.saturating_duration_since(*at) < SPAN;
        all.retain(|_, at| at.back().is_some_and(recent));
        let has_room = |(name, most): &(&str, usize)| {
            all.get(*name).is_none_or(|at| at.iter().filter(|it| recent(it)).count() < *most)
        };
        if !names.iter().all(has_room) {
            return false;
        }
        for (name, _) in names {
            let at = all.entry((*name).to_owned()).or_default();
            while at.front().is_some_and(|first| !recent(first)) {
                at.pop_front();
            }
            at.push_back(now);
        }
        true
    }

    /// Notes who signs grants for a repository, by its policy.
    pub(super) fn signed_by(&self, repository: &str, keys: Vec<Signer>) {
        let mut all = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        let repository = repository.to_lowercase();
        if all.len() >= REPOSITORIES && !all.contains_key(&repository) {
            all.clear();
        }
        all.insert(repository, keys);
    }

    /// Whether one more letter about grants for a repository is looked into now; then it is counted, and says whether it is
    /// known whose it is. Under what name it is counted, where not.
    pub(super) fn takes_letter(&self, repository: &str, letter: &Letter, now: Instant) -> Result<bool, String> {
        let whose = {
            let all = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
            let keys = all.get(&repository.to_lowercase());
            let whose = keys.into_iter().flatten().find(|(_, key)| letter.is_by(key));
            whose.map(|(account, key)| format!("letters of {account} by {}", key.short()))
        };
        let is_known = whose.is_some();
        let taken = |name: String, of: &[(&str, usize)]| self.takes_all(of, now).then_some(is_known).ok_or(name);
        if let Some(name) = whose {
            return taken(name.clone(), &[(&name, MOST)]);
        }
        let name = format!("letters under {}", letter.claims());
        taken(name.clone(), &[(&name, CLAIMED), ("letters of nobody who is known", UNKNOWN)])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{CLAIMED, Heard, MOST, UNKNOWN};
    use crate::log::letter::{Letter, Subject};
    use crate::log::note::{Kind, Signer};

    fn signer(name: &str, seed: u8) -> Signer {
        Signer::new(name, Kind::Ed25519, &[seed; 32]).unwrap()
    }

    fn letter(by: &Signer) -> Letter {
        Letter::write(Subject::Grant, &serde_json::json!({}), by).unwrap()
    }

    #[test]
    fn whoever_sends_letters_under_names_of_his_own_keeps_nobody_out_whom_a_policy_names() {
        let (heard, now) = (Heard::default(), Instant::now());
        let bo = signer("bo", 1);
        heard.signed_by("Acme/Shop", vec![("github:bo".to_owned(), bo.verifier().clone())]);
        let eve = letter(&signer("eve", 2));
        for times in 0..CLAIMED * 2 {
            assert_eq!(heard.takes_letter("acme/shop", &eve, now).is_ok(), times < CLAIMED);
        }
        // A new name for each, and that of `bo`.
        for seed in 3..=200 {
            let _ = heard.takes_letter("acme/shop", &letter(&signer(&format!("eve{seed}"), seed)), now);
            let _ = heard.takes_letter("acme/shop", &letter(&signer("bo", seed)), now);
        }
        assert_eq!(
            heard.of_late.lock().unwrap().values().map(std::collections::VecDeque::len).sum::<usize>(),
            UNKNOWN * 2
        );
        for times in 0..=MOST {
            assert_eq!(heard.takes_letter("acme/shop", &letter(&bo), now).is_ok(), times < MOST);
        }
    }

    #[test]
    fn whoever_has_a_key_of_his_own_named_as_somebody_elses_in_his_own_policy_keeps_nobody_out() {
        let (heard, now) = (Heard::default(), Instant::now());
        let (bo, eve) = (signer("bo", 1), signer("bo", 2));
        heard.signed_by("acme/shop", vec![("github:bo".to_owned(), bo.verifier().clone())]);
        heard.signed_by("acme/scratch", vec![("github:bo".to_owned(), eve.verifier().clone())]);
        for times in 0..=MOST {
            assert_eq!(heard.takes_letter("acme/scratch", &letter(&eve), now).is_ok(), times < MOST);
        }
        assert_eq!(heard.takes_letter("acme/shop", &letter(&bo), now), Ok(true));
        // And hers about his repository is nobody's.
        assert_eq!(heard.takes_letter("acme/shop", &letter(&eve), now), Ok(false));
    }
}
