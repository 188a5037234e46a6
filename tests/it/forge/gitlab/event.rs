//! What recorded deliveries are hints of.

use std::collections::BTreeMap;

use countersign::forge::gitlab::event::{Delivery, Foreign, read};
use countersign::forge::gitlab::signature::{HookSecret, Shown};
use countersign::forge::hint::Hint;
use countersign::forge::secret::Secret;

use crate::support::corpus;

fn delivered(body: &[u8]) -> Delivery {
    let secret = HookSecret::token(&Secret::new("canary")).unwrap();
    let shown = Shown { token: &[b"canary"], ..Shown::default() };
    read(secret.verify(shown, body, chrono::DateTime::UNIX_EPOCH).unwrap()).unwrap()
}

/// Every recorded delivery, with what it is a hint of; nothing where it is ignored on purpose.
const MEANT: [(&str, &str); 36] = [
    ("go-gitlab__testdata__webhooks__build.json", "Run"),
    ("go-gitlab__testdata__webhooks__deployment.json", "Deployed"),
    ("go-gitlab__testdata__webhooks__issue.json", "Issue"),
    ("go-gitlab__testdata__webhooks__job.json", "Run"),
    ("go-gitlab__testdata__webhooks__member.json", "People"),
    ("go-gitlab__testdata__webhooks__note_commit.json", ""),
    ("go-gitlab__testdata__webhooks__note_issue.json", "Issue"),
    ("go-gitlab__testdata__webhooks__note_snippet.json", ""),
    ("go-gitlab__testdata__webhooks__pipeline.json", "Run"),
    ("go-gitlab__testdata__webhooks__resource_access_token_group.json", ""),
    ("go-gitlab__testdata__webhooks__resource_access_token_project.json", ""),
    ("go-gitlab__testdata__webhooks__tag_push.json", "Reference"),
    ("go-gitlab__testdata__webhooks__wiki_page.json", ""),
    ("webhooks__testdata__gitlab__build-event.json", "Repository"),
    ("webhooks__testdata__gitlab__comment-commit-event.json", ""),
    ("webhooks__testdata__gitlab__comment-merge-request-event.json", "PullRequest"),
    ("webhooks__testdata__gitlab__comment-snippet-event.json", ""),
    ("webhooks__testdata__gitlab__confidential-comment-event.json", "Issue"),
    ("webhooks__testdata__gitlab__job-event.json", "Run"),
    ("webhooks__testdata__gitlab__merge-request-event.json", "PullRequest"),
    ("webhooks__testdata__gitlab__release-event.json", ""),
    ("webhooks__testdata__gitlab__system-group-member-added.json", "People"),
    ("webhooks__testdata__gitlab__system-group-member-removed.json", "People"),
    ("webhooks__testdata__gitlab__system-group-member-updated.json", "People"),
    ("webhooks__testdata__gitlab__system-group-removed.json", "People"),
    ("webhooks__testdata__gitlab__system-group-renamed.json", "People"),
    ("webhooks__testdata__gitlab__system-key-added.json", ""),
    ("webhooks__testdata__gitlab__system-merge-request-event.json", "PullRequest"),
    ("webhooks__testdata__gitlab__system-project-renamed.json", "Settings"),
    ("webhooks__testdata__gitlab__system-tag-event.json", "Reference"),
    ("webhooks__testdata__gitlab__system-team-member-added.json", "People"),
    ("webhooks__testdata__gitlab__system-user-created.json", "People"),
    ("webhooks__testdata__gitlab__system-user-removed.json", "People"),
    ("webhooks__testdata__gitlab__system-user-renamed.json", "People"),
    ("webhooks__testdata__gitlab__tag-event.json", "Reference"),
    ("webhooks__testdata__gitlab__wikipage-event.json", ""),
];

/// What a hint is, by its name alone, whatever the number of its project.
fn name(delivery: Delivery) -> String {
    let Delivery::Hint(claimed) = delivery else { return String::new() };
    let known = match claimed.clone().check(&BTreeMap::new()) {
        Ok(hinted) => return format!("{:?}", hinted.hint),
        Err(Foreign(id)) => BTreeMap::from([(id, "acme/shop".to_owned())]),
    };
    let hinted = claimed.check(&known).unwrap();
    assert_eq!(hinted.repository.as_deref(), Some("acme/shop"));
    format!("{:?}", hinted.hint)
}

#[test]
fn every_recorded_delivery_is_understood_or_ignored_on_purpose() {
    let Some(folder) = corpus("webhooks-gitlab") else { return };
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| std::path::Path::new(file).extension().is_some_and(|it| it == "json"))
        .collect();
    files.sort();
    let listed: Vec<&str> = MEANT.iter().map(|(file, _)| *file).collect();
    assert_eq!(files, listed, "a delivery that no row is about");
    let mut wrong = Vec::new();
    for (file, meant) in MEANT {
        let body = std::fs::read(corpus(&format!("webhooks-gitlab/{file}")).unwrap()).unwrap();
        let found = name(delivered(&body));
        let kind = found.split([' ', '{']).next().unwrap_or_default();
        if kind != meant {
            wrong.push(format!("{file}: {found:?}, and not {meant:?}"));
        }
        // Bytes that are cut are an error, and no panic.
        let secret = HookSecret::token(&Secret::new("canary")).unwrap();
        let shown = Shown { token: &[b"canary"], ..Shown::default() };
        let cut = &body[..body.len() / 2];
        assert!(read(secret.verify(shown, cut, chrono::DateTime::UNIX_EPOCH).unwrap()).is_err(), "{file}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_not_known_is_ignored_and_what_is_ours_is_checked() {
    assert_eq!(delivered(b"{\"object_kind\": \"to_come\"}"), Delivery::Ignored);
    assert_eq!(delivered(b"{}"), Delivery::Ignored);
    let commit = "ab".repeat(20);
    let body = format!(
        r#"{{"object_kind": "deployment", "status": "created", "environment": "production", "short_sha": "abababab",
            "commit_url": "https://gitlab.example/acme/shop/-/commit/{commit}", "project": {{"id": 7}}}}"#
    );
    let Delivery::Hint(claimed) = delivered(body.as_bytes()) else { panic!("ignored") };
    assert_eq!(claimed.clone().check(&BTreeMap::from([(8, "acme/other".to_owned())])), Err(Foreign(7)));
    let hinted = claimed.check(&BTreeMap::from([(7, "acme/shop".to_owned())])).unwrap();
    assert_eq!(hinted.hint, Hint::Deployed { commit, environment: "production".to_owned() });
    // What waits for a hand may wait for ours; a pipeline that has ended may have a job that does.
    let waits = [
        r#"{"object_kind": "pipeline", "project": {"id": 7}, "object_attributes": {"id": 3, "status": "manual"}}"#,
        r#"{"object_kind": "build", "project_id": 7, "build_status": "manual", "pipeline_id": 3}"#,
        r#"{"object_kind": "deployment", "project": {"id": 7}, "status": "blocked"}"#,
        r#"{"object_kind": "pipeline", "project": {"id": 7}, "object_attributes": {"id": 3, "status": "success"},
            "builds": [{"status": "manual", "environment": {"name": "production"}}]}"#,
    ];
    for body in waits {
        let Delivery::Hint(claimed) = delivered(body.as_bytes()) else { panic!("ignored") };
        let hinted = claimed.check(&BTreeMap::from([(7, "acme/shop".to_owned())])).unwrap();
        assert_eq!(hinted.hint, Hint::MayWait, "{body}");
    }
    // Of a merge request that an external status check is asked about, the merge request is read again.
    let body = br#"{"object_kind": "merge_request", "project": {"id": 7}, "object_attributes": {"iid": 3},
        "external_approval_rule": {"id": 1}}"#;
    let Delivery::Hint(claimed) = delivered(body) else { panic!("ignored") };
    let hinted = claimed.check(&BTreeMap::from([(7, "acme/shop".to_owned())])).unwrap();
    assert_eq!(hinted.hint, Hint::PullRequest { number: 3 });
}
