//! What protects a branch: its own protection, and the rulesets that are about it. Each may ask for reviews and each may
//! let some past; whoever is to be kept out is kept out by either. Each may ask for checks as well, from whom it says.

use serde::Deserialize;

use crate::forge::github::client::{Client, Fault};
use crate::forge::github::read::file::escaped;
use crate::forge::github::write::check;
use crate::model::facts::Fact;
use crate::model::posture::{Protection, Source};

#[derive(Deserialize)]
struct Branch {
    protected: bool,
}

#[derive(Deserialize)]
struct Own {
    required_pull_request_reviews: Option<Reviews>,
    enforce_admins: Option<Switch>,
    required_status_checks: Option<Statuses>,
}

#[derive(Deserialize)]
struct Statuses {
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    contexts: Vec<String>,
}

/// A check that is asked for. Without an app, or with the number -1, whoever writes it is taken for right.
#[derive(Deserialize)]
struct Check {
    context: String,
    #[serde(alias = "integration_id")]
    app_id: Option<i64>,
}

#[derive(Deserialize)]
struct Reviews {
    #[serde(default)]
    required_approving_review_count: u64,
    #[serde(default)]
    bypass_pull_request_allowances: Option<Allowances>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Allowances {
    users: Vec<Named>,
    teams: Vec<Named>,
    apps: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Switch {
    enabled: bool,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    ruleset_id: Option<u64>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    required_approving_review_count: u64,
    #[serde(default)]
    required_status_checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Ruleset {
    bypass_actors: Option<Vec<Actor>>,
}

#[derive(Deserialize)]
struct Actor {
    actor_id: Option<u64>,
    actor_type: String,
}

/// One thing that asks for reviews, and whom it lets past.
struct Guard {
    reviews: Fact<u64>,
    exempt: Fact<Vec<String>>,
}

/// What protects a branch of the repository whose path this is, and whose check it asks for under our name. `app` is the
/// App's number.
pub(super) async fn protection(
    client: &Client,
    path: &str,
    branch: &str,
    app: Option<u64>,
) -> (Fact<Protection>, Fact<Source>) {
    let name = escaped(branch);
    let (own, rules) = (
        own(client, &format!("{path}/branches/{name}")).await,
        ruled(client, path, &format!("{path}/rules/branches/{name}")).await,
    );
    let unread = |fault: &Fault| Guard { reviews: fault.unavailable(), exempt: fault.unavailable() };
    let unseen = own.as_ref().err().or(rules.as_ref().err()).map(Fault::unavailable);
    let (own, mut checks) = match own {
        Ok(own) => own.map_or((None, Vec::new()), |(guard, checks)| (Some(guard), checks)),
        Err(fault) => (Some(unread(&fault)), Vec::new()),
    };
    let rules = match rules {
        Ok((guards, more)) => {
            checks.extend(more);
            guards
        }
        Err(fault) => vec![unread(&fault)],
    };
    (together(&own.into_iter().chain(rules).collect::<Vec<_>>()), source(&checks, app, unseen))
}

/// Whose check is taken: where one place asks for ours, no other helps. `unseen` is why not all places could be read.
fn source(checks: &[Check], app: Option<u64>, unseen: Option<Fact<Source>>) -> Fact<Source> {
    let pinned = |check: &Check| check.app_id.and_then(|id| u64::try_from(id).ok());
    let named: Vec<_> = checks.iter().filter(|check| check.context == check::NAME).map(pinned).collect();
    if app.is_some() && named.contains(&app) {
        return Fact::Known(Source::Ours);
    }
    if let Some(unseen) = unseen {
        return unseen;
    }
    if named.is_empty() {
        return Fact::Absent;
    }
    match (named.iter().all(Option::is_none), app) {
        (true, _) => Fact::Known(Source::Anybody),
        (false, Some(_)) => Fact::Known(Source::Another),
        (false, None) => Fact::Unavailable("the App's number is not known; name it with `--app`".into()),
    }
}

/// The strictest of all: where one asks for reviews and lets nobody past, nothing else matters.
fn together(guards: &[Guard]) -> Fact<Protection> {
    if guards.is_empty() {
        return Fact::Absent;
    }
    let asks = |guard: &&Guard| guard.reviews.known().is_some_and(|reviews| *reviews > 0);
    let asking: Vec<&Guard> = guards.iter().filter(asks).collect();
    let most = asking.iter().filter_map(|guard| guard.reviews.known()).max();
    let Some(most) = most else {
        let unread = guards.iter().find_map(|guard| guard.reviews.unavailable());
        let reviews = unread.map_or(Fact::Known(0), |why| Fact::Unavailable(why.to_owned().into()));
        return Fact::Known(Protection { reviews, exempt: Fact::Absent });
    };
    let nobody = asking.iter().any(|guard| guard.exempt.known().is_some_and(Vec::is_empty));
    let unread = asking.iter().find_map(|guard| guard.exempt.unavailable());
    let exempt = match (nobody, unread) {
        (true, _) => Fact::Known(Vec::new()),
        (false, Some(why)) => Fact::Unavailable(why.to_owned().into()),
        // Whoever one of them keeps out is not let past by another.
        (false, None) => {
            let mut lists = asking.iter().filter_map(|guard| guard.exempt.known());
            let mut left = lists.next().cloned().unwrap_or_default();
            for list in lists {
                left.retain(|name| list.contains(name));
            }
            Fact::Known(left)
        }
    };
    Fact::Known(Protection { reviews: Fact::Known(*most), exempt })
}

/// The branch's own protection; `None` where it has none.
async fn own(client: &Client, path: &str) -> Result<Option<(Guard, Vec<Check>)>, Fault> {
    let branch: Branch = client.get(path).await?;
    if !branch.protected {
        return Ok(None);
    }
    // GitHub answers alike where rulesets alone protect it and where this token may not see how it is protected.
    client.get::<Own>(&format!("{path}/protection")).await.map(|own| Some(guard(own)))
}

fn guard(mut own: Own) -> (Guard, Vec<Check>) {
    let anybodys = |context: String| Check { context, app_id: None };
    let checks = own.required_status_checks.take().map_or_else(Vec::new, |asked| {
        if asked.checks.is_empty() { asked.contexts.into_iter().map(anybodys).collect() } else { asked.checks }
    });
    (asking(own), checks)
}

fn asking(own: Own) -> Guard {
    let Some(reviews) = own.required_pull_request_reviews else {
        return Guard { reviews: Fact::Known(0), exempt: Fact::Absent };
    };
    let allowed = reviews.bypass_pull_request_allowances.unwrap_or_default();
    let named = allowed.users.into_iter().chain(allowed.teams).chain(allowed.apps);
    let mut exempt: Vec<String> = named.filter_map(|it| it.login.or(it.slug)).collect();
    let bound = own.enforce_admins.map(|switch| switch.enabled);
    if bound == Some(false) {
        exempt.push("administrators".to_owned());
    }
    let exempt = match bound {
        Some(_) => Fact::Known(exempt),
        None => Fact::Unavailable("GitHub does not say whether administrators are bound".into()),
    };
    Guard { reviews: Fact::Known(reviews.required_approving_review_count), exempt }
}

/// The rulesets that ask for a pull request on the branch, and the checks that any of them asks for.
async fn ruled(client: &Client, path: &str, rules: &str) -> Result<(Vec<Guard>, Vec<Check>), Fault> {
    let (mut found, mut checks) = (Vec::new(), Vec::new());
    for rule in client.list::<Rule>(rules).await?.into_entries() {
        if rule.kind == "required_status_checks" {
            checks.extend(rule.parameters.into_iter().flat_map(|parameters| parameters.required_status_checks));
            continue;
        }
        if rule.kind != "pull_request" {
            continue;
        }
        let reviews = rule.parameters.map_or(0, |parameters| parameters.required_approving_review_count);
        let exempt = match rule.ruleset_id {
            Some(id) => exempt(client.get(&format!("{path}/rulesets/{id}")).await),
            None => Fact::Unavailable("GitHub does not say of which ruleset the rule is".into()),
        };
        found.push(Guard { reviews: Fact::Known(reviews), exempt });
    }
    Ok((found, checks))
}

/// Whom a ruleset lets past. GitHub leaves that out for whoever may not change the ruleset.
fn exempt(ruleset: Result<Ruleset, Fault>) -> Fact<Vec<String>> {
    let actors = match ruleset {
        Ok(Ruleset { bypass_actors: Some(actors) }) => actors,
        Ok(Ruleset { bypass_actors: None }) => {
            return Fact::Unavailable(
                "GitHub does not say whom the branch's ruleset lets past; ask with an administrator's token".into(),
            );
        }
        Err(fault) => return fault.unavailable(),
    };
    let name = |actor: Actor| match (actor.actor_type.as_str(), actor.actor_id) {
        ("OrganizationAdmin", _) => "the organisation's owners".to_owned(),
        // GitHub's number for administrators of a repository.
        ("RepositoryRole", Some(5)) => "administrators".to_owned(),
        ("DeployKey", _) => "deploy keys".to_owned(),
        (kind, Some(id)) => format!("{kind} {id}"),
        (kind, None) => kind.to_owned(),
    };
    Fact::Known(actors.into_iter().map(name).collect())
}
