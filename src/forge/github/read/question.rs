//! What is asked of GraphQL, as text. Names that people choose go in as variables or as JSON strings, which GraphQL
//! reads alike; nothing else that anybody wrote goes in.

use std::fmt::Write as _;

/// A commit with everybody whom it names.
const COMMIT: &str = "fragment commit on Commit { oid tree { oid } parents(first: 5) { totalCount nodes { oid } } \
    signature { isValid wasSignedByGitHub } \
    author { email user { login } } committer { email user { login } } \
    authors(first: 20) { totalCount nodes { email user { login } } } }";

const ACTOR: &str = "{ __typename login }";

/// Whom something was assigned to, or who has an id: of many types, which have no login in common.
const ASSIGNEE: &str = "{ __typename ... on User { login } ... on Bot { login } \
    ... on Mannequin { login } ... on Organization { login } }";

/// One page of a deployment's statuses.
const STATUSES: &str = "{ pageInfo { hasNextPage endCursor } nodes { state createdAt } }";

const PAGE: &str = "pageInfo { hasNextPage endCursor }";

/// A text as GraphQL and JSON both write it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn after(cursor: Option<&str>) -> String {
    cursor.map(|cursor| format!(", after: {}", quoted(cursor))).unwrap_or_default()
}

/// How many entries one question may list at most: GitHub refuses more than 500,000, and what begins a look goes with it.
const ENTRIES: usize = 480_000;
/// How many a commit can list, with the pull requests that brought it.
const OF_COMMIT: usize = 5 + 20 + 20;
/// How many a pull request can list, with all of its parts.
const OF_PULL: usize = 50 + 20 + 1 + 100 * (1 + 25) + 100 + 100 * (1 + 5) + 100 * (1 + 10) + 100 + 20 + 20;
/// How many commits of a history are listed.
pub(super) const HISTORY: usize = 100;

/// Which pull requests brought a commit.
const BROUGHT: &str = "associatedPullRequests(first: 20) \
    { totalCount nodes { number merged headRefOid mergeCommit { oid } baseRepository { nameWithOwner } } }";

/// A question about what hangs on the release itself: which pull requests brought each commit, and everything else.
#[derive(Debug, Default)]
pub(super) struct First {
    repository: String,
    outside: String,
    /// How many entries it can list.
    entries: usize,
}

impl First {
    pub(super) fn commit(&mut self, at: usize, sha: &str) {
        self.entries += OF_COMMIT;
        let _ = write!(
            self.repository,
            " c{at}: object(oid: {}) {{ ...commit ... on Commit {{ {BROUGHT} }} }}",
            quoted(sha)
        );
    }

    /// The newest commits that a commit has, itself the first: each as [`First::commit`] asks for it.
    pub(super) fn history(&mut self, sha: &str) {
        self.entries += HISTORY * (1 + OF_COMMIT);
        let _ = write!(
            self.repository,
            " history: object(oid: {}) {{ ... on Commit {{ history(first: {HISTORY}) \
             {{ nodes {{ ...commit {BROUGHT} }} }} }} }}",
            quoted(sha)
        );
    }

    /// A file of the default branch with its text, and what kind of entry it is there.
    pub(super) fn file(&mut self, path: &str) {
        let _ = write!(
            self.repository,
            " file: object(expression: {}) {{ oid ... on Blob {{ byteSize isBinary isTruncated text }} }} \
             tip: object(expression: \"HEAD\") {{ ... on Commit {{ entry: file(path: {}) {{ oid mode }} }} }}",
            quoted(&format!("HEAD:{path}")),
            quoted(path)
        );
    }

    /// The branch and the tag that a short name can mean.
    pub(super) fn branch_or_tag(&mut self, name: &str) {
        for (at, prefix) in [("branch", "refs/heads/"), ("tag", "refs/tags/")] {
            self.reference_at(at, &format!("{prefix}{name}"));
        }
    }

    /// Pull requests with everything of each, as many of these as one question can list beside what it asks already. Says how
    /// many that are.
    pub(super) fn pulls(&mut self, numbers: &[u64]) -> usize {
        let most = ENTRIES.saturating_sub(self.entries) / OF_PULL;
        let some = numbers.get(..most).unwrap_or(numbers);
        let mut pulls = Second::default();
        for number in some {
            pulls.whole(*number);
        }
        self.entries += some.len() * OF_PULL;
        self.repository.push_str(&pulls.0);
        some.len()
    }

    /// A commit with everybody whom it names, and without the pull requests that brought it.
    pub(super) fn named(&mut self, at: usize, sha: &str) {
        let _ = write!(self.repository, " c{at}: object(oid: {}) {{ ...commit }}", quoted(sha));
    }

    /// Whether a commit is there at all: a folder that is not looks the same where its commit is not.
    pub(super) fn there(&mut self, at: usize, sha: &str) {
        let _ = write!(self.repository, " there{at}: object(oid: {}) {{ oid }}", quoted(sha));
    }

    pub(super) fn folder(&mut self, at: usize, sha: &str, folder: &str) {
        let _ = write!(self.repository, " f{at}: object(expression: {}) {{ oid }}", quoted(&format!("{sha}:{folder}")));
    }

    pub(super) fn reference(&mut self, name: &str) {
        self.reference_at("reference", name);
    }

    fn reference_at(&mut self, at: &str, name: &str) {
        let _ = write!(
            self.repository,
            " {at}: ref(qualifiedName: {}) {{ target {{ oid ... on Tag {{ target {{ oid }} }} }} }}",
            quoted(name)
        );
    }

    pub(super) fn default_branch(&mut self) {
        self.repository.push_str(" defaultBranchRef { name prefix target { oid } }");
    }

    /// The branch of a run and the reviews of environments that it was given, by its id in GraphQL.
    pub(super) fn reviews(&mut self, run: &str, cursor: Option<&str>) {
        self.entries += 100 * (1 + 20);
        let _ = write!(
            self.outside,
            " run: node(id: {}) {{ ... on WorkflowRun {{ checkSuite {{ branch {{ name prefix }} }} \
             deploymentReviews(first: 100{}) {{ {PAGE} nodes {{ \
             id databaseId state comment user {ACTOR} environments(first: 20) {{ totalCount nodes {{ name }} }} }} }} }} }}",
            quoted(run),
            after(cursor)
        );
    }

    pub(super) fn deployments(&mut self, at: usize, environment: &str, cursor: Option<&str>) {
        self.entries += 100 * (1 + 50);
        let _ = write!(
            self.repository,
            " d{at}: deployments(environments: [{}], first: 100, orderBy: {{field: CREATED_AT, direction: DESC}}{}) \
             {{ {PAGE} nodes {{ id commitOid createdAt statuses(first: 50) {STATUSES} }} }}",
            quoted(environment),
            after(cursor)
        );
    }

    /// Further statuses of a deployment, by its id in GraphQL.
    pub(super) fn statuses(&mut self, deployment: &str, cursor: Option<&str>) {
        let _ = write!(
            self.outside,
            " deployment: node(id: {}) {{ ... on Deployment {{ statuses(first: 100{}) {STATUSES} }} }}",
            quoted(deployment),
            after(cursor)
        );
    }

    pub(super) fn team(&mut self, at: usize, organisation: &str, team: &str, cursor: Option<&str>) {
        self.entries += 100;
        let _ = write!(
            self.outside,
            " g{at}: organization(login: {}) {{ team(slug: {}) {{ members(first: 100, membership: ALL{}) \
             {{ totalCount {PAGE} nodes {ACTOR} }} }} }}",
            quoted(organisation),
            quoted(team),
            after(cursor)
        );
    }

    /// What accounts are, by their ids in GraphQL.
    pub(super) fn accounts(&mut self, ids: &[String]) {
        self.entries += ids.len();
        let _ = write!(self.outside, " who: nodes(ids: {}) {ASSIGNEE}", serde_json::json!(ids));
    }

    pub(super) fn user(&mut self, at: usize, login: &str) {
        let _ = write!(self.outside, " u{at}: user(login: {}) {ACTOR}", quoted(login));
    }

    pub(super) fn text(&self) -> String {
        let fragment = if self.repository.contains("...commit") { COMMIT } else { "" };
        format!("query($owner: String!, $name: String!) {{{}{} }} {fragment}", self.in_repository(), self.outside)
    }

    fn in_repository(&self) -> String {
        // `owner` and `name` have to be used, or GitHub refuses the question.
        format!(" repository(owner: $owner, name: $name) {{ nameWithOwner{} }}", self.repository)
    }
}

/// A list of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    Commits,
    Files,
    Reviews,
    Comments,
    Events,
    Labels,
    Issues,
}

impl Part {
    pub(super) const ALL: [Self; 7] =
        [Self::Commits, Self::Files, Self::Reviews, Self::Comments, Self::Events, Self::Labels, Self::Issues];

    /// Those by which nothing is decided. An issue may be one of a repository that we may not read, and that keeps nobody
    /// from reading the pull request.
    pub(super) const TOLD: [&str; 2] = [Self::Labels.name(), Self::Issues.name()];

    /// The name under which it stands in the answer.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Commits => "commits",
            Self::Files => "files",
            Self::Reviews => "reviews",
            Self::Comments => "comments",
            Self::Events => "timelineItems",
            Self::Labels => "labels",
            Self::Issues => "closingIssuesReferences",
        }
    }

    fn text(self, cursor: Option<&str>) -> String {
        let after = after(cursor);
        match self {
            Self::Commits => {
                format!(" commits(first: 100{after}) {{ totalCount {PAGE} nodes {{ commit {{ ...commit }} }} }}")
            }
            Self::Files => format!(" files(first: 100{after}) {{ totalCount {PAGE} nodes {{ path changeType }} }}"),
            Self::Reviews => format!(
                " reviews(first: 100{after}) {{ totalCount {PAGE} nodes {{ id author {ACTOR} state submittedAt lastEditedAt body \
                 userContentEdits(first: 5) {{ totalCount nodes {{ diff }} }} commit {{ tree {{ oid }} }} }} }}"
            ),
            Self::Comments => format!(
                " comments(first: 100{after}) {{ totalCount {PAGE} nodes {{ id author {ACTOR} body createdAt lastEditedAt \
                 userContentEdits(first: 10) {{ totalCount nodes {{ diff }} }} }} }}"
            ),
            Self::Events => format!(
                " timelineItems(first: 100, itemTypes: [HEAD_REF_FORCE_PUSHED_EVENT, REVIEW_DISMISSED_EVENT, \
                 COMMENT_DELETED_EVENT, ASSIGNED_EVENT, UNASSIGNED_EVENT]{after}) {{ {PAGE} nodes {{ __typename \
                 ... on HeadRefForcePushedEvent {{ beforeCommit {{ oid }} }} \
                 ... on ReviewDismissedEvent {{ previousReviewState review {{ id }} }} \
                 ... on CommentDeletedEvent {{ actor {ACTOR} deletedCommentAuthor {ACTOR} }} \
                 ... on AssignedEvent {{ assignee {ASSIGNEE} }} ... on UnassignedEvent {{ assignee {ASSIGNEE} }} }} }}"
            ),
            Self::Labels => format!(" labels(first: 20{after}) {{ totalCount {PAGE} nodes {{ name }} }}"),
            Self::Issues => format!(
                " closingIssuesReferences(first: 20{after}) {{ totalCount {PAGE} nodes {{ number \
                 repository {{ nameWithOwner }} }} }}"
            ),
        }
    }
}

/// The second question: everything of the pull requests.
#[derive(Debug, Default)]
pub(super) struct Second(String);

impl Second {
    pub(super) fn whole(&mut self, number: u64) {
        let parts: String = Part::ALL.iter().map(|part| part.text(None)).collect();
        let _ = write!(
            self.0,
            " p{number}: pullRequest(number: {number}) {{ number title author {ACTOR} merged mergedAt changedFiles additions deletions \
             headRefOid baseRefOid isCrossRepository headRepository {{ nameWithOwner }} \
             assignees(first: 50) {{ totalCount nodes {ACTOR} }} \
             mergeCommit {{ oid tree {{ oid }} parents(first: 20) {{ nodes {{ oid }} }} }} \
             head: commits(last: 1) {{ nodes {{ commit {{ oid tree {{ oid }} }} }} }}{parts} }}"
        );
    }

    pub(super) fn part(&mut self, number: u64, part: Part, cursor: &str) {
        let _ = write!(
            self.0,
            " p{number}_{}: pullRequest(number: {number}) {{{} }}",
            part.name(),
            part.text(Some(cursor))
        );
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let fragment = if self.0.contains("...commit") { COMMIT } else { "" };
        format!(
            "query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ nameWithOwner{} }} }} {fragment}",
            self.0
        )
    }
}

/// What is asked of a job: which deployment it is, and how it went.
const JOB: &str = "{ status conclusion startedAt completedAt deployment { id } }";

/// A question about the jobs of commits, those of earlier attempts too.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    repository: String,
    outside: String,
}

impl Jobs {
    pub(super) fn commit(&mut self, at: usize, sha: &str, cursor: Option<&str>) {
        let _ = write!(
            self.repository,
            " j{at}: object(oid: {}) {{ ... on Commit {{ checkSuites(first: 50{}) {{ {PAGE} nodes {{ id \
             workflowRun {{ resourcePath deploymentReviews(first: 50) {{ totalCount nodes {{ id state user {ACTOR} \
             environments(first: 10) {{ totalCount nodes {{ name }} }} }} }} }} \
             checkRuns(first: 100, filterBy: {{checkType: ALL}}) {{ {PAGE} nodes {JOB} }} }} }} }} }}",
            quoted(sha),
            after(cursor)
        );
    }

    pub(super) fn suite(&mut self, id: &str, cursor: Option<&str>) {
        let _ = write!(
            self.outside,
            " suite: node(id: {}) {{ ... on CheckSuite {{ \
             checkRuns(first: 100, filterBy: {{checkType: ALL}}{}) {{ {PAGE} nodes {JOB} }} }} }}",
            quoted(id),
            after(cursor)
        );
    }

    pub(super) fn text(&self) -> String {
        format!(
            "query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ nameWithOwner{} }}{} }}",
            self.repository, self.outside
        )
    }
}

/// A question about folders.
#[derive(Debug, Default)]
pub(super) struct Trees(String);

impl Trees {
    pub(super) fn folder(&mut self, at: usize, commit: &str, folder: &str) {
        let _ = write!(
            self.0,
            " t{at}: object(expression: {}) {{ __typename ... on Tree {{ entries {{ name oid type mode }} }} }}",
            quoted(&format!("{commit}:{folder}"))
        );
    }

    pub(super) fn text(&self) -> String {
        format!(
            "query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ nameWithOwner{} }} }}",
            self.0
        )
    }
}
