//! What a request is called in traces: its method and the template of its route. Names, numbers and digests are left out of it,
//! so that it says what was asked and nothing of whom.

use tracing::Span;
use tracing::field::Empty;

/// The words of GitHub's routes. Whatever else stands in a path is somebody's.
const WORDS: [&str; 49] = [
    "access_tokens",
    "actions",
    "activity",
    "app",
    "branch_policies",
    "branches",
    "check-runs",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "config",
    "contents",
    "deliveries",
    "deployment-branch-policies",
    "deployment_protection_rule",
    "deployment_protection_rules",
    "deployments",
    "environments",
    "events",
    "files",
    "git",
    "hook",
    "installation",
    "installations",
    "issues",
    "labels",
    "members",
    "memberships",
    "organization-secrets",
    "orgs",
    "pending_deployments",
    "permission",
    "protection",
    "pulls",
    "reactions",
    "repos",
    "repositories",
    "reviews",
    "rules",
    "rulesets",
    "runs",
    "secrets",
    "statuses",
    "teams",
    "timeline",
    "user",
    "users",
    "variables",
];

/// The template of a path below the interface's address.
fn template(path: &str) -> String {
    let mut found = String::new();
    let mut named = 0;
    for (at, part) in path.trim_start_matches('/').split('/').enumerate() {
        // An owner or a repository may be called like a word.
        let is_name = path.starts_with("/repos/") && (at == 1 || at == 2);
        found.push('/');
        if is_name || !WORDS.contains(&part) {
            named += 1;
            found.push_str(match named {
                1 if is_name => "{owner}",
                2 if is_name => "{repo}",
                _ => "{}",
            });
        } else {
            found.push_str(part);
        }
    }
    found
}

/// The span of one request. Its status is recorded when it has one.
pub(super) fn span(method: &reqwest::Method, path: Option<&str>, graphql: bool) -> Span {
    let template = || if graphql { "/graphql".to_owned() } else { template(path.unwrap_or_default()) };
    tracing::info_span!(
        "call",
        otel.name = format!("{method} {}", template()),
        otel.kind = "client",
        http.request.method = method.as_str(),
        url.template = template(),
        http.response.status_code = Empty,
        otel.status_code = Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_no_name_number_or_digest() {
        for (path, expected) in [
            (
                "/repos/acme/shop/actions/runs/900/pending_deployments",
                "/repos/{owner}/{repo}/actions/runs/{}/pending_deployments",
            ),
            ("/repos/issues/pulls/compare/b0...51", "/repos/{owner}/{repo}/compare/{}"),
            ("/users/ana", "/users/{}"),
            ("/repos/acme/shop/contents/.countersign/policy.yml", "/repos/{owner}/{repo}/contents/{}/{}"),
            ("/app/installations/7/access_tokens", "/app/installations/{}/access_tokens"),
        ] {
            assert_eq!(template(path), expected);
        }
    }
}
