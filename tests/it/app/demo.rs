//! `countersign demo`: the walk, with the real binary, and what it leaves open to look at and act in.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::app::until;
use crate::support::browser::Browser;
use crate::support::run::World;
use crate::support::served::Served;

#[test]
fn the_walk_comes_to_what_it_tells() {
    walks(&[], &["its run on GitHub", "in at GitHub itself"]);
}

#[test]
fn the_same_walk_comes_to_the_same_on_gitlab() {
    walks(&["--gitlab"], &["a status in its pipeline on GitLab", "who administers GitLab", "/-/merge_requests/12"]);
}

/// Takes the walk, which tells this beside what it tells everywhere.
fn walks(more: &[&str], tells: &[&str]) {
    let world = World::new();
    let said = world.run(&[&["demo", "--once", "--folder", "demo"], more].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "It is Thursday",
        "approvals from shop-owner",
        "refused, with the reason",
        "does not count",
        "bo approves as shop-owner",
        "sue approves as security",
        "the deployment goes, by itself",
        "its job ends: failure",
        "olu approves as operations",
        "no decision let it in",
        "olu does the first of them",
        "It is Friday",
        "friday-afternoon",
        "It is Monday",
        "it waits for you",
        "countersign log verify",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for part in tells {
        assert!(told.contains(part), "{part}: {told}");
    }
    let verified = world.run(&["log", "verify", "--database", "sqlite:demo/record.db", "--log-key", "demo/log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    // Evidence came under tokens of jobs.
    let listed = world.run(&["db", "list", "evidence", "--database", "sqlite:demo/record.db"]);
    assert!(listed.out.contains("reports/tests.xml"), "{}{}", listed.out, listed.err);
    let log = world.read("demo/app.log");
    for event in ["release_decided", "acted", "logged_in"] {
        assert!(log.contains(&format!("\"event\":\"{event}\"")), "{event}: {log}");
    }
    // The sandbox's deliveries came signed, and each was taken.
    assert!(log.matches("\"says\":\"recorded\"").count() > 10, "{log}");
    for undone in ["\"status\":401", "delivery_foreign", "release_undecided", "page_failed", "changes_unread"] {
        assert!(!log.contains(undone), "{undone}: {log}");
    }
    // A folder holds one demo.
    let again = world.run(&[&["demo", "--once", "--folder", "demo"], more].concat());
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("is not empty"), "{}", again.err);
}

/// Somebody logs in at the demo, choosing at the sandbox who he is.
fn comes(app: &str, login: &str) -> Browser {
    let browser = Browser::default();
    let begun = browser.get(app, "/login?to=/");
    let there = begun.header("location").unwrap().to_owned();
    let there = there.strip_prefix("http://").unwrap();
    let (github, path) = there.split_once('/').unwrap();
    let asked = browser.get(github, &format!("/{path}"));
    assert!(asked.text().contains("Who are you?"), "{}", asked.text());
    let (path, query) = path.split_once('?').unwrap();
    let origin = format!("http://{github}");
    // A page of elsewhere says for nobody who he is.
    let form = format!("{query}&person={login}");
    assert_eq!(browser.post(github, &format!("/{path}"), "http://evil.example", &form).status, 404);
    let allowed = browser.post(github, &format!("/{path}"), &origin, &form);
    let back = allowed.header("location").unwrap().to_owned();
    let back = back.strip_prefix(&format!("http://{app}")).unwrap();
    assert_eq!(browser.get(app, back).status, 303);
    browser
}

#[test]
fn its_pages_stay_open_to_act_in_as_any_of_its_people_until_it_is_ended() {
    stays_open(&[], "acme/shop/pull/");
}

#[test]
fn its_pages_stay_open_on_gitlab_too() {
    stays_open(&["--gitlab"], "acme/shop/-/merge_requests/");
}

fn stays_open(more: &[&str], change: &str) {
    let world = World::new();
    let mut command = world.command();
    command.args(["demo", "--folder", "demo"]).args(more).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    for line in out.lines() {
        told.push_str(&line.unwrap());
        told.push('\n');
        if told.contains("the sandbox: changes") {
            break;
        }
    }
    assert!(told.contains("Ctrl-C"), "{told}");
    let (_, rest) = told.split_once("app      http://").unwrap();
    let app = rest.split('/').next().unwrap().to_owned();
    let mut served = Served { child, address: app.clone() };

    let carla = comes(&app, "carla");
    let list = carla.get(&app, "/").text();
    assert!(list.contains("<h2>Waiting</h2>") && list.contains("logged in as <strong>carla</strong>"), "{list}");
    let (_, waiting) = list.split_once("<h2>Waiting</h2>").unwrap();
    let (_, path) = waiting.split_once("href=\"/release").unwrap();
    let path = format!("/release{}", path.split('"').next().unwrap().replace("&amp;", "&"));
    let page = carla.get(&app, &path).text();
    assert!(page.contains("Approve as shop-owner</button>"), "{page}");
    // What goes is said, and leads to the sandbox.
    assert!(page.contains("<h2>What goes</h2>") && page.contains(change), "{page}");
    // What went past waits for nobody, as soon as the app has seen that its run is over.
    until("what went past", || carla.get(&app, "/").text().contains("<h2>Went past a decision</h2>"));
    // The style sheet says on each page that none of this is real.
    assert!(carla.get(&app, "/style.css").text().contains("It is Monday"));
    // She acts, and the app hears it.
    let fields = ["token", "repository", "release", "environment", "shown"];
    let of = carla.get(&app, &path);
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let mut form: Vec<String> = fields.iter().map(|name| format!("{name}={}", encoded(&of.field(name)))).collect();
    form.push(format!("does=reject&reason={}", encoded("the dates are wrong on Sundays")));
    let sent = carla.post(&app, "/act", &format!("http://{app}"), &form.join("&"));
    assert_eq!(sent.status, 303, "{}", sent.text());

    // Whoever may not read the repository sees nothing of it.
    let eve = comes(&app, "eve");
    assert!(!eve.get(&app, "/").text().contains("shop"), "{}", eve.get(&app, "/").text());
    assert_eq!(eve.get(&app, &path).status, 404);

    let pid = served.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    let verified = world.run(&["log", "verify", "--database", "sqlite:demo/record.db", "--log-key", "demo/log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

/// The demo at work, with what it says, from a line on.
fn begun(world: &World, says: &str) -> (std::process::Child, String) {
    let mut command = world.command();
    command.args(["demo", "--folder", "demo"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains(says)).unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    (child, line)
}

#[test]
fn a_demo_that_was_suspended_says_why_it_ends() {
    let world = World::new();
    let (mut child, _) = begun(&world, "the sandbox: changes");
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    // A lid that is closed for longer than the app's lease.
    signal("-STOP");
    std::thread::sleep(std::time::Duration::from_secs(20));
    signal("-CONT");
    let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        if std::time::Instant::now() > end {
            child.kill().unwrap();
            panic!("it goes on and does nothing");
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(ended.code(), Some(3), "{said}");
    assert!(said.contains("the demo has ended") && said.contains("app.log"), "{said}");
}

#[test]
fn the_sandbox_never_comes_to_the_end_of_what_it_allows() {
    let world = World::new();
    let (child, line) = begun(&world, "sandbox  http://");
    let address = line.trim().trim_start_matches("sandbox  http://").trim_end_matches('/').to_owned();
    let _served = Served { child, address: address.clone() };
    let nobody = Browser::default();
    let mut full: Vec<i64> = Vec::new();
    for _ in 0..4_500 {
        let reply = nobody.get(&address, "/api/v3/user");
        let of = |name: &str| reply.header(name).unwrap().parse::<i64>().unwrap();
        // The app keeps 500 for deployments and people, and reads nothing by itself from there on.
        assert!(of("x-ratelimit-remaining") > 1_000);
        if full.last() != Some(&of("x-ratelimit-reset")) {
            full.push(of("x-ratelimit-reset"));
        }
    }
    // An hour is known by its end, and a new one is told apart from the one before.
    assert!(full.len() == 2 && full[1] - full[0] >= 60, "{full:?}");
}

/// A demo that goes on, with the address of its sandbox.
fn sandbox(world: &World, more: &[&str]) -> Served {
    let mut command = world.command();
    command.args(["demo", "--folder", "demo"]).args(more).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("sandbox  http://")).unwrap();
    let address = line.trim().trim_start_matches("sandbox  http://").trim_end_matches('/').to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    Served { child, address }
}

#[test]
fn the_sandbox_of_gitlab_tells_nobody_anything_without_proof() {
    let world = World::new();
    let served = sandbox(&world, &["--gitlab"]);
    let (nobody, address) = (Browser::default(), served.address.as_str());
    for path in ["/api/v4/user", "/api/v4/projects", "/api/v4/projects/acme%2Fshop", "/api/v4/projects/77/deployments"]
    {
        assert_eq!(nobody.get(address, path).status, 401, "{path}");
        let guessed = [("authorization", "Bearer glpat-guessed")];
        assert_eq!(nobody.send(address, &format!("GET {path}"), &guessed, "").status, 401, "{path}");
    }
    let json = [("content-type", "application/json")];
    assert_eq!(nobody.send(address, "POST /api/graphql", &json, r#"{"query": "query { x }"}"#).status, 401);
    let voted = nobody.send(address, "POST /api/v4/projects/77/deployments/1/approval", &json, "{}");
    assert_eq!(voted.status, 401);
    let trade = "client_id=Iv23liSANDBOX&client_secret=guessed&code=guessed&grant_type=authorization_code";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(nobody.send(address, "POST /oauth/token", &form, trade).status, 400);
}

#[test]
fn the_sandbox_tells_nobody_anything_without_proof() {
    let world = World::new();
    let served = sandbox(&world, &[]);
    let address = served.address.clone();
    let nobody = Browser::default();
    let repository = "/api/v3/repos/acme/shop";
    for path in [repository, "/api/v3/installation/repositories", "/api/v3/app/installations", "/api/v3/user"] {
        assert_eq!(nobody.get(&address, path).status, 401, "{path}");
    }
    let asked = nobody.send(&address, &format!("GET {repository}"), &[("authorization", "Bearer ghs_guessed")], "");
    assert_eq!(asked.status, 401);
    let question = r#"{"query": "query { repository(owner: \"acme\", name: \"shop\") { nameWithOwner } }"}"#;
    assert_eq!(
        nobody.send(&address, "POST /api/graphql", &[("content-type", "application/json")], question).status,
        401
    );
    assert_eq!(nobody.get(&address, "/_services/token/request?audience=x").status, 401);
    let trade = "client_id=Iv23liSANDBOX&client_secret=guessed&code=guessed";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert!(nobody.send(&address, "POST /login/oauth/access_token", &form, trade).text().contains("incorrect_client"));
}
