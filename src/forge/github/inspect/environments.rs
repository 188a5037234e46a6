//! The environments of a repository, with everything that keeps deployments out of them.

use serde::Deserialize;

use super::{fact, names_of_secrets};
use crate::forge::github::client::{Client, Fault};
use crate::forge::github::read::file::escaped;
use crate::model::facts::Fact;
use crate::model::posture::{Environment, References};

#[derive(Deserialize)]
struct Page {
    environments: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    can_admins_bypass: Option<bool>,
    #[serde(default)]
    protection_rules: Option<Vec<Builtin>>,
    #[serde(default)]
    deployment_branch_policy: Limit,
}

/// Which branches may be deployed. `null` says that all may; older servers say nothing.
#[derive(Default)]
enum Limit {
    #[default]
    Unstated,
    None,
    By(BranchPolicy),
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::None, Self::By))
    }
}

#[derive(Deserialize)]
struct Builtin {
    #[serde(rename = "type")]
    kind: String,
    prevent_self_review: Option<bool>,
    #[serde(default)]
    reviewers: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    reviewer: Option<Reviewer>,
}

#[derive(Deserialize)]
struct Reviewer {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct BranchPolicy {
    protected_branches: bool,
    custom_branch_policies: bool,
}

#[derive(Deserialize)]
struct Policies {
    branch_policies: Vec<Policy>,
}

#[derive(Deserialize)]
struct Policy {
    name: String,
}

#[derive(Deserialize)]
struct Rules {
    custom_deployment_protection_rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    enabled: bool,
    app: By,
}

#[derive(Deserialize)]
struct By {
    id: u64,
}

/// Every environment of the repository whose path this is. `app` is the number of our App, where it is known.
pub(super) async fn all(client: &Client, path: &str, app: Option<u64>) -> Fact<Vec<Environment>> {
    let listed = client
        .list_in(&format!("{path}/environments"), |mut page: Page| (std::mem::take(&mut page.environments), page))
        .await;
    let listed = match listed {
        Ok((listed, _)) => listed.into_entries(),
        Err(fault) => return fault.unavailable(),
    };
    let mut found = Vec::new();
    for environment in listed {
        found.push(whole(client, path, app, environment).await);
    }
    Fact::Known(found)
}

async fn whole(client: &Client, path: &str, app: Option<u64>, listed: Listed) -> Environment {
    let here = format!("{path}/environments/{}", escaped(&listed.name));
    let required: Option<Vec<&Builtin>> = listed
        .protection_rules
        .as_ref()
        .map(|rules| rules.iter().filter(|rule| rule.kind == "required_reviewers").collect());
    let own_review = match required.as_deref() {
        None => Fact::Unavailable("GitHub does not say who is asked to review".into()),
        Some([]) => Fact::Absent,
        Some(rules) if rules.iter().any(|rule| rule.prevent_self_review == Some(false)) => Fact::Known(true),
        Some(rules) if rules.iter().all(|rule| rule.prevent_self_review == Some(true)) => Fact::Known(false),
        Some(_) => Fact::Unavailable("GitHub does not say whether one may review his own deployment".into()),
    };
    let asked = required.unwrap_or_default().into_iter().flat_map(|rule| &rule.reviewers);
    let reviewers = asked.filter_map(|asked| {
        let reviewer = asked.reviewer.as_ref()?;
        reviewer.login.clone().or_else(|| reviewer.slug.as_ref().map(|slug| format!("@{slug}")))
    });
    let bypass = listed
        .can_admins_bypass
        .map_or_else(|| Fact::Unavailable("GitHub does not say whether administrators may".into()), Fact::Known);
    Environment {
        administrators_bypass: bypass,
        rule: rule(client, &here, app).await,
        reviewers: reviewers.collect(),
        own_review,
        references: Some(references(client, &here, &listed.deployment_branch_policy).await),
        secrets: names_of_secrets(client, &format!("{here}/secrets")).await,
        // An environment's secrets go to whatever may be deployed there.
        open_secrets: Vec::new(),
        deployers: Fact::Absent,
        name: listed.name,
    }
}

/// Whether our App is a protection rule, and whether that is enabled. GitHub lists those that are.
async fn rule(client: &Client, here: &str, app: Option<u64>) -> Fact<bool> {
    let Some(app) = app else {
        return Fact::Unavailable("which App is ours is not known; name its number with `--app`".into());
    };
    match client.get::<Rules>(&format!("{here}/deployment_protection_rules")).await {
        Ok(rules) => {
            let ours: Vec<bool> = rules
                .custom_deployment_protection_rules
                .iter()
                .filter(|it| it.app.id == app)
                .map(|it| it.enabled)
                .collect();
            if ours.is_empty() { Fact::Absent } else { Fact::Known(ours.contains(&true)) }
        }
        Err(fault) => fault.unavailable(),
    }
}

async fn references(client: &Client, here: &str, limit: &Limit) -> Fact<References> {
    match limit {
        Limit::None => Fact::Absent,
        Limit::By(BranchPolicy { protected_branches: true, .. }) => Fact::Known(References::Protected),
        Limit::By(BranchPolicy { custom_branch_policies: true, .. }) => fact(patterns(client, here).await),
        Limit::By(_) | Limit::Unstated => {
            Fact::Unavailable("GitHub does not say which branches may be deployed".into())
        }
    }
}

async fn patterns(client: &Client, here: &str) -> Result<References, Fault> {
    let path = format!("{here}/deployment-branch-policies");
    let (listed, _) =
        client.list_in(&path, |mut page: Policies| (std::mem::take(&mut page.branch_policies), page)).await?;
    Ok(References::Matching(listed.into_entries().into_iter().map(|policy| policy.name).collect()))
}
