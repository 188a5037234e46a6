//! Where a release goes, from which branch or tag, and by what.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use serde_json::json;

use super::base::{decided, facts, said, with};
use super::look::{find, policy_with, says, status, unread};

const MAIN_AND_TAGS: &str = "environments:
  production: { approval: formal, branches: [main, 'release/*'], tags: ['v*'], deployed_by: [github, argocd] }
  qa: { approval: automatic }
";

#[test]
fn t33_a_name_that_is_nearly_an_environment_holds() {
    for name in [
        "Production",
        "production ",
        " production",
        "PRODUCTION",
        "prod",
        "production-eu",
        "produktion",
        "prodction",
        "pr\u{43e}duction",
        "product\u{456}on",
        "pro\u{200b}duction",
        "pr0duction",
        "p\u{ff52}oduction",
        "production/blue",
    ] {
        let decision = decided(&policy_with(MAIN_AND_TAGS), with(facts(), "/release/environment", json!(name)));
        assert_eq!(decision.decision, Ruling::Hold);
        assert_eq!(status(&decision, Ground::EnvironmentLookalike), Some(Status::Unmet), "{name}");
        assert!(says(&decision, Ground::EnvironmentLookalike).contains("`production`"), "{name}");
        // What does not show, and what looks like ours, is escaped.
        assert!(says(&decision, Ground::EnvironmentLookalike).is_ascii(), "{name}");
    }
}

#[test]
fn an_environment_that_is_none_of_the_policys_holds_and_the_others_are_named() {
    let decision = decided(&policy_with(MAIN_AND_TAGS), with(facts(), "/release/environment", json!("demo-nine")));
    assert_eq!(decision.decision, Ruling::Hold);
    assert_eq!(
        says(&decision, Ground::EnvironmentUnknown),
        "the policy has no environment `demo-nine`: there are production and qa; name it under `environments`"
    );
}

#[test]
fn branches_and_tags_are_told_apart_by_their_full_names() {
    for (name, code, status_wanted) in [
        ("refs/heads/main", Ground::ReferenceAllowed, Status::Met),
        ("refs/heads/release/2.4", Ground::ReferenceAllowed, Status::Met),
        ("refs/tags/v2.4.0", Ground::ReferenceAllowed, Status::Met),
        // A tag that is called as the branch is none.
        ("refs/tags/main", Ground::ReferenceNotAllowed, Status::Unmet),
        ("refs/heads/v2", Ground::ReferenceNotAllowed, Status::Unmet),
        ("refs/heads/release/2/4", Ground::ReferenceNotAllowed, Status::Unmet),
        ("refs/pull/7/merge", Ground::ReferenceNotAllowed, Status::Unmet),
        ("main", Ground::ReferenceNotAllowed, Status::Unmet),
    ] {
        let reference = json!({"name": name, "reaches": true, "resolves_to": "c0ffee"});
        let decision = decided(&policy_with(MAIN_AND_TAGS), with(facts(), "/release/reference", reference));
        assert_eq!(status(&decision, code), Some(status_wanted), "{name}: {}", said(&decision));
        assert_eq!(decision.decision == Ruling::Proceed, status_wanted == Status::Met, "{name}");
    }
}

#[test]
fn t29_a_tag_that_moved_holds_and_a_branch_that_moved_on_does_not() {
    for (name, now, code, wanted) in [
        ("refs/tags/v1", json!("dead"), Ground::ReferenceMoved, Status::Unmet),
        ("refs/tags/v1", json!(null), Ground::ReferenceMoved, Status::Unmet),
        ("refs/tags/v1", unread(), Ground::FactsUnavailable, Status::Unknown),
        ("refs/heads/main", json!("dead"), Ground::ReferenceAllowed, Status::Met),
        ("refs/heads/main", unread(), Ground::ReferenceAllowed, Status::Met),
    ] {
        let reference = json!({"name": name, "reaches": true, "resolves_to": now.clone()});
        let decision = decided(&policy_with(MAIN_AND_TAGS), with(facts(), "/release/reference", reference));
        assert_eq!(status(&decision, code), Some(wanted), "{name} {now}");
    }
}

#[test]
fn t34_a_commit_that_the_branch_does_not_have_holds_wherever_it_goes() {
    for policy in [MAIN_AND_TAGS, "environments: { production: { approval: formal } }\n"] {
        for (reaches, wanted) in
            [(json!(false), Status::Unmet), (json!(null), Status::Unmet), (unread(), Status::Unknown)]
        {
            let reference = json!({"name": "refs/heads/main", "reaches": reaches});
            let decision = decided(&policy_with(policy), with(facts(), "/release/reference", reference));
            assert_eq!(status(&decision, Ground::CommitUnreachable), Some(wanted));
            assert_eq!(decision.decision, Ruling::Hold);
        }
    }
}

#[test]
fn no_reference_at_all_holds_only_where_some_are_stated_and_an_unread_one_everywhere() {
    // One that is known and does not reach the commit holds everywhere too.
    for (reference, anywhere) in [(json!(null), Ruling::Proceed), (unread(), Ruling::Hold)] {
        let facts = with(facts(), "/release/reference", reference);
        assert_eq!(decided(&policy_with(MAIN_AND_TAGS), facts.clone()).decision, Ruling::Hold);
        assert_eq!(decided(&policy_with(""), facts).decision, anywhere);
    }
}

#[test]
fn what_deploys_is_one_of_those_that_may() {
    for (by, wanted) in [
        (json!("github"), None),
        (json!("argocd"), None),
        (json!("jenkins"), Some((Ground::DeployerNotAllowed, Status::Unmet))),
        (json!(null), Some((Ground::DeployerNotAllowed, Status::Unmet))),
        (unread(), Some((Ground::FactsUnavailable, Status::Unknown))),
    ] {
        let decision = decided(&policy_with(MAIN_AND_TAGS), with(facts(), "/release/deployed_by", by.clone()));
        match wanted {
            None => assert_eq!(decision.decision, Ruling::Proceed, "{by}: {}", said(&decision)),
            Some((code, wanted)) => assert_eq!(status(&decision, code), Some(wanted), "{by}"),
        }
    }
}

#[test]
fn a_component_that_the_policy_does_not_have_holds() {
    let facts = with(facts(), "/release/components/basket", json!({"content": "x", "artifacts": null}));
    let decision = decided(&policy_with(""), facts);
    assert_eq!(decision.decision, Ruling::Hold);
    let node = find(&decision, Ground::NoComponent).unwrap();
    assert_eq!(node.says, "the policy has no component `basket`; name it under `components` with its paths");
}

#[test]
fn what_belongs_to_no_component_holds_where_people_approve_and_is_said_elsewhere() {
    let facts = with(with(facts(), "/release/components", json!({})), "/release/changes/0/files", json!(["docs/a.md"]));
    let decision = decided(&policy_with(""), facts.clone());
    assert_eq!(status(&decision, Ground::NoComponent), Some(Status::Unmet));
    let decision = decided(&policy_with(""), with(facts, "/release/environment", json!("staging")));
    assert_eq!(status(&decision, Ground::NoComponent), Some(Status::Note));
}
