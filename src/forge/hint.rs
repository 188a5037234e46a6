//! What a delivery of a forge is a hint of: what to read again, and nothing to believe.

/// What to read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A deployment waits for our word.
    DeploymentWaits {
        /// The environment.
        environment: String,
        /// The commit.
        commit: String,
        /// The branch or tag as the deployment names it, which may be short.
        reference: Option<String>,
        /// The run that waits.
        run: u64,
    },
    /// Something may have begun to wait that the list of what waits shows.
    MayWait,
    /// Somebody was asked to review an environment, or did.
    EnvironmentReviewed {
        /// The run.
        run: u64,
    },
    /// A deployment began, or came further.
    Deployed {
        /// The commit.
        commit: String,
        /// The environment.
        environment: String,
    },
    /// A pull request, its commits, labels, reviews or comments.
    PullRequest {
        /// Its number.
        number: u64,
    },
    /// An issue or its comments.
    Issue {
        /// Its number.
        number: u64,
    },
    /// Somebody pressed a button of a check.
    Button {
        /// The check run.
        check_run: u64,
        /// What the button is called in the request that made it.
        identifier: String,
        /// The commit.
        commit: String,
        /// The login of whoever pressed it; empty where it was no person. It can be read nowhere else: what is done with it
        /// is done once, however often the delivery comes.
        by: String,
    },
    /// Somebody asked for a check anew, or a check changed.
    Checks {
        /// The commit.
        commit: String,
    },
    /// A run of a workflow.
    Run {
        /// The run.
        run: u64,
        /// The commit.
        commit: String,
    },
    /// A branch or tag was moved, made or deleted.
    Reference {
        /// Its full name.
        name: String,
    },
    /// Who is in a team, in the organisation, or may do what in a repository.
    People,
    /// The App was installed, removed or suspended, or its repositories changed.
    Installation,
    /// A setting that protects: of a branch, an environment, the repository, the rule itself.
    Settings,
    /// Something of the repository, of which the payload says too little.
    Repository,
}

impl Hint {
    /// Whether a deployment waits for what is read.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        matches!(self, Self::DeploymentWaits { .. } | Self::EnvironmentReviewed { .. } | Self::Button { .. })
    }
}

/// A hint of a repository that is ours, by the name that the forge itself gave us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hinted {
    /// The repository; `None` for what is of several.
    pub repository: Option<String>,
    /// What to read again.
    pub hint: Hint,
}
