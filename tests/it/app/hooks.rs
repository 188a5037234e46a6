//! What is taken of what comes to `/hooks/github`, and what is not.

use serde_json::json;

use super::{App, SECRET, asks, deliver, id, payload, reviews, shop, signature, takes, until, waits};
use crate::support::github::world::{REPOSITORY, Rule};

#[test]
fn t41_nothing_is_read_that_is_not_signed() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&[]);
    let body = waits(&github).to_string().into_bytes();
    let good = signature(SECRET, &body);
    let other = signature("another secret", &body);
    let sha1 = format!("sha1={}", "0".repeat(40));
    let upper = good.to_ascii_uppercase();
    let wrong: [&[(&str, &str)]; 6] = [
        &[],
        &[("x-hub-signature-256", &other)],
        &[("x-hub-signature", &sha1)],
        &[("x-hub-signature-256", &upper)],
        &[("x-hub-signature-256", &good), ("x-hub-signature-256", &good)],
        &[("x-hub-signature-256", &good), ("content-encoding", "gzip")],
    ];
    for signed in wrong {
        let id = id();
        let mut headers = vec![("x-github-event", "deployment_protection_rule"), ("x-github-delivery", id.as_str())];
        headers.extend(signed);
        let (status, _, said) = served.send("POST /hooks/github", &headers, &body);
        assert_eq!(status, 401, "{signed:?}: {}", String::from_utf8_lossy(&said));
    }
    let listed = app.world.run(&["db", "list", "deliveries", "--database", "sqlite:record.db"]);
    assert!(!listed.out.contains("github"), "{}", listed.out);
    assert_eq!(served.ask("GET /hooks/github").0, 405);
    assert_eq!(served.ask("GET /").0, 404);
}

#[test]
fn t42_a_delivery_is_taken_once_and_another_under_its_id_never() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&[]);
    let (name, other) = (id(), payload(json!({"action": "closed", "pull_request": {"number": 12}})));
    let one = payload(json!({"action": "opened", "pull_request": {"number": 12}}));
    assert_eq!(takes(&served, "pull_request", &name, &one), "recorded");
    assert_eq!(takes(&served, "pull_request", &name, &one), "recorded_before");
    assert_eq!(deliver(&served, "pull_request", &name, &other).unwrap().0, 409);
    // What no decision hangs on is not kept.
    assert_eq!(takes(&served, "star", &id(), &payload(json!({"action": "created"}))), "ignored");
    let listed = app.world.run(&["db", "list", "deliveries", "--database", "sqlite:record.db"]);
    assert_eq!(listed.out.matches("github").count(), 1, "{}", listed.out);
    // A form instead of JSON is told what is wrong with it.
    let body = b"payload=%7B%7D";
    let signed = signature(SECRET, body);
    let headers = [("x-github-event", "push"), ("x-github-delivery", "x1"), ("x-hub-signature-256", signed.as_str())];
    let (status, _, said) = served.send("POST /hooks/github", &headers, body);
    assert_eq!(status, 400);
    assert!(String::from_utf8(said).unwrap().contains("application/json"));
}

#[test]
fn t42_what_waits_no_longer_is_opened_by_no_delivery_that_says_it_does() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    // Somebody at GitHub has let it go meanwhile: nothing waits.
    github.with(|world| world.rules.clear());
    github.forget();
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("its end", || app.events("release_undecided").len() == 3);
    assert!(app.events("release_undecided").iter().all(|it| it["why"].to_string().contains("none of its runs waits")));
    assert!(app.events("release_decided").is_empty());
    let asked = |it: &crate::support::github::Asked| it.path.ends_with("/pending_deployments");
    assert!(github.asked().iter().any(asked), "its run says nothing of it, and so it was asked");
    assert_eq!(super::answers(&github), 0);
    github.with(|world| world.rules.insert((super::RUN, "production".to_owned()), Rule::default()));
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("an answer", || super::answers(&github) == 1);
}

#[test]
fn t44_what_somebody_elses_installation_says_of_a_repository_is_not_acted_on() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    super::asks(&github);
    for (installation, repository) in [(666, 77), (super::INSTALLATION, 78)] {
        let mut foreign = waits(&github);
        foreign["installation"] = json!({ "id": installation });
        foreign["repository"] = json!({ "id": repository, "full_name": REPOSITORY });
        takes(&served, "deployment_protection_rule", &id(), &foreign);
    }
    let looked = |name: &str| app.events(name).len();
    until("both to be looked at", || looked("delivery_foreign") + looked("delivery_unchecked") == 2);
    assert!(app.events("release_decided").is_empty());
    assert_eq!(super::told(&github), crate::support::github::world::Rule::default());
}
