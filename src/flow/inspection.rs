//! The story of an inspection: the policy of each repository says what is worth asking, the forge says how it protects
//! that, and what lets a release slip past is judged.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::decide::posture::{self, Ruled};
use crate::flow::app::kept::Kept;
use crate::flow::app::policy::{self, NoPolicy, Outer};
use crate::forge::inspection::{Inspect, Sought};
use crate::model::facts::Fact;
use crate::model::inspection::{Finding, Flaw, Gravity, InUse, Inspection, UNDERSTOOD, VERSION};
use crate::model::posture::Posture;
use crate::model::wording::Wording;
use crate::policy::Policy;

/// What is inspected.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The repositories; none: all that the app is installed on.
    pub repositories: Vec<String>,
    /// The branch that the policy is read from; left out: each repository's default branch.
    pub branch: Option<String>,
    /// The layers around every repository's own policy.
    pub outer: Outer,
    /// Within them, the one that a repository keeps for all others.
    pub kept: Option<Kept>,
    /// The address under which the app is reached, where it is known.
    pub address: Option<String>,
    /// The forge, by the address that people open.
    pub forge: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
}

/// Inspects. What cannot be read is found to be unknown; a fault is only that nobody says what there is to inspect.
pub async fn inspect<I: Inspect>(inspector: &I, wanted: &Wanted) -> Result<Inspection, I::Fault> {
    let outer = around(inspector, wanted).await;
    within(inspector, wanted, &outer).await
}

/// Inspects two forges of one app, by the same layers of the policy, whichever of them keeps one.
pub async fn inspect_both<I: Inspect, O: Inspect>(
    (one, wanted): (&I, &Wanted),
    (other, wanted_there): (&O, &Wanted),
) -> (Result<Inspection, I::Fault>, Result<Inspection, O::Fault>) {
    let is_there = |kept: &Kept| kept.forge.as_deref() == Some(O::WORDING.accounts);
    let outer = if wanted.kept.as_ref().is_some_and(is_there) {
        around(other, wanted_there).await
    } else {
        around(one, wanted).await
    };
    (within(one, wanted, &outer).await, within(other, wanted_there, &outer).await)
}

/// Whether a layer is kept on the forge that is inspected.
fn is_here<I: Inspect>(kept: &Kept) -> bool {
    kept.forge.as_deref().is_none_or(|forge| forge == I::WORDING.accounts)
}

async fn within<I: Inspect>(
    inspector: &I,
    wanted: &Wanted,
    outer: &Result<Outer, NoPolicy>,
) -> Result<Inspection, I::Fault> {
    let wording = I::WORDING;
    let mut findings = match inspector.hook().await {
        Some(hook) => posture::of_app(&hook, wanted.address.as_deref(), wording),
        None => Vec::new(),
    };
    let mut in_use = Vec::new();
    let mut repositories = wanted.repositories.clone();
    if repositories.is_empty() {
        let installed = inspector.repositories().await?;
        findings.extend(installed.unread.into_iter().map(|why| unread(&why, wording)));
        if installed.repositories.is_empty() {
            findings.push(nowhere(wording));
        }
        repositories = installed.repositories;
    }
    for repository in &repositories {
        let (there, found) = of(inspector, wanted, outer, repository).await;
        findings.extend(found);
        in_use.extend(ways(there));
    }
    if let Some(kept) = wanted.kept.as_ref().filter(|kept| is_here::<I>(kept)) {
        let (repository, branch) = (kept.repository.clone(), kept.branch.clone());
        let sought = Sought { repository, branch, logins: Vec::new(), groups: Vec::new() };
        findings.extend(posture::of_kept(&inspector.posture(&sought).await, wording));
    }
    findings.sort_by_key(|finding| match finding.gravity {
        Gravity::Open => 0,
        Gravity::Unknown => 1,
        Gravity::Weak => 2,
    });
    let forge = Cow::Owned(wanted.forge.clone());
    Ok(Inspection { version: VERSION, at: wanted.at, forge, repositories, findings, in_use })
}

/// The layers around every repository's own.
async fn around<I: Inspect>(inspector: &I, wanted: &Wanted) -> Result<Outer, NoPolicy> {
    let Some(kept) = &wanted.kept else { return Ok(wanted.outer.clone()) };
    if !is_here::<I>(kept) {
        let says = format!("the layer in `{kept}` is on another forge; have both inspected at once");
        return Err(NoPolicy::Unread(says));
    }
    match inspector.forge(&kept.repository).await {
        Ok(forge) => policy::around(&forge, &wanted.outer, kept).await,
        Err(fault) => Err(NoPolicy::Unread(fault.to_string())),
    }
}

async fn of<I: Inspect>(
    inspector: &I,
    wanted: &Wanted,
    outer: &Result<Outer, NoPolicy>,
    repository: &str,
) -> (Posture, Vec<Finding>) {
    let (wording, address) = (I::WORDING, wanted.address.as_deref());
    let read = match (inspector.forge(repository).await, outer) {
        (Ok(forge), Ok(outer)) => policy::read(&forge, repository, outer).await,
        (_, Err(why)) => Err(why.clone()),
        (Err(fault), _) => Err(NoPolicy::Unread(fault.to_string())),
    };
    let (logins, groups) = match &read {
        Ok(read) => (posture::logins(&read.policy, wording), posture::groups(&read.policy, wording)),
        Err(_) => (Vec::new(), Vec::new()),
    };
    let sought = Sought { repository: repository.to_owned(), branch: wanted.branch.clone(), logins, groups };
    let there = inspector.posture(&sought).await;
    let judged = |ruled: Ruled<'_>| posture::of_repository(&there, ruled, address, wording);
    let mut found = match &read {
        Ok(read) => judged(Ruled::By(&read.policy)),
        Err(NoPolicy::Unwritten) => judged(Ruled::Unwritten),
        Err(why @ (NoPolicy::Unread(_) | NoPolicy::Unusable { .. })) => judged(Ruled::Unusable(&why.to_string())),
    };
    found.extend(version(&there));
    found.extend(read.ok().and_then(|read| issues(&there, &read.policy)));
    (there, found)
}

/// What is wrong with the version of the server.
fn version(there: &Posture) -> Option<Finding> {
    let (code, says) = match &there.particular.supported {
        Fact::Known(true) | Fact::Absent => return None,
        Fact::Known(false) => {
            let way = there.particular.ways.iter().find(|way| way.does == UNDERSTOOD);
            let by = way.map_or("nothing that is known", |way| way.by.as_str());
            (Flaw::VersionUnsupported, format!("{UNDERSTOOD} by {by}"))
        }
        Fact::Unavailable(why) => (Flaw::Unread, format!("of which version the server is is not known: {why}")),
    };
    Some(Finding {
        code,
        gravity: code.gravity(),
        repository: Some(there.repository.clone()),
        place: "the server".to_owned(),
        says,
        mend: "bring the server and Countersign to versions that go together".to_owned(),
    })
}

/// What is missed where issues are switched off, by a policy after whose releases something is to be done.
fn issues(there: &Posture, policy: &Policy) -> Option<Finding> {
    let owes = policy.rules.routes.iter().any(|route| !route.then.is_empty());
    (there.particular.issues_off && owes).then(|| Finding {
        code: Flaw::IssuesOff,
        gravity: Flaw::IssuesOff.gravity(),
        repository: Some(there.repository.clone()),
        place: "issues".to_owned(),
        says: "they are switched off: what releases leave to be done stands in the record alone, and no issue calls it to mind"
            .to_owned(),
        mend: "switch issues on; what is owed from then on has one each".to_owned(),
    })
}

/// By what means the app works on a repository, where that hangs on a plan.
fn ways(there: Posture) -> Option<InUse> {
    let plan = there.particular.plan?;
    Some(InUse { repository: there.repository, plan: plan.known().cloned(), ways: there.particular.ways })
}

fn unread(why: &str, wording: &Wording) -> Finding {
    Finding {
        code: Flaw::Unread,
        gravity: Flaw::Unread.gravity(),
        repository: None,
        place: wording.app.to_owned(),
        says: format!("an installation could not be read: {why}"),
        mend: "see whether it is suspended, and ask again".to_owned(),
    }
}

fn nowhere(wording: &Wording) -> Finding {
    Finding {
        code: Flaw::NotInstalled,
        gravity: Flaw::NotInstalled.gravity(),
        repository: None,
        place: wording.app.to_owned(),
        says: wording.nowhere.to_owned(),
        mend: wording.install.to_owned(),
    }
}
