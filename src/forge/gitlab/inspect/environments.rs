//! The environments of a project, with everything that keeps deployments out of them: protections of the project by an
//! environment's name, protections of a group above it by the environment's tier, and the variables that jobs read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::plan::Plan;
use super::{Project, of_plan};
use crate::forge::gitlab::client::{Client, Fault};
use crate::model::facts::Fact;
use crate::model::posture::{Deployer, Environment};

/// The scope of a variable that every job reads.
const EVERYWHERE: &str = "*";

#[derive(Deserialize)]
struct Listed {
    name: String,
    tier: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Protected {
    name: String,
    #[serde(default)]
    deploy_access_levels: Vec<Level>,
    #[serde(default)]
    approval_rules: Vec<Rule>,
}

#[derive(Clone, Deserialize)]
struct Level {
    user_id: Option<u64>,
    group_id: Option<u64>,
    access_level_description: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Rule {
    user_id: Option<u64>,
    access_level_description: Option<String>,
    #[serde(default)]
    required_approvals: u64,
}

/// A variable of the project or of a group above it.
#[derive(Debug, Deserialize)]
pub(super) struct Variable {
    key: String,
    environment_scope: Option<String>,
    protected: Option<bool>,
}

impl Variable {
    fn scope(&self) -> &str {
        self.environment_scope.as_deref().unwrap_or(EVERYWHERE)
    }

    fn is_of(&self, environment: &str) -> bool {
        self.scope() != EVERYWHERE && fits(self.scope(), environment)
    }
}

/// The variables of the project, and those of the groups above it.
pub(super) type Variables = (Result<Vec<Variable>, Fault>, Result<Vec<Variable>, Fault>);

/// Whether a name is what a pattern means, in which `*` stands for anything.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

/// The variables that jobs read.
pub(super) async fn variables(client: &Client, project: &Project) -> Variables {
    let own = client.list(&format!("{}/variables", project.path())).await;
    let mut shared = Vec::new();
    for group in project.groups() {
        match client.list::<Variable>(&format!("/groups/{group}/variables")).await {
            Ok(some) => shared.extend(some),
            Err(fault) => return (own, Err(fault)),
        }
    }
    (own, Ok(shared))
}

/// The names of those that every job reads: the project's, and its groups'.
pub(super) fn outside((own, shared): &Variables) -> (Fact<Vec<String>>, Fact<Vec<String>>) {
    let names = |read: &Result<Vec<Variable>, Fault>| match read {
        Ok(some) => {
            let all = some.iter().filter(|it| it.scope() == EVERYWHERE);
            Fact::Known(all.map(|it| it.key.clone()).collect())
        }
        Err(fault) => fault.unavailable(),
    };
    (names(own), names(shared))
}

/// Every environment of the project that is available. `own` is the number of the app's account.
pub(super) async fn all(
    client: &Client,
    project: &Project,
    own: u64,
    (plan, variables): (&Fact<Plan>, &Variables),
) -> Fact<Vec<Environment>> {
    let listed: Vec<Listed> = match client.list(&format!("{}/environments?states=available", project.path())).await {
        Ok(listed) => listed,
        Err(fault) => return fault.unavailable(),
    };
    let by_name = of_plan(client, &format!("{}/protected_environments", project.path()), plan, Plan::Premium).await;
    let by_tier = of_groups(client, project, plan).await;
    let mut names = BTreeMap::new();
    let mut found = Vec::new();
    for it in listed {
        let mut protections = Vec::new();
        let mut unread = None;
        for (read, name) in [(&by_name, Some(it.name.as_str())), (&by_tier, it.tier.as_deref())] {
            match read {
                Ok(some) => {
                    protections
                        .extend(some.iter().flatten().filter(|one: &&Protected| Some(one.name.as_str()) == name));
                }
                Err(fault) => unread = Some(fault),
            }
        }
        found.push(whole(client, project, &it.name, own, (&protections, unread, variables), &mut names).await);
    }
    Fact::Known(found)
}

/// The protections of the groups above the project, which name tiers.
async fn of_groups(client: &Client, project: &Project, plan: &Fact<Plan>) -> Result<Option<Vec<Protected>>, Fault> {
    let mut found = Vec::new();
    for group in project.groups() {
        let path = format!("/groups/{group}/protected_environments");
        found.extend(of_plan::<Protected>(client, &path, plan, Plan::Premium).await?.unwrap_or_default());
    }
    Ok(Some(found))
}

async fn whole(
    client: &Client,
    project: &Project,
    name: &str,
    own: u64,
    (protections, unread, variables): (&[&Protected], Option<&Fault>, &Variables),
    names: &mut BTreeMap<(bool, u64), Result<String, Fault>>,
) -> Environment {
    let rules = || protections.iter().flat_map(|it| &it.approval_rules);
    let ours: Vec<bool> = rules().filter(|it| it.user_id == Some(own)).map(|it| it.required_approvals > 0).collect();
    let rule = match unread {
        _ if ours.contains(&true) => Fact::Known(true),
        Some(fault) => fault.unavailable(),
        None if ours.is_empty() => Fact::Absent,
        None => Fact::Known(false),
    };
    let others = rules().filter(|it| it.user_id != Some(own));
    let reviewers: Vec<String> = others.filter_map(|it| it.access_level_description.clone()).collect();
    let own_review = match project.allow_pipeline_trigger_approve_deployment {
        _ if reviewers.is_empty() => Fact::Absent,
        Some(may) => Fact::Known(may),
        None => Fact::Unavailable("GitLab does not say whether whoever started a pipeline may approve".into()),
    };
    let (secrets, open_secrets) = inside(name, variables);
    Environment {
        name: name.to_owned(),
        // Whoever administers the server may everywhere.
        administrators_bypass: Fact::Absent,
        rule,
        reviewers,
        own_review,
        // Who may deploy is told by who they are; the policy says from which branches.
        references: None,
        secrets,
        open_secrets,
        deployers: deployers(client, own, (protections, unread), names).await,
    }
}

/// The names of an environment's own variables, and of those that jobs of every branch read.
fn inside(name: &str, (own, shared): &Variables) -> (Fact<Vec<String>>, Vec<String>) {
    match (own, shared) {
        (Ok(own), Ok(shared)) => {
            let here: Vec<&Variable> = own.iter().chain(shared).filter(|it| it.is_of(name)).collect();
            let open = here.iter().filter(|it| it.protected != Some(true)).map(|it| it.key.clone()).collect();
            (Fact::Known(here.into_iter().map(|it| it.key.clone()).collect()), open)
        }
        (Err(fault), _) | (_, Err(fault)) => (fault.unavailable(), Vec::new()),
    }
}

/// Who may deploy; absent where nothing says who may.
async fn deployers(
    client: &Client,
    own: u64,
    (protections, unread): (&[&Protected], Option<&Fault>),
    names: &mut BTreeMap<(bool, u64), Result<String, Fault>>,
) -> Fact<Vec<Deployer>> {
    if let Some(fault) = unread {
        return fault.unavailable();
    }
    if protections.is_empty() {
        return Fact::Absent;
    }
    let mut found = Vec::new();
    for level in protections.iter().flat_map(|it| &it.deploy_access_levels) {
        let deployer = match (level.user_id, level.group_id) {
            (Some(id), _) if id == own => Deployer::App,
            (Some(id), _) => match named(client, (false, id), names).await {
                Ok(login) => Deployer::Account(login),
                Err(fault) => return fault.unavailable(),
            },
            (None, Some(id)) => match named(client, (true, id), names).await {
                Ok(path) => Deployer::Group(format!("{}:{path}", super::wording::WORDING.accounts)),
                Err(fault) => return fault.unavailable(),
            },
            (None, None) => Deployer::Place(
                level
                    .access_level_description
                    .clone()
                    .unwrap_or_else(|| "somebody whom GitLab does not name".to_owned()),
            ),
        };
        if !found.contains(&deployer) {
            found.push(deployer);
        }
    }
    Fact::Known(found)
}

/// The login of an account, or the path of a group, by its number.
async fn named(
    client: &Client,
    key: (bool, u64),
    names: &mut BTreeMap<(bool, u64), Result<String, Fault>>,
) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Account {
        username: String,
    }
    #[derive(Deserialize)]
    struct Group {
        full_path: String,
    }
    if let Some(known) = names.get(&key) {
        return known.clone();
    }
    let name = match key {
        (true, id) => client.get::<Group>(&format!("/groups/{id}?with_projects=false")).await.map(|it| it.full_path),
        (false, id) => client.get::<Account>(&format!("/users/{id}")).await.map(|it| it.username),
    };
    names.insert(key, name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name) in [
            ("production", "production"),
            ("prod*", "production"),
            ("*/eu", "production/eu"),
            ("*", "x"),
            ("a*b*c", "axbyc"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("production", "production2"), ("prod*", "staging"), ("*/eu", "eu"), ("a*b*c", "acb"), ("", "x")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
