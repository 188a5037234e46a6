//! What was given up is shown to whoever administers the repository, with the reason, and is tried again when he says so.

use serde_json::json;

use super::super::messages::{self, webhook};
use super::super::{asks, deliver, id, ledger, payload, reviews, shop, until};
use super::{ORIGIN, Shown, begin};
use crate::support::github::Trouble;
use crate::support::receiver::{Answer, Receiver};

const PAGE: &str = "/given-up";

fn gauge(it: &Shown, name: &str) -> Option<String> {
    let (_, _, body) = it.served.ask("GET /metrics");
    let body = String::from_utf8(body).unwrap();
    body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
}

/// A release of which people are told where nobody takes it any more; `bo` administers its repository.
fn refused() -> (Receiver, Shown) {
    let receiver = Receiver::start();
    receiver.next([Answer::Status(410, String::new())]);
    let url = format!("http://{}/x", receiver.address);
    let github = shop();
    ledger::policy(&github, &messages::told(&format!("notify: {{ webhook: '{url}' }}\n")));
    github.with(|world| world.admins.push("bo".to_owned()));
    asks(&github);
    let hook = format!("--message-webhook={url}=new");
    let app = super::super::App::new(&github);
    app.world.write("new", webhook::SECRET);
    let served = super::serve(&app, &["--private-webhooks", &hook]);
    until("a message that is not taken", || receiver.came().len() == 1);
    until("its end", || messages::attempts(&app).iter().any(|(_, outcome)| outcome == "given_up"));
    (receiver, Shown { app, github, served })
}

#[test]
fn what_was_given_up_is_shown_to_whoever_administers_and_sent_when_he_says_so() {
    let (receiver, it) = refused();
    until("the count", || gauge(&it, "countersign_given_up").as_deref() == Some("1"));
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    assert!(it.get(&bo, "/").text().contains("href=\"/given-up\""));
    let page = it.get(&bo, PAGE);
    let text = page.text();
    assert!(text.contains("a message to people, to webhook:http://"), "{text}");
    assert!(text.contains("the receiver says that it is gone (410)"), "{text}");
    let effect = page.field("effect");

    // Whoever only works there sees none of it, and can have nothing sent.
    let others = it.get(&carla, PAGE);
    assert_eq!(others.status, 200);
    assert!(others.text().contains("There is nothing.") && !others.text().contains("410"), "{}", others.text());
    let form = |token: &str| format!("token={token}&effect={effect}");
    let address = &it.served.address;
    assert_eq!(carla.post(address, "/again", ORIGIN, &form(&others.field("token"))).status, 404);
    assert_eq!(bo.post(address, "/again", "https://elsewhere.example", &form(&page.field("token"))).status, 403);
    assert_eq!(bo.post(address, "/again", ORIGIN, &form(&others.field("token"))).status, 403);
    assert_eq!(bo.post(address, "/again", ORIGIN, &format!("token={}&effect=1", page.field("token"))).status, 404);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(receiver.came().len(), 1);

    let sent = bo.post(address, "/again", ORIGIN, &form(&page.field("token")));
    assert_eq!((sent.status, sent.header("location")), (303, Some("/given-up?again=begun")), "{}", sent.text());
    until("it is sent", || receiver.came().len() == 2);
    until("the count", || gauge(&it, "countersign_given_up").as_deref() == Some("0"));
    let after = it.get(&bo, "/given-up?again=begun").text();
    assert!(after.contains("It is tried again") && after.contains("There is nothing."), "{after}");
    // It says who had it sent, and once is enough.
    assert_eq!(bo.post(address, "/again", ORIGIN, &form(&page.field("token"))).status, 404);
    let again = it.app.events("effect_again");
    assert_eq!(again.len(), 1);
    assert_eq!(again[0]["by"], "github:bo");
}

#[test]
fn an_answer_that_a_later_one_took_the_place_of_is_nobodys_business() {
    let github = shop();
    github.with(|world| world.admins.push("bo".to_owned()));
    asks(&github);
    let it = begin(github, &[]);
    for _ in 0..50 {
        it.github.trouble("runs/900/deployment_protection_rule", Trouble::Answer(502, vec![], String::new()));
    }
    reviews(&it.github, "bo", "APPROVED");
    let failed = || it.app.events("effect_attempted").iter().any(|it| it["outcome"] == "failed");
    until("an answer that does not arrive", failed);
    it.github.with(|world| world.runs.clear());
    // What a later answer took the place of ends as well, and for another reason.
    let gone = || {
        it.app.events("effect_attempted").iter().any(|it| it["outcome"] == "refused" && it["why"] == "the run is gone")
    };
    until("its end", gone);
    let dead = || it.app.world.run(&["db", "outbox", "list", "--dead", "--database", &it.app.database]).out;
    until("the record of that", || dead().contains("the run is gone"));
    // It is counted right after it was recorded, and by every sweep.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(gauge(&it, "countersign_given_up").as_deref(), Some("0"));
    let bo = it.login("bo");
    assert!(it.get(&bo, PAGE).text().contains("There is nothing."));
}

#[test]
fn a_delivery_that_nobody_can_place_is_shown_until_its_repository_is_read() {
    let github = shop();
    github.with(|world| world.admins.push("bo".to_owned()));
    asks(&github);
    let it = begin(github, &[]);
    // It is of an installation that GitHub knows nothing of.
    let mut body = payload(json!({"action": "labeled", "pull_request": {"number": 12}}));
    body["installation"]["id"] = json!(999);
    let seen = || !it.app.events("delivery_unchecked").is_empty();
    let name = id();
    let (status, ..) = deliver(&it.served, "pull_request", &name, &body).unwrap();
    assert_eq!(status, 202);
    until("it is looked at", seen);
    // The sweep comes every second here.
    until("the repository is read", || gauge(&it, "countersign_unread_deliveries").as_deref() == Some("0"));
    let bo = it.login("bo");
    assert!(it.get(&bo, PAGE).text().contains("There is nothing."));
}
