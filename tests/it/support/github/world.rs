//! What the fake GitHub holds: a repository with its commits, pull requests, pushes, deployments, runs and teams.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::issues::Issue;
use super::settings::Settings;

pub const REPOSITORY: &str = "acme/shop";
/// Another repository of the same owner, with nothing but issues.
pub const OPS: &str = "acme/ops";
pub const REPOSITORY_ID: u64 = 77;
pub const OWNER_ID: u64 = 65;
pub const INSTALLATION: u64 = 4711;
pub const APP: &str = "12345";

/// 40 digits that begin with these.
pub fn sha(short: &str) -> String {
    format!("{short:0<40}")
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(20).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The address of an account: that of an App as GitHub gives it.
pub fn address(login: &str, number: u64) -> String {
    match login {
        "web-flow" => "noreply@github.com".to_owned(),
        login if login.ends_with("[bot]") => format!("{number}+{login}@users.noreply.127.0.0.1"),
        login => format!("{login}@acme.example"),
    }
}

#[derive(Clone, Debug, Default)]
pub struct Commit {
    pub author: String,
    pub committer: String,
    pub co_authors: Vec<String>,
    pub parents: Vec<String>,
    /// Every file at this commit.
    pub files: BTreeMap<String, String>,
    pub date: String,
    /// Whether it goes by GitHub's name without GitHub's signature.
    pub unsigned: bool,
    /// The pull requests that brought it.
    pub pulls: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct Pull {
    pub author: String,
    pub head: String,
    pub base: String,
    pub commits: Vec<String>,
    pub merge_commit: Option<String>,
    pub merged_at: Option<String>,
    pub files: Vec<String>,
    pub lines: u64,
    pub reviews: Vec<Value>,
    pub comments: Vec<Value>,
    /// The names that moved files had before, by their present ones.
    pub moved: BTreeMap<String, String>,
    pub force_pushes: Vec<String>,
    /// What else stands on its timeline.
    pub events: Vec<Value>,
    pub assignees: Vec<String>,
    pub fork: Option<String>,
    pub title: String,
    pub labels: Vec<String>,
    /// The issues that it closes; `None` is one of a repository that we may not read.
    pub closes: Vec<Option<u64>>,
}

#[derive(Clone, Debug)]
pub struct Deployment {
    pub environment: String,
    pub commit: String,
    pub statuses: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    pub commit: String,
    pub branch: String,
    pub creator: Option<String>,
    pub event: String,
    pub created_at: String,
    /// Who said what of which environment.
    pub reviews: Vec<(String, String, String)>,
}

#[derive(Debug, Default)]
pub struct World {
    /// Logins with GitHub's type and number.
    pub users: BTreeMap<String, (String, u64)>,
    pub commits: BTreeMap<String, Commit>,
    pub branches: BTreeMap<String, String>,
    pub pulls: BTreeMap<u64, Pull>,
    /// Issues, in the numbers that pull requests leave.
    pub issues: BTreeMap<u64, Issue>,
    /// Issues of `acme/ops`, which the App is installed on where there are any.
    pub ops: BTreeMap<u64, Issue>,
    /// The oldest first: instant, before, after, type, actor; by repository.
    pub activity: BTreeMap<String, Vec<[String; 5]>>,
    pub teams: BTreeMap<String, Vec<String>>,
    /// How long a token counts that is made now; an hour, where nothing is said.
    pub token_minutes: Option<i64>,
    pub deployments: Vec<Deployment>,
    pub runs: Vec<Run>,
    /// Checks, comments, issues and deployment statuses, as they were written: the kind, and what GitHub has of it.
    pub written: Vec<(String, Value)>,
    /// Files of the default branch, with their text.
    pub contents: BTreeMap<String, String>,
    /// Those of them that are links, and whose text is the one of where they lead.
    pub links: Vec<String>,
    /// The attempt of each run that was started again, and who started it.
    pub attempts: BTreeMap<u64, (u64, String)>,
    /// When the present attempt of a run was started; when the run was made, unless it is said.
    pub started: BTreeMap<u64, String>,
    /// Who may not come into the repository.
    pub outside: Vec<String>,
    /// Who administers the repository.
    pub admins: Vec<String>,
    /// Who is suspended.
    pub suspended: Vec<String>,
    /// The state of each protection rule: run and environment, then what was said.
    pub rules: BTreeMap<(u64, String), Rule>,
    /// When deployments were made, by their names; those that are not here, in the future.
    pub made: BTreeMap<String, String>,
    /// The jobs that deploy.
    pub jobs: Vec<super::jobs::Job>,
    /// How the repository, its organisation and the App are set.
    pub settings: Settings,
    /// What was written beside a review of an environment, by the run and the review's place.
    pub beside: BTreeMap<(u64, usize), String>,
}

/// A protection rule that waits for our word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    pub reports: Vec<String>,
    pub decided: Option<(String, String)>,
}

impl World {
    /// Does something in `acme/ops`, which has other issues.
    pub fn in_ops<T>(&mut self, does: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(&mut self.issues, &mut self.ops);
        let done = does(self);
        std::mem::swap(&mut self.issues, &mut self.ops);
        done
    }

    pub fn user(&mut self, login: &str, kind: &str) -> &mut Self {
        let number = 1000 + self.users.len() as u64;
        self.users.insert(login.to_owned(), (kind.to_owned(), number));
        self
    }

    /// A commit on top of another: its files, with these changed. An empty content removes a file.
    pub fn commit(&mut self, short: &str, by: &str, parents: &[&str], changed: &[(&str, &str)]) -> String {
        let name = sha(short);
        let parents: Vec<String> = parents.iter().map(|parent| sha(parent)).collect();
        let mut files = parents.first().map_or_else(BTreeMap::new, |first| self.commits[first].files.clone());
        for (path, content) in changed {
            if content.is_empty() {
                files.remove(*path);
            } else {
                files.insert((*path).to_owned(), digest(content));
            }
        }
        let commit = Commit {
            author: by.to_owned(),
            committer: by.to_owned(),
            parents,
            files,
            date: "2026-12-01T10:00:00Z".to_owned(),
            ..Commit::default()
        };
        self.commits.insert(name.clone(), commit);
        name
    }

    pub fn edit(&mut self, short: &str, edit: impl FnOnce(&mut Commit)) {
        edit(self.commits.get_mut(&sha(short)).unwrap());
    }

    /// A pull request with these commits, squashed as `squash` by the button in the page.
    pub fn pull(&mut self, number: u64, author: &str, base: &str, commits: &[&str], squash: &str) {
        let listed: Vec<String> = commits.iter().map(|short| sha(short)).collect();
        let files = self.between_files(&sha(base), listed.last().unwrap());
        for name in [sha(squash)].iter().chain(&listed) {
            self.commits.get_mut(name).unwrap().pulls.push(number);
        }
        self.edit(squash, |commit| "web-flow".clone_into(&mut commit.committer));
        self.pulls.insert(
            number,
            Pull {
                author: author.to_owned(),
                head: listed.last().unwrap().clone(),
                base: sha(base),
                commits: listed,
                merge_commit: Some(sha(squash)),
                merged_at: Some("2026-12-02T10:00:00Z".to_owned()),
                lines: 10 * files.len() as u64,
                files,
                ..Pull::default()
            },
        );
    }

    /// A pull request with these commits that is open.
    pub fn propose(&mut self, number: u64, author: &str, base: &str, commits: &[&str]) {
        self.pull(number, author, base, commits, commits.last().unwrap());
        self.edit(commits.last().unwrap(), |commit| author.clone_into(&mut commit.committer));
        let pull = self.pulls.get_mut(&number).unwrap();
        pull.merge_commit = None;
        pull.merged_at = None;
    }

    /// The open pull requests as REST lists them.
    pub fn open_pulls(&self) -> Vec<Value> {
        let open = self.pulls.iter().filter(|(_, pull)| pull.merge_commit.is_none());
        let pull = |(number, pull): (&u64, &Pull)| {
            let said = pull.reviews.len() + pull.comments.len();
            json!({
                "number": number,
                "head": {"ref": format!("branch-{number}"), "sha": pull.head, "repo": null},
                "base": {"ref": "main", "sha": pull.base, "repo": {"default_branch": "main"}},
                "updated_at": format!("2026-11-01T10:{:02}:{:02}Z", said / 60, said % 60),
            })
        };
        open.map(pull).collect()
    }

    /// Every comment since an instant as REST lists it, those that our App wrote included.
    pub fn rest_comments(&self, since: &str) -> Vec<Value> {
        let web = |number: &str| format!("https://github.example/{REPOSITORY}/pull/{number}");
        let of = |number: &str| format!("https://github.example/api/v3/repos/{REPOSITORY}/issues/{number}");
        let mut found = Vec::new();
        for (number, pull) in &self.pulls {
            for (at, comment) in pull.comments.iter().enumerate() {
                let author = comment["author"]["login"].as_str().unwrap_or_default();
                let user = self.users.keys().find(|login| login.trim_end_matches("[bot]") == author);
                let edited = comment["lastEditedAt"].as_str().or(comment["createdAt"].as_str()).unwrap();
                found.push(json!({
                    "id": number * 1_000 + at as u64, "node_id": comment["id"], "body": comment["body"],
                    "html_url": web(&number.to_string()), "issue_url": of(&number.to_string()),
                    "user": user.map_or(Value::Null, |login| self.rest_user(login)),
                    "created_at": comment["createdAt"], "updated_at": edited, "performed_via_github_app": null,
                }));
            }
        }
        for (kind, written) in &self.written {
            let Some(number) = kind.strip_prefix("issues/").and_then(|rest| rest.strip_suffix("/comments")) else {
                continue;
            };
            found.push(json!({
                "id": 900_000 + written["id"].as_u64().unwrap(), "node_id": format!("IC_ours{}", written["id"]),
                "body": written["body"], "html_url": web(number), "issue_url": of(number),
                "user": {"login": "countersign[bot]", "id": 9, "type": "Bot"},
                "created_at": "2999-01-01T00:00:00Z", "updated_at": "2999-01-01T00:00:00Z",
                "performed_via_github_app": written["performed_via_github_app"],
            }));
        }
        found.extend(self.comments_of_issues());
        found.retain(|comment| comment["updated_at"].as_str().unwrap() >= since);
        found
    }

    /// The reviews of a pull request as REST lists them.
    pub fn rest_reviews(&self, number: u64) -> Vec<Value> {
        let review = |review: &Value| {
            json!({
                "id": 1, "node_id": review["id"], "body": review["body"], "state": review["state"],
                "user": self.rest_user(review["author"]["login"].as_str().unwrap_or_default()),
                "submitted_at": review["submittedAt"],
            })
        };
        self.pulls.get(&number).map(|pull| pull.reviews.iter().map(review).collect()).unwrap_or_default()
    }

    pub fn review(&mut self, number: u64, id: &str, by: &str, state: &str, commit: &str, at: &str) -> &mut Value {
        let tree = self.tree(&sha(commit), "").unwrap();
        let review = json!({
            "__typename": "PullRequestReview", "id": id, "author": self.actor(by), "state": state, "submittedAt": at,
            "lastEditedAt": null, "userContentEdits": [], "body": "", "commit": {"__typename": "Commit", "tree": {"__typename": "Tree", "oid": tree}},
        });
        let reviews = &mut self.pulls.get_mut(&number).unwrap().reviews;
        reviews.push(review);
        reviews.last_mut().unwrap()
    }

    pub fn comment(&mut self, number: u64, id: &str, by: &str, body: &str, at: &str) -> &mut Value {
        let comment = json!({
            "__typename": "IssueComment", "id": id, "author": self.actor(by), "body": body, "createdAt": at,
            "lastEditedAt": null, "userContentEdits": [],
        });
        let comments = &mut self.pulls.get_mut(&number).unwrap().comments;
        comments.push(comment);
        comments.last_mut().unwrap()
    }

    /// Somebody edits a comment: GitHub keeps what it said at first and what it says since, the newest first.
    pub fn edit_comment(&mut self, number: u64, id: &str, body: &str, at: &str) {
        let comments = &mut self.pulls.get_mut(&number).unwrap().comments;
        let comment = comments.iter_mut().find(|comment| comment["id"] == id).unwrap();
        let edit = |text: &Value| json!({"__typename": "UserContentEdit", "diff": text});
        let mut edits = vec![edit(&json!(body))];
        match comment["userContentEdits"].as_array() {
            Some(before) if !before.is_empty() => edits.extend(before.iter().cloned()),
            _ => edits.push(edit(&comment["body"])),
        }
        comment["userContentEdits"] = json!(edits);
        comment["body"] = json!(body);
        comment["lastEditedAt"] = json!(at);
    }

    /// Something on the timeline of a pull request.
    pub fn event(&mut self, number: u64, event: Value) {
        self.pulls.get_mut(&number).unwrap().events.push(event);
    }

    pub fn push(&mut self, at: &str, before: &str, after: &str, kind: &str, actor: &str) {
        self.push_to(REPOSITORY, at, before, after, kind, actor);
    }

    pub fn push_to(&mut self, repository: &str, at: &str, before: &str, after: &str, kind: &str, actor: &str) {
        let entry = [at.to_owned(), sha(before), sha(after), kind.to_owned(), actor.to_owned()];
        self.activity.entry(repository.to_owned()).or_default().push(entry);
    }

    /// An actor as GraphQL has it.
    pub fn actor(&self, login: &str) -> Value {
        match self.users.get(login) {
            Some((kind, _)) => json!({"__typename": kind, "login": login.trim_end_matches("[bot]")}),
            None => Value::Null,
        }
    }

    /// A user as REST has it.
    pub fn rest_user(&self, login: &str) -> Value {
        match self.users.get(login) {
            Some((kind, id)) => json!({"login": login, "id": id, "node_id": format!("U_{id}"), "type": kind}),
            None => Value::Null,
        }
    }

    /// Whom git names: GraphQL knows people and no Apps.
    pub fn git_actor(&self, login: &str) -> Value {
        let number = self.users.get(login).map_or(0, |(_, number)| *number);
        let person = self.users.get(login).is_some_and(|(kind, _)| kind == "User");
        let user = if person { json!({"__typename": "User", "login": login}) } else { Value::Null };
        json!({"__typename": "GitActor", "email": address(login, number), "user": user})
    }

    /// The git object of a path at a commit.
    pub fn tree(&self, commit: &str, path: &str) -> Option<String> {
        let files = &self.commits.get(commit)?.files;
        if let Some(blob) = files.get(path) {
            return Some(blob.clone());
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below: Vec<String> = files
            .iter()
            .filter_map(|(name, blob)| Some(format!("{}\0{blob}\n", name.strip_prefix(&prefix)?)))
            .collect();
        if below.is_empty() && !path.is_empty() { None } else { Some(digest(&below.concat())) }
    }

    /// The entries of a folder at a commit: name, object, mode, kind.
    pub fn entries(&self, commit: &str, path: &str) -> Vec<(String, String, bool)> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: BTreeMap<String, bool> = BTreeMap::new();
        for name in self.commits[commit].files.keys() {
            if let Some(rest) = name.strip_prefix(&prefix) {
                match rest.split_once('/') {
                    Some((folder, _)) => names.insert(folder.to_owned(), true),
                    None => names.insert(rest.to_owned(), false),
                };
            }
        }
        let entry = |(name, folder): (String, bool)| {
            let object = self.tree(commit, &format!("{prefix}{name}")).unwrap();
            (name, object, folder)
        };
        names.into_iter().map(entry).collect()
    }

    /// The files that differ, as REST lists them: what is gone from one place and stands in another was moved.
    pub fn listed_files(&self, base: Option<&str>, head: &str) -> Vec<Value> {
        let none = BTreeMap::new();
        let before = base.map_or(&none, |base| &self.commits[base].files);
        let after = &self.commits[head].files;
        let from = |name: &String| {
            let moved = |(old, blob): &(&String, &String)| after.get(name) == Some(blob) && !after.contains_key(*old);
            before.iter().find(moved).filter(|_| !before.contains_key(name)).map(|(old, _)| old.clone())
        };
        let moved: Vec<String> = after.keys().filter_map(from).collect();
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differs = |name: &&&String| before.get(**name) != after.get(**name) && !moved.contains(**name);
        let entry = |name: &&String| match from(name).filter(|_| after.contains_key(*name)) {
            Some(old) => json!({"filename": name, "status": "renamed", "previous_filename": old}),
            None => json!({"filename": name, "status": "modified"}),
        };
        names.iter().filter(differs).map(entry).collect()
    }

    pub fn between_files(&self, base: &str, head: &str) -> Vec<String> {
        let (before, after) = (&self.commits[base].files, &self.commits[head].files);
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
    }

    fn reach(&self, from: &str) -> Vec<String> {
        let (mut found, mut next) = (Vec::new(), vec![from.to_owned()]);
        while let Some(name) = next.pop() {
            if found.contains(&name) {
                continue;
            }
            if let Some(commit) = self.commits.get(&name) {
                next.extend(commit.parents.iter().cloned());
                found.push(name);
            }
        }
        found
    }

    /// A commit and all that it has, the newest first.
    pub fn log(&self, from: &str) -> Vec<String> {
        self.reach(from)
    }

    /// The commits of `head` that `base` does not have.
    pub fn between(&self, base: &str, head: &str) -> Option<Vec<String>> {
        if !self.commits.contains_key(base) || !self.commits.contains_key(head) {
            return None;
        }
        let known = self.reach(base);
        let mut found: Vec<String> = self.reach(head).into_iter().filter(|name| !known.contains(name)).collect();
        found.reverse();
        Some(found)
    }

    /// The newest commit that both have.
    pub fn common(&self, base: &str, head: &str) -> Option<String> {
        let both: Vec<String> = self.reach(head).into_iter().filter(|name| self.reach(base).contains(name)).collect();
        both.iter().find(|name| !both.iter().any(|other| other != *name && self.reach(other).contains(name))).cloned()
    }
}
