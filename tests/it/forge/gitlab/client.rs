//! The client: where it sends, what it waits for, what it refuses.

use std::time::Instant;

use countersign::forge::gitlab::client::{Base, Client, Fault};
use countersign::forge::secret::Secret;
use serde_json::{Value, json};

use super::shop::{ask_with, shop};
use crate::forge::github::client::run;
use crate::support::gitlab::{Gitlab, Reply, TOKEN, reply};
use crate::support::run::World;

pub fn client(gitlab: &Gitlab) -> Client {
    Client::new(Base::parse(&gitlab.url()).unwrap(), Secret::new(TOKEN), None).unwrap()
}

const MEMBERS: &str = "/groups/acme%2Fshop-leads/members/all";

#[test]
fn a_gitlab_is_named_as_people_open_it_below_a_path_as_well() {
    for (written, rest, graphql) in [
        ("https://gitlab.com", "https://gitlab.com/api/v4/x", "https://gitlab.com/api/graphql"),
        ("https://gitlab.com/api/v4/", "https://gitlab.com/api/v4/x", "https://gitlab.com/api/graphql"),
        (
            "https://a.example:8443/git/lab/",
            "https://a.example:8443/git/lab/api/v4/x",
            "https://a.example:8443/git/lab/api/graphql",
        ),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/api/v4/x", "http://127.0.0.1:9/api/graphql"),
    ] {
        let base = Base::parse(written).unwrap();
        assert_eq!(base.rest("/x").unwrap().as_str(), rest);
        assert_eq!(base.graphql().as_str(), graphql);
    }
    for wrong in ["gitlab.com", "http://gitlab.com", "https://user@gitlab.com", "https://gitlab.com?x=y", "file:///etc"]
    {
        assert!(Base::parse(wrong).is_err(), "{wrong}");
    }
    // Nothing leads out of the interface.
    let base = Base::parse("https://a.example/git").unwrap();
    for out in ["//evil.example/x", "/../../x", "https://evil.example/x"] {
        assert!(base.rest(out).is_none_or(|url| url.as_str().starts_with("https://a.example/git/api/v4/")), "{out}");
    }
}

#[test]
fn a_limit_is_waited_for_and_nothing_is_followed_elsewhere() {
    let gitlab = shop();
    let client = client(&gitlab);
    let limited = Reply {
        status: 429,
        headers: vec![("retry-after".to_owned(), "1".to_owned())],
        body: "Retry later".to_owned(),
    };
    gitlab.trouble("members", limited);
    let began = Instant::now();
    assert_eq!(run(client.list::<Value>(MEMBERS)).unwrap().len(), 3);
    assert!(began.elapsed().as_millis() >= 900, "it waited as long as it was told");
    let fails = |status: u16, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        gitlab.trouble("members", Reply { status, headers, body: "[]".to_owned() });
        run(client.list::<Value>(MEMBERS)).unwrap_err()
    };
    // A limit for longer than anybody waits.
    let elsewhere = "<https://evil.example/api/v4/x>; rel=\"next\"";
    assert!(matches!(fails(200, &[("link", elsewhere)]), Fault::Elsewhere { .. }));
    let outside = format!("<{}/x>; rel=\"next\"", gitlab.url().trim_end_matches("/git"));
    assert!(matches!(fails(200, &[("link", &outside)]), Fault::Elsewhere { .. }));
    let there = format!("{}/api/v4/version", gitlab.url());
    assert!(matches!(fails(302, &[("location", &there)]), Fault::Elsewhere { .. }));
    assert!(matches!(fails(400, &[]), Fault::Refused { status: 400, .. }));
    assert!(matches!(fails(403, &[]), Fault::Forbidden { .. }));
    assert!(matches!(fails(429, &[("retry-after", "7200")]), Fault::Limited { .. }));
    // What is no list is none.
    let client = self::client(&gitlab);
    gitlab.trouble("members", reply(200, &json!({"message": "busy"})));
    assert!(matches!(run(client.list::<Value>(MEMBERS)), Err(Fault::Unreadable { .. })));
}

#[test]
fn a_token_that_counts_no_longer_is_said_and_never_shown() {
    let gitlab = shop();
    for _ in 0..50 {
        gitlab.trouble("/", reply(401, &json!({"message": "401 Unauthorized"})));
    }
    let asked = ask_with(&gitlab, &["--run", "900"]);
    assert_eq!(asked.said.code, 3, "{}", asked.said.err);
    assert!(asked.said.err.contains("expired or was revoked"), "{}", asked.said.err);
    assert!(!asked.said.err.contains(TOKEN));
    let client = client(&gitlab);
    assert!(!format!("{client:?}").contains(TOKEN));
}

#[test]
fn one_forge_is_named_and_further_authorities_are_certificates() {
    let world = World::with_policy(&super::shop::policy()).variable("COUNTERSIGN_GITLAB_TOKEN", TOKEN);
    let common = ["--environment", "production", "--commit", "0000000000000000000000000000000000000000"];
    let facts = |more: &[&str]| {
        let arguments: Vec<&str> = ["facts"].iter().chain(&common).chain(more).copied().collect();
        world.run(&arguments)
    };
    assert_eq!(facts(&[]).code, 2);
    assert_eq!(facts(&["--github", "acme/shop", "--gitlab", "acme/shop"]).code, 2);
    world.write("ca.pem", "no certificate");
    let said = facts(&["--gitlab", "acme/shop", "--gitlab-ca", "ca.pem"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("BEGIN CERTIFICATE"), "{}", said.err);
    let said = facts(&["--gitlab", "acme/shop", "--gitlab-url", "http://gitlab.example"]);
    assert!(said.err.contains("https://"), "{}", said.err);
}

#[test]
fn entries_that_are_too_large_together_are_read_fewer_at_once() {
    let gitlab = shop();
    let client = client(&gitlab);
    let large = || Reply { status: 200, headers: Vec::new(), body: format!("[\"{}\"]", "x".repeat(33 << 20)) };
    gitlab.trouble("members", large());
    gitlab.trouble("members", large());
    assert_eq!(run(client.list::<Value>(MEMBERS)).unwrap().len(), 3);
    let sizes = gitlab.asked().into_iter().map(|it| it.query[0].1.clone());
    assert_eq!(sizes.collect::<Vec<_>>(), ["100", "20", "4"]);
    // One that is too large alone is not left out.
    for _ in 0..4 {
        gitlab.trouble("members", large());
    }
    assert!(matches!(run(client.list::<Value>(MEMBERS)), Err(Fault::TooLarge { .. })));
}

#[test]
fn a_full_page_that_does_not_say_whether_there_is_another_is_no_list() {
    let gitlab = shop();
    let client = client(&gitlab);
    let full = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        gitlab.trouble("members", Reply { status: 200, headers, body: json!(vec![1; 100]).to_string() });
        run(client.list::<Value>(MEMBERS))
    };
    assert!(matches!(full(&[]), Err(Fault::Unreadable { .. })));
    assert_eq!(full(&[("x-next-page", "")]).unwrap().len(), 100);
}
