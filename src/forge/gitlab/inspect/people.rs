//! Who maintains a project, who administers the server, and whom the policy names.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{MAINTAINER, Project};
use crate::forge::gitlab::client::{Client, Fault};
use crate::forge::gitlab::read::escaped;
use crate::model::facts::Fact;

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
    state: Option<String>,
    access_level: Option<u64>,
    /// Only an administrator is told.
    is_admin: Option<bool>,
}

/// Whose server it is that nobody of a team administers.
const VENDOR: &str = "gitlab.com";

/// Who may change how the project is protected, but for the app's own account.
pub(super) async fn maintainers(client: &Client, project: &Project, own: u64) -> Fact<Vec<String>> {
    match client.list::<User>(&format!("{}/members/all", project.path())).await {
        Ok(members) => {
            let may =
                members.into_iter().filter(|it| it.id != own && it.access_level.is_some_and(|it| it >= MAINTAINER));
            let mut names: Vec<String> = may.map(|it| it.username).collect();
            names.sort();
            names.dedup();
            Fact::Known(names)
        }
        Err(fault) => fault.unavailable(),
    }
}

/// Who administers the server, by login. GitLab shows that to administrators alone, and lists everybody to anybody else.
pub(super) async fn overseers(client: &Client) -> Fact<Vec<String>> {
    if client.base().web() == VENDOR {
        return Fact::Absent;
    }
    let told = "GitLab tells it to administrators alone";
    match client.get::<User>("/user").await {
        Ok(User { is_admin: Some(true), .. }) => {}
        Ok(_) => return Fact::Unavailable(told.into()),
        Err(fault) => return fault.unavailable(),
    }
    match client.list::<User>("/users?admins=true&active=true").await {
        Ok(users) if users.iter().all(|it| it.is_admin == Some(true)) => {
            Fact::Known(users.into_iter().map(|it| it.username).collect())
        }
        Ok(_) => Fact::Unavailable(told.into()),
        Err(fault) => fault.unavailable(),
    }
}

/// Whether each account is there, and active.
pub(super) async fn accounts(client: &Client, logins: &[String]) -> BTreeMap<String, Fact<bool>> {
    let mut found = BTreeMap::new();
    for login in logins {
        let active = match client.list::<User>(&format!("/users?username={}", escaped(login))).await {
            Ok(users) => match users.iter().find(|it| it.username.eq_ignore_ascii_case(login)) {
                None => Fact::Absent,
                Some(User { state: Some(state), .. }) => Fact::Known(state == "active"),
                Some(_) => Fact::Unavailable("GitLab does not say whether the account is active".into()),
            },
            Err(fault) => fault.unavailable(),
        };
        found.insert(login.clone(), active);
    }
    found
}

/// Who is in each group, inherited and invited members included.
pub(super) async fn groups(client: &Client, groups: &[String]) -> BTreeMap<String, Fact<Vec<String>>> {
    let mut found = BTreeMap::new();
    for group in groups {
        let name = group.split_once(':').map(|(_, name)| name.trim_start_matches('@')).unwrap_or_default();
        let members = match client.list::<User>(&format!("/groups/{}/members/all", escaped(name))).await {
            // 5 is minimal access, which sees nothing.
            Ok(members) => {
                let counts = members.into_iter().filter(|it| it.access_level.is_some_and(|level| level > 5));
                let active = counts.filter(|it| it.state.as_deref() == Some("active"));
                let mut names: Vec<String> = active.map(|it| it.username).collect();
                names.sort();
                names.dedup();
                Fact::Known(names)
            }
            Err(Fault::NotFound { .. }) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        };
        found.insert(group.clone(), members);
    }
    found
}
