//! A check on a commit, with buttons.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{By, TEXT, at_most, is_ours};
use crate::forge::github::client::{Client, Fault, Method};
use crate::forge::github::read::Repository;
use crate::forge::talk::Notice;
use crate::report::proposal;

/// How many buttons a check has at most, and how long their texts are.
const BUTTONS: usize = 3;
const LABEL: usize = 20;
const DESCRIPTION: usize = 40;
const IDENTIFIER: usize = 20;

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it, in 20 bytes.
    pub label: String,
    /// What it does, in 40 bytes.
    pub description: String,
    /// What it is called when it is pressed, in 20 bytes.
    pub identifier: String,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not decided.
    Open,
    /// What it asks is met.
    Success,
    /// It is not.
    Failure,
    /// Somebody has to do something.
    ActionRequired,
    /// It says something and asks nothing.
    Neutral,
}

impl Standing {
    fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Open => ("in_progress", None),
            Self::Success => ("completed", Some("success")),
            Self::Failure => ("completed", Some("failure")),
            Self::ActionRequired => ("completed", Some("action_required")),
            Self::Neutral => ("completed", Some("neutral")),
        }
    }
}

impl From<proposal::Standing> for Standing {
    fn from(standing: proposal::Standing) -> Self {
        match standing {
            proposal::Standing::Met => Self::Success,
            proposal::Standing::Told => Self::Neutral,
            proposal::Standing::NobodyLeft => Self::ActionRequired,
        }
    }
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// The key by which it is found again.
    pub key: String,
    /// How it stands.
    pub standing: Standing,
    /// The headline.
    pub title: String,
    /// The summary, Markdown.
    pub summary: String,
    /// The page that tells more.
    pub page: Option<String>,
    /// The buttons; GitHub shows three.
    pub buttons: Vec<Button>,
}

#[derive(Deserialize)]
struct Made {
    id: u64,
    external_id: Option<String>,
    app: Option<By>,
}

#[derive(Deserialize)]
struct Page {
    check_runs: Vec<Made>,
}

/// A button that GitHub would not take as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the button `{0}` has more than 20 bytes of label or identifier, or 40 of description")]
pub struct TooLong(String);

impl Button {
    /// A button within GitHub's limits. None is cut: half a word on a button is worse than a fault.
    pub fn new(label: &str, description: &str, identifier: &str) -> Result<Self, TooLong> {
        if label.len() > LABEL || description.len() > DESCRIPTION || identifier.len() > IDENTIFIER {
            return Err(TooLong(label.to_owned()));
        }
        Ok(Self { label: label.to_owned(), description: description.to_owned(), identifier: identifier.to_owned() })
    }
}

fn body(check: &Check) -> Value {
    let (status, conclusion) = check.standing.words();
    let button = |it: &Button| json!({"label": it.label, "description": it.description, "identifier": it.identifier});
    let mut body = json!({
        "name": check.name,
        "external_id": check.key,
        "status": status,
        "output": {"title": at_most(&check.title, 255), "summary": at_most(&check.summary, TEXT)},
        "actions": check.buttons.iter().take(BUTTONS).map(button).collect::<Vec<_>>(),
    });
    if let Some(map) = body.as_object_mut() {
        if let Some(conclusion) = conclusion {
            map.insert("conclusion".to_owned(), json!(conclusion));
        }
        if let Some(page) = &check.page {
            map.insert("details_url".to_owned(), json!(page));
        }
    }
    body
}

/// The check of this key on its commit, if our App made one.
async fn find(client: &Client, repository: &Repository, check: &Check) -> Result<Option<u64>, Fault> {
    let path = format!("/repos/{}/commits/{}/check-runs?filter=all", repository.path(), check.commit);
    let (found, _) = client.list_in(&path, |mut page: Page| (std::mem::take(&mut page.check_runs), page)).await?;
    let ours = |it: &&Made| it.external_id.as_deref() == Some(&check.key) && is_ours(client, it.app.as_ref());
    Ok(found.entries().iter().find(ours).map(|it| it.id))
}

/// Makes a check, and says its number.
pub async fn make(client: &Client, repository: &Repository, check: &Check) -> Result<u64, Fault> {
    let path = format!("/repos/{}/check-runs", repository.path());
    let mut body = body(check);
    if let Some(map) = body.as_object_mut() {
        map.insert("head_sha".to_owned(), json!(check.commit));
    }
    let made = match client.write::<Made>(Method::POST, &path, &body).await {
        Err(fault) if fault.leaves_doubt() => match find(client, repository, check).await? {
            Some(id) => return Ok(id),
            None => client.write::<Made>(Method::POST, &path, &body).await?,
        },
        done => done?,
    };
    made.map(|made| made.id).ok_or_else(|| super::unreadable(&path, "it does not say what was made"))
}

/// Brings a check up to date. Doing so twice is doing so once.
pub async fn update(client: &Client, repository: &Repository, number: u64, check: &Check) -> Result<(), Fault> {
    let path = format!("/repos/{}/check-runs/{number}", repository.path());
    client.write_again::<Value>(Method::PATCH, &path, &body(check)).await.map(|_| ())
}

/// What our check is called on a pull request.
pub(in crate::forge::github) const NAME: &str = "countersign";

/// Shows a check, one for its key. Where it may have been shown before, it is looked for, and brought up to date.
pub async fn show(client: &Client, repository: &Repository, notice: &Notice, again: bool) -> Result<(), Fault> {
    let check = Check {
        name: NAME.to_owned(),
        commit: notice.commit.clone(),
        key: notice.key.clone(),
        standing: notice.standing.into(),
        title: notice.title.clone(),
        summary: notice.text.clone(),
        page: notice.page.clone(),
        // One that GitHub would not take keeps no check from being shown.
        buttons: notice
            .buttons
            .iter()
            .filter_map(|it| Button::new(&it.label, &it.description, &it.identifier).ok())
            .collect(),
    };
    let there = if again { find(client, repository, &check).await? } else { None };
    match there {
        Some(number) => update(client, repository, number, &check).await,
        None => make(client, repository, &check).await.map(|_| ()),
    }
}
