//! What the App cannot do without: the one list of permissions and events, for the manifest that it is made from, for the
//! help, and for whoever inspects an installation.

use crate::model::posture::Access;

/// The permissions, by GitHub's names, with how far each goes. To read `metadata` comes with every one of them.
pub const PERMISSIONS: [(&str, Access); 7] = [
    ("actions", Access::Read),
    ("contents", Access::Read),
    ("members", Access::Read),
    ("checks", Access::Write),
    ("deployments", Access::Write),
    ("issues", Access::Write),
    ("pull_requests", Access::Write),
];

/// The events, by GitHub's names.
pub const EVENTS: [&str; 9] = [
    "deployment_protection_rule",
    "deployment_review",
    "pull_request",
    "pull_request_review",
    "issue_comment",
    "issues",
    "check_run",
    "push",
    "membership",
];

/// The permissions that go so far, as people read them: `actions, contents and issues`.
#[must_use]
pub fn told(access: Access) -> String {
    let names: Vec<String> =
        PERMISSIONS.iter().filter(|(_, needed)| *needed == access).map(|(name, _)| name.replace('_', " ")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
