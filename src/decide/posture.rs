//! What lets a release slip past the policy: the posture of a repository, and of the app, becomes findings with their mends.
//!
//! What could not be read is a finding of its own. Nothing is in order because nobody saw it.

mod environments;
mod hook;
mod particular;
mod people;

use crate::model::facts::Fact;
use crate::model::inspection::{Finding, Flaw};
use crate::model::posture::{Installed, Posture, Protection, Source};
use crate::model::wording::{Wording, about};
use crate::policy::Policy;

pub use hook::of_app;
pub use people::{groups, logins};

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
    wording: &'static Wording,
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
        let mend = self.wording.see_more;
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

/// What is wrong with a repository. `address` is the one under which the app is reached, where that is known.
#[must_use]
pub fn of_repository(
    posture: &Posture,
    ruled: Ruled<'_>,
    address: Option<&str>,
    wording: &'static Wording,
) -> Vec<Finding> {
    let mut found = Found { repository: Some(&posture.repository), wording, findings: Vec::new() };
    installed(&mut found, &posture.installed);
    if let Some(hook) = &posture.particular.hook {
        hook::judge(&mut found, hook, address);
    }
    policy(&mut found, posture, ruled);
    particular::judge(&mut found, posture, ruled.policy());
    environments::judge(&mut found, posture, ruled.policy());
    if let Some(policy) = ruled.policy() {
        people::judge(&mut found, posture, policy);
    }
    found.findings
}

/// What is wrong with the branch on which a repository keeps the layer for all others.
#[must_use]
pub fn of_kept(posture: &Posture, wording: &'static Wording) -> Vec<Finding> {
    let mut found = Found { repository: Some(&posture.repository), wording, findings: Vec::new() };
    if let Ok(branch) = found.known(&posture.branch, "the layer for all", "from which branch it is read") {
        let branch = branch.map_or("the default branch", String::as_str);
        protected(&mut found, &posture.protection, &format!("branch {branch}"), branch);
    }
    found.findings
}

/// What the app may on a repository.
fn installed(found: &mut Found<'_>, installed: &Fact<Installed>) {
    let wording = found.wording;
    let place = wording.app;
    let Ok(installed) = found.known(installed, place, "whether it is installed here, and what it may") else {
        return;
    };
    let Some(installed) = installed else {
        found.flaw(Flaw::NotInstalled, place, wording.not_here, wording.install);
        return;
    };
    if installed.suspended {
        let says = "its installation is suspended: it can neither read nor answer, and what waits for it waits on";
        found.flaw(Flaw::Suspended, place, says, wording.unsuspend);
    }
    for permission in installed.permissions.iter().filter(|it| it.given < Some(it.needed)) {
        let given = permission.given.map_or("nothing", crate::model::posture::Access::word);
        let (name, needed) = (&permission.name, permission.needed.word());
        let says = format!("it needs `{name}: {needed}`, and was given {given}");
        found.flaw(Flaw::PermissionMissing, place, says, about(wording.grant, &format!("{name}: {needed}")));
    }
    for event in &installed.missing_events {
        let says = format!("it is not told of `{event}`, and finds out only when it reads everything");
        found.flaw(Flaw::EventMissing, place, says, about(wording.subscribe, event));
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
    let mend = about(found.wording.protect_branch, branch);
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
    let mend = found.wording.pin_check;
    found.flaw(Flaw::CheckUnpinned, place, says, mend);
}
