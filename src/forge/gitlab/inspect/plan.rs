//! The plan in use, and by which of its means the app does what it does.
//!
//! gitlab.com names the plan to whoever owns the namespace. Elsewhere it is told by what the server answers: lists that a plan
//! does not have are answered to nobody, and to a maintainer everything else is.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Project;
use crate::forge::gitlab::client::{Client, Fault};
use crate::model::facts::Fact;
use crate::model::inspection::{HOLDS, Way};

/// What is paid for, the more the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Plan {
    Free,
    Premium,
    Ultimate,
}

impl Plan {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Free => "GitLab Free",
            Self::Premium => "GitLab Premium",
            Self::Ultimate => "GitLab Ultimate",
        }
    }

    /// By the word that gitlab.com has for it, trials and old names included.
    fn read(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
        if has(&["ultimate", "gold", "opensource"]) {
            Some(Self::Ultimate)
        } else if has(&["premium", "silver"]) {
            Some(Self::Premium)
        } else if has(&["free", "default", "bronze"]) {
            Some(Self::Free)
        } else {
            None
        }
    }
}

/// A service that is told of merge requests, and says whether they pass.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Check {
    external_url: Option<String>,
}

/// The status checks of the project that are ours; a fault where GitLab does not list them.
pub(super) async fn checks(client: &Client, project: &Project, address: Option<&str>) -> Result<Vec<Check>, Fault> {
    let listed: Vec<Check> = client.list(&format!("{}/external_status_checks", project.path())).await?;
    let is_ours = |check: &Check| match (&check.external_url, address) {
        (Some(url), Some(address)) => url == address,
        (Some(url), None) => url.ends_with(super::wording::WORDING.delivered_at),
        (None, _) => false,
    };
    Ok(listed.into_iter().filter(is_ours).collect())
}

/// The plan of the project's namespace.
pub(super) async fn of(client: &Client, project: &Project, checks: &Result<Vec<Check>, Fault>) -> Fact<Plan> {
    #[derive(Deserialize)]
    struct Stated {
        plan: Option<String>,
    }
    let stated = client.get::<Stated>(&format!("/namespaces/{}", project.namespace.id)).await;
    if let Some(plan) = stated.ok().and_then(|it| Plan::read(&it.plan?)) {
        return Fact::Known(plan);
    }
    if checks.is_ok() {
        return Fact::Known(Plan::Ultimate);
    }
    match client.list::<IgnoredAny>(&format!("{}/protected_environments", project.path())).await {
        Ok(_) => Fact::Known(Plan::Premium),
        // Whoever maintains it would be shown them.
        Err(Fault::NotFound { .. }) if project.is_maintained() => Fact::Known(Plan::Free),
        Err(fault) => fault.unavailable(),
    }
}

/// Whether what our status check has failed is kept from being merged; absent: there is none of ours.
pub(super) fn blocks(project: &Project, checks: &Result<Vec<Check>, Fault>) -> Fact<bool> {
    match (checks, project.only_allow_merge_if_all_status_checks_passed) {
        // What the plan does not have was told with the plan.
        (Err(_), _) => Fact::Absent,
        (Ok(ours), _) if ours.is_empty() => Fact::Absent,
        (Ok(_), Some(blocks)) => Fact::Known(blocks),
        (Ok(_), None) => Fact::Unavailable("GitLab does not say whether status checks must succeed".into()),
    }
}

/// By what means each thing is done.
pub(super) fn ways(
    plan: &Fact<Plan>,
    checks: &Result<Vec<Check>, Fault>,
    project: &Project,
    overseers: &Fact<Vec<String>>,
) -> Vec<Way> {
    let Some(plan) = plan.known() else { return Vec::new() };
    let way = |does: &str, by: &str, enforced| Way { does: does.to_owned(), by: by.to_owned(), enforced };
    let approves = *plan >= Plan::Premium;
    let has_check = checks.as_ref().is_ok_and(|ours| !ours.is_empty());
    let mut ways = vec![
        if approves {
            way(HOLDS, "a protected environment whose approval rule names the app's account", true)
        } else {
            way(HOLDS, "its own job, which asks by `gate --require-decision`", false)
        },
        if has_check {
            let blocks = project.only_allow_merge_if_all_status_checks_passed == Some(true);
            way("a merge request is told what its release needs", "an external status check and a note", blocks)
        } else {
            way(
                "a merge request is told what its release needs",
                "a commit's status, which any developer can set, and a note",
                false,
            )
        },
        if approves {
            way(
                "a release is approved",
                "commands in notes and votes on the deployment, each judged by the policy",
                true,
            )
        } else {
            way("a release is approved", "commands in notes, judged by the policy", true)
        },
        way(
            "a change is approved",
            "approvals of the merge request, read against the policy and not against GitLab's rules",
            true,
        ),
        way("evidence comes in", "jobs, each under its own `id_tokens:`", true),
    ];
    // On a server of one's own they may do everything, and no setting keeps them from it.
    let known = overseers.known().map_or_else(|| "who are not known".to_owned(), |all| all.join(", "));
    if approves && !overseers.is_absent() {
        ways.push(way(
            "administrators of the server are kept out",
            &format!("nothing but what the record shows of them: {known}"),
            false,
        ));
    }
    ways
}
