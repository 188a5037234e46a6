//! What deliveries are hints of: every published example is understood or left out, and nothing is acted on unchecked
//! (T44).

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use countersign::forge::github::client::{Base, Secret};
use countersign::forge::github::event::{self, Claimed, Delivery, Foreign, Hint, Unreadable};
use countersign::forge::github::read::installation;
use countersign::forge::github::signature::WebhookSecret;
use serde_json::{Value, json};

use super::client::{client, run};
use crate::support::corpus;
use crate::support::github::Github;
use crate::support::github::described::package;
use crate::support::github::world::{INSTALLATION, REPOSITORY, REPOSITORY_ID};

fn read_bytes(event: &str, body: &[u8]) -> Result<Delivery, Unreadable> {
    let secret = WebhookSecret::new(&Secret::new("secret")).unwrap();
    let digest = sign(&Key::new(HMAC_SHA256, b"secret"), body);
    let digits = digest.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let delivery = secret.verify(&[format!("sha256={digits}").as_bytes()], body).unwrap();
    event::read(event, delivery, &Base::parse("https://github.com").unwrap())
}

fn read(event: &str, payload: &Value) -> Delivery {
    read_bytes(event, payload.to_string().as_bytes()).unwrap()
}

fn claimed(event: &str, payload: &Value) -> Claimed {
    match read(event, payload) {
        Delivery::Hint(claimed) => claimed,
        Delivery::Ignored => panic!("{event} is left out"),
    }
}

/// The hint of a payload, after its repository was compared with what the installation has.
fn hint(event: &str, payload: &Value) -> Hint {
    let mut payload = payload.clone();
    payload["installation"] = json!({"id": INSTALLATION});
    if payload["repository"].is_null() {
        payload["repository"] = json!({"id": REPOSITORY_ID, "full_name": REPOSITORY});
    }
    payload["repository"]["id"] = json!(REPOSITORY_ID);
    let github = Github::start();
    let installed = run(installation::repositories(&client(&github), INSTALLATION)).unwrap();
    claimed(event, &payload).check(&installed).unwrap().hint().clone()
}

fn waiting(callback: &str) -> Value {
    json!({
        "action": "requested", "environment": "production", "event": "push", "deployment_callback_url": callback,
        "deployment": {"sha": "a".repeat(40), "ref": "main"},
        "repository": {"id": REPOSITORY_ID, "full_name": REPOSITORY},
        "installation": {"id": INSTALLATION},
    })
}

#[test]
fn every_published_example_is_understood_or_deliberately_left_out() {
    let mut read_here = 0;
    let mut precise = 0;
    for folder in ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"] {
        let Some(file) = package(&format!("@octokit/webhooks-examples/{folder}/index.json")) else { return };
        let events: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for event in events.as_array().unwrap() {
            for example in event["examples"].as_array().unwrap() {
                let name = event["name"].as_str().unwrap();
                read_here += 1;
                if let Delivery::Hint(_) = read(name, example) {
                    let vague = matches!(hint(name, example), Hint::Repository);
                    assert!(!vague, "{folder}: {name} says too little: {example}");
                    precise += 1;
                }
            }
        }
    }
    assert!(read_here > 700 && precise > 400, "{read_here} examples, {precise} hints");
}

#[test]
fn every_recorded_payload_is_understood_or_left_out() {
    let Some(folder) = corpus("webhooks-github-extra") else { return };
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().rsplit("__").next().unwrap().replace('-', "_");
        read_bytes(&name, &std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        files += 1;
    }
    assert!(files >= 18, "{files}");
}

#[test]
fn a_deployment_that_waits_is_one_and_its_callback_is_only_compared() {
    let callback = format!("https://api.github.com/repos/{REPOSITORY}/actions/runs/900/deployment_protection_rule");
    let expected = Hint::DeploymentWaits {
        environment: "production".to_owned(),
        commit: "a".repeat(40),
        reference: Some("main".to_owned()),
        run: 900,
    };
    assert_eq!(hint("deployment_protection_rule", &waiting(&callback)), expected);
    assert!(expected.is_urgent());
    for elsewhere in [
        callback.replace("api.github.com", "api.github.com.evil.example"),
        callback.replace("https", "http"),
        callback.replace("acme/shop", "acme/other"),
        callback.replace("acme/shop", "acme/shop/../other"),
        callback.replace("/900/", "/900/approvals/"),
        callback.replace("api.", "user@api."),
        format!("{callback}?x=y"),
        "not a URL".to_owned(),
        String::new(),
    ] {
        // It is still a hint that something happened there.
        assert_eq!(hint("deployment_protection_rule", &waiting(&elsewhere)), Hint::Repository, "{elsewhere}");
    }
}

#[test]
fn every_field_may_be_missing() {
    for event in [
        "deployment_protection_rule",
        "deployment_review",
        "deployment",
        "deployment_status",
        "pull_request",
        "pull_request_review",
        "issue_comment",
        "issues",
        "check_run",
        "check_suite",
        "workflow_run",
        "push",
    ] {
        assert_eq!(hint(event, &json!({})), Hint::Repository, "{event}");
    }
    assert_eq!(hint("membership", &json!({})), Hint::People);
    assert_eq!(read("star", &json!({})), Delivery::Ignored);
    assert_eq!(read("an_event_to_come", &json!({})), Delivery::Ignored);
    for broken in [&b"["[..], b"[]", b"", b"\xff", b"payload=%7B%7D"] {
        let error = read_bytes("push", broken).unwrap_err();
        assert!(error.to_string().contains("application/json"), "{error}");
    }
}

#[test]
fn events_name_what_is_read_again() {
    let sha = "b".repeat(40);
    let pull = json!({"issue": {"number": 7, "pull_request": {"url": ""}}});
    assert_eq!(hint("issue_comment", &pull), Hint::PullRequest { number: 7 });
    assert_eq!(hint("issue_comment", &json!({"issue": {"number": 7}})), Hint::Issue { number: 7 });
    let pressed = json!({"action": "requested_action", "requested_action": {"identifier": "approve"},
        "check_run": {"id": 5, "head_sha": sha}});
    let button = |by: &str| Hint::Button {
        check_run: 5,
        identifier: "approve".to_owned(),
        commit: sha.clone(),
        by: by.to_owned(),
    };
    // Of nobody, of an App and of a person.
    assert_eq!(hint("check_run", &pressed), button(""));
    let mut by = pressed;
    for (kind, login) in [("Bot", ""), ("Organization", ""), ("User", "ana")] {
        by["sender"] = json!({"login": "ana", "type": kind});
        assert_eq!(hint("check_run", &by), button(login), "{kind}");
    }
    let again = json!({"action": "rerequested", "check_run": {"id": 5, "head_sha": sha}});
    assert_eq!(hint("check_run", &again), Hint::Checks { commit: sha });
    let tag = json!({"ref": "v1", "ref_type": "tag"});
    assert_eq!(hint("create", &tag), Hint::Reference { name: "refs/tags/v1".to_owned() });
}

#[test]
fn t44_a_payload_that_names_somebody_elses_repository_is_not_acted_on() {
    let github = Github::start();
    let installed = run(installation::repositories(&client(&github), INSTALLATION)).unwrap();
    let push = |repository: u64, installation: Value| {
        claimed(
            "push",
            &json!({"ref": "refs/heads/main", "installation": installation,
                "repository": {"id": repository, "full_name": "acme/shop"}}),
        )
    };
    let ours = json!({"id": INSTALLATION});
    // The name is the one that GitHub listed, whatever the payload calls it.
    let renamed = claimed(
        "push",
        &json!({"ref": "refs/heads/main", "installation": ours, "repository": {"id": REPOSITORY_ID, "full_name": "victim/shop"}}),
    );
    let checked = renamed.check(&installed).unwrap();
    assert_eq!((checked.installation(), checked.repository()), (INSTALLATION, Some(REPOSITORY)));
    assert_eq!(push(1, ours).check(&installed), Err(Foreign::OtherRepository(1)));
    assert_eq!(push(REPOSITORY_ID, json!({"id": 1})).check(&installed), Err(Foreign::OtherInstallation(1)));
    assert_eq!(push(REPOSITORY_ID, Value::Null).check(&installed), Err(Foreign::NoInstallation));
}
