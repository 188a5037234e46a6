//! A file as the default branch has it, or a branch that is protected.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Project, escaped, is_commit};
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::forge::{File, Tip};
use crate::report::neutral;

/// How many bytes a file may have.
const LARGEST: usize = 1 << 20;

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "content")]
    text: String,
    encoding: String,
    commit_id: String,
}

/// A file of the default branch; `None` where the project is read and has none. Read by the commit that the branch is at: a
/// short name is a tag's before it is a branch's, and whoever may push can make a tag.
pub(in crate::forge::gitlab) async fn of_default_branch(
    client: &Client,
    repository: &str,
    path: &str,
) -> Result<Option<File>, Fault> {
    let project = Project::find(client, repository).await?;
    let Some(branch) = project.default_branch.clone() else { return Ok(None) };
    let found: Named = client.get(&branch_of(&project, &branch)).await?;
    contents(client, &project, &found.commit.id, path).await
}

/// Where a branch stands in the interface, which takes no tag for one there.
fn branch_of(project: &Project, branch: &str) -> String {
    format!("{}/repository/branches/{}", project.path(), escaped(branch))
}

#[derive(Deserialize)]
struct Named {
    commit: Commit,
}

#[derive(Deserialize)]
struct Branch {
    protected: bool,
    developers_can_push: bool,
    developers_can_merge: bool,
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

/// The access level of those who maintain a project.
const MAINTAINER: u64 = 40;

/// A rule by which branches are protected.
#[derive(Deserialize)]
struct Protection {
    /// The branch, or a pattern with `*`.
    name: String,
    push_access_levels: Vec<Access>,
    merge_access_levels: Vec<Access>,
}

/// Whom such a rule lets.
#[derive(Deserialize)]
struct Access {
    #[serde(rename = "access_level")]
    level: Option<u64>,
    #[serde(rename = "access_level_description")]
    described: Option<String>,
    /// Those of whom it names one have no level that says who they are. Not there on plans that name nobody.
    user_id: Option<u64>,
    group_id: Option<u64>,
    deploy_key_id: Option<u64>,
}

impl Protection {
    /// Whether it may be of a branch. A pattern with several `*` is taken to be of more than it is: each rule lets somebody.
    fn covers(&self, branch: &str) -> bool {
        match (self.name.split_once('*'), self.name.rsplit_once('*')) {
            (Some((before, _)), Some((_, after))) => branch.starts_with(before) && branch.ends_with(after),
            _ => self.name == branch,
        }
    }

    /// Whom it lets that need be no maintainer.
    fn others(&self) -> impl Iterator<Item = &Access> {
        self.push_access_levels.iter().chain(&self.merge_access_levels).filter(|it| !it.is_of_maintainers())
    }
}

impl Access {
    /// Whether it lets nobody, or none but maintainers and whoever runs the server.
    fn is_of_maintainers(&self) -> bool {
        let names = self.user_id.or(self.group_id).or(self.deploy_key_id);
        names.is_none() && self.level.is_some_and(|level| level == 0 || level >= MAINTAINER)
    }

    fn words(&self) -> String {
        let words = neutral::line(self.described.as_deref().unwrap_or_default(), 100);
        if words.is_empty() { "somebody whom it does not describe".to_owned() } else { words }
    }
}

/// What a branch has, where none but maintainers may push or merge there.
pub(in crate::forge::gitlab) async fn protected(
    client: &Client,
    repository: &str,
    branch: Option<&str>,
) -> Result<Tip, Fault> {
    let project = Project::find(client, repository).await?;
    let branch = branch.map(str::to_owned).or_else(|| project.default_branch.clone());
    let branch = branch.ok_or_else(|| unread(&project.path_with_namespace, "it has no branch yet"))?;
    let found: Branch = client.get(&branch_of(&project, &branch)).await?;
    let what = format!("branch `{branch}` of {}", project.path_with_namespace);
    let open = |why: &str| {
        let says = format!("{why} could have written what it has; let maintainers alone push and merge there");
        unread(&what, &says)
    };
    if !found.protected {
        return Err(open("it is not protected, so that whoever may push"));
    }
    if found.developers_can_push || found.developers_can_merge {
        return Err(open("developers may push or merge there, so that each of them"));
    }
    // Of accounts, groups and keys that are named the branch itself does not tell.
    let rules: Vec<Protection> = client.list(&format!("{}/protected_branches", project.path())).await?;
    let rules: Vec<Protection> = rules.into_iter().filter(|it| it.covers(&branch)).collect();
    if rules.is_empty() {
        return Err(unread(&what, "it is protected, and GitLab names no rule by which it is"));
    }
    if let Some(other) = rules.iter().flat_map(Protection::others).next() {
        return Err(open(&format!(
            "it names who may push or merge there beside maintainers, so that {}",
            other.words()
        )));
    }
    Ok(Tip { branch, commit: found.commit.id })
}

/// A file of such a branch; `None` where it has none.
pub(in crate::forge::gitlab) async fn at(
    client: &Client,
    repository: &str,
    tip: &Tip,
    path: &str,
) -> Result<Option<File>, Fault> {
    let project = Project::find(client, repository).await?;
    contents(client, &project, &tip.commit, path).await
}

/// A file as a commit has it.
async fn contents(client: &Client, project: &Project, commit: &str, path: &str) -> Result<Option<File>, Fault> {
    if !is_commit(commit) {
        return Err(unread(&project.path_with_namespace, "a branch of it names no commit"));
    }
    let place = format!("{}/repository/files/{}?ref={commit}", project.path(), escaped(path));
    let found: Content = match client.get(&place).await {
        Ok(found) => found,
        // The project is there; whether its files may be seen says the commit.
        Err(Fault::NotFound { .. }) => {
            let commit = format!("{}/repository/commits/{commit}", project.path());
            client.get::<serde::de::IgnoredAny>(&commit).await?;
            return Ok(None);
        }
        Err(fault) => return Err(fault),
    };
    if found.encoding != "base64" {
        return Err(unread(&place, "it is not in base64"));
    }
    let bytes = STANDARD.decode(found.text.replace('\n', "")).map_err(|error| unread(&place, &error.to_string()))?;
    if bytes.len() > LARGEST {
        return Err(unread(&place, &format!("it has more than {LARGEST} bytes")));
    }
    Ok(Some(File { bytes, from: format!("{}:{path} at {}", project.path_with_namespace, found.commit_id) }))
}
