//! The pages in a real browser, where `./tests/run pages` brings one.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use chrono::TimeDelta;

use super::super::messages::webhook;
use super::super::{periods, reviews, spans};
use super::shown::{POLICY, evidence, evil};
use super::{App, RELEASE, told, until};
use crate::support::github::login::{CLIENT, CLIENT_SECRET};
use crate::support::receiver::{Answer, Receiver};

#[test]
fn a_real_browser_finds_nothing_that_shuts_people_out() {
    if std::env::var_os("TEST_PAGES").is_none() {
        eprintln!("skipped: no browser looks at the pages here; `./tests/run pages` brings one");
        return;
    }
    let github = evil();
    // Nobody takes what is sent there, and that is given up.
    let gone = Receiver::start();
    gone.next((0..20).map(|_| Answer::Status(410, String::new())));
    let url = format!("http://{}/x", gone.address);
    let policy = POLICY
        .replace("accountable: 1", "accountable: 2")
        .replace("timezone: Europe/London", "timezone: Europe/London, business_hours: 24/7")
        .replace("roles:\n", "roles:\n  auditor: { members: [\"github:bo\"], may: [read] }\n")
        + "survey: { every: week, ask: approvers }\nreports: { every: week, to: [auditor], kinds: [population] }\n"
        + &format!("notify: {{ webhook: '{url}' }}\n");
    github.with(|world| {
        world.contents.insert(".countersign/policy.yml".to_owned(), policy.clone());
        world.admins.push("bo".to_owned());
        let pull = world.pulls.get_mut(&12).unwrap();
        "Faster baskets, and <b>bold</b> ones".clone_into(&mut pull.title);
        pull.labels = vec!["speed".to_owned(), "checkout".to_owned()];
        pull.closes = vec![Some(7)];
    });
    let app = App::new(&github);
    // A release of last week was held by its tests, went by another policy, and left something to be done; its reports and its
    // survey are there.
    let then = policy
        .replace("accountable: 2", "accountable: 1")
        .replace("github:@acme/shop-leads", "github:bo")
        .replace("environments:\n", "environments:\n  staging: { approval: automatic }\n")
        .replace("tests.failed == 0\" }", "tests.failed == 0\", environments: [staging] }");
    for (text, hours) in [(&policy, 30), (&then, 31)] {
        periods::decided(&app, text, periods::week().from + TimeDelta::hours(hours));
    }
    // The address that browsers use has to be known before the app takes it.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let address = format!("http://{free}");
    github.callback(&format!("{address}/login/back"));
    github.person(Some("bo"));
    app.world.write("client", CLIENT_SECRET).write("with.json", evidence(2)).write("new", webhook::SECRET);
    let hook = format!("--message-webhook={url}=new");
    let pages = ["--client-id", CLIENT, "--client-secret-file", "client", "--public-url", &address, "--listen", &free];
    let _served = app.start_with(
        &app.options_without("--listen"),
        &[&pages[..], &["--sweep", "1", "--with", "with.json", "--private-webhooks", &hook]].concat(),
    );
    until("a report", || !told(&github).reports.is_empty());
    reviews(&github, "carla", "APPROVED");
    until("a second decision", || app.events("release_decided").len() > 1);
    until("the reports", || !app.events("reports_made").is_empty() && !app.events("survey_begun").is_empty());
    until("what was given up", || app.events("message_attempted").iter().any(|it| it["outcome"] == "given_up"));
    let both = spans::with_pages();
    let left = format!(
        "/release?repository=acme/shop&release={}&environment=production",
        periods::RELEASE.replace(' ', "%20")
    );
    let survey = format!("/survey?repository=acme/shop&period={}", periods::week().label);
    let folder = std::env::var_os("TEST_PAGES_SHOTS").map_or_else(|| app.world.path().to_owned(), PathBuf::from);
    let root = env!("CARGO_MANIFEST_DIR");
    let tools = std::env::var_os("TOOLS").map_or_else(|| PathBuf::from(root).join("target/tools"), PathBuf::from);
    let at = |moment: &str| format!("{RELEASE}&at={moment}");
    let seen = Command::new("node")
        .arg(format!("{root}/tests/pages.mjs"))
        .arg(tools.join("npm/node_modules"))
        .args([&address, &folder.display().to_string(), RELEASE])
        .args([
            left,
            "/reports".to_owned(),
            "/reports?repository=acme/shop".to_owned(),
            survey,
            "/given-up".to_owned(),
            "/agendas".to_owned(),
        ])
        .args([at("2020-01-01T00:00:00Z"), at("2"), at("yesterday"), "/nothing".to_owned()])
        .arg(format!("{}/login", both.url))
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
    eprintln!("{said}");
    assert!(seen.status.success(), "{said}");
}
