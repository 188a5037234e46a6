//! Where the command runs: a GitHub job, a GitLab job or a terminal, and what
//! that place says of the release.

use std::env;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::workspace::layers::event_of_github;

/// Where the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Github,
    Gitlab,
    Elsewhere,
}

/// A job, as the place where it runs names it.
pub(super) struct Job {
    pub(super) run: u64,
    pub(super) attempt: u64,
    pub(super) commit: String,
}

/// Where the options are that the command line leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// `COUNTERSIGN_POLICY_REF` and so on.
    Variables,
    /// The inputs of a GitHub action, `INPUT_POLICY-REF` and so on. The runner sets
    /// them itself, while any step before can set every other variable of the job,
    /// above what the action states under `env`.
    Inputs,
}

/// The options that are no input of the action, whose variables are anybody's.
const NO_INPUTS: [&str; 2] = ["NOW", "REPOSITORY"];

impl Given {
    /// What is given for an option, named as in its variable.
    pub(super) fn option(self, name: &str) -> Option<String> {
        match self {
            Self::Variables => variable(&format!("COUNTERSIGN_{name}")),
            Self::Inputs if NO_INPUTS.contains(&name) => None,
            Self::Inputs => variable(&format!("INPUT_{}", name.replace('_', "-"))),
        }
    }

    /// The name of an option's variable that is set and not UTF-8. Taken as not set,
    /// it would give way to what the option means when it is left out.
    pub(super) fn unreadable(self) -> Option<String> {
        let prefix = match self {
            Self::Variables => "COUNTERSIGN_",
            Self::Inputs => "INPUT_",
        };
        let unreadable = |(name, value): (OsString, OsString)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(prefix))?;
            value.to_str().is_none().then_some(name)
        };
        env::vars_os().find_map(unreadable)
    }
}

/// A variable that is set and not blank. What is not UTF-8 counts as not set.
/// Whether a variable is set to nothing, where that is told apart from one that is not set.
#[cfg(feature = "app")]
pub(super) fn is_blank(name: &str) -> bool {
    env::var(name).is_ok_and(|value| value.trim().is_empty())
}

pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

impl Place {
    pub(super) fn here() -> Self {
        let is_true = |name| variable(name).is_some_and(|value| value == "true");
        if is_true("GITHUB_ACTIONS") {
            Self::Github
        } else if is_true("GITLAB_CI") {
            Self::Gitlab
        } else {
            Self::Elsewhere
        }
    }

    /// The commit that the job is about. On a pull request GitHub names a merge
    /// that was made for the job alone, so there it is not known.
    pub(super) fn commit(self) -> Option<String> {
        match self {
            Self::Github => {
                let event = variable("GITHUB_EVENT_NAME").unwrap_or_default();
                if event.starts_with("pull_request") { None } else { variable("GITHUB_SHA") }
            }
            Self::Gitlab => variable("CI_COMMIT_SHA"),
            Self::Elsewhere => None,
        }
    }

    /// Where the commit is not known, on a pull request of GitHub: the merge that was made for the job, and the head
    /// that is proposed, which a job may check out instead. What names neither is about something else.
    pub(super) fn proposed(self) -> Vec<String> {
        let on_a_pull_request = variable("GITHUB_EVENT_NAME").is_some_and(|event| event.starts_with("pull_request"));
        if self != Self::Github || !on_a_pull_request {
            return Vec::new();
        }
        let event = event_of_github();
        let head = event.as_ref().and_then(|event| event.pointer("/pull_request/head/sha")?.as_str());
        match (variable("GITHUB_SHA"), head) {
            (Some(merge), Some(head)) => vec![merge, head.to_owned()],
            _ => Vec::new(),
        }
    }

    /// The job that runs this: its run, which attempt of it, and the commit that the run is of.
    pub(super) fn job(self) -> Option<Job> {
        let number = |name: &str| variable(name)?.trim().parse().ok();
        match self {
            Self::Github => Some(Job {
                run: number("GITHUB_RUN_ID")?,
                attempt: number("GITHUB_RUN_ATTEMPT")?,
                commit: variable("GITHUB_SHA")?,
            }),
            // A job that is tried again is a new job of the same pipeline.
            Self::Gitlab => {
                Some(Job { run: number("CI_PIPELINE_ID")?, attempt: 1, commit: variable("CI_COMMIT_SHA")? })
            }
            Self::Elsewhere => None,
        }
    }

    /// The repository, `owner/name`.
    pub(super) fn repository(self) -> Option<String> {
        match self {
            Self::Github => variable("GITHUB_REPOSITORY"),
            Self::Gitlab => variable("CI_PROJECT_PATH"),
            Self::Elsewhere => None,
        }
    }

    /// The folder of the checkout, as reports may name it.
    pub(super) fn workspace(self) -> Option<String> {
        match self {
            Self::Github => variable("GITHUB_WORKSPACE"),
            Self::Gitlab => variable("CI_PROJECT_DIR"),
            Self::Elsewhere => env::current_dir().ok().map(|path| path.display().to_string()),
        }
    }
}

/// A file that the runner names for us to add to.
pub(super) fn runner_file(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// Whether colours may be used on standard output (see no-color.org).
pub(super) fn colour(terminal: bool) -> bool {
    let dumb = variable("TERM").is_some_and(|term| term == "dumb");
    terminal && !dumb && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

pub(super) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

pub(super) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// How many columns a line may take.
pub(super) fn width() -> usize {
    let stated = variable("COLUMNS").and_then(|columns| columns.parse().ok());
    stated.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))).unwrap_or(100)
}

/// Whether the locale can show more than ASCII.
pub(super) fn ascii_only() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name)).unwrap_or_default();
    let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    stdout_is_terminal() && !utf8
}
