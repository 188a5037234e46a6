//! An external status check: GitLab keeps a merge request from being merged until it has passed, where the project says so. Only
//! on Ultimate, and only where a maintainer has set one up that leads to the app's address.
//!
//! One that is pending fails by itself after two minutes. So it is never left so: it says at once how the change stands.

use serde::Deserialize;
use serde_json::json;

use crate::forge::gitlab::client::{Client, Fault, Method};
use crate::forge::gitlab::read::Project;
use crate::forge::talk::Notice;
use crate::report::proposal::Standing;

#[derive(Deserialize)]
struct Check {
    id: u64,
    external_url: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    sha: Option<String>,
}

/// Answers the check of a merge request, where there is one of ours. Doing so twice is doing so once.
pub async fn answer(client: &Client, repository: &str, number: u64, notice: &Notice) -> Result<(), Fault> {
    let Some(address) = client.reached_at() else { return Ok(()) };
    let project = Project::find(client, repository).await?;
    let path = format!("{}/merge_requests/{number}", project.path());
    let checks = match client.list::<Check>(&format!("{path}/status_checks")).await {
        Ok(checks) => checks,
        // The plan has none.
        Err(Fault::NotFound { .. } | Fault::Forbidden { .. } | Fault::Unauthorised { .. }) => return Ok(()),
        Err(fault) => return Err(fault),
    };
    // What merely tells something must not keep anybody from merging.
    let status = match notice.standing {
        Standing::Met | Standing::Told => "passed",
        Standing::NobodyLeft => "failed",
    };
    for check in checks.into_iter().filter(|it| it.external_url.as_deref() == Some(address)) {
        if check.status.as_deref() == Some(status) {
            continue;
        }
        let body = json!({"sha": notice.commit, "external_status_check_id": check.id, "status": status});
        match client.write(Method::POST, &format!("{path}/status_check_responses"), &body).await {
            // It is of another head by now, of which there is more to come; or GitLab is behind, and is told again.
            Err(fault @ Fault::Refused { status: 409, .. }) => {
                let head: Head = client.get(&path).await?;
                if head.sha.as_deref() == Some(notice.commit.as_str()) {
                    return Err(fault);
                }
            }
            done => done?,
        }
    }
    Ok(())
}
