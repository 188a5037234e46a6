//! What the fake GitLab holds: a project with its commits, merge requests, events, deployments and groups; and what people
//! do there, within what GitLab lets them do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::github::world::{World as Git, address, sha};

pub const PROJECT: &str = "acme/shop";
pub const PROJECT_ID: u64 = 77;

/// What is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    Free,
    #[default]
    Premium,
}

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub author: String,
    pub state: String,
    pub assignees: Vec<String>,
    /// Head, base and instant, the oldest first.
    pub versions: Vec<(String, String, String)>,
    pub merge_commit: Option<String>,
    pub squash_commit: Option<String>,
    pub merged_at: Option<String>,
    pub source: Option<u64>,
    /// Who approved, and when.
    pub approvals: Vec<(String, String)>,
    pub reviewers: Vec<(String, String)>,
    pub notes: Vec<Value>,
    /// Files of which the lines are not shown.
    pub collapsed: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: u64,
    pub environment: String,
    pub commit: String,
    pub status: String,
    pub at: String,
    pub by: String,
    /// Whose job it is; 0 where somebody wrote it into the list.
    pub pipeline: u64,
    /// Who voted, how and when.
    pub votes: Vec<(String, String, String)>,
}

#[derive(Clone, Debug)]
pub struct Pipeline {
    pub id: u64,
    pub commit: String,
    pub branch: String,
    pub by: String,
    pub source: String,
    pub at: String,
}

/// A push: instant, account, before, after. One of many branches has neither.
#[derive(Clone, Debug)]
pub struct Push {
    pub at: String,
    pub by: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub project: u64,
    pub branch: String,
}

/// A rule of approvals: of one person, or of a group.
#[derive(Clone, Debug)]
pub struct Rule {
    pub person: Option<String>,
    pub group: Option<String>,
    pub required: u64,
}

impl Rule {
    pub fn of(person: &str) -> Self {
        Self { person: Some(person.to_owned()), group: None, required: 1 }
    }

    pub fn of_group(group: &str, required: u64) -> Self {
        Self { person: None, group: Some(group.to_owned()), required }
    }

    /// The name that GitLab shows of whom it names: of a person that by which people call him, and no login.
    pub fn name(&self) -> String {
        self.person.as_ref().map_or_else(|| self.group.clone().unwrap(), |login| format!("{login} the account"))
    }
}

/// One who is in a group: login, access level, since when.
pub type Member = (String, u64, String);

#[derive(Debug, Default)]
pub struct World {
    /// Commits and accounts, which are as anywhere.
    pub git: Git,
    pub plan: Plan,
    pub requests: BTreeMap<u64, Request>,
    pub pushes: Vec<Push>,
    pub groups: BTreeMap<String, Vec<Member>>,
    pub pipelines: Vec<Pipeline>,
    /// The jobs that ask for something under their tokens, by their numbers: of which pipeline, and how they are.
    pub jobs: BTreeMap<String, (u64, String)>,
    pub deployments: Vec<Deployment>,
    /// Environments that are protected, with how many approvals each needs.
    pub protected: BTreeMap<String, u64>,
    /// Who has to approve what goes into an environment.
    pub rules: BTreeMap<String, Vec<Rule>>,
    /// As whom somebody voted on a deployment, where he said so.
    pub represented: BTreeMap<(u64, String), String>,
    /// The deployments whose jobs were played: by whom, and when.
    pub played: BTreeMap<u64, (String, String)>,
    /// The statuses of commits, the oldest first.
    pub statuses: Vec<Value>,
    /// The webhooks: their number, where they deliver to, and how they are.
    pub hooks: Vec<(u64, String, String)>,
    /// The lines of notes by which GitLab did something in their writers' names.
    pub quick: Vec<String>,
    /// The notes that somebody put a thumb under.
    pub thumbs: Vec<u64>,
    /// Whether a push resets the approvals of a merge request.
    pub resets: bool,
    /// Whether the server tells since when somebody approved, as newer ones do.
    pub tells_when: bool,
    /// Who shows his address to everybody.
    pub public: Vec<String>,
    /// The variables that pipelines were started with.
    pub variables: Vec<(u64, String)>,
    /// Those that somebody gave the job of a deployment.
    pub given: Vec<(u64, String)>,
    /// Whom somebody is to the project, where that is no developer (30): 10 is a guest, 20 a reporter, 0 nobody.
    pub places: BTreeMap<String, u64>,
    /// Accounts that are blocked.
    pub blocked: Vec<String>,
    /// Whom the token's owner is to the project: 20 reports, 40 maintains.
    pub role: u64,
    pub messages: BTreeMap<String, String>,
    /// What a commit has in the place of the other contents, by its name and the file's path.
    pub had: BTreeMap<(String, String), String>,
    /// Who plays whatever waits for that as soon as it does.
    pub hasty: Option<String>,
    /// The rules by which branches are protected, as REST has them.
    pub protections: Vec<Value>,
}

impl World {
    /// Whether developers, by their level alone, may do something to a branch that rules are of; none, where it is not protected.
    pub fn developers_can(&self, what: &str, branch: &str) -> Option<bool> {
        let of: Vec<&Value> =
            self.protections.iter().filter(|rule| rule["name"] == branch || rule["name"] == "*").collect();
        let level = |rule: &&Value| rule[what].as_array().unwrap().iter().any(|it| it["access_level"] == 30);
        (!of.is_empty()).then(|| of.iter().any(level))
    }

    /// The commit of a name as git finds it: by its own digits, then a tag's, then a branch's.
    pub fn resolved(&self, name: &str) -> Option<String> {
        let by_itself = self.git.commits.contains_key(name).then(|| name.to_owned());
        let of = |kind: &str| self.git.branches.get(&format!("refs/{kind}/{name}")).cloned();
        by_itself.or_else(|| of("tags")).or_else(|| of("heads"))
    }

    pub fn id(&self, login: &str) -> u64 {
        self.git.users.get(login).unwrap_or_else(|| panic!("nobody is {login}")).1
    }

    /// Whom an account is to the project.
    pub fn place(&self, login: &str) -> u64 {
        self.places.get(login).copied().unwrap_or(30)
    }

    /// An account as it stands beside what it did.
    pub fn basic(&self, login: &str) -> Value {
        if login == "ghost" {
            return json!({"id": 1, "username": "ghost", "name": "Ghost User", "state": "active"});
        }
        let state = if self.blocked.iter().any(|it| it == login) { "blocked" } else { "active" };
        json!({"id": self.id(login), "username": login, "name": login, "state": state})
    }

    pub fn message(&mut self, short: &str, text: &str) {
        self.messages.insert(sha(short), text.to_owned());
    }

    /// Somebody pushes: an event, and a version of the merge request whose branch it is.
    pub fn push(&mut self, at: &str, by: &str, before: &str, after: &str, request: Option<(u64, &str)>) {
        self.pushes.push(Push {
            at: at.to_owned(),
            by: by.to_owned(),
            before: (before != "0").then(|| sha(before)),
            after: Some(sha(after)),
            project: PROJECT_ID,
            branch: "topic".to_owned(),
        });
        if let Some((number, base)) = request {
            let resets = self.resets;
            let request = self.requests.get_mut(&number).unwrap();
            request.versions.push((sha(after), sha(base), at.to_owned()));
            if resets {
                request.approvals.clear();
            }
        }
    }

    /// Somebody pushes many branches at once.
    pub fn push_many(&mut self, at: &str, by: &str) {
        let (at, by) = (at.to_owned(), by.to_owned());
        self.pushes.push(Push { at, by, before: None, after: None, project: PROJECT_ID, branch: String::new() });
    }

    /// Somebody opens a merge request whose branch was pushed before.
    pub fn open(&mut self, number: u64, author: &str, base: &str, head: &str, at: &str) {
        let request = Request {
            author: author.to_owned(),
            state: "opened".to_owned(),
            versions: vec![(sha(head), sha(base), at.to_owned())],
            source: Some(PROJECT_ID),
            ..Request::default()
        };
        self.requests.insert(number, request);
    }

    /// Somebody presses the button that squashes and merges: GitLab writes the commit down with his address, and pushes.
    pub fn squash(&mut self, number: u64, by: &str, into: &str, as_commit: &str, at: &str) {
        self.git.edit(as_commit, |commit| by.clone_into(&mut commit.committer));
        let request = self.requests.get_mut(&number).unwrap();
        assert_eq!(request.state, "opened", "only an open merge request is merged");
        "merged".clone_into(&mut request.state);
        request.squash_commit = Some(sha(as_commit));
        request.merged_at = Some(at.to_owned());
        self.push(at, by, into, as_commit, None);
        "main".clone_into(&mut self.pushes.last_mut().unwrap().branch);
    }

    /// Somebody presses the button, and the branch is moved on to the head without a commit of its own.
    pub fn fast_forward(&mut self, number: u64, by: &str, from: &str, to: &str, at: &str) {
        let request = self.requests.get_mut(&number).unwrap();
        "merged".clone_into(&mut request.state);
        request.merged_at = Some(at.to_owned());
        self.push(at, by, from, to, None);
        "main".clone_into(&mut self.pushes.last_mut().unwrap().branch);
    }

    /// Somebody approves a merge request: once, and not his own.
    pub fn approve(&mut self, number: u64, by: &str, at: &str) -> Result<(), &'static str> {
        let request = self.requests.get_mut(&number).unwrap();
        if request.author == by {
            return Err("401: authors do not approve what they opened");
        }
        if request.approvals.iter().any(|(who, _)| who == by) {
            return Err("401: he approved already");
        }
        request.approvals.push((by.to_owned(), at.to_owned()));
        self.note(number, by, "approved this merge request", at)["system"] = json!(true);
        Ok(())
    }

    pub fn note(&mut self, number: u64, by: &str, body: &str, at: &str) -> &mut Value {
        let author = self.basic(by);
        let notes = &mut self.requests.get_mut(&number).unwrap().notes;
        let id = number * 100 + notes.len() as u64;
        notes.push(
            json!({"id": id, "body": body, "author": author, "created_at": at, "updated_at": at, "system": false,
            "noteable_type": "MergeRequest"}),
        );
        notes.last_mut().unwrap()
    }

    /// Somebody votes on a deployment: once, where the plan has it and the environment asks, and not whoever started it.
    pub fn vote(&mut self, id: u64, by: &str, status: &str, at: &str) -> Result<(), &'static str> {
        let deployment = self.deployments.iter_mut().find(|it| it.id == id).unwrap();
        if self.plan == Plan::Free || !self.protected.contains_key(&deployment.environment) {
            return Err("404: nothing to approve");
        }
        if deployment.by == by {
            return Err("403: whoever started a deployment does not approve it");
        }
        if deployment.votes.iter().any(|(who, ..)| who == by) {
            return Err("400: one vote a user");
        }
        deployment.votes.push((by.to_owned(), status.to_owned(), at.to_owned()));
        self.settle(id);
        Ok(())
    }

    /// Whom a vote counts for in a rule: in as many as name him, or in the one that he named.
    fn counts(&self, id: u64, rule: &Rule, voter: &str) -> bool {
        let named = match (&rule.person, &rule.group) {
            (Some(person), _) => person == voter,
            (None, Some(group)) => self.groups[group].iter().any(|(login, ..)| login == voter),
            (None, None) => false,
        };
        named && self.represented.get(&(id, voter.to_owned())).is_none_or(|name| *name == rule.name())
    }

    /// How many approvals of a deployment are missing.
    pub fn missing(&self, it: &Deployment) -> u64 {
        let rules = self.rules.get(&it.environment).map(Vec::as_slice).unwrap_or_default();
        let missing = |rule: &Rule| {
            let cast = it.votes.iter().filter(|(who, status, _)| status == "approved" && self.counts(it.id, rule, who));
            rule.required.saturating_sub(cast.count() as u64)
        };
        rules.iter().map(missing).sum()
    }

    /// A deployment that has all votes waits for somebody who plays it; one that was rejected has failed.
    fn settle(&mut self, id: u64) {
        let it = self.deployments.iter().find(|it| it.id == id).unwrap();
        let rejected = it.votes.iter().any(|(_, status, _)| status == "rejected");
        let ready = self.rules.contains_key(&it.environment) && self.missing(it) == 0;
        let it = self.deployments.iter_mut().find(|it| it.id == id).unwrap();
        if it.status == "blocked" && rejected {
            "failed".clone_into(&mut it.status);
        } else if it.status == "blocked" && ready {
            "created".clone_into(&mut it.status);
        }
    }

    /// A commit as REST has it: addresses, and no account.
    pub fn commit(&self, name: &str) -> Value {
        let commit = &self.git.commits[name];
        let number = |login: &str| self.git.users.get(login).map_or(0, |(_, number)| *number);
        let mail = |login: &String| address(login, number(login));
        json!({
            "id": name, "parent_ids": commit.parents, "title": "a change",
            "message": self.messages.get(name).map_or("a change", String::as_str),
            "author_name": commit.author, "author_email": mail(&commit.author),
            "committer_name": commit.committer, "committer_email": mail(&commit.committer),
        })
    }

    /// A merge request as REST has it.
    pub fn request(&self, number: u64) -> Value {
        let request = &self.requests[&number];
        json!({
            "iid": number, "state": request.state, "author": self.basic(&request.author),
            "assignees": request.assignees.iter().map(|login| self.basic(login)).collect::<Vec<_>>(),
            "sha": request.versions.last().unwrap().0, "merge_commit_sha": request.merge_commit,
            "squash_commit_sha": request.squash_commit, "merged_at": request.merged_at,
            "updated_at": request.notes.last().map_or_else(|| request.versions.last().unwrap().2.clone(), |it| it["updated_at"].as_str().unwrap().to_owned()),
            "target_project_id": PROJECT_ID, "target_branch": "main", "source_project_id": request.source,
        })
    }

    /// The merge requests that a commit is a part of.
    pub fn of_commit(&self, name: &str) -> Vec<Value> {
        let has = |request: &Request| {
            let listed = |(head, base, _): &(String, String, String)| {
                self.git.between(base, head).is_some_and(|commits| commits.iter().any(|it| it == name))
            };
            request.versions.iter().any(listed)
                || [&request.merge_commit, &request.squash_commit].into_iter().flatten().any(|it| it == name)
        };
        self.requests.iter().filter(|(_, request)| has(request)).map(|(number, _)| self.request(*number)).collect()
    }

    /// What a merge request changes, as its last version has it.
    pub fn diffs(&self, number: u64) -> Vec<Value> {
        let request = &self.requests[&number];
        let (head, base, _) = request.versions.last().unwrap();
        let diff = |file: String| {
            let hidden = request.collapsed.contains(&file);
            json!({"old_path": file, "new_path": file, "diff": if hidden { "" } else { "@@ -1 +1 @@\n-a\n+b\n" },
                "renamed_file": false, "collapsed": hidden, "too_large": false, "a_mode": "100644", "b_mode": "100644"})
        };
        self.git.between_files(base, head).into_iter().map(diff).collect()
    }

    pub fn deployment(&self, it: &Deployment) -> Value {
        let pipeline = json!({"id": it.pipeline, "sha": it.commit});
        let played = self.played.get(&it.id);
        let (by, began) = played.map_or((&it.by, &it.at), |(by, at)| (by, at));
        let job = match it.status.as_str() {
            "blocked" | "created" => "manual",
            other => other,
        };
        // What was rejected never began.
        let went =
            !matches!(it.status.as_str(), "blocked" | "created") && !it.votes.iter().any(|it| it.1 == "rejected");
        let time = |is: bool| if is { json!(began) } else { Value::Null };
        let mut deployment = json!({
            "id": it.id, "sha": it.commit, "status": it.status, "created_at": it.at, "updated_at": began,
            "environment": {"name": it.environment}, "user": self.basic(&it.by),
            "deployable": {"id": it.id * 10, "status": job, "user": self.basic(by), "started_at": time(went),
                "finished_at": time(went && it.status != "running"), "pipeline": pipeline},
        });
        // What somebody wrote into the list no job is.
        if it.pipeline == 0 {
            deployment["deployable"] = Value::Null;
        }
        deployment
    }

    /// The same with who voted, where the plan has that.
    pub fn deployment_with_votes(&self, it: &Deployment) -> Value {
        let mut deployment = self.deployment(it);
        if self.plan > Plan::Free {
            let vote = |(who, status, at): &(String, String, String)| json!({"user": self.basic(who), "status": status, "created_at": at, "comment": ""});
            deployment["approvals"] = it.votes.iter().map(vote).collect();
            deployment["pending_approval_count"] = json!(self.missing(it));
            let rules = self.rules.get(&it.environment).map(Vec::as_slice).unwrap_or_default();
            let rules: Vec<Value> = rules.iter().map(|rule| self.rule(rule)).collect();
            deployment["approval_summary"] = json!({ "rules": rules });
        }
        deployment
    }

    /// A rule as REST has it.
    pub fn rule(&self, rule: &Rule) -> Value {
        json!({"user_id": rule.person.as_ref().map(|login| self.id(login)), "group_id": rule.group.as_ref().map(|_| 500),
            "access_level": null, "access_level_description": rule.name(), "required_approvals": rule.required})
    }
}
