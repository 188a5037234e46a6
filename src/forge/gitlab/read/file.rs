//! A file as the default branch has it, or a branch that is protected.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Project, escaped, is_commit};
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::forge::{File, Tip};

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
    #[serde(default)]
    developers_can_push: bool,
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

/// What a branch has, where it is protected from those who are no more than developers.
pub(in crate::forge::gitlab) async fn protected(
    client: &Client,
    repository: &str,
    branch: Option<&str>,
) -> Result<Tip, Fault> {
    let project = Project::find(client, repository).await?;
    let branch = branch.map(str::to_owned).or_else(|| project.default_branch.clone());
    let branch = branch.ok_or_else(|| unread(&project.path_with_namespace, "it has no branch yet"))?;
    let found: Branch = client.get(&branch_of(&project, &branch)).await?;
    if !found.protected || found.developers_can_push {
        let says = "it is not protected, so that whoever may push could have written what it has; let maintainers alone merge and nobody push there";
        return Err(unread(&format!("branch `{branch}` of {}", project.path_with_namespace), says));
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
