//! What is released: components, changes, commits.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::history::Outcome;
use super::{Account, Fact};

/// A release on its way into one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// What people call it: `payments 2.4.0`.
    pub name: String,
    /// The forge that asks: `github` or `gitlab`.
    pub forge: String,
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The environment, exactly as the forge names it.
    pub environment: String,
    /// The branch or tag that is deployed.
    #[serde(default)]
    pub reference: Fact<Reference>,
    /// The commit, lower-case hexadecimal; never empty, as no digest is.
    #[serde(deserialize_with = "super::digest::one")]
    #[schemars(with = "super::digest::Digest")]
    pub commit: String,
    /// When the release was first asked for here, UTC; its clocks start then, unless `asked_since` is later.
    pub submitted_at: DateTime<Utc>,
    /// Since when people are asked about it, UTC, where that is later: when the run was started again that had been made
    /// long before. `null`, or earlier: since `submitted_at`. It has to be said: where nobody looked, it is not known that
    /// anybody had the time to answer.
    #[serde(deserialize_with = "super::or_null::read")]
    #[schemars(with = "super::or_null::OrNull<DateTime<Utc>>")]
    pub asked_since: Option<DateTime<Utc>>,
    /// Who started the deployment.
    #[serde(default)]
    pub trigger: Fact<Account>,
    /// What deploys: `github`, `gitlab`, `argocd`, …
    #[serde(default)]
    pub deployed_by: Fact<String>,
    /// The components that go, by name in the policy. Those whose paths the changes touch are added.
    #[serde(default, deserialize_with = "super::keyed::once")]
    pub components: BTreeMap<String, Released>,
    /// What changed since each component's own last deployment here, in whatever order. Absent: nothing, as when going back.
    #[serde(default, deserialize_with = "by_name")]
    pub changes: Fact<Vec<Change>>,
    /// Vendors that the bills of materials have now and did not have at the last release; absent: none.
    #[serde(default)]
    pub new_vendors: Fact<Vec<String>>,
    /// Vendors that the components which go declared in the policy by which what runs of them here now went in; absent: none,
    /// as where nothing of them ran.
    #[serde(default)]
    pub vendors_before: Fact<Vec<String>>,
    /// Vulnerabilities known in what runs now; absent: none.
    #[serde(default)]
    pub running: Fact<Vec<Vulnerability>>,
    /// Identifiers of the vulnerabilities known in what is released; absent: none.
    #[serde(default)]
    pub released: Fact<Vec<String>>,
    /// Migrations between what runs now and what is released that cannot be reverted; absent: none.
    #[serde(default)]
    pub irreversible: Fact<Vec<String>>,
    /// Whether notes say what the release does, for a policy that keeps no change records.
    #[serde(default)]
    pub documented: Fact<bool>,
    /// How the deployment ended; absent before it did.
    #[serde(default)]
    pub outcome: Fact<Outcome>,
    /// The package that it is a part of; absent: none.
    #[serde(default)]
    pub package: Fact<Package>,
    /// The break-glass grant under which it went while the app was down; absent: none.
    #[serde(default)]
    pub break_glass: Fact<Grant>,
    /// Whether the forge let somebody past its protection, and whom; absent: nobody.
    #[serde(default)]
    pub bypassed_by: Fact<Account>,
}

impl Release {
    /// Since when people are asked about it: from then on run the times after which others are asked or nobody is waited
    /// for any longer. Never before it was first asked for.
    #[must_use]
    pub fn asked_at(&self) -> DateTime<Utc> {
        self.asked_since.map_or(self.submitted_at, |since| since.max(self.submitted_at))
    }
}

/// Reads changes in the order of their names, and the commits of each in that of theirs: in that order they are spoken of,
/// whoever gathered them.
fn by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fact<Vec<Change>>, D::Error> {
    let mut changes = Fact::<Vec<Change>>::deserialize(deserializer)?;
    if let Fact::Known(changes) = &mut changes {
        changes.sort_by(|one, other| one.id.cmp(&other.id));
        for change in changes {
            if let Fact::Known(commits) = &mut change.commits {
                commits.sort_by(|one, other| one.sha.cmp(&other.sha));
            }
        }
    }
    Ok(changes)
}

/// The branch or tag that is deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Reference {
    /// The full name: `refs/heads/main`, `refs/tags/v1`.
    pub name: String,
    /// Whether the commit can be reached from it in this very repository.
    #[serde(default)]
    pub reaches: Fact<bool>,
    /// Whether the repository's default branch has the commit too. What it does not have is to be merged back.
    #[serde(default)]
    pub on_default: Fact<bool>,
    /// The commit that it names now. Another than the release's means that it was moved.
    #[serde(default)]
    pub resolves_to: Fact<String>,
}

/// What of one component goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// A digest of the component's content at the commit.
    #[serde(default, deserialize_with = "super::digest::known")]
    #[schemars(with = "Fact<super::digest::Digest>")]
    pub content: Fact<String>,
    /// SHA-256 digests of its artifacts; absent where it has none.
    #[serde(default, deserialize_with = "super::digest::all")]
    #[schemars(with = "Fact<Vec<super::digest::Digest>>")]
    pub artifacts: Fact<Vec<String>>,
}

/// One change: a pull request, a merge request, or a commit that came without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its name: `acme/payments#12`, or the commit's where it came directly.
    pub id: String,
    /// A digest of what it changes. A new head with the same content has the same digest.
    #[serde(deserialize_with = "super::digest::one")]
    #[schemars(with = "super::digest::Digest")]
    pub content: String,
    /// Whether it came without a pull or merge request.
    #[serde(default)]
    pub direct: bool,
    /// The files that it touches; absent: none. A change that has lines has files: where it lists none, they are not
    /// known.
    #[serde(default)]
    pub files: Fact<Vec<String>>,
    /// How many lines it adds and removes.
    #[serde(default)]
    pub lines: Fact<u64>,
    /// The commits of every head that it ever had, at least one.
    #[serde(default)]
    pub commits: Fact<Vec<Commit>>,
    /// How it landed; absent where it has not yet.
    #[serde(default)]
    pub landed: Fact<Landing>,
    /// What it is called, for people to read: whoever may write it may change it, and nothing is decided by it. Absent where
    /// it came directly.
    #[serde(default)]
    pub title: Fact<String>,
    /// Its labels, for people to read as well; absent: none.
    #[serde(default)]
    pub labels: Fact<Vec<String>>,
    /// The issues that it says it closes, such as `acme/payments#7`, for people to read as well; absent: none.
    #[serde(default)]
    pub issues: Fact<Vec<String>>,
}

impl Change {
    /// The files that it touches, where they are known.
    #[must_use]
    pub fn known_files(&self) -> Option<&[String]> {
        let files = match &self.files {
            Fact::Known(files) => files.as_slice(),
            Fact::Absent => &[],
            Fact::Unavailable(_) => return None,
        };
        if files.is_empty() && self.lines != Fact::Known(0) { None } else { Some(files) }
    }
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Its name, hexadecimal.
    pub sha: String,
    /// Who wrote it; absent where the address belongs to nobody.
    #[serde(default)]
    pub author: Fact<Account>,
    /// Who committed it; absent where the address belongs to nobody.
    #[serde(default)]
    pub committer: Fact<Account>,
    /// Who is named beside the author; absent: nobody.
    #[serde(default)]
    pub co_authors: Fact<Vec<Account>>,
    /// Who pushed it, as the forge recorded it.
    #[serde(default)]
    pub pushed_by: Fact<Account>,
    /// On whose behalf a bot wrote it; absent: nobody's.
    #[serde(default)]
    pub on_behalf_of: Fact<Vec<Account>>,
    /// Whether it merges, and how; absent: it does not.
    #[serde(default)]
    pub merge: Fact<Merge>,
}

/// How a merge came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Its tree is the one that merging makes by itself: nobody's contribution.
    Clean,
    /// Somebody edited while merging.
    Edited,
}

/// How a change landed on the branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Landing {
    /// The tree that landed.
    #[serde(deserialize_with = "super::digest::one")]
    #[schemars(with = "super::digest::Digest")]
    pub tree: String,
    /// The tree that was reviewed last.
    #[serde(default, deserialize_with = "super::digest::known")]
    #[schemars(with = "Fact<super::digest::Digest>")]
    pub reviewed: Fact<String>,
    /// The tree that merging the reviewed head makes by itself.
    #[serde(default, deserialize_with = "super::digest::known")]
    #[schemars(with = "Fact<super::digest::Digest>")]
    pub clean_merge: Fact<String>,
    /// The paths in which the landed tree differs from that.
    #[serde(default)]
    pub differs: Vec<String>,
}

/// A vulnerability in what runs now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vulnerability {
    /// Its identifier.
    pub id: String,
    /// Whether it is being exploited, by a list such as CISA KEV.
    #[serde(default)]
    pub exploited: Fact<bool>,
}

/// The package that a release is a part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name in the policy.
    pub name: String,
    /// The other parts, by component.
    #[serde(deserialize_with = "super::keyed::once")]
    pub parts: BTreeMap<String, Fact<Part>>,
}

/// Another part of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// A digest of its content.
    #[serde(deserialize_with = "super::digest::one")]
    #[schemars(with = "super::digest::Digest")]
    pub content: String,
    /// Whether everything but the package lets it go.
    #[serde(default)]
    pub ready: Fact<bool>,
    /// How its deployment ended; absent before it did.
    #[serde(default)]
    pub outcome: Fact<Outcome>,
}

/// A break-glass grant, whose signatures were verified when it was imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its identifier.
    pub id: String,
    /// The repository that it is for: `acme/payments`.
    #[serde(default)]
    pub repository: Fact<String>,
    /// The environment that it opens.
    pub environment: String,
    /// The commit that it is for.
    pub commit: String,
    /// The components that it is for, by name in the policy; absent: whatever of the commit goes.
    #[serde(default)]
    pub components: Fact<Vec<String>>,
    /// SHA-256 digests of the artifacts that it is for; absent where nothing is built.
    #[serde(default)]
    pub artifacts: Fact<Vec<String>>,
    /// Who signed it; who had a hand in the release, or started it, does not count.
    pub signed_by: Vec<Account>,
    /// When, UTC.
    pub granted_at: DateTime<Utc>,
    /// When it ends by its own words, UTC; it never lasts longer than the policy says. Absent: as long as that.
    #[serde(default)]
    pub expires_at: Fact<DateTime<Utc>>,
    /// When it was used, UTC, this release included; the first use first.
    pub used_at: Vec<DateTime<Utc>>,
    /// When this release used it, UTC.
    pub opened_at: DateTime<Utc>,
}
