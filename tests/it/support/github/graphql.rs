//! GraphQL, as far as the client speaks it: read, checked against GitHub's schema where that is installed, answered.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::world::{self, REPOSITORY, World, sha};

#[derive(Clone, Debug)]
pub struct Field {
    pub alias: String,
    pub name: String,
    pub arguments: BTreeMap<String, Value>,
    pub selection: Vec<Selection>,
}

#[derive(Clone, Debug)]
pub enum Selection {
    Field(Field),
    On(String, Vec<Selection>),
    Fragment(String),
}

#[derive(Debug)]
pub struct Document {
    pub variables: BTreeMap<String, String>,
    pub selection: Vec<Selection>,
    pub fragments: BTreeMap<String, (String, Vec<Selection>)>,
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        if letter == '"' {
            let begin = at;
            at += 1;
            while letters[at] != '"' {
                at += if letters[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
            tokens.push(letters[begin..at].iter().collect());
        } else if letter.is_alphanumeric() || letter == '_' || letter == '-' {
            let begin = at;
            while at < letters.len() && (letters[at].is_alphanumeric() || letters[at] == '_' || letters[at] == '-') {
                at += 1;
            }
            tokens.push(letters[begin..at].iter().collect());
        } else if letters[at..].starts_with(&['.', '.', '.']) {
            tokens.push("...".to_owned());
            at += 3;
        } else {
            if !letter.is_whitespace() && letter != ',' {
                tokens.push(letter.to_string());
            }
            at += 1;
        }
    }
    tokens
}

impl Reader {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    fn expect(&mut self, token: &str) {
        let found = self.next();
        assert_eq!(found, token, "at token {} of {:?}", self.at, &self.tokens[self.at.saturating_sub(8)..self.at]);
    }

    fn value(&mut self) -> Value {
        match self.next().as_str() {
            "$" => json!({"$": self.next()}),
            "[" => {
                let mut list = Vec::new();
                while self.peek() != "]" {
                    list.push(self.value());
                }
                self.next();
                Value::Array(list)
            }
            "{" => {
                let mut map = Map::new();
                while self.peek() != "}" {
                    let name = self.next();
                    self.expect(":");
                    map.insert(name, self.value());
                }
                self.next();
                Value::Object(map)
            }
            text if text.starts_with('"') => serde_json::from_str(text).unwrap(),
            "true" => json!(true),
            "false" => json!(false),
            "null" => Value::Null,
            number if number.parse::<i64>().is_ok() => json!(number.parse::<i64>().unwrap()),
            word => json!({"enum": word}),
        }
    }

    fn selection(&mut self) -> Vec<Selection> {
        let mut found = Vec::new();
        self.expect("{");
        while self.peek() != "}" {
            if self.peek() == "..." {
                self.next();
                let word = self.next();
                found.push(if word == "on" {
                    let kind = self.next();
                    Selection::On(kind, self.selection())
                } else {
                    Selection::Fragment(word)
                });
                continue;
            }
            let mut name = self.next();
            let alias = name.clone();
            if self.peek() == ":" {
                self.next();
                name = self.next();
            }
            let mut arguments = BTreeMap::new();
            if self.peek() == "(" {
                self.next();
                while self.peek() != ")" {
                    let argument = self.next();
                    self.expect(":");
                    arguments.insert(argument, self.value());
                }
                self.next();
            }
            let selection = if self.peek() == "{" { self.selection() } else { Vec::new() };
            found.push(Selection::Field(Field { alias, name, arguments, selection }));
        }
        self.next();
        found
    }
}

/// Reads a question.
pub fn read(text: &str) -> Document {
    let mut reader = Reader { tokens: tokens(text), at: 0 };
    reader.expect("query");
    let mut variables = BTreeMap::new();
    reader.expect("(");
    while reader.peek() != ")" {
        reader.expect("$");
        let name = reader.next();
        reader.expect(":");
        let mut kind = reader.next();
        if reader.peek() == "!" {
            kind.push_str(&reader.next());
        }
        variables.insert(name, kind);
    }
    reader.next();
    let selection = reader.selection();
    let mut fragments = BTreeMap::new();
    while reader.at < reader.tokens.len() {
        reader.expect("fragment");
        let name = reader.next();
        reader.expect("on");
        let kind = reader.next();
        fragments.insert(name, (kind, reader.selection()));
    }
    Document { variables, selection, fragments }
}

impl Document {
    /// How many entries a question could list: GitHub refuses more than 500,000.
    pub fn nodes(&self) -> u64 {
        self.nodes_of(&self.selection)
    }

    fn nodes_of(&self, selection: &[Selection]) -> u64 {
        let of = |part: &Selection| match part {
            Selection::Field(field) => {
                let inner = self.nodes_of(&field.selection);
                let size = ["first", "last"].iter().find_map(|name| field.arguments.get(*name)?.as_u64());
                size.map_or(inner, |size| size * (1 + inner))
            }
            Selection::On(_, inner) => self.nodes_of(inner),
            Selection::Fragment(name) => self.nodes_of(&self.fragments[name].1),
        };
        selection.iter().map(of).sum()
    }
}

struct Answering<'w> {
    world: &'w World,
    document: &'w Document,
    variables: &'w Value,
    /// How many entries a page has at most, whatever is asked.
    page: usize,
    errors: Vec<Value>,
    /// Teams that the token may not see.
    hidden: &'w [String],
}

/// Answers a question.
pub fn answer(world: &World, document: &Document, variables: &Value, page: usize, hidden: &[String]) -> Value {
    let mut answering = Answering { world, document, variables, page, errors: Vec::new(), hidden };
    let root = json!({"__typename": "Query"});
    let data = answering.select(&root, &document.selection, &mut Vec::new());
    let mut answer = json!({"data": data});
    if !answering.errors.is_empty() {
        answer["errors"] = Value::Array(answering.errors);
    }
    answer
}

impl Answering<'_> {
    fn argument(&self, field: &Field, name: &str) -> Value {
        match field.arguments.get(name) {
            Some(Value::Object(map)) if map.contains_key("$") => self.variables[map["$"].as_str().unwrap()].clone(),
            Some(value) => value.clone(),
            None => Value::Null,
        }
    }

    fn select(&mut self, object: &Value, selection: &[Selection], path: &mut Vec<Value>) -> Value {
        let mut out = Map::new();
        self.select_into(object, selection, path, &mut out);
        Value::Object(out)
    }

    fn select_into(
        &mut self,
        object: &Value,
        selection: &[Selection],
        path: &mut Vec<Value>,
        out: &mut Map<String, Value>,
    ) {
        for part in selection {
            match part {
                Selection::On(kind, inner) if object["__typename"] == kind.as_str() => {
                    self.select_into(object, inner, path, out);
                }
                Selection::On(..) => {}
                Selection::Fragment(name) => {
                    let (kind, inner) = self.document.fragments[name].clone();
                    if object["__typename"] == kind.as_str() {
                        self.select_into(object, &inner, path, out);
                    }
                }
                Selection::Field(field) => {
                    path.push(json!(field.alias));
                    let value = self.field(object, field, path);
                    path.pop();
                    match out.get_mut(&field.alias) {
                        Some(Value::Object(before)) => {
                            if let Value::Object(more) = value {
                                before.extend(more);
                            }
                        }
                        _ => {
                            out.insert(field.alias.clone(), value);
                        }
                    }
                }
            }
        }
    }

    fn field(&mut self, object: &Value, field: &Field, path: &mut Vec<Value>) -> Value {
        let found = self.resolve(object, field, path);
        self.shape(&found, field, path)
    }

    fn shape(&mut self, found: &Value, field: &Field, path: &mut Vec<Value>) -> Value {
        if field.selection.is_empty() || found.is_null() {
            return found.clone();
        }
        match found {
            Value::Array(entries) if is_connection(field) => {
                let begin = self.argument(field, "after").as_str().map_or(0, |cursor| cursor.parse().unwrap());
                let first = self.argument(field, "first").as_u64();
                let (entries, begin, size) = if let Some(last) = self.argument(field, "last").as_u64() {
                    let from = entries.len().saturating_sub(usize::try_from(last).unwrap());
                    (entries[from..].to_vec(), 0_usize, usize::MAX)
                } else {
                    let size = first.expect("a connection says `first` or `last`");
                    assert!((1..=100).contains(&size), "at most 100 entries a page");
                    let size = usize::try_from(size).unwrap();
                    // What does not ask for pages gets its whole one.
                    let pages = field.selection.iter().any(|part| is_field(part, &["pageInfo"]));
                    (entries.clone(), begin, if pages { self.page.min(size) } else { size })
                };
                let end = entries.len().min(begin.saturating_add(size));
                let page = json!({
                    "__typename": "Connection",
                    "totalCount": entries.len(),
                    "pageInfo": {"hasNextPage": end < entries.len(), "endCursor": end.to_string()},
                    "nodes": entries[begin..end],
                });
                self.select(&page, &field.selection, path)
            }
            Value::Array(entries) => {
                let entries: Vec<Value> = entries
                    .iter()
                    .map(|entry| if entry.is_null() { Value::Null } else { self.select(entry, &field.selection, path) })
                    .collect();
                Value::Array(entries)
            }
            object => self.select(object, &field.selection, path),
        }
    }

    fn resolve(&mut self, object: &Value, field: &Field, path: &[Value]) -> Value {
        let text = |name: &str| self.argument(field, name).as_str().unwrap_or_default().to_owned();
        let kind = object["__typename"].as_str().unwrap_or_default();
        match (kind, field.name.as_str()) {
            ("Query", "repository") => {
                let asked = format!("{}/{}", text("owner"), text("name"));
                if asked.eq_ignore_ascii_case(REPOSITORY) {
                    json!({"__typename": "Repository", "nameWithOwner": REPOSITORY})
                } else if asked == world::OPS && !self.world.ops.is_empty() {
                    json!({"__typename": "Repository", "nameWithOwner": asked})
                } else {
                    self.missing("NOT_FOUND", path)
                }
            }
            ("Query", "node") => {
                let id = text("id");
                if let Some(it) = self.world.deployments.iter().find(|it| super::jobs::id(it) == id) {
                    return self.world.deployment(it);
                }
                let run = self.world.runs.iter().find(|run| id.ends_with(&format!("_{}", run.id)));
                match run {
                    Some(run) if id.starts_with("CS_") => self.world.suite(run),
                    Some(run) => self.run(run),
                    None => self.missing("NOT_FOUND", path),
                }
            }
            ("Query", "nodes") => {
                let asked = self.argument(field, "ids");
                let ids = asked.as_array().unwrap();
                assert!(ids.len() <= 100, "at most 100 nodes");
                let login = |id: &Value| {
                    let here = |number: &u64| *id == format!("U_{number}");
                    self.world.users.iter().find(|(_, (_, number))| here(number)).map(|(login, _)| login.clone())
                };
                let found: Vec<Value> =
                    ids.iter().map(|id| login(id).map_or(Value::Null, |login| self.world.actor(&login))).collect();
                for at in (0..found.len()).filter(|at| found[*at].is_null()) {
                    let path = [path, &[json!(at)]].concat();
                    self.missing("NOT_FOUND", &path);
                }
                Value::Array(found)
            }
            ("Query", "organization") => json!({"__typename": "Organization", "login": text("login")}),
            ("Query", "user") => match self.world.actor(&text("login")) {
                Value::Null => self.missing("NOT_FOUND", path),
                actor => actor,
            },
            ("Organization", "team") => {
                let name = format!("{}/{}", object["login"].as_str().unwrap(), text("slug"));
                if self.hidden.contains(&name) {
                    return self.missing("FORBIDDEN", path);
                }
                match self.world.teams.get(&name) {
                    Some(members) => {
                        let members: Vec<Value> = members.iter().map(|login| self.world.actor(login)).collect();
                        json!({"__typename": "Team", "members": members})
                    }
                    None => Value::Null,
                }
            }
            ("Repository", "object") => match self.argument(field, "expression").as_str() {
                Some("HEAD") => json!({"__typename": "Commit", "oid": self.world.branches.get("refs/heads/main")}),
                Some(expression) => {
                    let (commit, path) = expression.split_once(':').unwrap();
                    if commit == "HEAD" {
                        // Of a link the text is where it leads.
                        let text = match self.world.contents.get(path) {
                            Some(_) if self.world.links.iter().any(|it| it == path) => "elsewhere",
                            Some(text) => text,
                            None => return Value::Null,
                        };
                        return json!({"__typename": "Blob", "oid": sha("f1"), "byteSize": text.len(), "isBinary": false,
                            "isTruncated": false, "text": text});
                    }
                    match self.world.tree(commit, path) {
                        Some(oid) => {
                            if self.world.commits[commit].files.contains_key(path) {
                                return json!({"__typename": "Blob", "oid": oid});
                            }
                            let entries: Vec<Value> = {
                                let entry = |(name, oid, folder): (String, String, bool)| {
                                    let (kind, mode) = if folder { ("tree", 0o040_000) } else { ("blob", 0o100_644) };
                                    json!({"__typename": "TreeEntry", "name": name, "oid": oid, "type": kind, "mode": mode})
                                };
                                self.world.entries(commit, path).into_iter().map(entry).collect()
                            };
                            json!({"__typename": "Tree", "oid": oid, "entries": entries})
                        }
                        None => Value::Null,
                    }
                }
                None => self.commit(&text("oid")),
            },
            ("Commit", "file") => {
                let path = text("path");
                let mode = if self.world.links.contains(&path) { 0o120_000 } else { 0o100_644 };
                let entry = || json!({"__typename": "TreeEntry", "oid": sha("f1"), "mode": mode});
                self.world.contents.get(&path).map_or(Value::Null, |_| entry())
            }
            ("Commit", "history") => {
                let newest = self.world.log(object["oid"].as_str().unwrap());
                Value::Array(newest.iter().take(100).map(|sha| self.commit(sha)).collect())
            }
            ("Repository", "pullRequest") => {
                let number = self.argument(field, "number").as_u64().unwrap();
                if self.world.pulls.contains_key(&number) { self.pull(number) } else { self.missing("NOT_FOUND", path) }
            }
            ("PullRequest", "closingIssuesReferences") => {
                // What may not be seen is left out with an error at its place.
                let all = object["closingIssuesReferences"].as_array().unwrap();
                if let Some(at) = all.iter().position(Value::is_null) {
                    let place: Vec<Value> = path.iter().cloned().chain([json!("nodes"), json!(at)]).collect();
                    self.missing("FORBIDDEN", &place);
                }
                Value::Array(all.clone())
            }
            ("Repository", "issue") => {
                let number = self.argument(field, "number").as_u64().unwrap();
                let all = if object["nameWithOwner"] == world::OPS { &self.world.ops } else { &self.world.issues };
                if let Some(issue) = all.get(&number) {
                    self.world.graph_issue(number, issue)
                } else {
                    self.missing("NOT_FOUND", path)
                }
            }
            ("Repository", "defaultBranchRef") => match self.world.branches.get("refs/heads/main") {
                Some(tip) => json!({"__typename": "Ref", "name": "main", "prefix": "refs/heads/",
                    "target": {"__typename": "Commit", "oid": tip}}),
                None => Value::Null,
            },
            ("Repository", "ref") => match self.world.branches.get(&text("qualifiedName")) {
                Some(tip) => json!({"__typename": "Ref", "target": {"__typename": "Commit", "oid": tip}}),
                None => Value::Null,
            },
            ("Repository", "deployments") => {
                let wanted = self.argument(field, "environments")[0].as_str().unwrap().to_owned();
                let here = self.world.deployments.iter().filter(|it| it.environment == wanted);
                let mut found: Vec<Value> = here.map(|it| self.world.deployment(it)).collect();
                found.reverse();
                Value::Array(found)
            }
            _ => object
                .get(&field.name)
                .unwrap_or_else(|| panic!("the fake has no `{}` of `{kind}`", field.name))
                .clone(),
        }
    }

    fn missing(&mut self, kind: &str, path: &[Value]) -> Value {
        self.errors.push(json!({"type": kind, "path": path, "message": format!("Could not resolve: {kind}")}));
        Value::Null
    }

    fn commit(&self, sha: &str) -> Value {
        let Some(commit) = self.world.commits.get(sha) else { return Value::Null };
        let author = self.world.git_actor(&commit.author);
        let mut authors = vec![author.clone()];
        authors.extend(commit.co_authors.iter().map(|login| self.world.git_actor(login)));
        let parents: Vec<Value> =
            commit.parents.iter().map(|oid| json!({"__typename": "Commit", "oid": oid})).collect();
        let pulls = commit.pulls.iter().map(|number| {
            let pull = &self.world.pulls[number];
            let merged = pull.merge_commit.as_ref().map(|oid| json!({"__typename": "Commit", "oid": oid}));
            json!({"__typename": "PullRequest", "number": number, "merged": merged.is_some(), "headRefOid": pull.head,
                "mergeCommit": merged,
                "baseRepository": {"__typename": "Repository", "nameWithOwner": REPOSITORY}})
        });
        let ours = commit.committer == "web-flow" && !commit.unsigned;
        let signature = ours.then(|| json!({"__typename": "GpgSignature", "isValid": true, "wasSignedByGitHub": true}));
        json!({
            "__typename": "Commit", "oid": sha, "tree": {"__typename": "Tree", "oid": self.world.tree(sha, "")},
            "parents": parents, "author": author, "committer": self.world.git_actor(&commit.committer),
            "authors": authors, "associatedPullRequests": pulls.collect::<Vec<_>>(),
            "signature": signature, "checkSuites": self.world.suites(sha),
        })
    }

    fn run(&self, run: &world::Run) -> Value {
        let branch = json!({"__typename": "Ref", "name": run.branch, "prefix": "refs/heads/"});
        json!({"__typename": "WorkflowRun", "deploymentReviews": self.world.reviews(run),
            "checkSuite": {"__typename": "CheckSuite", "branch": branch}})
    }

    fn pull(&self, number: u64) -> Value {
        let pull = &self.world.pulls[&number];
        let commits: Vec<Value> = pull
            .commits
            .iter()
            .map(|sha| json!({"__typename": "PullRequestCommit", "commit": self.commit(sha)}))
            .collect();
        let file = |path: &String| {
            let kind = if pull.moved.contains_key(path) { "RENAMED" } else { "MODIFIED" };
            json!({"__typename": "PullRequestChangedFile", "path": path, "changeType": kind})
        };
        let files: Vec<Value> = pull.files.iter().map(file).collect();
        let mut pushes: Vec<Value> = pull
            .force_pushes
            .iter()
            .map(|before| json!({"__typename": "HeadRefForcePushedEvent", "beforeCommit": self.commit(before)}))
            .collect();
        pushes.extend(pull.events.iter().cloned());
        let assignees: Vec<Value> = pull.assignees.iter().map(|login| self.world.actor(login)).collect();
        json!({
            "__typename": "PullRequest", "number": number, "author": self.world.actor(&pull.author),
            "merged": pull.merge_commit.is_some(), "mergedAt": pull.merged_at, "changedFiles": pull.files.len(),
            "additions": pull.lines, "deletions": 0, "headRefOid": pull.head, "baseRefOid": pull.base,
            "isCrossRepository": pull.fork.is_some(),
            "headRepository": {"__typename": "Repository", "nameWithOwner": pull.fork.as_deref().unwrap_or(REPOSITORY)},
            "assignees": assignees,
            "mergeCommit": pull.merge_commit.as_ref().map(|sha| self.commit(sha)),
            "commits": commits, "files": files, "reviews": pull.reviews, "comments": pull.comments,
            "timelineItems": pushes, "title": pull.title,
            "labels": pull.labels.iter().map(|name| json!({"__typename": "Label", "name": name})).collect::<Vec<_>>(),
            "closingIssuesReferences": pull.closes.iter().copied().map(closed).collect::<Vec<_>>(),
        })
    }
}

/// An issue that a pull request closes.
fn closed(number: Option<u64>) -> Value {
    let repository = json!({"__typename": "Repository", "nameWithOwner": REPOSITORY});
    number.map_or(Value::Null, |number| json!({"__typename": "Issue", "number": number, "repository": repository}))
}

fn is_connection(field: &Field) -> bool {
    field.selection.iter().any(|part| is_field(part, &["nodes", "pageInfo", "totalCount"]))
}

fn is_field(part: &Selection, names: &[&str]) -> bool {
    matches!(part, Selection::Field(inner) if names.contains(&inner.name.as_str()))
}
