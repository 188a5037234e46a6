//! The client: identity, pages, tags, limits, retries, and what it never does.

use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use countersign::forge::github::client::{AppKey, Base, Client, Fault, Identity, Pace, Priority, Resource, Secret};
use serde_json::{Value, json};

use crate::support::github::world::{APP, REPOSITORY};
use crate::support::github::{Github, TOKEN, Trouble};

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub fn client(github: &Github) -> Client {
    Client::new(Base::parse(&github.url()).unwrap(), Identity::Token(Secret::new(TOKEN))).unwrap()
}

fn activity(github: &Github, entries: usize) {
    github.with(|world| {
        for at in 0..entries {
            world.push("2026-12-01T09:00:00Z", "0", &format!("a{at}"), "push", "ana");
        }
    });
}

const ACTIVITY: &str = "/repos/acme/shop/activity";

/// A new key of an App: its PEM file, and the public key.
pub fn key() -> (String, Vec<u8>) {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    (pem, key.public_key().as_ref().to_vec())
}

pub fn app(github: &Github) -> Client {
    let (pem, public) = key();
    github.app_key(&public);
    let key = AppKey::read(APP, &Secret::new(&pem)).unwrap();
    let identity = Identity::App { key: key.into(), installation: None, repository: Some(REPOSITORY.to_owned()) };
    Client::new(Base::parse(&github.url()).unwrap(), identity).unwrap()
}

#[test]
fn github_is_found_by_the_address_that_people_open_and_by_that_of_its_interface() {
    for (written, rest, graphql) in [
        ("https://github.com", "https://api.github.com/x", "https://api.github.com/graphql"),
        ("https://api.github.com", "https://api.github.com/x", "https://api.github.com/graphql"),
        ("https://acme.ghe.com/", "https://api.acme.ghe.com/x", "https://api.acme.ghe.com/graphql"),
        ("https://git.acme.example", "https://git.acme.example/api/v3/x", "https://git.acme.example/api/graphql"),
        (
            "https://git.acme.example/api/v3",
            "https://git.acme.example/api/v3/x",
            "https://git.acme.example/api/graphql",
        ),
    ] {
        let base = Base::parse(written).unwrap();
        assert_eq!(base.rest("/x").unwrap().as_str(), rest);
        assert_eq!(base.graphql().as_str(), graphql);
    }
    for wrong in [
        "github.com",
        "http://github.com",
        "http://10.0.0.1",
        "https://user@github.com",
        "https://github.com/acme",
        "https://git.acme.example/other",
        "https://github.com?x=y",
        "file:///etc",
    ] {
        assert!(Base::parse(wrong).is_err(), "{wrong}");
    }
    // Nothing leads out of the interface.
    let base = Base::parse("https://git.acme.example").unwrap();
    for out in ["//evil.example/x", "/../../x", "https://evil.example/x"] {
        assert!(base.rest(out).is_none_or(|url| url.as_str().starts_with("https://git.acme.example/api/v3/")), "{out}");
    }
}

#[test]
fn a_list_is_read_to_its_last_page_or_is_none() {
    let github = Github::start();
    activity(&github, 7);
    github.page(3);
    let client = client(&github);
    let whole = run(client.list::<Value>(ACTIVITY)).unwrap();
    assert_eq!(whole.entries().len(), 7);
    assert_eq!(client.calls().rest, 3);
    // A page fails for good: there is no list.
    for _ in 0..4 {
        github.trouble("activity", Trouble::Answer(500, vec![], "<html>".to_owned()));
    }
    let fault = run(client.list::<Value>(ACTIVITY)).unwrap_err();
    assert!(matches!(fault, Fault::Server { status: 500, tries: 4, .. }), "{fault}");
    // A page that is cut in the middle is read again.
    let client = self::client(&github);
    github.trouble("activity", Trouble::Cut);
    assert_eq!(run(client.list::<Value>(ACTIVITY)).unwrap().entries().len(), 7);
    // What is no JSON is no list.
    github.forget();
    github.trouble("activity", Trouble::Answer(200, vec![], "[{\"id\": 1".to_owned()));
    assert!(matches!(run(client.list::<Value>(ACTIVITY)), Err(Fault::Unreadable { .. })));
}

#[test]
fn what_has_not_changed_costs_nothing() {
    let github = Github::start();
    activity(&github, 2);
    let client = client(&github);
    for _ in 0..3 {
        assert_eq!(run(client.list::<Value>(ACTIVITY)).unwrap().entries().len(), 2);
    }
    assert_eq!((client.calls().rest, client.calls().revalidated), (1, 2));
    activity(&github, 1);
    assert_eq!(run(client.list::<Value>(ACTIVITY)).unwrap().entries().len(), 3);
    assert_eq!((client.calls().rest, client.calls().revalidated), (2, 2));
}

#[test]
fn f07_what_is_read_is_tried_again_and_what_is_written_is_not() {
    let github = Github::start();
    let client = client(&github);
    github.trouble("activity", Trouble::Answer(502, vec![], "<html>Bad gateway</html>".to_owned()));
    github.trouble("activity", Trouble::Lost);
    assert!(run(client.list::<Value>(ACTIVITY)).is_ok());
    assert_eq!(github.asked().len(), 3);
    github.forget();
    github.trouble("comments", Trouble::Lost);
    let body = json!({"body": "held"});
    let written = run(client.write::<Value>(reqwest_method("POST"), "/repos/acme/shop/issues/1/comments", &body));
    let fault = written.unwrap_err();
    assert!(fault.leaves_doubt(), "{fault}");
    assert_eq!(github.asked().len(), 1);
}

fn reqwest_method(name: &str) -> countersign::forge::github::client::Method {
    name.parse().unwrap()
}

#[test]
fn f08_a_limit_is_waited_for_and_nothing_is_sent_meanwhile() {
    let github = Github::start();
    let client = client(&github);
    let headers = vec![("retry-after".to_owned(), "2".to_owned())];
    let said = r#"{"message": "You have exceeded a secondary rate limit."}"#;
    github.trouble("activity", Trouble::Answer(403, headers, said.to_owned()));
    let began = Instant::now();
    assert!(run(client.list::<Value>(ACTIVITY)).is_ok());
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(github.asked().len(), 2);
    // A refusal that is no limit is told at once.
    github.trouble(
        "activity",
        Trouble::Answer(403, vec![], r#"{"message": "Resource not accessible by integration"}"#.to_owned()),
    );
    let fault = run(client.list::<Value>(ACTIVITY)).unwrap_err();
    assert!(fault.to_string().contains("Resource not accessible by integration"), "{fault}");
}

#[test]
fn f08_limits_are_honoured_before_they_are_hit() {
    let now = Instant::now();
    let hour = Duration::from_hours(1);
    // 80 posts a minute, 500 an hour.
    let mut pace = Pace::default();
    let mut clock = now;
    let mut went = Vec::new();
    while went.len() < 520 {
        match pace.take(clock, Resource::Core, Priority::Deployment, true) {
            Ok(()) => went.push(clock),
            Err(until) => clock = until,
        }
    }
    for window in [(80, Duration::from_mins(1)), (500, hour)] {
        for at in 0..went.len() - window.0 {
            assert!(went[at + window.0] - went[at] >= window.1, "{window:?} at {at}");
        }
    }
    assert!(went[499] - now < Duration::from_secs(400), "no slower than it has to be");
    // However much is said on pull requests, a deployment that waits is not behind it.
    let mut pace = Pace::default();
    let mut checks = 0;
    while pace.take(now, Resource::Core, Priority::Person, true).is_ok() {
        checks += 1;
    }
    assert_eq!(checks, 70);
    for _ in 0..10 {
        assert_eq!(pace.take(now, Resource::Core, Priority::Deployment, true), Ok(()));
    }
    assert!(pace.take(now, Resource::Core, Priority::Deployment, true).is_err(), "80 a minute are all");
    // Of several processes each has its part, and they come together to no more.
    let mut pace = Pace::default();
    pace.shared(3);
    let went = (0..100).take_while(|_| pace.take(now, Resource::Core, Priority::Deployment, true).is_ok()).count();
    assert_eq!(went, 26);
    // What is left of an hour's allowance is a waiting deployment's.
    let mut pace = Pace::default();
    pace.stated(now, Resource::Core, 5000, 400, hour);
    assert_eq!(pace.take(now, Resource::Core, Priority::Sweep, false), Err(now + hour));
    assert_eq!(pace.take(now, Resource::Core, Priority::Person, false), Ok(()));
    pace.stated(now, Resource::Core, 5000, 50, hour);
    assert_eq!(pace.take(now, Resource::Core, Priority::Person, false), Err(now + hour));
    assert_eq!(pace.take(now, Resource::Core, Priority::Deployment, false), Ok(()));
    assert_eq!(pace.take(now, Resource::Graphql, Priority::Sweep, false), Ok(()), "GraphQL has its own");
    pace.stated(now, Resource::Core, 5000, 0, hour);
    assert_eq!(pace.take(now, Resource::Core, Priority::Deployment, false), Err(now + hour));
    assert_eq!(pace.take(now + hour, Resource::Core, Priority::Sweep, false), Ok(()), "the next hour is new");
    // An answer that was overtaken gives nothing back.
    let mut pace = Pace::default();
    pace.stated(now, Resource::Core, 5000, 0, hour);
    pace.stated(now, Resource::Core, 5000, 10, hour);
    assert!(pace.take(now, Resource::Core, Priority::Deployment, false).is_err());
    // A secondary limit closes both.
    let mut pace = Pace::default();
    pace.close(now, Resource::Core, Duration::from_mins(1), true);
    assert!(pace.take(now, Resource::Graphql, Priority::Deployment, false).is_err());
}

#[test]
fn an_app_asks_for_a_token_of_its_installation_once_and_again_when_it_counts_no_longer() {
    let github = Github::start();
    activity(&github, 1);
    let client = app(&github);
    for _ in 0..3 {
        assert_eq!(run(client.list::<Value>(ACTIVITY)).unwrap().entries().len(), 1);
    }
    let minted = || github.asked().iter().filter(|asked| asked.path.ends_with("access_tokens")).count();
    assert_eq!(minted(), 1);
    let asked = github.asked();
    let narrowed = asked.iter().find(|asked| asked.path.ends_with("access_tokens")).unwrap();
    assert_eq!(narrowed.body, json!({"repositories": ["shop"]}));
    github.revoke();
    assert_eq!(run(client.list::<Value>(ACTIVITY)).unwrap().entries().len(), 1);
    assert_eq!(minted(), 2);
    // T48: a suspended installation is refused, and nothing wider is tried.
    github.revoke();
    github.suspend(true);
    let fault = run(client.list::<Value>(ACTIVITY)).unwrap_err();
    assert!(fault.to_string().contains("suspended"), "{fault}");
}

#[test]
fn the_next_token_is_got_while_the_one_before_still_counts() {
    let github = Github::start();
    activity(&github, 1);
    github.with(|world| world.token_minutes = Some(5));
    let client = app(&github);
    let minted = || github.asked().iter().filter(|asked| asked.path.ends_with("access_tokens")).count();
    run(async {
        client.list::<Value>(ACTIVITY).await.unwrap();
        assert_eq!(minted(), 1);
        github.with(|world| world.token_minutes = None);
        // It is sent at once, with the token that is there.
        client.list::<Value>(ACTIVITY).await.unwrap();
        let asked = github.asked();
        let with: Vec<&String> =
            asked.iter().filter(|it| it.path.ends_with("/activity")).map(|it| &it.headers["authorization"]).collect();
        assert_eq!(with[0], with[1]);
        while minted() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.list::<Value>(ACTIVITY).await.unwrap();
        let last =
            github.asked().iter().rfind(|it| it.path.ends_with("/activity")).unwrap().headers["authorization"].clone();
        assert_ne!(*with[0], last);
        client.list::<Value>(ACTIVITY).await.unwrap();
        assert_eq!(minted(), 2, "and that one counts for an hour");
    });
}

#[test]
fn a_token_that_does_not_count_is_said_so_and_not_tried_again() {
    let github = Github::start();
    github.revoke();
    let fault = run(client(&github).list::<Value>(ACTIVITY)).unwrap_err();
    assert!(matches!(fault, Fault::Unauthorised { .. }), "{fault}");
    assert_eq!(github.asked().len(), 1);
}

#[test]
fn t59_nothing_is_followed_to_another_host_and_no_token_goes_there() {
    let (github, other) = (Github::start(), Github::start());
    let client = client(&github);
    let there = |status: u16, headers: Vec<(String, String)>| Trouble::Answer(status, headers, "[]".to_owned());
    let away = format!("{}{ACTIVITY}", other.url().replace("127.0.0.1", "localhost"));
    github.trouble("activity", there(302, vec![("location".to_owned(), away.clone())]));
    assert!(matches!(run(client.list::<Value>(ACTIVITY)), Err(Fault::Elsewhere { .. })));
    github.trouble("activity", there(200, vec![("link".to_owned(), format!("<{away}>; rel=\"next\""))]));
    assert!(matches!(run(client.list::<Value>(ACTIVITY)), Err(Fault::Elsewhere { .. })));
    assert!(other.asked().is_empty());
    // Within the same GitHub a repository that was renamed is followed.
    activity(&github, 1);
    let renamed = format!("{}/api/v3{ACTIVITY}?per_page=100", github.url());
    github.trouble("activity", there(301, vec![("location".to_owned(), renamed)]));
    assert_eq!(run(client.list::<Value>(ACTIVITY)).unwrap().entries().len(), 1);
}

#[test]
fn t60_no_fault_and_no_debugging_form_shows_a_token_or_a_key() {
    let github = Github::start();
    let client = app(&github);
    let shown = format!("{client:?}");
    let said: Vec<String> = [401, 403, 404, 422, 500, 599]
        .into_iter()
        .map(|status| {
            for _ in 0..5 {
                github.trouble("activity", Trouble::Answer(status, vec![], r#"{"message": "no"}"#.to_owned()));
            }
            run(client.list::<Value>(ACTIVITY)).unwrap_err().to_string()
        })
        .collect();
    for text in said.iter().chain([&shown]) {
        assert!(!text.contains("canary") && !text.contains("BEGIN") && !text.contains("eyJ"), "{text}");
    }
}
