//! A file as the default branch has it, or a branch that is protected.
//!
//! REST answers alike where a file is not there and where it may not be seen. A policy that is not there is one that asks
//! for nothing: so GraphQL is asked, which names the commit of the default branch beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::pulls::Oid;
use super::question::First;
use super::{Repository, opening, unread};
use crate::forge::github::client::{Answer, Client, Fault};
use crate::forge::{File, Tip};

/// A file, or what else lies there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Contents {
    File { encoding: String, content: String, sha: String },
    Other(serde::de::IgnoredAny),
}

/// A file as GraphQL has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    oid: String,
    byte_size: Option<usize>,
    is_binary: Option<bool>,
    is_truncated: Option<bool>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    oid: String,
    mode: u32,
}

/// The modes of a file in git: as such, and one that can be executed. A link to a file has another.
const FILE: [u32; 2] = [0o100_644, 0o100_755];

/// The text of a file, where GraphQL has all of it, byte for byte.
fn text(answer: &Answer, blob: Blob) -> Option<String> {
    let entry: Entry = answer.part(&["repository", "tip", "entry"]).ok()?;
    let text = blob.text?;
    let whole = blob.is_binary == Some(false) && blob.is_truncated == Some(false) && blob.byte_size == Some(text.len());
    (whole && entry.oid == blob.oid && FILE.contains(&entry.mode)).then_some(text)
}

/// A file; `None` where the default branch can be read and has none. Where GraphQL does not have all of its text, REST has.
pub async fn of_default_branch(client: &Client, repository: &str, path: &str) -> Result<Option<File>, Fault> {
    let repository = Repository::parse(repository)?;
    let answer = if let Some(answer) = opening::answer(client, &repository, |it| it.file == path).await {
        answer
    } else {
        let mut question = First::default();
        question.default_branch();
        question.file(path);
        client.ask(&question.text(), &repository.variables()).await?
    };
    let tip: Oid = answer.part(&["repository", "defaultBranchRef", "target"]).map_err(|fault| match fault {
        Fault::NotFound { .. } => unread(path, "the default branch cannot be seen, and so not what it has"),
        fault => fault,
    })?;
    let blob = match answer.part::<Blob>(&["repository", "file"]) {
        Ok(blob) => blob,
        Err(Fault::NotFound { .. }) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let from = said("the default branch", &repository, &tip.oid, &blob.oid);
    if let Some(text) = text(&answer, blob) {
        return Ok(Some(File { bytes: text.into_bytes(), from }));
    }
    contents(client, &repository, "the default branch", path, &tip.oid).await.map(Some)
}

/// What a file was read from, for people.
fn said(branch: &str, repository: &Repository, commit: &str, object: &str) -> String {
    format!("{branch} of {} at {commit}, git object {object}", repository.path())
}

/// A file as a commit has it.
async fn contents(
    client: &Client,
    repository: &Repository,
    branch: &str,
    path: &str,
    commit: &str,
) -> Result<File, Fault> {
    let escaped: Vec<String> = path.split('/').map(escaped).collect();
    let place = format!("/repos/{}/contents/{}?ref={commit}", repository.path(), escaped.join("/"));
    let Contents::File { encoding, content, sha } = client.get::<Contents>(&place).await? else {
        return Err(unread(&place, "it is no file"));
    };
    // Above a megabyte GitHub leaves the content away, and says `none`.
    if encoding != "base64" {
        return Err(unread(&place, "it is larger than a megabyte"));
    }
    let packed: String = content.split_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|error| unread(&place, &error.to_string()))?;
    Ok(File { bytes, from: said(branch, repository, commit, &sha) })
}

#[derive(Deserialize)]
struct Itself {
    default_branch: String,
}

#[derive(Deserialize)]
struct Branch {
    commit: Commit,
    /// By a protection of its own; rulesets protect it as well.
    protected: bool,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Deserialize, Default)]
struct Parameters {
    #[serde(default)]
    required_approving_review_count: u64,
}

impl Rule {
    /// Whether it keeps whoever may push from changing the branch alone.
    fn keeps_out(&self) -> bool {
        self.kind == "update" || (self.kind == "pull_request" && self.parameters.required_approving_review_count > 0)
    }
}

/// What a branch has, where it is protected: by a protection of its own, or by a ruleset that asks for a review or lets
/// nobody update it. What a protection of its own asks for, the App may not read; an inspection says it.
pub async fn protected(client: &Client, repository: &str, branch: Option<&str>) -> Result<Tip, Fault> {
    let repository = Repository::parse(repository)?;
    let root = format!("/repos/{}", repository.path());
    let name = match branch {
        Some(name) => name.to_owned(),
        None => client.get::<Itself>(&root).await?.default_branch,
    };
    let found: Branch = client.get(&format!("{root}/branches/{}", escaped(&name))).await?;
    if !found.protected {
        let rules = client.list::<Rule>(&format!("{root}/rules/branches/{}", escaped(&name))).await?;
        if !rules.into_entries().iter().any(Rule::keeps_out) {
            let says =
                "it is not protected, so that whoever may push could have written what it has; require a review there";
            return Err(unread(&format!("branch `{name}` of {}", repository.path()), says));
        }
    }
    Ok(Tip { branch: name, commit: found.commit.sha })
}

/// A file of such a branch; `None` where it has none. A branch that could be read is one whose files may be seen.
pub async fn at(client: &Client, repository: &str, tip: &Tip, path: &str) -> Result<Option<File>, Fault> {
    let repository = Repository::parse(repository)?;
    match contents(client, &repository, &format!("branch `{}`", tip.branch), path, &tip.commit).await {
        Ok(file) => Ok(Some(file)),
        Err(Fault::NotFound { .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What of a part of a path stays as it is in a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A part of a path as a URL has it.
pub(in crate::forge::github) fn escaped(part: &str) -> String {
    utf8_percent_encode(part, PLAIN).to_string()
}
