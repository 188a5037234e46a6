//! What lets a release slip past the policy: the posture of a repository, and of the app, becomes findings with their mends.
//!
//! What could not be read is a finding of its own. Nothing is in order because nobody saw it.

mod environments;
mod people;

use crate::model::facts::Fact;
use crate::model::inspection::{Finding, Flaw};
use crate::model::posture::{Hook, Installed, Posture, Protection, Source};
use crate::policy::Policy;

pub use people::{groups, logins};

/// Where the app takes deliveries, below the address under which it is reached.
pub const DELIVERED_AT: &str = "/hooks/github";

/// The policy of a repository, as far as there is one.
#[derive(Clone, Copy, Debug)]
pub enum Ruled<'p> {
    /// It holds together.
    By(&'p Policy),
    /// There is none.
    Unwritten,
    /// It cannot be used, and why.
    Unusable(&'p str),
}

impl<'p> Ruled<'p> {
    fn policy(self) -> Option<&'p Policy> {
        match self {
            Self::By(policy) => Some(policy),
            Self::Unwritten | Self::Unusable(_) => None,
        }
    }
}

/// It could not be read, and that was told.
struct Unread;

/// What is found, of one repository or of the app.
struct Found<'r> {
    repository: Option<&'r str>,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn flaw(&mut self, code: Flaw, place: &str, says: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding {
            code,
            gravity: code.gravity(),
            repository: self.repository.map(str::to_owned),
            place: place.to_owned(),
            says: says.into(),
            mend: mend.into(),
        });
    }

    /// What could not be read.
    fn unread(&mut self, place: &str, what: &str, why: &str) {
        let mend = "ask again as somebody who may see it, such as with an administrator's token in `--token-file`";
        self.flaw(Flaw::Unread, place, format!("{what} is not known: {why}"), mend);
    }

    /// A value that is known, or `None` where it is absent; what could not be read is told of.
    fn known<'f, T>(&mut self, fact: &'f Fact<T>, place: &str, what: &str) -> Result<Option<&'f T>, Unread> {
        match fact {
            Fact::Known(value) => Ok(Some(value)),
            Fact::Absent => Ok(None),
            Fact::Unavailable(why) => {
                self.unread(place, what, why);
                Err(Unread)
            }
        }
    }

    /// A value that is known; what could not be read is told of.
    fn stated<'f, T>(&mut self, fact: &'f Fact<T>, place: &str, what: &str) -> Option<&'f T> {
        self.known(fact, place, what).ok().flatten()
    }
}

/// What is wrong with a repository.
#[must_use]
pub fn of_repository(posture: &Posture, ruled: Ruled<'_>) -> Vec<Finding> {
    let mut found = Found { repository: Some(&posture.repository), findings: Vec::new() };
    installed(&mut found, &posture.installed);
    policy(&mut found, posture, ruled);
    environments::judge(&mut found, posture, ruled.policy());
    if let Some(policy) = ruled.policy() {
        people::judge(&mut found, posture, policy);
    }
    found.findings
}

/// What is wrong with the branch on which a repository keeps the layer for all others.
#[must_use]
pub fn of_kept(posture: &Posture) -> Vec<Finding> {
    let mut found = Found { repository: Some(&posture.repository), findings: Vec::new() };
    if let Ok(branch) = found.known(&posture.branch, "the layer for all", "from which branch it is read") {
        let branch = branch.map_or("the default branch", String::as_str);
        protected(&mut found, &posture.protection, &format!("branch {branch}"), branch);
    }
    found.findings
}

/// What is wrong with how the app is told. `address` is the one under which it is reached, where that is known.
#[must_use]
pub fn of_app(hook: &Hook, address: Option<&str>) -> Vec<Finding> {
    let mut found = Found { repository: None, findings: Vec::new() };
    let place = "the App's webhook";
    let wanted = address.map(|address| format!("{address}{DELIVERED_AT}"));
    let there = wanted.clone().unwrap_or_else(|| format!("the app's address with `{DELIVERED_AT}` behind it"));
    let mend = format!("name {there} as the webhook's URL in the App's settings, with a secret, and tick `Active`");
    match found.known(&hook.address, place, "where it delivers") {
        Ok(Some(stated)) => {
            if let Some(wanted) = wanted.filter(|wanted| wanted.trim_end_matches('/') != stated.trim_end_matches('/')) {
                found.flaw(
                    Flaw::HookMissing,
                    place,
                    format!("it delivers to {stated}, and not to {wanted}"),
                    mend.clone(),
                );
            } else if !stated.ends_with(DELIVERED_AT) {
                let says = format!("it delivers to {stated}, and the app takes deliveries at `{DELIVERED_AT}`");
                found.flaw(Flaw::HookMissing, place, says, mend.clone());
            }
        }
        Ok(None) => {
            let says = "it delivers nowhere: what happens is found by reading everything now and then";
            found.flaw(Flaw::HookMissing, place, says, mend.clone());
            return found.findings;
        }
        Err(Unread) => {}
    }
    if let Some(false) = found.stated(&hook.signs, place, "whether it is signed") {
        let says = "it has no secret, so that nobody can tell its deliveries from forged ones, and the app takes none";
        found.flaw(Flaw::HookUnsafe, place, says, "set the secret that the app is started with in the App's settings");
    }
    if let Some(false) = found.stated(&hook.verifies, place, "whether it looks at certificates") {
        let says = "it does not look at the certificate of whom it delivers to";
        found.flaw(Flaw::HookUnsafe, place, says, "enable SSL verification in the App's settings");
    }
    if let Some(deliveries) = found.stated(&hook.deliveries, place, "how its deliveries went") {
        let failed: Vec<_> = deliveries.iter().filter(|delivery| !delivery.taken).collect();
        if deliveries.is_empty() {
            let says = "nothing was delivered lately: it may be inactive, or subscribed to nothing";
            found.flaw(
                Flaw::HookSilent,
                place,
                says,
                "tick `Active` in the App's settings, and see what it is subscribed to",
            );
        } else if let Some(last) = failed.first() {
            let says = format!(
                "{} of its last {} deliveries were not taken, last one of `{}`: {}",
                failed.len(),
                deliveries.len(),
                last.event,
                last.status
            );
            let mend =
                "see under Advanced in the App's settings what was answered; start the app, or let GitHub reach it";
            found.flaw(Flaw::HookFailing, place, says, mend);
        }
    }
    found.findings
}

/// What the app may on a repository.
fn installed(found: &mut Found<'_>, installed: &Fact<Installed>) {
    let place = "the App";
    let Ok(installed) = found.known(installed, place, "whether it is installed here, and what it may") else {
        return;
    };
    let Some(installed) = installed else {
        let says = "it is not installed on this repository, so that nothing here is decided by it";
        found.flaw(Flaw::NotInstalled, place, says, "install it, from its page on GitHub");
        return;
    };
    if installed.suspended {
        let says = "its installation is suspended: it can neither read nor answer, and what waits for it waits on";
        found.flaw(Flaw::Suspended, place, says, "unsuspend it in the organisation's settings, under GitHub Apps");
    }
    for permission in installed.permissions.iter().filter(|it| it.given < Some(it.needed)) {
        let given = permission.given.map_or("nothing", crate::model::posture::Access::word);
        let (name, needed) = (&permission.name, permission.needed.word());
        let says = format!("it needs `{name}: {needed}`, and was given {given}");
        let mend = format!("grant `{name}: {needed}` in the App's settings, and let the owner accept it");
        found.flaw(Flaw::PermissionMissing, place, says, mend);
    }
    for event in &installed.missing_events {
        let says = format!("it is not told of `{event}`, and finds out only when it reads everything");
        found.flaw(Flaw::EventMissing, place, says, format!("subscribe the App to `{event}` in its settings"));
    }
}

/// Whether there is a policy, and who may change it.
fn policy(found: &mut Found<'_>, posture: &Posture, ruled: Ruled<'_>) {
    match ruled {
        Ruled::By(_) => {}
        Ruled::Unwritten => {
            let says = "there is none, so that nothing here can be decided, and what asks for a decision holds";
            found.flaw(
                Flaw::PolicyMissing,
                "the policy",
                says,
                "write `.countersign/policy.yml` on the default branch",
            );
            return;
        }
        Ruled::Unusable(why) => {
            let says = format!("it cannot be used, and everything here holds: {why}");
            found.flaw(
                Flaw::PolicyUnusable,
                "the policy",
                says,
                "mend it; `countersign policy check` says every mistake",
            );
        }
    }
    let Ok(branch) = found.known(&posture.branch, "the policy", "from which branch it is read") else { return };
    let branch = branch.map_or("the default branch", String::as_str);
    let place = format!("branch {branch}");
    protected(found, &posture.protection, &place, branch);
    check(found, &posture.check, &place);
}

/// Whether a change of the policy needs somebody's review.
fn protected(found: &mut Found<'_>, protection: &Fact<Protection>, place: &str, branch: &str) {
    let mend = format!("require pull requests with an approval on `{branch}`, in a ruleset that nobody bypasses");
    let Ok(protection) = found.known(protection, place, "what protects the policy there") else { return };
    let Some(protection) = protection else {
        let says = "nothing protects it, so that whoever may push can change the policy alone";
        found.flaw(Flaw::PolicyBranchOpen, place, says, mend);
        return;
    };
    match found.known(&protection.reviews, place, "whether a change of the policy needs a review there") {
        Ok(None | Some(0)) => {
            let says = "a change needs no review there, so that whoever may push can change the policy alone";
            found.flaw(Flaw::PolicyBranchOpen, place, says, mend);
        }
        Ok(Some(_)) => {
            let exempt = found.stated(&protection.exempt, place, "who may change the policy there without a review");
            if let Some(exempt) = exempt.filter(|exempt| !exempt.is_empty()) {
                let says = format!("these may change the policy there without a review: {}", exempt.join(", "));
                found.flaw(Flaw::PolicyExempt, place, says, "let nobody past the branch's protection");
            }
        }
        Err(Unread) => {}
    }
}

/// Whose check the branch asks for under our name: a status of any name is written by whoever may push.
fn check(found: &mut Found<'_>, check: &Fact<Source>, place: &str) {
    // What could not be read of the branch was told already, mostly.
    let told = found.findings.iter().any(|it| it.code == Flaw::Unread && it.place == place);
    if told && check.unavailable().is_some() {
        return;
    }
    let says = match found.stated(check, place, "whose checks it asks for") {
        None | Some(Source::Ours) => return,
        Some(Source::Anybody) => {
            "it asks for a check with the app's name from any source, so that whoever may push can write it himself"
        }
        Some(Source::Another) => {
            "it asks for a check with the app's name from another app, and never gets it from this one"
        }
    };
    found.flaw(
        Flaw::CheckUnpinned,
        place,
        says,
        "choose the App as the source of that check, where the branch asks for it",
    );
}
