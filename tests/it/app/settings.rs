//! What the app is set by: options, variables, a file; and what is said where one is wrong.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{App, shop, until};

#[test]
fn what_is_missing_or_wrong_is_said_and_nothing_is_started() {
    let github = shop();
    let app = App::new(&github);
    app.world
        .write("empty", "\n")
        .write("bad.yml", "listen: 127.0.0.1:0\nlisten-to: x\n")
        .write("p.yml", "version: 7\n");
    let cases: [(&[&str], &str); 9] = [
        (&["--webhook-secret-file", "empty"], "is empty"),
        (&["--webhook-secret-file", "nowhere"], "nowhere"),
        (&["--app-key", "secret"], "PEM"),
        (&["--sweep", "0"], "1 to 300"),
        (&["--listen", "somewhere"], "no address to listen on"),
        (&["--config", "bad.yml"], "listen-to"),
        (&["--since", "acme/shop=51"], "owner/name:environment=commit"),
        (&["--since", "acme/shop:production=main"], "owner/name:environment=commit"),
        (&["--policy", "p.yml"], "mistakes"),
    ];
    for (more, says) in cases {
        let mut options = app.options();
        if let Some(at) = options.iter().position(|it| it == more[0]) {
            options.drain(at..at + 2);
        }
        let arguments: Vec<&str> = ["serve"].into_iter().chain(options.iter().map(String::as_str)).collect();
        let said = app.world.run(&[&arguments[..], more].concat());
        assert_eq!(said.code, 2, "{more:?}: {}", said.err);
        assert!(said.err.contains(says), "{more:?}: {}", said.err);
    }
    let said = app.world.run(&["serve", "--database", "sqlite:record.db"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`--app`"), "{}", said.err);
}

#[test]
fn a_file_sets_what_neither_an_option_nor_a_variable_does() {
    let github = shop();
    let app = App::new(&github);
    app.world.write(
        "serve.yml",
        format!(
            "database: sqlite:record.db\nlog-key: log.key\nlisten: 127.0.0.1:1\napp: '{}'\napp-key: app.pem\n\
             webhook-secret-file: secret\nwithout-artifacts: [checkout]\ngithub-url: http://127.0.0.1:1\n",
            super::APP
        ),
    );
    let mut command = app.world.command();
    command.env("COUNTERSIGN_GITHUB_URL", github.url());
    command.args(["serve", "--config", "serve.yml", "--listen", "127.0.0.1:0"]);
    let served = crate::support::served::Served::start(command, "the app listens on http://");
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
}

#[test]
fn an_app_that_is_named_by_its_client_id_finds_what_waits() {
    let github = shop();
    super::asks(&github);
    let app = App::new(&github);
    let mut options = app.options_without("--app");
    options.extend(["--app".to_owned(), crate::support::github::login::CLIENT.to_owned()]);
    let _served = app.start_with(&options, &["--sweep", "1"]);
    until("a report", || !super::told(&github).reports.is_empty());
}

#[test]
fn it_ends_in_order_when_it_is_told_to() {
    let github = shop();
    let app = App::new(&github);
    let mut served = app.start(&[]);
    until("life", || served.ask("GET /healthz").0 == 200);
    let begun = Instant::now();
    let told = std::process::Command::new("kill").arg(served.child.id().to_string()).status().unwrap();
    assert!(told.success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(app.events("ended")[0]["in_order"], true);
}

/// The permission that GitHub wants for a request, by its documentation, and whether to write; `None` where none is.
fn permission(method: &str, path: &str) -> Option<(&'static str, bool)> {
    let writes = method != "GET";
    let path = path.strip_prefix("/api/v3/").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        // GraphQL asks for what REST does, and for the members of teams.
        ["", "api", "graphql"]
        | ["app" | "installation" | "user" | "users", ..]
        | ["repos", _, _, "collaborators", ..]
        | ["repos", _, _, "installation"] => None,
        ["repos", _, _, "actions", "runs", _, "deployment_protection_rule"] => Some(("deployments", writes)),
        ["repos", _, _, "actions" | "environments", ..] => Some(("actions", writes)),
        ["repos", _, _, "check-runs", ..] | ["repos", _, _, "commits", _, "check-runs"] => Some(("checks", writes)),
        ["repos", _, _, "issues"] | ["repos", _, _, "issues", _, "labels", ..] if writes => Some(("issues", true)),
        ["repos", _, _, "issues", ..] if writes => Some(("pull requests", true)),
        ["repos", _, _, "issues", ..] => Some(("issues", false)),
        ["repos", _, _, "pulls", ..] => Some(("pull requests", writes)),
        ["repos", _, _, "compare" | "contents" | "commits" | "activity", ..] => Some(("contents", writes)),
        _ => panic!("which permission is needed for {method} {path}?"),
    }
}

#[test]
fn what_the_app_asks_of_github_is_what_the_help_says_that_it_needs() {
    let github = super::talk::proposed();
    super::reviews_before(&github);
    github.with(|world| world.comment(13, "IC_1", "carla", "/countersign frob", &super::ago(1)).is_null());
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("an answer", || super::told(&github).decided.is_some());
    let written = |kind: &str| !super::talk::written(&github, kind).is_empty();
    until("a check and a reply", || written("check-runs") && written("issues/13/comments"));
    // The next one needs a change record.
    let policy = super::POLICY.to_owned() + "change: { system: issues, create: true }\n";
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    super::next_release(&github);
    until("a change record", || written("issues"));
    let asked = github.asked();
    let needed = asked.iter().filter_map(|it| permission(&it.method, &it.path));
    let (write, read): (BTreeSet<_>, BTreeSet<_>) = needed.partition(|(_, writes)| *writes);
    let write: BTreeSet<&str> = write.into_iter().map(|(name, _)| name).collect();
    let mut read: BTreeSet<&str> = read.into_iter().map(|(name, _)| name).filter(|it| !write.contains(it)).collect();
    read.insert("members");

    let help = app.world.run(&["serve", "--help"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = help.split_once("needs the permissions ").unwrap();
    let (reads, rest) = rest.split_once(" to read, ").unwrap();
    let (writes, _) = rest.split_once(" to write").unwrap();
    let named = |text: &'static str| text.split(", ").flat_map(|it| it.split(" and ")).collect::<BTreeSet<_>>();
    let (reads, writes) = (named(reads.to_owned().leak()), named(writes.to_owned().leak()));
    assert_eq!((reads, writes), (read, write));
}

#[test]
fn f16_a_second_app_does_not_write_to_the_same_file() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&[]);
    let options = app.options();
    let arguments: Vec<&str> = ["serve"].into_iter().chain(options.iter().map(String::as_str)).collect();
    let said = app.world.run(&arguments);
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("record.db"), "{}", said.err);
    drop(served);
}

#[test]
fn the_pages_are_set_up_whole_or_not_at_all() {
    let github = shop();
    let app = App::new(&github);
    app.world.write("client", "a client secret\n").write("empty", "\n");
    let whole =
        ["--client-id", "Iv23", "--client-secret-file", "client", "--public-url", "https://countersign.example"];
    let without = |option: &str, instead: &[&'static str]| {
        let at = whole.iter().position(|it| *it == option).unwrap();
        [&whole[..at], instead, &whole[at + 2..]].concat()
    };
    let cases: [(Vec<&str>, &str); 11] = [
        (without("--client-id", &[]), "--client-id"),
        (without("--client-secret-file", &[]), "--client-secret-file"),
        (without("--public-url", &[]), "--public-url"),
        (without("--client-id", &["--client-id", "Iv 23"]), "no client id"),
        (without("--client-secret-file", &["--client-secret-file", "empty"]), "is empty"),
        (without("--public-url", &["--public-url", "http://countersign.example"]), "https://"),
        (without("--public-url", &["--public-url", "https://countersign.example/app"]), "more in it"),
        (without("--public-url", &["--public-url", "https://bo@countersign.example"]), "more in it"),
        (without("--public-url", &["--public-url", "countersign"]), "no address"),
        ([&whole[..], &["--recheck", "0"]].concat(), "1 to 60"),
        ([&whole[..], &["--recheck", "61"]].concat(), "1 to 60"),
    ];
    for (more, says) in cases {
        let options = app.options();
        let arguments: Vec<&str> = ["serve"].into_iter().chain(options.iter().map(String::as_str)).collect();
        let said = app.world.run(&[&arguments[..], &more].concat());
        assert_eq!(said.code, 2, "{more:?}: {}", said.err);
        assert!(said.err.contains(says), "{more:?}: {}", said.err);
    }
    // A file sets them as well.
    app.world.write(
        "serve.yml",
        "client-id: Iv23\nclient-secret-file: client\npublic-url: http://127.0.0.1:8080/\nrecheck: 5\n",
    );
    let served = app.start(&["--config", "serve.yml"]);
    let (status, head, _) = served.ask("GET /login");
    assert_eq!(status, 303, "{head}");
    assert!(head.contains("client_id=iv23") && head.contains("127.0.0.1%3a8080%2flogin%2fback"), "{head}");
    // What never leaves this machine needs no TLS, and its cookie says nothing else.
    assert!(head.contains("set-cookie: countersign-login=") && !head.contains("secure"), "{head}");
}
