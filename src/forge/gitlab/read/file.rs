//! A file as the default branch has it, or a branch that is protected.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Project, escaped};
use crate::forge::File;
use crate::forge::gitlab::client::{Client, Fault, unread};

/// How many bytes a file may have.
const LARGEST: usize = 1 << 20;

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "content")]
    text: String,
    encoding: String,
    commit_id: String,
}

/// A file of the default branch; `None` where the project is read and has none.
pub(in crate::forge::gitlab) async fn of_default_branch(
    client: &Client,
    repository: &str,
    path: &str,
) -> Result<Option<File>, Fault> {
    let project = Project::find(client, repository).await?;
    let Some(branch) = project.default_branch.clone() else { return Ok(None) };
    contents(client, &project, &branch, path).await
}

#[derive(Deserialize)]
struct Branch {
    protected: bool,
}

/// A file of a branch, the default one where none is named; `None` where the branch is protected and has none.
pub(in crate::forge::gitlab) async fn of_protected_branch(
    client: &Client,
    repository: &str,
    branch: Option<&str>,
    path: &str,
) -> Result<Option<File>, Fault> {
    let project = Project::find(client, repository).await?;
    let branch = branch.map(str::to_owned).or_else(|| project.default_branch.clone());
    let Some(branch) = branch else { return Ok(None) };
    let found: Branch = client.get(&format!("{}/repository/branches/{}", project.path(), escaped(&branch))).await?;
    if !found.protected {
        let says = "it is not protected, so that whoever may push could have written what it has; protect it";
        return Err(unread(&format!("branch `{branch}` of {}", project.path_with_namespace), says));
    }
    contents(client, &project, &branch, path).await
}

/// A file as a branch has it.
async fn contents(client: &Client, project: &Project, branch: &str, path: &str) -> Result<Option<File>, Fault> {
    let place = format!("{}/repository/files/{}?ref={}", project.path(), escaped(path), escaped(branch));
    let found: Content = match client.get(&place).await {
        Ok(found) => found,
        // The project is there; whether its files may be seen says the branch.
        Err(Fault::NotFound { .. }) => {
            let branch = format!("{}/repository/branches/{}", project.path(), escaped(branch));
            client.get::<serde::de::IgnoredAny>(&branch).await?;
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
