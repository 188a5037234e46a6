//! What protects a branch, and whose approvals of a merge request count by GitLab.
//!
//! Several protections may be about one branch, by its name or by a pattern: GitLab lets whomever one of them lets.

use serde::Deserialize;

use super::environments::fits;
use super::plan::Plan;
use super::{Project, of_plan};
use crate::forge::gitlab::client::Client;
use crate::model::facts::Fact;
use crate::model::posture::{Protection, Review};

#[derive(Deserialize)]
struct Protected {
    name: String,
    #[serde(default)]
    push_access_levels: Vec<Level>,
    #[serde(default)]
    allow_force_push: bool,
}

#[derive(Deserialize)]
struct Level {
    access_level: Option<u64>,
    access_level_description: Option<String>,
}

impl Level {
    /// Whom it names; nobody's is the number 0.
    fn names(&self) -> Option<String> {
        if self.access_level == Some(0) {
            return None;
        }
        Some(self.access_level_description.clone().unwrap_or_else(|| "somebody whom GitLab does not name".to_owned()))
    }
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    approvals_required: u64,
    #[serde(default)]
    protected_branches: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// What protects a branch of the project; absent: nothing.
pub(super) async fn protection(
    client: &Client,
    project: &Project,
    branch: &str,
    plan: &Fact<Plan>,
) -> Fact<Protection> {
    let listed: Vec<Protected> = match client.list(&format!("{}/protected_branches", project.path())).await {
        Ok(listed) => listed,
        Err(fault) => return fault.unavailable(),
    };
    let about: Vec<&Protected> = listed.iter().filter(|it| fits(&it.name, branch)).collect();
    if about.is_empty() {
        return Fact::Absent;
    }
    let mut exempt: Vec<String> = about.iter().flat_map(|it| &it.push_access_levels).filter_map(Level::names).collect();
    if about.iter().any(|it| it.allow_force_push) {
        exempt.push("whoever may force-push".to_owned());
    }
    exempt.sort();
    exempt.dedup();
    let rules = of_plan::<Rule>(client, &format!("{}/approval_rules", project.path()), plan, Plan::Premium).await;
    let reviews = match rules {
        // On that plan an approval can be given, and is needed of nobody.
        Ok(None) => Fact::Known(0),
        Ok(Some(rules)) => {
            let is_about = |rule: &&Rule| {
                rule.protected_branches.is_empty() || rule.protected_branches.iter().any(|it| fits(&it.name, branch))
            };
            Fact::Known(rules.iter().filter(is_about).map(|rule| rule.approvals_required).max().unwrap_or(0))
        }
        Err(fault) => fault.unavailable(),
    };
    Fact::Known(Protection { reviews, exempt: Fact::Known(exempt) })
}

/// Whose approval counts by the project's settings; absent: the plan needs nobody's.
pub(super) async fn review(client: &Client, project: &Project, plan: &Fact<Plan>) -> Fact<Review> {
    #[derive(Deserialize)]
    struct Settings {
        merge_requests_author_approval: Option<bool>,
        merge_requests_disable_committers_approval: Option<bool>,
        reset_approvals_on_push: Option<bool>,
    }
    if plan.known().is_some_and(|plan| *plan < Plan::Premium) {
        return Fact::Absent;
    }
    let settings = match client.get::<Settings>(&format!("{}/approvals", project.path())).await {
        Ok(settings) => settings,
        Err(fault) => return fault.unavailable(),
    };
    match (
        settings.merge_requests_author_approval,
        settings.merge_requests_disable_committers_approval,
        settings.reset_approvals_on_push,
    ) {
        (Some(by_author), Some(bars_committers), Some(resets)) => {
            Fact::Known(Review { by_author, by_committers: !bars_committers, outlasts_push: !resets })
        }
        _ => Fact::Unavailable("GitLab does not say whose approvals count".into()),
    }
}
