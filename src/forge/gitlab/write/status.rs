//! A status of a commit. Anybody who develops in the project can set one, so that it tells people something and holds nothing.
//!
//! GitLab makes a new one of every status that has ended, and shows the last of each name.

use serde_json::{Value, json};

use crate::forge::gitlab::client::{Client, Fault, Method};
use crate::forge::gitlab::read::{Project, runs};
use crate::forge::talk::Notice;
use crate::forge::{Waiting, Why};
use crate::model::notable::shortened;
use crate::report::proposal::Standing;

/// How many bytes a description has at most.
const DESCRIPTION: usize = 255;
/// What our statuses are called.
const NAME: &str = "countersign";

/// How something stands. There is no state that asks nothing, and one that has not ended keeps a pipeline running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It goes, or nothing stands in its way here.
    Success,
    /// It does not.
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// Where a status leads whoever clicks it.
fn leads(status: &mut Value, page: Option<&str>) {
    if let (Some(page), Some(status)) = (page, status.as_object_mut()) {
        status.insert("target_url".to_owned(), json!(page));
    }
}

async fn tell(client: &Client, project: &Project, commit: &str, body: &Value) -> Result<(), Fault> {
    client.write(Method::POST, &format!("{}/statuses/{commit}", project.path()), body).await
}

/// Says of a deployment that waits how it stands, in its own pipeline.
pub(super) async fn of_deployment(
    client: &Client,
    project: &Project,
    waiting: &Waiting,
    state: State,
    why: Why<'_>,
) -> Result<(), Fault> {
    let Some(run) = runs::started(client, project, waiting).await? else { return Ok(()) };
    let name = format!("{NAME}/{}", waiting.environment);
    let mut body = json!({"state": state.word(), "name": name, "pipeline_id": waiting.run,
        "description": shortened(why.sentence, DESCRIPTION)});
    leads(&mut body, why.page);
    tell(client, project, &run.commit, &body).await
}

/// Says of a change what its release would need. Doing so twice is doing so once, for whoever looks.
pub async fn show(client: &Client, repository: &str, notice: &Notice) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    let state = match notice.standing {
        // What merely tells something must not keep anybody from merging.
        Standing::Met | Standing::Told => State::Success,
        Standing::NobodyLeft => State::Failed,
    };
    let mut body = json!({"state": state.word(), "name": NAME, "description": shortened(&notice.title, DESCRIPTION)});
    leads(&mut body, notice.page.as_deref());
    tell(client, &project, &notice.commit, &body).await
}
